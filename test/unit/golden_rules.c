/* Whole numbers through every operator and every rule: engines against PyTorch (rules.safetensors)
 * and TensorFlow (ties.safetensors). Nothing is rounded there, so the tolerance is 0. */
#include "golden_common.h"

static void case_is_equal(void **state)
{
    golden_agrees(*state, 5);
}

/* The comparison itself: a test that cannot fail proves nothing. */
static void a_wrong_number_is_seen(void **state)
{
    const float want[4] = { 1.0f, -2.0f, 0.0f, 4.0f }, tolerance[4] = { 0.5f, 0.5f, 0.0f, 0.5f };
    const float bad[] = { 3.0f, NAN, INFINITY, -INFINITY, 1e-30f };
    float got[8] = { 1.0f, 99.0f, -2.25f, 99.0f, 0.0f, 99.0f, 4.5f, 99.0f };
    float infinite[1] = { INFINITY }, opposite[1] = { -INFINITY }, nan[1] = { NAN };

    (void)state;
    assert_int_equal(golden_difference(want, want, 4, 1, NULL, 0), -1);
    assert_int_equal(golden_difference(got, want, 4, 2, tolerance, 4), -1);
    assert_int_equal(golden_difference(got, want, 4, 2, NULL, 0), 3);
    assert_int_equal(golden_difference(got, want, 4, 2, tolerance + 2, 1), 3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        got[4] = bad[i];
        assert_int_equal(golden_difference(got, want, 4, 2, tolerance, 4), 2);
    }
    assert_int_equal(golden_difference(infinite, infinite, 1, 1, NULL, 0), -1);
    assert_int_equal(golden_difference(infinite, opposite, 1, 1, NULL, 0), 0);
    assert_int_equal(golden_difference(nan, nan, 1, 1, NULL, 0), -1);
}

#define CASE(file, name, engine, spare, threads, lean)                                           \
    { name ", " engine ", " #spare " spare, " #threads " threads, lean " #lean, case_is_equal,    \
      NULL, NULL, &(golden_test){ file, name, engine, spare, threads, lean, 0 } }
/* A batch that is full on one thread, and ones with room that are cut among two. */
#define CASES(file, name)                                                                        \
    CASE(file, name, "ref", 0, 1, 0), CASE(file, name, "ref", 5, 2, 1),                          \
    CASE(file, name, "ref64", 0, 1, 0), CASE(file, name, "ref64", 5, 2, 1),                      \
    CASE(file, name, "cpu", 0, 1, 0), CASE(file, name, "cpu", 5, 2, 0),                          \
    CASE(file, name, "cpu", 0, 1, 1), CASE(file, name, "cpu", 30, 2, 1)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_number_is_seen),
        CASES("rules.safetensors", "branches"),
        CASES("rules.safetensors", "deep"),
        CASES("ties.safetensors", "odd"),
        CASES("ties.safetensors", "constant"),
        CASES("ties.safetensors", "overlap"),
        CASES("ties.safetensors", "valid"),
        CASES("ties.safetensors", "even"),
        CASES("ties.safetensors", "one"),
        CASES("ties.safetensors", "raw"),
        CASES("ties.safetensors", "explicit"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
