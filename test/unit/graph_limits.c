/* The limits of the text form, each at the limit, one beyond and far beyond; and what a hostile text
 * may cost. */
#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/graph.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static dcn_status parse(const char *text, size_t n, const dcn_limits *limits)
{
    dcn_graph *g;
    const dcn_status st = (memset(&err, 0, sizeof err), dcn_graph_parse(&g, text, n, "net", limits, &err));

    assert_int_equal(st == DCN_OK, g != NULL);
    dcn_graph_destroy(g);
    return st;
}

static void bytes_of_text(void **state)
{
    static const char net[] = "input 4x4x1; relu\n";
    const dcn_limits small = { .max_text_bytes = 18 };
    const size_t mebi = 1 << 20;
    char *text = malloc(2 * mebi);

    (void)state;
    memset(text, '\n', 2 * mebi);
    memcpy(text, net, sizeof net - 1);
    assert_int_equal(parse(text, mebi, NULL), DCN_OK);
    assert_int_equal(parse(text, mebi + 1, NULL), DCN_USAGE);
    assert_string_equal(err.text, "net: holds 1048577 bytes, the limit is 1048576; is it a network?");
    assert_int_equal(parse(text, 2 * mebi, NULL), DCN_USAGE);
    assert_int_equal(parse(text, 18, &small), DCN_OK);
    assert_int_equal(parse(text, 19, &small), DCN_USAGE);
    free(text);
}

static void bytes_of_a_line(void **state)
{
    static char text[20000];

    (void)state;
    for (size_t length = 4090; length < 4100; length++) {
        const size_t n = (size_t)snprintf(text, sizeof text, "input 4x4x1\nx%*s\n", (int)length - 1, "= relu");

        assert_int_equal(n, 13 + length);
        assert_int_equal(parse(text, n, NULL), length <= 4096 ? DCN_OK : DCN_USAGE);
        if (length > 4096)
            assert_string_equal(err.text, "net:2:4096: the line is longer than 4096 bytes; break it");
    }
    memset(text, 'x', sizeof text);
    assert_int_equal(parse(text, sizeof text, NULL), DCN_USAGE);
    assert_string_equal(err.text, "net:1:4096: the line is longer than 4096 bytes; break it");
    memset(text, '#', sizeof text);   /* a comment costs nothing */
    assert_int_equal(parse(text, sizeof text, NULL), DCN_USAGE);
    assert_non_null(strstr(err.text, "the network has 0 nodes"));
}

static size_t relus(char *text, size_t size, int nodes)
{
    size_t n = (size_t)snprintf(text, size, "input 4x4x1\n");

    for (int i = 1; i < nodes; i++)
        n += (size_t)snprintf(text + n, size - n, "relu\n");
    return n;
}

static void nodes_of_a_network(void **state)
{
    static char text[1000000];
    const dcn_limits most = { .max_nodes = INT64_MAX };
    dcn_graph *g;

    (void)state;
    assert_int_equal(parse(text, relus(text, sizeof text, 1000), NULL), DCN_OK);
    assert_int_equal(parse(text, relus(text, sizeof text, 1001), NULL), DCN_USAGE);
    assert_string_equal(err.text, "net:1001:1: this is node 1001, the limit is 1000; use fewer, or pass --max-nodes");
    assert_int_equal(parse(text, relus(text, sizeof text, 180000), NULL), DCN_USAGE);
    assert_int_equal(parse(text, relus(text, sizeof text, 100000), &most), DCN_OK);
    assert_int_equal(parse(text, relus(text, sizeof text, 100001), &most), DCN_USAGE);
    assert_string_equal(err.text, "net:100001:1: relu100000: is node 100000, the limit; use fewer");
    assert_int_equal(parse(text, relus(text, sizeof text, 180000), &most), DCN_USAGE);
    must(dcn_graph_create(&g, &err));
    dcn_graph_input(g, NULL, (dcn_shape){ 1, 1, 1 });
    for (int i = 1; i < 100000; i++)
        dcn_graph_relu(g, dcn_graph_output(g), NULL);
    must(dcn_graph_check(g, &err));
    assert_int_equal(dcn_graph_relu(g, 1, "late"), -1);
    must_say(dcn_graph_check(g, &err), DCN_USAGE, "late: is node 100000, the limit; use fewer");
    dcn_graph_destroy(g);
}

static void bytes_of_a_name(void **state)
{
    char text[1400], name[600];

    (void)state;
    for (int n = 126; n < 500; n = n < 132 ? n + 1 : n * 3) {
        memset(name, 'n', (size_t)n);
        name[n] = '\0';
        snprintf(text, sizeof text, "input 4x4x1; %s = relu; relu %s", name, n <= 128 ? name : "");
        assert_int_equal(parse(text, strlen(text), NULL), n <= 128 ? DCN_OK : DCN_USAGE);
        if (n > 128)
            assert_string_equal(err.text, "net:1:14: the name is longer than 128 bytes: "
                                          "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"; shorten it");
    }
}

static void words_of_a_line(void **state)
{
    char text[2000];

    (void)state;
    for (int inputs = 190; inputs < 270; inputs++) {
        size_t n = (size_t)snprintf(text, sizeof text, "x = input 1x1x1\nconcat");

        for (int i = 0; i < inputs; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, " x");
        assert_int_equal(parse(text, n, NULL), inputs <= 200 ? DCN_OK : DCN_USAGE);
        if (inputs > 255)
            assert_string_equal(err.text, "net:2:518: too many words before \"x\"; use shorter lines");
        else if (inputs > 200)
            assert_string_equal(err.text, "net:2:1: too many inputs for \"concat\"; name at most 200");
    }
}

/* What the builders accept can be copied, and so written to a file and read again. */
static void the_longest_concat_can_be_written(void **state)
{
    for (int letters = 1; letters <= 128; letters += 127) {
        char name[140];
        dcn_node many[200];
        dcn_graph *g, *copy;
        int n = 0;

        must(dcn_graph_create(&g, &err));
        dcn_graph_input(g, "x", (dcn_shape){ 1, 1, 1 });
        for (; n < 200; n++) {
            snprintf(name, sizeof name, "%*d", letters < 4 ? 4 : letters, n);   /* needs quotes */
            if (letters == 1)
                snprintf(name, sizeof name, "a%d", n);
            many[n] = dcn_graph_relu(g, 0, name);
        }
        if (letters == 128)
            n = 26;   /* 26 * 131 bytes */
        memset(name, 'c', 128);
        name[128] = '\0';
        dcn_graph_concat(g, many, n, name);
        must(dcn_graph_check(g, &err));
        must(dcn_graph_copy(&copy, g, &err));
        dcn_graph_destroy(copy);
        if (letters == 128) {
            assert_int_equal(dcn_graph_concat(g, many, n + 1, "too_long"), -1);
            must_say(dcn_graph_check(g, &err), DCN_USAGE,
                     "too_long: length of the inputs' names 3537 is outside 0..3500; correct it");
        }
        dcn_graph_destroy(g);
    }
    (void)state;
}

/* ---- hostile texts ------------------------------------------------------------------------- */

/* Parses in a child: its peak memory over ours and its time; how it ended. */
static void cost_of(const char *name, const char *text, size_t n, double seconds)
{
    struct rusage before, used;
    double ms;
    pid_t child;
    int status;

    getrusage(RUSAGE_SELF, &before);
    if ((child = fork()) == 0) {
        dcn_graph *g;
        const dcn_status st = dcn_graph_parse(&g, text, n, "net", NULL, NULL);
        size_t length = g ? dcn_graph_text(g, NULL, 0) : 0;

        _exit(st == DCN_OK ? (length ? 0 : 1) : (int)st);
    }
    assert_int_equal(wait4(child, &status, 0, &used), child);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != DCN_OK && WEXITSTATUS(status) != DCN_USAGE))
        fail_msg("%s: ended with %d", name, status);
#ifndef __SANITIZE_ADDRESS__
    if (used.ru_maxrss - before.ru_maxrss > 64 * 1024)
        fail_msg("%s: %ld KiB more than before", name, used.ru_maxrss - before.ru_maxrss);
#endif
    ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
    if (ms > 1000 * seconds)
        fail_msg("%s: %.0f ms", name, ms);
}

static void repeated(const char *name, const char *head, const char *part)
{
    const size_t mebi = 1 << 20, one = strlen(part);
    char *text = malloc(mebi);

    for (int large = 0; large < 2; large++) {
        const size_t limit = large ? mebi : 1024;
        size_t n = strlen(head);

        memcpy(text, head, n);
        for (; n + one <= limit; n += one)
            memcpy(text + n, part, one);
        cost_of(name, text, n, 1);
    }
    free(text);
}

static void hostile_texts_are_cheap(void **state)
{
    char line[4200], deep[4300];
    size_t n = (size_t)snprintf(line, sizeof line, "concat");

    (void)state;
    repeated("semicolons", "", ";");
    repeated("line ends", "", "\n");
    repeated("quotes", "", "\"");
    repeated("quoted names", "", "\"a\" ");
    repeated("equal signs", "", "= ");
    repeated("comments", "", "#\n");
    repeated("keys", "input 1x1x1;conv ", "kernel=1 ");
    repeated("relus", "input 1x1x1\n", "relu\n");
    repeated("widest", "input 1x1x1\n", "conv filters=65536 kernel=1\n");
    repeated("largest", "input 32768x65535x1\n", "relu\n");
    repeated("padded", "input 1x1x1\n", "conv filters=1 kernel=1024 dilation=1024 pad=1047552\n");
    repeated("padded from one", "x = input 1x1x1\n", "conv x filters=1 kernel=1024 dilation=1024 pad=1047552\n");
    repeated("dilated pools", "x = input 1023x1023x1\n", "max_pool x 1024 dilation=1023 pad=522753 stride=1\n");
    repeated("pools of ceil", "x = input 65536x1x1\n", "max_pool x 3x1 dilation=2x1 pad=1,0,1,0 ceil=yes\n");
    repeated("doubling", "input 1x1x1\n", "concat;add;concat\n");
    while (n < 4080 && n < 6 + 2 * 199)
        n += (size_t)snprintf(line + n, sizeof line - n, " i");
    snprintf(deep, sizeof deep, "%s\nrelu i\n", line);
    repeated("wide concats", "i=input 1x1x1\n", deep);
    n = 0;
    for (int i = 0; i < 31; i++)   /* looks for names that differ in their last byte only */
        n += (size_t)snprintf(line + n, sizeof line - n, "%s%0120d", i ? " " : "relu ", i);
    snprintf(deep, sizeof deep, "%s\n", line);
    repeated("names", "input 1x1x1\n", deep);
}

static bool sum_bytes(void *user, size_t bytes)
{
    *(size_t *)user += bytes;
    return true;
}

/* Weights are not made before someone asks for them: a line may name 16 GiB. */
static void a_short_text_allocates_little(void **state)
{
    static const char text[] = "input 1x1x32767\nconv filters=65535 kernel=1\nconv filters=32767 kernel=1\n";
    size_t bytes = 0;
    dcn_graph *g;

    (void)state;
    dcn__set_alloc_hook(sum_bytes, &bytes);
    must(dcn_graph_parse(&g, text, sizeof text - 1, NULL, NULL, &err));
    dcn__set_alloc_hook(NULL, NULL);
    assert_true(bytes < 1 << 16);
    dcn_graph_destroy(g);
}

static bool refuse_large(void *user, size_t bytes)
{
    *(size_t *)user = bytes > *(size_t *)user ? bytes : *(size_t *)user;
    return bytes < 1 << 20;
}

/* Weights of 6 TiB: refused before the first of them is asked for. */
static void impossible_weights_are_refused_first(void **state)
{
    dcn_graph *g = graph_of("input 1x1x1; dense units=60000");
    size_t largest = 0;
    dcn_node x = 1;

    (void)state;
    for (int i = 0; i < 900; i++)   /* no value is large; each weight has 2 * 10^9 elements */
        x = dcn_graph_dense(g, x, &(dcn_dense_desc){ .units = i % 2 ? 60000 : 32768 });
    must(dcn_graph_check(g, &err));
    dcn__set_alloc_hook(refuse_large, &largest);
    assert_int_equal(dcn_graph_init_weights(g, 1, &err), DCN_MEMORY);
    dcn__set_alloc_hook(NULL, NULL);
    assert_int_equal(largest, 0);
    assert_non_null(strstr(err.text, "network: its weights need 6750"));
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_text),
        cmocka_unit_test(bytes_of_a_line),
        cmocka_unit_test(nodes_of_a_network),
        cmocka_unit_test(bytes_of_a_name),
        cmocka_unit_test(words_of_a_line),
        cmocka_unit_test(the_longest_concat_can_be_written),
        cmocka_unit_test(hostile_texts_are_cheap),
        cmocka_unit_test(impossible_weights_are_refused_first),
        cmocka_unit_test(a_short_text_allocates_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
