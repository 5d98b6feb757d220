/* onnx_write_node.c - the messages of an ONNX file in the making: nodes, attributes, constants. */
#include "model/onnx_write.h"

#ifdef DCN_HAVE_PROTOBUF

#include "base/memory.h"
#include "base/text.h"
#include "codec/onnx.h"

#include <string.h>

enum { MAX_PUT_ATTRIBUTES = 8 };

/* ---- memory ------------------------------------------------------------------------------ */

void *dcn__export_alloc(dcn__export *ex, size_t count, size_t size)
{
    void **block = NULL;
    size_t bytes;

    if (!ex->failed && dcn__mul_size(count, size, &bytes) &&
        dcn__add_size(bytes, 2 * sizeof(void *), &bytes))
        block = dcn__alloc(bytes);
    if (!block) {
        ex->failed = true;
        return NULL;
    }
    *block = ex->blocks;
    ex->blocks = block;
    return block + 2;
}

/* Room for one more pointer. */
static bool grow(dcn__export *ex, void *list, size_t n, size_t *capacity)
{
    void **old, **made;

    if (n < *capacity)
        return true;
    memcpy(&old, list, sizeof old);
    if (!(made = dcn__export_alloc(ex, *capacity ? 2 * *capacity : 64, sizeof *made)))
        return false;
    if (n)
        memcpy(made, old, n * sizeof *made);
    memcpy(list, &made, sizeof made);
    *capacity = *capacity ? 2 * *capacity : 64;
    return true;
}

static char *copy_text(dcn__export *ex, const char *text)
{
    char *copy = dcn__export_alloc(ex, strlen(text) + 1, 1);

    if (copy)
        memcpy(copy, text, strlen(text));
    return copy;
}

/* A node may itself be called conv1.weight. */
const char *dcn__export_name(dcn__export *ex, dcn_node node, const char *suffix)
{
    dcn__string s = { 0 };
    const char *name;

    dcn__string_printf(&s, suffix ? "%s.%s" : "%s%s", ex->graph->nodes[node].name,
                       suffix ? suffix : "");
    while (suffix && !s.failed && dcn_graph_find(ex->graph, s.text) >= 0)
        dcn__string_append(&s, "_", 1);
    ex->failed = ex->failed || s.failed;
    name = s.failed ? NULL : copy_text(ex, s.text);
    dcn__string_clear(&s);
    return name ? name : "";
}

/* ---- nodes ------------------------------------------------------------------------------- */

dcn__onnx_put_node *dcn__export_node(dcn__export *ex, const char *op, const char *const *inputs,
                                     int n, const char *output)
{
    dcn__onnx_put_node *node = dcn__export_alloc(ex, 1, sizeof *node);
    char **list = dcn__export_alloc(ex, (size_t)n + 1, sizeof *list);
    void *attributes = dcn__export_alloc(ex, MAX_PUT_ATTRIBUTES, sizeof *node->attribute);

    if (ex->failed || !grow(ex, &ex->nodes, ex->n_nodes, &ex->node_capacity))
        return NULL;
    dcn__onnx__node_proto__init(node);
    for (int i = 0; i < n; i++)
        list[i] = copy_text(ex, inputs[i]);
    list[n] = copy_text(ex, output);
    node->input = list;
    node->n_input = (size_t)n;
    node->output = list + n;
    node->n_output = 1;
    node->name = list[n];
    node->op_type = copy_text(ex, op);
    node->attribute = attributes;
    ex->nodes[ex->n_nodes++] = node;
    return ex->failed ? NULL : node;
}

/* NULL after a failure. */
static Dcn__Onnx__AttributeProto *attribute(dcn__export *ex, dcn__onnx_put_node *node,
                                            const char *key, int kind)
{
    Dcn__Onnx__AttributeProto *a = dcn__export_alloc(ex, 1, sizeof *a);

    if (!a || !node || node->n_attribute == MAX_PUT_ATTRIBUTES)
        return NULL;
    dcn__onnx__attribute_proto__init(a);
    a->name = copy_text(ex, key);
    a->has_type = 1;
    a->type = kind;
    node->attribute[node->n_attribute++] = a;
    return ex->failed ? NULL : a;
}

void dcn__export_int(dcn__export *ex, dcn__onnx_put_node *node, const char *key, int64_t value)
{
    Dcn__Onnx__AttributeProto *a = attribute(ex, node, key, DCN__ONNX_A_INT);

    if (a) {
        a->has_i = 1;
        a->i = value;
    }
}

void dcn__export_ints(dcn__export *ex, dcn__onnx_put_node *node, const char *key, const int *values,
                      int n)
{
    Dcn__Onnx__AttributeProto *a = attribute(ex, node, key, DCN__ONNX_A_INTS);
    int64_t *list = dcn__export_alloc(ex, (size_t)n, sizeof *list);

    if (!a || !list)
        return;
    for (int i = 0; i < n; i++)
        list[i] = values[i];
    a->ints = list;
    a->n_ints = (size_t)n;
}

void dcn__export_float(dcn__export *ex, dcn__onnx_put_node *node, const char *key, float value)
{
    Dcn__Onnx__AttributeProto *a = attribute(ex, node, key, DCN__ONNX_A_FLOAT);

    if (a) {
        a->has_f = 1;
        a->f = value;
    }
}

/* ---- constants --------------------------------------------------------------------------- */

static const char *constant(dcn__export *ex, const char *name, int type, const void *values,
                            size_t bytes, const int64_t *count)
{
    Dcn__Onnx__TensorProto *t = dcn__export_alloc(ex, 1, sizeof *t);
    void *copy = dcn__export_alloc(ex, bytes, 1);
    int64_t *dims = dcn__export_alloc(ex, 1, sizeof *dims);

    if (ex->failed || !grow(ex, &ex->constants, ex->n_constants, &ex->constant_capacity))
        return name;
    memcpy(copy, values, bytes);
    dcn__onnx__tensor_proto__init(t);
    t->name = copy_text(ex, name);
    t->has_data_type = 1;
    t->data_type = type;
    if (count) {
        *dims = *count;
        t->dims = dims;
        t->n_dims = 1;
    }
    t->has_raw_data = 1;
    t->raw_data.data = copy;
    t->raw_data.len = bytes;
    ex->constants[ex->n_constants++] = t;
    return name;
}

const char *dcn__export_list(dcn__export *ex, dcn_node node, const char *suffix,
                             const int64_t *values, int n)
{
    const int64_t count = n;

    return constant(ex, dcn__export_name(ex, node, suffix), DCN__ONNX_INT64, values,
                    (size_t)n * sizeof *values, &count);
}

const char *dcn__export_number(dcn__export *ex, dcn_node node, const char *suffix, float value)
{
    return constant(ex, dcn__export_name(ex, node, suffix), DCN__ONNX_FLOAT, &value, sizeof value,
                    NULL);
}

const char *dcn__export_numbers(dcn__export *ex, dcn_node node, const char *suffix, float value,
                                int count)
{
    float *values = dcn__export_alloc(ex, (size_t)count, sizeof *values);
    const int64_t n = count;

    for (int i = 0; values && i < count; i++)
        values[i] = value;
    return constant(ex, dcn__export_name(ex, node, suffix), DCN__ONNX_FLOAT, values,
                    (size_t)count * sizeof *values, &n);
}

const char *dcn__export_weight(dcn__export *ex, int weight, const char *suffix, dcn__onnx_turn turn,
                               int64_t cells, const int64_t *dims, int rank)
{
    const dcn__weight *w = &ex->graph->weights[weight];
    const char *name = dcn__export_name(ex, w->node, suffix);
    int64_t *copy = dcn__export_alloc(ex, (size_t)rank, sizeof *copy);
    dcn__onnx_stream *s = &ex->streams[ex->n_streams];

    if (ex->failed)
        return name;
    memcpy(copy, dims, (size_t)rank * sizeof *copy);
    s->turn = turn;
    s->data = w->data;
    s->cells = cells;
    s->out = w->dims[w->rank - 1];
    s->in = w->count / cells / s->out;
    dcn__onnx__tensor_proto__init(&s->head);
    s->head.name = copy_text(ex, name);
    s->head.dims = copy;
    s->head.n_dims = (size_t)rank;
    s->head.has_data_type = 1;
    s->head.data_type = DCN__ONNX_FLOAT;
    ex->n_streams++;
    return name;
}

/* ---- the two forms of a value ------------------------------------------------------------ */

const char *dcn__export_four(dcn__export *ex, dcn_node node)
{
    static const int64_t axes[] = { 2, 3 };
    const char *inputs[2] = { ex->values[node].two, NULL };

    if (ex->values[node].four)
        return ex->values[node].four;
    inputs[1] = dcn__export_list(ex, node, "unsqueeze_axes", axes, 2);
    ex->values[node].four = dcn__export_name(ex, node, "unsqueeze");
    dcn__export_node(ex, "Unsqueeze", inputs, 2, ex->values[node].four);
    return ex->values[node].four;
}

const char *dcn__export_two(dcn__export *ex, dcn_node node)
{
    if (ex->values[node].two)
        return ex->values[node].two;
    ex->values[node].two = dcn__export_name(ex, node, "flatten");
    dcn__export_node(ex, "Flatten", &ex->values[node].four, 1, ex->values[node].two);
    return ex->values[node].two;
}

#endif
