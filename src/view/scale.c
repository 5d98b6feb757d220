/* scale.c - the three maps from float values to bytes: TensorFlow 1's, the signed one and the
 * photo's (docs/formats/pictures.md).
 *
 * A pixel with a value that is not finite has no place on any scale: it is painted red (grey
 * pictures: white), as TensorFlow does. */
#include "view/scale.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

static bool pixel_is_finite(const float *v, int channels)
{
    for (int c = 0; c < channels; c++)
        if (!isfinite(v[c]))
            return false;
    return true;
}

static void paint_bad(uint8_t *out, int channels)
{
    memset(out, 0, (size_t)channels);
    out[0] = 255;
}

dcn__range dcn__range_empty(void)
{
    return (dcn__range){ INFINITY, -INFINITY };
}

void dcn__range_add(dcn__range *range, const float *values, size_t pixels, int channels)
{
    for (size_t i = 0; i < pixels; i++, values += channels) {
        if (!pixel_is_finite(values, channels))
            continue;
        for (int c = 0; c < channels; c++) {
            range->min = values[c] < range->min ? values[c] : range->min;
            range->max = values[c] > range->max ? values[c] : range->max;
        }
    }
}

/* ---- TensorFlow 1 ------------------------------------------------------------------------ */

dcn__tf1_map dcn__tf1_map_of(dcn__range range)
{
    const float threshold = 1e-6f;   /* below it TensorFlow takes everything for zero */

    if (range.min < 0) {
        const float most = fmaxf(fabsf(range.min), fabsf(range.max));

        return (dcn__tf1_map){ most < threshold ? 0.0f : 127.0f / most, 128.0f };
    }
    return (dcn__tf1_map){ range.max < threshold ? 0.0f : 255.0f / range.max, 0.0f };
}

/* The product and the sum are rounded one after the other (the build forbids their fusion): with
 * the truncating cast a single fused rounding would show as another byte. */
void dcn__tf1_apply(dcn__tf1_map map, const float *values, size_t pixels, int channels,
                    uint8_t *out)
{
    for (size_t i = 0; i < pixels; i++, values += channels, out += channels) {
        if (!pixel_is_finite(values, channels)) {
            paint_bad(out, channels);
            continue;
        }
        for (int c = 0; c < channels; c++) {
            const float scaled = values[c] * map.scale;
            const float byte = scaled + map.offset;

            out[c] = (uint8_t)(byte < 0 ? 0 : byte > 255 ? 255 : byte);
        }
    }
}

void dcn_scale_tf1(const float *values, dcn_shape shape, uint8_t *out)
{
    const size_t pixels = (size_t)shape.h * (size_t)shape.w;
    dcn__range range = dcn__range_empty();

    dcn__range_add(&range, values, pixels, shape.c);
    dcn__tf1_apply(dcn__tf1_map_of(range), values, pixels, shape.c, out);
}

/* ---- signed panels ------------------------------------------------------------------------- */

/* The bits of a magnitude: they order as the magnitudes do. 0 for what does not count. */
static uint32_t magnitude_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    bits &= 0x7fffffffu;
    return bits < 0x7f800000u ? bits : 0;
}

/* The bin in which entry number k (from 0) stands; *k becomes its number there. */
static uint32_t bin_of(const uint32_t *bins, size_t *k)
{
    uint32_t i = 0;

    for (; *k >= bins[i]; i++)
        *k -= bins[i];
    return i;
}

/* Zeros do not count: the picture of one unit is zero almost everywhere, and a percentile over all
 * pixels would find no scale for it. */
dcn_status dcn__signed_scale(float *scale, const float *values, size_t count, dcn_error *err)
{
    /* Two counts instead of a selection: the upper half of the bits, then the lower of one bin. */
    uint32_t *bins = dcn__alloc_array(1 << 16, sizeof *bins), upper, bits;
    size_t n = 0, k;

    *scale = 0;
    if (!bins)
        return dcn__fail_memory(err, "the scale of a panel", sizeof *bins << 16);
    for (size_t i = 0; i < count; i++) {
        bits = magnitude_bits(values[i]);
        n += bits != 0;
        bins[bits >> 15] += bits != 0;
    }
    if (n) {
        k = (n * 199 + 199) / 200 - 1;                            /* nearest rank */
        upper = bin_of(bins, &k);
        memset(bins, 0, sizeof *bins << 16);
        for (size_t i = 0; i < count; i++) {
            bits = magnitude_bits(values[i]);
            bins[bits & 0x7fff] += bits && bits >> 15 == upper;
        }
        bits = upper << 15 | bin_of(bins, &k);
        memcpy(scale, &bits, sizeof *scale);
    }
    dcn__free(bins);
    return DCN_OK;
}

void dcn__signed_apply(float scale, const float *values, size_t pixels, int channels, uint8_t *out)
{
    for (size_t i = 0; i < pixels; i++, values += channels, out += channels) {
        if (!pixel_is_finite(values, channels)) {
            paint_bad(out, channels);
            continue;
        }
        for (int c = 0; c < channels; c++) {
            const double t = scale > 0 ? (double)values[c] / (double)scale : 0;

            out[c] = (uint8_t)lrint(128 + 127 * (t < -1 ? -1 : t > 1 ? 1 : t));
        }
    }
}

/* ---- photos -------------------------------------------------------------------------------- */

void dcn__photo_apply(dcn__range range, const float *values, size_t pixels, int channels,
                      uint8_t *out)
{
    const double span = (double)range.max - (double)range.min;

    for (size_t i = 0; i < pixels; i++, values += channels, out += channels) {
        if (!pixel_is_finite(values, channels)) {
            paint_bad(out, channels);
            continue;
        }
        /* A picture of one tone has no contrast to stretch: middle grey. */
        for (int c = 0; c < channels; c++) {
            const double above = ((double)values[c] - (double)range.min) / span;

            out[c] = (uint8_t)(!(span > 0) ? 128 : above <= 0 ? 0 : above >= 1 ? 255
                               : lrint(255 * above));
        }
    }
}
