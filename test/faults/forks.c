/* forks.c - lets test/faults/volley.py run the command thousands of times, each in a process of its own
 * that is born just before main: what the dynamic linker does is done once.
 *
 * Preloaded. On descriptor REQUESTS come the arguments of a run; on ANSWERS go its pid, and how it
 * ended. It changes nothing of the command, and never runs it in its own process. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS = 198, ANSWERS = 199, MAX_ARGUMENTS = 256, MAX_BYTES = 1 << 20 };

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *function, int argc, char **argv, void (*init)(void),
                           void (*fini)(void), void (*end)(void), void *stack);

/* pid is answered twice: at once, that a run which hangs can be ended, and with the rest. */
typedef struct answer { int32_t pid, status; int64_t kib, cpu_us, us; } answer;

static main_function *command;

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t us_of(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static int all(ssize_t (*step)(int, void *, size_t), int fd, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t n = step(fd, (char *)data + done, bytes - done);

        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return 1;
}

static ssize_t put(int fd, void *data, size_t bytes)
{
    return write(fd, data, bytes);
}

/* A request: its length, and arguments that each end in NUL. Returns their number, -1 at the end. */
static int read_request(char *text, char **argv)
{
    uint32_t bytes;
    int argc = 0;

    if (!all(read, REQUESTS, &bytes, sizeof bytes) || bytes > MAX_BYTES
        || !all(read, REQUESTS, text, bytes))
        return -1;
    for (char *p = text; p < text + bytes && argc < MAX_ARGUMENTS; p += strlen(p) + 1)
        argv[argc++] = p;
    argv[argc] = NULL;
    return argc;
}

static int serve(int argc, char **argv, char **environment)
{
    static char text[MAX_BYTES + 1], *arguments[MAX_ARGUMENTS + 1];

    (void)argc, (void)argv;
    unsetenv("LD_PRELOAD");
    while ((argc = read_request(text, arguments)) >= 0) {
        const int64_t began = now_us();
        struct rusage used;
        answer a = { .pid = fork() };

        if (a.pid == 0) {
            close(REQUESTS);
            close(ANSWERS);
            return command(argc, arguments, environment);
        }
        if (a.pid < 0 || !all(put, ANSWERS, &a.pid, sizeof a.pid)
            || wait4(a.pid, &a.status, 0, &used) != a.pid)
            return 1;
        a.us = now_us() - began;
        a.kib = used.ru_maxrss;
        a.cpu_us = us_of(used.ru_utime) + us_of(used.ru_stime);
        if (!all(put, ANSWERS, &a, sizeof a))
            return 1;
    }
    return 0;
}

__attribute__((visibility("default")))
int __libc_start_main(main_function *function, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*end)(void), void *stack);

/* The C library's first call of every program. */
int __libc_start_main(main_function *function, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*end)(void), void *stack)
{
    start_function *start;
    void *found = dlsym(RTLD_NEXT, "__libc_start_main");

    memcpy(&start, &found, sizeof start);
    command = function;
    return start(serve, argc, argv, init, fini, end, stack);
}
