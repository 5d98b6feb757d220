/* plain.h - convolutions of our own for shapes that oneDNN does not take: see plain.c. */
#ifndef DCN_ENGINE_CPU_PLAIN_H
#define DCN_ENGINE_CPU_PLAIN_H

#include "engine/cpu/cpu.h"

/* Cannot fail: needs no memory. A dense layer is a convolution whose kernel is its whole input. */
void dcn__plain_prepare(cpu_kernel *k, dcn__dnn_pass pass);

#endif
