/* winograd_weights_wide.h - gradients of a convolution of many input channels: matrix products.
 *
 * At each of the 64 points V' Z is a matrix product (C,tiles) x (tiles,K). All 64 would be
 * several MiB, so the rows of points are done one after the other: 8 points of V, of Z and of
 * the products lie in a second cache, and what a row leaves behind is transformed at once.
 * Making one row of points from a tile costs an eighth of making all, but for the loads.
 * Included by kernels' bodies. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_WEIGHTS_WIDE_H
#define DCN_ENGINE_CPU_WINOGRAD_WEIGHTS_WIDE_H

#include "engine/cpu/winograd_transform.h"
#include "engine/cpu/winograd_weights.h"

/* ---- tiles to a row of points ---------------------------------------------------------------- */

/* Where the numbers of a tile are that lie inside an array (H,W,C): columns [first, end) of it. */
typedef struct tile_rows {
    const float *at[POINTS];      /* of column `first`; rows outside are zeros */
    int first, end;
} tile_rows;

VEC_INLINE tile_rows find_tile(const float *x, size_t H, size_t W, size_t C, ptrdiff_t row,
                               ptrdiff_t col, int size, const float *zeros)
{
    tile_rows t = { .first = col < 0 ? (int)-col : 0, .end = size };

    if (col + size > (ptrdiff_t)W)
        t.end = (ptrdiff_t)W > col ? (int)((ptrdiff_t)W - col) : 0;
    if (t.first > t.end)
        t.first = t.end;
    for (int r = 0; r < size; r++) {
        const ptrdiff_t i = row + r;

        t.at[r] = i < 0 || i >= (ptrdiff_t)H || t.first == t.end
                      ? zeros : x + ((size_t)i * W + (size_t)(col + t.first)) * C;
    }
    return t;
}

/* Point row p of the input's tile, channels [c, c + LANES). */
VEC_INLINE void input_points(const tile_rows *t, size_t C, size_t c, float *v, size_t stride, int p)
{
    vec half[POINTS], out[POINTS];

    VEC_EACH (s, POINTS) {
        vec d[POINTS], point[POINTS];

        if (s < t->first || s >= t->end) {
            half[s] = vec_zero();
            continue;
        }
        VEC_EACH (r, POINTS)
            d[r] = vec_load(t->at[r] + (size_t)(s - t->first) * C + c);
        transform_input(d, point);
        half[s] = point[p];
    }
    transform_input(half, out);
    VEC_EACH (q, POINTS)
        vec_store(v + (size_t)q * stride + c, out[q]);
}

/* Point row p of the signal's tile. */
VEC_INLINE void signal_points(const tile_rows *t, size_t K, size_t k, float *z, size_t stride,
                              int p, int m)
{
    vec half[6], out[POINTS];

    VEC_EACH (s, m) {
        vec g[6], point[POINTS];

        if (s >= t->end) {
            half[s] = vec_zero();
            continue;
        }
        VEC_EACH (r, m)
            g[r] = vec_load(t->at[r] + (size_t)s * K + k);
        transform_gradient(g, point, m);
        half[s] = point[p];
    }
    transform_gradient(half, out, m);
    VEC_EACH (q, POINTS)
        vec_store(z + (size_t)q * stride + k, out[q]);
}

VEC_INLINE void wide_input_row(const dcn__winograd *a, const float *x, size_t t, const float *zeros,
                               float *v, size_t stride, int p)
{
    const tile_rows tile = find_tile(x, a->H, a->W, a->C,
                                     (ptrdiff_t)(t / a->tw * a->m) - (ptrdiff_t)a->top,
                                     (ptrdiff_t)(t % a->tw * a->m) - (ptrdiff_t)a->left, POINTS,
                                     zeros);

    for (size_t c = 0; c < a->C; c += LANES)
        input_points(&tile, a->C, c, v, stride, p);
}

VEC_INLINE void wide_signal_row(const dcn__winograd *a, const float *s, size_t t,
                                const float *zeros, float *z, size_t stride, int p, int m)
{
    const tile_rows tile = find_tile(s, a->h, a->w, a->K, (ptrdiff_t)(t / a->tw * a->m),
                                     (ptrdiff_t)(t % a->tw * a->m), m, zeros);

    for (size_t k = 0; k < a->K; k += LANES)
        signal_points(&tile, a->K, k, z, stride, p, m);
}

typedef void tile_points(const dcn__winograd *a, const float *x, size_t t, const float *zeros,
                         float *v, size_t stride);

#define WIDE(p)                                                                                    \
    static void wide_input_##p(const dcn__winograd *a, const float *x, size_t t,                   \
                               const float *zeros, float *v, size_t stride)                        \
    {                                                                                              \
        wide_input_row(a, x, t, zeros, v, stride, p);                                              \
    }                                                                                              \
    static void wide_signal_4_##p(const dcn__winograd *a, const float *s, size_t t,                \
                                  const float *zeros, float *z, size_t stride)                     \
    {                                                                                              \
        wide_signal_row(a, s, t, zeros, z, stride, p, 4);                                          \
    }                                                                                              \
    static void wide_signal_6_##p(const dcn__winograd *a, const float *s, size_t t,                \
                                  const float *zeros, float *z, size_t stride)                     \
    {                                                                                              \
        wide_signal_row(a, s, t, zeros, z, stride, p, 6);                                          \
    }

WIDE(0)
WIDE(1)
WIDE(2)
WIDE(3)
WIDE(4)
WIDE(5)
WIDE(6)
WIDE(7)
#undef WIDE

#define WIDE(name)                                                                                 \
    { name##_0, name##_1, name##_2, name##_3, name##_4, name##_5, name##_6, name##_7 }
static tile_points *const wide_inputs[POINTS] = WIDE(wide_input);
static tile_points *const wide_signals[2][POINTS] = { WIDE(wide_signal_4), WIDE(wide_signal_6) };
#undef WIDE

static void wide_input(const dcn__winograd *a, const float *x, size_t t, int p, const float *zeros,
                       float *v, size_t stride)
{
    wide_inputs[p](a, x, t, zeros, v, stride);
}

static void wide_signal(const dcn__winograd *a, const float *s, size_t t, int p, const float *zeros,
                        float *z, size_t stride)
{
    wide_signals[a->m == 6][p](a, s, t, zeros, z, stride);
}

/* ---- the products at one point --------------------------------------------------------------- */

#if DCN__VEC == 16
enum { SUM_ROWS = 6, SUM_VECTORS = 4 };      /* of a block of sums: 24 of 32 registers */
#else
enum { SUM_ROWS = 6, SUM_VECTORS = 2 };      /* 12 of 16 */
#endif

VEC_INLINE void sums(const float *v, size_t tiles, size_t C, const float *z, size_t K, float *du,
                     bool more, int rows, int vectors)
{
    vec sum[SUM_ROWS][SUM_VECTORS];

    VEC_EACH (r, rows)
        VEC_EACH (k, vectors)
            sum[r][k] = more ? vec_load(du + (size_t)r * K + k * LANES) : vec_zero();
    for (size_t t = 0; t < tiles; t++, v += C, z += K) {
        vec f[SUM_VECTORS];

        VEC_EACH (k, vectors)
            f[k] = vec_load(z + k * LANES);
        VEC_EACH (r, rows) {
            const vec x = vec_all(v[r]);

            VEC_EACH (k, vectors)
                sum[r][k] = vec_fma(x, f[k], sum[r][k]);
        }
    }
    VEC_EACH (r, rows)
        VEC_EACH (k, vectors)
            vec_store(du + (size_t)r * K + k * LANES, sum[r][k]);
}

typedef void sums_of(const float *v, size_t tiles, size_t C, const float *z, size_t K, float *du,
                     bool more);

#define SUMS(rows, vectors)                                                                        \
    static void sums_##rows##_##vectors(const float *v, size_t tiles, size_t C, const float *z,    \
                                        size_t K, float *du, bool more)                            \
    {                                                                                              \
        sums(v, tiles, C, z, K, du, more, rows, vectors);                                          \
    }
#define EVERY_SUMS(vectors)                                                                        \
    SUMS(1, vectors)                                                                               \
    SUMS(2, vectors)                                                                               \
    SUMS(3, vectors)                                                                               \
    SUMS(4, vectors) SUMS(5, vectors) SUMS(6, vectors)
#define SUMS_LIST(vectors)                                                                         \
    { sums_1_##vectors, sums_2_##vectors, sums_3_##vectors, sums_4_##vectors, sums_5_##vectors,    \
      sums_6_##vectors }

EVERY_SUMS(1)
EVERY_SUMS(2)
#if DCN__VEC == 16
EVERY_SUMS(3)
EVERY_SUMS(4)
static sums_of *const every_sums[SUM_VECTORS][SUM_ROWS] = { SUMS_LIST(1), SUMS_LIST(2),
                                                            SUMS_LIST(3), SUMS_LIST(4) };
#else
static sums_of *const every_sums[SUM_VECTORS][SUM_ROWS] = { SUMS_LIST(1), SUMS_LIST(2) };
#endif

static void wide_sums(const float *v, const float *z, size_t tiles, size_t C, size_t K, float *du,
                      bool more)
{
    for (size_t k = 0; k < K; k += SUM_VECTORS * LANES) {
        const size_t left = (K - k) / LANES, vectors = left < SUM_VECTORS ? left : SUM_VECTORS;

        for (size_t c = 0; c < C; c += SUM_ROWS) {
            const size_t rows = C - c < SUM_ROWS ? C - c : SUM_ROWS;

            every_sums[vectors - 1][rows - 1](v + c, tiles, C, z + k, K, du + c * K + k, more);
        }
    }
}

/* ---- points to taps -------------------------------------------------------------------------- */

VEC_INLINE void taps_of(const float *u, size_t from, size_t n, float *w, size_t to, int r)
{
    for (size_t i = 0; i < n; i += LANES) {
        vec in[POINTS], out[5];

        VEC_EACH (p, POINTS)
            in[p] = vec_load(u + (size_t)p * from + i);
        transform_taps(in, out, r);
        VEC_EACH (j, r)
            vec_store(w + (size_t)j * to + i, out[j]);
    }
}

static void wide_taps(const float *u, size_t from, size_t n, float *w, size_t to, size_t r)
{
    if (r == 5)
        taps_of(u, from, n, w, to, 5);
    else
        taps_of(u, from, n, w, to, 3);
}

#endif
