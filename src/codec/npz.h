/* npz.h - arrays, streamed -> NumPy's .npz: a zip archive of .npy files, stored as they are.
 *
 * Equal arrays give equal bytes: the time of every member is the first that the format knows. ZIP64
 * where a member or the archive needs it. Reads nothing. */
#ifndef DCN_CODEC_NPZ_H
#define DCN_CODEC_NPZ_H

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

typedef struct dcn__npz {
    dcn__writer *w;
    uint64_t narrow;              /* sizes and offsets from here on go into 64-bit fields: 2^32 - 1;
                                     a test may lower it */
    bool open;                    /* a member is: */
    uint64_t member;              /* where in the file it begins, */
    uint64_t left;                /* its bytes that are not yet written, */
    uint32_t crc;                 /* the sum of those that are, */
    size_t entry;                 /* and where its entry in `directory` begins */
    uint64_t count;
    dcn__string directory;        /* what stands behind the members: an entry each */
} dcn__npz;

/* begin; then for each array: array, write...; end. clear, whatever happened. w: open, and a file,
 * since sums go into places already written; it is neither committed nor aborted. */
void dcn__npz_begin(dcn__npz *z, dcn__writer *w);
/* Begins the array shape->name, whose data may be NULL. Names may hold '/'. */
dcn_status dcn__npz_array(dcn__npz *z, const dcn_array *shape, dcn_error *err);
/* Its numbers, in C order, in as many pieces as you like. */
dcn_status dcn__npz_write(dcn__npz *z, const void *data, size_t bytes, dcn_error *err);
/* DCN_USAGE: two arrays have one name. */
dcn_status dcn__npz_end(dcn__npz *z, dcn_error *err);
void dcn__npz_clear(dcn__npz *z);

#endif
