/* show_views.c - turns --layer, --rule, --from, --channel and --bias into ways down. */
#include "show.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

enum { VIEWS_MAX = 4096 };

static dcn_status unknown_layer(const dcn_graph *graph, const char *name, int n_layers,
                                dcn_error *err)
{
    const int n = dcn_graph_node_count(graph);
    const char **names = cli_alloc((size_t)n + 1, sizeof *names), *near;

    for (int i = 0; i < n; i++)
        names[i] = cli_name_of(graph, i);
    near = cli_nearest(name, names);
    if (near)
        cli_fail(err, DCN_USAGE, "--layer",
                 "the network has no node \"%.60s\"; did you mean %.60s?", name, near);
    else
        cli_fail(err, DCN_USAGE, "--layer", "the network has no node \"%.60s\"; give a name that "
                 "deconvnet info lists, a number from 1 to %d, or all", name, n_layers);
    free(names);
    return DCN_USAGE;
}

static dcn_status find_layer(show_run *run, const char *name, dcn_error *err)
{
    const dcn_graph *graph = run->model.graph;
    dcn_node layers[SHOW_LAYERS_MAX], node = dcn_graph_find(graph, name);
    const int n = cli_layers(graph, layers, SHOW_LAYERS_MAX);

    if (node < 0 && *name && strspn(name, "0123456789") == strlen(name) && strlen(name) < 6) {
        const long number = strtol(name, NULL, 10);

        if (number >= 1 && number <= n && number <= SHOW_LAYERS_MAX)
            node = layers[number - 1];
    }
    if (node < 0)
        return unknown_layer(graph, name, n, err);
    if (node == cli_input_of(graph))
        return cli_fail(err, DCN_USAGE, "--layer",
                        "%.60s is the input, there is nothing to walk down; name a node after it",
                        name);
    if (run->n_layers == SHOW_LAYERS_MAX)
        return cli_fail(err, DCN_USAGE, "--layer", "names more than %d layers; name fewer",
                        SHOW_LAYERS_MAX);
    run->layers[run->n_layers++] = node;
    return DCN_OK;
}

static dcn_status choose_layers(show_run *run, dcn_error *err)
{
    const char *list = run->options.layer;
    dcn_status st = DCN_OK;

    if (!list || !strcmp(list, "all")) {
        run->n_layers = list ? cli_layers(run->model.graph, run->layers, SHOW_LAYERS_MAX)
                        : cli_pooled_layers(run->model.graph, run->layers, SHOW_LAYERS_MAX);
        if (run->n_layers > SHOW_LAYERS_MAX)
            run->n_layers = SHOW_LAYERS_MAX;
        if (run->n_layers == 0)
            st = cli_fail(err, DCN_USAGE, "--layer",
                          "the network has no convolution; name a node of those that deconvnet "
                          "info lists");
        return st;
    }
    while (!st) {
        const size_t length = strcspn(list, ",");
        char *name = cli_text("%.*s", (int)length, list);

        st = find_layer(run, name, err);
        free(name);
        if (!list[length])
            break;
        list += length + 1;
    }
    return st;
}

static dcn_status add_view(show_run *run, int route, dcn_from from, int channel, dcn_error *err)
{
    const dcn_graph *graph = run->model.graph;
    const dcn_node layer = run->layers[route];
    const int number = cli_layer_number(graph, layer);
    const char *name = cli_name_of(graph, layer), *rule = dcn_rule_name(run->options.rule);
    char *heading = number ? cli_text("layer %d", number) : cli_text("%s", name);
    show_view *view;

    if (run->n_views == VIEWS_MAX) {
        free(heading);
        return cli_fail(err, DCN_USAGE, "--channel",
                        "asks for more than %d panels; name fewer layers", VIEWS_MAX);
    }
    view = &run->views[run->n_views++];
    *view = (show_view){ .route = route, .from = from, .channel = channel };
    view->key = channel < 0 ? cli_text("%s/%s/%s", name, rule, dcn_from_name(from))
                : cli_text("%s/%s/%s/%d", name, rule, dcn_from_name(from), channel);
    view->title = from == DCN_FROM_ZERO ? cli_text("%s, bias alone", heading) : channel < 0
                  ? cli_text("%s", heading) : cli_text("%s, %s %d", heading, dcn_from_name(from),
                                                       channel);
    free(heading);
    return DCN_OK;
}

static dcn_status views_of_layer(show_run *run, int route, dcn_error *err)
{
    const show_options *o = &run->options;
    const dcn_node layer = run->layers[route];
    const int channels = cli_shape_of(run->model.graph, layer).c;
    const bool per_channel = o->from == DCN_FROM_CHANNEL || o->from == DCN_FROM_PEAK;
    dcn_status st = DCN_OK;

    if (per_channel && !o->all_channels && o->channel >= channels)
        return cli_fail(err, DCN_USAGE, "--channel",
                        "%d is not one of layer %s, which has %d; give 0 to %d",
                        o->channel, cli_name_of(run->model.graph, layer), channels, channels - 1);
    if (!per_channel)
        st = add_view(run, route, o->from, -1, err);
    else if (!o->all_channels)
        st = add_view(run, route, o->from, o->channel, err);
    for (int k = 0; k < channels && per_channel && o->all_channels && !st; k++)
        st = add_view(run, route, o->from, k, err);
    if (!st && o->bias)
        st = add_view(run, route, DCN_FROM_ZERO, -1, err);
    return st;
}

dcn_status show_choose_views(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    dcn_status st;

    if (o->bias && o->rule != DCN_RULE_RECONSTRUCT)
        return cli_fail(err, DCN_USAGE, "--bias",
                        "the rule %s has no bias part; use --rule reconstruct",
                        dcn_rule_name(o->rule));
    if ((o->from == DCN_FROM_CHANNEL || o->from == DCN_FROM_PEAK) && !o->all_channels &&
        o->channel < 0)
        return cli_fail(err, DCN_USAGE, "--from",
                        "%s needs a channel; give --channel K or --channel all",
                        dcn_from_name(o->from));
    if ((st = choose_layers(run, err)))
        return st;
    if (o->rule == DCN_RULE_RECONSTRUCT && o->from != DCN_FROM_LAYER)
        cli_note("each panel of --rule reconstruct holds the biases' own picture, which may be "
                 "most of it: --bias draws it alone, --rule deconvnet has none");
    run->views = cli_alloc(VIEWS_MAX, sizeof *run->views);
    for (int i = 0; i < run->n_layers && !st; i++)
        st = views_of_layer(run, i, err);
    return st;
}

void show_clear_views(show_run *run)
{
    for (int i = 0; i < run->n_views; i++) {
        free(run->views[i].title);
        free(run->views[i].key);
        free(run->views[i].drawn);
    }
    free(run->views);
}
