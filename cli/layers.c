/* layers.c - what --layer and --layers mean: a node's name in the graph or in its ONNX file, whole
 * parts of one, a layer's number, logits, all, conv. It guesses only where one node can
 * be meant. */
#include "layers.h"

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
                                bool conv, const char *option, dcn_error *err)
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
        cli_fail(err, DCN_USAGE, option,
                 "the network has no node \"%.60s\"; did you mean %.60s?", name, near);
    else
        cli_fail(err, DCN_USAGE, option, "the network has no node \"%.60s\"; give a name that "
                 "deconvnet info lists, a number from 1 to %d, logits%s or all", name, n_layers,
                 conv ? ", conv" : "");
    free(names);
    return DCN_USAGE;
}

/* The node that `name` means, or -1 with the error. */
static dcn_node resolve(const dcn_graph *graph, const char *name, const dcn_node *layers,
                        int n_layers, bool conv, const char *option, dcn_error *err)
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
            unknown_layer(graph, name, n_layers, conv, option, err);
        return node;
    }
    if (node >= 0)
        return node;
    m = find_pieces(graph, name, true);
    if (m.n > 1) {
        cli_fail(err, DCN_USAGE, option, "\"%.40s\" is the end of %d names, %s%s; write more of "
                 "the one you mean", name, m.n, m.list, m.n > 3 ? " and others" : "");
        return -1;
    }
    /* A beginning or a middle names a block: what comes out of it is its last node. */
    if (m.n == 0)
        m = find_pieces(graph, name, false);
    if (m.n == 0)
        unknown_layer(graph, name, n_layers, conv, option, err);
    else
        cli_detail("%s %s is %s", option, name, cli_name_of(graph, m.node));
    return m.node;
}

/* ---- lists ----------------------------------------------------------------------------------- */

typedef struct list {
    const dcn_graph *graph;
    const char *option;
    bool conv;                 /* is a word for layers */
    dcn_node *layers;          /* of the graph */
    int n_layers;
    dcn_node *nodes;           /* named so far */
    int n;
} list;

static void add(list *l, dcn_node node)
{
    l->nodes = cli_grow(l->nodes, (size_t)l->n + 1, sizeof *l->nodes);
    l->nodes[l->n++] = node;
}

static bool is_conv(const dcn_graph *graph, dcn_node layer)
{
    dcn_node_info info, head;

    dcn_graph_node_info(graph, layer, &info);
    if (info.head < 0)
        return false;
    dcn_graph_node_info(graph, info.head, &head);
    return !strcmp(head.op, "conv");
}

/* all, conv: every such layer. */
static dcn_status add_group(list *l, bool conv, dcn_error *err)
{
    const int before = l->n;

    for (int i = 0; i < l->n_layers; i++)
        if (!conv || is_conv(l->graph, l->layers[i]))
            add(l, l->layers[i]);
    if (l->n > before)
        return DCN_OK;
    return cli_fail(err, DCN_USAGE, l->option, "the network has no convolution%s; name a node of "
                    "those that deconvnet info lists", conv ? "" : " and no dense layer");
}

static dcn_status add_name(list *l, const char *name, dcn_error *err)
{
    const bool all = !strcmp(name, "all"), conv = l->conv && !strcmp(name, "conv");
    dcn_node node;

    /* A node that is called so comes first. */
    if ((all || conv) && dcn_graph_find(l->graph, name) < 0)
        return add_group(l, conv, err);
    node = resolve(l->graph, name, l->layers, l->n_layers, l->conv, l->option, err);
    if (node < 0)
        return err->status;
    if (node == cli_input_of(l->graph))
        return cli_fail(err, DCN_USAGE, l->option, "%.60s is the input, there is nothing to walk "
                        "down; name a node after it", name);
    add(l, node);
    return DCN_OK;
}

dcn_status cli_name_layers(dcn_node **nodes, int *n, const dcn_graph *graph, const char *names,
                           bool conv, const char *option, dcn_error *err)
{
    enum { NAMED_MAX = 1024 };
    const int most = dcn_graph_node_count(graph);
    list l = { .graph = graph, .option = option, .conv = conv,
               .layers = cli_alloc((size_t)most, sizeof *l.layers) };
    dcn_status st = DCN_OK;
    int named = 0;

    l.n_layers = cli_layers(graph, l.layers, most);
    for (bool more = true; more && !st;) {
        const size_t length = strcspn(names, ",");
        char *name = cli_text("%.*s", (int)length, names);

        st = ++named <= NAMED_MAX ? add_name(&l, name, err)
             : cli_fail(err, DCN_USAGE, option, "names more than %d layers; name fewer", NAMED_MAX);
        free(name);
        more = names[length] == ',';
        names += length + more;
    }
    free(l.layers);
    *nodes = l.nodes;
    *n = l.n;
    return st;
}
