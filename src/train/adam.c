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
#include <stdatomic.h>

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

/* ---- pieces of all weights, which the threads share ----------------------------------------- */

enum { PIECE = 8192 };

typedef struct adam_task {
    dcn_plan *plan;
    double rate;                  /* of this step */
    atomic_int bad;               /* the first weight whose gradient is not finite */
} adam_task;

static int pieces_of(const dcn_graph *g, int weight)
{
    return (int)((g->weights[weight].count + PIECE - 1) / PIECE);
}

static int all_pieces(const dcn_graph *g)
{
    int n = 0;

    for (int i = 0; i < g->n_weights; i++)
        n += pieces_of(g, i);
    return n;
}

/* Elements [*first, *first + *n) of a weight, which is returned. */
static int find_piece(const dcn_graph *g, int piece, size_t *first, int64_t *n)
{
    int weight = 0;

    for (; piece >= pieces_of(g, weight); weight++)
        piece -= pieces_of(g, weight);
    *first = (size_t)piece * PIECE;
    *n = g->weights[weight].count - (int64_t)piece * PIECE;
    if (*n > PIECE)
        *n = PIECE;
    return weight;
}

/* A number is finite unless all bits of its exponent are set. */
static bool is_finite_float(const uint32_t *bits, int64_t n)
{
    uint32_t bad = 0;

    for (int64_t i = 0; i < n; i++)
        bad |= (bits[i] & 0x7f800000u) == 0x7f800000u;
    return !bad;
}

static bool is_finite_double(const uint64_t *bits, int64_t n)
{
    const uint64_t exponent = UINT64_C(0x7ff) << 52;
    uint64_t bad = 0;

    for (int64_t i = 0; i < n; i++)
        bad |= (bits[i] & exponent) == exponent;
    return !bad;
}

static void check_piece(void *user, int piece, int thread)
{
    adam_task *task = user;
    const dcn_plan *p = task->plan;
    size_t first;
    int64_t n;
    const int i = find_piece(p->graph, piece, &first, &n);
    int bad = atomic_load(&task->bad);

    (void)thread;
    if (p->engine->real_bytes == sizeof(float)
            ? is_finite_float((const uint32_t *)p->gradients[i] + first, n)
            : is_finite_double((const uint64_t *)p->gradients[i] + first, n))
        return;
    while (i < bad && !atomic_compare_exchange_weak(&task->bad, &bad, i))
        ;
}

static void update_piece(void *user, int piece, int thread)
{
    const adam_task *task = user;
    dcn_plan *p = task->plan;
    size_t at;
    int64_t n;
    const int i = find_piece(p->graph, piece, &at, &n);

    (void)thread;
    if (p->engine->real_bytes == sizeof(float))
        update_float((float *)p->weights[i] + at, (float *)p->moments[0][i] + at,
                     (float *)p->moments[1][i] + at, (const float *)p->gradients[i] + at, n,
                     task->rate);
    else
        update_double((double *)p->weights[i] + at, (double *)p->moments[0][i] + at,
                      (double *)p->moments[1][i] + at, (const double *)p->gradients[i] + at, n,
                      task->rate);
}

/* ---- a step ---------------------------------------------------------------------------------- */

dcn_status dcn_plan_adam(dcn_plan *p, float rate, dcn_error *err)
{
    adam_task task = { .plan = p };
    int pieces;
    double t;

    if (!p->training)
        return dcn__fail(err, DCN_USAGE, "plan",
                         "was not made for training; set training in dcn_plan_desc");
    if (!(rate >= 0) || !isfinite(rate))
        return dcn__fail(err, DCN_USAGE, "learning rate",
                         "%g is no finite number from 0 up; choose one near 1e-4", (double)rate);
    pieces = all_pieces(p->graph);
    task.bad = p->graph->n_weights;
    dcn__team_run(p->team, pieces, check_piece, &task);
    if (task.bad < p->graph->n_weights)
        return dcn__fail(err, DCN_NUMBERS, p->graph->weights[task.bad].name,
                         "its gradient is not finite at step %lld, "
                         "the step was not applied; lower the learning rate",
                         (long long)p->adam_step + 1);
    t = (double)++p->adam_step;
    task.rate = rate * sqrt(1 - pow(BETA2, t)) / (1 - pow(BETA1, t));
    dcn__team_run(p->team, pieces, update_piece, &task);
    dcn__plan_weights_changed(p);
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
