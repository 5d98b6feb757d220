/* winograd_weights.c - which gradients are made by winograd_weights.h, and their kernels.
 *
 * The tutorial's first layer (24x24x3 to 64, 5x5, below a pool; a chunk of 8 on one core, AVX-512):
 * predicted 0.09 to 0.11 ms, measured 0.14, where the winners' lists need 0.24. The products take
 * 0.085, which is their bound; the signal's points 0.035, half of it stores. AVX2 0.20, plain 0.57.
 *
 * Its second (12x12x64 to 64): weights predicted 0.42, measured 0.47, of which 0.34 are products
 * (93 % of the peak), 0.06 and 0.04 the points of input and signal, 0.03 the taps; with the
 * unpooling and the way down by winograd.h predicted 0.85, measured 0.86, where winners need 1.03
 * if 94 of 100 are alive. AVX2 0.97, plain 2.8. Without a pool, 16x16x128 to 64, 3x3: 1.0, where
 * oneDNN needs 2.6. */
#include "engine/cpu/winograd_weights.h"

#include "base/memory.h"

#include <string.h>

typedef dcn__winograd_gradient own;

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

/* Multiplications of a picture and what else takes as long: by the definition, or where
 * winners.h would do it those of the winners and their lists; and here. Such a unit takes a
 * fifth longer here. */
static bool pays_few(const dcn__winograd *a, bool winners)
{
    const double taps = (double)(a->r * a->r * a->C), places = (double)(a->h * a->w);

    return places * (winners ? 1.2 * (taps / 4 + 6) : 0.8 * taps) >
           (double)a->tiles * (64.0 * (double)a->C + 80);
}

/* The same of many input channels, of a chunk of 8. What the transforms take, in
 * multiplications: of a tile for each channel, and of a product at the end; measured, as is how
 * near to the peak winners come (0.8), of which 0.85 are alive in trained networks. */
static bool pays_many(const dcn__winograd *a, bool winners, bool data)
{
    enum { CHUNK = 8, INPUT = 730, SIGNAL = 510, TAPS = 420, BOTH = 760 };
    const double C = (double)a->C, K = (double)a->K, tiles = CHUNK * (double)a->tiles;
    const double places = CHUNK * (double)(a->h * a->w), direct = places * (double)(a->r * a->r);
    const double weights = tiles * (64 * C * K + INPUT * C + SIGNAL * K) + TAPS * C * K;
    const double other = data ? tiles * (64 * C * K + BOTH * (C + K) / 2) : 0;
    const double share = (winners ? 0.85 / 0.8 / 4 : 1.0) * (data ? 2 : 1);

    return 1.07 * (weights + other) < share * direct * C * K;
}

/* What is kept of a row of points lies beyond the second cache, and must not be the plan's
 * largest. */
enum { MOST_PRODUCTS = 256 * 256 };

bool dcn__winograd_weights_fits(const dcn_graph *g, dcn__sums sums, const dcn__winograd_way *way)
{
    const dcn_shape in = g->nodes[way->conv->inputs[0]].shape;
    const bool winners = way->pool && dcn__dnn_isa() == DCN__ISA_AVX512;
    const size_t lanes = loops_of(dcn__dnn_isa())->lanes;
    dcn__winograd a, turned;

    if (sums != DCN__SUMS_FAST || !measure(&a, way->conv, in) || a.K % lanes ||
        (way->pool && !is_by_two(way->pool)))
        return false;
    if (a.C <= DCN__IMAGE_CHANNELS)
        return !way->data && pays_few(&a, winners);
    return a.C % lanes == 0 && a.C * a.K <= MOST_PRODUCTS && pays_many(&a, winners, way->data) &&
           (!way->data || dcn__winograd_measure(&turned, way->conv, in, true,
                                                dcn__winograd_loops_of(dcn__dnn_isa())));
}

/* ---- prepare --------------------------------------------------------------------------------- */

static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const cpu_kernel *k = cpu_of(kernel);
    const own *o = k->own;
    const float *from = sums;

    memcpy(gradients[k->node->weight], from, o->floats * sizeof *from);
    if (k->node->bias >= 0)
        memcpy(gradients[k->node->bias], from + dcn__winograd_bias_at(o),
               (size_t)k->node->shape.c * sizeof *from);
}

static void pack(dcn__kernel *kernel, void *const *weights)
{
    const cpu_kernel *k = cpu_of(kernel);
    const own *o = k->own;

    dcn__winograd_pack(&o->turned, o->turned_loops, true, weights[k->node->weight], o->u);
}

/* U of the way down, shared with those who go it by winograd_kernel.c. */
static dcn_status share(cpu_kernel *k, own *o, dcn_error *err)
{
    const size_t floats = DCN__POINTS * o->turned.C * o->turned.K;
    bool packs;
    dcn_status st = dcn__shared_packed_as(k->shared, DCN__PACKED_POINTS_TURNED, k->node->weight,
                                          floats, &o->u, &packs, err);

    if (st || !packs)
        return st;
    k->base.own_bytes += floats * sizeof(float);
    k->base.pack = pack;
    return DCN_OK;
}

dcn_status dcn__winograd_weights_prepare(cpu_kernel *k, const dcn__winograd_way *way,
                                         dcn_error *err)
{
    const dcn_shape in = k->graph->nodes[way->conv->inputs[0]].shape;
    own *o = k->own = dcn__alloc(sizeof *o);
    dcn__winograd *a;

    if (!o)
        return dcn__fail_memory(err, way->conv->name, sizeof *o);
    k->node = way->conv;
    k->base.own_bytes += sizeof *o;
    o->way = *way;
    o->loops = loops_of(k->isa);
    a = &o->image.shape;
    measure(a, way->conv, in);
    o->floats = a->r * a->r * a->C * a->K;
    k->base.gradient_bytes = (dcn__winograd_bias_at(o) + a->K) * sizeof(float);
    k->base.unpack = unpack;
    if (a->C <= DCN__IMAGE_CHANNELS) {
        o->points = dcn__winograd_image_loops_of(k->isa);
        dcn__winograd_image_cut(&o->image);
        k->base.scratch_bytes = dcn__winograd_few_floats(o) * sizeof(float);
        k->base.run = dcn__winograd_few_run;
        return DCN_OK;
    }
    o->turned_loops = dcn__winograd_loops_of(k->isa);
    if (way->data)
        dcn__winograd_measure(&o->turned, way->conv, in, true, o->turned_loops);
    k->base.scratch_bytes = dcn__winograd_many_bytes(o, k->chunk, k->threads);
    k->base.run = dcn__winograd_many_run;
    return way->data ? share(k, o, err) : DCN_OK;
}
