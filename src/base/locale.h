/* locale.h - printf with a point, whatever locale the calling program has set. */
#ifndef DCN_BASE_LOCALE_H
#define DCN_BASE_LOCALE_H

#include <locale.h>

/* Between the two, printf and strtod in this thread know a point, never a comma. */
locale_t dcn__locale_enter(void);
void dcn__locale_leave(locale_t before);

#endif
