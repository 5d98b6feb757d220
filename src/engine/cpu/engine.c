/* engine.c - the cpu engine's entry: which kernel does which step; threads inside oneDNN. */
#include "engine/cpu/cpu.h"

#include "base/memory.h"

#include <dlfcn.h>

static cpu_run *const runs[DCN__DO_COUNT] = {
    [DCN__DO_LESS_BIAS] = dcn__cpu_less_bias,
    [DCN__DO_RELU] = dcn__cpu_relu,
    [DCN__DO_RELU_MASK] = dcn__cpu_relu_mask,
    [DCN__DO_RELU_RECTIFY] = dcn__cpu_relu_rectify,
    [DCN__DO_RELU_GUIDED] = dcn__cpu_relu_guided,
    [DCN__DO_COPY] = dcn__cpu_copy,
    [DCN__DO_MAX_POOL] = dcn__cpu_max_pool,
    [DCN__DO_UNPOOL] = dcn__cpu_unpool,
    [DCN__DO_AVG_POOL] = dcn__cpu_avg_pool,
    [DCN__DO_AVG_POOL_SPREAD] = dcn__cpu_avg_pool_spread,
    [DCN__DO_ADD] = dcn__cpu_sum,
    [DCN__DO_CONCAT] = dcn__cpu_concat,
    [DCN__DO_SLICE] = dcn__cpu_slice,
    [DCN__DO_SOFTMAX] = dcn__cpu_softmax,
    [DCN__DO_SOFTMAX_GRADIENT] = dcn__cpu_softmax_gradient,
    [DCN__DO_SUM] = dcn__cpu_sum,
    [DCN__DO_SEED] = dcn__cpu_seed,
    [DCN__DO_LOSS] = dcn__cpu_loss,
};

static void release(dcn__kernel *kernel)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;

    dcn__dnn_destroy(k->dnn);
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

static dcn_status prepare(const dcn__job *job, dcn__kernel **kernel, dcn_error *err)
{
    cpu_kernel *k = dcn__alloc(sizeof *k);
    dcn_status st = DCN_OK;

    *kernel = NULL;
    if (!k)
        return dcn__fail_memory(err, "a kernel", sizeof *k);
    fill(k, job);
    if (k->count > 1)
        st = dcn__cpu_fused(k, err);
    else if (is_weighted(k->step->action))
        st = dcn__cpu_weighted(k, err);
    else if (!(k->base.run = runs[k->step->action]))
        st = dcn__fail(err, DCN_BUG, k->node->name, "engine cpu has no kernel for %s; report this",
                       dcn__action_word(k->step->action));
    if (st) {
        release(&k->base);
        return st;
    }
    *kernel = &k->base;
    return DCN_OK;
}

/* Debian's oneDNN runs on OpenMP, whose number of threads is a setting of each calling thread.
 * Looked up by name, because the header belongs to the compiler and another build of oneDNN may do
 * without. */
int dcn__cpu_enter(int threads)
{
    int (*const get)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    void (*const set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    const int before = get ? get() : 1;

    if (set && before != threads)
        set(threads);
    return before;
}

void dcn__cpu_leave(int token)
{
    void (*const set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");

    if (set)
        set(token);
}

const dcn__engine dcn__engine_cpu = {
    .name = "cpu", .real_bytes = sizeof(float), .text = dcn__dnn_text, .fuse = dcn__cpu_fuse,
    .prepare = prepare, .enter = dcn__cpu_enter, .leave = dcn__cpu_leave,
};
