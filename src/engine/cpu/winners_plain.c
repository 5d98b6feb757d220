/* winners_plain.c - winners_body.h for vectors of 4 floats. */
#define DCN__VEC 4
#define DCN__WINNER_LOOPS dcn__winners_plain
#include "engine/cpu/winners_body.h"
