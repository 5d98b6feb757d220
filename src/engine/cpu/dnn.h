/* dnn.h - oneDNN as the cpu engine sees it: one object per convolution or dense pass.
 *
 * All calls of the library are in dnn.c, so that another version of it costs one file. Activations
 * are NHWC; weights and their gradients are in whatever layout oneDNN prefers. */
#ifndef DCN_ENGINE_CPU_DNN_H
#define DCN_ENGINE_CPU_DNN_H

#include "graph/graph.h"

typedef enum dcn__dnn_pass {
    DCN__DNN_FORWARD,             /* x, bias -> y */
    DCN__DNN_DATA,                /* s -> x */
    DCN__DNN_WEIGHTS              /* x, s -> dw, db */
} dcn__dnn_pass;

typedef struct dcn__dnn_desc {
    dcn__dnn_pass pass;
    const dcn__node *node;        /* a convolution or a dense layer */
    dcn_shape in;                 /* of its input */
    int n;                        /* pictures */
    const dcn__node *scale;       /* forward, data: y * a + b behind it, folded in; or NULL */
} dcn__dnn_desc;

/* The arrays of one run; what a pass does not use is NULL. */
typedef struct dcn__dnn_arrays {
    const float *x, *s, *bias;    /* (n,H,W,C), (n,h,w,K), (K): without `scale` */
    float *y;                     /* forward: (n,h,w,K); data: (n,H,W,C) */
    float *dw, *db;               /* weights: oneDNN's layout; (K) */
    void *scratch;
} dcn__dnn_arrays;

typedef struct dcn__dnn dcn__dnn;

/* DCN_DEVICE: oneDNN has no such pass; nothing else is wrong. Its packed weights are still to be
 * given a place: one of the two calls behind, before anything else. */
dcn_status dcn__dnn_create(dcn__dnn **dnn, const dcn__dnn_desc *desc, dcn_error *err);
dcn_status dcn__dnn_make_block(dcn__dnn *dnn, dcn_error *err);
/* Uses another object's packed weights, which it outlives, if they are the same in the same layout:
 * of the whole network and of its cones. */
bool dcn__dnn_borrow_block(dcn__dnn *dnn, const dcn__dnn *from);
bool dcn__dnn_lends(const dcn__dnn *dnn);      /* whether anything could borrow its own block */
void dcn__dnn_destroy(dcn__dnn *dnn);
size_t dcn__dnn_scratch_bytes(const dcn__dnn *dnn);
size_t dcn__dnn_weight_bytes(const dcn__dnn *dnn);      /* packed, or of dw */
/* Weights in the graph's layout, by number, into the object's own. Not while a run is going on.
 * room: as many floats as the weight has, if it wants room. */
bool dcn__dnn_wants_room(const dcn__dnn *dnn);
void dcn__dnn_pack(dcn__dnn *dnn, void *const *weights, float *room);
/* Gradients from oneDNN's layout into the graph's. */
void dcn__dnn_unpack(const dcn__dnn *dnn, const float *dw, float *gradients);
/* On any thread; several at once. */
void dcn__dnn_run(const dcn__dnn *dnn, const dcn__dnn_arrays *arrays);

/* For tests: create answers as if oneDNN had nothing. */
extern bool dcn__dnn_off;

/* What oneDNN would use here, so that our own kernels obey its limits too. */
typedef enum dcn__isa { DCN__ISA_PLAIN, DCN__ISA_AVX2, DCN__ISA_AVX512 } dcn__isa;
dcn__isa dcn__dnn_isa(void);
const char *dcn__dnn_text(void);                         /* "oneDNN 2.6.3, avx512_core" */

#endif
