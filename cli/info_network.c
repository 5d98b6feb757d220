/* info_network.c - what info says of a model or a network: its input, its classes, the memory of
 * its plans. The table of nodes is info_nodes.c's. */
#include "info.h"

#include "load_model.h"
#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

/* What plans may cost where a text of a few bytes asks for them. */
#define TEXT_PLAN_BYTES (48.0 * 1024 * 1024)

/* ---- one line of the answer: text, or a member of the JSON object --------------------------- */

/* json NULL: print. */
void info_text(cli_json *json, const char *key, const char *value)
{
    char escaped[1024];

    if (json) {
        cli_json_text(json, key, value);
        return;
    }
    cli_escape(escaped, sizeof escaped, value);
    printf("%-12s %s\n", key, escaped);
}

void info_int(cli_json *json, const char *key, int64_t value)
{
    if (json)
        cli_json_int(json, key, value);
    else
        printf("%-12s %lld\n", key, (long long)value);
}

void info_shape(cli_json *json, const char *key, dcn_shape s)
{
    char text[64];

    if (json) {
        cli_json *list = cli_json_array(json, key);

        cli_json_int(list, NULL, s.h);
        cli_json_int(list, NULL, s.w);
        cli_json_int(list, NULL, s.c);
        return;
    }
    snprintf(text, sizeof text, "%d x %d x %d (rows, columns, channels)", s.h, s.w, s.c);
    info_text(NULL, key, text);
}

/* The memory and the cut of a plan for this network. */
static dcn_status tell_plan(cli_json *json, const info_run *run, const dcn_graph *graph,
                            bool training, dcn_error *err)
{
    const int usual = cli_is_imported(graph) ? 1 : 128;
    const dcn_plan_desc desc = { .engine = run->shared.engine, .threads = run->shared.threads,
                                 .batch = run->shared.batch ? run->shared.batch : usual,
                                 .training = training, .exact = run->shared.exact,
                                 .max_bytes = run->shared.max_memory };
    const char *key = training ? "training" : "inference";
    dcn_plan *plan;
    dcn_status st;
    char text[300];

    if ((st = dcn_plan_create(&plan, graph, &desc, err)))
        return st;
    if (json) {
        cli_json *object = cli_json_object(json, key);

        cli_json_int(object, "bytes", (int64_t)dcn_plan_bytes(plan));
        cli_json_int(object, "batch", desc.batch);
        cli_json_text(object, "plan", dcn_plan_text(plan));
    } else {
        snprintf(text, sizeof text, "%.1f MB at batch %d: %s", (double)dcn_plan_bytes(plan) / 1e6,
                 desc.batch, dcn_plan_text(plan));
        info_text(NULL, key, text);
    }
    dcn_plan_destroy(plan);
    return DCN_OK;
}

/* What plans of this network need at the least, before any is made: weights, gradients and
 * moments, and the values of a chunk on the way up and down. */
static double least_bytes(const dcn_graph *graph)
{
    double weights = 4.0 * (double)cli_weight_total(graph), values = 0;

    for (int i = 0; i < dcn_graph_node_count(graph); i++)
        values += 4.0 * (double)cli_volume(cli_shape_of(graph, i));
    return 20 * weights + 32 * values;
}

/* Is there a softmax at the end, so that a loss exists? */
static bool can_train(const dcn_graph *graph)
{
    dcn_node_info info;

    dcn_graph_node_info(graph, dcn_graph_output(graph), &info);
    return !cli_is_imported(graph) && !strcmp(info.op, "softmax") && info.shape.h == 1
           && info.shape.w == 1;
}

static dcn_status tell_graph(cli_json *json, const info_run *run, const dcn_graph *graph,
                             bool plans, dcn_error *err)
{
    char *text = cli_network_text(graph);
    dcn_status st = DCN_OK;

    info_int(json, "parameters", cli_weight_total(graph));
    if (json)
        cli_json_real(json, "flops", dcn_graph_flops(graph));
    else
        printf("%-12s %.1f MFLOP a picture\n", "forward", dcn_graph_flops(graph) / 1e6);
    if (plans) {
        st = tell_plan(json, run, graph, false, err);
        if (!st && can_train(graph))
            st = tell_plan(json, run, graph, true, err);
    } else {
        info_text(json, "plan", "not made here, it is large; deconvnet train --dry-run makes it");
    }
    if (json) {
        cli_json_text(json, "network", text);
        info_add_nodes(json, graph);
    } else if (!st) {
        info_print_nodes(graph);
        if (!cli_is_imported(graph))           /* the table says as much, and is easier to read */
            printf("\n%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
    }
    free(text);
    return st;
}

dcn_status info_model(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_model model = { 0 };
    char preprocess[300];
    cli_guess guess;
    dcn_status st;

    if ((st = cli_load_model(&model, path, &run->shared, err))) {
        dcn_model_clear(&model);
        return st;
    }
    cli_tell_guess(&model, &run->shared);
    if (json || !cli_is_imported(model.graph))
        info_int(json, "step", model.step);
    info_text(json, "hash", model.hash);
    dcn_preprocess_text(&model.preprocess, preprocess, sizeof preprocess);
    info_text(json, "preprocess", preprocess);
    guess = cli_guess_of(&model, &run->shared);
    if (json || *guess.text)
        info_text(json, "guessed", *guess.text ? guess.text : NULL);
    info_int(json, "classes", model.classes);
    if (json && model.class_names) {
        cli_json *names = cli_json_array(json, "class_names");

        for (int i = 0; i < model.classes; i++)
            cli_json_text(names, NULL, model.class_names[i]);
    } else if (model.class_names) {
        printf("%-12s", "names");
        for (int i = 0; i < model.classes; i++) {
            char name[128];

            cli_escape(name, sizeof name, model.class_names[i]);
            printf("%s %s", i ? "," : "", name);
        }
        putchar('\n');
    }
    st = tell_graph(json, run, model.graph, true, err);
    dcn_model_clear(&model);
    return st;
}

dcn_status info_network(cli_json *json, const info_run *run, const char *path,
                               dcn_error *err)
{
    dcn_graph *graph;
    dcn_status st;
    bool plans;

    if ((st = cli_load_network(&graph, path, 3, 10, &run->shared.limits, err)))
        return st;
    /* A line of text must not cost gigabytes: large plans are for those who ask for them. */
    plans = least_bytes(graph) <= TEXT_PLAN_BYTES;
    if (plans)
        st = dcn_graph_init_weights(graph, 1, err);
    if (!st)
        st = tell_graph(json, run, graph, plans, err);
    dcn_graph_destroy(graph);
    return st;
}
