/* blame.c - a loss that is not finite: which tensor was the first that was not? The training plan does
 * not keep its values, so the batch goes forward once more, with a plan that does. Only after a
 * failure; without memory for it the loss itself is named. */
#include "train/trainer.h"

#include "base/memory.h"

#include <math.h>

enum { TOGETHER = 8 };

typedef struct suspect { dcn_node node; int picture; } suspect;

static bool is_finite(const float *x, size_t n)
{
    bool finite = true;

    for (size_t i = 0; i < n; i++)
        finite &= isfinite(x[i]) != 0;
    return finite;
}

/* The first node, in the network's order, with such a value in one of n pictures; first: the number
 * of the first picture. */
static void look(const dcn_plan *p, int first, int n, float *values, suspect *found)
{
    for (dcn_node node = 0; node < found->node; node++) {
        const size_t size = (size_t)dcn__shape_size(p->graph->nodes[node].shape);

        if (dcn_plan_value(p, node, values, NULL))
            continue;
        for (int i = 0; i < n; i++)
            if (!is_finite(values + (size_t)i * size, size)) {
                *found = (suspect){ node, first + i };
                return;
            }
    }
}

static void search(const dcn_trainer *t, suspect *found)
{
    const dcn_graph *g = t->model.graph;
    const dcn_plan_desc desc = { .engine = t->desc.engine, .batch = TOGETHER, .chunk = TOGETHER,
                                 .threads = 1, .keep_all = 1, .exact = t->desc.exact };
    const size_t in = (size_t)dcn__shape_size(g->nodes[0].shape);
    size_t most = 0;
    dcn_plan *p;
    float *values;

    for (int i = 0; i < g->n_nodes; i++) {
        const size_t size = (size_t)dcn__shape_size(g->nodes[i].shape);

        most = size > most ? size : most;
    }
    if (dcn_plan_create(&p, g, &desc, NULL))
        return;
    values = dcn__alloc_array(TOGETHER * most, sizeof *values);
    for (int first = 0; values && first < t->desc.batch; first += TOGETHER) {
        const int left = t->desc.batch - first, n = left < TOGETHER ? left : TOGETHER;

        dcn_plan_forward(p, t->images + (size_t)first * in, n);
        look(p, first, n, values, found);
    }
    dcn__free(values);
    dcn_plan_destroy(p);
}

dcn_status dcn__blame(dcn_trainer *t, dcn_error *err)
{
    const dcn_graph *g = t->model.graph;
    suspect found = { g->n_nodes, 0 };
    const long long step = (long long)t->model.step + 1;
    const dcn_model *model;

    if (dcn_trainer_model(t, &model, NULL) == DCN_OK) {
        for (int i = 0; i < g->n_weights; i++)
            if (!is_finite(g->weights[i].data, (size_t)g->weights[i].count))
                return dcn__fail(err, DCN_NUMBERS, g->weights[i].name,
                                 "is not finite at step %lld, the step was not applied; take "
                                 "other weights", step);
        search(t, &found);
    }
    if (found.node < g->n_nodes)
        return dcn__fail(err, DCN_NUMBERS, g->nodes[found.node].name,
                         "its value is not finite at step %lld (picture %d of the batch), the step "
                         "was not applied; lower the learning rate", step, found.picture);
    return dcn__fail(err, DCN_NUMBERS, "loss",
                     "is not finite at step %lld, the step was not applied; lower the learning "
                     "rate", step);
}
