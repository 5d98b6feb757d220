/* Numbers that end: a step after which something would not be finite is refused before it is applied, by
 * the name of the tensor; weights, moments and the count of steps stay what they were. */
#include "support.h"

#include "base/memory.h"
#include "train/adam.h"
#include "train/trainer.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };
static const char net[] = "input 8x8x3; conv filters=4 kernel=3; relu; max_pool 2; dense units=10; softmax";

enum { BATCH = 6, WEIGHTS = 4 };

typedef struct world {
    dcn_graph *g;
    dcn_plan *plan;
    float images[BATCH * 192];
    int32_t labels[BATCH];
} world;

static void begin(world *t, const char *engine)
{
    t->g = graph_of(net);
    must(dcn_graph_init_weights(t->g, 3, &err));
    t->plan = plan_of(t->g, (dcn_plan_desc){ .engine = engine, .batch = BATCH, .training = 1, .threads = 2 });
    fill_reals(t->images, COUNT(t->images), 5);
    for (int i = 0; i < BATCH; i++)
        t->labels[i] = i;
}

static void end(world *t)
{
    dcn_plan_destroy(t->plan);
    dcn_graph_destroy(t->g);
}

static dcn_status step(world *t, float rate)
{
    dcn_loss loss;

    must(dcn_plan_gradient(t->plan, t->images, t->labels, BATCH, &loss, &err));
    memset(&err, 0, sizeof err);
    return dcn_plan_adam(t->plan, rate, &err);
}

/* Weights and both moments; n: how many. */
static float *state_of(const world *t, size_t *n)
{
    dcn_graph *g;
    float *all = NULL;

    must(dcn_graph_copy(&g, t->g, &err));
    must(dcn_plan_store_weights(t->plan, g, &err));
    *n = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        const size_t count = (size_t)g->weights[i].count;

        assert_non_null(all = realloc(all, (*n + 3 * count) * sizeof *all));
        memcpy(all + *n, g->weights[i].data, count * sizeof *all);
        dcn__adam_get(t->plan, 0, i, all + *n + count);
        dcn__adam_get(t->plan, 1, i, all + *n + 2 * count);
        *n += 3 * count;
    }
    dcn_graph_destroy(g);
    return all;
}

static void all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(x[i]));
}

/* From harmless to hopeless: what is applied is finite, what would not be is refused and changes nothing. */
static void a_step_that_would_overflow(void **state)
{
    static const float scales[] = { 1, 1e6f, 1e12f, 1e17f, 1e19f, 1e20f, 1e25f, 1e30f };
    static const float rates[] = { 1e-4f, 1, 1e15f, 1e25f, 1e30f, 3e38f };
    int refused = 0, applied = 0;

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t s = 0; has_engine(engines[e]) && s < COUNT(scales); s++)
            for (size_t r = 0; r < COUNT(rates); r++) {
                world t;

                begin(&t, engines[e]);
                for (size_t i = 0; i < COUNT(t.images); i++)
                    t.images[i] *= scales[s];
                for (int k = 0; k < 4; k++) {
                    size_t n;
                    float *before = state_of(&t, &n), *after;
                    const int64_t steps = t.plan->adam_step;
                    const dcn_status st = step(&t, rates[r]);
                    const dcn_error told = err;

                    after = state_of(&t, &n);
                    all_finite(after, n);
                    if (st) {
                        char at[80];

                        snprintf(at, sizeof at, " at step %d, the step was not applied; ", (int)steps + 1);
                        assert_int_equal(st, DCN_NUMBERS);
                        if (!strstr(told.text, at))
                            fail_msg("%s, %g, %g: %s", engines[e], (double)scales[s], (double)rates[r], told.text);
                        assert_true(strncmp(told.text, "conv1.", 6) == 0 || strncmp(told.text, "dense1.", 7) == 0);
                        assert_same_bits(after, before, n, "weights and moments");
                        assert_int_equal(t.plan->adam_step, steps);
                        refused++;
                    } else {
                        assert_int_equal(t.plan->adam_step, steps + 1);
                        applied++;
                    }
                    free(before);
                    free(after);
                }
                end(&t);
            }
    assert_true(refused > 100 && applied > 100);
}

/* The second moment alone leaves the range: gradients, weights and the first moment are finite. */
static void the_square_of_a_gradient(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        world t;
        char sentence[200];
        int bad = -1;

        if (!has_engine(engines[e]))
            continue;
        begin(&t, engines[e]);
        for (size_t i = 0; i < COUNT(t.images); i++)
            t.images[i] *= 1e22f;
        must(dcn_plan_gradient(t.plan, t.images, t.labels, BATCH, &(dcn_loss){ 0 }, &err));
        for (int i = 0; i < WEIGHTS; i++) {
            const int64_t n = t.g->weights[i].count;
            float *g = new_floats((size_t)n);

            must(dcn_plan_weight_gradient(t.plan, i, g, &err));
            for (int64_t k = 0; k < n; k++) {
                assert_true(isfinite(g[k]));
                bad = 0.001 * (double)g[k] * (double)g[k] > 3.402823e38 ? i : bad;
            }
            free(g);
        }
        assert_true(bad >= 0);
        snprintf(sentence, sizeof sentence, "%s: its value or moments would leave float's range at step 1, the step was "
                 "not applied; lower the learning rate", t.g->weights[bad].name);
        must_say(dcn_plan_adam(t.plan, 1e-6f, &err), DCN_NUMBERS, sentence);
        end(&t);
    }
}

/* A weight that is not finite although every gradient is: its ReLU never lets anything through. */
static void a_weight_behind_a_dead_unit(void **state)
{
    const float bias[4] = { 0, -INFINITY, 0, 0 };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        world t;

        if (!has_engine(engines[e]))
            continue;
        begin(&t, engines[e]);
        dcn_plan_destroy(t.plan);
        must(dcn_graph_set_weight(t.g, 1, bias, 4, &err));
        t.plan = plan_of(t.g, (dcn_plan_desc){ .engine = engines[e], .batch = BATCH, .training = 1, .threads = 2 });
        assert_int_equal(step(&t, 1e-3f), DCN_NUMBERS);
        assert_string_equal(err.text, "conv1.bias: it is not finite at step 1, the step was not applied; lower the "
                                      "learning rate");
        assert_int_equal(t.plan->adam_step, 0);
        end(&t);
    }
}

/* At no rate at all the moments still follow the gradient: near the end of the range they are tried first. */
static void a_gradient_near_the_end(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        world t;

        if (!has_engine(engines[e]))
            continue;
        begin(&t, engines[e]);
        for (size_t i = 0; i < COUNT(t.images); i++)
            t.images[i] = t.images[i] < 0 ? -1e38f : 1e38f;
        must(dcn_plan_gradient(t.plan, t.images, t.labels, BATCH, &(dcn_loss){ 0 }, &err));
        memset(&err, 0, sizeof err);
        assert_int_equal(dcn_plan_adam(t.plan, 0, &err), DCN_NUMBERS);
        if (!strstr(err.text, " at step 1, the step was not applied; lower the learning rate"))
            fail_msg("%s: %s", engines[e], err.text);
        assert_int_equal(t.plan->adam_step, 0);
        end(&t);
    }
}

static bool nothing_left(void *user, size_t bytes)
{
    (void)user, (void)bytes;
    return false;
}

/* Without memory to look for the tensor the loss itself is named. */
static void names_the_loss_without_memory(void **state)
{
    dcn_graph *g = graph_of("input 24x24x3; conv filters=4 kernel=3 stride=2; relu; dense units=10; softmax");
    dcn_train_report report = { 0 };
    dcn_trainer *t;
    dcn_data *data;
    dcn_status st;
    float weights[4 * 3 * 3 * 3];

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    must(dcn_graph_init_weights(g, 3, &err));
    for (size_t i = 0; i < COUNT(weights); i++)
        weights[i] = i % 2 ? 3e38f : -3e38f;
    must(dcn_graph_set_weight(g, 0, weights, COUNT(weights), &err));
    must(dcn_trainer_create(&t, g, data, &(dcn_train_desc){ .engine = "ref", .batch = 8, .threads = 1 }, &err));
    for (int without = 0; without < 2; without++) {
        memset(&err, 0, sizeof err);
        dcn__set_alloc_hook(without ? nothing_left : NULL, NULL);
        st = dcn_trainer_step(t, &report, &err);
        dcn__set_alloc_hook(NULL, NULL);
        assert_int_equal(st, DCN_NUMBERS);
        if (without)
            assert_string_equal(err.text, "loss: is not finite at step 1, the step was not applied; lower the learning "
                                          "rate");
        else if (strncmp(err.text, "conv1: its value is not finite at step 1 (picture ", 50) != 0)
            fail_msg("%s", err.text);
    }
    dcn_trainer_destroy(t);
    dcn_graph_destroy(g);
    dcn_data_close(data);
}

/* A trainer of the graph's own weights, one of them planted. */
static void names_the_tensor(void **state)
{
    static const float planted[] = { NAN, INFINITY, 1e38f };
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t k = 0; has_engine(engines[e]) && k < COUNT(planted); k++) {
            dcn_graph *g = graph_of("input 24x24x3; conv filters=4 kernel=3 stride=2; relu; conv filters=4 kernel=3; "
                                    "max_pool 2; dense units=10; softmax");
            dcn_train_report report = { 0 };
            const dcn_model *model;
            dcn_trainer *t;
            float weights[4 * 3 * 3 * 4];
            char place[100];

            must(dcn_graph_init_weights(g, 3, &err));
            for (size_t i = 0; i < COUNT(weights); i++)
                weights[i] = k == 2 ? planted[k] : 0.01f;
            weights[7] = planted[k];
            must(dcn_graph_set_weight(g, 2, weights, COUNT(weights), &err));
            must(dcn_trainer_create(&t, g, data, &(dcn_train_desc){ .engine = engines[e], .batch = 20, .threads = 2 }, &err));
            memset(&err, 0, sizeof err);
            assert_int_equal(dcn_trainer_step(t, &report, &err), DCN_NUMBERS);
            snprintf(place, sizeof place, "%s: ", k < 2 ? "conv2.weight" : strcmp(engines[e], "ref64") == 0 ? "" : "conv2");
            if (strncmp(err.text, place, strlen(k < 2 || strcmp(engines[e], "ref64") != 0 ? place : "")) != 0)
                fail_msg("%s, %g: %s", engines[e], (double)planted[k], err.text);
            assert_non_null(strstr(err.text, " at step 1"));
            assert_int_equal(report.step, 0);
            must(dcn_trainer_model(t, &model, &err));
            assert_int_equal(model->step, 0);
            assert_memory_equal(model->graph->weights[2].data, weights, sizeof weights);
            dcn_trainer_destroy(t);
            dcn_graph_destroy(g);
        }
    dcn_data_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_would_overflow),
        cmocka_unit_test(the_square_of_a_gradient),
        cmocka_unit_test(names_the_tensor),
        cmocka_unit_test(a_weight_behind_a_dead_unit),
        cmocka_unit_test(a_gradient_near_the_end),
        cmocka_unit_test(names_the_loss_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
