/* sheet.h - where everything on a sheet stands, in pixels. */
#ifndef DCN_VIEW_SHEET_H
#define DCN_VIEW_SHEET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { DCN__SHEET_MARGIN = 20, DCN__SHEET_LINE_MAX = 512, DCN__SHEET_CAPTION_MAX = 12 };

typedef struct dcn__sheet_layout {
    int zoom, width, height;
    int *x, *w;                 /* (columns): left pixel of the panels, width for panel and title */
    int *y, *h;                 /* (rows): top pixel of the panels, height */
    int *title_y;               /* (rows): top of the headings, -1: none */
    int row_title_x, row_title_w, caption_y, caption_lines;
} dcn__sheet_layout;

dcn_status dcn__sheet_layout_init(dcn__sheet_layout *layout, const dcn_sheet_desc *desc,
                                  dcn_error *err);
void dcn__sheet_layout_clear(dcn__sheet_layout *layout);

/* Is there a panel at this place: one with values, or one that `fill` will give them? */
bool dcn__sheet_has(const dcn_sheet_desc *desc, int row, int column);
/* A heading's lines stand between line breaks. */
int dcn__sheet_title_lines(const char *title);
/* The next line; returns the bytes it took from the heading, its line break included. */
size_t dcn__sheet_title_line(char line[DCN__SHEET_LINE_MAX], const char *title);
/* The same for a caption: as many words as fit into `width` columns, one at the least. */
size_t dcn__sheet_caption_line(char line[DCN__SHEET_LINE_MAX], const char *caption, int width);

#endif
