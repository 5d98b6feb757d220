/* engine.h - what an engine promises. engine/ref is the same promise as plain code.
 *
 * An engine turns steps of a walk into kernels, once, when a plan is made; whatever it cannot do it
 * refuses there by the node's name. Running a kernel cannot fail and allocates nothing.
 *
 * A kernel works on one CHUNK: a few pictures that one thread takes through the whole network. What
 * a step's slots hold, in the order of step->reads (N = pictures in a chunk; NHWC):
 *
 *   action             reads                                 writes
 *   conv, dense        x                                     y
 *   conv_data, dense_data   s at y                           s at x
 *   conv_weights, dense_weights   x, s at y                  the chunk's gradients
 *   less_bias          s                                     s - b
 *   relu               x                                     y
 *   relu_mask, relu_guided   s, y                            s at x
 *   relu_rectify, copy s                                     s at x
 *   max_pool           x                                     y; switches
 *   unpool             s at y, switches                      s at x
 *   avg_pool; avg_pool_spread   x; s                         y; s at x
 *   add, concat        all inputs                            y
 *   slice              s at y                                s at input number step->input
 *   softmax, log_softmax   x                                 y
 *   softmax_gradient, log_softmax_gradient   s, y            s at x
 *   map, leaky, scale, lrn, pad, pick, reshape   x           y
 *   map_gradient, map_guided, leaky_gradient, leaky_guided, lrn_gradient   s, x   s at x
 *   leaky_rectify, scale_data, pad_data, pick_data, reshape_data   s   s at x
 *   mul                x, gate                               y
 *   mul_data           s, the other input's value            s at input number step->input
 *   unpool_centre      s at y                                s at x
 *   sum                shares                                their sum
 *   seed               the layer's value                     s, by frame->starts
 *   peak               the node's value                      N*C reals, then N*C int32_t cells
 *   loss               logits                                s; adds to frame->loss and ->correct
 */
#ifndef DCN_ENGINE_ENGINE_H
#define DCN_ENGINE_ENGINE_H

#include "graph/walk.h"

/* Where one chunk's arrays are, for one run. "real" is the engine's number type. */
typedef struct dcn__frame {
    void *const *slots;           /* by slot number of the walk */
    void *scratch;                /* the kernel's scratch_bytes, 64-byte aligned */
    void *const *weights;         /* real, by weight number, in the graph's layout */
    uint8_t *gradients;           /* this chunk's block; a kernel's is at gradient_offset */
    int n;                        /* pictures that count; the rest of the chunk is zeros */
    const dcn_start *starts;      /* seed: one for each picture of the chunk */
    /* loss */
    const int32_t *labels;        /* (n) */
    int total;                    /* pictures in the whole batch: the loss is their mean */
    double *loss;                 /* sum over this chunk, not yet divided */
    int *correct;
} dcn__frame;

enum { DCN__PACK_PARTS = 4 };

typedef struct dcn__kernel dcn__kernel;
struct dcn__kernel {
    /* May run on several threads at once, each with its own frame. */
    void (*run)(const dcn__kernel *k, const dcn__frame *frame);
    /* After the weights changed: brings them into the kernel's own layout. NULL: nothing to do. */
    void (*pack)(dcn__kernel *k, void *const *weights);
    /* A part of that, 0..DCN__PACK_PARTS-1, which may run beside the others; NULL: pack it is. */
    void (*pack_part)(dcn__kernel *k, void *const *weights, int part);
    bool packs_alone;             /* never while another kernel of the plan packs */
    /* A block of summed gradients into the graph's layout. NULL unless gradient_bytes. */
    void (*unpack)(const dcn__kernel *k, const void *sums, void *const *gradients);
    void (*release)(dcn__kernel *k);
    size_t scratch_bytes;
    size_t gradient_bytes;        /* a whole number of reals, added up over chunks as they are */
    size_t gradient_offset;       /* set by the plan */
    size_t own_bytes;             /* packed weights and the like */
};

enum { DCN__GROUP_SLOTS = 8 };

/* Consecutive steps that one kernel does. With count 1 the slots are the step's. */
typedef struct dcn__group {
    int first, count;
    int reads[DCN__GROUP_SLOTS], writes[DCN__GROUP_SLOTS];
    int n_reads, n_writes;
} dcn__group;

/* How a program's sums may be made. */
typedef enum dcn__sums {
    /* By the definition, product by product. */
    DCN__SUMS_DIRECT,
    /* By any method whose rounding is bounded; but a max pool's winners are those of direct sums (equal
     * sums stay equal), and a signal that is zero nearly everywhere stays zero where nothing reaches. */
    DCN__SUMS_FAITHFUL,
    /* By any method whose rounding is bounded: training. */
    DCN__SUMS_FAST
} dcn__sums;

/* A stretch of a walk in which an engine looks for steps to do at once. */
typedef struct dcn__stretch {
    const dcn_graph *graph;
    const dcn__walk *walk;
    int end;                      /* never beyond this step */
    const bool *needed;           /* by slot: somebody else reads it, so it must be written */
    const int *readers;           /* by slot: how often steps of this half of the walk read it */
    dcn__sums sums;
} dcn__stretch;

typedef struct dcn__job {
    const dcn_graph *graph;
    const dcn__walk *walk;
    const dcn__group *group;
    dcn__sums sums;
    int chunk;                    /* pictures */
    int threads;                  /* inside the kernel: 1, or all if there is a single chunk */
    void **shared;                /* the engine's own, NULL at first: kernels that were given the
                                     same one share packed weights; the last to go frees it */
} dcn__job;

typedef struct dcn__engine {
    const char *name;
    size_t real_bytes;
    bool other_sums;              /* it knows more than DCN__SUMS_DIRECT, so that `exact` changes bits */
    /* Instruction set or the like, for messages. */
    const char *(*text)(void);
    /* How many steps from `first` on this engine does in one kernel (at least 1). Fills the group's
     * slots if more than one. */
    int (*fuse)(const dcn__stretch *in, int first, dcn__group *group);
    dcn_status (*prepare)(const dcn__job *job, dcn__kernel **kernel, dcn_error *err);
    /* Around every use of kernels on a thread; what enter returns goes to leave. */
    int (*enter)(int threads);
    void (*leave)(int token);
} dcn__engine;

extern const dcn__engine dcn__engine_ref_f32, dcn__engine_ref_f64;
#ifdef DCN_HAVE_DNNL
extern const dcn__engine dcn__engine_cpu;
#endif

/* "cpu", "ref", "ref64"; NULL: the fastest that this build has. */
const dcn__engine *dcn__engine_find(const char *name, dcn_error *err);

#endif
