/* file.c - reading and atomic writing. The only file of the library that opens files to write. */
#include "base/file.h"

#include "base/memory.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A writer's temporary file: the final name, cut to leave room, then ".tmp-" and these letters. */
enum { TEMPORARY_LETTERS = 6, TEMPORARY_SUFFIX = 5 + TEMPORARY_LETTERS };

static const char *kind_word(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : "a device or socket";
}

/* ---- reading --------------------------------------------------------------------------- */

dcn_status dcn__file_open(int *fd, uint64_t *size, const char *path, dcn_error *err)
{
    struct stat st;

    /* O_NONBLOCK: opening a FIFO must not hang; it means nothing for a regular file. */
    do
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0)
        return dcn__fail_errno(err, path, "open it", errno, "check the name and the permissions");
    if (fstat(*fd, &st) != 0) {
        const int e = errno;
        close(*fd);
        return dcn__fail_errno(err, path, "inspect it", e, "check the file system");
    }
    if (!S_ISREG(st.st_mode)) {
        close(*fd);
        return dcn__fail(err, DCN_FILE, path, "is %s, not a regular file; name a file",
                         kind_word(st.st_mode));
    }
    *size = (uint64_t)st.st_size;
    return DCN_OK;
}

static dcn_status read_all(int fd, uint8_t *data, size_t size, size_t *got, const char *path,
                           dcn_error *err)
{
    *got = 0;
    while (*got < size) {
        const ssize_t n = read(fd, data + *got, size - *got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dcn__fail_errno(err, path, "read it", errno, "check the disk");
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return DCN_OK;
}

dcn_status dcn__file_read_at(int fd, const char *path, uint64_t offset, void *data, size_t bytes,
                             dcn_error *err)
{
    uint8_t *p = data;
    size_t done = 0;

    while (done < bytes) {
        const ssize_t n = pread(fd, p + done, bytes - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dcn__fail_errno(err, path, "read it", errno, "check the disk");
        if (n == 0)
            return dcn__fail_at(err, DCN_FILE, path, offset + done,
                                "the file ends here, it shrank since it was opened; restore it");
        done += (size_t)n;
    }
    return DCN_OK;
}

dcn_status dcn__file_read(dcn__bytes *bytes, const char *path, uint64_t limit, dcn_error *err)
{
    dcn_status st;
    uint64_t size;
    size_t got;
    int fd;

    memset(bytes, 0, sizeof *bytes);
    if ((st = dcn__file_open(&fd, &size, path, err)))
        return st;
    if (size > limit) {
        close(fd);
        return dcn__fail(err, DCN_INPUT, path,
                         "holds %llu bytes, the limit is %llu; raise the limit if you trust it",
                         (unsigned long long)size, (unsigned long long)limit);
    }
    bytes->data = dcn__alloc((size_t)size + 1);   /* a NUL behind, for text readers */
    if (!bytes->data) {
        close(fd);
        return dcn__fail_memory(err, "a file's bytes", (size_t)size);
    }
    st = read_all(fd, bytes->data, (size_t)size, &got, path, err);
    close(fd);
    if (!st && got != size)
        st = dcn__fail(err, DCN_FILE, path, "shrank while it was read; try again");
    if (st) {
        dcn__bytes_clear(bytes);
        return st;
    }
    bytes->size = (size_t)size;
    return DCN_OK;
}

dcn_status dcn__file_head(uint8_t *head, size_t size, size_t *got, uint64_t *file_size,
                          const char *path, dcn_error *err)
{
    dcn_status st;
    int fd;

    if ((st = dcn__file_open(&fd, file_size, path, err)))
        return st;
    st = read_all(fd, head, size, got, path, err);
    close(fd);
    return st;
}

void dcn__bytes_clear(dcn__bytes *bytes)
{
    dcn__free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

/* ---- writing --------------------------------------------------------------------------- */

/* `all`: bytes that the file will have, 0 if that is not known. */
static dcn_status fail_write(dcn_error *err, const char *path, uint64_t at, uint64_t all,
                             int errno_value)
{
    const bool full = errno_value == ENOSPC || errno_value == EDQUOT;
    char buffer[128], of[32] = "", space[40] = "free space";

    if (all > at)
        snprintf(of, sizeof of, " of %llu", (unsigned long long)all);
    if (all > at)
        snprintf(space, sizeof space, "free %llu KB", (unsigned long long)(all - at + 1023) / 1024);
    return dcn__fail(err, DCN_FILE, path, "write failed at byte %llu%s (%s); %s and try again",
                     (unsigned long long)at, of, strerror_r(errno_value, buffer, sizeof buffer),
                     full ? space : errno_value == EFBIG ? "raise the limit of a file's size"
                     : "check the disk");
}

static dcn_status write_all(int fd, const char *path, uint64_t offset, uint64_t all,
                            const void *data, size_t bytes, dcn_error *err)
{
    const uint8_t *p = data;
    size_t done = 0;

    while (done < bytes) {
        const ssize_t n = write(fd, p + done, bytes - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_write(err, path, offset + done, all, n ? errno : EIO);
        done += (size_t)n;
    }
    return DCN_OK;
}

dcn_status dcn__fd_write(int fd, const char *path, uint64_t offset, const void *data, size_t bytes,
                         dcn_error *err)
{
    return write_all(fd, path, offset, 0, data, bytes, err);
}

dcn_status dcn__fd_write_at(int fd, const char *path, uint64_t offset, const void *data,
                            size_t bytes, dcn_error *err)
{
    const uint8_t *p = data;
    size_t done = 0;

    while (done < bytes) {
        const ssize_t n = pwrite(fd, p + done, bytes - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_write(err, path, offset + done, 0, n ? errno : EIO);
        done += (size_t)n;
    }
    return DCN_OK;
}

int dcn__fd_sync(int fd, bool data_only)
{
    int failed;

    do
        failed = data_only ? fdatasync(fd) : fsync(fd);
    while (failed && errno == EINTR);
    return failed && errno != EINVAL && errno != EROFS ? errno : 0;
}

/* Linux has given the descriptor back also where it says EINTR. */
static int close_file(int fd)
{
    return close(fd) != 0 && errno != EINTR ? errno : 0;
}

int dcn__file_create(int *fd, const char *path)
{
    do
        *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0666);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

/* One call instead of thousands, each of which would wait for the disk. */
dcn_status dcn__folder_sync(const char *path, dcn_error *err)
{
    int fd, e = 0;

    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return dcn__fail_errno(err, path, "open it", errno, "check the permissions");
    while (syncfs(fd) != 0) {
        if (errno == EINTR)
            continue;
        e = errno == EINVAL || errno == EROFS ? 0 : errno;
        break;
    }
    close(fd);
    return e ? dcn__fail_errno(err, path, "sync it", e, "check the disk and try again") : DCN_OK;
}

/* A folder we may write but not read cannot be synced: what is in it is as safe as can be. */
static int sync_folder(const char *path)
{
    int fd, e;

    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno == EACCES ? 0 : errno;
    e = dcn__fd_sync(fd, false);
    close(fd);
    return e;
}

char *dcn__path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder;

    if (!slash)
        return dcn__strdup(".");
    if ((folder = dcn__strdup(path)))
        folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

dcn_status dcn__name_sync(const char *path, dcn_error *err)
{
    char *folder = dcn__path_folder(path);
    int e;

    if (!folder)
        return dcn__fail_memory(err, "a path", strlen(path));
    e = sync_folder(folder);
    dcn__free(folder);
    return e ? dcn__fail_errno(err, path, "sync its folder", e, "check the disk") : DCN_OK;
}

/* A rename would put a plain file in the place of a device, a pipe or a folder: that is refused
 * before any work is done for it. */
static dcn_status check_target(const char *path, dcn_error *err)
{
    struct stat st;

    if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
        return DCN_OK;
    return dcn__fail(err, DCN_FILE, path,
                     "is %s, not a regular file; name a file, or - for standard "
                     "output",
                     kind_word(st.st_mode));
}

/* Makes PATH.tmp-XXXXXX and opens it. mkostemp is not used: its files are 0600, and the usual
 * rights cannot be had afterwards without asking for the umask, which takes it away from other
 * threads. */
static int create_temporary(dcn__writer *w, const char *path, size_t bytes)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const char *name = dcn__path_name(path);
    const size_t folder = (size_t)(name - path);
    const size_t kept = folder + dcn__text_clip(name, NAME_MAX - TEMPORARY_SUFFIX);

    for (int tries = 0; tries < 100; tries++) {
        uint8_t random[TEMPORARY_LETTERS];
        char suffix[TEMPORARY_LETTERS + 1] = "";

        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return errno;
        for (size_t i = 0; i < sizeof random; i++)
            suffix[i] = letters[random[i] % (sizeof letters - 1)];
        snprintf(w->temporary, bytes, "%.*s.tmp-%s", (int)kept, path, suffix);
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (w->fd >= 0)
            return 0;
        if (errno == EINTR)
            unlink(w->temporary);      /* it may be there all the same */
        else if (errno != EEXIST)
            break;
    }
    return errno;
}

dcn_status dcn__writer_begin(dcn__writer *w, const char *path, dcn_error *err)
{
    const size_t bytes = strlen(path) + TEMPORARY_SUFFIX + 1;
    dcn_status st;
    int e;

    memset(w, 0, sizeof *w);
    w->fd = -1;
    if (!(w->path = dcn__strdup(path)) || !(w->temporary = dcn__alloc(bytes))) {
        dcn__writer_abort(w);
        return dcn__fail_memory(err, "a path", bytes);
    }
    if (strcmp(path, "-") == 0) {
        w->to_stdout = true;
        w->fd = STDOUT_FILENO;
        return DCN_OK;
    }
    if ((st = check_target(path, err))) {
        dcn__writer_abort(w);
        return st;
    }
    if ((e = create_temporary(w, path, bytes))) {
        w->temporary[0] = '\0';
        dcn__writer_abort(w);
        return dcn__fail_errno(err, path, "create it", e,
                               "check that the folder exists and is writable");
    }
    return DCN_OK;
}

dcn_status dcn__writer_write(dcn__writer *w, const void *data, size_t bytes, dcn_error *err)
{
    dcn_status st = write_all(w->fd, w->to_stdout ? "standard output" : w->path, w->written,
                              w->expected, data, bytes, err);
    w->written += bytes;
    return st;
}

dcn_status dcn__writer_patch(dcn__writer *w, uint64_t offset, const void *data, size_t bytes,
                             dcn_error *err)
{
    if (w->to_stdout || offset > w->written || bytes > w->written - offset)
        return dcn__fail(err, DCN_BUG, w->path, "bytes that are not in the file were to be replaced; "
                         "report this");
    return dcn__fd_write_at(w->fd, w->path, offset, data, bytes, err);
}

dcn_status dcn__writer_commit(dcn__writer *w, dcn_error *err)
{
    const int fd = w->fd;
    dcn_status st = DCN_OK;
    int e;

    if (w->to_stdout) {
        w->fd = -1;
        dcn__writer_abort(w);
        return DCN_OK;
    }
    /* A failed sync may have dropped the bytes: the file is given up, never synced again. */
    if (!w->later && (e = dcn__fd_sync(fd, false)))
        st = dcn__fail_errno(err, w->path, "sync it", e, "check the disk and try again");
    w->fd = -1;
    if ((e = close_file(fd)) && !st)
        st = dcn__fail_errno(err, w->path, "close it", e, "check the disk and try again");
    if (!st && rename(w->temporary, w->path) != 0)
        st = dcn__fail_errno(err, w->path, "rename the finished file to it", errno,
                             "check the folder");
    if (st)
        unlink(w->temporary);
    else if (!w->later)
        st = dcn__name_sync(w->path, err);
    w->temporary[0] = '\0';
    dcn__writer_abort(w);
    return st;
}

void dcn__writer_abort(dcn__writer *w)
{
    if (w->fd >= 0 && !w->to_stdout)
        close(w->fd);
    if (w->temporary && w->temporary[0] && !w->to_stdout)
        unlink(w->temporary);
    dcn__free(w->temporary);
    dcn__free(w->path);
    memset(w, 0, sizeof *w);
    w->fd = -1;
}

dcn_status dcn__file_write(const char *path, const void *data, size_t bytes, dcn_error *err)
{
    dcn__writer w;
    dcn_status st;

    if ((st = dcn__writer_begin(&w, path, err)))
        return st;
    if (!(st = dcn__writer_write(&w, data, bytes, err)))
        st = dcn__writer_commit(&w, err);
    dcn__writer_abort(&w);
    return st;
}

/* ---- folders and names --------------------------------------------------------------------- */

bool dcn__is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool dcn__is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

dcn_status dcn__make_folder(const char *path, dcn_error *err)
{
    char *copy = dcn__strdup(path);
    dcn_status st = DCN_OK;

    if (!copy)
        return dcn__fail_memory(err, "a path", strlen(path));
    for (char *p = copy + 1; !st && *copy; p++) {
        const char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) == 0)
            st = dcn__name_sync(copy, err);
        else if (errno != EEXIST)
            st = dcn__fail_errno(err, path, "create the folder", errno, "check the parent folder");
        *p = c;
        if (c == '\0')
            break;
    }
    if (!st && !dcn__is_folder(path))
        st = dcn__fail(err, DCN_FILE, path, "is not a folder; name another");
    dcn__free(copy);
    return st;
}

dcn_status dcn__make_folder_below(const char *folder, const char *below, dcn_error *err)
{
    char *path = dcn__path_join(folder, below);
    const size_t start = path ? strlen(path) - strlen(below) : 0;
    dcn_status st = path ? DCN_OK : dcn__fail_memory(err, "a path", strlen(folder));
    struct stat status;

    for (size_t i = start; !st && path[i]; i++) {
        const size_t end = i + strcspn(path + i, "/");
        const char kept = path[end];

        path[end] = '\0';
        if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
            st = dcn__fail(err, DCN_FILE, path, "is a link, and what is written there would lie "
                           "elsewhere; remove it");
        path[end] = kept;
        i = end - (kept == '\0');
    }
    if (!st)
        st = dcn__make_folder(path, err);
    dcn__free(path);
    return st;
}

char *dcn__path_join(const char *folder, const char *name)
{
    const size_t n = strlen(folder), bytes = n + strlen(name) + 2;
    char *path = dcn__alloc(bytes);

    if (path)
        snprintf(path, bytes, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
    return path;
}

const char *dcn__path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

dcn_status dcn__folder_list(dcn__names *names, const char *path, int limit, dcn_error *err)
{
    DIR *dir = opendir(path);
    dcn_status st = DCN_OK;
    struct dirent *entry;
    int capacity = 0;

    memset(names, 0, sizeof *names);
    if (!dir)
        return dcn__fail_errno(err, path, "read the folder", errno,
                               "check the name and the permissions");
    while (!st && (errno = 0, entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (names->count == limit) {
            st = dcn__fail(err, DCN_INPUT, path, "holds more than %d files; split it", limit);
        } else if (names->count == capacity) {
            const int grown = capacity ? capacity * 2 : 64;
            char **at = dcn__realloc(names->at, (size_t)grown * sizeof *at);

            if (!at)
                st = dcn__fail_memory(err, "a folder's names", (size_t)grown * sizeof *at);
            else {
                names->at = at;
                capacity = grown;
            }
        }
        if (!st && !(names->at[names->count] = dcn__strdup(entry->d_name)))
            st = dcn__fail_memory(err, "a file's name", strlen(entry->d_name));
        else if (!st)
            names->count++;
    }
    if (!st && errno)   /* the end of a folder leaves errno alone */
        st = dcn__fail_errno(err, path, "read the folder", errno, "check the disk");
    closedir(dir);
    if (st)
        dcn__names_clear(names);
    else if (names->count)
        qsort(names->at, (size_t)names->count, sizeof *names->at, by_bytes);
    return st;
}

void dcn__names_clear(dcn__names *names)
{
    for (int i = 0; i < names->count; i++)
        dcn__free(names->at[i]);
    dcn__free(names->at);
    memset(names, 0, sizeof *names);
}

double dcn__clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}
