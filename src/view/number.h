/* number.h - numbers as text, whatever locale the calling program has set. */
#ifndef DCN_VIEW_NUMBER_H
#define DCN_VIEW_NUMBER_H

#include <locale.h>
#include <stddef.h>

/* Between the two, printf in this thread writes a point, never a comma. */
locale_t dcn__locale_enter(void);
void dcn__locale_leave(locale_t before);

/* About `digits` significant digits, without an exponent where that stays short. */
void dcn__number_text(char *text, size_t size, double value, int digits);

#endif
