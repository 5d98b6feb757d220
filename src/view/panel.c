/* panel.c - picks the map of a panel, applies it and says what it was. */
#include "view/panel.h"

#include "base/memory.h"
#include "view/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool has_bad(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return true;
    return false;
}

static void label_range(char *label, size_t size, dcn__range range)
{
    char number[24];

    dcn__number_text(number, sizeof number, fmax(fabs((double)range.min), (double)range.max), 2);
    if (range.min < 0)
        snprintf(label, size, "±%s", number);
    else if (range.max >= range.min)
        snprintf(label, size, "0–%s", number);
}

static dcn_status render_signed(dcn__panel_bytes *out, const dcn_panel *p, size_t pixels,
                                dcn_error *err)
{
    const size_t count = pixels * (size_t)p->shape.c;
    char number[24];
    float scale;
    dcn_status st = dcn__signed_scale(&scale, p->values, count, err);

    if (st)
        return st;
    dcn__signed_apply(scale, p->values, pixels, p->shape.c, out->pixels);
    if (scale > 0) {
        dcn__number_text(number, sizeof number, (double)scale, 2);
        snprintf(out->label, sizeof out->label, "±%s", number);
    } else if (!has_bad(p->values, count)) {
        out->inactive = true;
        snprintf(out->label, sizeof out->label, "all zero");
    }
    return DCN_OK;
}

dcn_status dcn__panel_render(dcn__panel_bytes *out, const dcn_panel *panel, dcn_scale scale,
                             dcn__range strip, dcn_error *err)
{
    const size_t pixels = (size_t)panel->shape.h * (size_t)panel->shape.w;
    const size_t count = pixels * (size_t)panel->shape.c;
    dcn_status st = DCN_OK;

    memset(out, 0, sizeof *out);
    if (!(out->pixels = dcn__alloc(count)))
        return dcn__fail_memory(err, "a panel", count);
    if (scale == DCN_SCALE_TF1) {
        dcn__tf1_apply(dcn__tf1_map_of(strip), panel->values, pixels, panel->shape.c, out->pixels);
        label_range(out->label, sizeof out->label, strip);
    } else if (panel->kind == DCN_PANEL_PHOTO) {
        dcn__range range = dcn__range_empty();

        dcn__range_add(&range, panel->values, pixels, panel->shape.c);
        dcn__photo_apply(range, panel->values, pixels, panel->shape.c, out->pixels);
    } else if (panel->kind == DCN_PANEL_UNIT) {
        dcn__photo_apply((dcn__range){ 0, 1 }, panel->values, pixels, panel->shape.c,
                         out->pixels);
    } else {
        st = render_signed(out, panel, pixels, err);
    }
    if (!st && has_bad(panel->values, count)) {
        const size_t n = strlen(out->label);

        snprintf(out->label + n, sizeof out->label - n, "%sNaN", n ? " · " : "");
    }
    if (st)
        dcn__panel_clear(out);
    return st;
}

void dcn__panel_clear(dcn__panel_bytes *bytes)
{
    dcn__free(bytes->pixels);
    memset(bytes, 0, sizeof *bytes);
}
