/* jpeg.c - reads JPEG: walks the markers first, then lets TurboJPEG decode.
 *
 * The walk finds sizes over the limit, unsupported kinds, scans without end and truncation with
 * their offset before anything is allocated. orient.c turns the picture. */
#include "codec/jpeg.h"

#include "base/memory.h"
#include "codec/image.h"

#include <string.h>

bool dcn__jpeg_is(const uint8_t *head, size_t size)
{
    return size >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff;
}

#ifdef DCN_HAVE_JPEG
#include <turbojpeg.h>

enum { MAX_SCANS = 100 };

enum marker {
    SOF0 = 0xc0, SOF2 = 0xc2, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf, RST0 = 0xd0,
    RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1, TEM = 0x01
};

struct walk {
    const uint8_t *bytes;
    size_t size;
    const char *where;
    const dcn_limits *limits;
    dcn_error *err;
    uint64_t frame;                /* offset of the frame header (SOF); 0: not seen */
    int w, h, components;
    uint64_t blocks;               /* 8x8 blocks of all components */
    uint64_t coded_bytes;          /* entropy-coded bytes of all scans */
    int scans;
    int orientation;
};

static dcn_status refuse(const struct walk *w, uint64_t offset, const char *what)
{
    return dcn__fail_at(w->err, DCN_INPUT, w->where, offset,
                        "%s; convert or copy the picture again", what);
}

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* The 8x8 blocks of the frame: every one costs at least one bit of Huffman code. */
static dcn_status count_blocks(struct walk *w, const uint8_t *p)
{
    unsigned across = 1, down = 1;

    for (int i = 0; i < w->components; i++) {
        const unsigned sampling = p[3 * i + 1];

        if (sampling >> 4 < 1 || sampling >> 4 > 4 || (sampling & 15) < 1 || (sampling & 15) > 4)
            return refuse(w, w->frame, "a component's sampling factor is not 1 to 4");
        across = sampling >> 4 > across ? sampling >> 4 : across;
        down = (sampling & 15) > down ? sampling & 15 : down;
    }
    for (int i = 0; i < w->components; i++) {
        const unsigned x = p[3 * i + 1] >> 4, y = p[3 * i + 1] & 15;

        w->blocks += (((uint64_t)(unsigned)w->w * x + across - 1) / across + 7) / 8 *
            ((((uint64_t)(unsigned)w->h * y + down - 1) / down + 7) / 8);
    }
    return DCN_OK;
}

/* p: the segment after its length. */
static dcn_status read_frame(struct walk *w, int marker, uint64_t offset, const uint8_t *p,
                             size_t size)
{
    dcn_status st;

    if (marker > SOF2)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, offset, "this is %s JPEG, baseline and "
                            "progressive are read; convert the picture",
                            marker == 0xc3 ? "lossless" : marker < 0xc8 ? "hierarchical"
                            : "arithmetic-coded");
    if (w->frame)
        return refuse(w, offset, "there is a second frame header");
    if (size < 6 || size != 6 + 3 * (size_t)p[5])
        return refuse(w, offset, "the frame header has a wrong length");
    if (p[0] != 8)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, offset, "samples have %d bits, 8 are "
                            "read; convert the picture", p[0]);
    if (p[5] != 1 && p[5] != 3 && p[5] != 4)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, offset, "there are %d components, 1, 3 "
                            "or 4 are read; convert the picture", p[5]);
    w->frame = offset;
    if ((st = dcn__image_check_size(be16(p + 3), be16(p + 1), w->limits, w->where, offset + 5,
                                    w->err)))
        return st;
    w->h = (int)be16(p + 1);
    w->w = (int)be16(p + 3);
    w->components = p[5];
    return count_blocks(w, p + 6);
}

/* The end of the entropy-coded bytes that begin at `at`: the next true marker, or the end. */
static size_t skip_scan(const struct walk *w, size_t at)
{
    while (at + 1 < w->size) {
        const uint8_t *ff = memchr(w->bytes + at, 0xff, w->size - at - 1);

        if (!ff)
            break;
        at = (size_t)(ff - w->bytes);
        if (ff[1] != 0 && ff[1] != 0xff && !(ff[1] >= RST0 && ff[1] <= RST7))
            return at;
        at += ff[1] == 0xff ? 1 : 2;
    }
    return w->size;
}

static dcn_status read_segment(struct walk *w, int marker, size_t *at)
{
    const size_t start = *at - 2, left = w->size - *at;
    const uint8_t *p = w->bytes + *at;
    size_t length;
    dcn_status st;

    if (left < 2 || (length = be16(p)) > left)
        return refuse(w, start, "the file ends inside a segment");
    if (length < 2)
        return refuse(w, start, "a segment is shorter than its own length");
    *at += length;
    if (marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC)
        return read_frame(w, marker, start, p + 2, length - 2);
    if (marker == APP1 && !w->frame && w->orientation == 1 &&
        (st = dcn__exif_orientation(&w->orientation, p + 2, length - 2, w->err)))
        return st;
    if (marker != SOS)
        return DCN_OK;
    if (!w->frame)
        return refuse(w, start, "a scan comes before the frame header");
    if (++w->scans > MAX_SCANS)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, start, "there are more than %d scans; "
                            "convert the picture", MAX_SCANS);
    length = *at;
    *at = skip_scan(w, length);
    w->coded_bytes += *at - length;
    st = *at < w->size ? DCN_OK
        : refuse(w, w->size, "the file ends inside the picture, before its end marker");
    return st;
}

static dcn_status walk_markers(struct walk *w)
{
    size_t at = 2;

    for (;;) {
        int marker;

        if (at + 2 > w->size)
            return refuse(w, w->size, "the file ends without an end marker");
        if (w->bytes[at] != 0xff)
            return refuse(w, at, "a marker is missing");
        marker = w->bytes[at + 1];
        at += marker == 0xff ? 1 : 2;          /* any number of ff may stand before a marker */
        if (marker == 0xff || marker == TEM || (marker >= RST0 && marker <= RST7))
            continue;
        if (marker == EOI)
            break;
        if (marker == 0 || marker == SOI)
            return refuse(w, at - 2, "a marker stands in a wrong place");
        const dcn_status st = read_segment(w, marker, &at);
        if (st)
            return st;
    }
    if (!w->scans)
        return refuse(w, at - 2, "the picture ends before its first scan");
    if (w->blocks > w->coded_bytes * 8)
        return dcn__fail_at(w->err, DCN_INPUT, w->where, w->frame + 5, "%llu compressed bytes "
                            "cannot hold a picture of %dx%d; copy the picture again",
                            (unsigned long long)w->coded_bytes, w->w, w->h);
    return DCN_OK;
}

/* (n,4) CMYK as Adobe stores it, 255 is no ink -> (n,3), in place. */
static void cmyk_to_rgb(uint8_t *pixels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            pixels[3 * i + (size_t)k] =
                (uint8_t)((pixels[4 * i + (size_t)k] * pixels[4 * i + 3] + 127) / 255);
}

static dcn_status decode(dcn_image *image, const struct walk *w)
{
    const int c = w->components == 4 ? 4 : w->components;
    const int format = c == 1 ? TJPF_GRAY : c == 3 ? TJPF_RGB : TJPF_CMYK;
    const size_t decoder = (size_t)w->blocks * 128;      /* its coefficients, 64 a block */
    tjhandle handle;
    dcn_status st;

    if ((st = dcn__image_alloc(image, w->h, w->w, c, w->err)))
        return st;
    if (!(handle = tjInitDecompress()))
        return dcn__fail_memory(w->err, "a JPEG decoder", decoder);
    dcn__memory_watch();
    if (tjDecompress2(handle, w->bytes, (unsigned long)w->size, image->pixels, w->w, 0, w->h,
                      format, TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
        st = dcn__memory_lacked() ? dcn__fail_memory(w->err, "a JPEG decoder", decoder)
            : dcn__fail_at(w->err, DCN_INPUT, w->where, w->frame, "the picture is damaged (%s); "
                           "copy it again", tjGetErrorStr2(handle));
    tjDestroy(handle);
    if (c == 4) {
        cmyk_to_rgb(image->pixels, (size_t)w->h * (size_t)w->w);
        image->c = 3;
    }
    return st;
}

dcn_status dcn__jpeg_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                            const dcn_limits *limits, dcn_error *err)
{
    struct walk w = { .bytes = bytes, .size = size, .where = where, .limits = limits, .err = err,
                      .orientation = 1 };
    dcn_status st;

    memset(image, 0, sizeof *image);
    if (!dcn__jpeg_is(bytes, size))
        return refuse(&w, 0, "this is not a JPEG signature");
    if (!(st = walk_markers(&w)) && !(st = decode(image, &w)))
        st = dcn__image_orient(image, w.orientation, err);
    if (st)
        dcn_image_clear(image);
    return st;
}

#endif
