/* cmd_info.c - deconvnet info: what a path is, after reading and checking all of it. */
#include "json.h"
#include "load_model.h"
#include "message.h"
#include "network.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct info_run {
    cli_shared shared;
    char **paths;
    int n_paths;
} info_run;

/* What plans may cost where a text of a few bytes asks for them. */
#define TEXT_PLAN_BYTES (48.0 * 1024 * 1024)

static const struct argp_option options[] = {
    CLI_OPTIONS_INPUT,
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    { "batch-size", 'b', "N", 0,
      "Pictures a step of the plans whose memory is told (128; of an ONNX file 1)",
      CLI_GROUP_COMPUTE },
    CLI_OPTIONS_COMPUTE,
    CLI_HEADER("What to print:", CLI_GROUP_OUTPUT),
    CLI_OPTION_JSON,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] = "Says what a file or folder is, by content and not by name, and checks "
                          "all of it: a CIFAR-10 folder, a folder of IDX files, an image folder, a "
                          "picture, a model, a network, an event file, an array. Of a model, "
                          "ONNX or our own, it prints every node with its shape, parameters, "
                          "operations and receptive field, what was guessed about its input, and "
                          "the memory that plans need.\v"
                          "Examples:\n"
                          "  deconvnet info runs/tutorial/model.safetensors\n"
                          "  deconvnet info resnet18.onnx\n"
                          "  deconvnet info --size 320x240 --json fully-convolutional.onnx\n"
                          "  deconvnet info ~/.cache/deconvnet/cifar-10-batches-bin\n"
                          "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    info_run *run = state->input;

    if (key == ARGP_KEY_ARG) {
        run->paths = cli_grow(run->paths, (size_t)run->n_paths + 1, sizeof *run->paths);
        run->paths[run->n_paths++] = cli_parse_name(key, arg);
        return 0;
    }
    return cli_parse_shared(&run->shared, key, arg);
}

static const struct argp argp = { options, parse, "PATH...", doc, NULL, NULL, NULL };

/* ---- one line of the answer: text, or a member of the JSON object --------------------------- */

/* json NULL: print. */
static void tell_text(cli_json *json, const char *key, const char *value)
{
    char escaped[1024];

    if (json) {
        cli_json_text(json, key, value);
        return;
    }
    cli_escape(escaped, sizeof escaped, value);
    printf("%-12s %s\n", key, escaped);
}

static void tell_int(cli_json *json, const char *key, int64_t value)
{
    if (json)
        cli_json_int(json, key, value);
    else
        printf("%-12s %lld\n", key, (long long)value);
}

static void tell_shape(cli_json *json, const char *key, dcn_shape s)
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
    tell_text(NULL, key, text);
}

/* ---- networks ------------------------------------------------------------------------------- */

/* Multiply-adds times two of a convolution or dense layer; the others cost little beside them. */
static double node_flops(const dcn_graph *graph, dcn_node node)
{
    const dcn_shape shape = cli_shape_of(graph, node);

    for (int i = 0; i < dcn_graph_weight_count(graph); i++) {
        dcn_weight_info w;

        dcn_graph_weight_info(graph, i, &w);
        if (w.node == node && w.rank >= 2)
            return 2.0 * (double)w.count * (w.rank == 4 ? (double)shape.h * shape.w : 1);
    }
    return 0;
}

/* What the middle unit of a node sees at this size of the input, and whether the border cuts it. */
static dcn_box middle_box(const dcn_graph *graph, dcn_node node, dcn_shape shape)
{
    dcn_box box = { 0, 0, 0, 0, 0 };
    dcn_error ignored;

    dcn_graph_box(graph, node, shape.h / 2, shape.w / 2, &box, &ignored);
    return box;
}

static void print_node(const dcn_graph *graph, dcn_node node, int width, int op_width)
{
    const double flops = node_flops(graph, node);
    char shape[48], field[96], cost[24] = "";
    dcn_node_info n;
    dcn_box box;

    dcn_graph_node_info(graph, node, &n);
    box = middle_box(graph, node, n.shape);
    snprintf(shape, sizeof shape, "[%d, %d, %d]", n.shape.h, n.shape.w, n.shape.c);
    snprintf(field, sizeof field, "%dx%d, %d,%d, %d,%d%s", n.field.size[0], n.field.size[1],
             n.field.start[0], n.field.start[1], n.field.stride[0], n.field.stride[1],
             box.clipped ? ", cut" : "");
    if (flops > 0)
        snprintf(cost, sizeof cost, "%.1f", flops / 1e6);
    printf("%-*s  %-*s  %-16s  %10lld  %8s  %s\n", width, n.name, op_width, n.op, shape,
           (long long)n.n_weights, cost, field);
}

static void print_nodes(const dcn_graph *graph)
{
    int width = 4, op_width = 8;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info n;

        dcn_graph_node_info(graph, i, &n);
        width = (int)strlen(n.name) > width ? (int)strlen(n.name) : width;
        op_width = (int)strlen(n.op) > op_width ? (int)strlen(n.op) : op_width;
    }
    printf("\n%s%-*s  %-*s  %-16s  %10s  %8s  %-12s%s\n", cli_bold(stdout), width, "node", op_width,
           "op", "shape (H,W,C)", "parameters", "MFLOP", "sees: size, start, stride; cut: the "
           "middle unit's field goes beyond the border", cli_plain(stdout));
    for (int i = 0; i < dcn_graph_node_count(graph); i++)
        print_node(graph, i, width, op_width);
}

static void pair(cli_json *to, const char *key, const int value[2])
{
    cli_json *list = cli_json_array(to, key);

    cli_json_int(list, NULL, value[0]);
    cli_json_int(list, NULL, value[1]);
}

static void add_middle(cli_json *to, const dcn_graph *graph, dcn_node node, dcn_shape shape)
{
    const dcn_box box = middle_box(graph, node, shape);
    cli_json *middle = cli_json_object(to, "middle_unit");

    cli_json_int(middle, "row", shape.h / 2);
    cli_json_int(middle, "column", shape.w / 2);
    cli_json_int(middle, "top", box.top);
    cli_json_int(middle, "left", box.left);
    cli_json_int(middle, "bottom", box.bottom);
    cli_json_int(middle, "right", box.right);
    cli_json_int(middle, "clipped", box.clipped != 0);
}

static void add_nodes(cli_json *json, const dcn_graph *graph)
{
    cli_json *list = cli_json_array(json, "nodes");
    int layers = 0;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        cli_json *node = cli_json_object(list, NULL), *inputs, *field;
        dcn_node_info n;

        dcn_graph_node_info(graph, i, &n);
        cli_json_text(node, "name", n.name);
        cli_json_text(node, "origin", n.origin);
        cli_json_text(node, "op", n.op);
        cli_json_int(node, "layer", n.is_layer ? ++layers : 0);
        tell_shape(node, "shape", n.shape);
        inputs = cli_json_array(node, "inputs");
        for (int k = 0; k < n.n_inputs; k++)
            cli_json_text(inputs, NULL, cli_name_of(graph, n.inputs[k]));
        cli_json_int(node, "parameters", n.n_weights);
        cli_json_real(node, "flops", node_flops(graph, i));
        field = cli_json_object(node, "field");
        pair(field, "start", n.field.start);
        pair(field, "size", n.field.size);
        pair(field, "stride", n.field.stride);
        add_middle(node, graph, i, n.shape);
    }
}

/* The memory and the cut of a plan for this network. */
static dcn_status tell_plan(cli_json *json, const info_run *run, const dcn_graph *graph,
                            bool training, dcn_error *err)
{
    const int usual = cli_is_imported(graph) ? 1 : 128;
    const dcn_plan_desc desc = { .engine = run->shared.engine, .threads = run->shared.threads,
                                 .batch = run->shared.batch ? run->shared.batch : usual,
                                 .training = training };
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
        tell_text(NULL, key, text);
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

    tell_int(json, "parameters", cli_weight_total(graph));
    if (json)
        cli_json_real(json, "flops", dcn_graph_flops(graph));
    else
        printf("%-12s %.1f MFLOP a picture\n", "forward", dcn_graph_flops(graph) / 1e6);
    if (plans) {
        st = tell_plan(json, run, graph, false, err);
        if (!st && can_train(graph))
            st = tell_plan(json, run, graph, true, err);
    } else {
        tell_text(json, "plan", "not made here, it is large; deconvnet train --dry-run makes it");
    }
    if (json) {
        cli_json_text(json, "network", text);
        add_nodes(json, graph);
    } else if (!st) {
        print_nodes(graph);
        if (!cli_is_imported(graph))           /* the table says as much, and is easier to read */
            printf("\n%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
    }
    free(text);
    return st;
}

static dcn_status tell_model(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_model model = { 0 };
    char preprocess[300];
    dcn_status st;

    if ((st = cli_load_model(&model, path, &run->shared, err))) {
        dcn_model_clear(&model);
        return st;
    }
    tell_int(json, "step", model.step);
    tell_text(json, "hash", model.hash);
    dcn_preprocess_text(&model.preprocess, preprocess, sizeof preprocess);
    tell_text(json, "preprocess", preprocess);
    if (json || *model.guess)
        tell_text(json, "guessed", *model.guess ? model.guess : NULL);
    tell_int(json, "classes", model.classes);
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

static dcn_status tell_network(cli_json *json, const info_run *run, const char *path,
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

/* ---- everything else ------------------------------------------------------------------------ */

static dcn_status tell_data(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_data *data;
    dcn_data_info info;
    dcn_status st;
    char hash[24];
    cli_json *names;

    if ((st = dcn_data_open(&data, path, &run->shared.limits, err)))
        return st;
    if (!(st = dcn_data_verify(data, err))) {
        dcn_data_info_get(data, &info);
        snprintf(hash, sizeof hash, "%016llx", (unsigned long long)dcn_data_hash(data));
        tell_text(json, "name", info.name);
        tell_int(json, "train", info.count[DCN_SPLIT_TRAIN]);
        tell_int(json, "test", info.count[DCN_SPLIT_TEST]);
        if (info.shape.h > 0)
            tell_shape(json, "shape", info.shape);
        else
            tell_text(json, "shape", "differs from picture to picture");
        tell_text(json, "hash", hash);
        tell_int(json, "classes", info.classes);
        names = json ? cli_json_array(json, "class_names") : NULL;
        for (int i = 0; i < info.classes && info.class_names; i++) {
            char name[128];

            cli_escape(name, sizeof name, info.class_names[i]);
            if (names)
                cli_json_text(names, NULL, name);
            else
                printf("%12d %s\n", i, name);
        }
    }
    dcn_data_close(data);
    return st;
}

static dcn_status tell_picture(cli_json *json, const info_run *run, const char *path,
                               dcn_error *err)
{
    dcn_image image = { 0 };
    const dcn_status st = dcn_image_load(&image, path, &run->shared.limits, err);

    if (!st)
        tell_shape(json, "shape", (dcn_shape){ image.h, image.w, image.c });
    dcn_image_clear(&image);
    return st;
}

static dcn_status tell_events(cli_json *json, const char *path, dcn_error *err)
{
    dcn_events_summary s = { 0 };
    const dcn_status st = dcn_events_verify(path, &s, err);

    if (st)
        return st;
    tell_int(json, "records", s.records);
    tell_int(json, "scalars", s.scalars);
    tell_int(json, "images", s.images);
    tell_int(json, "histograms", s.histograms);
    tell_int(json, "graphs", s.graphs);
    tell_int(json, "first_step", s.first_step);
    tell_int(json, "last_step", s.last_step);
    tell_int(json, "torn_bytes", s.torn_bytes);
    return DCN_OK;
}

static dcn_status tell_array(cli_json *json, const char *path, dcn_error *err)
{
    dcn_array array = { 0 };
    const dcn_status st = dcn_npy_load(&array, path, err);
    char text[8 * 24] = "";
    size_t used = 0;

    for (int i = 0; i < array.rank && !st; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i ? " x " : "",
                                 (long long)array.dims[i]);
    if (!st)
        tell_text(json, "shape", text);
    dcn_array_clear(&array);
    return st;
}

/* The folder of a run stands for its model. Allocated. */
static char *model_in(const char *path)
{
    char *model = cli_text("%s/model.safetensors", path);
    struct stat file;

    if (stat(model, &file) == 0)
        return model;
    free(model);
    return cli_text("%s", path);
}

static dcn_status tell(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_kind kind;
    struct stat file;
    dcn_status st;

    if ((st = dcn_identify(path, &kind, err)))
        return st;
    tell_text(json, "path", path);
    tell_text(json, "kind", dcn_kind_text(kind));
    if (stat(path, &file) == 0 && S_ISREG(file.st_mode))
        tell_int(json, "bytes", (int64_t)file.st_size);
    switch (kind) {
    case DCN_KIND_CIFAR10:
    case DCN_KIND_IDX:
    case DCN_KIND_FOLDER: return tell_data(json, run, path, err);
    case DCN_KIND_PICTURE: return tell_picture(json, run, path, err);
    case DCN_KIND_ONNX:
    case DCN_KIND_MODEL: return tell_model(json, run, path, err);
    case DCN_KIND_EVENTS: return tell_events(json, path, err);
    case DCN_KIND_NETWORK: return tell_network(json, run, path, err);
    case DCN_KIND_NPY: return tell_array(json, path, err);
    case DCN_KIND_TENSORS:
    case DCN_KIND_IDX_FILE:
    case DCN_KIND_UNKNOWN: break;
    }
    return DCN_OK;
}

static dcn_status info_main(int argc, char **argv, dcn_error *err)
{
    info_run run = { .paths = NULL };
    dcn_status st = DCN_OK;

    cli_parse(&cli_info, argc, argv, &run);
    if (run.n_paths == 0)
        return cli_fail(err, DCN_USAGE, "arguments", "no path is given; name a file or a folder");
    if (run.shared.json && run.n_paths > 1)
        return cli_fail(err, DCN_USAGE, "--json", "tells of one path at a time; name one");
    for (int i = 0; i < run.n_paths && !st; i++) {
        cli_json *json = run.shared.json ? cli_json_create() : NULL;
        char *path = model_in(run.paths[i]);

        if (i > 0)
            putchar('\n');
        st = tell(json, &run, path, err);
        free(path);
        if (!st && json)
            st = cli_json_print(json, err);
        if (json)
            cli_json_destroy(json);
    }
    free(run.paths);
    return st;
}

const cli_command cli_info = { "info", "say what a file or folder is, and check all of it", &argp,
                               info_main };
