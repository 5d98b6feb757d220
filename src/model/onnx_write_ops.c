/* onnx_write_ops.c - what each of our operators is in ONNX, opset 17.
 *
 * Where onnxruntime or an old opset would read a parameter otherwise than we mean it, it is said
 * with more nodes: what a pool's last window hangs over is padding, not ceil_mode. */
#include "model/onnx_write.h"

#ifdef DCN_HAVE_PROTOBUF

#include <string.h>

#define LOWEST (-1e30f)           /* no number in a network's text is beyond it */

/* The node being exported. */
struct put {
    dcn__export *ex;
    dcn_node id;
    const dcn__node *node;
    dcn_shape in;                 /* of its first input */
    const char *y;                /* the value it makes */
};

static const char *four(const struct put *p, int i)
{
    return dcn__export_four(p->ex, p->node->inputs[i]);
}

/* Is it (N,C) because one of its inputs is? */
static bool is_flat(const struct put *p)
{
    if (p->node->shape.h != 1 || p->node->shape.w != 1 || p->in.h != 1 || p->in.w != 1)
        return false;
    for (int i = 0; i < p->node->n_inputs; i++)
        if (p->ex->values[p->node->inputs[i]].two)
            return true;
    return false;
}

/* Names the value; the network's output has the node's name in the form that users want. */
static void name_value(struct put *p, bool flat)
{
    const bool cell = p->node->shape.h == 1 && p->node->shape.w == 1;
    const bool last = p->id == dcn_graph_output(p->ex->graph);

    p->y = dcn__export_name(p->ex, p->id, last && cell && !flat ? "value" : NULL);
    if (flat)
        p->ex->values[p->id].two = p->y;
    else
        p->ex->values[p->id].four = p->y;
}

static dcn__onnx_put_node *put(const struct put *p, const char *op, const char *x)
{
    return dcn__export_node(p->ex, op, &x, 1, p->y);
}

/* All inputs in one form. */
static void put_join(struct put *p, const char *op)
{
    const int n = p->node->n_inputs;
    const char **inputs = dcn__export_alloc(p->ex, (size_t)n, sizeof *inputs);
    const bool flat = is_flat(p);
    dcn__onnx_put_node *node;

    name_value(p, flat);
    for (int i = 0; inputs && i < n; i++)
        inputs[i] = flat ? dcn__export_two(p->ex, p->node->inputs[i]) : four(p, i);
    if (!inputs)
        return;
    node = dcn__export_node(p->ex, op, inputs, n, p->y);
    if (p->node->op == DCN__OP_CONCAT || p->node->op == DCN__OP_SOFTMAX ||
        p->node->op == DCN__OP_LOG_SOFTMAX)
        dcn__export_int(p->ex, node, "axis", 1);
}

/* ---- weights ----------------------------------------------------------------------------- */

static void put_conv(struct put *p)
{
    const dcn__window *w = &p->node->window;
    const dcn__weight *k = &p->ex->graph->weights[p->node->weight];
    const int64_t dims[] = { k->dims[3], k->dims[2], k->dims[0], k->dims[1] };
    const char *inputs[3] = { four(p, 0), NULL, NULL };
    dcn__onnx_put_node *node;

    name_value(p, false);
    inputs[1] = dcn__export_weight(p->ex, p->node->weight, "weight", DCN__ONNX_TURN_CONV,
                                   dims[2] * dims[3], dims, 4);
    if (p->node->bias >= 0)
        inputs[2] = dcn__export_weight(p->ex, p->node->bias, "bias", DCN__ONNX_AS_IT_IS, 1, dims,
                                       1);
    node = dcn__export_node(p->ex, "Conv", inputs, p->node->bias >= 0 ? 3 : 2, p->y);
    dcn__export_ints(p->ex, node, "kernel_shape", w->kernel, 2);
    dcn__export_ints(p->ex, node, "strides", w->stride, 2);
    dcn__export_ints(p->ex, node, "dilations", w->dilation, 2);
    dcn__export_ints(p->ex, node, "pads", w->pad, 4);
    dcn__export_int(p->ex, node, "group", p->node->groups);
}

static void put_dense(struct put *p)
{
    const dcn__weight *k = &p->ex->graph->weights[p->node->weight];
    const int64_t cells = (int64_t)p->in.h * p->in.w;
    const char *inputs[3] = { dcn__export_two(p->ex, p->node->inputs[0]), NULL, NULL };

    name_value(p, true);
    inputs[1] = dcn__export_weight(p->ex, p->node->weight, "weight", DCN__ONNX_TURN_DENSE, cells,
                                   k->dims, 2);
    if (p->node->bias >= 0)
        inputs[2] = dcn__export_weight(p->ex, p->node->bias, "bias", DCN__ONNX_AS_IT_IS, 1,
                                       &k->dims[1], 1);
    dcn__export_node(p->ex, "Gemm", inputs, p->node->bias >= 0 ? 3 : 2, p->y);
}

/* A number for each channel, as it is broadcast. */
static const char *channels(const struct put *p, int weight, const char *suffix, bool flat)
{
    const int64_t dims[] = { p->in.c, 1, 1 };

    return dcn__export_weight(p->ex, weight, suffix, DCN__ONNX_AS_IT_IS, 1, dims, flat ? 1 : 3);
}

static void put_scale(struct put *p)
{
    const bool flat = is_flat(p);
    const char *x = flat ? dcn__export_two(p->ex, p->node->inputs[0]) : four(p, 0);
    const char *product = dcn__export_name(p->ex, p->id, "mul");
    const char *first[] = { x, channels(p, p->node->weight, "weight", flat) };
    const char *second[] = { product, channels(p, p->node->bias, "bias", flat) };

    name_value(p, flat);
    dcn__export_node(p->ex, "Mul", first, 2, product);
    dcn__export_node(p->ex, "Add", second, 2, p->y);
}

/* Mean and variance are in our weights already: 0 and 1 are left. */
static void put_batch_norm(struct put *p)
{
    const bool flat = is_flat(p);
    const char *inputs[5] = { flat ? dcn__export_two(p->ex, p->node->inputs[0]) : four(p, 0) };

    name_value(p, flat);
    inputs[1] = channels(p, p->node->weight, "weight", true);
    inputs[2] = channels(p, p->node->bias, "bias", true);
    inputs[3] = dcn__export_numbers(p->ex, p->id, "mean", 0, p->in.c);
    inputs[4] = dcn__export_numbers(p->ex, p->id, "variance", 1, p->in.c);
    dcn__export_float(p->ex, dcn__export_node(p->ex, "BatchNormalization", inputs, 5, p->y),
                      "epsilon", 0);
}

static void put_prelu(struct put *p)
{
    const bool flat = is_flat(p);
    const char *x = flat ? dcn__export_two(p->ex, p->node->inputs[0]) : four(p, 0);

    name_value(p, flat);
    dcn__export_node(p->ex, "PRelu",
                     (const char *[]){ x, channels(p, p->node->weight, "weight", flat) }, 2, p->y);
}

static void put_lrn(struct put *p)
{
    const char *x = four(p, 0);
    dcn__onnx_put_node *node;

    name_value(p, false);
    node = put(p, "LRN", x);
    dcn__export_int(p->ex, node, "size", p->node->size);
    dcn__export_float(p->ex, node, "alpha", p->node->alpha);
    dcn__export_float(p->ex, node, "beta", p->node->beta);
    dcn__export_float(p->ex, node, "bias", p->node->bias_k);
}

/* ---- padding and pools ------------------------------------------------------------------- */

static const char *put_pad(const struct put *p, const char *x, const int *pad, float value,
                           const char *y)
{
    const int64_t pads[] = { 0, 0, pad[0], pad[1], 0, 0, pad[2], pad[3] };
    const char *inputs[3] = { x, NULL, NULL };

    inputs[1] = dcn__export_list(p->ex, p->id, "pads", pads, 8);
    inputs[2] = dcn__export_number(p->ex, p->id, "pad_value", value);
    dcn__export_node(p->ex, "Pad", inputs, 3, y);
    return y;
}

/* Rows and columns of padding that the last window reaches, all that a pool needs to be told. */
static void trim(const struct put *p, int *pad)
{
    const dcn__window *w = &p->node->window;
    const int out[] = { p->node->shape.h, p->node->shape.w }, in[] = { p->in.h, p->in.w };

    for (int i = 0; i < 2; i++) {
        const int64_t reach = (int64_t)(out[i] - 1) * w->stride[i] +
            (int64_t)(w->kernel[i] - 1) * w->dilation[i] + 1 - in[i] - pad[i];

        pad[i + 2] = reach > 0 ? (int)reach : 0;
    }
}

static void put_pool(struct put *p)
{
    const dcn__window *w = &p->node->window;
    const bool max = p->node->op == DCN__OP_MAX_POOL, over = w->over[0] || w->over[1];
    int pad[] = { w->pad[0], w->pad[1], w->pad[2] - w->over[0], w->pad[3] - w->over[1] };
    const char *x = four(p, 0);
    bool count = w->count_pad, wide = false;
    dcn__onnx_put_node *node;

    name_value(p, false);
    if (w->global) {
        put(p, max ? "GlobalMaxPool" : "GlobalAveragePool", x);
        return;
    }
    if (!count)
        trim(p, pad);
    for (int i = 0; i < 4; i++)      /* onnxruntime takes no more */
        wide = wide || pad[i] >= w->kernel[i % 2];
    if (wide || (count && over)) {
        x = put_pad(p, x, pad, max ? LOWEST : 0, dcn__export_name(p->ex, p->id, "pad"));
        memset(pad, 0, sizeof pad);
        pad[2] = count ? w->over[0] : 0;
        pad[3] = count ? w->over[1] : 0;
        count = false;
    }
    node = put(p, max ? "MaxPool" : "AveragePool", x);
    dcn__export_ints(p->ex, node, "kernel_shape", w->kernel, 2);
    dcn__export_ints(p->ex, node, "strides", w->stride, 2);
    dcn__export_ints(p->ex, node, "pads", pad, 4);
    if (max && (w->dilation[0] != 1 || w->dilation[1] != 1))
        dcn__export_ints(p->ex, node, "dilations", w->dilation, 2);
    if (!max)
        dcn__export_int(p->ex, node, "count_include_pad", count);
}

/* ---- moving ------------------------------------------------------------------------------ */

static const char *put_reshape(const struct put *p, const char *x, const char *suffix,
                               const int64_t *dims, int rank, const char *y)
{
    const char *inputs[] = { x, dcn__export_list(p->ex, p->id, suffix, dims, rank) };

    dcn__export_node(p->ex, "Reshape", inputs, 2, y);
    return y;
}

static const char *put_transpose(const struct put *p, const char *x, const int *perm, int rank,
                                 const char *y)
{
    dcn__export_ints(p->ex, dcn__export_node(p->ex, "Transpose", &x, 1, y), "perm", perm, rank);
    return y;
}

/* Dimension 0 of the new shape: as it was, so that the batch stays open. */
static void put_shuffle(struct put *p)
{
    static const int perm[] = { 0, 2, 1, 3, 4 };
    const dcn_shape s = p->in;
    const int g = p->node->groups;
    const char *x = four(p, 0);

    name_value(p, false);
    x = put_reshape(p, x, "groups", (const int64_t[]){ 0, g, s.c / g, s.h, s.w }, 5,
                    dcn__export_name(p->ex, p->id, "split"));
    x = put_transpose(p, x, perm, 5, dcn__export_name(p->ex, p->id, "transpose"));
    put_reshape(p, x, "shape", (const int64_t[]){ 0, s.c, s.h, s.w }, 4, p->y);
}

static void put_new_shape(struct put *p)
{
    static const int to_last[] = { 0, 2, 3, 1 }, to_first[] = { 0, 3, 1, 2 };
    const dcn_shape s = p->node->shape;
    const bool flat = s.h == 1 && s.w == 1, chw = p->node->order == DCN_ORDER_CHW;
    const char *x;

    if (flat && (chw || (p->in.h == 1 && p->in.w == 1))) {
        x = p->ex->values[p->node->inputs[0]].two;
        name_value(p, true);
        put(p, x ? "Identity" : "Flatten", x ? x : four(p, 0));
        return;
    }
    x = four(p, 0);
    name_value(p, false);
    if (chw) {
        put_reshape(p, x, "shape", (const int64_t[]){ 0, s.c, s.h, s.w }, 4, p->y);
        return;
    }
    x = put_transpose(p, x, to_last, 4, dcn__export_name(p->ex, p->id, "to_last"));
    x = put_reshape(p, x, "shape", (const int64_t[]){ 0, s.h, s.w, s.c }, 4,
                    dcn__export_name(p->ex, p->id, "reshape"));
    put_transpose(p, x, to_first, 4, p->y);
}

static void put_slice(struct put *p)
{
    const int64_t one = 1, first = p->node->first, end = first + p->node->shape.c;
    const bool flat = is_flat(p);
    const char *inputs[4] = { flat ? dcn__export_two(p->ex, p->node->inputs[0]) : four(p, 0) };

    name_value(p, flat);
    inputs[1] = dcn__export_list(p->ex, p->id, "starts", &first, 1);
    inputs[2] = dcn__export_list(p->ex, p->id, "ends", &end, 1);
    inputs[3] = dcn__export_list(p->ex, p->id, "axes", &one, 1);
    dcn__export_node(p->ex, "Slice", inputs, 4, p->y);
}

/* ---- all --------------------------------------------------------------------------------- */

/* (N,C) where there is one cell, as classifiers end. */
static void put_softmax(struct put *p, const char *op)
{
    if (p->in.h == 1 && p->in.w == 1)
        dcn__export_two(p->ex, p->node->inputs[0]);
    put_join(p, op);
}

static void put_map(struct put *p)
{
    const bool flat = is_flat(p);
    const char *x = flat ? dcn__export_two(p->ex, p->node->inputs[0]) : four(p, 0);

    name_value(p, flat);
    dcn__export_map(p->ex, p->id, x, p->y);
}

void dcn__export_op(dcn__export *ex, dcn_node id)
{
    const dcn__node *n = &ex->graph->nodes[id];
    struct put p = { .ex = ex, .id = id, .node = n,
                     .in = n->n_inputs ? ex->graph->nodes[n->inputs[0]].shape : n->shape };
    const char *x;

    switch (n->op) {
    case DCN__OP_INPUT: ex->values[id].four = dcn__export_name(ex, id, NULL); break;
    case DCN__OP_CONV: put_conv(&p); break;
    case DCN__OP_DENSE: put_dense(&p); break;
    case DCN__OP_BATCH_NORM: put_batch_norm(&p); break;
    case DCN__OP_SCALE: put_scale(&p); break;
    case DCN__OP_PRELU: put_prelu(&p); break;
    case DCN__OP_LRN: put_lrn(&p); break;
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL: put_pool(&p); break;
    case DCN__OP_ADD: put_join(&p, n->n_inputs == 2 ? "Add" : "Sum"); break;
    case DCN__OP_CONCAT: put_join(&p, "Concat"); break;
    case DCN__OP_MUL: put_join(&p, "Mul"); break;
    case DCN__OP_SOFTMAX: put_softmax(&p, "Softmax"); break;
    case DCN__OP_LOG_SOFTMAX: put_softmax(&p, "LogSoftmax"); break;
    case DCN__OP_SLICE: put_slice(&p); break;
    case DCN__OP_SHUFFLE: put_shuffle(&p); break;
    case DCN__OP_RESHAPE: put_new_shape(&p); break;
    case DCN__OP_PAD:
        x = four(&p, 0);
        name_value(&p, false);
        put_pad(&p, x, n->window.pad, n->alpha, p.y);
        break;
    default: put_map(&p); break;
    }
}

#endif
