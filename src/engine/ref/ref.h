/* ref.h - the reference engine: the definition of every operator, in plain loops.
 *
 * Compiled twice, in float and in double (DCN_REAL_IS_DOUBLE); REF() gives each its own names. No
 * tricks, ever: where another engine differs from this one beyond rounding, the other is wrong. */
#ifndef DCN_ENGINE_REF_REF_H
#define DCN_ENGINE_REF_REF_H

#include "engine/engine.h"

#ifdef DCN_REAL_IS_DOUBLE
typedef double real;
#define REF(name) dcn__ref_f64_##name
#define MATH(function) function
#else
typedef float real;
#define REF(name) dcn__ref_f32_##name
#define MATH(function) function##f      /* of <math.h>, in the engine's number type */
#endif

typedef struct ref_kernel {
    dcn__kernel base;
    const dcn_graph *graph;
    const dcn__walk *walk;
    const dcn__step *step;
    const dcn__node *node;
    int chunk;                    /* pictures */
    dcn_shape in, out;            /* of the node's (first) input and of its value */
} ref_kernel;

/* What a step reads and writes. */
static inline const real *ref_read(const ref_kernel *k, const dcn__frame *f, int i)
{
    return f->slots[k->step->reads[i]];
}
static inline real *ref_write(const ref_kernel *k, const dcn__frame *f)
{
    return f->slots[k->step->write];
}
static inline size_t ref_size(dcn_shape s)
{
    return (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

typedef void ref_run(const dcn__kernel *kernel, const dcn__frame *frame);
ref_run REF(conv), REF(conv_data), REF(conv_weights), REF(less_bias), REF(relu), REF(relu_mask),
    REF(relu_rectify), REF(relu_guided), REF(copy), REF(max_pool), REF(unpool), REF(avg_pool),
    REF(avg_pool_spread), REF(dense), REF(dense_data), REF(dense_weights), REF(add), REF(concat),
    REF(slice), REF(softmax), REF(softmax_gradient), REF(log_softmax), REF(log_softmax_gradient),
    REF(map), REF(map_gradient), REF(map_guided), REF(leaky), REF(leaky_gradient),
    REF(leaky_rectify), REF(leaky_guided), REF(scale), REF(scale_data), REF(lrn),
    REF(lrn_gradient), REF(mul), REF(mul_data), REF(pick), REF(pick_data), REF(pad),
    REF(pad_data), REF(reshape), REF(reshape_data), REF(unpool_centre), REF(sum), REF(seed),
    REF(peak), REF(loss);

/* A gradient block holds the weight's gradient, then the bias's, as in the graph. */
static inline real *ref_gradient(const ref_kernel *k, const dcn__frame *f)
{
    return (real *)(void *)(f->gradients + k->base.gradient_offset);
}

#endif
