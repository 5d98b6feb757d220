/* preprocess.c - from a picture to a network's input: fit, centre crop, channels, normalisation.
 *
 * Two geometries: that of the tutorial's reader (TensorFlow's), and with `side` torchvision's.
 * Random distortions are augment.c's, texts and names preprocess_text.c's. */
#include "data/preprocess.h"

#include "base/memory.h"
#include "data/scale.h"

#include <math.h>
#include <string.h>

enum { SCALED_MAX = 1 << 20 };

/* ---- working memory ------------------------------------------------------------------ */

uint8_t *dcn__scratch_reserve(dcn__scratch *s, size_t bytes)
{
    if (bytes > s->capacity) {
        uint8_t *grown = dcn__alloc(bytes);

        if (!grown)
            return NULL;
        dcn__free(s->bytes);
        s->bytes = grown;
        s->capacity = bytes;
    }
    return s->bytes;
}

void dcn__scratch_clear(dcn__scratch *s)
{
    dcn__free(s->bytes);
    memset(s, 0, sizeof *s);
}

/* ---- the steps ----------------------------------------------------------------------- */

static int scaled_side(int side, double scale, int least)
{
    const int n = (int)floor(side * scale + 0.5);

    return n < least ? least : n;
}

static dcn_status too_thin(const dcn_preprocess *p, const dcn_image *image, dcn_error *err)
{
    return dcn__fail(err, DCN_INPUT, "picture",
                     "is %dx%d, too long and thin to be scaled over %dx%d; cut it first",
                     image->h, image->w, p->shape.h, p->shape.w);
}

/* The shorter side becomes `side`, the longer is rounded down. False: it would be too long, or not
 * hold the crop. */
static bool fit_side(dcn__fit *fit, const dcn_preprocess *p, const dcn_image *image)
{
    const bool tall = image->h > image->w;
    const int shorter = tall ? image->w : image->h, longer = tall ? image->h : image->w;
    const int64_t other = (int64_t)p->side * longer / shorter;

    if (other > SCALED_MAX)
        return false;
    *fit = (dcn__fit){ .h = tall ? (int)other : p->side, .w = tall ? p->side : (int)other };
    return fit->h >= p->shape.h && fit->w >= p->shape.w;
}

dcn_status dcn__fit_picture(dcn__fit *fit, const dcn_preprocess *p, const dcn_image *image,
                            dcn_error *err)
{
    const int h = p->shape.h, w = p->shape.w;
    const double sy = (double)h / image->h, sx = (double)w / image->w, scale = sy > sx ? sy : sx;

    *fit = (dcn__fit){ image->h, image->w };
    if (!p->resize && scale <= 1)
        return DCN_OK;
    if (p->resize && p->side && fit_side(fit, p, image))
        return DCN_OK;
    if (image->h * scale > SCALED_MAX || image->w * scale > SCALED_MAX)
        return too_thin(p, image, err);
    *fit = (dcn__fit){ scaled_side(image->h, scale, h), scaled_side(image->w, scale, w) };
    return DCN_OK;
}

/* Where the crop begins. 32 -> 24 starts at 4. An odd rest leaves the larger half behind, as in
 * TensorFlow; torchvision rounds the half to the even number. */
static int crop_start(const dcn_preprocess *p, int scaled, int side)
{
    const int rest = scaled - side;

    return rest / 2 + (p->resize && p->side && rest % 4 == 3);
}

/* window: (h,w,c) with `stride` bytes a row -> out (h,w,to). Rec. 601 luma as in TensorFlow's
 * rgb_to_grayscale, but not rounded to a byte. */
static void to_floats(float *out, int to, const uint8_t *window, int h, int w, int c, size_t stride)
{
    for (int y = 0; y < h; y++) {
        const uint8_t *row = window + (size_t)y * stride;

        if (c == to) {
            for (int i = 0; i < w * c; i++)
                *out++ = row[i];
        } else if (c == 1) {
            for (int x = 0; x < w; x++, out += 3)
                out[0] = out[1] = out[2] = row[x];
        } else {
            for (int x = 0; x < w; x++)
                *out++ = 0.2989f * row[3 * x] + 0.5870f * row[3 * x + 1] + 0.1140f * row[3 * x + 2];
        }
    }
}

/* What scaling takes beside the window. */
static size_t cut_room(const dcn_preprocess *p, const dcn_image *image, const dcn__fit *fit)
{
    return dcn__scale_room(p->shape.h, p->shape.w, image, fit->h, fit->w);
}

dcn_status dcn__cut_prepare(const dcn_preprocess *p, const dcn_image *image, dcn__scratch *scratch,
                            dcn_error *err)
{
    size_t bytes = (size_t)p->shape.h * (size_t)p->shape.w * (size_t)image->c;
    dcn__fit fit;
    dcn_status st = dcn__fit_picture(&fit, p, image, err);

    if (st || (fit.h == image->h && fit.w == image->w))
        return st;
    bytes += cut_room(p, image, &fit);
    return dcn__scratch_reserve(scratch, bytes) ? DCN_OK
                                                : dcn__fail_memory(err, "a scaled picture", bytes);
}

dcn_status dcn__cut(const dcn_preprocess *p, const dcn_image *image, const dcn__fit *fit, int y,
                    int x, dcn__scratch *scratch, float *out, dcn_error *err)
{
    const int h = p->shape.h, w = p->shape.w, c = image->c;
    const size_t room = cut_room(p, image, fit), bytes = room + (size_t)h * (size_t)w * (size_t)c;
    uint8_t *window;

    if (fit->h == image->h && fit->w == image->w) {
        to_floats(out, p->shape.c,
                  image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * (size_t)c, h, w, c,
                  (size_t)image->w * (size_t)c);
        return DCN_OK;
    }
    if (!(window = dcn__scratch_reserve(scratch, bytes)))
        return dcn__fail_memory(err, "a scaled picture", bytes);
    window += room;
    dcn__scale_window_in(scratch->bytes, window, h, w, image, fit->h, fit->w, y, x);
    to_floats(out, p->shape.c, window, h, w, c, (size_t)w * (size_t)c);
    return DCN_OK;
}

/* A chain of additions waits for each; sums of whole numbers are exact in any order. */
static double sum_of(const float *values, int64_t n, bool whole)
{
    double sum = 0, part[8] = { 0 };
    int64_t i = 0;

    for (; whole && i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            part[k] += values[i + k];
    for (int k = 0; k < 8; k++)
        sum += part[k];
    for (; i < n; i++)
        sum += values[i];
    return sum;
}

static void standardize(float *values, int64_t n, bool whole)
{
    const double mean = sum_of(values, n, whole) / (double)n;
    double squares = 0, deviation, least, factor;

    for (int64_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    deviation = sqrt(squares / (double)n);
    least = 1 / sqrt((double)n);
    factor = 1 / (deviation > least ? deviation : least);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)((values[i] - mean) * factor);
}

void dcn__normalize(const dcn_preprocess *p, float *values, bool whole)
{
    const int c = p->shape.c;
    const int64_t n = (int64_t)p->shape.h * p->shape.w * c;

    if (p->normalize == DCN_NORMALIZE_NONE) {
        for (int64_t i = 0; i < n; i++)
            values[i] = values[i] / 255.0f;
    } else if (p->normalize == DCN_NORMALIZE_MEAN) {
        for (int64_t i = 0; i < n; i += c)
            for (int k = 0; k < c; k++)
                values[i + k] = (values[i + k] / 255.0f - p->mean[k]) / p->std[k];
    } else {
        standardize(values, n, whole);
    }
    for (int64_t i = 0; p->bgr && i < n; i += 3) {
        const float red = values[i];

        values[i] = values[i + 2];
        values[i + 2] = red;
    }
}

static dcn_status check_picture(const dcn_image *image, dcn_error *err)
{
    if (!image->pixels || image->h < 1 || image->w < 1 || image->h > SCALED_MAX ||
        image->w > SCALED_MAX || (image->c != 1 && image->c != 3))
        return dcn__fail(err, DCN_USAGE, "picture", "has shape %dx%dx%d; pass (H,W,C), C 1 or 3",
                         image->h, image->w, image->c);
    return DCN_OK;
}

dcn_status dcn__preprocess_picture(const dcn_preprocess *p, const dcn_image *image,
                                   dcn__scratch *scratch, float *out, dcn_error *err)
{
    dcn__fit fit;
    dcn_status st;

    if ((st = dcn__fit_picture(&fit, p, image, err)))
        return st;
    st = dcn__cut(p, image, &fit, crop_start(p, fit.h, p->shape.h),
                  crop_start(p, fit.w, p->shape.w), scratch, out, err);
    if (!st)
        dcn__normalize(p, out, image->c <= p->shape.c);
    return st;
}

dcn_status dcn_preprocess_image(const dcn_preprocess *p, const dcn_image *image, float *out,
                                dcn_error *err)
{
    dcn__scratch scratch = { 0 };
    dcn_status st;

    if ((st = dcn__preprocess_check(p, err)) || (st = check_picture(image, err)))
        return st;
    st = dcn__preprocess_picture(p, image, &scratch, out, err);
    dcn__scratch_clear(&scratch);
    return st;
}
