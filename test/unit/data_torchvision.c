/* data_torchvision.c - preprocessing with `side` against torchvision, to the bit (but for one case
 * that says so): sizes, filter, crop, normalisation (test/golden/make_resize.py). */
#include "data_help.h"

#include "codec/safetensors.h"
#include "data/scale.h"

#include <math.h>

static dcn_error err;

static void one_case(const dcn__tensors *file, const dcn__tensor *picture, const char *name)
{
    char key[80];
    double allowed;
    dcn_image image = { (int)picture->dims[0], (int)picture->dims[1], (int)picture->dims[2], NULL };
    const dcn__tensor *value;
    const uint8_t *want;
    dcn_preprocess p;
    size_t n;
    float *out;

    snprintf(key, sizeof key, "%s/preprocess", name);
    assert_non_null(dcn__tensors_metadata(file, key));
    assert_ok(dcn_preprocess_parse(&p, dcn__tensors_metadata(file, key), &err));
    snprintf(key, sizeof key, "%s/levels", name);
    assert_non_null(dcn__tensors_metadata(file, key));
    /* A level of the byte, in units of the smallest deviation. */
    allowed = strcmp(dcn__tensors_metadata(file, key), "0") == 0 ? 0 : 1.001 / 255 / 0.224;
    snprintf(key, sizeof key, "%s/value", name);
    assert_non_null(value = dcn__tensors_find(file, key));
    assert_string_equal(value->dtype, "F32");
    n = (size_t)p.shape.h * (size_t)p.shape.w * 3;
    assert_int_equal(value->end - value->begin, n * sizeof *out);
    image.pixels = malloc((size_t)(picture->end - picture->begin));
    memcpy(image.pixels, dcn__tensors_data(file, picture), (size_t)(picture->end - picture->begin));
    out = malloc(n * sizeof *out);
    assert_ok(dcn_preprocess_image(&p, &image, out, &err));
    want = dcn__tensors_data(file, value);
    for (size_t i = 0; i < n; i++) {
        float expected;

        memcpy(&expected, want + i * sizeof expected, sizeof expected);
        if (!(fabs((double)out[i] - (double)expected) <= allowed))
            fail_msg("%s: value %zu of %zu is %.9g, not %.9g", name, i, n, (double)out[i],
                     (double)expected);
    }
    free(out);
    free(image.pixels);
}

static void to_the_bit(void **state)
{
    dcn__tensors file;
    int cases = 0;

    (void)state;
    assert_ok(dcn__tensors_open(&file, DCN_TEST_DATA "/golden/resize.safetensors", NULL, &err));
    for (int i = 0; i < file.count; i++) {
        const char *slash = strchr(file.at[i].name, '/');
        char name[40];

        if (!slash || strcmp(slash, "/picture") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(slash - file.at[i].name), file.at[i].name);
        one_case(&file, &file.at[i], name);
        cases++;
    }
    assert_int_equal(cases, 12);
    dcn__tensors_close(&file);
}

/* Any window is that part of the whole. */
static void windows(void **state)
{
    enum { H = 37, W = 29, TO_H = 23, TO_W = 61 };
    uint8_t pixels[H * W * 3], whole[TO_H * TO_W * 3], part[TO_H * TO_W * 3];
    const dcn_image image = { H, W, 3, pixels };

    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i * 31 + i * 7);
    assert_ok(dcn__scale_window(whole, TO_H, TO_W, &image, TO_H, TO_W, 0, 0, &err));
    for (int y = 0; y < TO_H; y += 5)
        for (int x = 0; x < TO_W; x += 11)
            for (int h = 1; y + h <= TO_H; h += 7)
                for (int w = 1; x + w <= TO_W; w += 13) {
                    assert_ok(dcn__scale_window(part, h, w, &image, TO_H, TO_W, y, x, &err));
                    for (int r = 0; r < h; r++)
                        assert_memory_equal(part + r * w * 3, whole + ((y + r) * TO_W + x) * 3,
                                            (size_t)w * 3);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(to_the_bit), cmocka_unit_test(windows) };

    return cmocka_run_group_tests_name("data_torchvision", tests, NULL, NULL);
}
