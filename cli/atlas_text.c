/* atlas_text.c - what atlas and atlas-merge say before and after their work, as text or as JSON. */
#include "atlas.h"

#include "json.h"
#include "load_model.h"
#include "message.h"
#include "network.h"

#include <math.h>
#include <stdlib.h>

typedef struct tally { int64_t channels, dead, saturated, duplicate, units; } tally;

const char *atlas_count(char *text, int64_t n)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    char *out = text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

static bool draws_book(const atlas_run *run)
{
    return !run->options.scan_only && !run->options.shards;
}

bool atlas_talks(const atlas_run *run)
{
    return !run->options.shared.json && cli_verbosity() >= 0;
}

static const char *split_text(dcn_pictures pictures)
{
    return pictures == DCN_PICTURES_TRAIN ? "training" : pictures == DCN_PICTURES_TEST ? "test"
                                                                                        : "all";
}

static double mebibytes(double bytes)
{
    return ceil(bytes / (1 << 20));
}

/* With --raw what is drawn waits on the disk as numbers, too: before the drawing the library does
 * not know of it. */
static double disk_bytes(const atlas_run *run)
{
    const dcn_graph *graph = run->model.graph;
    const dcn_shape in = cli_shape_of(graph, cli_input_of(graph));
    const int top = run->options.top ? run->options.top : ATLAS_TOP;
    double bytes = (double)dcn_atlas_disk(run->atlas);

    for (int i = 0; i < dcn_atlas_layer_count(run->atlas) && run->options.raw; i++) {
        dcn_node_info info;
        double patch;

        dcn_graph_node_info(graph, dcn_atlas_layer(run->atlas, i), &info);
        patch = (double)(info.field.size[0] < in.h ? info.field.size[0] : in.h);
        patch *= (double)(info.field.size[1] < in.w ? info.field.size[1] : in.w);
        bytes += patch * in.c * (double)sizeof(float) * info.shape.c * top;
    }
    return bytes;
}

void atlas_announce(const atlas_run *run)
{
    const atlas_options *o = &run->options;
    const int64_t done = dcn_atlas_scanned(run->atlas), all = dcn_atlas_pictures(run->atlas);
    const bool draws = draws_book(run);
    char n[32], name[128], *way = cli_way_text(&o->way);

    cli_tell_guess(&run->model, &o->shared);
    if (atlas_talks(run)) {
        cli_escape(name, sizeof name, run->info.name);
        printf("%s pictures of %s, the %d strongest a channel%s%s\n", split_text(o->pictures),
               name, o->top ? o->top : ATLAS_TOP, draws ? ", drawn by " : "", draws ? way : "");
        printf("%s\n", dcn_atlas_text(run->atlas));
        cli_escape(name, sizeof name, run->out);
        printf("writing to %s; memory at most %.0f MiB", name,
               mebibytes((double)dcn_atlas_bytes(run->atlas)));
        if (draws)
            printf("; while drawing, %.0f MiB of disk for tiles.tmp", mebibytes(disk_bytes(run)));
        putchar('\n');
        if (o->n_parts)
            printf("put together of %d parts\n", o->n_parts);
        else if (all == 0)
            printf("there are fewer pictures than parts: this part has none\n");
        else if (done == all)
            printf("the scan is there already%s\n", !draws ? "" : atlas_holds(run, "tiles.tmp")
                   ? "; going on with the drawing" : "; drawing anew");
        else if (done > 0)
            printf("going on at picture %s of %s\n", atlas_count(n, done + 1),
                   atlas_count(name, all));
        fflush(stdout);
    }
    free(way);
}

/* ---- the end -------------------------------------------------------------------------------- */

static dcn_status count_layer(tally *t, const atlas_run *run, int layer, dcn_error *err)
{
    const int channels = cli_shape_of(run->model.graph, dcn_atlas_layer(run->atlas, layer)).c;

    for (int k = 0; k < channels; k++) {
        dcn_atlas_channel c;
        const dcn_status st = dcn_atlas_channel_get(run->atlas, layer, k, &c, err);

        if (st)
            return st;
        t->channels++;
        t->units += c.n_top;
        t->dead += c.kind == DCN_CHANNEL_DEAD;
        t->saturated += c.kind == DCN_CHANNEL_SATURATED;
        t->duplicate += c.kind == DCN_CHANNEL_DUPLICATE;
    }
    return DCN_OK;
}

static double rate(int64_t n, double seconds)
{
    return seconds > 0 ? (double)n / seconds : 0;
}

static void print_work(const char *what, const char *unit, int64_t n, double seconds)
{
    char count[32], speed[32];

    printf("%-8s %s %s%s in %.1f s, %s a second\n", what, atlas_count(count, n), unit,
           n == 1 ? "" : "s", seconds, atlas_count(speed, (int64_t)(rate(n, seconds) + 0.5)));
}

static void print_text(const atlas_run *run, const tally *t, bool drawn)
{
    char n[32], path[512];

    printf("channels %s", atlas_count(n, t->channels));
    if (!run->options.shards)           /* what a part has not seen may be in the others */
        printf(", %lld dead, %lld saturated, %lld duplicate", (long long)t->dead,
               (long long)t->saturated, (long long)t->duplicate);
    putchar('\n');
    if (run->scanned)
        print_work("scan", "picture", run->scanned, run->scan_seconds);
    if (drawn)
        print_work("drawing", "unit", run->drawn, run->draw_seconds);
    cli_escape(path, sizeof path, run->out);
    printf("%s/%s\n", path, drawn ? "index.html" : "scan.safetensors");
}

static void add_tally(cli_json *to, const tally *t)
{
    cli_json_int(to, "channels", t->channels);
    cli_json_int(to, "alive", t->channels - t->dead);
    cli_json_int(to, "dead", t->dead);
    cli_json_int(to, "saturated", t->saturated);
    cli_json_int(to, "duplicate", t->duplicate);
    cli_json_int(to, "units", t->units);
}

static void add_settings(cli_json *json, const atlas_run *run, bool drawn)
{
    static const char *const splits[] = { "test", "train", "all" };
    const atlas_options *o = &run->options;
    const cli_guess guess = cli_guess_of(&run->model, &o->shared);
    char *index = cli_text("%s/index.html", run->out), *way = cli_way_text(&o->way);

    cli_json_text(json, "book", run->out);
    cli_json_text(json, "index", drawn ? index : NULL);
    cli_json_text(json, "scan", run->state);
    cli_json_text(json, "model", run->model.hash);
    cli_json_text(json, "data", run->info.name);
    cli_json_text(json, "split", splits[o->pictures]);
    cli_json_int(json, "shard", o->shards ? o->shard : 1);
    cli_json_int(json, "shards", o->shards ? o->shards : 1);
    cli_json_text(json, "rule", way);
    cli_json_text(json, "guessed", *guess.text ? guess.text : NULL);
    cli_json_text(json, "plan", dcn_atlas_text(run->atlas));
    cli_json_bool(json, "exact", o->shared.exact);
    cli_json_int(json, "memory_bytes", (int64_t)dcn_atlas_bytes(run->atlas));
    cli_json_int(json, "disk_bytes", (int64_t)dcn_atlas_disk(run->atlas));
    cli_json_int(json, "pictures", dcn_atlas_pictures(run->atlas));
    cli_json_int(json, "scanned", run->scanned);
    cli_json_real(json, "scan_seconds", run->scan_seconds);
    cli_json_real(json, "pictures_per_second", rate(run->scanned, run->scan_seconds));
    cli_json_int(json, "drawn", run->drawn);
    cli_json_real(json, "draw_seconds", run->draw_seconds);
    cli_json_real(json, "units_per_second", rate(run->drawn, run->draw_seconds));
    free(way);
    free(index);
}

dcn_status atlas_report(const atlas_run *run, dcn_error *err)
{
    const atlas_options *o = &run->options;
    const bool drawn = draws_book(run);
    const int n = dcn_atlas_layer_count(run->atlas);
    cli_json *json = o->shared.json ? cli_json_create() : NULL, *list = NULL;
    tally all = { 0 };
    dcn_status st = DCN_OK;

    if (json) {
        add_settings(json, run, drawn);
        list = cli_json_array(json, "layers");
    }
    for (int i = 0; i < n && !st; i++) {
        tally one = { 0 };

        st = count_layer(&one, run, i, err);
        all = (tally){ all.channels + one.channels, all.dead + one.dead,
                       all.saturated + one.saturated, all.duplicate + one.duplicate,
                       all.units + one.units };
        if (json && !st) {
            cli_json *layer = cli_json_object(list, NULL);

            cli_json_text(layer, "name",
                          cli_name_of(run->model.graph, dcn_atlas_layer(run->atlas, i)));
            add_tally(layer, &one);
        }
    }
    if (!st && json) {
        add_tally(json, &all);
        st = cli_json_print(json, err);
    } else if (!st) {
        print_text(run, &all, drawn);
    }
    if (json)
        cli_json_destroy(json);
    return st;
}
