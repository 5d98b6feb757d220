/* random_graph.h - small valid networks from a seed: every operator (if asked), residual and dense
 * connections, odd sizes, strides, dilations, groups, all kinds of padding. */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H

#include "support.h"

typedef struct random_graph_desc {
    int nodes;                    /* about so many, the input included */
    int side;                     /* of the input, at most */
    int gap_free;                 /* no dilation, no stride beyond the kernel */
    int head;                     /* ends in 1x1xCLASSES and a softmax */
    int softmax_inside;           /* may stand anywhere */
    int every_op;                 /* also those that training and the tutorial do not need */
} random_graph_desc;

static inline int pick(dcn__random *r, int from, int to)
{
    return from + (int)dcn__random_below(r, (uint64_t)(to - from + 1));
}

static inline void random_pad(dcn__random *r, dcn_pad *kind, int pad[4], const int covered[2],
                              dcn_shape s)
{
    *kind = (dcn_pad)pick(r, 0, 2);
    if (covered[0] > s.h || covered[1] > s.w)
        *kind = DCN_PAD_SAME;
    for (int i = 0; i < 4; i++)
        pad[i] = *kind == DCN_PAD_EXPLICIT ? pick(r, 0, covered[i % 2] - 1) : 0;
}

static inline dcn_node random_conv(dcn__random *r, dcn_graph *g, dcn_node x, const random_graph_desc *d)
{
    const dcn_shape s = shape_of(g, x);
    dcn_conv_desc c = { .filters = pick(r, 1, 4), .no_bias = pick(r, 0, 3) == 0 };
    int covered[2];

    for (int i = 0; i < 2; i++) {
        c.kernel[i] = pick(r, 1, 4);
        c.stride[i] = pick(r, 0, d->gap_free && c.kernel[i] < 2 ? 1 : 2);
        c.dilation[i] = d->gap_free ? 1 : pick(r, 0, 2);
        covered[i] = (c.kernel[i] - 1) * (c.dilation[i] ? c.dilation[i] : 1) + 1;
    }
    if (s.c % 2 == 0 && pick(r, 0, 1)) {
        c.groups = 2;
        c.filters *= 2;
    }
    random_pad(r, &c.pad_kind, c.pad, covered, s);
    return dcn_graph_conv(g, x, &c);
}

static inline dcn_node random_pool(dcn__random *r, dcn_graph *g, dcn_node x, const random_graph_desc *d)
{
    const dcn_shape s = shape_of(g, x);
    dcn_pool_desc p = { 0 };

    for (int i = 0; i < 2; i++) {
        p.window[i] = pick(r, 1, 3);
        p.stride[i] = pick(r, 0, d->gap_free && p.window[i] < 2 ? 1 : 2);
    }
    random_pad(r, &p.pad_kind, p.pad, p.window, s);
    return pick(r, 0, 2) ? dcn_graph_max_pool(g, x, &p) : dcn_graph_avg_pool(g, x, &p);
}

/* An earlier node that may meet x in an add (exact) or a concat; x itself if there is none. */
static inline dcn_node random_partner(dcn__random *r, const dcn_graph *g, dcn_node x, int exact)
{
    const dcn_shape s = shape_of(g, x);
    dcn_node found = x;
    int n = 1;

    for (dcn_node i = 0; i < dcn_graph_node_count(g); i++) {
        const dcn_shape t = shape_of(g, i);

        if (t.h == s.h && t.w == s.w && (!exact || t.c == s.c) && dcn__random_below(r, (uint64_t)++n) == 0)
            found = i;
    }
    return found;
}

static inline float random_number(dcn__random *r, float from, float to)
{
    return from + (to - from) * (float)dcn__random_unit(r);
}

static inline dcn_node random_activation(dcn__random *r, dcn_graph *g, dcn_node x)
{
    switch (pick(r, 0, 12)) {
    case 0:
        return dcn_graph_activation(g, x, "clip", pick(r, 0, 1) ? 6 : random_number(r, 0, 3), 0, NULL);
    case 1:
        return dcn_graph_activation(g, x, "hard_tanh", random_number(r, -3, 0), random_number(r, 0, 3), NULL);
    case 2:
        return dcn_graph_activation(g, x, "leaky_relu", pick(r, 0, 1) ? 0.01f : random_number(r, -1, 1), 0, NULL);
    case 3:
        return dcn_graph_activation(g, x, "sigmoid", 0, 0, NULL);
    case 4:
        return dcn_graph_activation(g, x, "hard_sigmoid", random_number(r, 0, 1), random_number(r, 0, 1), NULL);
    case 5:
        return dcn_graph_activation(g, x, "tanh", 0, 0, NULL);
    case 6:
        return dcn_graph_activation(g, x, "silu", 0, 0, NULL);
    case 7:
        return dcn_graph_activation(g, x, "hard_swish", 0, 0, NULL);
    case 8:
        return dcn_graph_activation(g, x, "gelu", (float)pick(r, 0, 1), 0, NULL);
    case 9:
        return dcn_graph_activation(g, x, "mish", 0, 0, NULL);
    case 10:
        return dcn_graph_activation(g, x, "elu", random_number(r, 0, 2), 0, NULL);
    case 11:
        return dcn_graph_activation(g, x, "selu", 1.67326319f, 1.05070102f, NULL);
    default:
        return dcn_graph_activation(g, x, "softplus", 0, 0, NULL);
    }
}

/* A max pool with holes, or a pool of the kinds that other frameworks add. */
static inline dcn_node random_pool_of_others(dcn__random *r, dcn_graph *g, dcn_node x, const random_graph_desc *d)
{
    const dcn_shape s = shape_of(g, x);
    const int max = pick(r, 0, 1), side[2] = { s.h, s.w };
    dcn_pool_desc p = { .pad_kind = DCN_PAD_EXPLICIT, .ceil = pick(r, 0, 1), .count_pad = !max && pick(r, 0, 1) };

    for (int i = 0; i < 2; i++) {
        p.window[i] = pick(r, 1, 3);
        p.stride[i] = pick(r, 0, d->gap_free && p.window[i] < 2 ? 1 : 2);
        p.dilation[i] = max && !d->gap_free && side[i] > 4 ? pick(r, 1, 2) : 1;
        p.pad[i] = pick(r, 0, p.window[i] - 1);
        p.pad[i + 2] = pick(r, 0, p.window[i] - 1);
        if ((p.window[i] - 1) * p.dilation[i] + 1 > side[i])
            p.window[i] = p.dilation[i] = 1, p.pad[i] = p.pad[i + 2] = 0;
    }
    return max ? dcn_graph_max_pool(g, x, &p) : dcn_graph_avg_pool(g, x, &p);
}

/* x times a gate: of its own shape, or squeezed from it as in squeeze-excitation. */
static inline dcn_node random_mul(dcn__random *r, dcn_graph *g, dcn_node x)
{
    dcn_node gate;

    if (pick(r, 0, 1))
        return dcn_graph_mul(g, x, random_partner(r, g, x, 1), NULL);
    gate = dcn_graph_avg_pool(g, x, &(dcn_pool_desc){ 0 });
    gate = dcn_graph_conv(g, gate, &(dcn_conv_desc){ .filters = shape_of(g, x).c, .kernel = { 1, 1 } });
    return dcn_graph_mul(g, x, dcn_graph_activation(g, gate, "sigmoid", 0, 0, NULL), NULL);
}

static inline dcn_node random_reshape(dcn__random *r, dcn_graph *g, dcn_node x)
{
    const dcn_shape s = shape_of(g, x), forms[3] = { { s.h, s.w, s.c }, { s.w, s.h, s.c }, { 1, 1, s.h * s.w * s.c } };

    return dcn_graph_reshape(g, x, forms[pick(r, 0, s.h * s.w * s.c <= 32 ? 2 : 1)],
                             pick(r, 0, 1) ? DCN_ORDER_HWC : DCN_ORDER_CHW, NULL);
}

/* One of the operators that other people's networks need. */
static inline dcn_node random_op_of_others(dcn__random *r, dcn_graph *g, dcn_node x, const random_graph_desc *d)
{
    const dcn_shape s = shape_of(g, x);

    switch (pick(r, 0, 13)) {
    case 0:
        return dcn_graph_batch_norm(g, x, NULL);
    case 1:
        return dcn_graph_scale(g, x, NULL);
    case 2:
        return dcn_graph_prelu(g, x, NULL);
    case 3:
        return dcn_graph_lrn(g, x, &(dcn_lrn_desc){ NULL, pick(r, 1, 5), random_number(r, 0, 1),
                                                    random_number(r, 0.5f, 1), random_number(r, 1, 2) });
    case 4: case 5:
        return random_mul(r, g, x);
    case 6: {
        int pad[4];

        for (int i = 0; i < 4; i++)
            pad[i] = pick(r, (i % 2 ? s.w : s.h) > 2 ? -1 : 0, 2);
        return dcn_graph_pad(g, x, pad, pick(r, 0, 1) ? 0 : random_number(r, -1, 1), NULL);
    }
    case 7: {
        const int first = pick(r, 0, s.c - 1);

        return dcn_graph_slice(g, x, first, pick(r, 1, s.c - first), NULL);
    }
    case 8:
        return dcn_graph_shuffle(g, x, s.c % 2 ? s.c : s.c % 4 || pick(r, 0, 1) ? 2 : 4, NULL);
    case 9:
        return random_reshape(r, g, x);
    case 10:
        return random_pool_of_others(r, g, x, d);
    case 11:
        return d->softmax_inside ? dcn_graph_log_softmax(g, x, NULL)
                                 : dcn_graph_add(g, (const dcn_node[]){ x, x, random_partner(r, g, x, 1) }, 3, NULL);
    default:
        return random_activation(r, g, x);
    }
}

static inline dcn_graph *random_graph(uint64_t seed, random_graph_desc d)
{
    dcn__random r = dcn__random_stream(seed, 0x6772, 0);
    dcn_node x;
    dcn_graph *g;

    must(dcn_graph_create(&g, &err));
    dcn_graph_input(g, NULL, (dcn_shape){ pick(&r, 1, d.side), pick(&r, 1, d.side), pick(&r, 1, 3) });
    while (dcn_graph_node_count(g) < d.nodes) {
        const int last = dcn_graph_node_count(g) - 1;

        x = pick(&r, 0, 2) ? last : pick(&r, 0, last);   /* mostly on, sometimes a branch */
        if (d.every_op && pick(&r, 0, 1)) {
            random_op_of_others(&r, g, x, &d);
            continue;
        }
        switch (pick(&r, 0, 9)) {
        case 0: case 1: case 2:
            random_conv(&r, g, x, &d);
            break;
        case 3: case 4:
            dcn_graph_relu(g, x, NULL);
            break;
        case 5:
            random_pool(&r, g, x, &d);
            break;
        case 6: case 7:
            dcn_graph_add(g, (const dcn_node[]){ x, random_partner(&r, g, x, 1) }, 2, NULL);
            break;
        case 8: {
            const dcn_node all[3] = { x, random_partner(&r, g, x, 0), random_partner(&r, g, x, 0) };

            if (shape_of(g, x).c < 32)
                dcn_graph_concat(g, all, pick(&r, 1, 3), NULL);
            break;
        }
        case 9:
            if (d.softmax_inside)
                dcn_graph_softmax(g, x, NULL);
            else if (pick(&r, 0, 3) == 0)
                dcn_graph_dense(g, x, &(dcn_dense_desc){ .units = pick(&r, 1, 5) });
            break;
        }
    }
    if (d.head) {
        if (pick(&r, 0, 1))
            dcn_graph_dense(g, dcn_graph_output(g), &(dcn_dense_desc){ .units = 4 });
        else
            dcn_graph_avg_pool(g, dcn_graph_output(g), &(dcn_pool_desc){ 0 });
        dcn_graph_softmax(g, dcn_graph_output(g), NULL);
    }
    must(dcn_graph_check(g, &err));
    return g;
}

#endif
