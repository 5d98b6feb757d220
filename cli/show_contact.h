/* show_contact.h - a sheet of channels while it is made: its tiles, its grid, one row's values. */
#ifndef DCN_CLI_SHOW_CONTACT_H
#define DCN_CLI_SHOW_CONTACT_H

#include "progress.h"
#include "show.h"

enum { PEAK_ROWS_MAX = 8 };

/* What a place of the grid shows of its tile. */
typedef enum part {
    PART_NONE, PART_ORIGINAL, PART_DRAWN, PART_ORIGINAL_BOX, PART_DRAWN_BOX, PART_ORIGINAL_CROP,
    PART_DRAWN_CROP
} part;

typedef struct place { part part; int tile; } place;

typedef struct contact {
    show_run *run;
    int picture;                       /* of the chunk */
    int first_layer, n_layers;
    show_channels channels;
    int rows, columns;
    int zoom, shrink;                  /* a tile is enlarged, or made smaller */
    place *places;                     /* (rows,columns) */
    dcn_panel *panels;                 /* (rows,columns) */
    dcn_box *boxes;                    /* (rows,columns): frames, in a tile's pixels */
    char **titles;                     /* (rows,columns), allocated */
    float *drawn;                      /* (starts,h,w,c): tiles first_drawn .. + n_drawn - 1 */
    int first_drawn, n_drawn;
    float *row;                        /* (columns) values of one row's panels */
    size_t room;                       /* floats of one of them */
    cli_progress progress;             /* tiles walked down: thousands take minutes */
} contact;

/* Peaks of a few channels: original and projection with the frame, then both cut out, in a row. */
bool show_is_peak_rows(const contact *t);
/* Peaks of many: both cut out, side by side. */
bool show_is_pairs(const contact *t);

/* ---- show_contact_text.c ---- */
char *show_tile_title(const contact *t, const place *p);
/* What the caption says of this sheet alone: ", ..." or "". */
char *show_contact_more(const contact *t);
dcn_status show_contact_save(const contact *t, int first, const dcn_image *sheet, const char *path,
                             dcn_error *err);
/* Into `list`, or without one on standard output. */
void show_contact_tell(const contact *t, cli_json *list, const char *path);

#endif
