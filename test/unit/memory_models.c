/* memory_models.c - graphs and model files without memory: builders, texts, weights, safetensors, ONNX
 * with everything that it imports and writes, names of classes. */
#include "memory_points.h"

#include "base/file.h"
#include "codec_onnx_bytes.h"
#include "onnx_networks.h"

#define CORPUS DCN_TEST_DATA "/fuzz/corpus/"

/* ---- graphs ------------------------------------------------------------------------------------ */

static dcn_status feed_graph(const dcn_graph *g, uint64_t *sum, dcn_error *e)
{
    static char text[8192];
    const size_t n = dcn_graph_text(g, text, sizeof text);

    if (n == 0)                          /* it says so without an error */
        return dcn__fail_memory(e, "a network's text", 0);
    assert_true(n < sizeof text);
    feed_text(sum, text);
    for (int i = 0; i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info w;

        dcn_graph_weight_info(g, i, &w);
        if (w.data)
            feed(sum, w.data, (size_t)w.count * sizeof *w.data);
    }
    return DCN_OK;
}

/* One node of each kind. */
static void build(dcn_graph *g)
{
    const dcn_conv_desc conv = { .filters = 4, .kernel = { 3, 3 } };
    const dcn_pool_desc pool = { .window = { 2, 2 } };
    const dcn_lrn_desc lrn = { .size = 3, .alpha = 0.1f, .beta = 0.75f, .k = 1 };
    const dcn_dense_desc dense = { .units = 3 };
    const int pad[4] = { 1, 0, 1, 0 };
    const dcn_node x = dcn_graph_conv(g, dcn_graph_input(g, NULL, (dcn_shape){ 8, 8, 3 }), &conv);
    const dcn_node a = dcn_graph_relu(g, x, NULL), b = dcn_graph_prelu(g, x, "b"), two[2] = { a, b };
    dcn_node y = dcn_graph_add(g, two, 2, NULL);

    y = dcn_graph_max_pool(g, y, &pool);
    y = dcn_graph_batch_norm(g, dcn_graph_scale(g, y, NULL), NULL);
    y = dcn_graph_activation(g, y, "silu", 0, 0, NULL);
    y = dcn_graph_lrn(g, y, &lrn);
    y = dcn_graph_mul(g, y, dcn_graph_avg_pool(g, y, &(dcn_pool_desc){ .window = { 0, 0 } }), NULL);
    y = dcn_graph_pad(g, y, pad, 0.5f, NULL);
    y = dcn_graph_concat(g, (dcn_node[2]){ y, y }, 2, NULL);
    y = dcn_graph_shuffle(g, dcn_graph_slice(g, y, 2, 4, NULL), 2, NULL);
    y = dcn_graph_softmax(g, dcn_graph_reshape(g, y, (dcn_shape){ 1, 1, 96 }, DCN_ORDER_CHW, NULL),
                          NULL);
    dcn_graph_log_softmax(g, dcn_graph_dense(g, y, &dense), NULL);
}

static dcn_status build_graph(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_graph *g = NULL, *copy = NULL;
    dcn_box box;
    dcn_status st = dcn_graph_create(&g, e);

    (void)with;
    if (st) {
        assert_null(g);
        return st;
    }
    build(g);
    if (!(st = dcn_graph_check(g, e)) && !(st = dcn_graph_init_weights(g, 5, e)) &&
        !(st = dcn_graph_box(g, dcn_graph_find(g, "max_pool1"), 1, 1, &box, e)) &&
        !(st = dcn_graph_copy(&copy, g, e)) && !(st = feed_graph(copy, sum, e)))
        feed(sum, &box, sizeof box);
    if (st)
        assert_true(!copy || st == DCN_MEMORY);
    dcn_graph_destroy(copy);
    dcn_graph_destroy(g);
    return st;
}

static dcn_status parse_graph(const void *text, uint64_t *sum, dcn_error *e)
{
    dcn_graph *g;
    dcn_status st = dcn_graph_parse(&g, text, strlen(text), "net", NULL, e);

    if (st)
        assert_null(g);
    else
        st = feed_graph(g, sum, e);
    dcn_graph_destroy(g);
    return st;
}

static dcn_status make_tutorial(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_graph *g;
    dcn_status st = dcn_graph_tutorial(&g, 3, 10, e);

    (void)with;
    if (st)
        assert_null(g);
    else
        st = feed_graph(g, sum, e);
    dcn_graph_destroy(g);
    return st;
}

/* A weight that finds no room stays without values. */
static dcn_status set_a_weight(const void *text, uint64_t *sum, dcn_error *e)
{
    static const float data[64] = { 1, 2, 3 };
    dcn_weight_info w;
    dcn_graph *g;
    dcn_status st = dcn_graph_parse(&g, text, strlen(text), "net", NULL, e);

    if (st)
        return st;
    dcn_graph_weight_info(g, 0, &w);
    if ((st = dcn_graph_set_weight(g, 0, data, w.count, e))) {
        dcn_graph_weight_info(g, 0, &w);
        assert_null(w.data);
    } else {
        st = feed_graph(g, sum, e);
    }
    dcn_graph_destroy(g);
    return st;
}

static void graphs(void **state)
{
    static const scenario list[] = {
        { "graph builders", build_graph, 0, NULL, NULL },
        { "dcn_graph_parse", parse_graph, WHOLE_PROCESS,
          "a = input 8x8x3; b = conv a filters=4 kernel=3 stride=2 groups=1; relu; c = tanh b; "
          "add c relu1; max_pool 2; dense units=3; softmax", NULL },
        { "dcn_graph_tutorial", make_tutorial, WHOLE_PROCESS, NULL, NULL },
        { "dcn_graph_set_weight", set_a_weight, 0, "input 4x4x2; conv filters=2 kernel=2", NULL },
    };

    (void)state;
    RUN_SCENARIOS(list);
}

/* ---- model files --------------------------------------------------------------------------------- */

static dcn_model model;
static char folder[640];

static const char *in_folder(const char *name)
{
    static char path[700];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static dcn_status feed_model(const dcn_model *m, uint64_t *sum, dcn_error *e)
{
    for (int i = 0; m->class_names && i < m->classes; i++)
        feed_text(sum, m->class_names[i]);
    feed_text(sum, m->hash);
    feed_text(sum, m->guess);
    return feed_graph(m->graph, sum, e);
}

/* Under a name of its own, or else the old file is what is read. */
static dcn_status write_model(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_status (*const writes)(const dcn_model *, const char *, dcn_error *) =
        with ? dcn_onnx_save : dcn_model_save;
    const char *path = in_folder("new");
    dcn_status st;

    unlink(path);
    st = writes(&model, path, e);
    if (!st)
        feed_file(sum, path);
    return st;
}

static dcn_status load_model(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn_model m;
    dcn_status st = dcn_model_load(&m, path, NULL, e);

    if (st)
        assert_true(!m.graph && !m.class_names);
    else
        st = feed_model(&m, sum, e);
    dcn_model_clear(&m);
    return st;
}

static dcn_status load_onnx(const void *path, uint64_t *sum, dcn_error *e)
{
    const dcn_onnx_desc desc = { .height = 8, .width = 8 };
    dcn_model m;
    dcn_status st = dcn_onnx_load(&m, path, &desc, e);

    if (st)
        assert_true(!m.graph && !m.class_names);
    else
        st = feed_model(&m, sum, e);
    dcn_model_clear(&m);
    return st;
}

static dcn_status read_labels(const void *path, uint64_t *sum, dcn_error *e)
{
    char **const before = model.class_names;
    dcn_status st = dcn_model_labels(&model, path, e);

    if (st)
        assert_ptr_equal(model.class_names, before);
    for (int i = 0; i < model.classes; i++)
        feed_text(st ? &(uint64_t){ 0 } : sum, model.class_names[i]);
    return st;
}

static dcn_status save_tensors(const void *with, uint64_t *sum, dcn_error *e)
{
    static const char *const metadata[] = { "key", "value \"1\"", "b", "\xc3\xa9", NULL };
    static float numbers[6] = { 1, 2, 3, 4, 5, 6 };
    static const dcn_array arrays[2] = { { "z", DCN_F32, 2, { 2, 3 }, numbers },
                                         { "a", DCN_U8, 1, { 5 }, numbers } };
    dcn_status st;

    (void)with;
    unlink(in_folder("tensors"));
    st = dcn_tensors_save(in_folder("tensors"), arrays, 2, metadata, e);
    if (!st)
        feed_file(sum, in_folder("tensors"));
    return st;
}

static char *keep(const char *text)
{
    char *kept = strdup(text);

    assert_non_null(kept);
    return kept;
}

static void set_model(const char *text)
{
    dcn_model_clear(&model);
    model.graph = graph_of(text);
    set_weights(model.graph, 7, 0, 0.4f);
    model.preprocess = (dcn_preprocess){ .shape = shape_of(model.graph, 0),
                                         .normalize = DCN_NORMALIZE_NONE };
    if (model.preprocess.shape.c != 3)
        model.preprocess.shape.c = 1;
}

static void model_files(void **state)
{
    char *safetensors = keep(in_folder("m.safetensors")), *labels = keep(in_folder("labels.txt")),
         *json = keep(in_folder("labels.json"));
    const scenario list[] = {
#ifdef DCN_HAVE_RHASH
        { "dcn_model_load", load_model, 0, safetensors, NULL },
        { "labels, JSON", read_labels, WHOLE_PROCESS, json, NULL },
#endif
        { "dcn_model_save", write_model, WHOLE_PROCESS, NULL, NULL },
        { "labels", read_labels, WHOLE_PROCESS, labels, NULL },
        { "dcn_tensors_save", save_tensors, WHOLE_PROCESS, NULL, NULL },
    };

    (void)state;
    set_model("input 8x8x3; conv filters=4 kernel=3; relu; max_pool 2; dense units=3; softmax");
    model.classes = 3;
    must(dcn__file_write(labels, "cat\ndog\nbird\n", 13, &err));
    must(dcn__file_write(json, "[\"a\", \"b\", \"c\"]", 15, &err));
    must(dcn_model_labels(&model, labels, &err));
    must(dcn_model_save(&model, safetensors, &err));
    RUN_SCENARIOS(list);
    free(safetensors);
    free(labels);
    free(json);
}

#ifdef DCN_HAVE_PROTOBUF
/* Written and read again: whatever operator there is. */
static void onnx_files(void **state)
{
    char *path = keep(in_folder("m.onnx"));
    const scenario both[] = {
        { "dcn_onnx_save", write_model, WHOLE_PROCESS | MANY, "", NULL },
        { "dcn_onnx_load", load_onnx, WHOLE_PROCESS | MANY, path, NULL },
    };
    const int step = test_full() ? 1 : 5;

    (void)state;
    must(dcn__file_write(in_folder("names.txt"), "cat\ndog\nbird\n", 13, &err));
    for (size_t i = 0; i < COUNT(networks); i += (size_t)step) {
        set_model(networks[i].before);
        if (i == 0) {
            model.classes = 3;
            must(dcn_model_labels(&model, in_folder("names.txt"), &err));
        }
        must(dcn_onnx_save(&model, path, &err));
        RUN_SCENARIOS(both);
    }
    free(path);
}

/* Its weights lie in a file beside it. */
static dcn_status open_onnx(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn__onnx *m;
    dcn_status st = dcn__onnx_open(&m, path, NULL, e);
    float numbers[16] = { 0 };
    uint64_t digest = 0;

    if (st)
        assert_null(m);
    else if (!(st = dcn__onnx_check(m, e)) && !(st = dcn__onnx_digest(m, &digest, e)))
        st = dcn__onnx_read_f32(m, &m->initializers[0], 0, 16, numbers, e);
    feed(sum, numbers, sizeof numbers);
    feed(sum, &digest, sizeof digest);
    dcn__onnx_close(m);
    return st;
}

static void external_data(void **state)
{
    const int64_t dims[1] = { 16 };
    const uint8_t numbers[64] = { 1, 2, 3 };
    bytes t = make_tensor("w", DCN__ONNX_FLOAT, 1, dims), graph = { 0 };
    const char *path;

    (void)state;
    put_pair(&t, 13, "location", "w.bin");
    put_int(&t, 14, 1);
    put_message(&graph, 5, t);
    must(dcn__file_write(in_folder("w.bin"), numbers, sizeof numbers, &err));
    graph = make_model(graph);
    path = in_folder("external.onnx");
    must(dcn__file_write(path, graph.data, graph.n, &err));
    drop(&graph);
    const scenario list[] = { { "external data", open_onnx, WHOLE_PROCESS, path, NULL } };

    RUN_SCENARIOS(list);
}

/* Files that other programs could have written. */
static void foreign_onnx_files(void **state)
{
    static const char *const names[] = { "conv", "folds", "scales", "shuffle" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char *path = keep(in_folder(names[i])), from[700];
        const scenario one[] = { { names[i], load_onnx, WHOLE_PROCESS | MANY, path, NULL } };
        dcn__bytes copied;

        snprintf(from, sizeof from, CORPUS "onnx/%s", names[i]);
        must(dcn__file_read(&copied, from, 1 << 20, &err));
        must(dcn__file_write(path, copied.data, copied.size, &err));
        dcn__bytes_clear(&copied);
        RUN_SCENARIOS(one);
        free(path);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs),
        cmocka_unit_test(model_files),
#ifdef DCN_HAVE_PROTOBUF
        cmocka_unit_test(onnx_files),
        cmocka_unit_test(foreign_onnx_files),
        cmocka_unit_test(external_data),
#endif
    };
    int failed;

    snprintf(folder, sizeof folder, "%s", scratch(""));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    dcn_model_clear(&model);
    memory_figure("models");
    return failed;
}
