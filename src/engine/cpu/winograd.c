/* winograd.c - convolution by fewer multiplications: which shapes, packed weights, and the way
 * through a batch, block of tiles by block of tiles. The loops are winograd_body.h's, the plan's
 * kernel winograd_kernel.c's.
 *
 * Predicted for the tutorial's second convolution with its ReLU and pool, a chunk of 8 on one core
 * of 118 GFLOP/s: products 0.32 ms, transforms 0.1. Measured: 0.40, with settled winners 0.41
 * (AVX2 0.46, plain 1.3); oneDNN's direct kernel 1.65. On even ground alone, the worst, 1.24. */
#include "engine/cpu/winograd.h"

#include <string.h>

/* What is worked on at a time, V and M, stays in a core's second cache (1 MiB), but for what is
 * read last. The optimum is flat: of 64 channels 12 to 48 tiles do equally well, of 128 12 to 36. */
enum { BLOCK_BYTES = 1200 << 10, LEAST_TILES = 18, ROWS = 6, PAD = 16 };

/* U is 64/(r*r) times the weight: memory that a plan did not need. At 128x128 channels, 4 MiB, the
 * third cache still feeds it to the products (3.5 times as fast as oneDNN's direct kernel); from
 * 256x256 on, 17 MiB a layer, a network would grow by more than it is worth. */
enum { LARGEST_U = 4 << 20 };

/* What is predicted: see pays. */
static const double INPUT = 430, OUTPUT = 330, LOAD = 1.5, GAIN = 0.85;

const dcn__winograd_loops *dcn__winograd_loops_of(dcn__isa isa)
{
#if defined(__x86_64__)
    if (isa == DCN__ISA_AVX512)
        return &dcn__winograd_avx512;
    if (isa == DCN__ISA_AVX2)
        return &dcn__winograd_avx2;
#endif
    (void)isa;
    return &dcn__winograd_plain;
}

/* ---- shapes --------------------------------------------------------------------------------- */

/* In multiply-adds of one picture: the products of all tiles, ragged ones too, the additions of
 * the transforms, INPUT for a channel of a tile and OUTPUT for one of its outputs, and U that
 * comes from the third cache, LOAD for each number. */
static bool pays(const dcn__winograd *a)
{
    const double direct = (double)(a->h * a->w * a->r * a->r) * (double)(a->C * a->K);
    const double tiles = (double)a->tiles, blocks = tiles / (double)a->block;
    const double points = DCN__POINTS * (double)(a->C * a->K);

    return tiles * points + tiles * (INPUT * (double)a->C + OUTPUT * (double)a->K) +
               blocks * points * LOAD < GAIN * direct;
}

bool dcn__winograd_measure(dcn__winograd *a, const dcn__node *conv, dcn_shape in, bool turned,
                           const dcn__winograd_loops *loops)
{
    const dcn__window *w = &conv->window;
    const dcn_shape from = turned ? conv->shape : in, to = turned ? in : conv->shape;
    const int r = w->kernel[0];
    size_t bytes;

    if (conv->op != DCN__OP_CONV || conv->groups != 1 || (r != 3 && r != 5) || w->kernel[1] != r ||
        w->stride[0] != 1 || w->stride[1] != 1 || w->dilation[0] != 1 || w->dilation[1] != 1 ||
        (turned && (w->pad[0] >= r || w->pad[1] >= r)))
        return false;
    *a = (dcn__winograd){ .H = (size_t)from.h, .W = (size_t)from.w, .C = (size_t)from.c,
                          .h = (size_t)to.h, .w = (size_t)to.w, .K = (size_t)to.c,
                          .r = (size_t)r, .m = (size_t)(DCN__TILE + 1 - r),
                          .top = (size_t)(turned ? r - 1 - w->pad[0] : w->pad[0]),
                          .left = (size_t)(turned ? r - 1 - w->pad[1] : w->pad[1]) };
    if (a->C % loops->lanes || a->K % loops->lanes ||
        a->C * a->K > LARGEST_U / (DCN__POINTS * sizeof(float)))
        return false;
    a->th = (a->h + a->m - 1) / a->m;
    a->tw = (a->w + a->m - 1) / a->m;
    a->tiles = a->th * a->tw;
    bytes = DCN__POINTS * (a->C + a->K) * sizeof(float);
    a->block = BLOCK_BYTES / bytes / ROWS * ROWS;     /* ROWS: of a block of winograd_body.h */
    if (a->block < LEAST_TILES)
        a->block = LEAST_TILES;
    /* A stride that is no power of 2: else a line of each point falls into one set of a cache. */
    a->v_stride = a->block * a->C + PAD;
    a->m_stride = a->block * a->K + PAD;
    return pays(a);
}

/* ---- weights -------------------------------------------------------------------------------- */

enum { MOST_LANES = 16, MOST_TAPS = 25 };

/* Taps of inputs c = k of the weight and lanes of its inputs as outputs, reversed:
 * (taps,inputs,lanes); of the outputs [first, end). */
static void pack_turned(const dcn__winograd *a, const dcn__winograd_loops *loops,
                        const float *weights, float *u, size_t first, size_t end)
{
    const size_t taps = a->r * a->r, lanes = loops->lanes;
    float block[MOST_TAPS][MOST_LANES][MOST_LANES];       /* [tap][input][output] */

    for (size_t k = first; k < end; k += lanes)
        for (size_t c = 0; c < a->C; c += lanes) {
            for (size_t t = 0; t < taps; t++)
                for (size_t j = 0; j < lanes; j++) {
                    const float *from = weights + ((taps - 1 - t) * a->K + k + j) * a->C + c;

                    for (size_t i = 0; i < lanes; i++)
                        block[t][i][j] = from[i];
                }
            for (size_t i = 0; i < lanes; i++)
                loops->pack(a, block[0][i], MOST_LANES * MOST_LANES, c + i, k, u);
        }
}

void dcn__winograd_pack_part(const dcn__winograd *a, const dcn__winograd_loops *loops, bool turned,
                             const float *weights, float *u, size_t part, size_t parts)
{
    const size_t blocks = (turned ? a->K : a->C) / loops->lanes;
    const size_t first = blocks * part / parts * loops->lanes;
    const size_t end = blocks * (part + 1) / parts * loops->lanes;

    if (turned) {
        pack_turned(a, loops, weights, u, first, end);
        return;
    }
    for (size_t c = first; c < end; c++)
        for (size_t k = 0; k < a->K; k += loops->lanes)
            loops->pack(a, weights + c * a->K + k, a->C * a->K, c, k, u);
}

void dcn__winograd_pack(const dcn__winograd *a, const dcn__winograd_loops *loops, bool turned,
                        const float *weights, float *u)
{
    dcn__winograd_pack_part(a, loops, turned, weights, u, 0, 1);
}

void dcn__winograd_pack_norms(const dcn__winograd *a, const float *weights, float *norms,
                              float *taps)
{
    enum { SIDE = 16, FEW = 256 };
    const size_t rows = a->r * a->r * a->C;
    const float more = a->C > FEW ? (float)a->C / FEW : 1;

    memset(norms, 0, a->K * sizeof *norms);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < a->K; k++)
            norms[k] += weights[i * a->K + k] * weights[i * a->K + k];
    for (size_t k = 0; k < a->K; k++)
        norms[k] = more * DCN__WINOGRAD_ERROR * dcn__winograd_norm(norms[k]);
    for (size_t i0 = 0; i0 < rows; i0 += SIDE)
        for (size_t k0 = 0; k0 < a->K; k0 += SIDE)
            for (size_t k = k0; k < k0 + SIDE && k < a->K; k++)
                for (size_t i = i0; i < i0 + SIDE && i < rows; i++)
                    taps[k * rows + i] = weights[i * a->K + k];
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* A thread's: V, M, the norms of a picture's tiles, what they are made of, and even ground. */
static size_t part_floats(const dcn__winograd *a)
{
    const size_t floats = DCN__POINTS * (a->v_stride + a->m_stride) + a->tiles + MOST_LANES * a->W +
                          a->K;

    return (floats + PAD - 1) / PAD * PAD;
}

size_t dcn__winograd_scratch(const dcn__winograd *a, int threads)
{
    return (size_t)(threads > 1 ? threads : 1) * part_floats(a) * sizeof(float);
}

typedef struct pass {
    const dcn__winograd *a;
    const dcn__winograd_loops *loops;
    const float *u, *x;
    size_t n;
    const dcn__winograd_end *end;
    float *scratch;
} pass;

/* Pictures that tiles [first, end) of the batch lie in; of each the tiles [t0, t1). */
#define EACH_PICTURE(i, t0, t1)                                                                    \
    for (size_t i = first / a->tiles, t0 = first % a->tiles, t1; i * a->tiles < end; i++, t0 = 0)  \
        if (t1 = end - i * a->tiles < a->tiles ? end - i * a->tiles : a->tiles, true)

static void end_picture(const pass *p, size_t i, size_t t0, size_t t1, size_t at, const float *m,
                        float *norms)
{
    const dcn__winograd *a = p->a;
    dcn__winograd_end to = *p->end;
    const size_t size = to.pool ? to.pool_h * to.pool_w * a->K : a->h * a->w * a->K;

    to.y += i * size;
    to.switches += to.pool ? i * size : 0;
    to.x = p->x + i * a->H * a->W * a->C;
    to.tile_norms = norms;
    if (to.norms) {
        to.even = memset(norms + a->tiles + MOST_LANES * a->W, 0, a->K * sizeof *to.even);
        p->loops->norms(a, to.x, t0, t1, norms + a->tiles, norms);
    }
    p->loops->output(a, m, t0, t1, at, &to);
}

/* Tiles [first, end) of the batch, no more than a block. Tile t of picture i lies in V and M at
 * i * tiles + t - first. */
static void do_block(const pass *p, size_t first, size_t end, float *v)
{
    const dcn__winograd *a = p->a;
    float *m = v + DCN__POINTS * a->v_stride, *norms = m + DCN__POINTS * a->m_stride;

    EACH_PICTURE (i, t0, t1)
        p->loops->input(a, p->x + i * a->H * a->W * a->C, t0, t1, v, i * a->tiles - first);
    for (size_t q = 0; q < DCN__POINTS; q++)
        p->loops->product(v + q * a->v_stride, end - first, a->C, p->u + q * a->C * a->K, a->K,
                          m + q * a->m_stride);
    EACH_PICTURE (i, t0, t1)
        end_picture(p, i, t0, t1, i * a->tiles - first, m, norms);
}

static void do_part(void *user, int part, int parts)
{
    const pass *p = user;
    const dcn__winograd *a = p->a;
    const size_t tiles = p->n * a->tiles;
    const size_t end = tiles * ((size_t)part + 1) / (size_t)parts;
    float *scratch = p->scratch + (size_t)part * part_floats(a);

    for (size_t t = tiles * (size_t)part / (size_t)parts; t < end; t += a->block)
        do_block(p, t, end - t < a->block ? end : t + a->block, scratch);
}

void dcn__winograd_forward(const dcn__winograd *a, const dcn__winograd_loops *loops, const float *u,
                           const float *x, size_t n, const dcn__winograd_end *end, void *scratch,
                           int threads)
{
    pass p = { a, loops, u, x, n, end, scratch };

    dcn__cpu_parallel(threads, do_part, &p);
}
