/* onnx_tensor.c - TensorProto: what a tensor is and where its numbers lie, checked against its
 * shape. The numbers themselves are read in onnx_read.c. */
#include "codec/onnx_reader.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

enum { DIMS = 1, TYPE = 2, SEGMENT = 3, FLOATS = 4, INT32S = 5, STRINGS = 6, INT64S = 7, NAME = 8,
       RAW = 9, DOUBLES = 10, UINT64S = 11, EXTERNAL = 13, LOCATION = 14 };

const dcn__wire_message dcn__onnx_tensor_message = {
    "TensorProto",
    { [DIMS] = DCN__WIRE_VARINT | DCN__WIRE_BYTES, [TYPE] = DCN__WIRE_VARINT,
      [SEGMENT] = DCN__WIRE_BYTES, [FLOATS] = DCN__WIRE_FIXED32 | DCN__WIRE_BYTES,
      [INT32S] = DCN__WIRE_VARINT | DCN__WIRE_BYTES, [STRINGS] = DCN__WIRE_BYTES,
      [INT64S] = DCN__WIRE_VARINT | DCN__WIRE_BYTES, [NAME] = DCN__WIRE_BYTES,
      [RAW] = DCN__WIRE_BYTES | DCN__WIRE_ONCE, [DOUBLES] = DCN__WIRE_FIXED64 | DCN__WIRE_BYTES,
      [UINT64S] = DCN__WIRE_VARINT | DCN__WIRE_BYTES, [12] = DCN__WIRE_BYTES,
      [EXTERNAL] = DCN__WIRE_BYTES, [LOCATION] = DCN__WIRE_VARINT, [16] = DCN__WIRE_BYTES }
};

/* By TensorProto.DataType. */
static const dcn__onnx_layout layouts[] = {
    { "UNDEFINED", 0, 0, 0 }, { "FLOAT", 4, FLOATS, 4 }, { "UINT8", 1, INT32S, 0 },
    { "INT8", 1, INT32S, 0 }, { "UINT16", 2, INT32S, 0 }, { "INT16", 2, INT32S, 0 },
    { "INT32", 4, INT32S, 0 }, { "INT64", 8, INT64S, 0 }, { "STRING", 0, 0, 0 },
    { "BOOL", 1, INT32S, 0 }, { "FLOAT16", 2, INT32S, 0 }, { "DOUBLE", 8, DOUBLES, 8 },
    { "UINT32", 4, UINT64S, 0 }, { "UINT64", 8, UINT64S, 0 }, { "COMPLEX64", 0, 0, 0 },
    { "COMPLEX128", 0, 0, 0 }, { "BFLOAT16", 2, INT32S, 0 }, { "FLOAT8E4M3FN", 0, 0, 0 },
    { "FLOAT8E4M3FNUZ", 0, 0, 0 }, { "FLOAT8E5M2", 0, 0, 0 }, { "FLOAT8E5M2FNUZ", 0, 0, 0 },
    { "UINT4", 0, 0, 0 }, { "INT4", 0, 0, 0 }, { "FLOAT4E2M1", 0, 0, 0 },
    { "FLOAT8E8M0", 0, 0, 0 }, { "UINT2", 0, 0, 0 }, { "INT2", 0, 0, 0 },
};

const dcn__onnx_layout *dcn__onnx_layout_of(int type)
{
    return type >= 0 && type < (int)(sizeof layouts / sizeof *layouts) ? &layouts[type] : NULL;
}

const char *dcn__onnx_type_name(int type)
{
    const dcn__onnx_layout *layout = dcn__onnx_layout_of(type);

    return layout ? layout->name : "unknown";
}

static dcn_status refuse(dcn__onnx_reader *r, const dcn__onnx_tensor *t, const char *what)
{
    return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "tensor \"%s\" %s; save "
                        "the model again", t->name, what);
}

/* What a tensor's message holds besides what goes to dcn__onnx_tensor at once. */
struct found {
    dcn__wire_field raw, typed;        /* typed: the last field of numbers */
    int runs;                          /* of numbers: fields that are not empty */
    bool mixed;                        /* runs of more than one field */
    uint64_t location;
    const char *file, *offset, *length;
};

static dcn_status read_external(dcn__onnx_reader *r, const dcn__wire_field *f, struct found *found)
{
    dcn__onnx_pair pair;
    dcn_status st = dcn__onnx_pair_read(r, f, &pair);

    if (strcmp(pair.key, "location") == 0)
        found->file = pair.value;
    else if (strcmp(pair.key, "offset") == 0)
        found->offset = pair.value;
    else if (strcmp(pair.key, "length") == 0)
        found->length = pair.value;
    return st;
}

static dcn_status read_field(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_tensor *t,
                             struct found *found)
{
    switch (f->number) {
    case TYPE: t->type = (int)(int32_t)f->value; break;
    case NAME: return dcn__onnx_string(r, f, DCN__ONNX_MAX_NAME, "a tensor's name", &t->name);
    case RAW: found->raw = *f; break;
    case LOCATION: found->location = f->value; break;
    case EXTERNAL: return read_external(r, f, found);
    case SEGMENT: return refuse(r, t, "is given in segments, which are not read");
    case FLOATS:
    case INT32S:
    case INT64S:
    case DOUBLES:
    case UINT64S:
        if (f->type == DCN__WIRE_BYTES && f->begin == f->end)
            break;
        found->mixed |= found->runs && found->typed.number != f->number;
        found->typed = *f;
        found->runs++;
        break;
    default: break;
    }
    return DCN_OK;
}

static dcn_status read_dims(dcn__onnx_reader *r, dcn__wire_cursor c, dcn__onnx_tensor *t)
{
    dcn__wire_items items = dcn__wire_items_of(c, DIMS, 0);
    uint64_t bits;
    bool some;
    dcn_status st;

    t->count = 1;
    while (!(st = dcn__wire_item(&r->wire, &items, &bits, &some)) && some) {
        if (t->rank == DCN__ONNX_MAX_RANK)
            return refuse(r, t, "has more than 8 dimensions");
        t->dims[t->rank] = (int64_t)bits;
        if (t->dims[t->rank] < 0)
            return refuse(r, t, "has a negative size");
        if (!dcn__mul_int64(t->count, t->dims[t->rank], &t->count) || t->count > INT32_MAX)
            return refuse(r, t, "has more than 2147483647 elements");
        t->rank++;
    }
    return st;
}

static dcn_status wrong_size(dcn__onnx_reader *r, const dcn__onnx_tensor *t, uint64_t have,
                             const char *unit, uint64_t need)
{
    return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "tensor \"%s\" has %llu "
                        "%s, its shape needs %llu; save the model again", t->name,
                        (unsigned long long)have, unit, (unsigned long long)need);
}

static dcn_status place_external(dcn__onnx_reader *r, dcn__onnx_tensor *t,
                                 const struct found *found, uint64_t bytes)
{
    uint64_t length = bytes, size;
    dcn_status st;

    if (!found->file)
        return refuse(r, t, "is external and names no file");
    if (found->offset && !dcn__parse_uint64(found->offset, strlen(found->offset), &t->begin))
        return refuse(r, t, "has an external offset that is not a whole number");
    if (found->length && !dcn__parse_uint64(found->length, strlen(found->length), &length))
        return refuse(r, t, "has an external length that is not a whole number");
    if (length != bytes)
        return wrong_size(r, t, length, "external bytes", bytes);
    if ((st = dcn__onnx_file_find(r, found->file, t, &t->file)))
        return st;
    size = r->files[t->file].size;
    if (t->begin > size || bytes > size - t->begin)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "tensor \"%s\" needs "
                            "%llu bytes at %llu of \"%.100s\", which has %llu; copy both files "
                            "again", t->name, (unsigned long long)bytes,
                            (unsigned long long)t->begin, found->file, (unsigned long long)size);
    t->store = DCN__ONNX_EXTERNAL;
    t->end = t->begin + bytes;
    return DCN_OK;
}

static dcn_status place_typed(dcn__onnx_reader *r, dcn__wire_cursor c, dcn__onnx_tensor *t,
                              const struct found *found)
{
    const dcn__onnx_layout *layout = dcn__onnx_layout_of(t->type);
    const dcn__wire_field *f = &found->typed;
    int64_t count;
    dcn_status st;

    if (found->mixed || (int)f->number != layout->field)
        return refuse(r, t, "holds numbers of another type than its own");
    t->field = layout->field;
    if (layout->item && found->runs == 1 && f->type == DCN__WIRE_BYTES) {
        t->store = DCN__ONNX_FLAT;
        t->begin = f->begin;
        t->end = f->end;
        if (f->end - f->begin != (uint64_t)t->count * (uint64_t)layout->item)
            return wrong_size(r, t, f->end - f->begin, "bytes",
                              (uint64_t)t->count * (uint64_t)layout->item);
        return DCN_OK;
    }
    t->store = DCN__ONNX_WALK;
    t->begin = c.at;
    t->end = c.end;
    if ((st = dcn__wire_items_count(&r->wire, dcn__wire_items_of(c, f->number, layout->item),
                                    &count)))
        return st;
    return count == t->count ? DCN_OK : wrong_size(r, t, (uint64_t)count, "numbers",
                                                   (uint64_t)t->count);
}

/* Where the numbers are, and whether there are as many as the shape says. */
static dcn_status place(dcn__onnx_reader *r, dcn__wire_cursor c, dcn__onnx_tensor *t,
                        const struct found *found)
{
    const dcn__onnx_layout *layout = dcn__onnx_layout_of(t->type);
    const bool raw = found->raw.end != found->raw.begin, external = found->location == 1;
    uint64_t bytes;

    if (!layout || !layout->width) {    /* refused when it is read, if ever */
        t->count = 0;
        return DCN_OK;
    }
    if (found->location > 1)
        return refuse(r, t, "has a data_location that is unknown");
    if (raw + (found->runs > 0) + external > 1)
        return refuse(r, t, "has its data in more than one place");
    bytes = (uint64_t)t->count * (uint64_t)layout->width;
    if (external)
        return place_external(r, t, found, bytes);
    if (found->runs)
        return place_typed(r, c, t, found);
    if (found->raw.end - found->raw.begin != bytes)
        return wrong_size(r, t, found->raw.end - found->raw.begin, "bytes", bytes);
    t->store = raw ? DCN__ONNX_FLAT : DCN__ONNX_NOTHING;
    t->begin = found->raw.begin;
    t->end = found->raw.end;
    return DCN_OK;
}

dcn_status dcn__onnx_tensor_read(dcn__onnx_reader *r, const dcn__wire_field *f,
                                 dcn__onnx_tensor *t)
{
    const dcn__wire_cursor begin = dcn__wire_enter(&dcn__onnx_tensor_message, f->begin, f->end);
    dcn__wire_cursor c = begin;
    struct found found = { 0 };
    dcn__wire_field part;
    dcn_status st;

    *t = (dcn__onnx_tensor){ .name = "", .offset = f->at, .file = -1 };
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number)
        if ((st = read_field(r, &part, t, &found)))
            return st;
    if (st || (st = read_dims(r, begin, t)))
        return st;
    return place(r, begin, t, &found);
}
