/* model_onnx_write.c - networks written as ONNX and read again: the same text where ONNX has the
 * operator, the same numbers for every operator and for random networks; refusals leave no file. */
#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/graph.h"
#include "onnx_networks.h"
#include "random_graph.h"

#include <unistd.h>

#ifdef DCN_HAVE_PROTOBUF

static char path[512], folder[480];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/onnx_write.XXXXXX", DCN_TEST_TMP);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/net.onnx", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);       /* fails if a temporary file was left */
}

/* A network and what it computes from a picture that depends on the seed alone. */
static float *values_of(const dcn_graph *g, uint64_t seed, size_t *n)
{
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 2 });
    const size_t in = 2 * size_of(g, 0);
    float *x = new_floats(in), *y;

    *n = 2 * size_of(g, dcn_graph_output(g));
    y = new_output(*n);
    fill_reals(x, in, seed);
    for (size_t i = 0; i < in; i++)
        x[i] *= 3;
    dcn_plan_forward(p, x, 2);
    must(dcn_plan_value(p, dcn_graph_output(g), y, &err));
    dcn_plan_destroy(p);
    free(x);
    return y;
}

static double largest(const float *x, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, isfinite(x[i]) ? fabs((double)x[i]) : 0);
    return most;
}

/* Saves and loads; the numbers stay within `relative` of the largest one. */
static dcn_graph *turn_round(const dcn_graph *g, double relative, const char *what)
{
    const dcn_model out = { .graph = (dcn_graph *)(uintptr_t)g };
    dcn_model in;
    float *want, *got;
    size_t n, m;

    if (dcn_onnx_save(&out, path, &err))
        fail_msg("%s: %s", what, err.text);
    if (dcn_onnx_load(&in, path, NULL, &err))
        fail_msg("%s: %s", what, err.text);
    want = values_of(g, 5, &n);
    got = values_of(in.graph, 5, &m);
    assert_int_equal(n, m);
    assert_close(got, want, n, relative * largest(want, n), 0, what);
    free_output(want, n);
    free_output(got, n);
    g = in.graph;
    in.graph = NULL;
    dcn_model_clear(&in);
    return (dcn_graph *)(uintptr_t)g;
}

/* ---- every operator ---------------------------------------------------------------------- */

static void every_operator(void **state)
{
    char want[2000], got[2000];

    (void)state;
    for (size_t i = 0; i < COUNT(networks); i++) {
        dcn_graph *g = graph_of(networks[i].before), *back;
        const char *after = networks[i].after ? networks[i].after : networks[i].before;

        set_weights(g, i + 1, 0, 0.7f);
        back = turn_round(g, 1e-6, networks[i].before);
        if (*after) {
            dcn_graph *wanted = graph_of(after);

            dcn_graph_text(wanted, want, sizeof want);
            dcn_graph_text(back, got, sizeof got);
            assert_string_equal(got, want);
            dcn_graph_destroy(wanted);
        }
        dcn_graph_destroy(back);
        dcn_graph_destroy(g);
    }
}

/* Weights of a size that does not fit the buffer at once: many outputs, and one large output. */
static void large_weights(void **state)
{
    static const char *const large[] = {
        "input 12x12x512; conv filters=40 kernel=9 pad=valid",
        "input 9x9x4096; conv filters=3 kernel=8 pad=valid",
        "input 3x2x64; dense units=3000",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(large); i++) {
        dcn_graph *g = graph_of(large[i]), *back;

        set_weights(g, i + 1, 0, 0.1f);
        back = turn_round(g, 0, large[i]);
        assert_int_equal(dcn_graph_weight_count(back), dcn_graph_weight_count(g));
        for (int k = 0; k < dcn_graph_weight_count(g); k++) {
            dcn_weight_info a, b;

            dcn_graph_weight_info(g, k, &a);
            dcn_graph_weight_info(back, k, &b);
            assert_string_equal(b.name, a.name);
            assert_int_equal(b.count, a.count);
            assert_same_bits(b.data, a.data, (size_t)a.count, a.name);
        }
        dcn_graph_destroy(back);
        dcn_graph_destroy(g);
    }
}

static void random_networks(void **state)
{
    char what[64];

    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){
            .nodes = 5 + (int)(seed % 12), .side = 9, .softmax_inside = seed % 3 == 0,
            .every_op = 1, .head = seed % 2 == 0 });

        snprintf(what, sizeof what, "random network %d", (int)seed);
        set_weights(g, seed, 0, 0.7f);
        dcn_graph_destroy(turn_round(g, 2e-5, what));
        dcn_graph_destroy(g);
    }
}

/* ---- what stands beside the network ------------------------------------------------------ */

static dcn_model small_model(const char *text)
{
    dcn_model m = { .graph = graph_of(text) };

    set_weights(m.graph, 1, 0, 0.5f);
    return m;
}

static void metadata(void **state)
{
    const char *names[] = { "cat", "dog \"two\"", "k\xc3\xa4tzchen" };
    const char *preprocess = "12x12x3 side=16 mean=0.1,0.2,0.3 std=0.5,0.6,0.7";
    dcn_model m = small_model("input 12x12x3; conv filters=4 kernel=3; dense units=3"), back;
    char text[200], want[200];

    (void)state;
    must(dcn_preprocess_parse(&m.preprocess, preprocess, &err));
    m.classes = 3;
    m.class_names = (char **)names;
    must(dcn_onnx_save(&m, path, &err));
    must(dcn_model_load(&back, path, NULL, &err));
    dcn_preprocess_text(&m.preprocess, want, sizeof want);
    dcn_preprocess_text(&back.preprocess, text, sizeof text);
    assert_string_equal(text, want);
    assert_string_equal(back.guess, "");
    assert_int_equal(back.classes, 3);
    assert_non_null(back.class_names);
    for (int i = 0; i < 3; i++)
        assert_string_equal(back.class_names[i], names[i]);
    dcn_model_clear(&back);

    names[1] = "\xff";
    must_say(dcn_onnx_save(&m, "x.onnx", &err), DCN_USAGE,
             "x.onnx: the name of class 1 is not UTF-8 text; correct it");
    dcn_graph_destroy(m.graph);
}

/* Equal networks give equal bytes. */
static void same_bytes(void **state)
{
    const dcn_model m = small_model("input 6x6x3; conv filters=2 kernel=3; silu; dense units=2");
    dcn__bytes first, second;

    (void)state;
    must(dcn_onnx_save(&m, path, &err));
    must(dcn__file_read(&first, path, 1 << 20, &err));
    must(dcn_onnx_save(&m, path, &err));
    must(dcn__file_read(&second, path, 1 << 20, &err));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    dcn__bytes_clear(&first);
    dcn__bytes_clear(&second);
    dcn_graph_destroy(m.graph);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void refusals(void **state)
{
    const float bad[] = { 1, NAN, 3 };
    dcn_model m = { 0 };

    (void)state;
    must_say(dcn_onnx_save(&m, "x.onnx", &err), DCN_USAGE,
             "x.onnx: there is no network to save; load or train one");
    m.graph = graph_of("input 1x1x3; scale");
    must_say(dcn_onnx_save(&m, "x.onnx", &err), DCN_USAGE,
             "x.onnx: scale1.weight has no values yet; initialise or train the network first");
    set_weights(m.graph, 1, 0, 1);
    must(dcn_graph_set_weight(m.graph, 1, bad, 3, &err));
    must_say(dcn_onnx_save(&m, "x.onnx", &err), DCN_NUMBERS,
             "x.onnx: value 1 of scale1.bias is not finite; train again with a smaller rate");
    dcn_graph_destroy(m.graph);
    assert_false(dcn__is_file("x.onnx"));
}

/* The weights would do, but not with the names of the classes. */
static void a_little_too_large(void **state)
{
    enum { CLASSES = 40, LONG = 4000 };
    char *names[CLASSES], *name = dcn__alloc(LONG + 1);
    dcn_model m = { .classes = CLASSES, .class_names = names };
    dcn__weight *w;

    (void)state;
    m.graph = graph_of("input 1x1x16383; dense units=32768 bias=no");
    w = &m.graph->weights[0];
    assert_int_equal(w->count * 4, INT32_MAX - 131071);
    assert_non_null(name);
    memset(name, 'n', LONG);
    for (int i = 0; i < CLASSES; i++)
        names[i] = name;
    if ((w->data = dcn__alloc_aligned((size_t)w->count * sizeof(float)))) {    /* zeros that take no room */
        assert_int_equal(dcn_onnx_save(&m, "x.onnx", &err), DCN_USAGE);
        assert_int_equal(strncmp(err.text, "x.onnx: it would have 214751", 28), 0);
        assert_non_null(strstr(err.text, " bytes, an ONNX file has at most 2147483647; save the network as safetensors"));
    }
    names[7] = NULL;
    dcn_graph_destroy(m.graph);
    m.graph = graph_of("input 1x1x3; relu");
    must_say(dcn_onnx_save(&m, "x.onnx", &err), DCN_USAGE, "x.onnx: the name of class 7 is not UTF-8 text; correct it");
    must_say(dcn_model_save(&m, "x.dcn", &err), DCN_USAGE, "x.dcn: the name of class 7 is not UTF-8 text; correct it");
    dcn_graph_destroy(m.graph);
    assert_false(dcn__is_file("x.onnx") || dcn__is_file("x.dcn"));
    dcn__free(name);
}

static bool fail_one(void *user, size_t bytes)
{
    int *left = user;

    (void)bytes;
    return (*left)-- != 0;
}

/* Whichever allocation fails, there is the old file, or (at the last sync) the whole new one. */
static void without_memory(void **state)
{
    const dcn_model m = small_model("input 6x6x4; conv filters=4 kernel=3; max_pool 3 stride=2 pad=1;"
                                    "batch_norm; gelu; shuffle groups=2; reshape 1x1x36; dense units=2;"
                                    "softmax");
    dcn_status st = DCN_MEMORY;
    dcn__bytes bytes;
    size_t whole;
    int n = 0, old = 0;

    (void)state;
    must(dcn_onnx_save(&m, path, &err));
    must(dcn__file_read(&bytes, path, 1 << 20, &err));
    whole = bytes.size;
    dcn__bytes_clear(&bytes);
    must(dcn__file_write(path, "old", 3, &err));
    for (; st; n++) {
        int left = n;

        dcn__set_alloc_hook(fail_one, &left);
        st = dcn_onnx_save(&m, path, &err);
        dcn__set_alloc_hook(NULL, NULL);
        if (!st)
            break;
        assert_int_equal(st, DCN_MEMORY);
        must(dcn__file_read(&bytes, path, 1 << 20, &err));
        assert_true(bytes.size == 3 || bytes.size == whole);
        old += bytes.size == 3;
        dcn__bytes_clear(&bytes);
    }
    assert_true(n > 100 && old >= n - 2);
    dcn_graph_destroy(m.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_operator, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(large_weights, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(random_networks, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(metadata, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(same_bytes, make_folder, remove_folder),
        cmocka_unit_test(refusals), cmocka_unit_test(a_little_too_large),
        cmocka_unit_test_setup_teardown(without_memory, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void)
{
    print_message("skipped: this build has no protobuf-c\n");
    return 77;
}
#endif
