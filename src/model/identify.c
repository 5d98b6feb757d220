/* identify.c - says what a file or a folder is, by its content.
 *
 * It looks at names and first bytes; whether everything behind them is whole is for the reader of
 * that kind to say (single IDX files, which have none, are read here). What is nothing that we read
 * is named where it can be. */
#include "base/file.h"
#include "base/text.h"
#include "codec/cifar.h"
#include "codec/digest.h"
#include "codec/gunzip.h"
#include "codec/idx.h"
#include "codec/image.h"
#include "codec/npy.h"
#include "codec/onnx.h"
#include "codec/safetensors.h"
#include "codec/tfrecord.h"
#include "data/data.h"
#include "model/file.h"

#include <string.h>

enum { HEAD = 4096, TAR_HEAD = 262 };

struct head {
    const char *path;
    uint8_t bytes[HEAD];
    size_t size;
    uint64_t file_size;
};

/* ---- what we read -------------------------------------------------------------------------- */

static bool is_idx(const uint8_t *bytes, size_t size)
{
    return size >= 8 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 8 &&
        (bytes[3] == 1 || bytes[3] == 3);
}

/* The first record's length is followed by its sum: 1 in 4,294,967,296 other files has it. */
static bool is_records(const struct head *h)
{
    uint32_t sum = 0;

    if (h->size < DCN__TFRECORD_HEAD)
        return false;
    for (int i = 11; i >= 8; i--)
        sum = sum << 8 | h->bytes[i];
    return dcn__crc32c_mask(dcn__crc32c(h->bytes, 8)) == sum;
}

static bool is_text(const struct head *h)
{
    size_t n = h->size;

    /* The head may end inside a character. */
    while (n && h->size == HEAD && n + 4 > HEAD && (h->bytes[n - 1] & 0x80))
        n--;
    return n && !memchr(h->bytes, '\0', n) && dcn__text_is_utf8((const char *)h->bytes, n);
}

/* A network begins, after comments and blank lines, with "input" or "NAME = input". */
static bool is_network(const struct head *h)
{
    const char *p = (const char *)h->bytes, *end = p + h->size;
    const char *stop, *equals;

    while (p < end && strchr(" \t\r\n;#", *p))
        if (*p++ == '#')
            while (p < end && *p != '\n')
                p++;
    for (stop = p; stop < end && *stop != '\n' && *stop != ';' && *stop != '#';)
        stop++;
    equals = memchr(p, '=', (size_t)(stop - p));
    if (equals && stop - equals > 6 && memmem(equals, (size_t)(stop - equals), "input", 5))
        p = equals + 1;
    while (p < stop && (*p == ' ' || *p == '\t'))
        p++;
    return stop - p >= 6 && memcmp(p, "input", 5) == 0 && (p[5] == ' ' || p[5] == '\t');
}

static bool begins(const char *text, const char *word)
{
    return text && strncmp(text, word, strlen(word)) == 0;
}

/* A model is a file of tensors whose metadata say so, and so is a scan. Sums alone are what damage
 * to that one word leaves. */
static dcn_status look_into_tensors(const struct head *h, const dcn_limits *limits, dcn_kind *kind,
                                    dcn_error *err)
{
    const char *format;
    dcn__tensors t;
    dcn_status st;

    if ((st = dcn__tensors_peek(&t, h->path, limits, err)))
        return st;
    format = dcn__tensors_metadata(&t, "format");
    *kind = begins(format, DCN__MODEL_FORMAT)  ? DCN_KIND_MODEL
            : begins(format, DCN__SCAN_FORMAT) ? DCN_KIND_SCAN
                                               : DCN_KIND_TENSORS;
    if (*kind == DCN_KIND_TENSORS && dcn__tensors_metadata(&t, "crc32c"))
        st = dcn__fail(err, DCN_INPUT, h->path, "has the checksum of a model or a scan, but says "
                       "that it is neither (format is \"%.40s\"); use another copy",
                       format ? format : "not there");
    dcn__tensors_close(&t);
    return st;
}

/* Nothing else reads such a file alone, so that it is checked here whether it is whole. */
static dcn_status look_into_idx(const struct head *h, dcn_kind *kind, dcn_error *err)
{
    dcn__idx idx;
    dcn_status st = dcn__idx_load(&idx, 0, h->path, err);

    dcn__idx_clear(&idx);
    if (!st)
        *kind = DCN_KIND_IDX_FILE;
    return st;
}

/* ---- what we do not ------------------------------------------------------------------------ */

static dcn_status refuse(const struct head *h, const char *what, dcn_error *err)
{
    return dcn__fail(err, DCN_INPUT, h->path, "%s", what);
}

static dcn_status look_into_gzip(const struct head *h, dcn_kind *kind, dcn_error *err)
{
    uint8_t inside[TAR_HEAD] = { 0 };
    dcn_status st = dcn__gunzip(inside, TAR_HEAD, false, h->bytes, h->size, h->path, NULL);

    /* A small IDX file has fewer bytes than the place where "ustar" stands in an archive. */
    if (st)
        st = dcn__gunzip(inside, 8, false, h->bytes, h->size, h->path, err);
    if (st == DCN_USAGE)                   /* a build without zlib */
        return st;
    if (is_idx(inside, 8))
        return look_into_idx(h, kind, err);
    if (memcmp(inside + 257, "ustar", 5) == 0)
        return refuse(h, "is a .tar.gz archive; unpack it with tar xzf", err);
    return refuse(h, "is a gzip file, but no IDX file is inside; unpack it with gunzip", err);
}

static const struct { const char *bytes; size_t size; const char *text; } others[] = {
    { "PK\3\4", 4, "is a zip file (perhaps PyTorch's); save the weights as safetensors" },
    { "\x80\2", 2, "is a Python pickle; for CIFAR-10 fetch the binary version" },
    { "\x80\3", 2, "is a Python pickle; for CIFAR-10 fetch the binary version" },
    { "\x80\4", 2, "is a Python pickle; for CIFAR-10 fetch the binary version" },
    { "\x80\5", 2, "is a Python pickle; for CIFAR-10 fetch the binary version" },
    { "\x89HDF", 4, "is an HDF5 file; save the weights as safetensors" },
    { "GIF8", 4, "is a GIF picture; convert it to PNG or JPEG" },
    { "BM", 2, "is a BMP picture; convert it to PNG or JPEG" },
    { "RIFF", 4, "is a WebP picture, a sound or a film; convert it to PNG or JPEG" },
    { "II*\0", 4, "is a TIFF picture; convert it to PNG or JPEG" },
    { "MM\0*", 4, "is a TIFF picture; convert it to PNG or JPEG" },
    { "%PDF", 4, "is a PDF document; convert its pictures to PNG or JPEG" },
    { "\x7f" "ELF", 4, "is a program; name a picture, a model or a data set" },
    { "\xfd" "7zXZ", 5, "is an xz file; unpack it" },
    { "\x28\xb5\x2f\xfd", 4, "is a zstd file; unpack it" },
    { "BZh", 3, "is a bzip2 file; unpack it" },
};

static dcn_status refuse_file(const struct head *h, dcn_error *err)
{
    int64_t records;

    if (h->size > 262 && memcmp(h->bytes + 257, "ustar", 5) == 0)
        return refuse(h, "is a tar archive; unpack it with tar xf", err);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (h->size >= others[i].size && memcmp(h->bytes, others[i].bytes, others[i].size) == 0)
            return refuse(h, others[i].text, err);
    if (dcn__cifar_check_head(&records, h->bytes, h->size < DCN__CIFAR_HEAD ? h->size
                              : DCN__CIFAR_HEAD, h->file_size, h->path, NULL) == DCN_OK)
        return refuse(h, "is one file of CIFAR-10 (binary version); name its folder", err);
    if (h->file_size % 3074 == 0 && h->bytes[0] < 20 && h->bytes[1] < 100)
        return refuse(h, "is a file of CIFAR-100, which is not read; use CIFAR-10", err);
    if (is_text(h))
        return refuse(h, "is text, but no network description (it does not begin with input "
                         "HEIGHTxWIDTHxCHANNELS); name another file", err);
    return dcn__fail_at(err, DCN_INPUT, h->path, 0, "begins like nothing that is read here; name a "
                        "picture, a model, an array, an event file, a network or a data set");
}

/* ---- all of it ----------------------------------------------------------------------------- */

static dcn_status identify_folder(const char *path, const dcn_limits *limits, dcn_kind *kind,
                                  dcn_error *err)
{
    dcn_data *data;
    dcn_status st;

    if (dcn__looks_like_cifar10(path))
        *kind = DCN_KIND_CIFAR10;
    else if (dcn__looks_like_idx(path))
        *kind = DCN_KIND_IDX;
    else if (dcn__looks_like_folder(path))
        *kind = DCN_KIND_FOLDER;
    if (*kind != DCN_KIND_UNKNOWN)
        return DCN_OK;
    if (dcn__holds(path, "model.safetensors"))
        return dcn__fail(err, DCN_INPUT, path, "is the folder of a run; name the file "
                         "model.safetensors in it");
    if (dcn__holds(path, "scan.safetensors") || dcn__holds(path, "atlas.json")) {
        *kind = DCN_KIND_ATLAS;
        return DCN_OK;
    }
    /* Opening knows the near misses by name, and whether there are pictures. */
    if ((st = dcn_data_open(&data, path, limits, err)))
        return st;
    dcn_data_close(data);
    *kind = DCN_KIND_PICTURES;
    return DCN_OK;
}

dcn_status dcn_identify(const char *path, const dcn_limits *limits, dcn_kind *kind, dcn_error *err)
{
    struct head h = { .path = path };
    dcn_status st;

    *kind = DCN_KIND_UNKNOWN;
    if (dcn__is_folder(path))
        return identify_folder(path, limits, kind, err);
    if ((st = dcn__file_head(h.bytes, HEAD, &h.size, &h.file_size, path, err)))
        return st;
    if (!h.size)
        return refuse(&h, "is empty; copy it again", err);
    if (dcn__image_is_picture(h.bytes, h.size))
        *kind = DCN_KIND_PICTURE;
    else if (dcn__npy_is(h.bytes, h.size))
        *kind = DCN_KIND_NPY;
    else if (is_idx(h.bytes, h.size))
        return look_into_idx(&h, kind, err);
    else if (is_records(&h))
        *kind = DCN_KIND_EVENTS;
    else if (dcn__tensors_is(h.bytes, h.size, h.file_size))
        return look_into_tensors(&h, limits, kind, err);
    else if (dcn__is_gzip(h.bytes, h.size))
        return look_into_gzip(&h, kind, err);
    else if (is_text(&h) && is_network(&h))
        *kind = DCN_KIND_NETWORK;
    else if (dcn__onnx_is(h.bytes, h.size, h.file_size))
        *kind = DCN_KIND_ONNX;
    else
        return refuse_file(&h, err);
    return DCN_OK;
}

const char *dcn_kind_text(dcn_kind kind)
{
    static const char *const texts[] = {
        [DCN_KIND_UNKNOWN] = "unknown",
        [DCN_KIND_CIFAR10] = "CIFAR-10 folder (binary version)",
        [DCN_KIND_IDX] = "folder of IDX files",
        [DCN_KIND_FOLDER] = "image folder",
        [DCN_KIND_PICTURE] = "picture",
        [DCN_KIND_MODEL] = "model",
        [DCN_KIND_TENSORS] = "tensors (safetensors)",
        [DCN_KIND_EVENTS] = "TensorBoard event file",
        [DCN_KIND_NETWORK] = "network description",
        [DCN_KIND_NPY] = "array (.npy)",
        [DCN_KIND_IDX_FILE] = "IDX file",
        [DCN_KIND_ONNX] = "ONNX network",
        [DCN_KIND_PICTURES] = "folder of pictures",
        [DCN_KIND_SCAN] = "scan of an atlas",
        [DCN_KIND_ATLAS] = "folder of an atlas",
    };

    return (unsigned)kind < sizeof texts / sizeof *texts ? texts[kind] : "unknown";
}
