/* facts.h - an atlas as page and JSON want it told: struct dcn__book and what it borrows. */
#ifndef DCN_ATLAS_FACTS_H
#define DCN_ATLAS_FACTS_H

#include "atlas/strip.h"
#include "view/book.h"

enum { DCN__NAME_ROOM = 96 };
typedef char dcn__name[DCN__NAME_ROOM];

typedef struct dcn__facts {
    dcn__book book;
    dcn__book_layer *layers;      /* (n_pages) */
    dcn__book_channel *channels;  /* of all pages, one after another */
    dcn_atlas_channel *found;     /* likewise: their reasons */
    dcn__name *strips;            /* likewise */
    dcn__name *raws;              /* (n_pages) */
    dcn__book_unit *units;        /* of all channels */
    int *from;                    /* of all pages */
    char title[400], pictures[80], preprocess[400], rule[120];
    char *extensions;
} dcn__facts;

dcn_status dcn__facts_collect(dcn__facts *f, const dcn__press *p, const dcn_book_desc *desc,
                              dcn_error *err);
void dcn__facts_clear(dcn__facts *f);
/* links.c: layers that feed page i, ascending, -1 (the input) first; from: (n_pages + 1). work:
 * (n_nodes) zeroed ints and (n_nodes) nodes. Returns how many. */
typedef struct dcn__links { int *page_of, *seen; dcn_node *stack; } dcn__links;
dcn_status dcn__links_init(dcn__links *l, const dcn_atlas *a, dcn_error *err);
void dcn__links_clear(dcn__links *l);
int dcn__links_find(dcn__links *l, const dcn_atlas *a, int page, int *from);

#endif
