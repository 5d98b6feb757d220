/* load_model.c - loads a model and changes what the options say about its input and its classes. */
#include "load_model.h"

#include "message.h"
#include "network.h"
#include "run_folder.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* The input's rows and columns that the options ask for; 0: none. */
static void wanted_size(const cli_input_options *o, int *rows, int *columns)
{
    const int *size = o->crop[0] ? o->crop : o->size;

    *rows = size[0];
    *columns = size[1] ? size[1] : size[0];
}

static dcn_status load(dcn_model *model, const char *path, const cli_shared *shared, dcn_error *err)
{
    dcn_onnx_desc desc = { .limits = shared->limits };
    dcn_kind kind;
    dcn_status st;

    wanted_size(&shared->input, &desc.height, &desc.width);
    if (!desc.height)
        return dcn_model_load(model, path, &shared->limits, err);
    if ((st = dcn_identify(path, &shared->limits, &kind, err)))
        return st;
    return kind == DCN_KIND_ONNX ? dcn_onnx_load(model, path, &desc, err)
                                 : dcn_model_load(model, path, &shared->limits, err);
}

static bool ends_in(const char *path, const char *end)
{
    const size_t n = strlen(path), k = strlen(end);

    return n > k && !strcmp(path + n - k, end);
}

/* A picture or a text read as a model complains of its first bytes: say what it is instead. */
static dcn_status name_what_it_is(const char *path, const dcn_limits *limits, dcn_error *err)
{
    dcn_error ignored;
    dcn_kind kind;
    struct stat file;

    if (err->status != DCN_INPUT)
        return err->status;
    if (stat(path, &file) == 0 && S_ISREG(file.st_mode) && file.st_size == 0)
        return cli_fail(err, DCN_INPUT, path, "is empty; copy the model again");
    if (dcn_identify(path, limits, &kind, &ignored)) {
        /* What PyTorch writes beside model.onnx lies nearest in many shells. */
        return !ends_in(path, ".data") ? err->status
               : cli_fail(err, DCN_INPUT, path, "is no model, but may be the external data of one; "
                          "name the .onnx file beside it");
    }
    if (kind == DCN_KIND_MODEL || kind == DCN_KIND_ONNX || kind == DCN_KIND_UNKNOWN)
        return err->status;
    return cli_fail(err, DCN_INPUT, path, "is no model (it is read as: %s); name an ONNX file or a "
                    "model file of this program", dcn_kind_text(kind));
}

static dcn_status check_size(const cli_input_options *o, dcn_shape shape, dcn_error *err)
{
    const char *option = o->crop[0] ? "--crop" : "--size";
    const bool both = o->crop[0] && o->size[0];
    int rows, columns;

    wanted_size(o, &rows, &columns);
    if (rows && (rows != shape.h || columns != shape.w))
        return cli_fail(err, DCN_USAGE, option, "asks for an input of %dx%d, the network's file "
                        "says %dx%d; %s", rows, columns, shape.h, shape.w,
                        both ? "correct it" : "leave it out, or give --size N --crop HxW");
    if (both && o->size[1] && o->size[0] != o->size[1])
        return cli_fail(err, DCN_USAGE, "--size", "%dx%d has two sides, with --crop the shorter "
                        "one counts; give one number", o->size[0], o->size[1]);
    if (both && (o->size[0] < rows || o->size[0] < columns))
        return cli_fail(err, DCN_USAGE, "--size", "%d is smaller than the crop of %dx%d; give at "
                        "least its longer side", o->size[0], rows, columns);
    return DCN_OK;
}

static void spread(float to[3], const float *from, int n, float usual)
{
    for (int i = 0; i < 3; i++)
        to[i] = n == 0 ? usual : from[n == 3 ? i : 0];
}

static dcn_status change_preprocess(dcn_preprocess *p, const cli_input_options *o, dcn_shape shape,
                                    dcn_error *err)
{
    dcn_status st;

    if (o->preprocess && (st = dcn_preprocess_named(p, o->preprocess, shape, err)))
        return st;
    if (o->n_mean || o->n_std) {
        const bool had = p->normalize == DCN_NORMALIZE_MEAN;

        p->normalize = DCN_NORMALIZE_MEAN;
        if (o->n_mean || !had)
            spread(p->mean, o->mean, o->n_mean, 0);
        if (o->n_std || !had)
            spread(p->std, o->std, o->n_std, 1);
    }
    if (o->bgr)
        p->bgr = 1;
    if (o->size[0]) {
        p->resize = 1;
        p->side = o->crop[0] ? o->size[0] : 0;
    }
    return DCN_OK;
}

/* Guesses stand between "; ". */
cli_guess cli_guess_of(const dcn_model *model, const cli_shared *shared)
{
    static const char about[] = "preprocessing";
    const cli_input_options *o = &shared->input;
    const char *guess = model->guess;
    const bool said = o->preprocess || (o->n_mean && o->n_std);
    cli_guess left = { "" };
    size_t used = 0;

    while (*guess) {
        const size_t length = strcspn(guess, ";");

        if (!said || strncmp(guess, about, strlen(about)) != 0)
            used += (size_t)snprintf(left.text + used, sizeof left.text - used, "%s%.*s",
                                     used ? "; " : "", (int)length, guess);
        guess += length;
        guess += strspn(guess, "; ");
    }
    return left;
}

void cli_tell_guess(const dcn_model *model, const cli_shared *shared)
{
    const cli_guess guess = cli_guess_of(model, shared);

    if (*guess.text)
        cli_note("note: %s; --preprocess, --size and --crop change it", guess.text);
}

dcn_status cli_load_model(dcn_model *model, const char *path, const cli_shared *shared,
                          dcn_error *err)
{
    const cli_input_options *o = &shared->input;
    dcn_shape shape;
    dcn_status st;

    memset(model, 0, sizeof *model);
    if (load(model, path, shared, err)) {
        name_what_it_is(path, &shared->limits, err);
        return cli_run_name_previous(path, err);
    }
    shape = cli_shape_of(model->graph, cli_input_of(model->graph));
    if ((st = check_size(o, shape, err))
        || (st = change_preprocess(&model->preprocess, o, shape, err)))
        return st;
    return o->labels ? dcn_model_labels(model, o->labels, err) : DCN_OK;
}

bool cli_is_imported(const dcn_graph *graph)
{
    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        if (info.origin)
            return true;
    }
    return false;
}

/* ---- answers -------------------------------------------------------------------------------- */

cli_answer cli_answer_of(const dcn_model *model)
{
    dcn_node_info info;

    dcn_graph_node_info(model->graph, dcn_graph_output(model->graph), &info);
    if (info.shape.h != 1 || info.shape.w != 1 || info.shape.c < 2)
        return CLI_ANSWER_NONE;
    return !strcmp(info.op, "softmax") || !strcmp(info.op, "sigmoid") ? CLI_ANSWER_SHARES
           : !strcmp(info.op, "log_softmax") ? CLI_ANSWER_LOG_SHARES : CLI_ANSWER_LOGITS;
}

void cli_to_shares(cli_answer answer, float *values, int classes)
{
    double largest = -HUGE_VAL, sum = 0;

    if (answer != CLI_ANSWER_LOGITS && answer != CLI_ANSWER_LOG_SHARES)
        return;
    for (int i = 0; i < classes && answer == CLI_ANSWER_LOGITS; i++)
        largest = values[i] > largest ? (double)values[i] : largest;
    if (answer == CLI_ANSWER_LOG_SHARES)
        largest = 0;
    for (int i = 0; i < classes; i++)
        sum += exp((double)values[i] - largest);
    for (int i = 0; i < classes; i++)
        values[i] = (float)(exp((double)values[i] - largest)
                            / (answer == CLI_ANSWER_LOGITS ? sum : 1));
}

const char *cli_class_name(const dcn_model *model, int i, char *number, size_t size)
{
    if (model->class_names && i < model->classes)
        return model->class_names[i];
    snprintf(number, size, "%d", i);
    return number;
}

int cli_find_top(const float *values, int count, int *top, int n)
{
    int found = 0;

    /* Insertion into the few that are kept: one pass over many classes. A NaN comes last. */
    for (int i = 0; i < count; i++) {
        int at = found;

        while (at > 0 && (values[i] > values[top[at - 1]]
                          || (isnan(values[top[at - 1]]) && !isnan(values[i]))))
            at--;
        if (at >= n)
            continue;
        found += found < n;
        for (int k = found - 1; k > at; k--)
            top[k] = top[k - 1];
        top[at] = i;
    }
    return found;
}
