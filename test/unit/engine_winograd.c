/* Winograd's convolution against the definition in double, for every instruction set that this machine
 * has: values within the bound that winograd.h promises, and winners of a max pool that are those of
 * exact sums. Whole plans are engine_winograd_plans.c's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/winograd.h"

#define UNIT 0x1p-24              /* half of the last bit of 1 */

#ifdef __SANITIZE_ADDRESS__
enum { LAYERS = 20 };             /* the definition is slow there */
#else
enum { LAYERS = 60 };
#endif
enum { GUARD = 16 };              /* in floats */

/* What a layer's numbers are like. */
typedef enum fill { NORMAL, RECTIFIED, HUGE_ONE, SPARSE, FLAT, POSITIVE, WHOLE, TIES, FILLS } fill;

static const char *const names[FILLS] = { "normal", "rectified", "one huge number", "mostly zeros",
                                          "flat patches", "positive", "whole", "whole, many ties" };

typedef struct layer {
    dcn__winograd a;
    const dcn__winograd_loops *loops;
    size_t n;                     /* pictures */
    fill kind;
    bool relu, pool, settled;
    size_t pool_h, pool_w;
    float *x, *w, *bias, *u, *norms, *taps;
    char line[200];
} layer;

typedef struct result { float *y; uint8_t *switches; } result;

static const dcn__winograd_loops *loops_at(int i)
{
    const dcn__isa isa = dcn__dnn_isa();

    return i == 0 ? &dcn__winograd_plain
           : i == 1 && isa >= DCN__ISA_AVX2 ? &dcn__winograd_avx2
           : i == 2 && isa >= DCN__ISA_AVX512 ? &dcn__winograd_avx512 : NULL;
}

static float *floats(size_t n)
{
    float *p = dcn__alloc_aligned(n * sizeof *p);

    assert_non_null(p);
    return p;
}

static size_t below(dcn__random *r, size_t n)
{
    return (size_t)dcn__random_below(r, n);
}

static float draw(fill kind, dcn__random *r)
{
    const double t = dcn__random_normal(r);

    switch (kind) {
    case RECTIFIED:
    case POSITIVE:
        return t < 0 ? 0 : (float)t;
    case SPARSE:
        return below(r, 50) ? 0 : (float)t;
    case WHOLE:
        return (float)below(r, 9) - 4;
    case TIES:
        return (float)below(r, 2);
    default:
        return (float)t;
    }
}

/* Rectangles of equal cells, over more than a window. */
static void flatten(const layer *l, dcn__random *r)
{
    const size_t H = l->a.H, W = l->a.W, C = l->a.C;

    for (size_t i = 0; i < l->n * H; i++)
        for (size_t j = 0; j < W; j++)
            if (i % H > 1 && j > 1)
                memcpy(l->x + (i * W + j) * C, l->x + ((i / H * H + 1) * W + 1) * C,
                       C * sizeof *l->x);
    for (size_t i = 0; i < l->n; i++)
        l->x[below(r, l->n * H * W * C)] += 1;
}

static void fill_layer(layer *l, dcn__random *r)
{
    const dcn__winograd *a = &l->a;
    const size_t size = l->n * a->H * a->W * a->C;
    const bool whole = l->kind == WHOLE || l->kind == TIES;

    for (size_t i = 0; i < size; i++)
        l->x[i] = draw(l->kind, r);
    for (size_t i = 0; i < a->r * a->r * a->C * a->K; i++) {
        const double t = dcn__random_normal(r) / 5;

        l->w[i] = whole ? (float)below(r, 3) - 1 : l->kind == POSITIVE ? (float)fabs(t) : (float)t;
    }
    for (size_t k = 0; k < a->K; k++)
        l->bias[k] = whole ? (float)below(r, 5) - 2 : (float)dcn__random_normal(r);
    if (l->kind == HUGE_ONE)
        l->x[below(r, size)] = 1e4f;
    if (l->kind == FLAT)
        flatten(l, r);
}

static void open_layer(layer *l, const dcn__winograd_loops *loops, fill kind, dcn__random *r)
{
    const size_t taps = below(r, 2) ? 5 : 3, most = loops->lanes < 16 ? 7 : 4;
    dcn__winograd *a = &l->a;

    *l = (layer){ .loops = loops, .kind = kind, .n = 1 + below(r, 4),
                  .relu = below(r, 3) };
    a->r = taps, a->m = 9 - taps;
    a->H = taps + below(r, 15), a->W = taps + below(r, 15);
    a->C = loops->lanes * (1 + below(r, most)), a->K = loops->lanes * (1 + below(r, most));
    a->top = below(r, taps), a->left = below(r, taps);
    a->h = a->H + a->top + 1 - taps + below(r, taps), a->w = a->W + a->left + 1 - taps + below(r, taps);
    a->th = (a->h + a->m - 1) / a->m, a->tw = (a->w + a->m - 1) / a->m;
    a->tiles = a->th * a->tw;
    a->block = 1 + below(r, 40);
    a->v_stride = a->block * a->C + below(r, 2) * 16;
    a->m_stride = a->block * a->K + below(r, 2) * 16;
    l->x = floats(l->n * a->H * a->W * a->C);
    l->w = floats(taps * taps * a->C * a->K);
    l->taps = floats(taps * taps * a->C * a->K);
    l->u = floats(DCN__POINTS * a->C * a->K);
    l->bias = floats(a->K);
    l->norms = floats(a->K);
    fill_layer(l, r);
    dcn__winograd_pack(a, loops, false, l->w, l->u);
    dcn__winograd_pack_norms(a, l->w, l->norms, l->taps);
    snprintf(l->line, sizeof l->line, "%zu lanes, %s, n%zu h%zu w%zu c%zu k%zu r%zu p%zu,%zu to %zux%zu",
             loops->lanes, names[kind], l->n, a->H, a->W, a->C, a->K, taps, a->top, a->left, a->h,
             a->w);
}

static void close_layer(layer *l)
{
    dcn__free_aligned(l->x);
    dcn__free_aligned(l->w);
    dcn__free_aligned(l->taps);
    dcn__free_aligned(l->u);
    dcn__free_aligned(l->bias);
    dcn__free_aligned(l->norms);
}

static size_t result_size(const layer *l)
{
    return l->n * l->a.K * (l->pool ? l->pool_h * l->pool_w : l->a.h * l->a.w);
}

/* Full of NaN before, and with guards behind. */
static result run_layer(const layer *l, int threads)
{
    const size_t size = result_size(l), bytes = dcn__winograd_scratch(&l->a, threads);
    result to = { floats(size + GUARD), dcn__alloc(size + GUARD) };
    float *scratch = floats(bytes / sizeof *scratch + GUARD);
    const dcn__winograd_end end = { .bias = l->bias, .relu = l->relu, .pool = l->pool,
                                    .pool_h = l->pool_h, .pool_w = l->pool_w, .y = to.y,
                                    .switches = to.switches,
                                    .norms = l->settled ? l->norms : NULL, .taps = l->taps };
    const int token = dcn__cpu_enter(threads);

    memset(to.y, 0xff, (size + GUARD) * sizeof *to.y);
    memset(to.switches, 0xff, size + GUARD);
    memset(scratch, 0xff, bytes + GUARD * sizeof *scratch);
    dcn__winograd_forward(&l->a, l->loops, l->u, l->x, l->n, &end, scratch, threads);
    dcn__cpu_leave(token);
    for (size_t i = 0; i < GUARD; i++)
        if (!isnan(to.y[size + i]) || !isnan(scratch[bytes / sizeof *scratch + i]) ||
            to.switches[size + i] != 0xff)
            fail_msg("%s: wrote beside its arrays", l->line);
    dcn__free_aligned(scratch);
    return to;
}

static void close_result(result *r)
{
    dcn__free_aligned(r->y);
    dcn__free(r->switches);
}

/* ---- the definition -------------------------------------------------------------------------- */

typedef struct sum { double value, absolute; } sum;      /* absolute: of absolute values */

static sum sum_at(const layer *l, size_t n, size_t i, size_t j, size_t k)
{
    const dcn__winograd *a = &l->a;
    sum s = { (double)l->bias[k], fabs((double)l->bias[k]) };

    for (size_t p = 0; p < a->r; p++)
        for (size_t q = 0; q < a->r; q++) {
            const size_t y = i + p - a->top, x = j + q - a->left;

            for (size_t c = 0; y < a->H && x < a->W && c < a->C; c++) {
                const double t = (double)l->x[((n * a->H + y) * a->W + x) * a->C + c] *
                                 (double)l->w[((p * a->r + q) * a->C + c) * a->K + k];

                s.value += t;
                s.absolute += fabs(t);
            }
        }
    return s;
}

/* What the error of output (i, j, k) must stay below: the 2-norms of what its tile sees and of the
 * weights, times the constant of winograd.h; and the rounding of its bias. */
static double bound_at(const layer *l, size_t n, size_t i, size_t j, size_t k)
{
    const dcn__winograd *a = &l->a;
    double tile = 0, weights = 0;

    for (size_t p = 0; p < DCN__TILE; p++)
        for (size_t q = 0; q < DCN__TILE; q++) {
            const size_t y = i / a->m * a->m + p - a->top, x = j / a->m * a->m + q - a->left;

            for (size_t c = 0; y < a->H && x < a->W && c < a->C; c++) {
                const double t = (double)l->x[((n * a->H + y) * a->W + x) * a->C + c];

                tile += t * t;
            }
        }
    for (size_t t = 0; t < a->r * a->r * a->C; t++)
        weights += (double)l->w[t * a->K + k] * (double)l->w[t * a->K + k];
    return (double)DCN__WINOGRAD_ERROR * sqrt(tile * weights) +
           4 * UNIT * fabs(sum_at(l, n, i, j, k).value) + 1e-36;
}

static void check_values(const layer *l, const result *got, dcn__random *r)
{
    const dcn__winograd *a = &l->a;

    for (size_t at = 0; at < l->n * a->h * a->w; at++) {
        const size_t n = at / (a->h * a->w), i = at / a->w % a->h, j = at % a->w, k = below(r, a->K);
        const double want = sum_at(l, n, i, j, k).value, is = (double)got->y[at * a->K + k];

        if (!(fabs(is - want) <= bound_at(l, n, i, j, k)))
            fail_msg("%s: y[%zu,%zu,%zu,%zu] is %.9g, wanted %.9g +- %.2g", l->line, n, i, j, k, is,
                     want, bound_at(l, n, i, j, k));
    }
    for (size_t i = 0; i < result_size(l); i++)
        assert_true(isfinite(got->y[i]));
}

/* The winner by the definition, among sums that float arithmetic can tell apart; -1: it cannot. Whole
 * numbers are exact. */
static int winner_of(const layer *l, const sum four[4])
{
    const bool whole = l->kind == WHOLE || l->kind == TIES;
    const double terms = (double)(l->a.r * l->a.r * l->a.C) + 2;
    double value[4], error[4];
    int best = 0;

    for (int p = 0; p < 4; p++) {
        value[p] = l->relu && four[p].value < 0 ? 0 : four[p].value;
        error[p] = whole ? 0 : terms * UNIT * four[p].absolute;
        if (l->relu && four[p].value < -error[p])
            error[p] = 0;
        if (value[p] > value[best])
            best = p;
    }
    for (int p = 0; p < 4; p++)
        if (p != best && value[best] - value[p] <= error[best] + error[p] &&
            error[best] + error[p] > 0)
            return -1;
    return best;
}

static void check_window(const layer *l, const result *got, size_t n, size_t i, size_t j, size_t k)
{
    const size_t at = ((n * l->pool_h + i) * l->pool_w + j) * l->a.K + k;
    const double is = (double)got->y[at];
    sum four[4];
    double bound = 0, want = -INFINITY;
    int winner;

    for (int p = 0; p < 4; p++) {
        const size_t row = 2 * i + (size_t)p / 2, col = 2 * j + (size_t)p % 2;
        const double b = bound_at(l, n, row, col, k);

        four[p] = sum_at(l, n, row, col, k);
        bound = b > bound ? b : bound;
        want = four[p].value > want ? four[p].value : want;
    }
    want = l->relu && want < 0 ? 0 : want;
    if (!(fabs(is - want) <= bound))
        fail_msg("%s: y[%zu,%zu,%zu,%zu] is %.9g, wanted %.9g +- %.2g", l->line, n, i, j, k, is, want,
                 bound);
    winner = winner_of(l, four);
    if (l->settled && winner >= 0 && got->switches[at] != winner)
        fail_msg("%s: switch [%zu,%zu,%zu,%zu] is %d, wanted %d", l->line, n, i, j, k,
                 got->switches[at], winner);
    assert_true(got->switches[at] < 4);
}

static void pool_layer(layer *l, bool settled)
{
    l->pool = true;
    l->settled = settled;
    l->pool_h = l->a.h / 2, l->pool_w = l->a.w / 2;
}

/* ---- tests ----------------------------------------------------------------------------------- */

typedef void each_layer(layer *l, dcn__random *r);

static void all_layers(int seed, int first, int end, each_layer *check)
{
    for (int i = 0; i < 3; i++)
        for (int kind = first; kind < end && loops_at(i); kind++)
            for (int c = 0; c < LAYERS / 4; c++) {
                dcn__random r = dcn__random_stream((uint64_t)seed, (uint64_t)(i * FILLS + kind),
                                                   (uint64_t)c);
                layer l;

                open_layer(&l, loops_at(i), (fill)kind, &r);
                check(&l, &r);
                close_layer(&l);
            }
}

static void check_plain(layer *l, dcn__random *r)
{
    result got = run_layer(l, 1);

    check_values(l, &got, r);
    close_result(&got);
}

static void values_are_within_the_bound(void **state)
{
    (void)state;
    all_layers(1, 0, FILLS, check_plain);
}

static void check_pooled(layer *l, dcn__random *r)
{
    for (int settled = 0; settled < 2; settled++) {
        result got;

        pool_layer(l, settled);
        got = run_layer(l, 1);
        for (size_t at = 0; at < l->n * l->pool_h * l->pool_w; at++)
            for (int i = 0; i < 3; i++)
                check_window(l, &got, at / (l->pool_h * l->pool_w), at / l->pool_w % l->pool_h,
                             at % l->pool_w, below(r, l->a.K));
        close_result(&got);
    }
}

/* With whole numbers every switch, ties too. */
static void settled_winners_are_exact(void **state)
{
    (void)state;
    all_layers(2, 0, FILLS, check_pooled);
}

/* Where all that a window sees is the same everywhere, its first place wins, and the values of all such
 * windows are the same bits. */
static void check_flat(layer *l, dcn__random *r)
{
    const dcn__winograd *a = &l->a;
    const float *first = NULL;
    result got;

    (void)r;
    for (size_t i = 0; i < l->n * a->H * a->W; i++)
        memcpy(l->x + i * a->C, l->x, a->C * sizeof *l->x);
    pool_layer(l, true);
    got = run_layer(l, 1);
    for (size_t at = 0; at < l->n * l->pool_h * l->pool_w; at++) {
        const size_t i = 2 * (at / l->pool_w % l->pool_h), j = 2 * (at % l->pool_w);

        if (i < a->top || j < a->left || i + 1 + a->r > a->H + a->top || j + 1 + a->r > a->W + a->left)
            continue;
        if (!first)
            first = got.y + at * a->K;
        assert_memory_equal(first, got.y + at * a->K, a->K * sizeof *first);
        for (size_t k = 0; k < a->K; k++)
            if (got.switches[at * a->K + k])
                fail_msg("%s: switch %zu of window %zu is %d on flat ground", l->line, k, at,
                         got.switches[at * a->K + k]);
    }
    close_result(&got);
}

static void flat_ground_keeps_its_ties(void **state)
{
    (void)state;
    all_layers(3, RECTIFIED, RECTIFIED + 1, check_flat);
    all_layers(4, POSITIVE, POSITIVE + 1, check_flat);
    all_layers(5, WHOLE, WHOLE + 1, check_flat);
}

/* NaN, infinity and numbers whose products could overflow in the picture: a window that sees none of them
 * is as exact as ever, even where its tile sees one, for there the definition decides. */
static void check_strange(layer *l, dcn__random *r)
{
    const float strange[] = { NAN, INFINITY, -INFINITY, 3e38f, 1e20f };
    const size_t size = l->n * l->a.H * l->a.W * l->a.C;
    result got;

    l->x[below(r, size)] = strange[below(r, 5)];
    pool_layer(l, true);
    got = run_layer(l, 1);
    for (size_t at = 0; at < l->n * l->pool_h * l->pool_w; at++) {
        const size_t n = at / (l->pool_h * l->pool_w), i = 2 * (at / l->pool_w % l->pool_h);
        const size_t j = 2 * (at % l->pool_w), k = below(r, l->a.K);
        const double is = (double)got.y[at * l->a.K + k], tile = bound_at(l, n, i, j, k);
        double want = NAN, sums = 0;

        for (size_t p = 0; p < 4; p++) {
            const sum s = sum_at(l, n, i + p / 2, j + p % 2, k);
            const double value = l->relu && s.value < 0 ? 0 : s.value;

            /* A NaN never wins: see engine/ref/max_pool.c. */
            want = value > want || (isnan(want) && !isnan(value)) ? value : want;
            sums = s.absolute > sums || isnan(s.absolute) ? s.absolute : sums;
        }
        if (isfinite(sums) && sums > 1e10)
            continue;             /* whether it overflows depends on the order */
        if (isfinite(want) ? !(fabs(is - want) <= (double)(l->a.r * l->a.r * l->a.C + 2) * UNIT *
                                                          (isfinite(sums) ? sums : 1e3) +
                                                      (tile < 1 ? tile : 0))
                           : isnan(is) != isnan(want) || (!isnan(want) && is != want))
            fail_msg("%s: y[%zu,%zu,%zu,%zu] is %.9g, wanted %.9g", l->line, n, i / 2, j / 2, k, is,
                     want);
    }
    close_result(&got);
}

static void strange_numbers_stay_where_they_are_seen(void **state)
{
    (void)state;
    all_layers(6, NORMAL, RECTIFIED + 1, check_strange);
}

/* The pictures of a batch, cut in any way, have the bits that each has alone. */
static void check_cuts(layer *l, dcn__random *r)
{
    static const int threads[] = { 1, 2, 3, 7 };
    const size_t all = l->n, picture = l->a.H * l->a.W * l->a.C;
    float *const x = l->x;
    result first, again;

    if (below(r, 2))
        pool_layer(l, below(r, 2));
    first = run_layer(l, 1);
    for (size_t t = 1; t < 4; t++) {
        again = run_layer(l, threads[t]);
        assert_memory_equal(first.y, again.y, result_size(l) * sizeof *first.y);
        if (l->pool)
            assert_memory_equal(first.switches, again.switches, result_size(l));
        close_result(&again);
    }
    l->n = 1;
    for (size_t i = 0; i < all; i++) {
        const size_t size = result_size(l);

        l->x = x + i * picture;
        l->a.block = 1 + below(r, 50);
        l->a.v_stride = l->a.block * l->a.C, l->a.m_stride = l->a.block * l->a.K;
        again = run_layer(l, 1);
        assert_memory_equal(first.y + i * size, again.y, size * sizeof *first.y);
        close_result(&again);
    }
    l->x = x;
    l->n = all;
    close_result(&first);
}

static void cuts_change_no_bit(void **state)
{
    (void)state;
    all_layers(7, NORMAL, FLAT + 1, check_cuts);
}

/* The way down through a convolution is its adjoint: <conv(x), s> = <x, down(s)>. */
static void turned_is_the_adjoint(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < LAYERS && loops_at(i); c++) {
            dcn__random r = dcn__random_stream(8, (uint64_t)i, (uint64_t)c);
            double up = 0, down = 0, size = 0;
            layer l, back;
            dcn__winograd *b = &back.a;
            result y, x;

            open_layer(&l, loops_at(i), NORMAL, &r);
            memset(l.bias, 0, l.a.K * sizeof *l.bias);
            y = run_layer(&l, 1);
            back = l;
            b->H = l.a.h, b->W = l.a.w, b->h = l.a.H, b->w = l.a.W, b->C = l.a.K, b->K = l.a.C;
            b->top = l.a.r - 1 - l.a.top, b->left = l.a.r - 1 - l.a.left;
            b->th = (b->h + b->m - 1) / b->m, b->tw = (b->w + b->m - 1) / b->m;
            b->tiles = b->th * b->tw;
            b->v_stride = b->block * b->C, b->m_stride = b->block * b->K;
            back.bias = floats(b->K);
            back.x = floats(result_size(&l));
            for (size_t k = 0; k < result_size(&l); k++)
                back.x[k] = (float)dcn__random_normal(&r);
            dcn__winograd_pack(b, l.loops, true, l.w, l.u);
            x = run_layer(&back, 1);
            for (size_t k = 0; k < result_size(&l); k++) {
                up += (double)y.y[k] * (double)back.x[k];
                size += fabs((double)y.y[k] * (double)back.x[k]);
            }
            for (size_t k = 0; k < result_size(&back); k++)
                down += (double)x.y[k] * (double)l.x[k];
            if (!(fabs(up - down) <= (double)DCN__WINOGRAD_ERROR * size))
                fail_msg("%s: %.9g up, %.9g down", l.line, up, down);
            close_result(&x);
            close_result(&y);
            dcn__free_aligned(back.bias);
            dcn__free_aligned(back.x);
            close_layer(&l);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_within_the_bound),
        cmocka_unit_test(settled_winners_are_exact),
        cmocka_unit_test(flat_ground_keeps_its_ties),
        cmocka_unit_test(strange_numbers_stay_where_they_are_seen),
        cmocka_unit_test(cuts_change_no_bit),
        cmocka_unit_test(turned_is_the_adjoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("skipped: this build has no engine cpu\n");
    return 77;
}

#endif
