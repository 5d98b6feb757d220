/* winograd_image_avx512.c - winograd_image_body.h for vectors of 16 floats. */
#define DCN__VEC 16
#define DCN__WINOGRAD_IMAGE_LOOPS dcn__winograd_image_avx512
#include "engine/cpu/winograd_image_body.h"
