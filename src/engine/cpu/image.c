/* image.c - conv_data to few channels: the last step of every way down.
 *
 * A picture has 3 channels, and kernels whose vectors hold channels run nearly empty there: on one
 * core of 118 GFLOP/s 13.6 for VGG-16's first layer (12.7 ms), 8.6 for ResNet-18's. Here a vector
 * holds taps: each cell of the signal is multiplied by the weights of all R*S*C taps at once, 27
 * numbers in 2 vectors or 147 in 10, and the products are added to where the taps lie. Expected:
 * the vectors' filling (27/32, 147/160) less a fifth for the adding, 80 and 87 GFLOP/s. Measured:
 * 62 (2.8 ms) and 78 (3.0 ms): the adding costs more where a cell has few channels.
 *
 * AVX-512; elsewhere oneDNN's. Any stride, padding and dilation. */
#include "engine/cpu/image.h"

#include "base/memory.h"
#include "engine/cpu/isa.h"
#include "engine/cpu/plain.h"

#include <string.h>

enum { LANES = 16, VECTORS = 4, CELLS = 6, MOST_CHANNELS = 4 };

bool dcn__image_fits(const dcn__node *conv, dcn_shape in)
{
    return dcn__dnn_isa() == DCN__ISA_AVX512 && conv->op == DCN__OP_CONV && conv->groups == 1 &&
           in.c <= MOST_CHANNELS && conv->shape.c >= LANES;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Vectors that the taps of a cell take. */
static size_t vectors_of(const cpu_kernel *k)
{
    const dcn__window *w = &k->node->window;
    const size_t taps = (size_t)w->kernel[0] * (size_t)w->kernel[1] * (size_t)k->in.c;

    return (taps + LANES - 1) / LANES;
}

/* Of one thread: the products of a row of cells. The last load may reach a vector further. */
static size_t row_floats(const cpu_kernel *k)
{
    return (size_t)k->out.w * vectors_of(k) * LANES + LANES;
}

static size_t picture_floats(const cpu_kernel *k)
{
    return (size_t)k->in.h * (size_t)k->in.w * MOST_CHANNELS;
}

#define EACH(i, n) _Pragma("GCC unroll 8") for (size_t i = 0; i < (n); i++)

/* n <= CELLS cells of the signal (K numbers each) times V vectors of taps: t[cell][0..16 V). */
#define PRODUCTS(V)                                                                                \
    DCN__AVX512 static void products_##V(const float *s, size_t K, const float *w, size_t n,       \
                                         float *t, size_t step)                                    \
    {                                                                                              \
        const float *cell[CELLS];                                                                  \
        __m512 sum[CELLS][V];                                                                      \
                                                                                                   \
        EACH (p, CELLS) {                                                                          \
            cell[p] = s + (p < n ? p : n - 1) * K;                                                 \
            EACH (v, V)                                                                            \
                sum[p][v] = _mm512_setzero_ps();                                                   \
        }                                                                                          \
        for (size_t k = 0; k < K; k++, w += V * LANES) {                                           \
            __m512 f[V];                                                                           \
                                                                                                   \
            EACH (v, V)                                                                            \
                f[v] = _mm512_loadu_ps(w + v * LANES);                                             \
            EACH (p, CELLS) {                                                                      \
                const __m512 x = _mm512_set1_ps(cell[p][k]);                                       \
                                                                                                   \
                EACH (v, V)                                                                        \
                    sum[p][v] = _mm512_fmadd_ps(x, f[v], sum[p][v]);                               \
            }                                                                                      \
        }                                                                                          \
        EACH (p, CELLS)                                                                            \
            if (p < n)                                                                             \
                EACH (v, V)                                                                        \
                    _mm512_storeu_ps(t + p * step + v * LANES, sum[p][v]);                         \
    }

PRODUCTS(1)
PRODUCTS(2)
PRODUCTS(3)
PRODUCTS(4)

/* A row of the signal, (w,K), times all taps: (w,taps). */
static void multiply_row(const cpu_kernel *k, const float *s, float *t)
{
    static void (*const products[])(const float *, size_t, const float *, size_t, float *,
                                    size_t) = { NULL, products_1, products_2, products_3,
                                                products_4 };
    const size_t all = vectors_of(k), step = all * LANES, w = (size_t)k->out.w;
    const size_t K = (size_t)k->out.c;
    const float *weights = k->packed;

    for (size_t v = 0; v < all; v += VECTORS) {
        const size_t vectors = all - v < VECTORS ? all - v : VECTORS;

        for (size_t j = 0; j < w; j += CELLS)
            products[vectors](s + j * K, K, weights, w - j < CELLS ? w - j : CELLS,
                              t + j * step + v * LANES, step);
        weights += K * vectors * LANES;
    }
}

/* The products of tap row r to a row of the picture, 4 numbers a cell. */
static void add_row(const cpu_kernel *k, const float *t, int r, float *line)
{
    const dcn__window *w = &k->node->window;
    const size_t step = vectors_of(k) * LANES;

    for (int s = 0; s < w->kernel[1]; s++) {
        const int64_t at = (int64_t)s * w->dilation[1] - w->pad[1];
        const size_t tap = ((size_t)r * (size_t)w->kernel[1] + (size_t)s) * (size_t)k->in.c;

        for (int j = 0; j < k->out.w; j++) {
            const int64_t col = at + (int64_t)j * w->stride[1];
            float *to = line + col * MOST_CHANNELS;

            if (col >= 0 && col < k->in.w)
                _mm_storeu_ps(to, _mm_add_ps(_mm_loadu_ps(to),
                                             _mm_loadu_ps(t + (size_t)j * step + tap)));
        }
    }
}

/* Rows [first, end) of one picture. wide: (H,W,4); t: a row of products. */
static void draw_rows(const cpu_kernel *k, const float *s, float *x, float *wide, float *t,
                      int first, int end)
{
    const dcn__window *w = &k->node->window;
    const size_t line = (size_t)k->in.w * MOST_CHANNELS, C = (size_t)k->in.c;

    memset(wide + (size_t)first * line, 0, (size_t)(end - first) * line * sizeof *wide);
    for (int i = 0; i < k->out.h; i++) {
        const int64_t top = (int64_t)i * w->stride[0] - w->pad[0];
        bool made = false;

        for (int r = 0; r < w->kernel[0]; r++) {
            const int64_t row = top + (int64_t)r * w->dilation[0];

            if (row < first || row >= end)
                continue;
            if (!made)
                multiply_row(k, s + (size_t)i * (size_t)k->out.w * (size_t)k->out.c, t);
            made = true;
            add_row(k, t, r, wide + (size_t)row * line);
        }
    }
    for (size_t i = (size_t)first * (size_t)k->in.w; i < (size_t)end * (size_t)k->in.w; i++)
        for (size_t c = 0; c < C; c++)
            x[i * C + c] = wide[i * MOST_CHANNELS + c];
}

typedef struct task { const cpu_kernel *k; const dcn__frame *f; } task;

/* Each thread has its rows of the picture; a row of the signal that reaches into two threads' is
 * multiplied by both. */
static void run_part(void *user, int part, int parts)
{
    const task *a = user;
    const cpu_kernel *k = a->k;
    const int first = (int)((int64_t)k->in.h * part / parts);
    const int end = (int)((int64_t)k->in.h * (part + 1) / parts);
    float *wide = a->f->scratch, *t = wide + picture_floats(k) + (size_t)part * row_floats(k);

    for (int n = 0; n < k->chunk; n++)
        draw_rows(k, (const float *)cpu_read(k, a->f, 0) + (size_t)n * cpu_size(k->out),
                  (float *)cpu_write(k, a->f) + (size_t)n * cpu_size(k->in), wide, t, first, end);
}

static void run(const dcn__kernel *kernel, const dcn__frame *f)
{
    task a = { cpu_of(kernel), f };

    dcn__cpu_parallel(a.k->threads, run_part, &a);
}

/* (taps,K) to ceil(taps/64) blocks of (K,64), the last as wide as it must be. */
static void pack(dcn__kernel *kernel, void *const *all)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;
    const float *w = all[k->node->weight], *a = k->scale ? all[k->scale->weight] : NULL;
    const size_t K = (size_t)k->out.c, vectors = vectors_of(k);
    const size_t taps = (size_t)k->graph->weights[k->node->weight].count / K;
    float *to = k->packed;

    for (size_t v = 0; v < vectors; v += VECTORS) {
        const size_t width = (vectors - v < VECTORS ? vectors - v : VECTORS) * LANES;

        for (size_t o = 0; o < K; o++)
            for (size_t t = v * LANES; t < v * LANES + width; t++)
                *to++ = t < taps ? w[t * K + o] * (a ? a[o] : 1) : 0;
    }
}

dcn_status dcn__image_prepare(cpu_kernel *k, dcn_error *err)
{
    const size_t bytes = (size_t)k->out.c * vectors_of(k) * LANES * sizeof(float);

    if (!(k->packed = dcn__alloc_aligned(bytes)))
        return dcn__fail_memory(err, k->node->name, bytes);
    k->folded = k->scale;
    k->base.own_bytes += bytes;
    k->base.run = run;
    k->base.pack = pack;
    k->base.scratch_bytes =
        (picture_floats(k) + (size_t)k->threads * row_floats(k)) * sizeof(float);
    return DCN_OK;
}

#else

dcn_status dcn__image_prepare(cpu_kernel *k, dcn_error *err)
{
    (void)err;                    /* never asked for: dcn__image_fits() */
    dcn__plain_prepare(k, DCN__DNN_DATA);
    return DCN_OK;
}

#endif
