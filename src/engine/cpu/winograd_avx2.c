/* winograd_avx2.c - winograd_body.h for vectors of 8 floats. */
#define DCN__VEC 8
#define DCN__WINOGRAD_LOOPS dcn__winograd_avx2
#include "engine/cpu/winograd_body.h"
