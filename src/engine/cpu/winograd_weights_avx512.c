/* winograd_weights_avx512.c - winograd_weights_body.h for vectors of 16 floats. */
#define DCN__VEC 16
#define DCN__WINOGRAD_WEIGHTS dcn__winograd_weights_avx512
#include "engine/cpu/winograd_weights_body.h"
