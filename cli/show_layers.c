/* show_layers.c - what --layer means: a node's name in the graph or in its ONNX file, the end or a
 * part of one, a layer's number, logits, or all. It guesses only where one node can be meant. */
#include "show.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

static bool is_separator(char c)
{
    return c == '\0' || c == '.' || c == '/' || c == ':';
}

/* Is `part` a whole piece of `name`: from a separator to a separator? at_end: up to its end. */
static bool has_piece(const char *name, const char *part, bool at_end)
{
    const size_t length = strlen(part);

    if (!name || !length)
        return false;
    for (const char *at = name; (at = strstr(at, part)); at++)
        if ((at == name || is_separator(at[-1])) && is_separator(at[length])
            && (!at_end || !at[length]))
            return true;
    return false;
}

typedef struct match { dcn_node node; int n; char list[160]; } match;

/* The nodes whose name, or name in the ONNX file, holds `part`. */
static match find_pieces(const dcn_graph *graph, const char *part, bool at_end)
{
    match m = { .node = -1 };
    size_t used = 0;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        if (!has_piece(info.name, part, at_end) && !has_piece(info.origin, part, at_end))
            continue;
        m.node = i;
        if (++m.n <= 3 && used < sizeof m.list)
            used += (size_t)snprintf(m.list + used, sizeof m.list - used, "%s%.40s",
                                     m.n > 1 ? ", " : "", info.name);
    }
    return m;
}

static dcn_node find_origin(const dcn_graph *graph, const char *name)
{
    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        if (info.origin && !strcmp(info.origin, name))
            return i;
    }
    return -1;
}

static bool is_number(const char *name)
{
    return *name && strspn(name, "0123456789") == strlen(name);
}

static dcn_node find_number(const char *name, const dcn_node *layers, int n)
{
    long number;

    if (strlen(name) > 6)
        return -1;
    number = strtol(name, NULL, 10);
    return number >= 1 && number <= n ? layers[number - 1] : -1;
}

static dcn_status unknown_layer(const dcn_graph *graph, const char *name, int n_layers,
                                dcn_error *err)
{
    const int n = dcn_graph_node_count(graph);
    const char **names = cli_alloc(2 * (size_t)n + 2, sizeof *names), *near;
    int used = 0;

    for (int i = 0; i < n; i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        names[used++] = info.name;
        if (info.origin)
            names[used++] = info.origin;
    }
    names[used] = "logits";
    near = strspn(name, "0123456789") < strlen(name) ? cli_nearest(name, names) : NULL;
    if (near)
        cli_fail(err, DCN_USAGE, "--layer",
                 "the network has no node \"%.60s\"; did you mean %.60s?", name, near);
    else
        cli_fail(err, DCN_USAGE, "--layer", "the network has no node \"%.60s\"; give a name that "
                 "deconvnet info lists, a number from 1 to %d, logits or all", name, n_layers);
    free(names);
    return DCN_USAGE;
}

/* The node that `name` means, or -1 with the error. */
static dcn_node resolve(const dcn_graph *graph, const char *name, const dcn_node *layers,
                        int n_layers, dcn_error *err)
{
    dcn_node node = dcn_graph_find(graph, name);
    match m;

    if (node < 0)
        node = find_origin(graph, name);
    if (node < 0 && !strcmp(name, "logits"))
        node = dcn_graph_logits(graph);
    /* A number is a layer's number, never the end of "features.0". */
    if (node < 0 && is_number(name)) {
        node = find_number(name, layers, n_layers);
        if (node < 0)
            unknown_layer(graph, name, n_layers, err);
        return node;
    }
    if (node >= 0)
        return node;
    m = find_pieces(graph, name, true);
    if (m.n > 1) {
        cli_fail(err, DCN_USAGE, "--layer", "\"%.40s\" is the end of %d names, %s%s; write more of "
                 "the one you mean", name, m.n, m.list, m.n > 3 ? " and others" : "");
        return -1;
    }
    /* A beginning or a middle names a block: what comes out of it is its last node. */
    if (m.n == 0)
        m = find_pieces(graph, name, false);
    if (m.n == 0)
        unknown_layer(graph, name, n_layers, err);
    else
        cli_detail("--layer %s is %s", name, cli_name_of(graph, m.node));
    return m.node;
}

static int number_of(dcn_node node, const dcn_node *layers, int n)
{
    for (int i = 0; i < n; i++)
        if (layers[i] == node)
            return i + 1;
    return 0;
}

static void add_layer(show_run *run, dcn_node node, const dcn_node *layers, int n)
{
    run->layers = cli_grow(run->layers, (size_t)run->n_layers + 1, sizeof *run->layers);
    run->layers[run->n_layers++] = (show_layer){
        .node = node, .name = cli_name_of(run->model.graph, node),
        .shape = cli_shape_of(run->model.graph, node), .number = number_of(node, layers, n) };
}

static dcn_status add_named(show_run *run, const char *list, const dcn_node *layers, int n,
                            dcn_error *err)
{
    enum { NAMED_MAX = 1024 };

    for (;;) {
        const size_t length = strcspn(list, ",");
        char *name = cli_text("%.*s", (int)length, list);
        const dcn_node node = resolve(run->model.graph, name, layers, n, err);

        if (node >= 0 && node == cli_input_of(run->model.graph))
            cli_fail(err, DCN_USAGE, "--layer", "%.60s is the input, there is nothing to walk "
                     "down; name a node after it", name);
        else if (node >= 0 && run->n_layers == NAMED_MAX)
            cli_fail(err, DCN_USAGE, "--layer", "names more than %d layers; name fewer", NAMED_MAX);
        else if (node >= 0)
            add_layer(run, node, layers, n);
        free(name);
        if (err->status)
            return err->status;
        if (!list[length])
            return DCN_OK;
        list += length + 1;
    }
}

/* Without --layer: the tutorial's pictures are those of the layers that end in a max pool; networks
 * from elsewhere have one or none of them, and all layers are shown. */
dcn_status show_choose_layers(show_run *run, dcn_error *err)
{
    const dcn_graph *graph = run->model.graph;
    const char *list = run->options.layer;
    const int most = dcn_graph_node_count(graph);
    dcn_node *layers = cli_alloc((size_t)most, sizeof *layers), *shown = layers;
    const int n = cli_layers(graph, layers, most);
    dcn_status st = DCN_OK;
    int n_shown = n;

    if (list && strcmp(list, "all") != 0) {
        st = add_named(run, list, layers, n, err);
    } else {
        if (!list && !run->imported) {
            shown = cli_alloc((size_t)most, sizeof *shown);
            n_shown = cli_pooled_layers(graph, shown, most);
        }
        for (int i = 0; i < n_shown; i++)
            add_layer(run, shown[i], layers, n);
        if (n_shown == 0)
            st = cli_fail(err, DCN_USAGE, "--layer", "the network has no convolution; name a node "
                          "of those that deconvnet info lists");
    }
    if (shown != layers)
        free(shown);
    free(layers);
    return st;
}
