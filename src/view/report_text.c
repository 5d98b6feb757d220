/* report_text.c - text, numbers and bytes in the form that HTML takes. */
#include "view/report.h"

#include "base/memory.h"
#include "view/number.h"

#include <math.h>
#include <string.h>

/* First control bytes and broken UTF-8 go (as \xNN), then what has a meaning in HTML. */
void dcn__report_text(dcn__string *page, const char *text)
{
    const size_t bytes = text ? strlen(text) : 0, size = bytes * 4 + 1;
    char *clean = dcn__alloc(size);
    size_t n;

    if (!clean) {
        page->failed = true;
        return;
    }
    n = dcn__text_escape(clean, size, text ? text : "", bytes);
    for (size_t i = 0, from = 0; i <= n; i++) {
        const char *entity = i == n ? "" : clean[i] == '<' ? "&lt;" : clean[i] == '>' ? "&gt;"
            : clean[i] == '&' ? "&amp;" : clean[i] == '"' ? "&quot;" : clean[i] == '\'' ? "&#39;"
            : NULL;

        if (!entity)
            continue;
        dcn__string_append(page, clean + from, i - from);
        dcn__string_append(page, entity, strlen(entity));
        from = i + 1;
    }
    dcn__free(clean);
}

void dcn__report_base64(dcn__string *page, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        const size_t n = size - i < 3 ? size - i : 3;
        const uint32_t v = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                           (n > 2 ? bytes[i + 2] : 0);
        const char quad[4] = { digits[v >> 18], digits[v >> 12 & 63],
                               n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=' };

        dcn__string_append(page, quad, 4);
    }
}

void dcn__report_number(dcn__string *page, double value)
{
    char text[40];

    /* Steps and counts in full, measured values with four digits. */
    if (fabs(value) < 1e9 && value == rint(value))
        dcn__string_printf(page, "%.0f", value);
    else {
        dcn__number_text(text, sizeof text, value, 4);
        dcn__string_append(page, text, strlen(text));
    }
}

double dcn__report_last(const dcn_report_curve *curve, double *x)
{
    for (int i = curve->n - 1; i >= 0; i--)
        if (isfinite(curve->y[i]) && isfinite(curve->x[i])) {
            *x = curve->x[i];
            return curve->y[i];
        }
    *x = NAN;
    return NAN;
}
