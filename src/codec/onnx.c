/* onnx.c - opens an ONNX file: ModelProto, and how everything is put together and taken apart. */
#include "codec/onnx_reader.h"

#include "base/memory.h"

#include <string.h>

enum { IR_VERSION = 1, PRODUCER = 2, PRODUCER_VERSION = 3, GRAPH = 7, OPSET = 8, METADATA = 14,
       FUNCTION = 25 };

static const dcn__wire_message model_message = {
    "ModelProto",
    { [IR_VERSION] = DCN__WIRE_VARINT, [PRODUCER] = DCN__WIRE_BYTES,
      [PRODUCER_VERSION] = DCN__WIRE_BYTES, [4] = DCN__WIRE_BYTES, [5] = DCN__WIRE_VARINT,
      [6] = DCN__WIRE_BYTES, [GRAPH] = DCN__WIRE_BYTES | DCN__WIRE_ONCE, [OPSET] = DCN__WIRE_BYTES,
      [METADATA] = DCN__WIRE_BYTES, [20] = DCN__WIRE_BYTES, [FUNCTION] = DCN__WIRE_BYTES,
      [26] = DCN__WIRE_BYTES }
};

/* One block of memory: what the caller sees, and what the reader keeps. */
struct opened {
    dcn__onnx model;
    dcn__onnx_reader reader;
};

struct lists {
    dcn__onnx_opset *opsets;
    dcn__onnx_pair *metadata;
    dcn__onnx_function *functions;
    dcn__wire_field graph;
};

static dcn_status read_opset(dcn__onnx *m, struct lists *l, const dcn__wire_field *f)
{
    static const dcn__wire_message message = {
        "OperatorSetIdProto", { [1] = DCN__WIRE_BYTES, [2] = DCN__WIRE_VARINT }
    };
    dcn__onnx_reader *r = m->reader;
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__onnx_opset *o = &l->opsets[m->n_opsets];
    dcn__wire_field part;
    dcn_status st;

    *o = (dcn__onnx_opset){ .domain = "" };
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 1 &&
            (st = dcn__onnx_string(r, &part, DCN__ONNX_MAX_NAME, "a domain", &o->domain)))
            return st;
        if (part.number == 2)
            o->version = (int64_t)part.value;
    }
    o->domain = dcn__onnx_domain(o->domain);
    for (int i = 0; !st && i < m->n_opsets; i++)
        if (strcmp(l->opsets[i].domain, o->domain) == 0 && l->opsets[i].version != o->version)
            return dcn__fail_at(r->wire.err, DCN_INPUT, m->path, f->at, "the model names two "
                                "versions, %lld and %lld, of the operators \"%s\"; save it again",
                                (long long)l->opsets[i].version, (long long)o->version, o->domain);
    m->n_opsets++;
    return st;
}

static dcn_status read_function(dcn__onnx_reader *r, const dcn__wire_field *f,
                                dcn__onnx_function *function)
{
    static const dcn__wire_message message = {
        "FunctionProto", { [1] = DCN__WIRE_BYTES, [10] = DCN__WIRE_BYTES }
    };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__wire_field part;
    dcn_status st;

    *function = (dcn__onnx_function){ .domain = "", .name = "" };
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 1)
            st = dcn__onnx_string(r, &part, DCN__ONNX_MAX_NAME, "a function's name",
                                  &function->name);
        else if (part.number == 10)
            st = dcn__onnx_string(r, &part, DCN__ONNX_MAX_NAME, "a domain", &function->domain);
        if (st)
            break;
    }
    return st;
}

static dcn_status read_part(dcn__onnx *m, struct lists *l, const dcn__wire_field *f,
                            const int *counts)
{
    static const char producer[] = "the producer's name";
    dcn__onnx_reader *r = m->reader;

    switch (f->number) {
    case IR_VERSION: m->ir_version = (int64_t)f->value; return DCN_OK;
    case PRODUCER: return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, producer, &m->producer);
    case PRODUCER_VERSION:
        return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, producer, &m->producer_version);
    case GRAPH: l->graph = *f; return DCN_OK;
    case OPSET:
        return m->n_opsets == counts[OPSET] ? dcn__onnx_changed(r) : read_opset(m, l, f);
    case METADATA:
        if (m->n_metadata == counts[METADATA])
            return dcn__onnx_changed(r);
        return dcn__onnx_pair_read(r, f, &l->metadata[m->n_metadata++]);
    case FUNCTION:
        if (m->n_functions == counts[FUNCTION])
            return dcn__onnx_changed(r);
        return read_function(r, f, &l->functions[m->n_functions++]);
    default: return DCN_OK;
    }
}

/* The graph is entered last, when it is known that this is an ONNX file. */
static dcn_status read_model(dcn__onnx *m, int64_t max_nodes)
{
    enum { MOST_OPSETS = 1000 };
    dcn__onnx_reader *r = m->reader;
    dcn__wire_cursor c = dcn__wire_enter(&model_message, 0, r->wire.size);
    int counts[DCN__WIRE_FIELDS];
    struct lists l = { 0 };
    dcn__wire_field f;
    dcn_status st;

    if ((st = dcn__wire_count(&r->wire, c, counts)))
        return st;
    if (!counts[IR_VERSION] || !counts[GRAPH] || counts[OPSET] > MOST_OPSETS)
        return dcn__fail_at(r->wire.err, DCN_INPUT, m->path, 0, "holds %s; check that this is an "
                            "ONNX file", !counts[IR_VERSION] ? "no IR version" : !counts[GRAPH]
                            ? "no graph" : "more than 1000 operator sets");
    if (!(l.opsets = dcn__onnx_take(r, (size_t)counts[OPSET], sizeof *l.opsets)) ||
        !(l.metadata = dcn__onnx_take(r, (size_t)counts[METADATA], sizeof *l.metadata)) ||
        !(l.functions = dcn__onnx_take(r, (size_t)counts[FUNCTION], sizeof *l.functions)))
        return r->wire.err->status;
    m->opsets = l.opsets;
    m->metadata = l.metadata;
    m->functions = l.functions;
    while (!(st = dcn__wire_next(&r->wire, &c, &f)) && f.number)
        if ((st = read_part(m, &l, &f, counts)))
            break;
    if (st)
        return st;
    m->opset = m->n_opsets ? 0 : 1;
    for (int i = 0; i < m->n_opsets; i++)
        if (!m->opsets[i].domain[0])
            m->opset = m->opsets[i].version;
    return dcn__onnx_graph_read(m, &l.graph, max_nodes);
}

dcn_status dcn__onnx_open(dcn__onnx **m, const char *path, const dcn_limits *limits,
                          dcn_error *err)
{
    const uint64_t most = limits && limits->max_onnx_bytes > 0 ? (uint64_t)limits->max_onnx_bytes
        : 0;
    const int64_t max_nodes = limits && limits->max_nodes > 0 ? limits->max_nodes : 100000;
    struct opened *o = dcn__alloc(sizeof *o);
    dcn_error spare;
    dcn_status st;
    char *copy;

    *m = NULL;
    if (!o)
        return dcn__fail_memory(err, "a model", sizeof *o);
    o->model = (dcn__onnx){ .path = path, .producer = "", .producer_version = "", .graph = "",
                            .reader = &o->reader };
    o->reader.folder = -1;
    o->reader.max_external = most ? most : (uint64_t)64 << 30;
    st = dcn__wire_open(&o->reader.wire, path, most ? most : INT32_MAX, err ? err : &spare);
    if (!st && !(copy = dcn__onnx_take(&o->reader, strlen(path) + 1, 1)))
        st = o->reader.wire.err->status;
    if (!st) {
        memcpy(copy, path, strlen(path));
        o->model.path = o->reader.wire.path = copy;
        o->model.bytes = o->reader.wire.size;
        st = read_model(&o->model, max_nodes);
    }
    if (!st)
        st = dcn__onnx_values_make(&o->model);
    o->reader.wire.err = NULL;
    if (st)
        dcn__onnx_close(&o->model);
    else
        *m = &o->model;
    return st;
}

void dcn__onnx_close(dcn__onnx *m)
{
    dcn__onnx_reader *r = m ? m->reader : NULL;

    if (!m)
        return;
    dcn__onnx_files_clear(r);
    dcn__wire_close(&r->wire);
    dcn__onnx_blocks_clear(r);
    dcn__free(m);
}

/* ---- recognising --------------------------------------------------------------------------- */

static bool head_varint(const uint8_t *head, size_t size, size_t *at, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; *at < size && shift < 63; shift += 7) {
        const uint8_t byte = head[(*at)++];

        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Every program writes the IR version first; then fields of a model must follow, each within the
 * file. */
bool dcn__onnx_is(const uint8_t *head, size_t size, uint64_t file_size)
{
    uint64_t tag, value;
    size_t at = 2;
    int fields = 0;

    if (size < 4 || head[0] != 8 || head[1] < 1 || head[1] > 99)
        return false;
    for (; at < size; fields++) {
        if (!head_varint(head, size, &at, &tag) || !head_varint(head, size, &at, &value))
            return fields > 0 && at == size;
        if (tag / 8 >= DCN__WIRE_FIELDS ||
            !(model_message.fields[tag / 8] & 1 << tag % 8))
            return fields >= 2;        /* of a later version, perhaps */
        if (tag % 8 == 2) {
            if (value > file_size - at)
                return false;
            if (value > size - at)
                return true;
            at += (size_t)value;
        }
    }
    return fields > 0;
}
