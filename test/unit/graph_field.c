/* Receptive fields against a probe: change one pixel, see which units of which nodes change; and
 * boxes against a count of all cells that a unit depends on.
 *
 * The probe's weights are positive and the pixel becomes huge, so that every dependency shows: also a max pool
 * then takes the changed cell. */
#include "random_graph.h"

#include "base/memory.h"
#include "graph/graph.h"

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

/* ---- every operator: which cells a unit depends on, cell by cell from the input up ------------- */

enum { CELLS = 128 };             /* of an input, at most */

typedef struct sight {
    bool cells[CELLS];
    bool outside;                 /* something on the way hangs over a border */
} sight;

static void see(sight *to, const sight *of)
{
    for (int i = 0; i < CELLS; i++)
        to->cells[i] |= of->cells[i];
    to->outside |= of->outside;
}

static const sight *sight_at(const dcn_graph *g, sight *const *all, dcn_node node, int y, int x)
{
    const dcn_shape s = g->nodes[node].shape;

    return y < 0 || y >= s.h || x < 0 || x >= s.w ? NULL : &all[node][y * s.w + x];
}

static void see_unit(const dcn_graph *g, sight *const *all, dcn_node node, int y, int x, sight *to)
{
    const dcn__node *n = &g->nodes[node];

    for (int k = 0; k < n->n_inputs; k++) {
        const dcn_shape in = g->nodes[n->inputs[k]].shape;
        const bool window = n->op == DCN__OP_CONV || n->op == DCN__OP_MAX_POOL || n->op == DCN__OP_AVG_POOL;
        const bool whole = n->op == DCN__OP_DENSE || ((n->op == DCN__OP_RESHAPE || n->op == DCN__OP_MUL) &&
                                                      (in.h != n->shape.h || in.w != n->shape.w));
        const int rows = window ? n->window.kernel[0] : whole ? in.h : 1;
        const int columns = window ? n->window.kernel[1] : whole ? in.w : 1;

        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) {
                const sight *of;

                if (window)
                    of = sight_at(g, all, n->inputs[k], y * n->window.stride[0] - n->window.pad[0] + r * n->window.dilation[0],
                                  x * n->window.stride[1] - n->window.pad[1] + c * n->window.dilation[1]);
                else if (whole)
                    of = sight_at(g, all, n->inputs[k], r, c);
                else if (n->op == DCN__OP_PAD)
                    of = sight_at(g, all, n->inputs[k], y - n->window.pad[0], x - n->window.pad[1]);
                else
                    of = sight_at(g, all, n->inputs[k], y, x);
                if (of)
                    see(to, of);
                else
                    to->outside = true;
            }
    }
}

static dcn_box box_of(const sight *s, dcn_shape in)
{
    dcn_box b = { .top = in.h, .left = in.w, .clipped = s->outside };

    for (int y = 0; y < in.h; y++)
        for (int x = 0; x < in.w; x++)
            if (s->cells[y * in.w + x]) {
                b.top = min(b.top, y);
                b.left = min(b.left, x);
                b.bottom = max(b.bottom, y + 1);
                b.right = max(b.right, x + 1);
            }
    if (!b.bottom)
        b.top = b.left = 0;
    return b;
}

/* Boxes are exact, and no field says less. A box may say too much only behind units that see
 * padding alone: there rows and columns no longer go separately. */
static void check_boxes(const dcn_graph *g, uint64_t seed, int *exact, int *clipped)
{
    const dcn_shape in = g->nodes[0].shape;
    sight **all = calloc((size_t)g->n_nodes, sizeof *all);
    bool blind = false;

    for (dcn_node i = 0; i < g->n_nodes; i++) {
        const dcn_shape s = g->nodes[i].shape;
        dcn_node_info info;

        dcn_graph_node_info(g, i, &info);
        all[i] = calloc((size_t)(s.h * s.w), sizeof **all);
        for (int u = 0; u < s.h * s.w; u++) {
            box field;
            dcn_box wanted, got;

            if (i == 0)
                all[i][u].cells[u] = true;
            see_unit(g, all, i, u / s.w, u % s.w, &all[i][u]);
            wanted = box_of(&all[i][u], in);
            blind |= !wanted.bottom;
            must(dcn_graph_box(g, i, u / s.w, u % s.w, &got, &err));
            if (blind ? got.top > wanted.top || got.left > wanted.left || got.bottom < wanted.bottom ||
                        got.right < wanted.right || got.clipped < wanted.clipped
                      : memcmp(&got, &wanted, sizeof got) != 0)
                fail_msg("seed %d: %s (%s), unit %d,%d: sees rows %d..%d, columns %d..%d%s, the box says %d..%d, %d..%d%s",
                         (int)seed, info.name, info.op, u / s.w, u % s.w, wanted.top, wanted.bottom, wanted.left,
                         wanted.right, wanted.clipped ? ", clipped" : "", got.top, got.bottom, got.left, got.right,
                         got.clipped ? ", clipped" : "");
            *exact += !blind;
            *clipped += !blind && got.clipped;
            field = (box){ { wanted.top, wanted.left }, { wanted.bottom, wanted.right } };
            if (wanted.bottom)
                check_unit(g, i, u / s.w, u % s.w, &field, in, 0, seed);
        }
    }
    for (dcn_node i = 0; i < g->n_nodes; i++)
        free(all[i]);
    free(all);
}

static void boxes_of_random_graphs(void **state)
{
    int exact = 0, clipped = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 3 + (int)(seed % 10), .side = 9,
                                                               .every_op = seed % 3 != 0 });

        check_boxes(g, seed, &exact, &clipped);
        dcn_graph_destroy(g);
    }
    if (exact < 40000 || clipped < 5000 || exact - clipped < 5000)
        fail_msg("only %d boxes, %d clipped", exact, clipped);
}

static void boxes_of_hand_made_graphs(void **state)
{
    static const char *const nets[] = {
        /* holes: dilation at the border, and a stride beyond the kernel */
        "input 9x9x1; conv filters=1 kernel=3 dilation=2 pad=2; conv filters=1 kernel=2 dilation=3 pad=3",
        "input 11x10x1; conv filters=1 kernel=1x2 stride=3; conv filters=1 kernel=2",
        /* two branches of different strides */
        "x = input 9x9x1; a = conv filters=1 kernel=1 stride=2; b = conv x filters=1 kernel=5 pad=valid; add a b",
        "x = input 10x10x2; a = max_pool 2; b = conv x filters=2 kernel=3 stride=2; c = concat a b; conv filters=1 kernel=3",
        /* a gate sees all */
        "x = input 9x7x2; c = conv filters=2 kernel=3; g = avg_pool global; s = sigmoid; m = mul c s; conv filters=1 kernel=3",
        "x = input 9x7x2; c = conv filters=2 kernel=3; p = pad -1,2,0,-3; max_pool 3 stride=2 ceil=yes; avg_pool 2 ceil=yes",
        "x = input 6x4x2; reshape 4x6x2; conv filters=1 kernel=3; reshape 4x6x1 order=hwc; relu",
    };
    int exact = 0, clipped = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        dcn_graph *g = graph_of(nets[i]);

        check_boxes(g, i, &exact, &clipped);
        dcn_graph_destroy(g);
    }
}

static void boxes_that_are_refused(void **state)
{
    dcn_graph *g = graph_of("input 4x6x1; c = conv filters=1 kernel=1 pad=1");
    dcn_box seen;

    (void)state;
    must_say(dcn_graph_box(g, 1, 6, 0, &seen, &err), DCN_USAGE,
             "c: has no unit in row 6, column 0; it has 6 rows and 8 columns");
    must_say(dcn_graph_box(g, 1, 0, -1, &seen, &err), DCN_USAGE,
             "c: has no unit in row 0, column -1; it has 6 rows and 8 columns");
    must_say(dcn_graph_box(g, 2, 0, 0, &seen, &err), DCN_USAGE, "network: has no node 2; it has 2");
    must_say(dcn_graph_box(g, -1, 0, 0, &seen, &err), DCN_USAGE, "network: has no node -1; it has 2");
    must(dcn_graph_box(g, 1, 0, 3, &seen, &err));   /* padding alone */
    assert_memory_equal(&seen, (&(dcn_box){ 0, 0, 0, 0, 1 }), sizeof seen);
    must(dcn_graph_box(g, 1, 1, 3, &seen, &err));
    assert_memory_equal(&seen, (&(dcn_box){ 0, 2, 1, 3, 0 }), sizeof seen);
    dcn_graph_destroy(g);
}

static bool fail_one(void *user, size_t bytes)
{
    (void)bytes;
    return (*(int *)user)-- != 0;
}

static void boxes_without_memory(void **state)
{
    dcn_graph *g = graph_of("x = input 9x9x1; a = conv filters=1 kernel=3; b = conv x filters=1 kernel=3; c = add a b");
    dcn_status st = DCN_MEMORY;
    dcn_box seen;

    (void)state;
    for (int k = 0; st == DCN_MEMORY; k++) {
        int left = k;

        dcn__set_alloc_hook(fail_one, &left);
        st = dcn_graph_box(g, 3, 4, 4, &seen, &err);
        dcn__set_alloc_hook(NULL, NULL);
        assert_true(st == DCN_MEMORY || k > 6);
    }
    assert_int_equal(st, DCN_OK);
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
        cmocka_unit_test(boxes_of_random_graphs),
        cmocka_unit_test(boxes_of_hand_made_graphs),
        cmocka_unit_test(boxes_that_are_refused),
        cmocka_unit_test(boxes_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
