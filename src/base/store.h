/* store.h - a file of our own that is read and written in place, for work that goes on where it was
 * interrupted. Not for files that others wrote: dcn__file_open. Not for results: dcn__writer. */
#ifndef DCN_BASE_STORE_H
#define DCN_BASE_STORE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* All zeros is a closed one: fd is one more than the descriptor. read and write may be called by
 * several threads at once. */
typedef struct dcn__store { int fd; char *path; uint64_t size; } dcn__store;

/* Opens the file or makes an empty one. DCN_FILE: a link, no regular file, or another process has
 * it open. */
dcn_status dcn__store_open(dcn__store *s, const char *path, dcn_error *err);
/* Forgets what was there; `size` zeros, for which the disk has room where it can tell. */
dcn_status dcn__store_reset(dcn__store *s, uint64_t size, dcn_error *err);
dcn_status dcn__store_read(const dcn__store *s, uint64_t offset, void *data, size_t bytes,
                           dcn_error *err);
dcn_status dcn__store_write(const dcn__store *s, uint64_t offset, const void *data, size_t bytes,
                            dcn_error *err);
/* What was written survives a power cut. */
dcn_status dcn__store_sync(const dcn__store *s, dcn_error *err);
void dcn__store_close(dcn__store *s);
/* Closes and removes the file. */
void dcn__store_remove(dcn__store *s);

#endif
