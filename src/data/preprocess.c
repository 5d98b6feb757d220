/* preprocess.c - from a picture to a network's input: fit, centre crop, channels, normalisation.
 *
 * The arithmetic is that of the tutorial's reader (TensorFlow's per_image_standardization), with
 * sums in double. Random distortions are augment.c's. */
#include "data/preprocess.h"

#include "base/memory.h"
#include "base/text.h"
#include "data/resize.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 32768, PIXELS_MAX = 64 << 20, SCALED_MAX = 1 << 20 };

static const char *const normalize_names[] = { "standardize", "none" };
enum { N_NORMALIZE = sizeof normalize_names / sizeof *normalize_names };

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

/* ---- as text ------------------------------------------------------------------------- */

size_t dcn_preprocess_text(const dcn_preprocess *p, char *text, size_t size)
{
    const int kind = p->normalize == DCN_NORMALIZE_NONE;
    const int n = snprintf(text, size, "%dx%dx%d %s%s", p->shape.h, p->shape.w, p->shape.c,
                           normalize_names[kind], p->resize ? " resize" : "");

    return n < 0 ? 0 : (size_t)n;
}

/* The next word of *text, which is moved behind it; its length, 0 at the end. */
static size_t next_word(const char **text, const char **word)
{
    const char *p = *text;

    p += strspn(p, " ");
    *word = p;
    p += strcspn(p, " ");
    *text = p;
    return (size_t)(p - *word);
}

static bool parse_shape(dcn_shape *shape, const char *word, size_t length)
{
    const char *first = memchr(word, 'x', length), *second;
    int64_t h, w, c;

    if (!first)
        return false;
    second = memchr(first + 1, 'x', length - (size_t)(first + 1 - word));
    if (!second ||
        !dcn__parse_int(word, (size_t)(first - word), 1, SIDE_MAX, &h) ||
        !dcn__parse_int(first + 1, (size_t)(second - first - 1), 1, SIDE_MAX, &w) ||
        !dcn__parse_int(second + 1, length - (size_t)(second + 1 - word), 1, 3, &c))
        return false;
    *shape = (dcn_shape){ (int)h, (int)w, (int)c };
    return true;
}

dcn_status dcn_preprocess_parse(dcn_preprocess *p, const char *text, dcn_error *err)
{
    const char *rest = text, *word;
    size_t length;
    int kind = -1;

    memset(p, 0, sizeof *p);
    length = next_word(&rest, &word);
    if (!parse_shape(&p->shape, word, length))
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "\"%.40s\" does not begin with a shape of 1..%d x 1..%d x 1..3; "
                         "write it as \"24x24x3 standardize\"", text, SIDE_MAX, SIDE_MAX);
    length = next_word(&rest, &word);
    for (int i = 0; i < N_NORMALIZE; i++)
        if (length == strlen(normalize_names[i]) && memcmp(word, normalize_names[i], length) == 0)
            kind = i;
    if (kind < 0)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "\"%.40s\" names no normalisation after the shape; "
                         "write standardize or none", text);
    p->normalize = kind ? DCN_NORMALIZE_NONE : DCN_NORMALIZE_STANDARDIZE;
    length = next_word(&rest, &word);
    if (length == 6 && memcmp(word, "resize", 6) == 0) {
        p->resize = 1;
        length = next_word(&rest, &word);
    }
    if (length)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "\"%.*s\" is not known here; only \"resize\" may follow the normalisation",
                         (int)(length < 40 ? length : 40), word);
    return dcn__preprocess_check(p, err);
}

dcn_status dcn__preprocess_check(const dcn_preprocess *p, dcn_error *err)
{
    const dcn_shape s = p->shape;

    if (s.h < 1 || s.w < 1 || s.h > SIDE_MAX || s.w > SIDE_MAX ||
        (int64_t)s.h * s.w > PIXELS_MAX)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "an input of %dx%d pixels is outside 1x1..%d a side and %d in all; "
                         "choose a smaller input", s.h, s.w, SIDE_MAX, PIXELS_MAX);
    if (s.c != 1 && s.c != 3)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "a picture cannot become %d channels; use 1 (grey) or 3 (RGB)", s.c);
    return DCN_OK;
}

/* ---- the steps ----------------------------------------------------------------------- */

static int scaled_side(int side, double scale, int least)
{
    const int n = (int)floor(side * scale + 0.5);

    return n < least ? least : n;
}

dcn_status dcn__fit_picture(dcn__fit *fit, const dcn_preprocess *p, const dcn_image *image,
                            dcn_error *err)
{
    const int h = p->shape.h, w = p->shape.w;
    const double sy = (double)h / image->h, sx = (double)w / image->w, scale = sy > sx ? sy : sx;

    *fit = (dcn__fit){ image->h, image->w };
    if (!p->resize && scale <= 1)
        return DCN_OK;
    if (image->h * scale > SCALED_MAX || image->w * scale > SCALED_MAX)
        return dcn__fail(err, DCN_INPUT, "picture",
                         "is %dx%d, too long and thin to be scaled over %dx%d; cut it first",
                         image->h, image->w, h, w);
    *fit = (dcn__fit){ scaled_side(image->h, scale, h), scaled_side(image->w, scale, w) };
    return DCN_OK;
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

dcn_status dcn__cut(const dcn_preprocess *p, const dcn_image *image, const dcn__fit *fit, int y,
                    int x, dcn__scratch *scratch, float *out, dcn_error *err)
{
    const int h = p->shape.h, w = p->shape.w, c = image->c;
    const size_t bytes = (size_t)h * (size_t)w * (size_t)c;
    uint8_t *window;
    dcn_status st;

    if (fit->h == image->h && fit->w == image->w) {
        to_floats(out, p->shape.c,
                  image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * (size_t)c, h, w, c,
                  (size_t)image->w * (size_t)c);
        return DCN_OK;
    }
    if (!(window = dcn__scratch_reserve(scratch, bytes)))
        return dcn__fail_memory(err, "a scaled picture", bytes);
    if ((st = dcn__resize_window(window, h, w, image, fit->h, fit->w, y, x, err)))
        return st;
    to_floats(out, p->shape.c, window, h, w, c, (size_t)w * (size_t)c);
    return DCN_OK;
}

void dcn__normalize(const dcn_preprocess *p, float *values)
{
    const int64_t n = (int64_t)p->shape.h * p->shape.w * p->shape.c;
    double sum = 0, squares = 0, mean, deviation, least, factor;

    if (p->normalize == DCN_NORMALIZE_NONE) {
        for (int64_t i = 0; i < n; i++)
            values[i] = values[i] / 255.0f;
        return;
    }
    for (int64_t i = 0; i < n; i++)
        sum += values[i];
    mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    deviation = sqrt(squares / (double)n);
    least = 1 / sqrt((double)n);
    factor = 1 / (deviation > least ? deviation : least);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)((values[i] - mean) * factor);
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
    /* 32 -> 24 starts at 4. An odd rest leaves the larger half behind, as in TensorFlow. */
    st = dcn__cut(p, image, &fit, (fit.h - p->shape.h) / 2, (fit.w - p->shape.w) / 2, scratch, out,
                  err);
    if (!st)
        dcn__normalize(p, out);
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
