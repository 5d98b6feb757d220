/* show_channels.c - which channels of a layer are drawn for one picture, strongest first.
 *
 * A channel is as strong as its largest activation. One without any activation but zero never
 * fired: there is nothing to walk down, so it is listed and not drawn (--dead draws it). */
#include "show.h"

#include "message.h"
#include "network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct strength { float value; int channel; bool fired; } strength;

static dcn_status fetch(show_run *run, show_layer *layer, dcn_error *err)
{
    dcn_status st;

    if (layer->fresh)
        return DCN_OK;
    if (!layer->values)
        layer->values = cli_alloc((size_t)run->chunk, cli_volume(layer->shape) * sizeof(float));
    st = dcn_plan_value(run->plan, layer->node, layer->values, err);
    layer->fresh = !st;
    return st;
}

/* One pass over (H,W,C). A NaN counts only where there is no number, as for dcn_plan_peak. */
static void measure(const show_layer *layer, int picture, strength *channels)
{
    const size_t cells = (size_t)layer->shape.h * (size_t)layer->shape.w;
    const int n = layer->shape.c;
    const float *v = layer->values + (size_t)picture * cells * (size_t)n;

    for (int c = 0; c < n; c++)
        channels[c] = (strength){ v[c], c, false };
    for (size_t i = 0; i < cells; i++, v += n)
        for (int c = 0; c < n; c++) {
            if (v[c] > channels[c].value || (isnan(channels[c].value) && !isnan(v[c])))
                channels[c].value = v[c];
            channels[c].fired |= v[c] != 0;
        }
}

static int compare(const void *a, const void *b)
{
    const strength *x = a, *y = b;
    const float p = isnan(x->value) ? -HUGE_VALF : x->value,
                q = isnan(y->value) ? -HUGE_VALF : y->value;

    if (x->fired != y->fired)
        return x->fired ? -1 : 1;
    return p > q ? -1 : p < q ? 1 : x->channel - y->channel;
}

static void add(show_channels *to, int layer, const strength *s)
{
    to->tiles[to->n++] = (show_tile){ .layer = layer, .channel = s->channel, .value = s->value };
}

static dcn_status rank(show_run *run, int picture, int layer, show_channels *to, dcn_error *err)
{
    const show_options *o = &run->options;
    const int n = run->layers[layer].shape.c,
              most = o->top && o->top < SHOW_TILES_MAX ? o->top : SHOW_TILES_MAX;
    strength *channels;
    dcn_status st;

    if ((st = fetch(run, &run->layers[layer], err)))
        return st;
    channels = cli_alloc((size_t)n, sizeof *channels);
    measure(&run->layers[layer], picture, channels);
    qsort(channels, (size_t)n, sizeof *channels, compare);
    to->tiles = cli_alloc((size_t)n, sizeof *to->tiles);
    to->dead = cli_alloc((size_t)n, sizeof *to->dead);
    for (int c = 0; c < n; c++) {
        if (!channels[c].fired && !o->dead)
            to->dead[to->n_dead++] = channels[c].channel;
        else if (to->n < most)
            add(to, layer, &channels[c]);
        else
            to->hidden++;
    }
    free(channels);
    return DCN_OK;
}

static void take_named(const show_run *run, int picture, int first, int n, show_channels *to)
{
    const show_options *o = &run->options;

    to->tiles = cli_alloc((size_t)n * (size_t)o->n_channels, sizeof *to->tiles);
    for (int l = first; l < first + n; l++)
        for (int k = 0; k < o->n_channels; k++) {
            const int channel = o->channels[k] == SHOW_CLASS_TOP ? show_best_class(run, picture)
                                : o->channels[k];

            add(to, l, &(strength){ .channel = channel });
        }
}

static dcn_status locate(const show_run *run, int picture, show_tile *tile, dcn_error *err)
{
    const dcn_node node = run->layers[tile->layer].node;
    dcn_status st = dcn_plan_peak(run->plan, node, picture, tile->channel, &tile->y, &tile->x,
                                  &tile->value, err);

    if (!st && run->options.from == DCN_FROM_PEAK)
        st = dcn_graph_box(run->model.graph, node, tile->y, tile->x, &tile->box, err);
    return st;
}

dcn_status show_find_channels(show_run *run, int i, int first_layer, int n_layers,
                              show_channels *channels, dcn_error *err)
{
    dcn_status st = DCN_OK;

    *channels = (show_channels){ .n = 0 };
    if (run->options.all_channels)
        st = rank(run, i, first_layer, channels, err);
    else
        take_named(run, i, first_layer, n_layers, channels);
    for (int k = 0; k < channels->n && !st; k++)
        st = locate(run, i, &channels->tiles[k], err);
    return st;
}

void show_clear_channels(show_channels *channels)
{
    free(channels->tiles);
    free(channels->dead);
    *channels = (show_channels){ .n = 0 };
}
