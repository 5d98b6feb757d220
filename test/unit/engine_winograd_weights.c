/* The gradients that engine cpu makes by Winograd's convolution, against engine ref64, on given
 * values, switches and signals: below a pool and a ReLU, and alone.
 *
 * The bound is computed: each of the n roundings on the way of a product through the transforms
 * and the sums is at most u = 2^-24 of the absolute values that meet there, and they are
 * independent; so an error is a sum of many, and stays below 4 u sqrt(n * sum of squares). A
 * bias' gradient is a plain sum: n u times its absolute values. Every engine's slot has its own
 * memory, and the blocks begin as NaN. */

#include "support.h"

#include "base/memory.h"
#include "engine/program.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/winograd_weights.h"
#include "narrower.h"

typedef struct problem {
    int h, w, c, k, r;
    const char *pad;
    bool pool, relu, bias, data;
    int chunk;
} problem;

/* ---- both engines ---------------------------------------------------------------------------- */

typedef struct side {
    const dcn__engine *engine;
    dcn__program program;
    void **slots, *scratch;
    uint8_t *block;
    double *dw, *db, *data;
} side;

typedef struct world {
    const problem *p;
    dcn_graph *g;
    dcn_node x, conv, relu, pool;              /* -1: not there */
    int first, last;                           /* steps that are run */
    void *weights[2][8];
    double *s;                                 /* at the convolution: (chunk,h,w,K) */
    double *in;                                /* (chunk,H,W,C) */
    char text[300];
} world;

static dcn_shape node_shape(const world *t, dcn_node n)
{
    return t->g->nodes[n].shape;
}

static void make_graph(world *t)
{
    const problem *p = t->p;

    snprintf(t->text, sizeof t->text,
             "input %dx%dx%d; c = conv filters=%d kernel=%d pad=%s%s; %s%sdense units=2", p->h,
             p->w, p->c, p->k, p->r, p->pad,
                 p->bias ? "" : " bias=no",
             p->relu ? "r = relu; " : "", p->pool ? "p = max_pool 2; " : "");
    if (p->data)
        snprintf(t->text, sizeof t->text,
                 "input %dx%dx2; conv filters=%d kernel=1; c = conv filters=%d kernel=%d pad=%s%s; "
                 "%s%sdense units=2", p->h, p->w, p->c, p->k, p->r, p->pad,
                 p->bias ? "" : " bias=no",
                 p->relu ? "r = relu; " : "", p->pool ? "p = max_pool 2; " : "");
    if (dcn_graph_parse(&t->g, t->text, strlen(t->text), "net", NULL, &err) ||
        dcn_graph_init_weights(t->g, 1, &err))
        fail_msg("%s: %s", t->text, err.text);
    t->conv = dcn_graph_find(t->g, "c");
    t->relu = p->relu ? dcn_graph_find(t->g, "r") : -1;
    t->pool = p->pool ? dcn_graph_find(t->g, "p") : -1;
    t->x = t->g->nodes[t->conv].inputs[0];
}

static void open_side(side *e, world *t, const dcn__engine *engine)
{
    dcn__walk *w = &e->program.walk;
    int token;

    e->engine = engine;
    token = engine->enter(1);
    assert_int_equal(dcn__walk_forward(w, t->g, t->g->n_nodes - 1, &err), DCN_OK);
    assert_int_equal(dcn__walk_training(w, t->g, &err), DCN_OK);
    assert_int_equal(dcn__program_begin(&e->program, &err), DCN_OK);
    e->program.sums = DCN__SUMS_FAST;
    assert_int_equal(dcn__program_group(&e->program, t->g, engine, &err), DCN_OK);
    assert_int_equal(dcn__program_place(&e->program, t->g, engine->real_bytes, t->p->chunk, &err),
                     DCN_OK);
    if (dcn__program_prepare(&e->program, t->g, engine, t->p->chunk, 1, &err))
        fail_msg("%s: %s", t->text, err.text);
    e->slots = dcn__alloc_array((size_t)w->n_slots, sizeof *e->slots);
    for (int s = 0; s < w->n_slots; s++) {
        const size_t bytes = dcn__slot_bytes(t->g, &w->slots[s], engine->real_bytes, t->p->chunk);

        e->slots[s] = dcn__alloc_aligned(bytes + 64);
        memset(e->slots[s], 0xff, bytes);
    }
    e->scratch = dcn__alloc_aligned(e->program.scratch_bytes + 64);
    memset(e->scratch, 0xff, e->program.scratch_bytes);
    e->block = dcn__alloc_aligned(e->program.gradient_bytes + 64);
    memset(e->block, 0xff, e->program.gradient_bytes);
    t->first = t->last = -1;
    for (int i = w->first_reverse; i < w->n_steps; i++) {
        const dcn__step *s = &w->steps[i];

        if ((t->pool >= 0 && s->node == t->pool && s->action == DCN__DO_UNPOOL) ||
            (t->first < 0 && s->node == t->conv))
            t->first = i;
        if (s->node == t->conv)
            t->last = i;
    }
    engine->leave(token);
}

static void close_side(side *e)
{
    for (int s = 0; s < e->program.walk.n_slots; s++)
        dcn__free_aligned(e->slots[s]);
    dcn__free(e->slots);
    dcn__free_aligned(e->scratch);
    dcn__free_aligned(e->block);
    dcn__free(e->dw);
    dcn__free(e->db);
    dcn__free(e->data);
    dcn__program_clear(&e->program);
}

static void *slot_of(const side *e, dcn__slot_kind kind, dcn_node node)
{
    const int slot = dcn__walk_find(&e->program.walk, kind, node);

    assert_true(slot >= 0);
    return e->slots[slot];
}

static void put(const side *e, dcn__slot_kind kind, dcn_node node, size_t i, double v)
{
    void *array = slot_of(e, kind, node);

    if (e->engine->real_bytes == sizeof(float))
        ((float *)array)[i] = (float)v;
    else
        ((double *)array)[i] = v;
}

static double real_at(const side *e, const void *array, size_t i)
{
    return e->engine->real_bytes == sizeof(float) ? (double)((const float *)array)[i]
                                                  : ((const double *)array)[i];
}

/* ---- the numbers ----------------------------------------------------------------------------- */

static float normal(dcn__random *r)
{
    return (float)dcn__random_normal(r);
}

/* Without a pool the signal is the convolution's own, behind the ReLU's mask. */
static void fill_plain(world *t, side e[2], dcn__random *r)
{
    const size_t n = (size_t)t->p->chunk * (size_t)dcn__shape_size(node_shape(t, t->conv));

    for (size_t i = 0; i < n; i++) {
        t->s[i] = normal(r);
        for (int k = 0; k < 2; k++)
            put(&e[k], DCN__SLOT_SIGNAL, t->conv, i, t->s[i]);
    }
}

/* A winner is alive in two cells of three; beside it are numbers no larger. */
static void fill_pool(world *t, side e[2], dcn__random *r)
{
    const dcn_shape in = node_shape(t, t->conv), out = node_shape(t, t->pool);
    const size_t n = (size_t)t->p->chunk * (size_t)dcn__shape_size(out);

    for (int k = 0; k < 2 && t->relu >= 0; k++)
        for (size_t i = 0; i < (size_t)t->p->chunk * (size_t)dcn__shape_size(in); i++)
            put(&e[k], DCN__SLOT_VALUE, t->relu, i, 0);
    for (size_t i = 0; i < n; i++) {
        const size_t k = i % (size_t)out.c, col = i / (size_t)out.c % (size_t)out.w;
        const size_t row = i / (size_t)out.c / (size_t)out.w % (size_t)out.h;
        const size_t picture = i / (size_t)dcn__shape_size(out);
        const bool low = 2 * row + 1 < (size_t)in.h, right = 2 * col + 1 < (size_t)in.w;
        const unsigned place = (unsigned)dcn__random_below(r, 4) & (low ? 3 : 1) & (right ? 3 : 2);
        const float s = normal(r), y = dcn__random_below(r, 3) ? fabsf(normal(r)) + 0.01f : 0;
        const size_t at = ((picture * (size_t)in.h + 2 * row + place / 2) * (size_t)in.w + 2 * col +
                           place % 2) * (size_t)in.c + k;

        t->s[at] = t->relu < 0 || y > 0 ? s : 0;
        for (int j = 0; j < 2; j++) {
            put(&e[j], DCN__SLOT_SIGNAL, t->pool, i, s);
            put(&e[j], DCN__SLOT_VALUE, t->pool, i, t->relu < 0 ? -1 : y);
            ((uint8_t *)slot_of(&e[j], DCN__SLOT_SWITCH, t->pool))[i] = (uint8_t)place;
            if (t->relu >= 0)
                put(&e[j], DCN__SLOT_VALUE, t->relu, at, y);
        }
    }
}

static void fill(world *t, side e[2])
{
    const size_t in = (size_t)t->p->chunk * (size_t)dcn__shape_size(node_shape(t, t->x));
    const size_t out = (size_t)t->p->chunk * (size_t)dcn__shape_size(node_shape(t, t->conv));
    dcn__random r = dcn__random_stream(1, (uint64_t)in, (uint64_t)out);

    t->in = dcn__alloc_array(in, sizeof *t->in);
    t->s = dcn__alloc_array(out, sizeof *t->s);
    for (size_t i = 0; i < in; i++) {
        t->in[i] = normal(&r);
        for (int k = 0; k < 2; k++)
            put(&e[k], DCN__SLOT_VALUE, t->x, i, t->in[i]);
    }
    if (t->pool >= 0)
        fill_pool(t, e, &r);
    else
        fill_plain(t, e, &r);
    for (int i = 0; i < t->g->n_weights; i++) {
        const size_t n = (size_t)t->g->weights[i].count;
        float *f = t->weights[0][i] = dcn__alloc_array(n, sizeof *f);
        double *d = t->weights[1][i] = dcn__alloc_array(n, sizeof *d);

        for (size_t j = 0; j < n; j++)
            d[j] = f[j] = normal(&r);
    }
}

/* ---- running --------------------------------------------------------------------------------- */

static void run(side *e, const world *t)
{
    void *const *weights = t->weights[e->engine->real_bytes == sizeof(double)];
    const dcn__frame f = { .slots = e->slots, .scratch = e->scratch, .weights = weights,
                           .gradients = e->block, .n = t->p->chunk, .total = t->p->chunk };
    const size_t real = e->engine->real_bytes;
    const int token = e->engine->enter(1);
    void *gradients[8] = { NULL };

    for (int i = 0; i < t->g->n_weights; i++)
        gradients[i] = dcn__alloc_array((size_t)t->g->weights[i].count, real);
    for (int i = 0; i < e->program.n_groups; i++) {
        dcn__kernel *k = e->program.kernels[i];
        const int first = e->program.groups[i].first;

        if (first < t->first || first > t->last)
            continue;
        if (k->pack)
            k->pack(k, weights);
        k->run(k, &f);
        if (k->gradient_bytes)
            k->unpack(k, e->block + k->gradient_offset, gradients);
    }
    e->engine->leave(token);
    for (int i = 0; i < t->g->n_weights; i++) {
        const dcn__node *conv = &t->g->nodes[t->conv];
        const size_t n = (size_t)t->g->weights[i].count;
        double *to = i == conv->weight || i == conv->bias ? dcn__alloc_array(n, sizeof *to) : NULL;

        for (size_t j = 0; to && j < n; j++)
            to[j] = real_at(e, gradients[i], j);
        if (i == conv->weight)
            e->dw = to;
        else if (to)
            e->db = to;
        dcn__free(gradients[i]);
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Absolute values of the transforms' matrices, by point. */
static const double input_matrix[8][8] = {
    { 1, 0, 5.25, 0, 5.25, 0, 1, 0 },   { 0, 1, 1, 4.25, 4.25, 1, 1, 0 },
    { 0, 1, 1, 4.25, 4.25, 1, 1, 0 },   { 0, 0.5, 0.25, 2.5, 1.25, 2, 1, 0 },
    { 0, 0.5, 0.25, 2.5, 1.25, 2, 1, 0 }, { 0, 2, 4, 2.5, 5, 0.5, 1, 0 },
    { 0, 2, 4, 2.5, 5, 0.5, 1, 0 },     { 0, 1, 0, 5.25, 0, 5.25, 0, 1 }
};

/* The point's powers times f, n of them; the point at infinity has the last alone. */
static double power(int point, int i, int n, bool scaled)
{
    static const double points[] = { 0, 1, 1, 2, 2, 0.5, 0.5 };
    static const double factors[] = { 1,        2.0 / 9,   2.0 / 9,  1.0 / 90,
                                      1.0 / 90, 32.0 / 45, 32.0 / 45 };

    return point == 7 ? i == n - 1 : (scaled ? factors[point] : 1) * pow(points[point], i);
}

/* Point (p, q) of an 8x8 or m x m tile of absolute values. */
static double at_point(const double tile[8][8], int p, int q, int m)
{
    double sum = 0;

    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++)
            sum += fabs(tile[i][j]) * (m == 8 ? input_matrix[p][i] * input_matrix[q][j]
                                              : power(p, i, m, false) * power(q, j, m, false));
    return sum;
}

/* n x n numbers of channel c of picture `n` from (row, col) on; outside are zeros. */
static void cut(const double *x, dcn_shape s, int picture, int row, int col, int c, int n,
                double tile[8][8])
{
    memset(tile, 0, 64 * sizeof(double));
    for (int i = row; i < row + n; i++)
        for (int j = col; j < col + n; j++)
            if (i >= 0 && i < s.h && j >= 0 && j < s.w)
                tile[i - row][j - col] = x[(((size_t)picture * (size_t)s.h + (size_t)i) *
                                            (size_t)s.w + (size_t)j) * (size_t)s.c + (size_t)c];
}

/* Tiles that there are, and the sums of the products' squares at each point: (64,C,K). */
static int squares(const world *t, double *sums)
{
    const dcn_shape in = node_shape(t, t->x), out = node_shape(t, t->conv);
    const dcn__window *w = &t->g->nodes[t->conv].window;
    const int m = 9 - t->p->r;
    double *xs = dcn__alloc_array((size_t)in.c * 64, sizeof *xs), tile[8][8];
    int tiles = 0;

    for (int n = 0; n < t->p->chunk; n++)
        for (int row = 0; row < out.h; row += m)
            for (int col = 0; col < out.w; col += m, tiles++) {
                for (int c = 0; c < in.c; c++) {
                    cut(t->in, in, n, row - w->pad[0], col - w->pad[1], c, 8, tile);
                    for (int p = 0; p < 64; p++)
                        xs[c * 64 + p] = at_point(tile, p / 8, p % 8, 8);
                }
                for (int k = 0; k < out.c; k++) {
                    cut(t->s, out, n, row, col, k, m, tile);
                    for (int p = 0; p < 64; p++) {
                        const double s = at_point(tile, p / 8, p % 8, m);

                        for (int c = 0; c < in.c; c++)
                            sums[(p * in.c + c) * out.c + k] +=
                                s * xs[c * 64 + p] * s * xs[c * 64 + p];
                    }
                }
            }
    dcn__free(xs);
    return tiles;
}

static void compare_weights(const world *t, const side e[2])
{
    const int r = t->p->r, C = node_shape(t, t->x).c, K = t->p->k;
    double *sums = dcn__alloc_array((size_t)(64 * C * K), sizeof *sums);
    const int tiles = squares(t, sums);
    const double roundings = tiles + 30;
    double worst = 0;

    for (int tap = 0; tap < r * r; tap++)
        for (int c = 0; c < C; c++)
            for (int k = 0; k < K; k++) {
                const size_t i = (size_t)((tap * C + c) * K + k);
                double sum = 0, bound;

                for (int p = 0; p < 64; p++) {
                    const double g =
                        power(p / 8, tap / r, r, true) * power(p % 8, tap % r, r, true);

                    sum += g * g * sums[(p * C + c) * K + k];
                }
                bound = 4 * 0x1p-24 * sqrt(roundings * sum);
                worst = fmax(worst, fabs(e[0].dw[i] - e[1].dw[i]) / bound);
                if (!(fabs(e[0].dw[i] - e[1].dw[i]) <= bound))
                    fail_msg("%s: tap %d, input %d, output %d is %.9g, wanted %.9g +- %g", t->text,
                             tap, c, k, e[0].dw[i], e[1].dw[i], bound);
            }
    dcn__free(sums);
    print_message("%.2f of the bound: %s\n", worst, t->text);
}

static void compare_bias(const world *t, const side e[2])
{
    const size_t K = (size_t)t->p->k;
    const size_t n = (size_t)t->p->chunk * (size_t)dcn__shape_size(node_shape(t, t->conv)) / K;

    assert_int_equal(e[0].db != NULL, t->p->bias);
    for (size_t k = 0; e[0].db && k < K; k++) {
        double sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += fabs(t->s[i * K + k]);
        if (!(fabs(e[0].db[k] - e[1].db[k]) <= (double)n * 0x1p-24 * sum))
            fail_msg("%s: bias %zu is %.9g, wanted %.9g", t->text, k, e[0].db[k], e[1].db[k]);
    }
}

/* The 2-norm of picture i's signal, and of what input channel c weighs it with. */
static double signal_norm(const world *t, size_t i)
{
    const size_t size = (size_t)dcn__shape_size(node_shape(t, t->conv));
    double sum = 0;

    for (size_t j = i * size; j < (i + 1) * size; j++)
        sum += t->s[j] * t->s[j];
    return sqrt(sum);
}

static double weight_norm(const world *t, size_t c)
{
    const size_t taps = (size_t)(t->p->r * t->p->r), C = (size_t)t->p->c, K = (size_t)t->p->k;
    const double *w = t->weights[1][t->g->nodes[t->conv].weight];
    double sum = 0;

    for (size_t j = 0; j < taps; j++)
        for (size_t k = 0; k < K; k++)
            sum += w[(j * C + c) * K + k] * w[(j * C + c) * K + k];
    return sqrt(sum);
}

/* By the bound of winograd.h, |s| that of a picture: engine_winograd.c looks closer. */
static void compare_data(const world *t, const side e[2])
{
    const size_t n = (size_t)dcn__shape_size(node_shape(t, t->x)), C = (size_t)t->p->c;
    const void *got = slot_of(&e[0], DCN__SLOT_SIGNAL, t->x);
    const void *want = slot_of(&e[1], DCN__SLOT_SIGNAL, t->x);

    for (size_t picture = 0; picture < (size_t)t->p->chunk; picture++)
        for (size_t c = 0; c < C; c++) {
            const double bound =
                (double)DCN__WINOGRAD_ERROR * signal_norm(t, picture) * weight_norm(t, c);

            for (size_t i = picture * n + c; i < (picture + 1) * n; i += C)
                if (!(fabs(real_at(&e[0], got, i) - real_at(&e[1], want, i)) <= bound))
                    fail_msg("%s: data %zu is %.9g, wanted %.9g +- %g", t->text, i,
                             real_at(&e[0], got, i), real_at(&e[1], want, i), bound);
        }
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void check(const problem *p)
{
    world t = { .p = p };
    side e[2];

    memset(e, 0, sizeof e);
    make_graph(&t);
    open_side(&e[0], &t, &dcn__engine_cpu);
    open_side(&e[1], &t, &dcn__engine_ref_f64);
    {
        const dcn__winograd_way way = { .conv = &t.g->nodes[t.conv], .data = p->data,
                                        .pool = t.pool < 0 ? NULL : &t.g->nodes[t.pool] };

        if (!dcn__winograd_weights_fits(t.g, DCN__SUMS_FAST, &way))
            fail_msg("%s: is not done by Winograd", t.text);
        assert_false(dcn__winograd_weights_fits(t.g, DCN__SUMS_FAITHFUL, &way));
    }
    fill(&t, e);
    run(&e[0], &t);
    run(&e[1], &t);
    compare_weights(&t, e);
    compare_bias(&t, e);
    if (p->data)
        compare_data(&t, e);
    for (int i = 0; i < t.g->n_weights; i++) {
        dcn__free(t.weights[0][i]);
        dcn__free(t.weights[1][i]);
    }
    dcn__free(t.in);
    dcn__free(t.s);
    close_side(&e[0]);
    close_side(&e[1]);
    dcn_graph_destroy(t.g);
}

static void few_channels_below_a_pool(void **state)
{
    static const problem problems[] = {
        { 24, 24, 3, 64, 5, "same", true, true, true, false, 8 },
        { 23, 21, 3, 32, 5, "same", true, true, true, false, 1 },
        { 14, 17, 1, 16, 5, "valid", true, true, false, false, 3 },
        { 9, 30, 4, 16, 5, "4", true, true, true, false, 2 },
        { 18, 26, 4, 48, 3, "same", true, true, true, false, 2 },
        { 13, 50, 3, 16, 3, "0,1,2,1", true, false, true, false, 2 },
        { 60, 70, 3, 16, 3, "valid", true, true, true, false, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(problems); i++)
        check(&problems[i]);
}

static void many_channels_below_a_pool(void **state)
{
    static const problem problems[] = {
        { 12, 12, 64, 64, 5, "same", true, true, true, true, 8 },
        { 12, 12, 64, 64, 5, "same", true, true, true, false, 3 },
        { 15, 19, 48, 80, 5, "same", true, true, false, true, 2 },
        { 24, 30, 96, 64, 3, "same", true, false, true, true, 1 },
        { 16, 20, 64, 80, 5, "valid", true, true, true, false, 2 },
        { 16, 22, 64, 64, 5, "2,1,2,3", true, true, true, true, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(problems); i++)
        check(&problems[i]);
}

static void without_a_pool(void **state)
{
    static const problem problems[] = {
        { 20, 28, 3, 32, 5, "same", false, true, true, false, 2 },
        { 19, 23, 4, 16, 3, "valid", false, false, false, false, 3 },
        { 13, 22, 48, 48, 3, "same", false, true, true, false, 4 },
        { 12, 15, 32, 80, 5, "1,2,3,4", false, false, true, false, 5 },
        { 31, 30, 32, 32, 3, "2", false, true, false, false, 7 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(problems); i++)
        check(&problems[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_channels_below_a_pool),
        cmocka_unit_test(many_channels_below_a_pool),
        cmocka_unit_test(without_a_pool),
        cmocka_unit_test(narrower_machines_are_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("skipped: this build has no engine cpu\n");
    return 77;
}

#endif
