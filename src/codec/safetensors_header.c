/* safetensors_header.c - the JSON header: Jansson reads it, every rule of the format is checked.
 *
 * The rules: one object; "__metadata__" maps texts to texts; every other member has exactly dtype,
 * shape and data_offsets; the tensors, ordered by offset, fill the bytes behind the header without
 * hole or overlap; each has as many bytes as its shape says. */
#include "codec/safetensors_header.h"

#ifdef DCN_HAVE_JANSSON

#include "base/memory.h"

#include <jansson.h>
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

/* Where in the file the member stands. Jansson keeps no positions; an escaped name is not found
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

/* Jansson recurses once per bracket; this does not. */
static dcn_status check_depth(const struct reader *r)
{
    const uint8_t *p = r->header, *end = p + r->t->header_bytes;
    bool string = false;
    int depth = 0;

    for (; p < end; p++) {
        if (string && *p == '\\')
            p++;
        else if (*p == '"')
            string = !string;
        else if (!string && (*p == '{' || *p == '['))
            depth++;
        else if (!string && (*p == '}' || *p == ']'))
            depth--;
        if (depth > MAX_DEPTH)
            return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8 + (uint64_t)(p - r->header),
                                "the header is nested deeper than %d; check that this is a "
                                "safetensors file", MAX_DEPTH);
    }
    return DCN_OK;
}

static dcn_status read_metadata(struct reader *r, json_t *object)
{
    const char *key;
    json_t *value;
    int n = 0;

    if (!json_is_object(object))
        return refuse(r, "__metadata__", "is not an object");
    r->t->metadata = dcn__alloc_array(json_object_size(object), sizeof *r->t->metadata);
    if (!r->t->metadata)
        return dcn__fail_memory(r->err, "metadata", 0);
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return dcn__fail_at(r->err, DCN_INPUT, r->t->where, place(r, key), "the metadata "
                                "\"%s\" are not a text; save the file again", key);
        r->t->metadata[n++] = (dcn__pair){ .key = key, .value = json_string_value(value) };
    }
    r->t->n_metadata = n;
    return DCN_OK;
}

/* A size or an offset: a whole number from 0. */
static bool read_number(const json_t *value, int64_t *number)
{
    *number = json_integer_value(value);
    return json_is_integer(value) && *number >= 0;
}

static dcn_status read_shape(struct reader *r, dcn__tensor *tensor, const json_t *shape,
                             uint64_t *bytes)
{
    const size_t rank = json_array_size(shape);

    if (!json_is_array(shape))
        return refuse(r, tensor->name, "has no shape");
    if (rank > DCN__TENSORS_MAX_RANK)
        return refuse(r, tensor->name, "has more than 8 dimensions");
    for (size_t i = 0; i < rank; i++) {
        int64_t *size = &tensor->dims[i];

        if (!read_number(json_array_get(shape, i), size))
            return refuse(r, tensor->name, "has a size that is not a whole number from 0");
        if (__builtin_mul_overflow(*bytes, (uint64_t)*size, bytes))
            return refuse(r, tensor->name, "has a shape whose product overflows");
    }
    tensor->rank = (int)rank;
    return DCN_OK;
}

static dcn_status read_tensor(struct reader *r, dcn__tensor *tensor, json_t *object)
{
    json_t *offsets = json_object_get(object, "data_offsets");
    const char *dtype = json_string_value(json_object_get(object, "dtype"));
    uint64_t bytes = 0;
    int64_t begin, end;
    dcn_status st;

    if (!json_is_object(object) || json_object_size(object) != 3 || !dtype || !offsets)
        return refuse(r, tensor->name, "does not have exactly dtype, shape and data_offsets");
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtype, dtypes[i].name) == 0)
            bytes = (uint64_t)dtypes[i].bytes;
    if (!bytes)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, place(r, tensor->name), "tensor "
                            "\"%s\" has the unknown type \"%s\"; save it as F32", tensor->name,
                            dtype);
    tensor->dtype = dtype;
    if ((st = read_shape(r, tensor, json_object_get(object, "shape"), &bytes)))
        return st;
    if (json_array_size(offsets) != 2 || !read_number(json_array_get(offsets, 0), &begin) ||
        !read_number(json_array_get(offsets, 1), &end) || begin > end)
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

static dcn_status read_members(struct reader *r, json_t *root)
{
    const size_t n = json_object_size(root);
    dcn_status st = DCN_OK;
    const char *key;
    json_t *value;

    if (n > DCN__TENSORS_MAX + 1u)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8, "the file holds %zu tensors, the "
                            "limit is %d; split it", n, DCN__TENSORS_MAX);
    if (!(r->t->at = dcn__alloc_array(n, sizeof *r->t->at)))
        return dcn__fail_memory(r->err, "a file's index", n * sizeof *r->t->at);
    json_object_foreach(root, key, value) {
        if (strcmp(key, "__metadata__") == 0) {
            st = read_metadata(r, value);
        } else if (r->t->count == DCN__TENSORS_MAX) {
            st = dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8, "the file holds more than %d "
                              "tensors; split it", DCN__TENSORS_MAX);
        } else {
            r->t->at[r->t->count].name = key;
            st = read_tensor(r, &r->t->at[r->t->count], value);
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

static dcn_status read_json(struct reader *r, json_t **root)
{
    json_error_t error;

    *root = NULL;
    if (r->header[0] != '{')
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where, 8, "the header does not begin with "
                            "{; check that this is a safetensors file");
    dcn__memory_watch();
    *root = json_loadb((const char *)r->header, (size_t)r->t->header_bytes, JSON_REJECT_DUPLICATES,
                       &error);
    if (!*root && dcn__memory_lacked())
        return dcn__fail_memory(r->err, "a file's header", (size_t)r->t->header_bytes);
    if (!*root)
        return dcn__fail_at(r->err, DCN_INPUT, r->t->where,
                            8 + (uint64_t)(error.position > 0 ? error.position : 0),
                            "the header is not JSON (%.120s); save the file again", error.text);
    return DCN_OK;
}

dcn_status dcn__tensors_index(dcn__tensors *t, const uint8_t *bytes, size_t size,
                              uint64_t file_size, const char *where, const dcn_limits *limits,
                              dcn_error *err)
{
    struct reader r = { .t = t, .header = bytes + 8, .err = err };
    json_t *root = NULL;
    dcn_status st;

    (void)limits;
    memset(t, 0, sizeof *t);
    t->where = where;
    t->bytes = bytes;
    t->size = size;
    t->header_bytes = dcn__tensors_length(bytes);
    if (!(st = check_depth(&r)) && !(st = read_json(&r, &root))) {
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
    json_decref(t->json);
    t->json = NULL;
}

#endif
