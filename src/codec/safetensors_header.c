/* safetensors_header.c - the JSON header: every rule of the format is checked.
 *
 * The rules: one object; "__metadata__" maps texts to texts; every other member has exactly dtype,
 * shape and data_offsets; the tensors, ordered by offset, fill the bytes behind the header without
 * hole or overlap; each has as many bytes as its shape says. */
#include "codec/safetensors_header.h"

#include "base/memory.h"
#include "codec/json_read.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

struct reader {
    dcn__tensors *t;
    const uint8_t *header;
    dcn_error *err;
};

static const struct { const char *name; int bytes; } dtypes[] = {
    { "BOOL", 1 }, { "U8", 1 }, { "I8", 1 }, { "F8_E5M2", 1 }, { "F8_E4M3", 1 }, { "F8_E8M0", 1 },
    { "I16", 2 }, { "U16", 2 }, { "F16", 2 }, { "BF16", 2 }, { "I32", 4 }, { "U32", 4 },
    { "F32", 4 }, { "I64", 8 }, { "U64", 8 }, { "F64", 8 }, { "C64", 8 },
};

/* Where in the file the member stands. The values keep no positions; an escaped name is not found
 * by its text, then the header's start must do. */
static uint64_t place(const struct reader *r, const char *name)
{
    const size_t n = strlen(name), size = (size_t)r->t->header_bytes;
    const uint8_t *p = r->header;

    while ((p = memmem(p, size - (size_t)(p - r->header), name, n))) {
        if (p > r->header && p[-1] == '"' && (size_t)(p - r->header) + n < size && p[n] == '"')
            return 8 + (uint64_t)(p - 1 - r->header);
        if (!n || (size_t)(++p - r->header) >= size)
            break;
    }
    return 8;
}

static dcn_status refuse(const struct reader *r, const char *name, const char *what)
{
    return dcn__fail_at(r->err, DCN_INPUT, r->t->where, place(r, name),
                        "tensor \"%s\" %s; save the file again", name, what);
}

static dcn_status read_metadata(struct reader *r, const dcn__json *object)
{
    const dcn__json *end = dcn__json_end(object);
    int n = 0;

    if (object->kind != DCN__JSON_OBJECT)
        return refuse(r, "__metadata__", "is not an object");
    r->t->metadata = dcn__alloc_array(object->count, sizeof *r->t->metadata);
    if (!r->t->metadata)
        return dcn__fail_memory(r->err, "metadata", object->count * sizeof *r->t->metadata + 1);
    for (const dcn__json *m = dcn__json_first(object); m < end; m = dcn__json_next(m)) {
        if (m->kind != DCN__JSON_TEXT)
            return dcn__fail_at(r->err, DCN_INPUT, r->t->where, place(r, m->key), "the metadata "
                                "\"%s\" are not a text; save the file again", m->key);
        r->t->metadata[n++] = (dcn__pair){ .key = m->key, .value = m->text };
    }
    r->t->n_metadata = n;
    return DCN_OK;
}

/* A size or an offset: a whole number from 0. */
static bool read_number(const dcn__json *value, int64_t *number)
{
    *number = value->integer;
    return value->kind == DCN__JSON_INTEGER && *number >= 0;
}

static dcn_status read_shape(struct reader *r, dcn__tensor *tensor, const dcn__json *shape,
                             uint64_t *bytes)
{
    const dcn__json *value;

    if (!shape || shape->kind != DCN__JSON_LIST)
        return refuse(r, tensor->name, "has no shape");
    if (shape->count > DCN__TENSORS_MAX_RANK)
        return refuse(r, tensor->name, "has more than 8 dimensions");
    value = dcn__json_first(shape);
    for (uint32_t i = 0; i < shape->count; i++, value = dcn__json_next(value)) {
        int64_t *size = &tensor->dims[i];

        if (!read_number(value, size))
            return refuse(r, tensor->name, "has a size that is not a whole number from 0");
        if (__builtin_mul_overflow(*bytes, (uint64_t)*size, bytes))
            return refuse(r, tensor->name, "has a shape whose product overflows");
    }
    tensor->rank = (int)shape->count;
    return DCN_OK;
}

/* Two whole numbers, the second not below the first. */
static bool read_offsets(const dcn__json *list, int64_t *begin, int64_t *end)
{
    return list->kind == DCN__JSON_LIST && list->count == 2 &&
           read_number(dcn__json_first(list), begin) &&
           read_number(dcn__json_next(dcn__json_first(list)), end) && *begin <= *end;
}

static dcn_status read_tensor(struct reader *r, dcn__tensor *tensor, const dcn__json *object)
{
    const dcn__json *offsets = dcn__json_member(object, "data_offsets");
    const dcn__json *type = dcn__json_member(object, "dtype");
    const char *dtype = type ? type->text : NULL;
    uint64_t bytes = 0;
    int64_t begin, end;
    dcn_status st;

    if (object->count != 3 || !dtype || !offsets)
        return refuse(r, tensor->name, "does not have exactly dtype, shape and data_offsets");
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtype, dtypes[i].name) == 0)
            bytes = (uint64_t)dtypes[i].bytes;
    if (!bytes)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, place(r, tensor->name), "tensor "
                            "\"%s\" has the unknown type \"%s\"; save it as F32", tensor->name,
                            dtype);
    tensor->dtype = dtype;
    if ((st = read_shape(r, tensor, dcn__json_member(object, "shape"), &bytes)))
        return st;
    if (!read_offsets(offsets, &begin, &end))
        return refuse(r, tensor->name, "has data_offsets that are not two rising whole numbers");
    tensor->begin = (uint64_t)begin;
    tensor->end = (uint64_t)end;
    if (tensor->end - tensor->begin != bytes)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, place(r, tensor->name), "tensor "
                            "\"%s\" has %llu bytes, its shape needs %llu; save the file again",
                            tensor->name, (unsigned long long)(tensor->end - tensor->begin),
                            (unsigned long long)bytes);
    return DCN_OK;
}

static dcn_status read_members(struct reader *r, const dcn__json *root)
{
    const dcn__json *end = dcn__json_end(root);
    const size_t n = root->count;
    dcn_status st = DCN_OK;

    if (n > DCN__TENSORS_MAX + 1u)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8, "the file holds %zu tensors, the "
                            "limit is %d; split it", n, DCN__TENSORS_MAX);
    if (!(r->t->at = dcn__alloc_array(n, sizeof *r->t->at)))
        return dcn__fail_memory(r->err, "a file's index", n * sizeof *r->t->at + 1);
    for (const dcn__json *m = dcn__json_first(root); m < end; m = dcn__json_next(m)) {
        if (strcmp(m->key, "__metadata__") == 0) {
            st = read_metadata(r, m);
        } else if (r->t->count == DCN__TENSORS_MAX) {
            st = dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8, "the file holds more than %d "
                              "tensors; split it", DCN__TENSORS_MAX);
        } else {
            r->t->at[r->t->count].name = m->key;
            st = read_tensor(r, &r->t->at[r->t->count], m);
            r->t->count += !st;
        }
        if (st)
            return st;
    }
    return DCN_OK;
}

static int by_offset(const void *a, const void *b)
{
    const dcn__tensor *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const dcn__tensor *)a)->name, ((const dcn__tensor *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const dcn__pair *)a)->key, ((const dcn__pair *)b)->key);
}

/* Holes and overlaps could hide bytes or share them between tensors. */
static dcn_status check_layout(struct reader *r, uint64_t data_bytes)
{
    dcn__tensors *t = r->t;
    uint64_t at = 0;

    qsort(t->at, (size_t)t->count, sizeof *t->at, by_offset);
    for (int i = 0; i < t->count; i++) {
        if (t->at[i].begin != at)
            return dcn__fail_at(r->err, DCN_INPUT, t->where, place(r, t->at[i].name), "tensor "
                                "\"%s\" begins at %llu, the one before it ends at %llu; save the "
                                "file again", t->at[i].name, (unsigned long long)t->at[i].begin,
                                (unsigned long long)at);
        at = t->at[i].end;
    }
    if (at != data_bytes)
        return dcn__fail_at(r->err, DCN_INPUT, t->where, 8 + t->header_bytes + (at < data_bytes ? at
                            : data_bytes), "the tensors have %llu bytes, the file has %llu; copy "
                            "the file again", (unsigned long long)at,
                            (unsigned long long)data_bytes);
    qsort(t->at, (size_t)t->count, sizeof *t->at, by_name);
    if (t->n_metadata)
        qsort(t->metadata, (size_t)t->n_metadata, sizeof *t->metadata, by_key);
    return DCN_OK;
}

static dcn_status read_json(struct reader *r, dcn__json **root)
{
    dcn__json_fault fault;
    dcn_status st;

    *root = NULL;
    if (r->header[0] != '{')
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8, "the header does not begin with "
                            "{; check that this is a safetensors file");
    st = dcn__json_read(root, (const char *)r->header, (size_t)r->t->header_bytes, MAX_DEPTH, &fault);
    if (st == DCN_MEMORY)
        return dcn__fail_memory(r->err, "a file's header", 0);
    if (st && fault.too_deep)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8 + (uint64_t)fault.at,
                            "the header is nested deeper than %d; check that this is a "
                            "safetensors file", MAX_DEPTH);
    if (st)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8 + (uint64_t)fault.at,
                            "the header is not JSON (%s); save the file again", fault.why);
    return DCN_OK;
}

dcn_status dcn__tensors_index(dcn__tensors *t, const uint8_t *bytes, size_t size,
                              uint64_t file_size, const char *where, const dcn_limits *limits,
                              dcn_error *err)
{
    struct reader r = { .t = t, .header = bytes + 8, .err = err };
    dcn__json *root = NULL;
    dcn_status st;

    (void)limits;
    memset(t, 0, sizeof *t);
    t->where = where;
    t->bytes = bytes;
    t->size = size;
    t->header_bytes = dcn__tensors_length(bytes);
    if (!(st = read_json(&r, &root))) {
        t->json = root;
        if (!(st = read_members(&r, root)))
            st = check_layout(&r, file_size - 8 - t->header_bytes);
    }
    if (st)
        dcn__tensors_close(t);
    return st;
}

void dcn__tensors_free_json(dcn__tensors *t)
{
    dcn__free(t->json);
    t->json = NULL;
}
