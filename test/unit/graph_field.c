/* Receptive fields against a probe: change one pixel, see which units of which nodes change.
 *
 * Weights are positive and the pixel becomes huge, so that every dependency shows: also a max pool
 * then takes the changed cell. */
#include "random_graph.h"

typedef struct box { int from[2], to[2]; } box;   /* rows, columns: [from, to) */

enum { SIDE = 10 };

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

static void check_unit(const dcn_graph *g, dcn_node node, int y, int x, const box *seen, dcn_shape in, int exact,
                       uint64_t seed)
{
    const int unit[2] = { y, x }, extent[2] = { in.h, in.w };
    dcn_node_info info;

    dcn_graph_node_info(g, node, &info);
    for (int axis = 0; axis < 2; axis++) {
        const int start = info.field.start[axis] + unit[axis] * info.field.stride[axis];
        const int from = max(start, 0), to = min(start + info.field.size[axis], extent[axis]);

        if (seen->from[axis] < from || seen->to[axis] > to || (exact && (seen->from[axis] != from || seen->to[axis] != to)))
            fail_msg("seed %d: %s (%s), unit %d,%d, axis %d: sees %d..%d, the field says %d..%d", (int)seed, info.name,
                     info.op, y, x, axis, seen->from[axis], seen->to[axis], from, to);
    }
}

static int branches_differ(const dcn_graph *g)
{
    for (dcn_node i = 0; i < dcn_graph_node_count(g); i++) {
        dcn_node_info info, in;

        dcn_graph_node_info(g, i, &info);
        for (int k = 0; k < info.n_inputs; k++) {
            dcn_node_info first;

            dcn_graph_node_info(g, info.inputs[0], &first);
            dcn_graph_node_info(g, info.inputs[k], &in);
            if (memcmp(in.field.stride, first.field.stride, sizeof in.field.stride) != 0)
                return 1;
        }
    }
    return 0;
}

static void probe_graph(dcn_graph *g, int exact, uint64_t seed)
{
    const dcn_shape in = shape_of(g, 0);
    const size_t pixels = size_of(g, 0);
    const int n_nodes = dcn_graph_node_count(g);
    float *image = calloc(pixels, sizeof *image), **values = calloc((size_t)n_nodes, sizeof *values), *now;
    box **boxes = calloc((size_t)n_nodes, sizeof *boxes);
    size_t largest = 1;
    dcn_plan *p;

    set_weights(g, seed, 0, 0.4f);
    for (int i = 0; i < dcn_graph_weight_count(g); i++) {   /* positive: 0.1..0.9 */
        dcn_weight_info w;
        float *data;

        dcn_graph_weight_info(g, i, &w);
        data = malloc((size_t)w.count * sizeof *data);
        for (int64_t k = 0; k < w.count; k++)
            data[k] = w.data[k] + 0.5f;
        must(dcn_graph_set_weight(g, i, data, w.count, &err));
        free(data);
    }
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .keep_all = 1, .threads = 1 });
    for (size_t i = 0; i < pixels; i++)
        image[i] = 1 + (float)(i % 7) / 8;
    dcn_plan_forward(p, image, 1);
    for (dcn_node i = 0; i < n_nodes; i++) {
        const dcn_shape s = shape_of(g, i);

        largest = size_of(g, i) > largest ? size_of(g, i) : largest;
        values[i] = malloc(size_of(g, i) * sizeof **values);
        boxes[i] = malloc((size_t)(s.h * s.w) * sizeof **boxes);
        must(dcn_plan_value(p, i, values[i], &err));
        for (int u = 0; u < s.h * s.w; u++)
            boxes[i][u] = (box){ { 1000, 1000 }, { -1, -1 } };
    }
    now = malloc(largest * sizeof *now);
    for (int row = 0; row < in.h; row++)
        for (int col = 0; col < in.w; col++) {
            for (int c = 0; c < in.c; c++)
                image[(row * in.w + col) * in.c + c] += 1e6f;
            dcn_plan_forward(p, image, 1);
            for (dcn_node i = 0; i < n_nodes; i++) {
                const dcn_shape s = shape_of(g, i);

                must(dcn_plan_value(p, i, now, &err));
                for (int u = 0; u < s.h * s.w; u++)
                    if (memcmp(now + u * s.c, values[i] + u * s.c, (size_t)s.c * sizeof *now) != 0) {
                        box *b = &boxes[i][u];

                        b->from[0] = min(b->from[0], row);
                        b->from[1] = min(b->from[1], col);
                        b->to[0] = max(b->to[0], row + 1);
                        b->to[1] = max(b->to[1], col + 1);
                    }
            }
            for (int c = 0; c < in.c; c++)
                image[(row * in.w + col) * in.c + c] = 1 + (float)((size_t)((row * in.w + col) * in.c + c) % 7) / 8;
        }
    for (dcn_node i = 0; i < n_nodes; i++) {
        const dcn_shape s = shape_of(g, i);

        for (int u = 0; u < s.h * s.w; u++)
            if (boxes[i][u].to[0] >= 0)   /* else: sees padding alone */
                check_unit(g, i, u / s.w, u % s.w, &boxes[i][u], in, exact, seed);
            else
                assert_false(exact);
        free(values[i]);
        free(boxes[i]);
    }
    dcn_plan_destroy(p);
    free(values);
    free(boxes);
    free(image);
    free(now);
}

static void fields_are_exact_without_gaps(void **state)
{
    static const char *const nets[] = {
        "input 12x11x2; conv filters=2 kernel=5; relu; max_pool 2; conv filters=2 kernel=5; relu; max_pool 2; "
        "conv filters=2 kernel=3; avg_pool global",
        "input 13x9x1; conv filters=2 kernel=3x2 stride=2 pad=valid; max_pool 3 stride=2 pad=1; conv filters=1 kernel=2 "
        "pad=0,1,1,0",
        "x = input 9x9x2; a = conv filters=2 kernel=3; b = conv filters=2 kernel=3; c = conv x filters=2 kernel=1; "
        "add b c; relu; concat add1 a x; avg_pool 2 stride=1 pad=valid",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        dcn_graph *g = graph_of(nets[i]);

        probe_graph(g, 1, i);
        dcn_graph_destroy(g);
    }
}

static void fields_hold_all_that_is_seen(void **state)
{
    int different = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 120; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 9, .side = SIDE, .gap_free = seed % 2 == 0 });

        different += branches_differ(g);
        probe_graph(g, 0, seed);
        dcn_graph_destroy(g);
    }
    assert_true(different > 0);   /* the hard case was there */
}

/* Two branches of one shape and different strides: no unit may see beyond what the field says. */
static void branches_of_different_strides(void **state)
{
    dcn_graph *g = graph_of("x = input 3x3x1; a = conv filters=1 kernel=1 stride=2; b = conv x filters=1 kernel=2 pad=valid; "
                            "add a b");
    dcn_node_info info;

    (void)state;
    probe_graph(g, 0, 1);
    dcn_graph_node_info(g, dcn_graph_output(g), &info);
    assert_int_equal(info.field.stride[0], 2);
    assert_int_equal(info.field.start[0], -1);   /* unit 1 of b sees rows 1..2, and 2 - 1 = 1 */
    assert_int_equal(info.field.size[0], 3);
    dcn_graph_destroy(g);
}

static void fields_of_the_tutorial(void **state)
{
    static const struct { const char *name; int start, size, stride; } wanted[] = {
        { "x_image", 0, 1, 1 }, { "conv1", -2, 5, 1 }, { "h_pool1", -2, 6, 2 }, { "conv2", -6, 14, 2 },
        { "h_pool2", -6, 16, 4 }, { "conv3", -14, 32, 4 }, { "nt_hpool3", -14, 52, 24 }, { "y_conv", -14, 52, 24 },
    };
    dcn_graph *g;

    (void)state;
    must(dcn_graph_tutorial(&g, 3, 10, &err));
    for (size_t i = 0; i < COUNT(wanted); i++) {
        dcn_node_info info;

        dcn_graph_node_info(g, node_of(g, wanted[i].name), &info);
        for (int axis = 0; axis < 2; axis++)
            if (info.field.start[axis] != wanted[i].start || info.field.size[axis] != wanted[i].size ||
                info.field.stride[axis] != wanted[i].stride)
                fail_msg("%s: %d %d %d", info.name, info.field.start[axis], info.field.size[axis],
                         info.field.stride[axis]);
    }
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_exact_without_gaps),
        cmocka_unit_test(fields_hold_all_that_is_seen),
        cmocka_unit_test(branches_of_different_strides),
        cmocka_unit_test(fields_of_the_tutorial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
