/* crew.c - a team of threads whose tasks may fail, and word to the caller. */
#include "atlas/draw.h"

#include "base/memory.h"

#include <limits.h>
#include <string.h>

int dcn__draw_threads(const dcn_atlas *a)
{
    return a->desc.threads ? a->desc.threads : dcn__cores();
}

dcn_status dcn__crew_init(dcn__crew *c, int threads, dcn_error *err)
{
    memset(c, 0, sizeof *c);
    c->threads = threads;
    if (!(c->mishaps = dcn__alloc_array((size_t)threads, sizeof *c->mishaps)))
        return dcn__fail_memory(err, "a thread team", (size_t)threads * sizeof *c->mishaps);
    return dcn__team_create(&c->team, threads, err);
}

void dcn__crew_clear(dcn__crew *c)
{
    dcn__team_destroy(c->team);
    dcn__free(c->mishaps);
    memset(c, 0, sizeof *c);
}

typedef struct shift { dcn__crew *crew; dcn__crew_task task; void *user; } shift;

/* Tasks are handed out in order, so the first that fails is the first failure of its thread. */
static void run_task(void *user, int task, int thread)
{
    const shift *s = user;
    dcn__mishap *m = &s->crew->mishaps[thread];

    if (m->task == INT_MAX && s->task(s->user, task, thread, &m->err))
        m->task = task;
}

dcn_status dcn__crew_run(dcn__crew *c, int n, dcn__crew_task task, void *user, dcn_error *err)
{
    shift s = { c, task, user };
    const dcn__mishap *first = NULL;

    for (int i = 0; i < c->threads; i++)
        c->mishaps[i] = (dcn__mishap){ .task = INT_MAX };
    dcn__team_run(c->team, n, run_task, &s);
    for (int i = 0; i < c->threads; i++)
        if (c->mishaps[i].task != INT_MAX && (!first || c->mishaps[i].task < first->task))
            first = &c->mishaps[i];
    if (!first)
        return DCN_OK;
    if (err)
        *err = first->err;
    return first->err.status;
}

dcn_status dcn__watch_tell(const dcn__watch *w, dcn_error *err)
{
    if (w->progress && w->progress(w->user, w->done, w->total))
        return dcn__fail(err, DCN_STOPPED, "atlas",
                         "stopped after %lld of %lld projections; draw again to go on",
                         (long long)w->done, (long long)w->total);
    return DCN_OK;
}
