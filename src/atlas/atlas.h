/* atlas.h - the inside of an atlas: what it scans, what it has found, how it will draw.
 *
 * Pictures are numbered through its splits: all of the first, then all of the second. Each split is
 * cut, from its own first picture, into stretches of DCN__STRETCH; shards are runs of whole
 * stretches. So a picture's place in a chunk of the plan, on which bits may depend, is always the
 * same. */
#ifndef DCN_ATLAS_ATLAS_H
#define DCN_ATLAS_ATLAS_H

#include "atlas/lists.h"

enum { DCN__STRETCH = 64, DCN__TOP_MAX = 100, DCN__TOP_USUAL = 9, DCN__TILE_USUAL = 96 };

/* A layer, its lists, and the form of its tiles. */
typedef struct dcn__page {
    dcn_node node;
    dcn_shape shape;              /* of its value */
    dcn__lists lists;
    /* tile.c: rows, columns */
    int patch[2];                 /* of the input: the receptive field, or the whole picture along
                                     an axis along which the field is larger */
    int tile[2];                  /* of a tile: the patch, made smaller if it exceeds desc.tile */
} dcn__page;

struct dcn_atlas {
    const dcn_model *model;
    const dcn_data *data;
    dcn_atlas_desc desc;          /* zeros replaced; layers: NULL */
    dcn_data_info info;
    dcn_split splits[2];          /* in order */
    int n_splits;
    int64_t begin[3];             /* number of the first picture of each split, and the total */
    dcn__page *pages;             /* (n_pages), in the graph's order */
    int n_pages;
    int64_t channels;             /* of all pages */

    int64_t first, end, next;     /* pictures of this shard; scanned: first..next-1 */
    uint64_t data_hash;
    size_t scan_bytes, draw_bytes;
    uint64_t disk_bytes;
    char text[400];
};

/* The picture's split and its number there. */
dcn_split dcn__atlas_split(const dcn_atlas *a, int64_t picture, int64_t *index);
/* scan.c: a plan that finds all pages' peaks. */
dcn_status dcn__scan_plan(dcn_plan **plan, const dcn_atlas *a, dcn_error *err);
/* The chunk of every plan of this atlas: of the graph alone. */
int dcn__atlas_chunk(const dcn_graph *g);
/* tile.c: fills patch and tile of a page. */
dcn_status dcn__tile_form(dcn__page *page, const dcn_atlas *a, dcn_error *err);
/* draw.c: makes the drawing's plans once, to see that they can be made, and counts their bytes and
 * the disk they need. */
dcn_status dcn__draw_measure(dcn_atlas *a, dcn_error *err);

#endif
