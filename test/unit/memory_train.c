/* memory_train.c - training and evaluation without memory; and that a step asks for none. */
#include "memory_points.h"

#include "data/loader.h"

#define NET "input 12x12x3; conv filters=4 kernel=3; relu; max_pool 2; dense units=10; softmax"

static dcn_graph *graph;
static dcn_data *data;
static dcn_model model;
static char file[700];
static const char *engine = "ref";

static dcn_train_desc usual(void)
{
    return (dcn_train_desc){ .engine = engine, .batch = 4, .threads = 2, .seed = 3,
                             .augment = DCN_AUGMENT_CIFAR };
}

static dcn_status feed_trainer(dcn_trainer *t, uint64_t *sum, dcn_error *e)
{
    const dcn_model *m;
    dcn_status st = dcn_trainer_model(t, &m, e);

    for (int i = 0; !st && i < dcn_graph_weight_count(m->graph); i++) {
        dcn_weight_info w;

        dcn_graph_weight_info(m->graph, i, &w);
        feed(sum, w.data, (size_t)w.count * sizeof *w.data);
    }
    return st;
}

/* with: the engine. */
static dcn_status train(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_train_report report;
    dcn_train_desc desc;
    dcn_trainer *t;
    dcn_loss loss;
    dcn_status st;

    engine = with;
    desc = usual();
    st = dcn_trainer_create(&t, graph, data, &desc, e);
    if (st)
        assert_null(t);
    for (int i = 0; !st && i < 2; i++)
        st = dcn_trainer_step(t, &report, e);
    if (!st && !(st = dcn_trainer_batch_accuracy(t, &loss, e)) && !(st = feed_trainer(t, sum, e)))
        feed(sum, &loss, sizeof loss);
    dcn_trainer_destroy(t);
    return st;
}

static dcn_trainer *standing_trainer;

static dcn_status save(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_status st;

    (void)with;
    unlink(file);
    st = dcn_trainer_save(standing_trainer, file, e);
    if (!st)
        feed_file(sum, file);
    return st;
}

/* After a failure the trainer is what it was. */
static dcn_status load(const void *path, uint64_t *sum, dcn_error *e)
{
    uint64_t before = 0, after = 0;
    dcn_status st;

    assert_int_equal(feed_trainer(standing_trainer, &before, NULL), DCN_OK);
    st = dcn_trainer_load(standing_trainer, path, e);
    assert_int_equal(feed_trainer(standing_trainer, &after, NULL), DCN_OK);
    if (st)
        assert_true(before == after);
    feed(sum, &after, st ? 0 : sizeof after);
    return st;
}

static dcn_status load_settings(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn_train_desc desc = { .threads = 1 };
    const dcn_status st = dcn_train_desc_load(&desc, path, e);

    if (!st)
        feed(sum, &desc.seed, sizeof desc.seed);
    return st;
}

static dcn_status evaluate(const void *with, uint64_t *sum, dcn_error *e)
{
    const dcn_plan_desc desc = { .engine = with, .batch = 64, .threads = 2 };
    dcn_evaluation r;
    const dcn_status st = dcn_evaluate(&r, &model, data, DCN_SPLIT_TEST, &desc, NULL, NULL, e);

    if (st)
        assert_null(r.confusion);
    else
        feed(sum, r.confusion, sizeof *r.confusion * (size_t)r.classes * (size_t)r.classes);
    dcn_evaluation_clear(&r);
    return st;
}

static dcn_status load_batches(const void *with, uint64_t *sum, dcn_error *e)
{
    const float *images;
    const int32_t *labels;
    dcn__loader *l;
    dcn_status st = dcn__loader_create(&l, data, DCN_SPLIT_TRAIN, &model.preprocess, DCN_AUGMENT_CIFAR,
                                       1, 4, 0, e);

    (void)with;
    for (int i = 0; !st && i < 4; i++)
        if (!(st = dcn__loader_next(l, &images, &labels, NULL, e)))
            feed(sum, images, 4 * 12 * 12 * 3 * sizeof *images);
    dcn__loader_destroy(l);
    return st;
}

static void scenarios(void **state)
{
    static char checkpoint[700];
    const dcn_train_desc desc = usual();
    dcn_train_report report;
    const scenario list[] = {
        { "train ref", train, THREADS, "ref", NULL },
        { "evaluate ref", evaluate, MANY, "ref", NULL },
        { "load batches", load_batches, THREADS, NULL, NULL },
        { "dcn_trainer_save", save, 0, NULL, NULL },
    };
    const scenario with_json[] = {
        { "dcn_trainer_load", load, 0, checkpoint, NULL },
        { "dcn_train_desc_load", load_settings, 0, checkpoint, NULL },
    };
    const scenario with_cpu[] = {
        { "train cpu", train, THREADS | MANY, "cpu", NULL },
        { "evaluate cpu", evaluate, MANY, "cpu", NULL },
    };

    (void)state;
    must(dcn_trainer_create(&standing_trainer, graph, data, &desc, &err));
    must(dcn_trainer_step(standing_trainer, &report, &err));
    snprintf(checkpoint, sizeof checkpoint, "%s", scratch("checkpoint"));
    snprintf(file, sizeof file, "%s", scratch("saved"));
    must(dcn_trainer_save(standing_trainer, checkpoint, &err));
    must(dcn_trainer_step(standing_trainer, &report, &err));
    RUN_SCENARIOS(list);
#ifdef DCN_HAVE_RHASH
    RUN_SCENARIOS(with_json);
#else
    (void)with_json;
#endif
    if (has_engine("cpu"))
        RUN_SCENARIOS(with_cpu);
    dcn_trainer_destroy(standing_trainer);
}

/* The loader's thread, which is about to fill the ring, is seen by the hook too. */
static void a_step_allocates_nothing(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    enum { STEPS = 20 };

    (void)state;
    for (size_t i = 0; i < COUNT(engines); i++) {
        dcn_train_report report;
        dcn_train_desc desc;
        dcn_trainer *t;
        long others;

        if (!has_engine(engines[i]))
            continue;
        engine = engines[i];
        desc = usual();
        must(dcn_trainer_create(&t, graph, data, &desc, &err));
        must(dcn_trainer_step(t, &report, &err));
        atomic_store(&ours.asked, 0);
        atomic_store(&process.asked, 0);
        ours.first = 0;
        ours.for_ever = true;
        process.first = -1;
        dcn__set_alloc_hook(our_hook, &ours);
        atomic_store(&all_on, true);
        for (int k = 0; k < STEPS; k++)
            must(dcn_trainer_step(t, &report, &err));
        atomic_store(&all_on, false);
        dcn__set_alloc_hook(NULL, NULL);
        others = atomic_load(&process.asked);
        if (atomic_load(&ours.asked))
            fail_msg("%s: %ld allocations of ours", engines[i], atomic_load(&ours.asked));
        if (OWN_MALLOC && strcmp(engines[i], "cpu") != 0 && others)
            fail_msg("%s: %ld allocations of the process", engines[i], others);
        figure("memory: %d training steps of %s with augmentation, a loader's thread and 2 threads: 0 "
               "allocations of ours, %ld of the process's", STEPS, engines[i], others);
        dcn_trainer_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios),
        cmocka_unit_test(a_step_allocates_nothing),
    };
    int failed;

    graph = graph_of(NET);
    set_weights(graph, 3, 0, 0.3f);
    model = (dcn_model){ .graph = graph_of(NET), .classes = 10 };
    set_weights(model.graph, 3, 0, 0.3f);
    model.preprocess.shape = (dcn_shape){ 12, 12, 3 };
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    dcn_data_close(data);
    dcn_model_clear(&model);
    dcn_graph_destroy(graph);
    memory_figure("train");
    return failed;
}
