/* show_draw.c - one sheet a picture: original | layer 1 | layer 2 ..., its PNG and its top 5. */
#include "show.h"

#include "message.h"
#include "network.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COLUMNS_MAX = 9, TOP = 5, PATH_NAME_MAX = 200 };

const char *show_class_name(const show_run *run, int i, char *number, size_t size)
{
    if (run->model.class_names && i < run->model.classes)
        return run->model.class_names[i];
    snprintf(number, size, "%d", i);
    return number;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* "cat-guided-peak-3.png": pictures of other rules stand beside it. */
static char *picture_path(const show_run *run, int i)
{
    const show_options *o = &run->options;
    char channel[16] = "", name[PATH_NAME_MAX];

    if (o->all_channels)
        snprintf(channel, sizeof channel, "-all");
    else if (o->channel >= 0)
        snprintf(channel, sizeof channel, "-%d", o->channel);
    snprintf(name, sizeof name, "%s", run->names[i]);
    for (char *c = name; *c; c++)
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '_' : *c;
    return cli_text("%s/%s-%s%s%s%s.png", o->out, name, dcn_rule_name(o->rule),
                    o->from == DCN_FROM_LAYER ? "" : "-",
                    o->from == DCN_FROM_LAYER ? "" : dcn_from_name(o->from), channel);
}

/* A result must not replace a picture that it was made of. */
static dcn_status check_not_input(const show_run *run, const char *path, dcn_error *err)
{
    struct stat a, b;

    for (int i = 0; i < run->options.n_files; i++)
        if (stat(path, &a) == 0 && stat(run->options.files[i], &b) == 0 && a.st_ino == b.st_ino
            && a.st_dev == b.st_dev)
            return cli_fail(err, DCN_USAGE, path,
                            "is one of the pictures to be shown; give another --out");
    return DCN_OK;
}

static char *layer_names(const show_run *run)
{
    char *names = cli_text("%s", cli_name_of(run->model.graph, run->layers[0]));

    for (int i = 1; i < run->n_layers; i++) {
        char *longer = cli_text("%s,%s", names, cli_name_of(run->model.graph, run->layers[i]));

        free(names);
        names = longer;
    }
    return names;
}

static char *channel_text(const show_options *o)
{
    return o->all_channels ? cli_text("all") : o->channel >= 0 ? cli_text("%d", o->channel)
           : cli_text("-");
}

/* ---- the sheet ------------------------------------------------------------------------------ */

/* bare: the strip alone, without headings. */
static dcn_status draw_sheet(const show_run *run, int first, int i, bool bare, const char *caption,
                             dcn_image *sheet, dcn_error *err)
{
    const show_options *o = &run->options;
    const size_t at = (size_t)(first + i) * run->volume;
    const int n = 1 + run->n_views,
              columns = n < COLUMNS_MAX || o->scale == DCN_SCALE_TF1 ? n : COLUMNS_MAX;
    dcn_sheet_desc desc = { .columns = columns,
                            .rows = (n + columns - 1) / columns,
                            .scale = o->scale,
                            .bare = bare,
                            .caption = caption };
    dcn_panel *panels = cli_alloc((size_t)(desc.rows * columns), sizeof *panels);
    dcn_status st;

    /* TensorFlow's strip is made of what the network sees. */
    panels[0] = run->photos && o->scale != DCN_SCALE_TF1
                    ? (dcn_panel){ run->photos + at, run->shape, "original", DCN_PANEL_UNIT }
                    : (dcn_panel){ run->images + at, run->shape, "original", DCN_PANEL_PHOTO };
    for (int k = 0; k < run->n_views; k++)
        panels[k + 1] = (dcn_panel){ run->views[k].drawn + (size_t)i * run->volume, run->shape,
                                     run->views[k].title, DCN_PANEL_SIGNED };
    desc.panels = panels;
    st = dcn_sheet_draw(sheet, &desc, err);
    free(panels);
    return st;
}

static dcn_status save_sheet(const show_run *run, const dcn_image *sheet, const char *path,
                             const char *layers, const char *channel, dcn_error *err)
{
    const show_options *o = &run->options;
    const char *const texts[] = {
        "Software", "deconvnet " DCN_VERSION, "rule", dcn_rule_name(o->rule), "layer", layers,
        "from", dcn_from_name(o->from), "channel", channel,
        "scale", o->scale == DCN_SCALE_TF1 ? "tf1" : "auto", "model", run->model.hash, NULL };
    dcn_status st;

    if ((st = check_not_input(run, path, err)))
        return st;
    return dcn_image_save_png(sheet, path, texts, err);
}

/* ---- what the network answered -------------------------------------------------------------- */

static void find_top(const float *answers, int classes, int *top, int *n)
{
    *n = classes < TOP ? classes : TOP;
    for (int k = 0; k < *n; k++) {
        top[k] = -1;
        for (int i = 0; i < classes; i++) {
            bool taken = false;

            for (int j = 0; j < k; j++)
                taken |= top[j] == i;
            if (!taken && (top[k] < 0 || answers[i] > answers[top[k]]))
                top[k] = i;
        }
    }
}

static void print_top(const show_run *run, int first, int i, const char *path)
{
    const float *answers = run->answers + (size_t)i * (size_t)run->classes;
    char number[16], name[80], line[512];
    int top[TOP], n;
    size_t used;

    find_top(answers, run->classes, top, &n);
    used = (size_t)snprintf(line, sizeof line, "%s%s%s%s:", run->names[first + i],
                            run->truths[first + i] ? " (" : "",
                            run->truths[first + i] ? run->truths[first + i] : "",
                            run->truths[first + i] ? ")" : "");
    for (int k = 0; k < n && used < sizeof line - 120; k++) {
        cli_escape(name, sizeof name, show_class_name(run, top[k], number, sizeof number));
        used += (size_t)snprintf(line + used, sizeof line - used, "%s %s %.1f %%", k ? "," : "",
                                 name, 100 * answers[top[k]]);
    }
    puts(line);
    if (path)
        printf("    %s\n", path);
}

static void add_json(const show_run *run, int first, int i, const char *path)
{
    const float *answers = run->answers + (size_t)i * (size_t)run->classes;
    cli_json *picture = cli_json_object(run->json, NULL), *list;
    char number[16];
    int top[TOP], n;

    find_top(answers, run->classes, top, &n);
    cli_json_text(picture, "name", run->names[first + i]);
    cli_json_text(picture, "file", path);
    cli_json_text(picture, "truth", run->truths[first + i]);
    list = cli_json_array(picture, "top");
    for (int k = 0; k < n; k++) {
        cli_json *entry = cli_json_object(list, NULL);

        cli_json_text(entry, "class", show_class_name(run, top[k], number, sizeof number));
        cli_json_int(entry, "index", top[k]);
        cli_json_real(entry, "value", answers[top[k]]);
    }
}

static void tell(const show_run *run, int first, int i, const char *path)
{
    if (run->json)
        add_json(run, first, i, path);
    else if (!run->options.silent)
        print_top(run, first, i, path);
}

/* In the terminal: the strip alone, whose pixels are large enough to be seen there. */
static dcn_status show_in_terminal(const show_run *run, int first, int i, dcn_error *err)
{
    dcn_image strip = { 0 };
    dcn_status st;

    if (run->json || run->options.silent || !cli_can_show(run->options.shared.graphics))
        return DCN_OK;
    if (!(st = draw_sheet(run, first, i, true, NULL, &strip, err)))
        cli_show_picture(&strip, run->options.shared.graphics);
    dcn_image_clear(&strip);
    return st;
}

dcn_status show_draw(show_run *run, int first, int i, dcn_error *err)
{
    const show_options *o = &run->options;
    char *layers, *channel, *caption, *path;
    dcn_image sheet = { 0 };
    dcn_status st;

    if (!o->out) {
        tell(run, first, i, NULL);
        return DCN_OK;
    }
    layers = layer_names(run);
    channel = channel_text(o);
    caption = cli_text("rule %s, layer %s, from %s%s%s, scale %s, model %s", dcn_rule_name(o->rule),
                       layers, dcn_from_name(o->from), *channel == '-' ? "" : " ",
                       *channel == '-' ? "" : channel, o->scale == DCN_SCALE_TF1 ? "tf1" : "auto",
                       run->model.hash);
    path = picture_path(run, first + i);
    /* TensorFlow's strip has no headings. */
    st = draw_sheet(run, first, i, o->scale == DCN_SCALE_TF1, caption, &sheet, err);
    if (!st && !(st = save_sheet(run, &sheet, path, layers, channel, err))) {
        tell(run, first, i, path);
        st = show_in_terminal(run, first, i, err);
    }
    dcn_image_clear(&sheet);
    free(path);
    free(caption);
    free(channel);
    free(layers);
    return st;
}
