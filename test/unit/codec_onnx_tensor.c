/* codec_onnx_tensor.c - tensors of ONNX files: every type in every place that may hold it, slices,
 * sizes that do not fit, and the rules for external data. */
#include "codec_onnx_bytes.h"

#include "base/file.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static dcn_error err;
static const char file_name[] = "tensor.onnx";

static bytes one_tensor(bytes t)
{
    bytes graph = { 0 };

    put_message(&graph, 5, t);
    return make_model(graph);
}

static void refused_by(bytes t, dcn_status status, const char *part)
{
    dcn__onnx *m;

    assert_refused(dcn__onnx_open(&m, save(file_name, one_tensor(t)), NULL, &err), status, part);
    assert_null(m);
}

static void refused(bytes t, const char *part)
{
    refused_by(t, DCN_INPUT, part);
}

static dcn__onnx *opened(bytes t)
{
    dcn__onnx *m;

    assert_ok(dcn__onnx_open(&m, save(file_name, one_tensor(t)), NULL, &err));
    assert_int_equal(m->n_initializers, 1);
    return m;
}

/* The whole tensor, and every slice of it in two calls, reads as these. */
static void reads_f32(bytes t, const float *expected, int n)
{
    dcn__onnx *m = opened(t);
    const dcn__onnx_tensor *w = m->initializers;
    float got[16];

    assert_int_equal(w->count, n);
    for (int cut = 0; cut <= n; cut++) {
        memset(got, 0xff, sizeof got);
        assert_ok(dcn__onnx_read_f32(m, w, 0, cut, got, &err));
        assert_ok(dcn__onnx_read_f32(m, w, cut, n - cut, got + cut, &err));
        assert_memory_equal(got, expected, (size_t)n * 4);
    }
    for (int i = n - 1; i >= 0; i--) {
        assert_ok(dcn__onnx_read_f32(m, w, i, 1, got, &err));
        assert_memory_equal(got, expected + i, 4);
    }
    dcn__onnx_close(m);
}

static void reads_i64(bytes t, const int64_t *expected, int n)
{
    dcn__onnx *m = opened(t);
    int64_t got[16];

    assert_int_equal(m->initializers->count, n);
    for (int cut = 0; cut <= n; cut++) {
        memset(got, 0xff, sizeof got);
        assert_ok(dcn__onnx_read_i64(m, m->initializers, 0, cut, got, &err));
        assert_ok(dcn__onnx_read_i64(m, m->initializers, cut, n - cut, got + cut, &err));
        assert_memory_equal(got, expected, (size_t)n * 8);
    }
    dcn__onnx_close(m);
}

static bytes with_raw(int type, int n, const void *data, size_t size)
{
    bytes t = make_tensor("w", type, 1, (int64_t[]){ n });

    put_bytes(&t, 9, data, size);
    return t;
}

/* Varints of a field: packed in one run, one by one, or in runs with an empty one between. */
static bytes with_varints(int type, uint32_t field, int n, const int64_t *values, int form)
{
    bytes t = make_tensor("w", type, 1, (int64_t[]){ n }), packed = { 0 };

    for (int i = 0; i < n; i++) {
        if (form == 1)
            put_int(&t, field, (uint64_t)values[i]);
        else
            put_varint(&packed, (uint64_t)values[i]);
        if (form == 2 && i == n / 2) {
            put_message(&t, field, packed);
            packed = (bytes){ 0 };
            put_bytes(&t, field, "", 0);
        }
    }
    if (form != 1)
        put_message(&t, field, packed);
    return t;
}

static void reads_float_types(void **state)
{
    const uint16_t halves[] = { 0x3c00, 0xc000, 0x0001, 0x8000, 0x7bff, 0x7c00, 0x03ff, 0x0400 };
    const float from_halves[] = { 1, -2, 0x1p-24f, -0.0f, 65504, INFINITY, 1023 * 0x1p-24f,
                                  0x1p-14f };
    const uint16_t brains[] = { 0x3f80, 0xc040, 0x0001, 0xff80 };
    const float from_brains[] = { 1, -3, 0x1p-133f, -INFINITY };
    const float floats[] = { 1, -0.0f, 0x1p-149f, INFINITY };
    const double doubles[] = { 1, -0.1, 1e300, 0x1p-149 };
    const float from_doubles[] = { 1, -0.1f, INFINITY, 0x1p-149f };
    const int64_t wide[] = { 0x3c00, 0xc000, 0x0001, 0x8000 };

    (void)state;
    reads_f32(with_raw(DCN__ONNX_FLOAT, 4, floats, 16), floats, 4);
    reads_f32(with_raw(DCN__ONNX_DOUBLE, 4, doubles, 32), from_doubles, 4);
    reads_f32(with_raw(DCN__ONNX_FLOAT16, 8, halves, 16), from_halves, 8);
    reads_f32(with_raw(DCN__ONNX_BFLOAT16, 4, brains, 8), from_brains, 4);
    for (int form = 0; form < 3; form++)
        reads_f32(with_varints(DCN__ONNX_FLOAT16, 5, 4, wide, form), from_halves, 4);
    reads_f32(with_varints(DCN__ONNX_BFLOAT16, 5, 4, (int64_t[]){ 0x3f80, 0xc040, 1, 0xff80 }, 0),
              from_brains, 4);
}

static void reads_typed_floats(void **state)
{
    const float floats[] = { 1, -0.0f, 0x1p-149f, INFINITY };
    const double doubles[] = { 1, -0.1, 1e300, 0x1p-149 };
    const float from_doubles[] = { 1, -0.1f, INFINITY, 0x1p-149f };
    const int64_t four[] = { 4 };
    bytes t;

    (void)state;
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, four);
    put_bytes(&t, 4, floats, 16);
    reads_f32(t, floats, 4);
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, four);
    for (int i = 0; i < 4; i++)
        put_float(&t, 4, floats[i]);
    reads_f32(t, floats, 4);
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, four);
    put_float(&t, 4, floats[0]);
    put_bytes(&t, 4, floats + 1, 8);
    put_bytes(&t, 9, "", 0);
    put_float(&t, 4, floats[3]);
    reads_f32(t, floats, 4);
    t = make_tensor("w", DCN__ONNX_DOUBLE, 1, four);
    put_bytes(&t, 10, doubles, 32);
    reads_f32(t, from_doubles, 4);
    t = make_tensor("w", DCN__ONNX_DOUBLE, 1, four);
    for (int i = 0; i < 4; i++)
        put_double(&t, 10, doubles[i]);
    reads_f32(t, from_doubles, 4);
}

static void reads_whole_numbers(void **state)
{
    static const struct { int type, field; int64_t low, high; size_t width; } cases[] = {
        { DCN__ONNX_INT8, 5, INT8_MIN, INT8_MAX, 1 }, { DCN__ONNX_UINT8, 5, 0, UINT8_MAX, 1 },
        { DCN__ONNX_INT16, 5, INT16_MIN, INT16_MAX, 2 }, { DCN__ONNX_UINT16, 5, 0, UINT16_MAX, 2 },
        { DCN__ONNX_INT32, 5, INT32_MIN, INT32_MAX, 4 }, { DCN__ONNX_UINT32, 11, 0, UINT32_MAX, 4 },
        { DCN__ONNX_INT64, 7, INT64_MIN, INT64_MAX, 8 }, { DCN__ONNX_UINT64, 11, 0, INT64_MAX, 8 },
        { DCN__ONNX_BOOL, 5, 0, 1, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t values[] = { cases[i].low, cases[i].high, 1, 0, cases[i].high };
        uint8_t raw[40];
        float floats[5];

        for (int k = 0; k < 5; k++) {
            memcpy(raw + (size_t)k * cases[i].width, &values[k], cases[i].width);
            floats[k] = (float)values[k];
        }
        reads_i64(with_raw(cases[i].type, 5, raw, 5 * cases[i].width), values, 5);
        reads_f32(with_raw(cases[i].type, 5, raw, 5 * cases[i].width), floats, 5);
        for (int form = 0; form < 3; form++) {
            reads_i64(with_varints(cases[i].type, (uint32_t)cases[i].field, 5, values, form),
                      values, 5);
            reads_f32(with_varints(cases[i].type, (uint32_t)cases[i].field, 5, values, form),
                      floats, 5);
        }
    }
}

static void refuses_numbers_that_do_not_fit(void **state)
{
    static const struct { int type, field; int64_t value; } cases[] = {
        { DCN__ONNX_INT8, 5, 128 }, { DCN__ONNX_INT8, 5, -129 }, { DCN__ONNX_UINT8, 5, -1 },
        { DCN__ONNX_UINT8, 5, 256 }, { DCN__ONNX_INT16, 5, 32768 }, { DCN__ONNX_UINT16, 5, 65536 },
        { DCN__ONNX_FLOAT16, 5, -1 }, { DCN__ONNX_BFLOAT16, 5, 65536 },
        { DCN__ONNX_UINT32, 11, 1ll << 32 },
    };
    int64_t out;
    float f;
    dcn__onnx *m;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        m = opened(with_varints(cases[i].type, (uint32_t)cases[i].field, 1, &cases[i].value, 0));
        assert_refused(dcn__onnx_read_f32(m, m->initializers, 0, 1, &f, &err), DCN_INPUT,
                       "holds a number that is no ");
        dcn__onnx_close(m);
    }
    m = opened(with_raw(DCN__ONNX_UINT64, 1, "\xff\xff\xff\xff\xff\xff\xff\xff", 8));
    assert_refused(dcn__onnx_read_i64(m, m->initializers, 0, 1, &out, &err), DCN_INPUT,
                   "a number above 2^63 - 1");
    assert_ok(dcn__onnx_read_f32(m, m->initializers, 0, 1, &f, &err));
    assert_true(f == 0x1p64f);
    assert_int_equal(dcn__onnx_read_f32(m, m->initializers, 0, 2, &f, NULL), DCN_BUG);
    assert_int_equal(dcn__onnx_read_f32(m, m->initializers, -1, 1, &f, NULL), DCN_BUG);
    assert_int_equal(dcn__onnx_read_f32(m, m->initializers, 1, INT64_MAX, &f, NULL), DCN_BUG);
    dcn__onnx_close(m);
    m = opened(with_raw(DCN__ONNX_FLOAT, 1, "1234", 4));
    assert_refused(dcn__onnx_read_i64(m, m->initializers, 0, 1, &out, &err), DCN_INPUT,
                   "holds FLOAT where whole numbers belong");
    dcn__onnx_close(m);
}

/* Types without a reader are no fault until they are needed. */
static void refuses_other_types_when_read(void **state)
{
    static const int types[] = { 0, DCN__ONNX_STRING, 14, 17, 22, 26, 99, -1 };
    float f[2];

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bytes t = make_tensor("odd", types[i], 1, (int64_t[]){ 2 });
        dcn__onnx *m;

        put_text(&t, 6, "text");
        m = opened(t);
        assert_int_equal(m->initializers->count, 0);
        assert_refused(dcn__onnx_read_f32(m, m->initializers, 0, 2, f, &err), DCN_INPUT,
                       "tensor \"odd\" has the type ");
        dcn__onnx_close(m);
    }
    assert_string_equal(dcn__onnx_type_name(8), "STRING");
    assert_string_equal(dcn__onnx_type_name(22), "INT4");
    assert_string_equal(dcn__onnx_type_name(-1), "unknown");
}

static bytes shaped(int rank, const int64_t *dims, size_t raw)
{
    bytes t = make_tensor("w", DCN__ONNX_FLOAT, rank, dims);
    void *zeros = calloc(1, raw + 1);

    put_bytes(&t, 9, zeros, raw);
    free(zeros);
    return t;
}

static void checks_sizes(void **state)
{
    const int64_t ones[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    dcn__onnx *m;

    (void)state;
    refused(shaped(2, (int64_t[]){ 2, 3 }, 23), "tensor \"w\" has 23 bytes, its shape needs 24");
    refused(shaped(2, (int64_t[]){ 2, 3 }, 25), "has 25 bytes, its shape needs 24");
    refused(shaped(2, (int64_t[]){ 2, 3 }, 0), "has 0 bytes, its shape needs 24");
    refused(shaped(0, NULL, 0), "has 0 bytes, its shape needs 4");
    refused(shaped(2, (int64_t[]){ 0, 3 }, 4), "has 4 bytes, its shape needs 0");
    refused(shaped(9, ones, 4), "more than 8 dimensions");
    refused(shaped(1, (int64_t[]){ -1 }, 4), "has a negative size");
    refused(shaped(2, (int64_t[]){ 65536, 32768 }, 4), "more than 2147483647 elements");
    refused(shaped(3, (int64_t[]){ 1ll << 32, 1ll << 32, 0 }, 0), "more than 2147483647 elements");
    refused(shaped(2, (int64_t[]){ 3, INT64_MAX }, 0), "more than 2147483647 elements");
    dcn__onnx_close(opened(shaped(8, ones, 4)));
    m = opened(shaped(2, (int64_t[]){ 0, 3 }, 0));
    assert_ok(dcn__onnx_read_f32(m, m->initializers, 0, 0, NULL, &err));
    dcn__onnx_close(m);
}

static void refuses_data_in_two_places(void **state)
{
    bytes t = shaped(1, (int64_t[]){ 1 }, 4), segment = { 0 };

    (void)state;
    put_float(&t, 4, 1);
    refused(t, "has its data in more than one place");
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, (int64_t[]){ 2 });
    put_float(&t, 4, 1);
    put_int(&t, 5, 1);
    refused(t, "numbers of another type than its own");
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, (int64_t[]){ 1 });
    put_int(&t, 5, 1);
    put_float(&t, 4, 1);
    refused(t, "numbers of another type than its own");
    refused(with_varints(DCN__ONNX_FLOAT, 7, 1, (int64_t[]){ 1 }, 0), "numbers of another type");
    t = shaped(1, (int64_t[]){ 1 }, 4);
    put_message(&t, 3, segment);
    refused(t, "is given in segments");
    t = shaped(1, (int64_t[]){ 1 }, 4);
    put_int(&t, 14, 2);
    refused(t, "data_location that is unknown");
    t = shaped(1, (int64_t[]){ 1 }, 4);
    put_bytes(&t, 9, "1234", 4);
    refused(t, "TensorProto's field 9 is given twice");
    t = shaped(1, (int64_t[]){ 1 }, 4);
    put_int(&t, 14, 1);
    refused(t, "has its data in more than one place");
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, (int64_t[]){ 2 });
    put_bytes(&t, 4, "123456789", 9);
    refused(t, "has 9 bytes, its shape needs 8");
    t = make_tensor("w", DCN__ONNX_FLOAT, 1, (int64_t[]){ 2 });
    put_float(&t, 4, 1);
    refused(t, "has 1 numbers, its shape needs 2");
    t = make_tensor("w", DCN__ONNX_INT64, 1, (int64_t[]){ 2 });
    put_bytes(&t, 7, "\x01\x02\x80", 3);
    refused(t, "TensorProto ends inside a number");
}

/* More than a window of the file, and dims in one packed run. */
static void reads_large_tensors(void **state)
{
    enum { N = 300000 };
    bytes t = { 0 }, dims = { 0 }, packed = { 0 };
    uint16_t *raw = malloc(N * sizeof *raw);
    float *got = malloc(N * sizeof *got);
    dcn__onnx *m;

    (void)state;
    put_varint(&dims, 3);
    put_varint(&dims, N / 3);
    put_message(&t, 1, dims);
    put_int(&t, 2, DCN__ONNX_UINT16);
    for (int i = 0; i < N; i++)
        raw[i] = (uint16_t)(i % 65521);
    put_bytes(&t, 9, raw, N * sizeof *raw);
    put_text(&t, 8, "w");                          /* found behind the weights */
    for (int form = 0; form < 2; form++) {
        m = opened(t);
        assert_string_equal(m->initializers->name, "w");
        assert_int_equal(m->initializers->rank, 2);
        assert_int_equal(m->initializers->dims[1], N / 3);
        for (int64_t at = 0; at < N; at += 70001)
            assert_ok(dcn__onnx_read_f32(m, m->initializers, at, N - at < 70001 ? N - at : 70001,
                                         got + at, &err));
        for (int i = 0; i < N; i++)
            if (got[i] != (float)raw[i])
                fail_msg("form %d: element %d is %g", form, i, (double)got[i]);
        dcn__onnx_close(m);
        t = make_tensor("w", DCN__ONNX_UINT16, 2, (int64_t[]){ 3, N / 3 });
        for (int i = 0; form == 0 && i < N; i++)
            put_varint(&packed, raw[i]);
        if (form == 0)
            put_message(&t, 5, packed);
    }
    drop(&t);
    free(raw);
    free(got);
}

/* Slices of three tensors in turn: each is found again where it was left. */
static void reads_tensors_in_turn(void **state)
{
    const int64_t a[] = { 1, 2, 300, 4 }, b[] = { 11, 12, 13, 1400 };
    uint8_t c[512];
    bytes graph = { 0 }, t[3] = { with_varints(DCN__ONNX_INT64, 7, 4, a, 0),
                                  with_varints(DCN__ONNX_INT64, 7, 4, b, 0),
                                  { 0 } };
    dcn__onnx *m;
    int64_t got[128];

    (void)state;
    for (int i = 0; i < 512; i++)
        c[i] = (uint8_t)(i / 2);
    t[2] = with_raw(DCN__ONNX_UINT8, 512, c, 512);
    for (int i = 0; i < 3; i++) {
        put_text(&t[i], 8, (const char *const[]){ "a", "b", "c" }[i]);
        put_message(&graph, 5, t[i]);
    }
    assert_ok(dcn__onnx_open(&m, save(file_name, make_model(graph)), NULL, &err));
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 6; k++) {
            const int n = k % 3 == 2 ? 128 : 1;

            assert_ok(dcn__onnx_read_i64(m, &m->initializers[k % 3], i * n, n, got, &err));
            assert_int_equal(got[0], k % 3 == 0 ? a[i] : k % 3 == 1 ? b[i] : c[i * 128]);
            assert_true(n == 1 || got[127] == c[i * 128 + 127]);
        }
    dcn__onnx_close(m);
}

static void says_when_the_file_shrinks(void **state)
{
    dcn__onnx *m = opened(shaped(1, (int64_t[]){ 1000 }, 4000));
    float got[1000];

    (void)state;
    assert_int_equal(truncate(temporary(file_name), 2000), 0);
    assert_refused(dcn__onnx_read_f32(m, m->initializers, 0, 1000, got, &err), DCN_FILE,
                   "the file ends here, it shrank");
    dcn__onnx_close(m);
}

/* ---- external data ------------------------------------------------------------------------- */

static bytes external(const char *location, const char *offset, const char *length, int n)
{
    bytes t = make_tensor("w", DCN__ONNX_FLOAT, 1, (int64_t[]){ n });

    if (location)
        put_pair(&t, 13, "location", location);
    if (offset)
        put_pair(&t, 13, "offset", offset);
    if (length)
        put_pair(&t, 13, "length", length);
    put_pair(&t, 13, "checksum", "not looked at");
    put_int(&t, 14, 1);
    return t;
}

static void make_data(void)
{
    const float numbers[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    mkdir(temporary("below"), 0700);
    assert_ok(dcn__file_write(temporary("w.bin"), numbers, sizeof numbers, &err));
    assert_ok(dcn__file_write(temporary("below/w.bin"), numbers + 4, 16, &err));
    unlink(temporary("link.bin"));
    unlink(temporary("below_link"));
    unlink(temporary("hard.bin"));
    unlink(temporary("other.bin"));
    unlink(temporary("pipe.bin"));
    assert_int_equal(symlink("w.bin", temporary("link.bin")), 0);
    assert_int_equal(symlink("below", temporary("below_link")), 0);
    assert_ok(dcn__file_write(temporary("other.bin"), numbers, sizeof numbers, &err));
    assert_int_equal(link(temporary("other.bin"), temporary("hard.bin")), 0);
    assert_int_equal(mkfifo(temporary("pipe.bin"), 0600), 0);
}

static void reads_external_data(void **state)
{
    make_data();
    (void)state;
    reads_f32(external("w.bin", "8", "12", 3), (float[]){ 3, 4, 5 }, 3);
    reads_f32(external("w.bin", NULL, NULL, 8), (float[]){ 1, 2, 3, 4, 5, 6, 7, 8 }, 8);
    reads_f32(external("w.bin", "28", NULL, 1), (float[]){ 8 }, 1);
    reads_f32(external("./below/w.bin", "4", "8", 2), (float[]){ 6, 7 }, 2);
    dcn__onnx_close(opened(external("w.bin", "32", "0", 0)));
}

static void refuses_bad_external_data(void **state)
{
    static const struct { const char *location, *part; } cases[] = {
        { "/etc/passwd", "is not a path relative to the model" },
        { "", "is not a path relative" }, { "a\\w.bin", "is not a path relative" },
        { "../w.bin", "leaves the model's folder" }, { "below/../w.bin", "leaves" },
        { "below/..", "leaves" }, { "..", "leaves" }, { "below//w.bin", "an empty part" },
        { "below/", "an empty part" },
        { "link.bin", "symbolic link" }, { "below_link/w.bin", "symbolic link" },
        { "hard.bin", "more than one name" },
    };
    static const struct { const char *location, *part; } no_files[] = {
        { "below", "is not a regular file" }, { "pipe.bin", "is not a regular file" },
        { ".", "is not a regular file" }, { "gone.bin", "cannot open the external data \"gone.bin\"" },
        { "w.bin/x", "cannot open the external data" },
    };
    bytes t;

    (void)state;
    make_data();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(external(cases[i].location, NULL, NULL, 1), cases[i].part);
    refused(external(NULL, "0", "4", 1), "names no file");
    refused(external("w.bin", "-4", "4", 1), "external offset that is not a whole number");
    refused(external("w.bin", "0", "4x", 1), "external length that is not a whole number");
    refused(external("w.bin", "0", "8", 1), "has 8 external bytes, its shape needs 4");
    refused(external("w.bin", "29", "4", 1), "needs 4 bytes at 29 of \"w.bin\", which has 32");
    refused(external("w.bin", "18446744073709551615", "4", 1), "which has 32");
    refused(external("w.bin", "33", "0", 0), "needs 0 bytes at 33");
    refused(external("w.bin", NULL, NULL, 9), "needs 36 bytes at 0");
    t = external(NULL, NULL, NULL, 1);
    put_pair(&t, 13, "location", "w.bin");
    put_bytes(&t, 9, "1234", 4);
    refused(t, "has its data in more than one place");
    for (size_t i = 0; i < sizeof no_files / sizeof *no_files; i++)
        refused_by(external(no_files[i].location, NULL, NULL, 1), DCN_FILE, no_files[i].part);
}

static void keeps_the_limit_of_external_data(void **state)
{
    const dcn_limits limits = { .max_onnx_bytes = 200 };
    const char *path = save(file_name, one_tensor(external("big.bin", NULL, NULL, 1)));
    uint8_t zeros[201] = { 0 };
    dcn__onnx *m;

    (void)state;
    assert_ok(dcn__file_write(temporary("big.bin"), zeros, 200, &err));
    assert_ok(dcn__onnx_open(&m, path, &limits, &err));
    dcn__onnx_close(m);
    assert_ok(dcn__file_write(temporary("big.bin"), zeros, 201, &err));
    assert_refused(dcn__onnx_open(&m, path, &limits, &err), DCN_INPUT, "holds 201 bytes, the limit "
                   "is 200");
}

/* More files than are kept open; one is exchanged, one shrinks, one becomes a link. */
static void closes_and_reopens_files(void **state)
{
    enum { FILES = 20 };
    bytes graph = { 0 };
    float got;
    dcn__onnx *m;

    (void)state;
    make_data();
    for (int i = 0; i < FILES; i++) {
        const float number = (float)i;
        char name[32];
        bytes t;

        snprintf(name, sizeof name, "part%d.bin", i);
        unlink(temporary(name));
        assert_ok(dcn__file_write(temporary(name), &number, 4, &err));
        t = external(name, NULL, NULL, 1);
        snprintf(name, sizeof name, "w%d", i);
        put_text(&t, 8, name);
        put_message(&graph, 5, t);
    }
    assert_ok(dcn__onnx_open(&m, save(file_name, make_model(graph)), NULL, &err));
    for (int i = 0; i < 2 * FILES; i++) {
        assert_ok(dcn__onnx_read_f32(m, &m->initializers[i * 7 % FILES], 0, 1, &got, &err));
        assert_true(got == (float)(i * 7 % FILES));
    }
    for (int i = 8; i < FILES; i++)
        assert_ok(dcn__onnx_read_f32(m, &m->initializers[i], 0, 1, &got, &err));
    assert_ok(dcn__file_write(temporary("part0.bin"), "1234", 4, &err));
    assert_refused(dcn__onnx_read_f32(m, &m->initializers[0], 0, 1, &got, &err), DCN_FILE,
                   "was replaced");
    assert_int_equal(truncate(temporary("part1.bin"), 3), 0);
    assert_refused(dcn__onnx_read_f32(m, &m->initializers[1], 0, 1, &got, &err), DCN_FILE,
                   "the file ends here");
    unlink(temporary("part2.bin"));
    assert_int_equal(symlink("w.bin", temporary("part2.bin")), 0);
    assert_refused(dcn__onnx_read_f32(m, &m->initializers[2], 0, 1, &got, &err), DCN_INPUT,
                   "symbolic link");
    dcn__onnx_close(m);
    unlink(temporary("part2.bin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_float_types),
        cmocka_unit_test(reads_typed_floats),
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(refuses_numbers_that_do_not_fit),
        cmocka_unit_test(refuses_other_types_when_read),
        cmocka_unit_test(checks_sizes),
        cmocka_unit_test(refuses_data_in_two_places),
        cmocka_unit_test(reads_large_tensors),
        cmocka_unit_test(reads_tensors_in_turn),
        cmocka_unit_test(says_when_the_file_shrinks),
        cmocka_unit_test(reads_external_data),
        cmocka_unit_test(refuses_bad_external_data),
        cmocka_unit_test(keeps_the_limit_of_external_data),
        cmocka_unit_test(closes_and_reopens_files),
    };

    return cmocka_run_group_tests_name("codec_onnx_tensor", tests, NULL, NULL);
}
