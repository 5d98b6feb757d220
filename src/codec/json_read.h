/* json_read.h - JSON as a flat row of values: for the headers of model files and lists of names.
 *
 * Strict: RFC 8259 with an object or a list outside, UTF-8, no key twice in an object, no NUL in a text.
 * One block holds all of it, so that a lack of memory is one refusal and nothing else. */
#ifndef DCN_CODEC_JSON_READ_H
#define DCN_CODEC_JSON_READ_H

#include "base/error.h"

#include <stdbool.h>

typedef enum dcn__json_kind {
    DCN__JSON_OTHER,              /* null, true, false, a number that is not whole */
    DCN__JSON_INTEGER, DCN__JSON_TEXT, DCN__JSON_LIST, DCN__JSON_OBJECT
} dcn__json_kind;

typedef struct dcn__json {
    dcn__json_kind kind;
    uint32_t count;               /* members of a list or an object */
    uint32_t size;                /* this value and all in it: the next one beside it is at + size */
    const char *key;              /* of an object's member; else NULL */
    const char *text;
    int64_t integer;
} dcn__json;

/* Where and why it is refused. line and column from 1, at from 0. */
typedef struct dcn__json_fault {
    int line, column;
    size_t at;
    const char *why;
    bool too_deep;
} dcn__json_fault;

/* The value outside; dcn__free. NULL and DCN_INPUT: *fault says why; or DCN_MEMORY. Writes no error.
 * Values may be nested `depth` deep. */
dcn_status dcn__json_read(dcn__json **root, const char *json, size_t bytes, int depth,
                          dcn__json_fault *fault);
/* A member of an object; NULL: none. */
const dcn__json *dcn__json_member(const dcn__json *object, const char *key);

/* The members of a list or object in turn: for (m = first; m < end; m = next). */
static inline const dcn__json *dcn__json_first(const dcn__json *value)
{
    return value + 1;
}
static inline const dcn__json *dcn__json_end(const dcn__json *value)
{
    return value + value->size;
}
static inline const dcn__json *dcn__json_next(const dcn__json *member)
{
    return member + member->size;
}

#endif
