/* listing.c - paths in one growing block of text. */
#include "data/listing.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static dcn_status grow(dcn__listing *l, dcn_error *err)
{
    const int64_t capacity = l->capacity ? l->capacity * 2 : 256;
    uint32_t *offset;

    if (l->count < l->capacity)
        return DCN_OK;
    if (!(offset = dcn__realloc(l->offset, (size_t)capacity * sizeof *offset)))
        return dcn__fail_memory(err, "a list of pictures", (size_t)capacity * sizeof *offset);
    l->offset = offset;
    l->capacity = capacity;
    return DCN_OK;
}

dcn_status dcn__listing_add(dcn__listing *l, const char *path, int64_t most, const char *where,
                            dcn_error *err)
{
    const size_t bytes = strlen(path) + 1;
    dcn_status st;

    if (l->count >= most)
        return dcn__fail(err, DCN_INPUT, where, "holds more than %lld pictures; split it",
                         (long long)most);
    if (l->text.length > UINT32_MAX - bytes)
        return dcn__fail(err, DCN_INPUT, where, "holds pictures whose names fill 4 GiB; split it");
    if ((st = grow(l, err)))
        return st;
    l->offset[l->count] = (uint32_t)l->text.length;
    dcn__string_append(&l->text, path, bytes);
    if (l->text.failed)
        return dcn__fail_memory(err, "a list of pictures", l->text.length + bytes);
    l->count++;
    return DCN_OK;
}

const char *dcn__listing_at(const dcn__listing *l, int64_t i)
{
    return l->text.text + l->offset[i];
}

static int by_bytes(const void *a, const void *b, void *text)
{
    return strcmp((const char *)text + *(const uint32_t *)a,
                  (const char *)text + *(const uint32_t *)b);
}

void dcn__listing_sort(dcn__listing *l)
{
    if (l->count)
        qsort_r(l->offset, (size_t)l->count, sizeof *l->offset, by_bytes, l->text.text);
}

void dcn__listing_clear(dcn__listing *l)
{
    dcn__string_clear(&l->text);
    dcn__free(l->offset);
    *l = (dcn__listing){ 0 };
}

const char *dcn__below(const char *folder, const char *path)
{
    path += strlen(folder);
    return path + strspn(path, "/");
}
