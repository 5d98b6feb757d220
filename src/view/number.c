/* number.c - numbers as people and SVG read them. */
#include "view/number.h"

#include <math.h>
#include <stdio.h>

locale_t dcn__locale_enter(void)
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    /* glibc's "C" is a constant: nothing is allocated and nothing must be freed. */
    return c ? uselocale(c) : (locale_t)0;
}

void dcn__locale_leave(locale_t before)
{
    if (before)
        uselocale(before);
}

void dcn__number_text(char *text, size_t size, double value, int digits)
{
    const double a = fabs(value);
    const locale_t before = dcn__locale_enter();

    if (a >= 1e6 || (a < 1e-4 && a > 0) || !isfinite(value))
        snprintf(text, size, "%.*g", digits, value);
    else if (a >= 100)
        snprintf(text, size, "%.0f", value);
    else
        snprintf(text, size, "%.*g", digits, value);
    dcn__locale_leave(before);
}
