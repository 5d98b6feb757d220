/* threads.h - a small team of threads that works through numbered tasks.
 *
 * Tasks are handed out in order; which thread gets which does not matter to any result here, since
 * all sums are made per task and combined in task order. The caller is thread 0 of the team. */
#ifndef DCN_BASE_THREADS_H
#define DCN_BASE_THREADS_H

#include "base/error.h"

#include <pthread.h>

typedef struct dcn__team dcn__team;
typedef void (*dcn__task)(void *user, int task, int thread);

/* With as many threads as the system starts, at most so many: a refusal is no failure. */
dcn_status dcn__team_create(dcn__team **team, int threads, dcn_error *err);
int dcn__team_size(const dcn__team *team);
void dcn__team_destroy(dcn__team *team);
/* Runs task(user, 0..n-1, thread) and returns when all are done. Allocates nothing. */
void dcn__team_run(dcn__team *team, int n, dcn__task task, void *user);
/* pthread_create with a stack that does not depend on `ulimit -s`. */
int dcn__thread_start(pthread_t *id, void *(*body)(void *), void *argument);
/* How many of so many threads, the caller among them, the system lets run at once now. */
int dcn__threads_startable(int threads);
int dcn__cores(void);

#endif
