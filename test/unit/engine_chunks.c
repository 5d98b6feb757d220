/* With a chunk that is given, bits depend on it alone: not on the batch, not on the threads, not on
 * the other pictures, and those of a start not on the other starts. What an atlas promises rests on
 * this. */
#include "random_graph.h"

#include "engine/plan.h"

enum { MOST = 6, STARTS = 3 };    /* nodes whose peaks are asked; starts a picture */

typedef struct network { const char *name, *text; int pictures; const char *route, *peaks[MOST]; } network;

/* The tutorial's; strides, a sum, 1x1 kernels, a mean over the picture, a dense layer; large maps, also of few
 * channels; groups, holes, a gate, tall windows. */
static const network networks[] = {
    { "tutorial", NULL, 125, "h_pool2", { "h_pool1", "h_pool2", "conv3" } },
    { "residual",
      "x = input 56x56x3; conv filters=32 kernel=7 stride=2; batch_norm; relu; p = max_pool 3 stride=2 pad=1; "
      "a = conv filters=16 kernel=1; ra = relu; conv filters=16 kernel=3; relu; b = conv filters=32 kernel=1; batch_norm; "
      "add batch_norm2 p; s = relu; c = conv filters=64 kernel=3 stride=2; relu; d = conv filters=64 kernel=3; "
      "e = conv s filters=64 kernel=1 stride=2; add d e; t = relu; conv filters=256 kernel=1; u = relu; "
      "avg_pool global; f = dense units=100; relu; logits = dense units=10; softmax",
      27, "t", { "p", "ra", "s", "t", "u", "logits" } },
    { "large maps",
      "input 112x112x3; a = conv filters=16 kernel=3; ra = relu; conv filters=48 kernel=3; rb = relu; max_pool 2; "
      "c = conv filters=64 kernel=3; rc = relu; conv filters=64 kernel=3; relu; max_pool 2; "
      "d = conv filters=72 kernel=5; rd = relu; avg_pool 4; dense units=30",
      11, "rd", { "a", "ra", "rb", "rc", "rd", "dense1" } },
    { "odd ones",
      "input 32x40x4; a = conv filters=24 kernel=3 stride=2; silu; b = conv filters=24 kernel=3 groups=24; rb = hard_swish; "
      "g = avg_pool global; conv filters=6 kernel=1; relu; conv filters=24 kernel=1; h = sigmoid; m = mul rb h; "
      "conv filters=40 kernel=3 dilation=2; rc = relu; conv filters=32 kernel=1x7; conv filters=32 kernel=7x1; batch_norm; "
      "rd = relu; lrn size=5; conv filters=48 kernel=3 groups=2; re = leaky_relu; avg_pool global; dense units=70",
      27, "re", { "rb", "m", "rc", "rd", "re", "dense1" } },
};
#if defined(__SANITIZE_THREAD__)      /* 20 times slower, and the tutorial's threads are all threads */
enum { NETWORKS = 1 };
#else
enum { NETWORKS = COUNT(networks) };
#endif

typedef struct how { int chunk, batch, threads, starts, alone; } how;

typedef struct scene {
    const network *net;
    dcn_graph *g;
    dcn_node peaks[MOST];
    dcn_route route;
    int n_peaks;
    size_t in, each, channels;    /* floats: of a picture, of all that is asked of it */
    float *images;
} scene;

static scene scene_of(const network *net)
{
    scene s = { .net = net };

    if (net->text)
        s.g = graph_of(net->text);
    else
        must(dcn_graph_tutorial(&s.g, 3, 10, &err));
    must(dcn_graph_init_weights(s.g, 5, &err));
    s.in = size_of(s.g, 0);
    for (; s.n_peaks < MOST && net->peaks[s.n_peaks]; s.n_peaks++) {
        s.peaks[s.n_peaks] = node_of(s.g, net->peaks[s.n_peaks]);
        s.channels += (size_t)shape_of(s.g, s.peaks[s.n_peaks]).c;
    }
    s.route = (dcn_route){ .layer = node_of(s.g, net->route), .rule = DCN_RULE_GUIDED, .extend = 1 };
    s.each = 2 * s.channels + size_of(s.g, dcn_graph_output(s.g)) + STARTS * s.in;
    s.images = new_floats((size_t)net->pictures * s.in);
    fill_reals(s.images, (size_t)net->pictures * s.in, 17);
    return s;
}

static void scene_clear(scene *s)
{
    dcn_graph_destroy(s->g);
    free(s->images);
}

/* One at a peak, which goes through its cone; one channel and one layer, which do not. */
static dcn_start start_of(const scene *s, int picture, int global, int i)
{
    const dcn_from from[STARTS] = { DCN_FROM_PEAK, DCN_FROM_CHANNEL, DCN_FROM_LAYER };

    return (dcn_start){ .picture = picture, .from = from[i], .channel = (global * 7 + i) % shape_of(s->g, s->route.layer).c };
}

static void ask_starts(const scene *s, dcn_plan *p, how h, int first, int n, float *out)
{
    float *drawn = new_output((size_t)h.starts * s->in);
    const int some = h.alone ? 1 : h.starts;

    for (int at = 0; at < n * STARTS; at += some) {
        dcn_start starts[64];
        const int k = at + some <= n * STARTS ? some : n * STARTS - at;

        for (int i = 0; i < k; i++)
            starts[i] = start_of(s, (at + i) / STARTS, first + (at + i) / STARTS, (at + i) % STARTS);
        must(dcn_plan_project_starts(p, 0, starts, k, drawn, &err));
        for (int i = 0; i < k; i++)
            memcpy(out + (size_t)((at + i) / STARTS) * s->each + s->each - STARTS * s->in +
                   (size_t)((at + i) % STARTS) * s->in, drawn + (size_t)i * s->in, s->in * sizeof *out);
    }
    free_output(drawn, (size_t)h.starts * s->in);
}

/* out: `each` floats a picture. */
static void ask(const scene *s, dcn_plan *p, how h, int first, int n, float *out)
{
    const size_t n_out = size_of(s->g, dcn_graph_output(s->g));
    float *values = new_floats((size_t)n * (s->channels + n_out));
    int32_t *cells = malloc((size_t)n * s->channels * sizeof *cells);
    size_t at = 0;

    dcn_plan_forward(p, s->images + (size_t)first * s->in, n);
    for (int k = 0; k < s->n_peaks; k++) {
        const size_t C = (size_t)shape_of(s->g, s->peaks[k]).c;

        must(dcn_plan_peaks(p, s->peaks[k], values, cells, &err));
        for (int i = 0; i < n; i++) {
            memcpy(out + (size_t)i * s->each + at, values + (size_t)i * C, C * sizeof *out);
            for (size_t c = 0; c < C; c++)
                out[(size_t)i * s->each + at + C + c] = (float)cells[(size_t)i * C + c];
        }
        at += 2 * C;
    }
    must(dcn_plan_value(p, dcn_graph_output(s->g), values, &err));
    for (int i = 0; i < n; i++)
        memcpy(out + (size_t)i * s->each + at, values + (size_t)i * n_out, n_out * sizeof *out);
    if (h.starts)
        ask_starts(s, p, h, first, n, out);
    free(values);
    free(cells);
}

static float *ask_all(const scene *s, how h)
{
    const int all = s->net->pictures;
    float *out = calloc((size_t)all * s->each, sizeof *out);
    dcn_plan *p = plan_of(s->g, (dcn_plan_desc){ .engine = "cpu", .batch = h.batch, .threads = h.threads, .chunk = h.chunk,
                                                 .peaks = s->peaks, .n_peaks = s->n_peaks, .routes = &s->route,
                                                 .n_routes = 1, .starts = h.starts });

    assert_non_null(out);
    for (int first = 0; first < all; first += h.batch)
        ask(s, p, h, first, first + h.batch <= all ? h.batch : all - first, out + (size_t)first * s->each);
    dcn_plan_destroy(p);
    return out;
}

static void compare(const scene *s, const float *want, how h)
{
    float *got = ask_all(s, h);

    for (size_t i = 0; i < (size_t)s->net->pictures * s->each; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg("%s: chunk %d, batch %d, %d threads, %d starts%s: picture %zu differs at %zu of %zu: %.9g and %.9g",
                     s->net->name, h.chunk, h.batch, h.threads, h.starts, h.alone ? " one by one" : "", i / s->each,
                     i % s->each, s->each, (double)got[i], (double)want[i]);
    free(got);
}

static void the_chunk_alone_decides(void **state)
{
    static const int batches[2][4] = { { 8, 24, 64, 128 }, { 1, 3, 8, 0 } };

    (void)state;
    for (size_t k = 0; k < NETWORKS; k++) {
        scene s = scene_of(&networks[k]);

        for (int c = 0; c < 2; c++) {
            const int chunk = c ? 1 : 8;
            float *want = ask_all(&s, (how){ chunk, batches[c][2], 1, 16, 0 });

            for (int b = 0; b < 4 && batches[c][b] && (b < 2 || batches[c][b] < 2 * s.net->pictures); b++)
                for (int threads = 1; threads < (k ? 3 : 4); threads++)
                    compare(&s, want, (how){ chunk, batches[c][b], threads, 16, 0 });
            free(want);
        }
        scene_clear(&s);
    }
}

/* The number of starts that a plan is made for decides how they are cut; 1: the threads are inside the kernels. */
static void a_start_knows_no_other(void **state)
{
    static const int starts[] = { 1, 3, 9, 40 };

    (void)state;
    for (size_t k = 0; k < NETWORKS; k++) {
        network few = networks[k];
        scene s;

        few.pictures = 4;
        s = scene_of(&few);
        for (size_t i = 0; i < COUNT(starts); i++) {
            float *want = ask_all(&s, (how){ 2, 4, 1, starts[i], 0 });

            for (int threads = 1; threads < 4; threads++) {
                compare(&s, want, (how){ 2, 4, threads, starts[i], 0 });
                compare(&s, want, (how){ 2, 4, threads, starts[i], 1 });
                compare(&s, want, (how){ 2, 2, threads, starts[i], 1 });
            }
            free(want);
        }
        scene_clear(&s);
    }
}

/* Whatever stands beside a picture in its chunk, also nothing: the picture's bits are the same. */
static void a_picture_knows_no_neighbour(void **state)
{
    (void)state;
    for (size_t k = 0; k < NETWORKS; k++) {
        network few = networks[k];
        scene s;

        few.pictures = 8;
        s = scene_of(&few);
        for (int chunk = 2; chunk <= 8; chunk *= 2)
            for (int threads = 1; threads < 3; threads++) {
                const how h = { chunk, 8, threads, 4, 0 };
                float *want = ask_all(&s, h), *kept = new_floats(8 * s.in), *got;

                memcpy(kept, s.images, 8 * s.in * sizeof *kept);
                for (int kind = 0; kind < 4; kind++) {
                    for (int i = 1; i < 8; i += 2)     /* the odd ones change */
                        for (size_t j = 0; j < s.in; j++)
                            s.images[(size_t)i * s.in + j] = kind == 0 ? 0 : kind == 1 ? 1e6f * kept[j] : kind == 2 ? NAN
                                                             : kept[j];
                    got = ask_all(&s, h);
                    for (int i = 0; i < 8; i += 2)
                        for (size_t j = 0; j < s.each; j++)
                            if (memcmp(&got[(size_t)i * s.each + j], &want[(size_t)i * s.each + j], sizeof *got) != 0)
                                fail_msg("%s: chunk %d, kind %d: picture %d differs at %zu of %zu: %.9g and %.9g",
                                         s.net->name, chunk, kind, i, j, s.each, (double)got[(size_t)i * s.each + j],
                                         (double)want[(size_t)i * s.each + j]);
                    free(got);
                }
                memcpy(s.images, kept, 8 * s.in * sizeof *kept);
                free(kept);
                free(want);
            }
        scene_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chunk_alone_decides),
        cmocka_unit_test(a_start_knows_no_other),
        cmocka_unit_test(a_picture_knows_no_neighbour),
    };

    if (!has_engine("cpu")) {
        print_message("this build has no engine cpu\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
