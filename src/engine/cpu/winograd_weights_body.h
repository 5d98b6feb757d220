/* winograd_weights_body.h - the inner loops of winograd_weights.h, once for every instruction
 * set.
 *
 * FEW input channels, the first layer's: the signal's points never leave the registers. Of each
 * tile only the columns' transform is kept, m x 8 vectors; the rows' is made where its 8 points
 * are multiplied by the input's, which are scalars, and added to sums that stay for several
 * tiles. */
#include "engine/cpu/winograd_transform.h"
#include "engine/cpu/winograd_weights.h"
#include "engine/cpu/winograd_weights_wide.h"

enum { MOST = 6 };                /* outputs a side of a tile */
enum { CHANNELS = DCN__IMAGE_CHANNELS, COLUMN = DCN__IMAGE_COLUMN };

/* ---- the signal ------------------------------------------------------------------------------ */

VEC_INLINE vec signal_at(const dcn__winograd_signal *s, size_t at)
{
    const vec v = vec_load(s->s + at);

    return s->y ? vec_pick(vec_zero(), v, vec_more(vec_load(s->y + at), vec_zero())) : v;
}

/* Columns [col, col + 2) of a tile from the pool's cells. g: [column][row]. Returns their sum. */
VEC_INLINE vec cells(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row, size_t col,
                     size_t k, vec g[2][MOST], int m)
{
    vec sum = vec_zero();

    VEC_EACH (i, m / 2) {
        const size_t pi = row / 2 + (size_t)i, pj = col / 2;
        const size_t at = (pi * s->pool_w + pj) * a->K + k;

        if (pi < s->pool_h && pj < s->pool_w) {
            const vec v = signal_at(s, at);

            VEC_EACH (p, 4)
                g[p % 2][2 * i + p / 2] =
                    vec_pick(vec_zero(), v, vec_bytes_equal(s->switches + at, (unsigned)p));
            sum = vec_add(sum, v);
        } else {
            VEC_EACH (p, 4)
                g[p % 2][2 * i + p / 2] = vec_zero();
        }
    }
    return sum;
}

/* The same without a pool. */
VEC_INLINE vec places(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row, size_t col,
                      size_t k, vec g[2][MOST], int m)
{
    vec sum = vec_zero();

    VEC_EACH (i, m)
        VEC_EACH (b, 2) {
            const size_t y = row + (size_t)i, x = col + (size_t)b;

            g[b][i] = y < a->h && x < a->w ? signal_at(s, (y * a->w + x) * a->K + k) : vec_zero();
            sum = vec_add(sum, g[b][i]);
        }
    return sum;
}

/* The columns of the tile at (row, col) to points, half: (8 points,m columns). Returns the sum
 * of the signal. */
VEC_INLINE vec signal_columns(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row,
                              size_t col, size_t k, float *half, int m)
{
    vec sum = vec_zero();

    VEC_EACH (j, m / 2) {
        const size_t at = col + 2 * (size_t)j;
        vec g[2][MOST];

        sum = vec_add(sum, s->switches ? cells(a, s, row, at, k, g, m)
                                       : places(a, s, row, at, k, g, m));
        VEC_EACH (b, 2) {
            vec z[POINTS];

            transform_gradient(g[b], z, m);
            VEC_EACH (p, POINTS)
                vec_store(half + (p * m + 2 * j + b) * LANES, z[p]);
        }
    }
    return sum;
}

/* ---- the signal as it is at the convolution -------------------------------------------------- */

/* LANES channels of a pool's cells. */
VEC_INLINE vec unpool_cells(const dcn__winograd *a, const dcn__winograd_signal *s, size_t k,
                            float *out)
{
    vec sum = vec_zero();

    for (size_t i = 0; i < s->pool_h; i++)
        for (size_t j = 0; j < s->pool_w; j++) {
            const size_t at = (i * s->pool_w + j) * a->K + k;
            const vec v = signal_at(s, at);

            VEC_EACH (p, 4) {
                const size_t y = 2 * i + (size_t)(p / 2), x = 2 * j + (size_t)(p % 2);

                if (y < a->h && x < a->w)
                    vec_store(out + (y * a->w + x) * a->K + k,
                              vec_pick(vec_zero(), v,
                                       vec_bytes_equal(s->switches + at, (unsigned)p)));
            }
            sum = vec_add(sum, v);
        }
    return sum;
}

static void unpool(const dcn__winograd *a, const dcn__winograd_signal *s, float *out, float *db)
{
    if (out && (2 * s->pool_h < a->h || 2 * s->pool_w < a->w))
        memset(out, 0, a->h * a->w * a->K * sizeof *out);
    for (size_t k = 0; k < a->K; k += LANES) {
        vec sum = vec_load(db + k);

        if (out)
            sum = vec_add(sum, unpool_cells(a, s, k, out));
        for (size_t i = 0; !out && i < a->h * a->w; i++)
            sum = vec_add(sum, vec_load(s->s + i * a->K + k));
        vec_store(db + k, sum);
    }
}

/* ---- few input channels ---------------------------------------------------------------------- */

/* Points of a row are worked on in this order, so that either half needs half of the transform. */
VEC_INLINE int point_of(int i)
{
    return i < 3 ? i : i == 3 ? 7 : i - 1;
}

/* Half the points of each row: du += sum over tiles. half: (tiles, 8 points, m); v: of the first
 * tile. All 8 at once want more registers than there are: 5 % slower with vectors of 16. */
VEC_INLINE void few_points(const float *half, size_t tiles, const float *v, float *du, int m, int C,
                           int first)
{
    for (int p = 0; p < POINTS; p++) {
        const float *z = half + p * m * LANES, *x = v + p * CHANNELS;
        vec sum[POINTS / 2][CHANNELS];

        VEC_EACH (i, POINTS / 2)
            VEC_EACH (c, C)
                sum[i][c] = vec_load(du + ((p * POINTS + first + i) * C + c) * LANES);
        for (size_t t = 0; t < tiles; t++, z += POINTS * m * LANES, x += POINTS * COLUMN) {
            vec g[MOST], at[POINTS];

            VEC_EACH (j, m)
                g[j] = vec_load(z + j * LANES);
            transform_gradient(g, at, m);
            VEC_EACH (i, POINTS / 2)
                VEC_EACH (c, C)
                    sum[i][c] = vec_fma(vec_all(x[point_of(first + i) * COLUMN + c]),
                                        at[point_of(first + i)], sum[i][c]);
        }
        VEC_EACH (i, POINTS / 2)
            VEC_EACH (c, C)
                vec_store(du + ((p * POINTS + first + i) * C + c) * LANES, sum[i][c]);
    }
}

/* Tiles whose half-made points stay in a first cache beside du. */
enum { AT_ONCE = 6 };

VEC_INLINE void few_row(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row, size_t k,
                        const float *v, float *half, float *du, float *db, int m, int C)
{
    vec sum = vec_load(db);
    const size_t parts = (a->tw + AT_ONCE - 1) / AT_ONCE;

    for (size_t part = 0; part < parts; part++) {
        const size_t first = a->tw * part / parts, end = a->tw * (part + 1) / parts;
        const float *x = v + first * POINTS * COLUMN;

        for (size_t t = first; t < end; t++)
            sum = vec_add(sum, signal_columns(a, s, row * a->m, t * a->m, k,
                                              half + (t - first) * POINTS * a->m * LANES, m));
        few_points(half, end - first, x, du, m, C, 0);
        few_points(half, end - first, x, du, m, C, POINTS / 2);
    }
    vec_store(db, sum);
}

#define FEW(m, C)                                                                                  \
    static void few_row_##m##_##C(const dcn__winograd *a, const dcn__winograd_signal *s,           \
                                  size_t row, size_t k, const float *v, float *half, float *du,    \
                                  float *db)                                                       \
    {                                                                                              \
        few_row(a, s, row, k, v, half, du, db, m, C);                                              \
    }

FEW(4, 1)
FEW(4, 2)
FEW(4, 3)
FEW(4, 4)
FEW(6, 1)
FEW(6, 2)
FEW(6, 3)
FEW(6, 4)

typedef void few_row_of(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row, size_t k,
                        const float *v, float *half, float *du, float *db);

static few_row_of *const few_rows_of[2][CHANNELS] = {
    { few_row_4_1, few_row_4_2, few_row_4_3, few_row_4_4 },
    { few_row_6_1, few_row_6_2, few_row_6_3, few_row_6_4 }
};

static void few_sums(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row, size_t k,
                     const float *v, float *room, float *du, float *db)
{
    few_rows_of[a->m == 6][a->C - 1](a, s, row, k, v, room, du, db);
}

/* ---- 64 points to taps ----------------------------------------------------------------------- */

/* u(p, q) stands at u[p * row + q * column]; tap (i, j) goes to dw[(i*r + j) * step]. */
VEC_INLINE void taps(const float *u, size_t row, size_t column, float *dw, size_t step, int r,
                     bool ordered)
{
    vec half[5][POINTS];

    VEC_EACH (p, POINTS) {
        vec in[POINTS], out[5];

        VEC_EACH (i, POINTS)
            in[ordered ? point_of(i) : i] = vec_load(u + (size_t)p * row + (size_t)i * column);
        transform_taps(in, out, r);
        VEC_EACH (j, r)
            half[j][p] = out[j];
    }
    VEC_EACH (j, r) {
        vec out[5];

        transform_taps(half[j], out, r);
        VEC_EACH (i, r)
            vec_store(dw + (size_t)(i * r + j) * step, out[i]);
    }
}

static void few_taps(const dcn__winograd *a, const float *du, size_t k, float *dw)
{
    for (size_t c = 0; c < a->C; c++) {
        const float *u = du + c * LANES;
        float *to = dw + c * a->K + k;

        if (a->r == 5)
            taps(u, POINTS * a->C * LANES, a->C * LANES, to, a->C * a->K, 5, true);
        else
            taps(u, POINTS * a->C * LANES, a->C * LANES, to, a->C * a->K, 3, true);
    }
}

const dcn__winograd_weight_loops DCN__WINOGRAD_WEIGHTS = {
    .lanes = LANES, .few_sums = few_sums, .few_taps = few_taps, .input = wide_input,
    .signal = wide_signal, .sums = wide_sums, .unpool = unpool, .taps = wide_taps
};
