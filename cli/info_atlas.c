/* info_atlas.c - what info says of the scan of an atlas, and of the folder that holds one. */
#include "info.h"

#include "message.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char *const splits[] = { "test", "train", "all" };

static void add(cli_json *json, const dcn_scan *s, int64_t channels)
{
    cli_json *layers;

    cli_json_text(json, "split", splits[s->pictures]);
    cli_json_int(json, "pictures", s->total);
    cli_json_int(json, "top", s->top);
    cli_json_int(json, "shard", s->shard + 1);
    cli_json_int(json, "shards", s->shards);
    cli_json_int(json, "first", s->first);
    cli_json_int(json, "end", s->end);
    cli_json_int(json, "scanned", s->next - s->first);
    cli_json_int(json, "to_scan", s->end - s->next);
    cli_json_text(json, "scan", s->next == s->end ? "finished" : "unfinished");
    cli_json_int(json, "channels", channels);
    layers = cli_json_array(json, "layers");
    for (int i = 0; i < s->n_layers; i++) {
        cli_json *layer = cli_json_object(layers, NULL);

        cli_json_text(layer, "name", s->layers[i]);
        cli_json_int(layer, "channels", s->channels[i]);
    }
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void print(const dcn_scan *s, int64_t channels)
{
    const int64_t mine = s->end - s->first, done = s->next - s->first;
    char name[256];

    printf("%-12s %lld %s picture%s\n", "pictures", (long long)s->total,
           s->pictures == DCN_PICTURES_ALL ? "training and test"
           : s->pictures == DCN_PICTURES_TRAIN ? "training" : "test", plural(s->total));
    printf("%-12s %d unit%s a channel\n", "top", s->top, plural(s->top));
    if (s->shards > 1)
        printf("%-12s %d of %d\n", "shard", s->shard + 1, s->shards);
    printf("%-12s %s: %lld of %lld picture%s scanned\n", "scan",
           done == mine ? "finished" : "unfinished", (long long)done, (long long)mine,
           plural(mine));
    printf("%-12s %d, %lld channel%s\n", "layers", s->n_layers, (long long)channels,
           plural(channels));
    for (int i = 0; i < s->n_layers; i++) {
        cli_escape(name, sizeof name, s->layers[i]);
        printf("%-12s %s %lld\n", "", name, (long long)s->channels[i]);
    }
}

dcn_status info_scan(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_scan s;
    const dcn_status st = dcn_scan_read(&s, path, &run->shared.limits, err);
    int64_t channels = 0;

    if (st)
        return st;
    for (int i = 0; i < s.n_layers; i++)
        channels += s.channels[i];
    info_text(json, "model", s.model);
    info_text(json, "data", s.data);
    info_text(json, "preprocess", s.preprocess);
    info_text(json, "engine", s.engine);
    if (json)
        add(json, &s, channels);
    else
        print(&s, channels);
    dcn_scan_clear(&s);
    return DCN_OK;
}

/* Is there such a file in the folder? */
static bool holds(const char *folder, const char *name)
{
    char *path = cli_text("%s/%s", folder, name);
    struct stat file;
    const bool there = stat(path, &file) == 0;

    free(path);
    return there;
}

dcn_status info_atlas(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    char *file;
    dcn_status st;

    info_text(json, "page", holds(path, "index.html") ? "index.html" : "none");
    if (!holds(path, "scan.safetensors")) {
        info_text(json, "scan", "none");
        return DCN_OK;
    }
    file = cli_text("%s/scan.safetensors", path);
    st = info_scan(json, run, file, err);
    free(file);
    return st;
}
