/* number.c - numbers as people and SVG read them. */
#include "view/number.h"

#include "base/locale.h"

#include <math.h>
#include <stdio.h>

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
