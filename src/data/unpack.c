/* unpack.c - takes the known files out of a .tar.gz through libarchive, opened here only.
 *
 * The archive decides nothing: neither names nor places nor how much is written. */
#include "data/fetch.h"

#include "codec/cifar.h"

#ifdef DCN_HAVE_CURL
#include "base/file.h"
#include "base/memory.h"
#include "data/library.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

enum { ENTRIES_MAX = 64, PIECE = 1 << 16 };

static const char prefix[] = "cifar-10-batches-bin/";
static const struct known { const char *name; int64_t most;
} known[] = {
    { "data_batch_1.bin", 10000 * DCN__CIFAR_RECORD },
    { "data_batch_2.bin", 10000 * DCN__CIFAR_RECORD },
    { "data_batch_3.bin", 10000 * DCN__CIFAR_RECORD },
    { "data_batch_4.bin", 10000 * DCN__CIFAR_RECORD },
    { "data_batch_5.bin", 10000 * DCN__CIFAR_RECORD },
    { "test_batch.bin", 10000 * DCN__CIFAR_RECORD },
    { "batches.meta.txt", 4096 },
    { "readme.html", 65536 },
};

struct api {
    struct archive *(*create)(void);
    int (*filter_gzip)(struct archive *);
    int (*format_tar)(struct archive *);
    int (*open_fd)(struct archive *, int, size_t);
    int (*next)(struct archive *, struct archive_entry **);
    la_ssize_t (*read)(struct archive *, void *, size_t);
    int (*free)(struct archive *);
    const char *(*error)(struct archive *);
    int (*code)(struct archive *);
    const char *(*pathname)(struct archive_entry *);
    const char *(*hardlink)(struct archive_entry *);
    __LA_MODE_T (*filetype)(struct archive_entry *);
    la_int64_t (*size)(struct archive_entry *);
};

static dcn_status open_library(struct api *api, dcn_error *err)
{
    const dcn__symbol symbols[] = {
        { &api->create, "archive_read_new" },
        { &api->filter_gzip, "archive_read_support_filter_gzip" },
        { &api->format_tar, "archive_read_support_format_tar" },
        { &api->open_fd, "archive_read_open_fd" },
        { &api->next, "archive_read_next_header" },
        { &api->read, "archive_read_data" },
        { &api->free, "archive_read_free" },
        { &api->error, "archive_error_string" },
        { &api->code, "archive_errno" },
        { &api->pathname, "archive_entry_pathname" },
        { &api->hardlink, "archive_entry_hardlink" },
        { &api->filetype, "archive_entry_filetype" },
        { &api->size, "archive_entry_size" },
    };

    return dcn__library_open("libarchive.so.13", symbols, sizeof symbols / sizeof *symbols,
                             "unpacked", "libarchive13", err);
}

static dcn_status damaged(const struct api *api, struct archive *a, const char *where,
                          dcn_error *err)
{
    const char *text = api->error(a);

    if (dcn__memory_lacked())
        return dcn__fail_memory(err, "unpacking", PIECE);
    if (api->code(a) == EIO)           /* not what the archive holds, but that it cannot be read */
        return dcn__fail_errno(err, where, "read it", EIO, "check the disk");
    return dcn__fail(err, DCN_INPUT, where, "the archive is damaged (%s); fetch it again",
                     text ? text : "no reason given");
}

/* The file that an entry may become; NULL and DCN_OK: the folder itself. */
static dcn_status judge(const struct known **file, const struct api *api,
                        struct archive_entry *entry, const char *where, dcn_error *err)
{
    const char *path = api->pathname(entry);
    const size_t n = sizeof prefix - 1;
    const bool is_file = api->filetype(entry) == AE_IFREG && !api->hardlink(entry);

    *file = NULL;
    if (path && api->filetype(entry) == AE_IFDIR && strncmp(path, prefix, n - 1) == 0 &&
        (strcmp(path + n - 1, "/") == 0 || !path[n - 1]))
        return DCN_OK;
    for (size_t i = 0; path && is_file && i < sizeof known / sizeof *known; i++)
        if (strncmp(path, prefix, n) == 0 && strcmp(path + n, known[i].name) == 0)
            *file = &known[i];
    if (!*file)
        return dcn__fail(
            err, DCN_INPUT, where,
            "the archive holds \"%.100s\", which is no file of CIFAR-10's binary version; "
            "use the official archive",
            path ? path : "(no name)");
    if (api->size(entry) < 0 || api->size(entry) > (*file)->most)
        return dcn__fail(err, DCN_INPUT, where,
                         "%s has %lld bytes in the archive, the limit is %lld; "
                         "use the official archive",
                         (*file)->name, (long long)api->size(entry), (long long)(*file)->most);
    return DCN_OK;
}

static dcn_status write_entry(const struct api *api, struct archive *a, const struct known *file,
                              uint8_t *piece, const char *where, const char *into, dcn_error *err)
{
    char *path = dcn__path_join(into, file->name);
    dcn__writer w = { .fd = -1 };
    int64_t left = file->most;
    la_ssize_t n = 0;
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(into));
    st = dcn__writer_begin(&w, path, err);
    dcn__memory_watch();
    while (!st && (n = api->read(a, piece, PIECE)) > 0) {
        left -= n;
        st = left < 0 ? dcn__fail(err, DCN_INPUT, where, "%s is longer than %lld bytes; "
                                  "use the official archive", file->name, (long long)file->most)
                      : dcn__writer_write(&w, piece, (size_t)n, err);
    }
    if (!st && n < 0)
        st = damaged(api, a, where, err);
    if (!st)
        st = dcn__writer_commit(&w, err);
    dcn__writer_abort(&w);
    dcn__free(path);
    return st;
}

static dcn_status read_entries(const struct api *api, struct archive *a, uint8_t *piece,
                               const char *where, const char *into, dcn_error *err)
{
    for (int i = 0;; i++) {
        struct archive_entry *entry;
        const struct known *file;
        int code;
        dcn_status st;

        dcn__memory_watch();
        code = api->next(a, &entry);
        if (code == ARCHIVE_EOF && i)
            return DCN_OK;
        if (code != ARCHIVE_OK)
            return damaged(api, a, where, err);
        if (i == ENTRIES_MAX)
            return dcn__fail(err, DCN_INPUT, where, "the archive holds more than %d files; "
                             "use the official archive", ENTRIES_MAX);
        if ((st = judge(&file, api, entry, where, err)) ||
            (file && (st = write_entry(api, a, file, piece, where, into, err))))
            return st;
    }
}

dcn_status dcn__unpack(int fd, const char *where, const char *into, dcn_error *err)
{
    struct api api;
    struct archive *a;
    uint8_t *piece;
    dcn_status st;

    if ((st = open_library(&api, err)))
        return st;
    piece = dcn__alloc(PIECE);
    dcn__memory_watch();
    a = api.create();
    if (!a || !piece)
        st = dcn__fail_memory(err, "unpacking", PIECE);
    else if (api.filter_gzip(a) != ARCHIVE_OK || api.format_tar(a) != ARCHIVE_OK ||
             api.open_fd(a, fd, PIECE) != ARCHIVE_OK)
        st = damaged(&api, a, where, err);
    else
        st = read_entries(&api, a, piece, where, into, err);
    if (a)
        api.free(a);
    dcn__free(piece);
    return st;
}
#else
dcn_status dcn__unpack(int fd, const char *where, const char *into, dcn_error *err)
{
    (void)fd, (void)into;
    return dcn__fail(err, DCN_USAGE, where, "this build has no libarchive; unpack it with tar xf");
}
#endif
