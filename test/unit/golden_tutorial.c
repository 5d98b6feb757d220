/* The tutorial's arithmetic against TensorFlow: every tensor on the way up and down, switches,
 * loss, gradients, 20 steps of Adam, the bytes of the strip, and the standardised pictures.
 *
 * Tolerances are those of test/golden/bound.py, twice the rounding bound of each tensor, and 0 for
 * the case of whole numbers. */
#include "golden_common.h"

#define RATE 1e-4f
/* Adam divides the gradient by its own size, so where a gradient is little but rounding, a weight
 * may go anywhere within the rate; no bound holds for each weight alone. Over all of them the
 * distance from TensorFlow's stays a small part of the way that they went. */
#define ADAM_SHARE 1e-3
/* The same where gradients are made by Winograd's method: their rounding is up to 40 times that
 * of direct sums (6 times for each dimension), and so is the distance: 1e-5 of the way becomes
 * 3e-4 to 1.1e-3. */
#define ADAM_SHARE_FAST 1e-2

static void forward_and_down(void **state)
{
    const golden_test *test = *state;
    golden g;

    golden_need_engine(test->engine);
    golden_load(&g, test->file, test->name);
    /* Of a whole plan 9 values, 2 masks and 6 signals at the least. */
    assert_true(golden_check_inference(&g, test) >= (test->lean ? 6 : 17));
    golden_clear(&g);
}

/* ---- training -------------------------------------------------------------------------------- */

static int find_weight(const golden *g, const char *name, dcn_weight_info *info)
{
    for (int i = 0; i < dcn_graph_weight_count(g->graph); i++) {
        dcn_graph_weight_info(g->graph, i, info);
        if (strcmp(info->name, name) == 0)
            return i;
    }
    fail_msg("the graph has no weight %s", name);
    return -1;
}

/* Sums of squares over all weights: of the way from the first weights to TensorFlow's last, and of
 * what separates ours from those. */
typedef struct distances { double way, apart; } distances;

static void measure(const golden *g, const char *name, const float *first, const float *mine,
                    distances *d)
{
    const dcn__tensor *t = dcn__tensors_find(&g->file, name);
    const char *bracket = strstr(name, "[::");
    const int64_t every = bracket ? strtol(bracket + 3, NULL, 10) : 1;
    float *want = golden_numbers(&g->file, t, "F32");

    for (int64_t i = 0; i < golden_count(t); i++) {
        const double way = (double)want[i] - (double)first[i * every];
        const double apart = (double)want[i] - (double)mine[i * every];

        assert_true(isfinite(apart));
        d->way += way * way;
        d->apart += apart * apart;
    }
    dcn__free(want);
}

/* The way of Adam's first step for a gradient v, as make_tutorial.py has it. It rises with v. */
static double move(double v)
{
    return (double)RATE * v / (fabs(v) + 1e-8 / sqrt(1 - 0.999));
}

/* Weights after the first step where sums are not made by the definition. The file's tolerance
 * follows each gradient's own bound, which is that of direct sums; this one their largest, which
 * "gradient" has just been held to: no further than the step of a gradient that far away. */
static void check_first_step(const golden *g, const char *name, const float *got)
{
    const char *bracket = strstr(name, "[::"), *kind = strstr(name, "step1");
    const int64_t every = bracket ? strtol(bracket + 3, NULL, 10) : 1;
    const dcn__tensor *t = dcn__tensors_find(&g->file, name), *gradients, *bound;
    char other[GOLDEN_NAME + 32];
    float *want, *gradient, *e;

    snprintf(other, sizeof other, "%.*sgradient%s", (int)(kind - name), name,
             kind + strlen("step1"));
    assert_non_null(gradients = dcn__tensors_find(&g->file, other));
    snprintf(other, sizeof other, "%.*sgradient%s.tolerance", (int)(kind - name), name,
             kind + strlen("step1"));
    assert_non_null(bound = dcn__tensors_find(&g->file, other));
    assert_int_equal(golden_count(gradients), golden_count(t));
    want = golden_numbers(&g->file, t, "F32");
    gradient = golden_numbers(&g->file, gradients, "F32");
    e = golden_numbers(&g->file, bound, "F32");
    for (int64_t i = 0; i < golden_count(t); i++) {
        const double v = (double)gradient[i], far = (double)e[golden_count(bound) == 1 ? 0 : i];
        const double middle = move(v), more = move(v + far) - middle, less = middle - move(v - far);
        const double allowed =
            fmax(more, less) + 8e-5 * fabs(middle) + 0x1p-22 * fabs((double)want[i]);

        if (!(fabs((double)got[i * every] - (double)want[i]) <= allowed))
            fail_msg("%s: element %lld is %.9g, wanted %.9g +- %g", name, (long long)(i * every),
                     (double)got[i * every], (double)want[i], allowed);
    }
    dcn__free(want);
    dcn__free(gradient);
    dcn__free(e);
}

/* Everything in the file of this kind ("gradient", "step1", "step20"); `direct`: by the
 * definition. */
static int check_weights(const golden *g, dcn_plan *plan, const char *kind, bool direct)
{
    const bool gradient = strcmp(kind, "gradient") == 0;
    distances d = { 0, 0 };
    dcn_graph *now = NULL;
    dcn_error err;
    golden_key key;
    int checked = 0;

    if (!gradient) {
        golden_ok(dcn_graph_copy(&now, g->graph, &err));
        golden_ok(dcn_plan_store_weights(plan, now, &err));
    }
    for (int i = 0; i < g->file.count; i++) {
        const char *name = g->file.at[i].name;
        dcn_weight_info first, w;
        int number;

        if (!golden_parse(g, name, &key) || strcmp(key.kind, kind) != 0)
            continue;
        number = find_weight(g, key.subject, &first);
        checked++;
        if (gradient) {
            float *out = golden_output(first.count);

            golden_ok(dcn_plan_weight_gradient(plan, number, out, &err));
            golden_check(g, name, out, first.count);
            golden_release(out, first.count);
            continue;
        }
        dcn_graph_weight_info(now, number, &w);
        if (strcmp(kind, "step1") == 0 && !direct)
            check_first_step(g, name, w.data);
        else if (strcmp(kind, "step1") == 0)
            golden_check(g, name, w.data, w.count);
        else
            measure(g, name, first.data, w.data, &d);
    }
    if (strcmp(kind, "step20") == 0 &&
        !(sqrt(d.apart) <= (direct ? ADAM_SHARE : ADAM_SHARE_FAST) * sqrt(d.way)))
        fail_msg("after 20 steps the weights are %g apart, the way was %g", sqrt(d.apart),
                 sqrt(d.way));
    dcn_graph_destroy(now);
    return checked;
}

static int32_t *read_labels(const golden *g)
{
    int64_t *wide = golden_numbers(&g->file, golden_find(g, "labels"), "I64");
    int32_t *labels = dcn__alloc_array((size_t)g->batch, sizeof *labels);

    assert_non_null(labels);
    for (int i = 0; i < g->batch; i++)
        labels[i] = (int32_t)wide[i];
    dcn__free(wide);
    return labels;
}

static void check_loss(const golden *g, int step, double got)
{
    const dcn__tensor *all = golden_find(g, "losses"), *bound = golden_find(g, "loss.tolerance");
    float *losses = golden_numbers(&g->file, all, "F32");
    float *tolerance = golden_numbers(&g->file, bound, "F32");
    /* Later losses may also be off by what the weights may be. */
    const double allowed = (double)tolerance[0] +
                           ADAM_SHARE * fabs((double)losses[step] - (double)losses[0]);

    assert_int_equal(golden_count(all), 20);
    if (!(fabs(got - (double)losses[step]) <= allowed))
        fail_msg("loss of step %d is %.9g, wanted %.9g +- %g", step, got, (double)losses[step],
                 allowed);
    dcn__free(losses);
    dcn__free(tolerance);
}

static void begin_training(golden *g, dcn_plan **plan, int32_t **labels, const golden_test *test)
{
    dcn_plan_desc desc = { .engine = test->engine, .threads = test->threads, .training = 1,
                           .exact = test->exact };
    dcn_error err;

    golden_need_engine(test->engine);
    golden_load(g, test->file, test->name);
    *labels = read_labels(g);
    desc.batch = g->batch + test->spare;
    golden_ok(dcn_plan_create(plan, g->graph, &desc, &err));
}

static void training(void **state)
{
    const golden_test *test = *state;
    const bool direct = test->exact || strcmp(test->engine, "cpu") != 0;
    dcn_plan *plan;
    dcn_error err;
    int32_t *labels;
    golden g;

    begin_training(&g, &plan, &labels, test);
    for (int step = 0; step < 20; step++) {
        dcn_loss loss = { NAN, -1, -1 };

        golden_ok(dcn_plan_gradient(plan, g.pictures, labels, g.batch, &loss, &err));
        assert_int_equal(loss.n, g.batch);
        check_loss(&g, step, loss.loss);
        if (step == 0)
            assert_int_equal(check_weights(&g, plan, "gradient", direct), 6);
        golden_ok(dcn_plan_adam(plan, RATE, &err));
        if (step == 0)
            assert_int_equal(check_weights(&g, plan, "step1", direct), 6);
    }
    assert_int_equal(check_weights(&g, plan, "step20", direct), 6);
    dcn_plan_destroy(plan);
    dcn__free(labels);
    golden_clear(&g);
}

/* Adam alone, in double and from the engine's own gradients. Each step may be off by 1e-4 of the
 * rate: 4e-5 where 1 - beta2 is taken from a float32, the rest for the rounding of m (a sum of
 * gradients, divided by the root of v that is at least 0.03 of the largest), and by two roundings
 * of the weight. */
typedef struct adam { double *w, *m, *v; } adam;     /* of one weight tensor */

static void adam_begin(adam *a, const dcn_weight_info *first)
{
    a->w = dcn__alloc_array((size_t)first->count, sizeof(double));
    a->m = dcn__alloc_array((size_t)first->count, sizeof(double));
    a->v = dcn__alloc_array((size_t)first->count, sizeof(double));
    assert_true(a->w && a->m && a->v);
    for (int64_t k = 0; k < first->count; k++)
        a->w[k] = (double)first->data[k];
}

static void adam_step(adam *a, int t, const float *gradient, int64_t count)
{
    const double rate = (double)RATE * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));

    for (int64_t k = 0; k < count; k++) {
        const double g = (double)gradient[k];

        a->m[k] = 0.9 * a->m[k] + 0.1 * g;
        a->v[k] = 0.999 * a->v[k] + 0.001 * g * g;
        a->w[k] -= rate * a->m[k] / (sqrt(a->v[k]) + 1e-8);
    }
}

static void adam_compare(const adam *a, int t, const dcn_weight_info *now)
{
    for (int64_t k = 0; k < now->count; k++) {
        const double allowed = t * (1e-4 * (double)RATE + fabs(a->w[k]) * 0x1p-23);

        if (!(fabs((double)now->data[k] - a->w[k]) <= allowed))
            fail_msg("step %d: %s[%lld] is %.9g, wanted %.9g +- %g", t, now->name, (long long)k,
                     (double)now->data[k], a->w[k], allowed);
    }
}

static void adam_by_its_formula(void **state)
{
    const golden_test *test = *state;
    dcn_weight_info info;
    adam mirror[6];
    dcn_graph *now;
    dcn_plan *plan;
    dcn_error err;
    int32_t *labels;
    golden g;

    begin_training(&g, &plan, &labels, test);
    golden_ok(dcn_graph_copy(&now, g.graph, &err));
    assert_int_equal(dcn_graph_weight_count(g.graph), 6);
    for (int i = 0; i < 6; i++) {
        dcn_graph_weight_info(g.graph, i, &info);
        adam_begin(&mirror[i], &info);
    }
    for (int t = 1; t <= 6; t++) {
        dcn_loss loss;

        golden_ok(dcn_plan_gradient(plan, g.pictures, labels, g.batch, &loss, &err));
        for (int i = 0; i < 6; i++) {
            float *gradient;

            dcn_graph_weight_info(now, i, &info);
            gradient = golden_output(info.count);
            golden_ok(dcn_plan_weight_gradient(plan, i, gradient, &err));
            adam_step(&mirror[i], t, gradient, info.count);
            golden_release(gradient, info.count);
        }
        golden_ok(dcn_plan_adam(plan, RATE, &err));
        golden_ok(dcn_plan_store_weights(plan, now, &err));
        for (int i = 0; i < 6; i++) {
            dcn_graph_weight_info(now, i, &info);
            adam_compare(&mirror[i], t, &info);
        }
    }
    for (int i = 0; i < 6; i++) {
        dcn__free(mirror[i].w);
        dcn__free(mirror[i].m);
        dcn__free(mirror[i].v);
    }
    dcn_graph_destroy(now);
    dcn_plan_destroy(plan);
    dcn__free(labels);
    golden_clear(&g);
}

/* The tests above understand every name in their files. */
static void nothing_is_left_out(void **state)
{
    static const char *const known[] = { "value", "mask", "signal", "labels", "loss", "losses",
                                         "gradient", "step1", "step20", "tf1" };
    const golden_test *test = *state;
    golden g;
    golden_key key;

    golden_load(&g, test->file, test->name);
    for (int i = 0; i < g.file.count; i++) {
        bool found = strstr(g.file.at[i].name, ".tolerance") != NULL;

        if (golden_parse(&g, g.file.at[i].name, &key))
            for (size_t k = 0; k < sizeof known / sizeof *known; k++)
                found = found || strcmp(key.kind, known[k]) == 0;
        if (!found)
            fail_msg("nothing reads %s", g.file.at[i].name);
    }
    golden_clear(&g);
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* TensorFlow's own strips, x_image | layer 1 | layer 2, give TensorFlow's own bytes. */
static void strip_bytes(void **state)
{
    const golden_test *test = *state;
    static const char *const names[3] = { "", "signal/h_pool1/reconstruct/layer@x_image",
                                          "signal/h_pool2/reconstruct/layer@x_image" };
    float *parts[3], *strip;
    size_t row, rows;
    uint8_t *bytes;
    golden g;

    golden_load(&g, test->file, test->name);
    row = (size_t)g.shape.w * (size_t)g.shape.c;
    rows = (size_t)g.shape.h;
    strip = dcn__alloc_array(3 * rows * row, sizeof *strip);
    bytes = dcn__alloc(3 * rows * row);
    assert_non_null(strip);
    assert_non_null(bytes);
    parts[0] = g.pictures;
    for (int k = 1; k < 3; k++)
        parts[k] = golden_numbers(&g.file, golden_find(&g, names[k]), "F32");
    for (int i = 0; i < g.batch; i++) {
        char key[32];
        uint8_t *want;
        const dcn__tensor *t;

        snprintf(key, sizeof key, "tf1/%d", i);
        t = golden_find(&g, key);
        assert_int_equal(golden_count(t), 3 * rows * row);
        want = golden_numbers(&g.file, t, "U8");
        for (size_t y = 0; y < rows; y++)
            for (size_t k = 0; k < 3; k++)
                memcpy(strip + (3 * y + k) * row, parts[k] + ((size_t)i * rows + y) * row,
                       row * sizeof *strip);
        memset(bytes, 0x5a, 3 * rows * row);
        dcn_scale_tf1(strip, (dcn_shape){ g.shape.h, 3 * g.shape.w, g.shape.c }, bytes);
        assert_memory_equal(bytes, want, 3 * rows * row);
        dcn__free(want);
    }
    dcn__free(bytes);
    dcn__free(strip);
    dcn__free(parts[1]);
    dcn__free(parts[2]);
    golden_clear(&g);
}

static void standardized_pictures(void **state)
{
    golden g = { .name = "standardize" };
    int checked = 0;

    (void)state;
    golden_open(&g.file, "standardize.safetensors");
    for (int i = 0; i < g.file.count; i++) {
        const dcn__tensor *picture = &g.file.at[i], *value;
        char name[GOLDEN_NAME];
        const char *end = strstr(picture->name, "/picture");
        dcn_preprocess p = { .normalize = DCN_NORMALIZE_STANDARDIZE };
        dcn_image image;
        dcn_error err;
        float *out;

        if (!end)
            continue;
        snprintf(name, sizeof name, "%.*s/value", (int)(end - picture->name), picture->name);
        value = dcn__tensors_find(&g.file, name);
        assert_non_null(value);
        p.shape = (dcn_shape){ (int)value->dims[0], (int)value->dims[1], (int)value->dims[2] };
        image = (dcn_image){ (int)picture->dims[0], (int)picture->dims[1], (int)picture->dims[2],
                             golden_numbers(&g.file, picture, "U8") };
        out = golden_output(golden_count(value));
        golden_ok(dcn_preprocess_image(&p, &image, out, &err));
        golden_check(&g, name, out, golden_count(value));
        golden_release(out, golden_count(value));
        dcn__free(image.pixels);
        checked++;
    }
    assert_int_equal(checked, 9);
    dcn__tensors_close(&g.file);
}

#define EXACT(function, file, name, engine, spare, threads, lean, exact)                         \
    { #function " of " name ", " engine ", " #threads " threads, lean " #lean ", exact " #exact,  \
      function, NULL, NULL, &(golden_test){ file, name, engine, spare, threads, lean, exact } }
#define LEAN(function, file, name, engine, spare, threads, lean)                                 \
    EXACT(function, file, name, engine, spare, threads, lean, 0)
#define TEST(function, file, name, engine, spare, threads)                                       \
    LEAN(function, file, name, engine, spare, threads, 0)
#define ENGINES(function, file, name)                                                            \
    TEST(function, file, name, "ref", 0, 1), TEST(function, file, name, "ref64", 1, 2),          \
    TEST(function, file, name, "cpu", 0, 1), TEST(function, file, name, "cpu", 13, 2)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINES(forward_and_down, "tutorial_integer.safetensors", "integer"),
        ENGINES(forward_and_down, "tutorial_small.safetensors", "small"),
        ENGINES(forward_and_down, "tutorial_true.safetensors", "true"),
        LEAN(forward_and_down, "tutorial_integer.safetensors", "integer", "ref", 1, 2, 1),
        /* Winners of sums that are equal by chance: test/unit/engine_winograd.c has the rest. */
        EXACT(forward_and_down, "tutorial_integer.safetensors", "integer", "cpu", 0, 1, 1, 1),
        LEAN(forward_and_down, "tutorial_small.safetensors", "small", "cpu", 2, 1, 1),
        LEAN(forward_and_down, "tutorial_true.safetensors", "true", "cpu", 13, 2, 1),
        ENGINES(training, "tutorial_small.safetensors", "small"),
        ENGINES(training, "tutorial_true.safetensors", "true"),
        EXACT(training, "tutorial_small.safetensors", "small", "cpu", 0, 2, 0, 1),
        EXACT(training, "tutorial_true.safetensors", "true", "cpu", 0, 2, 0, 1),
        ENGINES(adam_by_its_formula, "tutorial_small.safetensors", "small"),
        TEST(nothing_is_left_out, "tutorial_integer.safetensors", "integer", "ref", 0, 1),
        TEST(nothing_is_left_out, "tutorial_small.safetensors", "small", "ref", 0, 1),
        TEST(nothing_is_left_out, "tutorial_true.safetensors", "true", "ref", 0, 1),
        TEST(strip_bytes, "tutorial_small.safetensors", "small", "ref", 0, 1),
        TEST(strip_bytes, "tutorial_true.safetensors", "true", "ref", 0, 1),
        cmocka_unit_test(standardized_pictures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
