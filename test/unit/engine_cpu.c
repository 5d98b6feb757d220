/* The engine cpu against the definition, step by step: every action, alone and fused, on random
 * shapes.
 *
 * Whole numbers (every partial sum below 2^24): equal. Real numbers: within the rounding bound of
 * the sums that make a slot, 2 gamma(terms) * sum |a b|, which engine ref computes from absolute
 * values. Every slot has its own memory, full of NaN before and with guards around. A failing case
 * prints one line; its first word, given as argument, runs it alone. A second argument is the
 * number of cases of each kind (the first 0: all). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "engine/program.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/dnn.h"
#include "engine_cpu_graphs.h"
#include "narrower.h"

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 20 };                                 /* the definition is slow there */
#else
enum { CASES = 60 };
#endif
enum { GUARD = 64, WEIGHTS = 16 };      /* GUARD in bytes: also the alignment */

static const dcn__engine *wrong;                     /* the engine under test */
static bool strange_numbers;                         /* NaN and infinity among the pictures' */
static int cases;                                    /* of each kind */
static uint64_t only;                                /* a seed, or 0: all */

/* ---- running programs
 * ------------------------------------------------------------------------------- */

typedef struct bench {
    const dcn_graph *g;
    int chunk, n;
    bool whole;
    void *weights[WEIGHTS], *abs_weights[WEIGHTS];
    int32_t labels[8];
    bool coarse, exact;           /* see compare */
    char line[2000];
} bench;

/* A program with its own memory for every slot. */
typedef struct rig {
    dcn__program program;
    const dcn__engine *engine;
    int threads;
    void **slots;
    bool *written, *asked;        /* asked: must be written, before groups said what they read */
    uint8_t *gradients;
    void *scratch;
    double loss;
    int correct;
} rig;

static void *guarded(size_t bytes, int fill)
{
    uint8_t *block = dcn__alloc_aligned(bytes + 2 * GUARD);

    assert_non_null(block);
    memset(block, 0xa5, bytes + 2 * GUARD);
    memset(block + GUARD, fill, bytes);
    return block + GUARD;
}

static void unguard(const bench *b, void *array, size_t bytes, const char *what)
{
    const uint8_t *block = (const uint8_t *)array - GUARD;

    for (size_t i = 0; i < GUARD; i++)
        if (block[i] != 0xa5 || block[GUARD + bytes + i] != 0xa5)
            fail_msg("%s: wrote beside %s", b->line, what);
    dcn__free_aligned((uint8_t *)array - GUARD);
}

static size_t bytes_of(const bench *b, const dcn__slot *slot)
{
    return dcn__slot_bytes(b->g, slot, sizeof(float), b->chunk);
}

static void rig_open(rig *r, const bench *b, const dcn__engine *engine, int threads,
                     void *const *weights)
{
    const int n = r->program.walk.n_slots;
    dcn_error err;
    int token;

    r->engine = engine;
    r->threads = threads;
    token = engine->enter(threads);
    r->asked = dcn__alloc_array((size_t)n + 1, sizeof *r->asked);
    memcpy(r->asked, r->program.needed, (size_t)n * sizeof *r->asked);
    assert_int_equal(dcn__program_group(&r->program, b->g, engine, &err), DCN_OK);
    assert_int_equal(dcn__program_place(&r->program, b->g, sizeof(float), b->chunk, &err), DCN_OK);
    if (dcn__program_prepare(&r->program, b->g, engine, b->chunk, threads, &err))
        fail_msg("%s: %s", b->line, err.text);
    r->slots = dcn__alloc_array((size_t)n + 1, sizeof *r->slots);
    r->written = dcn__alloc_array((size_t)n + 1, sizeof *r->written);
    for (int s = 0; s < n; s++)
        r->slots[s] = guarded(bytes_of(b, &r->program.walk.slots[s]), 0xff);
    r->gradients = guarded(r->program.gradient_bytes, 0xff);
    r->scratch = guarded(r->program.scratch_bytes, 0xff);
    for (int i = 0; i < r->program.n_groups; i++)
        if (r->program.kernels[i]->pack)
            r->program.kernels[i]->pack(r->program.kernels[i], weights);
    engine->leave(token);
}

/* The groups whose first step is one of [first, end). */
static void rig_run(rig *r, const bench *b, void *const *weights, int first, int end,
                    const dcn_start *starts)
{
    const dcn__walk *w = &r->program.walk;
    const dcn__frame f = { .slots = r->slots,
                           .scratch = r->scratch,
                           .weights = weights,
                           .n = b->n,
                           .gradients = r->gradients,
                           .starts = starts,
                           .labels = b->labels,
                           .total = 16,
                           .loss = &r->loss,
                           .correct = &r->correct };
    const int token = r->engine->enter(r->threads);

    for (int i = 0; i < r->program.n_groups; i++) {
        const int *reads;
        int n_reads, n_writes, writes[DCN__GROUP_SLOTS];

        if (r->program.groups[i].first < first || r->program.groups[i].first >= end)
            continue;
        r->program.kernels[i]->run(r->program.kernels[i], &f);
        dcn__group_slots(w, &r->program.groups[i], &reads, &n_reads, writes, &n_writes);
        for (int k = 0; k < n_writes; k++)
            r->written[writes[k]] = true;
    }
    r->engine->leave(token);
}

static void rig_close(rig *r, const bench *b)
{
    for (int s = 0; s < r->program.walk.n_slots; s++)
        unguard(b, r->slots[s], bytes_of(b, &r->program.walk.slots[s]), "a slot");
    unguard(b, r->gradients, r->program.gradient_bytes, "the gradients");
    unguard(b, r->scratch, r->program.scratch_bytes, "the scratch");
    dcn__free(r->slots);
    dcn__free(r->written);
    dcn__free(r->asked);
    dcn__program_clear(&r->program);
}

/* ---- comparing
 * ------------------------------------------------------------------------------------------ */

/* Products in the longest sum of the network, over one operator. */
static double terms(const bench *b)
{
    double most = 1;

    for (int i = 0; i < b->g->n_nodes; i++) {
        const dcn__node *n = &b->g->nodes[i];
        const double taps = (double)n->window.kernel[0] * n->window.kernel[1];
        const double in = n->n_inputs ? b->g->nodes[n->inputs[0]].shape.c : 1;
        const double size =
            n->n_inputs ? (double)dcn__shape_size(b->g->nodes[n->inputs[0]].shape) : 1;
        const double all[] = { taps * in, taps * n->shape.c,
                               (double)b->chunk * n->shape.h * n->shape.w,
                               n->op == DCN__OP_DENSE ? size : 1 };

        for (int k = 0; k < 4; k++)
            most = all[k] > most ? all[k] : most;
    }
    return most + 4;
}

/* sums: of absolute values. Whole numbers whose sums may pass 2^24 prove nothing and are left
 * out. Where an activation or a normalisation follows, `sums` is that of a network which passes it
 * by: no slope is above 2, no value further than 1 from its input, and a normalisation adds up to 6
 * neighbours (coarse). */
static void compare(const bench *b, const char *what, const float *got, const float *want,
                    const float *sums, size_t n)
{
    const double gamma = b->whole || b->exact ? 0 : 2 * terms(b) * 0x1p-24;
    double most = 0;

    for (size_t i = 0; b->coarse && i < n; i++)
        most = fmax(most, fabs((double)sums[i]));
    for (size_t i = 0; i < n; i++) {
        const double sum = b->coarse ? 12 * most + 1 : fabs((double)sums[i]);
        const double bound = gamma > 0 ? gamma * sum + 1e-37 : 0;

        if (b->whole && sums[i] >= 0x1p24f && !isinf(sums[i]))
            continue;
        if (isnan(got[i]) != isnan(want[i]) || isinf(got[i]) != isinf(want[i]) ||
            (!isnan(want[i]) && !isinf(want[i]) &&
             !(fabs((double)got[i] - (double)want[i]) <= bound)))
            fail_msg("%s: %s, element %zu is %.9g, wanted %.9g +- %g", b->line, what, i,
                     (double)got[i], (double)want[i], bound);
    }
}

/* Only where no rounding can have changed a winner. sums: of the pool's values. */
static void compare_switches(const bench *b, const dcn__node *pool, const void *got,
                             const void *want, const float *sums)
{
    const int bytes = dcn__switch_bytes(&pool->window);
    const size_t n = (size_t)b->chunk * (size_t)dcn__shape_size(pool->shape);

    for (size_t i = 0; b->whole && i < n; i++)
        if (!(sums[i] >= 0x1p24f && !isinf(sums[i])) &&
            memcmp((const uint8_t *)got + i * (size_t)bytes,
                   (const uint8_t *)want + i * (size_t)bytes, (size_t)bytes) != 0)
            fail_msg("%s: switch %zu of %s differs", b->line, i, pool->name);
}

/* Everything that the engine under test wrote. */
static int compare_slots(const bench *b, const rig *got, const rig *want, const rig *sums)
{
    const dcn__walk *w = &got->program.walk;
    int compared = 0;

    for (int s = 0; s < w->n_slots; s++) {
        const dcn__slot *slot = &w->slots[s];
        char what[200];

        if (!got->written[s])
            continue;
        assert_true(want->written[s]);
        snprintf(what, sizeof what, "%s of %s", slot->kind == DCN__SLOT_VALUE ? "value" : "signal",
                 b->g->nodes[slot->node].name);
        compared++;
        if (slot->kind == DCN__SLOT_SWITCH)
            compare_switches(b, &b->g->nodes[slot->node], got->slots[s], want->slots[s],
                             sums->slots[dcn__walk_find(w, DCN__SLOT_VALUE, slot->node)]);
        else
            compare(b, what, got->slots[s], want->slots[s], sums->slots[s],
                    (size_t)b->chunk * (size_t)dcn__shape_size(slot->shape));
    }
    return compared;
}

static void unpack_all(const rig *r, void *const *gradients)
{
    const int token = r->engine->enter(1);

    for (int i = 0; i < r->program.n_groups; i++) {
        const dcn__kernel *k = r->program.kernels[i];

        if (k->gradient_bytes)
            k->unpack(k, r->gradients + k->gradient_offset, gradients);
    }
    r->engine->leave(token);
}

static void compare_gradients(const bench *b, const rig *got, const rig *want, const rig *sums)
{
    const rig *rigs[3] = { got, want, sums };
    void *out[3][WEIGHTS] = { { NULL } };

    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < b->g->n_weights; i++)
            out[k][i] = guarded((size_t)b->g->weights[i].count * sizeof(float), 0xff);
        unpack_all(rigs[k], out[k]);
    }
    for (int i = 0; i < b->g->n_weights; i++) {
        const size_t n = (size_t)b->g->weights[i].count;

        compare(b, b->g->weights[i].name, out[0][i], out[1][i], out[2][i], n);
        for (int k = 0; k < 3; k++)
            unguard(b, out[k][i], n * sizeof(float), b->g->weights[i].name);
    }
}

/* ---- one case
 * ---------------------------------------------------------------------------------------------- */

static void fill_pictures(picker *p, const bench *b, float *x, bool whole)
{
    static const float strange[] = { NAN, INFINITY, -INFINITY };
    const size_t size = (size_t)dcn__shape_size(b->g->nodes[0].shape);

    for (size_t i = 0; i < size * (size_t)b->chunk; i++) {
        x[i] = i < size * (size_t)b->n ? number(p, whole, 3) : 0;
        if (strange_numbers && chance(p, 2))
            x[i] = strange[pick(p, 0, 2)];
    }
}

enum { UP = -1, TRAINING = DCN_RULE_LINEAR + 1 };

/* False: refused. */
static bool make_walk(rig *r, const bench *b, const dcn_route *route, int rule)
{
    dcn_error err;
    dcn__walk *w = &r->program.walk;
    dcn_status st = DCN_OK;

    memset(r, 0, sizeof *r);
    if (rule == UP || rule == TRAINING)
        assert_int_equal(dcn__walk_forward(w, b->g, route->layer, &err), DCN_OK);
    if (rule == TRAINING)
        st = dcn__walk_training(w, b->g, &err);
    else if (rule != UP)
        st = dcn__walk_down(w, b->g, route, &err);
    if (st == DCN_USAGE) {
        dcn__walk_clear(w);
        return false;
    }
    assert_int_equal(st, DCN_OK);
    assert_int_equal(dcn__program_begin(&r->program, &err), DCN_OK);
    return true;
}

/* Values and switches of `from` where `to` has a slot for them. */
static void take_values(const bench *b, rig *to, const rig *from)
{
    for (int s = 0; s < to->program.walk.n_slots; s++) {
        const dcn__slot *slot = &to->program.walk.slots[s];
        const int t = slot->kind == DCN__SLOT_VALUE || slot->kind == DCN__SLOT_SWITCH
                          ? dcn__walk_find(&from->program.walk, slot->kind, slot->node) : -1;

        if (t >= 0)
            memcpy(to->slots[s], from->slots[t], bytes_of(b, slot));
    }
}

static void make_abs(rig *r, const bench *b)
{
    for (int s = 0; s < r->program.walk.n_slots; s++) {
        const dcn__slot *slot = &r->program.walk.slots[s];
        float *v = r->slots[s];

        for (size_t i = 0; slot->kind == DCN__SLOT_VALUE &&
                           i < (size_t)b->chunk * (size_t)dcn__shape_size(slot->shape); i++)
            v[i] = fabsf(v[i]);
    }
}

static void set_biases(const bench *b, float sign)
{
    for (int i = 0; i < b->g->n_weights; i++)
        for (int64_t k = 0; k < b->g->weights[i].count; k++)
            ((float *)b->abs_weights[i])[k] =
                fabsf(((const float *)b->weights[i])[k]) *
                (b->g->nodes[b->g->weights[i].node].bias == i ? sign : 1);
}

/* Training starts from fractions. Whole numbers in their place keep the rest exact; the rig of
 * absolute values gets those of the signal. */
static void start_signal(const bench *b, rig *r, const rig *reference, dcn_node start, int k,
                         bool fill)
{
    const int slot = dcn__walk_find(&r->program.walk, DCN__SLOT_SIGNAL, start);
    const size_t n = (size_t)b->chunk * (size_t)dcn__shape_size(b->g->nodes[start].shape);
    float *s = r->slots[slot];

    for (size_t i = 0; i < n; i++)
        if (k == 2)
            s[i] = fabsf(((const float *)reference->slots[slot])[i]);
        else if (fill)
            s[i] = (float)((int)(i * 7 % 5) - 2);
}

/* A start of its own for each picture. */
static void pick_starts(picker *p, dcn_shape s, dcn_start starts[8])
{
    for (int i = 0; i < 8; i++)
        starts[i] = (dcn_start){ .picture = i, .from = (dcn_from)pick(p, 0, DCN_FROM_UNIT),
                                 .channel = pick(p, 0, s.c - 1), .y = pick(p, 0, s.h - 1),
                                 .x = pick(p, 0, s.w - 1), .ones = chance(p, 20) };
}

/* A network for `sums`: the same, but an activation or a normalisation passes its input. Its nodes
 * have the same slots. */
static dcn_graph *make_sums(const dcn_graph *g)
{
    dcn_graph *copy;
    dcn_error err;

    assert_int_equal(dcn_graph_copy(&copy, g, &err), DCN_OK);
    for (int i = 0; i < copy->n_nodes; i++) {
        dcn__node *n = &copy->nodes[i];

        if ((dcn__op_is_map(n->op) && n->op != DCN__OP_CLIP) || n->op == DCN__OP_LRN ||
            n->op == DCN__OP_CLIP) {
            n->op = DCN__OP_LEAKY_RELU;
            n->alpha = 1;
        }
    }
    return copy;
}

/* The same on one thread: the same bits. */
static void check_threads(const bench *b, const rig *several, const dcn_route *route, int rule,
                          const rig *up, const dcn_start *starts)
{
    const dcn__walk *w = &several->program.walk;
    rig one;

    make_walk(&one, b, route, rule);
    memcpy(one.program.needed, several->asked, (size_t)w->n_slots * sizeof *several->asked);
    rig_open(&one, b, several->engine, 1, b->weights);
    take_values(b, &one, up);
    rig_run(&one, b, b->weights, 0, w->n_steps, starts);
    for (int s = 0; s < w->n_slots; s++) {
        const size_t bytes = (size_t)dcn__shape_size(w->slots[s].shape) * sizeof(float);

        if (one.written[s] && w->slots[s].kind != DCN__SLOT_SWITCH &&
            memcmp(one.slots[s], several->slots[s], (size_t)b->chunk * bytes) != 0)
            fail_msg("%s: %d threads change bits of %s", b->line, several->threads,
                     b->g->nodes[w->slots[s].node].name);
    }
    rig_close(&one, b);
}

/* Up, training, or down from the top under a rule. */
static int check_walk(picker *p, bench *b, const rig *up, dcn_node to, int rule, bool whole,
                      bool all)
{
    const dcn__engine *const engines[3] = { wrong, &dcn__engine_ref_f32, &dcn__engine_ref_f32 };
    const bool down = rule != UP && rule != TRAINING;
    const dcn_route route = { .layer = to, .rule = down ? (dcn_rule)rule : DCN_RULE_GRADIENT,
                              .no_switches = chance(p, 25), .extend = chance(p, 70) };
    const int threads = rule == TRAINING ? 1 : pick(p, 1, 3);
    bench with_sums = *b;
    dcn_graph *sums = make_sums(b->g);
    dcn_start starts[8];
    rig r[3];
    int compared, first;

    with_sums.g = sums;
    memset(r, 0, sizeof r);
    pick_starts(p, b->g->nodes[to].shape, starts);
    for (int k = 0; k < 3; k++) {
        void *const *weights = k == 2 ? b->abs_weights : b->weights;
        const bench *of = k == 2 && !whole ? &with_sums : b;

        set_biases(b, rule == DCN_RULE_RECONSTRUCT ? -1 : 1);
        if (!make_walk(&r[k], of, &route, rule)) {
            assert_int_equal(k, 0);
            dcn_graph_destroy(sums);
            return 0;
        }
        for (int s = 0; s < r[k].program.walk.n_slots; s++)
            r[k].program.needed[s] = all || (rule < 0 && r[k].program.walk.slots[s].node == to);
        rig_open(&r[k], of, engines[k], k == 0 ? threads : 1, weights);
        take_values(b, &r[k], up);
        if (k == 2)
            make_abs(&r[k], of);
        first = rule == TRAINING ? r[k].program.walk.first_reverse : 0;
        if (rule != UP) {
            rig_run(&r[k], of, weights, first, first + 1, starts);
            start_signal(b, &r[k], &r[1], rule == TRAINING ? dcn__loss_node(b->g) : to, k,
                         whole && rule == TRAINING);
            first++;
        }
        rig_run(&r[k], of, weights, first, r[k].program.walk.n_steps, starts);
    }
    compared = compare_slots(b, &r[0], &r[1], &r[2]);
    if (rule == TRAINING)
        compare_gradients(b, &r[0], &r[1], &r[2]);
    if (rule == TRAINING && (r[0].loss != r[1].loss || r[0].correct != r[1].correct))
        fail_msg("%s: loss %.17g, wanted %.17g", b->line, r[0].loss, r[1].loss);
    if (threads > 1 && !all)
        check_threads(b, &r[0], &route, rule, up, starts);
    for (int k = 0; k < 3; k++)
        rig_close(&r[k], b);
    dcn_graph_destroy(sums);
    return compared;
}

static void make_weights(picker *p, bench *b, bool whole)
{
    for (int i = 0; i < b->g->n_weights; i++) {
        const dcn__weight *w = &b->g->weights[i];

        b->weights[i] = dcn__alloc_aligned((size_t)w->count * sizeof(float));
        b->abs_weights[i] = dcn__alloc_aligned((size_t)w->count * sizeof(float));
        for (int64_t k = 0; k < w->count; k++)
            ((float *)b->weights[i])[k] =
                whole ? (chance(p, 60) ? 0 : number(p, true, 1)) : number(p, false, 0);
    }
}

static void describe(bench *b, uint64_t seed, bool whole)
{
    const size_t n =
        (size_t)snprintf(b->line, sizeof b->line, "%llu: n%d of %d, %s: ", (unsigned long long)seed,
                         b->n, b->chunk, whole ? "whole" : "real");

    dcn_graph_text(b->g, b->line + n, sizeof b->line - n);
    for (char *c = b->line; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ';' : '\0';
}

/* Fractions come in with averages, softmax and the loss: with those only real fills make sense. */
static bool can_be_whole(const dcn_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        switch (g->nodes[i].op) {
        case DCN__OP_AVG_POOL: case DCN__OP_SOFTMAX: case DCN__OP_LOG_SOFTMAX: case DCN__OP_LRN:
            return false;
        case DCN__OP_CLIP: case DCN__OP_HARD_TANH: case DCN__OP_HARD_SIGMOID:
            break;
        default:
            if (dcn__op_is_map(g->nodes[i].op))
                return false;
        }
    return true;
}

static bool is_softmax(const dcn__node *n)
{
    return n->op == DCN__OP_SOFTMAX || n->op == DCN__OP_LOG_SOFTMAX;
}

static bool has_softmax(const dcn_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (is_softmax(&g->nodes[i]))
            return true;
    return false;
}

static bool is_coarse(const dcn__node *n)
{
    return dcn__op_is_map(n->op) || n->op == DCN__OP_LRN;
}

/* How many operators of the network sum products or fractions: with two, bounds would have to be
 * chained. So they would where one of them follows an activation. A scale behind a convolution is a
 * part of it. */
static int weighted(const dcn_graph *g)
{
    int n = 0, coarse = 0;

    for (int i = 0; i < g->n_nodes; i++) {
        const dcn__node *node = &g->nodes[i];
        const bool scale = node->op == DCN__OP_SCALE || node->op == DCN__OP_BATCH_NORM;

        coarse += is_coarse(node);
        if ((node->weight >= 0 && !(scale && node->inputs[0] == i - 1 &&
                                    g->nodes[i - 1].op == DCN__OP_CONV)) ||
            node->op == DCN__OP_AVG_POOL || node->op == DCN__OP_MUL || is_softmax(node))
            n += coarse ? 2 : 1;
    }
    return n + (coarse > 1);
}

static int check_graph(picker *p, dcn_graph *g, uint64_t seed, bool whole)
{
    bench b = { .g = g, .chunk = pick(p, 1, 8), .whole = whole };
    const dcn_node top = dcn_graph_output(g);
    const bool loss = g->nodes[top].shape.h == 1 && g->nodes[top].shape.w == 1 && !has_softmax(g);
    const dcn_route route = { .layer = top };
    rig up;
    int compared = 0;

    b.exact = g->n_nodes == 2 && has_softmax(g);
    for (int i = 0; i < g->n_nodes && !whole; i++)
        b.coarse |= is_coarse(&g->nodes[i]);
    b.n = chance(p, 50) ? b.chunk : pick(p, 1, b.chunk);
    for (int i = 0; i < 8; i++)
        b.labels[i] = pick(p, 0, g->nodes[top].shape.c - 1);
    describe(&b, seed, whole);
    make_weights(p, &b, whole);
    make_walk(&up, &b, &route, UP);
    memset(up.program.needed, 1, (size_t)up.program.walk.n_slots);
    rig_open(&up, &b, &dcn__engine_ref_f32, 1, b.weights);
    fill_pictures(p, &b, up.slots[dcn__walk_find(&up.program.walk, DCN__SLOT_VALUE, 0)], whole);
    rig_run(&up, &b, b.weights, 0, up.program.walk.n_steps, NULL);
    for (int all = 0; all < 2; all++) {
        compared += check_walk(p, &b, &up, top, UP, whole, all);
        for (int rule = 0; rule < TRAINING && (b.exact || !has_softmax(g)) && !strange_numbers;
             rule++)
            compared += check_walk(p, &b, &up, top, rule, whole, all);
        if (loss && !strange_numbers)
            compared += check_walk(p, &b, &up, top, TRAINING, whole, all);
    }
    rig_close(&up, &b);
    for (int i = 0; i < g->n_weights; i++) {
        dcn__free_aligned(b.weights[i]);
        dcn__free_aligned(b.abs_weights[i]);
    }
    return compared;
}

static void random_networks(uint64_t first, bool blocks, bool whole)
{
    int done = 0, compared = 0;

    for (uint64_t seed = only ? only : first; done < (only ? 1 : cases); seed++) {
        picker p = { dcn__random_stream(seed, blocks, whole) };
        dcn_graph *g;

        if (only && only / 1000 != first / 1000)
            return;
        g = random_graph(&p, blocks, whole);
        if (!g)
            continue;
        if (whole ? can_be_whole(g) : weighted(g) <= 1) {
            compared += check_graph(&p, g, seed, whole);
            done++;
        }
        dcn_graph_destroy(g);
    }
    assert_true(only || compared > (strange_numbers ? 1 : 3) * cases);
}

static void whole_numbers_are_equal(void **state)
{
    (void)state;
    random_networks(1000, false, true);
}

static void real_numbers_are_within_the_bound(void **state)
{
    (void)state;
    random_networks(2000, false, false);
}

static void whole_blocks_are_equal(void **state)
{
    (void)state;
    random_networks(3000, true, true);
}

static void real_blocks_are_within_the_bound(void **state)
{
    (void)state;
    random_networks(4000, true, false);
}

/* On the way up alone: on the way down a zero of an unpooled signal adds nothing, even against
 * NaN. */
static void strange_numbers_stay(void **state)
{
    (void)state;
    strange_numbers = true;
    random_networks(5000, true, true);
    random_networks(6000, false, true);
    strange_numbers = false;
}

/* What oneDNN does not take, our plain loops do. */
static void plain_loops_are_equal(void **state)
{
    const int all = cases;

    (void)state;
    dcn__dnn_off = true;
    cases = (all + 3) / 4;
    random_networks(7000, true, true);
    random_networks(8000, false, true);
    random_networks(9000, false, false);
    cases = all;
    dcn__dnn_off = false;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_equal),
        cmocka_unit_test(real_numbers_are_within_the_bound),
        cmocka_unit_test(whole_blocks_are_equal),
        cmocka_unit_test(real_blocks_are_within_the_bound),
        cmocka_unit_test(strange_numbers_stay),
        cmocka_unit_test(plain_loops_are_equal),
        cmocka_unit_test(narrower_machines_are_served),
    };

    cases = getenv(LIMIT) ? CASES / 4 : CASES;
    only = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    cases = argc > 2 ? (int)strtol(argv[2], NULL, 10) : cases;
    wrong = &dcn__engine_cpu;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("skipped: this build has no engine cpu\n");
    return 77;
}

#endif
