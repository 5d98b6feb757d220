/* digest.c - CRC-32C and SHA-256 through librhash.
 *
 * The table of CRC-32C is for builds without librhash, and for the moment when librhash finds no
 * memory for its context: a checksum that can fail would burden every caller. */
#include "codec/digest.h"

#include <string.h>

#ifdef DCN_HAVE_RHASH
#include <rhash.h>
#endif

/* Four bits at a time: 16 words need no initialisation and no lock. */
static uint32_t crc32c_by_table(const uint8_t *p, size_t bytes)
{
    /* table[i]: i carried through four steps of the reflected polynomial 0x82f63b78. */
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362,
        0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab,
        0xe330a81a, 0xf36e6f75,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

uint32_t dcn__crc32c(const void *data, size_t bytes)
{
#ifdef DCN_HAVE_RHASH
    uint8_t digest[4];

    /* librhash writes its digests big-endian, whatever the machine. */
    if (bytes && rhash_msg(RHASH_CRC32C, data, bytes, digest) == 0)
        return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
            digest[3];
#endif
    return crc32c_by_table(data, bytes);
}

uint32_t dcn__crc32c_mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

#ifdef DCN_HAVE_RHASH

dcn_status dcn__sha256_begin(dcn__sha256 *s, dcn_error *err)
{
    s->context = rhash_init(RHASH_SHA256);
    return s->context ? DCN_OK : dcn__fail_memory(err, "a SHA-256 context", 256);
}

void dcn__sha256_update(dcn__sha256 *s, const void *data, size_t bytes)
{
    if (s->context && bytes)
        rhash_update(s->context, data, bytes);
}

void dcn__sha256_end(dcn__sha256 *s, char hex[DCN__SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];

    hex[0] = '\0';
    if (!s->context)
        return;
    rhash_final(s->context, digest);
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
    dcn__sha256_abort(s);
}

void dcn__sha256_abort(dcn__sha256 *s)
{
    if (s->context)
        rhash_free(s->context);
    s->context = NULL;
}

#else

dcn_status dcn__sha256_begin(dcn__sha256 *s, dcn_error *err)
{
    s->context = NULL;
    return dcn__fail(err, DCN_USAGE, "SHA-256",
                     "this build has no librhash; install librhash-dev and build again");
}

void dcn__sha256_update(dcn__sha256 *s, const void *data, size_t bytes)
{
    (void)s, (void)data, (void)bytes;
}

void dcn__sha256_end(dcn__sha256 *s, char hex[DCN__SHA256_HEX])
{
    (void)s;
    hex[0] = '\0';
}

void dcn__sha256_abort(dcn__sha256 *s)
{
    (void)s;
}

#endif

dcn_status dcn__sha256_hex(char hex[DCN__SHA256_HEX], const void *data, size_t bytes,
                           dcn_error *err)
{
    dcn__sha256 s;
    dcn_status st = dcn__sha256_begin(&s, err);

    if (st)
        return st;
    dcn__sha256_update(&s, data, bytes);
    dcn__sha256_end(&s, hex);
    return DCN_OK;
}
