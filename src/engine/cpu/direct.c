/* direct.c - a convolution of few input channels, its ReLU and its 2x2 max pool in one pass.
 *
 * The first layer of a network: oneDNN's vectors run half empty there and the layer's value is the
 * largest array of the network. Here one pool cell, four places by up to 64 channels, stays in
 * registers from the bias to the winner; only the pool's value and switches are written. AVX-512;
 * elsewhere the steps are done one by one. Products are added in the order of the definition, each
 * fused with its addition. */
#include "engine/cpu/direct.h"

#include "engine/cpu/isa.h"

#include <string.h>

enum { LANES = 16, MOST_VECTORS = 4, MOST_CHANNELS = 4 };

bool dcn__direct_fits(const dcn_graph *g, const dcn__node *conv, const dcn__node *pool)
{
    const dcn__window *w = &conv->window;
    const dcn_shape in = g->nodes[conv->inputs[0]].shape;

    return dcn__dnn_isa() == DCN__ISA_AVX512 && conv->groups == 1 && in.c <= MOST_CHANNELS &&
           conv->shape.c % LANES == 0 && w->stride[0] == 1 && w->stride[1] == 1 &&
           w->dilation[0] == 1 && w->dilation[1] == 1 && cpu_pools_by_two(pool, conv->shape);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define EACH(i, n) _Pragma("GCC unroll 4") for (int i = 0; i < (n); i++)

/* What the kernels of one picture share. */
typedef struct pass {
    const float *weights, *bias;  /* (R, S*C, K); (K) or NULL */
    size_t K, taps, row, C;       /* taps: S*C; row: floats of a padded row */
} pass;

/* y = max(x, 0) that keeps NaN. */
DCN__AVX512 static inline __m512 rectify(__m512 x)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NLT_UQ), x);
}

/* Places 0..3 of a window, in row-major order; see engine/ref/max_pool.c for ties and NaN. */
DCN__AVX512 static inline void store_winner(const __m512 v[4], float *y, uint8_t *switches)
{
    __m512 best = rectify(v[0]);
    __m512i winner = _mm512_setzero_si512();

    _Pragma("GCC unroll 4") for (int p = 1; p < 4; p++) {
        const __m512 next = rectify(v[p]);
        const __mmask16 take = _mm512_cmp_ps_mask(next, best, _CMP_GT_OQ) |
                               (_mm512_cmp_ps_mask(best, best, _CMP_UNORD_Q) &
                                _mm512_cmp_ps_mask(next, next, _CMP_ORD_Q));

        best = _mm512_mask_mov_ps(best, take, next);
        winner = _mm512_mask_mov_epi32(winner, take, _mm512_set1_epi32(p));
    }
    _mm512_storeu_ps(y, best);
    _mm_storeu_si128((__m128i *)(void *)switches, _mm512_cvtepi32_epi8(winner));
}

/* One pool cell, channels [k, k + 16 V), by the kernel's rows [r, end): x is the upper left number
 * that its four places see in the first of them. */
#define CELL(V)                                                                                    \
    DCN__AVX512 static void cell_##V(const pass *a, const float *x, size_t r, size_t end,          \
                                     size_t k, float *y, uint8_t *switches)                        \
    {                                                                                              \
        const float *w = a->weights + r * a->taps * a->K + k;                                      \
        __m512 sum[V][4];                                                                          \
                                                                                                   \
        EACH (v, V)                                                                                \
            EACH (p, 4)                                                                            \
                sum[v][p] =                                                                        \
                    a->bias ? _mm512_loadu_ps(a->bias + k + v * LANES) : _mm512_setzero_ps();      \
        for (; r < end; r++, x += a->row)                                                          \
            for (size_t t = 0; t < a->taps; t++, w += a->K) {                                      \
                const __m512 x0 = _mm512_set1_ps(x[t]), x1 = _mm512_set1_ps(x[a->C + t]);          \
                const __m512 x2 = _mm512_set1_ps(x[a->row + t]),                                   \
                             x3 = _mm512_set1_ps(x[a->row + a->C + t]);                            \
                                                                                                   \
                EACH (v, V) {                                                                      \
                    const __m512 f = _mm512_loadu_ps(w + v * LANES);                               \
                                                                                                   \
                    sum[v][0] = _mm512_fmadd_ps(x0, f, sum[v][0]);                                 \
                    sum[v][1] = _mm512_fmadd_ps(x1, f, sum[v][1]);                                 \
                    sum[v][2] = _mm512_fmadd_ps(x2, f, sum[v][2]);                                 \
                    sum[v][3] = _mm512_fmadd_ps(x3, f, sum[v][3]);                                 \
                }                                                                                  \
            }                                                                                      \
        EACH (v, V)                                                                                \
            store_winner(sum[v], y + k + v * LANES, switches + k + v * LANES);                     \
    }

CELL(4)
CELL(3)
CELL(2)
CELL(1)

static void all_channels(const pass *a, const float *x, size_t r, size_t end, float *y,
                         uint8_t *switches)
{
    static void (*const cells[])(const pass *, const float *, size_t, size_t, size_t, float *,
                                 uint8_t *) = { NULL, cell_1, cell_2, cell_3, cell_4 };

    for (size_t k = 0; k < a->K; k += MOST_VECTORS * LANES) {
        const size_t left = (a->K - k) / LANES;

        cells[left < MOST_VECTORS ? left : MOST_VECTORS](a, x, r, end, k, y, switches);
    }
}

/* The picture with its padding; what the convolution does not reach is left out. */
static void pad(const cpu_kernel *k, const float *x, float *padded, size_t row)
{
    const dcn__window *w = &k->node->window;
    const size_t line = (size_t)k->in.w * (size_t)k->in.c;

    for (int i = 0; i < k->in.h; i++)
        memcpy(padded + (size_t)(i + w->pad[0]) * row + (size_t)w->pad[1] * (size_t)k->in.c,
               x + (size_t)i * line, line * sizeof *x);
}

static size_t row_floats(const cpu_kernel *k)
{
    return (size_t)(k->out.w + k->node->window.kernel[1] - 1) * (size_t)k->in.c;
}

static size_t padded_floats(const cpu_kernel *k)
{
    return (size_t)(k->out.h + k->node->window.kernel[0] - 1) * row_floats(k);
}

static void run(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const dcn_shape pooled = k->graph->nodes[k->step[2].node].shape;
    const size_t row = row_floats(k), C = (size_t)k->in.c, K = (size_t)k->out.c;
    const pass a = { .weights = f->weights[k->node->weight], .K = K, .C = C, .row = row,
                     .bias = k->node->bias >= 0 ? f->weights[k->node->bias] : NULL,
                     .taps = (size_t)k->node->window.kernel[1] * C };
    const int R = k->node->window.kernel[0], top = k->node->window.pad[0];
    const float *x = cpu_read(k, f, 0);
    float *y = cpu_write(k, f), *padded = f->scratch;
    uint8_t *switches = f->slots[k->writes[1]];

    memset(padded, 0, padded_floats(k) * sizeof *padded);
    for (int n = 0; n < k->chunk; n++, x += cpu_size(k->in)) {
        pad(k, x, padded, row);
        for (int i = 0; i < pooled.h; i++) {
            /* Rows of the kernel that meet the picture, and not its padding alone. */
            const int r = top - 2 * i - 1 < 0 ? 0 : top - 2 * i - 1;
            const int end = top + k->in.h - 2 * i < R ? top + k->in.h - 2 * i : R;

            for (int j = 0; j < pooled.w; j++, y += K, switches += K)
                all_channels(&a, padded + (size_t)(2 * i + r) * row + (size_t)(2 * j) * C,
                             (size_t)r, (size_t)end, y, switches);
        }
    }
}

void dcn__direct_prepare(cpu_kernel *k)
{
    k->base.run = run;
    k->base.scratch_bytes = padded_floats(k) * sizeof(float);
}

#else

void dcn__direct_prepare(cpu_kernel *k)
{
    (void)k;      /* dcn__direct_fits is never true here */
}

#endif
