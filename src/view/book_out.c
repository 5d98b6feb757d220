/* book_out.c - the stream that atlas.json and the page are written through. */
#include "view/book_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH = 1 << 16 };

static void flush(dcn__out *o)
{
    if (!o->status && o->kept.failed)
        o->status = dcn__fail_memory(o->err, "the text of a book", o->kept.length);
    if (!o->status && o->kept.length)
        o->status = dcn__writer_write(o->w, o->kept.text, o->kept.length, o->err);
    o->kept.length = 0;
}

void dcn__out_bytes(dcn__out *o, const void *bytes, size_t size)
{
    if (o->status)
        return;
    dcn__string_append(&o->kept, bytes, size);
    if (o->kept.length >= FLUSH || o->kept.failed)
        flush(o);
}

void dcn__out_put(dcn__out *o, const char *text)
{
    dcn__out_bytes(o, text, strlen(text));
}

void dcn__out_format(dcn__out *o, const char *format, ...)
{
    char text[256];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        dcn__out_bytes(o, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

dcn_status dcn__out_end(dcn__out *o)
{
    flush(o);
    dcn__string_clear(&o->kept);
    return o->status;
}

/* Bytes of the UTF-8 character at text, or 0. */
static size_t character(const char *text, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (dcn__text_is_utf8(text, n))
            return n;
    return 0;
}

/* How JSON spells a character that cannot stand for itself; NULL: it can. */
static const char *spelling(const dcn__out *o, const char *text, size_t n, char spelled[8])
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned c = s[0];

    if (n == 2 && s[0] == 0xc2)                                        /* U+0080..9F */
        c = s[1] < 0xa0 ? s[1] : 0;
    else if (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8)
        c = 0x2000u + (s[2] & 0x3f);                                   /* U+2028, U+2029 */
    else if (n > 1)
        return NULL;
    else if (c == '"' || c == '\\') {
        snprintf(spelled, 8, "\\%c", c);
        return spelled;
    } else if (c >= 0x20 && c != 0x7f && !(o->html && c == '<'))
        return NULL;
    if (!c)
        return NULL;
    snprintf(spelled, 8, "\\u%04x", c);
    return spelled;
}

void dcn__out_text(dcn__out *o, const char *text)
{
    const size_t bytes = text ? strlen(text) : 0;

    if (!text) {
        dcn__out_put(o, "null");
        return;
    }
    dcn__out_put(o, "\"");
    for (size_t i = 0, n; i < bytes; i += n ? n : 1) {
        char spelled[8];
        const char *other;

        if (!(n = character(text + i, bytes - i)))
            dcn__out_format(o, "\\\\x%02x", (unsigned char)text[i]);
        else if ((other = spelling(o, text + i, n, spelled)))
            dcn__out_put(o, other);
        else
            dcn__out_bytes(o, text + i, n);
    }
    dcn__out_put(o, "\"");
}

void dcn__out_float(dcn__out *o, float value)
{
    enum { ENOUGH = 9 };          /* digits with which every float reads back */
    char text[32];

    if (!isfinite(value)) {
        dcn__out_put(o, "null");
        return;
    }
    for (int digits = 1; digits <= ENOUGH; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    dcn__out_put(o, text);
}

const char *dcn__book_class(const dcn__book *book, int label, char number[16])
{
    if (label < 0)
        return NULL;
    if (book->class_names && label < book->classes)
        return book->class_names[label];
    snprintf(number, 16, "%d", label);
    return number;
}
