/* info_nodes.c - the table of a network's nodes: shape, parameters, operations, receptive field. */
#include "info.h"

#include "message.h"
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Multiply-adds times two of each node's convolution or dense layer; the others cost little beside
 * them. Allocated. */
static double *flops_of_nodes(const dcn_graph *graph)
{
    double *flops = cli_alloc((size_t)dcn_graph_node_count(graph), sizeof *flops);

    for (int i = dcn_graph_weight_count(graph) - 1; i >= 0; i--) {      /* a node's first counts */
        dcn_weight_info w;
        dcn_shape shape;

        dcn_graph_weight_info(graph, i, &w);
        shape = cli_shape_of(graph, w.node);
        if (w.rank >= 2)
            flops[w.node] = 2.0 * (double)w.count * (w.rank == 4 ? (double)shape.h * shape.w : 1);
    }
    return flops;
}

/* Each box is a way back through the whole network: of more nodes than these none is told. */
enum { MOST_BOXES = 4096 };

static bool tells_boxes(const dcn_graph *graph)
{
    return dcn_graph_node_count(graph) <= MOST_BOXES;
}

/* What the middle unit of a node sees at this size of the input, and whether the border cuts it. */
static dcn_box middle_box(const dcn_graph *graph, dcn_node node, dcn_shape shape)
{
    dcn_box box = { 0, 0, 0, 0, 0 };
    dcn_error err;

    if (tells_boxes(graph) &&
        dcn_graph_box(graph, node, shape.h / 2, shape.w / 2, &box, &err)) {
        cli_print_error(&err);        /* there was no memory for the way back */
        exit(err.status);
    }
    return box;
}

/* Returns whether the border cuts what its middle unit sees. */
static bool print_node(const dcn_graph *graph, dcn_node node, double flops, int width, int op_width)
{
    char shape[48], field[96], cost[24] = "";
    dcn_node_info n;
    dcn_box box;

    dcn_graph_node_info(graph, node, &n);
    box = middle_box(graph, node, n.shape);
    snprintf(shape, sizeof shape, "[%d, %d, %d]", n.shape.h, n.shape.w, n.shape.c);
    snprintf(field, sizeof field, "%dx%d, %d,%d, %d,%d%s", n.field.size[0], n.field.size[1],
             n.field.start[0], n.field.start[1], n.field.stride[0], n.field.stride[1],
             box.clipped ? ", cut" : "");
    if (flops > 0)
        snprintf(cost, sizeof cost, "%.1f", flops / 1e6);
    printf("%-*s  %-*s  %-16s  %10lld  %8s  %s\n", width, n.name, op_width, n.op, shape,
           (long long)n.n_weights, cost, field);
    return box.clipped != 0;
}

void info_print_nodes(const dcn_graph *graph)
{
    double *flops = flops_of_nodes(graph);
    int width = 4, op_width = 8;
    bool cut = false;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info n;

        dcn_graph_node_info(graph, i, &n);
        width = (int)strlen(n.name) > width ? (int)strlen(n.name) : width;
        op_width = (int)strlen(n.op) > op_width ? (int)strlen(n.op) : op_width;
    }
    printf("\n%s%-*s  %-*s  %-16s  %10s  %8s  %s%s\n", cli_bold(stdout), width, "node", op_width,
           "op", "shape (H,W,C)", "parameters", "MFLOP", "sees: size, start, stride",
           cli_plain(stdout));
    for (int i = 0; i < dcn_graph_node_count(graph); i++)
        cut |= print_node(graph, i, flops[i], width, op_width);
    free(flops);
    if (cut)
        puts("\ncut: even what the node's middle unit sees goes beyond the border of the picture");
}

static void pair(cli_json *to, const char *key, const int value[2])
{
    cli_json *list = cli_json_array(to, key);

    cli_json_int(list, NULL, value[0]);
    cli_json_int(list, NULL, value[1]);
}

static void add_middle(cli_json *to, const dcn_graph *graph, dcn_node node, dcn_shape shape)
{
    const dcn_box box = middle_box(graph, node, shape);
    cli_json *middle = cli_json_object(to, "middle_unit");

    cli_json_int(middle, "row", shape.h / 2);
    cli_json_int(middle, "column", shape.w / 2);
    cli_json_int(middle, "top", box.top);
    cli_json_int(middle, "left", box.left);
    cli_json_int(middle, "bottom", box.bottom);
    cli_json_int(middle, "right", box.right);
    cli_json_int(middle, "clipped", box.clipped != 0);
}

void info_add_nodes(cli_json *json, const dcn_graph *graph)
{
    cli_json *list = cli_json_array(json, "nodes");
    double *flops = flops_of_nodes(graph);
    int layers = 0;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        cli_json *node = cli_json_object(list, NULL), *inputs, *field;
        dcn_node_info n;

        dcn_graph_node_info(graph, i, &n);
        cli_json_text(node, "name", n.name);
        cli_json_text(node, "origin", n.origin);
        cli_json_text(node, "op", n.op);
        cli_json_int(node, "layer", n.is_layer ? ++layers : 0);
        info_shape(node, "shape", n.shape);
        inputs = cli_json_array(node, "inputs");
        for (int k = 0; k < n.n_inputs; k++)
            cli_json_text(inputs, NULL, cli_name_of(graph, n.inputs[k]));
        cli_json_int(node, "parameters", n.n_weights);
        cli_json_real(node, "flops", flops[i]);
        field = cli_json_object(node, "field");
        pair(field, "start", n.field.start);
        pair(field, "size", n.field.size);
        pair(field, "stride", n.field.stride);
        if (tells_boxes(graph))
            add_middle(node, graph, i, n.shape);
    }
    free(flops);
}
