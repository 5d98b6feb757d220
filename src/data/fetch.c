/* fetch.c - brings CIFAR-10 here: download (download.c), check the sum, unpack (unpack.c), open it
 * once to check every label, and only then give it its name. */
#include "data/fetch.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 18 };

static const dcn__archive official = {
    .url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    .bytes = 170052171,
    .sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
};

/* The places of one fetch; the open part file carries the lock. */
struct place {
    char *part, *unpacked, *final;
    int fd;
};

static dcn_status make_place(struct place *p, const char *folder, dcn_error *err)
{
    p->fd = -1;
    p->part = dcn__path_join(folder, "cifar-10-binary.tar.gz.part");
    p->unpacked = dcn__path_join(folder, "cifar-10-batches-bin.part");
    p->final = dcn__path_join(folder, "cifar-10-batches-bin");
    if (!p->part || !p->unpacked || !p->final)
        return dcn__fail_memory(err, "paths", strlen(folder));
    return DCN_OK;
}

static void clear_place(struct place *p)
{
    if (p->fd >= 0)
        close(p->fd);
    dcn__free(p->part);
    dcn__free(p->unpacked);
    dcn__free(p->final);
}

/* A resumable file cannot be a writer's temporary one: it must survive under a name known again. */
static dcn_status open_part(struct place *p, dcn_error *err)
{
    struct stat st;

    do
        p->fd = open(p->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    while (p->fd < 0 && errno == EINTR);
    if (p->fd < 0)
        return dcn__fail_errno(err, p->part, "create it", errno,
                               "check that the folder is writable");
    if (fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return dcn__fail(err, DCN_FILE, p->part, "is not a regular file; move it away");
    /* A file system without locks is no reason to refuse the work. */
    while (flock(p->fd, LOCK_EX | LOCK_NB) != 0)
        if (errno != EINTR)
            return errno != EWOULDBLOCK ? DCN_OK
                : dcn__fail(err, DCN_FILE, p->part,
                            "is in use by another download; wait for it to end");
    return DCN_OK;
}

static dcn_status check_sum(const struct place *p, const dcn__archive *archive, dcn_error *err)
{
    uint8_t *piece = dcn__alloc(PIECE);
    char hex[DCN__SHA256_HEX];
    dcn__sha256 sha = { 0 };
    dcn_status st;

    if (!piece)
        return dcn__fail_memory(err, "checking the sum", PIECE);
    st = dcn__sha256_begin(&sha, err);
    for (uint64_t at = 0; !st && at < archive->bytes; at += PIECE) {
        const size_t n = archive->bytes - at < PIECE ? (size_t)(archive->bytes - at) : PIECE;

        st = dcn__file_read_at(p->fd, p->part, at, piece, n, err);
        dcn__sha256_update(&sha, piece, n);
    }
    if (st) {
        dcn__sha256_abort(&sha);
    } else {
        dcn__sha256_end(&sha, hex);
        if (strcmp(hex, archive->sha256) != 0) {
            /* Kept, it would be found whole and refused for ever. */
            unlink(p->part);
            st = dcn__fail(
                err, DCN_NETWORK, archive->url,
                "what arrived has SHA-256 %.12s..., not %.12s...; it was removed, fetch again", hex,
                archive->sha256);
        }
    }
    dcn__free(piece);
    return st;
}

/* Removes the unpacking folder and the files in it; there are no folders in it. */
static void remove_unpacked(const char *folder)
{
    dcn__names names;

    if (dcn__folder_list(&names, folder, 1024, NULL))
        return;
    for (int i = 0; i < names.count; i++) {
        char *path = dcn__path_join(folder, names.at[i]);

        if (path)
            unlink(path);
        dcn__free(path);
    }
    dcn__names_clear(&names);
    rmdir(folder);
}

static dcn_status unpack_and_name(const struct place *p, dcn_error *err)
{
    dcn_data *data = NULL;
    dcn_status st;

    remove_unpacked(p->unpacked);
    if (mkdir(p->unpacked, 0777) != 0)
        return dcn__fail_errno(err, p->unpacked, "create the folder", errno,
                               "move what is there away");
    if (lseek(p->fd, 0, SEEK_SET) < 0)
        st = dcn__fail_errno(err, p->part, "read it", errno, "check the disk");
    else
        st = dcn__unpack(p->fd, p->part, p->unpacked, err);
    if (!st)
        st = dcn_data_open(&data, p->unpacked, NULL, err);
    dcn_data_close(data);
    if (!st && rename(p->unpacked, p->final) != 0)
        st = dcn__fail_errno(err, p->final, "rename the unpacked folder to it", errno,
                             "move what is there away");
    if (st)
        remove_unpacked(p->unpacked);
    return st;
}

/* The name must survive a power cut; the files were synced when they were written. The archive is of
 * use until then, perhaps a later fetch's then. */
static dcn_status drop_archive(const struct place *p, dcn_error *err)
{
    struct stat file;
    dcn_status st = DCN_OK;

    if (lstat(p->part, &file) == 0 && !(st = dcn__name_sync(p->final, err)))
        unlink(p->part);
    return st;
}

/* *whole: nothing is left to do. A folder that is there but broken is the user's to move. */
static dcn_status look_at_final(const struct place *p, bool *whole, dcn_error *err)
{
    dcn_data *data;
    dcn_error why;
    struct stat file;
    dcn_status st;

    *whole = false;
    if (lstat(p->final, &file) != 0)
        return DCN_OK;
    st = dcn_data_open(&data, p->final, NULL, &why);
    if (st == DCN_MEMORY) {                    /* that says nothing of the folder */
        if (err)
            *err = why;
        return st;
    }
    if (st)
        return dcn__fail(err, DCN_FILE, p->final,
                         "is there but not whole (%.150s); move it away and fetch again", why.text);
    dcn_data_close(data);
    *whole = true;
    return DCN_OK;
}

dcn_status dcn__fetch_archive(const char *folder, const dcn__archive *archive,
                              dcn_progress progress, void *user, dcn_error *err)
{
    struct place p = { .fd = -1 };
    struct stat file;
    bool whole = false;
    dcn_status st;

    if (!(st = make_place(&p, folder, err)))
        st = look_at_final(&p, &whole, err);
    if (!st && !whole) {
        if (!(st = dcn__make_folder(folder, err)) && !(st = open_part(&p, err)) &&
            !(st = dcn__download(p.fd, p.part, archive, progress, user, err)) &&
            !(st = check_sum(&p, archive, err)))
            whole = !(st = unpack_and_name(&p, err));
        /* An empty part file is worth nothing to the next run. */
        if (st && p.fd >= 0 && fstat(p.fd, &file) == 0 && !file.st_size)
            unlink(p.part);
    }
    if (whole)
        st = drop_archive(&p, err);
    clear_place(&p);
    return st;
}

dcn_status dcn_fetch_cifar10(const char *folder, const char *url, dcn_progress progress, void *user,
                             dcn_error *err)
{
    dcn__archive archive = official;

    if (!folder || !*folder)
        return dcn__fail(err, DCN_USAGE, "folder", "no folder is named; name one");
    if (url)
        archive.url = url;
    return dcn__fetch_archive(folder, &archive, progress, user, err);
}
