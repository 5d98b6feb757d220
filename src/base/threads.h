/* threads.h - a small team of threads that works through numbered tasks.
 *
 * Tasks are handed out in order; which thread gets which does not matter to any result here, since
 * all sums are made per task and combined in task order. The caller is thread 0 of the team. */
#ifndef DCN_BASE_THREADS_H
#define DCN_BASE_THREADS_H

#include "base/error.h"

typedef struct dcn__team dcn__team;
typedef void (*dcn__task)(void *user, int task, int thread);

dcn_status dcn__team_create(dcn__team **team, int threads, dcn_error *err);
void dcn__team_destroy(dcn__team *team);
/* Runs task(user, 0..n-1, thread) and returns when all are done. Allocates nothing. */
void dcn__team_run(dcn__team *team, int n, dcn__task task, void *user);
int dcn__cores(void);

#endif
