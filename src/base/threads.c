/* threads.c - the thread team: one mutex, two conditions, an atomic task counter. */
#include "base/threads.h"

#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct worker { dcn__team *team; int thread; pthread_t id; };

struct dcn__team {
    int started;
    struct worker *workers;          /* size - 1 of them */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    unsigned generation;             /* counts runs; a worker waits for the next */
    int busy;                        /* workers that have not finished this run */
    bool ending;
    dcn__task task;
    void *user;
    int n;
    atomic_int next;
};

static void work_through(dcn__team *team, int thread)
{
    int task;

    while ((task = atomic_fetch_add(&team->next, 1)) < team->n)
        team->task(team->user, task, thread);
}

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    dcn__team *team = w->team;
    unsigned seen = 0;

    pthread_mutex_lock(&team->lock);
    for (;;) {
        while (team->generation == seen && !team->ending)
            pthread_cond_wait(&team->work, &team->lock);
        if (team->ending)
            break;
        seen = team->generation;
        pthread_mutex_unlock(&team->lock);
        work_through(team, w->thread);
        pthread_mutex_lock(&team->lock);
        if (--team->busy == 0)
            pthread_cond_signal(&team->done);
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

dcn_status dcn__team_create(dcn__team **out, int threads, dcn_error *err)
{
    dcn__team *team = dcn__alloc(sizeof *team);

    *out = NULL;
    if (!team || !(team->workers = dcn__alloc_array((size_t)threads, sizeof *team->workers))) {
        dcn__free(team);
        return dcn__fail_memory(err, "a thread team", sizeof *team);
    }
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->work, NULL);
    pthread_cond_init(&team->done, NULL);
    for (int i = 0; i + 1 < threads; i++) {
        team->workers[i] = (struct worker){ .team = team, .thread = i + 1 };
        if (pthread_create(&team->workers[i].id, NULL, worker_main, &team->workers[i]) != 0) {
            dcn__team_destroy(team);
            return dcn__fail(err, DCN_MEMORY, "threads",
                             "cannot start thread %d of %d; ask for fewer with -j", i + 2, threads);
        }
        team->started++;
    }
    *out = team;
    return DCN_OK;
}

void dcn__team_destroy(dcn__team *team)
{
    if (!team)
        return;
    pthread_mutex_lock(&team->lock);
    team->ending = true;
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

void dcn__team_run(dcn__team *team, int n, dcn__task task, void *user)
{
    team->task = task;
    team->user = user;
    team->n = n;
    atomic_store(&team->next, 0);
    if (n > 1 && team->started) {
        pthread_mutex_lock(&team->lock);
        team->busy = team->started;
        team->generation++;
        pthread_cond_broadcast(&team->work);
        pthread_mutex_unlock(&team->lock);
    }
    work_through(team, 0);
    if (n > 1 && team->started) {
        pthread_mutex_lock(&team->lock);
        while (team->busy)
            pthread_cond_wait(&team->done, &team->lock);
        pthread_mutex_unlock(&team->lock);
    }
}

int dcn__cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
