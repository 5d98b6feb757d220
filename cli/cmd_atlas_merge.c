/* cmd_atlas_merge.c - deconvnet atlas-merge: the parts of a scan, as one book. */
#include "atlas.h"

#include "interrupt.h"
#include "message.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct argp_option options[] = {
    CLI_HEADER("What was scanned:", CLI_GROUP_MAIN),
    CLI_OPTION_MODEL,
    CLI_OPTION_DATA,
    ATLAS_OPTIONS_WHAT,
    { "scan-only", ATLAS_KEY_SCAN_ONLY, NULL, 0, "Put the scan together and draw nothing",
      CLI_GROUP_MAIN },
    CLI_HEADER("How to walk down:", CLI_GROUP_MORE),
    CLI_OPTION_RULE("deconvnet"),
    CLI_OPTIONS_BITS,
    CLI_OPTIONS_INPUT,
    CLI_HEADER("Where to:", CLI_GROUP_OUTPUT),
    { "out", ATLAS_KEY_OUT, "BOOK", 0,
      "Folder for the book, not inside the data (of a run RUN/atlas, else atlas-NAME beside the "
      "model's file)",
      CLI_GROUP_OUTPUT },
    ATLAS_OPTIONS_BOOK,
    CLI_OPTION_JSON,
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Puts together what deconvnet atlas --shard 1/N to N/N scanned, and draws the book: to the "
    "byte the one of a single run. A part is a folder that atlas wrote, or the scan.safetensors "
    "in it. Model, data, --split, --layers and --top must be those of the parts; the other options "
    "are those of deconvnet atlas. " ATLAS_ALIKE "\v"
    "Examples:\n"
    "  deconvnet atlas-merge part1 part2 --model runs/tutorial --out book\n"
    "  deconvnet atlas-merge part* --model m.onnx --data photos --out m --single\n"
    "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    atlas_options *o = state->input;

    if (key != ARGP_KEY_ARG)
        return atlas_parse(o, key, arg);
    o->parts = cli_grow(o->parts, (size_t)o->n_parts + 1, sizeof *o->parts);
    o->parts[o->n_parts++] = cli_parse_name(key, arg);
    return 0;
}

static const struct argp argp = { options, parse, "PART...", doc, NULL, NULL, NULL };

/* The part's file. Allocated. */
static dcn_status find_part(const atlas_run *run, const char *part, char **file, dcn_error *err)
{
    struct stat status, book;

    *file = cli_text("%s", part);
    if (stat(part, &status) == 0 && S_ISDIR(status.st_mode)) {
        free(*file);
        *file = cli_text("%s/scan.safetensors", part);
        if (stat(*file, &status) != 0)
            return cli_fail(err, DCN_FILE, part, "is a folder without a scan.safetensors; name one "
                            "that deconvnet atlas --shard wrote");
    } else if (stat(part, &status) != 0) {
        return cli_fail(err, DCN_FILE, part, "is not there; name a folder that deconvnet atlas "
                        "--shard wrote");
    }
    if (stat(run->state, &book) == 0 && book.st_ino == status.st_ino
        && book.st_dev == status.st_dev)
        return cli_fail(err, DCN_USAGE, part, "is also the --out, where the whole would replace "
                        "it; name another folder for the book");
    return DCN_OK;
}

static dcn_status merge(atlas_run *run, char **files, dcn_error *err)
{
    const atlas_options *o = &run->options;
    dcn_status st;

    if ((st = atlas_prepare(run, err)) || (st = atlas_open_book(run, err))
        || (st = atlas_find_state(run, err))
        || (st = dcn_atlas_merge(run->atlas, (const char *const *)files, o->n_parts, err))
        || (st = dcn_atlas_save(run->atlas, run->state, err)))
        return st;
    cli_interrupt_begin();
    atlas_announce(run);
    if (!o->scan_only && (st = atlas_draw(run, err)))
        return st;
    return atlas_report(run, err);
}

static dcn_status merge_main(int argc, char **argv, dcn_error *err)
{
    atlas_run run = { .options = { .way = CLI_WAY_USUAL }, .folder = { NULL, -1 } };
    dcn_status st = DCN_OK;
    char **files;
    int n = 0;

    cli_parse(&cli_atlas_merge, argc, argv, &run.options);
    if (run.options.n_parts == 0)
        cli_die(DCN_USAGE, "arguments", "no part is named; name the folders that deconvnet atlas "
                "--shard wrote");
    atlas_choose_paths(&run);
    files = cli_alloc((size_t)run.options.n_parts, sizeof *files);
    while (n < run.options.n_parts && !st) {
        st = find_part(&run, run.options.parts[n], &files[n], err);
        n++;
    }
    if (!st)
        st = merge(&run, files, err);
    while (n > 0)
        free(files[--n]);
    free(files);
    atlas_clear(&run);
    return st;
}

const cli_command cli_atlas_merge = { "atlas-merge", "the parts of a scan, as one book", &argp,
                                      merge_main };
