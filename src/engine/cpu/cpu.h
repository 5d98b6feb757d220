/* cpu.h - the inside of the cpu engine: its kernel object and who makes which kernel.
 *
 * oneDNN does general convolution and dense layers; the rest are loops of our own over NHWC whose
 * innermost index is the channel. Every result equals engine/ref's up to the order of a sum. */
#ifndef DCN_ENGINE_CPU_CPU_H
#define DCN_ENGINE_CPU_CPU_H

#include "engine/cpu/dnn.h"
#include "engine/engine.h"

typedef struct cpu_kernel {
    dcn__kernel base;
    const dcn_graph *graph;
    const dcn__walk *walk;
    const dcn__step *step;        /* the first of the group */
    const dcn__node *node;        /* of that step */
    int count;                    /* steps in the group */
    int chunk, threads;
    dcn__isa isa;      /* of our own loops */
    dcn_shape in, out; /* of the node's (first) input and of its value */
    int reads[DCN__GROUP_SLOTS],
        writes[DCN__GROUP_SLOTS]; /* of a group; of one step see cpu_read */
    dcn__dnn *dnn;                /* NULL: oneDNN is not needed */
    void *own;                    /* one allocation of the kernel's kind, or NULL */
    float *packed;                /* aligned weights of our own kernels, or NULL */
} cpu_kernel;

static inline const cpu_kernel *cpu_of(const dcn__kernel *k)
{
    return (const cpu_kernel *)(const void *)k;
}
/* What a kernel reads and writes: of its step, or of its group if it does several. */
static inline void *cpu_read(const cpu_kernel *k, const dcn__frame *f, int i)
{
    return f->slots[k->count > 1 ? k->reads[i] : k->step->reads[i]];
}
static inline void *cpu_write(const cpu_kernel *k, const dcn__frame *f)
{
    return f->slots[k->count > 1 ? k->writes[0] : k->step->write];
}
static inline size_t cpu_size(dcn_shape s)
{
    return (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

typedef void cpu_run(const dcn__kernel *kernel, const dcn__frame *frame);
/* One step each, named after its action. */
cpu_run dcn__cpu_less_bias, dcn__cpu_relu, dcn__cpu_relu_mask, dcn__cpu_relu_rectify,
    dcn__cpu_relu_guided, dcn__cpu_copy, dcn__cpu_max_pool, dcn__cpu_unpool, dcn__cpu_avg_pool,
    dcn__cpu_avg_pool_spread, dcn__cpu_sum, dcn__cpu_concat, dcn__cpu_slice, dcn__cpu_softmax,
    dcn__cpu_softmax_gradient, dcn__cpu_seed, dcn__cpu_loss;
cpu_run dcn__cpu_relu_max_pool; /* two steps */

/* weighted.c: conv, dense and their two backward passes through oneDNN. */
dcn_status dcn__cpu_weighted(cpu_kernel *k, dcn_error *err);

/* fuse.c: several steps at once. `prepare` is given the kernel with its fields filled in. */
int dcn__cpu_fuse(const dcn_graph *g, const dcn__walk *w, int first, int end, const bool *needed,
                  dcn__group *group);
dcn_status dcn__cpu_fused(cpu_kernel *k, dcn_error *err);

/* engine.c: the engine's enter and leave, for kernels that must not be cut among threads. */
int dcn__cpu_enter(int threads);
void dcn__cpu_leave(int token);

#endif
