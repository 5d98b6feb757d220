/* npy.h - NumPy's .npy bytes <-> arrays. The header of the file is Python text; only the plain form
 * that NumPy writes is understood, nothing is evaluated. */
#ifndef DCN_CODEC_NPY_H
#define DCN_CODEC_NPY_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

bool dcn__npy_is(const uint8_t *head, size_t size);
dcn_status dcn__npy_parse(dcn_array *array, const uint8_t *bytes, size_t size, const char *where,
                          dcn_error *err);
/* What stands before the numbers of an array (C order) that dcn__array_check has passed. */
void dcn__npy_header(dcn__string *s, const dcn_array *shape);

#endif
