/* adam.c - Adam (Kingma & Ba 2015) in TensorFlow's form, on a plan's own weights:
 *
 *   lr_t = lr * sqrt(1 - beta2^t) / (1 - beta1^t)
 *   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
 *   w -= lr_t * m / (sqrt(v) + epsilon)
 *
 * Everything is checked before anything changes: a gradient that is not finite leaves the
 * weights as they were. */
#include "train/adam.h"

#include "base/memory.h"

#include <math.h>

static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

void dcn__adam_set(dcn_plan *p, int moment, int weight, const float *values)
{
    dcn__real_from_float(p->engine->real_bytes, p->moments[moment][weight], values,
                         (size_t)p->graph->weights[weight].count);
}

void dcn__adam_get(const dcn_plan *p, int moment, int weight, float *values)
{
    dcn__real_to_float(p->engine->real_bytes, values, p->moments[moment][weight],
                       (size_t)p->graph->weights[weight].count);
}

/* The arithmetic is float for float engines, as in the framework that it must agree with. */
#define DEFINE_UPDATE(name, type, SQRT)                                                            \
    static void name(type *w, type *m, type *v, const type *g, int64_t n, double rate)             \
    {                                                                                              \
        const type b1 = (type)BETA1, b2 = (type)BETA2, eps = (type)EPSILON, lr = (type)rate;       \
                                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                          \
            m[i] = b1 * m[i] + (1 - b1) * g[i];                                                    \
            v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];                                             \
            w[i] -= lr * m[i] / (SQRT(v[i]) + eps);                                                \
        }                                                                                          \
    }
DEFINE_UPDATE(update_float, float, sqrtf)
DEFINE_UPDATE(update_double, double, sqrt)

/* The sum of |g| is finite exactly if every g is, unless it overflows, which is no better. */
static bool is_finite(const dcn_plan *p, int weight)
{
    const int64_t n = p->graph->weights[weight].count;
    double sum = 0;

    if (p->engine->real_bytes == sizeof(float))
        for (int64_t i = 0; i < n; i++)
            sum += fabs((double)((const float *)p->gradients[weight])[i]);
    else
        for (int64_t i = 0; i < n; i++)
            sum += fabs(((const double *)p->gradients[weight])[i]);
    return isfinite(sum);
}

dcn_status dcn_plan_adam(dcn_plan *p, float rate, dcn_error *err)
{
    double t, step;

    if (!p->training)
        return dcn__fail(err, DCN_USAGE, "plan",
                         "was not made for training; set training in dcn_plan_desc");
    if (!(rate >= 0) || !isfinite(rate))
        return dcn__fail(err, DCN_USAGE, "learning rate",
                         "%g is no finite number from 0 up; choose one near 1e-4", (double)rate);
    for (int i = 0; i < p->graph->n_weights; i++)
        if (!is_finite(p, i))
            return dcn__fail(err, DCN_NUMBERS, p->graph->weights[i].name,
                             "its gradient is not finite at step %lld, "
                             "the step was not applied; lower the learning rate",
                             (long long)p->adam_step + 1);
    t = (double)++p->adam_step;
    step = rate * sqrt(1 - pow(BETA2, t)) / (1 - pow(BETA1, t));
    for (int i = 0; i < p->graph->n_weights; i++) {
        const int64_t n = p->graph->weights[i].count;

        if (p->engine->real_bytes == sizeof(float))
            update_float(p->weights[i], p->moments[0][i], p->moments[1][i], p->gradients[i], n,
                         step);
        else
            update_double(p->weights[i], p->moments[0][i], p->moments[1][i], p->gradients[i], n,
                          step);
    }
    dcn__plan_pack(p);
    return DCN_OK;
}

dcn_status dcn_plan_store_weights(const dcn_plan *p, dcn_graph *g, dcn_error *err)
{
    if (g->n_weights != p->graph->n_weights)
        return dcn__fail(err, DCN_STATE, "network",
                         "has %d weights, the plan %d; use the same network", g->n_weights,
                         p->graph->n_weights);
    for (int i = 0; i < g->n_weights; i++) {
        dcn__weight *w = &g->weights[i];

        if (w->count != p->graph->weights[i].count)
            return dcn__fail(err, DCN_STATE, w->name,
                             "holds %lld values, the plan's %lld; use the same network",
                             (long long)w->count, (long long)p->graph->weights[i].count);
        if (!w->data && !(w->data = dcn__alloc_aligned((size_t)w->count * sizeof(float))))
            return dcn__fail_memory(err, w->name, (size_t)w->count * sizeof(float));
        dcn__real_to_float(p->engine->real_bytes, w->data, p->weights[i], (size_t)w->count);
    }
    return DCN_OK;
}
