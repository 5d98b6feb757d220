/* tfrecord.h - TensorFlow's record framing: length, its sum, data, its sum.
 *
 * A record is u64 length, u32 masked CRC-32C of those 8 bytes, the data, u32 masked CRC-32C of the
 * data, little-endian. What the data mean is not known here. */
#ifndef DCN_CODEC_TFRECORD_H
#define DCN_CODEC_TFRECORD_H

#include "base/file.h"

enum { DCN__TFRECORD_HEAD = 12, DCN__TFRECORD_TAIL = 4,
       DCN__TFRECORD_FRAME = DCN__TFRECORD_HEAD + DCN__TFRECORD_TAIL };
/* A longer record is refused, never allocated for. */
#define DCN__TFRECORD_MAX ((uint64_t)256 << 20)

/* record: DCN__TFRECORD_HEAD bytes to fill, `bytes` of data, DCN__TFRECORD_TAIL bytes to fill. */
void dcn__tfrecord_seal(uint8_t *record, size_t bytes);

/* Reads records one after the other, from memory or from a file. */
typedef struct dcn__tfrecord_reader {
    const uint8_t *memory;      /* NULL: from fd */
    int fd;
    const char *where;          /* borrowed */
    uint64_t size;              /* of everything */
    uint64_t offset;            /* of the next record */
    uint64_t torn_bytes;        /* an unfinished record at the end */
    uint8_t *buffer;
    size_t capacity;
} dcn__tfrecord_reader;

void dcn__tfrecord_from_memory(dcn__tfrecord_reader *r, const uint8_t *data, size_t size,
                               const char *where);
dcn_status dcn__tfrecord_open(dcn__tfrecord_reader *r, const char *path, dcn_error *err);
/* *data lives until the next call; NULL at the end. DCN_INPUT if a sum is wrong. */
dcn_status dcn__tfrecord_next(dcn__tfrecord_reader *r, const uint8_t **data, size_t *bytes,
                              dcn_error *err);
void dcn__tfrecord_close(dcn__tfrecord_reader *r);

#endif
