/* Between the kernels of a training step: the tree of sums over chunks, and weights that are packed
 * only when somebody wants them. */
#include "random_graph.h"

#include "engine/plan.h"

static const char net[] = "input 12x12x3; conv filters=16 kernel=5 init=0.1 bias=0.1; relu; max_pool 2; conv filters=16 "
                          "kernel=5 init=0.1 bias=0.1; relu; max_pool 2; conv filters=10 kernel=3; relu; "
                          "avg_pool global; softmax";
enum { PIXELS = 12 * 12 * 3, MOST = 17 };

static const char *const engines[] = { "ref", "ref64", "cpu" };

static void labels_of(int32_t *labels, int n)
{
    for (int i = 0; i < n; i++)
        labels[i] = i % 10;
}

/* The definition: chunk c takes chunk c + stride, for stride 1, 2, 4, ... */
static void add_up(double *blocks, size_t reals, int chunks, bool is_float)
{
    for (int stride = 1; stride < chunks; stride *= 2)
        for (int c = 0; c + stride < chunks; c += 2 * stride)
            for (size_t i = 0; i < reals; i++) {
                double *to = &blocks[(size_t)c * reals + i];

                *to += blocks[((size_t)c + (size_t)stride) * reals + i];
                if (is_float)
                    *to = (double)(float)*to;
            }
}

static double real_of(const dcn_plan *p, size_t i)
{
    return p->engine->real_bytes == sizeof(float) ? (double)((const float *)(const void *)p->chunk_gradients)[i]
                                                  : ((const double *)(const void *)p->chunk_gradients)[i];
}

/* Sums over any number of chunks have the bits of the tree. Chunk 0's own block, which the sum
 * overwrites, is that of its picture at another place. */
static void sums_follow_the_tree(void **state)
{
    dcn_graph *g = graph_of(net);
    float images[MOST * PIXELS], swapped[2 * PIXELS];
    int32_t labels[MOST];
    dcn_loss loss;

    (void)state;
    must(dcn_graph_init_weights(g, 1, &err));
    fill_reals(images, COUNT(images), 1);
    labels_of(labels, MOST);
    labels[1] = labels[0];
    for (size_t e = 0; e < COUNT(engines); e++)
        for (int n = 1; has_engine(engines[e]) && n <= MOST; n++) {
            dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = MOST, .chunk = 1, .training = 1,
                                                      .threads = 2 });
            const size_t reals = p->train.gradient_bytes / p->engine->real_bytes;
            double *blocks = calloc((size_t)n * reals, sizeof *blocks);

            memcpy(swapped, images, sizeof swapped);
            if (n > 1) {
                memcpy(images, swapped + PIXELS, PIXELS * sizeof *images);
                memcpy(images + PIXELS, swapped, PIXELS * sizeof *images);
                must(dcn_plan_gradient(p, images, labels, n, &loss, &err));
                for (size_t i = 0; i < reals; i++)
                    blocks[i] = real_of(p, reals + i);
                memcpy(images, swapped, sizeof swapped);
            }
            must(dcn_plan_gradient(p, images, labels, n, &loss, &err));
            for (size_t i = n > 1 ? reals : 0; i < (size_t)n * reals; i++)
                blocks[i] = real_of(p, i);
            add_up(blocks, reals, n, p->engine->real_bytes == sizeof(float));
            for (size_t i = 0; i < reals; i++)
                if (real_of(p, i) != blocks[i])
                    fail_msg("%s, %d chunks, sum %zu: %.17g, not %.17g", engines[e], n, i, real_of(p, i), blocks[i]);
            free(blocks);
            dcn_plan_destroy(p);
        }
    dcn_graph_destroy(g);
}

enum { BATCH = 5, ROUTES = 2, STEPS = 3 };

/* What a plan computes of the pictures: the output, then both routes and some starts. */
static float *answers(dcn_plan *p, const dcn_graph *g, const float *images, size_t *n)
{
    static const dcn_start starts[] = { { .picture = 1, .from = DCN_FROM_PEAK, .channel = 3 },
                                        { .picture = 4, .from = DCN_FROM_LAYER } };
    const size_t output = BATCH * size_of(g, dcn_graph_output(g)), pictures = BATCH * PIXELS;
    float *out, *to;

    *n = output + ROUTES * (pictures + COUNT(starts) * PIXELS);
    to = out = new_output(*n);
    dcn_plan_forward(p, images, BATCH);
    must(dcn_plan_value(p, dcn_graph_output(g), to, &err));
    to += output;
    for (int r = 0; r < ROUTES; r++) {
        must(dcn_plan_project(p, r, DCN_FROM_LAYER, 0, to, &err));
        must(dcn_plan_project_starts(p, r, starts, COUNT(starts), to + pictures, &err));
        to += pictures + COUNT(starts) * PIXELS;
    }
    return out;
}

static dcn_plan *plan_with_routes(const dcn_graph *g, const char *engine, int training)
{
    const dcn_route routes[ROUTES] = { { .layer = dcn_graph_find(g, "max_pool1"), .rule = DCN_RULE_RECONSTRUCT },
                                       { .layer = dcn_graph_find(g, "max_pool2"), .rule = DCN_RULE_RECONSTRUCT } };

    return plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = BATCH, .chunk = 2, .training = training,
                                       .routes = routes, .n_routes = ROUTES, .starts = 2, .threads = 2 });
}

/* After each step everything sees the new weights, whether somebody looked before it or not: the
 * bits of a plan that was made of them. */
static void whoever_runs_next_has_the_new_weights(void **state)
{
    float images[BATCH * PIXELS];
    int32_t labels[BATCH];

    (void)state;
    fill_reals(images, COUNT(images), 2);
    labels_of(labels, BATCH);
    for (size_t e = 0; e < COUNT(engines); e++)
        for (int looks = 0; has_engine(engines[e]) && looks < 1 << STEPS; looks++) {
            dcn_graph *g = graph_of(net), *now;
            dcn_loss loss, fresh_loss;
            dcn_plan *p, *fresh;
            float *got, *want;
            size_t n;

            must(dcn_graph_init_weights(g, 3, &err));
            must(dcn_graph_copy(&now, g, &err));
            p = plan_with_routes(g, engines[e], 1);
            for (int t = 0; t < STEPS; t++) {
                must(dcn_plan_gradient(p, images, labels, BATCH, &loss, &err));
                must(dcn_plan_adam(p, 1e-2f, &err));
                if (!(looks >> t & 1))
                    continue;
                must(dcn_plan_store_weights(p, now, &err));
                fresh = plan_with_routes(now, engines[e], 0);
                got = answers(p, g, images, &n);
                want = answers(fresh, now, images, &n);
                if (strcmp(engines[e], "ref64") != 0)       /* a graph's weights are float */
                    assert_same_bits(got, want, n, engines[e]);
                dcn_plan_destroy(fresh);
                free_output(got, n);
                free_output(want, n);
            }
            must(dcn_plan_store_weights(p, now, &err));
            fresh = plan_with_routes(now, engines[e], 1);
            must(dcn_plan_gradient(p, images, labels, BATCH, &loss, &err));
            must(dcn_plan_gradient(fresh, images, labels, BATCH, &fresh_loss, &err));
            if (strcmp(engines[e], "ref64") != 0)
                assert_memory_equal(&loss.loss, &fresh_loss.loss, sizeof loss.loss);
            dcn_plan_destroy(fresh);
            dcn_plan_destroy(p);
            dcn_graph_destroy(now);
            dcn_graph_destroy(g);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_follow_the_tree),
        cmocka_unit_test(whoever_runs_next_has_the_new_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
