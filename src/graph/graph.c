/* graph.c - builds, copies and asks graphs. */
#include "graph/graph.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FILTERS = 65536, MAX_KERNEL = 1024, MAX_STRIDE = 1024, MAX_INPUT = 65536 };

/* A line of text holds 4096 bytes and 256 words; what cannot be written cannot be built. */
enum { MAX_CONCAT = 200, MAX_CONCAT_NAMES = 3500 };

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
        dcn__free(g->nodes[i].inputs);
    }
    for (int i = 0; i < g->n_weights; i++) {
        dcn__free(g->weights[i].name);
        dcn__free_aligned(g->weights[i].data);
    }
    dcn__free(g->nodes);
    dcn__free(g->weights);
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
    if ((n->op == DCN__OP_INPUT) != (id == 0)) {
        dcn__fail(err, DCN_USAGE, name, id ? "is a second input; a network has one"
                  : "comes before the input; begin with the input");
        return -1;
    }
    if (id == DCN__MAX_NODES) {
        dcn__fail(err, DCN_USAGE, name, "is node %d, the limit; use fewer", DCN__MAX_NODES);
        return -1;
    }
    if (!grow((void **)&g->nodes, &g->node_capacity, g->n_nodes, sizeof *g->nodes)) {
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
    g->n_nodes++;
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

dcn_node dcn_graph_dense(dcn_graph *g, dcn_node x, const char *name, int units)
{
    dcn__node n = { .op = DCN__OP_DENSE, .shape = { 1, 1, units } };
    dcn_node id;

    if (!in_range(g, name, "units", units, 1, MAX_FILTERS))
        return -1;
    id = append(g, &n, name, &x, 1);
    if (id >= 0) {
        const int64_t dims[2] = { dcn__shape_size(g->nodes[x].shape), units };
        const int weight = add_weight(g, id, "weight", 2, dims);
        const int bias = weight < 0 ? -1 : add_weight(g, id, "bias", 1, &dims[1]);

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
        n.window.dilation[i] = 1;
    }
    memcpy(n.window.pad, d->pad, sizeof n.window.pad);
    n.window.pad_kind = d->pad_kind;
    n.window.global = global;
    if (!window_in_range(g, d->name, &n.window))
        return -1;
    for (int i = 0; global && i < 4; i++)
        if (!in_range(g, d->name, "stride of a global pool", d->stride[i % 2], 0, 0) ||
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

dcn_node dcn_graph_add(dcn_graph *g, dcn_node a, dcn_node b, const char *name)
{
    dcn__node n = { .op = DCN__OP_ADD };
    const dcn_node inputs[2] = { a, b };

    return append(g, &n, name, inputs, 2);
}

dcn_node dcn_graph_concat(dcn_graph *g, const dcn_node *x, int count, const char *name)
{
    dcn__node n = { .op = DCN__OP_CONCAT };
    int64_t bytes = 0;

    if (!in_range(g, name, "number of inputs", count, 1, MAX_CONCAT))
        return -1;
    for (int i = 0; i < count; i++)
        if (x[i] >= 0 && x[i] < g->n_nodes)
            bytes += (int64_t)strlen(g->nodes[x[i]].name) + 3;
    if (!in_range(g, name, "length of the inputs' names", bytes, 0, MAX_CONCAT_NAMES))
        return -1;
    return append(g, &n, name, x, count);
}

dcn_node dcn_graph_softmax(dcn_graph *g, dcn_node x, const char *name)
{
    dcn__node n = { .op = DCN__OP_SOFTMAX };

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

/* ---- weights -------------------------------------------------------------------------------- */

static dcn_status ensure_data(dcn__weight *w, dcn_error *err)
{
    const size_t bytes = (size_t)w->count * sizeof *w->data;

    if (!w->data && !(w->data = dcn__alloc_aligned(bytes)))
        return dcn__fail_memory(err, w->name, bytes);
    return DCN_OK;
}

/* A line of text can ask for any number of weights: what cannot be is refused before the first. The
 * share is a plan's (dcn_plan_desc). */
static dcn_status check_memory(const dcn_graph *g, dcn_error *err)
{
    const size_t limit = dcn__physical_memory() / 10 * 8;
    size_t bytes = 0;

    /* At most 2 * 1000 weights of 2^31 elements: no overflow. */
    for (int i = 0; i < g->n_weights; i++)
        bytes += (size_t)g->weights[i].count * sizeof(float);
    if (bytes > limit)
        return dcn__fail(err, DCN_MEMORY, "network",
                         "its weights need %zu MiB, the limit is %zu MiB; "
                         "use fewer filters or units",
                         bytes >> 20, limit >> 20);
    return DCN_OK;
}

dcn_status dcn_graph_init_weights(dcn_graph *g, uint64_t seed, dcn_error *err)
{
    dcn_status st = check_memory(g, err);

    if (st)
        return st;
    for (int i = 0; i < g->n_weights; i++) {
        dcn__weight *w = &g->weights[i];
        const dcn__node *n = &g->nodes[w->node];
        dcn__random r = dcn__random_stream(seed, 0x77656967u, (uint64_t)i);
        const double fan_in = (double)w->count / (double)w->dims[w->rank - 1];
        const double stddev = n->init_stddev > 0 ? n->init_stddev : sqrt(2.0 / fan_in);

        if ((st = ensure_data(w, err)))
            return st;
        for (int64_t k = 0; k < w->count; k++)
            w->data[k] = i == n->bias ? n->init_bias
                                      : (float)(stddev * dcn__random_truncated_normal(&r));
    }
    return DCN_OK;
}

dcn_status dcn_graph_set_weight(dcn_graph *g, int i, const float *data, int64_t count,
                                dcn_error *err)
{
    dcn_status st;

    if (i < 0 || i >= g->n_weights)
        return dcn__fail(err, DCN_USAGE, "network", "has no weight number %d; it has %d", i,
                         g->n_weights);
    if (count != g->weights[i].count)
        return dcn__fail(err, DCN_STATE, g->weights[i].name,
                         "holds %lld values, %lld were given; "
                         "use weights of the same network",
                         (long long)g->weights[i].count, (long long)count);
    if ((st = ensure_data(&g->weights[i], err)))
        return st;
    memcpy(g->weights[i].data, data, (size_t)count * sizeof *data);
    return DCN_OK;
}

int dcn_graph_weight_count(const dcn_graph *g)
{
    return g->n_weights;
}

void dcn_graph_weight_info(const dcn_graph *g, int i, dcn_weight_info *info)
{
    const dcn__weight *w = &g->weights[i];

    memset(info, 0, sizeof *info);
    info->name = w->name;
    info->node = w->node;
    info->rank = w->rank;
    memcpy(info->dims, w->dims, sizeof info->dims);
    info->count = w->count;
    info->data = w->data;
}

/* ---- asking --------------------------------------------------------------------------------- */

int dcn_graph_node_count(const dcn_graph *g)
{
    return g->n_nodes;
}

dcn_node dcn_graph_find(const dcn_graph *g, const char *name)
{
    for (int i = g->n_nodes - 1; i >= 0; i--)
        if (strcmp(g->nodes[i].name, name) == 0)
            return i;
    return -1;
}

dcn_node dcn_graph_output(const dcn_graph *g)
{
    return g->n_nodes - 1;
}

double dcn_graph_flops(const dcn_graph *g)
{
    double sum = 0;

    for (int i = 0; i < g->n_nodes; i++) {
        const dcn__node *n = &g->nodes[i];

        if (n->weight >= 0)
            sum += 2.0 * (double)g->weights[n->weight].count * n->shape.h * n->shape.w;
    }
    return sum;
}

dcn_status dcn_graph_copy(dcn_graph **copy, const dcn_graph *g, dcn_error *err)
{
    const size_t size = dcn_graph_text(g, NULL, 0);
    const dcn_limits limits = { .max_text_bytes = (int64_t)size };
    dcn_status st = dcn_graph_check(g, err);
    char *text = NULL;

    *copy = NULL;
    if (st)
        return st;
    if (!size || !(text = dcn__alloc(size + 1)) || dcn_graph_text(g, text, size + 1) != size) {
        dcn__free(text);
        return dcn__fail_memory(err, "a network's text", size);
    }
    st = dcn_graph_parse(copy, text, size, "copy", &limits, err);
    for (int i = 0; !st && i < g->n_weights; i++)
        if (g->weights[i].data)
            st = dcn_graph_set_weight(*copy, i, g->weights[i].data, g->weights[i].count, err);
    dcn__free(text);
    if (st) {
        dcn_graph_destroy(*copy);
        *copy = NULL;
    }
    return st;
}
