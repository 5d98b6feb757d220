/* narrow_avx512.c - narrow_body.h for vectors of 16 floats. */
#define DCN__VEC 16
#define DCN__NARROW_LOOPS dcn__narrow_avx512
#define DCN__NARROW_VECTORS 4
#include "engine/cpu/narrow_body.h"
