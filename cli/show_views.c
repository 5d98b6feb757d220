/* show_views.c - turns the rule's options, --from and --bias into ways down. */
#include "show.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

bool show_by_channel(const show_options *o)
{
    return o->from == DCN_FROM_CHANNEL || o->from == DCN_FROM_PEAK;
}

/* ---- the rule ------------------------------------------------------------------------------- */

dcn_start show_start(const show_run *run, int picture, const show_tile *tile)
{
    return (dcn_start){ .picture = picture, .from = run->options.from, .channel = tile->channel,
                        .ones = cli_begins_with_ones(&run->options.way) };
}

static dcn_status choose_rule(show_run *run, dcn_error *err)
{
    show_options *o = &run->options;
    dcn_status st = cli_choose_way(&o->way, run->imported ? DCN_RULE_DECONVNET
                                   : DCN_RULE_RECONSTRUCT, err);

    if (st)
        return st;
    if (o->way.compat && o->from == DCN_FROM_LAYER)
        return cli_fail(err, DCN_USAGE, "--compat", "begins at one channel or class, not at a "
                        "layer; give --channel K or --class NAME");
    if (o->bias && o->way.rule != DCN_RULE_RECONSTRUCT)
        return cli_fail(err, DCN_USAGE, "--bias",
                        "the rule %s has no bias part; use --rule reconstruct",
                        dcn_rule_name(o->way.rule));
    if (o->bias && show_by_channel(o))
        return cli_fail(err, DCN_USAGE, "--bias", "goes with whole layers; leave out --channel, "
                        "or draw the layer in a call of its own");
    return DCN_OK;
}

/* ---- channels ------------------------------------------------------------------------------- */

static int find_class(const show_run *run, const char *name)
{
    const dcn_model *m = &run->model;
    const int most = cli_shape_of(m->graph, dcn_graph_logits(m->graph)).c;
    char *end;
    long number;

    if (!strcmp(name, "top"))
        return SHOW_CLASS_TOP;
    for (int i = 0; m->class_names && i < m->classes; i++)
        if (!strcmp(m->class_names[i], name))
            return i;
    number = strtol(name, &end, 10);
    return *name >= '0' && *name <= '9' && !*end && number < most ? (int)number : -1;
}

static dcn_status unknown_class(const show_run *run, const char *name, dcn_error *err)
{
    const dcn_model *m = &run->model;
    const int most = cli_shape_of(m->graph, dcn_graph_logits(m->graph)).c;
    const char **names = cli_alloc((size_t)m->classes + 2, sizeof *names), *near;
    int n = 0;

    for (int i = 0; m->class_names && i < m->classes; i++)
        names[n++] = m->class_names[i];
    names[n] = "top";
    near = cli_nearest(name, names);
    if (near)
        cli_fail(err, DCN_USAGE, "--class", "there is no class \"%.60s\"; did you mean %.60s?",
                 name, near);
    else
        cli_fail(err, DCN_USAGE, "--class", "there is no class \"%.60s\"; give %sa number from 0 "
                 "to %d, or top", name,
                 m->class_names ? "a name of --labels or of the model, " : "", most - 1);
    free(names);
    return DCN_USAGE;
}

/* --class K is --layer logits --channel K. */
static dcn_status choose_class(show_run *run, dcn_error *err)
{
    show_options *o = &run->options;
    const char *name = o->class_name;
    int class;

    if (!name && o->way.compat && !o->layer && !o->n_channels && !o->all_channels
        && o->way.compat != CLI_COMPAT_TF_CNNVIS)
        name = "top";
    if (!name)
        return DCN_OK;
    if ((o->layer && strcmp(o->layer, "logits") != 0) || o->n_channels || o->all_channels)
        return cli_fail(err, DCN_USAGE, "--class", "is a channel of the logits already; leave out "
                        "%s", o->n_channels || o->all_channels ? "--channel" : "--layer");
    if (cli_answer_of(&run->model) == CLI_ANSWER_NONE)
        return cli_fail(err, DCN_USAGE, "--class", "the network's output is not one number a "
                        "class; use --layer and --channel");
    if ((class = find_class(run, name)) == -1)
        return unknown_class(run, name, err);
    o->layer = "logits";
    o->channels = cli_grow(o->channels, 1, sizeof *o->channels);
    o->channels[0] = class;
    o->n_channels = 1;
    if (!o->from_given)
        o->from = DCN_FROM_CHANNEL;
    return DCN_OK;
}

static dcn_status check_from(const show_options *o, dcn_error *err)
{
    const bool any = o->n_channels || o->all_channels;

    if (show_by_channel(o) && !any)
        return cli_fail(err, DCN_USAGE, "--from",
                        "%s needs a channel; give --channel K or --channel all",
                        dcn_from_name(o->from));
    if (!show_by_channel(o) && any)
        return cli_fail(err, DCN_USAGE, o->class_name ? "--class" : "--channel",
                        "means nothing with --from layer; use --from channel or --from peak");
    if ((o->top || o->dead) && !o->all_channels)
        return cli_fail(err, DCN_USAGE, o->top ? "--top" : "--dead",
                        "goes with --channel all; leave it out");
    return DCN_OK;
}

static dcn_status check_channels(const show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;

    if (o->n_channels * (int64_t)run->n_layers > SHOW_TILES_MAX)
        return cli_fail(err, DCN_USAGE, "--channel", "asks for more than %d panels; name fewer "
                        "channels or layers", SHOW_TILES_MAX);
    for (int l = 0; l < run->n_layers; l++) {
        const int channels = run->layers[l].shape.c;

        for (int k = 0; k < o->n_channels; k++)
            if (o->channels[k] >= channels)
                return cli_fail(err, DCN_USAGE, "--channel",
                                "%d is not one of layer %.60s, which has %d; give 0 to %d",
                                o->channels[k], run->layers[l].name, channels, channels - 1);
        if (o->all_channels && channels > SHOW_TILES_MAX && (!o->top || o->top > SHOW_TILES_MAX))
            return cli_fail(err, DCN_USAGE, "--channel", "layer %.60s has %d, a sheet holds %d; "
                            "give --top N", run->layers[l].name, channels, SHOW_TILES_MAX);
    }
    return DCN_OK;
}

/* ---- whole layers --------------------------------------------------------------------------- */

/* The tutorial speaks of layer 1 and layer 2; in large networks names say more, and fit. */
static char *heading(const show_run *run, const show_layer *layer)
{
    enum { LARGE = 100 };
    const dcn_shape s = layer->shape;

    if (run->imported || cli_shape_of(run->model.graph, cli_input_of(run->model.graph)).w >= LARGE)
        return cli_text("%s\n%s%.0d%s%d x %d x %d", layer->name, layer->number ? "layer " : "",
                        layer->number, layer->number ? ", " : "", s.h, s.w, s.c);
    return layer->number ? cli_text("layer %d", layer->number) : cli_text("%s", layer->name);
}

static void add_view(show_run *run, int layer, dcn_from from)
{
    const char *name = run->layers[layer].name, *rule = dcn_rule_name(run->options.way.rule);
    char *words = heading(run, &run->layers[layer]);
    show_view *view;

    run->views = cli_grow(run->views, (size_t)run->n_views + 1, sizeof *run->views);
    view = &run->views[run->n_views++];
    *view = (show_view){ .layer = layer, .from = from,
                         .key = cli_text("%s/%s/%s", name, rule, dcn_from_name(from)),
                         .title = cli_text("%s%s", words,
                                           from == DCN_FROM_ZERO ? ", bias alone" : "") };
    free(words);
}

dcn_status show_choose_views(show_run *run, dcn_error *err)
{
    show_options *o = &run->options;
    dcn_status st;

    if ((st = choose_class(run, err)) || (st = check_from(o, err)) || (st = choose_rule(run, err))
        || (st = show_choose_layers(run, err)) || (st = check_channels(run, err)))
        return st;
    if (o->way.rule == DCN_RULE_RECONSTRUCT && o->from != DCN_FROM_LAYER)
        cli_note("each panel of --rule reconstruct holds the biases' own picture, which may be "
                 "most of it: --bias draws it alone, --rule deconvnet has none");
    for (int i = 0; i < run->n_layers && !show_by_channel(o); i++) {
        add_view(run, i, DCN_FROM_LAYER);
        if (o->bias)
            add_view(run, i, DCN_FROM_ZERO);
    }
    return DCN_OK;
}

void show_clear_views(show_run *run)
{
    for (int i = 0; i < run->n_views; i++) {
        free(run->views[i].title);
        free(run->views[i].key);
    }
    free(run->views);
    free(run->drawn);
    for (int i = 0; i < run->n_layers; i++)
        free(run->layers[i].values);
    free(run->layers);
}
