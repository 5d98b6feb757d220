/* show_walk.c - makes the plan of a show call and takes the pictures through it, a chunk at a time:
 * forward, then whole layers down. Channels are walked down while their sheet is drawn. */
#include "show.h"

#include "interrupt.h"
#include "message.h"
#include "network.h"
#include "run_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Larger chunks gain nothing, and a large network's values should fit. */
enum { CHUNK_MAX = 16, DRAWN_MAX = 256 << 20 };

/* ---- the plan ------------------------------------------------------------------------------- */

/* Pictures that go through together: as many as fit into moderate memory with all their values and
 * what is drawn of them. */
static int chunk_size(const show_run *run)
{
    const dcn_graph *graph = run->model.graph;
    size_t one = (size_t)(run->n_views + 2) * run->volume * sizeof(float), fit;
    const int most = run->n < CHUNK_MAX ? run->n : CHUNK_MAX;

    for (int i = 0; i < dcn_graph_node_count(graph); i++)
        one += cli_volume(cli_shape_of(graph, i)) * sizeof(float);
    fit = DRAWN_MAX / one;
    return fit >= (size_t)most ? most : fit > 0 ? (int)fit : 1;
}

static int most_tiles(const show_run *run)
{
    const show_options *o = &run->options;
    int most = o->n_channels;

    for (int i = 0; i < run->n_layers && o->all_channels; i++)
        most = run->layers[i].shape.c > most ? run->layers[i].shape.c : most;
    return o->top && o->top < most ? o->top : most;
}

/* What the user has to know beside the results. */
static void tell_notes(const show_run *run)
{
    cli_tell_guess(&run->model, &run->options.shared);
    if (*run->extensions)
        cli_note("note: beyond the papers: %s", run->extensions);
}

dcn_status show_make_plan(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    dcn_route *routes = cli_alloc((size_t)run->n_layers, sizeof *routes);
    dcn_plan_desc desc = { .engine = o->shared.engine,
                           .threads = o->shared.threads,
                           .routes = routes,
                           .n_routes = run->n_layers,
                           .keep_all = o->dump != NULL,
                           .exact = o->shared.exact,
                           .max_bytes = o->shared.max_memory };
    const dcn_node output = dcn_graph_output(run->model.graph);
    dcn_status st;

    run->chunk = o->dump ? run->n : chunk_size(run);
    if (show_by_channel(o)) {
        const int tiles = most_tiles(run);

        run->starts = tiles < 1 ? 1 : tiles > SHOW_STARTS_MAX ? SHOW_STARTS_MAX : tiles;
    }
    desc.batch = run->chunk;
    run->together = run->n_views == run->n_layers && !o->dump;
    desc.together = run->together;
    desc.starts = run->starts;
    for (int i = 0; i < run->n_layers; i++)
        routes[i] = cli_route(&o->way, run->layers[i].node);
    st = dcn_plan_create(&run->plan, run->model.graph, &desc, err);
    free(routes);
    if (st)
        return st;
    cli_detail("%s, %.1f MB", dcn_plan_text(run->plan), (double)dcn_plan_bytes(run->plan) / 1e6);
    run->extensions = cli_extensions(run->plan, run->n_layers);
    run->classes = (int)cli_volume(cli_shape_of(run->model.graph, output));
    run->answers = cli_alloc((size_t)run->chunk * (size_t)run->classes, sizeof(float));
    run->images = cli_alloc((size_t)run->chunk, run->volume * sizeof(float));
    if (!o->input)
        run->photos = cli_alloc((size_t)run->chunk, run->volume * sizeof(float));
    run->drawn = cli_alloc((size_t)run->n_views * (size_t)run->chunk,
                           run->volume * sizeof(float));
    return DCN_OK;
}

/* ---- walking -------------------------------------------------------------------------------- */

dcn_status show_project(const show_run *run, int picture, const show_tile *tiles, int n,
                        float *drawn, dcn_error *err)
{
    dcn_start starts[SHOW_STARTS_MAX];
    dcn_status st;

    if (cli_interrupt_asked())
        return cli_fail(err, DCN_STOPPED, run->model_path, "interrupted; give the command again");
    for (int i = 0; i < n; i++)
        starts[i] = show_start(run, picture, &tiles[i]);
    st = dcn_plan_project_starts(run->plan, tiles[0].layer, starts, n, drawn, err);
    /* Captum's Saliency is the size of the gradient, without its sign. */
    if (!st && run->options.way.compat == CLI_COMPAT_CAPTUM
        && run->options.way.rule == DCN_RULE_GRADIENT)
        for (size_t i = 0; i < (size_t)n * run->volume; i++)
            drawn[i] = fabsf(drawn[i]);
    return st;
}

/* One channel of layer l in all n pictures. A start with ones, or at each picture's best class, has
 * no signals to show for it. */
static dcn_status dump_channel(show_run *run, int n, int l, int channel, float *drawn,
                               show_dump *dump, dcn_error *err)
{
    const show_options *o = &run->options;
    const bool plain = !o->way.compat && channel != SHOW_CLASS_TOP;
    char *name = channel == SHOW_CLASS_TOP ? cli_text("top") : cli_text("%d", channel),
         *key = cli_text("%s/%s/%s/%s", run->layers[l].name, dcn_rule_name(o->way.rule),
                         dcn_from_name(o->from), name);
    dcn_status st = DCN_OK;

    if (plain)
        st = dcn_plan_project(run->plan, l, o->from, channel, drawn, err);
    for (int i = 0; i < n && !plain && !st; i++) {
        const show_tile tile = { .layer = l, .channel = channel == SHOW_CLASS_TOP
                                                        ? show_best_class(run, i) : channel };

        st = show_project(run, i, &tile, 1, drawn + (size_t)i * run->volume, err);
    }
    if (!st)
        st = show_dump_drawn(dump, run, key, drawn, plain, err);
    free(key);
    free(name);
    return st;
}

static dcn_status dump_channels(show_run *run, int n, show_dump *dump, dcn_error *err)
{
    const show_options *o = &run->options;
    float *drawn = cli_alloc((size_t)n, run->volume * sizeof *drawn);
    dcn_status st = DCN_OK;

    for (int l = 0; l < run->n_layers && !st; l++) {
        const int count = o->all_channels ? run->layers[l].shape.c : o->n_channels;

        for (int k = 0; k < count && !st; k++)
            st = dump_channel(run, n, l, o->all_channels ? k : o->channels[k], drawn, dump, err);
    }
    free(drawn);
    return st;
}

static dcn_status walk_chunk(show_run *run, int first, int n, show_dump *dump, dcn_error *err)
{
    dcn_status st;

    if ((st = show_read_inputs(run, first, n, err)))
        return st;
    if (first == 0)
        tell_notes(run);
    dcn_plan_forward(run->plan, run->images, n);
    for (int i = 0; i < run->n_layers; i++)
        run->layers[i].fresh = false;
    if ((st = dcn_plan_value(run->plan, dcn_graph_output(run->model.graph), run->answers, err)))
        return st;
    for (int i = 0; i < n; i++)
        cli_to_shares(run->answer, run->answers + (size_t)i * (size_t)run->classes, run->classes);
    if (dump && ((st = show_dump_values(dump, run, err))
                 || (show_by_channel(&run->options) && (st = dump_channels(run, n, dump, err)))))
        return st;
    for (int i = 0; i < run->n_views; i++)
        run->views[i].drawn = run->drawn + (size_t)i * (size_t)n * run->volume;
    if (run->together)
        return dcn_plan_project_all(run->plan, DCN_FROM_LAYER, 0, run->drawn, err);
    for (int i = 0; i < run->n_views && !st; i++) {
        show_view *v = &run->views[i];

        st = dcn_plan_project(run->plan, v->layer, v->from, 0, v->drawn, err);
        if (!st && dump)
            st = show_dump_drawn(dump, run, v->key, v->drawn, true, err);
    }
    return st;
}

static dcn_status save_dump(const show_dump *dump, const show_run *run, dcn_error *err)
{
    dcn_status st;

    cli_interrupt_hold();
    st = show_dump_save(dump, run, err);
    cli_interrupt_release();
    return st;
}

static dcn_status stopped(const show_run *run, int finished, dcn_error *err)
{
    const show_options *o = &run->options;

    return cli_fail(err, (dcn_status)cli_interrupted(), o->out ? o->out : o->dump,
                    "interrupted; %d of %d pictures are drawn, give the command again for the rest",
                    o->out ? finished : 0, run->n);
}

dcn_status show_walk(show_run *run, dcn_error *err)
{
    show_dump *dump = run->options.dump ? show_dump_create() : NULL;
    int finished = 0;
    dcn_status st = DCN_OK;

    cli_interrupt_begin();
    for (int first = 0; first < run->n && !st && !cli_interrupt_asked(); first += run->chunk) {
        const int left = run->n - first, n = left < run->chunk ? left : run->chunk;

        st = walk_chunk(run, first, n, dump, err);
        if (!st && first == 0 && run->options.out)
            st = cli_make_folder(run->options.out, err);
        for (int i = 0; i < n && !st && !cli_interrupt_asked(); i++)
            if (!(st = show_draw(run, first, i, err)))
                finished++;
    }
    if (!st && dump && !cli_interrupt_asked())
        st = save_dump(dump, run, err);
    if ((!st || st == DCN_STOPPED) && cli_interrupted())
        st = stopped(run, finished, err);
    show_dump_destroy(dump);
    return st;
}
