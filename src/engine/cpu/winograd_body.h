/* winograd_body.h - the inner loops of winograd.h, once for every instruction set: see vec.h. */
#include "engine/cpu/winograd.h"
#include "engine/cpu/winograd_output.h"

/* ---- a tile of the picture to 64 points ------------------------------------------------------ */

/* 16 channels of the tile whose upper left number is x[row][col]; outside the picture are zeros. */
VEC_INLINE void input_tile(const dcn__winograd *a, const float *x, ptrdiff_t row, ptrdiff_t col,
                           float *v)
{
    vec half[POINTS][POINTS];     /* [point of the column][column] */

    VEC_EACH (s, POINTS) {
        const ptrdiff_t j = col + s;
        vec d[POINTS], t[POINTS];

        if (j < 0 || j >= (ptrdiff_t)a->W) {
            VEC_EACH (p, POINTS)
                half[p][s] = vec_zero();
            continue;
        }
        VEC_EACH (r, POINTS) {
            const ptrdiff_t i = row + r;

            d[r] = i < 0 || i >= (ptrdiff_t)a->H
                       ? vec_zero() : vec_load(x + (i * (ptrdiff_t)a->W + j) * (ptrdiff_t)a->C);
        }
        transform_input(d, t);
        VEC_EACH (p, POINTS)
            half[p][s] = t[p];
    }
    for (int p = 0; p < POINTS; p++) {
        vec t[POINTS];

        transform_input(half[p], t);
        VEC_EACH (q, POINTS)
            vec_store(v + (size_t)(p * POINTS + q) * a->v_stride, t[q]);
    }
}

static void input(const dcn__winograd *a, const float *x, size_t first, size_t end, float *v,
                  size_t at)
{
    for (size_t t = first; t < end; t++)
        for (size_t c = 0; c < a->C; c += LANES)
            input_tile(a, x + c, (ptrdiff_t)(t / a->tw * a->m) - (ptrdiff_t)a->top,
                       (ptrdiff_t)(t % a->tw * a->m) - (ptrdiff_t)a->left,
                       v + (at + t) * a->C + c);
}

/* ---- the products at one point --------------------------------------------------------------- */

#if DCN__VEC == 16
enum { ROWS = 6, VECTORS = 4 };   /* of a block of sums: 24 of 32 registers */
#else
enum { ROWS = 6, VECTORS = 2 };   /* 12 of 16 */
#endif

VEC_INLINE void block(const float *v, size_t depth, const float *u, float *m, size_t columns,
                      int rows, int vectors)
{
    vec sum[ROWS][VECTORS];

    VEC_EACH (r, rows)
        VEC_EACH (k, vectors)
            sum[r][k] = vec_zero();
    for (size_t c = 0; c < depth; c++, u += vectors * LANES) {
        vec f[VECTORS];

        VEC_EACH (k, vectors)
            f[k] = vec_load(u + k * LANES);
        VEC_EACH (r, rows) {
            const vec x = vec_all(v[(size_t)r * depth + c]);

            VEC_EACH (k, vectors)
                sum[r][k] = vec_fma(x, f[k], sum[r][k]);
        }
    }
    VEC_EACH (r, rows)
        VEC_EACH (k, vectors)
            vec_store(m + (size_t)r * columns + k * LANES, sum[r][k]);
}

#define BLOCKS_OF(rows, vectors)                                                                   \
    static void block_##rows##_##vectors(const float *v, size_t depth, const float *u, float *m,  \
                                         size_t columns)                                           \
    {                                                                                              \
        block(v, depth, u, m, columns, rows, vectors);                                             \
    }
#define EVERY_ROWS(vectors)                                                                        \
    BLOCKS_OF(1, vectors)                                                                          \
    BLOCKS_OF(2, vectors)                                                                          \
    BLOCKS_OF(3, vectors)                                                                          \
    BLOCKS_OF(4, vectors) BLOCKS_OF(5, vectors) BLOCKS_OF(6, vectors)
#define LIST(vectors)                                                                              \
    { block_1_##vectors, block_2_##vectors, block_3_##vectors, block_4_##vectors,                  \
      block_5_##vectors, block_6_##vectors }

typedef void block_of(const float *v, size_t depth, const float *u, float *m, size_t columns);

EVERY_ROWS(1)
EVERY_ROWS(2)
#if DCN__VEC == 16
EVERY_ROWS(3)
EVERY_ROWS(4)
static block_of *const blocks[VECTORS][ROWS] = { LIST(1), LIST(2), LIST(3), LIST(4) };
#else
static block_of *const blocks[VECTORS][ROWS] = { LIST(1), LIST(2) };
#endif

static void product(const float *v, size_t rows, size_t depth, const float *u, size_t columns,
                    float *m)
{
    for (size_t k = 0; k < columns; k += VECTORS * LANES) {
        const size_t left = (columns - k) / LANES, vectors = left < VECTORS ? left : VECTORS;

        for (size_t i = 0; i < rows; i += ROWS) {
            const size_t n = rows - i < ROWS ? rows - i : ROWS;

            blocks[vectors - 1][n - 1](v + i * depth, depth, u, m + i * columns + k, columns);
        }
        u += depth * vectors * LANES;
    }
}

/* ---- 64 products to a tile of outputs -------------------------------------------------------- */

#define OUTPUT(m_)                                                                                 \
    static void output_##m_(const dcn__winograd *a, const float *m, size_t first, size_t end,      \
                            size_t at, const dcn__winograd_end *to)                                \
    {                                                                                              \
        for (size_t t = first; t < end; t++)                                                       \
            for (size_t k = 0; k < a->K; k += LANES)                                               \
                output_tile(a, m + (at + t) * a->K + k, a->m_stride, t / a->tw * m_,               \
                            t % a->tw * m_, k, to->norms ? to->tile_norms[t] : 0, to, m_);         \
    }

OUTPUT(6)
OUTPUT(4)

static void output(const dcn__winograd *a, const float *m, size_t first, size_t end, size_t at,
                   const dcn__winograd_end *to)
{
    if (a->m == 6)
        output_6(a, m, first, end, at, to);
    else
        output_4(a, m, first, end, at, to);
}

/* ---- what a tile's errors are bounded with --------------------------------------------------- */

/* The squares of 8 rows of one column of the picture, all channels: 4 chains of additions. */
VEC_INLINE vec column_squares(const dcn__winograd *a, const float *x, ptrdiff_t row)
{
    vec sum[4] = { vec_zero(), vec_zero(), vec_zero(), vec_zero() };

    VEC_EACH (r, POINTS) {
        const ptrdiff_t i = row + r;
        const float *p = x + i * (ptrdiff_t)(a->W * a->C);

        for (size_t c = 0; i >= 0 && i < (ptrdiff_t)a->H && c < a->C; c += LANES) {
            const vec d = vec_load(p + c);

            sum[r % 4] = vec_fma(d, d, sum[r % 4]);
        }
    }
    return vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3]));
}

/* Tiles of one row of tiles: columns of tiles [j0, j1). */
VEC_INLINE void norms_of_row(const dcn__winograd *a, const float *x, size_t row, size_t j0,
                             size_t j1, float *columns, float *to)
{
    const ptrdiff_t top = (ptrdiff_t)(row * a->m) - (ptrdiff_t)a->top;
    const ptrdiff_t left = (ptrdiff_t)(j0 * a->m) - (ptrdiff_t)a->left;
    const ptrdiff_t right = (ptrdiff_t)(j1 * a->m) + POINTS - (ptrdiff_t)(a->m + a->left);
    const ptrdiff_t W = (ptrdiff_t)a->W;

    for (ptrdiff_t j = left < 0 ? 0 : left; j < right && j < W; j++)
        vec_store(columns + j * LANES, column_squares(a, x + j * (ptrdiff_t)a->C, top));
    for (size_t t = j0; t < j1; t++) {
        const ptrdiff_t first = (ptrdiff_t)(t * a->m) - (ptrdiff_t)a->left;
        vec sum = vec_zero();
        float lanes[LANES], all = 0;

        VEC_EACH (s, POINTS)
            if (first + s >= 0 && first + s < W)
                sum = vec_add(sum, vec_load(columns + (first + s) * LANES));
        vec_store(lanes, sum);
        VEC_EACH (i, LANES)
            all += lanes[i];
        to[row * a->tw + t] = dcn__winograd_norm(all);
    }
}

static void norms(const dcn__winograd *a, const float *x, size_t first, size_t end, float *columns,
                  float *to)
{
    for (size_t row = first / a->tw; row * a->tw < end; row++) {
        const size_t begin = row * a->tw;

        norms_of_row(a, x, row, first > begin ? first - begin : 0,
                     end - begin < a->tw ? end - begin : a->tw, columns, to);
    }
}

/* ---- weights to 64 points -------------------------------------------------------------------- */

enum { HALF = LANES / 2 };
typedef float few __attribute__((vector_size(HALF * sizeof(float))));
typedef double wide __attribute__((vector_size(HALF * sizeof(double))));

/* u = G w. */
VEC_INLINE void transform_weights(const wide *w, wide u[POINTS], int taps)
{
    static const double points[3] = { 1, 2, 0.5 }, factors[3] = { -2.0 / 9, 1.0 / 90, 32.0 / 45 };

    u[0] = w[0];
    u[7] = w[taps - 1];
    VEC_EACH (p, 3) {
        const double a = points[p], f = factors[p];
        wide even = w[0] * f + w[2] * (f * a * a), odd = w[1] * (f * a);

        if (taps == 5) {
            even += w[4] * (f * a * a * a * a);
            odd += w[3] * (f * a * a * a);
        }
        u[1 + 2 * p] = even + odd;
        u[2 + 2 * p] = even - odd;
    }
}

VEC_INLINE void pack_half(const dcn__winograd *a, const float *w, size_t step, float *u, int taps)
{
    wide half[POINTS][5];

    VEC_EACH (s, taps) {
        wide in[5], out[POINTS];

        VEC_EACH (r, taps) {
            few one;

            memcpy(&one, w + (size_t)(r * taps + s) * step, sizeof one);
            in[r] = __builtin_convertvector(one, wide);
        }
        transform_weights(in, out, taps);
        VEC_EACH (p, POINTS)
            half[p][s] = out[p];
    }
    for (int p = 0; p < POINTS; p++) {
        wide out[POINTS];

        transform_weights(half[p], out, taps);
        VEC_EACH (q, POINTS) {
            const few one = __builtin_convertvector(out[q], few);

            memcpy(u + (size_t)(p * POINTS + q) * a->C * a->K, &one, sizeof one);
        }
    }
}

static void pack(const dcn__winograd *a, const float *w, size_t step, size_t c, size_t k, float *u)
{
    float *to = u + dcn__winograd_place(VECTORS * LANES, a->C, a->K, c, k);

    for (int i = 0; i < LANES; i += HALF)
        if (a->r == 3)
            pack_half(a, w + i, step, to + i, 3);
        else
            pack_half(a, w + i, step, to + i, 5);
}

const dcn__winograd_loops DCN__WINOGRAD_LOOPS = {
    .lanes = LANES, .panel = VECTORS * LANES, .input = input, .product = product, .output = output,
    .norms = norms, .pack = pack
};
