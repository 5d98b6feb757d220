/* engine.c - the cpu engine's entry: which kernel does which step. */
#include "engine/cpu/cpu.h"

#include "base/memory.h"

/* Which function does an action, and what its work is counted in. */
static const struct { cpu_run *run; dcn__unit unit; } loops[DCN__DO_COUNT] = {
    [DCN__DO_LESS_BIAS] = { dcn__cpu_less_bias, DCN__UNIT_CELL },
    [DCN__DO_RELU] = { dcn__cpu_relu, DCN__UNIT_ELEMENT },
    [DCN__DO_RELU_MASK] = { dcn__cpu_relu_mask, DCN__UNIT_ELEMENT },
    [DCN__DO_RELU_RECTIFY] = { dcn__cpu_relu_rectify, DCN__UNIT_ELEMENT },
    [DCN__DO_RELU_GUIDED] = { dcn__cpu_relu_guided, DCN__UNIT_ELEMENT },
    [DCN__DO_COPY] = { dcn__cpu_copy, DCN__UNIT_ELEMENT },
    [DCN__DO_MAX_POOL] = { dcn__cpu_max_pool, DCN__UNIT_ROW },
    [DCN__DO_UNPOOL] = { dcn__cpu_unpool, DCN__UNIT_PICTURE },
    [DCN__DO_UNPOOL_CENTRE] = { dcn__cpu_unpool_centre, DCN__UNIT_PICTURE },
    [DCN__DO_AVG_POOL] = { dcn__cpu_avg_pool, DCN__UNIT_ROW },
    [DCN__DO_AVG_POOL_SPREAD] = { dcn__cpu_avg_pool_spread, DCN__UNIT_ROW_IN },
    [DCN__DO_ADD] = { dcn__cpu_sum, DCN__UNIT_ELEMENT },
    [DCN__DO_CONCAT] = { dcn__cpu_concat, DCN__UNIT_CELL },
    [DCN__DO_SLICE] = { dcn__cpu_slice, DCN__UNIT_CELL },
    [DCN__DO_SOFTMAX] = { dcn__cpu_softmax, DCN__UNIT_CELL },
    [DCN__DO_SOFTMAX_GRADIENT] = { dcn__cpu_softmax_gradient, DCN__UNIT_CELL },
    [DCN__DO_LOG_SOFTMAX] = { dcn__cpu_log_softmax, DCN__UNIT_CELL },
    [DCN__DO_LOG_SOFTMAX_GRADIENT] = { dcn__cpu_log_softmax_gradient, DCN__UNIT_CELL },
    [DCN__DO_MAP] = { dcn__cpu_map, DCN__UNIT_ELEMENT },
    [DCN__DO_MAP_GRADIENT] = { dcn__cpu_map_gradient, DCN__UNIT_ELEMENT },
    [DCN__DO_MAP_GUIDED] = { dcn__cpu_map_guided, DCN__UNIT_ELEMENT },
    [DCN__DO_LEAKY] = { dcn__cpu_leaky, DCN__UNIT_CELL },
    [DCN__DO_LEAKY_RECTIFY] = { dcn__cpu_leaky, DCN__UNIT_CELL },
    [DCN__DO_LEAKY_GRADIENT] = { dcn__cpu_leaky_gradient, DCN__UNIT_CELL },
    [DCN__DO_LEAKY_GUIDED] = { dcn__cpu_leaky_guided, DCN__UNIT_CELL },
    [DCN__DO_SCALE] = { dcn__cpu_scale, DCN__UNIT_CELL },
    [DCN__DO_SCALE_DATA] = { dcn__cpu_scale_data, DCN__UNIT_CELL },
    [DCN__DO_LRN] = { dcn__cpu_lrn, DCN__UNIT_ROW },
    [DCN__DO_LRN_GRADIENT] = { dcn__cpu_lrn_gradient, DCN__UNIT_ROW },
    [DCN__DO_MUL] = { dcn__cpu_mul, DCN__UNIT_CELL },
    [DCN__DO_MUL_DATA] = { dcn__cpu_mul, DCN__UNIT_CELL },
    [DCN__DO_PICK] = { dcn__cpu_pick, DCN__UNIT_CELL },
    [DCN__DO_PICK_DATA] = { dcn__cpu_pick_data, DCN__UNIT_CELL },
    [DCN__DO_PAD] = { dcn__cpu_pad, DCN__UNIT_ROW },
    [DCN__DO_PAD_DATA] = { dcn__cpu_pad_data, DCN__UNIT_ROW_IN },
    [DCN__DO_RESHAPE] = { dcn__cpu_reshape, DCN__UNIT_PICTURE },
    [DCN__DO_RESHAPE_DATA] = { dcn__cpu_reshape_data, DCN__UNIT_PICTURE },
    [DCN__DO_SUM] = { dcn__cpu_sum, DCN__UNIT_ELEMENT },
    [DCN__DO_SEED] = { dcn__cpu_seed, DCN__UNIT_PICTURE },
    [DCN__DO_PEAK] = { dcn__cpu_peak, DCN__UNIT_PICTURE },
    [DCN__DO_LOSS] = { dcn__cpu_loss, DCN__UNIT_PICTURE },
};

static void release(dcn__kernel *kernel)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;

    dcn__shared_leave(k->shared);
    dcn__free_aligned(k->packed);
    dcn__free(k->own);
    dcn__free(k);
}

static bool is_weighted(dcn__action a)
{
    return a == DCN__DO_CONV || a == DCN__DO_CONV_DATA || a == DCN__DO_CONV_WEIGHTS ||
           a == DCN__DO_DENSE || a == DCN__DO_DENSE_DATA || a == DCN__DO_DENSE_WEIGHTS;
}

static void fill(cpu_kernel *k, const dcn__job *job)
{
    const dcn__group *group = job->group;

    k->base.release = release;
    k->base.own_bytes = sizeof *k;
    k->graph = job->graph;
    k->walk = job->walk;
    k->step = &job->walk->steps[group->first];
    k->node = &job->graph->nodes[k->step->node];
    k->count = group->count;
    k->sums = job->sums;
    k->chunk = job->chunk;
    k->threads = job->threads;
    k->isa = dcn__dnn_isa();
    k->out = k->node->shape;
    k->in = k->node->n_inputs ? job->graph->nodes[k->node->inputs[0]].shape : k->out;
    for (int i = 0; i < DCN__GROUP_SLOTS && group->count > 1; i++) {
        k->reads[i] = group->reads[i];
        k->writes[i] = group->writes[i];
    }
}

/* A loop of our own: cannot fail but for want of a row in the table. */
static dcn_status prepare_loop(cpu_kernel *k, dcn_error *err)
{
    const dcn__action action = k->step->action;
    const size_t n = (size_t)k->chunk;

    k->base.run = loops[action].run;
    k->unit = loops[action].unit;
    if (action == DCN__DO_UNPOOL)
        k->unit = dcn__cpu_unpool_unit(k);
    if (action == DCN__DO_MUL_DATA && k->step->input == 1 && dcn__cpu_gate_spreads(k)) {
        k->base.run = dcn__cpu_gate_data;
        k->unit = DCN__UNIT_PICTURE;
    }
    if (action == DCN__DO_LRN || action == DCN__DO_LRN_GRADIENT)
        k->base.scratch_bytes = n * (size_t)k->out.h * 2 * (size_t)k->out.c * sizeof(float);
    if ((action == DCN__DO_RESHAPE || action == DCN__DO_RESHAPE_DATA) &&
        k->node->order == DCN_ORDER_CHW)
        k->base.scratch_bytes = n * cpu_size(k->out) * sizeof(float);
    if (k->base.run)
        return DCN_OK;
    return dcn__fail(err, DCN_BUG, k->node->name, "engine cpu has no kernel for %s; report this",
                     dcn__action_word(action));
}

static dcn_status prepare(const dcn__job *job, dcn__kernel **kernel, dcn_error *err)
{
    cpu_kernel *k = dcn__alloc(sizeof *k);
    dcn_status st;

    *kernel = NULL;
    if (!k)
        return dcn__fail_memory(err, "a kernel", sizeof *k);
    fill(k, job);
    if ((st = dcn__cpu_start_threads(job->threads, err)) ||
        (st = dcn__shared_join(&k->shared, job->shared, err)))
        ;
    else if (k->count > 1)
        st = dcn__cpu_fused(k, err);
    else if (is_weighted(k->step->action))
        st = dcn__cpu_weighted(k, err);
    else
        st = prepare_loop(k, err);
    if (st) {
        release(&k->base);
        return st;
    }
    *kernel = &k->base;
    return DCN_OK;
}

const dcn__engine dcn__engine_cpu = {
    .name = "cpu", .real_bytes = sizeof(float), .other_sums = true, .text = dcn__dnn_text,
    .fuse = dcn__cpu_fuse, .prepare = prepare, .enter = dcn__cpu_enter, .leave = dcn__cpu_leave,
};
