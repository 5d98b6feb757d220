/* threads.c - the thread team: one mutex, two conditions, an atomic task counter.
 *
 * Whoever waits looks for a while before he sleeps: the parts of a training step follow each other
 * within microseconds, and to wake a sleeper takes 10 to 50 of them. */
#include "base/threads.h"

#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { LOOKS = 2000 };               /* 20 to 100 microseconds */
/* A thread's stack is not the shell's business: `ulimit -s` may say 256 KiB or no limit. */
enum { STACK = 2 << 20 };

struct worker { dcn__team *team; int thread; pthread_t id; };

struct dcn__team {
    int started;
    int looks;                       /* before sleep; none if threads have to share a core */
    struct worker *workers;          /* size - 1 of them */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    /* Written under the lock; looked at without. */
    atomic_uint generation;          /* counts runs; a worker waits for the next */
    atomic_int inside;               /* workers in this run */
    atomic_bool ending;
    bool open;                       /* a worker that wakes too late for a run stays outside */
    int asleep;
    dcn__task task;
    void *user;
    int n;
    atomic_int next;
};

static void look_away(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void work_through(dcn__team *team, int thread)
{
    int task;

    while ((task = atomic_fetch_add(&team->next, 1)) < team->n)
        team->task(team->user, task, thread);
}

static bool is_idle(dcn__team *team, unsigned seen)
{
    return atomic_load(&team->generation) == seen && !atomic_load(&team->ending);
}

/* The next run's number; the worker is inside if that run still wants it. False: the end. */
static bool enter_next(dcn__team *team, unsigned *seen, bool *inside)
{
    for (int i = 0; i < team->looks && is_idle(team, *seen); i++)
        look_away();
    pthread_mutex_lock(&team->lock);
    team->asleep++;
    while (is_idle(team, *seen))
        pthread_cond_wait(&team->work, &team->lock);
    team->asleep--;
    *seen = atomic_load(&team->generation);
    *inside = team->open;
    if (*inside)
        atomic_fetch_add(&team->inside, 1);
    pthread_mutex_unlock(&team->lock);
    return !atomic_load(&team->ending);
}

static void leave(dcn__team *team)
{
    pthread_mutex_lock(&team->lock);
    if (atomic_fetch_sub(&team->inside, 1) == 1)
        pthread_cond_signal(&team->done);
    pthread_mutex_unlock(&team->lock);
}

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    unsigned seen = 0;
    bool inside;

    while (enter_next(w->team, &seen, &inside))
        if (inside) {
            work_through(w->team, w->thread);
            leave(w->team);
        }
    return NULL;
}

int dcn__thread_start(pthread_t *id, void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    int code = pthread_attr_init(&attributes);

    if (code)
        return code;
    if (!(code = pthread_attr_setstacksize(&attributes, STACK)))
        code = pthread_create(id, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return code;
}

dcn_status dcn__team_create(dcn__team **out, int threads, dcn_error *err)
{
    dcn__team *team = dcn__alloc(sizeof *team);

    *out = NULL;
    if (!team || !(team->workers = dcn__alloc_array((size_t)threads, sizeof *team->workers))) {
        dcn__free(team);
        return dcn__fail_memory(err, "a thread team", sizeof *team);
    }
    team->looks = threads <= dcn__cores() ? LOOKS : 0;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->work, NULL);
    pthread_cond_init(&team->done, NULL);
    for (int i = 0; i + 1 < threads; i++) {
        team->workers[i] = (struct worker){ .team = team, .thread = i + 1 };
        /* Where the system has no more, those that there are do all of the work. */
        if (dcn__thread_start(&team->workers[i].id, worker_main, &team->workers[i]) != 0)
            break;
        team->started++;
    }
    *out = team;
    return DCN_OK;
}

int dcn__team_size(const dcn__team *team)
{
    return team->started + 1;
}

void dcn__team_destroy(dcn__team *team)
{
    if (!team)
        return;
    pthread_mutex_lock(&team->lock);
    atomic_store(&team->ending, true);
    pthread_cond_broadcast(&team->work);
    pthread_mutex_unlock(&team->lock);
    for (int i = 0; i < team->started; i++)
        pthread_join(team->workers[i].id, NULL);
    pthread_cond_destroy(&team->done);
    pthread_cond_destroy(&team->work);
    pthread_mutex_destroy(&team->lock);
    dcn__free(team->workers);
    dcn__free(team);
}

static void begin(dcn__team *team)
{
    pthread_mutex_lock(&team->lock);
    team->open = true;
    atomic_fetch_add(&team->generation, 1);
    if (team->asleep)
        pthread_cond_broadcast(&team->work);
    pthread_mutex_unlock(&team->lock);
}

/* There are no tasks left: whoever is not inside is not needed. */
static void end(dcn__team *team)
{
    for (int i = 0; i < team->looks && atomic_load(&team->inside); i++)
        look_away();
    pthread_mutex_lock(&team->lock);
    team->open = false;
    while (atomic_load(&team->inside))
        pthread_cond_wait(&team->done, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

void dcn__team_run(dcn__team *team, int n, dcn__task task, void *user)
{
    const bool alone = n <= 1 || !team->started;

    team->task = task;
    team->user = user;
    team->n = n;
    atomic_store(&team->next, 0);
    if (!alone)
        begin(team);
    work_through(team, 0);
    if (!alone)
        end(team);
}

/* ---- what the system gives ------------------------------------------------------------------ */

typedef struct gate { pthread_mutex_t lock; pthread_cond_t opened; bool open; } gate;

static void *wait_for_gate(void *argument)
{
    gate *g = argument;

    pthread_mutex_lock(&g->lock);
    while (!g->open)
        pthread_cond_wait(&g->opened, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

int dcn__threads_startable(int threads)
{
    enum { MOST = 1024 };
    gate g = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
    pthread_t id[MOST];
    int n = 0;

    while (n + 1 < threads && n < MOST && dcn__thread_start(&id[n], wait_for_gate, &g) == 0)
        n++;
    pthread_mutex_lock(&g.lock);
    g.open = true;
    pthread_cond_broadcast(&g.opened);
    pthread_mutex_unlock(&g.lock);
    for (int i = 0; i < n; i++)
        pthread_join(id[i], NULL);
    return n + 1;
}

int dcn__cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
