/* winograd_plain.c - winograd_body.h for vectors of 4 floats. */
#define DCN__VEC 4
#define DCN__WINOGRAD_LOOPS dcn__winograd_plain
#include "engine/cpu/winograd_body.h"
