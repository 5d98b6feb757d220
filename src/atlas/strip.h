/* strip.h - the pictures of a book: of each channel one row of tiles, n patches and then n
 * projections. Also what else is written from the spool: raw projections. */
#ifndef DCN_ATLAS_STRIP_H
#define DCN_ATLAS_STRIP_H

#include "atlas/draw.h"
#include "base/file.h"
#include "base/text.h"

/* What all that is written from the spool needs. */
typedef struct dcn__press {
    const dcn_atlas *atlas;
    const dcn__spool *spool;
    const char *folder;           /* the book's */
    char tiles[16];               /* "tiles-0123abcd" */
    char (*slugs)[48];            /* (n_pages): "01-conv1" */
} dcn__press;
dcn_status dcn__press_init(dcn__press *p, const dcn_atlas *a, const dcn__spool *s,
                           const char *folder, dcn_error *err);
void dcn__press_clear(dcn__press *p);

/* Appends "tiles-0123abcd/01-conv1/00017.png". */
void dcn__strip_name(dcn__string *s, const dcn__press *p, int page, int channel);
/* The name's page and channel. */
dcn_status dcn__strip_find(const dcn__press *p, const char *name, int *page, int *channel,
                           dcn_error *err);
/* One channel's, which has units. slot: spool->largest. */
dcn_status dcn__strip_make(dcn__bytes *bytes, const dcn__press *p, int page, int channel,
                           uint8_t *slot, dcn_error *err);
const char *dcn__strip_type(const dcn__press *p, int page);       /* "image/png" */
/* Writes those of all channels. */
dcn_status dcn__strips_write(const dcn__press *p, dcn__crew *crew, const dcn__watch *watch,
                             dcn_error *err);
size_t dcn__strip_bytes(const dcn_atlas *a, const dcn__spool *s);  /* memory, of one thread */

/* raw.c: BOOK/raw/01-conv1.safetensors or .npz, a file a layer. */
dcn_status dcn__raw_write(const dcn__press *p, dcn_raw kind, dcn_error *err);
void dcn__raw_name(dcn__string *s, const dcn__press *p, int page, dcn_raw kind);

/* tidy.c: removes what older books and killed writers left in the folder. Only files and folders of
 * our own pattern; what cannot be removed stays. */
typedef struct dcn__kept { const dcn__press *press; bool single; dcn_raw raw; } dcn__kept;
void dcn__tidy(const dcn__kept *kept);

/* book.c: memory for the facts of all units and channels. */
size_t dcn__book_bytes(const dcn_atlas *a, const dcn__spool *s);

#endif
