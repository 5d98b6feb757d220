/* gunzip.c - bounded inflate through zlib. */
#include "codec/gunzip.h"

#include <string.h>

bool dcn__is_gzip(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#ifdef DCN_HAVE_ZLIB
#include "base/memory.h"

#include <zlib.h>

/* zlib counts in 32 bits; larger buffers are handed over in pieces. */
enum { PIECE = 1 << 30 };

static void *zlib_alloc(void *user, unsigned items, unsigned size)
{
    (void)user;
    return dcn__alloc_array(items, size);
}

static void zlib_free(void *user, void *memory)
{
    (void)user;
    dcn__free(memory);
}

/* Inflates until out is full, the stream ends or zlib stops. *got: unpacked bytes. */
static int inflate_pieces(z_stream *z, uint8_t *out, size_t out_bytes, size_t *got,
                          const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    int code = Z_OK;

    *got = 0;
    while (code == Z_OK && *got < out_bytes) {
        const size_t in = size - used < PIECE ? size - used : PIECE;
        const size_t room = out_bytes - *got < PIECE ? out_bytes - *got : PIECE;

        z->next_in = (Bytef *)(uintptr_t)(bytes + used);
        z->avail_in = (uInt)in;
        z->next_out = out + *got;
        z->avail_out = (uInt)room;
        code = inflate(z, Z_NO_FLUSH);
        used += in - z->avail_in;
        *got += room - z->avail_out;
        if (code == Z_OK && z->avail_out && used == size)
            code = Z_BUF_ERROR;                /* the file ends inside the stream */
    }
    return code;
}

/* After all bytes are there: the stream's end (with its sums) must follow at once. */
static dcn_status check_end(z_stream *z, int code, size_t out_bytes, const uint8_t *bytes,
                            size_t size, const char *where, dcn_error *err)
{
    uint8_t extra;

    while (code == Z_OK) {
        const size_t used = z->next_in ? (size_t)(z->next_in - bytes) : 0;

        z->avail_in = (uInt)(size - used < PIECE ? size - used : PIECE);
        z->next_out = &extra;
        z->avail_out = 1;
        code = inflate(z, Z_NO_FLUSH);
        if (!z->avail_out)
            return dcn__fail_at(err, DCN_INPUT, where, out_bytes,
                                "more bytes follow than the header announces (unpacked offset); "
                                "fetch the file again");
    }
    if (code != Z_STREAM_END)
        return dcn__fail(err, DCN_INPUT, where,
                         "the gzip data is damaged at its end (%s); fetch the file again",
                         z->msg ? z->msg : "it is cut off");
    if ((size_t)(z->next_in - bytes) != size)
        return dcn__fail_at(err, DCN_INPUT, where, (uint64_t)(z->next_in - bytes),
                            "bytes follow the end of the gzip data; fetch the file again");
    return DCN_OK;
}

dcn_status dcn__gunzip(uint8_t *out, size_t out_bytes, bool whole, const uint8_t *bytes,
                       size_t size, const char *where, dcn_error *err)
{
    z_stream z;
    dcn_status st = DCN_OK;
    size_t got;
    int code;

    memset(&z, 0, sizeof z);
    z.zalloc = zlib_alloc;
    z.zfree = zlib_free;
    if (inflateInit2(&z, 15 + 16) != Z_OK)     /* + 16: gzip only */
        return dcn__fail_memory(err, "unpacking", 64 * 1024);
    code = inflate_pieces(&z, out, out_bytes, &got, bytes, size);
    if (code == Z_MEM_ERROR)
        st = dcn__fail_memory(err, "unpacking", 64 * 1024);
    else if (code == Z_DATA_ERROR || code == Z_NEED_DICT || code == Z_STREAM_ERROR)
        st = dcn__fail(
            err, DCN_INPUT, where,
            "the gzip data is damaged after %zu unpacked bytes (%s); fetch the file again", got,
            z.msg ? z.msg : "bad header");
    else if (got < out_bytes)
        st = dcn__fail_at(err, DCN_INPUT, where, got,
                          "the unpacked bytes end here, %zu are needed; fetch the file again",
                          out_bytes);
    else if (whole)
        st = check_end(&z, code, out_bytes, bytes, size, where, err);
    inflateEnd(&z);
    return st;
}
#else
dcn_status dcn__gunzip(uint8_t *out, size_t out_bytes, bool whole, const uint8_t *bytes,
                       size_t size, const char *where, dcn_error *err)
{
    (void)out, (void)out_bytes, (void)whole, (void)bytes, (void)size;
    return dcn__fail(err, DCN_USAGE, where,
                     "is packed and this build has no zlib; unpack it with gunzip");
}
#endif
