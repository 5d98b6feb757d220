/* winograd_image_avx2.c - winograd_image_body.h for vectors of 8 floats. */
#define DCN__VEC 8
#define DCN__WINOGRAD_IMAGE_LOOPS dcn__winograd_image_avx2
#include "engine/cpu/winograd_image_body.h"
