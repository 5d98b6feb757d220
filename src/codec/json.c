/* json.c - writes texts as JSON, and reads lists of them through Jansson. */
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
    list = json_loads(json, JSON_REJECT_DUPLICATES, &error);
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

#endif
