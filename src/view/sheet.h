/* sheet.h - where everything on a sheet stands, in pixels. */
#ifndef DCN_VIEW_SHEET_H
#define DCN_VIEW_SHEET_H

#include "base/error.h"

typedef struct dcn__sheet_layout {
    int zoom, width, height;
    int *x, *w;                 /* (columns): left pixel of the panels, width for panel and title */
    int *y, *h;                 /* (rows): top pixel of the panels, height */
    int *title_y;               /* (rows): top of the headings, -1: none */
    int row_title_x, row_title_w, caption_y;
} dcn__sheet_layout;

dcn_status dcn__sheet_layout_init(dcn__sheet_layout *layout, const dcn_sheet_desc *desc,
                                  dcn_error *err);
void dcn__sheet_layout_clear(dcn__sheet_layout *layout);

#endif
