/* show_draw.c - the sheet of whole layers: original | layer 1 | layer 2 ..., in rows where there
 * are many; and how every sheet is saved, told and shown. */
#include "show.h"

#include "interrupt.h"
#include "message.h"
#include "network.h"
#include "terminal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- saving --------------------------------------------------------------------------------- */

/* A result must not replace a picture that it was made of. */
static dcn_status check_not_input(const show_run *run, const char *path, dcn_error *err)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return DCN_OK;
    for (int i = 0; i < run->n; i++)
        if (run->pictures[i].path && file.st_ino == run->pictures[i].inode
            && file.st_dev == run->pictures[i].device)
            return cli_fail(err, DCN_USAGE, path,
                            "is one of the pictures to be shown; give another --out");
    return DCN_OK;
}

dcn_status show_save(const show_run *run, const dcn_image *sheet, int first, int i,
                     const char *path, int first_layer, int n_layers, const char *const *texts,
                     dcn_error *err)
{
    enum { OWN = 11, MORE = 8 };
    const show_options *o = &run->options;
    const show_picture *p = &run->pictures[first + i];
    char *rule = cli_way_text(&run->options.way), *start = show_start_text(run),
         *layers = show_layers_text(run, first_layer, n_layers, false),
         *channels = show_channels_text(run, show_best_class(run, i)),
         *from = cli_alloc(4 * strlen(p->path ? p->path : p->name) + 1, 1);
    const char *all[2 * (OWN + MORE) + 1] = {
        "Software", "deconvnet " DCN_VERSION, "rule", rule, "layer", layers, "channel", channels,
        "start", start, "scale", o->scale == DCN_SCALE_TF1 ? "tf1" : "auto",
        "model", run->model.hash, "model file", run->model_name,
        "picture", from };
    int n = 18;
    dcn_status st;

    cli_utf8(from, 4 * strlen(p->path ? p->path : p->name) + 1, p->path ? p->path : p->name);
    if (*run->extensions) {
        all[n++] = "extensions";
        all[n++] = run->extensions;
    }
    for (int k = 0; texts && texts[k] && k < 2 * MORE; k++)
        all[n++] = texts[k];
    all[n] = NULL;
    cli_interrupt_hold();
    if (!(st = check_not_input(run, path, err)))
        st = dcn_image_save_png(sheet, path, all, err);
    cli_interrupt_release();
    free(from);
    free(channels);
    free(layers);
    free(start);
    free(rule);
    return st;
}

/* ---- the sheet ------------------------------------------------------------------------------ */

dcn_panel show_original(const show_run *run, int i)
{
    const size_t at = (size_t)i * run->volume;

    /* TensorFlow's strip is made of what the network sees. */
    if (run->photos && run->options.scale != DCN_SCALE_TF1)
        return (dcn_panel){ run->photos + at, run->shape, "original", DCN_PANEL_UNIT, NULL };
    return (dcn_panel){ run->images + at, run->shape, "original", DCN_PANEL_PHOTO, NULL };
}

/* One row where it is short; else rows of a sheet of about 3:2. */
static int choose_columns(const show_run *run, int n)
{
    enum { ROW_MAX = 9, SMALL = 100, HEADINGS = 60, GAP = 18 };
    const dcn_shape s = run->shape;
    const double wide = s.w + GAP, high = s.h + HEADINGS;
    int columns;

    if (run->options.scale == DCN_SCALE_TF1 || n <= 4 || (n <= ROW_MAX && s.w < SMALL))
        return n;
    if (s.w < SMALL)
        return ROW_MAX;
    columns = (int)lrint(sqrt(1.5 * n * high / wide));
    columns = columns < 4 ? 4 : columns < n ? columns : n;
    /* The same number of rows, evenly filled. */
    return (n + (n + columns - 1) / columns - 1) / ((n + columns - 1) / columns);
}

/* Many large panels are drawn smaller, by a whole number: the mean of each square. */
static int choose_shrink(const show_run *run)
{
    enum { LARGE = 24 << 20 };
    const double pixels = (run->n_views + 1.0) * run->shape.h * run->shape.w;
    int shrink = 1;

    while (run->options.scale != DCN_SCALE_TF1 && pixels / shrink / shrink > LARGE)
        shrink++;
    return shrink;
}

typedef struct layer_sheet {
    const show_run *run;
    int picture, columns, shrink;
    float *row;                /* (columns) panels made smaller */
    size_t room;               /* floats of one of them */
} layer_sheet;

static const float *values_of(const layer_sheet *t, int panel)
{
    return panel == 0 ? show_original(t->run, t->picture).values
                      : t->run->views[panel - 1].drawn + (size_t)t->picture * t->run->volume;
}

static dcn_status fill_row(void *user, int row, dcn_panel *panels, dcn_error *err)
{
    layer_sheet *t = user;
    const dcn_box whole = { 0, 0, t->run->shape.h, t->run->shape.w, 0 };

    (void)err;
    for (int c = 0; c < t->columns && row * t->columns + c <= t->run->n_views; c++) {
        const float *values = values_of(t, row * t->columns + c);

        panels[c].values = values;
        if (t->shrink == 1)
            continue;
        panels[c].values = t->row + (size_t)c * t->room;
        show_copy_part(values, t->run->shape, &whole, 1, t->shrink, t->row + (size_t)c * t->room);
    }
    return DCN_OK;
}

/* bare: the strip alone, without headings. */
static dcn_status draw_layers(const show_run *run, int i, bool bare, const char *caption,
                              dcn_image *sheet, dcn_error *err)
{
    const int n = 1 + run->n_views, columns = choose_columns(run, n);
    const dcn_box whole = { 0, 0, run->shape.h, run->shape.w, 0 };
    layer_sheet t = { run, i, columns, choose_shrink(run), NULL, 0 };
    dcn_sheet_desc desc = { .columns = columns, .rows = (n + columns - 1) / columns,
                            .scale = run->options.scale, .bare = bare, .caption = caption,
                            .fill = fill_row, .user = &t };
    dcn_panel *panels = cli_alloc((size_t)desc.rows * (size_t)columns, sizeof *panels);
    dcn_status st;

    panels[0] = show_original(run, i);
    if (run->imported)
        panels[0].title = "original\nas the network sees it";
    for (int k = 0; k < run->n_views; k++)
        panels[k + 1] = (dcn_panel){ .title = run->views[k].title, .kind = DCN_PANEL_SIGNED };
    for (int k = 0; k < n; k++)
        panels[k].shape = show_part_shape(run->shape, &whole, 1, t.shrink);
    t.room = cli_volume(panels[0].shape);
    t.row = cli_alloc((size_t)columns, t.room * sizeof *t.row);
    desc.panels = panels;
    st = dcn_sheet_draw(sheet, &desc, err);
    free(t.row);
    free(panels);
    return st;
}

/* In the terminal: small pictures as the strip alone, whose pixels are large enough to be seen
 * there; else the sheet itself. */
static dcn_status show_in_terminal(const show_run *run, int i, const dcn_image *sheet,
                                   dcn_error *err)
{
    enum { SMALL = 100 };
    dcn_image strip = { 0 };
    dcn_status st = DCN_OK;

    if (run->json || run->options.silent || !cli_can_show(run->options.shared.graphics))
        return DCN_OK;
    if (run->shape.w >= SMALL) {
        cli_show_picture(sheet, run->options.shared.graphics);
        return DCN_OK;
    }
    if (!(st = draw_layers(run, i, true, NULL, &strip, err)))
        cli_show_picture(&strip, run->options.shared.graphics);
    dcn_image_clear(&strip);
    return st;
}

static void tell_sheet(const show_run *run, cli_json *picture, const char *path)
{
    cli_json *layers;

    if (!picture) {
        if (!run->options.silent)
            printf("    %s\n", path);
        return;
    }
    cli_json_text(picture, "file", path);
    layers = cli_json_array(picture, "layers");
    for (int i = 0; i < run->n_layers; i++)
        cli_json_text(layers, NULL, run->layers[i].name);
}

static dcn_status draw_layer_sheet(show_run *run, int first, int i, cli_json *picture,
                                   dcn_error *err)
{
    char *path = show_sheet_path(run, first + i, 0, run->n_layers), more[64] = "", *caption;
    const int shrink = choose_shrink(run);
    dcn_image sheet = { 0 };
    dcn_status st;

    if (shrink > 1)
        snprintf(more, sizeof more, ", panels at 1/%d of the size", shrink);
    caption = show_caption(run, i, 0, run->n_layers, more);

    /* TensorFlow's strip has no headings. */
    st = draw_layers(run, i, run->options.scale == DCN_SCALE_TF1, caption, &sheet, err);
    if (!st && !(st = show_save(run, &sheet, first, i, path, 0, run->n_layers, NULL, err))) {
        tell_sheet(run, picture, path);
        st = show_in_terminal(run, i, &sheet, err);
    }
    dcn_image_clear(&sheet);
    free(path);
    free(caption);
    return st;
}

dcn_status show_draw(show_run *run, int first, int i, dcn_error *err)
{
    cli_json *picture = show_tell_answer(run, first, i);

    if (!run->options.out)
        return DCN_OK;
    return show_by_channel(&run->options) ? show_draw_channels(run, first, i, picture, err)
                                          : draw_layer_sheet(run, first, i, picture, err);
}
