/* The rules for switches from outside, each broken alone: the same sentence from every engine, nothing
 * changed. A reference checks every index of small pools by the words of the rules, in 128 bits. */
#include "faults.h"
#include "support.h"

#include "engine/plan.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const engines[] = { "ref", "ref64", "cpu" };

enum { BATCH = 2 };

typedef struct pool {
    const char *net;
    int in[3], out[3];               /* h, w, c */
    int window[2], stride[2], pad[2], dilation[2];
} pool;

static const pool pools[] = {
    { "input 6x6x2; p = max_pool 2; relu", { 6, 6, 2 }, { 3, 3, 2 }, { 2, 2 }, { 2, 2 }, { 0, 0 }, { 1, 1 } },
    { "input 5x5x2; p = max_pool 3 stride=2; relu", { 5, 5, 2 }, { 3, 3, 2 }, { 3, 3 }, { 2, 2 }, { 1, 1 }, { 1, 1 } },
    { "input 4x6x3; p = max_pool 3x2 stride=1 pad=1,0,1,1; relu", { 4, 6, 3 }, { 4, 6, 3 }, { 3, 2 }, { 1, 1 },
      { 1, 0 }, { 1, 1 } },
    { "input 5x7x1; p = max_pool 2 ceil=yes pad=valid; relu", { 5, 7, 1 }, { 3, 4, 1 }, { 2, 2 }, { 2, 2 }, { 0, 0 },
      { 1, 1 } },
    { "input 7x7x2; p = max_pool 3 dilation=2 stride=1 pad=valid; relu", { 7, 7, 2 }, { 3, 3, 2 }, { 3, 3 }, { 1, 1 },
      { 0, 0 }, { 2, 2 } },
    { "input 4x3x5; p = max_pool global; relu", { 4, 3, 5 }, { 1, 1, 5 }, { 4, 3 }, { 4, 3 }, { 0, 0 }, { 1, 1 } },
    { "input 18x18x1; p = max_pool 17 stride=1 pad=valid; relu", { 18, 18, 1 }, { 2, 2, 1 }, { 17, 17 }, { 1, 1 },
      { 0, 0 }, { 1, 1 } },
};

typedef struct world {
    dcn_graph *g;
    dcn_plan *plan;
    int64_t in, out;                 /* values of a picture */
    int64_t *own, *given;            /* (BATCH,h,w,c) */
} world;

static world world_of(const pool *p, const char *engine)
{
    static const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    world t = { .g = graph_of(p->net), .in = p->in[0] * p->in[1] * p->in[2], .out = p->out[0] * p->out[1] * p->out[2] };
    float *x = new_floats(BATCH * (size_t)t.in);

    assert_int_equal(size_of(t.g, 1), t.out);
    t.plan = plan_of(t.g, (dcn_plan_desc){ .engine = engine, .batch = BATCH, .keep_all = 1, .routes = &route, .n_routes = 1,
                                           .threads = 1 });
    fill_reals(x, BATCH * (size_t)t.in, 7);
    dcn_plan_forward(t.plan, x, BATCH);
    t.own = malloc(BATCH * (size_t)t.out * sizeof *t.own);
    t.given = malloc(BATCH * (size_t)t.out * sizeof *t.own);
    assert_true(t.own && t.given);
    must(dcn_plan_switches(t.plan, 1, t.own, &err));
    memcpy(t.given, t.own, BATCH * (size_t)t.out * sizeof *t.own);
    free(x);
    return t;
}

static void clear(world *t)
{
    dcn_plan_destroy(t->plan);
    dcn_graph_destroy(t->g);
    free(t->own);
    free(t->given);
}

/* What the rules say of index i for output cell k of a picture; NULL: it is good. */
static const char *fault_of(const pool *p, int64_t k, int64_t i)
{
    const __int128 index = i, channels = p->in[2];
    const int64_t c = k % p->out[2], at_col = k / p->out[2] % p->out[1], at_row = k / p->out[2] / p->out[1];

    if (index < 0 || index >= (__int128)p->in[0] * p->in[1] * channels)
        return "is outside the pool's input";
    if (index % channels != c)
        return "belongs to another channel";
    for (int r = 0; r < p->window[0]; r++)
        for (int s = 0; s < p->window[1]; s++) {
            const int64_t row = at_row * p->stride[0] - p->pad[0] + r * p->dilation[0];
            const int64_t col = at_col * p->stride[1] - p->pad[1] + s * p->dilation[1];

            if (row >= 0 && row < p->in[0] && col >= 0 && col < p->in[1] && (row * p->in[1] + col) * channels + c == index)
                return NULL;
        }
    return "lies outside its window";
}

static void unchanged(const world *t)
{
    int64_t *now = malloc(BATCH * (size_t)t->out * sizeof *now);

    assert_non_null(now);
    must(dcn_plan_switches(t->plan, 1, now, &err));
    assert_memory_equal(now, t->own, BATCH * (size_t)t->out * sizeof *now);
    free(now);
}

/* Every index near the input's, and such as become good ones in 32 bits, for every cell. */
static void every_index_is_judged_alike(void **state)
{
    long good = 0, bad[3] = { 0 };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t n = 0; has_engine(engines[e]) && n < COUNT(pools); n++) {
            const pool *p = &pools[n];
            world t = world_of(p, engines[e]);
            const int64_t far[] = { 0, (int64_t)1 << 32, -((int64_t)1 << 32), INT64_MIN, (int64_t)1 << 62 };
            const int64_t step = !test_full() && t.in > 200 ? 7 : 1;

            for (int64_t k = 0; k < t.out; k++)
                for (size_t f = 0; f < COUNT(far); f++)
                    for (int64_t i = -t.in; i < 2 * t.in; i += step) {
                        const int64_t index = (int64_t)((uint64_t)far[f] + (uint64_t)i), at = t.out + k;
                        const char *why = fault_of(p, k, index);
                        char sentence[300];

                        t.given[at] = index;
                        if (!why) {
                            must(dcn_plan_set_switches(t.plan, 1, t.given, BATCH * t.out, &err));
                            good++;
                        } else {
                            snprintf(sentence, sizeof sentence,
                                     "p: picture 1, cell %lld,%lld,%lld: index %lld %s; use the switches of this pool",
                                     (long long)(k / p->out[2] / p->out[1]), (long long)(k / p->out[2] % p->out[1]),
                                     (long long)(k % p->out[2]), (long long)index, why);
                            must_say(dcn_plan_set_switches(t.plan, 1, t.given, BATCH * t.out, &err), DCN_INPUT, sentence);
                            bad[why[0] == 'i' ? 0 : why[0] == 'b' ? 1 : 2]++;
                        }
                        t.given[at] = t.own[at];
                    }
            must(dcn_plan_set_switches(t.plan, 1, t.own, BATCH * t.out, &err));
            unchanged(&t);
            clear(&t);
        }
    assert_true(good > 100 && bad[0] > 1000 && bad[1] > 100 && bad[2] > 1000);
    figure("unpooling rules 2 and 3: %ld indices for pools with padding, overlap, holes, ceil and global windows on ref, "
           "ref64 and cpu: %ld taken, %ld outside the input, %ld of another channel, %ld outside the window, each refused "
           "by one sentence, the same on every engine", good + bad[0] + bad[1] + bad[2], good, bad[0], bad[1], bad[2]);
}

/* Rule 1: as many as there are pooled values, no more and no fewer. */
static void the_count_is_exact(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        static const int64_t counts[] = { 0, 1, 17, 35, 37, -36, INT64_MAX, INT64_MIN, ((int64_t)1 << 32) + 36 };
        world t;

        if (!has_engine(engines[e]))
            continue;
        t = world_of(&pools[0], engines[e]);
        for (size_t i = 0; i < COUNT(counts); i++) {
            char sentence[200];

            snprintf(sentence, sizeof sentence,
                     "p: %lld indices are given, 2 pictures have 36; use the switches of this pool", (long long)counts[i]);
            must_say(dcn_plan_set_switches(t.plan, 1, t.given, counts[i], &err), DCN_INPUT, sentence);
        }
        unchanged(&t);
        clear(&t);
    }
}

/* Rule 7: what meets in a cell is added in the order of the outputs, which shows in the rounding. */
static void duplicates_add_in_order(void **state)
{
    static const float signals[9] = { 1e8f, 1, -1e8f, 3, 1e-3f, 7e7f, -2.5f, 1e8f, 0.1f };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (int threads = 1; has_engine(engines[e]) && threads <= 3; threads++) {
            static const dcn_route route = { .layer = 1, .rule = DCN_RULE_LINEAR };
            const bool wide = strcmp(engines[e], "ref64") == 0;
            dcn_graph *g = graph_of("input 5x5x1; max_pool 3 stride=1 pad=valid");
            dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 1, .keep_all = 1, .routes = &route,
                                                      .n_routes = 1, .threads = threads });
            float x[25] = { 0 }, down[25], want = 0;
            double want64 = 0;
            int64_t middle[9];

            dcn_plan_forward(p, x, 1);
            for (int i = 0; i < 9; i++) {
                want += signals[i];
                want64 += (double)signals[i];
                middle[i] = 12;
            }
            must(dcn_plan_set_switches(p, 1, middle, 9, &err));
            /* The walk starts with the pool's own values: they are replaced where the plan keeps them. */
            for (int i = 0; i < 9; i++) {
                if (wide)
                    ((double *)dcn__plan_kept(p, DCN__SLOT_VALUE, 1, 0))[i] = (double)signals[i];
                else
                    ((float *)dcn__plan_kept(p, DCN__SLOT_VALUE, 1, 0))[i] = signals[i];
            }
            must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, down, &err));
            for (int i = 0; i < 25; i++)
                assert_true(down[i] == (i != 12 ? 0 : wide ? (float)want64 : want));
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
        }
}

#ifndef NDEBUG
/* Rule 4: a debug build looks once more, in the run. */
static void a_debug_build_looks_again(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        world t;
        int status;
        pid_t child;

        if (!has_engine(engines[e]))
            continue;
        t = world_of(&pools[1], engines[e]);
        if ((child = fork()) == 0) {
            float *down = new_floats(BATCH * (size_t)t.in);

            freopen("/dev/null", "w", stderr);
            signal(SIGABRT, SIG_DFL);
            ((uint8_t *)dcn__plan_kept(t.plan, DCN__SLOT_SWITCH, 1, 0))[0] = 0;    /* in the padding */
            dcn_plan_project(t.plan, 0, DCN_FROM_LAYER, 0, down, NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        clear(&t);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_judged_alike),
        cmocka_unit_test(the_count_is_exact),
        cmocka_unit_test(duplicates_add_in_order),
#ifndef NDEBUG
        cmocka_unit_test(a_debug_build_looks_again),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
