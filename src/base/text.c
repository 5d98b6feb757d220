/* text.c - escaping, growing strings, strict numbers and "did you mean". */
#include "base/text.h"

#include "base/locale.h"
#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 character at text, and its number; 0: there is none. */
static size_t utf8_char(const char *text, size_t bytes, uint32_t *number)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n;
    uint32_t c;

    *number = bytes ? s[0] : 0;
    if (!bytes || s[0] < 0x80)
        return bytes ? 1 : 0;
    n = s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
        : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : 0;
    if (!n || n > bytes)
        return 0;
    c = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff || (n == 3 && c < 0x800) ||
        (n == 4 && c < 0x10000))
        return 0;
    *number = c;
    return n;
}

/* Controls, also C1's (U+0080..9F), can drive a terminal; U+2028 and U+2029 break lines; marks such as
 * U+202E turn about what stands behind them. */
static bool is_plain(uint32_t c)
{
    return c >= 0x20 && (c < 0x7f || c >= 0xa0) && !(c >= 0x2028 && c <= 0x202e) &&
           !(c >= 0x2066 && c <= 0x2069);
}

size_t dcn__text_escape(char *out, size_t size, const char *text, size_t bytes)
{
    size_t used = 0;

    if (!size)
        return 0;
    for (size_t i = 0; i < bytes;) {
        uint32_t c;
        const size_t length = utf8_char(text + i, bytes - i, &c), n = is_plain(c) ? length : 0;

        if (used + (n ? n : 4) >= size)
            break;
        if (n) {
            memcpy(out + used, text + i, n);
            used += n;
            i += n;
        } else {
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", (unsigned char)text[i]);
            i++;
        }
    }
    out[used] = '\0';
    return used;
}

size_t dcn__text_clip(const char *text, size_t limit)
{
    size_t n = strlen(text);

    if (n <= limit)
        return n;
    n = limit;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

bool dcn__text_is_utf8(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        uint32_t c;
        const size_t n = utf8_char(text + i, bytes - i, &c);

        if (!n)
            return false;
        i += n;
    }
    return true;
}

void dcn__string_append(dcn__string *s, const char *text, size_t bytes)
{
    size_t need;

    if (s->failed)
        return;
    if (!dcn__add_size(s->length, bytes, &need) || !dcn__add_size(need, 1, &need)) {
        s->failed = true;
        return;
    }
    if (need > s->capacity) {
        const size_t capacity = need < 128 ? 256 : need * 2;
        char *grown = dcn__realloc(s->text, capacity);

        if (!grown) {
            s->failed = true;
            return;
        }
        s->text = grown;
        s->capacity = capacity;
    }
    if (bytes)
        memcpy(s->text + s->length, text, bytes);
    s->length += bytes;
    s->text[s->length] = '\0';
}

void dcn__string_printf(dcn__string *s, const char *format, ...)
{
    char small[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) {
        s->failed = true;
    } else if ((size_t)n < sizeof small) {
        dcn__string_append(s, small, (size_t)n);
    } else {
        char *large = dcn__alloc((size_t)n + 1);

        if (!large) {
            s->failed = true;
            return;
        }
        va_start(args, format);
        vsnprintf(large, (size_t)n + 1, format, args);
        va_end(args);
        dcn__string_append(s, large, (size_t)n);
        dcn__free(large);
    }
}

void dcn__string_clear(dcn__string *s)
{
    dcn__free(s->text);
    memset(s, 0, sizeof *s);
}

bool dcn__parse_int(const char *text, size_t bytes, int64_t min, int64_t max, int64_t *value)
{
    const bool negative = bytes && text[0] == '-';
    size_t i = negative || (bytes && text[0] == '+');
    int64_t v = 0;

    if (i == bytes)
        return false;
    for (; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, text[i] - '0', &v))
            return false;
    }
    /* Gathered as a negative number so that INT64_MIN can be read. */
    if (!negative && __builtin_sub_overflow(0, v, &v))
        return false;
    if (v < min || v > max)
        return false;
    *value = v;
    return true;
}

bool dcn__parse_uint64(const char *text, size_t bytes, uint64_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, text[i] - '0', &v))
            return false;
    if (!bytes)
        return false;
    *value = v;
    return true;
}

bool dcn__parse_double(const char *text, size_t bytes, double *value)
{
    char copy[64];
    locale_t before;
    char *end;
    double v;

    if (!bytes || bytes >= sizeof copy)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (!strchr("0123456789+-.eE", text[i]) || !text[i])
            return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    before = dcn__locale_enter();
    v = strtod(copy, &end);
    dcn__locale_leave(before);
    if (*end || !isfinite(v))
        return false;
    *value = v;
    return true;
}

static int edit_distance(const char *a, const char *b)
{
    enum { MAX = 48 };
    const size_t n = strlen(a), m = strlen(b);
    int row[MAX + 1];

    if (n > MAX || m > MAX)
        return MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];

        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            const int replaced = diagonal + (a[i - 1] != b[j - 1]);
            const int shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];

            diagonal = row[j];
            row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[m];
}

const char *dcn__nearest(const char *word, const char *const *candidates, int n)
{
    const char *best = NULL;
    int best_distance = (int)strlen(word) / 2 + 2;

    for (int i = 0; i < n; i++) {
        const int d = edit_distance(word, candidates[i]);

        if (d < best_distance) {
            best_distance = d;
            best = candidates[i];
        }
    }
    return best;
}
