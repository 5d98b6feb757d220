/* What an atlas draws, held against what is known: motifs planted at recorded places, the pictures'
 * own pixels, and walks down without cones. */
#include "atlas_draw_help.h"

#include "atlas/tile.h"
#include "view/scale.h"

/* ---- planted motifs ------------------------------------------------------------------------- */

enum { MOTIFS = 3, MOTIF = 5, EACH = 6, PICTURE = 32, FILTERS = MOTIFS + 1, DEAD = MOTIFS };

typedef struct planting { int motif, y, x, brightness; } planting;

/* One bit of a motif: two colours on black, about half of the pixels. */
static int motif_bit(int motif, int y, int x, int c)
{
    return c != motif % 3 && dcn__hash64((uint64_t)(motif * 1000 + y * 10 + x) + 77) % 2;
}

/* The last two of each motif stand in corners. */
static planting plant(int i)
{
    static const int corners[2][2] = { { 0, 0 }, { PICTURE - MOTIF, PICTURE - MOTIF } };
    const int motif = i % MOTIFS, k = i / MOTIFS;
    planting p = { motif, 6 + (i * 5) % 17, 5 + (i * 7) % 18, 200 + (i * 7) % 19 * 3 };

    if (k >= EACH - 2) {
        p.y = corners[k % 2][0];
        p.x = corners[k % 2][1];
    }
    return p;
}

static void hang_motifs(const gallery *g)
{
    static uint8_t pixels[PICTURE * PICTURE * 3];
    const dcn_image image = { PICTURE, PICTURE, 3, pixels };

    for (int i = 0; i < MOTIFS * EACH; i++) {
        const planting p = plant(i);

        memset(pixels, 0, sizeof pixels);
        for (int y = 0; y < MOTIF; y++)
            for (int x = 0; x < MOTIF; x++)
                for (int c = 0; c < 3; c++)
                    if (motif_bit(p.motif, y, x, c))
                        pixels[((p.y + y) * PICTURE + p.x + x) * 3 + c] = (uint8_t)p.brightness;
        hang(g, i, &image);
    }
}

static void set_weight(dcn_graph *g, const char *name, const float *data, int64_t count)
{
    for (int i = 0; i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info w;

        dcn_graph_weight_info(g, i, &w);
        if (strcmp(w.name, name) == 0) {
            must(dcn_graph_set_weight(g, i, data, count, &err));
            return;
        }
    }
    fail_msg("there is no weight %s", name);
}

/* Matched filters; channel DEAD never fires. The second layer looks at one motif each, a little
 * also round about it. */
static dcn_graph *detectors(void)
{
    dcn_graph *g = graph_of("input 32x32x3; conv filters=4 kernel=5; relu; max_pool 2; "
                            "conv filters=4 kernel=3; relu");
    float first[MOTIF][MOTIF][3][FILTERS], bias[FILTERS], second[3][3][FILTERS][FILTERS] = { 0 };
    const float none[FILTERS] = { 0, 0, 0, -1 };

    for (int f = 0; f < FILTERS; f++) {
        int ones = 0;

        for (int i = 0; i < MOTIF * MOTIF * 3; i++) {
            const int y = i / 3 / MOTIF, x = i / 3 % MOTIF, bit = motif_bit(f, y, x, i % 3);

            ones += bit;
            first[y][x][i % 3][f] = f == DEAD ? 0 : bit ? 1 : -1;
        }
        bias[f] = -0.6f * (float)ones;
        for (int i = 0; i < 9 && f != DEAD; i++)
            second[i / 3][i % 3][f][f] = i == 4 ? 1 : 0.05f;
    }
    set_weight(g, "conv1.weight", &first[0][0][0][0], sizeof first / sizeof(float));
    set_weight(g, "conv1.bias", bias, FILTERS);
    set_weight(g, "conv2.weight", &second[0][0][0][0], sizeof second / sizeof(float));
    set_weight(g, "conv2.bias", none, FILTERS);
    return g;
}

/* The pictures of a motif, brightest first. */
static void rank(int motif, int order[EACH])
{
    for (int k = 0; k < EACH; k++) {
        int at = k;

        for (; at > 0 && plant(order[at - 1]).brightness < plant(motif + k * MOTIFS).brightness;
             at--)
            order[at] = order[at - 1];
        order[at] = motif + k * MOTIFS;
    }
}

/* The share of a patch's energy that lies on the motif. box: where the patch's first pixel is. */
static double share(const float *patch, const dcn_field *f, const dcn_atlas_unit *u, planting p)
{
    const int top = f->start[0] + u->y * f->stride[0], left = f->start[1] + u->x * f->stride[1];
    double inside = 0, all = 0;

    for (int y = 0; y < f->size[0]; y++)
        for (int x = 0; x < f->size[1]; x++)
            for (int c = 0; c < 3; c++) {
                const double v = (double)patch[(y * f->size[1] + x) * 3 + c];
                const int row = top + y - p.y, column = left + x - p.x;

                all += v * v;
                if (row >= 0 && row < MOTIF && column >= 0 && column < MOTIF)
                    inside += v * v;
            }
    assert_true(all > 0);
    return inside / all;
}

static const uint8_t violet[2][3] = { { 190, 180, 214 }, { 157, 146, 186 } };

/* Every pixel of a patch's tile is the picture's, or the hatch beyond its border; the projection's
 * tile is grey there. */
static void tiles_are_the_pictures(const gallery *g, const dcn_image *strip, const dcn_field *f,
                                   const dcn_atlas_unit *u, int k, int n)
{
    dcn_image picture;
    int beyond = 0;

    must(dcn_data_picture(g->data, DCN_SPLIT_TEST, u->picture, &picture, NULL, &err));
    for (int y = 0; y < f->size[0]; y++)
        for (int x = 0; x < f->size[1]; x++) {
            const int row = f->start[0] + u->y * f->stride[0] + y;
            const int column = f->start[1] + u->x * f->stride[1] + x;
            const uint8_t *patch = pixel(strip, y, k * f->size[1] + x);
            const uint8_t *down = pixel(strip, y, (n + k) * f->size[1] + x);

            if (row >= 0 && row < PICTURE && column >= 0 && column < PICTURE) {
                assert_memory_equal(patch, pixel(&picture, row, column), 3);
                continue;
            }
            beyond++;
            assert_memory_equal(patch, violet[0], 3);       /* no room for stripes */
            assert_true(down[0] == 128 && down[1] == 128 && down[2] == 128);
        }
    dcn_image_clear(&picture);
    if (u->y == 0)
        assert_true(beyond > 0);
}

/* All of a tile but what is shown, and nothing else; stripes as wide as the tile bears. */
static void the_border_is_hatched(void **state)
{
    static const struct { int patch, tile, width; dcn__place shown; int top, left, bottom, right; }
        cases[] = {
            { 11, 11, 0, { .y = 2, .x = 0, .h = 9, .w = 10 }, 2, 0, 11, 10 },
            { 12, 12, 2, { .y = 0, .x = 5, .h = 12, .w = 7 }, 0, 5, 12, 12 },
            { 32, 32, 2, { .y = 30, .x = 30, .h = 2, .w = 2 }, 30, 30, 32, 32 },
            { 33, 33, 4, { .y = 0, .x = 0, .h = 33, .w = 33 }, 0, 0, 33, 33 },
            { 80, 40, 4, { .y = 20, .x = 0, .h = 60, .w = 50 }, 10, 0, 40, 25 },
            { 16, 16, 2, { .h = 0 }, 0, 0, 0, 0 },
        };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int side = cases[i].tile, width = cases[i].width;
        const dcn__page page = { .patch = { cases[i].patch, cases[i].patch },
                                 .tile = { side, side } };
        const size_t pitch = 3 * (size_t)side + 6;
        uint8_t *rgb = calloc((size_t)side, pitch), none[6] = { 0 };

        dcn__tile_border(rgb, pitch, &page, &cases[i].shown);
        for (int y = 0; y < side; y++) {
            const uint8_t *row = rgb + (size_t)y * pitch;

            for (int x = 0; x < side; x++)
                if (y >= cases[i].top && y < cases[i].bottom && x >= cases[i].left &&
                    x < cases[i].right)
                    assert_memory_equal(row + 3 * x, none, 3);
                else
                    assert_memory_equal(row + 3 * x, violet[width ? (x + y) / width % 2 : 0], 3);
            assert_memory_equal(row + 3 * side, none, 6);
        }
        free(rgb);
    }
}

static void the_motifs_are_found_and_drawn(void **state)
{
    const char *shapes[2] = { "(4, 6, 6, 6, 3)", "(4, 6, 10, 10, 3)" };
    gallery g;
    dcn_atlas *a;

    (void)state;
    begin_gallery(&g, "motifs");
    hang_motifs(&g);
    take_network(&g, detectors());
    open_gallery(&g);
    a = scanned(&g, (dcn_atlas_desc){ .top = EACH, .way.rule = DCN_RULE_DECONVNET });
    must(dcn_atlas_draw(a, g.book, &(dcn_book_desc){ .raw = DCN_RAW_SAFETENSORS }, NULL, NULL,
                        &err));
    assert_int_equal(dcn_atlas_layer_count(a), 2);
    for (int page = 0; page < 2; page++) {
        dcn__tensors raw = raw_of(g.book, page);
        const float *all = tensor_data(&raw, "projection", shapes[page]);
        dcn_node_info info;

        dcn_graph_node_info(g.model.graph, dcn_atlas_layer(a, page), &info);
        for (int m = 0; m < MOTIFS; m++) {
            dcn_image strip = strip_of(g.book, page, m);
            dcn_atlas_channel found;
            int order[EACH];

            rank(m, order);
            must(dcn_atlas_channel_get(a, page, m, &found, &err));
            assert_int_equal(found.n_top, EACH);
            assert_int_equal(strip.h, info.field.size[0]);
            assert_int_equal(strip.w, 2 * EACH * info.field.size[1]);
            for (int k = 0; k < EACH; k++) {
                const dcn_atlas_unit *u = &found.top[k];
                const planting p = plant((int)u->picture);
                const size_t patch = (size_t)info.field.size[0] * (size_t)info.field.size[1] * 3;
                dcn_box box;

                assert_int_equal(u->picture, order[k]);
                must(dcn_graph_box(g.model.graph, dcn_atlas_layer(a, page), u->y, u->x, &box,
                                   &err));
                if (box.top > p.y || box.left > p.x || box.bottom < p.y + MOTIF ||
                    box.right < p.x + MOTIF)
                    fail_msg("page %d, motif %d: the box %d,%d..%d,%d misses the motif at %d,%d",
                             page, m, box.top, box.left, box.bottom, box.right, p.y, p.x);
                if (share(all + (size_t)(m * EACH + k) * patch, &info.field, u, p) < 0.9)
                    fail_msg("page %d, motif %d, picture %d: %.3f of the energy on the motif",
                             page, m, (int)u->picture,
                             share(all + (size_t)(m * EACH + k) * patch, &info.field, u, p));
                tiles_are_the_pictures(&g, &strip, &info.field, u, k, EACH);
            }
            dcn_image_clear(&strip);
        }
        dcn__tensors_close(&raw);
    }
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

static void dead_channels_have_no_strip(void **state)
{
    dcn_atlas_channel found;
    char path[1000];
    gallery g;
    dcn_atlas *a;

    (void)state;
    begin_gallery(&g, "dead");
    hang_motifs(&g);
    take_network(&g, detectors());
    open_gallery(&g);
    a = scanned(&g, (dcn_atlas_desc){ .top = 2, .way.rule = DCN_RULE_DECONVNET });
    must(dcn_atlas_draw(a, g.book, &(dcn_book_desc){ .raw = DCN_RAW_SAFETENSORS }, NULL, NULL,
                        &err));
    for (int page = 0; page < 2; page++) {
        dcn__tensors raw = raw_of(g.book, page);
        const int64_t *n = tensor_data(&raw, "n", "(4)");
        const int64_t *picture = tensor_data(&raw, "picture", "(4, 2)");

        must(dcn_atlas_channel_get(a, page, DEAD, &found, &err));
        assert_int_equal(found.kind, DCN_CHANNEL_DEAD);
        assert_false(strip_path(path, sizeof path, g.book, page, DEAD));
        assert_true(strip_path(path, sizeof path, g.book, page, 0));
        assert_int_equal(n[DEAD], 0);
        assert_int_equal(n[0], 2);
        assert_int_equal(picture[2 * DEAD], -1);
        assert_true(picture[0] >= 0);
        dcn__tensors_close(&raw);
    }
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* ---- the same numbers as without cones ------------------------------------------------------- */

static const char *const nets[] = {
    "input 15x18x3; conv filters=4 kernel=3; relu; max_pool 2; conv filters=5 kernel=3 stride=2; "
    "relu; dense units=3",
    "x = input 14x13x1; a = conv filters=3 kernel=3; ra = relu; b = conv x filters=3 kernel=5; "
    "rb = relu; add ra rb; conv filters=4 kernel=3; relu; max_pool 3 stride=2",
    "input 9x22x3; conv filters=3 kernel=7 stride=2; relu; conv filters=6 kernel=5; relu",
};

/* What the book's raw file says a unit is projected to, against a plan that walks the whole way. */
static void compare_unit(const gallery *g, const dcn_atlas *a, dcn_plan *plan, int page,
                         int channel, int k, const float *patch, const float *value,
                         double relative)
{
    const dcn__page *p = &a->pages[page];
    const dcn_shape in = shape_of(g->model.graph, 0);
    const size_t size = size_of(g->model.graph, 0);
    float *picture = new_floats(size), *whole = new_floats(size), most = 0;
    double missed = 0;
    dcn_atlas_channel found;
    dcn_node_info info;
    int64_t begin[2] = { 0, 0 };

    must(dcn_atlas_channel_get(a, page, channel, &found, &err));
    const dcn_atlas_unit *u = &found.top[k];
    const dcn_start start = { .from = DCN_FROM_UNIT, .channel = channel, .y = u->y, .x = u->x };
    const int cell[2] = { u->y, u->x }, extent[2] = { in.h, in.w };

    assert_true(*value == u->value);
    dcn_graph_node_info(g->model.graph, p->node, &info);
    for (int axis = 0; axis < 2; axis++) {
        const bool larger = info.field.size[axis] > extent[axis];

        assert_int_equal(p->patch[axis], larger ? extent[axis] : info.field.size[axis]);
        if (!larger)
            begin[axis] = info.field.start[axis] + (int64_t)cell[axis] * info.field.stride[axis];
    }
    must(dcn_data_sample(g->data, DCN_SPLIT_TEST, u->picture, &g->model.preprocess,
                         DCN_AUGMENT_NONE, 0, 0, picture, NULL, &err));
    dcn_plan_forward(plan, picture, 1);
    must(dcn_plan_project_starts(plan, page, &start, 1, whole, &err));
    for (size_t i = 0; i < size; i++)
        most = fabsf(whole[i]) > most ? fabsf(whole[i]) : most;
    for (int y = 0; y < p->patch[0]; y++)
        for (int x = 0; x < p->patch[1]; x++)
            for (int c = 0; c < in.c; c++) {
                const int64_t row = begin[0] + y, column = begin[1] + x;
                const bool inside = row >= 0 && row < in.h && column >= 0 && column < in.w;
                float *at = inside ? &whole[(row * in.w + column) * in.c + c] : NULL;
                const float got = patch[((size_t)y * (size_t)p->patch[1] + (size_t)x) *
                                            (size_t)in.c + (size_t)c];

                if (!(fabs((double)got - (double)(at ? *at : 0)) <= relative * (double)most))
                    fail_msg("page %d channel %d place %d: %g at %d,%d instead of %g", page,
                             channel, k, (double)got, y, x, (double)(at ? *at : 0));
                if (at)
                    *at = 0;
            }
    for (size_t i = 0; i < size; i++)
        missed += fabs((double)whole[i]);
    assert_true(missed == 0);     /* nothing is drawn beyond the patch */
    free(picture);
    free(whole);
}

static void compare_book(const gallery *g, const char *engine, double relative, int top)
{
    const dcn_route way = { .rule = DCN_RULE_GUIDED };
    dcn_atlas *a = scanned(g, (dcn_atlas_desc){ .top = top, .engine = engine, .way = way });
    dcn_route routes[8];
    dcn_plan *plan;

    must(dcn_atlas_draw(a, g->book, &(dcn_book_desc){ .raw = DCN_RAW_SAFETENSORS }, NULL, NULL,
                        &err));
    for (int i = 0; i < a->n_pages; i++) {
        routes[i] = way;
        routes[i].layer = a->pages[i].node;
    }
    plan = plan_of(g->model.graph, (dcn_plan_desc){ .engine = "ref", .routes = routes,
                                                    .n_routes = a->n_pages, .starts = 1,
                                                    .no_cones = 1, .threads = 1 });
    for (int page = 0; page < a->n_pages; page++) {
        const dcn__page *p = &a->pages[page];
        dcn__tensors raw = raw_of(g->book, page);
        const int c = shape_of(g->model.graph, 0).c;
        const size_t patch = (size_t)(p->patch[0] * p->patch[1] * c);
        char shape[100];
        const float *all, *values;

        snprintf(shape, sizeof shape, "(%d, %d, %d, %d, %d)", p->shape.c, top, p->patch[0],
                 p->patch[1], c);
        all = tensor_data(&raw, "projection", shape);
        snprintf(shape, sizeof shape, "(%d, %d)", p->shape.c, top);
        values = tensor_data(&raw, "value", shape);
        for (int ch = 0; ch < p->shape.c; ch++) {
            dcn_atlas_channel found;

            must(dcn_atlas_channel_get(a, page, ch, &found, &err));
            for (int k = 0; k < top; k++) {
                const size_t at = (size_t)(ch * top + k);

                if (k < found.n_top)
                    compare_unit(g, a, plan, page, ch, k, all + at * patch, values + at,
                                 relative);
                for (size_t i = 0; k >= found.n_top && i < patch; i++)
                    assert_true(all[at * patch + i] == 0);
            }
        }
        dcn__tensors_close(&raw);
    }
    dcn_plan_destroy(plan);
    dcn_atlas_destroy(a);
}

/* More units are asked for than there are pictures. */
static void raw_projections_are_those_of_the_whole_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        dcn_graph *graph = graph_of(nets[i]);
        const dcn_shape in = shape_of(graph, 0);
        gallery g;

        begin_gallery(&g, "whole");
        hang_noise(&g, 5, in.h, in.w, in.c, i);
        set_weights(graph, 9 + i, 2, 0);
        take_network(&g, graph);
        open_gallery(&g);
        compare_book(&g, "ref", 0, 7);
        if (has_engine("cpu"))
            compare_book(&g, "cpu", 1e-6, 7);
        close_gallery(&g);
    }
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/* What a projection's tile shows is its raw patch on its own scale. */
static void tiles_show_the_raw_projections(void **state)
{
    dcn_graph *graph = graph_of("input 20x20x1; conv filters=3 kernel=5; relu; conv filters=2 "
                                "kernel=3; relu");
    gallery g;
    dcn_atlas *a;

    (void)state;
    begin_gallery(&g, "scale");
    hang_noise(&g, 6, 20, 20, 1, 3);
    set_weights(graph, 4, 0, 1);
    take_network(&g, graph);
    open_gallery(&g);
    a = scanned(&g, (dcn_atlas_desc){ .top = 3, .way.rule = DCN_RULE_LINEAR });
    must(dcn_atlas_draw(a, g.book, &(dcn_book_desc){ .raw = DCN_RAW_SAFETENSORS }, NULL, NULL,
                        &err));
    for (int page = 0; page < 2; page++) {
        const int side = page ? 7 : 5, channels = page ? 2 : 3;
        dcn__tensors raw = raw_of(g.book, page);
        const float *all = tensor_data(&raw, "projection",
                                       page ? "(2, 3, 7, 7, 1)" : "(3, 3, 5, 5, 1)");

        for (int c = 0; c < channels; c++) {
            dcn_image strip = strip_of(g.book, page, c);
            const int n = strip.w / side / 2;

            for (int k = 0; k < n; k++) {
                const float *values = all + (size_t)((c * 3 + k) * side * side);
                uint8_t tile[49];
                float scale;

                must(dcn__signed_scale(&scale, values, (size_t)(side * side), &err));
                dcn__signed_apply(scale, values, (size_t)(side * side), 1, tile);
                for (int i = 0; i < side * side; i++)
                    for (int b = 0; b < 3; b++)
                        assert_int_equal(pixel(&strip, i / side, (n + k) * side + i % side)[b],
                                         tile[i]);
            }
            dcn_image_clear(&strip);
        }
        dcn__tensors_close(&raw);
    }
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* Left half black, right half white; the tile of a field of 64 pixels is 16 wide. */
static void large_fields_are_made_smaller(void **state)
{
    static uint8_t pixels[64 * 64 * 3];
    const dcn_image image = { 64, 64, 3, pixels };
    dcn_graph *graph = graph_of("input 64x64x3; conv filters=1 kernel=33 stride=8; relu; dense "
                                "units=2");
    gallery g;
    dcn_atlas *a;

    (void)state;
    for (int i = 0; i < 64 * 64 * 3; i++)
        pixels[i] = i / 3 % 64 < 32 ? 0 : 255;
    begin_gallery(&g, "large");
    hang(&g, 0, &image);
    for (int i = 0; i < dcn_graph_weight_count(graph); i++) {
        dcn_weight_info w;
        float *data;

        dcn_graph_weight_info(graph, i, &w);
        data = new_floats((size_t)w.count);
        for (int64_t k = 0; k < w.count; k++)
            data[k] = 0.01f;
        must(dcn_graph_set_weight(graph, i, data, w.count, &err));
        free(data);
    }
    take_network(&g, graph);
    open_gallery(&g);
    a = scanned(&g, (dcn_atlas_desc){ .tile = 16, .way.rule = DCN_RULE_DECONVNET });
    must(dcn_atlas_draw(a, g.book, NULL, NULL, NULL, &err));
    assert_int_equal(a->pages[1].patch[0], 64);
    assert_int_equal(a->pages[1].tile[1], 16);
    for (int page = 0; page < 2; page++) {
        const int width = a->pages[page].tile[1];
        char path[1000];

        assert_true(strip_path(path, sizeof path, g.book, page, 0));
        if (page == 0 || !strstr(path, ".jpg"))
            assert_non_null(strstr(path, ".png"));
        dcn_image strip = strip_of(g.book, page, 0);

        assert_int_equal(strip.h, 16);
        assert_int_equal(strip.w, 2 * width);
        if (page == 1) {
            for (int y = 0; y < 16; y++)
                assert_true(pixel(&strip, y, 1)[0] < 20 && pixel(&strip, y, 14)[1] > 235);
            assert_true(pixel(&strip, 8, 24)[0] > 128);
        }
        dcn_image_clear(&strip);
    }
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* A strip of 200 tiles must be a picture that browsers show. */
static void many_tiles_are_smaller(void **state)
{
    dcn_graph *graph = graph_of("input 300x100x1; dense units=1");
    gallery g;
    dcn_atlas *a;

    (void)state;
    begin_gallery(&g, "many");
    hang_noise(&g, 1, 300, 100, 1, 3);
    set_weights(graph, 4, 1, 0);
    take_network(&g, graph);
    open_gallery(&g);
    a = new_atlas(&g, (dcn_atlas_desc){ .tile = 400, .top = 100, .way.rule = DCN_RULE_LINEAR });
    assert_int_equal(a->pages[0].tile[0], 160);
    assert_int_equal(a->pages[0].tile[1], 53);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

static void other_channels_are_refused_by_name(void **state)
{
    dcn_graph *graph = graph_of("photo = input 8x8x2; conv filters=2 kernel=3; relu");
    dcn_atlas *a;
    gallery g;

    (void)state;
    begin_gallery(&g, "two");
    hang_noise(&g, 1, 8, 8, 1, 3);
    set_weights(graph, 4, 1, 0);
    take_network(&g, graph);
    open_gallery(&g);
    assert_true(dcn_atlas_create(&a, &g.model, g.data, &(dcn_atlas_desc){ 0 }, &err) == DCN_USAGE);
    assert_null(a);
    assert_non_null(strstr(err.text, "2 channels"));
    close_gallery(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_border_is_hatched),
        cmocka_unit_test(the_motifs_are_found_and_drawn),
        cmocka_unit_test(dead_channels_have_no_strip),
        cmocka_unit_test(raw_projections_are_those_of_the_whole_way),
        cmocka_unit_test(tiles_show_the_raw_projections),
        cmocka_unit_test(large_fields_are_made_smaller),
        cmocka_unit_test(many_tiles_are_smaller),
        cmocka_unit_test(other_channels_are_refused_by_name),
    };

    if (!has_png()) {
        print_message("no PNG in this build: nothing to draw\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
