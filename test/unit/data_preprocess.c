/* data_preprocess.c - from picture to input, against numbers from numpy 1.24 (float64) and Pillow
 * 9.4; the laws of the random distortions. */
#include "data_help.h"

#include "base/random.h"
#include "data/augment.h"

#include <math.h>

static dcn_error err;
static uint8_t pixels[32 * 32 * 3];
static const dcn_image picture = { 32, 32, 3, pixels };
static const dcn_preprocess usual = { .shape = { 24, 24, 3 },
                                      .normalize = DCN_NORMALIZE_STANDARDIZE };

static void fill_picture(void)
{
    for (int64_t i = 0; i < 32 * 32 * 3; i++)
        pixels[i] = (uint8_t)((i * i * 7 + i * 13 + 5) % 256);
}

static void assert_near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within))
        fail_msg("%.9g is not within %g of %.9g", got, within, want);
}

/* ---- text ---------------------------------------------------------------------------- */

static void text_and_back(void **state)
{
    static const char *const texts[] = { "24x24x3 standardize", "24x24x3 none resize", "1x1x1 none",
                                         "224x192x1 standardize resize",
                                         "24x24x3 none side=32 bgr",
                                         "8x9x3 standardize bgr", "8x9x1 mean=0.5 std=0.25",
                                         "224x224x3 side=256 mean=0.485,0.456,0.406 "
                                         "std=0.229,0.224,0.225 bgr",
                                         "1x1x3 mean=-1,0,1e-30 std=1,1e-05,8" };
    dcn_preprocess p;
    char text[200], small[6];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ok(dcn_preprocess_parse(&p, texts[i], &err));
        assert_int_equal(dcn_preprocess_text(&p, text, sizeof text), strlen(texts[i]));
        assert_string_equal(text, texts[i]);
    }
    assert_ok(dcn_preprocess_parse(&p, "24x12x3 none resize", &err));
    assert_int_equal(p.shape.h, 24);
    assert_int_equal(p.shape.w, 12);
    assert_int_equal(p.shape.c, 3);
    assert_int_equal(p.normalize, DCN_NORMALIZE_NONE);
    assert_int_equal(p.resize, 1);
    assert_int_equal(dcn_preprocess_text(&p, small, sizeof small), 19);
    assert_string_equal(small, "24x12");
    assert_int_equal(dcn_preprocess_text(&p, NULL, 0), 19);
}

static void refused_texts(void **state)
{
    static const struct { const char *text, *say; } cases[] = {
        { "", "does not begin with a shape" },
        { "24x24 standardize", "shape" },
        { "24x24x3", "names no normalisation" },
        { "24x24x3 imagenet", "\"imagenet\" is not known here" },
        { "24x24x3 resize bgr", "names no normalisation" },
        { "24x24x3 none standardize", "exactly one normalisation" },
        { "24x24x3 none mean=0 std=1", "exactly one normalisation" },
        { "24x24x3 mean=0.5", "mean= and std= together" },
        { "24x24x3 std=0.5", "mean= and std= together" },
        { "24x24x3 mean= std=1", "\"mean=\" is not known here" },
        { "24x24x3 mean=1,2 std=1", "\"mean=1,2\" is not understood" },
        { "24x24x3 mean=1,2,3,4 std=1", "\"mean=1,2,3,4\" is not understood" },
        { "24x24x3 mean=1,,3 std=1", "is not understood" },
        { "24x24x3 mean=a std=1", "is not understood" },
        { "24x24x3 mean=nan std=1", "is not understood" },
        { "24x24x3 mean=1e99 std=1", "is not understood" },
        { "24x24x1 mean=1,2,3 std=1", "\"mean=1,2,3\" is not understood" },
        { "24x24x3 mean=0,0,0 std=1,0,1", "mean 0 with std 0 does not normalise" },
        { "24x24x3 mean=0 std=-1", "with std -1 does not normalise" },
        { "24x24x3 mean=123.68,116.779,103.939 std=58.4", "divide figures for 0..255 by 255" },
        { "24x24x3 none side=0", "\"side=0\" is not understood" },
        { "24x24x3 none side=40000", "\"side=40000\" is not understood" },
        { "24x24x3 none side=23", "a shorter side of 23 does not hold a crop of 24x24" },
        { "24x24x3 none side=32 side=32", "\"side=\" stands there twice" },
        { "24x24x1 none bgr", "one channel has no order of colours" },
        { "0x24x3 none", "shape of 1..32768" },
        { "24x99999x3 none", "shape of 1..32768" },
        { "24x24x4 none", "shape of" },
        { "24x24x2 none", "cannot become 2 channels" },
        { "-1x24x3 none", "shape" },
        { "24x24x3x3 none", "shape" },
        { "24x24x3 none crop", "\"crop\" is not known here" },
        { "24x24x3 none resize resize", "\"resize\" stands there twice" },
        { "32768x32768x3 none", "32768x32768 pixels is outside" },
        { "99999999999999999999x1x1 none", "shape" },
        { "24x24x3 standardizeresize", "\"standardizeresize\" is not known here" },
    };
    dcn_preprocess p;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(dcn_preprocess_parse(&p, cases[i].text, &err), DCN_USAGE, cases[i].say);
}

static float random_float(dcn__random *r)
{
    const double size = pow(10, 5 * dcn__random_unit(r) - 4.2);

    return (float)(size < 8 ? size : 8);
}

/* Whatever is allowed comes back whole. */
static void any_setting_comes_back(void **state)
{
    dcn__random r = dcn__random_stream(7, 0, 0);
    char text[256], again[256];
    dcn_preprocess p, back;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        memset(&p, 0, sizeof p);
        p.shape = (dcn_shape){ 1 + (int)dcn__random_below(&r, 32768), 1, 3 };
        p.shape.w = 1 + (int)dcn__random_below(&r, (uint64_t)((64 << 20) / p.shape.h) > 32768
                                                   ? 32768 : (uint64_t)((64 << 20) / p.shape.h));
        p.shape.c = dcn__random_below(&r, 3) ? 3 : 1;
        p.normalize = (dcn_normalize)dcn__random_below(&r, 3);
        p.resize = (int)dcn__random_below(&r, 2);
        if (p.resize && dcn__random_below(&r, 2))
            p.side = 32768 - (int)dcn__random_below(&r, 32769u - (uint64_t)(p.shape.h < p.shape.w
                                                                    ? p.shape.h : p.shape.w));
        p.bgr = p.shape.c == 3 && dcn__random_below(&r, 2);
        for (int k = 0; k < 3 && p.normalize == DCN_NORMALIZE_MEAN; k++) {
            p.mean[k] = p.shape.c == 1 && k ? p.mean[0] : random_float(&r);
            p.std[k] = p.shape.c == 1 && k ? p.std[0] : random_float(&r);
        }
        assert_true(dcn_preprocess_text(&p, text, sizeof text) < 200);
        if (dcn_preprocess_parse(&back, text, &err))
            fail_msg("%s: %s", text, err.text);
        assert_memory_equal(&p, &back, sizeof p);
        dcn_preprocess_text(&back, again, sizeof again);
        assert_string_equal(text, again);
    }
}

static void usual_ways(void **state)
{
    static const struct { const char *name; dcn_shape shape; const char *text; } ways[] = {
        { "imagenet", { 224, 224, 3 },
          "224x224x3 side=256 mean=0.485,0.456,0.406 std=0.229,0.224,0.225" },
        { "imagenet", { 299, 299, 3 },
          "299x299x3 side=342 mean=0.485,0.456,0.406 std=0.229,0.224,0.225" },
        { "imagenet", { 64, 32, 1 }, "64x32x1 side=37 mean=0.449 std=0.226" },
        { "imagenet", { 32768, 1, 3 },
          "32768x1x3 side=1 mean=0.485,0.456,0.406 std=0.229,0.224,0.225" },
        { "tf", { 224, 224, 3 }, "224x224x3 side=256 mean=0.5,0.5,0.5 std=0.5,0.5,0.5" },
        { "cifar10", { 32, 32, 3 },
          "32x32x3 mean=0.4914,0.4822,0.4465 std=0.247,0.2435,0.2616" },
        { "standardize", { 24, 24, 3 }, "24x24x3 standardize" },
        { "none", { 28, 28, 1 }, "28x28x1 none" },
    };
    char text[200];
    dcn_preprocess p;

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_ok(dcn_preprocess_named(&p, ways[i].name, ways[i].shape, &err));
        dcn_preprocess_text(&p, text, sizeof text);
        assert_string_equal(text, ways[i].text);
    }
    assert_ok(dcn_preprocess_named(&p, "caffe", (dcn_shape){ 24, 24, 1 }, &err));
    assert_int_equal(p.bgr, 0);
    assert_refused(dcn_preprocess_named(&p, "imagnet", usual.shape, &err), DCN_USAGE,
                   "\"imagnet\" is no known way (did you mean imagenet?)");
    assert_refused(dcn_preprocess_named(&p, "", usual.shape, &err), DCN_USAGE, "is no known way");
    assert_refused(dcn_preprocess_named(&p, "imagenet", (dcn_shape){ 24, 24, 2 }, &err), DCN_USAGE,
                   "2 channels");
    assert_refused(dcn_preprocess_named(&p, "imagenet", (dcn_shape){ 0, 24, 3 }, &err), DCN_USAGE,
                   "0x24 pixels");
    assert_refused(dcn_preprocess_named(&p, "tf", (dcn_shape){ 32000, 32000, 3 }, &err), DCN_USAGE,
                   "32000x32000 pixels");
    memset(&p, 0, sizeof p);
    p = (dcn_preprocess){ .shape = { 24, 24, 3 }, .normalize = DCN_NORMALIZE_MEAN };
    assert_refused(dcn_preprocess_image(&p, &picture, (float[1]){ 0 }, &err), DCN_USAGE,
                   "mean 0 with std 0 does not normalise");
}

/* ---- numbers ------------------------------------------------------------------------- */

static void ways_in_numbers(void **state)
{
    static const double means[3] = { 103.939, 116.779, 123.68 };
    uint8_t bytes[24 * 24 * 3];
    const dcn_image image = { 24, 24, 3, bytes };
    float out[24 * 24 * 3], grey[24 * 24], reds[24 * 24 * 3];
    dcn_preprocess p;

    (void)state;
    for (int i = 0; i < 24 * 24 * 3; i++)
        bytes[i] = (uint8_t)(i * 37 + i / 255);
    assert_ok(dcn_preprocess_named(&p, "caffe", usual.shape, &err));
    p.resize = 0;
    assert_ok(dcn_preprocess_image(&p, &image, out, &err));
    for (int i = 0; i < 24 * 24 * 3; i++)
        assert_near(out[i], bytes[i / 3 * 3 + 2 - i % 3] - means[i % 3], 2e-5);
    assert_ok(dcn_preprocess_named(&p, "tf", usual.shape, &err));
    p.resize = 0;
    assert_ok(dcn_preprocess_image(&p, &image, out, &err));
    for (int i = 0; i < 24 * 24 * 3; i++)
        assert_near(out[i], bytes[i] / 127.5 - 1, 2e-7);
    p.shape.c = 1;                                             /* luma first, then the mean */
    assert_ok(dcn_preprocess_image(&p, &image, grey, &err));
    for (int i = 0; i < 24 * 24; i++)
        assert_near(grey[i], (0.2989 * bytes[3 * i] + 0.587 * bytes[3 * i + 1] +
                              0.114 * bytes[3 * i + 2]) / 127.5 - 1, 1e-6);
    p = usual;                                                 /* blue first changes no number */
    assert_ok(dcn_preprocess_image(&p, &image, reds, &err));
    p.bgr = 1;
    assert_ok(dcn_preprocess_image(&p, &image, out, &err));
    for (int i = 0; i < 24 * 24 * 3; i++)
        assert_true(out[i] == reds[i / 3 * 3 + 2 - i % 3]);
}

/* A shorter side that would not hold a long crop grows until it does. */
static void sides_and_crops(void **state)
{
    static const struct { int h, w, shape_h, shape_w, side, fit_h, fit_w; } cases[] = {
        { 100, 150, 32, 32, 37, 37, 55 }, { 150, 100, 32, 32, 37, 55, 37 },
        { 37, 37, 32, 32, 37, 37, 37 },   { 10, 10, 32, 32, 37, 37, 37 },
        { 100, 100, 32, 64, 37, 64, 64 }, { 100, 300, 32, 64, 37, 37, 111 },
        { 300, 100, 32, 64, 37, 192, 64 },
    };
    dcn__fit fit;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dcn_preprocess p = { .shape = { cases[i].shape_h, cases[i].shape_w, 3 },
                                   .normalize = DCN_NORMALIZE_NONE, .resize = 1,
                                   .side = cases[i].side };
        const dcn_image image = { cases[i].h, cases[i].w, 3, pixels };

        assert_ok(dcn__fit_picture(&fit, &p, &image, &err));
        assert_int_equal(fit.h, cases[i].fit_h);
        assert_int_equal(fit.w, cases[i].fit_w);
    }
}

static void standardize(void **state)
{
    static const struct { int y, x, c; double value; } want[] = {
        { 0, 0, 0, -1.5043292959353773 },   { 0, 0, 1, 1.040995872787281 },
        { 11, 7, 2, 0.5806711082310556 },   { 23, 23, 2, -0.0691991476130274 },
        { 5, 20, 0, -0.6919914761302736 },
    };
    float out[24 * 24 * 3];
    double sum = 0, size = 0;

    (void)state;
    fill_picture();
    assert_ok(dcn_preprocess_image(&usual, &picture, out, &err));
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_near(out[(want[i].y * 24 + want[i].x) * 3 + want[i].c], want[i].value, 1e-6);
    for (int i = 0; i < 24 * 24 * 3; i++) {
        sum += out[i];
        size += fabs(out[i]);
    }
    assert_near(sum, 0, 1e-3);
    assert_near(size, 1497.3010694647671, 1e-3);
}

static void nearly_flat(void **state)
{
    float out[24 * 24 * 3];

    (void)state;
    /* One value of 1728 is 1: the deviation falls below 1/sqrt(1728), which takes its place. */
    memset(pixels, 0, sizeof pixels);
    pixels[((4 + 3) * 32 + 4 + 4) * 3 + 1] = 1;
    assert_ok(dcn_preprocess_image(&usual, &picture, out, &err));
    assert_near(out[(3 * 24 + 4) * 3 + 1], 41.54516312043682, 1e-4);
    assert_near(out[0], -0.024056261216234404, 1e-7);
    memset(pixels, 77, sizeof pixels);
    assert_ok(dcn_preprocess_image(&usual, &picture, out, &err));
    for (int i = 0; i < 24 * 24 * 3; i++)
        assert_true(out[i] == 0);
}

static void plain_values(void **state)
{
    const dcn_preprocess p = { .shape = { 24, 24, 3 }, .normalize = DCN_NORMALIZE_NONE };
    float out[24 * 24 * 3];

    (void)state;
    fill_picture();
    assert_ok(dcn_preprocess_image(&p, &picture, out, &err));
    for (int y = 0; y < 24; y++)
        for (int i = 0; i < 24 * 3; i++)
            assert_true(out[y * 72 + i] == (float)pixels[(y + 4) * 96 + 12 + i] / 255.0f);
}

/* 32 - 25 = 7 left over: 3 before and 4 behind, as tf.image.resize_with_crop_or_pad. */
static void odd_rest(void **state)
{
    const dcn_preprocess p = { .shape = { 25, 25, 3 }, .normalize = DCN_NORMALIZE_NONE };
    float out[25 * 25 * 3];

    (void)state;
    fill_picture();
    assert_ok(dcn_preprocess_image(&p, &picture, out, &err));
    for (int y = 0; y < 25; y++)
        for (int i = 0; i < 25 * 3; i++)
            assert_true(out[y * 75 + i] == (float)pixels[(y + 3) * 96 + 9 + i] / 255.0f);
}

static void channels(void **state)
{
    const dcn_preprocess to_grey = { .shape = { 24, 24, 1 },
                                     .normalize = DCN_NORMALIZE_STANDARDIZE };
    uint8_t grey_pixels[28 * 28];
    const dcn_image grey = { 28, 28, 1, grey_pixels };
    float out[24 * 24 * 3];

    (void)state;
    fill_picture();
    assert_ok(dcn_preprocess_image(&to_grey, &picture, out, &err));
    assert_near(out[0], 0.298011335480714, 1e-5);
    assert_near(out[11 * 24 + 7], 1.345935207136782, 1e-5);
    assert_near(out[23 * 24 + 23], -0.3976149976777061, 1e-5);
    for (int i = 0; i < 28 * 28; i++)
        grey_pixels[i] = (uint8_t)(i * 37 % 251);
    assert_ok(dcn_preprocess_image(&usual, &grey, out, &err));
    assert_near(out[2], 0.1627684796913838, 1e-5);
    assert_near(out[(9 * 24 + 3) * 3 + 2], -1.2590113146446607, 1e-5);
    assert_near(out[(23 * 24 + 23) * 3 + 2], 1.280867152907108, 1e-5);
    for (int i = 0; i < 24 * 24; i++)
        assert_true(out[3 * i] == out[3 * i + 1] && out[3 * i] == out[3 * i + 2]);
}

/* (h,w,3), smooth: rows in red, columns in green, distance from (30,50) in blue. */
static uint8_t *smooth_picture(int h, int w)
{
    uint8_t *p = malloc((size_t)h * (size_t)w * 3);

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint8_t *at = p + (y * w + x) * 3;
            const int far = ((y - 30) * (y - 30) + (x - 50) * (x - 50)) / 14;

            at[0] = (uint8_t)(y * 4);
            at[1] = (uint8_t)(x * 5 / 2);
            at[2] = (uint8_t)(far > 255 ? 255 : far);
        }
    return p;
}

static void scaled(void **state)
{
    /* 60x100 -> 24x40 -> columns 8..31; 12x20 -> the same. */
    static const struct { int h, w, resize; struct { int y, x, rgb[3]; } at[5]; } cases[] = {
        { 60,
          100,
          1,
          { { 0, 0, { 4, 52, 121 } },
            { 5, 17, { 53, 158, 32 } },
            { 12, 12, { 123, 127, 0 } },
            { 23, 23, { 232, 195, 113 } },
            { 20, 2, { 203, 64, 72 } } } },
        { 12,
          20,
          0,
          { { 0, 0, { 0, 9, 217 } },
            { 5, 17, { 9, 31, 157 } },
            { 12, 12, { 23, 24, 158 } },
            { 23, 23, { 44, 38, 112 } },
            { 20, 2, { 39, 12, 176 } } } },
    };
    float out[24 * 24 * 3];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const dcn_preprocess p = { .shape = { 24, 24, 3 }, .normalize = DCN_NORMALIZE_NONE,
                                   .resize = cases[i].resize };
        const dcn_image image = { cases[i].h, cases[i].w, 3,
                                  smooth_picture(cases[i].h, cases[i].w) };

        assert_ok(dcn_preprocess_image(&p, &image, out, &err));
        for (int k = 0; k < 5; k++)
            for (int c = 0; c < 3; c++)
                assert_near(out[(cases[i].at[k].y * 24 + cases[i].at[k].x) * 3 + c] * 255,
                            cases[i].at[k].rgb[c], 1.01);
        free(image.pixels);
    }
}

static void odd_sizes(void **state)
{
    static const int sides[] = { 1, 2, 3, 5, 23, 24, 25, 47, 131, 2049 };
    static const dcn_shape shapes[] = { { 24, 24, 3 }, { 1, 1, 1 }, { 7, 40, 3 }, { 40, 7, 1 } };
    const int n = sizeof sides / sizeof *sides;
    uint8_t *bytes = malloc(2049 * 2049 * 3);

    (void)state;
    memset(bytes, 200, 2049 * 2049 * 3);
    /* Whatever the sizes: an even picture stays even, and nothing beyond it is read or written. */
    for (int i = 0; i < n * n; i++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const dcn_preprocess p = { .shape = shapes[s], .normalize = DCN_NORMALIZE_NONE,
                                       .resize = i % 2 };
            const dcn_image image = { sides[i / n], sides[i % n], i % 3 ? 3 : 1, bytes };
            const int count = shapes[s].h * shapes[s].w * shapes[s].c;
            float *out = malloc((size_t)count * sizeof *out);

            assert_ok(dcn_preprocess_image(&p, &image, out, &err));
            for (int k = 0; k < count; k++)
                assert_near(out[k] * 255, 200, 0.6);
            free(out);
        }
    }
    free(bytes);
}

static void refused_pictures(void **state)
{
    const dcn_preprocess big = { .shape = { 300, 300, 3 }, .normalize = DCN_NORMALIZE_NONE };
    const dcn_image nothing = { 0, 0, 3, NULL }, four = { 2, 2, 4, pixels };
    const dcn_image thread = { 1, 32768, 1, malloc(32768) };
    dcn_preprocess p = usual;
    float *out = malloc(300 * 300 * 3 * sizeof *out);

    (void)state;
    memset(thread.pixels, 0, 32768);
    assert_refused(dcn_preprocess_image(&usual, &nothing, out, &err), DCN_USAGE, "has shape 0x0x3");
    assert_refused(dcn_preprocess_image(&usual, &four, out, &err), DCN_USAGE, "has shape 2x2x4");
    assert_refused(dcn_preprocess_image(&big, &thread, out, &err), DCN_INPUT,
                   "is 1x32768, too long and thin to be scaled over 300x300");
    assert_ok(dcn_preprocess_image(&usual, &thread, out, &err));
    p.shape.c = 2;
    assert_refused(dcn_preprocess_image(&p, &picture, out, &err), DCN_USAGE, "2 channels");
    p.shape.h = 0;
    assert_refused(dcn_preprocess_image(&p, &picture, out, &err), DCN_USAGE, "0x24 pixels");
    free(thread.pixels);
    free(out);
}

/* ---- random distortions -------------------------------------------------------------- */

/* Coordinates as colours tell where a value came from: red 5 * row, green 5 * column, blue 0. */
static void fill_coordinates(void)
{
    for (int i = 0; i < 32 * 32; i++) {
        pixels[3 * i] = (uint8_t)(5 * (i / 32));
        pixels[3 * i + 1] = (uint8_t)(5 * (i % 32));
        pixels[3 * i + 2] = (uint8_t)((i * 29) % 200);
    }
}

static void distortions(void **state)
{
    enum { N = 4000 };
    const dcn_preprocess p = { .shape = { 24, 24, 3 }, .normalize = DCN_NORMALIZE_NONE };
    float out[24 * 24 * 3];
    dcn__scratch scratch = { 0 };
    int crops[9][9] = { { 0 } }, flips = 0;
    double least = 9, most = 0, sum = 0, dark = 999, bright = -999, shift = 0;

    (void)state;
    fill_coordinates();
    for (int n = 0; n < N; n++) {
        dcn__random r = dcn__random_stream(1, 0, (uint64_t)n), again = r;
        const int y = (int)dcn__random_below(&again, 9), x = (int)dcn__random_below(&again, 9);
        double step, factor, mean_out = 0, mean_in = 0;
        int flip;

        assert_ok(dcn__augment_picture(&p, &picture, &r, &scratch, out, &err));
        /* Red grows by 5 * factor a row: that is the contrast, exactly about the channel's mean. */
        factor = (out[23 * 72] - out[0]) * 255 / (5 * 23);
        step = out[4] - out[1];
        flip = step < 0;
        assert_near(fabs(step) * 255, 5 * factor, 0.01);
        for (int i = 0; i < 24 * 24; i++) {
            const int py = y + i / 24, px = x + (flip ? 23 - i % 24 : i % 24);

            mean_out += out[3 * i + 2] * 255 / 576;
            mean_in += pixels[(py * 32 + px) * 3 + 2] / 576.0;
        }
        for (int i = 0; i < 24 * 24; i += 37) { /* the crop, the flip and one factor explain all */
            const int py = y + i / 24, px = x + (flip ? 23 - i % 24 : i % 24);

            assert_near(out[3 * i + 2] * 255,
                        (pixels[(py * 32 + px) * 3 + 2] - mean_in) * factor + mean_out, 0.01);
        }
        crops[y][x]++;
        flips += flip;
        least = factor < least ? factor : least;
        most = factor > most ? factor : most;
        sum += factor;
        dark = mean_out - mean_in < dark ? mean_out - mean_in : dark;
        bright = mean_out - mean_in > bright ? mean_out - mean_in : bright;
        shift += mean_out - mean_in;
    }
    dcn__scratch_clear(&scratch);
    /* Uniform draws: the range is nearly reached and never left, means within 5 deviations. */
    assert_true(least >= 0.2 - 1e-4 && least < 0.22 && most <= 1.8 + 1e-4 && most > 1.78);
    assert_near(sum / N, 1.0, 5 * 1.6 / sqrt(12.0 * N));
    assert_true(dark >= -63.001 && dark < -61 && bright <= 63.001 && bright > 61);
    assert_near(shift / N, 0, 5 * 126 / sqrt(12.0 * N));
    assert_near(flips / (double)N, 0.5, 5 * 0.5 / sqrt(N));
    for (int i = 0; i < 81; i++)
        assert_near(crops[i / 9][i % 9], N / 81.0, 5 * sqrt(N / 81.0));
}

static void distorted_and_standard(void **state)
{
    float out[24 * 24 * 3], same[24 * 24 * 3];
    dcn__scratch scratch = { 0 };
    double sum = 0, squares = 0;
    dcn__random r = dcn__random_stream(3, 4, 5), s = dcn__random_stream(3, 4, 5);

    (void)state;
    fill_picture();
    assert_ok(dcn__augment_picture(&usual, &picture, &r, &scratch, out, &err));
    assert_ok(dcn__augment_picture(&usual, &picture, &s, &scratch, same, &err));
    assert_memory_equal(out, same, sizeof out);
    for (int i = 0; i < 24 * 24 * 3; i++) {
        sum += out[i];
        squares += (double)out[i] * out[i];
    }
    assert_near(sum / (24 * 24 * 3), 0, 1e-6);
    assert_near(squares / (24 * 24 * 3), 1, 1e-5);
    s = dcn__random_stream(3, 5, 5);
    assert_ok(dcn__augment_picture(&usual, &picture, &s, &scratch, same, &err));
    assert_memory_not_equal(out, same, sizeof out);
    dcn__scratch_clear(&scratch);
}

/* The fast sum of whole numbers is the slow one, to the bit, whatever is left over behind the eights. */
static void whole_numbers_are_summed_in_any_order(void **state)
{
    static float a[41 * 40 * 3], b[41 * 40 * 3];

    (void)state;
    for (int h = 1; h <= 41; h += 2)
        for (int c = 1; c <= 3; c += 2) {
            const dcn_preprocess p = { .shape = { h, 40 - h / 2, c } };
            const int n = h * p.shape.w * c;

            for (int i = 0; i < n; i++)
                a[i] = b[i] = (float)(dcn__hash64((uint64_t)(i + h)) % 256);
            dcn__normalize(&p, a, true);
            dcn__normalize(&p, b, false);
            assert_memory_equal(a, b, (size_t)n * sizeof *a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_summed_in_any_order),
        cmocka_unit_test(text_and_back),    cmocka_unit_test(refused_texts),
        cmocka_unit_test(any_setting_comes_back),
        cmocka_unit_test(usual_ways),       cmocka_unit_test(ways_in_numbers),
        cmocka_unit_test(sides_and_crops),
        cmocka_unit_test(standardize),      cmocka_unit_test(nearly_flat),
        cmocka_unit_test(plain_values),     cmocka_unit_test(channels), cmocka_unit_test(odd_rest),
        cmocka_unit_test(scaled),           cmocka_unit_test(odd_sizes),
        cmocka_unit_test(refused_pictures),
        cmocka_unit_test(distortions),      cmocka_unit_test(distorted_and_standard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
