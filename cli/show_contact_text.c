/* show_contact_text.c - what a sheet of channels says: its headings, its caption, its text chunks,
 * the lines on standard output, the JSON object. */
#include "show_contact.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

/* ---- headings ------------------------------------------------------------------------------- */

char *show_tile_title(const contact *t, const place *p)
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
        title = show_is_pairs(t) ? cli_text("%s", channel)
                : cli_text("rows %d-%d\ncolumns %d-%d", tile->box.top, tile->box.bottom - 1,
                           tile->box.left, tile->box.right - 1);
        break;
    case PART_DRAWN_CROP:
        title = show_is_pairs(t) ? cli_text("largest %s", value)
                : cli_text("the same part\nprojected");
        break;
    default:
        title = t->n_layers > 1 ? cli_text("%s, %s\nlargest %s", layer->name, channel, value)
                : cli_text("%s\nlargest %s", channel, value);
    }
    free(channel);
    return title;
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

char *show_contact_more(const contact *t)
{
    const show_channels *c = &t->channels;
    char *dead = list_numbers(c->dead, c->n_dead, 12), *boxes = list_boxes(t), *more,
         size[48] = "", hidden[48] = "";

    if (t->shrink > 1)
        snprintf(size, sizeof size, ", tiles at 1/%d of the size", t->shrink);
    if (c->hidden)
        snprintf(hidden, sizeof hidden, ", %d weaker ones not drawn", c->hidden);
    more = cli_text("%s%s%s%s%s%s", show_is_peak_rows(t) ? ", sees " : "",
                    show_is_peak_rows(t) ? boxes : "", size, hidden,
                    c->n_dead ? ", never fired: " : "", dead);
    free(boxes);
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

dcn_status show_contact_save(const contact *t, int first, const dcn_image *sheet, const char *path,
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
    st = show_save(t->run, sheet, first, t->picture, path, t->first_layer, t->n_layers, texts, err);
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

void show_contact_tell(const contact *t, cli_json *list, const char *path)
{
    if (list)
        add_json(t, list, path);
    else if (!t->run->options.silent)
        print_sheet(t, path);
}
