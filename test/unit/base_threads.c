/* The team runs every task exactly once, on threads that it owns, however often it is asked. */
#include "support.h"

#include "base/memory.h"
#include "base/threads.h"

#include <stdatomic.h>
#include <unistd.h>

enum { TASKS = 1000, THREADS = 4 };

typedef struct tally {
    atomic_int runs[TASKS];
    atomic_int inside[THREADS];       /* 1 while this thread is in a task */
    atomic_int wrong;
    int threads;
    long sum;                         /* written by the task that runs alone */
} tally;

static void count_task(void *user, int task, int thread)
{
    tally *t = user;

    if (task < 0 || task >= TASKS || thread < 0 || thread >= t->threads) {
        atomic_fetch_add(&t->wrong, 1);
        return;
    }
    if (atomic_exchange(&t->inside[thread], 1))
        atomic_fetch_add(&t->wrong, 1);
    atomic_fetch_add(&t->runs[task], 1);
    for (volatile int spin = 0; spin < task % 97; spin++)
        ;
    atomic_store(&t->inside[thread], 0);
}

static void every_task_runs_once(void **state)
{
    static const int counts[] = { 0, 1, 2, 3, 4, 5, 17, TASKS };
    static tally t;

    (void)state;
    for (int threads = 1; threads <= THREADS; threads++) {
        dcn__team *team;

        must(dcn__team_create(&team, threads, &err));
        t.threads = threads;
        for (int round = 0; round < 200; round++) {
            const int n = counts[round % (int)COUNT(counts)];

            memset(t.runs, 0, sizeof t.runs);
            dcn__team_run(team, n, count_task, &t);
            for (int i = 0; i < TASKS; i++)
                if (t.runs[i] != (i < n))
                    fail_msg("task %d of %d ran %d times on %d threads", i, n, t.runs[i], threads);
        }
        assert_int_equal(t.wrong, 0);
        dcn__team_destroy(team);
    }
    dcn__team_destroy(NULL);
}

static void add_square(void *user, int task, int thread)
{
    ((long *)user)[task] += (long)task * task;
    (void)thread;
}

/* What tasks wrote is there for the caller, and for the tasks of the next run (tsan watches). */
static void runs_are_ordered(void **state)
{
    static long squares[TASKS];
    dcn__team *team;

    (void)state;
    must(dcn__team_create(&team, 3, &err));
    for (int round = 0; round < 100; round++)
        dcn__team_run(team, TASKS, add_square, squares);
    for (long i = 0; i < TASKS; i++)
        assert_int_equal(squares[i], 100 * i * i);
    dcn__team_destroy(team);
}

static atomic_int others_began, others_ended;

/* The caller's task goes on until another thread has one; that one takes its time. */
static void slow_elsewhere(void *user, int task, int thread)
{
    (void)user, (void)task;
    if (thread) {
        atomic_fetch_add(&others_began, 1);
        usleep(20000);
        atomic_fetch_add(&others_ended, 1);
    } else {
        while (!atomic_load(&others_began))
            usleep(100);
    }
}

static void waits_for_the_slowest(void **state)
{
    dcn__team *team;

    (void)state;
    must(dcn__team_create(&team, 3, &err));
    for (int round = 0; round < 5; round++) {
        others_began = others_ended = 0;
        dcn__team_run(team, 2, slow_elsewhere, NULL);
        assert_true(others_began > 0);
        assert_int_equal(others_ended, others_began);
    }
    dcn__team_destroy(team);
}

static bool refuse_all(void *user, size_t bytes)
{
    (void)user, (void)bytes;
    return false;
}

static bool count_all(void *user, size_t bytes)
{
    (void)bytes;
    ++*(int *)user;
    return true;
}

static void says_when_memory_is_short_and_allocates_nothing_later(void **state)
{
    static tally t = { .threads = 2 };
    dcn__team *team = (dcn__team *)&t;
    int allocations = 0;

    (void)state;
    dcn__set_alloc_hook(refuse_all, NULL);
    assert_int_equal(dcn__team_create(&team, 2, &err), DCN_MEMORY);
    dcn__set_alloc_hook(NULL, NULL);
    assert_null(team);
    must(dcn__team_create(&team, 2, &err));
    dcn__set_alloc_hook(count_all, &allocations);
    dcn__team_run(team, TASKS, count_task, &t);
    dcn__set_alloc_hook(NULL, NULL);
    assert_int_equal(allocations, 0);
    dcn__team_destroy(team);
    assert_true(dcn__cores() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(runs_are_ordered),
        cmocka_unit_test(waits_for_the_slowest),
        cmocka_unit_test(says_when_memory_is_short_and_allocates_nothing_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
