/* tile.h - the two tiles of a unit: the patch of the picture that it sees, and its projection. */
#ifndef DCN_ATLAS_TILE_H
#define DCN_ATLAS_TILE_H

#include "atlas/atlas.h"

enum { DCN__GREY = 128, DCN__STRIP_WIDEST = 32000 };

/* Where a unit's receptive field lies in the picture and in the patch of its layer. */
typedef struct dcn__place {
    dcn_box box;                  /* of the picture */
    int top, left;                /* of what of it is shown, in the picture */
    int y, x;                     /* and in the patch */
    int h, w;                     /* its size; 0: nothing but padding is seen */
} dcn__place;

dcn_status dcn__tile_place(dcn__place *place, const dcn_graph *g, const dcn__page *page,
                           const dcn_atlas_unit *unit, dcn_error *err);

/* Working memory of one thread: patches of the largest page. */
typedef struct dcn__easel { float *values; uint8_t *bytes, *scaled; } dcn__easel;
dcn_status dcn__easel_init(dcn__easel *e, const dcn_atlas *a, dcn_error *err);
void dcn__easel_clear(dcn__easel *e);
size_t dcn__easel_bytes(const dcn_atlas *a);

/* Bytes of one tile: (h,w,c), c of the network's input. */
size_t dcn__tile_bytes(const dcn__page *page, int c);
/* photo: the whole picture (H,W,C) in bytes. Beyond its border the tile is black:
 * dcn__tile_border paints that. */
dcn_status dcn__tile_patch(uint8_t *tile, const dcn__page *page, const dcn__place *place,
                           const uint8_t *photo, dcn_shape input, dcn__easel *e, dcn_error *err);
/* values: the whole projection (H,W,C). Grey is zero, at +-*scale the contrast is full. */
dcn_status dcn__tile_projection(uint8_t *tile, float *scale, const dcn__page *page,
                                const dcn__place *place, const float *values, dcn_shape input,
                                dcn__easel *e, dcn_error *err);
/* Hatches what of a patch's tile lies beyond the picture's border. rgb: the tile (h,w,3), from row
 * to row `pitch` bytes. */
void dcn__tile_border(uint8_t *rgb, size_t pitch, const dcn__page *page, const dcn__place *place);
/* The same values in a patch (h,w,c) of zeros. */
void dcn__tile_raw(float *patch, const dcn__page *page, const dcn__place *place,
                   const float *values, dcn_shape input);

#endif
