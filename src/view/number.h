/* number.h - numbers as text, whatever locale the calling program has set. */
#ifndef DCN_VIEW_NUMBER_H
#define DCN_VIEW_NUMBER_H

#include <stddef.h>

/* About `digits` significant digits, without an exponent where that stays short. */
void dcn__number_text(char *text, size_t size, double value, int digits);

#endif
