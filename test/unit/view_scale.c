/* The maps from values to bytes: TensorFlow's own vectors, and the properties of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "view/scale.h"

#include <math.h>
#include <string.h>

static void tf1_gives_tensorflows_bytes(void **state)
{
    dcn__bytes file;
    size_t at = 0;
    int cases = 0;

    (void)state;
    assert_int_equal(dcn__file_read(&file, DCN_TEST_DATA "/golden/view_tf1.bin", 1 << 20, NULL), 0);
    for (;;) {
        int32_t dims[3] = { 0 };
        size_t n;
        float *values;
        uint8_t *out;

        assert_true(at + 4 <= file.size);
        memcpy(dims, file.data + at, 4);
        if (!dims[0])
            break;
        memcpy(dims, file.data + at, 12);
        n = (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2];
        assert_true(at + 12 + 5 * n <= file.size);
        values = dcn__alloc_array(n, sizeof *values);
        out = dcn__alloc(n);
        memcpy(values, file.data + at + 12, 4 * n);
        dcn_scale_tf1(values, (dcn_shape){ dims[0], dims[1], dims[2] }, out);
        assert_memory_equal(out, file.data + at + 12 + 4 * n, n);
        dcn__free(values);
        dcn__free(out);
        at += 12 + 5 * n;
        cases++;
    }
    assert_int_equal(cases, 16);
    assert_int_equal(at + 4, file.size);
    dcn__bytes_clear(&file);
}

static float scale_of(const float *v, size_t n)
{
    float scale = -1;

    assert_int_equal(dcn__signed_scale(&scale, v, n, NULL), DCN_OK);
    return scale;
}

static void signed_scale_is_the_rank_of_the_non_zero(void **state)
{
    dcn__random r = dcn__random_stream(3, 1, 4);
    float v[3000];

    (void)state;
    for (int round = 0; round < 200; round++) {
        const size_t n = 1 + (size_t)dcn__random_below(&r, 3000);
        size_t non_zero = 0, not_above = 0, below = 0;
        float scale;

        for (size_t i = 0; i < n; i++)   /* many equal values and zeros, both signs */
            v[i] = (float)((int)dcn__random_below(&r, 41) - 20) * 0.25f;
        scale = scale_of(v, n);
        for (size_t i = 0; i < n; i++) {
            non_zero += v[i] != 0;
            not_above += v[i] != 0 && fabsf(v[i]) <= scale;
            below += v[i] != 0 && fabsf(v[i]) < scale;
        }
        assert_true(not_above * 200 >= non_zero * 199);
        assert_true(non_zero == 0 || below * 200 < non_zero * 199);
    }
}

static void signed_scale_survives_odd_panels(void **state)
{
    float v[5] = { 0, 0, 0, 0, 0 };

    (void)state;
    assert_true(scale_of(v, 5) == 0);
    v[3] = -7;
    assert_true(scale_of(v, 5) == 7);
    v[0] = NAN;
    v[1] = INFINITY;
    assert_true(scale_of(v, 5) == 7);
    v[3] = NAN;
    assert_true(scale_of(v, 5) == 0);
}

static void one_outlier_in_a_thousand_does_not_set_the_scale(void **state)
{
    float v[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        v[i] = i % 2 ? 1 : -1;
    v[500] = 1000;
    assert_true(scale_of(v, 1000) == 1);
}

static void signed_map_is_symmetric_and_clips(void **state)
{
    const float v[7] = { 0, 1, -1, 0.5f, -0.5f, 9, -9 };
    uint8_t out[7];

    (void)state;
    dcn__signed_apply(1, v, 7, 1, out);
    assert_int_equal(out[0], 128);
    assert_int_equal(out[1], 255);
    assert_int_equal(out[2], 1);
    assert_int_equal(out[3] - 128, 128 - out[4]);
    assert_int_equal(out[5], 255);
    assert_int_equal(out[6], 1);
}

static void bad_pixels_are_red(void **state)
{
    const float v[6] = { 1, NAN, 1, 1, 1, 1 };
    uint8_t out[6];

    (void)state;
    dcn__signed_apply(1, v, 2, 3, out);
    assert_true(out[0] == 255 && out[1] == 0 && out[2] == 0);
    assert_true(out[3] == 255 && out[4] == 255 && out[5] == 255);
}

static void photo_spans_black_to_white(void **state)
{
    const float v[6] = { -1.5f, 0, 0.25f, 2, 2.5f, 0.5f }, flat[3] = { 4, 4, 4 };
    dcn__range range = dcn__range_empty();
    uint8_t out[6];

    (void)state;
    dcn__range_add(&range, v, 2, 3);
    dcn__photo_apply(range, v, 2, 3, out);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[4], 255);
    assert_in_range(out[5], 127, 128);
    range = dcn__range_empty();
    dcn__range_add(&range, flat, 1, 3);
    dcn__photo_apply(range, flat, 1, 3, out);
    assert_int_equal(out[0], 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tf1_gives_tensorflows_bytes),
        cmocka_unit_test(signed_scale_is_the_rank_of_the_non_zero),
        cmocka_unit_test(signed_scale_survives_odd_panels),
        cmocka_unit_test(one_outlier_in_a_thousand_does_not_set_the_scale),
        cmocka_unit_test(signed_map_is_symmetric_and_clips),
        cmocka_unit_test(bad_pixels_are_red),
        cmocka_unit_test(photo_spans_black_to_white),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
