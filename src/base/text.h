/* text.h - strings: escaping what comes from files, growing buffers, strict numbers, near words. */
#ifndef DCN_BASE_TEXT_H
#define DCN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes `bytes` bytes of `text` as valid UTF-8 without control bytes: what is neither becomes
 * \xNN. Always ends with NUL, never splits a character. Returns the length written. */
size_t dcn__text_escape(char *out, size_t size, const char *text, size_t bytes);
/* The largest prefix of at most `limit` bytes that does not split a UTF-8 character. */
size_t dcn__text_clip(const char *text, size_t limit);
bool dcn__text_is_utf8(const char *text, size_t bytes);

/* A growing string. All zeros is an empty one; after a failed allocation `failed` stays set and
 * further appends do nothing, so that one check at the end is enough. */
typedef struct dcn__string {
    char *text;                /* NUL-terminated, or NULL while empty */
    size_t length, capacity;
    bool failed;
} dcn__string;

void dcn__string_append(dcn__string *s, const char *text, size_t bytes);
void dcn__string_printf(dcn__string *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dcn__string_clear(dcn__string *s);

/* Locale-independent, whole-string numbers: false if anything is left over or out of range. */
bool dcn__parse_int(const char *text, size_t bytes, int64_t min, int64_t max, int64_t *value);
bool dcn__parse_uint64(const char *text, size_t bytes, uint64_t *value);   /* digits alone */
bool dcn__parse_double(const char *text, size_t bytes, double *value);

/* The candidate with the smallest edit distance to `word`, NULL if none is near. */
const char *dcn__nearest(const char *word, const char *const *candidates, int n);

#endif
