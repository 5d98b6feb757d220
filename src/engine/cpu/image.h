/* image.h - the last step down, to a picture of few channels: see image.c. */
#ifndef DCN_ENGINE_CPU_IMAGE_H
#define DCN_ENGINE_CPU_IMAGE_H

#include "engine/cpu/cpu.h"

bool dcn__image_fits(const dcn__node *conv, dcn_shape in);
dcn_status dcn__image_prepare(cpu_kernel *k, dcn_error *err);

#endif
