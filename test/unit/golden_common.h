/* golden_common.h - reads a golden file and compares an engine with everything that it holds.
 *
 * The names in such a file say what to compute (test/golden/MANIFEST.md). The comparison walks over
 * the file, so no tensor in it can be forgotten: a name that nobody understands fails the test. */
#ifndef GOLDEN_COMMON_H
#define GOLDEN_COMMON_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "codec/safetensors.h"
#include "deconvnet.h"

enum { GOLDEN_GUARD = 16, GOLDEN_NAME = 256, GOLDEN_ROUTES = 64, GOLDEN_BATCH = 8 };

typedef struct golden_test {      /* one cmocka test: which case, on what */
    const char *file, *name, *engine;
    int spare;                    /* the plan's batch is that much larger than the case's */
    int threads;
    int lean;                     /* plans that keep nothing they need not: kernels may be fused */
    int exact;                    /* sums by the definition: with whole numbers nothing is rounded */
} golden_test;

typedef struct golden {
    dcn__tensors file;
    const char *name;             /* of the case */
    dcn_graph *graph;
    dcn_node input;
    dcn_shape shape;              /* of the input */
    int batch;
    float *pictures;
} golden;

#define golden_ok(call)                                                                          \
    do {                                                                                         \
        const dcn_status got_ = (call);                                                          \
        if (got_ != DCN_OK)                                                                      \
            fail_msg("%s: status %d: %s", #call, (int)got_, err.text);                           \
    } while (0)

/* ---- the file -------------------------------------------------------------------------------- */

static inline int64_t golden_count(const dcn__tensor *t)
{
    int64_t n = 1;

    for (int i = 0; i < t->rank; i++)
        n *= t->dims[i];
    return n;
}

/* A copy of a tensor's numbers, in alignment; dcn__free. */
static inline void *golden_numbers(const dcn__tensors *file, const dcn__tensor *t,
                                   const char *dtype)
{
    const size_t bytes = (size_t)(t->end - t->begin);
    void *copy = dcn__alloc(bytes);

    assert_non_null(copy);
    assert_string_equal(t->dtype, dtype);
    memcpy(copy, dcn__tensors_data(file, t), bytes);
    return copy;
}

static inline void golden_open(dcn__tensors *file, const char *name)
{
    char path[512];
    dcn_error err;

    snprintf(path, sizeof path, "%s/golden/%s", DCN_TEST_DATA, name);
    golden_ok(dcn__tensors_open(file, path, NULL, &err));
}

/* The tensor called CASE/KIND/NAME or the like; it must be there. */
static inline const dcn__tensor *golden_find(const golden *g, const char *key)
{
    char name[2 * GOLDEN_NAME];
    const dcn__tensor *t;

    snprintf(name, sizeof name, "%s/%s", g->name, key);
    t = dcn__tensors_find(&g->file, name);
    if (!t)
        fail_msg("the golden file has no %s", name);
    return t;
}

static inline const char *golden_text(const golden *g, const char *key)
{
    char name[2 * GOLDEN_NAME];
    const char *text;

    snprintf(name, sizeof name, "%s/%s", g->name, key);
    text = dcn__tensors_metadata(&g->file, name);
    if (!text)
        fail_msg("the golden file does not say %s", name);
    return text;
}

/* test/golden/fill.py once more. */
static inline float *golden_fill(const char *text, int64_t count)
{
    float *out = dcn__alloc_array((size_t)count, sizeof *out);
    char word[16];
    unsigned seed;
    int argument;

    assert_non_null(out);
    assert_int_equal(sscanf(text, "%15s %u %d", word, &seed, &argument), 3);
    for (int64_t i = 0; i < count; i++) {
        int v;

        seed = seed * 1664525u + 1013904223u;
        v = (int)(seed >> 16 & 0x7fff);
        if (strcmp(word, "real") == 0)
            out[i] = ldexpf((float)(v - 16384), argument - 14);
        else if (strcmp(word, "whole") == 0)
            out[i] = (float)(v % (2 * argument + 1) - argument);
        else if (strcmp(word, "sparse") == 0)
            out[i] = v % argument == 0 ? 1.0f : v % argument == 1 ? -1.0f : 0.0f;
        else
            fail_msg("unknown fill %s", word);
    }
    return out;
}

/* ---- a case ---------------------------------------------------------------------------------- */

static inline void golden_load(golden *g, const char *file, const char *name)
{
    const char *text;
    dcn_node_info info;
    dcn_error err;

    memset(g, 0, sizeof *g);
    g->name = name;
    golden_open(&g->file, file);
    text = golden_text(g, "network");
    golden_ok(dcn_graph_parse(&g->graph, text, strlen(text), "golden", NULL, &err));
    g->batch = (int)strtol(golden_text(g, "batch"), NULL, 10);
    dcn_graph_node_info(g->graph, g->input, &info);
    assert_string_equal(info.op, "input");
    g->shape = info.shape;
    g->pictures = golden_fill(golden_text(g, "input"),
                              (int64_t)g->batch * info.shape.h * info.shape.w * info.shape.c);
    for (int i = 0; i < dcn_graph_weight_count(g->graph); i++) {
        dcn_weight_info w;
        char key[GOLDEN_NAME];
        float *data;

        dcn_graph_weight_info(g->graph, i, &w);
        snprintf(key, sizeof key, "weight/%s", w.name);
        data = golden_fill(golden_text(g, key), w.count);
        golden_ok(dcn_graph_set_weight(g->graph, i, data, w.count, &err));
        dcn__free(data);
    }
}

static inline void golden_clear(golden *g)
{
    dcn_graph_destroy(g->graph);
    dcn__free(g->pictures);
    dcn__tensors_close(&g->file);
}

/* Elements of a node's value, all pictures. */
static inline int64_t golden_size(const golden *g, dcn_node node)
{
    dcn_node_info info;

    dcn_graph_node_info(g->graph, node, &info);
    return (int64_t)g->batch * info.shape.h * info.shape.w * info.shape.c;
}

static inline dcn_node golden_node(const golden *g, const char *name)
{
    const dcn_node node = dcn_graph_find(g->graph, name);

    if (node < 0)
        fail_msg("%s has no node %s", g->name, name);
    return node;
}

/* ---- outputs: NaN before, guards around ------------------------------------------------------ */

static inline float *golden_output(int64_t count)
{
    float *all = dcn__alloc_array((size_t)count + 2 * GOLDEN_GUARD, sizeof *all);

    assert_non_null(all);
    for (int64_t i = 0; i < count + 2 * GOLDEN_GUARD; i++)
        all[i] = i < GOLDEN_GUARD || i >= count + GOLDEN_GUARD ? 12345.0f : NAN;
    return all + GOLDEN_GUARD;
}

static inline void golden_release(float *out, int64_t count)
{
    for (int i = 0; i < GOLDEN_GUARD; i++)
        if (out[-1 - i] != 12345.0f || out[count + i] != 12345.0f)
            fail_msg("the engine wrote beside its output of %lld numbers", (long long)count);
    dcn__free(out - GOLDEN_GUARD);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* The worst element, or -1. tolerance: one for all (n_tolerance 1), one each, or NULL: equal. A
 * difference in kind, NaN or infinity against a number, is the worst of all. */
static inline int64_t golden_difference(const float *got, const float *want, int64_t count,
                                        int64_t every, const float *tolerance, int64_t n_tolerance)
{
    double worst = 0;
    int64_t at = -1;

    for (int64_t i = 0; i < count; i++) {
        const float a = got[i * every], b = want[i];

        if (isnan(a) != isnan(b) || isinf(a) != isinf(b) || (isinf(a) && a != b))
            return i;
    }
    for (int64_t i = 0; i < count; i++) {
        const double error = fabs((double)got[i * every] - (double)want[i]);
        const double allowed = tolerance ? (double)tolerance[n_tolerance == 1 ? 0 : i] : 0.0;

        if (error > allowed && error - allowed > worst) {
            worst = error - allowed;
            at = i;
        }
    }
    return at;
}

static inline void golden_compare(const char *what, const float *got, const float *want,
                                  int64_t count, int64_t every, const float *tolerance,
                                  int64_t n_tolerance)
{
    const int64_t at = golden_difference(got, want, count, every, tolerance, n_tolerance);

    if (at >= 0)
        fail_msg("%s: element %lld is %.9g, wanted %.9g +- %g", what, (long long)(at * every),
                 (double)got[at * every], (double)want[at],
                 tolerance ? (double)tolerance[n_tolerance == 1 ? 0 : at] : 0.0);
}

/* The tensor CASE/KEY, KEY[::N] or KEY.checksum of the file against numbers of ours. `name` is the
 * whole name as it stands in the file. */
static inline void golden_check(const golden *g, const char *name, const float *got, int64_t count)
{
    const dcn__tensor *t = dcn__tensors_find(&g->file, name), *tolerance;
    const char *bracket = strstr(name, "[::");
    const int64_t every = bracket ? strtol(bracket + 3, NULL, 10) : 1;
    char tolerance_name[GOLDEN_NAME + 16];
    float *want, *allowed = NULL;

    assert_non_null(t);
    assert_int_equal(golden_count(t), (count + every - 1) / every);
    want = golden_numbers(&g->file, t, "F32");
    snprintf(tolerance_name, sizeof tolerance_name, "%s.tolerance", name);
    tolerance = dcn__tensors_find(&g->file, tolerance_name);
    if (tolerance)
        allowed = golden_numbers(&g->file, tolerance, "F32");
    golden_compare(name, got, want, golden_count(t), every, allowed,
                   tolerance ? golden_count(tolerance) : 0);
    dcn__free(allowed);
    dcn__free(want);
}

static inline void golden_check_sum(const char *name, int64_t want, int64_t got)
{
    if (want != got)
        fail_msg("%s: is %lld, wanted %lld", name, (long long)got, (long long)want);
}

static inline void golden_check_value(const golden *g, const char *name, const float *got,
                                      int64_t count)
{
    int64_t *sum, mine = 0;

    if (!strstr(name, ".checksum")) {
        golden_check(g, name, got, count);
        return;
    }
    sum = golden_numbers(&g->file, dcn__tensors_find(&g->file, name), "I64");
    for (int64_t i = 0; i < count; i++) {
        if (!(fabsf(got[i]) < 16777216.0f) || got[i] != truncf(got[i]))
            fail_msg("%s: element %lld is %g, wanted a whole number", name, (long long)i,
                     (double)got[i]);
        mine += (int64_t)got[i] * (i % 65521 + 1);
    }
    golden_check_sum(name, sum[0], mine);
    dcn__free(sum);
}

static inline void golden_check_switches(const golden *g, const char *name, const int64_t *got,
                                         int64_t count)
{
    const dcn__tensor *t = dcn__tensors_find(&g->file, name);
    const char *bracket = strstr(name, "[::");
    const int64_t every = bracket ? strtol(bracket + 3, NULL, 10) : 1;
    int64_t *want = golden_numbers(&g->file, t, "I64");

    if (strstr(name, ".checksum")) {
        int64_t mine = 0;

        for (int64_t i = 0; i < count; i++)
            mine += got[i] * (i % 65521 + 1);
        golden_check_sum(name, want[0], mine);
    } else {
        assert_int_equal(golden_count(t), (count + every - 1) / every);
        for (int64_t i = 0; i < golden_count(t); i++)
            if (got[i * every] != want[i])
                fail_msg("%s: switch %lld is %lld, wanted %lld", name, (long long)(i * every),
                         (long long)got[i * every], (long long)want[i]);
    }
    dcn__free(want);
}

/* ---- names ----------------------------------------------------------------------------------- */

typedef struct golden_key {
    char kind[GOLDEN_NAME];       /* "value", "mask", "signal", "gradient", ... */
    char subject[GOLDEN_NAME];    /* node, pool or weight; of a signal: the node after @ */
    char layer[GOLDEN_NAME];
    dcn_route route;              /* without its layer */
    dcn_start start;              /* without its picture */
    bool magnitudes;              /* the file has |signal| */
} golden_key;

/* Cuts the words behind a '+' off `part`. Returns whether `word` is one of them. */
static inline bool golden_plus(const char *part, const char *word)
{
    const char *p = strchr(part, '+');
    const size_t n = strlen(word);

    for (; p; p = strchr(p + 1, '+'))
        if (strncmp(p + 1, word, n) == 0 && (p[1 + n] == '+' || p[1 + n] == '\0'))
            return true;
    return false;
}

/* RULE[+no_switches][+extend][+relu|+relu_lrn][+abs] */
static inline void golden_parse_rule(golden_key *key, char *part)
{
    int rule;

    key->route.no_switches = golden_plus(part, "no_switches");
    key->route.extend = golden_plus(part, "extend");
    key->route.only = golden_plus(part, "relu")       ? DCN_ONLY_RELU
                      : golden_plus(part, "relu_lrn") ? DCN_ONLY_RELU_LRN : DCN_ONLY_ALL;
    key->magnitudes = golden_plus(part, "abs");
    part[strcspn(part, "+")] = '\0';
    rule = dcn_rule_find(part);
    if (rule < 0)
        fail_msg("unknown rule %s", part);
    key->route.rule = (dcn_rule)rule;
}

/* FROM[+ones], and what stands behind the slash: CHANNEL or CHANNEL,Y,X */
static inline void golden_parse_start(golden_key *key, char *part, char *where)
{
    int from;

    key->start.ones = golden_plus(part, "ones");
    part[strcspn(part, "+")] = '\0';
    from = dcn_from_find(part);
    if (from < 0)
        fail_msg("unknown start %s", part);
    key->start.from = (dcn_from)from;
    if (where) {
        key->start.channel = (int)strtol(where, &where, 10);
        key->start.y = *where == ',' ? (int)strtol(where + 1, &where, 10) : 0;
        key->start.x = *where == ',' ? (int)strtol(where + 1, &where, 10) : 0;
    }
}

/* CASE/KIND/SUBJECT or CASE/signal/LAYER/RULE/FROM[/WHERE]@SUBJECT. False: of another case, or a
 * tolerance, which is read with its tensor. */
static inline bool golden_parse(const golden *g, const char *name, golden_key *key)
{
    const size_t length = strlen(g->name);
    char copy[GOLDEN_NAME], *p, *slash, *parts[4] = { NULL };

    memset(key, 0, sizeof *key);
    if (strncmp(name, g->name, length) != 0 || name[length] != '/' || strstr(name, ".tolerance"))
        return false;
    snprintf(copy, sizeof copy, "%s", name + length + 1);
    if ((p = strstr(copy, "[::")) || (p = strstr(copy, ".checksum")))
        *p = '\0';
    slash = strchr(copy, '/');
    if (slash)
        *slash++ = '\0';
    snprintf(key->kind, sizeof key->kind, "%s", copy);
    if (strcmp(key->kind, "signal") != 0) {
        snprintf(key->subject, sizeof key->subject, "%s", slash ? slash : "");
        return true;
    }
    assert_non_null(slash);
    p = strchr(slash, '@');
    assert_non_null(p);
    *p = '\0';
    snprintf(key->subject, sizeof key->subject, "%s", p + 1);
    parts[0] = slash;
    for (int i = 1; i < 4 && parts[i - 1]; i++)
        if ((parts[i] = strchr(parts[i - 1], '/')))
            *parts[i]++ = '\0';
    snprintf(key->layer, sizeof key->layer, "%s", parts[0]);
    assert_non_null(parts[2]);
    golden_parse_rule(key, parts[1]);
    golden_parse_start(key, parts[2], parts[3]);
    return true;
}

/* ---- forward, switches and all ways down ----------------------------------------------------- */

static inline int golden_route(const dcn_route *routes, int n, dcn_node layer,
                               const dcn_route *like)
{
    for (int i = 0; i < n; i++)
        if (routes[i].layer == layer && routes[i].rule == like->rule &&
            routes[i].no_switches == like->no_switches && routes[i].extend == like->extend &&
            routes[i].only == like->only)
            return i;
    return -1;
}

static inline int golden_collect_routes(const golden *g, dcn_route *routes)
{
    golden_key key;
    int n = 0;

    for (int i = 0; i < g->file.count; i++) {
        dcn_node layer;

        if (!golden_parse(g, g->file.at[i].name, &key) || strcmp(key.kind, "signal") != 0)
            continue;
        layer = golden_node(g, key.layer);
        if (golden_route(routes, n, layer, &key.route) >= 0)
            continue;
        assert_true(n < GOLDEN_ROUTES);
        routes[n] = key.route;
        routes[n++].layer = layer;
    }
    return n;
}

static inline bool golden_check_node(const golden *g, dcn_plan *plan, const char *name,
                                     dcn_node node, bool must)
{
    const int64_t count = golden_size(g, node);
    float *value = golden_output(count);
    dcn_error err;
    dcn_status st = dcn_plan_value(plan, node, value, &err);

    if (st != DCN_OK && (must || st != DCN_USAGE))
        fail_msg("%s: status %d: %s", name, (int)st, err.text);
    if (st == DCN_OK)
        golden_check_value(g, name, value, count);
    golden_release(value, count);
    return st == DCN_OK;
}

static inline bool golden_check_mask(const golden *g, dcn_plan *plan, const char *name,
                                     dcn_node pool, bool must)
{
    const int64_t count = golden_size(g, pool);
    int64_t *got = dcn__alloc_array((size_t)count, sizeof *got);
    dcn_error err;
    dcn_status st;

    assert_non_null(got);
    memset(got, 0xff, (size_t)count * sizeof *got);
    st = dcn_plan_switches(plan, pool, got, &err);
    if (st != DCN_OK && (must || st != DCN_USAGE))
        fail_msg("%s: status %d: %s", name, (int)st, err.text);
    if (st == DCN_OK)
        golden_check_switches(g, name, got, count);
    dcn__free(got);
    return st == DCN_OK;
}

/* The walk down of all pictures from the key's start, taken in the way that knows such starts. */
static inline void golden_project(const golden *g, dcn_plan *plan, const golden_key *key,
                                  int route, float *picture)
{
    dcn_start starts[GOLDEN_BATCH];
    dcn_error err;

    if (!key->start.ones && key->start.from != DCN_FROM_UNIT) {
        golden_ok(dcn_plan_project(plan, route, key->start.from, key->start.channel, picture,
                                   &err));
        return;
    }
    assert_true(g->batch <= GOLDEN_BATCH);
    for (int i = 0; i < g->batch; i++) {
        starts[i] = key->start;
        starts[i].picture = i;
    }
    golden_ok(dcn_plan_project_starts(plan, route, starts, g->batch, picture, &err));
}

static inline void golden_check_signal(const golden *g, dcn_plan *plan, const char *name,
                                       const golden_key *key, int route, bool lean)
{
    const dcn_node node = golden_node(g, key->subject);
    const int64_t count = golden_size(g, node), picture_size = golden_size(g, g->input);
    float *signal = golden_output(count), *picture = golden_output(picture_size);
    dcn_error err;

    golden_project(g, plan, key, route, picture);
    for (int64_t i = 0; key->magnitudes && i < picture_size; i++)
        picture[i] = fabsf(picture[i]);
    if (node == g->input)
        golden_check_value(g, name, picture, picture_size);
    /* Signals are kept by dcn_plan_project. */
    if (!lean && !key->start.ones && key->start.from != DCN_FROM_UNIT) {
        golden_ok(dcn_plan_signal(plan, node, signal, &err));
        golden_check_value(g, name, signal, count);
    }
    golden_release(signal, count);
    golden_release(picture, picture_size);
}

/* A lean plan has the values of the input, the output and the layers of its routes at least. */
static inline int golden_check_plan(const golden *g, const golden_test *test,
                                    const dcn_route *routes, int n_routes)
{
    const dcn_plan_desc desc = { .engine = test->engine, .batch = g->batch + test->spare,
                                 .threads = test->threads, .keep_all = !test->lean,
                                 .routes = routes, .n_routes = n_routes,
                                 .starts = g->batch, .exact = test->exact };
    const bool lean = test->lean;
    dcn_plan *plan;
    dcn_error err;
    int checked = 0;
    golden_key key;

    golden_ok(dcn_plan_create(&plan, g->graph, &desc, &err));
    dcn_plan_forward(plan, g->pictures, g->batch);
    for (int i = 0; i < g->file.count; i++) {
        const char *name = g->file.at[i].name;
        dcn_node node;

        if (!golden_parse(g, name, &key))
            continue;
        if (strcmp(key.kind, "value") == 0) {
            node = golden_node(g, key.subject);
            checked += golden_check_node(g, plan, name, node, !lean || node == g->input ||
                                         node == dcn_graph_output(g->graph) ||
                                         node == routes[0].layer);
        } else if (strcmp(key.kind, "mask") == 0) {
            checked += golden_check_mask(g, plan, name, golden_node(g, key.subject), !lean);
        } else if (strcmp(key.kind, "signal") == 0) {
            const int route = golden_route(routes, n_routes, golden_node(g, key.layer),
                                           &key.route);

            node = golden_node(g, key.subject);
            if (route < 0 || (lean && node != g->input))
                continue;
            golden_check_signal(g, plan, name, &key, route, lean);
            checked++;
        }
    }
    dcn_plan_destroy(plan);
    return checked;
}

/* One plan for everything, or a lean one for each route. Returns how many comparisons were made. */
static inline int golden_check_inference(const golden *g, const golden_test *test)
{
    dcn_route routes[GOLDEN_ROUTES];
    const int n = golden_collect_routes(g, routes);
    char input[2 * GOLDEN_NAME];
    dcn_node_info info;
    int checked = 0;

    if (!test->lean)
        return golden_check_plan(g, test, routes, n);
    for (int i = 0; i < n; i++)
        checked += golden_check_plan(g, test, &routes[i], 1);
    /* The picture each time; and where the file has values, input, output or layer too. */
    dcn_graph_node_info(g->graph, g->input, &info);
    snprintf(input, sizeof input, "%s/value/%s", g->name, info.name);
    assert_true(checked >= (dcn__tensors_find(&g->file, input) ? 3 : 1) * n);
    return checked;
}

/* A build without oneDNN has no engine "cpu": such a test is skipped, and cmocka says so. */
static inline void golden_need_engine(const char *engine)
{
#ifndef DCN_HAVE_DNNL
    if (strcmp(engine, "cpu") == 0)
        skip();
#else
    (void)engine;
#endif
}

/* Every signal of the case that this engine has agrees, and there are at least so many. */
static inline void golden_agrees(const golden_test *test, int least)
{
    golden g;
    int expected = 0, checked;
    golden_key key;

    golden_need_engine(test->engine);
    golden_load(&g, test->file, test->name);
    for (int i = 0; i < g.file.count; i++)
        expected += golden_parse(&g, g.file.at[i].name, &key);
    assert_true(expected >= least);
    checked = golden_check_inference(&g, test);
    if (!test->lean)
        assert_int_equal(checked, expected);
    golden_clear(&g);
}

#endif
