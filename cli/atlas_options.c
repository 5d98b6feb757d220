/* atlas_options.c - the arguments of atlas and atlas-merge, and where their results go. */
#include "atlas.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>

/* "2/4": the second of four. */
static void parse_shard(atlas_options *o, int key, const char *arg)
{
    enum { SHARDS_MAX = 65536 };
    const size_t length = strcspn(arg, "/");
    char number[24];

    if (length == 0 || length >= sizeof number || !arg[length] || !arg[length + 1])
        cli_die(DCN_USAGE, cli_source(key), "\"%.60s\" is not a part of a whole; write I/N, of "
                "four parts 1/4, 2/4, 3/4, 4/4", arg);
    snprintf(number, sizeof number, "%.*s", (int)length, arg);
    o->shards = (int)cli_parse_int(key, arg + length + 1, 1, SHARDS_MAX);
    o->shard = (int)cli_parse_int(key, number, 1, o->shards);
}

error_t atlas_parse(atlas_options *o, int key, char *arg)
{
    static const char *const splits[] = { "test", "train", "all", NULL };
    static const char *const raws[] = { "safetensors", "npz", NULL };

    switch (key) {
    case ATLAS_KEY_LAYERS: o->layers = cli_parse_name(key, arg); break;
    case ATLAS_KEY_SPLIT: o->pictures = (dcn_pictures)cli_parse_word(key, arg, splits); break;
    case 'k': o->top = (int)cli_parse_int(key, arg, 1, 100); break;
    case ATLAS_KEY_TILE: o->tile = (int)cli_parse_int(key, arg, 8, 512); break;
    case ATLAS_KEY_SINGLE: o->single = true; break;
    case ATLAS_KEY_RAW:
        o->raw = cli_parse_word(key, arg, raws) ? DCN_RAW_NPZ : DCN_RAW_SAFETENSORS;
        break;
    case ATLAS_KEY_SHARD: parse_shard(o, key, arg); break;
    case ATLAS_KEY_FRESH: o->fresh = true; break;
    case ATLAS_KEY_SCAN_ONLY: o->scan_only = true; break;
    case ATLAS_KEY_OUT: o->out = cli_parse_name(key, arg); break;
    default: return cli_parse_way(&o->way, key, arg) == 0 ? 0
                    : cli_parse_shared(&o->shared, key, arg);
    }
    return 0;
}

/* A run is named after its folder, any other model after its file. */
static char *name_model(const char *path, const char *base, bool is_run)
{
    const char *end = strrchr(base, '.');
    size_t folder = (size_t)(base - path);

    if (!is_run)
        return cli_text("%.*s", (int)(end && end > base ? end - base : (long)strlen(base)), base);
    while (folder > 0 && path[folder - 1] == '/')
        folder--;
    base = path + folder;
    while (base > path && base[-1] != '/')
        base--;
    if (base == path + folder || *base == '.')
        return cli_text("model");
    return cli_text("%.*s", (int)(path + folder - base), base);
}

void atlas_choose_paths(atlas_run *run)
{
    const atlas_options *o = &run->options;
    const char *path = run->model_path = cli_model_path(&o->shared), *slash = strrchr(path, '/'),
               *base = slash ? slash + 1 : path;
    const bool is_run = !strcmp(base, "model.safetensors");
    char shard[40] = "";

    run->model_name = name_model(path, base, is_run);
    if (o->shards)
        snprintf(shard, sizeof shard, "-shard-%d-of-%d", o->shard, o->shards);
    run->out = o->out ? cli_text("%s", o->out)
               : cli_text("%.*satlas%s%s%s", (int)(base - path), path, is_run ? "" : "-",
                          is_run ? "" : run->model_name, shard);
    run->state = cli_text("%s/scan.safetensors", run->out);
}
