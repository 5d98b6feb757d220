/* listing.h - many paths in little memory: their bytes, and four more for each.
 *
 * Also the walk that finds the pictures below a folder (pictures.c). */
#ifndef DCN_DATA_LISTING_H
#define DCN_DATA_LISTING_H

#include "base/error.h"
#include "base/text.h"

enum { DCN__FILES_MAX = 4 << 20 };

/* All zeros is an empty one. */
typedef struct dcn__listing {
    dcn__string text;             /* each path and a NUL, */
    uint32_t *offset;             /* (count): where it begins */
    int64_t count, capacity;
} dcn__listing;

/* DCN_INPUT, naming `where`, if there are `most` already. */
dcn_status dcn__listing_add(dcn__listing *l, const char *path, int64_t most, const char *where,
                            dcn_error *err);
const char *dcn__listing_at(const dcn__listing *l, int64_t i);
void dcn__listing_sort(dcn__listing *l);                             /* bytewise */
void dcn__listing_clear(dcn__listing *l);

/* What of a path lies below a folder that it was made from. */
const char *dcn__below(const char *folder, const char *path);

/* The pictures that dcn_pictures_list would find, below the folder, in its order; none is no
 * failure. More than `most`, or more than `files` files in all, are one. *content (may be NULL): a
 * fingerprint of their paths and sizes. */
dcn_status dcn__pictures_find(dcn__listing *l, const char *folder, int64_t most, int64_t files,
                              uint64_t *content, dcn_error *err);

#endif
