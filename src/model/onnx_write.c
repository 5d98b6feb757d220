/* onnx_write.c - writes a network as one ONNX file (docs/formats/onnx.md).
 *
 * All sizes are computed before the file is begun; weights go from the graph to the file through a
 * small buffer, turned on the way, so that no second copy of them is ever made. */
#include "model/onnx_write.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "codec/json.h"
#include "model/model.h"

#ifdef DCN_HAVE_PROTOBUF

#include <math.h>
#include <string.h>

enum {
    IR_VERSION = 8, OPSET = 17, BUFFER_FLOATS = 1 << 18,
    /* Field numbers and wire type 2 of what is streamed. */
    TAG_GRAPH = 7 << 3 | 2, TAG_INITIALIZER = 5 << 3 | 2, TAG_RAW_DATA = 9 << 3 | 2
};
#define MAX_FILE ((uint64_t)0x7fffffff)      /* no protobuf library reads more */

/* A tag, a varint and the bytes that they announce. */
static size_t varint_size(uint64_t value)
{
    size_t n = 1;

    while (value >>= 7)
        n++;
    return n;
}

static uint64_t field_size(uint64_t bytes)
{
    return 1 + varint_size(bytes) + bytes;
}

static uint64_t raw_bytes(const dcn__onnx_stream *s)
{
    return (uint64_t)(s->cells * s->in * s->out) * sizeof(float);
}

static uint64_t tensor_size(const dcn__onnx_stream *s)
{
    return dcn__onnx__tensor_proto__get_packed_size(&s->head) + field_size(raw_bytes(s));
}

/* ---- streaming --------------------------------------------------------------------------- */

static dcn_status write_tag(dcn__writer *w, int tag, uint64_t bytes, dcn_error *err)
{
    uint8_t head[12] = { (uint8_t)tag };
    size_t n = 1;

    for (; bytes >= 0x80; bytes >>= 7)
        head[n++] = (uint8_t)(bytes | 0x80);
    head[n++] = (uint8_t)bytes;
    return dcn__writer_write(w, head, n, err);
}

/* (cells,in,out) as (out,in,cells): some outputs at a time, or a part of one. */
static dcn_status write_conv(dcn__writer *w, const dcn__onnx_stream *s, float *buffer,
                             dcn_error *err)
{
    const int64_t each = s->in * s->cells;
    const int64_t most = each < BUFFER_FLOATS ? BUFFER_FLOATS / each : 1;
    const int64_t part = each < BUFFER_FLOATS ? each : BUFFER_FLOATS;
    dcn_status st = DCN_OK;

    for (int64_t k = 0; !st && k < s->out; k += most) {
        const int64_t outs = s->out - k < most ? s->out - k : most;

        for (int64_t first = 0; !st && first < each; first += part) {
            const int64_t n = each - first < part ? each - first : part;

            for (int64_t q = 0; q < n; q++) {
                const int64_t c = (first + q) / s->cells, cell = (first + q) % s->cells;
                const float *from = s->data + (cell * s->in + c) * s->out + k;

                for (int64_t i = 0; i < outs; i++)
                    buffer[i * n + q] = from[i];
            }
            st = dcn__writer_write(w, buffer, (size_t)(outs * n) * sizeof *buffer, err);
        }
    }
    return st;
}

/* (cells,in,out) as (in,cells,out): rows of `out` numbers, collected. */
static dcn_status write_dense(dcn__writer *w, const dcn__onnx_stream *s, float *buffer,
                              dcn_error *err)
{
    const int64_t most = s->out < BUFFER_FLOATS ? BUFFER_FLOATS / s->out : 1;
    dcn_status st = DCN_OK;
    int64_t held = 0;

    for (int64_t row = 0; !st && row < s->in * s->cells; row++) {
        const int64_t c = row / s->cells, cell = row % s->cells;

        memcpy(buffer + held++ * s->out, s->data + (cell * s->in + c) * s->out,
               (size_t)s->out * sizeof *buffer);
        if (held == most || row + 1 == s->in * s->cells) {
            st = dcn__writer_write(w, buffer, (size_t)(held * s->out) * sizeof *buffer, err);
            held = 0;
        }
    }
    return st;
}

static dcn_status write_stream(dcn__writer *w, const dcn__onnx_stream *s, float *buffer,
                               dcn_error *err)
{
    uint8_t *head = (uint8_t *)buffer;      /* a name and some numbers: far below its size */
    const size_t bytes = dcn__onnx__tensor_proto__pack(&s->head, head);
    dcn_status st;

    if ((st = write_tag(w, TAG_INITIALIZER, tensor_size(s), err)) ||
        (st = dcn__writer_write(w, head, bytes, err)) ||
        (st = write_tag(w, TAG_RAW_DATA, raw_bytes(s), err)))
        return st;
    if (s->turn == DCN__ONNX_TURN_CONV && s->cells * s->in > 1)
        return write_conv(w, s, buffer, err);
    if (s->turn == DCN__ONNX_TURN_DENSE && s->cells > 1)
        return write_dense(w, s, buffer, err);
    return dcn__writer_write(w, s->data, raw_bytes(s), err);
}

/* Before anything is written. The numbers come last, since looking at them takes time. */
static dcn_status check_file(const dcn__export *ex, uint64_t bytes)
{
    if (bytes > MAX_FILE)
        return dcn__fail(ex->err, DCN_USAGE, ex->path, "it would have %llu bytes, an ONNX file has "
                         "at most %llu; save the network as safetensors",
                         (unsigned long long)bytes, (unsigned long long)MAX_FILE);
    for (int i = 0; i < ex->graph->n_weights; i++) {
        const dcn__weight *w = &ex->graph->weights[i];

        for (int64_t k = 0; k < w->count; k++)
            if (!isfinite(w->data[k]))
                return dcn__fail(ex->err, DCN_NUMBERS, ex->path, "value %lld of %s is not finite; "
                                 "train again with a smaller rate", (long long)k, w->name);
    }
    return DCN_OK;
}

static dcn_status write_file(const dcn__export *ex, const Dcn__Onnx__ModelProto *model,
                             const Dcn__Onnx__GraphProto *graph)
{
    const size_t model_bytes = dcn__onnx__model_proto__get_packed_size(model);
    const size_t graph_head = dcn__onnx__graph_proto__get_packed_size(graph);
    const size_t room = model_bytes > graph_head ? model_bytes : graph_head;
    uint64_t graph_bytes = graph_head;
    float *buffer = dcn__alloc(BUFFER_FLOATS * sizeof *buffer);
    uint8_t *head = dcn__alloc(room);
    dcn__writer w = { .fd = -1 };
    dcn_status st = DCN_OK;

    if (!buffer || !head)
        st = dcn__fail_memory(ex->err, "an ONNX file", room);
    for (size_t i = 0; i < ex->n_streams; i++)
        graph_bytes += field_size(tensor_size(&ex->streams[i]));
    if (!st)
        st = check_file(ex, model_bytes + field_size(graph_bytes));
    if (!st && !(st = dcn__writer_begin(&w, ex->path, ex->err))) {
        dcn__onnx__model_proto__pack(model, head);
        if (!(st = dcn__writer_write(&w, head, model_bytes, ex->err)))
            st = write_tag(&w, TAG_GRAPH, graph_bytes, ex->err);
        dcn__onnx__graph_proto__pack(graph, head);
        st = st ? st : dcn__writer_write(&w, head, graph_head, ex->err);
        for (size_t i = 0; !st && i < ex->n_streams; i++)
            st = write_stream(&w, &ex->streams[i], buffer, ex->err);
        st = st ? st : dcn__writer_commit(&w, ex->err);
        dcn__writer_abort(&w);
    }
    dcn__free(head);
    dcn__free(buffer);
    return st;
}

/* ---- the graph's ends -------------------------------------------------------------------- */

/* The network's output: (N, classes) where it has one cell. */
static const char *put_output(dcn__export *ex)
{
    const dcn_node last = dcn_graph_output(ex->graph);
    const dcn__node *n = &ex->graph->nodes[last];

    if (n->shape.h != 1 || n->shape.w != 1)
        return ex->values[last].four;
    if (!ex->values[last].two) {
        dcn__onnx_put_node *node;

        /* The value NODE is the flat one, the node NODE that which computes. */
        if (ex->n_nodes)
            ex->nodes[ex->n_nodes - 1]->name = (char *)(uintptr_t)dcn__export_name(ex, last, NULL);
        ex->values[last].two = dcn__export_name(ex, last, NULL);
        node = dcn__export_node(ex, "Flatten", &ex->values[last].four, 1, ex->values[last].two);
        if (node)
            node->name = (char *)(uintptr_t)dcn__export_name(ex, last, "flatten");
    }
    return ex->values[last].two;
}

/* A value of open batch; rank 4: all of the shape, 2: its channels. */
static Dcn__Onnx__ValueInfoProto *value_info(dcn__export *ex, const char *name, dcn_shape s,
                                             int rank)
{
    Dcn__Onnx__ValueInfoProto *v = dcn__export_alloc(ex, 1, sizeof *v);
    Dcn__Onnx__TypeProto *type = dcn__export_alloc(ex, 1, sizeof *type);
    Dcn__Onnx__TensorTypeProto *tensor = dcn__export_alloc(ex, 1, sizeof *tensor);
    Dcn__Onnx__TensorShapeProto *shape = dcn__export_alloc(ex, 1, sizeof *shape);
    Dcn__Onnx__Dimension *dims = dcn__export_alloc(ex, 4, sizeof *dims);
    Dcn__Onnx__Dimension **list = dcn__export_alloc(ex, 4, sizeof *list);
    const int sizes[] = { 0, s.c, s.h, s.w };

    if (ex->failed)
        return NULL;
    for (int i = 0; i < rank; i++) {
        dcn__onnx__dimension__init(list[i] = &dims[i]);
        dims[i].has_dim_value = i > 0;
        dims[i].dim_value = sizes[i];
    }
    dims[0].dim_param = (char *)(uintptr_t)"N";
    dcn__onnx__tensor_shape_proto__init(shape);
    shape->dim = list;
    shape->n_dim = (size_t)rank;
    dcn__onnx__tensor_type_proto__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = 1;
    tensor->shape = shape;
    dcn__onnx__type_proto__init(type);
    type->tensor_type = tensor;
    dcn__onnx__value_info_proto__init(v);
    v->name = (char *)(uintptr_t)name;
    v->type = type;
    return v;
}

/* ---- metadata ---------------------------------------------------------------------------- */

static dcn_status class_names(const dcn_model *model, const char *path, dcn__string *s,
                              dcn_error *err)
{
    dcn__string_append(s, "[", 1);
    for (int i = 0; i < model->classes; i++) {
        const char *name = model->class_names[i];

        if (!name || !dcn__text_is_utf8(name, strlen(name)))
            return dcn__fail(err, DCN_USAGE, path, "the name of class %d is not UTF-8 text; "
                             "correct it", i);
        dcn__string_append(s, ",", i > 0);
        dcn__json_append(s, name);
    }
    dcn__string_append(s, "]", 1);
    return s->failed ? dcn__fail_memory(err, "class names", 0) : DCN_OK;
}

/* All nodes, and the graph about them; *input and *output belong to it. */
static void make_graph(dcn__export *ex, Dcn__Onnx__GraphProto *graph,
                       Dcn__Onnx__ValueInfoProto **input, Dcn__Onnx__ValueInfoProto **output)
{
    const dcn_node last = dcn_graph_output(ex->graph);
    const dcn_shape s = ex->graph->nodes[last].shape;
    const char *result;

    for (dcn_node i = 0; i <= last && !ex->failed; i++)
        dcn__export_op(ex, i);
    result = put_output(ex);
    *input = value_info(ex, dcn__export_name(ex, 0, NULL), ex->graph->nodes[0].shape, 4);
    *output = value_info(ex, result, s, s.h == 1 && s.w == 1 ? 2 : 4);
    dcn__onnx__graph_proto__init(graph);
    graph->name = (char *)(uintptr_t)"network";
    graph->node = ex->nodes;
    graph->n_node = ex->n_nodes;
    graph->initializer = ex->constants;
    graph->n_initializer = ex->n_constants;
    graph->input = input;
    graph->output = output;
    graph->n_input = graph->n_output = 1;
}

/* names may be NULL. */
static dcn_status write_model(dcn__export *ex, char *preprocess, char *names)
{
    Dcn__Onnx__OperatorSetIdProto opset = DCN__ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Dcn__Onnx__StringStringEntryProto props[2] = { DCN__ONNX__STRING_STRING_ENTRY_PROTO__INIT,
                                                   DCN__ONNX__STRING_STRING_ENTRY_PROTO__INIT };
    Dcn__Onnx__ModelProto model = DCN__ONNX__MODEL_PROTO__INIT;
    Dcn__Onnx__GraphProto graph;
    Dcn__Onnx__ValueInfoProto *input, *output;

    make_graph(ex, &graph, &input, &output);
    if (ex->failed)
        return dcn__fail_memory(ex->err, "an ONNX graph", 0);
    opset.domain = (char *)(uintptr_t)"";
    opset.has_version = 1;
    opset.version = OPSET;
    props[0].key = (char *)(uintptr_t)"deconvnet.preprocess";
    props[0].value = preprocess;
    props[1].key = (char *)(uintptr_t)"names";
    props[1].value = names;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.producer_name = (char *)(uintptr_t)"deconvnet";
    model.producer_version = (char *)(uintptr_t)DCN_VERSION;
    model.opset_import = (Dcn__Onnx__OperatorSetIdProto *[]){ &opset };
    model.n_opset_import = 1;
    model.metadata_props = (Dcn__Onnx__StringStringEntryProto *[]){ &props[0], &props[1] };
    model.n_metadata_props = names ? 2 : 1;
    return write_file(ex, &model, &graph);
}

/* ---- all of it --------------------------------------------------------------------------- */

static dcn_status check_weights(const dcn__export *ex)
{
    for (int i = 0; i < ex->graph->n_weights; i++)
        if (!ex->graph->weights[i].data)
            return dcn__fail(ex->err, DCN_USAGE, ex->path, "%s has no values yet; initialise or "
                             "train the network first", ex->graph->weights[i].name);
    return DCN_OK;
}

dcn_status dcn_onnx_save(const dcn_model *model, const char *path, dcn_error *err)
{
    const dcn_graph *g = model->graph;
    dcn__export ex = { .graph = g, .path = path, .err = err };
    dcn__string names = { 0 };
    char preprocess[256];
    dcn_status st;

    if (!g)
        return dcn__fail(err, DCN_USAGE, path, "there is no network to save; load or train one");
    if ((st = dcn_graph_check(g, err)) || (st = check_weights(&ex)))
        return st;
    dcn_preprocess_text(&model->preprocess, preprocess, sizeof preprocess);
    ex.values = dcn__export_alloc(&ex, (size_t)g->n_nodes, sizeof *ex.values);
    ex.streams = dcn__export_alloc(&ex, (size_t)g->n_weights + 1, sizeof *ex.streams);
    if (ex.failed)
        st = dcn__fail_memory(err, "an ONNX graph", 0);
    if (!st && (!model->class_names || !(st = class_names(model, path, &names, err))))
        st = write_model(&ex, preprocess, names.text);
    dcn__string_clear(&names);
    while (ex.blocks) {
        void *next = *(void **)ex.blocks;

        dcn__free(ex.blocks);
        ex.blocks = next;
    }
    return st;
}

#else

dcn_status dcn_onnx_save(const dcn_model *model, const char *path, dcn_error *err)
{
    (void)model;
    return dcn__fail(err, DCN_USAGE, path, "this build has no protobuf-c and writes no ONNX files; "
                     "build with it, or save the network as safetensors");
}

#endif
