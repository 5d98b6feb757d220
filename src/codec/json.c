/* json.c - writes texts as JSON, and reads lists of them and names of classes through Jansson. */
#include "codec/json.h"

#include "base/memory.h"

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

#ifdef DCN_HAVE_JANSSON
#include <jansson.h>

/* Without memory Jansson says that the text is wrong, or leaves out letters and goes on. */
static bool lacked(json_t *root)
{
    if (!dcn__memory_lacked())
        return false;
    json_decref(root);
    return true;
}

static dcn_status copy_texts(char **texts, const json_t *list, const char *where, dcn_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (!text)
            return dcn__fail(err, DCN_INPUT, where,
                             "entry %zu of a list of texts is no text; save the file again", i);
        if (!(texts[i] = dcn__strdup(text)))
            return dcn__fail_memory(err, "a text", strlen(text));
    }
    return DCN_OK;
}

dcn_status dcn__json_texts(char ***texts, int *n, const char *json, int limit, const char *where,
                           dcn_error *err)
{
    dcn_status st = DCN_OK;
    json_error_t error;
    json_t *list;

    *texts = NULL;
    *n = 0;
    /* A list of texts opens one bracket; Jansson would follow many, one call each. */
    for (const char *p = json; *p && *p != '"'; p++)
        if (p > json && (*p == '[' || *p == '{'))
            return dcn__fail(err, DCN_INPUT, where, "a list of texts holds something else; save "
                             "the file again");
    dcn__memory_watch();
    list = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (lacked(list))
        return dcn__fail_memory(err, "a list of texts", strlen(json));
    if (!list)
        return dcn__fail(err, DCN_INPUT, where,
                         "a list of texts is not JSON (%.120s); save the file again", error.text);
    if (!json_is_array(list) || json_array_size(list) > (size_t)limit)
        st = dcn__fail(err, DCN_INPUT, where,
                       "a list of texts is none, or longer than %d; save the file again", limit);
    if (!st) {
        *n = (int)json_array_size(list);
        *texts = dcn__alloc_array((size_t)*n + 1, sizeof **texts);
        st = *texts ? copy_texts(*texts, list, where, err) : dcn__fail_memory(err, "texts", 0);
    }
    json_decref(list);
    if (st) {
        dcn__texts_clear(*texts, *n);
        *texts = NULL;
        *n = 0;
    }
    return st;
}

/* ---- names of classes ---------------------------------------------------------------------- */

enum { MAX_DEPTH = 8 };

/* Jansson recurses once per bracket; this does not. */
static int depth_of(const char *json, size_t bytes)
{
    int depth = 0, most = 0;
    bool quoted = false;

    for (size_t i = 0; i < bytes; i++) {
        const char c = json[i];

        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            i++;
        else if (!quoted && (c == '[' || c == '{'))
            most = ++depth > most ? depth : most;
        else if (!quoted && (c == ']' || c == '}'))
            depth--;
    }
    return most;
}

static dcn_status copy_name(char **name, const json_t *value, int i, const char *where,
                            dcn_error *err)
{
    const size_t parts = json_array_size(value);
    const char *text = json_string_value(parts ? json_array_get(value, parts - 1) : value);

    if (!text)
        return dcn__fail(err, DCN_INPUT, where, "the name of class %d is no text; write it in "
                         "quotes", i);
    if (!(*name = dcn__strdup(text)))
        return dcn__fail_memory(err, "the name of a class", strlen(text));
    return DCN_OK;
}

static dcn_status copy_members(char **names, int n, json_t *object, const char *where,
                               dcn_error *err)
{
    dcn_status st = DCN_OK;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        int64_t i;

        if (!dcn__parse_int(key, strlen(key), 0, n - 1, &i) || names[i])
            return dcn__fail(err, DCN_INPUT, where, "the key \"%.40s\" is none of 0 to %d, each "
                             "once; write {\"0\": \"first name\", ...} or a list", key, n - 1);
        if ((st = copy_name(&names[i], value, (int)i, where, err)))
            return st;
    }
    return st;
}

static dcn_status copy_names(char **names, int n, json_t *root, const char *where, dcn_error *err)
{
    dcn_status st = DCN_OK;

    if (json_is_object(root))
        return copy_members(names, n, root, where, err);
    for (int i = 0; i < n && !st; i++)
        st = copy_name(&names[i], json_array_get(root, (size_t)i), i, where, err);
    return st;
}

dcn_status dcn__json_names(char ***names, int *n, const char *json, size_t bytes, int limit,
                           const char *where, dcn_error *err)
{
    json_error_t error;
    dcn_status st;
    json_t *root;
    size_t count;

    *names = NULL;
    *n = 0;
    if (depth_of(json, bytes) > MAX_DEPTH)
        return dcn__fail(err, DCN_INPUT, where, "is nested deeper than names of classes are; write "
                         "a list of texts");
    dcn__memory_watch();
    root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, &error);
    if (lacked(root))
        return dcn__fail_memory(err, "names of classes", bytes);
    if (!root)
        return dcn__fail_line(err, DCN_INPUT, where, error.line, error.column, "is not JSON "
                              "(%.120s); correct it, or write one name a line", error.text);
    count = json_is_object(root) ? json_object_size(root) : json_array_size(root);
    if (!count || count > (size_t)limit)
        st = dcn__fail(err, DCN_INPUT, where, "holds %zu names, 1 to %d are read; use the list of "
                       "the network's classes", count, limit);
    else if (!(*names = dcn__alloc_array(count, sizeof **names)))
        st = dcn__fail_memory(err, "names of classes", count * sizeof **names);
    else
        st = copy_names(*names, *n = (int)count, root, where, err);
    json_decref(root);
    if (st) {
        dcn__texts_clear(*names, *n);
        *names = NULL;
        *n = 0;
    }
    return st;
}

#endif
