/* codec_onnx_changed.c - an ONNX file whose disk fails at each read, that another program changes between two
 * reads, and for whose lists there is no memory: what is said, and that nothing is taken for a model. */
#include "calls.h"
#include "codec_onnx_bytes.h"

#include "codec/onnx_reader.h"

#include <unistd.h>

static dcn_error err;

/* The messages of a model. Each begins with unknown bytes that push what follows out of the reader's window,
 * so that whatever is read twice comes from the file twice. */
enum place { NOWHERE, MODEL, GRAPH, SHAPE, NODE, INTS, STRINGS };
enum { PADDING = 9000 };

typedef struct extra { enum place place; uint32_t field; bytes (*make)(void); } extra;

static bytes one_text(void)
{
    bytes b = { 0 };

    put_raw(&b, "x", 1);
    return b;
}

static bytes one_opset(void)
{
    bytes b = { 0 };

    put_text(&b, 1, "more");
    put_int(&b, 2, 1);
    return b;
}

static bytes one_function(void)
{
    bytes b = { 0 };

    put_text(&b, 1, "F");
    put_text(&b, 10, "own");
    return b;
}

static bytes one_pair(void)
{
    bytes b = { 0 };

    put_text(&b, 1, "key");
    put_text(&b, 2, "value");
    return b;
}

static bytes one_node(void)
{
    return make_node("Relu", "x ", "other ");
}

static bytes one_tensor(void)
{
    return make_tensor("none", DCN__ONNX_FLOAT, 1, (int64_t[]){ 0 });
}

static bytes one_info(void)
{
    return make_info("v", 1, (int64_t[]){ 1 });
}

static bytes one_dim(void)
{
    bytes b = { 0 };

    put_int(&b, 1, 1);
    return b;
}

static bytes one_attribute(void)
{
    bytes b = { 0 };

    put_text(&b, 1, "more");
    put_int(&b, 3, 7);
    put_int(&b, 20, DCN__ONNX_A_INT);
    return b;
}

/* As many bytes with the extra field as without it. */
static void pad(bytes *to, enum place place, const extra *e)
{
    static const uint8_t nothing[PADDING];
    const size_t before = to->n;

    if (e && e->place == place && e->make)
        put_message(to, e->field, e->make());
    else if (e && e->place == place)
        put_int(to, e->field, 5);
    put_bytes(to, 40, nothing, PADDING - (to->n - before));
}

static bytes make_attributes(const extra *e, bytes node)
{
    bytes ints = { 0 }, strings = { 0 }, text = { 0 }, tensor = { 0 };

    pad(&ints, INTS, e);
    put_text(&ints, 1, "ints");
    put_int(&ints, 8, 1);
    put_int(&ints, 8, 2);
    put_int(&ints, 20, DCN__ONNX_A_INTS);
    put_message(&node, 5, ints);
    pad(&strings, STRINGS, e);
    put_text(&strings, 1, "strings");
    put_text(&strings, 9, "a");
    put_text(&strings, 9, "b");
    put_int(&strings, 20, DCN__ONNX_A_STRINGS);
    put_message(&node, 5, strings);
    put_bytes(&text, 4, (uint8_t[6000]){ 0 }, 6000);     /* more than is read after a jump */
    pad(&text, NOWHERE, NULL);
    put_text(&text, 1, "text");
    put_int(&text, 20, DCN__ONNX_A_STRING);
    put_message(&node, 5, text);
    put_text(&tensor, 1, "tensor");
    put_message(&tensor, 5, one_tensor());
    put_int(&tensor, 20, DCN__ONNX_A_TENSOR);
    put_message(&node, 5, tensor);
    return node;
}

static bytes padded_info(const char *name, const extra *e)
{
    bytes info = { 0 }, shape = { 0 }, tensor = { 0 }, type = { 0 };

    pad(&shape, SHAPE, e);
    put_message(&shape, 1, one_dim());
    pad(&tensor, NOWHERE, NULL);
    put_int(&tensor, 1, DCN__ONNX_FLOAT);
    put_message(&tensor, 2, shape);
    put_message(&type, 1, tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, type);
    return info;
}

static bytes padded_model(const extra *e)
{
    bytes graph = { 0 }, node = { 0 }, model = { 0 }, opset = { 0 }, scope = { 0 }, t = { 0 };
    const int64_t four = 4;

    pad(&node, NODE, e);
    put_text(&node, 1, "x");
    put_text(&node, 2, "y");
    put_text(&node, 4, "Relu");
    put_text(&scope, 2, "['', 'conv1']");
    pad(&scope, NOWHERE, NULL);
    put_text(&scope, 1, "pkg.torch.onnx.name_scopes");
    put_message(&node, 9, scope);
    node = make_attributes(e, node);
    pad(&graph, GRAPH, e);
    put_message(&graph, 1, node);
    t = make_tensor("w", DCN__ONNX_INT64, 1, &four);
    pad(&t, NOWHERE, NULL);
    for (int i = 0; i < 4; i++)
        put_int(&t, 7, 300);
    put_message(&graph, 5, t);
    t = make_tensor("f", DCN__ONNX_FLOAT, 1, &four);
    put_bytes(&t, 9, (uint8_t[16]){ 0 }, 16);
    put_message(&graph, 5, t);
    put_message(&graph, 11, padded_info("x", e));
    put_message(&graph, 12, padded_info("y", NULL));
    put_message(&graph, 13, padded_info("z", NULL));
    put_text(&graph, 2, "graph");
    pad(&model, MODEL, e);
    put_int(&opset, 2, 17);
    put_int(&model, 1, 8);
    put_text(&model, 2, "producer");
    put_message(&model, 8, opset);
    put_message(&model, 14, one_pair());
    put_message(&model, 25, one_function());
    put_message(&model, 7, graph);
    return model;
}

/* ---- reading it all -------------------------------------------------------------------------------- */

static dcn_status read_all(const char *path)
{
    int64_t numbers[4];
    float floats[4];
    uint64_t digest;
    dcn__onnx *m;
    dcn_status st = dcn__onnx_open(&m, path, NULL, &err);

    if (st) {
        assert_null(m);
        return st;
    }
    if (!(st = dcn__onnx_read_i64(m, &m->initializers[m->n_initializers - 2], 0, 4, numbers, &err)) &&
        !(st = dcn__onnx_read_f32(m, &m->initializers[m->n_initializers - 1], 0, 4, floats, &err)))
        st = dcn__onnx_digest(m, &digest, &err);
    if (!st)
        assert_int_equal(numbers[3], 300);
    dcn__onnx_close(m);
    return st;
}

static int count_reads(const char *path)
{
    plan_call("pread", 1, GO_ON);
    planned.more = 1 << 20;
    assert_ok(read_all(path));
    return planned_calls();
}

static void disk_fails_at_each_read(void **state)
{
    const char *path = save("disk.onnx", padded_model(NULL));
    const int reads = count_reads(path);

    (void)state;
    assert_in_range(reads, 30, 1000);
    for (int k = 1; k <= reads; k++) {
        plan_call("pread", k, EIO);
        assert_refused(read_all(path), DCN_FILE, "disk.onnx: cannot read it (Input/output error); check the disk");
        assert_int_equal(planned_calls(), 1);
        plan_call("pread", k, 0);
        assert_refused(read_all(path), DCN_FILE, "the file ends here, it shrank since it was opened; restore it");
        assert_int_equal(planned_calls(), 1);
    }
}

/* ---- another program's changes --------------------------------------------------------------------- */

static const char *changed_path;
static const bytes *changed_to;

static int change(int fd)
{
    FILE *file = fopen(changed_path, "r+b");

    (void)fd;
    assert_non_null(file);
    assert_int_equal(fwrite(changed_to->data, 1, changed_to->n, file), changed_to->n);
    assert_int_equal(fclose(file), 0);
    return GO_ON;
}

static bytes copy_of(const bytes *b)
{
    bytes copy = { 0 };

    put_raw(&copy, b->data, b->n);
    return copy;
}

/* The file is `before` and becomes `after` between any two reads: how often that was seen. */
static int change_between(const bytes *before, const bytes *after)
{
    const char *path = save("changed.onnx", copy_of(before));
    const int reads = count_reads(path);
    int seen = 0;

    assert_int_equal(before->n, after->n);
    for (int k = 2; k <= reads; k++) {
        dcn_status st;

        path = save("changed.onnx", copy_of(before));
        changed_path = path;
        changed_to = after;
        plan_call("pread", k, GO_ON);
        planned.act = change;
        st = read_all(path);
        assert_int_equal(planned_calls(), 1);
        if (st == DCN_FILE) {
            assert_non_null(strstr(err.text, "changed.onnx: changed while it was read; try again"));
            seen++;
        } else if (st) {                 /* half of one and half of the other may be no model */
            assert_int_equal(st, DCN_INPUT);
            assert_non_null(strstr(err.text, "; "));
        }
    }
    return seen;
}

static void more_than_was_counted(void **state)
{
    static const extra extras[] = {
        { MODEL, 8, one_opset }, { MODEL, 14, one_pair },  { MODEL, 25, one_function },  { GRAPH, 1, one_node },
        { GRAPH, 5, one_tensor }, { GRAPH, 11, one_info }, { GRAPH, 12, one_info },      { GRAPH, 13, one_info },
        { SHAPE, 1, one_dim },   { NODE, 1, one_text },    { NODE, 2, one_text },        { NODE, 5, one_attribute },
        { INTS, 8, NULL },       { STRINGS, 9, one_text },
    };
    bytes before = padded_model(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
        bytes after = padded_model(&extras[i]);

        if (!change_between(&before, &after))
            fail_msg("extra %zu was never seen", i);
        drop(&after);
    }
    drop(&before);
}

/* The numbers 300 become shorter by a byte each, and the rest another field: fewer of them. */
static void less_than_was_counted(void **state)
{
    bytes before = padded_model(NULL), after = copy_of(&before);
    uint8_t *numbers = memmem(after.data, after.n, "\x38\xac\x02\x38\xac\x02", 6);

    (void)state;
    assert_non_null(numbers);
    memcpy(numbers, "\xc2\x02\x03\0\0\0", 6);         /* field 40, three bytes */
    assert_true(change_between(&before, &after) > 0);
    drop(&before);
    drop(&after);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

static void repeat(bytes *to, uint32_t field, bytes (*make)(void), int n)
{
    for (int i = 0; i < n; i++)
        put_message(to, field, make());
}

/* Each list is so long that it needs a block of its own. */
static bytes long_lists(void)
{
    bytes graph = { 0 }, model = { 0 }, node = { 0 }, strings = { 0 }, ints = { 0 }, long_name = { 0 }, b = { 0 };
    bytes shape = { 0 }, tensor = { 0 }, type = { 0 };
    char name[16];

    put_text(&strings, 1, "strings");
    repeat(&strings, 9, one_text, 500);
    put_message(&node, 5, strings);
    put_text(&ints, 1, "ints");
    for (int i = 0; i < 700; i++)
        put_int(&ints, 8, 1);
    put_message(&node, 5, ints);
    for (int i = 0; i < 200; i++) {
        bytes a = { 0 };

        snprintf(name, sizeof name, "a%d", i);
        put_text(&a, 1, name);
        put_message(&a, 5, one_tensor());
        put_message(&node, 5, a);
    }
    repeat(&node, 1, one_text, 600);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "o%d", i);
        put_text(&node, 2, name);
    }
    put_text(&node, 4, "Relu");
    for (int i = 0; i < 3000; i++)
        put_raw(&long_name, "n", 1);
    put_bytes(&node, 7, long_name.data, long_name.n);
    put_message(&graph, 1, node);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "p%d ", i);
        put_message(&graph, 1, make_node("Relu", "x ", name));
        name[strlen(name) - 1] = 't';
        put_message(&graph, 5, make_tensor(name, DCN__ONNX_FLOAT, 1, (int64_t[]){ 0 }));
        name[strlen(name) - 1] = 'i';
        put_message(&graph, 11, make_info(name, 1, (int64_t[]){ 1 }));
        put_message(&graph, 12, make_info(name, 1, (int64_t[]){ 1 }));
    }
    repeat(&graph, 13, one_info, 200);
    for (int i = 0; i < 500; i++)
        put_message(&shape, 1, one_dim());
    put_message(&tensor, 2, shape);
    put_message(&type, 1, tensor);
    put_text(&b, 1, "long");
    put_message(&b, 2, type);
    put_message(&graph, 13, b);
    model = make_model(graph);
    repeat(&model, 8, one_opset, 500);
    repeat(&model, 14, one_pair, 500);
    repeat(&model, 25, one_function, 500);
    drop(&long_name);
    return model;
}

static dcn_status open_only(const char *path)
{
    dcn__onnx *m;
    const dcn_status st = dcn__onnx_open(&m, path, NULL, &err);

    if (!st)
        assert_true(m->n_opsets == 501 && m->n_functions == 500 && m->n_nodes == 201 && m->n_infos == 201);
    else
        assert_null(m);
    dcn__onnx_close(m);
    return st;
}

static void no_memory_for_lists(void **state)
{
    const char *path = save("lists.onnx", long_lists());

    (void)state;
    assert_survives_lack_of_memory(open_only(path));
}

/* A file with a hole: a text of so many bytes is refused before there is memory for it. */
static void structure_has_a_limit(void **state)
{
    const uint64_t hole = (uint64_t)DCN__ONNX_MAX_STRUCTURE + 100;
    bytes attribute = { 0 }, node = { 0 }, graph = { 0 }, model = { 0 };
    const char *path;
    dcn__onnx *m;

    (void)state;
    put_text(&attribute, 1, "text");
    put_varint(&attribute, 4 << 3 | 2);
    put_varint(&attribute, hole);
    put_text(&node, 4, "Relu");
    put_varint(&node, 5 << 3 | 2);
    put_varint(&node, attribute.n + hole);
    put_varint(&graph, 1 << 3 | 2);
    put_varint(&graph, node.n + attribute.n + hole);
    put_int(&model, 1, 8);
    put_varint(&model, 7 << 3 | 2);
    put_varint(&model, graph.n + node.n + attribute.n + hole);
    put_raw(&model, graph.data, graph.n);
    put_raw(&model, node.data, node.n);
    put_raw(&model, attribute.data, attribute.n);
    drop(&graph);
    drop(&node);
    drop(&attribute);
    const off_t all = (off_t)(model.n + hole);

    path = save("hole.onnx", model);
    assert_int_equal(truncate(path, all), 0);
    assert_refused(dcn__onnx_open(&m, path, NULL, &err), DCN_INPUT, "needs more than 512 MiB without its weights; "
                   "simplify the model");
    assert_null(m);
    unlink(path);
}

/* More than half a window is read past it. */
static void long_text(void **state)
{
    enum { LONG = DCN__WIRE_WINDOW / 2 + 1000 };
    bytes attribute = { 0 }, node = make_node("Relu", "x ", "y "), graph = { 0 };
    uint8_t *text = malloc(LONG);
    const char *path;
    dcn__onnx *m;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < LONG; i++)
        text[i] = (uint8_t)(i % 251);
    put_text(&attribute, 1, "text");
    put_bytes(&attribute, 4, text, LONG);
    put_message(&node, 5, attribute);
    put_message(&graph, 1, node);
    path = save("long.onnx", make_model(graph));
    assert_ok(dcn__onnx_open(&m, path, NULL, &err));
    assert_int_equal(m->nodes[0].attributes[0].value.s.bytes, LONG);
    assert_memory_equal(m->nodes[0].attributes[0].value.s.text, text, LONG);
    dcn__onnx_close(m);
    free(text);
}

/* ---- external data --------------------------------------------------------------------------------- */

static void put_external(bytes *graph, int number, const char *location)
{
    char name[16];
    bytes t;

    snprintf(name, sizeof name, "t%d", number);
    t = make_tensor(name, DCN__ONNX_UINT8, 1, (int64_t[]){ 1 });
    put_pair(&t, 13, "location", location);
    put_int(&t, 14, 1);
    put_message(graph, 5, t);
}

static const char *external_model(const char *location)
{
    bytes graph = { 0 };

    put_external(&graph, 0, location);
    return save("external.onnx", make_model(graph));
}

static void places_of_external_data(void **state)
{
    char name[300];
    const char *path;
    dcn__onnx *m;
    bytes one = { 0 };

    (void)state;
    put_raw(&one, "1", 1);
    save("one", one);
    path = external_model("one");
    plan_call("open", 2, EACCES);
    assert_refused(dcn__onnx_open(&m, path, NULL, &err), DCN_FILE, "external.onnx: cannot open its folder for external "
                   "data (Permission denied); check the permissions");
    assert_int_equal(planned_calls(), 1);
    plan_call("fstat", 2, EIO);
    assert_refused(dcn__onnx_open(&m, path, NULL, &err), DCN_FILE, "one: cannot inspect it (Input/output error); "
                   "check the file system");
    assert_int_equal(planned_calls(), 1);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    path = external_model(name);
    assert_refused(dcn__onnx_open(&m, path, NULL, &err), DCN_FILE, "(File name too long); keep all files of the model "
                   "in one folder");
    assert_null(m);
}

static void too_many_files(void **state)
{
    char location[32];
    bytes graph = { 0 };
    const char *path;
    dcn__onnx *m;

    (void)state;
    mkdir(temporary("many"), 0777);
    for (int i = 0; i <= DCN__ONNX_MAX_FILES; i++) {
        snprintf(location, sizeof location, "many/%d", i);
        put_external(&graph, i, location);
        if (i < DCN__ONNX_MAX_FILES) {
            bytes one = { 0 };

            put_raw(&one, "1", 1);
            save(location, one);
        }
    }
    path = save("many.onnx", make_model(graph));
    assert_refused(dcn__onnx_open(&m, path, NULL, &err), DCN_INPUT, "external data \"many/4096\" is one file too many "
                   "(the limit is 4096); save the model with its weights in one file");
    assert_null(m);
    for (int i = 0; i < DCN__ONNX_MAX_FILES; i++) {
        snprintf(location, sizeof location, "many/%d", i);
        unlink(temporary(location));
    }
    assert_int_equal(rmdir(temporary("many")), 0);
}

/* Only so many files stay open: what is opened again must be the same file. */
static void replaced_in_between(void **state)
{
    enum { FILES = DCN__ONNX_OPEN_FILES + 1 };
    bytes graph = { 0 }, other = { 0 };
    char name[16];
    const char *path, *first;
    float number;
    dcn__onnx *m;

    (void)state;
    for (int i = 0; i < FILES; i++) {
        bytes one = { 0 };

        snprintf(name, sizeof name, "file%d", i);
        put_raw(&one, "\7", 1);
        save(name, one);
        put_external(&graph, i, name);
    }
    path = save("replaced.onnx", make_model(graph));
    assert_ok(dcn__onnx_open(&m, path, NULL, &err));
    put_raw(&other, "\10", 1);
    first = save("other", other);
    assert_ok(dcn__onnx_read_f32(m, &m->initializers[1], 0, 1, &number, &err));
    assert_true(number == 7);
    assert_int_equal(rename(first, temporary("file0")), 0);
    assert_refused(dcn__onnx_read_f32(m, &m->initializers[0], 0, 1, &number, &err), DCN_FILE, "file0: was replaced "
                   "while the model was read; try again");
    dcn__onnx_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk_fails_at_each_read), cmocka_unit_test(more_than_was_counted),
        cmocka_unit_test(less_than_was_counted),   cmocka_unit_test(no_memory_for_lists),
        cmocka_unit_test(structure_has_a_limit),   cmocka_unit_test(long_text),
        cmocka_unit_test(places_of_external_data), cmocka_unit_test(too_many_files),
        cmocka_unit_test(replaced_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
