/* bench_model.c - how long a whole network takes for one picture: loading, planning, forward, one
 * channel's way down, a peak's, and a sheet of a layer's channels. Nothing is compared here. */
#include "bench.h"

#include "json.h"
#include "load_model.h"
#include "message.h"
#include "network.h"
#include "progress.h"
#include "train.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STARTS = 16 };

typedef struct timing {
    dcn_model model;
    dcn_plan *plan;
    dcn_node layer;
    dcn_shape in, shape;       /* of the input, of the layer */
    float *image, *values, *drawn;
    int channels, strongest;
    int n;                     /* channels of the sheet */
    dcn_from from;             /* of the sheet */
    double load_ms, plan_ms, forward_ms, channel_ms, peak_ms, sheet_ms, peak_sheet_ms;
} timing;

bool bench_is_model(const char *path)
{
    struct stat file;

    return path && stat(path, &file) == 0 && (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode));
}

/* Without --layer the last layer that still is a picture. */
static dcn_status choose_layer(const bench_run *run, timing *t, dcn_error *err)
{
    const dcn_graph *graph = t->model.graph;

    t->layer = run->layer ? dcn_graph_find(graph, run->layer) : -1;
    if (run->layer && t->layer < 0)
        return cli_fail(err, DCN_USAGE, "--layer", "the network has no node \"%.60s\"; give a name "
                        "that deconvnet info lists", run->layer);
    for (int i = 0; i < dcn_graph_node_count(graph) && !run->layer; i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        if (info.is_layer && (t->layer < 0 || info.shape.h * info.shape.w > 1))
            t->layer = i;
    }
    if (t->layer < 0)
        return cli_fail(err, DCN_USAGE, "--layer", "the network has no convolution; name a node of "
                        "those that deconvnet info lists");
    t->shape = cli_shape_of(graph, t->layer);
    return DCN_OK;
}

/* One start at a time has all threads to itself; many are shared out among them. */
static dcn_status open_plan(const bench_run *run, timing *t, int starts, dcn_error *err)
{
    const dcn_route route = { .layer = t->layer, .rule = DCN_RULE_DECONVNET, .extend = 1 };
    const dcn_plan_desc desc = { .engine = run->shared.engine, .threads = run->threads, .batch = 1,
                                 .routes = &route, .n_routes = 1, .starts = starts,
                                 .exact = run->shared.exact, .max_bytes = run->shared.max_memory };
    const double began = cli_seconds();

    dcn_plan_destroy(t->plan);
    t->plan = NULL;
    t->plan_ms = 0;
    if (dcn_plan_create(&t->plan, t->model.graph, &desc, err))
        return err->status;
    t->plan_ms = 1000 * (cli_seconds() - began);
    return DCN_OK;
}

static void make_picture(const bench_run *run, timing *t)
{
    t->in = cli_shape_of(t->model.graph, cli_input_of(t->model.graph));
    t->channels = t->shape.c;
    t->n = run->channels && run->channels < t->channels ? run->channels : t->channels;
    t->image = cli_alloc(cli_volume(t->in), sizeof(float));
    t->values = cli_alloc(cli_volume(t->shape), sizeof(float));
    t->drawn = cli_alloc(STARTS * cli_volume(t->in), sizeof(float));
    for (size_t i = 0; i < cli_volume(t->in); i++)       /* waves: no part is like another */
        t->image[i] = (float)((i * 2654435761u >> 16) % 2001) / 1000.0f - 1;
}

/* ---- what is timed -------------------------------------------------------------------------- */

typedef dcn_status (*timed)(timing *t, dcn_error *err);

static dcn_status forward(timing *t, dcn_error *err)
{
    (void)err;
    dcn_plan_forward(t->plan, t->image, 1);
    return DCN_OK;
}

static dcn_status walk_one(timing *t, dcn_from from, dcn_error *err)
{
    const dcn_start start = { .from = from, .channel = t->strongest };

    return dcn_plan_project_starts(t->plan, 0, &start, 1, t->drawn, err);
}

static dcn_status channel(timing *t, dcn_error *err)
{
    return walk_one(t, DCN_FROM_CHANNEL, err);
}

static dcn_status peak(timing *t, dcn_error *err)
{
    return walk_one(t, DCN_FROM_PEAK, err);
}

/* Forward once, then all channels, a few together. */
static dcn_status sheet(timing *t, dcn_error *err)
{
    dcn_start starts[STARTS];
    dcn_status st = forward(t, err);

    for (int first = 0; first < t->n && !st; first += STARTS) {
        const int n = t->n - first < STARTS ? t->n - first : STARTS;

        for (int i = 0; i < n; i++)
            starts[i] = (dcn_start){ .from = t->from, .channel = first + i };
        st = dcn_plan_project_starts(t->plan, 0, starts, n, t->drawn, err);
    }
    return st;
}

static dcn_status find_strongest(timing *t, dcn_error *err)
{
    dcn_status st = dcn_plan_value(t->plan, t->layer, t->values, err);
    float most = -1;

    for (size_t i = 0; i < cli_volume(t->shape) && !st; i++)
        if (t->values[i] > most) {
            most = t->values[i];
            t->strongest = (int)(i % (size_t)t->channels);
        }
    return st;
}

/* The median of `repeats` calls, or of 3 to 50 within about a second; one call warms up. */
static dcn_status measure(timing *t, timed call, int repeats, double *ms, dcn_error *err)
{
    enum { LEAST = 3, MOST = 50, KEPT = 1000 };
    const int most = repeats ? repeats : MOST;
    double times[KEPT], began;
    dcn_status st = call(t, err);
    int n = 0;

    began = cli_seconds();
    while (!st && n < most && n < KEPT && (repeats || n < LEAST || cli_seconds() - began < 1.0)) {
        const double start = cli_seconds();

        st = call(t, err);
        times[n++] = 1000 * (cli_seconds() - start);
    }
    *ms = train_median(times, n);
    return st;
}

/* A sheet takes long: once, unless repeats are asked for. */
static dcn_status measure_sheet(timing *t, dcn_from from, int repeats, double *ms, dcn_error *err)
{
    const double began = cli_seconds();
    dcn_status st;

    t->from = from;
    if (repeats)
        return measure(t, sheet, repeats, ms, err);
    st = sheet(t, err);
    *ms = 1000 * (cli_seconds() - began);
    return st;
}

/* ---- output --------------------------------------------------------------------------------- */

static void print_text(const bench_run *run, const timing *t)
{
    const double flops = dcn_graph_flops(t->model.graph);

    printf("%s, %dx%dx%d, batch 1, rule deconvnet, layer %s (%dx%dx%d)\n", run->model, t->in.h,
           t->in.w, t->in.c, cli_name_of(t->model.graph, t->layer), t->shape.h, t->shape.w,
           t->shape.c);
    printf("  %-12s %10.1f ms\n  %-12s %10.1f ms\n", "load", t->load_ms, "plan", t->plan_ms);
    printf("  %-12s %10.2f ms  %8.1f GFLOP/s\n", "forward", t->forward_ms,
           t->forward_ms > 0 ? flops / t->forward_ms / 1e6 : 0);
    printf("  %-12s %10.2f ms  channel %d, the way down alone\n", "channel", t->channel_ms,
           t->strongest);
    printf("  %-12s %10.2f ms  its largest activation alone\n", "peak", t->peak_ms);
    printf("  %-12s %10.1f ms  forward and %d channels\n", "sheet", t->sheet_ms, t->n);
    printf("  %-12s %10.1f ms  forward and the peaks of %d channels\n", "peaks", t->peak_sheet_ms,
           t->n);
    printf("  %-12s %10.1f MB\n", "memory", (double)dcn_plan_bytes(t->plan) / 1e6);
}

static dcn_status print_json(const bench_run *run, const timing *t, dcn_error *err)
{
    cli_json *json = cli_json_create();
    dcn_status st;

    bench_add_machine(run, json);
    cli_json_text(json, "file", run->model);
    cli_json_text(json, "layer", cli_name_of(t->model.graph, t->layer));
    cli_json_int(json, "channel", t->strongest);
    cli_json_int(json, "channels", t->n);
    cli_json_real(json, "load_ms", t->load_ms);
    cli_json_real(json, "plan_ms", t->plan_ms);
    cli_json_real(json, "forward_ms", t->forward_ms);
    cli_json_real(json, "forward_flops", dcn_graph_flops(t->model.graph));
    cli_json_real(json, "channel_ms", t->channel_ms);
    cli_json_real(json, "peak_ms", t->peak_ms);
    cli_json_real(json, "sheet_ms", t->sheet_ms);
    cli_json_real(json, "peak_sheet_ms", t->peak_sheet_ms);
    cli_json_int(json, "plan_bytes", (int64_t)dcn_plan_bytes(t->plan));
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}

dcn_status bench_model(const bench_run *run, dcn_error *err)
{
    timing t = { .layer = -1 };
    const double began = cli_seconds();
    cli_shared shared = run->shared;
    dcn_status st;
    char *path;

    shared.model = run->model;
    path = cli_model_path(&shared);
    st = cli_load_model(&t.model, path, &shared, err);
    t.load_ms = 1000 * (cli_seconds() - began);
    free(path);
    if (!st)
        cli_tell_guess(&t.model, &shared);
    if (!st && !(st = choose_layer(run, &t, err)) && !(st = open_plan(run, &t, 1, err))) {
        make_picture(run, &t);
        if ((st = measure(&t, forward, run->repeats, &t.forward_ms, err))
            || (st = find_strongest(&t, err))
            || (st = measure(&t, channel, run->repeats, &t.channel_ms, err))
            || (st = measure(&t, peak, run->repeats, &t.peak_ms, err))
            || (st = open_plan(run, &t, STARTS, err))
            || (st = measure_sheet(&t, DCN_FROM_CHANNEL, run->repeats, &t.sheet_ms, err)))
            goto done;
        st = measure_sheet(&t, DCN_FROM_PEAK, run->repeats, &t.peak_sheet_ms, err);
    }
    if (!st) {
        if (run->shared.json)
            st = print_json(run, &t, err);
        else
            print_text(run, &t);
    }
done:
    dcn_plan_destroy(t.plan);
    dcn_model_clear(&t.model);
    free(t.image);
    free(t.values);
    free(t.drawn);
    return st;
}
