/* narrow_avx2.c - narrow_body.h for vectors of 8 floats. */
#define DCN__VEC 8
#define DCN__NARROW_LOOPS dcn__narrow_avx2
#define DCN__NARROW_VECTORS 2
#include "engine/cpu/narrow_body.h"
