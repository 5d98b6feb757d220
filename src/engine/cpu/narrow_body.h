/* narrow_body.h - the loops of narrow.c: a vector holds channels of the input. */
#include "engine/cpu/narrow.h"
#include "engine/cpu/vec.h"

/* Sums in registers: MOST channels of the value times pictures, or times vectors of the input. With
 * 16 registers two pictures are taken at a time. */
enum { MOST = 5, VECTORS = DCN__NARROW_VECTORS, AT_ONCE = LANES == 16 ? 4 : 2 };

/* Taps [*first, *end) that meet the input from output i. */
VEC_INLINE void taps_inside(int i, int taps, int pad, int in, int *first, int *end)
{
    *first = i < pad ? pad - i : 0;
    *end = in + pad - i < taps ? in + pad - i : taps;
}

/* Outputs [*first, *end) whose tap t meets the input. */
VEC_INLINE void outputs_inside(int t, int pad, int in, int out, int *first, int *end)
{
    *first = t < pad ? pad - t : 0;
    *end = in + pad - t < out ? in + pad - t : out;
}

/* ---- forward -------------------------------------------------------------------------------- */

/* Channels [k, k + n) of one cell in AT_ONCE pictures. */
VEC_INLINE void cell(const dcn__narrow *a, const float *x, const float *w, const float *bias,
                     float *y, int i, int j, int k, int n)
{
    const size_t picture = (size_t)a->H * (size_t)a->W * (size_t)a->C;
    const size_t value = (size_t)a->h * (size_t)a->w * (size_t)a->K;
    const size_t at = ((size_t)i * (size_t)a->w + (size_t)j) * (size_t)a->K + (size_t)k;
    vec sum[AT_ONCE][MOST];
    int r0, r1, s0, s1;

    taps_inside(i, a->R, a->top, a->H, &r0, &r1);
    taps_inside(j, a->S, a->left, a->W, &s0, &s1);
    VEC_EACH (p, AT_ONCE)
        VEC_EACH (o, n)
            sum[p][o] = vec_zero();
    for (int r = r0; r < r1; r++)
        for (int s = s0; s < s1; s++) {
            const int row = i + r - a->top, column = j + s - a->left;
            const float *from = x + ((size_t)row * (size_t)a->W + (size_t)column) * (size_t)a->C;
            const float *f = w + ((size_t)(r * a->S + s) * (size_t)a->C) * (size_t)a->K +
                             (size_t)k * LANES;

            for (int c = 0; c < a->C; c += LANES, from += LANES, f += a->K * LANES) {
                vec v[AT_ONCE];

                VEC_EACH (p, AT_ONCE)
                    v[p] = vec_load(from + (size_t)p * picture);
                VEC_EACH (o, n) {
                    const vec b = vec_load(f + o * LANES);

                    VEC_EACH (p, AT_ONCE)
                        sum[p][o] = vec_fma(v[p], b, sum[p][o]);
                }
            }
        }
    VEC_EACH (p, AT_ONCE)
        VEC_EACH (o, n)
            y[(size_t)p * value + at + (size_t)o] =
                (bias ? bias[k + o] : 0) + vec_sum(sum[p][o]);
}

#define CELLS(n)                                                                                   \
    static void cells_##n(const dcn__narrow *a, const float *x, const float *w, const float *bias, \
                          float *y, int k)                                                         \
    {                                                                                              \
        for (int i = 0; i < a->h; i++)                                                             \
            for (int j = 0; j < a->w; j++)                                                         \
                cell(a, x, w, bias, y, i, j, k, n);                                                \
    }

CELLS(1)
CELLS(2)
CELLS(3)
CELLS(4)
CELLS(5)

/* The next of K channels' parts: as few as will do, of nearly the same size. */
VEC_INLINE int part_of(int K, int k)
{
    const int parts = (K - k + MOST - 1) / MOST;

    return (K - k + parts - 1) / parts;
}

static void forward(const dcn__narrow *a, const float *x, const float *w, const float *bias,
                    float *y)
{
    static void (*const cells[])(const dcn__narrow *, const float *, const float *, const float *,
                                 float *, int) = { cells_1, cells_2, cells_3, cells_4, cells_5 };
    const size_t picture = (size_t)a->H * (size_t)a->W * (size_t)a->C;
    const size_t value = (size_t)a->h * (size_t)a->w * (size_t)a->K;

    for (int k = 0; k < a->K; k += part_of(a->K, k))
        for (size_t p = 0; p < DCN__NARROW_PICTURES; p += AT_ONCE)
            cells[part_of(a->K, k) - 1](a, x + p * picture, w, bias, y + p * value, k);
}

/* ---- weights -------------------------------------------------------------------------------- */

/* dw of tap (r,t), channels [c, c + VECTORS*LANES) of the input and n of the value. */
VEC_INLINE void tap(const dcn__narrow *a, const float *x, const float *s, int pictures, int r,
                    int t, float *dw, int n)
{
    const size_t picture = (size_t)a->H * (size_t)a->W * (size_t)a->C;
    const size_t value = (size_t)a->h * (size_t)a->w * (size_t)a->K;
    vec sum[MOST][VECTORS];
    int i0, i1, j0, j1;

    outputs_inside(r, a->top, a->H, a->h, &i0, &i1);
    outputs_inside(t, a->left, a->W, a->w, &j0, &j1);
    VEC_EACH (o, n)
        VEC_EACH (v, VECTORS)
            sum[o][v] = vec_zero();
    for (int p = 0; p < pictures; p++, x += picture, s += value)
        for (int i = i0; i < i1; i++) {
            const int row = i + r - a->top, column = j0 + t - a->left;
            const float *from = x + ((size_t)row * (size_t)a->W + (size_t)column) * (size_t)a->C;
            const float *signal = s + ((size_t)i * (size_t)a->w + (size_t)j0) * (size_t)a->K;

            for (int j = j0; j < j1; j++, from += a->C, signal += a->K) {
                vec f[VECTORS];

                VEC_EACH (v, VECTORS)
                    f[v] = vec_load(from + v * LANES);
                VEC_EACH (o, n) {
                    const vec b = vec_all(signal[o]);

                    VEC_EACH (v, VECTORS)
                        sum[o][v] = vec_fma(f[v], b, sum[o][v]);
                }
            }
        }
    VEC_EACH (o, n)
        VEC_EACH (v, VECTORS)
            vec_store(dw + o * a->C + v * LANES, sum[o][v]);
}

#define TAPS(n)                                                                                    \
    static void taps_##n(const dcn__narrow *a, const float *x, const float *s, int pictures,       \
                         float *dw)                                                                \
    {                                                                                              \
        for (int r = 0; r < a->R; r++)                                                             \
            for (int t = 0; t < a->S; t++, dw += a->K * a->C)                                      \
                tap(a, x, s, pictures, r, t, dw, n);                                               \
    }

TAPS(1)
TAPS(2)
TAPS(3)
TAPS(4)
TAPS(5)

static void weights(const dcn__narrow *a, const float *x, const float *s, int n, float *dw)
{
    static void (*const taps[])(const dcn__narrow *, const float *, const float *, int,
                                float *) = { taps_1, taps_2, taps_3, taps_4, taps_5 };

    for (int c = 0; c < a->C; c += VECTORS * LANES)
        for (int k = 0; k < a->K; k += part_of(a->K, k))
            taps[part_of(a->K, k) - 1](a, x + c, s + k, n, dw + (size_t)k * (size_t)a->C + c);
}

const dcn__narrow_loops DCN__NARROW_LOOPS = { .lanes = LANES, .vectors = VECTORS,
                                              .forward = forward, .weights = weights };
