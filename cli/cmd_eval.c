/* cmd_eval.c - deconvnet eval: how often a model is right, on all test pictures. */
#include "find_data.h"
#include "json.h"
#include "load_model.h"
#include "message.h"
#include "network.h"
#include "options.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

typedef struct eval_run {
    cli_shared shared;
    cli_progress progress;
    dcn_data *data;
    dcn_data_info info;
    dcn_model model;
} eval_run;

static const struct argp_option options[] = {
    CLI_HEADER("What to evaluate:", CLI_GROUP_MAIN),
    CLI_OPTION_MODEL,
    CLI_OPTION_DATA,
    CLI_OPTIONS_INPUT,
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    CLI_OPTION_BATCH,
    CLI_OPTIONS_COMPUTE,
    CLI_HEADER("What to print:", CLI_GROUP_OUTPUT),
    CLI_OPTION_JSON,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] = "Runs all test pictures through a model: accuracy, accuracy per class, "
                          "confusion matrix, and the tutorial's figure, the accuracy on the first "
                          "batch.\v"
                          "Examples:\n"
                          "  deconvnet eval --model runs/tutorial\n"
                          "  deconvnet eval --model runs/tutorial --json | jq .accuracy\n"
                          "  deconvnet eval --model resnet18.onnx --data photos -b 16\n"
                          "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    eval_run *run = state->input;

    if (key == ARGP_KEY_ARG)
        cli_refuse_argument(arg);
    return cli_parse_shared(&run->shared, key, arg);
}

static const struct argp argp = { options, parse, "", doc, NULL, NULL, NULL };

static int draw(void *user, int64_t done, int64_t total)
{
    cli_progress_draw(user, done, total, NULL);
    return 0;
}

static double share(int64_t part, int64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

static int64_t row_sum(const dcn_evaluation *e, int truth)
{
    int64_t sum = 0;

    for (int i = 0; i < e->classes; i++)
        sum += e->confusion[(size_t)truth * (size_t)e->classes + (size_t)i];
    return sum;
}

static const char *class_name(const eval_run *run, int i, char *number, size_t size)
{
    if (!run->model.class_names && run->info.class_names && i < run->info.classes)
        return run->info.class_names[i];
    return cli_class_name(&run->model, i, number, size);
}

static void print_text(const eval_run *run, const dcn_evaluation *e)
{
    enum { MATRIX_MAX = 20 };
    char number[16], name[64];

    printf("accuracy %.4f: %lld of %lld test pictures of %s\n", share(e->correct, e->n),
           (long long)e->correct, (long long)e->n, run->info.name);
    printf("first batch %.4f: %lld of %lld, the figure that the tutorial prints\n",
           share(e->first_correct, e->first_n), (long long)e->first_correct, (long long)e->first_n);
    printf("loss %.4f; %.2f s, %.0f pictures a second\n\n", e->loss, e->ms / 1000,
           e->ms > 0 ? 1000 * (double)e->n / e->ms : 0);
    printf("%-16s accuracy%s\n", "class", e->classes <= MATRIX_MAX
           ? "   taken for (columns in the order of the rows)" : "");
    for (int i = 0; i < e->classes; i++) {
        const int64_t *row = e->confusion + (size_t)i * (size_t)e->classes;

        cli_escape(name, sizeof name, class_name(run, i, number, sizeof number));
        printf("%-16.40s %8.4f", name, share(row[i], row_sum(e, i)));
        for (int k = 0; k < e->classes && e->classes <= MATRIX_MAX; k++)
            printf(k == i ? " %s%5lld%s" : " %.0s%5lld%.0s", cli_bold(stdout), (long long)row[k],
                   cli_plain(stdout));
        putchar('\n');
    }
}

static dcn_status print_json(const eval_run *run, const dcn_evaluation *e, dcn_error *err)
{
    cli_json *json = cli_json_create(), *classes, *matrix;
    char number[16];
    dcn_status st;

    cli_json_real(json, "accuracy", share(e->correct, e->n));
    cli_json_int(json, "correct", e->correct);
    cli_json_int(json, "pictures", e->n);
    cli_json_real(json, "loss", e->loss);
    cli_json_real(json, "first_batch_accuracy", share(e->first_correct, e->first_n));
    cli_json_int(json, "first_batch_pictures", e->first_n);
    cli_json_text(json, "data", run->info.name);
    cli_json_text(json, "model", run->model.hash);
    cli_json_int(json, "step", run->model.step);
    cli_json_bool(json, "exact", run->shared.exact);
    cli_json_real(json, "ms", e->ms);
    classes = cli_json_array(json, "classes");
    matrix = cli_json_array(json, "confusion");
    for (int i = 0; i < e->classes; i++) {
        const int64_t *row = e->confusion + (size_t)i * (size_t)e->classes;
        cli_json *class = cli_json_object(classes, NULL), *line = cli_json_array(matrix, NULL);

        cli_json_text(class, "name", class_name(run, i, number, sizeof number));
        cli_json_real(class, "accuracy", share(row[i], row_sum(e, i)));
        for (int k = 0; k < e->classes; k++)
            cli_json_int(line, NULL, row[k]);
    }
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}

/* A model can be tried on other pictures; then the figures are not what they seem. */
static void compare_classes(const eval_run *run)
{
    if (!run->model.class_names || !run->info.class_names
        || run->model.classes != run->info.classes)
        return;
    for (int i = 0; i < run->info.classes; i++) {
        char ours[64], theirs[64];

        if (!strcmp(run->model.class_names[i], run->info.class_names[i]))
            continue;
        cli_escape(ours, sizeof ours, run->model.class_names[i]);
        cli_escape(theirs, sizeof theirs, run->info.class_names[i]);
        cli_note("the model was trained for other classes than the data's: its class %d is %s, "
                 "here it is %s", i, ours, theirs);
        return;
    }
}

/* 128 pictures a step, as in training; fewer where a network's values would take gigabytes. */
static int usual_batch(const dcn_graph *graph)
{
    enum { USUAL = 128 };
    const double room = 1024.0 * 1024 * 1024;
    double one = 1;

    for (int i = 0; i < dcn_graph_node_count(graph); i++)
        one += 4.0 * (double)cli_volume(cli_shape_of(graph, i));
    return room / one >= USUAL ? USUAL : room / one >= 1 ? (int)(room / one) : 1;
}

static dcn_status evaluate(eval_run *run, const char *model, dcn_error *err)
{
    dcn_plan_desc desc = { .engine = run->shared.engine, .threads = run->shared.threads,
                           .batch = run->shared.batch, .exact = run->shared.exact,
                           .max_bytes = run->shared.max_memory };
    dcn_evaluation e = { 0 };
    dcn_status st;

    if ((st = cli_load_model(&run->model, model, &run->shared, err))
        || (st = cli_open_data(&run->data, &run->shared, err)))
        return st;
    cli_tell_guess(&run->model, &run->shared);
    dcn_data_info_get(run->data, &run->info);
    compare_classes(run);
    if (!desc.batch)
        desc.batch = usual_batch(run->model.graph);
    cli_progress_begin(&run->progress, &run->shared, "evaluate", "pictures");
    st = dcn_evaluate(&e, &run->model, run->data, DCN_SPLIT_TEST, &desc, draw, &run->progress, err);
    cli_progress_clear(&run->progress);
    if (!st && run->shared.json)
        st = print_json(run, &e, err);
    else if (!st)
        print_text(run, &e);
    dcn_evaluation_clear(&e);
    return st;
}

static dcn_status eval_main(int argc, char **argv, dcn_error *err)
{
    eval_run run = { .data = NULL };
    dcn_status st;
    char *model;

    cli_parse(&cli_eval, argc, argv, &run);
    model = cli_model_path(&run.shared);
    st = evaluate(&run, model, err);
    dcn_model_clear(&run.model);
    dcn_data_close(run.data);
    free(model);
    return st;
}

const cli_command cli_eval = { "eval", "accuracy of a model on all test pictures", &argp,
                               eval_main };
