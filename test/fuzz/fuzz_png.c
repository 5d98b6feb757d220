/* fuzz_png.c - PNG pictures: bytes, chunks and, behind the compression, rows are changed. */
#include "fuzz_picture.h"

#include "base/random.h"
#include "codec/png.h"

#ifdef DCN_HAVE_PNG
#include <zlib.h>

enum { MOST_CHUNKS = 64, ROWS = 1 << 15, FILE_ROOM = 1 << 16 };

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

void fuzz_repair(uint8_t *data, size_t size)
{
    for (size_t at = 8; at < size && size - at >= 12;) {
        const size_t length = get32(data + at);

        if (length > size - at - 12)
            break;
        put32(data + at + 8 + length, (uint32_t)crc32_z(0, data + at + 4, length + 4));
        at += length + 12;
    }
}

/* ---- chunks -------------------------------------------------------------------------------- */

typedef struct chunk { uint8_t type[4]; const uint8_t *data; size_t n; } chunk;
typedef struct chunks { chunk at[MOST_CHUNKS]; int n; } chunks;

static void take_apart(chunks *c, const uint8_t *data, size_t size)
{
    c->n = 0;
    for (size_t at = 8; at < size && size - at >= 12 && c->n < MOST_CHUNKS - 2;) {
        const size_t length = get32(data + at);
        chunk *next = &c->at[c->n];

        if (length > size - at - 12)
            break;
        memcpy(next->type, data + at + 4, 4);
        next->data = data + at + 8;
        next->n = length;
        c->n++;
        at += length + 12;
    }
}

/* 0: it does not fit. */
static size_t put_together(uint8_t *out, size_t room, const chunks *c)
{
    size_t n = 8;

    if (room < n)
        return 0;
    memcpy(out, "\x89PNG\r\n\x1a\n", 8);
    for (int i = 0; i < c->n; i++) {
        const chunk *k = &c->at[i];

        if (k->n > room || n + 12 > room - k->n)
            return 0;
        put32(out + n, (uint32_t)k->n);
        memcpy(out + n + 4, k->type, 4);
        if (k->n)
            memcpy(out + n + 8, k->data, k->n);
        put32(out + n + 8 + k->n, (uint32_t)crc32_z(0, out + n + 4, k->n + 4));
        n += k->n + 12;
    }
    return n;
}

static int find(const chunks *c, const char *type)
{
    for (int i = 0; i < c->n; i++)
        if (memcmp(c->at[i].type, type, 4) == 0)
            return i;
    return -1;
}

static void insert(chunks *c, int at, chunk k)
{
    if (c->n == MOST_CHUNKS)
        return;
    memmove(&c->at[at + 1], &c->at[at], (size_t)(c->n++ - at) * sizeof k);
    c->at[at] = k;
}

static void change_order(chunks *c, dcn__random *r)
{
    const int a = (int)dcn__random_below(r, (uint64_t)c->n);
    const int b = (int)dcn__random_below(r, (uint64_t)c->n);
    const chunk k = c->at[a];

    switch (dcn__random_below(r, 4)) {
    case 0: c->at[a] = c->at[b]; c->at[b] = k; break;
    case 1: insert(c, b, k); break;
    case 2:                                /* in two: of IDAT that is allowed */
        insert(c, a + 1, k);
        c->at[a].n = (size_t)dcn__random_below(r, k.n + 1);
        if (c->n > a + 1) {
            c->at[a + 1].data += c->at[a].n;
            c->at[a + 1].n -= c->at[a].n;
        }
        break;
    default: memmove(&c->at[a], &c->at[a + 1], (size_t)(--c->n - a) * sizeof k);
    }
}

/* Another chunk, optional, required or unknown, of any bytes. */
static void add_chunk(chunks *c, dcn__random *r)
{
    static const char types[][5] = { "tRNS", "PLTE", "gAMA", "cHRM", "sRGB", "iCCP", "tEXt", "zTXt",
                                     "bKGD", "sBIT", "hIST", "tIME", "acTL", "fdAT", "eXIf", "IEND",
                                     "IDAT", "ABCD", "aB1d" };
    static const uint8_t exif[26] = { 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1,
                                      0, 6 };
    static uint8_t bytes[768];
    chunk k = { .data = bytes, .n = (size_t)dcn__random_below(r, 28) };

    memcpy(k.type, types[dcn__random_below(r, sizeof types / sizeof *types)], 4);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)dcn__random_bits(r);
    if (memcmp(k.type, "PLTE", 4) == 0)
        k.n = 3 * (size_t)dcn__random_below(r, 257);
    if (memcmp(k.type, "tRNS", 4) == 0 && dcn__random_below(r, 2))
        k.n = dcn__random_below(r, 2) ? 2 : 6;
    if (memcmp(k.type, "eXIf", 4) == 0) {
        memcpy(bytes, exif, sizeof exif);
        bytes[19] = (uint8_t)dcn__random_below(r, 10);
        k.n = sizeof exif;
    }
    insert(c, (int)dcn__random_below(r, (uint64_t)c->n + 1), k);
}

static void change_bytes(chunks *c, dcn__random *r)
{
    static uint8_t copy[FILE_ROOM];
    chunk *k = &c->at[dcn__random_below(r, (uint64_t)c->n)];

    if (!k->n || k->n > sizeof copy)
        return;
    memcpy(copy, k->data, k->n);
    for (uint64_t n = 1 + dcn__random_below(r, 4); n; n--)
        copy[dcn__random_below(r, k->n)] = (uint8_t)dcn__random_bits(r);
    k->data = copy;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static uint8_t rows[ROWS], packed[ROWS + 1024];

static void pack(chunks *c, size_t n, dcn__random *r)
{
    const int at = find(c, "IDAT");
    uLongf bytes = sizeof packed;

    if (compress2(packed, &bytes, rows, n, (int)dcn__random_below(r, 10)) != Z_OK)
        return;
    for (int i = c->n - 1; at >= 0 && i > at; i--)       /* all of it is in one now */
        if (memcmp(c->at[i].type, "IDAT", 4) == 0)
            memmove(&c->at[i], &c->at[i + 1], (size_t)(--c->n - i) * sizeof *c->at);
    if (at >= 0)
        c->at[at] = (chunk){ "IDAT", packed, bytes };
    else
        insert(c, c->n, (chunk){ "IDAT", packed, bytes });
}

/* Inflates what there is, changes some of it, more or less of it, and deflates it again. */
static void change_rows(chunks *c, dcn__random *r)
{
    z_stream z = { 0 };
    size_t n;

    if (inflateInit(&z) != Z_OK)
        return;
    z.next_out = rows;
    z.avail_out = sizeof rows;
    for (int i = 0; i < c->n; i++)
        if (memcmp(c->at[i].type, "IDAT", 4) == 0) {
            z.next_in = (uint8_t *)(uintptr_t)c->at[i].data;
            z.avail_in = (uInt)c->at[i].n;
            if (inflate(&z, Z_SYNC_FLUSH) != Z_OK)
                break;
        }
    n = (size_t)z.total_out;
    inflateEnd(&z);
    for (uint64_t k = dcn__random_below(r, 8); n && k; k--)
        rows[dcn__random_below(r, n)] = (uint8_t)(dcn__random_below(r, 2) ? dcn__random_below(r, 6)
                                                                          : dcn__random_bits(r));
    if (n && dcn__random_below(r, 4) == 0)
        n = (size_t)dcn__random_below(r, n + 1);
    else if (n && n < ROWS / 2 && dcn__random_below(r, 8) == 0)
        n += (size_t)dcn__random_below(r, n);
    pack(c, n, r);
}

/* A header of its own kind and size, and rows that fit it when nothing is interlaced. */
static void change_header(chunks *c, dcn__random *r)
{
    static const uint8_t depths[] = { 1, 2, 4, 8, 16, 8, 16, 8 }, colours[] = { 0, 2, 3, 4, 6 };
    static const int channels[7] = { 1, 0, 3, 1, 2, 0, 4 };
    static uint8_t header[13];
    const uint32_t w = 1 + (uint32_t)dcn__random_below(r, 24);
    const uint32_t h = 1 + (uint32_t)dcn__random_below(r, 24);
    const uint8_t colour = colours[dcn__random_below(r, sizeof colours)];
    const uint8_t depth = depths[dcn__random_below(r, sizeof depths)];
    const size_t row = 1 + (w * (size_t)channels[colour] * depth + 7) / 8;
    const int at = find(c, "IHDR");

    put32(header, w);
    put32(header + 4, h);
    header[8] = depth;
    header[9] = colour;
    header[12] = dcn__random_below(r, 4) == 0;
    if (dcn__random_below(r, 8) == 0)
        header[dcn__random_below(r, sizeof header)] = (uint8_t)dcn__random_bits(r);
    for (size_t i = 0; i < row * h; i++)
        rows[i] = i % row ? (uint8_t)dcn__random_bits(r) : (uint8_t)dcn__random_below(r, 5);
    if (at >= 0)
        c->at[at] = (chunk){ "IHDR", header, sizeof header };
    else
        insert(c, 0, (chunk){ "IHDR", header, sizeof header });
    if (dcn__random_below(r, 4))
        pack(c, row * h, r);
}

size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    static uint8_t file[FILE_ROOM];
    static chunks c;
    dcn__random r = dcn__random_stream(seed, size, 3);
    size_t n;

    take_apart(&c, data, size);
    if (!c.n)
        return size;
    switch (dcn__random_below(&r, 6)) {
    case 0: change_order(&c, &r); break;
    case 1: add_chunk(&c, &r); break;
    case 2: change_bytes(&c, &r); break;
    case 3: change_header(&c, &r); break;
    default: change_rows(&c, &r);
    }
    n = put_together(file, max_size < FILE_ROOM ? max_size : FILE_ROOM, &c);
    if (!n)
        return size;
    memcpy(data, file, n);
    return n;
}

FUZZ_MUTATOR
#endif

static dcn_status read_picture(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_image image;
    dcn_status st = dcn__png_decode(&image, data, size, "fuzz", picture_limits(data, size),
                                   err);

    check_picture(st, &image);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_picture, data, size);
    return 0;
}
