/* no_memory.c - a preloaded library in which the program's k-th allocation fails, wherever it is made: in
 * our code, in a library, in the C library's name. For case_memory.py.
 *
 * Counted from 1 and from the beginning of main on, over all threads: malloc, calloc, realloc, aligned
 * forms and mmap without a file. What oneDNN and OpenMP ask for by themselves never fails and is counted
 * apart: they end the process then (docs/reliability.md).
 *
 * DCN_NO_MEMORY   K:once, K:ever, or 0        DCN_NO_MEMORY_LOG   a file for "count N SPARED" at the end
 *                                                                 and, before, "failed BYTES callers..." */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_bool counting;
static atomic_long count, spared;
static struct { uintptr_t begin, end; } spare[8];       /* where their code lies */
static int n_spare;
static long fail_at;
static bool ever;
static int log_fd = -1;
static __thread bool inside;        /* what writes the log may allocate */

/* Who asked, the innermost first. */
static void write_callers(size_t bytes)
{
    void *frames[24];
    char line[2048];
    int n = backtrace(frames, 24), used = snprintf(line, sizeof line, "failed %zu", bytes);

    for (int i = 2; i < n; i++) {
        Dl_info info;
        const char *name;

        if (!dladdr(frames[i], &info) || !info.dli_fname)
            continue;
        name = strrchr(info.dli_fname, '/');
        used += snprintf(line + used, sizeof line - (size_t)used, " %s:%s",
                         name ? name + 1 : info.dli_fname, info.dli_sname ? info.dli_sname : "?");
        if (used > (int)sizeof line - 300)
            break;
    }
    line[used++] = '\n';
    if (write(log_fd, line, (size_t)used) < 0)
        return;
}

static int note_library(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size, (void)user;
    if (!strstr(info->dlpi_name, "libdnnl") && !strstr(info->dlpi_name, "libgomp"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum && n_spare < 8; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            spare[n_spare].begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            spare[n_spare].end = spare[n_spare].begin + info->dlpi_phdr[i].p_memsz;
            n_spare++;
        }
    return 0;
}

static bool is_spared(const void *caller)
{
    for (int i = 0; i < n_spare; i++)
        if ((uintptr_t)caller >= spare[i].begin && (uintptr_t)caller < spare[i].end)
            return true;
    return false;
}

/* caller: where the call came from. */
static bool allowed(size_t bytes, const void *caller)
{
    long number;

    if (inside || !atomic_load_explicit(&counting, memory_order_relaxed))
        return true;
    if (is_spared(caller)) {
        atomic_fetch_add(&spared, 1);
        return true;
    }
    number = atomic_fetch_add(&count, 1) + 1;
    if (!fail_at || number < fail_at || (number > fail_at && !ever))
        return true;
    if (number == fail_at && log_fd >= 0) {
        inside = true;
        write_callers(bytes);
        inside = false;
    }
    errno = ENOMEM;
    return false;
}

EXPORT void *malloc(size_t bytes)
{
    return allowed(bytes, __builtin_return_address(0)) ? __libc_malloc(bytes) : NULL;
}

EXPORT void *calloc(size_t n, size_t size)
{
    return allowed(n * size, __builtin_return_address(0)) ? __libc_calloc(n, size) : NULL;
}

EXPORT void *realloc(void *memory, size_t bytes)
{
    return allowed(bytes, __builtin_return_address(0)) ? __libc_realloc(memory, bytes) : NULL;
}

EXPORT void *memalign(size_t alignment, size_t bytes);
EXPORT void *memalign(size_t alignment, size_t bytes)
{
    return allowed(bytes, __builtin_return_address(0)) ? __libc_memalign(alignment, bytes) : NULL;
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return allowed(bytes, __builtin_return_address(0)) ? __libc_memalign(alignment, bytes) : NULL;
}

EXPORT int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    const int before = errno;
    void *got = allowed(bytes, __builtin_return_address(0)) ? __libc_memalign(alignment, bytes) : NULL;

    if (got)
        *memory = got;
    errno = got ? before : ENOMEM;
    return got ? 0 : ENOMEM;
}

EXPORT void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if ((flags & MAP_ANONYMOUS) && !allowed(bytes, __builtin_return_address(0)))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

typedef int start_thread(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* What a thread of OpenMP's needs is OpenMP's. */
EXPORT int pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*body)(void *), void *argument)
{
    const bool before = inside;
    start_thread *start;
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    int code;

    memcpy(&start, &symbol, sizeof start);
    inside = before || is_spared(__builtin_return_address(0));
    code = start(id, how, body, argument);
    inside = before;
    return code;
}

/* C++'s new, of which only oneDNN makes use here. */
EXPORT void *_Znwm(size_t bytes);
EXPORT void *_Znwm(size_t bytes)
{
    void *memory = __libc_malloc(bytes ? bytes : 1);

    if (!memory)
        abort();
    if (atomic_load_explicit(&counting, memory_order_relaxed))
        atomic_fetch_add(&spared, 1);
    return memory;
}

static void end(void)
{
    char line[64];
    const int n = snprintf(line, sizeof line, "count %ld %ld\n", atomic_load(&count),
                           atomic_load(&spared));

    atomic_store(&counting, false);
    if (log_fd >= 0 && write(log_fd, line, (size_t)n) < 0)
        return;
}

static int (*real_main)(int, char **, char **);

static int counted_main(int argc, char **argv, char **env)
{
    const char *text = getenv("DCN_NO_MEMORY"), *log = getenv("DCN_NO_MEMORY_LOG"), *colon;
    void *frames[4];

    backtrace(frames, 4);              /* loads what it needs */
    fail_at = text ? strtol(text, NULL, 10) : 0;
    colon = text ? strchr(text, ':') : NULL;
    ever = colon && strcmp(colon, ":ever") == 0;
    if (log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dl_iterate_phdr(note_library, NULL);
    atexit(end);
    atomic_store(&counting, true);
    return real_main(argc, argv, env);
}

typedef int start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                       void (*)(void), void *);

EXPORT start_main __libc_start_main;
EXPORT int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
                             void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                             void *stack_end)
{
    start_main *start;
    void *symbol = dlsym(RTLD_NEXT, "__libc_start_main");

    memcpy(&start, &symbol, sizeof start);
    real_main = program;
    return start(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
