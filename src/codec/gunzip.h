/* gunzip.h - unpacks a gzip file in memory, never more than was asked for.
 *
 * The caller says how many bytes it needs (from a header read first); a file that holds more or
 * fewer is refused, so that a small file cannot cost much. */
#ifndef DCN_CODEC_GUNZIP_H
#define DCN_CODEC_GUNZIP_H

#include "base/error.h"

#include <stdbool.h>

bool dcn__is_gzip(const uint8_t *bytes, size_t size);
/* Fills out with the first out_bytes unpacked bytes of a gzip file. `whole`: the content must end
 * there, and its sums are checked. where: for errors. DCN_USAGE in a build without zlib. */
dcn_status dcn__gunzip(uint8_t *out, size_t out_bytes, bool whole, const uint8_t *bytes,
                       size_t size, const char *where, dcn_error *err);

#endif
