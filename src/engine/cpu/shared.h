/* shared.h - what the kernels of a plan have in common: oneDNN's objects and packed weights.
 *
 * A plan with many routes passes the same convolution in the same way again and again. Each kernel
 * asks here by (node, pass, pictures, what is folded in); whoever asks first packs, unless another
 * has the same weights in the same layout already. */
#ifndef DCN_ENGINE_CPU_SHARED_H
#define DCN_ENGINE_CPU_SHARED_H

#include "engine/cpu/dnn.h"

typedef struct dcn__shared dcn__shared;

/* home: the plan's pointer, NULL at first. Each join wants a leave; the last frees everything. */
dcn_status dcn__shared_join(dcn__shared **shared, void **home, dcn_error *err);
void dcn__shared_leave(dcn__shared *shared);

/* The object for desc, made on `threads` threads if nobody has asked before. *first: its weights
 * are this kernel's to pack. DCN_DEVICE: oneDNN has no such pass. */
dcn_status dcn__shared_dnn(dcn__shared *shared, const dcn__dnn_desc *desc, int threads,
                           dcn__dnn **dnn, bool *first, dcn_error *err);
/* What winners_shape.c packs of a weight, by number: one block a plan. *first: it is this kernel's
 * to pack. */
dcn_status dcn__shared_packed(dcn__shared *shared, int weight, size_t floats, float **block,
                              bool *first, dcn_error *err);
/* The same of other kinds. */
typedef enum dcn__packed_kind {
    DCN__PACKED_WINNERS,          /* winners_shape.c */
    DCN__PACKED_POINTS,           /* U of winograd.h, */
    DCN__PACKED_POINTS_TURNED,
    DCN__PACKED_NORMS             /* and what its pools need */
} dcn__packed_kind;

dcn_status dcn__shared_packed_as(dcn__shared *shared, dcn__packed_kind kind, int weight,
                                 size_t floats, float **block, bool *first, dcn_error *err);
/* At least so many floats for packing, which one kernel does at a time. */
dcn_status dcn__shared_room(dcn__shared *shared, size_t floats, dcn_error *err);
float *dcn__shared_block(const dcn__shared *shared);

#endif
