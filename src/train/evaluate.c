/* evaluate.c - a network's answers on a whole split: accuracy, loss, confusion. */
#include "base/file.h"
#include "base/memory.h"
#include "data/loader.h"
#include "train/check.h"
#include "train/score.h"

#include <string.h>

void dcn_evaluation_clear(dcn_evaluation *r)
{
    dcn__free(r->confusion);
    memset(r, 0, sizeof *r);
}

static void count(dcn_evaluation *r, const float *logits, const int32_t *labels, int n, int batch)
{
    for (int i = 0; i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)r->classes;
        const int answer = dcn__answer(row, r->classes), truth = labels[i];

        r->confusion[(size_t)truth * (size_t)r->classes + (size_t)answer]++;
        r->correct += answer == truth;
        r->loss += dcn__cross_entropy(row, r->classes, truth);
        if (r->n + i < batch) {
            r->first_n++;
            r->first_correct += answer == truth;
        }
    }
    r->n += n;
}

static dcn_status run(dcn_evaluation *r, dcn_plan *plan, dcn__loader *loader, const dcn_graph *g,
                      int batch, int64_t total, dcn_progress progress, void *user, dcn_error *err)
{
    float *logits = dcn__alloc_array((size_t)batch * (size_t)r->classes, sizeof *logits);
    dcn_status st =
        logits ? DCN_OK : dcn__fail_memory(err, "answers", (size_t)batch * sizeof *logits);

    while (!st && r->n < total) {
        const int n = total - r->n < batch ? (int)(total - r->n) : batch;
        const int32_t *labels;
        const float *images;

        if ((st = dcn__loader_next(loader, &images, &labels, NULL, err)))
            break;
        dcn_plan_forward(plan, images, n);
        if ((st = dcn_plan_value(plan, dcn__loss_node(g), logits, err)))
            break;
        count(r, logits, labels, n, batch);
        if (progress && progress(user, r->n, total))
            st = dcn__fail(err, DCN_STOPPED, "evaluation",
                           "stopped after %lld pictures; run it again", (long long)r->n);
    }
    dcn__free(logits);
    return st;
}

dcn_status dcn_evaluate(dcn_evaluation *result, const dcn_model *model, const dcn_data *data,
                        dcn_split split, const dcn_plan_desc *desc, dcn_progress progress,
                        void *user, dcn_error *err)
{
    dcn_plan_desc plan_desc = desc ? *desc : (dcn_plan_desc){ 0 };
    const double start = dcn__clock_ms();
    dcn__loader *loader = NULL;
    dcn_plan *plan = NULL;
    dcn_data_info info;
    dcn_status st;

    memset(result, 0, sizeof *result);
    dcn_data_info_get(data, &info);
    if ((st = dcn__check_fit(model->graph, &model->preprocess, &info, err)))
        return st;
    if (!plan_desc.batch)
        plan_desc.batch = 128;
    plan_desc.training = plan_desc.keep_all = plan_desc.n_routes = 0;
    result->classes = model->graph->nodes[dcn__loss_node(model->graph)].shape.c;
    result->confusion = dcn__alloc_array((size_t)result->classes * (size_t)result->classes,
                                         sizeof *result->confusion);
    if (!result->confusion)
        st = dcn__fail_memory(err, "a confusion matrix",
                              (size_t)result->classes * sizeof *result->confusion);
    if (!st && !(st = dcn_plan_create(&plan, model->graph, &plan_desc, err)) &&
        !(st = dcn__loader_create(&loader, data, split, &model->preprocess, DCN_AUGMENT_NONE, 0,
                                  plan_desc.batch, 0, err)))
        st = run(result, plan, loader, model->graph, plan_desc.batch, info.count[split], progress,
                 user, err);
    dcn__loader_destroy(loader);
    dcn_plan_destroy(plan);
    if (st) {
        dcn_evaluation_clear(result);
        return st;
    }
    result->loss /= (double)result->n;
    result->ms = dcn__clock_ms() - start;
    return DCN_OK;
}
