/* error.h - how a failing call says what went wrong.
 *
 * Every failure in the library is written by one of these functions, which know the shape of the
 * sentence ("WHERE: WHAT; WHAT TO DO"), escape what came from a file and keep it to one line. */
#ifndef DCN_BASE_ERROR_H
#define DCN_BASE_ERROR_H

#include "deconvnet.h"

/* The format holds "WHAT; WHAT TO DO". `where` names a file, a node or an argument; a long one is
 * shortened from the left. All return `status`, so that a caller can `return dcn__fail(...)`. */
dcn_status dcn__fail(dcn_error *err, dcn_status status, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* WHERE = "where@0xOFFSET". */
dcn_status dcn__fail_at(dcn_error *err, dcn_status status, const char *where, uint64_t offset,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));
/* WHERE = "where:line:column", both from 1. */
dcn_status dcn__fail_line(dcn_error *err, dcn_status status, const char *where, int line,
                          int column, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* The file system said no: appends strerror(errno_value) to "cannot VERB". DCN_MEMORY if the system
 * had none. */
dcn_status dcn__fail_errno(dcn_error *err, const char *where, const char *verb, int errno_value,
                           const char *what_to_do);
/* No memory for `what`. bytes 0: as many as base last refused this thread. */
dcn_status dcn__fail_memory(dcn_error *err, const char *what, size_t bytes);

#endif
