/* winograd_kernel.h - a plan's kernels that work by winograd.h: see winograd_kernel.c. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_KERNEL_H
#define DCN_ENGINE_CPU_WINOGRAD_KERNEL_H

#include "engine/cpu/winograd.h"

/* For a convolution, perhaps a ReLU, and a max pool at once. */
bool dcn__winograd_pool_fits(const dcn_graph *g, dcn__sums sums, const dcn__node *conv,
                             const dcn__node *pool);
/* For a convolution, or the way down through it, whose value is written. */
bool dcn__winograd_fits(const cpu_kernel *k, bool turned);
/* Either of them. */
dcn_status dcn__winograd_prepare(cpu_kernel *k, dcn_error *err);

#endif
