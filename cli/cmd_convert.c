/* cmd_convert.c - deconvnet convert: a model from one kind of file to the other. */
#include "json.h"
#include "load_model.h"
#include "interrupt.h"
#include "message.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct convert_run {
    cli_shared shared;
    const char *from, *to;
} convert_run;

static const struct argp_option options[] = {
    CLI_OPTIONS_INPUT,
    CLI_HEADER("What to print:", CLI_GROUP_OUTPUT),
    CLI_OPTION_JSON,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Writes a model as ONNX (OUT.onnx: opset 17, the number of pictures open, weights inside) or "
    "as a model file of this program (OUT.safetensors). IN is a model file of either kind, or the "
    "folder of a run. How a picture becomes the input, and the names of classes, go along; the "
    "options change them. A file that stands at OUT is replaced.\v"
    "Examples:\n"
    "  deconvnet convert runs/tutorial tutorial.onnx\n"
    "  deconvnet convert --labels imagenet.txt resnet18.onnx resnet18.safetensors\n"
    "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    convert_run *run = state->input;

    if (key != ARGP_KEY_ARG)
        return cli_parse_shared(&run->shared, key, arg);
    if (run->to)
        cli_refuse_argument(arg);
    *(run->from ? &run->to : &run->from) = cli_parse_name(key, arg);
    return 0;
}

static const struct argp argp = { options, parse, "IN OUT", doc, NULL, NULL, NULL };

static bool ends_in(const char *path, const char *end)
{
    const size_t n = strlen(path), k = strlen(end);

    return n > k && !strcmp(path + n - k, end);
}

static dcn_status check_target(const convert_run *run, const char *from, dcn_error *err)
{
    struct stat a, b;

    if (!ends_in(run->to, ".onnx") && !ends_in(run->to, ".safetensors"))
        return cli_fail(err, DCN_USAGE, run->to, "its name does not say what to write; end it in "
                        ".onnx or .safetensors");
    if (stat(run->to, &b) != 0)
        return DCN_OK;
    if (stat(from, &a) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
        return cli_fail(err, DCN_USAGE, run->to, "is the model to be converted; name another file");
    cli_note("%s is replaced", run->to);
    return DCN_OK;
}

static dcn_status print_json(const convert_run *run, const dcn_model *model, dcn_error *err)
{
    const cli_guess guess = cli_guess_of(model, &run->shared);
    cli_json *json = cli_json_create();
    char preprocess[300];
    dcn_status st;

    dcn_preprocess_text(&model->preprocess, preprocess, sizeof preprocess);
    cli_json_text(json, "file", run->to);
    cli_json_text(json, "from", model->hash);
    cli_json_text(json, "preprocess", preprocess);
    cli_json_int(json, "classes", model->classes);
    cli_json_text(json, "guessed", *guess.text ? guess.text : NULL);
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}

/* A signal waits until the file is whole. */
static dcn_status write_model(const convert_run *run, const dcn_model *model, dcn_error *err)
{
    dcn_status st;

    cli_interrupt_begin();
    cli_interrupt_hold();
    st = ends_in(run->to, ".onnx") ? dcn_onnx_save(model, run->to, err)
                                   : dcn_model_save(model, run->to, err);
    cli_interrupt_release();
    if (!st && cli_interrupted())
        st = cli_fail(err, (dcn_status)cli_interrupted(), run->to,
                      "interrupted after it was written; it is whole, nothing is left to do");
    return st;
}

static dcn_status convert(const convert_run *run, const char *from, dcn_error *err)
{
    dcn_model model = { 0 };
    dcn_status st = check_target(run, from, err);

    if (!st)
        st = cli_load_model(&model, from, &run->shared, err);
    if (!st)
        st = write_model(run, &model, err);
    if (!st)
        cli_tell_guess(&model, &run->shared);
    if (!st && run->shared.json)
        st = print_json(run, &model, err);
    else if (!st)
        printf("%s\n", run->to);
    dcn_model_clear(&model);
    return st;
}

static dcn_status convert_main(int argc, char **argv, dcn_error *err)
{
    convert_run run = { .from = NULL };
    dcn_status st;
    char *from;

    cli_parse(&cli_convert, argc, argv, &run);
    if (!run.to)
        return cli_fail(err, DCN_USAGE, "arguments",
                        "%s is missing; write deconvnet convert IN OUT",
                        run.from ? "the file to write" : "the model");
    run.shared.model = run.from;
    from = cli_model_path(&run.shared);
    st = convert(&run, from, err);
    free(from);
    return st;
}

const cli_command cli_convert = { "convert", "write a model as ONNX, or an ONNX file as a model",
                                  &argp, convert_main };
