/* lists.h - the strongest units of each channel, and what is counted beside them, while pictures
 * stream by. What is here after all pictures does not depend on their order, so lists of parts of
 * the pictures, merged in any order, are those of the whole. No memory grows with the pictures. */
#ifndef DCN_ATLAS_LISTS_H
#define DCN_ATLAS_LISTS_H

#include "base/error.h"

#include <stdbool.h>

/* One channel, beside its units. A value of -0 counts as 0. */
typedef struct dcn__tally {
    int64_t fired;                /* pictures with a value above 0 */
    float least, most;            /* of the pictures' largest values; +inf, -inf before the first */
    uint64_t mark;                /* sum, modulo 2^64, over all pictures of a hash of (picture, cell,
                                     value): equal for duplicates */
    int n;                        /* units in its list; the rest of it is zeros */
    float floor;                  /* the last unit's value once the list is full, -inf before */
} dcn__tally;

typedef struct dcn__lists {
    int channels, top;
    dcn_atlas_unit *units;        /* (channels,top), best first */
    dcn__tally *tallies;          /* (channels) */
} dcn__lists;

dcn_status dcn__lists_init(dcn__lists *l, int channels, int top, dcn_error *err);
void dcn__lists_clear(dcn__lists *l);
size_t dcn__lists_bytes(int channels, int top);
/* One picture's largest value of each channel, finite, and its cell y*width + x: both (channels). */
void dcn__lists_offer(dcn__lists *l, int64_t picture, const float *values, const int32_t *cells,
                      int width);
/* Adds those of other pictures. Same channels and top. */
void dcn__lists_merge(dcn__lists *l, const dcn__lists *other);
/* The order of units: larger value, then smaller picture, then smaller cell. */
bool dcn__unit_before(const dcn_atlas_unit *a, const dcn_atlas_unit *b);

#endif
