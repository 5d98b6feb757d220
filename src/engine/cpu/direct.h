/* direct.h - the first layer's convolution, ReLU and max pool in one pass: see direct.c. */
#ifndef DCN_ENGINE_CPU_DIRECT_H
#define DCN_ENGINE_CPU_DIRECT_H

#include "engine/cpu/cpu.h"

bool dcn__direct_fits(const dcn_graph *g, const dcn__node *conv, const dcn__node *pool);
/* Cannot fail: needs nothing but scratch. */
void dcn__direct_prepare(cpu_kernel *k);

#endif
