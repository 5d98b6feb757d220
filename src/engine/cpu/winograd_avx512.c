/* winograd_avx512.c - winograd_body.h for vectors of 16 floats. */
#define DCN__VEC 16
#define DCN__WINOGRAD_LOOPS dcn__winograd_avx512
#include "engine/cpu/winograd_body.h"
