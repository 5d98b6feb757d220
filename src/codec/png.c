/* png.c - reads PNG: walks the chunks, then lets libpng inflate them; orient.c turns the picture.
 *
 * The walk finds truncation, wrong sums, forbidden orders and bombs with their offset, and copies
 * only the chunks that make pixels. libpng therefore never sees a text, a colour profile or
 * anything else optional, and pixel values do not depend on them. Pixels: png_pixels.c; writing:
 * png_write.c. */
#include "codec/png.h"

#include "base/memory.h"
#include "codec/image.h"
#include "codec/jpeg.h"

#include <string.h>

static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

bool dcn__png_is(const uint8_t *head, size_t size)
{
    return size >= sizeof signature && memcmp(head, signature, sizeof signature) == 0;
}

#ifdef DCN_HAVE_PNG
#include <zlib.h>

/* libpng's own limits for optional chunks. */
enum { MAX_ANCILLARY = 1000, MAX_ANCILLARY_BYTES = 8000000, MAX_EXIF = 65536 };

struct walk {
    const uint8_t *bytes;
    size_t size;
    const char *where;
    const dcn_limits *limits;
    dcn_error *err;
    uint32_t w, h;
    int depth, colour, interlaced;
    int palette, transparent;      /* entries of PLTE; is there a tRNS? */
    int ancillary, orientation;
    bool ended;
    uint64_t first_idat, idat_bytes;
    bool idat_over;                /* another chunk came after the IDATs */
    uint8_t *kept;                 /* signature and the chunks that make pixels */
    size_t kept_bytes;
};

struct chunk { uint64_t offset; uint32_t length; const uint8_t *type, *data; };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_type(const struct chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static dcn_status refuse(const struct walk *w, uint64_t offset, const char *what)
{
    return dcn__fail_at(w->err, DCN_INPUT, w->where, offset, "%s; make or copy the picture again",
                        what);
}

/* Cuts the next chunk at `offset` and checks what is true of all chunks. */
static dcn_status cut(const struct walk *w, uint64_t offset, struct chunk *c)
{
    const uint64_t left = w->size - offset;

    if (left < 12)
        return refuse(w, offset, left ? "the file ends inside a chunk's header"
                                      : "the file ends without the IEND chunk");
    *c = (struct chunk){ .offset = offset, .length = be32(w->bytes + offset),
                         .type = w->bytes + offset + 4, .data = w->bytes + offset + 8 };
    for (int i = 0; i < 4; i++)
        if (!((c->type[i] | 32) >= 'a' && (c->type[i] | 32) <= 'z'))
            return refuse(w, offset + 4, "a chunk's type is not four letters");
    if (c->length > left - 12)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, offset, "the %.4s chunk has %u bytes, the "
                            "file ends after %llu of them; copy the picture again",
                            (const char *)c->type, c->length, (unsigned long long)(left - 12));
    if (crc32_z(0, c->type, (size_t)c->length + 4) != be32(c->data + c->length))
        return dcn__fail_at(w->err, DCN_INPUT, w->where, offset + 8 + c->length,
                            "the checksum of the %.4s chunk is wrong; copy the picture again",
                            (const char *)c->type);
    return DCN_OK;
}

static dcn_status read_ihdr(struct walk *w, const struct chunk *c)
{
    const uint8_t *p = c->data;
    /* Bit n: depth n is allowed for this colour type (PNG specification, table 11.1). */
    static const uint32_t depths[7] = {
        1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16, 0, 1u << 8 | 1u << 16,
        1u << 1 | 1u << 2 | 1u << 4 | 1u << 8, 1u << 8 | 1u << 16, 0, 1u << 8 | 1u << 16,
    };
    dcn_status st;

    if (!is_type(c, "IHDR") || c->length != 13)
        return refuse(w, c->offset, "the first chunk is not an IHDR of 13 bytes");
    w->w = be32(p);
    w->h = be32(p + 4);
    if ((st = dcn__image_check_size(w->w, w->h, w->limits, w->where, c->offset + 8, w->err)))
        return st;
    if (p[9] > 6 || p[8] > 16 || !(depths[p[9]] >> p[8] & 1))
        return dcn__fail_at(w->err, DCN_INPUT, w->where, c->offset + 16, "colour type %d with %d "
                            "bits is not a kind of PNG; make the picture again", p[9], p[8]);
    if (p[10] || p[11] || p[12] > 1)
        return refuse(w, c->offset + 18, "the compression, filter or interlace method is unknown");
    w->depth = p[8];
    w->colour = p[9];
    w->interlaced = p[12];
    return DCN_OK;
}

static dcn_status read_plte(struct walk *w, const struct chunk *c)
{
    if (w->palette || w->first_idat || w->transparent || !(w->colour & 2) || !c->length ||
        c->length % 3 || c->length > 768)
        return refuse(w, c->offset, "the PLTE chunk has a wrong size or place");
    w->palette = (int)c->length / 3;
    return DCN_OK;
}

static dcn_status read_trns(struct walk *w, const struct chunk *c)
{
    const bool fits = w->colour == 0 ? c->length == 2 : w->colour == 2 ? c->length == 6
        : w->colour == 3 && c->length && c->length <= (uint32_t)w->palette;

    if (w->transparent || w->first_idat || !fits)
        return refuse(w, c->offset, "the tRNS chunk has a wrong size or place");
    w->transparent = 1;
    return DCN_OK;
}

static dcn_status read_idat(struct walk *w, const struct chunk *c)
{
    if (w->colour == 3 && !w->palette)
        return refuse(w, c->offset, "there is no PLTE chunk before the pixels");
    if (w->idat_over)
        return refuse(w, c->offset, "the IDAT chunks do not follow each other");
    if (!w->first_idat)
        w->first_idat = c->offset;
    w->idat_bytes += c->length;
    return DCN_OK;
}

/* The block stands here without the name that it has in a JPEG file, and that libexif wants. */
static dcn_status read_exif(struct walk *w, const struct chunk *c)
{
#ifdef DCN_HAVE_JPEG                                           /* libexif comes with it */
    static const char name[6] = "Exif\0";
    uint8_t *block;
    dcn_status st;

    if (w->orientation != 1 || c->length > MAX_EXIF)
        return DCN_OK;
    if (!(block = dcn__alloc(sizeof name + c->length)))
        return dcn__fail_memory(w->err, "a picture's EXIF block", c->length);
    memcpy(block, name, sizeof name);
    if (c->length)
        memcpy(block + sizeof name, c->data, c->length);
    st = dcn__exif_orientation(&w->orientation, block, sizeof name + c->length, w->err);
    dcn__free(block);
    return st;
#else
    (void)w, (void)c;
    return DCN_OK;
#endif
}

static dcn_status read_chunk(struct walk *w, const struct chunk *c, bool *keep)
{
    *keep = true;
    if (!w->w)
        return read_ihdr(w, c);
    if (is_type(c, "IDAT"))
        return read_idat(w, c);
    w->idat_over = w->first_idat != 0;
    if (is_type(c, "PLTE"))
        return read_plte(w, c);
    if (is_type(c, "tRNS"))
        return read_trns(w, c);
    if (is_type(c, "IEND")) {
        w->ended = true;
        return c->length ? refuse(w, c->offset, "the IEND chunk is not empty") : DCN_OK;
    }
    *keep = false;
    if (!(c->type[0] & 32))
        return dcn__fail_at(w->err, DCN_INPUT, w->where, c->offset, "the %.4s chunk is required "
                            "and unknown; convert the picture", (const char *)c->type);
    if (++w->ancillary > MAX_ANCILLARY)
        return refuse(w, c->offset, "there are more than 1000 optional chunks");
    if (c->length > MAX_ANCILLARY_BYTES)
        return refuse(w, c->offset, "an optional chunk is larger than 8 MB");
    return is_type(c, "eXIf") ? read_exif(w, c) : DCN_OK;
}

/* Deflate makes at most 1032 bytes of one. A small file cannot be a large picture; without this
 * check it could ask for the memory of one. */
static dcn_status check_ratio(const struct walk *w)
{
    static const int channels[7] = { 1, 0, 3, 1, 2, 0, 4 };
    const uint64_t bits = (uint64_t)channels[w->colour] * (unsigned)w->depth;
    const uint64_t raw = w->interlaced ? ((uint64_t)w->w * w->h * bits + 7) / 8
        : ((w->w * bits + 7) / 8 + 1) * w->h;

    if (raw > w->idat_bytes * 1032)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, w->first_idat, "%llu compressed bytes "
                            "cannot hold the picture's %llu; make or copy the picture again",
                            (unsigned long long)w->idat_bytes, (unsigned long long)raw);
    return DCN_OK;
}

static dcn_status walk_chunks(struct walk *w)
{
    uint64_t offset = sizeof signature;
    struct chunk c = { 0 };
    dcn_status st;
    bool keep;

    if (!(w->kept = dcn__alloc(w->size)))
        return dcn__fail_memory(w->err, "a PNG file's chunks", w->size);
    memcpy(w->kept, signature, sizeof signature);
    w->kept_bytes = sizeof signature;
    while (!w->ended) {
        if ((st = cut(w, offset, &c)) || (st = read_chunk(w, &c, &keep)))
            return st;
        if (keep)
            memcpy(w->kept + w->kept_bytes, w->bytes + offset, (size_t)c.length + 12);
        w->kept_bytes += keep ? (size_t)c.length + 12 : 0;
        offset += (uint64_t)c.length + 12;
    }
    if (!w->first_idat)
        return refuse(w, offset, "there is no IDAT chunk");
    return check_ratio(w);
}

/* Lays c channels and alpha over white, in place: (n, c + 1) -> (n, c). */
static void over_white(uint8_t *pixels, size_t n, size_t c)
{
    const uint8_t *from = pixels;
    uint8_t *to = pixels;

    for (size_t i = 0; i < n; i++, from += c + 1) {
        const unsigned alpha = from[c];

        for (size_t k = 0; k < c; k++)
            *to++ = (uint8_t)((from[k] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

static dcn_status inflate_pixels(dcn_image *image, const struct walk *w)
{
    const int c = w->colour & 2 ? 3 : 1;
    const bool alpha = w->transparent || (w->colour & 4);
    char message[80];
    dcn_status st;

    if ((st = dcn__image_alloc(image, (int)w->h, (int)w->w, c + alpha, w->err)))
        return st;
    st = dcn__png_pixels(image->pixels, image->h, (size_t)w->w * (size_t)(c + alpha), w->kept,
                         w->kept_bytes, message, sizeof message);
    if (st == DCN_MEMORY)
        st = dcn__fail_memory(w->err, "a PNG decoder", 0);
    else if (st)
        st = dcn__fail_at(w->err, DCN_INPUT, w->where, w->first_idat,
                          "the pixels are damaged (%s); copy the picture again", message);
    if (!st && alpha)
        over_white(image->pixels, (size_t)w->h * w->w, (size_t)c);
    image->c = c;
    return st;
}

dcn_status dcn__png_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                           const dcn_limits *limits, dcn_error *err)
{
    struct walk w = { .bytes = bytes, .size = size, .where = where, .limits = limits, .err = err,
                      .orientation = 1 };
    dcn_status st;

    memset(image, 0, sizeof *image);
    if (!dcn__png_is(bytes, size))
        return refuse(&w, 0, "this is not a PNG signature");
    st = walk_chunks(&w);
    if (!st && !(st = inflate_pixels(image, &w)))
        st = dcn__image_orient(image, w.orientation, err);
    dcn__free(w.kept);
    if (st)
        dcn_image_clear(image);
    return st;
}

#endif
