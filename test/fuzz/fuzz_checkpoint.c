/* fuzz_checkpoint.c - training states: settings, model and optimiser, taken over by a trainer.
 *
 * A trainer is after a load what it was before, or all that the file holds. The data set is one of
 * this file's own, so that loading costs no pictures. */
#include "fuzz_folder.h"
#include "fuzz_tensors.h"

#include "data/data.h"
#include "train/trainer.h"

/* As in make_corpus.py. */
static const char net[] = "input 2x1x1; dense units=2; softmax";
static const dcn_train_desc desc = { .engine = "ref", .batch = 2, .threads = 1, .rate = 0.5f,
                                     .seed = 3 };
enum { VALUES = 6 };

size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    return fuzz_change_tensors(data, size, max_size, seed);
}

void fuzz_repair(uint8_t *data, size_t size)
{
    fuzz_repair_tensors(data, size);
}

FUZZ_MUTATOR

/* ---- a trainer ----------------------------------------------------------------------------- */

static dcn_status no_picture(const dcn_data *data, dcn_split split, int64_t i, uint8_t *pixels,
                             dcn_error *err)
{
    (void)data, (void)split, (void)err;
    memset(pixels, (int)i, 2);
    return DCN_OK;
}

static dcn_trainer *make_trainer(void)
{
    static const dcn__source_ops ops = { .read = no_picture };
    static const char *const names[] = { "a", "b" };
    static dcn_data data = { .info = { .kind = "fuzz", .name = "fuzz", .path = "fuzz",
                                       .count = { 4, 2 }, .classes = 2, .class_names = names,
                                       .shape = { 2, 1, 1 } },
                             .path = (char *)"fuzz", .hash = 2, .typical_h = 2, .typical_w = 1,
                             .ops = &ops };
    dcn_trainer *t;
    dcn_graph *g;
    dcn_error err;

    if (dcn_graph_parse(&g, net, strlen(net), "net", NULL, &err) ||
        dcn_graph_init_weights(g, 1, &err) || dcn_trainer_create(&t, g, &data, &desc, &err))
        fault("no trainer", &err);
    dcn_graph_destroy(g);
    return t;
}

/* Weights, then both moments. */
static void take_numbers(float out[3 * VALUES], dcn_trainer *t)
{
    const dcn_graph *g = t->model.graph;
    const dcn_model *model;
    float *at = out;

    if (dcn_trainer_model(t, &model, NULL))
        abort();
    for (int i = 0; i < g->n_weights; at += g->weights[i++].count)
        memcpy(at, g->weights[i].data, (size_t)g->weights[i].count * sizeof *at);
    for (int m = 0; m < 2; m++)
        for (int i = 0; i < g->n_weights; at += g->weights[i++].count)
            memcpy(at, t->plan->moments[m][i], (size_t)g->weights[i].count * sizeof *at);
    if (at != out + 3 * VALUES)
        abort();
}

/* ---- reading ------------------------------------------------------------------------------- */

static dcn_trainer *trainer;

static void check_model(const char *path, const float numbers[3 * VALUES])
{
    dcn_model model;
    float *weight;

    if (dcn_model_load(&model, path, NULL, NULL) || model.step != trainer->model.step ||
        model.step != trainer->plan->adam_step)
        abort();
    weight = model.graph->weights[0].data;
    if (memcmp(weight, numbers, (size_t)model.graph->weights[0].count * sizeof *weight) != 0)
        abort();
    dcn_model_clear(&model);
    for (int i = 0; i < VALUES; i++)
        if (!(numbers[i] - numbers[i] == 0) || !(numbers[2 * VALUES + i] >= 0))
            abort();
}

static dcn_status load(const char *path, dcn_error *err)
{
    const int64_t step = trainer->model.step;
    float before[3 * VALUES], after[3 * VALUES];
    dcn_status st;

    take_numbers(before, trainer);
    st = dcn_trainer_load(trainer, path, err);
    take_numbers(after, trainer);
    if (!st && !fuzz_failing)
        check_model(path, after);
    if (st && (memcmp(before, after, sizeof before) != 0 || trainer->model.step != step ||
               trainer->plan->adam_step != step))
        abort();
    return st;
}

/* The settings come first, as in deconvnet train --resume. What has none may be a model. */
static dcn_status read_state(const uint8_t *data, size_t size, dcn_error *err)
{
    const char *path = fuzz_path("state.safetensors", 0);
    dcn_train_desc d = desc;
    dcn_model model;
    dcn_status st;

    fuzz_put(path, data, size);
    st = dcn_train_desc_load(&d, path, err);
    if (!st) {
        if (d.batch < 1 || !(d.rate > 0) || !(d.rate - d.rate == 0))
            fault("settings that no training can have", err);
        return load(path, err);
    }
    if (st == DCN_STATE && !dcn_model_load(&model, path, NULL, NULL))
        dcn_model_clear(&model);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!trainer) {
        fuzz_folder_begin();
        trainer = make_trainer();
    }
    fuzz_one(read_state, data, size);
    return 0;
}
