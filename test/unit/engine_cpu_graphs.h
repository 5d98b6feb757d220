/* engine_cpu_graphs.h - the networks of engine_cpu.c: small, valid, of every operator, and some of
 * them as residual and mobile networks are made. */
#ifndef ENGINE_CPU_GRAPHS_H
#define ENGINE_CPU_GRAPHS_H

#include <stdbool.h>

#include "base/random.h"
#include "graph/graph.h"

typedef struct picker { dcn__random r; } picker;

static int pick(picker *p, int min, int max)
{
    return min + (int)dcn__random_below(&p->r, (uint64_t)(max - min + 1));
}

static bool chance(picker *p, int percent)
{
    return pick(p, 1, 100) <= percent;
}

static void pick_pad(picker *p, dcn_pad *kind, int pad[4], const int kernel[2])
{
    *kind = chance(p, 50) ? DCN_PAD_SAME : chance(p, 50) ? DCN_PAD_VALID : DCN_PAD_EXPLICIT;
    for (int i = 0; i < 4; i++)
        pad[i] = pick(p, 0, kernel[i % 2] - 1 + (chance(p, 10) ? 2 : 0));
}

static dcn_node add_conv(picker *p, dcn_graph *g, dcn_node x, bool plain)
{
    static const int filters[] = { 1, 3, 8, 10, 16, 17, 32, 48, 64 };
    dcn_conv_desc d = { .filters = filters[pick(p, 0, 8)], .no_bias = chance(p, 15) };
    dcn_node_info info;

    dcn_graph_node_info(g, x, &info);
    for (int a = 0; a < 2; a++) {
        d.kernel[a] = pick(p, 1, 5);
        d.stride[a] = plain || chance(p, 60) ? 1 : pick(p, 1, 3);
        d.dilation[a] = plain || chance(p, 70) ? 1 : pick(p, 1, 3);
    }
    if (plain || chance(p, 50))
        d.kernel[1] = d.kernel[0] = chance(p, 40) ? 5 : chance(p, 60) ? 3 : d.kernel[0];
    if (!plain && chance(p, 25)) {
        d.groups = chance(p, 50) ? info.shape.c : info.shape.c % 2 == 0 ? 2 : 1;
        d.filters = d.groups * pick(p, 1, 3);
    }
    pick_pad(p, &d.pad_kind, d.pad, d.kernel);
    if (plain && chance(p, 60))
        d.pad_kind = DCN_PAD_SAME;
    return dcn_graph_conv(g, x, &d);
}

static dcn_node add_pool(picker *p, dcn_graph *g, dcn_node x, bool max)
{
    dcn_pool_desc d = { .window = { pick(p, 1, 4), pick(p, 1, 4) } };

    if (chance(p, 50))
        d.window[0] = d.window[1] = 2;
    if (chance(p, 40)) {
        d.stride[0] = pick(p, 1, 3);
        d.stride[1] = pick(p, 1, 3);
    }
    if (chance(p, 8)) {                              /* switches of four bytes */
        d.window[0] = d.window[1] = 17;
        d.stride[0] = d.stride[1] = 5;
        d.pad_kind = DCN_PAD_SAME;
        return dcn_graph_max_pool(g, x, &d);
    }
    pick_pad(p, &d.pad_kind, d.pad, d.window);
    d.ceil = chance(p, 25);
    d.count_pad = !max && chance(p, 40);
    for (int i = 0; max && i < 2; i++)
        d.dilation[i] = chance(p, 20) ? pick(p, 1, 3) : 1;
    return max ? dcn_graph_max_pool(g, x, &d) : dcn_graph_avg_pool(g, x, &d);
}

/* An activation whose values are whole numbers where its input's are, or any. */
static dcn_node add_activation(picker *p, dcn_graph *g, dcn_node x, bool whole)
{
    static const char *const words[] = { "clip", "hard_tanh", "leaky_relu", "hard_sigmoid",
                                         "sigmoid", "silu", "tanh", "hard_swish", "gelu", "mish",
                                         "elu", "selu", "softplus" };
    const int i = pick(p, 0, whole ? 3 : 12);
    const float alpha = i == 1 ? -2 : i == 2 && !whole ? 0.25f : (float)pick(p, 1, 3);

    return dcn_graph_activation(g, x, words[i], i == 8 ? (float)pick(p, 0, 1) : alpha,
                                i == 3 ? 0 : (float)pick(p, 1, 2), NULL);
}

static dcn_shape shape_at(const dcn_graph *g, dcn_node x)
{
    dcn_node_info info;

    dcn_graph_node_info(g, x, &info);
    return info.shape;
}

/* Cells and channels moved about. */
static dcn_node add_move(picker *p, dcn_graph *g, dcn_node x)
{
    const dcn_shape s = shape_at(g, x);
    const int groups = s.c % 2 == 0 ? 2 : s.c % 3 == 0 ? 3 : s.c, first = pick(p, 0, s.c - 1);
    int pad[4];

    switch (pick(p, 0, 3)) {
    case 0:
        return dcn_graph_slice(g, x, first, pick(p, 1, s.c - first), NULL);
    case 1:
        return dcn_graph_shuffle(g, x, groups, NULL);
    case 2:
        for (int i = 0; i < 4; i++)
            pad[i] = pick(p, -2, 3);
        return dcn_graph_pad(g, x, pad, (float)pick(p, -1, 1), NULL);
    default:
        return dcn_graph_reshape(g, x,
                                 chance(p, 50) ? (dcn_shape){ s.w, s.c, s.h }
                                               : (dcn_shape){ 1, 1, s.h * s.w * s.c },
                                 chance(p, 70) ? DCN_ORDER_CHW : DCN_ORDER_HWC, NULL);
    }
}

/* A gate for x: of its own shape, or one number a channel. */
static dcn_node add_gate(picker *p, dcn_graph *g, dcn_node x, bool whole)
{
    dcn_node gate = x;

    if (chance(p, 60))
        gate = chance(p, 50) ? dcn_graph_max_pool(g, x, &(dcn_pool_desc){ 0 })
                             : dcn_graph_avg_pool(g, x, &(dcn_pool_desc){ 0 });
    if (gate >= 0 && chance(p, 50))
        gate = add_activation(p, g, gate, whole);
    return dcn_graph_mul(g, x, gate, NULL);
}

/* As in residual and mobile networks: conv, batch_norm, an activation, an add. */
static dcn_node add_modern(picker *p, dcn_graph *g, dcn_node x, bool whole)
{
    static const int filters[] = { 3, 8, 16, 24, 64 };
    const dcn_shape s = shape_at(g, x);
    const bool deep = chance(p, 40), act = chance(p, 70);
    dcn_conv_desc d = { .filters = deep ? s.c : filters[pick(p, 0, 4)],
                        .groups = deep ? s.c : 1, .no_bias = chance(p, 60) };
    dcn_node y;

    d.kernel[0] = d.kernel[1] = chance(p, 40) ? 1 : 3;
    d.stride[0] = d.stride[1] = chance(p, 70) ? 1 : 2;
    y = chance(p, 15) ? x : dcn_graph_conv(g, x, &d);
    if (chance(p, 70))
        y = chance(p, 50) ? dcn_graph_batch_norm(g, y, NULL) : dcn_graph_scale(g, y, NULL);
    if (y >= 0 && chance(p, 50))
        y = dcn_graph_add(g, (const dcn_node[]){ y, chance(p, 90) && shape_at(g, y).c == s.c &&
                                                 shape_at(g, y).h == s.h ? x : y }, 2, NULL);
    if (y >= 0 && act)
        y = chance(p, 60) ? dcn_graph_relu(g, y, NULL) : add_activation(p, g, y, whole);
    return y;
}

static dcn_node add_any(picker *p, dcn_graph *g, dcn_node x, bool whole)
{
    dcn_node several[3];

    switch (pick(p, 0, 20)) {
    case 9: case 10: case 11:
        return add_modern(p, g, x, whole);
    case 12: case 13:
        return add_activation(p, g, x, whole);
    case 14: case 15:
        return add_move(p, g, x);
    case 16:
        return add_gate(p, g, x, whole);
    case 17:
        return whole || chance(p, 30)
                   ? dcn_graph_prelu(g, x, NULL)
                   : dcn_graph_lrn(g, x, &(dcn_lrn_desc){ .size = pick(p, 1, 6), .alpha = 0.5f,
                                                          .beta = chance(p, 60) ? 0.75f : 0.6f,
                                                          .k = 1 });
    case 18:
        several[0] = dcn_graph_relu(g, x, NULL);
        several[1] = several[2] = x;
        return dcn_graph_add(g, several, 3, NULL);
    case 19:
        return dcn_graph_log_softmax(g, x, NULL);
    case 0:
        return dcn_graph_relu(g, x, NULL);
    case 1:
        return add_pool(p, g, x, true);
    case 2:
        return add_pool(p, g, x, false);
    case 3:
        return dcn_graph_add(g, (const dcn_node[]){ x, dcn_graph_relu(g, x, NULL) }, 2, NULL);
    case 4:
        several[0] = dcn_graph_relu(g, x, NULL);
        several[1] = several[2] = x;
        return dcn_graph_concat(g, several, pick(p, 2, 3), NULL);
    case 5:
        return dcn_graph_softmax(g, x, NULL);
    case 6:
        return dcn_graph_dense(g, x,
                               &(dcn_dense_desc){ .units = chance(p, 20) ? 300 : pick(p, 1, 20),
                                                 .no_bias = chance(p, 30) });
    default:
        return add_conv(p, g, x, false);
    }
}

/* The form that this project lives on: conv, relu, max_pool, again and again. */
static dcn_node add_block(picker *p, dcn_graph *g, dcn_node x)
{
    x = add_conv(p, g, x, chance(p, 80));
    if (x >= 0 && chance(p, 90))
        x = dcn_graph_relu(g, x, NULL);
    return x >= 0 && chance(p, 80) ? add_pool(p, g, x, chance(p, 90)) : x;
}

static dcn_graph *random_graph(picker *p, bool blocks, bool whole)
{
    static const int channels[] = { 1, 2, 3, 4, 7, 16, 32, 33, 64 };
    dcn_graph *g;
    dcn_error err;
    dcn_shape in = { pick(p, 1, 14), pick(p, 1, 14), channels[pick(p, 0, 8)] };
    dcn_node x;

    assert_int_equal(dcn_graph_create(&g, &err), DCN_OK);
    if (chance(p, 25))
        in.h = in.w = chance(p, 50) ? 12 : 24;
    x = dcn_graph_input(g, NULL, in);
    for (int n = pick(p, 1, whole ? 3 : 1); n > 0 && x >= 0; n--)
        x = blocks ? add_block(p, g, x) : add_any(p, g, x, whole);
    if (x >= 0 && chance(p, 50) && (whole || !blocks))
        x = dcn_graph_dense(g, x, &(dcn_dense_desc){ .units = pick(p, 2, 12) });
    if (dcn_graph_check(g, &err)) {                  /* a shape that cannot be: try another */
        dcn_graph_destroy(g);
        return NULL;
    }
    return g;
}

static float number(picker *p, bool whole, int largest)
{
    return whole ? (float)pick(p, -largest, largest) : (float)dcn__random_normal(&p->r);
}

#endif
