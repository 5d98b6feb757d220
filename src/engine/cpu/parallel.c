/* parallel.c - threads inside one kernel, for a plan whose batch is a single chunk.
 *
 * oneDNN's threads are OpenMP's, and one of them spins beside the caller between two layers: a
 * second team would fight it for the core. So our own loops run on the same threads. The functions
 * are looked up by name, because the header belongs to the compiler and another build of oneDNN may
 * do without; then our loops stay on one thread. */
#include "engine/cpu/cpu.h"

#include "base/memory.h"
#include "base/threads.h"

#include <dlfcn.h>
#include <pthread.h>
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

/* SMALL: elements; below, waking a thread costs more than it saves. STACK_EXTRA: what a thread takes
 * beside its stack. */
enum { SMALL = 32768, STACK_EXTRA = 1 << 20 };

static int (*get_most)(void), (*get_number)(void), (*get_count)(void);
static void (*set_most)(int);
static void (*fork_join)(void (*)(void *), void *, unsigned, unsigned);

static void look_up(void)
{
    get_most = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    set_most = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    get_number = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    get_count = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_num_threads");
    fork_join = (void (*)(void (*)(void *), void *, unsigned, unsigned))dlsym(RTLD_DEFAULT,
                                                                            "GOMP_parallel");
}

static void look_up_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, look_up);
}

/* OpenMP's number of threads is a setting of each calling thread. */
int dcn__cpu_enter(int threads)
{
    int before;

    look_up_once();
    before = get_most ? get_most() : 1;
    if (set_most && before != threads)
        set_most(threads);
    return before;
}

void dcn__cpu_leave(int token)
{
    if (set_most)
        set_most(token);
}

static void do_nothing(void *user)
{
    (void)user;
}

/* OpenMP ends the process if it cannot start a thread: so it starts them now, after we saw that they
 * can be had, and keeps them. */
dcn_status dcn__cpu_start_threads(int threads, dcn_error *err)
{
    static _Thread_local int started = 1;
    size_t stack = 8 << 20;
    pthread_attr_t usual;

    look_up_once();
    if (threads <= started || !fork_join)
        return DCN_OK;
    if (pthread_getattr_default_np(&usual) == 0) {
        pthread_attr_getstacksize(&usual, &stack);
        pthread_attr_destroy(&usual);
    }
    if (!dcn__memory_at_hand((size_t)(threads - 1) * (stack + STACK_EXTRA)) ||
        dcn__threads_startable(threads) < threads)
        return dcn__fail(err, DCN_MEMORY, "threads",
                         "cannot start %d inside the layers; ask for fewer with -j", threads);
    fork_join(do_nothing, NULL, (unsigned)threads, 0);
    started = threads;
    return DCN_OK;
}

typedef struct task { dcn__cpu_part *part; void *user; } task;

/* A fork and a join order what is before them before what is behind them. The sanitiser of threads does
 * not see those of OpenMP, which was not compiled with it, and is told. */
static void before_a_fork_or_join(task *t)
{
#if defined(__SANITIZE_THREAD__)
    __tsan_release(t);
#endif
    (void)t;
}

static void behind_a_fork_or_join(task *t)
{
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(t);
#endif
    (void)t;
}

static void run_part(void *user)
{
    task *t = user;

    behind_a_fork_or_join(t);
    t->part(t->user, get_number(), get_count());
    before_a_fork_or_join(t);
}

void dcn__cpu_parallel(int threads, dcn__cpu_part *part, void *user)
{
    task t = { part, user };

    if (threads > 1 && fork_join && get_number && get_count) {
        before_a_fork_or_join(&t);
        fork_join(run_part, &t, (unsigned)threads, 0);
        behind_a_fork_or_join(&t);
    } else {
        part(user, 0, 1);
    }
}

/* ---- units ---------------------------------------------------------------------------------- */

typedef struct span {
    const cpu_kernel *k;
    const dcn__frame *f;
    dcn__cpu_range *range;
    size_t units;
} span;

static void run_span(void *user, int part, int parts)
{
    const span *s = user;
    const size_t first = s->units * (size_t)part / (size_t)parts;
    const size_t end = s->units * ((size_t)part + 1) / (size_t)parts;

    if (first < end)
        s->range(s->k, s->f, first, end);
}

static size_t units_of(const cpu_kernel *k)
{
    const size_t n = (size_t)k->chunk;

    switch (k->unit) {
    case DCN__UNIT_ELEMENT:
        return n * cpu_size(k->out);
    case DCN__UNIT_CELL:
        return n * (size_t)k->out.h * (size_t)k->out.w;
    case DCN__UNIT_ROW:
        return n * (size_t)k->out.h;
    case DCN__UNIT_CELL_IN:
        return n * (size_t)k->in.h * (size_t)k->in.w;
    case DCN__UNIT_ROW_IN:
        return n * (size_t)k->in.h;
    case DCN__UNIT_PICTURE:
        break;
    }
    return n;
}

void dcn__cpu_cut(const cpu_kernel *k, const dcn__frame *f, dcn__cpu_range *range, size_t units)
{
    span s = { k, f, range, units };

    if (k->threads > 1)
        dcn__cpu_parallel(k->threads, run_span, &s);
    else
        range(k, f, 0, units);
}

void dcn__cpu_units(const cpu_kernel *k, const dcn__frame *f, dcn__cpu_range *range)
{
    const size_t larger = cpu_size(k->out) > cpu_size(k->in) ? cpu_size(k->out) : cpu_size(k->in);

    if ((size_t)k->chunk * larger > SMALL)
        dcn__cpu_cut(k, f, range, units_of(k));
    else
        range(k, f, 0, units_of(k));
}
