/* winograd_output.h - 64 products to a tile of outputs, and what comes behind: bias, or bias, ReLU
 * and a max pool whose switches are those of the exact sums.
 *
 * Winograd's rounding differs from place to place. Where two places of a pool's window are equal,
 * as on any even ground, it would pick the winner; so a winner that is not ahead by more than the
 * rounding can explain is DOUBTFUL, and its window is computed again by the definition, value and
 * place. Equal sums then stay equal, and the first one wins. Even ground is computed once and
 * copied: a plain background would cost as much as the definition. Included by kernels' bodies. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_OUTPUT_H
#define DCN_ENGINE_CPU_WINOGRAD_OUTPUT_H

#include "engine/cpu/winograd.h"
#include "engine/cpu/winograd_transform.h"

/* y = max(x, 0) that keeps NaN. */
VEC_INLINE vec rectify(vec x)
{
    return vec_pick(vec_zero(), x, vec_not_less(x, vec_zero()));
}

/* The winner of places 0..3 of a window, in row-major order; see engine/ref/max_pool.c for ties
 * and NaN. */
VEC_INLINE void store_winner(const vec v[4], float *y, uint8_t *switches)
{
    vec best = v[0], winner = vec_zero();

    VEC_EACH (p, 4) {
        const vec_mask take =
            vec_or(vec_more(v[p], best), vec_and_not(vec_nan(best), vec_nan(v[p])));

        best = vec_pick(best, v[p], take);
        winner = vec_pick(winner, vec_all((float)p), take);
    }
    vec_store(y, best);
    vec_store_bytes(switches, winner);
}

/* Lanes that are not certain, `v` being the sums before the ReLU. Certain: all four dead, or one
 * alive and ahead of the others; never with a NaN among them. */
VEC_INLINE uint32_t doubtful(const vec v[4], vec error, bool relu)
{
    const vec twice = vec_add(error, error);
    const vec_mask first = vec_more(v[1], v[0]);
    vec best = vec_pick(v[0], v[1], first);
    vec second = vec_pick(v[1], v[0], first);      /* the best of the others */
    vec_mask certain;

    VEC_EACH (p, 4)
        if (p >= 2) {
            const vec_mask ahead = vec_more(v[p], best);
            const vec loser = vec_pick(v[p], best, ahead);

            best = vec_pick(best, v[p], ahead);
            second = vec_pick(second, loser, vec_more(loser, second));
        }
    certain = vec_more(vec_sub(best, second), twice);
    if (relu) {
        certain = vec_and(certain, vec_more(best, error));
        certain = vec_or(certain, vec_more(vec_sub(vec_zero(), error), best));
    }
    /* A NaN among the four may have lost every comparison: their sum tells. */
    certain = vec_and_not(certain,
                          vec_nan(vec_add(vec_add(v[0], v[1]), vec_add(v[2], v[3]))));
    return ~vec_bits(certain) & ((1u << LANES) - 1);
}

/* The four sums of pool cell (pi, pj), by the definition, each product fused with its addition
 * where the machine can: LANES channels from k on, products in the definition's order. */
VEC_INLINE void sum_vectors(const dcn__winograd *a, const dcn__winograd_end *to, size_t pi,
                            size_t pj, size_t k, vec sum[4])
{
    const vec bias = to->bias ? vec_load(to->bias + k) : vec_zero();

    VEC_EACH (p, 4) {
        const ptrdiff_t top = (ptrdiff_t)(2 * pi) + p / 2 - (ptrdiff_t)a->top;
        const ptrdiff_t left = (ptrdiff_t)(2 * pj) + p % 2 - (ptrdiff_t)a->left;
        const float *w = to->weights + k;

        sum[p] = bias;
        for (ptrdiff_t i = top; i < top + (ptrdiff_t)a->r; i++)
            for (ptrdiff_t j = left; j < left + (ptrdiff_t)a->r; j++, w += a->C * a->K) {
                const float *x = to->x + (i * (ptrdiff_t)a->W + j) * (ptrdiff_t)a->C;

                if (i < 0 || i >= (ptrdiff_t)a->H || j < 0 || j >= (ptrdiff_t)a->W)
                    continue;
                for (size_t c = 0; c < a->C; c++)
                    sum[p] = vec_fma(vec_all(x[c]), vec_load(w + c * a->K), sum[p]);
            }
    }
}

/* One channel: LANES sums side by side, added up at the end. The padding's zeros are left out. */
VEC_INLINE void sum_channel(const dcn__winograd *a, const dcn__winograd_end *to, size_t pi,
                            size_t pj, size_t k, float four[4])
{
    const ptrdiff_t top = (ptrdiff_t)(2 * pi) - (ptrdiff_t)a->top;
    const ptrdiff_t left = (ptrdiff_t)(2 * pj) - (ptrdiff_t)a->left;
    const float *w = to->taps + k * a->r * a->r * a->C;
    vec sum[4] = { vec_zero(), vec_zero(), vec_zero(), vec_zero() };

    for (ptrdiff_t r = 0; r < (ptrdiff_t)a->r; r++)
        for (ptrdiff_t s = 0; s < (ptrdiff_t)a->r; s++, w += a->C) {
            const ptrdiff_t i = top + r, j = left + s, W = (ptrdiff_t)a->W, C = (ptrdiff_t)a->C;
            const float *x = to->x + (i * W + j) * C;
            bool inside[4];

            VEC_EACH (p, 4)
                inside[p] = i + p / 2 >= 0 && i + p / 2 < (ptrdiff_t)a->H && j + p % 2 >= 0 &&
                            j + p % 2 < W;
            if (inside[0] && inside[3])
                for (ptrdiff_t c = 0; c < C; c += LANES) {
                    const vec f = vec_load(w + c);

                    VEC_EACH (p, 4)
                        sum[p] = vec_fma(vec_load(x + (p / 2 * W + p % 2) * C + c), f, sum[p]);
                }
            else
                VEC_EACH (p, 4)
                    for (ptrdiff_t c = 0; inside[p] && c < C; c += LANES)
                        sum[p] = vec_fma(vec_load(x + (p / 2 * W + p % 2) * C + c),
                                         vec_load(w + c), sum[p]);
        }
    VEC_EACH (p, 4) {
        float lanes[LANES];

        vec_store(lanes, sum[p]);
        for (int n = LANES / 2; n; n /= 2)
            for (int l = 0; l < n; l++)
                lanes[l] += lanes[l + n];
        four[p] = lanes[0] + (to->bias ? to->bias[k] : 0);
    }
}

/* Even ground: all that the four places see is one number a channel. All of it lies in the
 * picture. */
VEC_INLINE bool is_even(const dcn__winograd *a, const dcn__winograd_end *to, size_t pi, size_t pj)
{
    const size_t i = 2 * pi - a->top, j = 2 * pj - a->left;     /* wrap where they are negative */
    const float *first = to->x + (i * a->W + j) * a->C;

    if (i + a->r + 1 > a->H || j + a->r + 1 > a->W || i > a->H || j > a->W)
        return false;
    for (size_t r = 0; r <= a->r; r++) {
        const float *row = first + r * a->W * a->C;

        if (memcmp(row, row + a->C, a->r * a->C * sizeof *row) != 0 ||
            memcmp(row, first, a->C * sizeof *row) != 0)
            return false;
    }
    return true;
}

/* On even ground with the same numbers as where it last was even: copies from there, true. */
static bool copy_even(const dcn__winograd *a, const dcn__winograd_end *to, size_t pi, size_t pj,
                      size_t k, uint32_t lanes)
{
    const size_t cell = pi * to->pool_w + pj, last = to->even[k / LANES];
    const size_t at = (2 * pi - a->top) * a->W + 2 * pj - a->left;
    const size_t before = (2 * ((last - 1) / to->pool_w) - a->top) * a->W +
                          2 * ((last - 1) % to->pool_w) - a->left;

    to->even[k / LANES] = (uint32_t)cell + 1;
    if (!last || memcmp(to->x + at * a->C, to->x + before * a->C, a->C * sizeof *to->x) != 0)
        return false;
    for (; lanes; lanes &= lanes - 1) {
        const size_t lane = k + (size_t)__builtin_ctz(lanes);

        to->y[cell * a->K + lane] = to->y[(last - 1) * a->K + lane];
        to->switches[cell * a->K + lane] = 0;
    }
    return true;
}

/* Computes `lanes` of a pool cell again, by the definition. */
static __attribute__((noinline)) void settle(const dcn__winograd *a,
                                             const dcn__winograd_end *to, size_t pi, size_t pj,
                                             size_t k, uint32_t lanes)
{
    const size_t cell = (pi * to->pool_w + pj) * a->K + k;
    float y[LANES], sums[4][LANES] = { { 0 } };
    uint8_t switches[LANES];
    vec sum[4];

    if (to->even && is_even(a, to, pi, pj) && copy_even(a, to, pi, pj, k, lanes))
        return;
    if (to->taps)
        for (uint32_t left = lanes; left; left &= left - 1) {
            const int lane = __builtin_ctz(left);
            float four[4];

            sum_channel(a, to, pi, pj, k + (size_t)lane, four);
            VEC_EACH (p, 4)
                sums[p][lane] = four[p];
        }
    else
        sum_vectors(a, to, pi, pj, k, sum);
    VEC_EACH (p, 4) {
        if (to->taps)
            sum[p] = vec_load(sums[p]);
        if (to->relu)
            sum[p] = rectify(sum[p]);
    }
    store_winner(sum, y, switches);
    for (; lanes; lanes &= lanes - 1) {
        const int lane = __builtin_ctz(lanes);

        to->y[cell + (size_t)lane] = y[lane];
        to->switches[cell + (size_t)lane] = switches[lane];
    }
}

VEC_INLINE void store_pooled(const dcn__winograd *a, const dcn__winograd_end *to, size_t row,
                             size_t col, size_t k, float norm, vec *y, int m)
{
    const vec error = to->norms ? vec_mul(vec_all(norm), vec_load(to->norms + k)) : vec_zero();

    VEC_EACH (i, m / 2)
        VEC_EACH (j, m / 2) {
            const size_t pi = row / 2 + (size_t)i, pj = col / 2 + (size_t)j;
            const size_t cell = (pi * to->pool_w + pj) * a->K + k;
            const vec *at = y + 2 * i * m + 2 * j;
            vec four[4] = { at[0], at[1], at[m], at[m + 1] };

            if (pi < to->pool_h && pj < to->pool_w) {
                const uint32_t lanes = to->norms ? doubtful(four, error, to->relu) : 0;

                if (to->relu)
                    VEC_EACH (p, 4)
                        four[p] = rectify(four[p]);
                store_winner(four, to->y + cell, to->switches + cell);
                if (lanes)
                    settle(a, to, pi, pj, k, lanes);
            }
        }
}

/* One tile, LANES channels from k on. p: its products, `stride` floats from one point to the next;
 * row, col: of its first output; norm: of what it saw of the picture, see winograd.h. */
VEC_INLINE void output_tile(const dcn__winograd *a, const float *p, size_t stride, size_t row,
                            size_t col, size_t k, float norm, const dcn__winograd_end *to, int m)
{
    const vec bias = to->bias ? vec_load(to->bias + k) : vec_zero();
    vec half[8][POINTS], y[8 * 8];

    for (int q = 0; q < POINTS; q++) {
        vec in[POINTS], out[8];

        VEC_EACH (r, POINTS)
            in[r] = vec_load(p + (size_t)(r * POINTS + q) * stride);
        transform_output(in, out, m);
        VEC_EACH (i, m)
            half[i][q] = out[i];
    }
    VEC_EACH (i, m) {
        transform_output(half[i], y + i * m, m);
        VEC_EACH (j, m)
            y[i * m + j] = vec_add(y[i * m + j], bias);
    }
    if (to->pool && m % 2 == 0) {
        store_pooled(a, to, row, col, k, norm, y, m);
        return;
    }
    VEC_EACH (i, m)
        VEC_EACH (j, m)
            if (row + (size_t)i < a->h && col + (size_t)j < a->w)
                vec_store(to->y + ((row + (size_t)i) * a->w + col + (size_t)j) * a->K + k,
                          y[i * m + j]);
}

#endif
