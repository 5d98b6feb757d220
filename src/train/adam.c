/* adam.c - Adam (Kingma & Ba 2015) in TensorFlow's form, on a plan's own weights:
 *
 *   lr_t = lr * sqrt(1 - beta2^t) / (1 - beta1^t)
 *   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
 *   w -= lr_t * m / (sqrt(v) + epsilon)
 *
 * Everything is checked before anything changes: a gradient that is not finite, or a step after
 * which a weight or a moment would not be, leaves all as it was. What the weights and moments
 * can have reached is bounded from the gradients' largest value, which the first check finds
 * anyway; only where that bound is near the end of float's range is the step tried on copies. */
#include "train/adam.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

void dcn__adam_set(dcn_plan *p, int moment, int weight, const float *values)
{
    dcn__real_from_float(p->engine->real_bytes, p->moments[moment][weight], values,
                         (size_t)p->graph->weights[weight].count);
    p->extent_known = false;
}

void dcn__adam_get(const dcn_plan *p, int moment, int weight, float *values)
{
    dcn__real_to_float(p->engine->real_bytes, values, p->moments[moment][weight],
                       (size_t)p->graph->weights[weight].count);
}

/* The arithmetic is float for float engines, as in the framework that it must agree with. */
#define DEFINE_UPDATE(name, type, SQRT)                                                            \
    static void name(type *restrict w, type *restrict m, type *restrict v, const type *restrict g, \
                     int64_t n, double rate)                                                       \
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
    atomic_int bad;               /* the last weight, first on the way down, that is not finite */
    _Atomic double largest[3];    /* of gradients; or of weights, m and v */
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

/* The largest |x|; what is not a number counts as infinity. As whole numbers the bits of floats
 * without a sign stand in the same order. */
static double largest_float(const uint32_t *bits, int64_t n)
{
    int32_t most = 0;
    float value;

    for (int64_t i = 0; i < n; i++) {
        const int32_t x = (int32_t)(bits[i] & 0x7fffffffu);

        most = x > most ? x : most;
    }
    memcpy(&value, &most, sizeof value);
    return isfinite(value) ? (double)value : (double)INFINITY;
}

static double largest_double(const uint64_t *bits, int64_t n)
{
    int64_t most = 0;
    double value;

    for (int64_t i = 0; i < n; i++) {
        const int64_t x = (int64_t)(bits[i] & (UINT64_MAX >> 1));

        most = x > most ? x : most;
    }
    memcpy(&value, &most, sizeof value);
    return isfinite(value) ? value : (double)INFINITY;
}

static double largest(const dcn_plan *p, const void *values, size_t first, int64_t n)
{
    return p->engine->real_bytes == sizeof(float)
               ? largest_float((const uint32_t *)values + first, n)
               : largest_double((const uint64_t *)values + first, n);
}

static void raise_to(_Atomic double *to, double value)
{
    double now = atomic_load(to);

    while (value > now && !atomic_compare_exchange_weak(to, &now, value))
        ;
}

static void note_bad(adam_task *task, int weight)
{
    int bad = atomic_load(&task->bad);

    while (weight > bad && !atomic_compare_exchange_weak(&task->bad, &bad, weight))
        ;
}

static void check_piece(void *user, int piece, int thread)
{
    adam_task *task = user;
    const dcn_plan *p = task->plan;
    size_t first;
    int64_t n;
    const int i = find_piece(p->graph, piece, &first, &n);
    const double most = largest(p, p->gradients[i], first, n);

    (void)thread;
    raise_to(&task->largest[0], most);
    if (!isfinite(most))
        note_bad(task, i);
}

/* What weights and moments reach now. */
static void measure_piece(void *user, int piece, int thread)
{
    adam_task *task = user;
    const dcn_plan *p = task->plan;
    size_t first;
    int64_t n;
    const int i = find_piece(p->graph, piece, &first, &n);
    const double w = largest(p, p->weights[i], first, n);

    (void)thread;
    raise_to(&task->largest[0], w);
    for (int k = 0; k < 2; k++)
        raise_to(&task->largest[1 + k], largest(p, p->moments[k][i], first, n));
    if (!isfinite(w))
        note_bad(task, i);
}

static void update(const dcn_plan *p, void *const state[3], const void *g, int64_t n, double rate)
{
    if (p->engine->real_bytes == sizeof(float))
        update_float(state[0], state[1], state[2], g, n, rate);
    else
        update_double(state[0], state[1], state[2], g, n, rate);
}

/* The same step on copies. Files hold floats, so a double must stay in their range, too. */
static void try_piece(void *user, int piece, int thread)
{
    enum { BLOCK = 256 };
    adam_task *task = user;
    const dcn_plan *p = task->plan;
    const size_t real = p->engine->real_bytes;
    size_t first;
    int64_t n, m;
    const int i = find_piece(p->graph, piece, &first, &n);
    double copies[3][BLOCK];
    void *const state[3] = { copies[0], copies[1], copies[2] };

    (void)thread;
    for (int64_t done = 0; done < n; done += m) {
        const size_t at = (first + (size_t)done) * real;

        m = n - done < BLOCK ? n - done : BLOCK;
        memcpy(copies[0], (const uint8_t *)p->weights[i] + at, (size_t)m * real);
        for (int k = 0; k < 2; k++)
            memcpy(copies[1 + k], (const uint8_t *)p->moments[k][i] + at, (size_t)m * real);
        update(p, state, (const uint8_t *)p->gradients[i] + at, m, task->rate);
        for (int k = 0; k < 3; k++)
            if (largest(p, copies[k], 0, m) > (double)FLT_MAX)
                note_bad(task, i);
    }
}

static void update_piece(void *user, int piece, int thread)
{
    const adam_task *task = user;
    dcn_plan *p = task->plan;
    size_t first;
    int64_t n;
    const int i = find_piece(p->graph, piece, &first, &n);
    const size_t at = first * p->engine->real_bytes;
    void *const state[3] = { (uint8_t *)p->weights[i] + at, (uint8_t *)p->moments[0][i] + at,
                             (uint8_t *)p->moments[1][i] + at };

    (void)thread;
    update(p, state, (const uint8_t *)p->gradients[i] + at, n, task->rate);
}

/* ---- a step ---------------------------------------------------------------------------------- */

static dcn_status refuse(const adam_task *task, const char *what, dcn_error *err)
{
    return dcn__fail(err, DCN_NUMBERS, task->plan->graph->weights[task->bad].name,
                     "%s at step %lld, the step was not applied; lower the learning rate", what,
                     (long long)task->plan->adam_step + 1);
}

static dcn_status measure(dcn_plan *p, int pieces, dcn_error *err)
{
    adam_task task = { .plan = p, .bad = -1 };

    dcn__team_run(p->team, pieces, measure_piece, &task);
    if (task.bad >= 0)
        return refuse(&task, "it is not finite", err);
    for (int k = 0; k < 3; k++)
        p->extent[k] = task.largest[k];
    p->extent_known = true;
    return DCN_OK;
}

/* Bounds after a step with gradients up to g: m and v are means, and the root of v only makes a
 * step smaller. Are they so far from the end of the range that no rounding matters? */
static bool is_far_from_overflow(double extent[3], double g, double rate)
{
    const double safe = (double)FLT_MAX / 8;
    double step;

    extent[1] = fmax(extent[1], g);
    extent[2] = fmax(extent[2], g * g);
    step = rate * extent[1];
    extent[0] += 1.01 * step / EPSILON;
    return extent[0] < safe && extent[1] < safe && extent[2] < safe;
}

dcn_status dcn_plan_adam(dcn_plan *p, float rate, dcn_error *err)
{
    adam_task task = { .plan = p, .bad = -1 };
    double t, extent[3];
    dcn_status st;
    int pieces;

    if (!p->training)
        return dcn__fail(err, DCN_USAGE, "plan",
                         "was not made for training; set training in dcn_plan_desc");
    if (!(rate >= 0) || !isfinite(rate))
        return dcn__fail(err, DCN_USAGE, "learning rate",
                         "%g is no finite number from 0 up; choose one near 1e-4", (double)rate);
    pieces = all_pieces(p->graph);
    dcn__team_run(p->team, pieces, check_piece, &task);
    if (task.bad >= 0)
        return refuse(&task, "its gradient is not finite", err);
    if (!p->extent_known && (st = measure(p, pieces, err)))
        return st;
    t = (double)p->adam_step + 1;
    task.rate = rate * sqrt(1 - pow(BETA2, t)) / (1 - pow(BETA1, t));
    memcpy(extent, p->extent, sizeof extent);
    if (!is_far_from_overflow(extent, task.largest[0], task.rate)) {
        dcn__team_run(p->team, pieces, try_piece, &task);
        if (task.bad >= 0)
            return refuse(&task, "its value or moments would leave float's range", err);
        p->extent_known = false;
    }
    memcpy(p->extent, extent, sizeof extent);
    p->adam_step++;
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
