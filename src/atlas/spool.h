/* spool.h - the file of the tiles that are drawn so far: BOOK/tiles.tmp. Each unit of the lists has
 * a fixed slot, so tiles come in any order, and whoever was interrupted goes on. */
#ifndef DCN_ATLAS_SPOOL_H
#define DCN_ATLAS_SPOOL_H

#include "atlas/tile.h"
#include "base/store.h"

#include <stdbool.h>

typedef struct dcn__spool {
    const dcn_atlas *atlas;
    dcn__store file;
    uint64_t contents;            /* fingerprint of all that decides what the tiles show */
    uint64_t cut;                 /* fingerprint of the calls that `next` counts */
    bool raw;                     /* slots hold the projection's floats as well */
    int64_t next;                 /* calls of dcn_plan_project_starts that are drawn */
    uint64_t *begin;              /* (n_pages) */
    size_t *slot;                 /* (n_pages): bytes */
    size_t largest;
    uint64_t bytes;               /* of the file */
} dcn__spool;

/* Counts, and makes no file yet. DCN_USAGE: more than a file can hold. Set `cut` before it is
 * opened. */
dcn_status dcn__spool_init(dcn__spool *s, const dcn_atlas *a, bool raw, dcn_error *err);
/* Takes over what another call drew, if it drew the same; else begins anew. */
dcn_status dcn__spool_open(dcn__spool *s, const char *folder, dcn_error *err);
/* Forgets all tiles. */
dcn_status dcn__spool_restart(dcn__spool *s, dcn_error *err);
/* The calls before `next` are drawn: their tiles are on the disk before this is. */
dcn_status dcn__spool_advance(dcn__spool *s, int64_t next, dcn_error *err);
void dcn__spool_clear(dcn__spool *s);             /* the file stays */
void dcn__spool_remove(dcn__spool *s);

/* The parts of a slot in memory: of `largest` bytes. */
typedef struct dcn__slot_parts {
    float scale;
    uint8_t *patch, *projection;  /* tiles */
    uint8_t *raw;                 /* floats (patch h,w,c) in no particular alignment; NULL: none */
} dcn__slot_parts;
void dcn__spool_parts(const dcn__spool *s, int page, uint8_t *slot, dcn__slot_parts *parts);
/* Several threads may call these at once. */
dcn_status dcn__spool_write(const dcn__spool *s, int page, int channel, int rank, uint8_t *slot,
                            float scale, dcn_error *err);
/* DCN_FILE: it is not what was written. */
dcn_status dcn__spool_read(const dcn__spool *s, int page, int channel, int rank, uint8_t *slot,
                           dcn__slot_parts *parts, dcn_error *err);
/* The scale alone, of a slot that was read whole before. */
dcn_status dcn__spool_scale(const dcn__spool *s, int page, int channel, int rank, float *scale,
                            dcn_error *err);

#endif
