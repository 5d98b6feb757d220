/* Gradients against central differences of the loss in double; the loss itself; what is refused. */
#include "random_graph.h"

#include "engine/plan.h"
#include "graph/walk.h"

enum { PICTURES = 5 };

/* The loss with one weight moved. ref64's own weights are changed, so nothing is rounded to float. */
static double loss_with(dcn_plan *p, int weight, int64_t k, double value, const float *images, const int32_t *labels)
{
    double *w = p->weights[weight];
    const double before = w[k];
    dcn_loss loss;

    w[k] = value;
    must(dcn_plan_gradient(p, images, labels, PICTURES, &loss, &err));
    w[k] = before;
    return loss.loss;
}

/* Every kth weight of the network, so that about `probes` are tried of each tensor. Returns how many
 * gradients were not zero. */
static int check_weights(dcn_graph *g, const float *images, const int32_t *labels, int64_t probes, const char *name)
{
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .batch = PICTURES, .training = 1, .threads = 1 });
    int alive = 0, kinks = 0, tried = 0;

    for (int i = 0; i < g->n_weights; i++) {
        const int64_t count = g->weights[i].count, step = count / probes + 1;
        float *got = new_output((size_t)count);
        dcn_loss loss;

        must(dcn_plan_gradient(p, images, labels, PICTURES, &loss, &err));
        must(dcn_plan_weight_gradient(p, i, got, &err));
        for (int64_t k = 0; k < count; k += step) {
            const double w = ((double *)p->weights[i])[k], h = 1e-5;
            const double up = loss_with(p, i, k, w + h, images, labels), down = loss_with(p, i, k, w - h, images, labels);
            const double near = (loss_with(p, i, k, w + h / 8, images, labels) -
                                 loss_with(p, i, k, w - h / 8, images, labels)) / (h / 4);
            const double wanted = (up - down) / (2 * h), scale = fmax(1e-3, fabs(wanted));

            tried++;
            alive += got[k] != 0;
            if (fabs((double)got[k] - wanted) <= 2e-6 * scale || fabs((double)got[k] - near) <= 2e-5 * scale)
                continue;
            /* A ReLU or a max may switch within the step; it hardly ever does within both steps. */
            if (fabs(wanted - near) > 1e-4 * scale) {
                kinks++;
                continue;
            }
            fail_msg("%s: %s[%d]: gradient %.9g, difference %.9g (nearer %.9g)", name, g->weights[i].name, (int)k,
                     (double)got[k], wanted, near);
        }
        free_output(got, (size_t)count);
    }
    assert_true(kinks * 50 <= tried);
    dcn_plan_destroy(p);
    return alive;
}

static void check_net(const char *text, int classes, int64_t probes)
{
    dcn_graph *g = graph_of(text);
    const size_t n = size_of(g, 0);
    float *images = malloc(PICTURES * n * sizeof *images);
    int32_t labels[PICTURES];

    for (int i = 0; i < PICTURES; i++)
        labels[i] = (i * 3 + 1) % classes;
    fill_reals(images, PICTURES * n, 4);
    set_weights(g, 11, 0, 0.5f);
    assert_true(check_weights(g, images, labels, probes, text) > 0);
    free(images);
    dcn_graph_destroy(g);
}

static void gradients_of_whole_networks(void **state)
{
    (void)state;
    /* The tutorial's, reduced. */
    check_net("input 8x8x3; conv filters=6 kernel=5; relu; max_pool 2; conv filters=6 kernel=5; relu; max_pool 2; "
              "conv filters=4 kernel=5; relu; avg_pool 2x2; softmax", 4, 40);
    /* Strides, dilation, groups, a residual block, a dense one, odd sizes. */
    check_net("x = input 9x7x2; a = conv filters=4 kernel=3 stride=2; relu; b = conv filters=4 kernel=3 groups=2; c = relu; "
              "d = add a c; e = conv filters=6 kernel=2x3 dilation=2x1 pad=1,1,1,1; f = concat d d; max_pool 3 stride=2 e; "
              "avg_pool 2 stride=1 pad=0,1,1,0; dense units=5; relu; dense units=3; softmax", 3, 40);
    /* Softmax inside, no softmax at the end, an input used twice. */
    check_net("x = input 5x5x3; s = softmax; c = conv filters=3 kernel=3 bias=no; add x c; concat add1 s x; "
              "max_pool 2 stride=1; dense units=4", 4, 40);
}

static void gradients_of_random_networks(void **state)
{
    int alive = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 25; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 5 + (int)(seed % 8), .side = 6, .head = 1 });
        const size_t n = size_of(g, 0);
        float *images = malloc(PICTURES * n * sizeof *images);
        int32_t labels[PICTURES];
        char name[32];

        for (int i = 0; i < PICTURES; i++)
            labels[i] = i % shape_of(g, dcn_graph_output(g)).c;
        fill_reals(images, PICTURES * n, seed);
        set_weights(g, seed, 0, 0.6f);
        snprintf(name, sizeof name, "seed %d", (int)seed);
        alive += check_weights(g, images, labels, 6, name);
        free(images);
        dcn_graph_destroy(g);
    }
    assert_true(alive > 100);
}

/* Of an input pixel, through the rule `gradient`: from one channel of the logits the seed is its
 * value v, so that the walk gives v dv/dx. */
static void gradients_of_the_input(void **state)
{
    static const char net[] = "input 7x7x2; conv filters=4 kernel=3; relu; max_pool 2; a = conv filters=4 kernel=3; relu; "
                              "add a relu2; avg_pool 2 stride=1; dense units=3; softmax";
    dcn_graph *g = graph_of(net);
    const dcn_node logits = dcn_graph_output(g) - 1;
    const dcn_route routes[2] = { { .layer = logits, .rule = DCN_RULE_GRADIENT },
                                  { .layer = logits + 1, .rule = DCN_RULE_GRADIENT } };
    float x[98], way[98], value[3];
    dcn_plan *p;

    (void)state;
    set_weights(g, 5, 0, 0.5f);
    fill_reals(x, 98, 6);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .routes = routes, .n_routes = 2, .threads = 1, .keep_all = 1 });
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 3; c++) {
            const dcn_node node = routes[r].layer;
            double v;

            dcn_plan_forward(p, x, 1);
            must(dcn_plan_value(p, node, value, &err));
            v = (double)value[c];
            must(dcn_plan_project(p, r, DCN_FROM_CHANNEL, c, way, &err));
            for (int i = 0; i < 98; i++) {
                const float before = x[i], h = 0x1p-16f;
                double up, down, wanted;

                x[i] = before + h;
                dcn_plan_forward(p, x, 1);
                up = ((double *)dcn__plan_kept(p, DCN__SLOT_VALUE, node, 0))[c];
                x[i] = before - h;
                dcn_plan_forward(p, x, 1);
                down = ((double *)dcn__plan_kept(p, DCN__SLOT_VALUE, node, 0))[c];
                wanted = v * (up - down) / ((double)(before + h) - (double)(before - h));
                x[i] = before;
                if (fabs((double)way[i] - wanted) > 1e-5 * fmax(0.02, fabs(wanted)))
                    fail_msg("route %d, channel %d, pixel %d: %.9g, not %.9g", r, c, i, (double)way[i], wanted);
            }
        }
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* ---- the loss --------------------------------------------------------------------------------- */

/* Logits are the input itself: an identity convolution. */
static dcn_graph *identity(int classes)
{
    char text[100];
    float w[100] = { 0 };
    dcn_graph *g;

    snprintf(text, sizeof text, "input 1x1x%d; c = conv filters=%d kernel=1 bias=no; softmax", classes, classes);
    g = graph_of(text);
    for (int i = 0; i < classes; i++)
        w[i * classes + i] = 1;
    must(dcn_graph_set_weight(g, 0, w, classes * classes, &err));
    return g;
}

static void the_loss_by_its_formula(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    dcn_graph *g = identity(4);
    float logits[7 * 4];
    const int32_t labels[7] = { 0, 1, 2, 3, 3, 2, 1 };

    (void)state;
    fill_reals(logits, 28, 8);
    for (size_t e = 0; e < COUNT(engines); e++)
        for (int n = 1; has_engine(engines[e]) && n <= 7; n++) {
            dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 7, .training = 1 });
            double wanted = 0;
            int correct = 0;
            dcn_loss loss;

            for (int i = 0; i < n; i++) {
                double sum = 0;
                int best = 0;

                for (int c = 0; c < 4; c++) {
                    sum += exp((double)logits[i * 4 + c]);
                    best = logits[i * 4 + c] > logits[i * 4 + best] ? c : best;
                }
                wanted -= log(exp((double)logits[i * 4 + labels[i]]) / sum) / n;
                correct += best == labels[i];
            }
            must(dcn_plan_gradient(p, logits, labels, n, &loss, &err));
            assert_true(fabs(loss.loss - wanted) < 1e-6);
            assert_int_equal(loss.correct, correct);
            assert_int_equal(loss.n, n);
            dcn_plan_destroy(p);
        }
    dcn_graph_destroy(g);
}

static void extreme_logits_give_finite_losses(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    static const float scales[] = { 0, 1e-38f, 1, 88, 104, 1e4f, 1e30f, 1.5e38f };
    dcn_graph *g = identity(3);

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t s = 0; has_engine(engines[e]) && s < COUNT(scales); s++)
            for (int32_t label = 0; label < 3; label++) {
                const float x[3] = { scales[s], 0, -scales[s] };
                dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .training = 1 });
                float d[9];
                dcn_loss loss;
                double wanted = scales[s] > 80 ? (double)scales[s] * label
                                : log(exp((double)x[0]) + 1 + exp((double)x[2])) - (double)x[label];

                must(dcn_plan_gradient(p, x, &label, 1, &loss, &err));
                assert_true(isfinite(loss.loss));
                assert_true(fabs(loss.loss - wanted) <= 1e-5 * fmax(1, wanted));
                must(dcn_plan_weight_gradient(p, 0, d, &err));
                for (int i = 0; i < 9; i++)
                    assert_true(isfinite(d[i]));
                dcn_plan_destroy(p);
            }
    dcn_graph_destroy(g);
}

static void a_loss_stays_the_same_without_the_final_softmax(void **state)
{
    static const char body[] = "input 6x6x2; conv filters=3 kernel=3; relu; dense units=4";
    float x[3 * 72];
    const int32_t labels[3] = { 3, 0, 2 };
    dcn_loss losses[2];

    (void)state;
    fill_reals(x, COUNT(x), 9);
    for (int with = 0; with < 2; with++) {
        char text[100];
        dcn_graph *g;
        dcn_plan *p;

        snprintf(text, sizeof text, "%s%s", body, with ? "; softmax" : "");
        g = graph_of(text);
        set_weights(g, 2, 0, 0.5f);
        p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 3, .training = 1 });
        must(dcn_plan_gradient(p, x, labels, 3, &losses[with], &err));
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
    }
    assert_true(losses[0].loss == losses[1].loss && losses[0].loss > 0);
}

/* ---- refusals ----------------------------------------------------------------------------------- */

static void refuses_before_it_computes(void **state)
{
    dcn_graph *g = identity(3);
    const float x[6] = { 1, 2, 3, 4, 5, 6 };
    const int32_t good[2] = { 0, 2 }, high[2] = { 0, 3 }, low[2] = { -1, 2 }, far[2] = { 0, INT32_MIN };
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 2, .training = 1 });
    dcn_plan *untrained = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 2 });
    float before[9], after[9];
    dcn_loss loss;

    (void)state;
    must(dcn_plan_gradient(p, x, good, 2, &loss, &err));
    must(dcn_plan_weight_gradient(p, 0, before, &err));
    must_say(dcn_plan_gradient(p, x, high, 2, &loss, &err), DCN_USAGE,
             "c: label 3 of picture 1 is outside 0..2; check the data against the network's classes");
    must_say(dcn_plan_gradient(p, x, low, 2, &loss, &err), DCN_USAGE,
             "c: label -1 of picture 0 is outside 0..2; check the data against the network's classes");
    must_say(dcn_plan_gradient(p, x, far, 2, &loss, &err), DCN_USAGE,
             "c: label -2147483648 of picture 1 is outside 0..2; check the data against the network's classes");
    must_say(dcn_plan_gradient(p, x, good, 0, &loss, &err), DCN_USAGE,
             "batch: 0 pictures are outside 1..2; make a larger plan");
    must_say(dcn_plan_gradient(p, x, good, 3, &loss, &err), DCN_USAGE,
             "batch: 3 pictures are outside 1..2; make a larger plan");
    must_say(dcn_plan_gradient(untrained, x, good, 2, &loss, &err), DCN_USAGE,
             "plan: was not made for training; set training in dcn_plan_desc");
    must_say(dcn_plan_adam(untrained, 1, &err), DCN_USAGE, "plan: was not made for training; set training in dcn_plan_desc");
    must_say(dcn_plan_weight_gradient(p, 1, after, &err), DCN_USAGE,
             "plan: has no gradient number 1; ask a training plan for 0..0");
    must(dcn_plan_weight_gradient(p, 0, after, &err));
    assert_same_bits(after, before, 9, "the gradient");
    dcn_plan_destroy(p);
    dcn_plan_destroy(untrained);
    dcn_graph_destroy(g);
}

/* A gradient step leaves other pictures in the plan: what the last forward computed is gone. */
static void values_do_not_outlive_a_gradient(void **state)
{
    dcn_graph *g = identity(3);
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    const float x[3] = { 1, 2, 3 };
    const int32_t label = 0;
    float out[3];
    dcn_loss loss;
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .training = 1, .routes = &route, .n_routes = 1 });

    (void)state;
    dcn_plan_forward(p, x, 1);
    must(dcn_plan_value(p, 1, out, &err));
    must(dcn_plan_gradient(p, x, &label, 1, &loss, &err));
    must_say(dcn_plan_value(p, 1, out, &err), DCN_USAGE, "c: has no value yet; call dcn_plan_forward first");
    must_say(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, out, &err), DCN_USAGE,
             "c: has no value yet; call dcn_plan_forward first");
    dcn_plan_forward(p, x, 1);
    must(dcn_plan_value(p, 1, out, &err));
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* A chunk that is not full may hold pictures of an earlier batch: nothing of them may remain. */
static void earlier_pictures_leave_nothing_behind(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn_graph *g;
        float x[8 * 60], want[200], got[200];
        const int32_t labels[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };
        dcn_loss loss, again;
        dcn_plan *p, *fresh;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of("input 6x5x2; conv filters=3 kernel=3; relu; max_pool 2; conv filters=3 kernel=3; relu; dense units=3; "
                     "softmax");
        set_weights(g, 3, 0, 0.5f);
        for (int n = 1; n < 8; n++) {
            p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 32, .training = 1 });
            fresh = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 32, .training = 1 });
            for (size_t i = 0; i < COUNT(x); i++)
                x[i] = i % 3 ? NAN : INFINITY;
            must(dcn_plan_gradient(p, x, labels, 8, &loss, &err));
            fill_reals(x, COUNT(x), 12);
            must(dcn_plan_gradient(p, x, labels, n, &loss, &err));
            must(dcn_plan_gradient(fresh, x, labels, n, &again, &err));
            assert_true(loss.loss == again.loss && isfinite(loss.loss));
            for (int i = 0; i < g->n_weights; i++) {
                const size_t count = (size_t)g->weights[i].count;

                assert_true(count <= COUNT(got));
                must(dcn_plan_weight_gradient(p, i, got, &err));
                must(dcn_plan_weight_gradient(fresh, i, want, &err));
                assert_same_bits(got, want, count, engines[e]);
            }
            dcn_plan_destroy(p);
            dcn_plan_destroy(fresh);
        }
        dcn_graph_destroy(g);
    }
}

/* The gradient of a batch is the mean over its pictures, in any batch that holds them. */
static void a_batch_is_the_mean_of_its_pictures(void **state)
{
    dcn_graph *g = graph_of("input 6x5x2; conv filters=3 kernel=3; relu; max_pool 2; dense units=3; softmax");
    const size_t n = size_of(g, 0);
    float *x = malloc(9 * n * sizeof *x), *all, *one;
    double *mean, *size;
    int32_t labels[9];
    dcn_plan *large, *small;
    dcn_loss loss;
    double sum = 0;

    (void)state;
    set_weights(g, 3, 0, 0.5f);
    fill_reals(x, 9 * n, 12);
    for (int i = 0; i < 9; i++)
        labels[i] = i % 3;
    large = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .batch = 32, .training = 1, .threads = 2 });
    small = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .batch = 1, .training = 1 });
    for (int i = 0; i < g->n_weights; i++) {
        const size_t count = (size_t)g->weights[i].count;

        all = new_output(count);
        one = new_output(count);
        mean = calloc(count, sizeof *mean);
        size = calloc(count, sizeof *size);
        sum = 0;
        for (int k = 0; k < 9; k++) {
            must(dcn_plan_gradient(small, x + (size_t)k * n, &labels[k], 1, &loss, &err));
            must(dcn_plan_weight_gradient(small, i, one, &err));
            sum += loss.loss / 9;
            for (size_t j = 0; j < count; j++) {
                mean[j] += (double)one[j] / 9;
                size[j] += fabs((double)one[j]) / 9;
            }
        }
        must(dcn_plan_gradient(large, x, labels, 9, &loss, &err));
        assert_true(fabs(loss.loss - sum) < 1e-12);
        must(dcn_plan_weight_gradient(large, i, all, &err));
        for (size_t j = 0; j < count; j++)
            if (fabs((double)all[j] - mean[j]) > 0x1p-23 * size[j] + 1e-12)   /* read out as floats */
                fail_msg("%s[%zu]: %.9g, not %.9g", g->weights[i].name, j, (double)all[j], mean[j]);
        free_output(all, count);
        free_output(one, count);
        free(mean);
        free(size);
    }
    dcn_plan_destroy(large);
    dcn_plan_destroy(small);
    dcn_graph_destroy(g);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_whole_networks),
        cmocka_unit_test(gradients_of_random_networks),
        cmocka_unit_test(gradients_of_the_input),
        cmocka_unit_test(the_loss_by_its_formula),
        cmocka_unit_test(extreme_logits_give_finite_losses),
        cmocka_unit_test(a_loss_stays_the_same_without_the_final_softmax),
        cmocka_unit_test(refuses_before_it_computes),
        cmocka_unit_test(values_do_not_outlive_a_gradient),
        cmocka_unit_test(earlier_pictures_leave_nothing_behind),
        cmocka_unit_test(a_batch_is_the_mean_of_its_pictures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
