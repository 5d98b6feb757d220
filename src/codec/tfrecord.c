/* tfrecord.c - puts data into records and takes them out again.
 *
 * A file that ends inside a record is what a killed writer leaves: it ends the reading, quietly. A
 * sum that does not fit is damage: it is refused with its offset. */
#include "codec/tfrecord.h"

#include "base/memory.h"
#include "codec/digest.h"

#include <string.h>
#include <unistd.h>

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

void dcn__tfrecord_seal(uint8_t *record, size_t bytes)
{
    put32(record, (uint32_t)bytes);
    put32(record + 4, (uint32_t)((uint64_t)bytes >> 32));
    put32(record + 8, dcn__crc32c_mask(dcn__crc32c(record, 8)));
    put32(record + DCN__TFRECORD_HEAD + bytes,
          dcn__crc32c_mask(dcn__crc32c(record + DCN__TFRECORD_HEAD, bytes)));
}

void dcn__tfrecord_from_memory(dcn__tfrecord_reader *r, const uint8_t *data, size_t size,
                               const char *where)
{
    static const uint8_t nothing[1];

    memset(r, 0, sizeof *r);
    r->memory = data ? data : nothing;
    r->fd = -1;
    r->size = size;
    r->where = where;
}

dcn_status dcn__tfrecord_open(dcn__tfrecord_reader *r, const char *path, dcn_error *err)
{
    memset(r, 0, sizeof *r);
    r->fd = -1;
    r->where = path;
    return dcn__file_open(&r->fd, &r->size, path, err);
}

void dcn__tfrecord_close(dcn__tfrecord_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    dcn__free(r->buffer);
    memset(r, 0, sizeof *r);
    r->fd = -1;
}

/* `bytes` bytes at r->offset: in memory, or read into the buffer. */
static dcn_status fetch(dcn__tfrecord_reader *r, size_t bytes, const uint8_t **data, dcn_error *err)
{
    if (r->memory) {
        *data = r->memory + r->offset;
        return DCN_OK;
    }
    if (bytes > r->capacity) {
        uint8_t *grown = dcn__realloc(r->buffer, bytes);

        if (!grown)
            return dcn__fail_memory(err, "a record", bytes);
        r->buffer = grown;
        r->capacity = bytes;
    }
    *data = r->buffer;
    return dcn__file_read_at(r->fd, r->where, r->offset, r->buffer, bytes, err);
}

/* After a power cut a file may have its length, but zeros where its last bytes should be. */
static dcn_status rest_is_zeros(dcn__tfrecord_reader *r, bool *zeros, dcn_error *err)
{
    static const uint8_t none[4096];
    const uint64_t begin = r->offset;
    const uint8_t *piece = NULL;
    dcn_status st = DCN_OK;

    *zeros = true;
    while (!st && *zeros && r->offset < r->size) {
        const uint64_t left = r->size - r->offset;
        const size_t n = left < sizeof none ? (size_t)left : sizeof none;

        if (!(st = fetch(r, n, &piece, err)))
            *zeros = memcmp(piece, none, n) == 0;
        r->offset += n;
    }
    r->offset = begin;
    return st;
}

dcn_status dcn__tfrecord_next(dcn__tfrecord_reader *r, const uint8_t **data, size_t *bytes,
                              dcn_error *err)
{
    const uint64_t left = r->size - r->offset;
    const uint8_t *record = NULL;
    uint64_t length;
    dcn_status st;

    *data = NULL;
    *bytes = 0;
    if (left < DCN__TFRECORD_HEAD) {
        r->torn_bytes = left;
        return DCN_OK;
    }
    if ((st = fetch(r, DCN__TFRECORD_HEAD, &record, err)))
        return st;
    if (get(record + 8, 4) != dcn__crc32c_mask(dcn__crc32c(record, 8))) {
        /* Not of a file of holes: a terabyte of them takes hours to read. */
        if (r->offset && left <= DCN__TFRECORD_MAX && !get(record, 8) && !get(record + 8, 4)) {
            bool zeros;

            if ((st = rest_is_zeros(r, &zeros, err)))
                return st;
            if (zeros) {
                r->torn_bytes = left;
                return DCN_OK;
            }
        }
        return dcn__fail_at(err, DCN_INPUT, r->where, r->offset,
                            "the sum of a record's length is wrong; the file is damaged here or is "
                            "no event file");
    }
    length = get(record, 8);
    if (length > DCN__TFRECORD_MAX)
        return dcn__fail_at(err, DCN_INPUT, r->where, r->offset,
                            "a record says it holds %llu bytes, the limit is %llu; the file is not "
                            "one of ours", (unsigned long long)length,
                            (unsigned long long)DCN__TFRECORD_MAX);
    if (length + DCN__TFRECORD_FRAME > left) {
        r->torn_bytes = left;
        return DCN_OK;
    }
    if ((st = fetch(r, (size_t)length + DCN__TFRECORD_FRAME, &record, err)))
        return st;
    if (get(record + DCN__TFRECORD_HEAD + length, 4) !=
        dcn__crc32c_mask(dcn__crc32c(record + DCN__TFRECORD_HEAD, (size_t)length)))
        return dcn__fail_at(err, DCN_INPUT, r->where, r->offset,
                            "the sum of a record of %llu bytes is wrong; the file is damaged here",
                            (unsigned long long)length);
    *data = record + DCN__TFRECORD_HEAD;
    *bytes = (size_t)length;
    r->offset += length + DCN__TFRECORD_FRAME;
    return DCN_OK;
}
