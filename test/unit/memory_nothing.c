/* memory_nothing.c - the functions that allocate nothing, called while nothing may be allocated; and that
 * every function of deconvnet.h is called here or in another memory_*.c. */
#include "memory_points.h"

#include <ctype.h>

#define NET "input 8x8x3; c = conv filters=4 kernel=3; r = relu; max_pool 2; dense units=3; softmax"

static dcn_graph *graph;
static dcn_plan *plan;
static dcn_data *data;

static void texts_and_names(void)
{
    dcn_preprocess p = { 0 };
    char text[400];

    assert_non_null(dcn_version());
    assert_non_null(dcn_build_text());
    assert_int_equal(dcn_rule_find(dcn_rule_name(DCN_RULE_GUIDED)), DCN_RULE_GUIDED);
    assert_int_equal(dcn_from_find(dcn_from_name(DCN_FROM_PEAK)), DCN_FROM_PEAK);
    assert_non_null(dcn_kind_text(DCN_KIND_MODEL));
    assert_int_equal(dcn_preprocess_named(&p, "imagenet", (dcn_shape){ 8, 8, 3 }, &err), DCN_OK);
    assert_true(dcn_preprocess_text(&p, text, sizeof text) < sizeof text);
    assert_int_equal(dcn_preprocess_parse(&p, text, &err), DCN_OK);
    assert_true(dcn_machine_threads() > 0);
}

static void of_a_graph(void)
{
    dcn_weight_info w;
    dcn_node_info info;
    const dcn_node r = dcn_graph_find(graph, "r");

    assert_int_equal(dcn_graph_node_count(graph), 6);
    dcn_graph_node_info(graph, r, &info);
    assert_string_equal(info.name, "r");
    assert_true(dcn_graph_output(graph) > dcn_graph_logits(graph));
    assert_true(dcn_graph_flops(graph) > 0);
    assert_int_equal(dcn_graph_weight_count(graph), 4);
    dcn_graph_weight_info(graph, 0, &w);
    assert_non_null(w.data);
}

static void of_data(void)
{
    dcn_preprocess p;
    dcn_data_info info;
    int y, x, size;

    dcn_data_info_get(data, &info);
    assert_true(dcn_data_hash(data) != 0);
    assert_null(dcn_data_file(data, DCN_SPLIT_TRAIN, 0));
    assert_int_equal(dcn_data_motif(data, DCN_SPLIT_TEST, 1, &y, &x, &size, &err), DCN_OK);
    dcn_data_preprocess(data, (dcn_shape){ 24, 24, 3 }, &p);
}

/* What ends objects accepts none, and what is cleared already. */
static void ends(void)
{
    dcn_image image = { 0 };
    dcn_array array = { 0 };
    dcn_model model = { 0 };
    dcn_evaluation evaluation = { 0 };
    dcn_scan scan = { 0 };

    dcn_image_clear(&image);
    dcn_array_clear(&array);
    dcn_model_clear(&model);
    dcn_evaluation_clear(&evaluation);
    dcn_scan_clear(&scan);
    dcn_pictures_free(NULL, 0);
    dcn_graph_destroy(NULL);
    dcn_plan_destroy(NULL);
    dcn_trainer_destroy(NULL);
    dcn_data_close(NULL);
    dcn_atlas_destroy(NULL);
    assert_int_equal(dcn_events_close(NULL, &err), DCN_OK);
}

static void of_a_plan(void)
{
    static float in[8 * 8 * 3], out[8 * 8 * 4];
    const dcn_node r = dcn_graph_find(graph, "r");
    uint8_t bytes[3];

    dcn_plan_forward(plan, in, 1);
    assert_int_equal(dcn_plan_value(plan, r, out, &err), DCN_OK);
    assert_int_equal(dcn_plan_project(plan, 0, DCN_FROM_LAYER, 0, out, &err), DCN_OK);
    assert_int_equal(dcn_plan_signal(plan, dcn_graph_find(graph, "c"), out, &err), DCN_OK);
    dcn_scale_tf1(in, (dcn_shape){ 1, 1, 3 }, bytes);
}

static dcn_status is_kind(const char *path, dcn_kind want)
{
    dcn_kind kind = DCN_KIND_UNKNOWN;
    const dcn_status st = dcn_identify(path, NULL, &kind, &err);

    assert_true(st || kind == want);
    return st;
}

static bool refuse(void *user, size_t bytes)
{
    (void)bytes;
    ++*(long *)user;
    return false;
}

static void nothing_is_asked_for(void **state)
{
    static void (*const parts[])(void) = { texts_and_names, of_a_graph, of_data, of_a_plan, ends };
    long asked = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) {
        dcn__set_alloc_hook(refuse, &asked);
        parts[i]();
        dcn__set_alloc_hook(NULL, NULL);
        if (asked)
            fail_msg("part %zu asked for memory %ld times", i, asked);
    }
    figure("memory: %zu groups of functions that allocate nothing: nothing was asked for", COUNT(parts));
}

/* Whatever it needs to tell a file by, it says so if there is no memory for it. */
static void kinds_of_files(void **state)
{
    static const struct { const char *name; dcn_kind kind; } files[] = {
        { "png/rgb", DCN_KIND_PICTURE }, { "jpeg/rgb", DCN_KIND_PICTURE },
        { "npy/v1", DCN_KIND_NPY }, { "events/all_kinds", DCN_KIND_EVENTS },
        { "safetensors/model", DCN_KIND_MODEL }, { "safetensors/types", DCN_KIND_TENSORS },
        { "scan/whole", DCN_KIND_SCAN }, { "onnx/conv", DCN_KIND_ONNX },
        { "network/tutorial", DCN_KIND_NETWORK }, { "idx/pictures", DCN_KIND_IDX_FILE },
        { "cifar/one", DCN_KIND_CIFAR10 },
    };
    long points = 0, asked;

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        const size_t live = dcn__live_blocks();
        char path[600];
        dcn_status st, without;

        snprintf(path, sizeof path, "%s/fuzz/corpus/%s", DCN_TEST_DATA, files[i].name);
        st = is_kind(path, files[i].kind);
        asked = 0;
        dcn__set_alloc_hook(refuse, &asked);
        without = is_kind(path, files[i].kind);
        dcn__set_alloc_hook(NULL, NULL);
        if (without != (asked ? DCN_MEMORY : st))
            fail_msg("%s: status %d, without memory %d: %s", path, (int)st, (int)without, err.text);
        assert_int_equal(dcn__live_blocks(), live);
        points += asked;
    }
    figure("memory: dcn_identify of %zu kinds of files: %ld points", COUNT(files), points);
}

/* ---- is every function there? ------------------------------------------------------------------ */

static char *text_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);

    if (!file || !text)
        fail_msg("%s cannot be read", path);
    if (fread(text, 1, (1 << 20) - 1, file) == 0)
        fail_msg("%s is empty", path);
    fclose(file);
    return text;
}

/* These make nothing but what memory_train.c's and model's scenarios call inside; they need a network, or
 * start as many threads as there are. */
static const char *const elsewhere[] = {
    "dcn_fetch_cifar10",         /* test/unit/data_fetch.c: a server of its own */
    "dcn_machine_startable",     /* its threads' stacks are the system's */
};

static bool is_elsewhere(const char *name)
{
    for (size_t i = 0; i < COUNT(elsewhere); i++)
        if (strcmp(elsewhere[i], name) == 0)
            return true;
    return false;
}

static bool is_called(char *const *sources, const char *name)
{
    char call[100];

    for (int form = 0; form < 2; form++) {
        snprintf(call, sizeof call, form ? "%s :" : "%s(", name);     /* or named in a table */
        for (int i = 0; sources[i]; i++)
            if (strstr(sources[i], call))
                return true;
    }
    return false;
}

static void every_function_is_called(void **state)
{
    static const char *const names[] = { "readers", "models", "engine", "train", "atlas", "view", "nothing" };
    char *sources[COUNT(names) + 1] = { 0 }, *header = text_of(DCN_TEST_DATA "/../include/deconvnet.h");
    int functions = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[600];

        snprintf(path, sizeof path, "%s/unit/memory_%s.c", DCN_TEST_DATA, names[i]);
        sources[i] = text_of(path);
    }
    for (char *p = header; (p = strstr(p, "\nDCN_API "));) {
        char *open = strchr(p, '('), *begin = open, name[80];

        while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')
            begin--;
        snprintf(name, sizeof name, "%.*s", (int)(open - begin), begin);
        if (!is_called(sources, name) && !is_elsewhere(name))
            fail_msg("%s is called in no memory_*.c; make a scenario of it, or let memory_nothing.c show "
                     "that it allocates nothing", name);
        functions++;
        p = open;
    }
    assert_true(functions > 100);
    figure("memory: %d public functions, %zu of them tried elsewhere", functions, COUNT(elsewhere));
    free(header);
    for (size_t i = 0; i < COUNT(names); i++)
        free(sources[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_for),
        cmocka_unit_test(kinds_of_files),
        cmocka_unit_test(every_function_is_called),
    };
    dcn_route route = { .rule = DCN_RULE_GRADIENT };
    int failed;

    graph = graph_of(NET);
    set_weights(graph, 1, 0, 0.3f);
    route.layer = node_of(graph, "r");
    plan = plan_of(graph, (dcn_plan_desc){ .engine = "ref", .threads = 1, .keep_all = 1, .routes = &route,
                                           .n_routes = 1 });
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    dcn_data_close(data);
    dcn_plan_destroy(plan);
    dcn_graph_destroy(graph);
    return failed;
}
