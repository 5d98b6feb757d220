/* codec_onnx.c - ONNX files built by hand: every field that is read, every refusal of structure,
 * limits, nesting, order of nodes. Tensors' numbers: codec_onnx_tensor.c. */
#include "codec_onnx_bytes.h"

#include <sys/stat.h>
#include <unistd.h>

static dcn_error err;
static const char file_name[] = "structure.onnx";

static void refused(bytes model, const char *part)
{
    dcn__onnx *m;

    assert_refused(dcn__onnx_open(&m, save(file_name, model), NULL, &err), DCN_INPUT, part);
    assert_null(m);
}

static dcn__onnx *opened(bytes model)
{
    dcn__onnx *m;

    assert_ok(dcn__onnx_open(&m, save(file_name, model), NULL, &err));
    return m;
}

static bytes attribute(const char *name, int kind)
{
    bytes a = { 0 };

    put_text(&a, 1, name);
    if (kind)
        put_int(&a, 20, (uint64_t)kind);
    return a;
}

/* A model of one node with this attribute. */
static bytes one_attribute(bytes a)
{
    bytes graph = { 0 }, node = make_node("Op", "", "y ");

    put_message(&node, 5, a);
    put_message(&graph, 1, node);
    return make_model(graph);
}

static bytes one_node(bytes node)
{
    bytes graph = { 0 };

    put_message(&graph, 1, node);
    return make_model(graph);
}

static bytes full_model(void)
{
    bytes model = { 0 }, graph = { 0 }, node = make_node("Conv", "x w  ", "y "), a, opset = { 0 };
    bytes t = make_tensor("w", DCN__ONNX_FLOAT, 2, (int64_t[]){ 1, 2 }), function = { 0 };
    const int64_t ints[] = { 3, 1 };

    put_bytes(&t, 9, (float[]){ 1, 2 }, 8);
    a = attribute("kernel_shape", DCN__ONNX_A_INTS);
    put_int(&a, 8, (uint64_t)ints[0]);
    put_int(&a, 8, (uint64_t)ints[1]);
    put_message(&node, 5, a);
    put_text(&node, 3, "conv1");
    put_text(&node, 7, "ai.onnx");
    put_text(&node, 6, "passed over");
    put_message(&graph, 1, node);
    put_text(&graph, 2, "g");
    put_message(&graph, 5, t);
    put_message(&graph, 11, make_info("x", 4, (int64_t[]){ -2, 3, -1, 24 }));
    put_message(&graph, 12, make_info("y", 0, NULL));
    put_message(&graph, 13, make_info("v", 1, (int64_t[]){ 7 }));
    put_int(&model, 1, 7);
    put_int(&model, 1, 8);                         /* of two numbers the last counts */
    put_text(&model, 2, "maker");
    put_text(&model, 3, "1.2");
    put_message(&model, 7, graph);
    put_text(&opset, 1, "com.example");
    put_int(&opset, 2, 3);
    put_message(&model, 8, opset);
    opset = (bytes){ 0 };
    put_text(&opset, 1, "ai.onnx");
    put_int(&opset, 2, 17);
    put_message(&model, 8, opset);
    put_pair(&model, 14, "key", "value");
    put_text(&function, 1, "F");
    put_text(&function, 10, "local");
    put_message(&model, 25, function);
    put_int(&model, 1000, 5);                      /* unknown: passed over */
    return model;
}

static void reads_every_field(void **state)
{
    const dcn__onnx_node *node;
    dcn__onnx *m;

    (void)state;
    m = opened(full_model());
    assert_ok(dcn__onnx_check(m, &err));
    assert_int_equal(m->ir_version, 8);
    assert_int_equal(m->opset, 17);
    assert_int_equal(m->n_opsets, 2);
    assert_string_equal(m->opsets[0].domain, "com.example");
    assert_int_equal(m->opsets[0].version, 3);
    assert_string_equal(m->producer, "maker");
    assert_string_equal(m->producer_version, "1.2");
    assert_string_equal(m->graph, "g");
    assert_int_equal(m->n_metadata, 1);
    assert_string_equal(m->metadata[0].key, "key");
    assert_string_equal(m->metadata[0].value, "value");
    assert_int_equal(m->n_functions, 1);
    assert_string_equal(m->functions[0].name, "F");
    assert_string_equal(m->functions[0].domain, "local");
    assert_int_equal(m->n_nodes, 1);
    node = &m->nodes[0];
    assert_string_equal(node->name, "conv1");
    assert_string_equal(node->op, "Conv");
    assert_string_equal(node->domain, "");
    assert_int_equal(node->n_inputs, 3);
    assert_string_equal(node->inputs[1], "w");
    assert_string_equal(node->inputs[2], "");
    assert_int_equal(node->n_outputs, 1);
    assert_string_equal(node->outputs[0], "y");
    assert_int_equal(node->n_attributes, 1);
    assert_null(dcn__onnx_attribute_find(node, "pads"));
    assert_ptr_equal(dcn__onnx_attribute_find(node, "kernel_shape"), node->attributes);
    assert_int_equal(node->attributes[0].n, 2);
    assert_int_equal(node->attributes[0].value.ints[0], 3);
    assert_int_equal(m->n_initializers, 1);
    assert_string_equal(m->initializers[0].name, "w");
    assert_int_equal(m->n_infos, 1);
    dcn__onnx_close(m);
}

static void reads_shapes(void **state)
{
    bytes graph = { 0 }, untyped = { 0 }, sequence = { 0 }, type = { 0 };
    dcn__onnx *m;

    (void)state;
    put_message(&graph, 11, make_info("x", 4, (int64_t[]){ -2, 3, -1, 24 }));
    put_message(&graph, 11, make_info("s", 0, NULL));
    put_text(&untyped, 1, "u");
    put_message(&graph, 11, untyped);
    put_text(&sequence, 1, "q");
    put_text(&type, 4, "a sequence, not looked into");
    put_message(&sequence, 2, type);
    put_message(&graph, 11, sequence);
    m = opened(make_model(graph));
    assert_int_equal(m->n_inputs, 4);
    assert_int_equal(m->inputs[0].type, DCN__ONNX_FLOAT);
    assert_int_equal(m->inputs[0].rank, 4);
    assert_int_equal(m->inputs[0].dims[0], -1);
    assert_string_equal(m->inputs[0].params[0], "N");
    assert_int_equal(m->inputs[0].dims[1], 3);
    assert_null(m->inputs[0].params[1]);
    assert_int_equal(m->inputs[0].dims[2], -1);
    assert_null(m->inputs[0].params[2]);
    assert_int_equal(m->inputs[1].rank, 0);
    assert_int_equal(m->inputs[2].rank, -1);
    assert_int_equal(m->inputs[3].type, 0);
    dcn__onnx_close(m);
}

/* ---- attributes ---------------------------------------------------------------------------- */

static void reads_attributes(void **state)
{
    bytes node = make_node("Op", "", "y "), a, packed = { 0 }, t, graph = { 0 };
    const dcn__onnx_attribute *got;
    dcn__onnx *m;
    float f;

    (void)state;
    a = attribute("f", DCN__ONNX_A_FLOAT);
    put_float(&a, 2, 0.5f);
    put_message(&node, 5, a);
    a = attribute("i", DCN__ONNX_A_INT);
    put_int(&a, 3, (uint64_t)-7);
    put_message(&node, 5, a);
    a = attribute("s", DCN__ONNX_A_STRING);
    put_bytes(&a, 4, "a\0\xff", 3);
    put_message(&node, 5, a);
    a = attribute("floats", DCN__ONNX_A_FLOATS);
    put_float(&a, 7, 1);
    put_bytes(&a, 7, (float[]){ 2, 3 }, 8);
    put_message(&node, 5, a);
    a = attribute("ints", 0);                      /* the kind is seen from the field */
    put_varint(&packed, 300);
    put_varint(&packed, (uint64_t)-1);
    put_message(&a, 8, packed);
    put_int(&a, 8, 5);
    put_message(&node, 5, a);
    a = attribute("strings", DCN__ONNX_A_STRINGS);
    put_text(&a, 9, "one");
    put_text(&a, 9, "");
    put_message(&node, 5, a);
    a = attribute("t", DCN__ONNX_A_TENSOR);
    t = make_tensor("", DCN__ONNX_FLOAT, 0, NULL);
    put_bytes(&t, 9, (float[]){ 2.5f }, 4);
    put_message(&a, 5, t);
    put_message(&node, 5, a);
    a = attribute("body", DCN__ONNX_A_GRAPH);
    put_message(&a, 6, make_node("not looked into", "", ""));
    put_message(&node, 5, a);
    a = attribute("r", DCN__ONNX_A_INT);
    put_text(&a, 21, "outer");
    put_message(&node, 5, a);
    put_message(&node, 5, attribute("none", 0));
    put_message(&graph, 1, node);
    m = opened(make_model(graph));
    assert_int_equal(m->nodes[0].n_attributes, 10);
    got = m->nodes[0].attributes;
    assert_true(got[0].kind == DCN__ONNX_A_FLOAT && got[0].value.f == 0.5f);
    assert_true(got[1].kind == DCN__ONNX_A_INT && got[1].value.i == -7);
    assert_int_equal(got[2].value.s.bytes, 3);
    assert_memory_equal(got[2].value.s.text, "a\0\xff", 4);
    assert_true(got[3].n == 3 && got[3].value.floats[0] == 1 && got[3].value.floats[2] == 3);
    assert_int_equal(got[4].kind, DCN__ONNX_A_INTS);
    assert_int_equal(got[4].n, 3);
    assert_int_equal(got[4].value.ints[0], 300);
    assert_int_equal(got[4].value.ints[1], -1);
    assert_int_equal(got[4].value.ints[2], 5);
    assert_int_equal(got[5].n, 2);
    assert_string_equal(got[5].value.strings[0].text, "one");
    assert_string_equal(got[5].value.strings[1].text, "");
    assert_int_equal(got[6].value.tensor->count, 1);
    assert_ok(dcn__onnx_read_f32(m, got[6].value.tensor, 0, 1, &f, &err));
    assert_true(f == 2.5f);
    assert_int_equal(got[7].kind, DCN__ONNX_A_GRAPH);
    assert_string_equal(got[8].ref, "outer");
    assert_null(got[0].ref);
    assert_int_equal(got[9].kind, DCN__ONNX_A_NONE);
    assert_string_equal(dcn__onnx_kind_name(got[7].kind), "GRAPH");
    assert_string_equal(dcn__onnx_kind_name(99), "unknown");
    dcn__onnx_close(m);
}

static void refuses_bad_attributes(void **state)
{
    bytes node = make_node("Op", "", "y "), a;

    (void)state;
    put_message(&node, 5, attribute("k", 0));
    put_message(&node, 5, attribute("k", 0));
    refused(one_node(node), "has the attribute \"k\" twice");
    refused(one_attribute((bytes){ 0 }), "an attribute has no name");
    refused(one_attribute(attribute("t", DCN__ONNX_A_TENSOR)), "\"t\" is said to be a tensor");
    a = attribute("x", DCN__ONNX_A_FLOATS);
    put_bytes(&a, 7, "12345", 5);
    refused(one_attribute(a), "AttributeProto ends inside a number");
    a = attribute("x", DCN__ONNX_A_INTS);
    put_bytes(&a, 8, "\x01\x80", 2);
    refused(one_attribute(a), "AttributeProto ends inside a number");
    node = make_node("Op", "", "y ");
    for (int i = 0; i < 257; i++) {
        char name[16];

        snprintf(name, sizeof name, "a%d", i);
        put_message(&node, 5, attribute(name, 0));
    }
    refused(one_node(node), "a node has 257 attributes, the limit is 256");
}

/* ---- refusals of structure ----------------------------------------------------------------- */

static void refuses_bytes_that_are_no_message(void **state)
{
    static const struct { const char *bytes; size_t n; const char *part; } cases[] = {
        { "", 0, "holds no IR version" },
        { "\x08\x07", 2, "holds no graph" },
        { "\x3a\x00", 2, "holds no IR version" },
        { "version https://git-lfs", 23, "field 14 has the wire type 6" },
        { "\x0b", 1, "wire type 3" },
        { "\x08", 1, "@0x1: ModelProto ends inside a number" },
        { "\x08\x80", 2, "ends inside a number" },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "more than 64 bits" },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 12, "more than 64 bits" },
        { "\x00\x01", 2, "impossible field number" },
        { "\x80\x80\x80\x80\x10\x01", 6, "impossible field number" },
        { "\x3a\x05\x01", 3, "@0x0: ModelProto's field 7 has 5 bytes, 1 are left" },
        { "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "has 18446744073709551615 bytes" },
        { "\x0a\x01x", 3, "field 1 has a wire type that it cannot have" },
        { "\x38\x01", 2, "field 7 has a wire type" },
        { "\x08\x07\x3a\x00\x3a\x00", 6, "@0x4: ModelProto's field 7 is given twice" },
        { "\x08\x07\x15\x00\x00", 5, "ModelProto's field 2 has a wire type|ends inside" },
        { "\x08\x07\x3a\x03\x0a\x01\x08", 7, "NodeProto ends inside a number" },
        { "\x08\x07\x3a\x02\x0a\x00", 6, "@0x4: node \"\" names no operator" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = { 0 };
        const char *bar = strchr(cases[i].part, '|');

        put_raw(&b, cases[i].bytes, cases[i].n);
        refused(b, bar ? bar + 1 : cases[i].part);
    }
}

static void refuses_bad_structure(void **state)
{
    bytes graph = { 0 }, b = { 0 }, opset = { 0 }, type = { 0 };
    char *name = malloc(65538);

    (void)state;
    put_message(&graph, 15, b);
    refused(make_model(graph), "1 sparse initializers");
    graph = b = (bytes){ 0 };
    put_message(&graph, 11, b);
    refused(make_model(graph), "has no name");
    refused(one_node(make_node("O\xff", "", "")), "an operator's name is not a text in UTF-8");
    graph = b = (bytes){ 0 };
    put_bytes(&graph, 2, "a\0b", 3);
    refused(make_model(graph), "the graph's name is not a text in UTF-8");
    memset(name, 'n', 65537);
    name[65537] = '\0';
    refused(one_node(make_node(name, "", "")), "an operator's name has 65537 bytes");
    dcn__onnx_close(opened(one_node(make_node(name + 1, "", ""))));
    free(name);
    graph = b = (bytes){ 0 };
    b = make_model(graph);
    put_int(&opset, 2, 18);
    put_message(&b, 8, opset);
    refused(b, "two versions, 17 and 18, of the operators \"\"");
    graph = b = (bytes){ 0 };
    put_text(&b, 1, "x");
    put_message(&b, 2, type);
    put_message(&b, 2, type);
    put_message(&graph, 11, b);
    refused(make_model(graph), "ValueInfoProto's field 2 is given twice");
    graph = (bytes){ 0 };
    put_message(&graph, 5, make_tensor("", DCN__ONNX_FLOAT, 1, (int64_t[]){ 0 }));
    refused(make_model(graph), "an initializer has no name");
}

static void refuses_what_is_no_file(void **state)
{
    const char *fifo = temporary("pipe.onnx");
    dcn__onnx *m;

    (void)state;
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_refused(dcn__onnx_open(&m, fifo, NULL, &err), DCN_FILE, "is a pipe");
    assert_refused(dcn__onnx_open(&m, "-", NULL, &err), DCN_FILE, "standard input");
    assert_refused(dcn__onnx_open(&m, DCN_TEST_TMP, NULL, &err), DCN_FILE, "is a folder");
    assert_refused(dcn__onnx_open(&m, temporary("none.onnx"), NULL, &err), DCN_FILE, "cannot open");
    assert_int_equal(dcn__onnx_open(&m, temporary("none.onnx"), NULL, NULL), DCN_FILE);
    dcn__onnx_close(NULL);
    unlink(fifo);
}

/* ---- limits -------------------------------------------------------------------------------- */

static void keeps_its_limits(void **state)
{
    const char *path = save(file_name, full_model());
    dcn_limits limits = { .max_onnx_bytes = 100 };
    bytes graph = { 0 };
    dcn__onnx *m;

    (void)state;
    assert_refused(dcn__onnx_open(&m, path, &limits, &err), DCN_INPUT, "the limit of an ONNX file "
                   "is 100;");
    for (int i = 0; i < 3; i++)
        put_message(&graph, 1, make_node("Op", "", ""));
    path = save("three.onnx", make_model(graph));
    limits = (dcn_limits){ .max_nodes = 3 };
    assert_ok(dcn__onnx_open(&m, path, &limits, &err));
    dcn__onnx_close(m);
    limits.max_nodes = 2;
    assert_refused(dcn__onnx_open(&m, path, &limits, &err), DCN_INPUT, "has 3 nodes, the limit is "
                   "2");
    limits.max_nodes = 0;                          /* the usual one */
    assert_ok(dcn__onnx_open(&m, path, &limits, &err));
    dcn__onnx_close(m);
}

static bool add_up(void *sum, size_t n)
{
    *(size_t *)sum += n;
    return true;
}

/* A kilobyte of the messages that are dearest for their bytes. */
static void costs_little_for_little(void **state)
{
    static const uint32_t fields[] = { 1, 5, 11, 12, 13 };

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        bytes graph = { 0 };
        size_t cost = 0;
        dcn__onnx *m;

        for (int n = 0; graph.n < 1000; n++) {
            char name[16];

            snprintf(name, sizeof name, "%d", n);
            put_message(&graph, fields[i], fields[i] == 1 ? make_node("O", "", "") :
                        fields[i] == 5 ? make_tensor(name, 1, 1, (int64_t[]){ 0 }) :
                        make_info(name, 0, NULL));
        }
        save(file_name, make_model(graph));
        dcn__set_alloc_hook(add_up, &cost);
        (void)dcn__onnx_open(&m, temporary(file_name), NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
        assert_in_range(cost, 1, 1 << 20);
        dcn__onnx_close(m);
    }
}

/* Fields in fields: a graph in an attribute in a node, a type in a sequence. */
static bytes nest(const uint32_t *fields, size_t n_fields, size_t size)
{
    bytes b = { 0 };

    for (size_t i = 0; b.n < size || i % n_fields; i++) {
        bytes outer = { 0 };

        put_message(&outer, fields[i % n_fields], b);
        b = outer;
    }
    return b;
}

static void survives_deep_nesting(void **state)
{
    static const uint32_t graphs[] = { 6, 5, 1 }, types[] = { 1, 4 };
    bytes a = attribute("body", DCN__ONNX_A_GRAPH), graph = { 0 }, info = { 0 };
    dcn__onnx *m;

    (void)state;
    put_message(&a, 6, nest(graphs, 3, 54000));
    m = opened(one_attribute(a));
    assert_int_equal(m->nodes[0].attributes[0].kind, DCN__ONNX_A_GRAPH);
    dcn__onnx_close(m);
    put_text(&info, 1, "x");
    put_message(&info, 2, nest(types, 2, 54000));
    put_message(&graph, 11, info);
    dcn__onnx_close(opened(make_model(graph)));
}

static void every_allocation_may_fail(void **state)
{
    const char *path = save(file_name, full_model());
    dcn__onnx *m;

    (void)state;
    assert_survives_lack_of_memory(dcn__onnx_open(&m, path, NULL, &err));
    dcn__onnx_close(m);
}

/* Whatever is cut off or changed, the answer is a refusal or a model. */
static void survives_every_cut_and_change(void **state)
{
    const bytes whole = full_model();
    dcn_status st;
    dcn__onnx *m;

    (void)state;
    for (size_t i = 0; i < 2 * whole.n; i++) {
        bytes b = { 0 };

        put_raw(&b, whole.data, i < whole.n ? i : whole.n);
        if (i >= whole.n)
            b.data[i - whole.n] ^= (uint8_t)(1 << i % 8);
        st = dcn__onnx_open(&m, save(file_name, b), NULL, &err);
        if (st && st != DCN_INPUT)
            fail_msg("byte %zu: %d %s", i, (int)st, err.text);
        dcn__onnx_close(m);
    }
    free(whole.data);
}

/* ---- who makes what ------------------------------------------------------------------------ */

static bytes initializer(const char *name)
{
    return make_tensor(name, DCN__ONNX_FLOAT, 1, (int64_t[]){ 0 });
}

static void finds_what_makes_a_value(void **state)
{
    const dcn__onnx_value *v;
    bytes graph = { 0 };
    dcn__onnx *m;

    (void)state;
    put_message(&graph, 1, make_node("Split", "x ", "a  b "));
    put_message(&graph, 1, make_node("Add", "a w ", "c "));
    put_message(&graph, 5, initializer("w"));
    put_message(&graph, 11, make_info("x", 0, NULL));
    put_message(&graph, 11, make_info("w", 0, NULL));      /* an input with a default */
    put_message(&graph, 12, make_info("c", 0, NULL));
    m = opened(make_model(graph));
    assert_ok(dcn__onnx_check(m, &err));
    assert_null(dcn__onnx_find(m, "nothing"));
    assert_null(dcn__onnx_find(m, ""));
    v = dcn__onnx_find(m, "b");
    assert_true(v->node == 0 && v->output == 2 && v->initializer == -1 && v->input == -1);
    v = dcn__onnx_find(m, "w");
    assert_true(v->node == -1 && v->initializer == 0 && v->input == 1);
    v = dcn__onnx_find(m, "x");
    assert_true(v->node == -1 && v->initializer == -1 && v->input == 0);
    dcn__onnx_close(m);
    m = opened(make_model((bytes){ 0 }));
    assert_null(dcn__onnx_find(m, "x"));
    dcn__onnx_close(m);
}

static void refuses_values_made_twice(void **state)
{
    bytes graph = { 0 };

    (void)state;
    put_message(&graph, 1, make_node("A", "", "y "));
    put_message(&graph, 1, make_node("B", "", "y "));
    refused(make_model(graph), "\"y\" is made twice, by a node and by a node at 0x4");
    graph = (bytes){ 0 };
    put_message(&graph, 1, make_node("A", "", "y y "));
    refused(make_model(graph), "\"y\" is made twice, by a node and by a node");
    graph = (bytes){ 0 };
    put_message(&graph, 5, initializer("w"));
    put_message(&graph, 5, initializer("w"));
    refused(make_model(graph), "\"w\" is made twice, by an initializer and by an initializer");
    graph = (bytes){ 0 };
    put_message(&graph, 5, initializer("w"));
    put_message(&graph, 5, initializer("w"));
    put_message(&graph, 11, make_info("w", 0, NULL));
    refused(make_model(graph), "\"w\" is made twice");
    graph = (bytes){ 0 };
    put_message(&graph, 11, make_info("x", 0, NULL));
    put_message(&graph, 11, make_info("x", 0, NULL));
    refused(make_model(graph), "\"x\" is made twice, by an input");
    graph = (bytes){ 0 };
    put_message(&graph, 1, make_node("A", "", "x "));
    put_message(&graph, 11, make_info("x", 0, NULL));
    refused(make_model(graph), "\"x\" is made twice, by a node and by an input of the graph");
}

static void wrong_order(bytes graph, const char *part)
{
    dcn__onnx *m = opened(make_model(graph));
    dcn_error again;

    assert_refused(dcn__onnx_check(m, &err), DCN_INPUT, part);
    assert_survives_lack_of_memory(dcn__onnx_check(m, &again) == DCN_MEMORY ? DCN_MEMORY : DCN_OK);
    dcn__onnx_close(m);
}

static void refuses_a_wrong_order(void **state)
{
    bytes graph = { 0 };

    (void)state;
    put_message(&graph, 1, make_node("A", "y ", "z "));
    put_message(&graph, 1, make_node("B", "", "y "));
    wrong_order(graph, "@0x4: node \"\" (A) uses \"y\", which node \"\" (B) at 0xf makes after");
    graph = (bytes){ 0 };
    put_message(&graph, 1, make_node("A", "y ", "z "));
    put_message(&graph, 1, make_node("M", "z ", "m "));
    put_message(&graph, 1, make_node("B", "m ", "y "));
    wrong_order(graph, "(A) and node \"\" (B) need each other's values");
    graph = (bytes){ 0 };
    put_message(&graph, 1, make_node("A", "y ", "y "));
    wrong_order(graph, "(A) needs its own value \"y\"");
    graph = (bytes){ 0 };
    put_message(&graph, 1, make_node("A", "gone ", "y "));
    wrong_order(graph, "(A) uses \"gone\", which nothing makes");
    graph = (bytes){ 0 };
    put_message(&graph, 12, make_info("gone", 0, NULL));
    wrong_order(graph, "the output \"gone\" of the graph is made by nothing");
}

static void recognises_its_files(void **state)
{
    const bytes b = full_model();

    (void)state;
    assert_true(dcn__onnx_is(b.data, b.n, b.n));
    assert_true(dcn__onnx_is(b.data, 8, b.n));
    assert_false(dcn__onnx_is(b.data, 3, b.n));
    assert_false(dcn__onnx_is((const uint8_t *)"\x08\x07\x12\x05pytor", 9, 8));
    assert_false(dcn__onnx_is((const uint8_t *)"input 24x24x3", 13, 13));
    assert_false(dcn__onnx_is((const uint8_t *)"\x08\x07\x0a\x05pytor", 9, 1000));
    assert_false(dcn__onnx_is((const uint8_t *)"\x08\x00\x3a\x00", 4, 4));
    assert_false(dcn__onnx_is((const uint8_t *)"\x08\x07\xfa\x02\x00", 5, 5));
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(reads_shapes),
        cmocka_unit_test(reads_attributes),
        cmocka_unit_test(refuses_bad_attributes),
        cmocka_unit_test(refuses_bytes_that_are_no_message),
        cmocka_unit_test(refuses_bad_structure),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(keeps_its_limits),
        cmocka_unit_test(costs_little_for_little),
        cmocka_unit_test(survives_deep_nesting),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(survives_every_cut_and_change),
        cmocka_unit_test(finds_what_makes_a_value),
        cmocka_unit_test(refuses_values_made_twice),
        cmocka_unit_test(refuses_a_wrong_order),
        cmocka_unit_test(recognises_its_files),
    };

    return cmocka_run_group_tests_name("codec_onnx", tests, NULL, NULL);
}
