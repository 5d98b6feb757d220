/* version.c - what this library is and what it was built with. */
#include "deconvnet.h"

#ifndef DCN_BUILD_TEXT
#define DCN_BUILD_TEXT "nothing but a C compiler"
#endif

const char *dcn_version(void)
{
    return DCN_VERSION;
}

const char *dcn_build_text(void)
{
    return DCN_BUILD_TEXT;
}
