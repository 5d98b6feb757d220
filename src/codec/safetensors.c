/* safetensors.c - opens files of tensors and finds things in them.
 *
 * The header's JSON is read in safetensors_header.c, files are written in safetensors_write.c. */
#include "codec/safetensors.h"

#include "base/memory.h"
#include "codec/safetensors_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t dcn__tensors_length(const uint8_t *bytes)
{
    uint64_t length = 0;

    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    return length;
}

bool dcn__tensors_is(const uint8_t *head, size_t size, uint64_t file_size)
{
    return size >= 9 && head[8] == '{' && dcn__tensors_length(head) >= 2 &&
        dcn__tensors_length(head) <= file_size - 8;
}

/* Is there a header of a bearable length? The first 8 bytes say. */
static dcn_status check_length(const uint8_t *head, size_t size, uint64_t file_size,
                               const char *where, const dcn_limits *limits, dcn_error *err)
{
    const uint64_t limit = limits && limits->max_header_bytes > 0
        ? (uint64_t)limits->max_header_bytes : DCN__TENSORS_HEADER_LIMIT;
    uint64_t length;

    if (size < 8)
        return dcn__fail_at(err, DCN_INPUT, where, size, "the file ends inside the 8 bytes of its "
                            "header's length; copy the file again");
    length = dcn__tensors_length(head);
    if (length > limit)
        return dcn__fail_at(err, DCN_INPUT, where, 0, "the header has %llu bytes, the limit is "
                            "%llu; check that this is a safetensors file",
                            (unsigned long long)length, (unsigned long long)limit);
    if (length > file_size - 8)
        return dcn__fail_at(err, DCN_INPUT, where, 0, "the header has %llu bytes, the file ends "
                            "after %llu of them; copy the file again",
                            (unsigned long long)length, (unsigned long long)(file_size - 8));
    if (length < 2)
        return dcn__fail_at(err, DCN_INPUT, where, 0, "the header has %llu bytes, {} has 2; check "
                            "that this is a safetensors file", (unsigned long long)length);
    return DCN_OK;
}

dcn_status dcn__tensors_parse(dcn__tensors *t, const uint8_t *bytes, size_t size,
                              const char *where, const dcn_limits *limits, dcn_error *err)
{
    dcn_status st;

    memset(t, 0, sizeof *t);
    if ((st = check_length(bytes, size, size, where, limits, err)))
        return st;
    return dcn__tensors_index(t, bytes, size, size, where, limits, err);
}

/* The header alone, checked against the file's size. It is allocated here. */
static dcn_status read_header(dcn__bytes *header, uint64_t *file_size, const char *path,
                              const dcn_limits *limits, dcn_error *err)
{
    uint8_t head[8];
    size_t got;
    dcn_status st;

    memset(header, 0, sizeof *header);
    if ((st = dcn__file_head(head, sizeof head, &got, file_size, path, err)) ||
        (st = check_length(head, got, *file_size, path, limits, err)))
        return st;
    header->size = 8 + (size_t)dcn__tensors_length(head);
    if (!(header->data = dcn__alloc(header->size)))
        return dcn__fail_memory(err, "a file's header", header->size);
    if ((st = dcn__file_head(header->data, header->size, &got, file_size, path, err)))
        return st;
    if (got != header->size || memcmp(head, header->data, 8) != 0)
        return dcn__fail(err, DCN_FILE, path, "changed while it was read; try again");
    return DCN_OK;
}

dcn_status dcn__tensors_peek(dcn__tensors *t, const char *path, const dcn_limits *limits,
                             dcn_error *err)
{
    uint64_t file_size;
    dcn__bytes header;
    dcn_status st;

    memset(t, 0, sizeof *t);
    if (!(st = read_header(&header, &file_size, path, limits, err)))
        st = dcn__tensors_index(t, header.data, header.size, file_size, path, limits, err);
    dcn__bytes_clear(&header);
    t->bytes = NULL;
    t->size = 0;
    return st;
}

dcn_status dcn__tensors_open(dcn__tensors *t, const char *path, const dcn_limits *limits,
                             dcn_error *err)
{
    dcn__bytes header, all = { 0 };
    uint64_t file_size;
    dcn_status st;

    memset(t, 0, sizeof *t);
    if (!(st = read_header(&header, &file_size, path, limits, err)) &&
        !(st = dcn__tensors_index(t, header.data, header.size, file_size, path, limits, err)) &&
        !(st = dcn__file_read(&all, path, dcn__physical_memory() / 2, err)) &&
        (all.size != file_size || memcmp(all.data, header.data, header.size) != 0))
        st = dcn__fail(err, DCN_FILE, path, "changed while it was read; try again");
    dcn__bytes_clear(&header);
    t->owned = all;
    t->bytes = all.data;
    t->size = all.size;
    if (st)
        dcn__tensors_close(t);
    return st;
}

void dcn__tensors_close(dcn__tensors *t)
{
    dcn__tensors_free_json(t);
    dcn__free(t->at);
    dcn__free(t->metadata);
    dcn__bytes_clear(&t->owned);
    memset(t, 0, sizeof *t);
}

/* ---- finding ------------------------------------------------------------------------------- */

static int tensor_by_name(const void *name, const void *tensor)
{
    return strcmp(name, ((const dcn__tensor *)tensor)->name);
}

static int pair_by_key(const void *key, const void *pair)
{
    return strcmp(key, ((const dcn__pair *)pair)->key);
}

const dcn__tensor *dcn__tensors_find(const dcn__tensors *t, const char *name)
{
    return t->count ? bsearch(name, t->at, (size_t)t->count, sizeof *t->at, tensor_by_name) : NULL;
}

const char *dcn__tensors_metadata(const dcn__tensors *t, const char *key)
{
    const dcn__pair *pair = t->n_metadata
        ? bsearch(key, t->metadata, (size_t)t->n_metadata, sizeof *t->metadata, pair_by_key) : NULL;

    return pair ? pair->value : NULL;
}

uint64_t dcn__tensors_offset(const dcn__tensors *t, const dcn__tensor *tensor)
{
    return 8 + t->header_bytes + tensor->begin;
}

const uint8_t *dcn__tensors_data(const dcn__tensors *t, const dcn__tensor *tensor)
{
    return t->bytes + dcn__tensors_offset(t, tensor);
}

void dcn__shape_text(char *text, size_t size, int rank, const int64_t *dims)
{
    size_t used = (size_t)snprintf(text, size, "(");

    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "",
                                 (long long)dims[i]);
    if (used < size)
        snprintf(text + used, size - used, ")");
}
