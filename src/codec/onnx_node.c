/* onnx_node.c - NodeProto and AttributeProto. Graphs in attributes are marked, never entered. */
#include "codec/onnx_reader.h"

#include <string.h>

enum { INPUT = 1, OUTPUT = 2, ATTRIBUTE = 5 };

static const dcn__wire_message node_message = {
    "NodeProto",
    { [INPUT] = DCN__WIRE_BYTES, [OUTPUT] = DCN__WIRE_BYTES, [3] = DCN__WIRE_BYTES,
      [4] = DCN__WIRE_BYTES, [ATTRIBUTE] = DCN__WIRE_BYTES, [6] = DCN__WIRE_BYTES,
      [7] = DCN__WIRE_BYTES, [8] = DCN__WIRE_BYTES, [9] = DCN__WIRE_BYTES }
};

enum { A_NAME = 1, A_F = 2, A_I = 3, A_S = 4, A_T = 5, A_FLOATS = 7, A_INTS = 8, A_STRINGS = 9,
       A_TYPE = 20, A_REF = 21 };

static const dcn__wire_message attribute_message = {
    "AttributeProto",
    { [A_NAME] = DCN__WIRE_BYTES, [A_F] = DCN__WIRE_FIXED32, [A_I] = DCN__WIRE_VARINT,
      [A_S] = DCN__WIRE_BYTES, [A_T] = DCN__WIRE_BYTES | DCN__WIRE_ONCE, [6] = DCN__WIRE_BYTES,
      [A_FLOATS] = DCN__WIRE_FIXED32 | DCN__WIRE_BYTES,
      [A_INTS] = DCN__WIRE_VARINT | DCN__WIRE_BYTES, [A_STRINGS] = DCN__WIRE_BYTES,
      [10] = DCN__WIRE_BYTES, [11] = DCN__WIRE_BYTES, [13] = DCN__WIRE_BYTES,
      [A_TYPE] = DCN__WIRE_VARINT, [A_REF] = DCN__WIRE_BYTES }
};

/* Files before IR version 2 have no type: the value that is there tells it. By field number. */
static int guess_kind(uint32_t seen)
{
    static const uint8_t kinds[] = {
        [A_F] = DCN__ONNX_A_FLOAT, [A_I] = DCN__ONNX_A_INT, [A_S] = DCN__ONNX_A_STRING,
        [A_T] = DCN__ONNX_A_TENSOR, [6] = DCN__ONNX_A_GRAPH, [A_FLOATS] = DCN__ONNX_A_FLOATS,
        [A_INTS] = DCN__ONNX_A_INTS, [A_STRINGS] = DCN__ONNX_A_STRINGS,
        [10] = DCN__ONNX_A_TENSORS, [11] = DCN__ONNX_A_GRAPHS
    };

    for (size_t i = 0; i < sizeof kinds; i++)
        if (kinds[i] && (seen & (uint32_t)1 << i))
            return kinds[i];
    return DCN__ONNX_A_NONE;
}

static dcn_status read_numbers(dcn__onnx_reader *r, dcn__wire_cursor c, dcn__onnx_attribute *a)
{
    const bool floats = a->kind == DCN__ONNX_A_FLOATS;
    dcn__wire_items items = dcn__wire_items_of(c, floats ? A_FLOATS : A_INTS, floats ? 4 : 0);
    int64_t n, i = 0;
    uint64_t bits;
    void *numbers;
    bool some;
    dcn_status st;

    if ((st = dcn__wire_items_count(&r->wire, items, &n)))
        return st;
    if (!(numbers = dcn__onnx_take(r, (size_t)n, floats ? 4 : 8)))
        return r->wire.err->status;
    for (; !(st = dcn__wire_item(&r->wire, &items, &bits, &some)) && some; i++) {
        if (i == n)
            return dcn__onnx_changed(r);
        if (floats) {
            const uint32_t low = (uint32_t)bits;

            memcpy((float *)numbers + i, &low, 4);
        } else {
            ((int64_t *)numbers)[i] = (int64_t)bits;
        }
    }
    a->n = (int)i;
    if (floats)
        a->value.floats = numbers;
    else
        a->value.ints = numbers;
    return st;
}

static dcn_status read_strings(dcn__onnx_reader *r, dcn__wire_cursor c, dcn__onnx_attribute *a)
{
    int counts[DCN__WIRE_FIELDS];
    dcn__onnx_text *strings;
    dcn__wire_field f;
    dcn_status st;

    if ((st = dcn__wire_count(&r->wire, c, counts)))
        return st;
    if (!(strings = dcn__onnx_take(r, (size_t)counts[A_STRINGS], sizeof *strings)))
        return r->wire.err->status;
    while (!(st = dcn__wire_next(&r->wire, &c, &f)) && f.number) {
        if (f.number != A_STRINGS)
            continue;
        if (a->n == counts[A_STRINGS])
            return dcn__onnx_changed(r);
        if ((st = dcn__onnx_bytes(r, &f, &strings[a->n])))
            return st;
        a->n++;
    }
    a->value.strings = strings;
    return st;
}

static dcn_status read_tensor(dcn__onnx_reader *r, const dcn__wire_field *f,
                              dcn__onnx_attribute *a)
{
    dcn__onnx_tensor *t;

    if (!f->number)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, a->offset, "attribute \"%s\" is "
                            "said to be a tensor and holds none; save the model again", a->name);
    if (!(t = dcn__onnx_take(r, 1, sizeof *t)))
        return r->wire.err->status;
    a->value.tensor = t;
    return dcn__onnx_tensor_read(r, f, t);
}

/* The fields that hold one value; of those given more than once the last counts. */
struct singles { dcn__wire_field f, i, s, t; };

static dcn_status read_singles(dcn__onnx_reader *r, dcn__wire_cursor *c, dcn__onnx_attribute *a,
                               struct singles *found)
{
    dcn__wire_field f;
    dcn_status st;

    while (!(st = dcn__wire_next(&r->wire, c, &f)) && f.number) {
        switch (f.number) {
        case A_NAME:
            st = dcn__onnx_string(r, &f, DCN__ONNX_MAX_NAME, "an attribute's name", &a->name);
            break;
        case A_REF:
            st = dcn__onnx_string(r, &f, DCN__ONNX_MAX_NAME, "an attribute's name", &a->ref);
            break;
        case A_F: found->f = f; break;
        case A_I: found->i = f; break;
        case A_S: found->s = f; break;
        case A_T: found->t = f; break;
        case A_TYPE: a->kind = (int)(int32_t)f.value; break;
        default: break;
        }
        if (st)
            break;
    }
    return st;
}

static dcn_status read_attribute(dcn__onnx_reader *r, const dcn__wire_field *f,
                                 dcn__onnx_attribute *a)
{
    const dcn__wire_cursor begin = dcn__wire_enter(&attribute_message, f->begin, f->end);
    dcn__wire_cursor c = begin;
    struct singles found = { 0 };
    uint32_t low;
    dcn_status st;

    *a = (dcn__onnx_attribute){ .name = "", .offset = f->at };
    if ((st = read_singles(r, &c, a, &found)))
        return st;
    if (!a->name[0])
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "an attribute has no "
                            "name; save the model again");
    if (!a->kind)
        a->kind = guess_kind(c.seen);
    switch (a->kind) {
    case DCN__ONNX_A_FLOAT:
        low = (uint32_t)found.f.value;
        memcpy(&a->value.f, &low, sizeof low);
        return DCN_OK;
    case DCN__ONNX_A_INT:
        a->value.i = (int64_t)found.i.value;
        return DCN_OK;
    case DCN__ONNX_A_STRING: return dcn__onnx_bytes(r, &found.s, &a->value.s);
    case DCN__ONNX_A_TENSOR: return read_tensor(r, &found.t, a);
    case DCN__ONNX_A_FLOATS:
    case DCN__ONNX_A_INTS: return read_numbers(r, begin, a);
    case DCN__ONNX_A_STRINGS: return read_strings(r, begin, a);
    default: return DCN_OK;
    }
}

/* ---- nodes --------------------------------------------------------------------------------- */

struct lists {
    const char **inputs, **outputs;
    dcn__onnx_attribute *attributes;
};

static dcn_status add_attribute(dcn__onnx_reader *r, const dcn__wire_field *f,
                                dcn__onnx_node *node, const struct lists *l)
{
    dcn__onnx_attribute *a = &l->attributes[node->n_attributes];
    dcn_status st;

    if ((st = read_attribute(r, f, a)))
        return st;
    for (int i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, a->name) == 0)
            return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "a node has the "
                                "attribute \"%s\" twice; save the model again", a->name);
    node->n_attributes++;
    return DCN_OK;
}

/* Of a node's metadata only where it stands in PyTorch's modules; the rest (stack traces) is long. */
static dcn_status read_scope(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_node *node)
{
    static const dcn__wire_message message = {
        "StringStringEntryProto", { [1] = DCN__WIRE_BYTES, [2] = DCN__WIRE_BYTES }
    };
    static const char key[] = "pkg.torch.onnx.name_scopes";
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    char found[sizeof key] = "";
    dcn__wire_field part, value = { 0 };
    dcn_status st;

    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 2)
            value = part;
        if (part.number == 1 && part.end - part.begin == sizeof key - 1 &&
            (st = dcn__wire_copy(&r->wire, part.begin, found, sizeof key - 1)))
            return st;
    }
    if (st || strcmp(found, key) != 0 || !value.number)
        return st;
    return dcn__onnx_string(r, &value, DCN__ONNX_MAX_NAME, "a node's scope", &node->scope);
}

static dcn_status read_part(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_node *node,
                            const struct lists *l, const int *counts)
{
    static const char name[] = "a value's name";

    switch (f->number) {
    case INPUT:
        if (node->n_inputs == counts[INPUT])
            return dcn__onnx_changed(r);
        return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, name, &l->inputs[node->n_inputs++]);
    case OUTPUT:
        if (node->n_outputs == counts[OUTPUT])
            return dcn__onnx_changed(r);
        return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, name, &l->outputs[node->n_outputs++]);
    case 3: return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, "a node's name", &node->name);
    case 4: return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, "an operator's name", &node->op);
    case ATTRIBUTE:
        if (node->n_attributes == counts[ATTRIBUTE])
            return dcn__onnx_changed(r);
        return add_attribute(r, f, node, l);
    case 7: return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, "a domain", &node->domain);
    case 9: return read_scope(r, f, node);
    default: return DCN_OK;
    }
}

dcn_status dcn__onnx_node_read(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_node *node)
{
    dcn__wire_cursor c = dcn__wire_enter(&node_message, f->begin, f->end);
    int counts[DCN__WIRE_FIELDS];
    dcn__wire_field part;
    struct lists l;
    dcn_status st;

    *node = (dcn__onnx_node){ .name = "", .op = "", .domain = "", .scope = "",
                              .offset = f->at };
    if ((st = dcn__wire_count(&r->wire, c, counts)))
        return st;
    if (counts[ATTRIBUTE] > DCN__ONNX_MAX_ATTRIBUTES)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "a node has %d "
                            "attributes, the limit is %d; save the model again", counts[ATTRIBUTE],
                            DCN__ONNX_MAX_ATTRIBUTES);
    if (!(l.inputs = dcn__onnx_take(r, (size_t)counts[INPUT], sizeof *l.inputs)) ||
        !(l.outputs = dcn__onnx_take(r, (size_t)counts[OUTPUT], sizeof *l.outputs)) ||
        !(l.attributes = dcn__onnx_take(r, (size_t)counts[ATTRIBUTE], sizeof *l.attributes)))
        return r->wire.err->status;
    node->inputs = l.inputs;
    node->outputs = l.outputs;
    node->attributes = l.attributes;
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number)
        if ((st = read_part(r, &part, node, &l, counts)))
            return st;
    if (!st && !node->op[0])
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "node \"%s\" names no "
                            "operator; save the model again", node->name);
    node->domain = dcn__onnx_domain(node->domain);
    return st;
}

const dcn__onnx_attribute *dcn__onnx_attribute_find(const dcn__onnx_node *node, const char *name)
{
    for (int i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

const char *dcn__onnx_kind_name(int kind)
{
    static const char *const names[] = {
        "UNDEFINED", "FLOAT", "INT", "STRING", "TENSOR", "GRAPH", "FLOATS", "INTS", "STRINGS",
        "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"
    };

    return kind >= 0 && kind < (int)(sizeof names / sizeof *names) ? names[kind] : "unknown";
}
