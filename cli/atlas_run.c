/* atlas_run.c - from the options to an atlas, its scan and its book. Everything that can be refused
 * is refused before the folder is made; after that a signal loses nothing. */
#include "atlas.h"

#include "find_data.h"
#include "interrupt.h"
#include "layers.h"
#include "load_model.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

dcn_status atlas_advise(dcn_error *err, const char *advice)
{
    const dcn_error inner = *err;
    const char *colon = strstr(inner.text, ": "), *old = strrchr(inner.text, ';');
    char where[sizeof inner.text];

    if (!colon)
        return inner.status;
    snprintf(where, sizeof where, "%.*s", (int)(colon - inner.text), inner.text);
    colon += 2;
    return cli_fail(err, inner.status, where, "%.*s; %s",
                    old > colon ? (int)(old - colon) : (int)strlen(colon), colon, advice);
}

/* ---- preparing ------------------------------------------------------------------------------ */

/* The named layers, each once. */
static dcn_status choose_layers(atlas_run *run, dcn_error *err)
{
    dcn_status st;
    int n, kept = 0;

    if (!run->options.layers)
        return DCN_OK;
    st = cli_name_layers(&run->layers, &n, run->model.graph, run->options.layers, true,
                         "--layers", err);
    if (st)
        return st;
    for (int i = 0; i < n; i++) {
        bool there = false;

        for (int k = 0; k < kept && !there; k++)
            there = run->layers[k] == run->layers[i];
        if (!there)
            run->layers[kept++] = run->layers[i];
    }
    run->n_layers = kept;
    return DCN_OK;
}

static dcn_status choose_way(atlas_run *run, dcn_error *err)
{
    cli_way *way = &run->options.way;
    dcn_status st = cli_choose_way(way, DCN_RULE_DECONVNET, err);

    if (!st && way->compat == CLI_COMPAT_CAPTUM && way->rule == DCN_RULE_GRADIENT)
        return cli_fail(err, DCN_USAGE, "--compat", "captum's gradient is a magnitude, an atlas "
                        "draws signs; use --compat zennit or leave it out");
    return st;
}

static dcn_status check_pictures(const atlas_run *run, dcn_error *err)
{
    const int64_t *count = run->info.count;
    const dcn_pictures want = run->options.pictures;
    const bool train = want == DCN_PICTURES_TRAIN;

    if ((want == DCN_PICTURES_ALL ? count[0] + count[1]
         : count[train ? DCN_SPLIT_TRAIN : DCN_SPLIT_TEST]) > 0)
        return DCN_OK;
    return cli_fail(err, DCN_USAGE, "--split", "%s has no %s pictures; give --split %s",
                    run->info.name, train ? "training" : "test", train ? "test" : "train");
}

static dcn_status create(atlas_run *run, dcn_error *err)
{
    const atlas_options *o = &run->options;
    const dcn_atlas_desc desc = {
        .layers = run->layers, .n_layers = run->n_layers, .top = o->top, .pictures = o->pictures,
        .shard = o->shards ? o->shard - 1 : 0, .shards = o->shards,
        .way = cli_route(&o->way, 0), .tile = o->tile,
        .engine = o->shared.engine, .batch = o->shared.batch, .threads = o->shared.threads,
        .exact = o->shared.exact, .max_bytes = o->shared.max_memory };

    return dcn_atlas_create(&run->atlas, &run->model, run->data, &desc, err);
}

/* A book among the pictures would be a part of the data from then on. */
static dcn_status check_apart(const atlas_run *run, dcn_error *err)
{
    char data[120], out[120];

    if (!strcmp(run->info.kind, "synthetic") || !cli_lies_in(run->out, run->info.path))
        return DCN_OK;
    cli_escape(data, sizeof data, run->info.path);
    cli_escape(out, sizeof out, run->out);
    return cli_fail(err, DCN_USAGE, "--out", "%s lies in the data, %s, which the book would "
                    "change; name a folder elsewhere", out, data);
}

dcn_status atlas_prepare(atlas_run *run, dcn_error *err)
{
    const cli_shared *s = &run->options.shared;
    dcn_status st;

    if ((st = cli_check_folder(run->out, err))
        || (st = cli_load_model(&run->model, run->model_path, s, err))
        || (st = choose_layers(run, err)) || (st = choose_way(run, err))
        || (st = cli_open_data(&run->data, s, err)))
        return st;
    dcn_data_info_get(run->data, &run->info);
    if ((st = check_apart(run, err)) || (st = check_pictures(run, err)))
        return st;
    return create(run, err);
}

/* ---- the folder and what it holds ----------------------------------------------------------- */

bool atlas_holds(const atlas_run *run, const char *name)
{
    char *path = cli_text("%s/%s", run->out, name);
    const bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

dcn_status atlas_open_book(atlas_run *run, dcn_error *err)
{
    dcn_status st;

    if ((st = dcn_atlas_check_folder(run->out, err)) ||
        (st = cli_run_open(&run->folder, run->out, err)))
        return st;
    cli_run_clean(&run->folder, false);
    return DCN_OK;
}

/* What the library advises where the same pictures give other bits is better than a new scan. */
static void advise_fresh(dcn_error *err)
{
    atlas_advise(err, strstr(err->text, "; set exact")
                 ? "give --exact as for that scan, --fresh, which scans again, or another --out"
                 : strstr(err->text, "; leave exact out")
                 ? "leave --exact out as for that scan, or give --fresh, which scans again, or "
                   "another --out"
                 : strstr(err->text, "ONEDNN_MAX_CPU_ISA")
                 ? "set ONEDNN_MAX_CPU_ISA as it was for that scan (AVX2 for instance), give "
                   "--fresh, which scans again, or another --out"
                 : "give --fresh, which forgets that scan and scans again, or another --out");
}

dcn_status atlas_find_state(atlas_run *run, dcn_error *err)
{
    dcn_status st;

    if (run->options.fresh) {
        if (unlink(run->state) == 0 || errno == ENOENT)
            return DCN_OK;
        return cli_fail(err, DCN_FILE, run->state, "cannot be removed (%s); name another --out",
                        strerror(errno));
    }
    if (access(run->state, F_OK) != 0)
        return DCN_OK;
    st = dcn_atlas_load(run->atlas, run->state, err);
    if (st == DCN_STATE || st == DCN_INPUT)
        advise_fresh(err);
    return st;
}

/* ---- scanning and drawing ------------------------------------------------------------------- */

static int follow(void *user, int64_t done, int64_t total)
{
    atlas_run *run = user;

    run->begun = run->begun < 0 ? done : run->begun;
    run->done = done;
    cli_progress_draw(&run->progress, done, total, NULL);
    return cli_interrupt_asked();
}

static void begin(atlas_run *run, const char *what, const char *unit)
{
    run->begun = -1;
    run->done = 0;
    cli_progress_begin(&run->progress, &run->options.shared, what, unit);
}

/* --fresh would begin anew. */
static const char *how_to_go_on(const atlas_run *run)
{
    return run->options.fresh ? "go on with the same command without --fresh"
                              : "go on with the same command";
}

static dcn_status stopped_scan(const atlas_run *run, dcn_error *err)
{
    char done[32], all[32];

    return cli_fail(err, (dcn_status)cli_interrupted(), run->out,
                    "interrupted; %s of %s pictures are scanned, %s",
                    atlas_count(done, dcn_atlas_scanned(run->atlas)),
                    atlas_count(all, dcn_atlas_pictures(run->atlas)), how_to_go_on(run));
}

dcn_status atlas_scan(atlas_run *run, dcn_error *err)
{
    const int64_t before = dcn_atlas_scanned(run->atlas);
    const double began = cli_seconds();
    dcn_status st;

    if (before == dcn_atlas_pictures(run->atlas) && access(run->state, F_OK) == 0)
        return DCN_OK;         /* a finished scan may hold more than is asked for: it stays */
    begin(run, "scan", "pictures");
    st = dcn_atlas_scan(run->atlas, run->state, follow, run, err);
    cli_progress_clear(&run->progress);
    run->scanned = dcn_atlas_scanned(run->atlas) - before;
    run->scan_seconds = cli_seconds() - began;
    return st == DCN_STOPPED && cli_interrupted() ? stopped_scan(run, err) : st;
}

dcn_status atlas_draw(atlas_run *run, dcn_error *err)
{
    const atlas_options *o = &run->options;
    const dcn_book_desc desc = { .model_name = run->model_name, .single = o->single,
                                 .raw = o->raw };
    const double began = cli_seconds();
    dcn_status st;

    begin(run, "draw", "units");
    st = dcn_atlas_draw(run->atlas, run->out, &desc, follow, run, err);
    cli_progress_clear(&run->progress);
    run->drawn = run->begun < 0 ? 0 : run->done - run->begun;
    run->draw_seconds = cli_seconds() - began;
    if (st != DCN_STOPPED || !cli_interrupted())
        return st;
    return cli_fail(err, (dcn_status)cli_interrupted(), run->out,
                    "interrupted while drawing, the scan is whole; %s", how_to_go_on(run));
}

void atlas_clear(atlas_run *run)
{
    dcn_atlas_destroy(run->atlas);
    dcn_model_clear(&run->model);
    dcn_data_close(run->data);
    cli_run_close(&run->folder);
    free(run->options.parts);
    free(run->layers);
    free(run->model_path);
    free(run->model_name);
    free(run->out);
    free(run->state);
}
