/* onnx_external.c - the files beside a model that hold its weights.
 *
 * A model may come from anybody: what it names must lie below its own folder, reached without a
 * link, and be a regular file with one name, so that no other file of the user's is ever read. */
#include "codec/onnx_reader.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static dcn_status refuse(dcn__onnx_reader *r, const dcn__onnx_tensor *t, const char *location,
                         const char *what)
{
    return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "external data "
                        "\"%.100s\" %s", location, what);
}

static dcn_status cannot_open(dcn__onnx_reader *r, const dcn__onnx_tensor *t, const char *location)
{
    char buffer[128];
    const int e = errno;

    if (e == ELOOP)
        return refuse(r, t, location, "is or goes through a symbolic link; put a copy in its "
                      "place");
    return dcn__fail_at(r->wire.err, DCN_FILE, r->wire.path, t->offset, "cannot open the external "
                        "data \"%.100s\" (%s); keep all files of the model in one folder",
                        location, strerror_r(e, buffer, sizeof buffer));
}

static dcn_status open_folder(dcn__onnx_reader *r)
{
    char *folder;

    if (r->folder >= 0)
        return DCN_OK;
    if (!(folder = dcn__path_folder(r->wire.path)))
        return dcn__fail_memory(r->wire.err, "a path", strlen(r->wire.path));
    r->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dcn__free(folder);
    if (r->folder < 0)
        return dcn__fail_errno(r->wire.err, r->wire.path, "open its folder for external data",
                               errno, "check the permissions");
    return DCN_OK;
}

/* One name of the path, which ends at *end. A folder that is a link fails with ENOTDIR: what it
 * is is asked for, so that the message says so. */
static int open_part(int folder, const char *name, size_t bytes, bool last)
{
    char part[NAME_MAX + 1];
    struct stat st;
    int fd, e;

    if (bytes > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, name, bytes);
    part[bytes] = '\0';
    fd = openat(folder, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
                (last ? O_NONBLOCK : O_DIRECTORY));
    e = errno;
    if (fd < 0 && e == ENOTDIR && fstatat(folder, part, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        e = ELOOP;
    errno = e;
    return fd;
}

static dcn_status check_location(dcn__onnx_reader *r, const dcn__onnx_tensor *t, const char *l)
{
    if (!*l || *l == '/' || strchr(l, '\\'))
        return refuse(r, t, l, "is not a path relative to the model; keep all files of the model "
                      "in one folder");
    for (const char *part = l;; part++) {
        const size_t n = strcspn(part, "/");

        if (n == 0 || (n == 2 && memcmp(part, "..", 2) == 0))
            return refuse(r, t, l, "leaves the model's folder or has an empty part; keep all "
                          "files of the model in one folder");
        part += n;
        if (!*part)
            return DCN_OK;
    }
}

/* Down from the model's folder, name by name. */
static dcn_status open_below(dcn__onnx_reader *r, const dcn__onnx_tensor *t, const char *location,
                             int *fd)
{
    int folder = r->folder;

    for (const char *part = location;;) {
        const size_t n = strcspn(part, "/");
        const bool last = !part[n];

        *fd = open_part(folder, part, n, last);
        if (folder != r->folder) {
            const int e = errno;

            close(folder);
            errno = e;
        }
        if (*fd < 0)
            return cannot_open(r, t, location);
        if (last)
            return DCN_OK;
        folder = *fd;
        part += n + 1;
    }
}

static dcn_status check_file(dcn__onnx_reader *r, const dcn__onnx_tensor *t, const char *location,
                             int fd, struct stat *st)
{
    if (fstat(fd, st) != 0)
        return dcn__fail_errno(r->wire.err, location, "inspect it", errno,
                               "check the file system");
    if (!S_ISREG(st->st_mode))
        return dcn__fail_at(r->wire.err, DCN_FILE, r->wire.path, t->offset, "external data "
                            "\"%.100s\" is not a regular file; copy the model again", location);
    if (st->st_nlink != 1)
        return refuse(r, t, location, "has more than one name (hard links); put a copy in its "
                      "place");
    if ((uint64_t)st->st_size > r->max_external)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "external data "
                            "\"%.100s\" holds %llu bytes, the limit is %llu; raise the limit if "
                            "you trust it", location, (unsigned long long)st->st_size,
                            (unsigned long long)r->max_external);
    return DCN_OK;
}

/* Opens the file if it is closed; then another one, in turn, is closed. */
static dcn_status reopen(dcn__onnx_reader *r, const dcn__onnx_tensor *t, int file)
{
    dcn__onnx_file *f = &r->files[file];
    const int evicted = r->opened[r->turn] - 1;
    struct stat st;
    dcn_status status;
    int fd;

    if (f->fd >= 0)
        return DCN_OK;
    if ((status = open_below(r, t, f->location, &fd)))
        return status;
    if ((status = check_file(r, t, f->location, fd, &st))) {
        close(fd);
        return status;
    }
    if (f->inode && (f->inode != st.st_ino || f->device != st.st_dev)) {
        close(fd);
        return dcn__fail(r->wire.err, DCN_FILE, f->location, "was replaced while the model was "
                         "read; try again");
    }
    if (evicted >= 0) {
        close(r->files[evicted].fd);
        r->files[evicted].fd = -1;
    }
    f->fd = fd;
    f->size = (uint64_t)st.st_size;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    r->opened[r->turn] = file + 1;
    r->turn = (r->turn + 1) % DCN__ONNX_OPEN_FILES;
    return DCN_OK;
}

dcn_status dcn__onnx_file_find(dcn__onnx_reader *r, const char *location,
                               const dcn__onnx_tensor *t, int *file)
{
    dcn__onnx_file *files;
    dcn_status st;

    for (*file = r->n_files - 1; *file >= 0; --*file)
        if (strcmp(r->files[*file].location, location) == 0)
            return DCN_OK;
    if ((st = check_location(r, t, location)) || (st = open_folder(r)))
        return st;
    if (r->n_files == DCN__ONNX_MAX_FILES)
        return refuse(r, t, location, "is one file too many (the limit is 4096); save the model "
                      "with its weights in one file");
    if (r->n_files == r->room) {
        const int room = r->room ? r->room * 2 : 8;

        if (!(files = dcn__realloc(r->files, (size_t)room * sizeof *files)))
            return dcn__fail_memory(r->wire.err, "a model's files", (size_t)room * sizeof *files);
        r->files = files;
        r->room = room;
    }
    r->files[r->n_files] = (dcn__onnx_file){ .location = location, .fd = -1 };
    *file = r->n_files++;
    return reopen(r, t, *file);
}

dcn_status dcn__onnx_file_read(dcn__onnx_reader *r, int file, uint64_t offset, void *out,
                               size_t bytes)
{
    const dcn__onnx_tensor nowhere = { .name = "" };
    dcn_status st = reopen(r, &nowhere, file);

    return st ? st : dcn__file_read_at(r->files[file].fd, r->files[file].location, offset, out,
                                       bytes, r->wire.err);
}

void dcn__onnx_files_clear(dcn__onnx_reader *r)
{
    for (int i = 0; i < r->n_files; i++)
        if (r->files[i].fd >= 0)
            close(r->files[i].fd);
    dcn__free(r->files);
    if (r->folder >= 0)
        close(r->folder);
    r->files = NULL;
    r->n_files = 0;
    r->folder = -1;
}
