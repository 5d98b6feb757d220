/* Event files: what is written is read back, and nothing else is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "view/events.h"

#ifndef DCN_HAVE_PROTOBUF

static void a_build_without_protobuf_refuses_by_name(void **state)
{
    dcn_events *e = (dcn_events *)(uintptr_t)1;
    dcn_error err;

    (void)state;
    assert_int_equal(dcn_events_create(&e, DCN_TEST_TMP, &err), DCN_USAGE);
    assert_null(e);
    assert_int_equal(dcn_events_close(e, &err), DCN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_without_protobuf_refuses_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

#include "base/file.h"
#include "base/memory.h"
#include "codec/tfrecord.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static void write_run(char *path, size_t size)
{
    static uint8_t pixels[4 * 6 * 3];
    const dcn_image image = { 4, 6, 3, pixels };
    const float values[4] = { -1, 0, 0.5f, 3 };
    const char *to_conv[1] = { "x_image" };
    const dcn_graph_view nodes[2] = { { "x_image", "Placeholder", NULL, 0, { 24, 24, 3 } },
                                      { "h_conv1", "Conv2D", to_conv, 1, { 24, 24, 64 } } };
    dcn_events *e;

    assert_int_equal(dcn_events_create(&e, folder, NULL), DCN_OK);
    snprintf(path, size, "%s", dcn_events_path(e));
    assert_int_equal(dcn_events_graph(e, nodes, 2, NULL), DCN_OK);
    assert_int_equal(dcn_events_scalar(e, "loss", 1, 2.5f, NULL), DCN_OK);
    assert_int_equal(dcn_events_scalar(e, "loss", 7, NAN, NULL), DCN_OK);
    assert_int_equal(dcn_events_histogram(e, "conv1/weight", 7, values, 4, NULL), DCN_OK);
    assert_int_equal(dcn_events_image(e, "source/cifar/image/0", 9, &image, NULL), DCN_OK);
    assert_int_equal(dcn_events_flush(e, NULL), DCN_OK);
    assert_int_equal(dcn_events_close(e, NULL), DCN_OK);
}

static void what_is_written_is_counted(void **state)
{
    dcn_events_summary s;
    char path[512];

    (void)state;
    write_run(path, sizeof path);
    assert_int_equal(dcn_events_verify(path, &s, NULL), DCN_OK);
    assert_true(s.records == 6 && s.graphs == 1 && s.scalars == 2 && s.histograms == 1);
    assert_true(s.images == 1 && s.first_step == 1 && s.last_step == 9 && s.torn_bytes == 0);
}

static void the_name_is_tensorboards_and_never_taken_twice(void **state)
{
    char first[512], second[512];
    long long seconds;
    int digits, end = 0;

    (void)state;
    write_run(first, sizeof first);
    write_run(second, sizeof second);
    assert_string_not_equal(first, second);
    assert_int_equal(sscanf(dcn__path_name(first), "events.out.tfevents.%n%lld%n", &digits,
                            &seconds, &end), 1);
    assert_int_equal(end - digits, 10);
}

/* An old or planted name, a link included, is passed over and stays as it is. */
static void planted_names_are_left_alone(void **state)
{
    char path[512], start[512], target[512];
    dcn_events *e;
    struct stat st;
    char *host;

    (void)state;
    assert_int_equal(dcn_events_create(&e, folder, NULL), DCN_OK);
    snprintf(path, sizeof path, "%s", dcn_events_path(e));
    assert_int_equal(dcn_events_close(e, NULL), DCN_OK);
    snprintf(target, sizeof target, "%s/target", folder);
    host = strstr(path, "events.out.tfevents.") + 30;
    for (int second = 0; second < 4; second++) {      /* whatever second it will be */
        long long t = 0;

        sscanf(strstr(path, "tfevents.") + 9, "%lld", &t);
        snprintf(start, sizeof start, "%s/events.out.tfevents.%010lld%.*s0", folder, t + second,
                 (int)strlen(host) - 1, host);
        unlink(start);
        assert_int_equal(symlink(target, start), 0);
    }
    assert_int_equal(dcn_events_create(&e, folder, NULL), DCN_OK);
    assert_int_not_equal(dcn_events_path(e)[strlen(dcn_events_path(e)) - 1], '0');
    assert_int_equal(lstat(dcn_events_path(e), &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_not_equal(lstat(target, &st), 0);
    assert_int_equal(dcn_events_close(e, NULL), DCN_OK);
}

static void every_prefix_is_accepted_and_its_rest_reported(void **state)
{
    dcn__bytes file;
    char path[512];
    int64_t last = 0;

    (void)state;
    write_run(path, sizeof path);
    assert_int_equal(dcn__file_read(&file, path, 1 << 20, NULL), DCN_OK);
    for (size_t cut = 1; cut <= file.size; cut++) {
        uint8_t *part = dcn__alloc(cut);
        dcn_events_summary s;

        memcpy(part, file.data, cut);
        assert_int_equal(dcn__events_check(part, cut, "part", &s, NULL), DCN_OK);
        assert_true(s.records == last ? s.torn_bytes > 0 : s.torn_bytes == 0);
        assert_in_range(s.records, last, last + 1);
        last = s.records;
        dcn__free(part);
    }
    assert_int_equal(last, 6);
    {
        dcn_events_summary s;

        assert_int_equal(dcn__events_check(NULL, 0, "nothing", &s, NULL), DCN_INPUT);
    }
    dcn__bytes_clear(&file);
}

static void every_flipped_byte_is_refused(void **state)
{
    dcn__bytes file;
    char path[512];

    (void)state;
    write_run(path, sizeof path);
    assert_int_equal(dcn__file_read(&file, path, 1 << 20, NULL), DCN_OK);
    for (size_t i = 0; i < file.size; i++) {
        dcn_events_summary s;
        dcn_error err;

        file.data[i] ^= 0x41;
        assert_int_equal(dcn__events_check(file.data, file.size, "run", &s, &err), DCN_INPUT);
        assert_int_equal(strncmp(err.text, "run@0x", 6), 0);
        file.data[i] ^= 0x41;
    }
    dcn__bytes_clear(&file);
}

static dcn_status check_record(const void *data, size_t bytes)
{
    uint8_t *record = dcn__alloc(bytes + DCN__TFRECORD_FRAME);
    dcn_events_summary s;
    dcn_status st;

    memcpy(record + DCN__TFRECORD_HEAD, data, bytes);
    dcn__tfrecord_seal(record, bytes);
    st = dcn__events_check(record, bytes + DCN__TFRECORD_FRAME, "made", &s, NULL);
    dcn__free(record);
    return st;
}

/* Good sums round bad messages. */
static void foreign_records_are_refused(void **state)
{
    static uint8_t nested[1 << 20];
    size_t n = sizeof nested;

    (void)state;
    assert_int_equal(check_record("\x1a\x0d" "brain.Event:2", 15), DCN_OK);
    assert_int_equal(check_record("\x1a\x0d" "brain.Evxnt:2", 15), DCN_INPUT);
    assert_int_equal(check_record("", 0), DCN_INPUT);
    assert_int_equal(check_record("\x10\x05", 2), DCN_INPUT);                 /* no version */
    assert_int_equal(check_record("\x1a\x0d" "brain.Event:2\x22\x7f", 17), DCN_INPUT);
    /* an image without bytes; a histogram with an edge and no count */
    assert_int_equal(check_record("\x1a\x0d" "brain.Event:2"
                                  "\x2a\x08\x0a\x06\x22\x04\x08\x01\x10\x01", 25), DCN_INPUT);
    assert_int_equal(check_record("\x1a\x0d" "brain.Event:2"
                                  "\x2a\x0e\x0a\x0c\x2a\x0a\x32\x08\0\0\0\0\0\0\0\0", 31),
                     DCN_INPUT);
    /* a message inside a message inside ... in a field that the schema leaves out: it stays flat */
    while (n > 8) {
        const size_t inside = sizeof nested - n;

        nested[--n] = (uint8_t)(inside >> 14 & 0x7f);
        nested[--n] = (uint8_t)(inside >> 7 | 0x80);
        nested[--n] = (uint8_t)(inside | 0x80);
        nested[--n] = 0x52;
    }
    {
        uint8_t *event = dcn__alloc(15 + sizeof nested - n);

        memcpy(event, "\x1a\x0d" "brain.Event:2", 15);
        memcpy(event + 15, nested + n, sizeof nested - n);
        assert_int_equal(check_record(event, 15 + sizeof nested - n), DCN_OK);
        dcn__free(event);
    }
}

/* Two bytes of a file that ask for fifty: the sum has a bound. Pictures without a side. */
static void records_that_want_too_much(void **state)
{
    enum { N = 2 << 20 };
    static uint8_t record[DCN__TFRECORD_FRAME + 15 + 5 + 2 * N];
    static const char *const sizes[2] = { "\x08\x00\x10\x01\x22\x01x", "\x08\x01\x10\x00\x22\x01x" };
    uint8_t *p = record + DCN__TFRECORD_HEAD;
    dcn_events_summary s;
    dcn_error err;
    size_t n = 15;

    (void)state;
    memcpy(p, "\x1a\x0d" "brain.Event:2", 15);
    p[n++] = 0x2a;                                           /* a summary of 2 N bytes: N empty values */
    for (uint32_t left = 2 * N; left; left >>= 7)
        p[n++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    for (int i = 0; i < N; i++, n += 2)
        p[n] = 0x0a;
    dcn__tfrecord_seal(record, n);
    assert_int_equal(dcn__events_check(record, n + DCN__TFRECORD_FRAME, "made", &s, &err), DCN_INPUT);
    assert_string_equal(err.text, "made@0x0: an event of 4194324 bytes would take more than 80 MiB; the file is damaged or "
                                  "not one of ours");
    for (int i = 0; i < 2; i++) {
        uint8_t event[30];

        memcpy(event, "\x1a\x0d" "brain.Event:2" "\x2a\x0b\x0a\x09\x22\x07", 21);
        memcpy(event + 21, sizes[i], 7);
        assert_int_equal(check_record(event, 28), DCN_INPUT);
    }
}

static void a_full_disk_leaves_whole_records(void **state)
{
    struct rlimit old, small;
    dcn_events_summary s;
    dcn_events *e;
    dcn_error err;
    int written = 0;

    (void)state;
    assert_int_equal(dcn_events_create(&e, folder, NULL), DCN_OK);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    memset(&err, 0, sizeof err);
    while (dcn_events_scalar(e, "loss", written + 1, 1, &err) == DCN_OK)
        written++;
    assert_int_equal(err.status, DCN_FILE);
    assert_int_equal(dcn_events_verify(dcn_events_path(e), &s, NULL), DCN_OK);
    assert_int_equal(s.scalars, written);
    assert_int_equal(s.torn_bytes, 0);
    setrlimit(RLIMIT_FSIZE, &old);
    /* room again: the run goes on in the same file */
    assert_int_equal(dcn_events_scalar(e, "loss", written + 1, 1, &err), DCN_OK);
    assert_int_equal(dcn_events_verify(dcn_events_path(e), &s, NULL), DCN_OK);
    assert_int_equal(s.scalars, written + 1);
    assert_int_equal(dcn_events_close(e, NULL), DCN_OK);
}

static void bad_arguments_write_nothing(void **state)
{
    const float values[2] = { 1, INFINITY };
    const char *inputs[1] = { "" };
    const dcn_graph_view node = { "a", "Relu", inputs, 1, { 1, 1, 1 } };
    const dcn_graph_view bad[] = { { NULL, "Relu", NULL, 0, { 1, 1, 1 } }, { "a", "", NULL, 0, { 1, 1, 1 } },
                                   { "a\xff", "Relu", NULL, 0, { 1, 1, 1 } }, { "a", "Relu", NULL, -1, { 1, 1, 1 } } };
    dcn_events_summary s;
    dcn_events *e;

    (void)state;
    assert_int_equal(dcn_events_create(&e, folder, NULL), DCN_OK);
    assert_int_equal(dcn_events_scalar(e, "", 1, 1, NULL), DCN_USAGE);
    assert_int_equal(dcn_events_scalar(e, "\xff", 1, 1, NULL), DCN_USAGE);
    assert_int_equal(dcn_events_scalar(e, NULL, 1, 1, NULL), DCN_USAGE);
    assert_int_equal(dcn_events_histogram(e, "h", 1, values, 2, NULL), DCN_NUMBERS);
    assert_int_equal(dcn_events_graph(e, &node, 1, NULL), DCN_USAGE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dcn_error err;

        assert_int_equal(dcn_events_graph(e, &bad[i], 1, &err), DCN_USAGE);
        assert_string_equal(err.text, "dcn_events_graph: a name, operator or input of node 0 is missing or not UTF-8; "
                                      "name it");
    }
    {
        dcn_error err;

        assert_int_equal(dcn_events_histogram(e, NULL, 1, values, 2, &err), DCN_NUMBERS);
        assert_string_equal(err.text, "histogram: value 1 of 2 is not finite; lower the learning rate");
    }
    assert_int_equal(dcn_events_verify(dcn_events_path(e), &s, NULL), DCN_OK);
    assert_int_equal(s.records, 1);
    assert_int_equal(dcn_events_close(e, NULL), DCN_OK);
    assert_int_equal(dcn_events_close(NULL, NULL), DCN_OK);
    assert_int_equal(dcn_events_create(&e, "/proc/nowhere", NULL), DCN_FILE);
    assert_null(e);
}

static void edges_are_tensorflows(void **state)
{
    static double edges[DCN__HISTOGRAM_EDGES];

    (void)state;
    dcn__histogram_edges(edges);
    for (int i = 1; i < DCN__HISTOGRAM_EDGES; i++)
        assert_true(edges[i - 1] < edges[i]);
    assert_true(edges[0] == -DBL_MAX && edges[DCN__HISTOGRAM_EDGES - 1] == DBL_MAX);
    assert_true(edges[775] == 0 && edges[776] == 1e-12 && edges[774] == -1e-12);
    assert_true(edges[777] == 1e-12 * 1.1 && edges[1549] > 9e19 && edges[1549] < 1e20);
    /* a value on an edge belongs to the bucket above it */
    assert_int_equal(dcn__histogram_bucket(edges, 0), 776);
    assert_int_equal(dcn__histogram_bucket(edges, 1e-12), 777);
    assert_int_equal(dcn__histogram_bucket(edges, -1e-12), 775);
    assert_int_equal(dcn__histogram_bucket(edges, 1e30), 1550);
    assert_int_equal(dcn__histogram_bucket(edges, -1e30), 1);
}

/* Values at random bits, and those around each edge and each cell of the table. */
static void buckets_are_found_as_by_halving(void **state)
{
    static double edges[DCN__HISTOGRAM_EDGES];
    static uint16_t starts[DCN__HISTOGRAM_CELLS];

    (void)state;
    dcn__histogram_edges(edges);
    dcn__histogram_starts(edges, starts);
    for (uint32_t i = 0; i < 200000 + 5 * DCN__HISTOGRAM_CELLS + 5 * DCN__HISTOGRAM_EDGES; i++) {
        uint32_t bits = i * 2654435761u, near = i - 200000;
        float value;

        if (i >= 200000 + 5 * DCN__HISTOGRAM_CELLS) {
            near -= 5 * DCN__HISTOGRAM_CELLS;
            value = fabs(edges[near / 5]) > FLT_MAX ? 0 : (float)edges[near / 5];
            memcpy(&bits, &value, sizeof bits);
            bits += near % 5 - 2;
        } else if (i >= 200000) {
            bits = ((near / 5) << 20) + near % 5 - 2;
        }
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_int_equal(dcn__histogram_find(edges, starts, value),
                             dcn__histogram_bucket(edges, (double)value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_found_as_by_halving),
        cmocka_unit_test(what_is_written_is_counted),
        cmocka_unit_test(the_name_is_tensorboards_and_never_taken_twice),
        cmocka_unit_test(planted_names_are_left_alone),
        cmocka_unit_test(every_prefix_is_accepted_and_its_rest_reported),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(foreign_records_are_refused),
        cmocka_unit_test(records_that_want_too_much),
        cmocka_unit_test(a_full_disk_leaves_whole_records),
        cmocka_unit_test(bad_arguments_write_nothing),
        cmocka_unit_test(edges_are_tensorflows),
    };

    snprintf(folder, sizeof folder, "%s/view_events-%ld", DCN_TEST_TMP, (long)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
