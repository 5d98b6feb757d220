/* world.c - a preloaded library that makes the machine another one, for case_surroundings.py.
 *
 * WORLD_THREADS   so many threads can be started, those after them fail with EAGAIN
 * WORLD_CLOCK     SECONDS:N  after N looks at a clock all clocks of the day are SECONDS further
 * WORLD_FLOCK     flock() fails with this errno
 * WORLD_FSYNC     fsync() takes so many milliseconds: time to send signals to a save */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : otherwise;
}

EXPORT int pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*body)(void *),
                          void *argument)
{
    typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static _Atomic(create *) real;
    static atomic_long started;

    if (!real)
        real = (create *)dlsym(RTLD_NEXT, "pthread_create");
    if (atomic_fetch_add(&started, 1) >= number("WORLD_THREADS", 1L << 30))
        return EAGAIN;
    return real(id, attributes, body, argument);
}

/* How far the clocks are off at this look. */
static long jump(void)
{
    static atomic_long looks;
    const char *text = getenv("WORLD_CLOCK");
    char *colon;
    long seconds;

    if (!text)
        return 0;
    seconds = strtol(text, &colon, 10);
    return atomic_fetch_add(&looks, 1) >= strtol(colon + 1, NULL, 10) ? seconds : 0;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *t)
{
    const int code = (int)syscall(SYS_clock_gettime, clock, t);

    if (!code && clock == CLOCK_REALTIME)
        t->tv_sec += jump();
    return code;
}

EXPORT time_t time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
    return 0;
}

EXPORT int flock(int fd, int operation)
{
    const long refused = number("WORLD_FLOCK", 0);

    if (refused) {
        errno = (int)refused;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

EXPORT int fsync(int fd)
{
    const long ms = number("WORLD_FSYNC", 0);
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    return (int)syscall(SYS_fsync, fd);
}
