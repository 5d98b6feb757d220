/* preprocess_text.c - what is done to a picture as text, which model files hold, and the usual ways
 * by name; and what of it is not allowed.
 *
 * "24x24x3 standardize" and "24x24x3 none resize" stand in model files: they stay what they are. */
#include "data/preprocess.h"

#include "base/locale.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 32768, PIXELS_MAX = 64 << 20, TEXT_MAX = 256 };

/* Beyond these a mean or a deviation is surely meant in another unit. */
static const double unit_max = 8, std_min = 1e-6;

/* ---- to text ------------------------------------------------------------------------- */

/* The shortest decimal number that is this float again. */
static void print_float(char *text, size_t size, float value)
{
    for (int digits = 6; digits <= 9; digits++) {
        double again;
        const int n = snprintf(text, size, "%.*g", digits, (double)value);

        if (n > 0 && dcn__parse_double(text, (size_t)n, &again) && (float)again == value)
            return;
    }
}

static int print_channels(char *text, size_t size, const char *key, const float *values, int c)
{
    char number[3][24] = { "", "", "" };

    for (int i = 0; i < c; i++)
        print_float(number[i], sizeof number[i], values[i]);
    return c == 1 ? snprintf(text, size, " %s=%s", key, number[0])
                  : snprintf(text, size, " %s=%s,%s,%s", key, number[0], number[1], number[2]);
}

static int print_all(char *text, size_t size, const dcn_preprocess *p)
{
    const int c = p->shape.c == 1 ? 1 : 3;
    int n = snprintf(text, size, "%dx%dx%d", p->shape.h, p->shape.w, p->shape.c);

    if (p->normalize != DCN_NORMALIZE_MEAN)
        n += snprintf(text + n, size - (size_t)n, " %s",
                      p->normalize == DCN_NORMALIZE_NONE ? "none" : "standardize");
    if (p->resize && p->side)
        n += snprintf(text + n, size - (size_t)n, " side=%d", p->side);
    else if (p->resize)
        n += snprintf(text + n, size - (size_t)n, " resize");
    if (p->normalize == DCN_NORMALIZE_MEAN) {
        n += print_channels(text + n, size - (size_t)n, "mean", p->mean, c);
        n += print_channels(text + n, size - (size_t)n, "std", p->std, c);
    }
    if (p->bgr)
        n += snprintf(text + n, size - (size_t)n, " bgr");
    return n;
}

size_t dcn_preprocess_text(const dcn_preprocess *p, char *text, size_t size)
{
    char whole[TEXT_MAX];
    const locale_t before = dcn__locale_enter();
    const int n = print_all(whole, sizeof whole, p);

    dcn__locale_leave(before);
    snprintf(text, size, "%s", whole);
    return (size_t)n;
}

/* ---- from text ----------------------------------------------------------------------- */

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

/* "0.485,0.456,0.406", or one number for all channels. */
static bool parse_channels(float out[3], const char *text, size_t length, int c)
{
    const char *end = text + length;
    int n = 0;

    for (;; n++) {
        const char *comma = memchr(text, ',', (size_t)(end - text)), *stop = comma ? comma : end;
        double value;

        if (n == 3 || !dcn__parse_double(text, (size_t)(stop - text), &value) ||
            fabs(value) > 1e30)
            return false;
        out[n] = (float)value;
        if (!comma)
            break;
        text = comma + 1;
    }
    for (int i = 1; n == 0 && i < 3; i++)
        out[i] = out[0];
    return n == 0 || (n == 2 && c == 3);
}

enum word { STANDARDIZE, NONE, RESIZE, SIDE, MEAN, STD, BGR, N_WORDS };
static const char *const words[N_WORDS] = { "standardize", "none", "resize", "side=", "mean=",
                                            "std=", "bgr" };

static int find_word(const char *word, size_t length)
{
    for (int i = 0; i < N_WORDS; i++) {
        const size_t n = strlen(words[i]);

        if (words[i][n - 1] == '=' ? length > n && memcmp(word, words[i], n) == 0
                                   : length == n && memcmp(word, words[i], n) == 0)
            return i;
    }
    return -1;
}

static dcn_status take_word(dcn_preprocess *p, int which, const char *word, size_t length,
                            dcn_error *err)
{
    const size_t key = strlen(words[which]);
    int64_t side = 0;
    bool fits = true;

    if (which == SIDE)
        fits = dcn__parse_int(word + key, length - key, 1, SIDE_MAX, &side);
    else if (which == MEAN || which == STD)
        fits = parse_channels(which == MEAN ? p->mean : p->std, word + key, length - key,
                              p->shape.c);
    if (!fits)
        return dcn__fail(err, DCN_USAGE, "preprocess", "\"%.*s\" is not understood; write %s",
                         (int)(length < 60 ? length : 60), word,
                         which == SIDE ? "side=1 to side=32768" : "one number, or one for each "
                         "channel as in mean=0.485,0.456,0.406");
    p->side += (int)side;
    p->resize |= which == RESIZE || which == SIDE;
    p->bgr |= which == BGR;
    if (which == NONE)
        p->normalize = DCN_NORMALIZE_NONE;
    else if (which == MEAN || which == STD)
        p->normalize = DCN_NORMALIZE_MEAN;
    return DCN_OK;
}

/* seen: bit i, words[i] stood there. */
static dcn_status check_words(unsigned seen, const char *text, dcn_error *err)
{
    const bool mean = seen & 1u << MEAN, std = seen & 1u << STD;
    const int n = !!(seen & 1u << STANDARDIZE) + !!(seen & 1u << NONE) + (mean || std);

    if (n == 0)
        return dcn__fail(err, DCN_USAGE, "preprocess", "\"%.40s\" names no normalisation after the "
                         "shape; write standardize, none, or mean= and std=", text);
    if (n > 1 || mean != std)
        return dcn__fail(err, DCN_USAGE, "preprocess", "\"%.80s\" does not have exactly one "
                         "normalisation; write standardize, none, or mean= and std= together",
                         text);
    return DCN_OK;
}

dcn_status dcn_preprocess_parse(dcn_preprocess *p, const char *text, dcn_error *err)
{
    const char *rest = text, *word;
    unsigned seen = 0;
    size_t length;
    dcn_status st;

    memset(p, 0, sizeof *p);
    length = next_word(&rest, &word);
    if (!parse_shape(&p->shape, word, length))
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "\"%.40s\" does not begin with a shape of 1..%d x 1..%d x 1..3; "
                         "write it as \"24x24x3 standardize\"", text, SIDE_MAX, SIDE_MAX);
    while ((length = next_word(&rest, &word))) {
        const int which = find_word(word, length);

        if (which < 0)
            return dcn__fail(err, DCN_USAGE, "preprocess", "\"%.*s\" is not known here; after the "
                             "shape there may be standardize, none, mean=, std=, resize, side= "
                             "and bgr", (int)(length < 40 ? length : 40), word);
        if (seen & 1u << which)
            return dcn__fail(err, DCN_USAGE, "preprocess", "\"%s\" stands there twice; leave one",
                             words[which]);
        seen |= 1u << which;
        if ((st = take_word(p, which, word, length, err)))
            return st;
    }
    if ((st = check_words(seen, text, err)))
        return st;
    return dcn__preprocess_check(p, err);
}

/* ---- what is allowed ----------------------------------------------------------------- */

/* Also of numbers that did not come from text. */
static dcn_status check_units(const dcn_preprocess *p, dcn_error *err)
{
    for (int i = 0; p->normalize == DCN_NORMALIZE_MEAN && i < p->shape.c; i++) {
        const double mean = (double)p->mean[i], std = (double)p->std[i];

        if (!(fabs(mean) <= unit_max && std >= std_min && std <= unit_max))
            return dcn__fail(err, DCN_USAGE, "preprocess", "mean %g with std %g does not normalise "
                             "x / 255; divide figures for 0..255 by 255", mean, std);
    }
    return DCN_OK;
}

dcn_status dcn__preprocess_check(const dcn_preprocess *p, dcn_error *err)
{
    const dcn_shape s = p->shape;
    const int shorter = s.h < s.w ? s.h : s.w;

    if (s.h < 1 || s.w < 1 || s.h > SIDE_MAX || s.w > SIDE_MAX ||
        (int64_t)s.h * s.w > PIXELS_MAX)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "an input of %dx%d pixels is outside 1x1..%d a side and %d in all; "
                         "choose a smaller input", s.h, s.w, SIDE_MAX, PIXELS_MAX);
    if (s.c != 1 && s.c != 3)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "a picture cannot become %d channels; use 1 (grey) or 3 (RGB)", s.c);
    if (p->bgr && s.c == 1)
        return dcn__fail(err, DCN_USAGE, "preprocess",
                         "one channel has no order of colours; leave bgr away");
    if (p->resize && p->side && (p->side < shorter || p->side > SIDE_MAX))
        return dcn__fail(err, DCN_USAGE, "preprocess", "a shorter side of %d does not hold a crop "
                         "of %dx%d; take %d to %d", p->side, s.h, s.w, shorter, SIDE_MAX);
    return check_units(p, err);
}

/* ---- by name ------------------------------------------------------------------------- */

struct way {
    dcn_normalize normalize;
    int scaled;                   /* trained on the middle 224 of a shorter side of 256 */
    float mean[3], std[3];
    int bgr;
};

static const char *const way_names[] = { "imagenet", "caffe", "tf", "cifar10", "standardize",
                                         "none" };
enum { N_WAYS = sizeof way_names / sizeof *way_names };

static const struct way ways[N_WAYS] = {
    { DCN_NORMALIZE_MEAN, 1, { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f }, 0 },
    { DCN_NORMALIZE_MEAN, 1,
      { (float)(123.68 / 255), (float)(116.779 / 255), (float)(103.939 / 255) },
      { (float)(1.0 / 255), (float)(1.0 / 255), (float)(1.0 / 255) }, 1 },
    { DCN_NORMALIZE_MEAN, 1, { 0.5f, 0.5f, 0.5f }, { 0.5f, 0.5f, 0.5f }, 0 },
    { DCN_NORMALIZE_MEAN, 0, { 0.4914f, 0.4822f, 0.4465f }, { 0.2470f, 0.2435f, 0.2616f }, 0 },
    { .normalize = DCN_NORMALIZE_STANDARDIZE },
    { .normalize = DCN_NORMALIZE_NONE },
};

dcn_status dcn_preprocess_named(dcn_preprocess *p, const char *name, dcn_shape shape,
                                dcn_error *err)
{
    const int shorter = shape.h < shape.w ? shape.h : shape.w;
    const struct way *way = NULL;
    const char *near;

    memset(p, 0, sizeof *p);
    for (int i = 0; i < N_WAYS; i++)
        if (strcmp(name, way_names[i]) == 0)
            way = &ways[i];
    if (!way) {
        near = dcn__nearest(name, way_names, N_WAYS);
        return dcn__fail(err, DCN_USAGE, "preprocess", "\"%.40s\" is no known way%s%s%s; there are "
                         "imagenet, caffe, tf, cifar10, standardize and none", name,
                         near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    p->shape = shape;
    p->normalize = way->normalize;
    memcpy(p->mean, way->mean, sizeof p->mean);
    memcpy(p->std, way->std, sizeof p->std);
    p->bgr = way->bgr && shape.c == 3;
    for (int i = 0; shape.c == 1 && i < 3; i++) {
        p->mean[i] = (way->mean[0] + way->mean[1] + way->mean[2]) / 3;
        p->std[i] = (way->std[0] + way->std[1] + way->std[2]) / 3;
    }
    if (way->scaled && shorter > 0 && shorter <= SIDE_MAX) {
        p->resize = 1;
        p->side = (int)(((int64_t)shorter * 256 + 112) / 224);
        p->side = p->side > SIDE_MAX ? SIDE_MAX : p->side;
    }
    return dcn__preprocess_check(p, err);
}
