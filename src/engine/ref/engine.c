/* engine.c - the reference engine's entry: one function per action, one kernel per step. */
#include "engine/ref/ref.h"

#include "base/memory.h"

#include <string.h>

static ref_run *const runs[DCN__DO_COUNT] = {
    [DCN__DO_CONV] = REF(conv),
    [DCN__DO_CONV_DATA] = REF(conv_data),
    [DCN__DO_CONV_WEIGHTS] = REF(conv_weights),
    [DCN__DO_LESS_BIAS] = REF(less_bias),
    [DCN__DO_RELU] = REF(relu),
    [DCN__DO_RELU_MASK] = REF(relu_mask),
    [DCN__DO_RELU_RECTIFY] = REF(relu_rectify),
    [DCN__DO_RELU_GUIDED] = REF(relu_guided),
    [DCN__DO_COPY] = REF(copy),
    [DCN__DO_MAX_POOL] = REF(max_pool),
    [DCN__DO_UNPOOL] = REF(unpool),
    [DCN__DO_AVG_POOL] = REF(avg_pool),
    [DCN__DO_AVG_POOL_SPREAD] = REF(avg_pool_spread),
    [DCN__DO_DENSE] = REF(dense),
    [DCN__DO_DENSE_DATA] = REF(dense_data),
    [DCN__DO_DENSE_WEIGHTS] = REF(dense_weights),
    [DCN__DO_ADD] = REF(add),
    [DCN__DO_CONCAT] = REF(concat),
    [DCN__DO_SLICE] = REF(slice),
    [DCN__DO_SOFTMAX] = REF(softmax),
    [DCN__DO_SOFTMAX_GRADIENT] = REF(softmax_gradient),
    [DCN__DO_LOG_SOFTMAX] = REF(log_softmax),
    [DCN__DO_LOG_SOFTMAX_GRADIENT] = REF(log_softmax_gradient),
    [DCN__DO_MAP] = REF(map),
    [DCN__DO_MAP_GRADIENT] = REF(map_gradient),
    [DCN__DO_MAP_GUIDED] = REF(map_guided),
    [DCN__DO_LEAKY] = REF(leaky),
    [DCN__DO_LEAKY_GRADIENT] = REF(leaky_gradient),
    [DCN__DO_LEAKY_RECTIFY] = REF(leaky_rectify),
    [DCN__DO_LEAKY_GUIDED] = REF(leaky_guided),
    [DCN__DO_SCALE] = REF(scale),
    [DCN__DO_SCALE_DATA] = REF(scale_data),
    [DCN__DO_LRN] = REF(lrn),
    [DCN__DO_LRN_GRADIENT] = REF(lrn_gradient),
    [DCN__DO_MUL] = REF(mul),
    [DCN__DO_MUL_DATA] = REF(mul_data),
    [DCN__DO_PICK] = REF(pick),
    [DCN__DO_PICK_DATA] = REF(pick_data),
    [DCN__DO_PAD] = REF(pad),
    [DCN__DO_PAD_DATA] = REF(pad_data),
    [DCN__DO_RESHAPE] = REF(reshape),
    [DCN__DO_RESHAPE_DATA] = REF(reshape_data),
    [DCN__DO_UNPOOL_CENTRE] = REF(unpool_centre),
    [DCN__DO_SUM] = REF(sum),
    [DCN__DO_SEED] = REF(seed),
    [DCN__DO_PEAK] = REF(peak),
    [DCN__DO_LOSS] = REF(loss),
};

static void release(dcn__kernel *kernel)
{
    dcn__free(kernel);
}

static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->graph->weights[k->node->weight].count;

    memcpy(gradients[k->node->weight], sums, n * sizeof(real));
    if (k->node->bias >= 0)
        memcpy(gradients[k->node->bias], (const real *)sums + n, (size_t)k->out.c * sizeof(real));
}

static dcn_status prepare(const dcn__job *job, dcn__kernel **kernel, dcn_error *err)
{
    const dcn__step *step = &job->walk->steps[job->group->first];
    const dcn__node *node = &job->graph->nodes[step->node];
    ref_kernel *k;

    if (!runs[step->action])
        return dcn__fail(err, DCN_BUG, node->name, "engine ref has no kernel for %s; report this",
                         dcn__action_word(step->action));
    if (!(k = dcn__alloc(sizeof *k)))
        return dcn__fail_memory(err, "a kernel", sizeof *k);
    k->base.run = runs[step->action];
    k->base.release = release;
    k->base.own_bytes = sizeof *k;
    k->graph = job->graph;
    k->walk = job->walk;
    k->step = step;
    k->node = node;
    k->chunk = job->chunk;
    k->out = node->shape;
    k->in = node->n_inputs ? job->graph->nodes[node->inputs[0]].shape : node->shape;
    if (step->action == DCN__DO_CONV_WEIGHTS || step->action == DCN__DO_DENSE_WEIGHTS) {
        k->base.gradient_bytes = ((size_t)job->graph->weights[node->weight].count +
                                  (node->bias >= 0 ? (size_t)node->shape.c : 0)) * sizeof(real);
        k->base.unpack = unpack;
    }
    if (step->action == DCN__DO_LRN || step->action == DCN__DO_LRN_GRADIENT)
        k->base.scratch_bytes = (size_t)k->out.c * sizeof(real);
    *kernel = &k->base;
    return DCN_OK;
}

static int fuse(const dcn__stretch *in, int first, dcn__group *group)
{
    (void)in, (void)first, (void)group;
    return 1;   /* the definition takes one step at a time */
}

static const char *text(void)
{
    return "plain C";
}

static int enter(int threads)
{
    (void)threads;
    return 0;
}

static void leave(int token)
{
    (void)token;
}

#ifdef DCN_REAL_IS_DOUBLE
const dcn__engine dcn__engine_ref_f64 = {
    .name = "ref64",
#else
const dcn__engine dcn__engine_ref_f32 = {
    .name = "ref",
#endif
    .real_bytes = sizeof(real), .text = text, .fuse = fuse, .prepare = prepare, .enter = enter,
    .leave = leave,
};
