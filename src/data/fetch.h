/* fetch.h - the three steps of fetching a data set: download, check, unpack. For fetch.c and tests.
 *
 * libcurl and libarchive are opened only when one of these runs: linked, they would cost every
 * start of the program about 9 ms. */
#ifndef DCN_DATA_FETCH_H
#define DCN_DATA_FETCH_H

#include "base/error.h"

/* What is to be fetched and how to know that it arrived. */
typedef struct dcn__archive {
    const char *url;
    uint64_t bytes;
    const char *sha256;           /* 64 hexadecimal digits, lower case */
} dcn__archive;

/* dcn_fetch_cifar10 for any archive with the same files. Below folder appear only
 * cifar-10-binary.tar.gz.part (kept after an interruption, to go on from) and, when all is whole,
 * cifar-10-batches-bin. */
dcn_status dcn__fetch_archive(const char *folder, const dcn__archive *archive,
                              dcn_progress progress, void *user, dcn_error *err);

/* Appends to the open file `path` until it holds archive->bytes; what is there already is kept. */
dcn_status dcn__download(int fd, const char *path, const dcn__archive *archive,
                         dcn_progress progress, void *user, dcn_error *err);
/* Unpacks a .tar.gz into an existing folder. Only the files of the CIFAR-10 archive may be in it:
 * any other name, link or larger file is refused. */
dcn_status dcn__unpack(int fd, const char *where, const char *into, dcn_error *err);

#endif
