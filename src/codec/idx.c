/* idx.c - reads IDX files of bytes; nothing is allocated before the header has been believed. */
#include "codec/idx.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/gunzip.h"

#include <string.h>

/* deflate packs at most 1032:1, so a header that announces more cannot be honest. */
enum { DEFLATE_MAX_RATIO = 1032, SIDE_MAX = 32768 };

static const uint64_t FILE_MAX = (uint64_t)4 << 30;

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const char *element_name(uint8_t code)
{
    switch (code) {
    case 0x09: return "signed bytes";
    case 0x0b: return "16-bit integers";
    case 0x0c: return "32-bit integers";
    case 0x0d: return "floats";
    case 0x0e: return "doubles";
    default: return NULL;
    }
}

dcn_status dcn__idx_parse_header(dcn__idx *idx, size_t *header, const uint8_t *head,
                                 size_t head_bytes, const char *where, dcn_error *err)
{
    size_t bytes = 1;

    memset(idx, 0, sizeof *idx);
    *header = 0;
    if (head_bytes < 4)
        return dcn__fail_at(err, DCN_INPUT, where, head_bytes,
                            "the IDX header ends after %zu bytes; fetch the file again",
                            head_bytes);
    if (head[0] || head[1])
        return dcn__fail(err, DCN_INPUT, where,
                         "is not an IDX file (it begins with %02x %02x, not 00 00); name another",
                         head[0], head[1]);
    if (head[2] != 0x08 && element_name(head[2]))
        return dcn__fail_at(err, DCN_INPUT, where, 2,
                            "IDX elements are %s, only unsigned bytes are read; convert it",
                            element_name(head[2]));
    if (head[2] != 0x08)
        return dcn__fail_at(err, DCN_INPUT, where, 2,
                            "no IDX element type has code 0x%02x; name another file", head[2]);
    if (head[3] != 1 && head[3] != 3)
        return dcn__fail_at(err, DCN_INPUT, where, 3,
                            "IDX rank is %d, labels have 1 and grey pictures 3; convert it",
                            head[3]);
    idx->rank = head[3];
    *header = 4 + 4 * (size_t)idx->rank;
    if (head_bytes < *header)
        return dcn__fail_at(err, DCN_INPUT, where, head_bytes,
                            "the IDX header ends after %zu of %zu bytes; fetch the file again",
                            head_bytes, *header);
    for (int i = 0; i < idx->rank; i++) {
        const uint32_t size = big_endian(head + 4 + 4 * i);

        if (size < 1 || size > (i ? SIDE_MAX : (uint32_t)INT32_MAX))
            return dcn__fail_at(err, DCN_INPUT, where, 4 + 4 * (uint64_t)i,
                                "IDX dimension %d is %lu, outside 1..%d; fetch the file again", i,
                                (unsigned long)size, i ? SIDE_MAX : INT32_MAX);
        idx->dims[i] = size;
        if (!dcn__mul_size(bytes, size, &bytes) || bytes > FILE_MAX)
            return dcn__fail_at(err, DCN_INPUT, where, 4,
                                "IDX dimensions ask for more than %llu bytes; split the file",
                                (unsigned long long)FILE_MAX);
    }
    idx->bytes = bytes;
    return DCN_OK;
}

static dcn_status check_rank(const dcn__idx *idx, int rank, const char *where, dcn_error *err)
{
    if (rank && idx->rank != rank)
        return dcn__fail_at(err, DCN_INPUT, where, 3,
                            "IDX rank is %d, %s have %d; swap the files or fetch them again",
                            idx->rank, rank == 1 ? "labels" : "pictures", rank);
    return DCN_OK;
}

static dcn_status take_packed(dcn__idx *idx, size_t header, const uint8_t *bytes, size_t size,
                              const char *where, dcn_error *err)
{
    dcn_status st;

    if ((idx->bytes + header) / DEFLATE_MAX_RATIO > size)
        return dcn__fail(err, DCN_INPUT, where,
                         "its header announces %zu bytes, %zu packed bytes cannot hold them; "
                         "fetch the file again", idx->bytes, size);
    /* Header and data together: one pass of inflate, the data then moves to the front. */
    idx->data = dcn__alloc(idx->bytes + header);
    if (!idx->data)
        return dcn__fail_memory(err, where, idx->bytes + header);
    if ((st = dcn__gunzip(idx->data, idx->bytes + header, true, bytes, size, where, err)))
        return st;
    memmove(idx->data, idx->data + header, idx->bytes);
    return DCN_OK;
}

static dcn_status take_plain(dcn__idx *idx, size_t header, const uint8_t *bytes, size_t size,
                             const char *where, dcn_error *err)
{
    if (size - header < idx->bytes)
        return dcn__fail_at(
            err, DCN_INPUT, where, size,
            "the file ends here, its header announces %zu bytes; fetch the file again",
            idx->bytes + header);
    if (size - header > idx->bytes)
        return dcn__fail_at(err, DCN_INPUT, where, idx->bytes + header,
                            "%zu bytes follow the last element; fetch the file again",
                            size - header - idx->bytes);
    idx->data = dcn__alloc(idx->bytes);
    if (!idx->data)
        return dcn__fail_memory(err, where, idx->bytes);
    memcpy(idx->data, bytes + header, idx->bytes);
    return DCN_OK;
}

dcn_status dcn__idx_parse(dcn__idx *idx, int rank, const uint8_t *bytes, size_t size,
                          const char *where, dcn_error *err)
{
    const bool packed = dcn__is_gzip(bytes, size);
    uint8_t head[DCN__IDX_HEAD];
    size_t header, known = size < sizeof head ? size : sizeof head;
    dcn_status st = DCN_OK;

    memset(idx, 0, sizeof *idx);
    if (!size)
        return dcn__fail(err, DCN_INPUT, where, "is empty; fetch the file again");
    if (packed) {
        /* Labels alone may be shorter than 16 bytes: the first 8 tell the rank. */
        known = 8;
        if ((st = dcn__gunzip(head, 8, false, bytes, size, where, err)))
            return st;
        if (head[3] == 3) {
            known = sizeof head;
            st = dcn__gunzip(head, known, false, bytes, size, where, err);
        }
    } else {
        memcpy(head, bytes, known);
    }
    if (!st)
        st = dcn__idx_parse_header(idx, &header, head, known, where, err);
    if (!st)
        st = check_rank(idx, rank, where, err);
    if (!st)
        st = packed ? take_packed(idx, header, bytes, size, where, err)
                    : take_plain(idx, header, bytes, size, where, err);
    if (st)
        dcn__idx_clear(idx);
    return st;
}

dcn_status dcn__idx_load(dcn__idx *idx, int rank, const char *path, dcn_error *err)
{
    dcn__bytes bytes;
    dcn_status st;

    memset(idx, 0, sizeof *idx);
    if ((st = dcn__file_read(&bytes, path, FILE_MAX, err)))
        return st;
    st = dcn__idx_parse(idx, rank, bytes.data, bytes.size, path, err);
    dcn__bytes_clear(&bytes);
    return st;
}

void dcn__idx_clear(dcn__idx *idx)
{
    dcn__free(idx->data);
    memset(idx, 0, sizeof *idx);
}
