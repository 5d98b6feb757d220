/* shim.c - a preloaded library between a program and the file system, for the tests of full disks,
 * failing calls, kills and power cuts (shim.py sets it up and reads what it writes).
 *
 * Only calls on what lies in one folder count; they are numbered from 1 and written down before and
 * with their result. The real calls are made directly, so nothing here can call itself. Standard
 * output that is buffered does not pass here: the C library writes it by itself.
 *
 * DCN_SHIM_UNDER   the folder                DCN_SHIM_LOG    the file for the calls (and LOG.data)
 * DCN_SHIM_FAIL    K:ERRNO[:ever|:half]      DCN_SHIM_KINDS  what `ever` means: ",write,fsync,"
 * DCN_SHIM_SHORT   1|half: every write       DCN_SHIM_KILL   K:before|after */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS = 1024 };

static char under[PATH_MAX];
static size_t n_under;
static int log_fd = -1, data_fd = -1;
static long fail_at, kill_at;
static int fail_errno;
static bool ever, half, kill_after;
static const char *kinds = "", *shorter = "";
static bool watched[FDS];
static char armed_fd[FDS];      /* the next write of this one fails: it was cut in half before */
static long calls;
static long long data_at;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define EXPORT __attribute__((visibility("default")))

static void after_colon(const char *text, const char **rest)
{
    const char *colon = text ? strchr(text, ':') : NULL;

    *rest = colon ? colon + 1 : "";
}

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("DCN_SHIM_UNDER"), *log = getenv("DCN_SHIM_LOG");
    const char *fail = getenv("DCN_SHIM_FAIL"), *kill_text = getenv("DCN_SHIM_KILL"), *rest;
    char name[PATH_MAX];

    if (!folder || !realpath(folder, under))
        return;
    n_under = strlen(under);
    if (fail) {
        fail_at = strtol(fail, NULL, 10);
        after_colon(fail, &rest);
        fail_errno = (int)strtol(rest, NULL, 10);
        after_colon(rest, &rest);
        ever = !strcmp(rest, "ever");
        half = !strcmp(rest, "half");
    }
    if (kill_text) {
        kill_at = strtol(kill_text, NULL, 10);
        after_colon(kill_text, &rest);
        kill_after = !strcmp(rest, "after");
    }
    kinds = getenv("DCN_SHIM_KINDS") ? getenv("DCN_SHIM_KINDS") : "";
    shorter = getenv("DCN_SHIM_SHORT") ? getenv("DCN_SHIM_SHORT") : "";
    if (!log)
        return;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(name, sizeof name, "%s.data", log);
    data_fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* ---- which calls count ---------------------------------------------------------------------- */

/* The name from the root on, as far as it can be told without asking the disk. */
static bool is_under(int folder, const char *path, char *full)
{
    char cwd[PATH_MAX] = "", link[64];
    size_t n;

    if (!n_under || !path)
        return false;
    if (path[0] != '/' && folder == AT_FDCWD) {
        if (!getcwd(cwd, sizeof cwd))
            return false;
    } else if (path[0] != '/') {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        if (readlink(link, cwd, sizeof cwd - 1) < 0)
            return false;
    }
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    n = (size_t)snprintf(full, PATH_MAX, "%s%s%s", cwd, *cwd ? "/" : "", path);
    if (n >= PATH_MAX)
        return false;
    if (n > 2 && !strcmp(full + n - 2, "/."))
        full[n - 2] = '\0';
    return strncmp(full, under, n_under) == 0 && (full[n_under] == '/' || !full[n_under]);
}

static bool counts(int fd)
{
    return fd >= 0 && fd < FDS && watched[fd];
}

static void die(void)
{
    syscall(SYS_kill, (long)getpid(), (long)SIGKILL);
    for (;;)
        pause();
}

/* The call's number; *error: what it shall fail with, or 0. The lock is held from here to `end`. */
static long enter(const char *kind, int fd, int *error)
{
    char word[32];
    long k;

    pthread_mutex_lock(&lock);
    k = ++calls;
    if (k == kill_at && !kill_after)
        die();
    snprintf(word, sizeof word, ",%s,", kind);
    *error = k == fail_at && !half ? fail_errno : 0;
    if (ever && k >= fail_at && strstr(kinds, word))
        *error = fail_errno;
    if (counts(fd) && armed_fd[fd] && strstr(word, "write")) {
        armed_fd[fd] = 0;
        *error = fail_errno;
    }
    return k;
}

/* One line a call, its parts between tabs: number, kind, descriptor, result, errno, three numbers,
 * names. */
static void end(long k, const char *kind, int fd, long result, long long a, long long b,
                long long c, const char *path, const char *other)
{
    const int error = errno;
    char line[2 * PATH_MAX + 200];
    const int n = snprintf(line, sizeof line, "%ld\t%s\t%d\t%ld\t%d\t%lld\t%lld\t%lld\t%s\t%s\n", k,
                           kind, fd, result, result < 0 ? error : 0, a, b, c, path ? path : "",
                           other ? other : "");

    if (log_fd >= 0)
        syscall(SYS_write, log_fd, line, (size_t)n);
    if (k == kill_at && kill_after)
        die();
    pthread_mutex_unlock(&lock);
    errno = error;
}

static long refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- files ---------------------------------------------------------------------------------- */

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    char full[PATH_MAX];
    struct stat st;
    const char *kind;
    bool made;
    long k, fd;
    int error;

    if (!is_under(folder, path, full))
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    made = (flags & O_CREAT) && lstat(full, &st) != 0;
    kind = made ? "create" : flags & O_DIRECTORY ? "folder" : "open";
    k = enter(kind, -1, &error);
    fd = error ? refuse(error) : syscall(SYS_openat, folder, path, flags, mode);
    if (fd >= 0 && fd < FDS) {
        watched[fd] = true;
        armed_fd[fd] = 0;
    }
    end(k, kind, (int)fd, fd, made, flags & O_TRUNC ? 1 : 0, flags & O_APPEND ? 1 : 0, full, NULL);
    return (int)fd;
}

#define OPEN_MODE(flags, mode) \
    do { \
        if ((flags) & (O_CREAT | O_TMPFILE)) { \
            va_list args; \
            va_start(args, flags); \
            mode = va_arg(args, mode_t); \
            va_end(args); \
        } \
    } while (0)

EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    OPEN_MODE(flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int folder, const char *path, int flags, ...)
{
    mode_t mode = 0;

    OPEN_MODE(flags, mode);
    return open_at(folder, path, flags, mode);
}

EXPORT int open64(const char *, int, ...) __attribute__((alias("open")));
EXPORT int openat64(int, const char *, int, ...) __attribute__((alias("openat")));

int __open_2(const char *path, int flags);    /* what open is where its arguments are checked */
EXPORT int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

EXPORT int close(int fd)
{
    int error;
    long k, result;

    if (!counts(fd))
        return (int)syscall(SYS_close, fd);
    k = enter("close", fd, &error);
    watched[fd] = false;
    result = syscall(SYS_close, fd);         /* it is gone, also where close fails */
    if (error)
        result = refuse(error);
    end(k, "close", fd, result, 0, 0, 0, NULL, NULL);
    return (int)result;
}

/* How much of a write is done. */
static size_t cut(size_t bytes, long k, int fd)
{
    if (half && k == fail_at && bytes > 1) {
        armed_fd[fd] = 1;
        return bytes / 2;
    }
    if (!strcmp(shorter, "1") && bytes)
        return 1;
    return !strcmp(shorter, "half") && bytes > 1 ? bytes / 2 : bytes;
}

static ssize_t write_at(const char *kind, int fd, const void *data, size_t bytes, long long offset)
{
    struct stat st;
    long long at = offset;
    int error;
    const long k = enter(kind, fd, &error);
    long result;

    if (at < 0)
        at = fcntl(fd, F_GETFL) & O_APPEND && fstat(fd, &st) == 0 ? (long long)st.st_size
             : (long long)lseek(fd, 0, SEEK_CUR);
    bytes = cut(bytes, k, fd);
    result = error ? refuse(error)
             : offset < 0 ? syscall(SYS_write, fd, data, bytes)
             : syscall(SYS_pwrite64, fd, data, bytes, offset);
    if (result > 0 && data_fd >= 0)
        syscall(SYS_write, data_fd, data, (size_t)result);
    end(k, kind, fd, result, at, result > 0 ? result : 0, data_at, NULL, NULL);
    data_at += result > 0 ? result : 0;      /* one thread in the runs that are played again */
    return result;
}

EXPORT ssize_t write(int fd, const void *data, size_t bytes)
{
    return counts(fd) ? write_at("write", fd, data, bytes, -1)
                      : syscall(SYS_write, fd, data, bytes);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    return counts(fd) ? write_at("pwrite", fd, data, bytes, offset)
                      : syscall(SYS_pwrite64, fd, data, bytes, offset);
}

EXPORT ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));

EXPORT ssize_t read(int fd, void *data, size_t bytes)
{
    int error;
    long k, result;

    if (!counts(fd))
        return syscall(SYS_read, fd, data, bytes);
    k = enter("read", fd, &error);
    if (*shorter && bytes > 1)
        bytes = *shorter == '1' ? 1 + bytes / 16 : bytes / 2;
    result = error ? refuse(error) : syscall(SYS_read, fd, data, bytes);
    end(k, "read", fd, result, 0, 0, 0, NULL, NULL);
    return result;
}

EXPORT ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
    int error;
    long k, result;

    if (!counts(fd))
        return syscall(SYS_pread64, fd, data, bytes, offset);
    k = enter("read", fd, &error);
    if (*shorter && bytes > 1)
        bytes = *shorter == '1' ? 1 + bytes / 16 : bytes / 2;
    result = error ? refuse(error) : syscall(SYS_pread64, fd, data, bytes, offset);
    end(k, "read", fd, result, 0, 0, 0, NULL, NULL);
    return result;
}

EXPORT ssize_t pread64(int, void *, size_t, off_t) __attribute__((alias("pread")));

/* A call on a descriptor with two numbers. */
static int on_fd(const char *kind, long number, int fd, long long a, long long b, long long c)
{
    int error;
    long k, result;

    if (!counts(fd))
        return (int)syscall(number, fd, a, b, c);
    k = enter(kind, fd, &error);
    result = error ? refuse(error) : syscall(number, fd, a, b, c);
    end(k, kind, fd, result, a, b, c, NULL, NULL);
    return (int)result;
}

EXPORT int fsync(int fd)
{
    return on_fd("fsync", SYS_fsync, fd, 0, 0, 0);
}

EXPORT int fdatasync(int fd)
{
    return on_fd("fdatasync", SYS_fdatasync, fd, 0, 0, 0);
}

EXPORT int syncfs(int fd)
{
    return on_fd("syncfs", SYS_syncfs, fd, 0, 0, 0);
}

EXPORT int ftruncate(int fd, off_t size)
{
    return on_fd("ftruncate", SYS_ftruncate, fd, size, 0, 0);
}

EXPORT int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));

EXPORT int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    return on_fd("fallocate", SYS_fallocate, fd, mode, offset, bytes);
}

EXPORT int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));

EXPORT int flock(int fd, int operation)
{
    return on_fd("flock", SYS_flock, fd, operation, 0, 0);
}

/* ---- names ---------------------------------------------------------------------------------- */

static int rename_at(const char *kind, int from_folder, const char *from, int to_folder,
                     const char *to, unsigned flags)
{
    const bool link_it = !strcmp(kind, "link");
    char a[PATH_MAX], b[PATH_MAX];
    int error;
    long k, result;

    if (!is_under(from_folder, from, a) | !is_under(to_folder, to, b))
        return (int)syscall(link_it ? SYS_linkat : SYS_renameat2, from_folder, from, to_folder, to,
                            flags);
    k = enter(kind, -1, &error);
    result = error ? refuse(error)
             : syscall(link_it ? SYS_linkat : SYS_renameat2, from_folder, from, to_folder, to,
                       flags);
    end(k, kind, -1, result, 0, 0, 0, a, b);
    return (int)result;
}

EXPORT int rename(const char *from, const char *to)
{
    return rename_at("rename", AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return rename_at("rename", from_folder, from, to_folder, to, 0);
}

EXPORT int link(const char *from, const char *to)
{
    return rename_at("link", AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return rename_at("link", from_folder, from, to_folder, to, (unsigned)flags);
}

static int on_name(const char *kind, long number, int folder, const char *path, long argument)
{
    char full[PATH_MAX];
    int error;
    long k, result;

    if (!is_under(folder, path, full))
        return (int)syscall(number, folder, path, argument);
    k = enter(kind, -1, &error);
    result = error ? refuse(error) : syscall(number, folder, path, argument);
    end(k, kind, -1, result, 0, 0, 0, full, NULL);
    return (int)result;
}

EXPORT int unlink(const char *path)
{
    return on_name("unlink", SYS_unlinkat, AT_FDCWD, path, 0);
}

EXPORT int unlinkat(int folder, const char *path, int flags)
{
    return on_name(flags & AT_REMOVEDIR ? "rmdir" : "unlink", SYS_unlinkat, folder, path, flags);
}

EXPORT int rmdir(const char *path)
{
    return on_name("rmdir", SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return on_name("mkdir", SYS_mkdirat, AT_FDCWD, path, (long)mode);
}
