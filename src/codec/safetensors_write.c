/* safetensors_write.c - writes files of tensors.
 *
 * Equal input gives equal bytes: metadata in the caller's order, tensors by falling size of their
 * numbers, then by name, so that every tensor is aligned to its numbers in a mapped file. */
#include "codec/safetensors.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/array.h"
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const dtypes[] = { [DCN_F32] = "F32", [DCN_I64] = "I64", [DCN_U8] = "U8" };

/* A file before its numbers. */
struct head {
    const dcn_array **order;      /* (n): the arrays as they stand in the file, */
    size_t *bytes;                /* (n): and the size of each one's numbers */
    dcn__string text;             /* the length and the header */
};

static void head_clear(struct head *h)
{
    dcn__free(h->order);
    dcn__free(h->bytes);
    dcn__string_clear(&h->text);
}

static dcn_status check_array(const dcn_array *a, const char *path, size_t *bytes, dcn_error *err)
{
    const dcn_status st = dcn__array_check(a, path, bytes, err);

    if (!st && strcmp(a->name, "__metadata__") == 0)
        return dcn__array_refuse(a, path, "has a name that the format does not allow", err);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const dcn_array *const *)a)->name, (*(const dcn_array *const *)b)->name);
}

static int by_width_and_name(const void *a, const void *b)
{
    const dcn_array *x = *(const dcn_array *const *)a, *y = *(const dcn_array *const *)b;
    const size_t p = dcn__dtype_bytes(x->dtype), q = dcn__dtype_bytes(y->dtype);

    return p != q ? (p > q ? -1 : 1) : strcmp(x->name, y->name);
}

/* A key without a value is the list's end. */
static bool has_metadata(const char *const *metadata)
{
    return metadata && metadata[0] && metadata[1];
}

static dcn_status append_metadata(dcn__string *s, const char *const *metadata, const char *path,
                                  dcn_error *err)
{
    if (!has_metadata(metadata))
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
static dcn_status make_text(struct head *h, int n, const char *const *metadata, const char *path,
                            dcn_error *err)
{
    dcn__string *s = &h->text;
    size_t at = 0, length;
    dcn_status st;

    dcn__string_append(s, "\0\0\0\0\0\0\0\0{", 9);
    if ((st = append_metadata(s, metadata, path, err)))
        return st;
    for (int i = 0; i < n; i++) {
        const dcn_array *a = h->order[i];

        dcn__string_printf(s, "%s", i || has_metadata(metadata) ? "," : "");
        dcn__json_append(s, a->name);
        dcn__string_printf(s, ":{\"dtype\":\"%s\",\"shape\":[", dtypes[a->dtype]);
        for (int k = 0; k < a->rank; k++)
            dcn__string_printf(s, "%s%lld", k ? "," : "", (long long)a->dims[k]);
        dcn__string_printf(s, "],\"data_offsets\":[%zu,", at);
        if (!dcn__add_size(at, h->bytes[i], &at))
            return dcn__array_refuse(a, path, "makes the file too large", err);
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

static dcn_status head_make(struct head *h, const dcn_array *arrays, int n,
                            const char *const *metadata, const char *path, dcn_error *err)
{
    const size_t count = n > 0 ? (size_t)n : 0;
    dcn_status st = DCN_OK;

    h->order = dcn__alloc_array(count, sizeof *h->order);
    h->bytes = dcn__alloc_array(count, sizeof *h->bytes);
    if (!h->order || !h->bytes)
        return dcn__fail_memory(err, "a file's index", count * sizeof *h->order);
    for (int i = 0; !st && i < n; i++) {
        h->order[i] = &arrays[i];
        st = check_array(&arrays[i], path, &h->bytes[0], err);
    }
    if (!st && n > 0)
        qsort(h->order, count, sizeof *h->order, by_name);
    for (int i = 1; !st && i < n; i++)
        if (strcmp(h->order[i - 1]->name, h->order[i]->name) == 0)
            st = dcn__array_refuse(h->order[i], path, "is given twice", err);
    if (!st && n > 0)
        qsort(h->order, count, sizeof *h->order, by_width_and_name);
    for (int i = 0; !st && i < n; i++)
        st = check_array(h->order[i], path, &h->bytes[i], err);
    return st ? st : make_text(h, n, metadata, path, err);
}

dcn_status dcn__tensors_begin(dcn__writer *w, const dcn_array *arrays, int n,
                              const char *const *metadata, int *order, dcn_error *err)
{
    struct head h = { 0 };
    dcn_status st = head_make(&h, arrays, n, metadata, w->path, err);

    for (int i = 0; !st && i < n; i++)
        order[i] = (int)(h.order[i] - arrays);
    if (!st)
        st = dcn__writer_write(w, h.text.text, h.text.length, err);
    head_clear(&h);
    return st;
}

static dcn_status write_file(const char *path, const struct head *h, int n, dcn_error *err)
{
    dcn__writer w;
    dcn_status st;

    if ((st = dcn__writer_begin(&w, path, err)))
        return st;
    w.expected = h->text.length;
    for (int i = 0; i < n; i++)
        w.expected += h->bytes[i];
    st = dcn__writer_write(&w, h->text.text, h->text.length, err);
    for (int i = 0; !st && i < n; i++)
        st = dcn__writer_write(&w, h->order[i]->data, h->bytes[i], err);
    if (!st)
        st = dcn__writer_commit(&w, err);
    dcn__writer_abort(&w);
    return st;
}

dcn_status dcn_tensors_save(const char *path, const dcn_array *arrays, int n,
                            const char *const *metadata, dcn_error *err)
{
    struct head h = { 0 };
    dcn_status st = head_make(&h, arrays, n, metadata, path, err);

    for (int i = 0; !st && i < n; i++)
        if (!h.order[i]->data && h.bytes[i])
            st = dcn__array_refuse(h.order[i], path, "has no numbers", err);
    if (!st)
        st = write_file(path, &h, n, err);
    head_clear(&h);
    return st;
}
