/* run.c - runs a plan forward and gives out what it holds. Nothing here allocates. */
#include "engine/plan.h"

#include <string.h>

/* ---- one chunk ----------------------------------------------------------------------------------- */

void dcn__plan_run_chunk(dcn_plan *p, const dcn__program *program, int c, int thread, dcn__frame *frame)
{
    void **slots = p->lane_slots + (size_t)thread * (size_t)p->max_slots;
    uint8_t *lane = p->lane_memory + (size_t)thread * (p->lane_bytes + p->scratch_bytes);
    uint8_t *kept = p->kept_memory + (size_t)c * p->chunk_bytes;
    const int first = c * p->chunk, left = p->n - first;

    for (int s = 0; s < program->walk.n_slots; s++) {
        const dcn__place *q = &program->places[s];

        slots[s] = q->room == DCN__ROOM_KEPT ? kept + q->offset
                   : q->room == DCN__ROOM_LANE ? lane + q->offset : NULL;
    }
    frame->slots = slots;
    frame->scratch = lane + p->lane_bytes;
    frame->weights = p->weights;
    frame->n = left < p->chunk ? left : p->chunk;
    for (int i = 0; i < program->n_groups; i++)
        program->kernels[i]->run(program->kernels[i], frame);
}

/* ---- forward ---------------------------------------------------------------------------------------- */

typedef struct forward_task { dcn_plan *plan; const float *images; } forward_task;

/* The pictures of a chunk into its kept input; the rest of the last chunk becomes zeros. */
void dcn__plan_take_images(dcn_plan *p, const float *images, int c)
{
    const size_t size = (size_t)dcn__shape_size(p->graph->nodes[0].shape), real = p->engine->real_bytes;
    const int first = c * p->chunk, left = p->n - first, n = left < p->chunk ? left : p->chunk;
    uint8_t *input = dcn__plan_kept(p, DCN__SLOT_VALUE, 0, c);

    dcn__real_from_float(real, input, images + (size_t)first * size, (size_t)n * size);
    memset(input + (size_t)n * size * real, 0, (size_t)(p->chunk - n) * size * real);
}

static void forward_chunk(void *user, int c, int thread)
{
    const forward_task *task = user;
    dcn_plan *p = task->plan;
    const int token = p->engine->enter(p->inner_threads);
    dcn__frame frame = { 0 };

    dcn__plan_take_images(p, task->images, c);
    dcn__plan_run_chunk(p, &p->forward, c, thread, &frame);
    p->engine->leave(token);
}

int dcn__plan_used_chunks(const dcn_plan *p)
{
    return (p->n + p->chunk - 1) / p->chunk;
}

void dcn_plan_forward(dcn_plan *p, const float *images, int n)
{
    forward_task task = { p, images };

    p->n = n < 0 ? 0 : n > p->batch ? p->batch : n;
    p->last_route = -1;
    dcn__team_run(p->team, dcn__plan_used_chunks(p), forward_chunk, &task);
}

/* ---- what it holds --------------------------------------------------------------------------------- */

/* Copies a kept array of all pictures; false if the plan does not keep it. */
bool dcn__plan_gather(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, float *out)
{
    const size_t size = (size_t)dcn__shape_size(p->graph->nodes[node].shape);

    for (int c = 0; c < dcn__plan_used_chunks(p); c++) {
        const int first = c * p->chunk, left = p->n - first, n = left < p->chunk ? left : p->chunk;
        const void *from = dcn__plan_kept(p, kind, node, c);

        if (!from)
            return false;
        dcn__real_to_float(p->engine->real_bytes, out + (size_t)first * size, from, (size_t)n * size);
    }
    return true;
}

static dcn_status check_node(const dcn_plan *p, dcn_node node, dcn_error *err)
{
    if (node < 0 || node >= p->graph->n_nodes)
        return dcn__fail(err, DCN_USAGE, "node", "%d is outside 0..%d; ask dcn_graph_find", node,
                         p->graph->n_nodes - 1);
    if (!p->n)
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name, "has no value yet; call dcn_plan_forward "
                         "first");
    return DCN_OK;
}

dcn_status dcn_plan_value(const dcn_plan *p, dcn_node node, float *out, dcn_error *err)
{
    dcn_status st = check_node(p, node, err);

    if (st)
        return st;
    if (!dcn__plan_gather(p, DCN__SLOT_VALUE, node, out))
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name, "is not kept by this plan; create it with "
                         "keep_all or with a route from this layer");
    return DCN_OK;
}

static int64_t switch_at(const void *switches, int bytes, size_t i)
{
    return bytes == 1 ? ((const uint8_t *)switches)[i] : (int64_t)((const uint32_t *)switches)[i];
}

dcn_status dcn_plan_switches(const dcn_plan *p, dcn_node pool, int64_t *out, dcn_error *err)
{
    const dcn__node *n;
    dcn_shape in;
    dcn_status st = check_node(p, pool, err);

    if (st)
        return st;
    n = &p->graph->nodes[pool];
    if (n->op != DCN__OP_MAX_POOL)
        return dcn__fail(err, DCN_USAGE, n->name, "is no max pool, it has no switches; name a max pool");
    if (!dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, -1))
        return dcn__fail(err, DCN_USAGE, n->name, "its switches are not kept by this plan; create it with "
                         "keep_all or a route through it");
    in = p->graph->nodes[n->inputs[0]].shape;
    for (int i = 0; i < p->n; i++) {
        const size_t size = (size_t)dcn__shape_size(n->shape);
        const void *from = dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, i / p->chunk);
        const size_t base = (size_t)(i % p->chunk) * size;
        size_t k = 0;

        for (int y = 0; y < n->shape.h; y++)
            for (int x = 0; x < n->shape.w; x++)
                for (int c = 0; c < n->shape.c; c++, k++) {
                    const int64_t s = switch_at(from, dcn__switch_bytes(&n->window), base + k);
                    const int64_t row = (int64_t)y * n->window.stride[0] - n->window.pad[0] + s / n->window.kernel[1];
                    const int64_t col = (int64_t)x * n->window.stride[1] - n->window.pad[1] + s % n->window.kernel[1];

                    out[(size_t)i * size + k] = (row * in.w + col) * in.c + c;
                }
    }
    return DCN_OK;
}

/* The switch that index `i` means for output cell (y,x,c), or -1 and why not. */
static int64_t switch_from_index(const dcn__node *n, dcn_shape in, int64_t i, int y, int x, int c,
                                 const char **why)
{
    int64_t row, col;

    if ((uint64_t)i >= (uint64_t)dcn__shape_size(in)) {
        *why = "is outside the pool's input";
        return -1;
    }
    if (i % in.c != c) {
        *why = "belongs to another channel";
        return -1;
    }
    row = i / in.c / in.w - ((int64_t)y * n->window.stride[0] - n->window.pad[0]);
    col = i / in.c % in.w - ((int64_t)x * n->window.stride[1] - n->window.pad[1]);
    if (row < 0 || row >= n->window.kernel[0] || col < 0 || col >= n->window.kernel[1]) {
        *why = "lies outside its window";
        return -1;
    }
    return row * n->window.kernel[1] + col;
}

/* Two passes: nothing is changed unless all indices are good. */
dcn_status dcn_plan_set_switches(dcn_plan *p, dcn_node pool, const int64_t *switches, dcn_error *err)
{
    const dcn__node *n;
    dcn_shape in;
    dcn_status st = check_node(p, pool, err);

    if (st)
        return st;
    n = &p->graph->nodes[pool];
    if (n->op != DCN__OP_MAX_POOL || !dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, -1))
        return dcn__fail(err, DCN_USAGE, n->name, "has no switches in this plan; name a max pool on a route");
    in = p->graph->nodes[n->inputs[0]].shape;
    for (int pass = 0; pass < 2; pass++) {
        const int64_t *next = switches;

        for (int i = 0; i < p->n; i++) {
            void *to = dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, i / p->chunk);
            size_t k = (size_t)(i % p->chunk) * (size_t)dcn__shape_size(n->shape);

            for (int y = 0; y < n->shape.h; y++)
                for (int x = 0; x < n->shape.w; x++)
                    for (int c = 0; c < n->shape.c; c++, k++, next++) {
                        const char *why = NULL;
                        const int64_t s = switch_from_index(n, in, *next, y, x, c, &why);

                        if (s < 0)
                            return dcn__fail(err, DCN_INPUT, n->name, "picture %d, cell %d,%d,%d: index %lld %s; "
                                             "use the switches of this pool", i, y, x, c, (long long)*next, why);
                        if (pass && dcn__switch_bytes(&n->window) == 1)
                            ((uint8_t *)to)[k] = (uint8_t)s;
                        else if (pass)
                            ((uint32_t *)to)[k] = (uint32_t)s;
                    }
        }
    }
    return DCN_OK;
}
