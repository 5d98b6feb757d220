/* gradient.c - loss and gradients of a batch: each chunk on one thread, sums in a fixed tree. */
#include "engine/plan.h"

#include <string.h>

/* Reals of the gradients that one task adds up, and those that it adds over all chunks at a time:
 * all sums on the way stay in L1, each chunk's block is read once. */
enum { SUM_PIECE = 4096, SUM_BLOCK = 128 };

typedef struct gradient_task {
    dcn_plan *plan;
    const float *images;
    const int32_t *labels;
} gradient_task;

static void gradient_chunk(void *user, int c, int thread)
{
    const gradient_task *task = user;
    dcn_plan *p = task->plan;
    const int token = p->engine->enter(1);
    dcn__frame frame = {
        .gradients = p->chunk_gradients + (size_t)c * p->train.gradient_bytes,
        .labels = task->labels + (size_t)c * (size_t)p->chunk,
        .total = p->n,
        .loss = &p->chunk_loss[c],
        .correct = &p->chunk_correct[c],
    };

    p->chunk_loss[c] = 0;
    p->chunk_correct[c] = 0;
    dcn__plan_take_images(p, task->images, c);
    dcn__plan_run_chunk(p, &p->train, c, thread, &frame);
    p->engine->leave(token);
}

/* Chunk c takes chunk c + stride, for stride 1, 2, 4, ...: the tree depends on the number of chunks
 * alone. `to` takes n sums over so many chunks, whose blocks are `stride` apart. */
#define DEFINE_TREE(name, type)                                                                    \
    static void name(type *to, const type *from, size_t stride, int chunks, size_t n)              \
    {                                                                                              \
        type right[SUM_BLOCK];                                                                     \
        int half = 4;                                                                              \
                                                                                                   \
        if (chunks == 1) {                                                                         \
            memcpy(to, from, n * sizeof *to);                                                      \
        } else if (chunks == 2) {                                                                  \
            for (size_t i = 0; i < n; i++)                                                         \
                to[i] = from[i] + from[i + stride];                                                \
        } else if (chunks == 3) {                                                                  \
            for (size_t i = 0; i < n; i++)                                                         \
                to[i] = from[i] + from[i + stride] + from[i + 2 * stride];                         \
        } else if (chunks == 4) {                                                                  \
            for (size_t i = 0; i < n; i++)                                                         \
                to[i] = (from[i] + from[i + stride]) +                                             \
                        (from[i + 2 * stride] + from[i + 3 * stride]);                             \
        } else {                                                                                   \
            while (2 * half < chunks)                                                              \
                half *= 2;                                                                         \
            name(to, from, stride, half, n);                                                       \
            name(right, from + (size_t)half * stride, stride, chunks - half, n);                   \
            for (size_t i = 0; i < n; i++)                                                         \
                to[i] += right[i];                                                                 \
        }                                                                                          \
    }
DEFINE_TREE(tree_float, float)
DEFINE_TREE(tree_double, double)

/* Into the first chunk's block. */
static void sum_block(dcn_plan *p, size_t first, size_t n)
{
    const size_t real = p->engine->real_bytes, stride = p->train.gradient_bytes / real;
    const int chunks = dcn__plan_used_chunks(p);
    void *at = p->chunk_gradients + first * real;
    double sums[SUM_BLOCK];

    if (real == sizeof(float))
        tree_float((float *)(void *)sums, at, stride, chunks, n);
    else
        tree_double(sums, at, stride, chunks, n);
    memcpy(at, sums, n * real);
}

static void sum_piece(void *user, int piece, int thread)
{
    dcn_plan *p = user;
    const size_t all = p->train.gradient_bytes / p->engine->real_bytes;
    const size_t first = (size_t)piece * SUM_PIECE;
    const size_t end = first + SUM_PIECE < all ? first + SUM_PIECE : all;

    (void)thread;
    for (size_t i = first; i < end; i += SUM_BLOCK)
        sum_block(p, i, end - i < SUM_BLOCK ? end - i : SUM_BLOCK);
}

/* A kernel's block belongs to weights of its own, so the kernels need no order. */
static void unpack_kernel(void *user, int i, int thread)
{
    const dcn_plan *p = user;
    const dcn__kernel *k = p->train.kernels[i];
    const int token = p->engine->enter(1);

    (void)thread;
    if (k->gradient_bytes)
        k->unpack(k, p->chunk_gradients + k->gradient_offset, p->gradients);
    p->engine->leave(token);
}

static void sum_chunks(dcn_plan *p)
{
    const size_t all = p->train.gradient_bytes / p->engine->real_bytes;

    if (dcn__plan_used_chunks(p) > 1)
        dcn__team_run(p->team, (int)((all + SUM_PIECE - 1) / SUM_PIECE), sum_piece, p);
    dcn__team_run(p->team, p->train.n_groups, unpack_kernel, p);
}

static dcn_status check_labels(const dcn_plan *p, const int32_t *labels, int n, dcn_error *err)
{
    const dcn__node *out = &p->graph->nodes[dcn__loss_node(p->graph)];

    for (int i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= out->shape.c)
            return dcn__fail(err, DCN_USAGE, out->name,
                             "label %d of picture %d is outside 0..%d; check the data "
                             "against the network's classes",
                             (int)labels[i], i, out->shape.c - 1);
    return DCN_OK;
}

dcn_status dcn_plan_gradient(dcn_plan *p, const float *images, const int32_t *labels, int n,
                             dcn_loss *loss, dcn_error *err)
{
    gradient_task task = { p, images, labels };
    dcn_status st;

    if (!p->training)
        return dcn__fail(err, DCN_USAGE, "plan",
                         "was not made for training; set training in dcn_plan_desc");
    if (n < 1 || n > p->batch)
        return dcn__fail(err, DCN_USAGE, "batch",
                         "%d pictures are outside 1..%d; make a larger plan", n, p->batch);
    if ((st = check_labels(p, labels, n, err)))
        return st;
    p->n = n;
    p->last_route = -1;
    dcn__plan_pack_training(p);
    dcn__team_run(p->team, dcn__plan_used_chunks(p), gradient_chunk, &task);
    sum_chunks(p);
    *loss = (dcn_loss){ .n = n };
    for (int c = 0; c < dcn__plan_used_chunks(p); c++) {
        loss->loss += p->chunk_loss[c] / n;
        loss->correct += p->chunk_correct[c];
    }
    /* What an earlier forward left belongs to other pictures: nobody may take it for these. */
    p->n = 0;
    return DCN_OK;
}

dcn_status dcn_plan_weight_gradient(const dcn_plan *p, int i, float *out, dcn_error *err)
{
    if (!p->training || i < 0 || i >= p->graph->n_weights)
        return dcn__fail(err, DCN_USAGE, "plan",
                         "has no gradient number %d; ask a training plan for 0..%d", i,
                         p->graph->n_weights - 1);
    dcn__real_to_float(p->engine->real_bytes, out, p->gradients[i],
                       (size_t)p->graph->weights[i].count);
    return DCN_OK;
}
