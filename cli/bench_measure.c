/* bench_measure.c - an engine against ref on a few pictures, then its times on the whole batch. */
#include "bench.h"

#include "message.h"
#include "network.h"
#include "progress.h"
#include "strips.h"
#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 2, VERIFY_MAX = 4 };

/* A plan with what it needs to be run. */
typedef struct bench_plan {
    dcn_graph *graph;
    dcn_plan *plan;
    int n, n_routes;
    dcn_route routes[ROUTES_MAX];
    size_t in, out;            /* floats a picture */
    float *images;
    int32_t *labels;
    float *drawn;              /* (n, in) */
} bench_plan;

static void close_plan(bench_plan *b)
{
    dcn_plan_destroy(b->plan);
    dcn_graph_destroy(b->graph);
    free(b->images);
    free(b->labels);
    free(b->drawn);
}

/* The ways down: the tutorial's two layers, else the operator itself as plain adjoint. */
static void choose_routes(bench_plan *b, const bench_problem *p)
{
    dcn_node layers[ROUTES_MAX];

    if (p->op != BENCH_TUTORIAL) {
        b->routes[0] = (dcn_route){ .layer = dcn_graph_output(b->graph),
                                    .rule = DCN_RULE_GRADIENT };
        b->n_routes = 1;
        return;
    }
    b->n_routes = cli_pooled_layers(b->graph, layers, ROUTES_MAX);
    b->n_routes = b->n_routes > ROUTES_MAX ? ROUTES_MAX : b->n_routes;
    for (int i = 0; i < b->n_routes; i++)
        b->routes[i] = (dcn_route){ .layer = layers[i], .rule = DCN_RULE_RECONSTRUCT };
}

static dcn_status open_plan(bench_plan *b, const bench_run *run, const bench_problem *p,
                            const char *engine, int n, bool training, dcn_error *err)
{
    dcn_plan_desc desc = { .engine = engine, .batch = n, .threads = run->threads,
                           .training = training, .exact = run->shared.exact,
                           .max_bytes = run->shared.max_memory };
    dcn_status st;

    memset(b, 0, sizeof *b);
    b->n = n;
    if ((st = bench_graph(&b->graph, p, training, err)))
        return st;
    b->in = cli_volume(cli_shape_of(b->graph, cli_input_of(b->graph)));
    b->out = cli_volume(cli_shape_of(b->graph, dcn_graph_output(b->graph)));
    if (!training) {
        choose_routes(b, p);
        desc.routes = b->routes;
        desc.n_routes = b->n_routes;
    }
    if ((st = dcn_plan_create(&b->plan, b->graph, &desc, err)))
        return st;
    b->images = cli_alloc((size_t)n * b->in, sizeof(float));
    b->drawn = cli_alloc((size_t)n * b->in, sizeof(float));
    b->labels = cli_alloc((size_t)n, sizeof *b->labels);
    bench_fill_images(p, b->images, (size_t)n * b->in);
    for (int i = 0; i < n && training; i++)
        b->labels[i] = (int32_t)((size_t)i % b->out);
    return DCN_OK;
}

/* ---- verifying ------------------------------------------------------------------------------ */

/* The largest difference, as a share of the largest value of ref; infinite for NaN. */
static double difference(const float *a, const float *ref, size_t n)
{
    double largest = 0, off = 0;

    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)ref[i]);

        if (!(d <= HUGE_VAL) || isinf(d))
            return HUGE_VAL;
        off = d > off ? d : off;
        largest = fabs((double)ref[i]) > largest ? fabs((double)ref[i]) : largest;
    }
    return largest > 0 ? off / largest : off;
}

static dcn_status judge(const bench_problem *p, const char *what, double error, double limit,
                        dcn_error *err)
{
    char text[128];

    if (error <= limit)
        return DCN_OK;
    bench_text(p, text, sizeof text);
    return cli_fail(err, DCN_BUG, text,
                    "%s differs from ref by %.3g of the largest value, the limit is %.3g; report "
                    "it with this line: deconvnet bench %s",
                    what, error, limit, text);
}

static dcn_status compare_outputs(const bench_plan *a, const bench_plan *b, bench_result *r,
                                  dcn_error *err)
{
    const dcn_node output = dcn_graph_output(a->graph);
    const size_t n = (size_t)a->n * a->out;
    float *x = cli_alloc(n, sizeof *x), *y = cli_alloc(n, sizeof *y);
    dcn_status st;

    dcn_plan_forward(a->plan, a->images, a->n);
    dcn_plan_forward(b->plan, b->images, b->n);
    if (!(st = dcn_plan_value(a->plan, output, x, err))
        && !(st = dcn_plan_value(b->plan, output, y, err)))
        r->forward_error = difference(x, y, n);
    free(x);
    free(y);
    return st;
}

/* Rounding may choose another winner between two nearly equal values: both go down with the same
 * switches, those of the engine, which ref checks when it takes them. */
static dcn_status share_switches(const bench_plan *a, const bench_plan *b, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; i < dcn_graph_node_count(a->graph) && !st; i++) {
        dcn_node_info info;
        int64_t *switches;

        dcn_graph_node_info(a->graph, i, &info);
        if (strcmp(info.op, "max_pool") != 0)
            continue;
        switches = cli_alloc((size_t)a->n, cli_volume(info.shape) * sizeof *switches);
        if (!(st = dcn_plan_switches(a->plan, i, switches, err)))
            st = dcn_plan_set_switches(b->plan, i, switches,
                                       (int64_t)a->n * (int64_t)cli_volume(info.shape), err);
        free(switches);
    }
    return st;
}

static dcn_status compare_ways_down(const bench_plan *a, const bench_plan *b, bench_result *r,
                                    dcn_error *err)
{
    dcn_status st = share_switches(a, b, err);

    for (int i = 0; i < a->n_routes && !st; i++) {
        double d;

        if ((st = dcn_plan_project(a->plan, i, DCN_FROM_LAYER, 0, a->drawn, err))
            || (st = dcn_plan_project(b->plan, i, DCN_FROM_LAYER, 0, b->drawn, err)))
            break;
        d = difference(a->drawn, b->drawn, (size_t)a->n * a->in);
        r->reverse_error = d > r->reverse_error ? d : r->reverse_error;
    }
    return st;
}

static dcn_status compare_gradients(const bench_plan *a, const bench_plan *b, bench_result *r,
                                    dcn_error *err)
{
    dcn_loss la, lb;
    dcn_status st;

    if ((st = dcn_plan_gradient(a->plan, a->images, a->labels, a->n, &la, err))
        || (st = dcn_plan_gradient(b->plan, b->images, b->labels, b->n, &lb, err)))
        return st;
    for (int i = 0; i < dcn_graph_weight_count(a->graph) && !st; i++) {
        dcn_weight_info w;
        float *x, *y;

        dcn_graph_weight_info(a->graph, i, &w);
        x = cli_alloc((size_t)w.count, sizeof *x);
        y = cli_alloc((size_t)w.count, sizeof *y);
        if (!(st = dcn_plan_weight_gradient(a->plan, i, x, err))
            && !(st = dcn_plan_weight_gradient(b->plan, i, y, err))) {
            const double d = difference(x, y, (size_t)w.count);

            r->gradient_error = d > r->gradient_error ? d : r->gradient_error;
        }
        free(x);
        free(y);
    }
    return st;
}

/* Is there a loss to train with? Operators without weights have none. */
static bool trains(const bench_problem *p)
{
    return p->op == BENCH_TUTORIAL || ((p->op == BENCH_CONV || p->op == BENCH_DENSE) && p->k > 1);
}

static dcn_status verify(const bench_run *run, const bench_problem *p, bool training,
                         bench_result *r, dcn_error *err)
{
    const int n = p->n < VERIFY_MAX ? p->n : VERIFY_MAX;
    bench_plan a = { 0 }, b = { 0 };
    dcn_status st;

    if ((st = open_plan(&a, run, p, run->shared.engine, n, training, err))
        || (st = open_plan(&b, run, p, "ref64", n, training, err)))
        goto done;
    if (training)
        st = compare_gradients(&a, &b, r, err);
    else if (!(st = compare_outputs(&a, &b, r, err)))
        st = compare_ways_down(&a, &b, r, err);
done:
    close_plan(&a);
    close_plan(&b);
    return st;
}

dcn_status bench_verify(const bench_run *run, const bench_problem *p, bench_result *r,
                        dcn_error *err)
{
    /* Whole numbers: nothing may differ. Else the rounding of sums of a few thousand terms. */
    const double limit = bench_is_exact(p) ? 0 : 2e-5;
    dcn_status st;

    if ((st = verify(run, p, false, r, err))
        || (st = judge(p, "the forward pass", r->forward_error, limit, err))
        || (st = judge(p, "the way down", r->reverse_error, limit, err)))
        return st;
    if (!trains(p))
        return DCN_OK;
    if ((st = verify(run, p, true, r, err)))
        return st;
    return judge(p, "the gradient", r->gradient_error, 1e-4, err);
}

/* ---- timing --------------------------------------------------------------------------------- */

typedef dcn_status (*bench_call)(bench_plan *b, dcn_error *err);

static dcn_status call_forward(bench_plan *b, dcn_error *err)
{
    (void)err;
    dcn_plan_forward(b->plan, b->images, b->n);
    return DCN_OK;
}

static dcn_status call_reverse(bench_plan *b, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; i < b->n_routes && !st; i++)
        st = dcn_plan_project(b->plan, i, DCN_FROM_LAYER, 0, b->drawn, err);
    return st;
}

static dcn_status call_train(bench_plan *b, dcn_error *err)
{
    dcn_loss loss;
    const dcn_status st = dcn_plan_gradient(b->plan, b->images, b->labels, b->n, &loss, err);

    return st ? st : dcn_plan_adam(b->plan, 1e-6f, err);
}

/* The median of `repeats` calls, or of 5 to 200 within about a second; one call warms up. */
static dcn_status median_ms(bench_plan *b, bench_call call, int repeats, double *ms, dcn_error *err)
{
    enum { LEAST = 5, MOST = 200, KEPT = 1000 };
    const int most = repeats ? repeats : MOST;
    double times[KEPT], began = cli_seconds();
    dcn_status st = call(b, err);
    int n = 0;

    while (!st && n < most && n < KEPT && (repeats || n < LEAST || cli_seconds() - began < 1.0)) {
        const double start = cli_seconds();

        st = call(b, err);
        times[n++] = 1000 * (cli_seconds() - start);
    }
    *ms = train_median(times, n);
    return st;
}

static double rate(double flops, double ms)
{
    return ms > 0 ? flops / ms / 1e6 : 0;
}

/* Forward, weights' gradients, and the data's gradients save that of the first weights' input. */
static double train_flops(const dcn_graph *g)
{
    double first = 0;

    for (int i = 0; i < dcn_graph_node_count(g) && first == 0; i++) {
        dcn_node_info info;

        dcn_graph_node_info(g, i, &info);
        if (!strcmp(info.op, "conv"))
            first = 2.0 * info.shape.h * info.shape.w * (double)(info.n_weights - info.shape.c);
        else if (info.n_weights)
            first = 2.0 * (double)info.n_weights;
    }
    return 3 * dcn_graph_flops(g) - first;
}

static dcn_status time_training(const bench_run *run, const bench_problem *p, bench_result *r,
                                dcn_error *err)
{
    bench_plan b = { 0 };
    dcn_status st;

    if (!(st = open_plan(&b, run, p, run->shared.engine, p->n, true, err))
        && !(st = median_ms(&b, call_train, run->repeats, &r->train_ms, err))) {
        r->train_gflops = rate(train_flops(b.graph) * p->n, r->train_ms);
        r->bytes = dcn_plan_bytes(b.plan);
    }
    close_plan(&b);
    return st;
}

dcn_status bench_time(const bench_run *run, const bench_problem *p, bench_result *r, dcn_error *err)
{
    bench_plan b = { 0 };
    dcn_status st;

    if (!(st = open_plan(&b, run, p, run->shared.engine, p->n, false, err))
        && !(st = median_ms(&b, call_forward, run->repeats, &r->forward_ms, err))
        && !(st = median_ms(&b, call_reverse, run->repeats, &r->reverse_ms, err))) {
        const double flops = dcn_graph_flops(b.graph) * p->n;

        r->forward_gflops = rate(flops, r->forward_ms);
        /* One operator costs the same in both directions; a network's ways down differ from it. */
        r->reverse_gflops = p->op == BENCH_TUTORIAL ? 0 : rate(flops, r->reverse_ms);
        r->bytes = dcn_plan_bytes(b.plan);
    }
    close_plan(&b);
    return st || !trains(p) ? st : time_training(run, p, r, err);
}
