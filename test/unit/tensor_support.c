/* Tests of the tests: each comparison must catch what it is for, down to one wrong element of a
 * kernel. */
#include "random_graph.h"

#include "engine/plan.h"
#include "engine/ref/ref.h"
#include "tensor/layout.h"

static void differences_are_seen(void **state)
{
    const float a[4] = { 1, -2, 0, 1e30f };
    float b[4];

    (void)state;
    memcpy(b, a, sizeof a);
    assert_null(difference(b, a, 4, 0, 0));
    b[1] = nextafterf(-2, 0);
    assert_non_null(difference(b, a, 4, 0, 0));
    assert_null(difference(b, a, 4, 1e-6, 0));
    assert_null(difference(b, a, 4, 0, 1e-6));
    memcpy(b, a, sizeof a);
    b[2] = -0.0f;   /* equal as a number, not as bits */
    assert_null(difference(b, a, 4, 0, 0));
    assert_true(memcmp(b, a, sizeof a) != 0);
}

/* No tolerance lets a NaN or an infinity through, on either side. */
static void nan_and_infinity_come_first(void **state)
{
    static const float odd[] = { NAN, INFINITY, -INFINITY };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        const float fine[3] = { 1, 2, 3 }, bad[3] = { 1, 2, odd[i] };

        assert_non_null(difference(bad, fine, 3, INFINITY, INFINITY));
        assert_non_null(difference(fine, bad, 3, INFINITY, INFINITY));
        assert_null(difference(bad, bad, 3, 0, 0));
        for (size_t k = 0; k < COUNT(odd); k++)
            if (k != i)
                assert_non_null(difference(&odd[i], &odd[k], 1, INFINITY, INFINITY));
    }
    {   /* even if an earlier element is off by a little */
        const float want[2] = { 1, 2 }, got[2] = { 1.5f, NAN };

        assert_non_null(strstr(difference(got, want, 2, 0, 0), "at 1 of 2"));
    }
}

static void outputs_begin_as_nan_between_guards(void **state)
{
    float *x = new_output(5);

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(isnan(x[i]));
    assert_true(guards_whole(x, 5));
    x[5] = 0;
    assert_false(guards_whole(x, 5));
    x[5] = GUARD_VALUE;
    x[-1] = 0;
    assert_false(guards_whole(x, 5));
    x[-1] = GUARD_VALUE;
    x[4] = 0;
    free_output(x, 5);
}

static void fills_are_fixed(void **state)
{
    float a[1000], b[1000];
    int seen[7] = { 0 };

    (void)state;
    fill_integers(a, 1000, 1, 3);
    fill_integers(b, 1000, 1, 3);
    assert_same_bits(a, b, 1000, "a fill");
    fill_integers(b, 1000, 2, 3);
    assert_true(memcmp(a, b, sizeof a) != 0);
    for (int i = 0; i < 1000; i++)
        seen[(int)a[i] + 3]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 90, 200);
    fill_reals(a, 1000, 1);
    for (int i = 0; i < 1000; i++)
        assert_true(a[i] >= -1 && a[i] < 1);
}

/* ---- a wrong kernel is caught ------------------------------------------------------------------- */

enum { WRONG_ELEMENT, WRONG_PLACE, MISSING, WRONGS };
static int wrong;
static void (*right_run)(const dcn__kernel *k, const dcn__frame *frame);

/* The right kernel, then one small fault in what it wrote. */
static void wrong_run(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    float *y = f->slots[k->step->write];
    const size_t n = ref_size(k->out);

    right_run(kernel, f);
    if (wrong == WRONG_ELEMENT)
        y[n - 1] = nextafterf(y[n - 1], INFINITY);
    else if (wrong == WRONG_PLACE)
        y[0] = y[1];
    else
        y[n / 2] = NAN;
}

static void a_wrong_kernel_is_caught(void **state)
{
    dcn_graph *g = graph_of("input 6x6x2; conv filters=3 kernel=3");
    const size_t n_in = size_of(g, 0), n = size_of(g, 1);
    float x[72], *right = new_output(n), *got = new_output(n);

    (void)state;
    assert_int_equal(n_in, COUNT(x));
    set_weights(g, 1, 3, 0);
    fill_integers(x, n_in, 2, 3);
    for (wrong = -1; wrong < WRONGS; wrong++) {
        dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .threads = 1 });

        if (wrong >= 0) {
            right_run = p->forward.kernels[0]->run;
            p->forward.kernels[0]->run = wrong_run;
        }
        dcn_plan_forward(p, x, 1);
        must(dcn_plan_value(p, 1, wrong < 0 ? right : got, &err));
        if (wrong >= 0)
            assert_non_null(difference(got, right, n, 0, 0));
        dcn_plan_destroy(p);
    }
    dcn_graph_destroy(g);
    free_output(right, n);
    free_output(got, n);
}

static void orders_of_kernels(void **state)
{
    enum { H = 2, W = 3, I = 4, O = 5, N = H * W * I * O };
    float hwio[N], oihw[N], back[N];

    (void)state;
    fill_reals(hwio, N, 1);
    dcn__hwio_to_oihw(oihw, hwio, H, W, I, O);
    for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++)
            for (int h = 0; h < H; h++)
                for (int w = 0; w < W; w++)
                    assert_true(oihw[((o * I + i) * H + h) * W + w] == hwio[((h * W + w) * I + i) * O + o]);
    dcn__oihw_to_hwio(back, oihw, H, W, I, O);
    assert_same_bits(back, hwio, N, "there and back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_seen),
        cmocka_unit_test(nan_and_infinity_come_first),
        cmocka_unit_test(outputs_begin_as_nan_between_guards),
        cmocka_unit_test(fills_are_fixed),
        cmocka_unit_test(a_wrong_kernel_is_caught),
        cmocka_unit_test(orders_of_kernels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
