/* Random numbers: exact constants, so that no change of machine or version moves a training run;
 * streams that do not depend on each other; permutations; moments. */
#include "support.h"

static void streams_are_fixed_for_ever(void **state)
{
    static const uint64_t wanted[4] = { 0xd154dcd0ec56bdadu, 0x0ba41575bbd022dau,
                                        0xef5cfa775ba6e4fcu, 0xef5aa20a171ed170u };
    dcn__random r = dcn__random_stream(1, 2, 3);

    (void)state;
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_int_equal(dcn__random_bits(&r), wanted[i]);
    /* splitmix64 with state 0: the first numbers of its reference implementation. */
    r.state = 0;
    assert_int_equal(dcn__random_bits(&r), 0xe220a8397b1dcdafu);
    assert_int_equal(dcn__random_bits(&r), 0x6e789e6aa1b965f4u);
    assert_int_equal(dcn__random_bits(&r), 0x06c45d188009454fu);
}

static void streams_differ(void **state)
{
    uint64_t first[3 * 8 * 8];
    size_t n = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++)
        for (uint64_t a = 0; a < 8; a++)
            for (uint64_t b = 0; b < 8; b++) {
                dcn__random r = dcn__random_stream(seed, a, b);

                first[n++] = dcn__random_bits(&r);
            }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(first[i], first[k]);
}

static void unit_numbers_fill_the_interval(void **state)
{
    dcn__random r = dcn__random_stream(5, 0, 0);
    int cells[10] = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const double u = dcn__random_unit(&r);

        assert_true(u >= 0 && u < 1);
        cells[(int)(u * 10)]++;
    }
    for (int i = 0; i < 10; i++)   /* 10,000 each, standard deviation 95 */
        assert_in_range(cells[i], 9500, 10500);
}

static void below_is_unbiased_and_in_range(void **state)
{
    dcn__random r = dcn__random_stream(6, 0, 0);
    int cells[7] = { 0 };

    (void)state;
    for (int i = 0; i < 70000; i++)
        cells[dcn__random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(cells[i], 9500, 10500);
    for (int i = 0; i < 100; i++)
        assert_int_equal(dcn__random_below(&r, 1), 0);
    /* Just above 2^63 half of all numbers must be drawn again: the mean shows a modulo bias. */
    {
        const uint64_t n = ((uint64_t)1 << 63) + ((uint64_t)1 << 62);
        double sum = 0;

        for (int i = 0; i < 20000; i++) {
            const uint64_t x = dcn__random_below(&r, n);

            assert_true(x < n);
            sum += (double)x / (double)n;
        }
        assert_true(fabs(sum / 20000 - 0.5) < 0.01);
    }
}

static void normal_numbers_have_their_moments(void **state)
{
    enum { N = 400000 };
    dcn__random r = dcn__random_stream(7, 0, 0);
    double sum[5] = { 0 };
    int beyond = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        const double x = dcn__random_normal(&r);

        assert_true(isfinite(x));
        beyond += fabs(x) > 2;
        for (int k = 1; k < 5; k++)
            sum[k] += pow(x, k) / N;
    }
    assert_true(fabs(sum[1]) < 0.01 && fabs(sum[2] - 1) < 0.015 && fabs(sum[3]) < 0.03 &&
                fabs(sum[4] - 3) < 0.1);
    assert_true(fabs((double)beyond / N - 0.0455) < 0.002);
}

/* Truncated at 2: variance 1 - 4 phi(2) / (2 Phi(2) - 1) = 0.773741. */
static void truncated_normal_keeps_its_bounds(void **state)
{
    enum { N = 400000 };
    dcn__random r = dcn__random_stream(8, 0, 0);
    double mean = 0, square = 0, largest = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        const double x = dcn__random_truncated_normal(&r);

        if (fabs(x) > largest)
            largest = fabs(x);
        mean += x / N;
        square += x * x / N;
    }
    assert_true(largest <= 2 && largest > 1.999);
    assert_true(fabs(mean) < 0.005);
    assert_true(fabs(square - 0.773741) < 0.005);
}

static void permutations_meet_every_number_once(void **state)
{
    static const uint64_t sizes[] = { 1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 1000, 4097, 50000 };
    static unsigned char seen[50000];

    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            const uint64_t n = sizes[s];

            memset(seen, 0, sizeof seen);
            for (uint64_t i = 0; i < n; i++) {
                const uint64_t p = dcn__random_permute(i, n, seed, 9);

                assert_true(p < n);
                assert_int_equal(seen[p]++, 0);
            }
        }
}

static void permutations_mix_and_depend_on_their_name(void **state)
{
    int same_seed = 0, same_epoch = 0, fixed = 0, ascending = 0;

    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        const uint64_t p = dcn__random_permute(i, 10000, 1, 1);

        assert_int_equal(p, dcn__random_permute(i, 10000, 1, 1));
        fixed += p == i;
        same_seed += p == dcn__random_permute(i, 10000, 2, 1);
        same_epoch += p == dcn__random_permute(i, 10000, 1, 2);
        ascending += i && p > dcn__random_permute(i - 1, 10000, 1, 1);
    }
    assert_true(fixed < 10 && same_seed < 10 && same_epoch < 10);
    assert_in_range(ascending, 4800, 5200);
    assert_int_equal(dcn__random_permute(0, 10000, 1, 1), 0x14d2);
    /* Far beyond 32 bits it still is one. */
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(dcn__random_permute(i, (uint64_t)1 << 40, 1, 1) < (uint64_t)1 << 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_fixed_for_ever),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(unit_numbers_fill_the_interval),
        cmocka_unit_test(below_is_unbiased_and_in_range),
        cmocka_unit_test(normal_numbers_have_their_moments),
        cmocka_unit_test(truncated_normal_keeps_its_bounds),
        cmocka_unit_test(permutations_meet_every_number_once),
        cmocka_unit_test(permutations_mix_and_depend_on_their_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
