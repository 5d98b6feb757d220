/* json.h - the little JSON that is read and written besides safetensors' headers: texts, lists of
 * texts, names of classes. */
#ifndef DCN_CODEC_JSON_H
#define DCN_CODEC_JSON_H

#include "base/error.h"
#include "base/text.h"

/* Appends text in quotes; it must be UTF-8. */
void dcn__json_append(dcn__string *s, const char *text);
/* Reads ["a", "b", ...] into n allocated texts; dcn__texts_clear. Refuses anything else, and more
 * than `limit` texts. */
dcn_status dcn__json_texts(char ***texts, int *n, const char *json, int limit, const char *where,
                           dcn_error *err);
/* Names of classes 0..n-1: ["a", ...] or {"0": "a", ...}. In place of a name there may be a list of
 * texts that ends in it (Keras's ["n01440764", "tench"]). */
dcn_status dcn__json_names(char ***names, int *n, const char *json, size_t bytes, int limit,
                           const char *where, dcn_error *err);
void dcn__texts_clear(char **texts, int n);

#endif
