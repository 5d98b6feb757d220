/* faults.h - what the tests of damage and lack share: allocations that fail one after the other, the
 * longer way, and figures. */
#ifndef FAULTS_H
#define FAULTS_H

#include "base/memory.h"
#include "deconvnet.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* script/test --full: more cases of the same kind. A test without it must be over in 20 s or so. */
__attribute__((unused)) static bool test_full(void)
{
    const char *text = getenv("DECONVNET_TEST_FULL");

    return text && strcmp(text, "1") == 0;
}

/* One line for docs/reliability.md; script/test --full gathers them in build/test/figures.txt. */
__attribute__((unused, format(printf, 1, 2))) static void figure(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("figure: ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
}

#endif
