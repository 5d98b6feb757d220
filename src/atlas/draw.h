/* draw.h - how the units of the lists become tiles: in passes, each of which takes its pictures in
 * groups through one plan. */
#ifndef DCN_ATLAS_DRAW_H
#define DCN_ATLAS_DRAW_H

#include "atlas/spool.h"
#include "base/threads.h"

/* Layers whose ways down go into one plan, and how much that takes at once: of the graph, the
 * description and the number of pictures alone. */
typedef struct dcn__pass {
    int first, end;               /* pages first..end-1 */
    int batch, starts;            /* pictures of a group, projections of a call */
} dcn__pass;

/* One unit to draw. */
typedef struct dcn__work { int64_t picture; int32_t page, channel, rank; } dcn__work;

/* pass.c */
typedef struct dcn__passes { dcn__pass *at; int n; } dcn__passes;
dcn_status dcn__passes_cut(dcn__passes *p, const dcn_atlas *a, dcn_error *err);
void dcn__passes_clear(dcn__passes *p);
dcn_status dcn__pass_plan(dcn_plan **plan, const dcn__pass *pass, const dcn_atlas *a,
                          dcn_error *err);
/* All units of a pass, by picture, then page, channel and rank. */
dcn_status dcn__pass_list(dcn__work **works, size_t *n, const dcn__pass *pass, const dcn_atlas *a,
                          dcn_error *err);
/* Where the group that begins at `from` ends; *pictures is how many it has. */
size_t dcn__pass_group(const dcn__pass *pass, const dcn__work *works, size_t n, size_t from,
                       int *pictures);
int64_t dcn__units_listed(const dcn_atlas *a);
/* What the lists of a pass can hold. */
int64_t dcn__units_most(const dcn_atlas *a, const dcn__pass *pass);

/* How a drawing talks to its caller: projections done, of all. */
typedef struct dcn__watch { dcn_progress progress; void *user; int64_t done, total; } dcn__watch;
/* DCN_STOPPED if the caller asks for it. */
dcn_status dcn__watch_tell(const dcn__watch *w, dcn_error *err);

/* Errors of tasks that run at once: that of the first task counts, whichever came first. */
typedef struct dcn__mishap { int task; dcn_error err; } dcn__mishap;
typedef struct dcn__crew {
    dcn__team *team;
    int threads;
    dcn__mishap *mishaps;         /* (threads) */
} dcn__crew;
dcn_status dcn__crew_init(dcn__crew *c, int threads, dcn_error *err);
void dcn__crew_clear(dcn__crew *c);
/* A task of a crew returns its status and writes its error where it is told. */
typedef dcn_status (*dcn__crew_task)(void *user, int task, int thread, dcn_error *err);
dcn_status dcn__crew_run(dcn__crew *c, int n, dcn__crew_task task, void *user, dcn_error *err);

/* draw.c: fills the spool, from where it is. */
dcn_status dcn__draw_tiles(const dcn_atlas *a, const dcn__passes *passes, dcn__spool *spool,
                           dcn__crew *crew, dcn__watch *watch, dcn_error *err);
int dcn__draw_threads(const dcn_atlas *a);

#endif
