/* A run that stops after any step k of 50 and goes on ends with the bits of the run that did not stop:
 * weights, both of Adam's moments, and the batches that it is given; on as many threads as there are. */
#include "faults.h"
#include "support.h"

#include "train/adam.h"
#include "train/trainer.h"

#include <unistd.h>

enum { STEPS = 50, BATCH = 12 };

static const char net[] = "input 24x24x3; conv filters=5 kernel=5 stride=2; relu; max_pool 2; conv filters=7 kernel=3; "
                          "relu; dense units=10; softmax";

typedef struct way { const char *engine; dcn_augment augment; int exact; } way;

static const way ways[] = {
    { "cpu", DCN_AUGMENT_NONE, 0 },
    { "cpu", DCN_AUGMENT_CIFAR, 0 },
    { "cpu", DCN_AUGMENT_CIFAR, 1 },
    { "ref", DCN_AUGMENT_CIFAR, 0 },
};

static dcn_trainer *trainer_of(const dcn_data *data, const way *w, int threads, uint64_t seed)
{
    dcn_graph *g = graph_of(net);
    dcn_trainer *t;

    must(dcn_graph_init_weights(g, seed, &err));
    must(dcn_trainer_create(&t, g, data, &(dcn_train_desc){ .engine = w->engine, .batch = BATCH, .rate = 1e-2f,
                                                            .seed = 3, .threads = threads, .augment = w->augment,
                                                            .exact = w->exact }, &err));
    dcn_graph_destroy(g);
    return t;
}

static const char *file_of(int k)
{
    static char path[600];

    snprintf(path, sizeof path, "%s/train_resume.%ld.%d", DCN_TEST_TMP, (long)getpid(), k);
    return path;
}

/* Weights, then both moments of each. */
static float *state_of(dcn_trainer *t, size_t *n)
{
    const dcn_model *model;
    float *all = NULL;

    must(dcn_trainer_model(t, &model, &err));
    *n = 0;
    for (int i = 0; i < model->graph->n_weights; i++) {
        const size_t count = (size_t)model->graph->weights[i].count;

        assert_non_null(all = realloc(all, (*n + 3 * count) * sizeof *all));
        memcpy(all + *n, model->graph->weights[i].data, count * sizeof *all);
        dcn__adam_get(t->plan, 0, i, all + *n + count);
        dcn__adam_get(t->plan, 1, i, all + *n + 2 * count);
        *n += 3 * count;
    }
    return all;
}

/* A state of every step in a file of its own; losses as the trainer reports them. */
static float *run_straight(const dcn_data *data, const way *w, double losses[STEPS])
{
    float *state;
    size_t n;
    dcn_trainer *t = trainer_of(data, w, 1, 3);
    dcn_train_report report;

    for (int k = 0; k <= STEPS; k++) {
        if (k == STEPS)
            break;
        must(dcn_trainer_save(t, file_of(k), &err));
        must(dcn_trainer_step(t, &report, &err));
        losses[k] = report.loss;
    }
    state = state_of(t, &n);
    dcn_trainer_destroy(t);
    return state;
}

static void go_on_from(const dcn_data *data, const way *w, int k, int threads, const double losses[STEPS],
                       const float *want)
{
    dcn_trainer *t = trainer_of(data, w, threads, 99);     /* weights of its own, which must go */
    dcn_train_report report;
    size_t n;
    float *got;

    must(dcn_trainer_load(t, file_of(k), &err));
    for (int i = k; i < STEPS; i++) {
        must(dcn_trainer_step(t, &report, &err));
        assert_int_equal(report.step, i + 1);
        if (memcmp(&report.loss, &losses[i], sizeof report.loss) != 0)
            fail_msg("%s, augment %d, exact %d, from step %d on %d threads: the loss of step %d is %.17g, not %.17g",
                     w->engine, w->augment, w->exact, k, threads, i + 1, report.loss, losses[i]);
    }
    got = state_of(t, &n);
    assert_same_bits(got, want, n, "weights and moments");
    assert_int_equal(t->plan->adam_step, STEPS);
    free(got);
    dcn_trainer_destroy(t);
}

static void after_every_step(void **state)
{
    const int most = test_full() ? 3 : 2;
    double losses[STEPS];
    dcn_data *data;
    int resumed = 0;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    for (size_t i = 0; i < COUNT(ways); i++) {
        float *want;

        if (!has_engine(ways[i].engine))
            continue;
        want = run_straight(data, &ways[i], losses);
        for (int k = 0; k < STEPS; k++)
            for (int threads = 1; threads <= most; threads++)
                if (test_full() || (k + threads) % 2 == 0) {
                    go_on_from(data, &ways[i], k, threads, losses, want);
                    resumed++;
                }
        free(want);
        for (int k = 0; k < STEPS; k++)
            unlink(file_of(k));
    }
    dcn_data_close(data);
    figure("resume after every step 0..%d of %d, plain and augmented, fast and exact, 1 to %d threads: %d resumed "
           "runs, all with the uninterrupted run's weights, moments and losses, bit for bit", STEPS - 1, STEPS, most,
           resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(after_every_step) };

#ifndef DCN_HAVE_RHASH
    print_message("this build has no librhash, and so no file to resume from\n");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
