/* error.c - composes error sentences: one line, valid UTF-8, no control bytes, bounded. */
#include "base/error.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The line on the screen is "deconvnet: error: " + text + newline and must stay within 400
 * bytes. WHERE and the advice have limits of their own, so that there is always room for both. */
enum { TEXT_MAX = 375, WHERE_MAX = 150, ADVICE_MAX = 180, FORMATTED_MAX = 4096 };

/* Escapes `where`, without what stands on its left if it is too long: the end of a path says
 * most. */
static void write_where(char out[WHERE_MAX + 1], const char *where)
{
    const size_t all = strlen(where);
    char tail[WHERE_MAX * 4 + 1];
    size_t skip = all > WHERE_MAX ? all - (WHERE_MAX - 3) : 0;

    /* What is escaped takes up to four times the room: cut on until it fits, at characters. */
    for (;; skip++) {
        while (skip && ((unsigned char)where[skip] & 0xc0) == 0x80)
            skip++;
        if (dcn__text_escape(tail, sizeof tail, where + skip, all - skip) + (skip ? 3 : 0) <=
            WHERE_MAX)
            break;
    }
    snprintf(out, WHERE_MAX + 1, "%s%.*s", skip ? "..." : "", WHERE_MAX - (skip ? 3 : 0), tail);
}

/* The advice begins at the last ';'. In a text that was cut it is taken from the format. */
static const char *find_advice(const char *raw, const char *format, bool cut)
{
    const char *advice = strrchr(cut ? format : raw, ';');

    if (!advice)
        return "";
    return cut && strchr(advice, '%') ? "; give something shorter" : advice;
}

static dcn_status fail(dcn_error *err, dcn_status status, const char *where, const char *position,
                       const char *format, va_list args)
{
    char raw[FORMATTED_MAX], place[WHERE_MAX + 1], what[TEXT_MAX + 8], advice[ADVICE_MAX + 1];
    const char *tail;
    size_t used, head, n;
    bool cut;

    if (!err)
        return status;
    n = (size_t)vsnprintf(raw, sizeof raw, format, args);
    cut = n >= sizeof raw;
    tail = find_advice(raw, format, cut);
    head = strlen(raw) - (cut ? 0 : strlen(tail));
    write_where(place, where && *where ? where : "deconvnet");
    n = dcn__text_escape(what, sizeof what, raw, head);
    dcn__text_escape(advice, sizeof advice, tail, strlen(tail));
    err->status = status;
    used = (size_t)snprintf(err->text, sizeof err->text, "%s%s: ", place, position);
    /* If it is too long, the end of WHAT goes; the advice stays. */
    if (used + n + strlen(advice) > TEXT_MAX) {
        n = dcn__text_clip(what, TEXT_MAX - used - strlen(advice) - 3);
        snprintf(what + n, sizeof what - n, "...");
    }
    snprintf(err->text + used, sizeof err->text - used, "%s%s", what, advice);
    return status;
}

dcn_status dcn__fail(dcn_error *err, dcn_status status, const char *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    status = fail(err, status, where, "", format, args);
    va_end(args);
    return status;
}

dcn_status dcn__fail_at(dcn_error *err, dcn_status status, const char *where, uint64_t offset,
                        const char *format, ...)
{
    char position[32];
    va_list args;

    snprintf(position, sizeof position, "@0x%llx", (unsigned long long)offset);
    va_start(args, format);
    status = fail(err, status, where, position, format, args);
    va_end(args);
    return status;
}

dcn_status dcn__fail_line(dcn_error *err, dcn_status status, const char *where, int line,
                          int column, const char *format, ...)
{
    char position[32];
    va_list args;

    snprintf(position, sizeof position, ":%d:%d", line, column);
    va_start(args, format);
    status = fail(err, status, where, position, format, args);
    va_end(args);
    return status;
}

dcn_status dcn__fail_errno(dcn_error *err, const char *where, const char *verb, int errno_value,
                           const char *what_to_do)
{
    char buffer[128];

    /* GNU's strerror_r: it returns the text, which need not be in the buffer. */
    if (errno_value == ENOMEM)
        return dcn__fail(err, DCN_MEMORY, where, "cannot %s (%s); free memory or ask for less", verb,
                         strerror_r(errno_value, buffer, sizeof buffer));
    return dcn__fail(err, DCN_FILE, where, "cannot %s (%s); %s", verb,
                     strerror_r(errno_value, buffer, sizeof buffer), what_to_do);
}

dcn_status dcn__fail_memory(dcn_error *err, const char *what, size_t bytes)
{
    return dcn__fail(err, DCN_MEMORY, "memory", "no %zu bytes for %s; free memory or ask for less",
                     bytes ? bytes : dcn__refused_bytes(), what);
}
