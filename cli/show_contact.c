/* show_contact.c - sheets of channels: the picture, then one tile a channel; for peaks what the
 * largest activation's unit sees, framed and cut out.
 *
 * Tiles are walked down a few at a time and drawn row by row: a layer of 2,048 channels never
 * stands in memory twice. */
#include "show.h"

#include "message.h"
#include "network.h"
#include "terminal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PEAK_ROWS_MAX = 8, TILE_SIDE = 112, LARGE = 4 << 20 };

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
    int rows, columns, shrink;
    place *places;                     /* (rows,columns) */
    dcn_panel *panels;                 /* (rows,columns) */
    dcn_box *boxes;                    /* (rows,columns): frames, in a tile's pixels */
    char **titles;                     /* (rows,columns), allocated */
    float *drawn;                      /* (starts,h,w,c): tiles first_drawn .. + n_drawn - 1 */
    int first_drawn, n_drawn;
    float *row;                        /* (columns) values of one row's panels */
    size_t room;                       /* floats of one of them */
} contact;

static dcn_box whole_of(dcn_shape s)
{
    return (dcn_box){ 0, 0, s.h, s.w, 0 };
}

/* ---- layout --------------------------------------------------------------------------------- */

/* Peaks of a few channels: original and projection with the frame, then both cut out, in a row. */
static bool is_peak_rows(const contact *t)
{
    const show_options *o = &t->run->options;

    return o->from == DCN_FROM_PEAK && t->channels.n <= PEAK_ROWS_MAX && !o->all_channels
           && o->scale == DCN_SCALE_AUTO;
}

static bool is_pairs(const contact *t)
{
    const show_options *o = &t->run->options;

    return o->from == DCN_FROM_PEAK && !is_peak_rows(t) && o->scale == DCN_SCALE_AUTO;
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
    enum { GAP = 18, WORDS = 42, SIDE_SHOWN = 192 };
    const dcn_shape s = t->run->shape;
    const int n = t->channels.n, longer = s.h > s.w ? s.h : s.w;
    const int zoom = longer < SIDE_SHOWN ? SIDE_SHOWN / longer : 1;
    const double wide = (double)s.w / t->shrink * zoom + GAP,
                 high = (double)s.h / t->shrink * zoom + WORDS;
    int cells = 1;

    if (is_peak_rows(t)) {
        t->columns = 4;
        t->rows = n;
    } else {
        cells = is_pairs(t) ? 2 : 1;
        t->columns = t->run->options.scale == DCN_SCALE_TF1 ? n + 1
                     : choose_columns(n + 1, cells * wide, high) * cells;
        t->rows = ((n + 1) * cells + t->columns - 1) / t->columns;
    }
    t->places = cli_alloc((size_t)(t->rows * t->columns), sizeof *t->places);
    for (int k = 0; k < n && is_peak_rows(t); k++)
        for (int c = 0; c < 4; c++)
            t->places[4 * k + c] = (place){ (part)(PART_ORIGINAL_BOX + c), k };
    if (is_peak_rows(t))
        return;
    t->places[0] = (place){ PART_ORIGINAL, 0 };
    for (int k = 0; k < n; k++) {
        t->places[(k + 1) * cells] = (place){ cells == 2 ? PART_ORIGINAL_CROP : PART_DRAWN, k };
        if (cells == 2)
            t->places[(k + 1) * cells + 1] = (place){ PART_DRAWN_CROP, k };
    }
}

/* Many large tiles are drawn smaller, by whole numbers: the mean of each square. */
static int choose_shrink(const contact *t)
{
    const dcn_shape s = t->run->shape;
    const int longer = s.h > s.w ? s.h : s.w;

    if (t->run->options.scale == DCN_SCALE_TF1 || is_peak_rows(t) || longer <= TILE_SIDE
        || (double)t->channels.n * s.h * s.w <= LARGE)
        return 1;
    return (longer + TILE_SIDE - 1) / TILE_SIDE;
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

/* ---- headings ------------------------------------------------------------------------------- */

static char *tile_title(const contact *t, const place *p)
{
    const show_run *run = t->run;
    const show_tile *tile = &t->channels.tiles[p->tile];
    const show_layer *layer = &run->layers[tile->layer];
    char *channel = show_channel_text(run, tile), *title, value[32];

    show_number((double)tile->value, value, sizeof value);
    switch (p->part) {
    case PART_ORIGINAL: title = cli_text("original"); break;
    case PART_DRAWN_BOX: title = cli_text("%s\nlargest %s", channel, value); break;
    case PART_ORIGINAL_BOX:
        title = cli_text("%s\nunit %d,%d sees %d x %d%s", layer->name, tile->y, tile->x,
                         tile->box.bottom - tile->box.top, tile->box.right - tile->box.left,
                         tile->box.clipped ? ", cut" : "");
        break;
    case PART_ORIGINAL_CROP:
        title = is_pairs(t) ? cli_text("%s", channel)
                : cli_text("rows %d-%d\ncolumns %d-%d", tile->box.top, tile->box.bottom - 1,
                           tile->box.left, tile->box.right - 1);
        break;
    case PART_DRAWN_CROP:
        title = is_pairs(t) ? cli_text("largest %s", value) : cli_text("the same part\nprojected");
        break;
    default:
        title = t->n_layers > 1 ? cli_text("%s, %s\nlargest %s", layer->name, channel, value)
                : cli_text("%s\nlargest %s", channel, value);
    }
    free(channel);
    return title;
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
    panel->title = t->titles[at] = tile_title(t, p);
    if (cli_volume(panel->shape) > t->room)
        t->room = cli_volume(panel->shape);
}

/* ---- drawing -------------------------------------------------------------------------------- */

/* Walks the tiles from `first` on down, as many as go together. */
static dcn_status project(contact *t, int first, dcn_error *err)
{
    show_run *run = t->run;
    const show_tile *tiles = t->channels.tiles;
    dcn_start *starts = cli_alloc((size_t)run->starts, sizeof *starts);
    dcn_status st;
    int n = 0;

    while (n < run->starts && first + n < t->channels.n
           && tiles[first + n].layer == tiles[first].layer) {
        starts[n] = show_start(run, t->picture, &tiles[first + n]);
        n++;
    }
    st = dcn_plan_project_starts(run->plan, tiles[first].layer, starts, n, t->drawn, err);
    free(starts);
    t->first_drawn = first;
    t->n_drawn = n;
    /* Captum's Saliency is the size of the gradient, without its sign. */
    if (run->options.compat == SHOW_COMPAT_CAPTUM && run->options.rule == DCN_RULE_GRADIENT)
        for (size_t i = 0; i < (size_t)n * run->volume; i++)
            t->drawn[i] = fabsf(t->drawn[i]);
    return st;
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
                                  .fill = fill_row, .user = t, .bare = bare };

    t->first_drawn = t->n_drawn = 0;
    return dcn_sheet_draw(sheet, &desc, err);
}

static void prepare(contact *t)
{
    size_t places;

    t->shrink = choose_shrink(t);
    lay_out(t);
    places = (size_t)(t->rows * t->columns);
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

/* ---- what a sheet says ---------------------------------------------------------------------- */

/* "3 5 17 ...": all of them, or as many as `most`. Allocated. */
static char *list_numbers(const int *numbers, int n, int most)
{
    char *text = cli_alloc((size_t)n * 8 + 32, 1);
    size_t used = 0;

    for (int i = 0; i < n && i < most; i++)
        used += (size_t)snprintf(text + used, 16, i ? " %d" : "%d", numbers[i]);
    if (n > most)
        snprintf(text + used, 32, " and %d more", n - most);
    return text;
}

static char *tell_more(const contact *t)
{
    const show_channels *c = &t->channels;
    char *dead = list_numbers(c->dead, c->n_dead, 12), *more, size[48] = "", hidden[48] = "";

    if (t->shrink > 1)
        snprintf(size, sizeof size, ", tiles at 1/%d of the size", t->shrink);
    if (c->hidden)
        snprintf(hidden, sizeof hidden, ", %d weaker ones not drawn", c->hidden);
    more = cli_text("%s%s%s%s", size + (*size ? 2 : 0), hidden + (*hidden && !*size ? 2 : 0),
                    c->n_dead ? *size || *hidden ? ", never fired: " : "never fired: " : "", dead);
    free(dead);
    return more;
}

/* "17=8.31@3,5 ...": channel, largest activation, row and column. */
static char *list_tiles(const contact *t)
{
    char *text = cli_alloc((size_t)t->channels.n * 64 + 1, 1), value[32];
    size_t used = 0;

    for (int i = 0; i < t->channels.n; i++) {
        const show_tile *tile = &t->channels.tiles[i];

        used += (size_t)snprintf(text + used, 64, "%s%d=%s@%d,%d", i ? " " : "", tile->channel,
                                 show_number((double)tile->value, value, sizeof value), tile->y,
                                 tile->x);
    }
    return text;
}

static char *list_boxes(const contact *t)
{
    char *text = cli_alloc((size_t)t->channels.n * 80 + 1, 1);
    size_t used = 0;

    for (int i = 0; i < t->channels.n; i++) {
        const dcn_box *b = &t->channels.tiles[i].box;

        used += (size_t)snprintf(text + used, 80, "%srows %d-%d columns %d-%d%s", i ? "; " : "",
                                 b->top, b->bottom - 1, b->left, b->right - 1,
                                 b->clipped ? " (clipped)" : "");
    }
    return text;
}

static dcn_status save(const contact *t, int first, const dcn_image *sheet, const char *path,
                       dcn_error *err)
{
    const show_channels *c = &t->channels;
    char *tiles = list_tiles(t), *dead = list_numbers(c->dead, c->n_dead, c->n_dead),
         *boxes = list_boxes(t);
    char size[16];
    const char *texts[9] = { "channels", tiles };
    int n = 2;
    dcn_status st;

    snprintf(size, sizeof size, "1/%d", t->shrink);
    if (c->n_dead) {
        texts[n++] = "never fired";
        texts[n++] = dead;
    }
    if (t->shrink > 1) {
        texts[n++] = "tile size";
        texts[n++] = size;
    }
    if (t->run->options.from == DCN_FROM_PEAK) {
        texts[n++] = "receptive field";
        texts[n++] = boxes;
    }
    texts[n] = NULL;
    st = show_save(t->run, sheet, first + t->picture, path, t->first_layer, t->n_layers, texts,
                   err);
    free(boxes);
    free(dead);
    free(tiles);
    return st;
}

static void add_box(cli_json *to, const dcn_box *b)
{
    cli_json *box = cli_json_object(to, "sees");

    cli_json_int(box, "top", b->top);
    cli_json_int(box, "left", b->left);
    cli_json_int(box, "bottom", b->bottom);
    cli_json_int(box, "right", b->right);
    cli_json_int(box, "clipped", b->clipped != 0);
}

static void add_json(const contact *t, cli_json *list, const char *path)
{
    const bool peak = t->run->options.from == DCN_FROM_PEAK;
    cli_json *sheet = cli_json_object(list, NULL), *tiles, *dead;

    cli_json_text(sheet, "file", path);
    tiles = cli_json_array(sheet, "channels");
    for (int i = 0; i < t->channels.n; i++) {
        const show_tile *tile = &t->channels.tiles[i];
        cli_json *entry = cli_json_object(tiles, NULL);

        cli_json_text(entry, "layer", t->run->layers[tile->layer].name);
        cli_json_int(entry, "channel", tile->channel);
        cli_json_real(entry, "largest", (double)tile->value);
        cli_json_int(entry, "row", tile->y);
        cli_json_int(entry, "column", tile->x);
        if (peak)
            add_box(entry, &tile->box);
    }
    dead = cli_json_array(sheet, "never_fired");
    for (int i = 0; i < t->channels.n_dead; i++)
        cli_json_int(dead, NULL, t->channels.dead[i]);
}

static void print_sheet(const contact *t, const char *path)
{
    const show_channels *c = &t->channels;

    printf("    %s\n", path);
    for (int i = 0; i < c->n && t->run->options.from == DCN_FROM_PEAK && c->n <= PEAK_ROWS_MAX;
         i++) {
        const show_tile *tile = &c->tiles[i];
        const dcn_box *b = &tile->box;
        char *channel = show_channel_text(t->run, tile), value[32];

        printf("    %s, %s: %s at row %d, column %d, sees rows %d-%d, columns %d-%d%s\n",
               t->run->layers[tile->layer].name, channel,
               show_number((double)tile->value, value, sizeof value), tile->y, tile->x, b->top,
               b->bottom - 1, b->left, b->right - 1, b->clipped ? " (clipped)" : "");
        free(channel);
    }
    if (c->n_dead) {
        char *dead = list_numbers(c->dead, c->n_dead, 12);

        printf("    %d of %d channels never fired: %s\n", c->n_dead,
               t->run->layers[t->first_layer].shape.c, dead);
        free(dead);
    }
}

/* ---- one sheet ------------------------------------------------------------------------------ */

static dcn_status draw_sheet(contact *t, int first, cli_json *list, dcn_error *err)
{
    const show_run *run = t->run;
    char *more = tell_more(t),
         *caption = show_caption(run, t->first_layer, t->n_layers, *more ? more : NULL),
         *path = show_sheet_path(run, first + t->picture, t->first_layer, t->n_layers);
    dcn_image sheet = { 0 };
    dcn_status st;

    prepare(t);
    st = draw(t, caption, run->options.scale == DCN_SCALE_TF1, &sheet, err);
    if (!st && !(st = save(t, first, &sheet, path, err))) {
        if (list)
            add_json(t, list, path);
        else if (!run->options.silent)
            print_sheet(t, path);
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
