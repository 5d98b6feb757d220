/* cmd_atlas.c - deconvnet atlas: every channel's strongest pictures and their projections, as a
 * book. */
#include "atlas.h"

#include "interrupt.h"
#include "message.h"

static const struct argp_option options[] = {
    CLI_HEADER("What to scan:", CLI_GROUP_MAIN),
    CLI_OPTION_MODEL,
    CLI_OPTION_DATA,
    ATLAS_OPTIONS_WHAT,
    { "shard", ATLAS_KEY_SHARD, "I/N", 0,
      "Scan the I-th of N parts of the pictures, 1/N to N/N, and draw nothing: deconvnet "
      "atlas-merge puts the parts together. " ATLAS_ALIKE, CLI_GROUP_MAIN },
    { "scan-only", ATLAS_KEY_SCAN_ONLY, NULL, 0,
      "Scan and stop; the same command without it draws", CLI_GROUP_MAIN },
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
    ATLAS_OPTION_BATCH,
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Finds for every channel of every layer the pictures of a data set that excite it most, cuts "
    "out of each exactly what the strongest unit sees, and draws beside it what that unit is "
    "projected down to. BOOK/index.html shows all of it; BOOK/atlas.json says it in numbers "
    "(docs/formats/atlas.md). Channels that never fire, are the same on every picture or do what "
    "an earlier one does are listed with the reason.\n\n"
    "First all pictures go through the network once (the scan), then the found units are drawn. "
    "Ctrl-C at any moment loses nothing: the same command goes on. The book is the same to the "
    "byte for any batch size, number of threads and number of parts, and after any "
    "interruption.\v"
    "Examples:\n"
    "  deconvnet atlas --model runs/tutorial\n"
    "  deconvnet atlas --model resnet18.onnx --data photos --layers conv\n"
    "  deconvnet atlas --model vgg16.onnx --data imagenet -k 16 --single\n"
    "On two machines, then one book:\n"
    "  deconvnet atlas --model m.onnx --data photos --shard 1/2 --out part1\n"
    "  deconvnet atlas --model m.onnx --data photos --shard 2/2 --out part2\n"
    "  deconvnet atlas-merge part1 part2 --model m.onnx --data photos --out m\n"
    "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        cli_refuse_argument(arg);
    return atlas_parse(state->input, key, arg);
}

static const struct argp argp = { options, parse, "", doc, NULL, NULL, NULL };

static dcn_status work(atlas_run *run, dcn_error *err)
{
    const atlas_options *o = &run->options;
    dcn_status st;

    if ((st = atlas_prepare(run, err)) || (st = atlas_open_book(run, err))
        || (st = atlas_find_state(run, err)))
        return st;
    cli_interrupt_begin();
    atlas_announce(run);
    if ((st = atlas_scan(run, err)))
        return st;
    if (!o->scan_only && !o->shards && (st = atlas_draw(run, err)))
        return st;
    return atlas_report(run, err);
}

static dcn_status atlas_main(int argc, char **argv, dcn_error *err)
{
    atlas_run run = { .options = { .way = CLI_WAY_USUAL }, .folder = { NULL, -1 } };
    dcn_status st;

    cli_parse(&cli_atlas, argc, argv, &run.options);
    atlas_choose_paths(&run);
    st = work(&run, err);
    atlas_clear(&run);
    return st;
}

const cli_command cli_atlas = { "atlas", "every channel's strongest pictures, as a book", &argp,
                                atlas_main };
