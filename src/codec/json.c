/* json.c - writes texts as JSON, and reads lists of them and names of classes. */
#include "codec/json.h"

#include "base/memory.h"
#include "codec/json_read.h"

#include <string.h>

void dcn__json_append(dcn__string *s, const char *text)
{
    dcn__string_append(s, "\"", 1);
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            dcn__string_printf(s, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            dcn__string_printf(s, "\\u%04x", *p);
        else
            dcn__string_append(s, p, 1);
    }
    dcn__string_append(s, "\"", 1);
}

void dcn__texts_clear(char **texts, int n)
{
    for (int i = 0; texts && i < n; i++)
        dcn__free(texts[i]);
    dcn__free(texts);
}

static dcn_status copy_texts(char **texts, const dcn__json *list, const char *where, dcn_error *err)
{
    const dcn__json *value = dcn__json_first(list);

    for (uint32_t i = 0; i < list->count; i++, value = dcn__json_next(value)) {
        if (value->kind != DCN__JSON_TEXT)
            return dcn__fail(err, DCN_INPUT, where,
                             "entry %u of a list of texts is no text; save the file again", i);
        if (!(texts[i] = dcn__strdup(value->text)))
            return dcn__fail_memory(err, "a text", strlen(value->text) + 1);
    }
    return DCN_OK;
}

dcn_status dcn__json_texts(char ***texts, int *n, const char *json, int limit, const char *where,
                           dcn_error *err)
{
    dcn__json_fault fault;
    dcn__json *list;
    dcn_status st;

    *texts = NULL;
    *n = 0;
    st = dcn__json_read(&list, json, strlen(json), 2, &fault);
    if (st == DCN_MEMORY)
        return dcn__fail_memory(err, "a list of texts", 0);
    if (st)
        return dcn__fail(err, DCN_INPUT, where,
                         "a list of texts is not JSON (%s); save the file again", fault.why);
    if (list->kind != DCN__JSON_LIST || list->count > (uint32_t)limit)
        st = dcn__fail(err, DCN_INPUT, where,
                       "a list of texts is none, or longer than %d; save the file again", limit);
    if (!st) {
        *n = (int)list->count;
        *texts = dcn__alloc_array((size_t)*n + 1, sizeof **texts);
        st = *texts ? copy_texts(*texts, list, where, err) : dcn__fail_memory(err, "texts", 0);
    }
    dcn__free(list);
    if (st) {
        dcn__texts_clear(*texts, *n);
        *texts = NULL;
        *n = 0;
    }
    return st;
}

/* ---- names of classes ---------------------------------------------------------------------- */

enum { MAX_DEPTH = 8 };

static dcn_status copy_name(char **name, const dcn__json *value, int i, const char *where,
                            dcn_error *err)
{
    const dcn__json *last = value;

    if (value->kind == DCN__JSON_LIST && value->count) {
        last = dcn__json_first(value);
        for (uint32_t k = 1; k < value->count; k++)
            last = dcn__json_next(last);
    }
    if (last->kind != DCN__JSON_TEXT)
        return dcn__fail(err, DCN_INPUT, where, "the name of class %d is no text; write it in "
                         "quotes", i);
    if (!(*name = dcn__strdup(last->text)))
        return dcn__fail_memory(err, "the name of a class", strlen(last->text) + 1);
    return DCN_OK;
}

static dcn_status copy_names(char **names, int n, const dcn__json *root, const char *where,
                             dcn_error *err)
{
    const dcn__json *value = dcn__json_first(root);
    dcn_status st = DCN_OK;

    for (int k = 0; k < n && !st; k++, value = dcn__json_next(value)) {
        int64_t i = k;

        if (value->key && (!dcn__parse_int(value->key, strlen(value->key), 0, n - 1, &i) || names[i]))
            return dcn__fail(err, DCN_INPUT, where, "the key \"%.40s\" is none of 0 to %d, each "
                             "once; write {\"0\": \"first name\", ...} or a list", value->key, n - 1);
        st = copy_name(&names[i], value, (int)i, where, err);
    }
    return st;
}

dcn_status dcn__json_names(char ***names, int *n, const char *json, size_t bytes, int limit,
                           const char *where, dcn_error *err)
{
    dcn__json_fault fault;
    dcn__json *root;
    dcn_status st;

    *names = NULL;
    *n = 0;
    st = dcn__json_read(&root, json, bytes, MAX_DEPTH, &fault);
    if (st == DCN_MEMORY)
        return dcn__fail_memory(err, "names of classes", 0);
    if (st && fault.too_deep)
        return dcn__fail(err, DCN_INPUT, where, "is nested deeper than names of classes are; write "
                         "a list of texts");
    if (st)
        return dcn__fail_line(err, DCN_INPUT, where, fault.line, fault.column, "is not JSON "
                              "(%s); correct it, or write one name a line", fault.why);
    if (!root->count || root->count > (uint32_t)limit)
        st = dcn__fail(err, DCN_INPUT, where, "holds %u names, 1 to %d are read; use the list of "
                       "the network's classes", root->count, limit);
    else if (!(*names = dcn__alloc_array(root->count, sizeof **names)))
        st = dcn__fail_memory(err, "names of classes", 0);
    else
        st = copy_names(*names, *n = (int)root->count, root, where, err);
    dcn__free(root);
    if (st) {
        dcn__texts_clear(*names, *n);
        *names = NULL;
        *n = 0;
    }
    return st;
}
