/* error.c - composes error sentences: one line, valid UTF-8, no control bytes, bounded. */
#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHERE_MAX = 150, FORMATTED_MAX = 1024 };

/* The line on the screen is "deconvnet: error: " + text + newline and must stay within 400 bytes. */
enum { TEXT_MAX = 375 };

/* Shortens `where` from the left (the end of a path says most) and escapes it. */
static void write_where(char *out, size_t size, const char *where)
{
    const size_t n = strlen(where);
    char tail[WHERE_MAX + 8];

    if (n > WHERE_MAX)
        snprintf(tail, sizeof tail, "...%s", where + n - (WHERE_MAX - 3));
    else
        snprintf(tail, sizeof tail, "%s", where);
    dcn__text_escape(out, size, tail, strlen(tail));
}

static dcn_status fail(dcn_error *err, dcn_status status, const char *where, const char *position,
                       const char *format, va_list args)
{
    char raw[FORMATTED_MAX], what[TEXT_MAX * 2], place[WHERE_MAX * 2];
    size_t used, room;
    const char *advice;

    if (!err)
        return status;
    vsnprintf(raw, sizeof raw, format, args);
    dcn__text_escape(what, sizeof what, raw, strlen(raw));
    write_where(place, sizeof place, where && *where ? where : "deconvnet");
    err->status = status;
    snprintf(err->text, TEXT_MAX, "%s%s: ", place, position);
    used = strlen(err->text);
    room = TEXT_MAX - used;

    /* If it is too long, the middle of WHAT goes; the advice after the last ';' stays. */
    advice = strrchr(what, ';');
    if (strlen(what) < room) {
        snprintf(err->text + used, sizeof err->text - used, "%s", what);
    } else if (advice && strlen(advice) + 8 < room) {
        size_t keep = dcn__text_clip(what, room - strlen(advice) - 5);
        snprintf(err->text + used, sizeof err->text - used, "%.*s...%s", (int)keep, what, advice);
    } else {
        size_t keep = dcn__text_clip(what, room - 5);
        snprintf(err->text + used, sizeof err->text - used, "%.*s...", (int)keep, what);
    }
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

dcn_status dcn__fail_line(dcn_error *err, dcn_status status, const char *where, int line, int column,
                          const char *format, ...)
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
    return dcn__fail(err, DCN_FILE, where, "cannot %s (%s); %s", verb,
                     strerror_r(errno_value, buffer, sizeof buffer), what_to_do);
}

dcn_status dcn__fail_memory(dcn_error *err, const char *what, size_t bytes)
{
    return dcn__fail(err, DCN_MEMORY, "memory", "no %zu bytes for %s; free memory or ask for less",
                     bytes, what);
}
