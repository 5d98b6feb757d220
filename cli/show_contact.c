/* show_contact.c - sheets of channels: the picture, then one tile a channel; for peaks what the
 * largest activation's unit sees, framed and cut out.
 *
 * Tiles are walked down a few at a time and drawn row by row: a layer of 2,048 channels never
 * stands in memory twice. */
#include "show_contact.h"

#include "message.h"
#include "network.h"
#include "terminal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Many tiles of large pictures become smaller: beyond this many values, to this side. */
enum { TILE_SIDE = 112, LARGE = 4 << 20, SHEET_MAX = 48 << 20 };

static dcn_box whole_of(dcn_shape s)
{
    return (dcn_box){ 0, 0, s.h, s.w, 0 };
}

/* ---- layout --------------------------------------------------------------------------------- */

bool show_is_peak_rows(const contact *t)
{
    const show_options *o = &t->run->options;

    return o->from == DCN_FROM_PEAK && t->channels.n <= PEAK_ROWS_MAX && !o->all_channels
           && o->scale == DCN_SCALE_AUTO;
}

bool show_is_pairs(const contact *t)
{
    const show_options *o = &t->run->options;

    return o->from == DCN_FROM_PEAK && !show_is_peak_rows(t) && o->scale == DCN_SCALE_AUTO;
}

/* Columns for n cells of this size, so that the sheet is about 3:2. */
static int choose_columns(int n, double wide, double high)
{
    int columns = (int)lrint(sqrt(1.5 * n * high / wide));

    columns = columns < 1 ? 1 : columns < n ? columns : n;
    /* The same number of rows, evenly filled. */
    return (n + (n + columns - 1) / columns - 1) / ((n + columns - 1) / columns);
}

static void lay_out(contact *t)
{
    enum { GAP = 18, WORDS = 60 };
    const dcn_shape s = t->run->shape;
    const int n = t->channels.n;
    const double wide = (double)s.w / t->shrink * t->zoom + GAP,
                 high = (double)s.h / t->shrink * t->zoom + WORDS;
    int cells = 1;

    if (show_is_peak_rows(t)) {
        t->columns = 4;
        t->rows = n;
    } else {
        cells = show_is_pairs(t) ? 2 : 1;
        t->columns = t->run->options.scale == DCN_SCALE_TF1 ? n + 1
                     : choose_columns(n + 1, cells * wide, high) * cells;
        t->rows = ((n + 1) * cells + t->columns - 1) / t->columns;
    }
    t->places = cli_alloc((size_t)t->rows * (size_t)t->columns, sizeof *t->places);
    for (int k = 0; k < n && show_is_peak_rows(t); k++)
        for (int c = 0; c < 4; c++)
            t->places[4 * k + c] = (place){ (part)(PART_ORIGINAL_BOX + c), k };
    if (show_is_peak_rows(t))
        return;
    t->places[0] = (place){ PART_ORIGINAL, 0 };
    for (int k = 0; k < n; k++) {
        t->places[(k + 1) * cells] = (place){ cells == 2 ? PART_ORIGINAL_CROP : PART_DRAWN, k };
        if (cells == 2)
            t->places[(k + 1) * cells + 1] = (place){ PART_DRAWN_CROP, k };
    }
}

/* The sheet's pixels with tiles of this size, headings and gaps included. */
static double sheet_pixels(const contact *t, int zoom, int shrink)
{
    enum { GAP = 18, WORDS = 60 };
    const dcn_shape s = t->run->shape;

    return (t->channels.n + 2.0) * ((double)s.w * zoom / shrink + GAP)
           * ((double)s.h * zoom / shrink + WORDS) * (show_is_pairs(t) ? 2 : 1);
}

/* Many tiles are drawn smaller: those of small pictures enlarged less, those of large ones by whole
 * numbers, the mean of each square. */
static void choose_size(contact *t)
{
    enum { SIDE_SHOWN = 200, ZOOM_MAX = 16, LEAST = 8 };
    const dcn_shape s = t->run->shape;
    const int longer = s.h > s.w ? s.h : s.w;

    t->shrink = 1;
    t->zoom = longer > SIDE_SHOWN ? 1 : SIDE_SHOWN / longer < ZOOM_MAX ? SIDE_SHOWN / longer
              : ZOOM_MAX;
    if (t->run->options.scale == DCN_SCALE_TF1 || show_is_peak_rows(t))
        return;
    if (longer > TILE_SIDE && (double)t->channels.n * s.h * s.w > LARGE)
        t->shrink = (longer + TILE_SIDE - 1) / TILE_SIDE;
    while (t->zoom > 1 && sheet_pixels(t, t->zoom, t->shrink) > SHEET_MAX)
        t->zoom--;
    while (longer / t->shrink > LEAST && sheet_pixels(t, t->zoom, t->shrink) > SHEET_MAX)
        t->shrink++;
}

/* How a crop is shown about as large as a whole picture beside it. */
static void crop_scale(const contact *t, const dcn_box *box, int *grow, int *shrink)
{
    const dcn_shape s = t->run->shape;
    const int h = box->bottom - box->top, w = box->right - box->left,
              high = (s.h + t->shrink - 1) / t->shrink, wide = (s.w + t->shrink - 1) / t->shrink;

    *grow = *shrink = 1;
    if (h > high || w > wide) {
        *shrink = t->shrink;
    } else {
        *grow = high / h < wide / w ? high / h : wide / w;
    }
}

static void set_panel(contact *t, int at)
{
    const place *p = &t->places[at];
    const show_tile *tile = &t->channels.tiles[p->tile];
    const dcn_shape s = t->run->shape;
    const bool photo = p->part == PART_ORIGINAL || p->part == PART_ORIGINAL_BOX
                       || p->part == PART_ORIGINAL_CROP;
    dcn_panel *panel = &t->panels[at];
    dcn_box whole = whole_of(s);
    int grow = 1, shrink = t->shrink;

    if (p->part == PART_NONE)
        return;
    if (p->part == PART_ORIGINAL_CROP || p->part == PART_DRAWN_CROP) {
        whole = tile->box;
        crop_scale(t, &whole, &grow, &shrink);
    }
    if (p->part == PART_ORIGINAL_BOX || p->part == PART_DRAWN_BOX) {
        t->boxes[at] = tile->box;
        panel->box = &t->boxes[at];
    }
    panel->shape = show_part_shape(s, &whole, grow, shrink);
    panel->kind = !photo ? DCN_PANEL_SIGNED : show_original(t->run, t->picture).kind;
    panel->title = t->titles[at] = show_tile_title(t, p);
    if (cli_volume(panel->shape) > t->room)
        t->room = cli_volume(panel->shape);
}

/* ---- drawing -------------------------------------------------------------------------------- */

/* Walks the tiles from `first` on down, as many as go together. */
static dcn_status project(contact *t, int first, dcn_error *err)
{
    const show_run *run = t->run;
    const show_tile *tiles = t->channels.tiles;
    int n = 0;

    cli_progress_draw(&t->progress, first, t->channels.n, NULL);
    while (n < run->starts && first + n < t->channels.n
           && tiles[first + n].layer == tiles[first].layer)
        n++;
    t->first_drawn = first;
    t->n_drawn = n;
    return show_project(run, t->picture, tiles + first, n, t->drawn, err);
}

static dcn_status fill_row(void *user, int row, dcn_panel *panels, dcn_error *err)
{
    contact *t = user;
    const show_run *run = t->run;
    dcn_status st = DCN_OK;

    for (int c = 0; c < t->columns && !st; c++) {
        const place *p = &t->places[row * t->columns + c];
        const float *from = show_original(run, t->picture).values;
        float *values = t->row + (size_t)c * t->room;
        dcn_box whole = whole_of(run->shape);
        int grow = 1, shrink = t->shrink;

        if (p->part == PART_NONE)
            continue;
        if (p->part == PART_DRAWN || p->part == PART_DRAWN_BOX || p->part == PART_DRAWN_CROP) {
            if (p->tile >= t->first_drawn + t->n_drawn)
                st = project(t, p->tile, err);
            from = t->drawn + (size_t)(p->tile - t->first_drawn) * run->volume;
        }
        if (p->part == PART_ORIGINAL_CROP || p->part == PART_DRAWN_CROP) {
            whole = t->channels.tiles[p->tile].box;
            crop_scale(t, &whole, &grow, &shrink);
        }
        if (!st)
            show_copy_part(from, run->shape, &whole, grow, shrink, values);
        panels[c].values = values;
    }
    return st;
}

static dcn_status draw(contact *t, const char *caption, bool bare, dcn_image *sheet,
                       dcn_error *err)
{
    const dcn_sheet_desc desc = { .panels = t->panels, .rows = t->rows, .columns = t->columns,
                                  .scale = t->run->options.scale, .caption = caption,
                                  .fill = fill_row, .user = t, .bare = bare, .zoom = t->zoom };

    dcn_status st;

    t->first_drawn = t->n_drawn = 0;
    cli_progress_begin(&t->progress, &t->run->options.shared, "walk down", "channels");
    st = dcn_sheet_draw(sheet, &desc, err);
    cli_progress_clear(&t->progress);
    return st;
}

static void prepare(contact *t)
{
    size_t places;

    choose_size(t);
    lay_out(t);
    places = (size_t)t->rows * (size_t)t->columns;
    t->panels = cli_alloc(places, sizeof *t->panels);
    t->boxes = cli_alloc(places, sizeof *t->boxes);
    t->titles = cli_alloc(places, sizeof *t->titles);
    for (size_t i = 0; i < places; i++)
        set_panel(t, (int)i);
    t->row = cli_alloc((size_t)t->columns, t->room * sizeof *t->row);
    t->drawn = cli_alloc((size_t)t->run->starts, t->run->volume * sizeof *t->drawn);
}

static void clear(contact *t)
{
    for (int i = 0; t->titles && i < t->rows * t->columns; i++)
        free(t->titles[i]);
    free(t->titles);
    free(t->boxes);
    free(t->panels);
    free(t->places);
    free(t->row);
    free(t->drawn);
    show_clear_channels(&t->channels);
}

/* ---- one sheet ------------------------------------------------------------------------------ */

static dcn_status draw_sheet(contact *t, int first, cli_json *list, dcn_error *err)
{
    const show_run *run = t->run;
    char *more, *caption, *path;
    dcn_image sheet = { 0 };
    dcn_status st;

    prepare(t);
    more = show_contact_more(t);
    caption = show_caption(run, t->picture, t->first_layer, t->n_layers, more);
    path = show_sheet_path(run, first + t->picture, t->first_layer, t->n_layers);
    st = draw(t, caption, run->options.scale == DCN_SCALE_TF1, &sheet, err);
    if (!st && !(st = show_contact_save(t, first, &sheet, path, err))) {
        show_contact_tell(t, list, path);
        if (!list && !run->options.silent && cli_can_show(run->options.shared.graphics))
            cli_show_picture(&sheet, run->options.shared.graphics);
    }
    dcn_image_clear(&sheet);
    free(path);
    free(caption);
    free(more);
    return st;
}

/* Named channels of all layers share a sheet; all channels of a layer have one of their own. */
dcn_status show_draw_channels(show_run *run, int first, int i, cli_json *picture, dcn_error *err)
{
    const int step = run->options.all_channels ? 1 : run->n_layers;
    cli_json *list = picture ? cli_json_array(picture, "sheets") : NULL;
    dcn_status st = DCN_OK;

    for (int l = 0; l < run->n_layers && !st; l += step) {
        contact t = { .run = run, .picture = i, .first_layer = l, .n_layers = step };

        if (!(st = show_find_channels(run, i, l, step, &t.channels, err)))
            st = draw_sheet(&t, first, list, err);
        if (!st && l == 0 && picture) {
            char *path = show_sheet_path(run, first + i, l, step);

            cli_json_text(picture, "file", path);
            free(path);
        }
        clear(&t);
    }
    return st;
}
