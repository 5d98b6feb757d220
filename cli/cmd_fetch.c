/* cmd_fetch.c - deconvnet fetch: the official CIFAR-10 archive, once, into the cache. */
#include "find_data.h"
#include "interrupt.h"
#include "message.h"
#include "options.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_TO = CLI_KEY_OWN, KEY_URL };

typedef struct fetch_run {
    cli_shared shared;
    const char *what, *to, *url;
    cli_progress progress;
} fetch_run;

static const struct argp_option options[] = {
    CLI_HEADER("What to fetch:", CLI_GROUP_MAIN),
    { "to", KEY_TO, "DIR", 0, "Where to put it ($XDG_CACHE_HOME/deconvnet, which every command "
      "searches)", CLI_GROUP_MAIN },
    { "url", KEY_URL, "URL", 0, "Another place to get the same archive from", CLI_GROUP_MAIN },
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Downloads the official CIFAR-10 archive (binary version, 163 MiB), checks its SHA-256 and "
    "unpacks it. An interrupted download goes on where it stopped. Nothing else of deconvnet uses "
    "the network.\v"
    "Example:\n"
    "  deconvnet fetch cifar10\n"
    "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    fetch_run *run = state->input;

    switch (key) {
    case KEY_TO: run->to = cli_parse_name(key, arg); break;
    case KEY_URL: run->url = cli_parse_name(key, arg); break;
    case ARGP_KEY_ARG:
        if (run->what)
            cli_refuse_argument(arg);
        run->what = arg;
        break;
    default: return cli_parse_shared(&run->shared, key, arg);
    }
    return 0;
}

static const struct argp argp = { options, parse, "cifar10", doc, NULL, NULL, NULL };

static int draw(void *user, int64_t done, int64_t total)
{
    /* In MB: bytes are too long a number to read while it changes. */
    cli_progress_draw(user, done / 1000000, total / 1000000, NULL);
    return cli_interrupt_asked();
}

static dcn_status fetch_main(int argc, char **argv, dcn_error *err)
{
    fetch_run run = { .what = NULL };
    char *folder;
    dcn_status st;

    cli_parse(&cli_fetch, argc, argv, &run);
    if (!run.what)
        return cli_fail(err, DCN_USAGE, "arguments",
                        "it is not said what to fetch; write deconvnet fetch cifar10");
    if (strcmp(run.what, "cifar10") != 0)
        return cli_fail(err, DCN_USAGE, "arguments",
                        "\"%.60s\" is not known; write deconvnet fetch cifar10",
                        run.what);
    folder = run.to ? cli_text("%s", run.to) : cli_cache_folder();
    if (!folder)
        return cli_fail(err, DCN_FILE, "XDG_CACHE_HOME",
                        "neither it nor HOME is set; give --to DIR");
    cli_interrupt_begin();
    cli_progress_begin(&run.progress, &run.shared, "fetch", "MB");
    st = dcn_fetch_cifar10(folder, run.url, draw, &run.progress, err);
    cli_progress_clear(&run.progress);
    if (st == DCN_STOPPED && cli_interrupted())
        st = cli_fail(err, (dcn_status)cli_interrupted(), folder,
                      "interrupted; run the same command to go on");
    else if (!st)
        printf("%s/cifar-10-batches-bin\n", folder);
    free(folder);
    return st;
}

const cli_command cli_fetch = { "fetch", "download CIFAR-10, resumable, checked", &argp,
                                fetch_main };
