/* npz.c - writes .npz: local headers, members, the central directory (PKWARE's APPNOTE 6.3).
 *
 * The size of a member follows from its shape, so only its sum is put in afterwards: readers that
 * go from member to member find whole headers, and no data descriptors. */
#include "codec/npz.h"

#ifdef DCN_HAVE_ZLIB

#include "base/memory.h"
#include "codec/array.h"
#include "codec/npy.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL_BYTES = 30, ENTRY_BYTES = 46,        /* without name and extra field */
    LOCAL_CRC = 14, ENTRY_CRC = 16,            /* where the sum stands */
    MAX_NAME = 65535 - 4                       /* ".npy" follows */
};

#define NARROW 0xffffffffu

/* Numbers, little-endian, into a small buffer. */
struct record { uint8_t bytes[128]; size_t n; };

static void put(struct record *r, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        r->bytes[r->n++] = i < 8 ? (uint8_t)(x >> 8 * i) : 0;
}

static uint64_t narrowed(const dcn__npz *z, uint64_t x)
{
    return x >= z->narrow ? NARROW : x;
}

void dcn__npz_begin(dcn__npz *z, dcn__writer *w)
{
    *z = (dcn__npz){ .w = w, .narrow = NARROW };
}

void dcn__npz_clear(dcn__npz *z)
{
    dcn__string_clear(&z->directory);
    *z = (dcn__npz){ 0 };
}

/* ---- headers ------------------------------------------------------------------------------- */

/* What a local header and an entry of the directory have in common: version to names' length. */
static void put_common(struct record *r, const dcn__npz *z, const char *name, uint64_t size,
                       bool wide)
{
    bool ascii = true;

    for (const char *p = name; *p; p++)
        ascii = ascii && !(*p & 0x80);
    put(r, wide ? 45 : 10, 2);                 /* version that can read it */
    put(r, ascii ? 0 : 1 << 11, 2);            /* the name is UTF-8 */
    put(r, 0, 2);                              /* stored */
    put(r, 0, 2);                              /* 00:00:00 */
    put(r, 1 << 5 | 1, 2);                     /* 1980-01-01 */
    put(r, 0, 4);                              /* the sum: close_member */
    put(r, narrowed(z, size), 4);
    put(r, narrowed(z, size), 4);
    put(r, strlen(name) + 4, 2);
}

static dcn_status write_local(dcn__npz *z, const char *name, uint64_t size, const dcn__string *npy,
                              dcn_error *err)
{
    const bool wide = size >= z->narrow;
    struct record r = { .n = 0 };
    dcn__string s = { 0 };
    dcn_status st;

    put(&r, 0x04034b50, 4);
    put_common(&r, z, name, size, wide);
    put(&r, wide ? 20 : 0, 2);
    dcn__string_append(&s, (const char *)r.bytes, r.n);
    dcn__string_printf(&s, "%s.npy", name);
    if (wide) {
        r.n = 0;
        put(&r, 1, 2);
        put(&r, 16, 2);
        put(&r, size, 8);
        put(&r, size, 8);
        dcn__string_append(&s, (const char *)r.bytes, r.n);
    }
    dcn__string_append(&s, npy->text, npy->length);
    st = s.failed ? dcn__fail_memory(err, "a member's header", s.length)
        : dcn__writer_write(z->w, s.text, s.length, err);
    dcn__string_clear(&s);
    return st;
}

static dcn_status append_entry(dcn__npz *z, const char *name, uint64_t size, dcn_error *err)
{
    const bool wide = size >= z->narrow, far = z->member >= z->narrow;
    struct record r = { .n = 0 };

    z->entry = z->directory.length;
    put(&r, 0x02014b50, 4);
    put(&r, wide || far ? 45 : 10, 2);         /* made by this version, for any system */
    put_common(&r, z, name, size, wide || far);
    put(&r, wide || far ? 4 + (wide ? 16 : 0) + (far ? 8 : 0) : 0, 2);
    put(&r, 0, 10);                            /* no comment, first disk, no attributes */
    put(&r, narrowed(z, z->member), 4);
    dcn__string_append(&z->directory, (const char *)r.bytes, r.n);
    dcn__string_printf(&z->directory, "%s.npy", name);
    r.n = 0;
    if (wide || far) {
        put(&r, 1, 2);
        put(&r, (wide ? 16 : 0) + (far ? 8 : 0), 2);
    }
    if (wide) {
        put(&r, size, 8);
        put(&r, size, 8);
    }
    if (far)
        put(&r, z->member, 8);
    dcn__string_append(&z->directory, (const char *)r.bytes, r.n);
    return z->directory.failed ? dcn__fail_memory(err, "an archive's directory",
                                                  z->directory.length) : DCN_OK;
}

/* ---- members ------------------------------------------------------------------------------- */

static dcn_status close_member(dcn__npz *z, dcn_error *err)
{
    struct record r = { .n = 0 };

    if (!z->open)
        return DCN_OK;
    z->open = false;
    if (z->left)
        return dcn__fail(err, DCN_BUG, z->w->path, "%llu bytes of an array are missing; report "
                         "this", (unsigned long long)z->left);
    put(&r, z->crc, 4);
    memcpy(z->directory.text + z->entry + ENTRY_CRC, r.bytes, 4);
    return dcn__writer_patch(z->w, z->member + LOCAL_CRC, r.bytes, 4, err);
}

dcn_status dcn__npz_array(dcn__npz *z, const dcn_array *shape, dcn_error *err)
{
    dcn__string npy = { 0 };
    size_t bytes, size;
    dcn_status st;

    if (z->w->to_stdout)
        return dcn__fail(err, DCN_USAGE, z->w->path, "an .npz file cannot be written to a stream; "
                         "name a file");
    if ((st = dcn__array_check(shape, z->w->path, &bytes, err)))
        return st;
    if (strlen(shape->name) > MAX_NAME)
        return dcn__fail(err, DCN_USAGE, z->w->path, "the name of a tensor is longer than %d bytes; "
                         "correct the call", MAX_NAME);
    if ((st = close_member(z, err)))
        return st;
    dcn__npy_header(&npy, shape);
    z->member = z->w->written;
    if (npy.failed)
        st = dcn__fail_memory(err, "an array's header", 128);
    else if (!dcn__add_size(npy.length, bytes, &size))
        st = dcn__array_refuse(shape, z->w->path, "has an impossible shape", err);
    else if (!(st = append_entry(z, shape->name, size, err)) &&
             !(st = write_local(z, shape->name, size, &npy, err))) {
        z->open = true;
        z->left = bytes;
        z->crc = (uint32_t)crc32_z(0, (const uint8_t *)npy.text, npy.length);
        z->count++;
    }
    dcn__string_clear(&npy);
    return st;
}

dcn_status dcn__npz_write(dcn__npz *z, const void *data, size_t bytes, dcn_error *err)
{
    if (!z->open || bytes > z->left)
        return dcn__fail(err, DCN_BUG, z->w->path, "an array has more bytes than its shape; report "
                         "this");
    z->left -= bytes;
    z->crc = (uint32_t)crc32_z(z->crc, data, bytes);
    return dcn__writer_write(z->w, data, bytes, err);
}

/* ---- the end ------------------------------------------------------------------------------- */

static unsigned le16(const char *p)
{
    return (unsigned)(uint8_t)p[0] | (unsigned)(uint8_t)p[1] << 8;
}

static int by_name(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    const unsigned p = le16(x + 28), q = le16(y + 28);
    const int order = memcmp(x + ENTRY_BYTES, y + ENTRY_BYTES, p < q ? p : q);

    return order ? order : (p > q) - (p < q);
}

static dcn_status check_names(const dcn__npz *z, dcn_error *err)
{
    const char **entries = dcn__alloc_array(z->count, sizeof *entries);
    const char *p = z->directory.text;
    dcn_status st = DCN_OK;

    if (!entries)
        return dcn__fail_memory(err, "an archive's index", z->count * sizeof *entries);
    for (uint64_t i = 0; i < z->count; i++) {
        entries[i] = p;
        p += ENTRY_BYTES + le16(p + 28) + le16(p + 30);
    }
    qsort(entries, z->count, sizeof *entries, by_name);
    for (uint64_t i = 1; !st && i < z->count; i++)
        if (by_name(&entries[i - 1], &entries[i]) == 0)
            st = dcn__fail(err, DCN_USAGE, z->w->path, "tensor \"%.*s\" is given twice; correct the "
                           "call", (int)le16(entries[i] + 28) - 4, entries[i] + ENTRY_BYTES);
    dcn__free(entries);
    return st;
}

/* The wide record and where it is, then the one that every reader looks for. */
static void put_end(struct record *r, const dcn__npz *z, uint64_t at)
{
    const uint64_t bytes = z->directory.length;
    const bool many = z->count >= 0xffff;

    if (many || at >= z->narrow || bytes >= z->narrow) {
        put(r, 0x06064b50, 4);
        put(r, 44, 8);                         /* bytes that follow in this record */
        put(r, 45, 2);
        put(r, 45, 2);
        put(r, 0, 8);                          /* the only disk */
        put(r, z->count, 8);
        put(r, z->count, 8);
        put(r, bytes, 8);
        put(r, at, 8);
        put(r, 0x07064b50, 4);
        put(r, 0, 4);
        put(r, at + bytes, 8);
        put(r, 1, 4);
    }
    put(r, 0x06054b50, 4);
    put(r, 0, 4);
    put(r, many ? 0xffff : z->count, 2);
    put(r, many ? 0xffff : z->count, 2);
    put(r, narrowed(z, bytes), 4);
    put(r, narrowed(z, at), 4);
    put(r, 0, 2);                              /* no comment */
}

dcn_status dcn__npz_end(dcn__npz *z, dcn_error *err)
{
    struct record r = { .n = 0 };
    dcn_status st;

    if ((st = close_member(z, err)) || (z->count && (st = check_names(z, err))))
        return st;
    put_end(&r, z, z->w->written);
    if (z->directory.length)
        st = dcn__writer_write(z->w, z->directory.text, z->directory.length, err);
    return st ? st : dcn__writer_write(z->w, r.bytes, r.n, err);
}

#endif
