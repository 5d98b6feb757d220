/* atlas_help.h - small networks and pictures for the tests of the atlas, and what an atlas must find
 * in them, found by looking at everything. */
#ifndef ATLAS_HELP_H
#define ATLAS_HELP_H

#include "data_help.h"
#include "support.h"

#include "atlas/atlas.h"

enum { SIDE = 12, TRAIN = 150, TEST = 70 };

/* A model, its data, and the data's folder. */
typedef struct world { dcn_model model; dcn_data *data; char folder[600]; } world;

static inline const char *path_of(const char *name)
{
    static char paths[4][600];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s.%ld.%s", DCN_TEST_TMP,
             program_invocation_short_name, (long)getpid(), name);
    return paths[turn];
}

/* Noise; every seventh picture is constant, every fifth the one 10 before it: so there are ties. */
static inline void draw_pictures(uint8_t *pixels, int n, uint64_t seed)
{
    const size_t size = SIDE * SIDE;

    for (int p = 0; p < n; p++) {
        uint8_t *to = pixels + (size_t)p * size;

        for (size_t i = 0; i < size; i++)
            to[i] = p % 7 == 3 ? (uint8_t)(p % 2 * 200)
                               : (uint8_t)dcn__hash64(seed * 1000 + (uint64_t)p * size + i);
        if (p % 5 == 0 && p >= 10)
            memcpy(to, to - 10 * size, size);
    }
}

static inline void put_split(const char *folder, const char *name, int n, uint64_t seed)
{
    uint8_t *bytes = malloc(16 + (size_t)n * SIDE * SIDE + 1);
    char file[60];

    idx_pictures(bytes, n, 0, 0, 0);
    bytes[11] = bytes[15] = SIDE;
    draw_pictures(bytes + 16, n, seed);
    snprintf(file, sizeof file, "%s-images-idx3-ubyte", name);
    put_file(folder, file, bytes, 16 + (size_t)n * SIDE * SIDE);
    snprintf(file, sizeof file, "%s-labels-idx1-ubyte", name);
    put_file(folder, file, bytes, idx_labels(bytes, n, 10));
    free(bytes);
}

/* Grey pictures of SIDE x SIDE, TRAIN and TEST of them. */
static inline void open_idx(world *w, const char *name, uint64_t seed)
{
    fresh_folder(w->folder, sizeof w->folder, name);
    put_split(w->folder, "train", TRAIN, seed);
    put_split(w->folder, "t10k", TEST, seed + 1);
    must(dcn_data_open(&w->data, w->folder, NULL, &err));
}

static inline void set_model(world *w, const char *text, uint64_t seed, int limit)
{
    w->model = (dcn_model){ .graph = graph_of(text) };
    set_weights(w->model.graph, seed, limit, 0.3f);
    w->model.preprocess = (dcn_preprocess){ .shape = shape_of(w->model.graph, 0),
                                            .normalize = DCN_NORMALIZE_NONE };
}

static inline void close_world(world *w)
{
    dcn_model_clear(&w->model);
    dcn_data_close(w->data);
    if (w->folder[0])
        remove_tree(w->folder);
}

/* Weight `name` (its last dimension are the channels): f(old value, index of the rest, channel). */
static inline void change_channel(dcn_graph *g, const char *name, int channel, float factor,
                                  float term)
{
    for (int i = 0; i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info w;
        float *data;
        int64_t C;

        dcn_graph_weight_info(g, i, &w);
        if (strcmp(w.name, name) != 0)
            continue;
        C = w.dims[w.rank - 1];
        data = new_floats((size_t)w.count);
        memcpy(data, w.data, (size_t)w.count * sizeof *data);
        for (int64_t k = channel; k < w.count; k += C)
            data[k] = data[k] * factor + term;
        must(dcn_graph_set_weight(g, i, data, w.count, &err));
        free(data);
        return;
    }
    fail_msg("the test names a weight %s that is not there", name);
}

static inline void copy_channel(dcn_graph *g, const char *name, int to, int from)
{
    for (int i = 0; i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info w;
        float *data;
        int64_t C;

        dcn_graph_weight_info(g, i, &w);
        if (strcmp(w.name, name) != 0)
            continue;
        C = w.dims[w.rank - 1];
        data = new_floats((size_t)w.count);
        memcpy(data, w.data, (size_t)w.count * sizeof *data);
        for (int64_t k = 0; k < w.count; k += C)
            data[k + to] = data[k + from];
        must(dcn_graph_set_weight(g, i, data, w.count, &err));
        free(data);
        return;
    }
    fail_msg("the test names a weight %s that is not there", name);
}

static inline dcn_atlas *atlas_of(const world *w, dcn_atlas_desc desc)
{
    dcn_atlas *a = NULL;

    if (!desc.engine)
        desc.engine = "ref";
    if (!desc.threads)
        desc.threads = 1;
    desc.way.rule = DCN_RULE_GRADIENT;
    must(dcn_atlas_create(&a, &w->model, w->data, &desc, &err));
    assert_int_equal(a->desc.batch % a->chunk, 0);
    assert_int_equal(DCN__STRETCH % a->chunk, 0);
    return a;
}

static inline dcn__bytes state_of(const dcn_atlas *a)
{
    dcn__bytes bytes;

    must(dcn_atlas_save(a, path_of("state"), &err));
    must(dcn__file_read(&bytes, path_of("state"), 1 << 26, &err));
    unlink(path_of("state"));
    return bytes;
}

static inline bool same_bytes(const dcn__bytes *a, const dcn__bytes *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* A whole scan's state. */
static inline dcn__bytes scan_of(const world *w, dcn_atlas_desc desc)
{
    dcn_atlas *a = atlas_of(w, desc);
    dcn__bytes bytes;

    must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
    bytes = state_of(a);
    dcn_atlas_destroy(a);
    return bytes;
}

/* Stops at the call number *user, counted from 1. */
static inline int stop_at(void *user, int64_t done, int64_t total)
{
    int *left = user;

    assert_true(done > 0 && done <= total);
    return --*left == 0;
}

/* ---- brute force ------------------------------------------------------------------------- */

static inline int by_rank(const void *a, const void *b)
{
    const dcn_atlas_unit *p = a, *q = b;

    if (p->value != q->value)
        return p->value > q->value ? -1 : 1;
    return p->picture < q->picture ? -1 : 1;
}

/* Of one layer: each channel's unit on each picture that is not at 0, and on how many it is above. */
typedef struct truth {
    dcn_atlas_unit *units;        /* (C,pictures) */
    int *counts;                  /* (C) */
    int64_t *fired;
} truth;

/* values: (h,w,C) of picture p. */
static inline void look(truth *t, dcn_shape s, const float *values, int64_t p, int64_t pictures)
{
    for (int c = 0; c < s.c; c++) {
        dcn_atlas_unit best = { p, -INFINITY, 0, 0 };

        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                if (values[(y * s.w + x) * s.c + c] > best.value)
                    best = (dcn_atlas_unit){ p, values[(y * s.w + x) * s.c + c], y, x };
        t->fired[c] += best.value > 0;
        if (best.value != 0)
            t->units[(int64_t)c * pictures + t->counts[c]++] = best;
    }
}

static inline void is_truth(const dcn_atlas *a, int layer, const truth *t, int C)
{
    for (int c = 0; c < C; c++) {
        dcn_atlas_unit *want = t->units + (int64_t)c * dcn_atlas_pictures(a);
        dcn_atlas_channel got;

        qsort(want, (size_t)t->counts[c], sizeof *want, by_rank);
        must(dcn_atlas_channel_get(a, layer, c, &got, &err));
        assert_int_equal(got.fired, t->fired[c]);
        assert_int_equal(got.n_top, t->counts[c] < a->desc.top ? t->counts[c] : a->desc.top);
        for (int i = 0; i < got.n_top; i++)
            if (got.top[i].picture != want[i].picture || got.top[i].value != want[i].value ||
                got.top[i].y != want[i].y || got.top[i].x != want[i].x)
                fail_msg("layer %d channel %d place %d: picture %lld, %g at %d,%d instead of %lld, "
                         "%g at %d,%d", layer, c, i, (long long)got.top[i].picture,
                         (double)got.top[i].value, got.top[i].y, got.top[i].x,
                         (long long)want[i].picture, (double)want[i].value, want[i].y, want[i].x);
    }
}

/* Every activation of every layer on every picture, by the ref engine, one picture at a time. */
static inline void is_brute_force(const dcn_atlas *a, const world *w)
{
    const dcn_graph *g = w->model.graph;
    const int64_t n = dcn_atlas_pictures(a);
    dcn_plan *plan = plan_of(g, (dcn_plan_desc){ .engine = "ref", .keep_all = 1 });
    float *in = new_floats(size_of(g, 0));
    truth *all = calloc((size_t)a->n_pages, sizeof *all);

    for (int l = 0; l < a->n_pages; l++) {
        const size_t C = (size_t)shape_of(g, dcn_atlas_layer(a, l)).c;

        all[l] = (truth){ malloc(C * (size_t)n * sizeof(dcn_atlas_unit)), calloc(C, sizeof(int)),
                          calloc(C, sizeof(int64_t)) };
    }
    for (int64_t p = a->first; p < a->end; p++) {
        int64_t index;
        const dcn_split split = dcn__atlas_split(a, p, &index);

        must(dcn_data_sample(w->data, split, index, &w->model.preprocess, DCN_AUGMENT_NONE, 0, 0,
                             in, NULL, &err));
        dcn_plan_forward(plan, in, 1);
        for (int l = 0; l < a->n_pages; l++) {
            float *values = new_floats(size_of(g, dcn_atlas_layer(a, l)));

            must(dcn_plan_value(plan, dcn_atlas_layer(a, l), values, &err));
            look(&all[l], shape_of(g, dcn_atlas_layer(a, l)), values, p, n);
            free(values);
        }
    }
    for (int l = 0; l < a->n_pages; l++) {
        is_truth(a, l, &all[l], shape_of(g, dcn_atlas_layer(a, l)).c);
        free(all[l].units);
        free(all[l].counts);
        free(all[l].fired);
    }
    free(all);
    free(in);
    dcn_plan_destroy(plan);
}

#endif
