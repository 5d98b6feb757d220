/* engine_refused.c - what plans and engines refuse that no network asks of them: too many arrays, an action
 * without a kernel, threads that cannot be had, and a fault of oneDNN's. Each by its whole sentence. */
#include "support.h"

#include "base/memory.h"
#include "engine/plan.h"

#ifdef DCN_HAVE_DNNL
#include "engine/cpu/cpu.h"

#include <dlfcn.h>

/* Of oneDNN's statuses; its header belongs to the engine alone. */
enum { LACKS_MEMORY = 1, UNIMPLEMENTED = 3, RUNTIME_ERROR = 5 };

static int wrong;                       /* what oneDNN says to whoever wants an engine; 0: the truth */

#pragma GCC visibility push(default)
int dnnl_engine_create(void **engine, int kind, size_t index);
int dnnl_engine_create(void **engine, int kind, size_t index)
{
    static int (*real)(void **, int, size_t);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "dnnl_engine_create");
    return wrong ? wrong : real(engine, kind, index);
}
#pragma GCC visibility pop
#endif

static bool no_memory(void *user, size_t bytes)
{
    (void)user, (void)bytes;
    return false;
}

static void too_many_arrays(void **state)
{
    dcn__program p = { .walk = { .n_slots = (1 << 23) + 1 } };

    (void)state;
    must_say(dcn__program_begin(&p, &err), DCN_MEMORY,
             "plan: needs 8388609 arrays, the limit is 8388608; use a smaller network");
    assert_true(!p.needed && !p.places && !p.groups && !p.kernels);
}

static void an_action_without_a_kernel(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    dcn_graph *g = graph_of("input 2x2x1; a = relu");
    dcn__step step = { .action = DCN__DO_NONE, .node = 1, .write = 1 };
    const dcn__walk walk = { .steps = &step, .n_steps = 1, .n_slots = 2 };
    const dcn__group group = { .first = 0, .count = 1 };
    void *shared = NULL;
    const dcn__job job = { .graph = g, .walk = &walk, .group = &group, .chunk = 1, .threads = 1, .shared = &shared };

    (void)state;
    for (size_t i = 0; i < COUNT(engines); i++) {
        const dcn__engine *engine = has_engine(engines[i]) ? dcn__engine_find(engines[i], NULL) : NULL;
        dcn__kernel *kernel = NULL;
        char sentence[200];

        if (!engine)
            continue;
        snprintf(sentence, sizeof sentence, "a: engine %s has no kernel for none; report this",
                 i < 2 ? "ref" : engines[i]);
        must_say(engine->prepare(&job, &kernel, &err), DCN_BUG, sentence);
        assert_null(kernel);
    }
    dcn_graph_destroy(g);
}

#ifdef DCN_HAVE_DNNL

static void threads_that_cannot_be_had(void **state)
{
    dcn_graph *g = graph_of("input 8x8x3; conv filters=4 kernel=3");
    const dcn_plan_desc desc = { .engine = "cpu", .batch = 1, .threads = 3 };
    dcn_status st;
    dcn_plan *p;

    (void)state;
    set_weights(g, 3, 3, 0);
    must(dcn__cpu_start_threads(1, &err));           /* nothing to start */
    dcn__set_alloc_hook(no_memory, NULL);
    memset(&err, 0, sizeof err);
    st = dcn__cpu_start_threads(3, &err);
    dcn__set_alloc_hook(NULL, NULL);
    assert_int_equal(st, DCN_MEMORY);
    assert_string_equal(err.text, "threads: cannot start 3 inside the layers; ask for fewer with -j");
    must(dcn_plan_create(&p, g, &desc, &err));
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* What oneDNN has no kernel for our plain loops do; anything else that it says is told. */
static void what_onednn_says(void **state)
{
    dcn_graph *g = graph_of("input 9x7x6; a = conv filters=5 kernel=4 stride=3; relu");
    const dcn_plan_desc desc = { .engine = "cpu", .batch = 2, .threads = 1 };
    float x[2 * 9 * 7 * 6], direct[2 * 3 * 3 * 5], other[2 * 3 * 3 * 5];
    dcn_plan *p;

    (void)state;
    set_weights(g, 3, 3, 0);
    fill_integers(x, COUNT(x), 5, 3);
    assert_int_equal(size_of(g, 2), COUNT(other) / 2);
    for (int k = 0; k < 2; k++) {
        wrong = k ? UNIMPLEMENTED : 0;
        p = plan_of(g, desc);
        dcn_plan_forward(p, x, 2);
        must(dcn_plan_value(p, 2, k ? other : direct, &err));
        dcn_plan_destroy(p);
    }
    assert_same_bits(other, direct, COUNT(other), "the plain loops' sums of whole numbers");
    wrong = RUNTIME_ERROR;
    must_say(dcn_plan_create(&p, g, &desc, &err), DCN_BUG,
             "a: oneDNN has no forward pass for this shape (status 5); use the engine ref");
    assert_null(p);
    wrong = LACKS_MEMORY;
    memset(&err, 0, sizeof err);
    assert_int_equal(dcn_plan_create(&p, g, &desc, &err), DCN_MEMORY);
    assert_null(p);
    wrong = 0;
    dcn_graph_destroy(g);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_arrays),
        cmocka_unit_test(an_action_without_a_kernel),
#ifdef DCN_HAVE_DNNL
        cmocka_unit_test(threads_that_cannot_be_had),
        cmocka_unit_test(what_onednn_says),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
