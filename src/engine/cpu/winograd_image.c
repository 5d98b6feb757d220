/* winograd_image.c - which first layers are for winograd_image.h; pictures cut among threads.
 *
 * Predicted for the tutorial's first layer (24x24x3 to 64, 5x5, chunks of 8, a core with AVX-512):
 * 0.13 to 0.18 ms, where direct.c needs 0.41. Measured: 0.125, of it the way to points 0.014, doubt
 * about winners 0.007; with AVX2 0.20 (oneDNN and a pool 0.43), without either 0.53 (1.7). A picture
 * that is even ground all over is computed twice: 0.55. No gain: three tiles at a time instead of
 * two; additions for the fused products by 2 of the output transform. */
#include "engine/cpu/winograd_image.h"

#include "base/error.h"
#include "base/memory.h"

enum { BAND_TILES = 64 };         /* 64 KiB of points */

const dcn__winograd_image_loops *dcn__winograd_image_loops_of(dcn__isa isa)
{
#if defined(__x86_64__)
    if (isa != DCN__ISA_PLAIN)
        return isa == DCN__ISA_AVX512 ? &dcn__winograd_image_avx512 : &dcn__winograd_image_avx2;
#endif
    (void)isa;
    return &dcn__winograd_image_plain;
}

/* ---- which layers ---------------------------------------------------------------------------- */

static bool is_simple(const dcn__window *w, int kernel, int stride)
{
    return w->kernel[0] == kernel && w->kernel[1] == kernel && w->stride[0] == stride &&
           w->stride[1] == stride && w->dilation[0] == 1 && w->dilation[1] == 1;
}

/* Cycles for a vector of output channels, by the definition and here. The terms that are not products
 * are measured, with AVX-512; elsewhere the definition loses more. */
static bool pays(const dcn__winograd *a)
{
    const size_t direct = (a->r * a->r * a->C + 7) * a->h * a->w;

    return direct > a->tiles * (64 * a->C + (a->m == 4 ? 200 : 420));
}

static void measure(dcn__winograd *a, const dcn__node *conv, dcn_shape in, const dcn__node *pool)
{
    const dcn__window *w = &conv->window;

    *a = (dcn__winograd){ .H = (size_t)in.h, .W = (size_t)in.w, .C = (size_t)in.c,
                          .h = (size_t)conv->shape.h, .w = (size_t)conv->shape.w,
                          .K = (size_t)conv->shape.c, .r = (size_t)w->kernel[0],
                          .top = (size_t)w->pad[0], .left = (size_t)w->pad[1] };
    a->m = DCN__TILE + 1 - a->r;
    a->th = (2 * (size_t)pool->shape.h + a->m - 1) / a->m;
    a->tw = (2 * (size_t)pool->shape.w + a->m - 1) / a->m;
    a->tiles = a->th * a->tw;
}

bool dcn__winograd_image_fits(const dcn_graph *g, dcn__sums sums, const dcn__node *conv,
                              const dcn__node *pool)
{
    const dcn__window *w = &conv->window, *p = &pool->window;
    const dcn_shape in = g->nodes[conv->inputs[0]].shape;
    const int lanes = (int)dcn__winograd_image_loops_of(dcn__dnn_isa())->lanes;
    dcn__winograd a;

    if (sums == DCN__SUMS_DIRECT || conv->groups != 1 || in.c > DCN__IMAGE_CHANNELS ||
        conv->shape.c % lanes || (!is_simple(w, 3, 1) && !is_simple(w, 5, 1)) ||
        !is_simple(p, 2, 2) || p->pad[0] || p->pad[1] || 2 * pool->shape.h > conv->shape.h ||
        2 * pool->shape.w > conv->shape.w)
        return false;
    measure(&a, conv, in, pool);
    return pays(&a);
}

/* ---- running --------------------------------------------------------------------------------- */

static void pack(dcn__kernel *kernel, void *const *all)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;

    dcn__winograd_image_pack(k->own, dcn__winograd_image_loops_of(k->isa)->lanes,
                             all[k->node->weight],
                             k->node->bias >= 0 ? all[k->node->bias] : NULL,
                             k->sums == DCN__SUMS_FAITHFUL);
}

typedef struct task { const cpu_kernel *k; const dcn__frame *f; } task;

static void run_part(void *user, int part, int parts)
{
    const task *t = user;
    const cpu_kernel *k = t->k;
    const dcn__winograd_image *a = k->own;
    const size_t bands = (a->shape.th + a->rows - 1) / a->rows, units = bands * (size_t)k->chunk;
    const size_t end = units * ((size_t)part + 1) / (size_t)parts;
    const size_t pooled = a->pool_h * a->pool_w * a->shape.K;
    float *scratch = (float *)t->f->scratch + (size_t)part * dcn__winograd_image_band(a);

    for (size_t i = units * (size_t)part / (size_t)parts; i < end; i++) {
        const size_t n = i / bands, first = i % bands * a->rows;
        const size_t last = first + a->rows < a->shape.th ? first + a->rows : a->shape.th;
        const float *x = (const float *)cpu_read(k, t->f, 0) + n * cpu_size(k->in);
        const dcn__winograd_end to = {
            .bias = k->node->bias >= 0 ? t->f->weights[k->node->bias] : NULL,
            .relu = true, .pool = true, .pool_h = a->pool_h, .pool_w = a->pool_w,
            .y = (float *)cpu_write(k, t->f) + n * pooled,
            .switches = (uint8_t *)t->f->slots[k->writes[1]] + n * pooled,
            .x = x, .weights = t->f->weights[k->node->weight]
        };

        dcn__winograd_image_loops_of(k->isa)->band(a, x, first, last, &to,
                                                   k->sums == DCN__SUMS_FAITHFUL, scratch);
    }
}

static void run(const dcn__kernel *kernel, const dcn__frame *f)
{
    task t = { cpu_of(kernel), f };

    dcn__cpu_parallel(t.k->threads, run_part, &t);
}

void dcn__winograd_image_cut(dcn__winograd_image *a)
{
    const dcn__winograd *s = &a->shape;
    const size_t rows = BAND_TILES / s->tw ? BAND_TILES / s->tw : 1;
    const size_t cells = (s->tw - 1) * s->m + DCN__TILE;

    a->rows = rows < s->th ? rows : s->th;
    a->line = (cells * DCN__IMAGE_CHANNELS + 15) / 16 * 16;
}

dcn_status dcn__winograd_image_prepare(cpu_kernel *k, dcn_error *err)
{
    const dcn__node *pool = &k->graph->nodes[k->step[2].node];
    const size_t K = (size_t)k->out.c, lanes = dcn__winograd_image_loops_of(k->isa)->lanes;
    const size_t floats = K * DCN__POINTS * (size_t)k->in.c + 2 * K + K / lanes;
    dcn__winograd_image *a;

    if (!(k->own = dcn__alloc(sizeof *a)) ||
        !(k->packed = dcn__alloc_aligned(floats * sizeof(float))))
        return dcn__fail_memory(err, k->node->name, floats * sizeof(float));
    a = k->own;
    measure(&a->shape, k->node, k->in, pool);
    a->pool_h = (size_t)pool->shape.h;
    a->pool_w = (size_t)pool->shape.w;
    dcn__winograd_image_cut(a);
    a->u = k->packed;
    a->norms = a->u + K * DCN__POINTS * a->shape.C;
    a->slack = a->norms + K;
    a->limits = a->slack + K;
    k->base.own_bytes += sizeof *a + floats * sizeof(float);
    k->base.run = run;
    k->base.pack = pack;
    k->base.scratch_bytes =
        (size_t)k->threads * dcn__winograd_image_band(a) * sizeof(float);
    return DCN_OK;
}
