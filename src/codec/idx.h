/* idx.h - IDX files of bytes: MNIST's format for pictures (rank 3) and labels (rank 1).
 *
 * Header: 0, 0, 8 (unsigned byte), rank, then one big-endian 32-bit size per dimension. Other
 * element types and ranks are refused by name. Plain or gzip. */
#ifndef DCN_CODEC_IDX_H
#define DCN_CODEC_IDX_H

#include "base/error.h"

typedef struct dcn__idx {
    int rank;                 /* 1 or 3 */
    int64_t dims[3];
    size_t bytes;             /* product of dims */
    uint8_t *data;            /* (dims), owned; dcn__idx_clear */
} dcn__idx;

enum { DCN__IDX_HEAD = 16 };

/* The header alone, from the first bytes of the unpacked file; *header: its length. */
dcn_status dcn__idx_parse_header(dcn__idx *idx, size_t *header, const uint8_t *head,
                                 size_t head_bytes, const char *where, dcn_error *err);
/* A whole file in memory, plain or gzip. rank: what is wanted, 1 or 3; 0: either. */
dcn_status dcn__idx_parse(dcn__idx *idx, int rank, const uint8_t *bytes, size_t size,
                          const char *where, dcn_error *err);
dcn_status dcn__idx_load(dcn__idx *idx, int rank, const char *path, dcn_error *err);
void dcn__idx_clear(dcn__idx *idx);

#endif
