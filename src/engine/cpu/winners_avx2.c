/* winners_avx2.c - winners_body.h for vectors of 8 floats. */
#define DCN__VEC 8
#define DCN__WINNER_LOOPS dcn__winners_avx2
#include "engine/cpu/winners_body.h"
