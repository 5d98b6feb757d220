/* augment.c - random crop, left-right flip, brightness and contrast, then normalisation.
 *
 * Values are not clipped in between: the reader that this follows works in floats throughout. */
#include "data/augment.h"

static const double BRIGHTNESS = 63, CONTRAST_LEAST = 0.2, CONTRAST_MOST = 1.8;

static void flip_columns(float *values, dcn_shape s)
{
    for (int y = 0; y < s.h; y++) {
        float *row = values + (size_t)y * (size_t)s.w * (size_t)s.c;

        for (int x = 0; x < s.w / 2; x++) {
            float *left = row + x * s.c, *right = row + (s.w - 1 - x) * s.c;

            for (int c = 0; c < s.c; c++) {
                const float kept = left[c];

                left[c] = right[c];
                right[c] = kept;
            }
        }
    }
}

/* x <- (x + delta - mean) * factor + mean with the channel's mean after brightness. */
static void distort_light(float *values, dcn_shape s, double delta, double factor)
{
    const int64_t n = (int64_t)s.h * s.w;

    for (int c = 0; c < s.c; c++) {
        double mean = 0;

        for (int64_t i = 0; i < n; i++)
            mean += values[i * s.c + c] + delta;
        mean /= (double)n;
        for (int64_t i = 0; i < n; i++)
            values[i * s.c + c] = (float)((values[i * s.c + c] + delta - mean) * factor + mean);
    }
}

dcn_status dcn__augment_picture(const dcn_preprocess *p, const dcn_image *image,
                                dcn__random *random, dcn__scratch *scratch, float *out,
                                dcn_error *err)
{
    dcn__fit fit;
    dcn_status st;
    double delta, factor;
    int y, x, flip;

    if ((st = dcn__fit_picture(&fit, p, image, err)))
        return st;
    y = (int)dcn__random_below(random, (uint64_t)(fit.h - p->shape.h) + 1);
    x = (int)dcn__random_below(random, (uint64_t)(fit.w - p->shape.w) + 1);
    flip = (int)dcn__random_below(random, 2);
    delta = (2 * dcn__random_unit(random) - 1) * BRIGHTNESS;
    factor = CONTRAST_LEAST + dcn__random_unit(random) * (CONTRAST_MOST - CONTRAST_LEAST);
    if ((st = dcn__cut(p, image, &fit, y, x, scratch, out, err)))
        return st;
    if (flip)
        flip_columns(out, p->shape);
    distort_light(out, p->shape, delta, factor);
    dcn__normalize(p, out, false);
    return DCN_OK;
}
