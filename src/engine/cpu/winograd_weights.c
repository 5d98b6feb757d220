/* winograd_weights.c - which gradients are made by winograd_weights.h, and the way through a chunk.
 *
 * The tutorial's first layer (24x24x3 to 64, 5x5, below a pool; a chunk of 8 on one core, AVX-512):
 * predicted 0.09 to 0.11 ms, measured 0.13, where the winners' lists need 0.24. The products take 0.085,
 * which is their bound; the signal's points 0.035, half of it stores. */
#include "engine/cpu/winograd_weights.h"

#include "base/memory.h"

#include <string.h>

typedef struct own {
    dcn__winograd_way way;
    dcn__winograd_image image;    /* few input channels */
    const dcn__winograd_weight_loops *loops;
    const dcn__winograd_image_loops *points;
    size_t floats;                /* of dw */
} own;

static const dcn__winograd_weight_loops *loops_of(dcn__isa isa)
{
#if defined(__x86_64__)
    if (isa != DCN__ISA_PLAIN)
        return isa == DCN__ISA_AVX512 ? &dcn__winograd_weights_avx512 : &dcn__winograd_weights_avx2;
#endif
    (void)isa;
    return &dcn__winograd_weights_plain;
}

/* ---- which convolutions ---------------------------------------------------------------------- */

/* False: another kind of convolution. */
static bool measure(dcn__winograd *a, const dcn__node *conv, dcn_shape in)
{
    const dcn__window *w = &conv->window;
    const int r = w->kernel[0];

    if (conv->op != DCN__OP_CONV || conv->groups != 1 || (r != 3 && r != 5) || w->kernel[1] != r ||
        w->stride[0] != 1 || w->stride[1] != 1 || w->dilation[0] != 1 || w->dilation[1] != 1)
        return false;
    *a = (dcn__winograd){ .H = (size_t)in.h, .W = (size_t)in.w, .C = (size_t)in.c,
                          .h = (size_t)conv->shape.h, .w = (size_t)conv->shape.w,
                          .K = (size_t)conv->shape.c, .r = (size_t)r,
                          .m = (size_t)(DCN__TILE + 1 - r), .top = (size_t)w->pad[0],
                          .left = (size_t)w->pad[1] };
    a->th = (a->h + a->m - 1) / a->m;
    a->tw = (a->w + a->m - 1) / a->m;
    a->tiles = a->th * a->tw;
    return true;
}

/* Windows of 2x2 that do not overlap; the last ones may hang over. */
static bool is_by_two(const dcn__node *pool)
{
    const dcn__window *w = &pool->window;

    return w->kernel[0] == 2 && w->kernel[1] == 2 && w->stride[0] == 2 && w->stride[1] == 2 &&
           w->dilation[0] == 1 && w->dilation[1] == 1 && !w->pad[0] && !w->pad[1];
}

/* Multiplications of a picture and what else takes as long: by the definition, or below a pool those of
 * its winners and their lists; and here. Such a unit takes a fifth longer here. */
static bool pays_few(const dcn__winograd *a, bool pool)
{
    const double taps = (double)(a->r * a->r * a->C), places = (double)(a->h * a->w);

    return places * (pool ? 1.2 * (taps / 4 + 6) : 0.8 * taps) >
           (double)a->tiles * (64.0 * (double)a->C + 80);
}

bool dcn__winograd_weights_fits(const dcn_graph *g, dcn__sums sums, const dcn__winograd_way *way)
{
    dcn__winograd a;

    if (sums != DCN__SUMS_FAST ||
        !measure(&a, way->conv, g->nodes[way->conv->inputs[0]].shape) ||
        a.K % loops_of(dcn__dnn_isa())->lanes ||
        (way->pool && !is_by_two(way->pool)))
        return false;
    return a.C <= DCN__IMAGE_CHANNELS && !way->data && pays_few(&a, way->pool != NULL);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Picture n's. */
static dcn__winograd_signal signal_of(const cpu_kernel *k, const dcn__frame *f, int n)
{
    const own *o = k->own;
    const dcn_shape shape = o->way.pool ? o->way.pool->shape : o->way.conv->shape;
    const size_t at = (size_t)n * cpu_size(shape);

    return (dcn__winograd_signal){
        .s = (const float *)cpu_read(k, f, o->way.s) + at,
        .y = o->way.y ? (const float *)cpu_read(k, f, o->way.y) + at : NULL,
        .switches = o->way.pool ? (const uint8_t *)cpu_read(k, f, o->way.switches) + at : NULL,
        .pool_h = (size_t)shape.h,
        .pool_w = (size_t)shape.w
    };
}

/* Floats of a chunk's block: dw, db. db is there even if nobody wants it. */
static size_t bias_at(const own *o)
{
    return (o->floats + 15) / 16 * 16;
}

static void run_few(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const own *o = k->own;
    const dcn__winograd *a = &o->image.shape;
    const size_t lanes = o->loops->lanes, points = DCN__POINTS * a->C;
    float *dw = (float *)(void *)(f->gradients + k->base.gradient_offset), *db = dw + bias_at(o);
    float *band = f->scratch, *room = band + dcn__winograd_image_band(&o->image);
    float *du = room + DCN__FEW_ROOM * lanes;
    const float *x = cpu_read(k, f, o->way.x), *v = band + dcn__winograd_image_padded(&o->image);

    memset(du, 0, points * a->K * sizeof *du);
    memset(db, 0, a->K * sizeof *db);
    for (int n = 0; n < k->chunk; n++, x += a->H * a->W * a->C) {
        const dcn__winograd_signal s = signal_of(k, f, n);

        for (size_t first = 0; first < a->th; first += o->image.rows) {
            const size_t left = a->th - first, rows = left < o->image.rows ? left : o->image.rows;

            o->points->points(&o->image, x, first, first + rows, band);
            for (size_t i = 0; i < a->K; i += lanes)
                for (size_t row = 0; row < rows; row++)
                    o->loops->few_sums(a, &s, first + row, i, v + row * a->tw * DCN__IMAGE_POINTS,
                                       room, du + i * points, db + i);
        }
    }
    for (size_t i = 0; i < a->K; i += lanes)
        o->loops->few_taps(a, du + i * points, i, dw);
}

static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const cpu_kernel *k = cpu_of(kernel);
    const own *o = k->own;
    const float *from = sums;

    memcpy(gradients[k->node->weight], from, o->floats * sizeof *from);
    if (k->node->bias >= 0)
        memcpy(gradients[k->node->bias], from + bias_at(o),
               (size_t)k->node->shape.c * sizeof *from);
}

/* ---- prepare --------------------------------------------------------------------------------- */

dcn_status dcn__winograd_weights_prepare(cpu_kernel *k, const dcn__winograd_way *way,
                                         dcn_error *err)
{
    own *o = k->own = dcn__alloc(sizeof *o);
    dcn__winograd *a;
    size_t scratch;

    if (!o)
        return dcn__fail_memory(err, way->conv->name, sizeof *o);
    k->node = way->conv;
    k->base.own_bytes += sizeof *o;
    o->way = *way;
    o->loops = loops_of(k->isa);
    o->points = dcn__winograd_image_loops_of(k->isa);
    a = &o->image.shape;
    measure(a, way->conv, k->graph->nodes[way->conv->inputs[0]].shape);
    dcn__winograd_image_cut(&o->image);
    o->floats = a->r * a->r * a->C * a->K;
    scratch = dcn__winograd_image_band(&o->image) + DCN__FEW_ROOM * o->loops->lanes +
              DCN__POINTS * a->C * a->K;
    k->base.scratch_bytes = scratch * sizeof(float);
    k->base.gradient_bytes = (bias_at(o) + a->K) * sizeof(float);
    k->base.run = run_few;
    k->base.unpack = unpack;
    return DCN_OK;
}
