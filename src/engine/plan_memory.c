/* plan_memory.c - what a plan's arrays need, counted before any is allocated, and the arrays. */
#include "engine/plan.h"

#include "base/memory.h"

/* ---- how much ------------------------------------------------------------------------------- */

static size_t real_bytes_of_weights(const dcn_plan *p)
{
    size_t bytes = 0;

    for (int i = 0; i < p->graph->n_weights; i++)
        bytes += (size_t)p->graph->weights[i].count * p->engine->real_bytes;
    return bytes;
}

static void see_program(dcn_plan *p, const dcn__program *program)
{
    if (program->lane_bytes > p->lane_bytes)
        p->lane_bytes = program->lane_bytes;
    if (program->scratch_bytes > p->scratch_bytes)
        p->scratch_bytes = program->scratch_bytes;
    if (program->walk.n_slots > p->max_slots)
        p->max_slots = program->walk.n_slots;
}

/* Lanes for so many threads; the programs take turns in the same memory. */
static bool see_lanes(dcn_plan *p, int threads, size_t bytes)
{
    if (!dcn__mul_size((size_t)threads, bytes, &bytes))
        return false;
    if (bytes > p->all_lanes)
        p->all_lanes = bytes;
    return true;
}

static bool see_starts(dcn_plan *p, const dcn__descent *d)
{
    if (d->program.walk.n_slots > p->max_slots)
        p->max_slots = d->program.walk.n_slots;
    if (d->cut.threads > p->team_threads)
        p->team_threads = d->cut.threads;
    return see_lanes(p, d->cut.threads, d->program.lane_bytes + d->program.scratch_bytes);
}

static bool count_lanes(dcn_plan *p)
{
    bool fits = true;

    see_program(p, &p->forward);
    see_program(p, &p->train);
    for (int i = 0; i < p->n_routes; i++)
        see_program(p, &p->down[i]);
    p->team_threads = !p->together ? p->threads
                      : p->all_threads < p->n_routes ? p->all_threads : p->n_routes;
    fits = see_lanes(p, p->team_threads, p->lane_bytes + p->scratch_bytes);
    for (int i = 0; p->max_starts && i < p->n_routes; i++)
        fits = fits && see_starts(p, &p->whole[i]) && see_starts(p, &p->cones[i]);
    return fits;
}

/* While the kernels are still to be made it counts what is known without them. */
dcn_status dcn__plan_check_bytes(dcn_plan *p, dcn_error *err)
{
    const size_t limit = p->max_bytes;
    size_t kept, gradients = 0, all = p->own_bytes;
    bool fits = count_lanes(p) && dcn__mul_size((size_t)p->n_chunks, p->chunk_bytes, &kept) &&
                dcn__add_size(all, kept, &all) && dcn__add_size(all, p->all_lanes, &all);

    if (fits && p->training)
        fits = dcn__mul_size((size_t)p->n_chunks, p->train.gradient_bytes, &gradients) &&
               dcn__add_size(all, gradients + 4 * real_bytes_of_weights(p), &all);
    else if (fits && p->engine->real_bytes != sizeof(float))
        fits = dcn__add_size(all, real_bytes_of_weights(p), &all);
    p->total_bytes = fits ? all : SIZE_MAX;
    if (p->total_bytes > limit)
        return dcn__fail(err, DCN_MEMORY, "plan",
                         "needs %s%zu MiB for batches of %d, the limit is %zu MiB; use a "
                         "smaller batch or raise the limit",
                         fits ? "" : "more than ", p->total_bytes >> 20, p->batch, limit >> 20);
    return DCN_OK;
}

/* ---- the arrays ----------------------------------------------------------------------------- */

/* What training holds per weight: its gradient and Adam's two moments. */
static void ***training_arrays(dcn_plan *p, int i)
{
    return i == 0 ? &p->gradients : &p->moments[i - 1];
}

static dcn_status make_weights(dcn_plan *p, dcn_error *err)
{
    const size_t n = (size_t)p->graph->n_weights;

    p->owns_weights = p->training || p->engine->real_bytes != sizeof(float);
    p->weights = dcn__alloc_array(n + 1, sizeof *p->weights);
    for (int m = 0; p->training && m < 3; m++)
        if (!(*training_arrays(p, m) = dcn__alloc_array(n + 1, sizeof **training_arrays(p, m))))
            return dcn__fail_memory(err, "a plan's gradients", n * sizeof(void *));
    if (!p->weights)
        return dcn__fail_memory(err, "a plan's weights", n * sizeof *p->weights);
    for (size_t i = 0; i < n; i++) {
        const dcn__weight *w = &p->graph->weights[i];
        const size_t bytes = (size_t)w->count * p->engine->real_bytes;

        if (!w->data)
            return dcn__fail(err, DCN_USAGE, w->name,
                             "has no values; load or make the weights first");
        if (!p->owns_weights) {
            p->weights[i] = w->data;
            continue;
        }
        if (!(p->weights[i] = dcn__alloc_aligned(bytes)))
            return dcn__fail_memory(err, w->name, bytes);
        for (int m = 0; p->training && m < 3; m++)
            if (!((*training_arrays(p, m))[i] = dcn__alloc_aligned(bytes)))
                return dcn__fail_memory(err, w->name, bytes);
        dcn__real_from_float(p->engine->real_bytes, p->weights[i], w->data, (size_t)w->count);
    }
    return DCN_OK;
}

static dcn_status make_starts(dcn_plan *p, dcn_error *err)
{
    const size_t pictures = (size_t)p->n_chunks * (size_t)p->chunk;
    const size_t starts = (size_t)p->max_starts;

    p->starts = dcn__alloc_array(pictures, sizeof *p->starts);
    p->signals = dcn__alloc_array(starts + 1, sizeof *p->signals);
    p->seeds = dcn__alloc_array(starts + 1, sizeof *p->seeds);
    if (!p->starts || !p->signals || !p->seeds)
        return dcn__fail_memory(err, "a plan's starts", pictures * sizeof *p->starts);
    return DCN_OK;
}

static dcn_status make_arrays(dcn_plan *p, dcn_error *err)
{
    p->kept_memory = dcn__alloc_aligned((size_t)p->n_chunks * p->chunk_bytes);
    p->lane_memory = dcn__alloc_aligned(p->all_lanes);
    p->lane_slots =
        dcn__alloc_array((size_t)p->team_threads * (size_t)p->max_slots, sizeof *p->lane_slots);
    if (!p->kept_memory || !p->lane_memory || !p->lane_slots)
        return dcn__fail_memory(err, "a plan's arrays", p->total_bytes);
    if (!p->training)
        return DCN_OK;
    p->chunk_gradients = dcn__alloc_aligned((size_t)p->n_chunks * p->train.gradient_bytes);
    p->chunk_loss = dcn__alloc_array((size_t)p->n_chunks, sizeof *p->chunk_loss);
    p->chunk_correct = dcn__alloc_array((size_t)p->n_chunks, sizeof *p->chunk_correct);
    if (!p->chunk_gradients || !p->chunk_loss || !p->chunk_correct)
        return dcn__fail_memory(err, "a plan's gradients",
                                (size_t)p->n_chunks * p->train.gradient_bytes);
    return DCN_OK;
}

dcn_status dcn__plan_make_memory(dcn_plan *p, dcn_error *err)
{
    dcn_status st;

    if ((st = make_weights(p, err)) || (st = make_arrays(p, err)))
        return st;
    return make_starts(p, err);
}

void dcn__plan_clear_memory(dcn_plan *p)
{
    for (int i = 0; i < p->graph->n_weights; i++) {
        if (p->weights && p->owns_weights)
            dcn__free_aligned(p->weights[i]);
        if (p->gradients)
            dcn__free_aligned(p->gradients[i]);
        for (int m = 0; m < 2; m++)
            if (p->moments[m])
                dcn__free_aligned(p->moments[m][i]);
    }
    dcn__free(p->moments[0]);
    dcn__free(p->moments[1]);
    dcn__free(p->weights);
    dcn__free(p->gradients);
    dcn__free_aligned(p->chunk_gradients);
    dcn__free(p->chunk_loss);
    dcn__free(p->chunk_correct);
    dcn__free_aligned(p->kept_memory);
    dcn__free_aligned(p->lane_memory);
    dcn__free(p->lane_slots);
    dcn__free(p->starts);
    dcn__free(p->signals);
    dcn__free(p->seeds);
}
