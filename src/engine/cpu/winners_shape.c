/* winners_shape.c - where winners.h applies, and its tables and packed weights. */
#include "engine/cpu/winners_shape.h"

#include "base/memory.h"
#include "engine/cpu/winograd_weights.h"

#include <string.h>

/* What is worked on at a time stays in a core's second cache beside the lists of its rows. Measured
 * on one core, VGG-16's 224x224x64 to 64: 16.0 ms (235 GFLOP/s by the definition, twice the peak),
 * 20.5 with the whole picture at a time; 28x28x512 behind its pool 17.4, where oneDNN's dense pass
 * takes 33. */
enum { BLOCK_BYTES = 1 << 16, LEAST_ROWS = 8, LARGEST_TAPS = 5 };

/* ---- the pattern ----------------------------------------------------------------------------- */

typedef struct chain {
    const dcn__step *seed, *unpool, *rule, *less_bias, *weights, *data;   /* NULL: not there */
    int count;
} chain;

static bool is_rule(dcn__action a)
{
    return a == DCN__DO_COPY || a == DCN__DO_RELU_MASK || a == DCN__DO_RELU_RECTIFY ||
           a == DCN__DO_RELU_GUIDED;
}

/* The next step of the chain, if it does `action` to what slot holds. */
static const dcn__step *next(const dcn__walk *w, int i, int end, dcn__action action, int slot,
                             int read)
{
    const dcn__step *s = &w->steps[i];

    return i < end && s->action == action && s->n_reads > read && s->reads[read] == slot ? s : NULL;
}

/* Perhaps the seed of the pool's signal; unpool, a ReLU's rule, then the convolution's steps. */
static chain find_chain(const dcn_graph *g, const dcn__walk *w, int first, int end)
{
    const bool seeded = w->steps[first].action == DCN__DO_SEED && first + 1 < end &&
                        w->steps[first + 1].reads[0] == w->steps[first].write;
    chain c = { .seed = seeded ? &w->steps[first] : NULL,
                .unpool = &w->steps[first + (seeded ? 1 : 0)] };
    int i = first + (seeded ? 2 : 1), slot = c.unpool->write;

    if (c.unpool->action != DCN__DO_UNPOOL || i >= end)
        return c;
    if (is_rule(w->steps[i].action) && g->nodes[w->steps[i].node].op == DCN__OP_RELU &&
        w->steps[i].reads[0] == slot) {
        c.rule = &w->steps[i++];
        slot = c.rule->write;
    }
    if ((c.weights = next(w, i, end, DCN__DO_CONV_WEIGHTS, slot, 1)))
        i++;
    else if ((c.less_bias = next(w, i, end, DCN__DO_LESS_BIAS, slot, 0))) {
        slot = c.less_bias->write;
        i++;
    }
    if ((c.data = next(w, i, end, DCN__DO_CONV_DATA, slot, 0)))
        i++;
    if (c.weights || c.data)
        c.count = i - first;
    return c;
}

/* Nobody outside steps [first, first + count) reads what they hand to each other. */
static bool is_private(const dcn__stretch *in, int first, int count, const dcn__step *step)
{
    const dcn__walk *w = in->walk;
    int inside = 0;

    if (!step)
        return true;
    for (int i = first; i < first + count; i++)
        for (int k = 0; k < w->steps[i].n_reads; k++)
            inside += w->steps[i].reads[k] == step->write;
    return !in->needed[step->write] && inside == in->readers[step->write];
}

/* ---- the shapes ------------------------------------------------------------------------------ */

static bool pool_fits(const dcn__node *pool, dcn_shape in)
{
    const dcn__window *w = &pool->window;

    return w->kernel[0] * w->kernel[1] <= 16 && w->stride[0] >= w->kernel[0] &&
           w->stride[1] >= w->kernel[1] && w->dilation[0] == 1 && w->dilation[1] == 1 &&
           2 * (int64_t)pool->shape.h * pool->shape.w <= (int64_t)in.h * in.w;
}

static const dcn__winner_loops *loops_of(dcn__isa isa)
{
#if defined(__x86_64__)
    if (isa == DCN__ISA_AVX512)
        return &dcn__winners_avx512;
    if (isa == DCN__ISA_AVX2)
        return &dcn__winners_avx2;
#endif
    (void)isa;
    return &dcn__winners_plain;
}

/* Fills everything that needs no memory, for what a->data and a->weights ask; false if the
 * convolution is of another kind. */
static bool measure(winners *a, const dcn_graph *g, const dcn__node *conv)
{
    const dcn__window *w = &conv->window;
    const dcn_shape in = g->nodes[conv->inputs[0]].shape;

    if (conv->op != DCN__OP_CONV || conv->groups != 1 || w->stride[0] != 1 || w->stride[1] != 1 ||
        w->dilation[0] != 1 || w->dilation[1] != 1 || w->kernel[0] > LARGEST_TAPS ||
        w->kernel[1] > LARGEST_TAPS)
        return false;
    a->H = (size_t)in.h, a->W = (size_t)in.w, a->C = (size_t)in.c;
    a->h = (size_t)conv->shape.h, a->w = (size_t)conv->shape.w, a->K = (size_t)conv->shape.c;
    a->R = (size_t)w->kernel[0], a->S = (size_t)w->kernel[1];
    a->top = (size_t)w->pad[0], a->left = (size_t)w->pad[1];
    a->Hp = a->h + a->R - 1, a->Wp = a->w + a->S - 1;
    a->wide = a->C % DCN__LANES == 0;
    a->rows = BLOCK_BYTES / (a->Wp * DCN__LANES * sizeof(float));
    a->rows = a->rows < LEAST_ROWS ? LEAST_ROWS : a->rows > a->Hp ? a->Hp : a->rows;
    a->loops = loops_of(dcn__dnn_isa());
    a->gather = dcn__dnn_isa() == DCN__ISA_AVX512
                    ? dcn__winners_gather_of(w->kernel[0], a->wide ? w->kernel[1] : 1) : NULL;
    a->spread = a->loops->spread[w->kernel[1]];
    a->spread_few = a->loops->spread_few[w->kernel[0]];
    a->at = (dcn__winner_places){ .w = a->w, .K = a->K, .places = a->h * a->w, .left = a->left,
                                  .W = a->W };
    if (a->Hp * a->Wp > (size_t)1 << 24 || a->K > 65536)      /* offsets are 32 bits of floats */
        return false;
    if (a->weights && !a->gather)
        return false;
    return a->wide ? a->spread != NULL : a->S * a->C <= DCN__LANES && a->spread_few;
}

/* Whether winograd_weights.h does the chain instead; `way`: how. Where both could, it is the faster. */
static bool is_winograd(const dcn_graph *g, const dcn__walk *w, dcn__sums sums, const chain *c,
                        dcn__winograd_way *way)
{
    const bool mask = c->rule && c->rule->action == DCN__DO_RELU_MASK;

    if (!c->weights || (c->rule && !mask && c->rule->action != DCN__DO_COPY) ||
        (mask && dcn__walk_find(w, DCN__SLOT_VALUE, c->unpool->node) < 0))
        return false;
    *way = (dcn__winograd_way){ .conv = &g->nodes[c->weights->node],
                                .pool = &g->nodes[c->unpool->node], .data = c->data != NULL,
                                .switches = 1, .y = mask ? 2 : 0, .x = mask ? 3 : 2 };
    return dcn__winograd_weights_fits(g, sums, way);
}

static bool is_winners(const dcn_graph *g, const chain *c)
{
    const dcn__node *pool = &g->nodes[c->unpool->node];
    winners shape = { .data = c->data, .weights = c->weights };

    return pool_fits(pool, g->nodes[pool->inputs[0]].shape) &&
           measure(&shape, g, &g->nodes[(c->weights ? c->weights : c->data)->node]);
}

int dcn__winners_fuse(const dcn__stretch *in, int first, dcn__group *group)
{
    const dcn_graph *g = in->graph;
    const dcn__walk *w = in->walk;
    const chain c = find_chain(g, w, first, in->end);
    dcn__winograd_way way;
    int pooled;

    if (!c.count || (!is_winograd(g, w, in->sums, &c, &way) && !is_winners(g, &c)) ||
        !is_private(in, first, c.count, c.seed) ||
        !is_private(in, first, c.count, c.unpool) ||
        !is_private(in, first, c.count, c.rule) ||
        !is_private(in, first, c.count, c.less_bias))
        return 0;
    group->n_reads = 0;
    group->reads[group->n_reads++] = (c.seed ? c.seed : c.unpool)->reads[0];
    group->reads[group->n_reads++] = c.unpool->reads[1];
    if (c.rule && c.rule->n_reads == 2) {
        /* In one walk with the way up the switches are that way's, and the winner is the pooled
         * value. Elsewhere they may have been replaced. */
        pooled = w->first_reverse ? dcn__walk_find(w, DCN__SLOT_VALUE, c.unpool->node) : -1;
        group->reads[group->n_reads++] = pooled >= 0 ? pooled : c.rule->reads[1];
    }
    if (c.weights)
        group->reads[group->n_reads++] = c.weights->reads[0];
    group->n_writes = c.data ? 1 : 0;
    group->writes[0] = c.data ? c.data->write : -1;
    return c.count;
}

/* ---- tables and weights
 * ------------------------------------------------------------------------------------------ */

static void fill_tables(winners *a, const dcn__node *pool)
{
    const dcn__window *w = &pool->window;
    const size_t line = a->wide ? a->Wp : a->w;
    size_t cell = 0;

    for (size_t i = 0; i < a->h * a->w; i++)
        a->at.cell_of[i] = -1;
    for (int p = 0; p < w->kernel[0] * w->kernel[1]; p++) {
        const size_t r = (size_t)(p / w->kernel[1]), s = (size_t)(p % w->kernel[1]);

        a->place_x[p] = (uint32_t)((r * line + s) * DCN__LANES);
    }
    for (int i = 0; i < pool->shape.h; i++)
        for (int j = 0; j < pool->shape.w; j++, cell++) {
            const int row = i * w->stride[0] - w->pad[0], col = j * w->stride[1] - w->pad[1];

            /* A corner may lie in the padding; sums wrap, and a winner brings them back inside. */
            a->corner_x[cell] = (uint32_t)(((size_t)row * line + (size_t)col) * DCN__LANES);
            for (int p = 0; p < w->kernel[0] * w->kernel[1]; p++) {
                const int y = row + p / w->kernel[1], x = col + p % w->kernel[1];

                if (y < 0 || y >= (int)a->h || x < 0 || x >= (int)a->w)
                    continue;
                a->at.cell_of[(size_t)y * a->w + (size_t)x] = (int32_t)cell;
                a->at.place_of[(size_t)y * a->w + (size_t)x] = (uint8_t)p;
            }
        }
}

/* Inputs [*first, *end) that tap t reaches from outputs [0, out). */
static void reach(size_t t, size_t pad, size_t out, size_t in, size_t *first, size_t *end)
{
    *first = t > pad ? t - pad : 0;
    *end = out + t > pad ? out + t - pad : 0;
    if (*end > in)
        *end = in;
}

/* What tap (r, s) draws with a signal of -b everywhere. sums: (C), b over this tap. */
static void add_base(winners *a, size_t r, size_t s, const float *sums)
{
    size_t i0, i1, j0, j1;

    reach(r, a->top, a->h, a->H, &i0, &i1);
    reach(s, a->left, a->w, a->W, &j0, &j1);
    for (size_t i = i0; i < i1; i++)
        for (size_t j = j0; j < j1; j++)
            for (size_t c = 0; c < a->C; c++)
                a->base[(i * a->W + j) * a->C + c] -= sums[c];
}

/* -b through the transposed convolution. sums: (C), b over one tap. */
static void fill_base(winners *a, const float *w, const float *b, float *sums)
{
    memset(a->base, 0, a->H * a->W * a->C * sizeof *a->base);
    for (size_t r = 0; r < a->R; r++)
        for (size_t s = 0; s < a->S; s++) {
            for (size_t c = 0; c < a->C; c++, w += a->K) {
                sums[c] = 0;
                for (size_t k = 0; k < a->K; k++)
                    sums[c] += b[k] * w[k];
            }
            add_base(a, r, s, sums);
        }
}

static void pack_weights(const winners *a, const float *from)
{
    const size_t step = (a->wide ? a->S : a->R) * DCN__LANES;      /* from one k to the next */

    for (size_t r = 0; r < a->R; r++)
        for (size_t s = 0; s < a->S; s++)
            for (size_t c = 0; c < a->C; c++, from += a->K) {
                float *to = a->packed;

                to += a->wide ? ((c / DCN__LANES * a->R + r) * a->K * a->S + s) * DCN__LANES +
                                    c % DCN__LANES
                              : r * DCN__LANES + s * a->C + c;
                for (size_t o = 0; o < a->K; o++)
                    to[o * step] = from[o];
            }
}

static void pack(dcn__kernel *kernel, void *const *weights)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;
    winners *a = k->own;

    if (a->packs)
        pack_weights(a, weights[k->node->weight]);
    if (a->dense_from)
        dcn__winners_dense_pack(a, weights[k->node->weight]);
    if (a->base)
        fill_base(a, weights[k->node->weight], weights[k->node->bias],
                  a->base + a->H * a->W * a->C);
}

/* (C/16,K,R,S,16) or (K,R,16), then db. */
static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const cpu_kernel *k = cpu_of(kernel);
    const winners *a = k->own;
    const float *from = sums;
    float *dw = gradients[k->node->weight];

    const size_t step = (a->wide ? a->R * a->S : a->R) * DCN__LANES;

    for (size_t r = 0; r < a->R; r++)
        for (size_t s = 0; s < a->S; s++)
            for (size_t c = 0; c < a->C; c++, dw += a->K) {
                const float *p = from;

                p += a->wide ? ((c / DCN__LANES * a->K * a->R + r) * a->S + s) * DCN__LANES +
                                   c % DCN__LANES
                             : r * DCN__LANES + s * a->C + c;
                for (size_t o = 0; o < a->K; o++)
                    dw[o] = p[o * step];
            }
    if (a->bias)
        memcpy(gradients[k->node->bias], from + a->gradient_floats, a->K * sizeof *from);
}

/* ---- prepare --------------------------------------------------------------------------------- */

/* The tables behind the struct in one block; the weights are those of all such kernels. */
static bool make_room(cpu_kernel *k, winners *a, bool base)
{
    const size_t places = a->h * a->w;
    const size_t picture = base ? a->H * a->W * a->C + a->C : 0;
    const size_t tables = sizeof *a + a->cells * sizeof *a->corner_x +
                          places * (sizeof *a->at.cell_of + sizeof *a->at.place_of);

    k->own = dcn__alloc(tables);
    k->packed = dcn__alloc_aligned(picture * sizeof(float));
    if (!k->own || !k->packed)
        return false;
    k->base.own_bytes += tables + picture * sizeof(float);
    a->corner_x = (uint32_t *)(void *)((uint8_t *)k->own + sizeof *a);
    a->at.cells = a->cells;
    a->at.cell_of = (int32_t *)(void *)(a->corner_x + a->cells);
    a->at.place_of = (uint8_t *)(a->at.cell_of + places);
    a->base = base ? k->packed : NULL;
    return true;
}

static dcn_status share_weights(cpu_kernel *k, winners *a, dcn_error *err)
{
    const size_t rows = a->wide ? a->C / DCN__LANES * a->S : 1;
    const size_t floats = a->K * a->R * rows * DCN__LANES;
    dcn_status st;

    if (!a->data)
        return DCN_OK;
    if ((st = dcn__shared_packed(k->shared, k->node->weight, floats, &a->packed, &a->packs, err)))
        return st;
    k->base.own_bytes += a->packs ? floats * sizeof(float) : 0;
    return DCN_OK;
}

dcn_status dcn__winners_prepare(cpu_kernel *k, dcn_error *err)
{
    const int first = (int)(k->step - k->walk->steps);
    const chain c = find_chain(k->graph, k->walk, first, first + k->count);
    const dcn__node *pool = &k->graph->nodes[c.unpool->node];
    winners a = { .rule = c.rule ? c.rule->action : DCN__DO_COPY,
                  .data = c.data,
                  .weights = c.weights,
                  .seed = c.seed,
                  .pool = pool->shape };
    dcn__winograd_way way;
    dcn_status st;

    if (is_winograd(k->graph, k->walk, k->sums, &c, &way))
        return dcn__winograd_weights_prepare(k, &way, err);
    k->node = &k->graph->nodes[(c.weights ? c.weights : c.data)->node];
    measure(&a, k->graph, k->node);
    a.threads = k->threads;
    a.cells = (size_t)pool->shape.h * (size_t)pool->shape.w;
    a.bias = k->node->bias >= 0;
    a.y_read = c.rule && c.rule->n_reads == 2 ? 2 : 0;
    a.y_at_winner = a.y_read && k->walk->slots[k->reads[2]].node == c.rule->node;
    a.x_read = a.y_read ? 3 : 2;
    a.gradient_floats = a.K * a.R * (a.wide ? a.S * a.C : DCN__LANES);
    if (!make_room(k, &a, c.less_bias))
        return dcn__fail_memory(err, k->node->name, a.K * a.R * a.S * a.C * sizeof(float));
    if ((st = share_weights(k, &a, err)))
        return st;
    if (!dcn__winners_dense_fits(&a, k, k->graph->nodes[k->node->inputs[0]].shape))
        a.dense_from = 0;
    else if ((st = dcn__winners_dense_share(&a, k, err)))
        return st;
    fill_tables(&a, pool);
    memcpy(k->own, &a, sizeof a);
    k->base.run = dcn__winners_run;
    k->base.scratch_bytes = dcn__winners_scratch(&a);
    k->base.pack = a.data ? pack : NULL;
    if (a.weights) {
        k->base.gradient_bytes = (a.gradient_floats + (a.bias ? a.K : 0)) * sizeof(float);
        k->base.unpack = unpack;
    }
    return DCN_OK;
}
