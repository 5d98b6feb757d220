/* checkpoint.c - a training run in a model file: weights, optimiser, and the settings that
 * decide what the next step will be. Loading it continues bit for bit. */
#include "train/trainer.h"

#include "base/locale.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/model.h"
#include "train/adam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const PREFIX[2] = { "optimizer.exp_avg.", "optimizer.exp_avg_sq." };

/* What decides the bits of the next step, besides weights and optimiser. The learning rate is noted
 * too but may be changed on resuming. A file without train.exact is of a run without it. */
static const char EXACT[] = "train.exact";
typedef struct settings {
    char batch[16], seed[24], augment[16], data_hash[24], rate[32], optimizer_step[24];
    const char *exact;
} settings;

static void write_settings(settings *s, const dcn_trainer *t)
{
    const locale_t before = dcn__locale_enter();

    snprintf(s->batch, sizeof s->batch, "%d", t->desc.batch);
    snprintf(s->seed, sizeof s->seed, "%" PRIu64, t->desc.seed);
    snprintf(s->augment, sizeof s->augment, "%s",
             t->desc.augment == DCN_AUGMENT_CIFAR ? "cifar" : "none");
    snprintf(s->data_hash, sizeof s->data_hash, "%016" PRIx64, dcn_data_hash(t->data));
    snprintf(s->rate, sizeof s->rate, "%.9g", (double)t->desc.rate);
    snprintf(s->optimizer_step, sizeof s->optimizer_step, "%" PRId64, t->plan->adam_step);
    s->exact = t->desc.exact ? "1" : "0";
    dcn__locale_leave(before);
}

static void free_moments(float **moments, int n)
{
    for (int i = 0; moments && i < n; i++)
        dcn__free(moments[i]);
    dcn__free(moments);
}

dcn_status dcn_trainer_save(dcn_trainer *t, const char *path, dcn_error *err)
{
    const int n = 2 * t->model.graph->n_weights;
    dcn__model_extra *extra = dcn__alloc_array((size_t)n + 1, sizeof *extra);
    float **moments = dcn__alloc_array((size_t)n + 1, sizeof *moments);
    const dcn_model *model;
    dcn_data_info info;
    dcn_status st = DCN_OK;
    settings s;

    dcn_data_info_get(t->data, &info);
    write_settings(&s, t);
    if (!extra || !moments)
        st = dcn__fail_memory(err, "a checkpoint", (size_t)n * sizeof *extra);
    for (int i = 0; !st && i < n; i++) {
        const int weight = i / 2;
        const size_t count = (size_t)t->model.graph->weights[weight].count;

        if (!(moments[i] = dcn__alloc_array(count, sizeof **moments))) {
            st = dcn__fail_memory(err, "a checkpoint", count * sizeof **moments);
            break;
        }
        dcn__adam_get(t->plan, i % 2, weight, moments[i]);
        extra[i] =
            (dcn__model_extra){ .prefix = PREFIX[i % 2], .weight = weight, .data = moments[i] };
    }
    if (!st && !(st = dcn_trainer_model(t, &model, err))) {
        const char *const pairs[] = {
            "train.batch", s.batch, "train.seed", s.seed, "train.augment", s.augment,
            "train.rate", s.rate, "train.data", info.name, "train.data_hash", s.data_hash,
            "optimizer", "adam", "optimizer.step", s.optimizer_step,
            t->desc.exact ? EXACT : NULL, s.exact, NULL
        };

        st = dcn__model_write(path, model, extra, n, pairs, err);
    }
    free_moments(moments, n);
    dcn__free(extra);
    return st;
}

static dcn_status check_setting(const dcn__model_file *file, const char *path, const char *key,
                                const char *want, const char *what, dcn_error *err)
{
    const char *got = dcn__model_metadata(file, key);

    if (!got && strcmp(key, EXACT) == 0)
        got = "0";
    if (!got)
        return dcn__fail(err, DCN_STATE, path,
                         "holds no training state (%s is missing); train from the beginning", key);
    if (strcmp(got, want) != 0)
        return dcn__fail(err, DCN_STATE, path,
                         "was trained with %s %.40s, this run has %s; use the same or train "
                         "from the beginning",
                         what, got, want);
    return DCN_OK;
}

static dcn_status check_settings(const dcn_trainer *t, const dcn__model_file *file,
                                 const char *path, dcn_error *err)
{
    settings s;
    dcn_status st;

    write_settings(&s, t);
    if ((st = check_setting(file, path, "train.batch", s.batch, "batch size", err)) ||
        (st = check_setting(file, path, "train.seed", s.seed, "seed", err)) ||
        (st = check_setting(file, path, "train.augment", s.augment, "augmentation", err)) ||
        (st = check_setting(file, path, EXACT, s.exact, "exact", err)))
        return st;
    return check_setting(file, path, "train.data_hash", s.data_hash, "other data: fingerprint",
                         err);
}

/* Without memory a text is empty: that must not pass for a network, nor two for the same. */
static dcn_status check_network(const dcn_trainer *t, const dcn_model *loaded, const char *path,
                                dcn_error *err)
{
    const size_t a = dcn_graph_text(t->model.graph, NULL, 0);
    const size_t b = dcn_graph_text(loaded->graph, NULL, 0);
    char *texts = a && b ? dcn__alloc(a + b + 2) : NULL;
    bool same;

    if (!texts || dcn_graph_text(t->model.graph, texts, a + 1) != a ||
        dcn_graph_text(loaded->graph, texts + a + 1, b + 1) != b) {
        dcn__free(texts);
        return dcn__fail_memory(err, "a network's text", a + b);
    }
    same = a == b && memcmp(texts, texts + a + 1, a) == 0;
    dcn__free(texts);
    if (!same)
        return dcn__fail(err, DCN_STATE, path, "holds another network than this run's; leave --net "
                         "out or train from the beginning");
    return DCN_OK;
}

dcn_status dcn_train_desc_load(dcn_train_desc *desc, const char *path, dcn_error *err)
{
    static const char *const keys[] = { "train.batch", "train.seed", "train.augment",
                                        "train.rate" };
    const char *values[4] = { 0 }, *exact;
    dcn__model_file *file;
    dcn_status st = dcn__model_open(&file, path, NULL, err);
    int64_t batch = 0;
    uint64_t seed = 0;
    double rate = 0;

    if (st)
        return st;
    for (int i = 0; !st && i < 4; i++)
        if (!(values[i] = dcn__model_metadata(file, keys[i])))
            st = dcn__fail(err, DCN_STATE, path,
                           "holds no training state (%s is missing); train from the "
                           "beginning",
                           keys[i]);
    exact = dcn__model_metadata(file, EXACT);
    exact = exact ? exact : "0";
    if (!st && (!dcn__parse_int(values[0], strlen(values[0]), 1, 1 << 20, &batch) ||
                !dcn__parse_uint64(values[1], strlen(values[1]), &seed) ||
                (strcmp(values[2], "none") != 0 && strcmp(values[2], "cifar") != 0) ||
                (strcmp(exact, "0") != 0 && strcmp(exact, "1") != 0) ||
                !dcn__parse_double(values[3], strlen(values[3]), &rate) ||
                !((float)rate > 0) || !isfinite((float)rate)))
        st = dcn__fail(err, DCN_STATE, path,
                       "its training settings cannot be read; train from the beginning");
    if (!st) {
        desc->batch = (int)batch;
        desc->seed = seed;
        desc->augment = strcmp(values[2], "cifar") == 0 ? DCN_AUGMENT_CIFAR : DCN_AUGMENT_NONE;
        desc->rate = (float)rate;
        desc->exact = strcmp(exact, "1") == 0;
    }
    dcn__model_close(file);
    return st;
}

/* Adam takes their roots: below 0 the next step would make weights that are no numbers. */
static dcn_status check_squares(const float *squares, size_t count, const char *weight,
                                const char *path, dcn_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (squares[i] < 0)
            return dcn__fail(err, DCN_INPUT, path, "value %zu of %s%.80s is below 0, no training "
                             "leaves that; use an earlier checkpoint", i, PREFIX[1], weight);
    return DCN_OK;
}

static dcn_status read_moments(float **moments, const dcn_graph *g, const dcn__model_file *file,
                               const char *path, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; !st && i < 2 * g->n_weights; i++) {
        const size_t count = (size_t)g->weights[i / 2].count;

        if (!(moments[i] = dcn__alloc_array(count, sizeof **moments)))
            return dcn__fail_memory(err, "a checkpoint", count * sizeof **moments);
        st = dcn__model_weight(file, g, PREFIX[i % 2], i / 2, moments[i], err);
        if (!st && i % 2)
            st = check_squares(moments[i], count, g->weights[i / 2].name, path, err);
    }
    return st;
}

/* Cannot fail: a trainer is either what it was or all that the file holds. */
static void take_over(dcn_trainer *t, const dcn_model *loaded, float *const *moments,
                      dcn__loader *loader)
{
    dcn_graph *g = t->model.graph;

    dcn__loader_destroy(t->loader);
    t->loader = loader;
    t->images = NULL;
    t->labels = NULL;
    for (int i = 0; i < g->n_weights; i++) {
        const dcn__weight *w = &loaded->graph->weights[i];

        memcpy(g->weights[i].data, w->data, (size_t)w->count * sizeof(float));
        dcn__real_from_float(t->plan->engine->real_bytes, t->plan->weights[i], w->data,
                             (size_t)w->count);
        for (int m = 0; m < 2; m++)
            dcn__adam_set(t->plan, m, i, moments[2 * i + m]);
    }
    dcn__plan_weights_changed(t->plan);
    t->plan->extent_known = false;
    t->plan->adam_step = t->model.step = loaded->step;
    t->synchronised = true;
}

/* The loader starts at the step's batch. */
static dcn_status go_on(dcn_trainer *t, const dcn__model_file *file, const dcn_model *loaded,
                        const char *path, dcn_error *err)
{
    const char *step_text = dcn__model_metadata(file, "optimizer.step");
    const int n = 2 * t->model.graph->n_weights;
    dcn__loader *loader;
    float **moments;
    dcn_status st;
    int64_t step;

    if (!step_text || !dcn__parse_int(step_text, strlen(step_text), 0, INT64_MAX / 2, &step) ||
        step != loaded->step || step > INT64_MAX / 2 / t->desc.batch)
        return dcn__fail(err, DCN_STATE, path,
                         "its optimizer.step does not fit its step; train from the beginning");
    if (!(moments = dcn__alloc_array((size_t)n + 1, sizeof *moments)))
        return dcn__fail_memory(err, "a checkpoint", (size_t)n * sizeof *moments);
    if (!(st = read_moments(moments, t->model.graph, file, path, err)) &&
        !(st = dcn__loader_create(&loader, t->data, DCN_SPLIT_TRAIN, &t->model.preprocess,
                                  t->desc.augment, t->desc.seed, t->desc.batch,
                                  step * t->desc.batch, err)))
        take_over(t, loaded, moments, loader);
    free_moments(moments, n);
    return st;
}

dcn_status dcn_trainer_load(dcn_trainer *t, const char *path, dcn_error *err)
{
    dcn__model_file *file = NULL;
    dcn_model loaded = { 0 };
    dcn_status st;

    if (!(st = dcn__model_open(&file, path, NULL, err)) &&
        !(st = check_settings(t, file, path, err)) &&
        !(st = dcn__model_read(file, &loaded, NULL, err)) &&
        !(st = check_network(t, &loaded, path, err)))
        st = go_on(t, file, &loaded, path, err);
    dcn_model_clear(&loaded);
    dcn__model_close(file);
    return st;
}
