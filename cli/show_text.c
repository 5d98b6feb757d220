/* show_text.c - what a sheet says about itself: in its file's name, its caption and its text
 * chunks. The same facts everywhere, from here alone. */
#include "show.h"

#include "message.h"
#include "network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Appends to an allocated text. */
static void append(char **text, const char *more)
{
    char *longer = cli_text("%s%s", *text, more);

    free(*text);
    *text = longer;
}

char *show_start_text(const show_run *run)
{
    const show_options *o = &run->options;

    return cli_text("%s%s", dcn_from_name(o->from), cli_begins_with_ones(&o->way) ? ", ones" : "");
}

char *show_layers_text(const show_run *run, int first, int n, bool brief)
{
    enum { BRIEF_MAX = 4 };
    char *text;

    if (brief && n > BRIEF_MAX)
        return cli_text("%s to %s (%d layers)", run->layers[first].name,
                        run->layers[first + n - 1].name, n);
    text = cli_text("%s", run->layers[first].name);
    for (int i = first + 1; i < first + n; i++) {
        append(&text, ",");
        append(&text, run->layers[i].name);
    }
    return text;
}

char *show_channels_text(const show_run *run, int best)
{
    const show_options *o = &run->options;
    char *text = cli_text(o->all_channels ? "all" : o->n_channels ? "" : "-");

    for (int k = 0; k < o->n_channels; k++) {
        char number[24];

        if (o->channels[k] != SHOW_CLASS_TOP)
            snprintf(number, sizeof number, "%s%d", k ? "," : "", o->channels[k]);
        else if (best < 0)
            snprintf(number, sizeof number, "top");
        else
            snprintf(number, sizeof number, "%d (top)", best);
        append(&text, number);
    }
    return text;
}

char *show_channel_text(const show_run *run, const show_tile *tile)
{
    char number[16];
    const bool class = run->layers[tile->layer].node == dcn_graph_logits(run->model.graph)
                       && run->answer != CLI_ANSWER_NONE && run->model.class_names;

    if (!class)
        return cli_text("channel %d", tile->channel);
    return cli_text("%s", cli_class_name(&run->model, tile->channel, number, sizeof number));
}

const char *show_number(double value, char *text, size_t size)
{
    snprintf(text, size, fabs(value) >= 1000 && fabs(value) < 1e6 ? "%.0f" : "%.3g", value);
    return text;
}

/* ---- the file's name ------------------------------------------------------------------------ */

/* Names may hold slashes, and be long; the last part of a name says most. */
static char *layers_part(const show_run *run, int first, int n)
{
    enum { PART_MAX = 60 };
    char *names = show_layers_text(run, first, n, false), *part;
    size_t length = strlen(names);

    if (n > 1 && length > PART_MAX) {
        free(names);
        names = cli_text("%s+%d", run->layers[first].name, n - 1);
        length = strlen(names);
    }
    part = cli_text("-%s", length > PART_MAX ? names + (length - PART_MAX) : names);
    free(names);
    for (char *c = part; *c; c++)
        *c = *c == ',' ? '+' : *c == '/' || (unsigned char)*c < 0x20 || *c == 0x7f ? '_' : *c;
    return part;
}

/* "cat-deconvnet-layer4-channel-17.png": pictures of other layers and rules stand beside it. */
char *show_sheet_path(const show_run *run, int i, int first_layer, int n_layers)
{
    enum { CHANNELS_MAX = 40 };
    const show_options *o = &run->options;
    const bool named = o->layer && strcmp(o->layer, "all") != 0;
    char *layers = named || o->all_channels ? layers_part(run, first_layer, n_layers)
                   : cli_text("%s", ""),
         *channels = show_channels_text(run, -1), *path;

    for (char *c = channels; *c; c++)
        *c = *c == ',' ? '+' : *c;
    path = cli_text("%s/%s-%s%s%s%s%s%s%s%s%.*s.png", o->out, run->pictures[i].name,
                    dcn_rule_name(o->way.rule), o->way.no_switches ? "-noswitches" : "",
                    o->way.compat ? "-" : "", o->way.compat ? cli_compat_name(&o->way) : "", layers,
                    show_by_channel(o) ? "-" : "",
                    show_by_channel(o) ? dcn_from_name(o->from) : "",
                    show_by_channel(o) ? "-" : "", show_by_channel(o) ? CHANNELS_MAX : 0,
                    channels);
    free(channels);
    free(layers);
    return path;
}

/* ---- the caption ---------------------------------------------------------------------------- */

char *show_caption(const show_run *run, int i, int first_layer, int n_layers, const char *more)
{
    const show_options *o = &run->options;
    char *rule = cli_way_text(&o->way),
         *layers = show_layers_text(run, first_layer, n_layers, true),
         *channels = show_channels_text(run, show_best_class(run, i)), *caption;

    caption = cli_text("rule %s, layer %s, from %s%s%.60s%s, scale %s%s, model %s %s%s%s", rule,
                       layers, dcn_from_name(o->from), *channels == '-' ? "" : " ",
                       *channels == '-' ? "" : channels,
                       cli_begins_with_ones(&o->way) ? ", ones" : "",
                       o->scale == DCN_SCALE_TF1 ? "tf1" : "auto", more,
                       run->model_name, run->model.hash,
                       *run->extensions ? ", extensions: " : "", run->extensions);
    free(channels);
    free(layers);
    free(rule);
    return caption;
}
