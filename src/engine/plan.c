/* plan.c - makes a plan: walks, programs, memory. Everything that can fail fails here. */
#include "engine/plan.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* About 8 pictures: their activations stay near a core. Smaller batches are cut finer so that
 * there is work for several threads. Never a function of the number of threads: see plan.h. */
static int chunk_of(int batch)
{
    int chunk = 8;

    while (chunk > 1 && batch / chunk < 4)
        chunk /= 2;
    return chunk;
}

void dcn__real_from_float(size_t real_bytes, void *to, const float *from, size_t count)
{
    if (real_bytes == sizeof(float)) {
        memcpy(to, from, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++)
        ((double *)to)[i] = from[i];
}

void dcn__real_to_float(size_t real_bytes, float *to, const void *from, size_t count)
{
    if (real_bytes == sizeof(float)) {
        memcpy(to, from, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i] = (float)((const double *)from)[i];
}

/* ---- programs -------------------------------------------------------------------------------- */

static dcn_status make_walks(dcn_plan *p, dcn_error *err)
{
    const dcn_graph *g = p->graph;
    dcn_status st;

    if ((st = dcn__walk_forward(&p->forward.walk, g, dcn_graph_output(g), err)))
        return st;
    /* Layers that the output does not depend on are computed if somebody will ask for them. */
    for (int i = 0; i < p->n_routes; i++)
        if ((st = dcn__walk_forward(&p->forward.walk, g, p->routes[i].layer, err)))
            return st;
    for (dcn_node i = 0; p->keep_all && i < g->n_nodes; i++)
        if ((st = dcn__walk_forward(&p->forward.walk, g, i, err)))
            return st;
    if ((st = dcn__program_begin(&p->forward, err)))
        return st;
    if (p->training && ((st = dcn__walk_forward(&p->train.walk, g, dcn__loss_node(g), err)) ||
                        (st = dcn__walk_training(&p->train.walk, g, err)) ||
                        (st = dcn__program_begin(&p->train, err))))
        return st;
    for (int i = 0; i < p->n_routes; i++)
        if ((st = dcn__walk_down(&p->down[i].walk, g, &p->routes[i], err)) ||
            (st = dcn__program_begin(&p->down[i], err)))
            return st;
    return DCN_OK;
}

static void need_value(dcn_plan *p, dcn_node node)
{
    p->forward.needed[dcn__walk_find(&p->forward.walk, DCN__SLOT_VALUE, node)] = true;
}

/* What must be written on the way up: the output, where the loss is taken, the input, what any
 * route reads, and everything with keep_all. */
static dcn_status mark_needed(dcn_plan *p, dcn_error *err)
{
    dcn_status st = DCN_OK;

    need_value(p, 0);
    need_value(p, dcn_graph_output(p->graph));
    need_value(p, dcn__loss_node(p->graph));
    for (int s = 0; p->keep_all && s < p->forward.walk.n_slots; s++)
        p->forward.needed[s] = true;
    for (int i = 0; !st && i < p->n_routes; i++) {
        dcn__program *down = &p->down[i];
        bool *external = dcn__alloc_array((size_t)down->walk.n_slots + 1, sizeof *external);

        if (!external)
            return dcn__fail_memory(err, "a plan", (size_t)down->walk.n_slots);
        for (int s = 0; p->keep_all && s < down->walk.n_slots; s++)
            down->needed[s] = true;
        need_value(p, p->routes[i].layer);
        if (!(st = dcn__program_group(down, p->graph, p->engine, err)) &&
            !(st = dcn__program_externals(down, external, err)))
            for (int s = 0; s < down->walk.n_slots; s++)
                if (external[s])
                    p->forward.needed[dcn__walk_find(&p->forward.walk, down->walk.slots[s].kind,
                                                     down->walk.slots[s].node)] = true;
        dcn__free(external);
    }
    return st;
}

static dcn_status keep(dcn_plan *p, const dcn__slot *slot, dcn_error *err)
{
    dcn__kept *grown;

    if (dcn__plan_kept(p, slot->kind, slot->node, -1))
        return DCN_OK;
    if (!(grown = dcn__realloc(p->kept, (size_t)(p->n_kept + 1) * sizeof *grown)))
        return dcn__fail_memory(err, "a plan", sizeof *grown);
    p->kept = grown;
    p->kept[p->n_kept] = (dcn__kept){
        .kind = slot->kind, .node = slot->node, .offset = p->chunk_bytes,
        .bytes = dcn__slot_bytes(p->graph, slot, p->engine->real_bytes, p->chunk) };
    p->chunk_bytes += p->kept[p->n_kept++].bytes;
    return DCN_OK;
}

static const dcn__kept *find_kept(const dcn_plan *p, dcn__slot_kind kind, dcn_node node)
{
    for (int i = 0; i < p->n_kept; i++)
        if (p->kept[i].kind == kind && p->kept[i].node == node)
            return &p->kept[i];
    return NULL;
}

/* chunk -1 asks only whether it is kept. */
void *dcn__plan_kept(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, int chunk)
{
    const dcn__kept *k = find_kept(p, kind, node);

    if (!k)
        return NULL;
    return chunk < 0 ? (void *)(uintptr_t)k
                     : p->kept_memory + (size_t)chunk * p->chunk_bytes + k->offset;
}

/* Points the slots of a program that are kept at their place. PART slots never are. */
static void bind_kept(const dcn_plan *p, dcn__program *program)
{
    for (int s = 0; s < program->walk.n_slots; s++) {
        const dcn__slot *slot = &program->walk.slots[s];
        const dcn__kept *k =
            slot->kind == DCN__SLOT_PART ? NULL : find_kept(p, slot->kind, slot->node);

        if (k) {
            program->places[s].room = DCN__ROOM_KEPT;
            program->places[s].offset = k->offset;
        }
    }
}

static dcn_status choose_kept(dcn_plan *p, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int s = 0; !st && s < p->forward.walk.n_slots; s++)
        if (p->forward.needed[s])
            st = keep(p, &p->forward.walk.slots[s], err);
    for (int i = 0; i < p->n_routes; i++)
        for (int s = 0; !st && s < p->down[i].walk.n_slots; s++) {
            const dcn__slot *slot = &p->down[i].walk.slots[s];

            /* The picture itself, and with keep_all every signal. */
            if (slot->kind == DCN__SLOT_SIGNAL && (slot->node == 0 || p->keep_all))
                st = keep(p, slot, err);
        }
    return st;
}

static dcn_status finish_program(dcn_plan *p, dcn__program *program, int threads, dcn_error *err)
{
    dcn_status st;

    program->shared = &p->shared;
    if ((st = dcn__program_place(program, p->graph, p->engine->real_bytes, p->chunk, err)) ||
        (st = dcn__program_prepare(program, p->graph, p->engine, p->chunk, threads, err)))
        return st;
    if (program->lane_bytes > p->lane_bytes)
        p->lane_bytes = program->lane_bytes;
    if (program->scratch_bytes > p->scratch_bytes)
        p->scratch_bytes = (program->scratch_bytes + 63) / 64 * 64;
    if (program->walk.n_slots > p->max_slots)
        p->max_slots = program->walk.n_slots;
    p->total_bytes += program->own_bytes;
    return DCN_OK;
}

/* The input comes from the kept array; all else of a training step lives in the lane. */
static dcn_status make_training(dcn_plan *p, dcn_error *err)
{
    const int input = dcn__walk_find(&p->train.walk, DCN__SLOT_VALUE, 0);
    dcn_status st = dcn__program_group(&p->train, p->graph, p->engine, err);

    p->train.places[input].room = DCN__ROOM_KEPT;
    p->train.places[input].offset = find_kept(p, DCN__SLOT_VALUE, 0)->offset;
    return st ? st : finish_program(p, &p->train, 1, err);
}

static dcn_status make_programs(dcn_plan *p, dcn_error *err)
{
    dcn_status st;

    if ((st = make_walks(p, err)) || (st = mark_needed(p, err)) ||
        (st = dcn__program_group(&p->forward, p->graph, p->engine, err)) ||
        (st = choose_kept(p, err)))
        return st;
    bind_kept(p, &p->forward);
    if ((st = finish_program(p, &p->forward, p->inner_threads, err)))
        return st;
    for (int i = 0; i < p->n_routes; i++) {
        bind_kept(p, &p->down[i]);
        if ((st = finish_program(p, &p->down[i], p->inner_threads, err)))
            return st;
    }
    return p->training ? make_training(p, err) : DCN_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

static size_t real_bytes_of_weights(const dcn_plan *p)
{
    size_t bytes = 0;

    for (int i = 0; i < p->graph->n_weights; i++)
        bytes += (size_t)p->graph->weights[i].count * p->engine->real_bytes;
    return bytes;
}

static dcn_status check_bytes(dcn_plan *p, size_t max_bytes, dcn_error *err)
{
    const size_t limit = max_bytes ? max_bytes : dcn__physical_memory() / 10 * 8;
    size_t kept, lanes, gradients = 0, all = p->total_bytes;
    bool fits = dcn__mul_size((size_t)p->n_chunks, p->chunk_bytes, &kept) &&
                dcn__add_size(all, kept, &all) &&
                dcn__mul_size((size_t)p->threads, p->lane_bytes + p->scratch_bytes, &lanes) &&
                dcn__add_size(all, lanes, &all);

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

static dcn_status make_memory(dcn_plan *p, dcn_error *err)
{
    const size_t lanes = (size_t)p->threads * (p->lane_bytes + p->scratch_bytes);

    p->kept_memory = dcn__alloc_aligned((size_t)p->n_chunks * p->chunk_bytes);
    p->lane_memory = dcn__alloc_aligned(lanes);
    p->lane_slots =
        dcn__alloc_array((size_t)p->threads * (size_t)p->max_slots, sizeof *p->lane_slots);
    p->starts = dcn__alloc_array((size_t)p->n_chunks * (size_t)p->chunk, sizeof *p->starts);
    if (!p->kept_memory || !p->lane_memory || !p->lane_slots || !p->starts)
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

static void pack_program(const dcn_plan *p, dcn__program *program)
{
    for (int i = 0; i < program->n_groups; i++)
        if (program->kernels[i]->pack)
            program->kernels[i]->pack(program->kernels[i], p->weights);
}

void dcn__plan_pack(dcn_plan *p)
{
    const int token = p->engine->enter(1);

    pack_program(p, &p->forward);
    pack_program(p, &p->train);
    for (int i = 0; i < p->n_routes; i++)
        pack_program(p, &p->down[i]);
    p->engine->leave(token);
}

/* ---- create and destroy --------------------------------------------------------------------- */

static dcn_status read_desc(dcn_plan *p, const dcn_plan_desc *d, dcn_error *err)
{
    if (d->batch < 0 || d->batch > 1 << 20)
        return dcn__fail(err, DCN_USAGE, "batch", "%d is outside 1..1048576; correct it", d->batch);
    if (d->threads < 0 || d->threads > 1024)
        return dcn__fail(err, DCN_USAGE, "threads", "%d is outside 1..1024; correct it",
                         d->threads);
    if (!(p->engine = dcn__engine_find(d->engine, err)))
        return DCN_USAGE;
    p->batch = d->batch ? d->batch : 1;
    p->chunk = chunk_of(p->batch);
    p->n_chunks = (p->batch + p->chunk - 1) / p->chunk;
    p->threads = d->threads ? d->threads : dcn__cores();
    p->training = d->training;
    p->keep_all = d->keep_all;
    p->last_route = -1;
    /* One chunk: the threads work inside the kernels. Not when training, where sums must not depend
     * on the number of threads. */
    p->inner_threads = p->n_chunks == 1 && !p->training ? p->threads : 1;
    if (p->threads > p->n_chunks)
        p->threads = p->n_chunks;
    if (d->n_routes < 0)
        return dcn__fail(err, DCN_USAGE, "routes", "%d is not a number of routes; correct it",
                         d->n_routes);
    for (int i = 0; i < d->n_routes; i++)
        if (d->routes[i].layer < 1 || d->routes[i].layer >= p->graph->n_nodes ||
            (unsigned)d->routes[i].rule > DCN_RULE_LINEAR)
            return dcn__fail(err, DCN_USAGE, "route",
                             "%d is not a layer and a rule of this network; choose a "
                             "node after the input",
                             i);
    p->n_routes = d->n_routes;
    p->routes = dcn__alloc_array((size_t)p->n_routes + 1, sizeof *p->routes);
    p->down = dcn__alloc_array((size_t)p->n_routes + 1, sizeof *p->down);
    if (!p->routes || !p->down)
        return dcn__fail_memory(err, "a plan", sizeof *p->down);
    if (p->n_routes)
        memcpy(p->routes, d->routes, (size_t)p->n_routes * sizeof *p->routes);
    return DCN_OK;
}

dcn_status dcn_plan_create(dcn_plan **plan, const dcn_graph *g, const dcn_plan_desc *desc,
                           dcn_error *err)
{
    dcn_plan *p;
    dcn_status st;
    int token;

    *plan = NULL;
    if ((st = dcn_graph_check(g, err)))
        return st;
    if (!(p = dcn__alloc(sizeof *p)))
        return dcn__fail_memory(err, "a plan", sizeof *p);
    p->graph = g;
    if (!(st = read_desc(p, desc, err))) {
        token = p->engine->enter(p->inner_threads);
        st = make_programs(p, err);
        p->engine->leave(token);
    }
    if (st || (st = check_bytes(p, desc->max_bytes, err)) || (st = make_weights(p, err)) ||
        (st = make_memory(p, err)) || (st = dcn__team_create(&p->team, p->threads, err))) {
        dcn_plan_destroy(p);
        return st;
    }
    dcn__plan_pack(p);
    snprintf(p->text, sizeof p->text, "%d chunk%s of %d picture%s on %d thread%s%s, %s engine (%s)",
             p->n_chunks, p->n_chunks == 1 ? "" : "s", p->chunk, p->chunk == 1 ? "" : "s",
             p->inner_threads > 1 ? p->inner_threads : p->threads,
             (p->inner_threads > 1 ? p->inner_threads : p->threads) == 1 ? "" : "s",
             p->inner_threads > 1 ? " inside each layer" : "", p->engine->name, p->engine->text());
    *plan = p;
    return DCN_OK;
}

void dcn_plan_destroy(dcn_plan *p)
{
    if (!p)
        return;
    dcn__team_destroy(p->team);
    dcn__program_clear(&p->forward);
    dcn__program_clear(&p->train);
    for (int i = 0; p->down && i < p->n_routes; i++)
        dcn__program_clear(&p->down[i]);
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
    dcn__free(p->kept);
    dcn__free(p->routes);
    dcn__free(p->starts);
    dcn__free(p->down);
    dcn__free(p);
}

size_t dcn_plan_bytes(const dcn_plan *p)
{
    return p->total_bytes;
}

const char *dcn_plan_text(const dcn_plan *p)
{
    return p->text;
}

const char *dcn_plan_extensions(const dcn_plan *p, int route)
{
    return route >= 0 && route < p->n_routes ? p->down[route].walk.extensions : NULL;
}

int dcn_machine_threads(void)
{
    return dcn__cores();
}
