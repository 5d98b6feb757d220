/* bench_starts.c - how fast many single units are projected, layer by layer: through what each can see,
 * and the whole way; and how fast pictures go forward. What an atlas is made of. */
#include "bench.h"

#include "json.h"
#include "layers.h"
#include "load_model.h"
#include "message.h"
#include "network.h"
#include "progress.h"
#include "train.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS_USUAL = 32, BATCH_USUAL = 8, STARTS = 64, FORWARDS = 200 };

typedef struct layer_times {
    dcn_node node;
    dcn_shape shape;
    int units;                 /* measured */
    double cone_ms, whole_ms;  /* a unit */
} layer_times;

typedef struct starts_run {
    const bench_run *bench;
    dcn_model model;
    dcn_node *nodes;
    layer_times *layers;       /* (n) */
    int n, batch;
    float *images, *drawn;
    double forward_ms;         /* a batch */
} starts_run;

/* layer NULL: only forward. As many starts as there will be: a plan for more cuts larger chunks, and
 * computes nothing in what is left of them. */
static dcn_status open_plan(dcn_plan **plan, const starts_run *s, const layer_times *layer,
                            bool whole, dcn_error *err)
{
    const int starts = !layer ? 0 : layer->units < STARTS ? layer->units : STARTS;
    const dcn_route route = { .layer = layer ? layer->node : 0, .rule = DCN_RULE_DECONVNET, .extend = 1 };
    const dcn_plan_desc desc = { .engine = s->bench->shared.engine, .threads = s->bench->threads,
                                 .batch = s->batch, .routes = &route, .n_routes = layer != NULL,
                                 .only_asked = layer != NULL, .starts = starts,
                                 .no_cones = whole, .exact = s->bench->shared.exact,
                                 .max_bytes = s->bench->shared.max_memory };

    return dcn_plan_create(plan, s->model.graph, &desc, err);
}

/* Units of channels from all over the layer, of all pictures in turn; each begins with 1, so that a
 * dead channel costs what a live one does. */
static dcn_status project(dcn_plan *plan, const starts_run *s, const layer_times *l, int units,
                          dcn_error *err)
{
    dcn_start starts[STARTS];
    dcn_status st = DCN_OK;

    for (int first = 0; first < units && !st; first += STARTS) {
        const int n = units - first < STARTS ? units - first : STARTS;

        for (int i = 0; i < n; i++)
            starts[i] = (dcn_start){ .picture = (first + i) % s->batch, .from = DCN_FROM_PEAK,
                                     .channel = (int)((int64_t)(first + i) * l->shape.c / l->units),
                                     .ones = 1 };
        st = dcn_plan_project_starts(plan, 0, starts, n, s->drawn, err);
    }
    return st;
}

/* Once after a short warming up, or the median of as many times as asked for. */
static dcn_status time_layer(const starts_run *s, const layer_times *l, bool whole, double *ms,
                             dcn_error *err)
{
    enum { WARM = 2, KEPT = 1000 };
    const int repeats = s->bench->repeats ? s->bench->repeats : 1;
    double times[KEPT];
    dcn_plan *plan;
    dcn_status st;

    if ((st = open_plan(&plan, s, l, whole, err)))
        return st;
    dcn_plan_forward(plan, s->images, s->batch);
    st = project(plan, s, l, l->units < WARM ? l->units : WARM, err);
    for (int i = 0; i < repeats && !st; i++) {
        const double began = cli_seconds();

        st = project(plan, s, l, l->units, err);
        times[i] = 1000 * (cli_seconds() - began) / l->units;
    }
    dcn_plan_destroy(plan);
    *ms = st ? 0 : train_median(times, repeats);
    return st;
}

/* The whole network, batch by batch, for about a second. */
static dcn_status time_forward(starts_run *s, dcn_error *err)
{
    double times[FORWARDS], began;
    dcn_plan *plan;
    dcn_status st;
    int n = 0;

    if ((st = open_plan(&plan, s, NULL, false, err)))
        return st;
    dcn_plan_forward(plan, s->images, s->batch);
    began = cli_seconds();
    while (n < 3 || (n < FORWARDS && cli_seconds() - began < 1)) {
        const double start = cli_seconds();

        dcn_plan_forward(plan, s->images, s->batch);
        times[n++] = 1000 * (cli_seconds() - start);
    }
    dcn_plan_destroy(plan);
    s->forward_ms = train_median(times, n);
    return DCN_OK;
}

static dcn_status prepare(starts_run *s, dcn_error *err)
{
    const bench_run *b = s->bench;
    const dcn_graph *graph = s->model.graph;
    const dcn_shape in = cli_shape_of(graph, cli_input_of(graph));
    const size_t volume = cli_volume(in);
    dcn_status st;

    if ((st = cli_name_layers(&s->nodes, &s->n, graph, b->layer ? b->layer : "conv", true,
                              "--layer", err)))
        return st;
    s->batch = b->shared.batch ? b->shared.batch : BATCH_USUAL;
    s->layers = cli_alloc((size_t)s->n, sizeof *s->layers);
    s->images = cli_alloc((size_t)s->batch * volume, sizeof *s->images);
    s->drawn = cli_alloc(STARTS * volume, sizeof *s->drawn);
    for (int i = 0; i < s->n; i++) {
        layer_times *l = &s->layers[i];
        const int units = b->channels ? b->channels : UNITS_USUAL;

        l->node = s->nodes[i];
        l->shape = cli_shape_of(graph, l->node);
        l->units = units < l->shape.c ? units : l->shape.c;
    }
    for (size_t i = 0; i < (size_t)s->batch * volume; i++)
        s->images[i] = (float)((i * 2654435761u >> 16) % 2001) / 1000.0f - 1;
    return DCN_OK;
}

static dcn_status measure(starts_run *s, dcn_error *err)
{
    cli_progress progress;
    dcn_status st = time_forward(s, err);

    cli_progress_begin(&progress, &s->bench->shared, "bench", "layers");
    for (int i = 0; i < s->n && !st; i++) {
        layer_times *l = &s->layers[i];

        cli_progress_draw(&progress, i, s->n, NULL);
        if (!(st = time_layer(s, l, false, &l->cone_ms, err)))
            st = time_layer(s, l, true, &l->whole_ms, err);
    }
    cli_progress_clear(&progress);
    return st;
}

/* ---- output --------------------------------------------------------------------------------- */

static double a_second(double ms)
{
    return ms > 0 ? 1000 / ms : 0;
}

/* A unit of each channel of each layer: the mean over channels. */
static void mean_times(const starts_run *s, int64_t *channels, double *cone_ms, double *whole_ms)
{
    *channels = 0;
    *cone_ms = *whole_ms = 0;
    for (int i = 0; i < s->n; i++) {
        const layer_times *l = &s->layers[i];

        *channels += l->shape.c;
        *cone_ms += l->cone_ms * l->shape.c;
        *whole_ms += l->whole_ms * l->shape.c;
    }
    *cone_ms /= (double)*channels;
    *whole_ms /= (double)*channels;
}

static void print_text(const starts_run *s)
{
    double cone_ms, whole_ms;
    int64_t channels;

    mean_times(s, &channels, &cone_ms, &whole_ms);
    printf("%s, %d threads, batch %d: forward %.1f pictures a second\n", s->bench->model,
           s->bench->threads, s->batch, a_second(s->forward_ms / s->batch));
    printf("%-24s %14s %8s %16s %16s\n", "one unit's way down", "layer", "units", "its cone, ms",
           "whole, ms");
    for (int i = 0; i < s->n; i++) {
        const layer_times *l = &s->layers[i];
        char shape[48];

        snprintf(shape, sizeof shape, "%dx%dx%d", l->shape.h, l->shape.w, l->shape.c);
        printf("%-24s %14s %8d %16.3f %16.3f\n", cli_name_of(s->model.graph, l->node), shape,
               l->units, l->cone_ms, l->whole_ms);
    }
    printf("a unit of each of %lld channels: %.1f a second in cones, %.1f the whole way\n",
           (long long)channels, a_second(cone_ms), a_second(whole_ms));
}

static dcn_status print_json(const starts_run *s, dcn_error *err)
{
    cli_json *json = cli_json_create(), *list;
    double cone_ms, whole_ms;
    int64_t channels;
    dcn_status st;

    mean_times(s, &channels, &cone_ms, &whole_ms);
    bench_add_machine(s->bench, json);
    cli_json_text(json, "file", s->bench->model);
    cli_json_int(json, "batch", s->batch);
    cli_json_real(json, "forward_pictures_per_second", a_second(s->forward_ms / s->batch));
    cli_json_int(json, "channels", channels);
    cli_json_real(json, "cone_units_per_second", a_second(cone_ms));
    cli_json_real(json, "whole_units_per_second", a_second(whole_ms));
    list = cli_json_array(json, "layers");
    for (int i = 0; i < s->n; i++) {
        const layer_times *l = &s->layers[i];
        cli_json *one = cli_json_object(list, NULL);

        cli_json_text(one, "name", cli_name_of(s->model.graph, l->node));
        cli_json_int(one, "channels", l->shape.c);
        cli_json_int(one, "units", l->units);
        cli_json_real(one, "cone_ms", l->cone_ms);
        cli_json_real(one, "whole_ms", l->whole_ms);
    }
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}

dcn_status bench_starts(const bench_run *run, dcn_error *err)
{
    starts_run s = { .bench = run };
    cli_shared shared = run->shared;
    dcn_status st;
    char *path;

    shared.model = run->model;
    path = cli_model_path(&shared);
    st = cli_load_model(&s.model, path, &shared, err);
    free(path);
    if (!st)
        cli_tell_guess(&s.model, &shared);
    if (!st && !(st = prepare(&s, err)) && !(st = measure(&s, err))) {
        if (run->shared.json)
            st = print_json(&s, err);
        else
            print_text(&s);
    }
    dcn_model_clear(&s.model);
    free(s.nodes);
    free(s.layers);
    free(s.images);
    free(s.drawn);
    return st;
}
