/* run.c - runs a plan forward and gives out what it holds. Nothing here allocates. */
#include "engine/plan.h"

#include <string.h>

/* ---- one chunk ------------------------------------------------------------------------------ */

void dcn__plan_run_chunk(dcn_plan *p, const dcn__program *program, int c, int thread,
                         dcn__frame *frame)
{
    void **slots = p->lane_slots + (size_t)thread * (size_t)p->max_slots;
    const int place = p->together ? thread : dcn__lane_of(p->threads, p->n_chunks, c, thread);
    uint8_t *lane = p->lane_memory + (size_t)place * (p->lane_bytes + p->scratch_bytes);
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
    for (int i = 0; i < program->n_groups; i++) {
        dcn__check_switches(program, p->graph, i, p->chunk, slots);
        program->kernels[i]->run(program->kernels[i], frame);
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

typedef struct forward_task { dcn_plan *plan; const float *images; } forward_task;

/* The pictures of a chunk into its kept input; the rest of the last chunk becomes zeros. */
void dcn__plan_take_images(dcn_plan *p, const float *images, int c)
{
    const size_t size = (size_t)dcn__shape_size(p->graph->nodes[0].shape);
    const size_t real = p->engine->real_bytes;
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
    dcn__plan_pack(p);
    dcn__team_run(p->team, dcn__plan_used_chunks(p), forward_chunk, &task);
}

/* ---- what it holds -------------------------------------------------------------------------- */

/* Copies a kept array of all pictures; false if the plan does not keep it. */
bool dcn__plan_gather(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, float *out)
{
    const size_t size = (size_t)dcn__shape_size(p->graph->nodes[node].shape);

    for (int c = 0; c < dcn__plan_used_chunks(p); c++) {
        const int first = c * p->chunk, left = p->n - first, n = left < p->chunk ? left : p->chunk;
        const void *from = dcn__plan_kept(p, kind, node, c);

        if (!from)
            return false;
        dcn__real_to_float(p->engine->real_bytes, out + (size_t)first * size, from,
                           (size_t)n * size);
    }
    return true;
}

dcn_status dcn__plan_check_node(const dcn_plan *p, dcn_node node, dcn_error *err)
{
    if (node < 0 || node >= p->graph->n_nodes)
        return dcn__fail(err, DCN_USAGE, "node", "%d is outside 0..%d; ask dcn_graph_find", node,
                         p->graph->n_nodes - 1);
    if (!p->n)
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name,
                         "has no value yet; call dcn_plan_forward "
                         "first");
    return DCN_OK;
}

dcn_status dcn_plan_value(const dcn_plan *p, dcn_node node, float *out, dcn_error *err)
{
    dcn_status st = dcn__plan_check_node(p, node, err);

    if (st)
        return st;
    if (!dcn__plan_gather(p, DCN__SLOT_VALUE, node, out))
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name,
                         "is not kept by this plan; create it with "
                         "keep_all or with a route from this layer");
    return DCN_OK;
}

/* What a chunk's peak slot holds is said in engine.h. */
dcn_status dcn_plan_peaks(const dcn_plan *p, dcn_node node, float *values, int32_t *cells,
                          dcn_error *err)
{
    dcn_status st = dcn__plan_check_node(p, node, err);
    const size_t C = st ? 0 : (size_t)p->graph->nodes[node].shape.c;

    if (st)
        return st;
    if (!p->peaks[node])
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name,
                         "its largest values are not looked for by this plan; create it with this "
                         "node among its peaks");
    for (int c = 0; c < dcn__plan_used_chunks(p); c++) {
        const int first = c * p->chunk, left = p->n - first, n = left < p->chunk ? left : p->chunk;
        const uint8_t *from = dcn__plan_kept(p, DCN__SLOT_PEAK, node, c);

        dcn__real_to_float(p->engine->real_bytes, values + (size_t)first * C, from, (size_t)n * C);
        memcpy(cells + (size_t)first * C, from + (size_t)p->chunk * C * p->engine->real_bytes,
               (size_t)n * C * sizeof *cells);
    }
    return DCN_OK;
}
