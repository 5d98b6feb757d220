/* memory_points.h - every allocation of a call fails: the k-th once, and the k-th and all behind it.
 *
 * Where there are too many, the first ones, some of the others, and each place in the program once.
 * Each time the call must end in DCN_MEMORY with the sentence of it, leave no block, no descriptor and
 * no temporary file, and afterwards succeed with the result that it always had. Points are taken from
 * base's door (dcn__set_alloc_hook) and, where a scenario asks for it, from the whole process's malloc,
 * which reaches the libraries too. A program includes this once: it defines malloc. */
#ifndef MEMORY_POINTS_H
#define MEMORY_POINTS_H

#include "base/error.h"
#include "faults.h"
#include "support.h"

#include <dirent.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

/* ---- the process's own malloc ---------------------------------------------------------------- */

/* Points that fail: number `first` alone, or with all behind it. Numbers begin at 0. */
typedef struct plot {
    atomic_long asked;
    atomic_long first;
    bool for_ever;
    atomic_bool struck;
} plot;

static plot ours;                                /* of base's door */
static plot process;                             /* of the process's malloc; on while all_on */
static atomic_bool all_on;

static bool plot_allows(plot *p)
{
    const long number = atomic_fetch_add(&p->asked, 1);

    if (p->first < 0 || number < p->first || (number > p->first && !p->for_ever))
        return true;
    atomic_store(&p->struck, true);
    if (getenv("MEMORY_STOP") && strtol(getenv("MEMORY_STOP"), NULL, 10) == number)
        raise(SIGTRAP);                 /* in a debugger: who asked? */
    return false;
}

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define __SANITIZE_MEMORY__ 1            /* gcc's names, of which clang has none */
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__SANITIZE_MEMORY__) || \
    !defined(__GLIBC__)
enum { OWN_MALLOC = 0 };                         /* the sanitiser's stays; it finds leaks by itself */
#else
enum { OWN_MALLOC = 1 };

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static bool process_allows(void)
{
    if (!atomic_load(&all_on) || plot_allows(&process))
        return true;
    errno = ENOMEM;
    return false;
}

/* The build hides names; the libraries must find these. */
#pragma GCC visibility push(default)
void *malloc(size_t bytes)
{
    return process_allows() ? __libc_malloc(bytes) : NULL;
}

void *calloc(size_t count, size_t size)
{
    return process_allows() ? __libc_calloc(count, size) : NULL;
}

void *realloc(void *memory, size_t bytes)
{
    return process_allows() ? __libc_realloc(memory, bytes) : NULL;
}

void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes)
{
    return process_allows() ? __libc_memalign(alignment, bytes) : NULL;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *got = memalign(alignment, bytes);

    if (!got)
        return ENOMEM;
    *memory = got;
    return 0;
}

#pragma GCC visibility pop
#endif

/* ---- scenarios ------------------------------------------------------------------------------- */

/* Calls what it is named after and adds all that it got to *sum: feed(). What it made it clears, also
 * after a failure, whose status it returns. e may be NULL. It allocates nothing by itself. */
typedef dcn_status (*memory_call)(const void *with, uint64_t *sum, dcn_error *e);

enum { WHOLE_PROCESS = 1, THREADS = 2, MANY = 4 };

typedef struct scenario {
    const char *name;
    memory_call call;
    int how;                 /* WHOLE_PROCESS: the libraries' allocations, too. THREADS: their number
                                differs from run to run. MANY: each run takes long */
    const void *with;
    const char *spared;      /* what it can do without, so that it may succeed; NULL: nothing */
} scenario;

__attribute__((unused)) static void feed(uint64_t *sum, const void *data, size_t bytes)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < bytes; i++)
        *sum = (*sum ^ p[i]) * 0x100000001b3u;
}

__attribute__((unused)) static void feed_text(uint64_t *sum, const char *text)
{
    feed(sum, text ? text : "(none)", strlen(text ? text : "(none)") + 1);
}

/* The bytes of a file that the call wrote. */
__attribute__((unused)) static void feed_file(uint64_t *sum, const char *path)
{
    uint8_t bytes[4096];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        fail_msg("%s was not written", path);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        feed(sum, bytes, (size_t)n);
    close(fd);
}

static const char *scratch(const char *name)
{
    static char paths[8][640];
    static int turn;

    turn = (turn + 1) % 8;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s.%ld", DCN_TEST_TMP,
             program_invocation_short_name, (long)getpid());
    mkdir(paths[turn], 0777);        /* it may be there */
    if (*name) {
        const size_t n = strlen(paths[turn]);

        snprintf(paths[turn] + n, sizeof paths[turn] - n, "/%s", name);
    }
    return paths[turn];
}

/* The names in a folder and below it that hold `part`. */
static int count_names(const char *folder, const char *part)
{
    DIR *d = opendir(folder);
    int count = 0;

    for (struct dirent *e; d && (e = readdir(d));) {
        char below[1200];

        if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
            continue;
        count += strstr(e->d_name, part) != NULL;
        snprintf(below, sizeof below, "%s/%s", folder, e->d_name);
        if (e->d_type == DT_DIR)
            count += count_names(below, part);
    }
    if (d)
        closedir(d);
    return count;
}

static void remove_all(const char *folder)
{
    DIR *d = opendir(folder);

    for (struct dirent *e; d && (e = readdir(d));) {
        char below[1200];

        if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
            continue;
        snprintf(below, sizeof below, "%s/%s", folder, e->d_name);
        if (e->d_type == DT_DIR)
            remove_all(below);
        else
            unlink(below);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static int count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int count = 0;

    while (d && readdir(d))
        count++;
    if (d)
        closedir(d);
    return count;
}

/* ---- one point ------------------------------------------------------------------------------- */

static long memory_points, memory_scenarios, memory_spared, memory_process_points;

/* A place in the program that asks for memory, by the addresses of up to CALLERS callers below
 * run_once(), whose own the optimiser may have more than once. */
enum { CALLERS = 10, DEEPEST = 64 };

typedef struct asker { uint64_t who; long number; } asker;

static asker askers[2048];                       /* and the number of their first allocation */
static int asker_count;
static bool askers_noted;                        /* is everybody noted who asks? */
static uint64_t asker_struck;                    /* the first allocation from there fails; 0: nobody's */

static int depth_of_run;

static int callers(void **frames)
{
#ifdef __GLIBC__
    return backtrace(frames, DEEPEST);
#else
    (void)frames;
    return 0;
#endif
}

static uint64_t who_asks(void)
{
    void *frames[DEEPEST];
    const int n = callers(frames), below = n > depth_of_run ? n - depth_of_run : n;
    uint64_t sum = 0;

    feed(&sum, frames, (size_t)(below < CALLERS ? below : CALLERS) * sizeof *frames);
    return sum;
}

static void note_asker(uint64_t who, long number)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int i = 0;

    pthread_mutex_lock(&lock);
    while (i < asker_count && askers[i].who != who)
        i++;
    if (i == asker_count && i < (int)COUNT(askers))
        askers[asker_count++] = (asker){ who, number };
    pthread_mutex_unlock(&lock);
}

static bool our_hook(void *user, size_t bytes)
{
    plot *p = user;
    const uint64_t who = askers_noted || asker_struck ? who_asks() : 0;

    (void)bytes;
    if (askers_noted)
        note_asker(who, atomic_load(&p->asked));
    if (who && who == asker_struck && !atomic_exchange(&p->struck, true)) {
        atomic_store(&p->first, atomic_fetch_add(&p->asked, 1));
        return false;
    }
    return plot_allows(p);
}

/* What is wrong with the sentence of a lack of memory, or NULL. */
static const char *wrong_sentence(const dcn_error *e)
{
    const char *what = strstr(e->text, ": no "), *bytes = strstr(e->text, " bytes for ");

    if (e->status != DCN_MEMORY)
        return "the status in the error is another one";
    if ((strncmp(e->text, "threads: cannot start", 21) == 0 && strstr(e->text, "; ")) ||
        strstr(e->text, " (Cannot allocate memory); free memory or ask for less"))
        return NULL;
    if (strncmp(e->text, "memory: no ", 11) != 0 || !what || !bytes)
        return "it does not say how many bytes for what";
    if (strncmp(what, ": no 0 bytes", 12) == 0)
        return "it says 0 bytes";
    return strstr(bytes + 11, "; ") && bytes[11] != ';' ? NULL : "it gives no advice";
}

/* One run with a plot, or none. */
__attribute__((noinline)) static dcn_status run_once(const scenario *s, plot *p, long first, bool for_ever, uint64_t *sum,
                           dcn_error *e)
{
    void *frames[DEEPEST];
    dcn_status st;

    depth_of_run = callers(frames);
    if (e)
        memset(e, 0, sizeof *e);
    *sum = 0xcbf29ce484222325u;
    atomic_store(&p->asked, 0);
    atomic_store(&p->struck, false);
    p->first = asker_struck ? -1 : first;
    p->for_ever = for_ever;
    if (p == &ours)
        dcn__set_alloc_hook(our_hook, p);
    else
        atomic_store(&all_on, true);
    st = s->call(s->with, sum, e);
    dcn__set_alloc_hook(NULL, NULL);
    atomic_store(&all_on, false);
    return st;
}

/* How it is before and after each point. */
typedef struct standing { size_t live; int descriptors, left; } standing;

static standing standing_now(void)
{
    return (standing){ dcn__live_blocks(), count_descriptors(),
                       count_names(scratch(""), ".tmp-") };
}

static void same_state(const char *name, long k, const standing *before)
{
    const standing now = standing_now();

    if (now.live != before->live)
        fail_msg("%s, point %ld: %zd blocks were not freed", name, k, now.live - before->live);
    if (now.descriptors != before->descriptors)
        fail_msg("%s, point %ld: %d descriptors were left open", name, k,
                 now.descriptors - before->descriptors);
    if (now.left != before->left)
        fail_msg("%s, point %ld: %d temporary files were left", name, k, now.left - before->left);
}

static void succeed_again(const scenario *s, long k, uint64_t usual)
{
    uint64_t sum;
    dcn_status st = run_once(s, &ours, -1, false, &sum, &err);

    if (st)
        fail_msg("%s, after point %ld: status %d: %s", s->name, k, (int)st, err.text);
    if (sum != usual)
        fail_msg("%s, after point %ld: another result", s->name, k);
}

/* False: no allocation failed, since there were fewer. */
__attribute__((noinline)) static bool one_point(const scenario *s, plot *p, long k, bool for_ever, uint64_t usual)
{
    const standing before = standing_now();
    dcn_error e, *to = k % 7 == 6 ? NULL : &e;        /* err may be NULL */
    uint64_t sum;
    const dcn_status st = run_once(s, p, k, for_ever, &sum, to);
    const char *wrong;

    if (!atomic_load(&p->struck)) {
        if (st)
            fail_msg("%s: failed without a reason: %s", s->name, to ? e.text : "");
        return false;
    }
    if (st == DCN_OK) {
        if (sum != usual)
            fail_msg("%s, point %ld: another result in spite of success", s->name, k);
        if (!s->spared && p == &ours)
            fail_msg("%s, point %ld: succeeded, and nothing there can be done without", s->name, k);
        memory_spared++;
    } else if (st != DCN_MEMORY) {
        fail_msg("%s, point %ld%s of %s: status %d: %s", s->name, k, for_ever ? " and all behind" : "",
                 p == &ours ? "ours" : "the process", (int)st, to ? e.text : "");
    } else if (to && (wrong = wrong_sentence(&e))) {
        fail_msg("%s, point %ld: \"%s\": %s", s->name, k, e.text, wrong);
    }
    same_state(s->name, k, &before);
    memory_points++;
    memory_process_points += p == &process;
    return true;
}

/* Of so many points all are taken, without a longer test. */
static long near_points(const scenario *s)
{
    return s->how & MANY ? 60 : 500;
}

/* The places in the program that ask for the first time behind those. Number -1 finds them: nothing
 * fails. */
static void points_of_askers(const scenario *s, uint64_t usual)
{
    asker_count = 0;
    for (int i = -1; i < asker_count; i++) {
        const long number = i < 0 ? LONG_MAX : askers[i].number;

        for (int for_ever = 0; for_ever < 2 && number >= near_points(s); for_ever++) {
            bool reached;

            askers_noted = i < 0;
            asker_struck = i < 0 ? 0 : askers[i].who;
            reached = one_point(s, &ours, number, for_ever, usual);
            askers_noted = false;
            asker_struck = 0;
            if (i >= 0 && !reached && !(s->how & THREADS))
                fail_msg("%s: the place of point %ld was not reached", s->name, number);
        }
        if (i % 16 == 0)
            succeed_again(s, number, usual);
    }
}

/* The points of one kind: all of them, or the first `near` and every `stride`-th. */
static void points_of(const scenario *s, plot *p, long n, uint64_t usual)
{
    const long near = test_full() ? n : near_points(s);
    const long stride = n <= near ? 1 : (n - near) / (s->how & MANY ? 40 : 200) + 1;
    const long again = test_full() ? 1 : s->how & MANY ? 20 : 4;

    for (int for_ever = 0; for_ever < 2; for_ever++) {
        long done = 0;

        for (long k = 0; k < n; k += k < near ? 1 : stride, done++) {
            if (!one_point(s, p, k, for_ever, usual)) {
                if (!(s->how & THREADS) && p == &ours)
                    fail_msg("%s: point %ld of %ld was not reached", s->name, k, n);
                break;
            }
            if (done % again == 0)
                succeed_again(s, k, usual);
        }
    }
    succeed_again(s, n, usual);
}

__attribute__((unused)) static void all_points(const scenario *s)
{
    const double began = (double)clock();
    const long points = memory_points;
    uint64_t usual, sum;
    dcn_status st = run_once(s, &ours, -1, false, &usual, &err);     /* libraries make their tables */
    standing before = standing_now();

    if (st)
        fail_msg("%s: status %d: %s", s->name, (int)st, err.text);
    succeed_again(s, -1, usual);
    same_state(s->name, -1, &before);
    const long n = atomic_load(&ours.asked);

    if (n == 0)
        fail_msg("%s: allocates nothing: it belongs into memory_nothing.c", s->name);
    points_of(s, &ours, n, usual);
    if (n > near_points(s))
        points_of_askers(s, usual);
    if (OWN_MALLOC && (s->how & WHOLE_PROCESS)) {
        run_once(s, &process, -1, false, &sum, &err);
        points_of(s, &process, atomic_load(&process.asked), usual);
    }
    memory_scenarios++;
    if (getenv("MEMORY_VERBOSE"))
        print_message("%-40s %6ld allocations, %6ld points, %.2f s\n", s->name, n,
                      memory_points - points, ((double)clock() - began) / CLOCKS_PER_SEC);
}

#define RUN_SCENARIOS(list)                                                                      \
    do {                                                                                         \
        for (size_t i_ = 0; i_ < COUNT(list); i_++)                                              \
            all_points(&(list)[i_]);                                                             \
    } while (0)

/* The last line of each program. */
__attribute__((unused)) static void memory_figure(const char *program)
{
    figure("memory: %s: %ld points in %ld scenarios, once and for ever, %ld of them of the whole "
           "process's malloc: 0 crashes, 0 leaks, 0 files left; %ld succeeded without what failed",
           program, memory_points, memory_scenarios, memory_process_points, memory_spared);
    remove_all(scratch(""));
}

#endif
