/* cmd_bench.c - deconvnet bench: is it right, then how fast is it. */
#include "bench.h"

#include "json.h"
#include "message.h"
#include "network.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_FILE = CLI_KEY_OWN, KEY_REPEATS, KEY_LAYER, KEY_CHANNELS };

/* Problems as they were given, until the options are known. */
typedef struct bench_options { bench_run run; char *words; int n_words; } bench_options;

static const struct argp_option options[] = {
    CLI_HEADER("What to measure:", CLI_GROUP_MAIN),
    { "file", KEY_FILE, "FILE", 0, "Problems, one a line; # begins a comment", CLI_GROUP_MAIN },
    { "repeats", KEY_REPEATS, "N", 0, "Timed calls, of which the median is told (as many as take a "
      "second, 5 to 200)", CLI_GROUP_MAIN },
    { "layer", KEY_LAYER, "NAME", 0, "The layer of MODEL that is walked down (the last that is "
      "larger than one pixel); with starts several, as in atlas (conv)", CLI_GROUP_MAIN },
    { "channels", KEY_CHANNELS, "N", 0, "How many channels the sheet of MODEL has (all); with "
      "starts how many of each layer are measured (32)", CLI_GROUP_MAIN },
    CLI_OPTION_DATA,
    CLI_OPTIONS_INPUT,
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    CLI_OPTION_BATCH,
    CLI_OPTIONS_COMPUTE,
    CLI_HEADER("What to print:", CLI_GROUP_OUTPUT),
    CLI_OPTION_JSON,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Compares an engine with ref on a few pictures, and only if they agree measures its speed: "
    "milliseconds, GFLOP/s and the share of the machine's measured peak. A problem is tutorial "
    "(its whole network) or one operator:\n\n"
    "  conv n2 h32 w32 c3 k16 r3 s3 u1 p1 g1 d1\n"
    "  dense n128 c1024 k10\n"
    "  max_pool n128 h24 w24 c64 r2 s2 u2\n"
    "  avg_pool n128 h6 w6 c10 r6\n\n"
    "n pictures of h rows, w columns, c channels; k filters; r x s kernel; u stride, p pad, g "
    "groups, d dilation. Operators are checked with whole numbers: values may not differ at all, "
    "gradients and averages by rounding alone.\n\n"
    "A MODEL (an ONNX file, a model of this program) is timed as a whole, one picture at a time: "
    "loading, planning, the forward pass, one channel's way down by the rule deconvnet, that of "
    "its largest activation alone, and a sheet of the layer's channels. starts MODEL times what an "
    "atlas consists of: pictures forward in batches, and single units of each layer projected "
    "through what they can see, and the whole way.\n\n"
    "data times what feeds training: network inputs of 24x24 that one core makes a second out of "
    "--data, in order as they are, and scattered with random crops, flips, brightness and "
    "contrast.\v"
    "Examples:\n"
    "  deconvnet bench tutorial -b 128 -j 2\n"
    "  deconvnet bench conv n8 h56 w56 c64 k64 r3 p1 --json\n"
    "  deconvnet bench resnet18.onnx -j 2 --json\n"
    "  deconvnet bench starts vgg16.onnx --layer conv5_3 --channels 8\n"
    "  deconvnet bench data --data cifar-10-batches-bin\n"
    "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_options *o = state->input;

    switch (key) {
    case KEY_FILE: o->run.file = cli_parse_name(key, arg); break;
    case KEY_REPEATS: o->run.repeats = (int)cli_parse_int(key, arg, 1, 1000); break;
    case KEY_LAYER: o->run.layer = cli_parse_name(key, arg); break;
    case KEY_CHANNELS: o->run.channels = (int)cli_parse_int(key, arg, 1, 65536); break;
    case ARGP_KEY_ARG: {
        if (!o->words && !o->run.starts && !strcmp(arg, "starts")) {
            o->run.starts = true;
            break;
        }
        char *longer = cli_text("%s %s", o->words ? o->words : "", arg);

        free(o->words);
        o->words = longer;
        o->run.model = o->n_words++ ? NULL : arg;
        break;
    }
    default: return cli_parse_shared(&o->run.shared, key, arg);
    }
    return 0;
}

static const struct argp argp = { options, parse, "[data|[starts] [tutorial|PROBLEM...|MODEL]]", doc, NULL,
                                  NULL, NULL };

static dcn_status read_file(bench_run *run, dcn_error *err)
{
    enum { FILE_MAX = 1 << 20 };
    char *text, where[256], *line, *end;
    dcn_status st;
    size_t size;
    int number = 0;

    if ((st = cli_read_text(&text, &size, run->file, FILE_MAX, err)))
        return st;
    for (line = text; !st && *line; line = end) {
        const size_t length = strcspn(line, "\n");

        end = line + length + (line[length] == '\n');
        line[length] = '\0';
        line[strcspn(line, "#\r")] = '\0';
        snprintf(where, sizeof where, "%s:%d", run->file, ++number);
        st = bench_parse(run, line, where, err);
    }
    free(text);
    return st;
}

/* ---- output --------------------------------------------------------------------------------- */

static void print_line(const bench_run *run, const char *what, double ms, double gflops,
                       double error)
{
    char speed[64] = "";

    if (gflops > 0)
        snprintf(speed, sizeof speed, "  %8.1f GFLOP/s  %5.1f %% of peak", gflops,
                 run->peak > 0 ? 100 * gflops / run->peak : 0);
    printf("  %-12s %10.3f ms%s%*s  off by %.1e\n", what, ms, speed, *speed ? 0 : 34, "", error);
}

static void print_text(const bench_run *run, const bench_problem *p, const bench_result *r)
{
    const bool tutorial = p->op == BENCH_TUTORIAL;
    char text[128];

    printf("%s\n", bench_text(p, text, sizeof text));
    print_line(run, "forward", r->forward_ms, r->forward_gflops, r->forward_error);
    print_line(run, tutorial ? "reconstruct" : "reverse", r->reverse_ms, r->reverse_gflops,
               r->reverse_error);
    if (r->train_ms > 0)
        print_line(run, "train step", r->train_ms, r->train_gflops, r->gradient_error);
    printf("  %-12s %10.1f MB\n", "memory", (double)r->bytes / 1e6);
}

static void add_result(const bench_run *run, cli_json *to, const bench_problem *p,
                       const bench_result *r)
{
    const bool tutorial = p->op == BENCH_TUTORIAL, trained = r->train_ms > 0;
    char text[128];

    cli_json_text(to, "problem", bench_text(p, text, sizeof text));
    cli_json_int(to, "batch", p->n);
    cli_json_real(to, "forward_ms", r->forward_ms);
    cli_json_real(to, tutorial ? "reconstruct_ms" : "reverse_ms", r->reverse_ms);
    if (trained)
        cli_json_real(to, "train_step_ms", r->train_ms);
    cli_json_real(to, "forward_gflops", r->forward_gflops);
    if (!tutorial)
        cli_json_real(to, "reverse_gflops", r->reverse_gflops);
    if (trained)
        cli_json_real(to, "train_gflops", r->train_gflops);
    cli_json_real(to, "forward_peak_share", run->peak > 0 ? r->forward_gflops / run->peak : 0);
    if (trained)
        cli_json_real(to, "train_peak_share", run->peak > 0 ? r->train_gflops / run->peak : 0);
    cli_json_real(to, "forward_error", r->forward_error);
    cli_json_real(to, "reverse_error", r->reverse_error);
    if (trained)
        cli_json_real(to, "gradient_error", r->gradient_error);
    cli_json_int(to, "plan_bytes", (int64_t)r->bytes);
}

void bench_add_machine(const bench_run *run, cli_json *json)
{
    cli_json_text(json, "version", dcn_version());
    cli_json_text(json, "build", dcn_build_text());
    cli_json_text(json, "engine", run->shared.engine ? run->shared.engine : "cpu");
    cli_json_bool(json, "exact", run->shared.exact);
    cli_json_int(json, "threads", run->threads);
    cli_json_real(json, "peak_gflops", run->peak);
}

/* ---- the command ---------------------------------------------------------------------------- */

static dcn_status measure(bench_run *run, cli_json *json, dcn_error *err)
{
    cli_json *list = json && run->n_problems > 1 ? cli_json_array(json, "problems") : NULL;
    cli_progress progress;
    dcn_status st = DCN_OK;

    cli_progress_begin(&progress, &run->shared, "bench", "problems");
    for (int i = 0; i < run->n_problems && !st; i++) {
        const bench_problem *p = &run->problems[i];
        bench_result r = { 0 };

        cli_progress_draw(&progress, i, run->n_problems, NULL);
        if (!(st = bench_verify(run, p, &r, err)))
            st = bench_time(run, p, &r, err);
        cli_progress_clear(&progress);
        if (st)
            break;
        if (json)
            add_result(run, list ? cli_json_object(list, NULL) : json, p, &r);
        else
            print_text(run, p, &r);
    }
    return st;
}

static void measure_machine(bench_run *run)
{
    enum { PEAK_TRIES = 3 };

    run->threads = run->shared.threads ? run->shared.threads : dcn_machine_threads();
    for (int i = 0; i < PEAK_TRIES; i++) {     /* other programs can only make it look smaller */
        const double peak = dcn_machine_peak(run->threads);

        run->peak = peak > run->peak ? peak : run->peak;
    }
}

static dcn_status bench_whole(bench_run *run, dcn_error *err)
{
    measure_machine(run);
    return run->starts ? bench_starts(run, err) : bench_model(run, err);
}

static dcn_status bench(bench_run *run, dcn_error *err)
{
    cli_json *json = NULL;
    dcn_status st;

    measure_machine(run);
    if (run->shared.json)
        bench_add_machine(run, json = cli_json_create());
    else
        printf("deconvnet %s, engine %s%s, %d threads, peak %.1f GFLOP/s\n", dcn_version(),
               run->shared.engine ? run->shared.engine : "cpu", run->shared.exact ? ", exact" : "",
               run->threads, run->peak);
    st = measure(run, json, err);
    if (!st && json)
        st = cli_json_print(json, err);
    if (json)
        cli_json_destroy(json);
    return st;
}

static dcn_status bench_main(int argc, char **argv, dcn_error *err)
{
    bench_options o = { .words = NULL };
    dcn_status st = DCN_OK;

    cli_parse(&cli_bench, argc, argv, &o);
    if (o.run.model && !strcmp(o.run.model, "data") && !o.run.file && !o.run.starts && !o.run.layer
        && !o.run.channels) {
        free(o.words);
        return bench_data(&o.run, err);
    }
    if (bench_is_model(o.run.model) && !o.run.file) {
        free(o.words);
        return bench_whole(&o.run, err);
    }
    if (o.run.starts)
        st = cli_fail(err, DCN_USAGE, "starts", "wants one model and nothing else; give its file");
    else if (o.run.layer || o.run.channels)
        st = cli_fail(err, DCN_USAGE, o.run.layer ? "--layer" : "--channels",
                      "goes with a model's file; name one that exists");
    else if (o.words)
        st = bench_parse(&o.run, o.words, "arguments", err);
    else if (!o.run.file)
        st = bench_parse(&o.run, "tutorial", "arguments", err);
    if (!st && o.run.file)
        st = read_file(&o.run, err);
    if (!st && o.run.n_problems == 0)
        st = cli_fail(err, DCN_USAGE, o.run.file ? o.run.file : "arguments",
                      "holds no problem; write one like conv n2 h32 w32 c3 k16 r3 s3 u1 p1");
    if (!st)
        st = bench(&o.run, err);
    free(o.run.problems);
    free(o.words);
    return st;
}

const cli_command cli_bench = { "bench", "check an engine against ref, then time it", &argp,
                                bench_main };
