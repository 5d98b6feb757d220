/* onnx_graph.c - GraphProto: its nodes, initializers, inputs, outputs and known shapes.
 *
 * Each list is counted first and filled then, so that nothing grows. */
#include "codec/onnx_reader.h"

#include "base/memory.h"

#include <string.h>

enum { NODE = 1, NAME = 2, INITIALIZER = 5, INPUT = 11, OUTPUT = 12, INFO = 13, SPARSE = 15 };

static const dcn__wire_message graph_message = {
    "GraphProto",
    { [NODE] = DCN__WIRE_BYTES, [NAME] = DCN__WIRE_BYTES, [INITIALIZER] = DCN__WIRE_BYTES,
      [10] = DCN__WIRE_BYTES, [INPUT] = DCN__WIRE_BYTES, [OUTPUT] = DCN__WIRE_BYTES,
      [INFO] = DCN__WIRE_BYTES, [14] = DCN__WIRE_BYTES, [SPARSE] = DCN__WIRE_BYTES,
      [16] = DCN__WIRE_BYTES }
};

/* ---- ValueInfoProto ------------------------------------------------------------------------ */

static dcn_status read_dim(dcn__onnx_reader *r, const dcn__wire_field *f, int64_t *dim,
                           const char **param)
{
    static const dcn__wire_message message = {
        "Dimension",
        { [1] = DCN__WIRE_VARINT, [2] = DCN__WIRE_BYTES, [3] = DCN__WIRE_BYTES }
    };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__wire_field part;
    dcn_status st;

    *dim = -1;
    *param = NULL;
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 1) {
            *dim = (int64_t)part.value < 0 ? -1 : (int64_t)part.value;
            *param = NULL;
        } else if (part.number == 2) {
            *dim = -1;
            st = dcn__onnx_string(r, &part, DCN__ONNX_MAX_NAME, "a dimension's name", param);
        }
        if (st)
            break;
    }
    return st;
}

static dcn_status read_shape(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_info *info)
{
    static const dcn__wire_message message = { "TensorShapeProto", { [1] = DCN__WIRE_BYTES } };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    int counts[DCN__WIRE_FIELDS], n = 0;
    dcn__wire_field part;
    const char **params;
    int64_t *dims;
    dcn_status st;

    if ((st = dcn__wire_count(&r->wire, c, counts)))
        return st;
    if (!(dims = dcn__onnx_take(r, (size_t)counts[1], sizeof *dims)) ||
        !(params = dcn__onnx_take(r, (size_t)counts[1], sizeof *params)))
        return r->wire.err->status;
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number != 1)
            continue;
        if (n == counts[1])
            return dcn__onnx_changed(r);
        if ((st = read_dim(r, &part, &dims[n], &params[n])))
            return st;
        n++;
    }
    info->rank = n;
    info->dims = dims;
    info->params = params;
    return st;
}

static dcn_status read_tensor_type(dcn__onnx_reader *r, const dcn__wire_field *f,
                                   dcn__onnx_info *info)
{
    static const dcn__wire_message message = {
        "TypeProto.Tensor", { [1] = DCN__WIRE_VARINT, [2] = DCN__WIRE_BYTES | DCN__WIRE_ONCE }
    };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__wire_field part;
    dcn_status st;

    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 1)
            info->type = (int)(int32_t)part.value;
        else if (part.number == 2 && (st = read_shape(r, &part, info)))
            break;
    }
    return st;
}

/* Sequences, maps and optional values are passed over: they may hold types in their turn. */
static dcn_status read_type(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_info *info)
{
    static const dcn__wire_message message = {
        "TypeProto", { [1] = DCN__WIRE_BYTES | DCN__WIRE_ONCE, [4] = DCN__WIRE_BYTES,
                       [5] = DCN__WIRE_BYTES, [6] = DCN__WIRE_BYTES, [8] = DCN__WIRE_BYTES,
                       [9] = DCN__WIRE_BYTES }
    };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__wire_field part;
    dcn_status st;

    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number)
        if (part.number == 1 && (st = read_tensor_type(r, &part, info)))
            break;
    return st;
}

static dcn_status read_info(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_info *info)
{
    static const dcn__wire_message message = {
        "ValueInfoProto", { [1] = DCN__WIRE_BYTES, [2] = DCN__WIRE_BYTES | DCN__WIRE_ONCE,
                            [3] = DCN__WIRE_BYTES }
    };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__wire_field part;
    dcn_status st;

    *info = (dcn__onnx_info){ .name = "", .offset = f->at, .rank = -1 };
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 1)
            st = dcn__onnx_string(r, &part, DCN__ONNX_MAX_NAME, "a value's name", &info->name);
        else if (part.number == 2)
            st = read_type(r, &part, info);
        if (st)
            return st;
    }
    if (!st && !info->name[0])
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "an input, output or "
                            "value of the graph has no name; save the model again");
    return st;
}

/* ---- GraphProto ---------------------------------------------------------------------------- */

static dcn_status check_counts(dcn__onnx_reader *r, const dcn__wire_field *f, const int *counts,
                               int64_t max_nodes)
{
    if (counts[NODE] > max_nodes)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "the graph has %d nodes, "
                            "the limit is %lld; simplify the model", counts[NODE],
                            (long long)max_nodes);
    if (counts[SPARSE])
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "the graph has %d sparse "
                            "initializers, which are not read; save the model with dense ones",
                            counts[SPARSE]);
    return DCN_OK;
}

static dcn_status read_initializer(dcn__onnx_reader *r, const dcn__wire_field *f,
                                   dcn__onnx_tensor *t)
{
    dcn_status st = dcn__onnx_tensor_read(r, f, t);

    if (!st && !t->name[0])
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "an initializer has no "
                            "name; save the model again");
    return st;
}

struct lists {
    dcn__onnx_node *nodes;
    dcn__onnx_tensor *initializers;
    dcn__onnx_info *inputs, *outputs, *infos;
};

static dcn_status read_part(dcn__onnx *m, struct lists *l, const dcn__wire_field *f,
                            const int *counts)
{
    dcn__onnx_reader *r = m->reader;

    switch (f->number) {
    case NODE:
        if (m->n_nodes == counts[NODE])
            return dcn__onnx_changed(r);
        return dcn__onnx_node_read(r, f, &l->nodes[m->n_nodes++]);
    case INITIALIZER:
        if (m->n_initializers == counts[INITIALIZER])
            return dcn__onnx_changed(r);
        return read_initializer(r, f, &l->initializers[m->n_initializers++]);
    case INPUT:
        if (m->n_inputs == counts[INPUT])
            return dcn__onnx_changed(r);
        return read_info(r, f, &l->inputs[m->n_inputs++]);
    case OUTPUT:
        if (m->n_outputs == counts[OUTPUT])
            return dcn__onnx_changed(r);
        return read_info(r, f, &l->outputs[m->n_outputs++]);
    case INFO:
        if (m->n_infos == counts[INFO])
            return dcn__onnx_changed(r);
        return read_info(r, f, &l->infos[m->n_infos++]);
    case NAME:
        return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, "the graph's name", &m->graph);
    default:
        return DCN_OK;
    }
}

dcn_status dcn__onnx_graph_read(dcn__onnx *m, const dcn__wire_field *f, int64_t max_nodes)
{
    dcn__onnx_reader *r = m->reader;
    dcn__wire_cursor c = dcn__wire_enter(&graph_message, f->begin, f->end);
    int counts[DCN__WIRE_FIELDS];
    dcn__wire_field part;
    struct lists l;
    dcn_status st;

    if ((st = dcn__wire_count(&r->wire, c, counts)) ||
        (st = check_counts(r, f, counts, max_nodes)))
        return st;
    if (!(l.nodes = dcn__onnx_take(r, (size_t)counts[NODE], sizeof *l.nodes)) ||
        !(l.initializers = dcn__onnx_take(r, (size_t)counts[INITIALIZER],
                                          sizeof *l.initializers)) ||
        !(l.inputs = dcn__onnx_take(r, (size_t)counts[INPUT], sizeof *l.inputs)) ||
        !(l.outputs = dcn__onnx_take(r, (size_t)counts[OUTPUT], sizeof *l.outputs)) ||
        !(l.infos = dcn__onnx_take(r, (size_t)counts[INFO], sizeof *l.infos)))
        return r->wire.err->status;
    m->nodes = l.nodes;
    m->initializers = l.initializers;
    m->inputs = l.inputs;
    m->outputs = l.outputs;
    m->infos = l.infos;
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number)
        if ((st = read_part(m, &l, &part, counts)))
            break;
    return st;
}
