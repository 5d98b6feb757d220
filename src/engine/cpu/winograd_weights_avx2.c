/* winograd_weights_avx2.c - winograd_weights_body.h for vectors of 8 floats. */
#define DCN__VEC 8
#define DCN__WINOGRAD_WEIGHTS dcn__winograd_weights_avx2
#include "engine/cpu/winograd_weights_body.h"
