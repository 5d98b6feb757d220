/* dense.h - dense layers without packed weights: see dense.c. */
#ifndef DCN_ENGINE_CPU_DENSE_H
#define DCN_ENGINE_CPU_DENSE_H

#include "engine/cpu/cpu.h"

bool dcn__dense_fits(const dcn__node *node, dcn_shape in, int pictures);
/* Cannot fail: needs nothing but scratch. */
void dcn__dense_prepare(cpu_kernel *k, bool down);

#endif
