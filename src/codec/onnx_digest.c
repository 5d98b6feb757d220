/* onnx_digest.c - a fingerprint of a model's files.
 *
 * Half a gigabyte of weights is usual: SHA-256 would take longer than everything else together.
 * The CRC-32C of each window is mixed into 64 bits, which tells files apart but is no seal. */
#include "codec/onnx_reader.h"

#include "base/file.h"
#include "base/random.h"
#include "codec/digest.h"

/* file -1: the model itself. */
static dcn_status add_file(dcn__onnx_reader *r, int file, uint64_t size, uint64_t *digest)
{
    uint8_t *bytes = dcn__wire_borrow(&r->wire);
    dcn_status st = DCN_OK;

    for (uint64_t at = 0; !st && at < size;) {
        const size_t n = size - at < DCN__WIRE_WINDOW ? (size_t)(size - at) : DCN__WIRE_WINDOW;

        st = file < 0 ? dcn__file_read_at(r->wire.fd, r->wire.path, at, bytes, n, r->wire.err)
                      : dcn__onnx_file_read(r, file, at, bytes, n);
        if (!st)
            *digest = dcn__hash64(*digest + ((uint64_t)n << 32 | dcn__crc32c(bytes, n)));
        at += n;
    }
    return st;
}

dcn_status dcn__onnx_digest(const dcn__onnx *m, uint64_t *digest, dcn_error *err)
{
    dcn__onnx_reader *r = m->reader;
    dcn_error own;
    dcn_status st;

    r->wire.err = err ? err : &own;
    *digest = 0;
    st = add_file(r, -1, r->wire.size, digest);
    for (int i = 0; !st && i < r->n_files; i++)
        st = add_file(r, i, r->files[i].size, digest);
    r->wire.err = NULL;
    return st;
}
