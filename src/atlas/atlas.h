/* atlas.h - the inside of an atlas: what it scans, what it has found, how it will draw.
 *
 * Pictures are numbered through its splits: all of the first, then all of the second. Each split is
 * cut, from its own first picture, into stretches of DCN__STRETCH; shards are runs of whole
 * stretches. So a picture's place in a chunk of the plan, on which bits may depend, is always the
 * same. */
#ifndef DCN_ATLAS_ATLAS_H
#define DCN_ATLAS_ATLAS_H

#include "atlas/lists.h"

/* How the name of an engine ends whose sums are exact. */
#define DCN__EXACT ", exact"

enum { DCN__STRETCH = 64, DCN__TOP_MAX = 100, DCN__TOP_USUAL = 9, DCN__TILE_USUAL = 96 };

/* A layer, its lists, and the form of its tiles. */
typedef struct dcn__page {
    dcn_node node;
    dcn_shape shape;              /* of its value */
    dcn__lists lists;
    bool linear;                  /* no activation ends it: below 0 it speaks, too */
    int *same_as;                 /* (C): DUPLICATE: the first such channel; else -1 */
    /* tile.c: rows, columns */
    int patch[2];                 /* of the input: the receptive field, or the whole picture along
                                     an axis along which the field is larger */
    int tile[2];                  /* of a tile: the patch, made smaller if it exceeds desc.tile */
} dcn__page;

typedef struct dcn__twin { uint64_t mark; int channel; } dcn__twin;

struct dcn_atlas {
    const dcn_model *model;
    const dcn_data *data;
    dcn_atlas_desc desc;          /* zeros replaced, batch in whole chunks; layers: NULL */
    int chunk;                    /* of every plan */
    char engine[64];              /* "cpu (avx512_core), exact": what made the bits */
    dcn_data_info info;
    dcn_split splits[2];          /* in order */
    int n_splits;
    int64_t begin[3];             /* number of the first picture of each split, and the total */
    dcn__page *pages;             /* (n_pages), in the graph's order */
    int n_pages;
    int64_t channels;             /* of all pages */

    int64_t first, end, next;     /* pictures of this shard; scanned: first..next-1 */
    uint64_t model_hash, data_hash;   /* model: of the network's text and its weights */
    dcn__twin *twins;             /* (the largest page's channels): channel.c's */
    size_t own_bytes;             /* of lists and the like, which are there always */
    size_t scan_bytes, draw_bytes;    /* beside them, each at its time */
    uint64_t disk_bytes;
    int draw_most;                /* pictures of a group of the drawing; 0: as many as suit */
    char text[400];
};

/* The picture's split and its number there. */
dcn_split dcn__atlas_split(const dcn_atlas *a, int64_t picture, int64_t *index);
/* The pictures first..end-1 of one of so many shards: whole stretches. */
void dcn__atlas_shard(const dcn_atlas *a, int shard, int shards, int64_t *first, int64_t *end);
/* channel.c: finds the duplicates, after lists have changed. */
void dcn__atlas_compare(dcn_atlas *a);
/* "10,000" */
enum { DCN__COUNT_TEXT = 32 };
const char *dcn__count_text(char text[DCN__COUNT_TEXT], int64_t n);
/* scan.c: a plan that finds all pages' peaks. */
dcn_status dcn__scan_plan(dcn_plan **plan, const dcn_atlas *a, dcn_error *err);
/* Counts the bytes of a scan; writes how it will go. */
dcn_status dcn__scan_measure(dcn_atlas *a, dcn_error *err);
/* The chunk of every plan of this atlas: of the graph alone. And pictures a step of the scan. */
int dcn__atlas_chunk(const dcn_graph *g);
int dcn__scan_batch(const dcn_atlas *a);
/* tile.c: fills patch and tile of a page. */
void dcn__tile_form(dcn__page *page, const dcn_atlas *a);
/* draw.c: makes the drawing's plans once, to see that they can be made, and counts their bytes and
 * the disk they need. */
dcn_status dcn__draw_measure(dcn_atlas *a, dcn_error *err);

#endif
