/* calls.h - system calls that fail when a test says so, or do something before they go on: the test
 * program's own read, fsync, rename, ... stand in front of the C library's.
 *
 * A program includes this once, first of all. A call that nobody asked for goes on as ever, and so do
 * those of other threads. */
#ifndef CALLS_H
#define CALLS_H

#undef _FORTIFY_SOURCE               /* its read may be another function */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0: the call is left out and says 0; above: it fails with this errno. AGAIN: a folder's last name again. */
enum { GO_ON = -1, AGAIN = -2 };

/* What happens to the call number `first` by this name, counted from 1 since it was planned, and to the
 * `more` behind it. If `act` is set it is called before and says what happens. */
typedef struct planned_call {
    const char *name;
    int first, more, answer, seen, struck;
    int (*act)(int fd);
} planned_call;

static _Thread_local planned_call planned;

static int on_call(const char *name, int fd)
{
    if (!planned.name || strcmp(name, planned.name) != 0)
        return GO_ON;
    planned.seen++;
    if (planned.seen < planned.first || planned.seen - planned.first > planned.more)
        return GO_ON;
    planned.struck++;
    return planned.act ? planned.act(fd) : planned.answer;
}

/* The call number `first` fails with `answer`. */
__attribute__((unused)) static void plan_call(const char *name, int first, int answer)
{
    planned = (planned_call){ .name = name, .first = first, .answer = answer };
}

/* How often the plan came true; then nothing is planned any more. */
__attribute__((unused)) static int planned_calls(void)
{
    const int struck = planned.struck;

    planned = (planned_call){ 0 };
    return struck;
}

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define CALL_WROTE(data, bytes) __msan_unpoison(data, bytes)
#endif
#endif
#ifndef CALL_WROTE
#define CALL_WROTE(data, bytes) ((void)0)
#endif

/* The C library's function of this name, once. */
#define REAL_CALL(type, name, ...)                                                                  \
    static _Thread_local type (*real)(__VA_ARGS__);                                                 \
    if (!real)                                                                                      \
        *(void **)&real = dlsym(RTLD_NEXT, name)

/* What is left out says 0, what fails -1. */
#define ANSWER(name, fd)                                                                            \
    do {                                                                                            \
        const int answer_ = on_call(name, fd);                                                      \
        if (answer_ > 0)                                                                            \
            errno = answer_;                                                                        \
        if (answer_ != GO_ON)                                                                       \
            return answer_ ? -1 : 0;                                                                \
    } while (0)

#pragma GCC visibility push(default)
int open(const char *path, int flags, ...)
{
    REAL_CALL(int, "open", const char *, int, ...);
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? (mode_t)va_arg(args, unsigned) : 0;
    va_end(args);
    ANSWER("open", -1);
    return real(path, flags, mode);
}

int fstat(int fd, struct stat *st)
{
    REAL_CALL(int, "fstat", int, struct stat *);
    int code;

    ANSWER("fstat", fd);
    code = real(fd, st);
    CALL_WROTE(st, sizeof *st);
    return code;
}

ssize_t read(int fd, void *data, size_t bytes)
{
    REAL_CALL(ssize_t, "read", int, void *, size_t);
    ssize_t n;

    ANSWER("read", fd);
    n = real(fd, data, bytes);
    if (n > 0)
        CALL_WROTE(data, (size_t)n);
    return n;
}

ssize_t pread(int fd, void *data, size_t bytes, off_t at)
{
    REAL_CALL(ssize_t, "pread", int, void *, size_t, off_t);
    ssize_t n;

    ANSWER("pread", fd);
    n = real(fd, data, bytes, at);
    if (n > 0)
        CALL_WROTE(data, (size_t)n);
    return n;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    REAL_CALL(ssize_t, "write", int, const void *, size_t);

    ANSWER("write", fd);
    return real(fd, data, bytes);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    REAL_CALL(ssize_t, "pwrite", int, const void *, size_t, off_t);

    ANSWER("pwrite", fd);
    return real(fd, data, bytes, at);
}

off_t lseek(int fd, off_t at, int whence)
{
    REAL_CALL(off_t, "lseek", int, off_t, int);

    ANSWER("lseek", fd);
    return real(fd, at, whence);
}

int fsync(int fd)
{
    REAL_CALL(int, "fsync", int);

    ANSWER("fsync", fd);
    return real(fd);
}

int fdatasync(int fd)
{
    REAL_CALL(int, "fdatasync", int);

    ANSWER("fdatasync", fd);
    return real(fd);
}

int syncfs(int fd)
{
    REAL_CALL(int, "syncfs", int);

    ANSWER("syncfs", fd);
    return real(fd);
}

int ftruncate(int fd, off_t bytes)
{
    REAL_CALL(int, "ftruncate", int, off_t);

    ANSWER("ftruncate", fd);
    return real(fd, bytes);
}

int fallocate(int fd, int mode, off_t at, off_t bytes)
{
    REAL_CALL(int, "fallocate", int, int, off_t, off_t);

    ANSWER("fallocate", fd);
    return real(fd, mode, at, bytes);
}

int flock(int fd, int what)
{
    REAL_CALL(int, "flock", int, int);

    ANSWER("flock", fd);
    return real(fd, what);
}

/* The descriptor is gone, whatever is said. */
int close(int fd)
{
    REAL_CALL(int, "close", int);
    const int answer = on_call("close", fd), code = real(fd);

    if (answer > 0)
        errno = answer;
    return answer > 0 ? -1 : code;
}

int rename(const char *from, const char *to)
{
    REAL_CALL(int, "rename", const char *, const char *);

    ANSWER("rename", -1);
    return real(from, to);
}

ssize_t getrandom(void *data, size_t bytes, unsigned flags)
{
    REAL_CALL(ssize_t, "getrandom", void *, size_t, unsigned);
    ssize_t n;

    ANSWER("getrandom", -1);
    n = real(data, bytes, flags);
    if (n > 0)
        CALL_WROTE(data, (size_t)n);
    return n;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *with)
{
    REAL_CALL(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    const int answer = on_call("pthread_create", -1);

    return answer > 0 ? answer : real(thread, attributes, start, with);
}

struct dirent *readdir(DIR *dir)
{
    REAL_CALL(struct dirent *, "readdir", DIR *);
    static _Thread_local struct dirent last;
    const int answer = on_call("readdir", -1);
    struct dirent *entry = answer == AGAIN ? &last : answer > 0 ? NULL : real(dir);

    if (answer > 0)
        errno = answer;
    if (!entry || answer == AGAIN)
        return entry;
    CALL_WROTE(entry, sizeof *entry);
    if (entry->d_name[0] != '.')
        last = *entry;
    return entry;
}
#pragma GCC visibility pop

#endif
