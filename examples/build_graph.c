/* build_graph.c - describes a small network with a fork, runs it on a picture of noise, walks one
 * channel back to the pixels under two rules, and asks where its strongest unit looks. */
#include "deconvnet.h"

#include <math.h>
#include <stdio.h>

enum { SIDE = 16, VALUES = SIDE * SIDE * 3 };

static dcn_status build(dcn_graph **graph, dcn_error *err)
{
    const dcn_conv_desc wide = { .filters = 8, .kernel = { 5, 5 }, .init_stddev = 0.1f };
    const dcn_conv_desc narrow = { .filters = 8, .kernel = { 3, 3 }, .init_stddev = 0.1f };
    dcn_status st = dcn_graph_create(graph, err);
    dcn_node x, both[2];

    if (st)
        return st;
    /* No checks between these lines: the graph keeps its first error for dcn_graph_check. */
    x = dcn_graph_input(*graph, "x", (dcn_shape){ SIDE, SIDE, 3 });
    both[0] = dcn_graph_relu(*graph, dcn_graph_conv(*graph, x, &wide), NULL);
    both[1] = dcn_graph_activation(*graph, dcn_graph_conv(*graph, x, &narrow), "clip", 6, 0, NULL);
    x = dcn_graph_concat(*graph, both, 2, "both");
    x = dcn_graph_max_pool(*graph, x, &(dcn_pool_desc){ .window = { 2, 2 } });
    x = dcn_graph_relu(*graph, dcn_graph_conv(*graph, x, &narrow), "top");
    dcn_graph_softmax(*graph, dcn_graph_dense(*graph, x, &(dcn_dense_desc){ .units = 10 }), NULL);
    if ((st = dcn_graph_check(*graph, err)) == DCN_OK)
        st = dcn_graph_init_weights(*graph, 1, err);
    return st;
}

static dcn_status look(const dcn_graph *graph, const dcn_plan *plan, dcn_node layer, dcn_error *err)
{
    dcn_box box;
    float value;
    int y, x;
    dcn_status st = dcn_plan_peak(plan, layer, 0, 3, &y, &x, &value, err);

    if (!st && !(st = dcn_graph_box(graph, layer, y, x, &box, err)))
        printf("its unit %d,%d is %.4g and sees rows %d..%d, columns %d..%d%s\n", y, x, (double)value,
               box.top, box.bottom - 1, box.left, box.right - 1, box.clipped ? ", clipped" : "");
    return st;
}

static dcn_status run(const dcn_graph *graph, dcn_error *err)
{
    const dcn_node top = dcn_graph_find(graph, "top");
    const dcn_route routes[2] = { { .layer = top, .rule = DCN_RULE_DECONVNET },
                                  { .layer = top, .rule = DCN_RULE_GUIDED } };
    const dcn_plan_desc desc = { .batch = 1, .routes = routes, .n_routes = 2 };
    float picture[VALUES], down[VALUES];
    dcn_plan *plan = NULL;
    dcn_status st = dcn_plan_create(&plan, graph, &desc, err);

    if (st)
        return st;
    printf("plan: %s, %zu bytes\n", dcn_plan_text(plan), dcn_plan_bytes(plan));
    for (int i = 0; i < VALUES; i++)
        picture[i] = sinf(0.37f * (float)i) + cosf(0.011f * (float)(i * i % 977));
    dcn_plan_forward(plan, picture, 1);
    for (int r = 0; r < 2 && !st; r++) {
        double energy = 0;

        st = dcn_plan_project(plan, r, DCN_FROM_CHANNEL, 3, down, err);
        for (int i = 0; i < VALUES && !st; i++)
            energy += (double)down[i] * down[i];
        if (!st)
            printf("%s: channel 3 draws %.6g\n", dcn_rule_name(routes[r].rule), energy);
    }
    if (!st)
        st = look(graph, plan, top, err);
    dcn_plan_destroy(plan);
    return st;
}

int main(void)
{
    dcn_graph *graph = NULL;
    dcn_error err;
    dcn_status st = build(&graph, &err);

    for (int i = 0; !st && i < dcn_graph_node_count(graph); i++) {
        dcn_node_info n;

        dcn_graph_node_info(graph, i, &n);
        printf("%-10s %-9s %3dx%dx%d, sees %dx%d\n", n.name, n.op, n.shape.h, n.shape.w, n.shape.c,
               n.field.size[0], n.field.size[1]);
    }
    if (!st)
        st = run(graph, &err);
    if (st)
        fprintf(stderr, "build_graph: error: %s\n", err.text);
    dcn_graph_destroy(graph);
    return st;
}
