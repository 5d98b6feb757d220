/* book_out.h - a stream of JSON and HTML into a writer: what is appended leaves by itself, so that
 * a book of any size needs the memory of a few lines. Inside view only. */
#ifndef DCN_VIEW_BOOK_OUT_H
#define DCN_VIEW_BOOK_OUT_H

#include "base/text.h"
#include "view/book.h"

#include <stdbool.h>

typedef struct dcn__out {
    dcn__writer *w;
    dcn_error *err;
    dcn_status status;            /* the first failure; later appends do nothing */
    bool html;                    /* the JSON stands inside a page's <script> */
    dcn__string kept;             /* not yet written */
} dcn__out;

void dcn__out_bytes(dcn__out *o, const void *bytes, size_t size);
void dcn__out_put(dcn__out *o, const char *text);               /* as it is */
void dcn__out_format(dcn__out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes what is left, frees, and returns the status. */
dcn_status dcn__out_end(dcn__out *o);

/* A JSON value. Any bytes become a string that is valid UTF-8: control bytes and line separators as
 * \uNNNN, bytes that are no UTF-8 as the text \xNN, as base/text.h does; in a page also < as
 * \u003c. NULL is null. */
void dcn__out_text(dcn__out *o, const char *text);
/* The shortest text that reads back to the same float; null if it is not finite. */
void dcn__out_float(dcn__out *o, float value);

/* The name of a unit's class; NULL: none. `number` holds it where classes have no names. */
const char *dcn__book_class(const dcn__book *book, int label, char number[16]);

#endif
