/* model_file.c - model files: round trips with and without the optimiser's state, PyTorch's layout,
 * damage, and files that do not fit their network. */
#include "codec_test.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/safetensors.h"
#include "model/model.h"

static dcn_error err;

#ifdef DCN_HAVE_RHASH

static const char network[] = "input 6x8x3; conv filters=4 kernel=3; relu; max_pool 2; "
                              "dense units=5; softmax";

/* A model whose weights are 0.5, 1.5, 2.5, ... in memory order. */
static void make(dcn_model *m)
{
    memset(m, 0, sizeof *m);
    assert_ok(dcn_graph_parse(&m->graph, network, strlen(network), "network", NULL, &err));
    for (int i = 0; i < dcn_graph_weight_count(m->graph); i++) {
        float values[1024];
        dcn_weight_info info;

        dcn_graph_weight_info(m->graph, i, &info);
        assert_true(info.count <= 1024);
        for (int k = 0; k < info.count; k++)
            values[k] = (float)k + 0.5f + (float)(i * 10000);
        assert_ok(dcn_graph_set_weight(m->graph, i, values, info.count, &err));
    }
    m->preprocess = (dcn_preprocess){ .shape = { 6, 8, 3 } };
    m->classes = 5;
    m->class_names = dcn__alloc_array(5, sizeof *m->class_names);
    for (int i = 0; i < 5; i++)
        m->class_names[i] = dcn__strdup(i ? "dog \"two\"" : "k\xc3\xa4tzchen");
    m->step = 1500;
}

/* Tensors beside the weights are the optimizer's, of a weight that there is. */
static void other_tensors(void **state)
{
    static const float value[1024];
    static const dcn__model_extra bad[] = {
        { .prefix = "more.", .weight = 0, .data = value },
        { .prefix = "optimizer.x.", .weight = -1, .data = value },
        { .prefix = "optimizer.x.", .weight = 4, .data = value },
    };
    static const char *const alone[] = { "key", "value", "alone", NULL };
    const char *path = temporary("other.safetensors");
    dcn_model m, again;

    (void)state;
    remove(path);                /* of an earlier run */
    make(&m);
    assert_int_equal(dcn_graph_weight_count(m.graph), 4);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(dcn__model_write(path, &m, &bad[i], 1, NULL, &err), DCN_BUG,
                       "an extra tensor is not the optimizer's");
        assert_false(dcn__is_file(path));
    }
    assert_ok(dcn__model_write(path, &m, NULL, 0, alone, &err));
    assert_ok(dcn_model_load(&again, path, NULL, &err));
    dcn_model_clear(&again);
    dcn_model_clear(NULL);
    dcn_model_clear(&m);
}

static void check_equal(const dcn_model *a, const dcn_model *b)
{
    char text[2][512];

    assert_int_equal(a->step, b->step);
    assert_int_equal(a->classes, b->classes);
    for (int i = 0; i < a->classes; i++)
        assert_string_equal(a->class_names[i], b->class_names[i]);
    assert_memory_equal(&a->preprocess, &b->preprocess, sizeof a->preprocess);
    dcn_graph_text(a->graph, text[0], sizeof text[0]);
    dcn_graph_text(b->graph, text[1], sizeof text[1]);
    assert_string_equal(text[0], text[1]);
    assert_int_equal(dcn_graph_weight_count(a->graph), dcn_graph_weight_count(b->graph));
    for (int i = 0; i < dcn_graph_weight_count(a->graph); i++) {
        dcn_weight_info x, y;

        dcn_graph_weight_info(a->graph, i, &x);
        dcn_graph_weight_info(b->graph, i, &y);
        assert_string_equal(x.name, y.name);
        assert_memory_equal(x.data, y.data, (size_t)x.count * sizeof(float));
    }
}

static void round_trip(void **state)
{
    dcn__bytes one, two;
    dcn_model m, back;

    (void)state;
    make(&m);
    assert_ok(dcn_preprocess_named(&m.preprocess, "caffe", m.preprocess.shape, &err));
    assert_ok(dcn_model_save(&m, temporary("m1"), &err));
    assert_ok(dcn_model_load(&back, temporary("m1"), NULL, &err));
    check_equal(&m, &back);
    assert_int_equal(strlen(back.hash), 16);
    assert_ok(dcn_model_save(&back, temporary("m2"), &err));
    assert_ok(dcn__file_read(&one, temporary("m1"), 1 << 20, &err));
    assert_ok(dcn__file_read(&two, temporary("m2"), 1 << 20, &err));
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.data, two.data, one.size);
    dcn__bytes_clear(&one);
    dcn__bytes_clear(&two);
    dcn_model_clear(&back);
    dcn_model_clear(&back);
    dcn_model_clear(&m);
}

static float at(const dcn__tensors *t, const char *name, size_t i)
{
    float x;

    memcpy(&x, dcn__tensors_data(t, dcn__tensors_find(t, name)) + 4 * i, 4);
    return x;
}

/* Positions by PyTorch's definition, not by our own helper. */
static void layout_is_pytorchs(void **state)
{
    const dcn__tensor *x;
    dcn__tensors t;
    dcn_model m;

    (void)state;
    make(&m);
    assert_ok(dcn_model_save(&m, temporary("m"), &err));
    assert_ok(dcn__tensors_open(&t, temporary("m"), NULL, &err));
    x = dcn__tensors_find(&t, "conv1.weight");
    assert_non_null(x);
    assert_int_equal(x->rank, 4);
    assert_true(x->dims[0] == 4 && x->dims[1] == 3 && x->dims[2] == 3 && x->dims[3] == 3);
    for (size_t o = 0; o < 4; o++)
        for (size_t i = 0; i < 3; i++)
            for (size_t h = 0; h < 3; h++)
                for (size_t w = 0; w < 3; w++)
                    assert_true(at(&t, "conv1.weight", ((o * 3 + i) * 3 + h) * 3 + w) ==
                                (float)(((h * 3 + w) * 3 + i) * 4 + o) + 0.5f);
    x = dcn__tensors_find(&t, "dense1.weight");
    assert_non_null(x);
    assert_int_equal(x->rank, 2);
    assert_true(x->dims[0] == 5 && x->dims[1] == 3 * 4 * 4);
    for (size_t o = 0; o < 5; o++)                             /* columns in the order (c,h,w) */
        for (size_t c = 0; c < 4; c++)
            for (size_t h = 0; h < 3; h++)
                for (size_t w = 0; w < 4; w++)
                    assert_true(at(&t, "dense1.weight", o * 48 + (c * 3 + h) * 4 + w) ==
                                (float)(((h * 4 + w) * 4 + c) * 5 + o) + 20000.5f);
    dcn__tensors_close(&t);
    dcn_model_clear(&m);
}

static void extras_and_metadata(void **state)
{
    float moments[108], back[108];
    const dcn__model_extra extra = { "optimizer.exp_avg.", 0, moments };
    const char *const metadata[] = { "seed", "7", "data", "CIFAR-10", NULL };
    const char *const taken[] = { "step", "7", NULL };
    dcn__model_file *file;
    dcn_model m, read;

    (void)state;
    make(&m);
    for (int i = 0; i < 108; i++)
        moments[i] = (float)-i;
    assert_ok(dcn__model_write(temporary("x"), &m, &extra, 1, metadata, &err));
    assert_ok(dcn__model_open(&file, temporary("x"), NULL, &err));
    assert_string_equal(dcn__model_metadata(file, "seed"), "7");
    assert_string_equal(dcn__model_metadata(file, "data"), "CIFAR-10");
    assert_null(dcn__model_metadata(file, "none"));
    assert_ok(dcn__model_weight(file, m.graph, "optimizer.exp_avg.", 0, back, &err));
    assert_memory_equal(moments, back, sizeof back);
    assert_refused(dcn__model_weight(file, m.graph, "optimizer.exp_avg_sq.", 0, back, &err),
                   DCN_STATE, "optimizer.exp_avg_sq.conv1.weight of shape (4, 3, 3, 3) is missing");
    assert_ok(dcn__model_read(file, &read, NULL, &err));
    check_equal(&m, &read);
    dcn_model_clear(&read);
    dcn__model_close(file);
    dcn__model_close(NULL);
    assert_ok(dcn_model_load(&read, temporary("x"), NULL, &err));
    dcn_model_clear(&read);
    assert_refused(dcn__model_write(temporary("y"), &m, &extra, 1, taken, &err), DCN_USAGE,
                   "\"step\" are given twice");
    moments[3] = -1.0f / 0.0f;
    assert_refused(dcn__model_write(temporary("y"), &m, &extra, 1, NULL, &err), DCN_NUMBERS,
                   "value 3 of optimizer.exp_avg.conv1.weight is not finite");
    assert_false(dcn__is_file(temporary("y")));
    dcn_model_clear(&m);
}

static void without_values_or_names(void **state)
{
    dcn_model m = { .preprocess = { .shape = { 6, 8, 3 } }, .classes = 5 }, back;

    (void)state;
    assert_refused(dcn_model_save(&m, temporary("z"), &err), DCN_USAGE, "there is no network");
    assert_ok(dcn_graph_parse(&m.graph, network, strlen(network), "network", NULL, &err));
    assert_refused(dcn_model_save(&m, temporary("z"), &err), DCN_USAGE, "has no values yet");
    assert_ok(dcn_graph_init_weights(m.graph, 1, &err));
    assert_ok(dcn_model_save(&m, temporary("z"), &err));
    assert_ok(dcn_model_load(&back, temporary("z"), NULL, &err));
    assert_int_equal(back.classes, 5);
    assert_null(back.class_names);
    dcn_model_clear(&back);
    dcn_model_clear(&m);
}

/* ---- files that are not right -------------------------------------------------------------- */

/* The weights of make(), as a file would hold them, for files written tensor by tensor. */
static float numbers[240];
static dcn_array arrays[] = {
    { .name = "conv1.weight", .rank = 4, .dims = { 4, 3, 3, 3 }, .data = numbers },
    { .name = "conv1.bias", .rank = 1, .dims = { 4 }, .data = numbers },
    { .name = "dense1.weight", .rank = 2, .dims = { 5, 48 }, .data = numbers },
    { .name = "dense1.bias", .rank = 1, .dims = { 5 }, .data = numbers },
    { .name = "spare", .rank = 1, .dims = { 1 }, .data = numbers },
};
static const char *metadata[] = {
    "format", "deconvnet model 1", "network", network, "preprocess", "6x8x3 standardize",
    "classes", "5", "step", "0", "class_names", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", NULL
};

static void loads(dcn_status status, const char *part, int n)
{
    dcn_model m;

    assert_ok(dcn_tensors_save(temporary("f"), arrays, n, metadata, &err));
    if (status == DCN_OK) {
        assert_ok(dcn_model_load(&m, temporary("f"), NULL, &err));
        dcn_model_clear(&m);
        return;
    }
    assert_refused(dcn_model_load(&m, temporary("f"), NULL, &err), status, part);
    assert_null(m.graph);
    assert_null(m.class_names);
}

/* With metadata number i replaced; NULL: renamed away. */
static void loads_with(int i, const char *value, dcn_status status, const char *part)
{
    const char *key = metadata[2 * i], *old = metadata[2 * i + 1];

    if (value)
        metadata[2 * i + 1] = value;
    else
        metadata[2 * i] = "renamed";
    loads(status, part, 4);
    metadata[2 * i] = key;
    metadata[2 * i + 1] = old;
}

static void tensors_that_do_not_fit(void **state)
{
    const dcn_array conv = arrays[0], dense = arrays[2];

    (void)state;
    loads(DCN_OK, "", 4);
    loads(DCN_STATE, "dense1.bias of shape (5) is missing", 3);
    loads(DCN_STATE, "spare of shape (1) is not in the network", 5);
    arrays[0].dims[0] = 3;
    arrays[0].dims[1] = 4;
    loads(DCN_STATE, "conv1.weight has shape (3, 4, 3, 3), the network needs (4, 3, 3, 3)", 4);
    arrays[0] = conv;
    arrays[2].rank = 1;
    loads(DCN_STATE, "dense1.weight has shape (5), the network needs (5, 48)", 4);
    arrays[2] = dense;
    arrays[0].dtype = DCN_U8;
    loads(DCN_INPUT, "conv1.weight is of type U8, weights are F32", 4);
    arrays[0] = conv;
    numbers[7] = 0.0f / 0.0f;
    loads(DCN_NUMBERS, "value 7 of conv1.weight is not finite", 4);
    numbers[7] = 0;
}

static void metadata_that_do_not_fit(void **state)
{
    (void)state;
    loads_with(0, NULL, DCN_INPUT, "holds tensors, but its metadata name no network");
    loads_with(0, "pt", DCN_INPUT, "format is \"pt\"");
    loads_with(0, "deconvnet model 2", DCN_STATE, "is a model file of version 2");
    loads_with(1, NULL, DCN_INPUT, "the metadata \"network\" are missing");
    loads_with(1, "input 6x8x3; convv", DCN_INPUT, "(network):1:");
    loads_with(1, "input 6x8x3; conv filters=65536 kernel=100", DCN_STATE,
               "more than the file holds");
    loads_with(2, "5x8x3 standardize", DCN_INPUT, "preprocessing makes 5x8x3, the network takes");
    loads_with(2, "nonsense", DCN_INPUT, "\"preprocess\" are not understood");
    loads_with(3, "6", DCN_INPUT, "there are 6 classes and 5 names");
    loads_with(3, "5x", DCN_INPUT, "\"classes\" are \"5x\", not a number");
    loads_with(4, "-1", DCN_INPUT, "\"step\" are \"-1\", not a number");
    loads_with(5, "[1]", DCN_INPUT, "entry 0 of a list of texts is no text");
    loads_with(5, "[[[[", DCN_INPUT, "a list of texts is not JSON (it is nested too deep)");
    loads_with(5, "{}", DCN_INPUT, "a list of texts is none");
    loads_with(5, NULL, DCN_OK, "");
}

/* Every bit of the header, and one bit in every byte of the numbers. A flip that is not found must
 * not matter: "\\u000a" and "\\u000A" are the same text. */
static void every_flip_is_found(void **state)
{
    dcn__model_file *file;
    dcn__bytes bytes;
    dcn_model m, back;
    size_t header;
    int missed = 0;

    (void)state;
    make(&m);
    assert_ok(dcn_model_save(&m, temporary("flip"), &err));
    assert_ok(dcn__file_read(&bytes, temporary("flip"), 1 << 20, &err));
    header = 8 + bytes.data[0] + 256 * (size_t)bytes.data[1];
    for (size_t i = 0; i < bytes.size; i++)
        for (int bit = 0; bit < (i < header ? 8 : 1); bit++) {
            dcn_status st;

            bytes.data[i] ^= (uint8_t)(1 << bit);
            st = dcn__model_parse(&file, bytes.data, bytes.size, "flip", NULL, &err);
            if (!st && !(st = dcn__model_read(file, &back, NULL, &err))) {
                check_equal(&m, &back);
                dcn_model_clear(&back);
                missed++;
            }
            assert_true(!st || st == DCN_INPUT || st == DCN_STATE);
            dcn__model_close(file);
            bytes.data[i] ^= (uint8_t)(1 << bit);
        }
    assert_true(missed <= 10);
    for (size_t n = 0; n < bytes.size; n++)
        assert_int_equal(dcn__model_parse(&file, bytes.data, n, "cut", NULL, &err), DCN_INPUT);
    dcn_model_clear(&m);
    dcn__bytes_clear(&bytes);
}

static void damage_names_tensor_and_offset(void **state)
{
    dcn__model_file *file;
    dcn__bytes bytes;
    char part[80];
    dcn_model m;
    size_t header;

    (void)state;
    make(&m);
    assert_ok(dcn_model_save(&m, temporary("flip"), &err));
    dcn_model_clear(&m);
    assert_ok(dcn__file_read(&bytes, temporary("flip"), 1 << 20, &err));
    header = 8 + bytes.data[0] + 256 * (size_t)bytes.data[1];
    bytes.data[bytes.size - 1] ^= 1;
    snprintf(part, sizeof part, "f@0x%zx: dense1.weight is damaged", header + 4 * (4 + 108 + 5));
    assert_refused(dcn__model_parse(&file, bytes.data, bytes.size, "f", NULL, &err), DCN_INPUT,
                   part);
    dcn__bytes_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(other_tensors),             cmocka_unit_test(layout_is_pytorchs),
        cmocka_unit_test(extras_and_metadata),     cmocka_unit_test(without_values_or_names),
        cmocka_unit_test(tensors_that_do_not_fit), cmocka_unit_test(metadata_that_do_not_fit),
        cmocka_unit_test(every_flip_is_found),
        cmocka_unit_test(damage_names_tensor_and_offset),
    };

    return cmocka_run_group_tests_name("model_file", tests, NULL, NULL);
}

#else

int main(void)
{
    print_message("skipped: this build has no librhash, without which no model file is read\n");
    return 77;
}

#endif
