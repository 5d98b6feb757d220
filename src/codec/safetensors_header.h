/* safetensors_header.h - between the files of the safetensors reader and writer only. */
#ifndef DCN_CODEC_SAFETENSORS_HEADER_H
#define DCN_CODEC_SAFETENSORS_HEADER_H

#include "codec/safetensors.h"

enum { DCN__TENSORS_HEADER_LIMIT = 8 * 1024 * 1024 };

/* The 8 little-endian bytes before the header. */
uint64_t dcn__tensors_length(const uint8_t *bytes);
void dcn__tensors_free_json(dcn__tensors *t);

#endif
