/* winograd_weights_plain.c - winograd_weights_body.h for vectors of 4 floats. */
#define DCN__VEC 4
#define DCN__WINOGRAD_WEIGHTS dcn__winograd_weights_plain
#include "engine/cpu/winograd_weights_body.h"
