/* onnx_digest.c - a fingerprint of a model's files.
 *
 * Half a gigabyte of weights is usual: SHA-256 over all of it would take longer than everything
 * else. It runs over the CRC-32C of each window instead, which tells files apart but is no seal. */
#include "codec/onnx_reader.h"

#include "base/file.h"
#include "codec/digest.h"

/* file -1: the model itself. */
static dcn_status add_file(dcn__onnx_reader *r, int file, uint64_t size, dcn__sha256 *sha)
{
    uint8_t *bytes = dcn__wire_borrow(&r->wire);
    dcn_status st = DCN_OK;

    for (uint64_t at = 0; !st && at < size;) {
        const size_t n = size - at < DCN__WIRE_WINDOW ? (size_t)(size - at) : DCN__WIRE_WINDOW;

        st = file < 0 ? dcn__file_read_at(r->wire.fd, r->wire.path, at, bytes, n, r->wire.err)
                      : dcn__onnx_file_read(r, file, at, bytes, n);
        if (!st) {
            const uint32_t crc = dcn__crc32c(bytes, n);
            const uint8_t sum[4] = { (uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
                                     (uint8_t)(crc >> 24) };

            dcn__sha256_update(sha, sum, sizeof sum);
        }
        at += n;
    }
    return st;
}

dcn_status dcn__onnx_digest(const dcn__onnx *m, char hex[65], dcn_error *err)
{
    dcn__onnx_reader *r = m->reader;
    dcn__sha256 sha;
    dcn_error own;
    dcn_status st;

    r->wire.err = err ? err : &own;
    if (!(st = dcn__sha256_begin(&sha, r->wire.err)))
        st = add_file(r, -1, r->wire.size, &sha);
    for (int i = 0; !st && i < r->n_files; i++)
        st = add_file(r, i, r->files[i].size, &sha);
    if (st)
        dcn__sha256_abort(&sha);
    else
        dcn__sha256_end(&sha, hex);
    r->wire.err = NULL;
    return st;
}
