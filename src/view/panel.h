/* panel.h - one panel of a sheet: its bytes and the words about its scale. */
#ifndef DCN_VIEW_PANEL_H
#define DCN_VIEW_PANEL_H

#include "view/scale.h"

typedef struct dcn__panel_bytes {
    uint8_t *pixels;            /* (h,w,c) of the panel */
    bool inactive;              /* nothing but zeros: there is no scale */
    char label[48];             /* "±0.83"; empty for a photo */
} dcn__panel_bytes;

/* strip: the range of the panel's whole row, used by DCN_SCALE_TF1. */
dcn_status dcn__panel_render(dcn__panel_bytes *out, const dcn_panel *panel, dcn_scale scale,
                             dcn__range strip, dcn_error *err);
void dcn__panel_clear(dcn__panel_bytes *bytes);

#endif
