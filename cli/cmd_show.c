/* cmd_show.c - deconvnet show: pictures of what layers and channels respond to. */
#include "show.h"

#include "layers.h"
#include "message.h"
#include "network.h"
#include "run_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_LAYER = CLI_KEY_OWN, KEY_FROM, KEY_CHANNEL, KEY_CLASS, KEY_TOP, KEY_DEAD, KEY_BIAS,
       KEY_OUT, KEY_DUMP, KEY_SCALE, KEY_INPUT, KEY_COUNT };

enum { DUMP_MAX = 1024 };

static const struct argp_option options[] = {
    CLI_HEADER("What to show:", CLI_GROUP_MAIN),
    CLI_OPTION_MODEL,
    CLI_OPTION_DATA,
    { "count", KEY_COUNT, "N", 0, "How many test pictures of the data to show (8)",
      CLI_GROUP_MAIN },
    { "input", KEY_INPUT, "X.npy", 0, "Preprocessed pictures instead, (N,H,W,C) float32",
      CLI_GROUP_MAIN },
    CLI_HEADER("How to walk down:", CLI_GROUP_MORE),
    { "layer", KEY_LAYER, "NAME|N|logits|all", 0,
      "Layers, with commas between: " CLI_LAYER_NAMES " (without it: all layers of an ONNX file, "
      "of other models those that end in a max pool)",
      CLI_GROUP_MORE },
    CLI_OPTION_RULE("deconvnet for ONNX files, else reconstruct"),
    { "from", KEY_FROM, "layer|channel|peak", 0,
      "Begin with all activations of the layer, with one channel's, or with that channel's "
      "largest, and show what that unit sees (layer; channel if --channel or --class is given)",
      CLI_GROUP_MORE },
    { "channel", KEY_CHANNEL, "K|all", 0,
      "The channel, from 0; several with commas; all: a sheet of the layer's channels, those with "
      "the largest activation first",
      CLI_GROUP_MORE },
    { "class", KEY_CLASS, "NAME|K|top", 0,
      "Begin at the logit of a class; top: at each picture's best", CLI_GROUP_MORE },
    { "top", KEY_TOP, "N", 0, "Of --channel all the N strongest", CLI_GROUP_MORE },
    { "dead", KEY_DEAD, NULL, 0, "Of --channel all also those that never fired, drawn last",
      CLI_GROUP_MORE },
    { "bias", KEY_BIAS, NULL, 0,
      "Add a panel of what the biases alone draw: it hardly depends on the picture",
      CLI_GROUP_MORE },
    CLI_OPTIONS_BITS,
    CLI_OPTIONS_INPUT,
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
    "Draws what layers of a network respond to in pictures (PNG, JPEG; folders of them too), "
    "projected back to pixels: one sheet \"original | layer 1 | layer 2 ...\" a picture, and "
    "prints the most probable classes. Without pictures the first test pictures of the data are "
    "shown. A model made by deconvnet train takes of a picture the middle, after scaling it down "
    "if it is more than twice as large; for an ONNX file the way is told, or chosen by the options "
    "below. The first picture that cannot be read ends the call; those before it are drawn.\n\n"
    "The rules: reconstruct takes the bias off before each transposed convolution and knows no "
    "ReLU; deconvnet (Zeiler and Fergus 2014), guided (Springenberg et al. 2014), gradient "
    "(Simonyan et al. 2013) and linear differ in what they do at a ReLU. A rule that is undefined "
    "for an operator is refused by the node's name, never replaced.\v"
    "Examples:\n"
    "  deconvnet show --model resnet18.onnx dog.jpg\n"
    "  deconvnet show --model resnet18.onnx --layer layer4 --channel all --top 40 photos/\n"
    "  deconvnet show --model vgg16.onnx --layer 9 --channel 17 --from peak dog.jpg\n"
    "  deconvnet show --model resnet18.onnx --labels imagenet.txt --class top dog.jpg\n"
    "  deconvnet show --model runs/tutorial --layer 2 --rule guided --from peak --channel all\n"
    "\n" CLI_EXIT_CODES;

static void parse_from(show_options *o, int key, const char *arg)
{
    static const char *const words[] = { "layer", "channel", "peak", NULL };

    o->from = (dcn_from)dcn_from_find(words[cli_parse_word(key, arg, words)]);
    o->from_given = true;
}

static void parse_channels(show_options *o, int key, const char *arg)
{
    enum { CHANNELS_MAX = 4096, DIGITS = 32 };

    o->n_channels = 0;
    o->all_channels = !strcmp(arg, "all");
    for (bool more = !o->all_channels; more;) {
        const size_t length = strcspn(arg, ",");
        char number[DIGITS];

        snprintf(number, sizeof number, "%.*s", length < DIGITS ? (int)length : DIGITS, arg);
        if (o->n_channels == CHANNELS_MAX)
            cli_die(DCN_USAGE, cli_source(key), "more than %d channels are named; name fewer",
                    CHANNELS_MAX);
        o->channels = cli_grow(o->channels, (size_t)o->n_channels + 1, sizeof *o->channels);
        o->channels[o->n_channels++] = (int)cli_parse_int(key, number, 0, 65535);
        more = arg[length] == ',';
        arg += length + more;
    }
}

static error_t parse_begin(show_options *o, int key, char *arg)
{
    switch (key) {
    case KEY_LAYER: o->layer = arg; break;
    case KEY_FROM: parse_from(o, key, arg); break;
    case KEY_CHANNEL: parse_channels(o, key, arg); break;
    case KEY_CLASS: o->class_name = cli_parse_name(key, arg); break;
    case KEY_TOP: o->top = (int)cli_parse_int(key, arg, 1, 65536); break;
    case KEY_DEAD: o->dead = true; break;
    case KEY_BIAS: o->bias = true; break;
    default: return cli_parse_way(&o->way, key, arg);
    }
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const scales[] = { "auto", "tf1", NULL };
    show_options *o = state->input;

    switch (key) {
    case KEY_OUT: o->out = cli_parse_name(key, arg); break;
    case KEY_DUMP: o->dump = cli_parse_name(key, arg); break;
    case KEY_SCALE:
        o->scale = cli_parse_word(key, arg, scales) ? DCN_SCALE_TF1 : DCN_SCALE_AUTO;
        break;
    case KEY_INPUT: o->input = cli_parse_name(key, arg); break;
    case KEY_COUNT: o->count = (int)cli_parse_int(key, arg, 1, 100000); break;
    case ARGP_KEY_ARG:
        o->arguments = cli_grow(o->arguments, (size_t)o->n_arguments + 1, sizeof *o->arguments);
        o->arguments[o->n_arguments++] = cli_parse_name(key, arg);
        break;
    default:
        return parse_begin(o, key, arg) == 0 ? 0 : cli_parse_shared(&o->shared, key, arg);
    }
    return 0;
}

static const struct argp argp = { options, parse, "[IMAGE|FOLDER...]", doc, NULL, NULL, NULL };

static dcn_status check_dump(const show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;

    const char *slash = o->dump ? strrchr(o->dump, '/') : NULL;
    dcn_status st = DCN_OK;

    if (!o->dump)
        return DCN_OK;
    if (slash && slash > o->dump) {
        char *folder = cli_text("%.*s", (int)(slash - o->dump), o->dump);

        struct stat status;

        /* Known now, not after the last picture. */
        if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
            st = cli_fail(err, DCN_FILE, folder, "is no folder; make it, or name another --dump");
        else
            st = cli_check_folder(folder, err);
        free(folder);
    }
    if (!st && run->n > DUMP_MAX)
        return cli_fail(err, DCN_USAGE, "--dump",
                        "holds every value of %d pictures, the limit is %d; name fewer",
                        run->n, DUMP_MAX);
    return st;
}

static dcn_status show(show_run *run, dcn_error *err)
{
    show_options *o = &run->options;
    dcn_status st;

    if ((st = cli_load_model(&run->model, run->model_path, &o->shared, err)))
        return st;
    run->imported = cli_is_imported(run->model.graph);
    run->answer = cli_answer_of(&run->model);
    if ((st = show_choose_views(run, err)) || (st = show_list_inputs(run, err))
        || (st = check_dump(run, err)))
        return st;
    if (run->shape.c != 1 && run->shape.c != 3 && (o->out || !o->input))
        return cli_fail(err, DCN_USAGE, run->model_path,
                        "its input has %d channels, a picture has 1 or 3; use --input and --dump",
                        run->shape.c);
    if ((o->out && (st = cli_check_folder(o->out, err))) || (st = show_make_plan(run, err)))
        return st;
    return show_walk(run, err);
}

static void clear(show_run *run)
{
    dcn_plan_destroy(run->plan);
    show_clear_views(run);
    show_clear_inputs(run);
    dcn_data_close(run->data);
    dcn_model_clear(&run->model);
    free(run->extensions);
    free(run->answers);
    free(run->options.arguments);
    free(run->options.channels);
    free(run->model_path);
    free(run->model_name);
}

static void check_options(show_options *o)
{
    if (!o->from_given && (o->n_channels || o->all_channels))
        o->from = DCN_FROM_CHANNEL;
    if (!o->out && !o->dump)
        o->out = "shown";
    if (o->dump && !strcmp(o->dump, "-")) {     /* standard output belongs to the tensors */
        if (o->shared.json)
            cli_die(DCN_USAGE, "--dump", "and --json both want standard output; name a file");
        o->silent = true;
    }
}

static char *name_model(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const size_t size = 4 * strlen(base) + 1;
    char *name = cli_alloc(size, 1);

    cli_utf8(name, size, base);
    return name;
}

static dcn_status show_main(int argc, char **argv, dcn_error *err)
{
    show_run run = { .options = { .way = CLI_WAY_USUAL } };
    show_options *o = &run.options;
    cli_json *json = NULL;
    dcn_status st;

    cli_parse(&cli_show, argc, argv, o);
    run.model_path = cli_model_path(&o->shared);
    run.model_name = name_model(run.model_path);
    check_options(o);
    if (o->shared.json) {
        json = cli_json_create();
        cli_json_text(json, "dump", o->dump);
        run.json = cli_json_array(json, "pictures");
    }
    st = show(&run, err);
    if (!st && json) {
        const cli_guess guess = cli_guess_of(&run.model, &o->shared);
        char *rule = cli_way_text(&o->way);

        cli_json_text(json, "rule", rule);
        cli_json_text(json, "model", run.model.hash);
        cli_json_bool(json, "exact", o->shared.exact);
        cli_json_text(json, "guessed", *guess.text ? guess.text : NULL);
        cli_json_text(json, "extensions", *run.extensions ? run.extensions : NULL);
        st = cli_json_print(json, err);
        free(rule);
    }
    if (json)
        cli_json_destroy(json);
    clear(&run);
    return st;
}

const cli_command cli_show = { "show", "draw what layers and channels respond to", &argp,
                               show_main };
