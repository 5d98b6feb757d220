/* cmd_show.c - deconvnet show: pictures of what layers and channels respond to. */
#include "show.h"

#include "message.h"
#include "network.h"
#include "run_folder.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LAYER = CLI_KEY_OWN, KEY_RULE, KEY_FROM, KEY_CHANNEL, KEY_BIAS, KEY_OUT, KEY_DUMP,
       KEY_SCALE, KEY_INPUT, KEY_COUNT };

/* Larger chunks gain nothing, and a large network's values should fit. */
enum { CHUNK_MAX = 16, DUMP_MAX = 1024, DRAWN_MAX = 256 << 20 };

static const struct argp_option options[] = {
    CLI_HEADER("What to show:", CLI_GROUP_MAIN),
    CLI_OPTION_MODEL,
    CLI_OPTION_DATA,
    { "count", KEY_COUNT, "N", 0, "How many test pictures of the data to show (8)",
      CLI_GROUP_MAIN },
    { "input", KEY_INPUT, "X.npy", 0, "Preprocessed pictures instead, (N,H,W,C) float32",
      CLI_GROUP_MAIN },
    CLI_HEADER("How to walk down:", CLI_GROUP_MORE),
    { "layer", KEY_LAYER, "NAME|all", 0,
      "A node's name, a layer's number from 1, several with commas, or all (without it: the layers "
      "that end in a max pool)",
      CLI_GROUP_MORE },
    { "rule", KEY_RULE, "reconstruct|deconvnet|guided|gradient", 0,
      "What a signal meets on the way down (reconstruct)",
      CLI_GROUP_MORE },
    { "from", KEY_FROM, "layer|channel|peak", 0,
      "Begin with all activations of the layer, with one channel's, or with that channel's largest "
      "(layer; channel if --channel is given)",
      CLI_GROUP_MORE },
    { "channel", KEY_CHANNEL, "K|all", 0, "The channel, from 0; all draws a panel for each",
      CLI_GROUP_MORE },
    { "bias", KEY_BIAS, NULL, 0,
      "Add a panel of what the biases alone draw: it hardly depends on the picture",
      CLI_GROUP_MORE },
    CLI_HEADER("Where to:", CLI_GROUP_OUTPUT),
    { "out", KEY_OUT, "DIR", 0, "Folder for one PNG a picture (shown; none with --dump alone)",
      CLI_GROUP_OUTPUT },
    { "dump", KEY_DUMP, "FILE", 0,
      "Write every value, switch and signal as named tensors (safetensors); - is standard output",
      CLI_GROUP_OUTPUT },
    { "scale", KEY_SCALE, "auto|tf1", 0,
      "auto: symmetric about zero, per panel; tf1: the bare strip in the bytes of TensorFlow 1's "
      "image summary (auto)",
      CLI_GROUP_OUTPUT },
    CLI_OPTION_GRAPHICS,
    CLI_OPTION_JSON,
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Draws what layers of a model respond to in pictures (PNG, JPEG), projected back to pixels: "
    "one panel \"original | layer 1 | layer 2 ...\" a picture. Without pictures the first test "
    "pictures of the data are shown. A picture more than twice as large as the network's input is "
    "scaled down, of a smaller one the middle is taken, as in training.\n\n"
    "The rules: reconstruct takes the bias off before each transposed convolution and knows no "
    "ReLU; deconvnet (Zeiler and Fergus 2014), guided (Springenberg et al. 2014) and gradient "
    "(Simonyan et al. 2013) differ in what they do at a ReLU.\v"
    "Examples:\n"
    "  deconvnet show --model runs/tutorial cat.jpg\n"
    "  deconvnet show --model runs/tutorial --layer 2 --rule guided --from peak --channel all\n"
    "\n" CLI_EXIT_CODES;

static void parse_from(show_options *o, int key, const char *arg)
{
    static const char *const words[] = { "layer", "channel", "peak", NULL };

    o->from = (dcn_from)dcn_from_find(words[cli_parse_word(key, arg, words)]);
    o->from_given = true;
}

static void parse_channel(show_options *o, int key, const char *arg)
{
    o->all_channels = !strcmp(arg, "all");
    o->channel = o->all_channels ? -1 : (int)cli_parse_int(key, arg, 0, 65535);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const rules[] = { "reconstruct", "deconvnet", "guided", "gradient", NULL },
                      *const scales[] = { "auto", "tf1", NULL };
    show_options *o = state->input;

    switch (key) {
    case KEY_LAYER: o->layer = arg; break;
    case KEY_RULE: o->rule = (dcn_rule)dcn_rule_find(rules[cli_parse_word(key, arg, rules)]); break;
    case KEY_FROM: parse_from(o, key, arg); break;
    case KEY_CHANNEL: parse_channel(o, key, arg); break;
    case KEY_BIAS: o->bias = true; break;
    case KEY_OUT: o->out = cli_parse_name(key, arg); break;
    case KEY_DUMP: o->dump = cli_parse_name(key, arg); break;
    case KEY_SCALE:
        o->scale = cli_parse_word(key, arg, scales) ? DCN_SCALE_TF1 : DCN_SCALE_AUTO;
        break;
    case KEY_INPUT: o->input = cli_parse_name(key, arg); break;
    case KEY_COUNT: o->count = (int)cli_parse_int(key, arg, 1, 100000); break;
    case ARGP_KEY_ARG:
        o->files = cli_grow(o->files, (size_t)o->n_files + 1, sizeof *o->files);
        o->files[o->n_files++] = cli_parse_name(key, arg);
        break;
    default: return cli_parse_shared(&o->shared, key, arg);
    }
    return 0;
}

static const struct argp argp = { options, parse, "[IMAGE...]", doc, NULL, NULL, NULL };

static int chunk_size(const show_run *run)
{
    const size_t one = (size_t)run->n_views * run->volume * sizeof(float) + 1;
    const size_t fit = DRAWN_MAX / one;
    const int most = run->n < CHUNK_MAX ? run->n : CHUNK_MAX;

    return fit >= (size_t)most ? most : fit > 0 ? (int)fit : 1;
}

static dcn_status make_plan(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    dcn_route routes[SHOW_LAYERS_MAX];
    dcn_plan_desc desc = { .engine = o->shared.engine,
                           .threads = o->shared.threads,
                           .routes = routes,
                           .n_routes = run->n_layers,
                           .keep_all = o->dump != NULL };
    const dcn_node output = dcn_graph_output(run->model.graph);
    dcn_status st;

    if (o->dump && run->n > DUMP_MAX)
        return cli_fail(err, DCN_USAGE, "--dump",
                        "holds every value of %d pictures, the limit is %d; name fewer",
                        run->n, DUMP_MAX);
    run->chunk = o->dump ? run->n : chunk_size(run);
    desc.batch = run->chunk;
    for (int i = 0; i < run->n_layers; i++)
        routes[i] = (dcn_route){ run->layers[i], o->rule };
    if ((st = dcn_plan_create(&run->plan, run->model.graph, &desc, err)))
        return st;
    cli_detail("%s, %.1f MB", dcn_plan_text(run->plan), (double)dcn_plan_bytes(run->plan) / 1e6);
    run->classes = (int)cli_volume(cli_shape_of(run->model.graph, output));
    run->answers = cli_alloc((size_t)run->chunk * (size_t)run->classes, sizeof(float));
    for (int i = 0; i < run->n_views; i++)
        run->views[i].drawn = cli_alloc((size_t)run->chunk, run->volume * sizeof(float));
    return DCN_OK;
}

static dcn_status walk_chunk(show_run *run, int first, int n, show_dump *dump, dcn_error *err)
{
    dcn_status st;

    dcn_plan_forward(run->plan, run->images + (size_t)first * run->volume, n);
    if ((st = dcn_plan_value(run->plan, dcn_graph_output(run->model.graph), run->answers, err)))
        return st;
    if (dump && (st = show_dump_values(dump, run, err)))
        return st;
    for (int i = 0; i < run->n_views && !st; i++) {
        show_view *v = &run->views[i];

        st = dcn_plan_project(run->plan, v->route, v->from, v->channel < 0 ? 0 : v->channel,
                              v->drawn, err);
        if (!st && dump)
            st = show_dump_view(dump, run, v, err);
    }
    return st;
}

static dcn_status walk_all(show_run *run, dcn_error *err)
{
    show_dump *dump = run->options.dump ? show_dump_create() : NULL;
    dcn_status st = DCN_OK;

    for (int first = 0; first < run->n && !st; first += run->chunk) {
        const int left = run->n - first, n = left < run->chunk ? left : run->chunk;

        st = walk_chunk(run, first, n, dump, err);
        for (int i = 0; i < n && !st; i++)
            st = show_draw(run, first, i, err);
    }
    if (!st && dump)
        st = show_dump_save(dump, run, err);
    show_dump_destroy(dump);
    return st;
}

static dcn_status show(show_run *run, const char *model, dcn_error *err)
{
    show_options *o = &run->options;
    dcn_status st;

    if ((st = dcn_model_load(&run->model, model, &o->shared.limits, err))
        || (st = show_read_inputs(run, err)) || (st = show_choose_views(run, err)))
        return st;
    if (o->out && run->shape.c != 1 && run->shape.c != 3)
        return cli_fail(err, DCN_USAGE, model,
                        "its input has %d channels, a picture has 1 or 3; use --dump alone",
                        run->shape.c);
    if ((st = make_plan(run, err)) || (o->out && (st = cli_make_folder(o->out, err))))
        return st;
    return walk_all(run, err);
}

static dcn_status show_main(int argc, char **argv, dcn_error *err)
{
    show_run run = { .options = { .channel = -1 } };
    show_options *o = &run.options;
    cli_json *json = NULL;
    dcn_status st;
    char *model;

    cli_parse(&cli_show, argc, argv, o);
    model = cli_model_path(&o->shared);
    if (!o->from_given && (o->channel >= 0 || o->all_channels))
        o->from = DCN_FROM_CHANNEL;
    if (o->from == DCN_FROM_LAYER && (o->channel >= 0 || o->all_channels))
        cli_die(DCN_USAGE, "--channel",
                "means nothing with --from layer; use --from channel or --from peak");
    if (!o->out && !o->dump)
        o->out = "shown";
    if (o->dump && !strcmp(o->dump, "-")) {     /* standard output belongs to the tensors */
        if (o->shared.json)
            cli_die(DCN_USAGE, "--dump", "and --json both want standard output; name a file");
        o->silent = true;
    }
    if (o->shared.json) {
        json = cli_json_create();
        cli_json_text(json, "dump", o->dump);
        run.json = cli_json_array(json, "pictures");
    }
    st = show(&run, model, err);
    if (!st && json) {
        cli_json_text(json, "rule", dcn_rule_name(o->rule));
        cli_json_text(json, "model", run.model.hash);
        st = cli_json_print(json, err);
    }
    if (json)
        cli_json_destroy(json);
    dcn_plan_destroy(run.plan);
    show_clear_views(&run);
    show_clear_inputs(&run);
    dcn_data_close(run.data);
    dcn_model_clear(&run.model);
    free(run.answers);
    free(o->files);
    free(model);
    return st;
}

const cli_command cli_show = { "show", "draw what layers and channels respond to", &argp,
                               show_main };
