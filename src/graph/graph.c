/* graph.c - builds graphs and answers about them; weights.c holds their weights. */
#include "graph/words.h"

#include "base/memory.h"
#include "base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FILTERS = 65536, MAX_KERNEL = 1024, MAX_STRIDE = 1024, MAX_INPUT = 65536 };

/* A line of text holds 4096 bytes and 256 words; what cannot be written cannot be built. */
enum { MAX_INPUTS = 200, MAX_INPUT_NAMES = 3500 };
#define MAX_NUMBER 1e30f          /* of an operator's parameters; not FLT_MAX, to be readable */

dcn_status dcn_graph_create(dcn_graph **graph, dcn_error *err)
{
    *graph = dcn__alloc(sizeof **graph);
    return *graph ? DCN_OK : dcn__fail_memory(err, "a graph", sizeof **graph);
}

void dcn_graph_destroy(dcn_graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->n_nodes; i++) {
        dcn__free(g->nodes[i].name);
        dcn__free(g->nodes[i].origin);
        dcn__free(g->nodes[i].inputs);
    }
    for (int i = 0; i < g->n_weights; i++) {
        dcn__free(g->weights[i].name);
        dcn__free_aligned(g->weights[i].data);
    }
    dcn__free(g->nodes);
    dcn__free(g->weights);
    dcn__free(g->names);
    dcn__free(g);
}

bool dcn__name_is_valid(const char *name)
{
    const size_t n = strlen(name);
    char shown[DCN__MAX_NAME + 8];

    /* Names are printed as they are: whatever a sentence would escape could drive a terminal. */
    return n && n <= DCN__MAX_NAME && !strchr(name, '"') &&
           dcn__text_escape(shown, sizeof shown, name, n) == n && memcmp(shown, name, n) == 0;
}

/* ---- names -------------------------------------------------------------------------------- */

/* FNV-1a; the table is never more than half full. */
static size_t name_slot(const dcn_graph *g, const char *name)
{
    uint64_t h = 14695981039346656037u;
    size_t at;

    for (const char *c = name; *c; c++)
        h = (h ^ (uint8_t)*c) * 1099511628211u;
    at = (size_t)h & (size_t)(g->name_capacity - 1);
    while (g->names[at] && strcmp(g->nodes[g->names[at] - 1].name, name) != 0)
        at = (at + 1) & (size_t)(g->name_capacity - 1);
    return at;
}

dcn_node dcn_graph_find(const dcn_graph *g, const char *name)
{
    return g->name_capacity ? g->names[name_slot(g, name)] - 1 : -1;
}

/* Room for one more name; false without memory. */
static bool names_grow(dcn_graph *g)
{
    const int capacity = g->name_capacity ? g->name_capacity * 2 : 64;

    if (2 * (g->n_nodes + 1) <= g->name_capacity)
        return true;
    int *grown = dcn__alloc_array((size_t)capacity, sizeof *grown);
    if (!grown)
        return false;
    dcn__free(g->names);
    g->names = grown;
    g->name_capacity = capacity;
    for (int i = 0; i < g->n_nodes; i++)
        g->names[name_slot(g, g->nodes[i].name)] = i + 1;
    return true;
}

/* ---- appending ----------------------------------------------------------------------------- */

static bool grow(void **array, int *capacity, int count, size_t size)
{
    void *grown;
    int wanted = *capacity ? *capacity * 2 : 16;

    if (count < *capacity)
        return true;
    if (!(grown = dcn__realloc(*array, (size_t)wanted * size)))
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static int add_weight(dcn_graph *g, dcn_node node, const char *part, int rank, const int64_t *dims)
{
    dcn__weight *w;
    size_t bytes = strlen(g->nodes[node].name) + strlen(part) + 2;
    int64_t count = 1;

    for (int i = 0; i < rank; i++)
        if (!dcn__mul_int64(count, dims[i], &count) || count > DCN__MAX_ELEMENTS) {
            dcn__fail(&g->error, DCN_USAGE, g->nodes[node].name,
                      "its %s has more than 2147483647 elements; use fewer filters or groups",
                      part);
            return -1;
        }
    if (!grow((void **)&g->weights, &g->weight_capacity, g->n_weights, sizeof *g->weights)) {
        dcn__fail_memory(&g->error, "a graph's weights", sizeof *g->weights);
        return -1;
    }
    w = &g->weights[g->n_weights];
    memset(w, 0, sizeof *w);
    if (!(w->name = dcn__alloc(bytes))) {
        dcn__fail_memory(&g->error, "a weight's name", bytes);
        return -1;
    }
    snprintf(w->name, bytes, "%s.%s", g->nodes[node].name, part);
    w->node = node;
    w->rank = rank;
    memcpy(w->dims, dims, (size_t)rank * sizeof *dims);
    w->count = count;
    return g->n_weights++;
}

/* Takes a filled-in node without name and inputs. Returns its number, or -1 with g->error set. */
static dcn_node append(dcn_graph *g, dcn__node *n, const char *name, const dcn_node *inputs,
                       int n_inputs)
{
    char made[64];
    dcn_node id = g->n_nodes;
    dcn_error *err = &g->error;

    if (err->status)
        return -1;
    n->weight = n->bias = -1;
    n->n_inputs = n_inputs;
    if (!name) {
        do
            snprintf(made, sizeof made, "%s%d", dcn__op_row_of(n->op)->word, ++g->op_counts[n->op]);
        while (dcn_graph_find(g, made) >= 0);
        name = made;
    }
    if (!dcn__name_is_valid(name)) {
        dcn__fail(err, DCN_USAGE, "network",
                  "the name \"%.60s\" is empty, longer than %d bytes or has "
                  "control bytes or quotes; use another",
                  name, DCN__MAX_NAME);
        return -1;
    }
    if (dcn_graph_find(g, name) >= 0) {
        dcn__fail(err, DCN_USAGE, name, "stands twice in the network; give each node its own name");
        return -1;
    }
    for (int i = 0; i < n_inputs; i++)
        if (inputs[i] < 0 || inputs[i] >= g->n_nodes) {
            dcn__fail(err, DCN_USAGE, name,
                      "input %d is not a node of this graph; name an earlier node", i + 1);
            return -1;
        }
    if (n->op == DCN__OP_INPUT && id > 0) {      /* others name a node, so that an input is there */
        dcn__fail(err, DCN_USAGE, name, "is a second input; a network has one");
        return -1;
    }
    if (id == DCN__MAX_NODES) {
        dcn__fail(err, DCN_USAGE, name, "is node %d, the limit; use fewer", DCN__MAX_NODES);
        return -1;
    }
    if (!grow((void **)&g->nodes, &g->node_capacity, g->n_nodes, sizeof *g->nodes) ||
        !names_grow(g)) {
        dcn__fail_memory(err, "a graph's nodes", sizeof *g->nodes);
        return -1;
    }
    n->name = dcn__strdup(name);
    n->inputs = dcn__alloc_array((size_t)(n_inputs ? n_inputs : 1), sizeof *inputs);
    if (!n->name || !n->inputs) {
        dcn__free(n->name);
        dcn__free(n->inputs);
        dcn__fail_memory(err, "a node", sizeof *n);
        return -1;
    }
    if (n_inputs)
        memcpy(n->inputs, inputs, (size_t)n_inputs * sizeof *inputs);
    if (dcn__shape_infer(g, n, err)) {
        dcn__free(n->name);
        dcn__free(n->inputs);
        return -1;
    }
    if (id == 0)
        n->field = (dcn_field){ { 0, 0 }, { 1, 1 }, { 1, 1 } };
    else
        dcn__field_infer(g, n);
    g->nodes[id] = *n;
    g->names[name_slot(g, n->name)] = id + 1;
    g->n_nodes++;
    dcn__layer_infer(g, id);
    return id;
}

/* ---- builders -------------------------------------------------------------------------------- */

static bool in_range(dcn_graph *g, const char *name, const char *what, int64_t value, int64_t min,
                     int64_t max)
{
    if (g->error.status)
        return false;
    if (value >= min && value <= max)
        return true;
    dcn__fail(&g->error, DCN_USAGE, name ? name : "network",
              "%s %lld is outside %lld..%lld; correct it", what, (long long)value, (long long)min,
              (long long)max);
    return false;
}

dcn_node dcn_graph_input(dcn_graph *g, const char *name, dcn_shape shape)
{
    dcn__node n = { .op = DCN__OP_INPUT, .shape = shape };

    if (!in_range(g, name, "height", shape.h, 1, MAX_INPUT) ||
        !in_range(g, name, "width", shape.w, 1, MAX_INPUT) ||
        !in_range(g, name, "channels", shape.c, 1, MAX_INPUT))
        return -1;
    return append(g, &n, name, NULL, 0);
}

/* What the text form can say, so that every network can be written and read again. */
static bool first_weights_in_range(dcn_graph *g, const dcn_conv_desc *d)
{
    if (g->error.status)
        return false;
    if ((d->init_stddev == 0 || (d->init_stddev >= 1e-12f && d->init_stddev <= 1e6f)) &&
        d->init_bias >= -1e6f && d->init_bias <= 1e6f)
        return true;
    dcn__fail(&g->error, DCN_USAGE, d->name ? d->name : "network",
              "first weights of deviation %g and bias %g are "
              "outside 1e-12..1e6 and -1e6..1e6; correct them",
              (double)d->init_stddev, (double)d->init_bias);
    return false;
}

static int or_one(int x)
{
    return x ? x : 1;
}

static bool window_in_range(dcn_graph *g, const char *name, const dcn__window *w)
{
    for (int i = 0; i < 2; i++)
        if (!in_range(g, name, "kernel", w->kernel[i], 1, MAX_KERNEL) ||
            !in_range(g, name, "stride", w->stride[i], 1, MAX_STRIDE) ||
            !in_range(g, name, "dilation", w->dilation[i], 1, MAX_STRIDE))
            return false;
    if (!in_range(g, name, "kind of padding", w->pad_kind, DCN_PAD_SAME, DCN_PAD_EXPLICIT))
        return false;
    for (int i = 0; i < 4; i++)
        if (!in_range(g, name, "pad", w->pad[i], 0, MAX_KERNEL * MAX_STRIDE))
            return false;
    return true;
}

dcn_node dcn_graph_conv(dcn_graph *g, dcn_node x, const dcn_conv_desc *d)
{
    dcn__node n = { .op = DCN__OP_CONV, .shape = { 0, 0, d->filters }, .groups = or_one(d->groups),
                    .init_stddev = d->init_stddev, .init_bias = d->init_bias };
    dcn_node id;

    for (int i = 0; i < 2; i++) {
        n.window.kernel[i] = d->kernel[i];
        n.window.stride[i] = or_one(d->stride[i]);
        n.window.dilation[i] = or_one(d->dilation[i]);
    }
    memcpy(n.window.pad, d->pad, sizeof n.window.pad);
    n.window.pad_kind = d->pad_kind;
    if (!in_range(g, d->name, "filters", d->filters, 1, MAX_FILTERS) ||
        !in_range(g, d->name, "groups", n.groups, 1, MAX_FILTERS) ||
        !window_in_range(g, d->name, &n.window) || !first_weights_in_range(g, d))
        return -1;
    id = append(g, &n, d->name, &x, 1);
    if (id >= 0) {
        const int64_t dims[4] = { d->kernel[0], d->kernel[1], g->nodes[x].shape.c / n.groups,
                                  d->filters };
        const int weight = add_weight(g, id, "weight", 4, dims);
        const int bias = d->no_bias || weight < 0 ? -1 : add_weight(g, id, "bias", 1, &dims[3]);

        g->nodes[id].weight = weight;
        g->nodes[id].bias = bias;
    }
    return g->error.status ? -1 : id;
}

dcn_node dcn_graph_dense(dcn_graph *g, dcn_node x, const dcn_dense_desc *d)
{
    dcn__node n = { .op = DCN__OP_DENSE, .shape = { 1, 1, d->units } };
    dcn_node id;

    if (!in_range(g, d->name, "units", d->units, 1, MAX_FILTERS))
        return -1;
    id = append(g, &n, d->name, &x, 1);
    if (id >= 0) {
        const int64_t dims[2] = { dcn__shape_size(g->nodes[x].shape), d->units };
        const int weight = add_weight(g, id, "weight", 2, dims);
        const int bias = d->no_bias || weight < 0 ? -1 : add_weight(g, id, "bias", 1, &dims[1]);

        g->nodes[id].weight = weight;
        g->nodes[id].bias = bias;
    }
    return g->error.status ? -1 : id;
}

static dcn_node pool(dcn_graph *g, dcn__op op, dcn_node x, const dcn_pool_desc *d)
{
    dcn__node n = { .op = op };
    const bool global = !d->window[0] && !d->window[1];

    for (int i = 0; i < 2; i++) {
        n.window.kernel[i] = global ? 1 : d->window[i];
        n.window.stride[i] = d->stride[i] ? d->stride[i] : n.window.kernel[i];
        n.window.dilation[i] = or_one(d->dilation[i]);
    }
    memcpy(n.window.pad, d->pad, sizeof n.window.pad);
    n.window.pad_kind = d->pad_kind;
    n.window.global = global;
    n.window.ceil = d->ceil && !global;
    n.window.count_pad = d->count_pad && !global;
    if (!window_in_range(g, d->name, &n.window) ||
        !in_range(g, d->name, "ceil", d->ceil, 0, 1) ||
        !in_range(g, d->name, "count_pad", d->count_pad, 0, op == DCN__OP_AVG_POOL) ||
        (op == DCN__OP_AVG_POOL &&
         (!in_range(g, d->name, "dilation of avg_pool", n.window.dilation[0], 1, 1) ||
          !in_range(g, d->name, "dilation of avg_pool", n.window.dilation[1], 1, 1))))
        return -1;
    for (int i = 0; global && i < 4; i++)
        if (!in_range(g, d->name, "stride of a global pool", d->stride[i % 2], 0, 0) ||
            !in_range(g, d->name, "dilation of a global pool", n.window.dilation[i % 2], 1, 1) ||
            !in_range(g, d->name, "pad of a global pool", d->pad[i], 0, 0))
            return -1;
    return append(g, &n, d->name, &x, 1);
}

dcn_node dcn_graph_max_pool(dcn_graph *g, dcn_node x, const dcn_pool_desc *d)
{
    return pool(g, DCN__OP_MAX_POOL, x, d);
}

dcn_node dcn_graph_avg_pool(dcn_graph *g, dcn_node x, const dcn_pool_desc *d)
{
    return pool(g, DCN__OP_AVG_POOL, x, d);
}

dcn_node dcn_graph_relu(dcn_graph *g, dcn_node x, const char *name)
{
    dcn__node n = { .op = DCN__OP_RELU };

    return append(g, &n, name, &x, 1);
}

/* Inputs of an operator that takes several. */
static dcn_node join(dcn_graph *g, dcn__op op, const dcn_node *x, int count, int least,
                     const char *name)
{
    dcn__node n = { .op = op };
    int64_t bytes = 0;

    if (!in_range(g, name, "number of inputs", count, least, MAX_INPUTS))
        return -1;
    for (int i = 0; i < count; i++)
        if (x[i] >= 0 && x[i] < g->n_nodes)
            bytes += (int64_t)strlen(g->nodes[x[i]].name) + 3;
    if (!in_range(g, name, "length of the inputs' names", bytes, 0, MAX_INPUT_NAMES))
        return -1;
    return append(g, &n, name, x, count);
}

dcn_node dcn_graph_add(dcn_graph *g, const dcn_node *x, int count, const char *name)
{
    return join(g, DCN__OP_ADD, x, count, 2, name);
}

dcn_node dcn_graph_concat(dcn_graph *g, const dcn_node *x, int count, const char *name)
{
    return join(g, DCN__OP_CONCAT, x, count, 1, name);
}

dcn_node dcn_graph_mul(dcn_graph *g, dcn_node x, dcn_node gate, const char *name)
{
    return join(g, DCN__OP_MUL, (const dcn_node[]){ x, gate }, 2, 2, name);
}

dcn_node dcn_graph_softmax(dcn_graph *g, dcn_node x, const char *name)
{
    dcn__node n = { .op = DCN__OP_SOFTMAX };

    return append(g, &n, name, &x, 1);
}

dcn_node dcn_graph_log_softmax(dcn_graph *g, dcn_node x, const char *name)
{
    dcn__node n = { .op = DCN__OP_LOG_SOFTMAX };

    return append(g, &n, name, &x, 1);
}

/* ---- a number or two a channel -------------------------------------------------------------- */

static dcn_node scale(dcn_graph *g, dcn__op op, dcn_node x, const char *name)
{
    dcn__node n = { .op = op };
    const dcn_node id = append(g, &n, name, &x, 1);

    if (id >= 0) {
        const int64_t dims[1] = { g->nodes[id].shape.c };
        const int weight = add_weight(g, id, "weight", 1, dims);
        const bool none = weight < 0 || op == DCN__OP_PRELU;
        const int bias = none ? -1 : add_weight(g, id, "bias", 1, dims);

        g->nodes[id].weight = weight;
        g->nodes[id].bias = bias;
    }
    return g->error.status ? -1 : id;
}

dcn_node dcn_graph_scale(dcn_graph *g, dcn_node x, const char *name)
{
    return scale(g, DCN__OP_SCALE, x, name);
}

dcn_node dcn_graph_batch_norm(dcn_graph *g, dcn_node x, const char *name)
{
    return scale(g, DCN__OP_BATCH_NORM, x, name);
}

dcn_node dcn_graph_prelu(dcn_graph *g, dcn_node x, const char *name)
{
    return scale(g, DCN__OP_PRELU, x, name);
}

/* ---- activations and norms ------------------------------------------------------------------- */

static bool float_in_range(dcn_graph *g, const char *name, const char *what, float value,
                           float min, float max)
{
    if (g->error.status)
        return false;
    if (value >= min && value <= max)
        return true;
    dcn__fail(&g->error, DCN_USAGE, name ? name : "network", "%s %g is outside %g..%g; correct it",
              what, (double)value, (double)min, (double)max);
    return false;
}

/* Parameters that an activation does not have are 0, whatever the caller said. */
static void drop_unknown(dcn__node *n)
{
    bool alpha = false, beta = false;
    int n_words;
    const dcn__word *words = dcn__words_of(n->op, &n_words);

    for (int i = 0; i < n_words; i++) {
        alpha |= words[i].at == offsetof(dcn__node, alpha);
        beta |= words[i].at == offsetof(dcn__node, beta);
    }
    n->alpha = alpha ? n->alpha : 0;
    n->beta = beta ? n->beta : 0;
}

dcn_node dcn_graph_activation(dcn_graph *g, dcn_node x, const char *word, float alpha, float beta,
                              const char *name)
{
    dcn__node n = { .op = DCN__OP_COUNT, .alpha = alpha, .beta = beta };

    for (int i = 0; i < DCN__OP_COUNT; i++)
        if ((dcn__op_is_map((dcn__op)i) || i == DCN__OP_LEAKY_RELU) &&
            strcmp(word, dcn__op_row_of((dcn__op)i)->word) == 0)
            n.op = (dcn__op)i;
    if (n.op == DCN__OP_COUNT) {
        if (!g->error.status)
            dcn__fail(&g->error, DCN_USAGE, name ? name : "network",
                      "%.40s is no activation; docs/ops/activations.md lists them", word);
        return -1;
    }
    if (!float_in_range(g, name, "alpha", alpha, n.op == DCN__OP_CLIP ? 0 : -MAX_NUMBER,
                        MAX_NUMBER) ||
        !float_in_range(g, name, "beta", beta, n.op == DCN__OP_HARD_TANH ? alpha : -MAX_NUMBER,
                        MAX_NUMBER))
        return -1;
    if (n.op == DCN__OP_GELU && alpha != 0 && alpha != 1) {
        dcn__fail(&g->error, DCN_USAGE, name ? name : "network",
                  "alpha %g is neither 0 nor 1 (gelu by tanh); correct it", (double)alpha);
        return -1;
    }
    drop_unknown(&n);
    return append(g, &n, name, &x, 1);
}

dcn_node dcn_graph_lrn(dcn_graph *g, dcn_node x, const dcn_lrn_desc *d)
{
    dcn__node n = { .op = DCN__OP_LRN, .size = d->size, .alpha = d->alpha, .beta = d->beta,
                    .bias_k = d->k };

    if (!in_range(g, d->name, "size", d->size, 1, MAX_FILTERS) ||
        !float_in_range(g, d->name, "alpha", d->alpha, 0, MAX_NUMBER) ||
        !float_in_range(g, d->name, "beta", d->beta, 0, 100) ||
        !float_in_range(g, d->name, "k", d->k, 0, MAX_NUMBER))
        return -1;
    return append(g, &n, d->name, &x, 1);
}

/* ---- cells and channels moved about ---------------------------------------------------------- */

dcn_node dcn_graph_pad(dcn_graph *g, dcn_node x, const int pad[4], float value, const char *name)
{
    dcn__node n = { .op = DCN__OP_PAD, .alpha = value };

    for (int i = 0; i < 4; i++)
        if (!in_range(g, name, "pad", pad[i], -MAX_INPUT, MAX_INPUT))
            return -1;
    if (!float_in_range(g, name, "value", value, -MAX_NUMBER, MAX_NUMBER))
        return -1;
    memcpy(n.window.pad, pad, sizeof n.window.pad);
    return append(g, &n, name, &x, 1);
}

dcn_node dcn_graph_slice(dcn_graph *g, dcn_node x, int first, int count, const char *name)
{
    dcn__node n = { .op = DCN__OP_SLICE, .first = first, .shape = { 0, 0, count } };

    if (!in_range(g, name, "first", first, 0, INT32_MAX) ||
        !in_range(g, name, "count", count, 1, INT32_MAX))
        return -1;
    return append(g, &n, name, &x, 1);
}

dcn_node dcn_graph_shuffle(dcn_graph *g, dcn_node x, int groups, const char *name)
{
    dcn__node n = { .op = DCN__OP_SHUFFLE, .groups = groups };

    if (!in_range(g, name, "groups", groups, 1, INT32_MAX))
        return -1;
    return append(g, &n, name, &x, 1);
}

dcn_node dcn_graph_reshape(dcn_graph *g, dcn_node x, dcn_shape shape, dcn_order order,
                           const char *name)
{
    dcn__node n = { .op = DCN__OP_RESHAPE, .shape = shape, .order = order };

    if (!in_range(g, name, "height", shape.h, 1, INT32_MAX) ||
        !in_range(g, name, "width", shape.w, 1, INT32_MAX) ||
        !in_range(g, name, "channels", shape.c, 1, INT32_MAX) ||
        !in_range(g, name, "order", order, DCN_ORDER_CHW, DCN_ORDER_HWC))
        return -1;
    return append(g, &n, name, &x, 1);
}

dcn_status dcn_graph_check(const dcn_graph *g, dcn_error *err)
{
    if (g->error.status) {
        if (err)
            *err = g->error;
        return g->error.status;
    }
    if (g->n_nodes < 2)
        return dcn__fail(err, DCN_USAGE, "network",
                         "has %d nodes; give it an input and at least one more", g->n_nodes);
    return DCN_OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

int dcn_graph_node_count(const dcn_graph *g)
{
    return g->n_nodes;
}

dcn_node dcn_graph_output(const dcn_graph *g)
{
    return g->n_nodes - 1;
}

dcn_node dcn_graph_logits(const dcn_graph *g)
{
    const dcn__node *out = &g->nodes[g->n_nodes - 1];

    return out->op == DCN__OP_SOFTMAX || out->op == DCN__OP_LOG_SOFTMAX ? out->inputs[0]
                                                                        : g->n_nodes - 1;
}

double dcn_graph_flops(const dcn_graph *g)
{
    double sum = 0;

    for (int i = 0; i < g->n_nodes; i++) {
        const dcn__node *n = &g->nodes[i];

        if (n->op == DCN__OP_CONV || n->op == DCN__OP_DENSE)
            sum += 2.0 * (double)g->weights[n->weight].count * n->shape.h * n->shape.w;
    }
    return sum;
}
