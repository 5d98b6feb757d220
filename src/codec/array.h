/* array.h - what the writers of arrays share: what an array must be before a byte is written. */
#ifndef DCN_CODEC_ARRAY_H
#define DCN_CODEC_ARRAY_H

#include "base/error.h"

#include <stddef.h>

enum { DCN__ARRAY_MAX_RANK = 8 };

/* The bytes of one number; 0: no such type. */
size_t dcn__dtype_bytes(dcn_dtype dtype);
/* Name, type and shape, not the numbers, of which *bytes is the size. DCN_USAGE. */
dcn_status dcn__array_check(const dcn_array *a, const char *path, size_t *bytes, dcn_error *err);
/* "tensor NAME WHAT; correct the call" */
dcn_status dcn__array_refuse(const dcn_array *a, const char *path, const char *what,
                             dcn_error *err);

#endif
