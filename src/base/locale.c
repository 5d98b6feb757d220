/* locale.c - the C locale for one thread, for a while. */
#include "base/locale.h"

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
