/* winograd_image_plain.c - winograd_image_body.h for vectors of 4 floats. */
#define DCN__VEC 4
#define DCN__WINOGRAD_IMAGE_LOOPS dcn__winograd_image_plain
#include "engine/cpu/winograd_image_body.h"
