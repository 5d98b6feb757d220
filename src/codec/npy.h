/* npy.h - NumPy's .npy bytes -> arrays. The header of the file is Python text; only the plain form
 * that NumPy writes is understood, nothing is evaluated. */
#ifndef DCN_CODEC_NPY_H
#define DCN_CODEC_NPY_H

#include "base/error.h"

#include <stdbool.h>

bool dcn__npy_is(const uint8_t *head, size_t size);
dcn_status dcn__npy_parse(dcn_array *array, const uint8_t *bytes, size_t size, const char *where,
                          dcn_error *err);

#endif
