/* library.h - shared libraries that one command needs: opened when it runs, not when the program
 * starts. */
#ifndef DCN_DATA_LIBRARY_H
#define DCN_DATA_LIBRARY_H

#include "base/error.h"

/* A function that is wanted; pointer: where its address goes. */
typedef struct dcn__symbol { void *pointer; const char *name; } dcn__symbol;

/* Fills in all n symbols of `file` ("libcurl.so.4"). DCN_NETWORK if it or one of them is not there:
 * "cannot be loaded, so nothing can be TASK; install PACKAGE". The library stays open: its own
 * clean-up at exit must find it. */
dcn_status dcn__library_open(const char *file, const dcn__symbol *symbols, size_t n,
                             const char *task, const char *package, dcn_error *err);

#endif
