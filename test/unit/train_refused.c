/* train_refused.c - what training, its files and evaluation refuse, each by its whole sentence; and
 * that a trainer that refused a file is what it was. */
#include "support.h"

#include "data/loader.h"
#include "data_help.h"
#include "model/model.h"
#include "train/check.h"
#include "train/trainer.h"

#include <unistd.h>

static const char net[] = "input 24x24x3; conv filters=3 kernel=5 stride=4; relu; dense units=10; softmax";

static const char *path_of(const char *name)
{
    static char paths[2][600];
    static int turn;

    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/train_refused.%ld.%s", DCN_TEST_TMP, (long)getpid(), name);
    return paths[turn];
}

static dcn_graph *made(const char *text)
{
    dcn_graph *g = graph_of(text);

    must(dcn_graph_init_weights(g, 1, &err));
    return g;
}

static const dcn_train_desc usual = { .engine = "ref", .batch = 4, .rate = 1e-2f, .seed = 1, .threads = 1 };

static dcn_trainer *trainer_of(const dcn_data *data, const char *text, dcn_train_desc desc, int steps)
{
    dcn_graph *g = made(text);
    dcn_train_report report;
    dcn_trainer *t;

    must(dcn_trainer_create(&t, g, data, &desc, &err));
    for (int i = 0; i < steps; i++)
        must(dcn_trainer_step(t, &report, &err));
    dcn_graph_destroy(g);
    return t;
}

static const char *saying(const char *path, const char *what)
{
    static char text[900];

    snprintf(text, sizeof text, "%s: %s", path, what);
    return text;
}

/* ---- a trainer ---------------------------------------------------------------------------- */

static void networks_that_do_not_fit(void **state)
{
    static const struct { const char *net, *sentence; } bad[] = {
        { "input 24x24x3; dense units=9; softmax",
          "dense1: the network answers 1x1x9, synthetic has 10 classes; end the network with 10 values" },
        { "input 24x24x3; conv filters=10 kernel=5; relu",
          "relu1: the network answers 24x24x10, synthetic has 10 classes; end the network with 10 values" },
        { "input 24x24x3; conv filters=10 kernel=24x1 pad=valid",
          "conv1: the network answers 1x24x10, synthetic has 10 classes; end the network with 10 values" },
    };
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    for (size_t i = 0; i < COUNT(bad); i++) {
        dcn_graph *g = made(bad[i].net);

        must_say(dcn_trainer_create(&t, g, data, &usual, &err), DCN_STATE, bad[i].sentence);
        assert_null(t);
        dcn_graph_destroy(g);
    }
    dcn_data_close(data);
}

static void learning_rates(void **state)
{
    dcn_train_desc desc = usual;
    dcn_graph *g = made(net);
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    desc.rate = -1;
    must_say(dcn_trainer_create(&t, g, data, &desc, &err), DCN_USAGE,
             "learning rate: -1 is not a positive number; use, say, 1e-4");
    desc.rate = INFINITY;
    must_say(dcn_trainer_create(&t, g, data, &desc, &err), DCN_USAGE,
             "learning rate: inf is not a positive number; use, say, 1e-4");
    desc.rate = NAN;
    must_say(dcn_trainer_create(&t, g, data, &desc, &err), DCN_USAGE,
             "learning rate: nan is not a positive number; use, say, 1e-4");
    desc.rate = 0;
    desc.batch = 0;
    must(dcn_trainer_create(&t, g, data, &desc, &err));       /* 0: the usual values */
    assert_int_equal(t->desc.batch, 128);
    assert_true(t->desc.rate == 1e-4f);
    dcn_trainer_destroy(t);
    dcn_graph_destroy(g);
    dcn_data_close(data);
}

static void accuracy_before_a_step(void **state)
{
    dcn_loss loss;
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, net, usual, 0);
    must_say(dcn_trainer_batch_accuracy(t, &loss, &err), DCN_USAGE,
             "trainer: has made no step yet; call dcn_trainer_step first");
    dcn_trainer_destroy(t);
    dcn_data_close(data);
}

static void weights_of_another_network(void **state)
{
    dcn_graph *g = made("input 24x24x3; conv filters=3 kernel=3 stride=4; relu; dense units=10; softmax");
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, net, usual, 0);
    must_say(dcn_plan_store_weights(t->plan, g, &err), DCN_STATE,
             "conv1.weight: holds 81 values, the plan's 225; use the same network");
    dcn_trainer_destroy(t);
    dcn_graph_destroy(g);
    dcn_data_close(data);
}

/* ---- a training's file -------------------------------------------------------------------- */

#ifdef DCN_HAVE_JANSSON

static void another_run(void **state)
{
    const struct { dcn_train_desc desc; const char *net, *what; } others[] = {
        { { .engine = "ref", .batch = 8, .rate = 1e-2f, .seed = 1, .threads = 1 }, net,
          "was trained with batch size 4, this run has 8; use the same or train from the beginning" },
        { { .engine = "ref", .batch = 4, .rate = 1e-2f, .seed = 2, .threads = 1 }, net,
          "was trained with seed 1, this run has 2; use the same or train from the beginning" },
        { { .engine = "ref", .batch = 4, .rate = 1e-2f, .seed = 1, .threads = 1, .augment = DCN_AUGMENT_CIFAR }, net,
          "was trained with augmentation none, this run has cifar; use the same or train from the beginning" },
        { { .engine = "ref", .batch = 4, .rate = 1e-2f, .seed = 1, .threads = 1 },
          "input 24x24x3; conv filters=3 kernel=5 stride=4; tanh; dense units=10; softmax",
          "holds another network than this run's; leave --net out or train from the beginning" },
        { { .engine = "ref", .batch = 4, .rate = 1e-2f, .seed = 1, .threads = 1 },
          "input 24x24x3; conv filters=3 kernel=5 stride=4; relu; max_pool 2; dense units=10; softmax",
          "holds another network than this run's; leave --net out or train from the beginning" },
    };
    dcn_trainer *t;
    dcn_data *data;
    const char *path = path_of("run");

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, net, usual, 1);
    must(dcn_trainer_save(t, path, &err));
    for (size_t i = 0; i < COUNT(others); i++) {
        dcn_trainer *other = trainer_of(data, others[i].net, others[i].desc, 0);

        must_say(dcn_trainer_load(other, path, &err), DCN_STATE, saying(path, others[i].what));
        assert_int_equal(other->model.step, 0);
        dcn_trainer_destroy(other);
    }
    unlink(path);
    dcn_trainer_destroy(t);
    dcn_data_close(data);
}

/* The pairs of a training's file, some of them wrong or missing. */
static void odd_settings(void **state)
{
    static const struct { const char *pairs[9]; const char *what; } bad[] = {
        { { NULL }, "holds no training state (train.batch is missing); train from the beginning" },
        { { "train.batch", "4", "train.seed", "1", "train.augment", "none", NULL },
          "holds no training state (train.rate is missing); train from the beginning" },
        { { "train.batch", "0", "train.seed", "1", "train.augment", "none", "train.rate", "1", NULL },
          "its training settings cannot be read; train from the beginning" },
        { { "train.batch", "4", "train.seed", "-1", "train.augment", "none", "train.rate", "1", NULL },
          "its training settings cannot be read; train from the beginning" },
        { { "train.batch", "4", "train.seed", "1", "train.augment", "much", "train.rate", "1", NULL },
          "its training settings cannot be read; train from the beginning" },
        { { "train.batch", "4", "train.seed", "1", "train.augment", "none", "train.rate", "x", NULL },
          "its training settings cannot be read; train from the beginning" },
        { { "train.batch", "4", "train.seed", "1", "train.augment", "none", "train.rate", "0", NULL },
          "its training settings cannot be read; train from the beginning" },
        { { "train.batch", "4", "train.seed", "1", "train.augment", "none", "train.rate", "1e60", NULL },
          "its training settings cannot be read; train from the beginning" },
    };
    const char *path = path_of("settings");
    const dcn_model *model;
    dcn_train_desc desc = { .batch = 77 };
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, net, usual, 1);
    must(dcn_trainer_model(t, &model, &err));
    for (size_t i = 0; i < COUNT(bad); i++) {
        must(dcn__model_write(path, model, NULL, 0, bad[i].pairs, &err));
        must_say(dcn_train_desc_load(&desc, path, &err), DCN_STATE, saying(path, bad[i].what));
        assert_int_equal(desc.batch, 77);
    }
    /* A model alone is no training's file. */
    must(dcn_model_save(model, path, &err));
    must_say(dcn_trainer_load(t, path, &err), DCN_STATE,
             saying(path, "holds no training state (train.batch is missing); train from the beginning"));
    assert_int_equal(t->model.step, 1);
    unlink(path);
    dcn_trainer_destroy(t);
    dcn_data_close(data);
}

/* All settings right, and the optimizer at another step, at none, or without its moments. */
static void odd_steps(void **state)
{
    static const struct { const char *step; dcn_status status; const char *what; } bad[] = {
        { NULL, DCN_STATE, "its optimizer.step does not fit its step; train from the beginning" },
        { "2", DCN_STATE, "its optimizer.step does not fit its step; train from the beginning" },
        { "-1", DCN_STATE, "its optimizer.step does not fit its step; train from the beginning" },
    };
    const char *path = path_of("steps");
    const char *hash;
    char kept[80];
    dcn__model_file *file;
    const dcn_model *model;
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, net, usual, 1);
    must(dcn_trainer_save(t, path, &err));
    must(dcn__model_open(&file, path, NULL, &err));
    assert_non_null(hash = dcn__model_metadata(file, "train.data_hash"));
    snprintf(kept, sizeof kept, "%s", hash);
    dcn__model_close(file);
    must(dcn_trainer_model(t, &model, &err));
    for (size_t i = 0; i < COUNT(bad) + 1; i++) {
        const char *const pairs[] = { "train.batch", "4", "train.seed", "1", "train.augment", "none", "train.rate",
                                      "1e-2", "train.data_hash", kept, i < COUNT(bad) && !bad[i].step ? NULL
                                      : "optimizer.step", i < COUNT(bad) ? bad[i].step : "1", NULL };

        must(dcn__model_write(path, model, NULL, 0, pairs, &err));
        if (i < COUNT(bad))
            must_say(dcn_trainer_load(t, path, &err), bad[i].status, saying(path, bad[i].what));
        else {          /* the weights are there, their moments are not */
            assert_int_equal(dcn_trainer_load(t, path, &err), DCN_STATE);
            assert_non_null(strstr(err.text, "optimizer.exp_avg.conv1.weight"));
        }
        assert_int_equal(t->model.step, 1);
        assert_int_equal(t->plan->adam_step, 1);
    }
    unlink(path);
    dcn_trainer_destroy(t);
    dcn_data_close(data);
}

#endif

/* ---- evaluation --------------------------------------------------------------------------- */

static int stop(void *user, int64_t done, int64_t total)
{
    assert_true(done <= total);
    return ++*(int *)user == 2;
}

/* Of the pictures' preprocessing, and of pictures that nobody has named. */
static void models_that_do_not_fit(void **state)
{
    static const struct { dcn_shape shape; const char *made; } bad[] = {
        { { 20, 24, 3 }, "20x24x3" }, { { 24, 20, 3 }, "24x20x3" }, { { 24, 24, 1 }, "24x24x1" },
    };
    dcn_graph *g = made(net);
    dcn_model model = { .graph = g };
    dcn_evaluation result;
    dcn_data_info info;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    dcn_data_preprocess(data, shape_of(g, 0), &model.preprocess);
    for (size_t i = 0; i < COUNT(bad); i++) {
        char sentence[200];

        model.preprocess.shape = bad[i].shape;
        snprintf(sentence, sizeof sentence, "input1: the network takes 24x24x3, the preprocessing makes %s; use the "
                 "network's own preprocessing", bad[i].made);
        must_say(dcn_evaluate(&result, &model, data, DCN_SPLIT_TEST, NULL, NULL, NULL, &err), DCN_STATE, sentence);
        assert_null(result.confusion);
    }
    dcn_data_preprocess(data, shape_of(g, 0), &model.preprocess);
    dcn_data_info_get(data, &info);
    info.classes = 0;
    info.path = "heap";
    must_say(dcn__check_fit(g, &model.preprocess, &info, &err), DCN_INPUT,
             "heap: holds pictures without labels; put them into train/CLASS/FILE and test/CLASS/FILE");
    /* Without a description: the usual engine and 128 pictures at a time. */
    if (has_engine("cpu")) {
        must(dcn_evaluate(&result, &model, data, DCN_SPLIT_TEST, NULL, NULL, NULL, &err));
        dcn_data_info_get(data, &info);
        assert_int_equal(result.n, info.count[DCN_SPLIT_TEST]);
        assert_int_equal(result.first_n, 128);
        dcn_evaluation_clear(&result);
    }
    dcn_graph_destroy(g);
    dcn_data_close(data);
}

#ifdef DCN_HAVE_PNG

/* The second picture of each split is cut off behind what says how large it is. */
static void pictures_that_cannot_be_read(void **state)
{
    enum { SIDE = 24 };
    static uint8_t pixels[SIDE * SIDE * 3];
    const dcn_image image = { SIDE, SIDE, 3, pixels };
    char folder[600], sentence[900];
    dcn_graph *g = made("input 24x24x3; conv filters=3 kernel=5 stride=4; relu; dense units=2; softmax");
    dcn_train_report report;
    dcn_evaluation result;
    const dcn_model *model;
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    fresh_folder(folder, sizeof folder, "train_refused.broken");
    for (int i = 0; i < 8; i++) {
        char path[800];

        snprintf(path, sizeof path, "%s/%s", folder, i < 4 ? "train" : "test");
        must(dcn__make_folder(path, &err));
        snprintf(path + strlen(path), 20, "/%c", 'a' + i % 4 / 2);
        must(dcn__make_folder(path, &err));
        snprintf(path + strlen(path), 20, "/%d.png", i);
        must(dcn_image_save_png(&image, path, NULL, &err));
        if (i % 4 == 1)
            assert_int_equal(truncate(path, 60), 0);
    }
    must(dcn_data_open(&data, folder, NULL, &err));
    must(dcn_trainer_create(&t, g, data, &(dcn_train_desc){ .engine = "ref", .batch = 4, .threads = 1 }, &err));
    must(dcn_trainer_model(t, &model, &err));
    memset(&err, 0, sizeof err);
    assert_int_equal(dcn_trainer_step(t, &report, &err), DCN_INPUT);
    snprintf(sentence, sizeof sentence, "%s/train/a/1.png", folder);
    if (strncmp(err.text, sentence, strlen(sentence)) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(model->step, 0);
    memset(&err, 0, sizeof err);
    assert_int_equal(dcn_evaluate(&result, model, data, DCN_SPLIT_TEST, &(dcn_plan_desc){ .engine = "ref" }, NULL, NULL,
                                  &err), DCN_INPUT);
    snprintf(sentence, sizeof sentence, "%s/test/a/5.png", folder);
    if (strncmp(err.text, sentence, strlen(sentence)) != 0)
        fail_msg("%s", err.text);
    assert_null(result.confusion);
    dcn_trainer_destroy(t);
    dcn_graph_destroy(g);
    dcn_data_close(data);
    remove_tree(folder);
}

#endif

static void evaluation_that_is_stopped(void **state)
{
    const dcn_plan_desc desc = { .engine = "ref", .batch = 16 };
    dcn_evaluation result;
    const dcn_model *model;
    dcn_trainer *t;
    dcn_data *data;
    int calls = 0;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, net, usual, 0);
    must(dcn_trainer_model(t, &model, &err));
    must_say(dcn_evaluate(&result, model, data, DCN_SPLIT_TEST, &desc, stop, &calls, &err), DCN_STOPPED,
             "evaluation: stopped after 32 pictures; run it again");
    assert_null(result.confusion);
    must_say(dcn_evaluate(&result, model, data, (dcn_split)7, &desc, NULL, NULL, &err), DCN_USAGE,
             "split: 7 is no split; pass train or test");
    dcn_trainer_destroy(t);
    dcn_data_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_that_do_not_fit), cmocka_unit_test(learning_rates),
        cmocka_unit_test(accuracy_before_a_step), cmocka_unit_test(weights_of_another_network),
#ifdef DCN_HAVE_JANSSON
        cmocka_unit_test(another_run), cmocka_unit_test(odd_settings), cmocka_unit_test(odd_steps),
#endif
#ifdef DCN_HAVE_PNG
        cmocka_unit_test(pictures_that_cannot_be_read),
#endif
        cmocka_unit_test(models_that_do_not_fit), cmocka_unit_test(evaluation_that_is_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
