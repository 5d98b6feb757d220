/* support.h - what the tests of base, graph, engine, project and train share: deterministic fills,
 * outputs that begin as NaN between guards, and comparisons that look at NaN and infinity first.
 *
 * test/unit/tensor_support.c shows that each comparison catches what it is for. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <cmocka.h>

#include "base/random.h"
#include "deconvnet.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- locales ----------------------------------------------------------------------------- */

/* A locale whose decimal point is a comma: that of the machine, or one made here. */
__attribute__((unused)) static bool comma_locale(void)
{
    char folder[600], command[1200];

    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        return true;
    snprintf(folder, sizeof folder, "%s/locale.%s", DCN_TEST_TMP, program_invocation_short_name);
    mkdir(folder, 0777);
    snprintf(command, sizeof command, "localedef -f UTF-8 -i de_DE '%s/de_DE.UTF-8' >/dev/null 2>&1",
             folder);
    if (system(command) == -1)
        return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

/* ---- time -------------------------------------------------------------------------------- */

/* Milliseconds of processor time: a bound holds on a machine that is busy with other things too. */
__attribute__((unused)) static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- statuses ---------------------------------------------------------------------------- */

/* Where every call of a test writes its error. */
static dcn_error err __attribute__((unused));

#define must(call)                                                                               \
    do {                                                                                         \
        const dcn_status got_ = (memset(&err, 0, sizeof err), (call));                           \
        if (got_ != DCN_OK)                                                                      \
            fail_msg("%s: status %d: %s", #call, (int)got_, err.text);                           \
    } while (0)

/* The call ends with this status and exactly this sentence. Write `&err` in the call. */
#define must_say(call, expected, sentence)                                                       \
    do {                                                                                         \
        const dcn_status got_ = (memset(&err, 0, sizeof err), (call));                           \
        if (got_ != (expected) || err.status != got_ || strcmp(err.text, (sentence)) != 0)       \
            fail_msg("wanted %d \"%s\"\n   got %d \"%s\"", (int)(expected), (sentence),          \
                     (int)got_, err.text);                                                       \
    } while (0)

/* ---- numbers ----------------------------------------------------------------------------- */

/* Whole numbers in -limit..limit that depend on (seed, i) alone: sums of them are exact. */
static inline void fill_integers(float *x, size_t n, uint64_t seed, int limit)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((int)(dcn__hash64(seed * 0x10001 + i + 1) % (uint64_t)(2 * limit + 1)) - limit);
}

/* [-1, 1) */
static inline void fill_reals(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)(dcn__hash64(seed * 0x10001 + i + 1) >> 40) * 0x1p-23 - 1.0);
}

enum { GUARD = 16 };
#define GUARD_VALUE 12345.678f

static inline float *new_floats(size_t n)
{
    float *x = n < (size_t)1 << 28 ? malloc((n ? n : 1) * sizeof *x) : NULL;

    assert_non_null(x);
    return x;
}

/* n floats, all NaN, between guards. */
static inline float *new_output(size_t n)
{
    float *all = new_floats(n + 2 * GUARD);

    for (size_t i = 0; i < n + 2 * GUARD; i++)
        all[i] = i < GUARD || i >= n + GUARD ? GUARD_VALUE : NAN;
    return all + GUARD;
}

static inline int guards_whole(const float *x, size_t n)
{
    for (int i = 0; i < GUARD; i++)
        if (x[i - GUARD] != GUARD_VALUE || x[(ptrdiff_t)n + i] != GUARD_VALUE)
            return 0;
    return 1;
}

static inline void free_output(float *x, size_t n)
{
    if (!guards_whole(x, n))
        fail_msg("something was written outside an output of %zu floats", n);
    free(x - GUARD);
}

/* What is wrong with got, in words; NULL if nothing. NaN and infinity must stand in the same places
 * (checked over the whole array first); then |got - want| <= absolute + relative * |want|. */
static inline const char *difference(const float *got, const float *want, size_t n, double absolute,
                                     double relative)
{
    static char text[160];

    for (size_t i = 0; i < n; i++)
        if (isnan(got[i]) != isnan(want[i]) || isinf(got[i]) != isinf(want[i]) ||
            (isinf(got[i]) && got[i] != want[i])) {
            snprintf(text, sizeof text, "at %zu of %zu: %g instead of %g", i, n, (double)got[i],
                     (double)want[i]);
            return text;
        }
    for (size_t i = 0; i < n; i++) {
        const double off = fabs((double)got[i] - (double)want[i]);

        if (isfinite(want[i]) && !(off <= absolute + relative * fabs((double)want[i]))) {
            snprintf(text, sizeof text, "at %zu of %zu: %.9g instead of %.9g, off by %g", i, n,
                     (double)got[i], (double)want[i], off);
            return text;
        }
    }
    return NULL;
}

static inline void same_bits_at(const float *got, const float *want, size_t n, const char *what,
                                const char *file, int line)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0) {
            print_error("%s:%d: %s differs at %zu of %zu: %.9g and %.9g\n", file, line, what, i, n,
                        (double)got[i], (double)want[i]);
            _fail(file, line);
        }
}
#define assert_same_bits(got, want, n, what) same_bits_at(got, want, n, what, __FILE__, __LINE__)

static inline void close_at(const float *got, const float *want, size_t n, double absolute,
                            double relative, const char *what, const char *file, int line)
{
    const char *wrong = difference(got, want, n, absolute, relative);

    if (wrong) {
        print_error("%s:%d: %s %s\n", file, line, what, wrong);
        _fail(file, line);
    }
}
#define assert_close(got, want, n, absolute, relative, what) \
    close_at(got, want, n, absolute, relative, what, __FILE__, __LINE__)

/* ---- networks ---------------------------------------------------------------------------- */

static inline dcn_graph *graph_of(const char *text)
{
    dcn_graph *g = NULL;

    if (dcn_graph_parse(&g, text, strlen(text), "test", NULL, &err))
        fail_msg("%s\n%s", err.text, text);
    return g;
}

static inline dcn_shape shape_of(const dcn_graph *g, dcn_node node)
{
    dcn_node_info info;

    dcn_graph_node_info(g, node, &info);
    return info.shape;
}

static inline size_t size_of(const dcn_graph *g, dcn_node node)
{
    const dcn_shape s = shape_of(g, node);

    return (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

static inline dcn_node node_of(const dcn_graph *g, const char *name)
{
    const dcn_node node = dcn_graph_find(g, name);

    if (node < 0)
        fail_msg("the test names a node %s that is not there", name);
    return node;
}

/* limit > 0: whole numbers; 0: reals in [-scale, scale). */
static inline void set_weights(dcn_graph *g, uint64_t seed, int limit, float scale)
{
    for (int i = 0; i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info w;
        float *data;

        dcn_graph_weight_info(g, i, &w);
        data = malloc((size_t)w.count * sizeof *data);
        assert_non_null(data);
        if (limit) {
            fill_integers(data, (size_t)w.count, seed + (uint64_t)i, limit);
        } else {
            fill_reals(data, (size_t)w.count, seed + (uint64_t)i);
            for (int64_t k = 0; k < w.count; k++)
                data[k] *= scale;
        }
        must(dcn_graph_set_weight(g, i, data, w.count, &err));
        free(data);
    }
}

static inline dcn_plan *plan_of(const dcn_graph *g, dcn_plan_desc desc)
{
    dcn_plan *p = NULL;

    must(dcn_plan_create(&p, g, &desc, &err));
    return p;
}

/* Engines of this build; the second loop of many tests. */
static inline int has_engine(const char *name)
{
    const dcn_plan_desc desc = { .engine = name };
    dcn_graph *g = graph_of("input 1x1x1; relu");
    dcn_plan *p = NULL;
    const int has = dcn_plan_create(&p, g, &desc, NULL) == DCN_OK;

    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
    return has;
}

#endif
