/* safetensors_write.c - writes files of tensors.
 *
 * Equal input gives equal bytes: metadata in the caller's order, tensors by falling size of their
 * numbers, then by name, so that every tensor is aligned to its numbers in a mapped file. */
#include "codec/safetensors.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

static const struct { const char *name; size_t bytes; } dtypes[] = {
    [DCN_F32] = { "F32", 4 }, [DCN_I64] = { "I64", 8 }, [DCN_U8] = { "U8", 1 },
};

static dcn_status refuse(dcn_error *err, const char *path, const char *name, const char *what)
{
    return dcn__fail(err, DCN_USAGE, path, "tensor \"%s\" %s; correct the call", name, what);
}

static dcn_status check_array(const dcn_array *a, const char *path, size_t *bytes, dcn_error *err)
{
    const char *name = a->name ? a->name : "";

    if (!*name || strcmp(name, "__metadata__") == 0 || !dcn__text_is_utf8(name, strlen(name)))
        return refuse(err, path, name, "has a name that the format does not allow");
    if (a->dtype != DCN_F32 && a->dtype != DCN_I64 && a->dtype != DCN_U8)
        return refuse(err, path, name, "has an unknown type");
    if (a->rank < 0 || a->rank > DCN__TENSORS_MAX_RANK)
        return refuse(err, path, name, "has more than 8 dimensions");
    *bytes = dtypes[a->dtype].bytes;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] < 0 || !dcn__mul_size(*bytes, (size_t)a->dims[i], bytes))
            return refuse(err, path, name, "has an impossible shape");
    return a->data || !*bytes ? DCN_OK : refuse(err, path, name, "has no numbers");
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const dcn_array *const *)a)->name, (*(const dcn_array *const *)b)->name);
}

static int by_width_and_name(const void *a, const void *b)
{
    const dcn_array *x = *(const dcn_array *const *)a, *y = *(const dcn_array *const *)b;
    const size_t p = dtypes[x->dtype].bytes, q = dtypes[y->dtype].bytes;

    return p != q ? (p > q ? -1 : 1) : strcmp(x->name, y->name);
}

static dcn_status append_metadata(dcn__string *s, const char *const *metadata, const char *path,
                                  dcn_error *err)
{
    if (!metadata || !metadata[0])
        return DCN_OK;
    dcn__string_printf(s, "\"__metadata__\":");
    for (size_t i = 0; metadata[i] && metadata[i + 1]; i += 2) {
        for (size_t k = 0; k < i; k += 2)
            if (strcmp(metadata[k], metadata[i]) == 0)
                return dcn__fail(err, DCN_USAGE, path, "the metadata \"%s\" are given twice; "
                                 "correct the call", metadata[i]);
        for (size_t k = i; k < i + 2; k++)
            if (!dcn__text_is_utf8(metadata[k], strlen(metadata[k])))
                return dcn__fail(err, DCN_USAGE, path, "the metadata \"%s\" are not UTF-8; "
                                 "correct the call", metadata[i]);
        dcn__string_printf(s, i ? "," : "{");
        dcn__json_append(s, metadata[i]);
        dcn__string_append(s, ":", 1);
        dcn__json_append(s, metadata[i + 1]);
    }
    dcn__string_append(s, "}", 1);
    return DCN_OK;
}

/* The length, then the header, padded with spaces so that the numbers begin at a multiple of 8. */
static dcn_status make_header(dcn__string *s, const dcn_array *const *order, const size_t *bytes,
                              int n, const char *const *metadata, const char *path, dcn_error *err)
{
    size_t at = 0, length;
    dcn_status st;

    dcn__string_append(s, "\0\0\0\0\0\0\0\0{", 9);
    if ((st = append_metadata(s, metadata, path, err)))
        return st;
    for (int i = 0; i < n; i++) {
        const dcn_array *a = order[i];

        dcn__string_printf(s, "%s", i || (metadata && metadata[0]) ? "," : "");
        dcn__json_append(s, a->name);
        dcn__string_printf(s, ":{\"dtype\":\"%s\",\"shape\":[", dtypes[a->dtype].name);
        for (int k = 0; k < a->rank; k++)
            dcn__string_printf(s, "%s%lld", k ? "," : "", (long long)a->dims[k]);
        dcn__string_printf(s, "],\"data_offsets\":[%zu,", at);
        if (!dcn__add_size(at, bytes[i], &at))
            return refuse(err, path, a->name, "makes the file too large");
        dcn__string_printf(s, "%zu]}", at);
    }
    dcn__string_append(s, "}", 1);
    while (!s->failed && s->length % 8)
        dcn__string_append(s, " ", 1);
    if (s->failed)
        return dcn__fail_memory(err, "a file's header", s->length);
    length = s->length - 8;
    for (int i = 0; i < 8; i++)
        s->text[i] = (char)(length >> 8 * i & 255);
    return DCN_OK;
}

static dcn_status write_file(const char *path, const dcn__string *header,
                             const dcn_array *const *order, const size_t *bytes, int n,
                             dcn_error *err)
{
    dcn__writer w;
    dcn_status st;

    if ((st = dcn__writer_begin(&w, path, err)))
        return st;
    st = dcn__writer_write(&w, header->text, header->length, err);
    for (int i = 0; !st && i < n; i++)
        st = dcn__writer_write(&w, order[i]->data, bytes[i], err);
    if (!st)
        st = dcn__writer_commit(&w, err);
    dcn__writer_abort(&w);
    return st;
}

dcn_status dcn_tensors_save(const char *path, const dcn_array *arrays, int n,
                            const char *const *metadata, dcn_error *err)
{
    const size_t count = n > 0 ? (size_t)n : 0;
    const dcn_array **order = dcn__alloc_array(count, sizeof *order);
    size_t *bytes = dcn__alloc_array(count, sizeof *bytes);
    dcn__string header = { 0 };
    dcn_status st = DCN_OK;

    if (!order || !bytes)
        st = dcn__fail_memory(err, "a file's index", count * sizeof *order);
    for (int i = 0; !st && i < n; i++) {
        order[i] = &arrays[i];
        st = check_array(&arrays[i], path, &bytes[0], err);
    }
    if (!st && n > 0)
        qsort(order, count, sizeof *order, by_name);
    for (int i = 1; !st && i < n; i++)
        if (strcmp(order[i - 1]->name, order[i]->name) == 0)
            st = refuse(err, path, order[i]->name, "is given twice");
    if (!st && n > 0)
        qsort(order, count, sizeof *order, by_width_and_name);
    for (int i = 0; !st && i < n; i++)
        st = check_array(order[i], path, &bytes[i], err);
    if (!st)
        st = make_header(&header, order, bytes, n, metadata, path, err);
    if (!st)
        st = write_file(path, &header, order, bytes, n, err);
    dcn__string_clear(&header);
    dcn__free(bytes);
    dcn__free(order);
    return st;
}
