/* winograd_image_body.h - the inner loops of winograd_image.h, once for every instruction set: see
 * vec.h. Points lie column by column here: point (p of the rows, q of the columns) is q*8 + p. */
#include "engine/cpu/winograd_image.h"
#include "engine/cpu/winograd_output.h"

#include <math.h>

enum {
    CHANNELS = DCN__IMAGE_CHANNELS,
    COLUMN = DCN__IMAGE_COLUMN,
    TILE_POINTS = DCN__IMAGE_POINTS
};

/* ---- the picture to points ------------------------------------------------------------------- */

VEC_INLINE void copy_cells(const float *x, size_t n, float *to, int C)
{
    for (size_t j = 0; j < n; j++)
        for (int c = 0; c < C; c++)
            to[j * CHANNELS + (size_t)c] = x[j * (size_t)C + (size_t)c];
}

/* The rows of the picture that tiles of rows [first, end) see, zeros around them and behind the
 * channels. */
static void pad(const dcn__winograd_image *a, const float *x, size_t first, size_t end,
                float *padded)
{
    const dcn__winograd *s = &a->shape;
    const size_t rows = (end - first - 1) * s->m + POINTS, cells = a->line / CHANNELS;
    const size_t columns = s->left >= cells ? 0 : cells - s->left < s->W ? cells - s->left : s->W;

    memset(padded, 0, rows * a->line * sizeof *padded);
    for (size_t r = 0; r < rows; r++) {
        const size_t i = first * s->m + r - s->top;      /* wraps above the picture */
        float *to = padded + r * a->line + s->left * CHANNELS;

        if (i >= s->H)
            continue;
        if (s->C == 3)
            copy_cells(x + i * s->W * 3, columns, to, 3);
        else if (s->C == 1)
            copy_cells(x + i * s->W, columns, to, 1);
        else
            copy_cells(x + i * s->W * s->C, columns, to, (int)s->C);
    }
}

/* 8 rows of the padded picture to `columns` (cells of a line, 8 points, 4) and to the sums of each
 * column's squares. */
static void transform_columns(const dcn__winograd_image *a, const float *padded, float *columns,
                              float *squares)
{
    for (size_t j = 0; j < a->line; j += LANES) {
        vec d[POINTS], t[POINTS], sum = vec_zero();
        float point[POINTS][LANES];

        VEC_EACH (r, POINTS) {
            d[r] = vec_load(padded + (size_t)r * a->line + j);
            sum = vec_fma(d[r], d[r], sum);
        }
        vec_store(squares + j, sum);
        transform_input(d, t);
        VEC_EACH (p, POINTS)
            vec_store(point[p], t[p]);
        VEC_EACH (c, LANES / CHANNELS)
            VEC_EACH (p, POINTS)
                memcpy(columns + (j / CHANNELS + (size_t)c) * COLUMN + p * CHANNELS,
                       point[p] + c * CHANNELS, CHANNELS * sizeof(float));
    }
}

/* 8 columns to a tile's points. */
VEC_INLINE void transform_tile(const float *columns, float *v)
{
    VEC_EACH (l, COLUMN / LANES) {
        vec d[POINTS], t[POINTS];

        VEC_EACH (s, POINTS)
            d[s] = vec_load(columns + s * COLUMN + l * LANES);
        transform_input(d, t);
        VEC_EACH (q, POINTS)
            vec_store(v + q * COLUMN + l * LANES, t[q]);
    }
}

/* The 2-norm of what a tile sees; a little more, for squares that are lost to underflow. */
VEC_INLINE float norm_of(const float *squares)
{
    float part[LANES], sum = 0;
    vec all = vec_load(squares);

    VEC_EACH (l, COLUMN / LANES)
        if (l)
            all = vec_add(all, vec_load(squares + l * LANES));
    vec_store(part, all);
    VEC_EACH (l, LANES)
        sum += part[l];
    return sqrtf(sum) + 2e-18f;
}

static void input(const dcn__winograd_image *a, const float *x, size_t first, size_t end, float *v,
                  float *norms, float *padded, float *columns, float *squares)
{
    const dcn__winograd *s = &a->shape;

    pad(a, x, first, end, padded);
    for (size_t r = 0; r < end - first; r++) {
        transform_columns(a, padded + r * s->m * a->line, columns, squares);
        for (size_t j = 0; j < s->tw; j++, v += TILE_POINTS) {
            transform_tile(columns + j * s->m * COLUMN, v);
            *norms++ = norm_of(squares + j * s->m * CHANNELS);
        }
    }
}

/* ---- products, outputs, pool ----------------------------------------------------------------- */

/* The winner of places 0..3 of a window behind a ReLU; a->limits keeps NaN away. The answer: lanes
 * whose winner may be another if each of v is wrong by `error`. */
VEC_INLINE uint32_t pool_cell(const vec v[4], vec error, bool faithful, float *y, uint8_t *switches)
{
    const vec top = vec_max(v[0], v[1]), low = vec_max(v[2], v[3]), best = vec_max(top, low);
    const vec_mask below = vec_more(low, top);
    const vec places = vec_pick(vec_pick(vec_zero(), vec_all(1), vec_more(v[1], v[0])),
                                vec_pick(vec_all(2), vec_all(3), vec_more(v[3], v[2])), below);

    vec_store(y, vec_max(best, vec_zero()));
    vec_store_bytes(switches, vec_pick(vec_zero(), places, vec_more(best, vec_zero())));
    if (!faithful)
        return 0;

    const vec dead = vec_sub(vec_zero(), error);
    const vec beside = vec_pick(vec_min(v[0], v[1]), vec_min(v[2], v[3]), below);
    const vec second = vec_max(vec_max(vec_min(top, low), beside), dead);
    const vec_mask certain = vec_or(vec_more(vec_sub(best, second), vec_add(error, error)),
                                    vec_more(dead, best));

    return ~vec_bits(certain) & ((1u << LANES) - 1);
}

/* What the tiles of a band have in common. */
typedef struct pass {
    const dcn__winograd_image *a;
    const dcn__winograd_end *to;
    const float *padded, *v, *norms;
    size_t first;                 /* row of tiles */
} pass;

/* settle of winograd_output.h from the padded picture, whose zeros add nothing to finite weights:
 * no place asks where the border is, and the four share each weight. */
static __attribute__((noinline)) void settle_cell(const pass *b, size_t pi, size_t pj, size_t k,
                                                  uint32_t lanes)
{
    const dcn__winograd *s = &b->a->shape;
    const dcn__winograd_end *to = b->to;
    const size_t cell = (pi * to->pool_w + pj) * s->K + k, line = b->a->line;
    const vec bias = to->bias ? vec_load(to->bias + k) : vec_zero();
    const float *x = b->padded + (2 * pi - b->first * s->m) * line + 2 * pj * CHANNELS;
    const float *w = to->weights + k;
    vec sum[4] = { bias, bias, bias, bias };
    float y[LANES];
    uint8_t switches[LANES];

    for (size_t i = 0; i < s->r; i++, x += line)
        for (size_t j = 0; j < s->r; j++)
            for (size_t c = 0; c < s->C; c++, w += s->K) {
                const float *at = x + j * CHANNELS + c;
                const vec f = vec_load(w);

                VEC_EACH (p, 4)
                    sum[p] = vec_fma(vec_all(at[p / 2 * (ptrdiff_t)line + p % 2 * CHANNELS]), f,
                                     sum[p]);
            }
    pool_cell(sum, bias, false, y, switches);
    for (; lanes; lanes &= lanes - 1) {
        const int lane = __builtin_ctz(lanes);

        to->y[cell + (size_t)lane] = y[lane];
        to->switches[cell + (size_t)lane] = switches[lane];
    }
}

/* Row pi of pool cells, from column pj on; y: two rows of m sums. */
VEC_INLINE void pool_row(const pass *b, size_t pi, size_t pj, size_t k, vec error, bool faithful,
                         const vec *y, int m)
{
    const dcn__winograd_end *to = b->to;
    const size_t cell = (pi * to->pool_w + pj) * b->a->shape.K + k;

    VEC_EACH (j, m / 2) {
        const vec four[4] = { y[2 * j], y[2 * j + 1], y[m + 2 * j], y[m + 2 * j + 1] };
        const size_t at = cell + (size_t)j * b->a->shape.K;

        if (pj + (size_t)j < to->pool_w) {
            const uint32_t lanes = pool_cell(four, error, faithful, to->y + at, to->switches + at);

            if (lanes)
                settle_cell(b, pi, pj + (size_t)j, k, lanes);
        }
    }
}

/* All of a tile by the definition. */
static __attribute__((noinline)) void settle_tile(const pass *b, size_t row, size_t col, size_t k)
{
    const dcn__winograd *s = &b->a->shape;

    for (size_t i = row / 2; i < (row + s->m) / 2 && i < b->to->pool_h; i++)
        for (size_t j = col / 2; j < (col + s->m) / 2 && j < b->to->pool_w; j++)
            settle(s, b->to, i, j, k, (1u << LANES) - 1);
}

/* Keeps a vector in its register: left alone the compiler loads it anew for each product, and loads
 * are what products wait for (0.154 ms instead of 0.126). */
#if DCN__VEC == 16
#define IN_REGISTER(a) __asm__("" : "+v"(a))
#elif defined(__x86_64__)
#define IN_REGISTER(a) __asm__("" : "+x"(a))
#else
#define IN_REGISTER(a) (void)(a)
#endif

/* A tile's cells of the value, sent for while it is computed: where each chunk keeps its values, as
 * in all programs that are faithful, they are in no cache (0.148 ms instead of 0.162). */
VEC_INLINE void send_for(const pass *b, size_t t, size_t k, int m)
{
    const size_t tw = b->a->shape.tw, K = b->a->shape.K;
    const size_t row = (b->first + t / tw) * (size_t)m / 2, col = t % tw * (size_t)m / 2;

    VEC_EACH (i, m / 2)
        VEC_EACH (j, m / 2) {
            const size_t cell = ((row + (size_t)i) * b->to->pool_w + col + (size_t)j) * K + k;

            if (row + (size_t)i < b->to->pool_h && col + (size_t)j < b->to->pool_w) {
                __builtin_prefetch(b->to->y + cell, 1);
                __builtin_prefetch(b->to->switches + cell, 1);
            }
        }
}

/* Tiles [t, t + n) of the band, LANES channels from k on. */
VEC_INLINE void tiles(const pass *b, size_t t, size_t k, bool faithful, int n, int C, int m)
{
    const dcn__winograd_image *a = b->a;
    const vec bias = b->to->bias ? vec_load(b->to->bias + k) : vec_zero();
    const float *u = a->u + k * (size_t)(DCN__POINTS * C), *v = b->v + t * TILE_POINTS;
    vec half[2][8][POINTS];

    for (int i = 0; i < n && faithful; i++)
        send_for(b, t + (size_t)i, k, m);
    for (int q = 0; q < POINTS; q++, v += COLUMN, u += POINTS * C * LANES) {
        vec sum[2][POINTS], out[8];

        VEC_EACH (p, POINTS)
            VEC_EACH (c, C) {
                vec f = vec_load(u + (p * C + c) * LANES);

                IN_REGISTER(f);
                VEC_EACH (i, n) {
                    const vec x = vec_all(v[i * TILE_POINTS + p * CHANNELS + c]);

                    sum[i][p] = c ? vec_fma(x, f, sum[i][p]) : vec_mul(x, f);
                }
            }
        VEC_EACH (i, n) {
            transform_output(sum[i], out, m);
            VEC_EACH (r, m)
                half[i][r][q] = out[r];
        }
    }
    for (int i = 0; i < n; i++) {
        const size_t row = (b->first + (t + (size_t)i) / a->shape.tw) * a->shape.m;
        const size_t col = (t + (size_t)i) % a->shape.tw * a->shape.m;
        const float norm = b->norms[t + (size_t)i];
        vec error = vec_zero();

        if (!(norm <= a->limits[k / LANES])) {
            settle_tile(b, row, col, k);
            continue;
        }
        if (faithful)
            error = vec_fma(vec_all(norm), vec_load(a->norms + k), vec_load(a->slack + k));
        VEC_EACH (r, m / 2) {
            vec y[2 * 8];

            if (row / 2 + (size_t)r >= b->to->pool_h)
                break;
            VEC_EACH (o, 2) {
                /* What is added at the point 1 is in every output. */
                half[i][2 * r + o][1] = vec_add(half[i][2 * r + o][1], bias);
                transform_output(half[i][2 * r + o], y + o * m, m);
            }
            pool_row(b, row / 2 + (size_t)r, col / 2, k, error, faithful, y, m);
        }
    }
}

typedef void tiles_of(const pass *b, size_t t, size_t k);

#define TILES(n, C, m, sums, faithful)                                                             \
    static void tiles_##n##_##C##_##m##_##sums(const pass *b, size_t t, size_t k)                  \
    {                                                                                              \
        tiles(b, t, k, faithful, n, C, m);                                                         \
    }
#define EVERY_TILES(C, m)                                                                          \
    TILES(1, C, m, fast, false)                                                                    \
    TILES(2, C, m, fast, false) TILES(1, C, m, faithful, true) TILES(2, C, m, faithful, true)
#define LIST(C, m)                                                                                 \
    { { tiles_1_##C##_##m##_fast, tiles_2_##C##_##m##_fast },                                      \
      { tiles_1_##C##_##m##_faithful, tiles_2_##C##_##m##_faithful } }

EVERY_TILES(1, 4)
EVERY_TILES(2, 4)
EVERY_TILES(3, 4)
EVERY_TILES(4, 4)
EVERY_TILES(1, 6)
EVERY_TILES(2, 6)
EVERY_TILES(3, 6)
EVERY_TILES(4, 6)

/* [m is 6][C - 1][faithful][tiles - 1] */
static tiles_of *const kernels[2][CHANNELS][2][2] = {
    { LIST(1, 4), LIST(2, 4), LIST(3, 4), LIST(4, 4) },
    { LIST(1, 6), LIST(2, 6), LIST(3, 6), LIST(4, 6) }
};

static void band(const dcn__winograd_image *a, const float *x, size_t first, size_t end,
                 const dcn__winograd_end *to, bool faithful, float *scratch)
{
    tiles_of *const *do_tiles = kernels[a->shape.m == 6][a->shape.C - 1][faithful];
    const size_t count = (end - first) * a->shape.tw;
    float *v = scratch + dcn__winograd_image_padded(a);
    float *columns = v + dcn__winograd_image_points(a);
    float *squares = columns + dcn__winograd_image_columns(a);
    float *norms = squares + a->line;
    const pass b = { a, to, scratch, v, norms, first };

    input(a, x, first, end, v, norms, scratch, columns, squares);
    for (size_t k = 0; k < a->shape.K; k += LANES) {
        size_t t = 0;

        for (; t + 2 <= count; t += 2)
            do_tiles[1](&b, t, k);
        if (t < count)
            do_tiles[0](&b, t, k);
    }
}

static void points(const dcn__winograd_image *a, const float *x, size_t first, size_t end,
                   float *scratch)
{
    float *v = scratch + dcn__winograd_image_padded(a);
    float *columns = v + dcn__winograd_image_points(a);
    float *squares = columns + dcn__winograd_image_columns(a);

    input(a, x, first, end, v, squares + a->line, scratch, columns, squares);
}

const dcn__winograd_image_loops DCN__WINOGRAD_IMAGE_LOOPS = { .lanes = LANES, .band = band,
                                                              .points = points };
