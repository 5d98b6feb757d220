/* winograd_kernel.c - where a plan convolves by winograd.h, and with what weights.
 *
 * With a max pool behind it, in one kernel, whose switches are those of sums by the definition if
 * the program's sums must be faithful; and alone where any method will do. */
#include "engine/cpu/winograd_kernel.h"

#include "base/memory.h"

typedef struct own {
    dcn__winograd shape;
    const dcn__winograd_loops *loops;
    const dcn__node *pool;        /* or NULL */
    bool relu, turned;
    float *u, *norms, *taps;      /* shared; the last two NULL: not asked for */
    bool packs, packs_norms;      /* this kernel does it */
} own;

bool dcn__winograd_pool_fits(const dcn_graph *g, dcn__sums sums, const dcn__node *conv,
                             const dcn__node *pool)
{
    dcn__winograd a;

    return sums != DCN__SUMS_DIRECT && cpu_pools_by_two(pool, conv->shape) &&
           dcn__winograd_measure(&a, conv, g->nodes[conv->inputs[0]].shape, false,
                                 dcn__winograd_loops_of(dcn__dnn_isa()));
}

/* What scales a signal on its way down would have to be in the weights. */
bool dcn__winograd_fits(const cpu_kernel *k, bool turned)
{
    dcn__winograd a;

    return k->sums == DCN__SUMS_FAST && !(turned && k->scale) &&
           dcn__winograd_measure(&a, k->node, k->in, turned, dcn__winograd_loops_of(k->isa));
}

static void run(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const own *o = k->own;
    const int bias = o->turned ? -1 : k->node->bias;
    const dcn__winograd_end end = {
        .bias = bias >= 0 ? f->weights[bias] : NULL,
        .relu = o->relu,
        .pool = o->pool != NULL,
        .pool_h = o->pool ? (size_t)o->pool->shape.h : 0,
        .pool_w = o->pool ? (size_t)o->pool->shape.w : 0,
        .y = cpu_write(k, f),
        .switches = o->pool ? f->slots[k->writes[1]] : NULL,
        .norms = o->norms,
        .taps = o->taps
    };

    dcn__winograd_forward(&o->shape, o->loops, o->u, cpu_read(k, f, 0), (size_t)k->chunk, &end,
                          f->scratch, k->threads);
}

static void pack_part(dcn__kernel *kernel, void *const *weights, int part)
{
    const cpu_kernel *k = cpu_of(kernel);
    const own *o = k->own;
    const float *w = weights[k->node->weight];

    if (o->packs)
        dcn__winograd_pack_part(&o->shape, o->loops, o->turned, w, o->u, (size_t)part,
                                DCN__PACK_PARTS);
    if (o->packs_norms && part == 0)
        dcn__winograd_pack_norms(&o->shape, w, o->norms, o->taps);
}

static void pack(dcn__kernel *kernel, void *const *weights)
{
    for (int part = 0; part < DCN__PACK_PARTS; part++)
        pack_part(kernel, weights, part);
}

static dcn_status share(cpu_kernel *k, own *o, dcn_error *err)
{
    const size_t floats = o->shape.C * o->shape.K;
    const size_t norms = o->shape.K + floats * o->shape.r * o->shape.r;
    dcn_status st = dcn__shared_packed_as(k->shared, o->turned ? DCN__PACKED_POINTS_TURNED
                                                               : DCN__PACKED_POINTS,
                                          k->node->weight, DCN__POINTS * floats, &o->u, &o->packs,
                                          err);

    if (st)
        return st;
    k->base.own_bytes += o->packs ? DCN__POINTS * floats * sizeof(float) : 0;
    if (!o->pool || k->sums != DCN__SUMS_FAITHFUL)
        return DCN_OK;
    st = dcn__shared_packed_as(k->shared, DCN__PACKED_NORMS, k->node->weight, norms, &o->norms,
                               &o->packs_norms, err);
    if (st)
        return st;
    o->taps = o->norms + o->shape.K;
    k->base.own_bytes += o->packs_norms ? norms * sizeof(float) : 0;
    return DCN_OK;
}

dcn_status dcn__winograd_prepare(cpu_kernel *k, dcn_error *err)
{
    const dcn__step *last = &k->step[k->count - 1];
    own *o = k->own = dcn__alloc(sizeof *o);

    if (!o)
        return dcn__fail_memory(err, k->node->name, sizeof *o);
    k->base.own_bytes += sizeof *o;
    o->loops = dcn__winograd_loops_of(k->isa);
    o->turned = k->step->action != DCN__DO_CONV;
    o->pool = last->action == DCN__DO_MAX_POOL ? &k->graph->nodes[last->node] : NULL;
    o->relu = o->pool && k->count == 3;
    dcn__winograd_measure(&o->shape, k->node, k->in, o->turned, o->loops);
    k->base.run = run;
    k->base.pack = pack;
    k->base.pack_part = pack_part;
    k->base.scratch_bytes = dcn__winograd_scratch(&o->shape, k->threads);
    return share(k, o, err);
}
