/* cpu.h - the inside of the cpu engine: its kernel object and who makes which kernel.
 *
 * oneDNN does general convolution and dense layers; the rest are loops of our own over NHWC whose
 * innermost index is the channel. Every result equals engine/ref's up to the order of a sum. */
#ifndef DCN_ENGINE_CPU_CPU_H
#define DCN_ENGINE_CPU_CPU_H

#include "engine/cpu/shared.h"
#include "engine/engine.h"

/* What a kernel's work is counted in when it is cut among threads: of the value, or of the (first)
 * input. */
typedef enum dcn__unit {
    DCN__UNIT_PICTURE, DCN__UNIT_ROW, DCN__UNIT_CELL, DCN__UNIT_ELEMENT, DCN__UNIT_ROW_IN,
    DCN__UNIT_CELL_IN
} dcn__unit;

typedef void cpu_run(const dcn__kernel *kernel, const dcn__frame *frame);

typedef struct cpu_kernel {
    dcn__kernel base;
    const dcn_graph *graph;
    const dcn__walk *walk;
    const dcn__step *step;        /* the first of the group */
    const dcn__node *node;        /* of that step */
    int count;                    /* steps in the group */
    dcn__sums sums;
    int chunk, threads;
    dcn__unit unit;               /* of our own loops */
    dcn__isa isa;      /* of our own loops */
    dcn_shape in, out; /* of the node's (first) input and of its value */
    int reads[DCN__GROUP_SLOTS],
        writes[DCN__GROUP_SLOTS]; /* of a group; of one step see cpu_read */
    dcn__dnn *dnn;                /* shared; NULL: oneDNN is not needed */
    dcn__shared *shared;          /* joined, or NULL */
    /* What a group does behind a convolution, a dense layer or an add: see tail.c. */
    const dcn__node *scale;       /* y * a + b; conv_data: s * a before it; or NULL */
    bool folded;                  /* `scale` is in the packed weights */
    int addend;                   /* which of the reads is added to it; 0: none */
    const dcn__step *last;        /* an activation, or a ReLU's rule; or NULL */
    cpu_run *body;                /* what the tail follows */
    int last_read;                /* what the rule reads beside the signal */
    void *own;                    /* one allocation of the kernel's kind, or NULL */
    float *packed;                /* an aligned array of our own kernels, or NULL */
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

/* Whether a pool takes its input in whole windows of 2x2 that do not overlap. */
static inline bool cpu_pools_by_two(const dcn__node *pool, dcn_shape in)
{
    const dcn__window *w = &pool->window;

    return w->kernel[0] == 2 && w->kernel[1] == 2 && w->stride[0] == 2 && w->stride[1] == 2 &&
           !w->pad[0] && !w->pad[1] && w->dilation[0] == 1 && w->dilation[1] == 1 &&
           2 * pool->shape.h <= in.h && 2 * pool->shape.w <= in.w;
}

/* One step each, named after its action. */
cpu_run dcn__cpu_less_bias, dcn__cpu_relu, dcn__cpu_relu_mask, dcn__cpu_relu_rectify,
    dcn__cpu_relu_guided, dcn__cpu_copy, dcn__cpu_max_pool, dcn__cpu_unpool,
    dcn__cpu_unpool_centre, dcn__cpu_avg_pool, dcn__cpu_avg_pool_spread, dcn__cpu_sum,
    dcn__cpu_concat, dcn__cpu_slice, dcn__cpu_softmax, dcn__cpu_softmax_gradient,
    dcn__cpu_log_softmax, dcn__cpu_log_softmax_gradient, dcn__cpu_seed, dcn__cpu_peak, dcn__cpu_loss,
    dcn__cpu_map, dcn__cpu_map_gradient, dcn__cpu_map_guided, dcn__cpu_leaky,
    dcn__cpu_leaky_gradient, dcn__cpu_leaky_guided, dcn__cpu_scale, dcn__cpu_scale_data,
    dcn__cpu_mul, dcn__cpu_gate_data, dcn__cpu_lrn, dcn__cpu_lrn_gradient, dcn__cpu_pick,
    dcn__cpu_pick_data, dcn__cpu_pad, dcn__cpu_pad_data, dcn__cpu_reshape, dcn__cpu_reshape_data;
cpu_run dcn__cpu_relu_max_pool; /* two steps */
/* What the seed step writes for one picture, in `room` unless it is y itself; start NULL: zeros. */
const float *dcn__cpu_seed_of(dcn_shape shape, const dcn_start *start, const float *y, float *room);
cpu_run dcn__cpu_tail; /* the end of a group, in place */
dcn__unit dcn__cpu_unpool_unit(const cpu_kernel *k);
bool dcn__cpu_gate_spreads(const cpu_kernel *k);

/* parallel.c: part(user, 0..parts-1, parts) on up to so many threads; allocates nothing. */
typedef void dcn__cpu_part(void *user, int part, int parts);
void dcn__cpu_parallel(int threads, dcn__cpu_part *part, void *user);
/* Units [0, units), or all of the kernel's, cut among its threads. */
typedef void dcn__cpu_range(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end);
void dcn__cpu_cut(const cpu_kernel *k, const dcn__frame *f, dcn__cpu_range *range, size_t units);
void dcn__cpu_units(const cpu_kernel *k, const dcn__frame *f, dcn__cpu_range *range);

/* weighted.c: conv, dense and their two backward passes through oneDNN. */
dcn_status dcn__cpu_weighted(cpu_kernel *k, dcn_error *err);

/* fuse.c: several steps at once. */
int dcn__cpu_fuse(const dcn__stretch *in, int first, dcn__group *group);
dcn_status dcn__cpu_fused(cpu_kernel *k, dcn_error *err);

/* The engine's enter and leave, also for kernels that must not be cut among threads. */
dcn_status dcn__cpu_start_threads(int threads, dcn_error *err);
int dcn__cpu_enter(int threads);
void dcn__cpu_leave(int token);

#endif
