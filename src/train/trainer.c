/* trainer.c - the training loop's one step, and what can be asked between steps. */
#include "train/trainer.h"

#include "base/file.h"
#include "base/memory.h"
#include "train/check.h"
#include "train/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static dcn_status read_desc(dcn_trainer *t, const dcn_train_desc *d, dcn_error *err)
{
    t->desc = *d;
    t->desc.exact = d->exact != 0;
    if (!t->desc.batch)
        t->desc.batch = 128;
    if (t->desc.rate == 0)
        t->desc.rate = 1e-4f;
    if (!(t->desc.rate > 0) || !isfinite(t->desc.rate))
        return dcn__fail(err, DCN_USAGE, "learning rate",
                         "%g is not a positive number; use, say, 1e-4", (double)t->desc.rate);
    if (d->engine)
        snprintf(t->engine, sizeof t->engine, "%s", d->engine);
    t->desc.engine = d->engine ? t->engine : NULL;
    return DCN_OK;
}

static dcn_status describe_model(dcn_trainer *t, const dcn_graph *g, const dcn_data_info *info,
                                 dcn_error *err)
{
    dcn_model *m = &t->model;
    dcn_status st;

    dcn_data_preprocess(t->data, g->nodes[0].shape, &m->preprocess);
    if ((st = dcn__check_fit(g, &m->preprocess, info, err)) ||
        (st = dcn_graph_copy(&m->graph, g, err)))
        return st;
    m->classes = info->classes;
    m->class_names = dcn__alloc_array((size_t)info->classes + 1, sizeof *m->class_names);
    if (!m->class_names)
        return dcn__fail_memory(err, "class names", sizeof *m->class_names);
    for (int i = 0; i < info->classes; i++)
        if (!(m->class_names[i] = dcn__strdup(info->class_names[i])))
            return dcn__fail_memory(err, "a class name", strlen(info->class_names[i]));
    return DCN_OK;
}

dcn_status dcn_trainer_create(dcn_trainer **trainer, const dcn_graph *g, const dcn_data *data,
                              const dcn_train_desc *desc, dcn_error *err)
{
    dcn_trainer *t = dcn__alloc(sizeof *t);
    dcn_plan_desc plan = { 0 };
    dcn_data_info info;
    dcn_status st;

    *trainer = NULL;
    if (!t)
        return dcn__fail_memory(err, "a trainer", sizeof *t);
    t->data = data;
    dcn_data_info_get(data, &info);
    t->pictures = info.count[DCN_SPLIT_TRAIN];
    if (!(st = dcn_graph_check(g, err)) && !(st = read_desc(t, desc, err)) &&
        !(st = describe_model(t, g, &info, err))) {
        plan = (dcn_plan_desc){ .engine = t->desc.engine,
                                .batch = t->desc.batch,
                                .threads = desc->threads,
                                .training = 1,
                                .exact = t->desc.exact,
                                .max_bytes = desc->max_bytes };
        st = dcn_plan_create(&t->plan, t->model.graph, &plan, err);
    }
    if (!st)
        st = dcn__loader_create(&t->loader, data, DCN_SPLIT_TRAIN, &t->model.preprocess,
                                t->desc.augment, t->desc.seed, t->desc.batch, 0, err);
    if (st) {
        dcn_trainer_destroy(t);
        return st;
    }
    t->synchronised = true;
    *trainer = t;
    return DCN_OK;
}

void dcn_trainer_destroy(dcn_trainer *t)
{
    if (!t)
        return;
    dcn__loader_destroy(t->loader);
    dcn_plan_destroy(t->plan);
    dcn_model_clear(&t->model);
    dcn__free(t);
}

dcn_status dcn_trainer_step(dcn_trainer *t, dcn_train_report *report, dcn_error *err)
{
    const double start = dcn__clock_ms();
    double wait_ms = 0;
    dcn_loss loss;
    dcn_status st;

    if ((st = dcn__loader_next(t->loader, &t->images, &t->labels, &wait_ms, err)) ||
        (st = dcn_plan_gradient(t->plan, t->images, t->labels, t->desc.batch, &loss, err)))
        return st;
    if (!isfinite(loss.loss))
        return dcn__blame(t, err);
    if ((st = dcn_plan_adam(t->plan, t->desc.rate, err)))
        return st;
    t->synchronised = false;
    t->model.step++;
    *report = (dcn_train_report){
        .step = t->model.step,
        .epoch = (double)t->model.step * t->desc.batch / (double)t->pictures,
        .loss = loss.loss,
        .accuracy = (double)loss.correct / loss.n,
        .step_ms = dcn__clock_ms() - start,
        .wait_ms = wait_ms,
    };
    return DCN_OK;
}

dcn_status dcn_trainer_model(dcn_trainer *t, const dcn_model **model, dcn_error *err)
{
    dcn_status st = DCN_OK;

    *model = NULL;
    if (!t->synchronised)
        st = dcn_plan_store_weights(t->plan, t->model.graph, err);
    if (!st) {
        t->synchronised = true;
        *model = &t->model;
    }
    return st;
}

dcn_status dcn_trainer_batch_accuracy(dcn_trainer *t, dcn_loss *loss, dcn_error *err)
{
    const dcn_node node = dcn__loss_node(t->model.graph);
    const int classes = t->model.graph->nodes[node].shape.c, n = t->desc.batch;
    float *logits;
    dcn_status st;

    if (!t->images)
        return dcn__fail(err, DCN_USAGE, "trainer",
                         "has made no step yet; call dcn_trainer_step first");
    if (!(logits = dcn__alloc_array((size_t)n * (size_t)classes, sizeof *logits)))
        return dcn__fail_memory(err, "answers", (size_t)n * sizeof *logits);
    dcn_plan_forward(t->plan, t->images, n);
    if (!(st = dcn_plan_value(t->plan, node, logits, err)))
        dcn__score(loss, logits, classes, t->labels, n);
    dcn__free(logits);
    return st;
}
