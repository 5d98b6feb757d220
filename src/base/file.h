/* file.h - whole files in, whole files out.
 *
 * Reading: regular files only, with a limit that is checked before anything is allocated.
 * Writing: into a temporary file in the same folder (NAME.tmp-XXXXXX), fsync, rename, fsync of
 * the folder: under the final name stands the old file or the whole new one. After a crash the
 * temporary file is left; whoever owns a folder may remove such names when it starts
 * (cli/run_folder.c). */
#ifndef DCN_BASE_FILE_H
#define DCN_BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct dcn__bytes { uint8_t *data; size_t size; } dcn__bytes;

/* DCN_INPUT if larger than `limit`; DCN_FILE if it is not a regular file or cannot be read. */
dcn_status dcn__file_read(dcn__bytes *bytes, const char *path, uint64_t limit, dcn_error *err);
/* Up to `size` first bytes; *got is how many there are. */
dcn_status dcn__file_head(uint8_t *head, size_t size, size_t *got, uint64_t *file_size,
                          const char *path, dcn_error *err);
void dcn__bytes_clear(dcn__bytes *bytes);

/* For a file that is read in pieces: opens a regular file; the caller closes *fd. read_at fails
 * with DCN_FILE if the file ends before offset + bytes (it shrank). */
dcn_status dcn__file_open(int *fd, uint64_t *size, const char *path, dcn_error *err);
dcn_status dcn__file_read_at(int fd, const char *path, uint64_t offset, void *data, size_t bytes,
                             dcn_error *err);

/* An atomic writer. begin; write...; commit or abort. After a failure of any of them, abort. */
typedef struct dcn__writer {
    int fd;                    /* -1: not open */
    uint64_t written;
    uint64_t expected;         /* may be set after begin: bytes in all, for the error of a full disk */
    bool to_stdout;
    bool later;                /* set after begin: commit does not sync, dcn__folder_sync will */
    char *path, *temporary;
} dcn__writer;
dcn_status dcn__writer_begin(dcn__writer *w, const char *path, dcn_error *err);   /* "-": stdout */
dcn_status dcn__writer_write(dcn__writer *w, const void *data, size_t bytes, dcn_error *err);
/* Replaces bytes that are written already; not on standard output. */
dcn_status dcn__writer_patch(dcn__writer *w, uint64_t offset, const void *data, size_t bytes,
                             dcn_error *err);
dcn_status dcn__writer_commit(dcn__writer *w, dcn_error *err);
void dcn__writer_abort(dcn__writer *w);            /* harmless after commit */
/* For many files that nothing names yet: all of the folder's file system at once. */
dcn_status dcn__folder_sync(const char *path, dcn_error *err);
/* All three at once. */
dcn_status dcn__file_write(const char *path, const void *data, size_t bytes, dcn_error *err);

/* Writes all bytes to a descriptor: EINTR and short writes are handled. */
dcn_status dcn__fd_write(int fd, const char *path, uint64_t offset, const void *data, size_t bytes,
                         dcn_error *err);

/* The same at an offset of a file that stands. */
dcn_status dcn__fd_write_at(int fd, const char *path, uint64_t offset, const void *data,
                            size_t bytes, dcn_error *err);
/* fsync, or fdatasync: 0 or an errno; 0 also where there is nothing to sync. Not to be tried again
 * after a failure, which may have dropped the bytes. */
int dcn__fd_sync(int fd, bool data_only);
/* The folder that holds `path`: its name survives a power cut. */
dcn_status dcn__name_sync(const char *path, dcn_error *err);

/* For a file that grows while others read it: makes a new file and opens it for appending.
 * Returns 0 or an errno; what exists already, a link included, is EEXIST and is left alone. */
int dcn__file_create(int *fd, const char *path);

bool dcn__is_folder(const char *path);
bool dcn__is_file(const char *path);                                  /* regular */
dcn_status dcn__make_folder(const char *path, dcn_error *err);        /* and its parents; synced */
/* folder/below, whose parts below the folder must be none of them a link: what is written there would
 * lie elsewhere. */
dcn_status dcn__make_folder_below(const char *folder, const char *below, dcn_error *err);
/* folder + "/" + name, allocated; NULL: no memory. */
char *dcn__path_join(const char *folder, const char *name);
/* What `path` lies in: before the last '/', "." if it has none. Allocated; NULL: no memory. */
char *dcn__path_folder(const char *path);
const char *dcn__path_name(const char *path);                         /* after the last '/' */

/* The names in a folder (without . and ..), sorted bytewise. Free with dcn__names_clear. */
typedef struct dcn__names { char **at; int count; } dcn__names;
dcn_status dcn__folder_list(dcn__names *names, const char *path, int limit, dcn_error *err);
void dcn__names_clear(dcn__names *names);

double dcn__clock_ms(void);                                           /* monotonic */

#endif
