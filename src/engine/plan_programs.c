/* plan_programs.c - a plan's programs: up, down each route, training, and down for starts. What the
 * ways down read decides what the way up must write, so they are grouped first. */
#include "engine/plan.h"

#include "base/memory.h"

/* ---- walks ---------------------------------------------------------------------------------- */

static dcn_status make_walks(dcn_plan *p, dcn_error *err)
{
    const dcn_graph *g = p->graph;
    dcn_status st;

    if ((st = dcn__walk_forward(&p->forward.walk, g, 0, err)))
        return st;
    /* In their order, each right behind its value: that is still near then. */
    for (dcn_node i = 0; i < g->n_nodes; i++)
        if (p->peaks[i] && (st = dcn__walk_peak(&p->forward.walk, g, i, err)))
            return st;
    if (!p->only_asked &&
        (st = dcn__walk_forward(&p->forward.walk, g, dcn_graph_output(g), err)))
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

/* ---- what must be written on the way up ------------------------------------------------------ */

/* If the way up has it: with only_asked that may stop before the output. */
static void need(dcn_plan *p, dcn__slot_kind kind, dcn_node node)
{
    const int slot = dcn__walk_find(&p->forward.walk, kind, node);

    if (slot >= 0)
        p->forward.needed[slot] = true;
}

/* What a way down reads of the way up. d: it is one for starts. */
static dcn_status need_externals(dcn_plan *p, const dcn__program *down, const dcn__descent *d,
                                 dcn_error *err)
{
    const dcn__walk *w = &down->walk;
    bool *external = dcn__alloc_array((size_t)w->n_slots + 1, sizeof *external);
    dcn_status st;

    if (!external)
        return dcn__fail_memory(err, "a plan", (size_t)w->n_slots);
    if (!(st = dcn__program_externals(down, external, err)))
        for (int s = 0; s < w->n_slots; s++)
            if (external[s])
                need(p, w->slots[s].kind,
                     d ? dcn__descent_source(d, w->slots[s].node) : w->slots[s].node);
    dcn__free(external);
    return st;
}

static dcn_status group_starts(dcn_plan *p, int route, dcn_error *err)
{
    const dcn_route *r = &p->routes[route];
    dcn__descent *whole = &p->whole[route], *cone = &p->cones[route];
    dcn_status st;

    if ((st = dcn__descent_begin(whole, p->graph, r, p->engine, err)) ||
        (st = need_externals(p, &whole->program, whole, err)) || p->no_cones ||
        (st = dcn__descent_begin_cone(cone, p->graph, r, &p->down[route].walk, p->engine, err)))
        return st;
    return cone->program.n_groups ? need_externals(p, &cone->program, cone, err) : DCN_OK;
}

/* The output, where the loss is taken (neither with only_asked), the input, the peaks, what any
 * route reads, and everything with keep_all. */
static dcn_status group_down(dcn_plan *p, dcn_error *err)
{
    dcn_status st = DCN_OK;

    need(p, DCN__SLOT_VALUE, 0);
    for (dcn_node i = 0; i < p->graph->n_nodes; i++)
        need(p, DCN__SLOT_PEAK, i);
    if (!p->only_asked) {
        need(p, DCN__SLOT_VALUE, dcn_graph_output(p->graph));
        need(p, DCN__SLOT_VALUE, dcn__loss_node(p->graph));
    }
    for (int s = 0; p->keep_all && s < p->forward.walk.n_slots; s++)
        p->forward.needed[s] = true;
    for (int i = 0; !st && i < p->n_routes; i++) {
        dcn__program *down = &p->down[i];

        for (int s = 0; p->keep_all && s < down->walk.n_slots; s++)
            down->needed[s] = true;
        need(p, DCN__SLOT_VALUE, p->routes[i].layer);
        if (!(st = dcn__program_group(down, p->graph, p->engine, err)) &&
            !(st = need_externals(p, down, NULL, err)) && p->max_starts)
            st = group_starts(p, i, err);
    }
    return st;
}

/* ---- what is kept --------------------------------------------------------------------------- */

static dcn_status choose_kept(dcn_plan *p, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int s = 0; !st && s < p->forward.walk.n_slots; s++)
        if (p->forward.needed[s])
            st = dcn__kept_add(p, &p->forward.walk.slots[s], err);
    for (int i = 0; i < p->n_routes; i++)
        for (int s = 0; !st && s < p->down[i].walk.n_slots; s++) {
            const dcn__slot *slot = &p->down[i].walk.slots[s];

            /* The picture itself, unless each thread has its own; with keep_all every signal. */
            if (slot->kind == DCN__SLOT_SIGNAL &&
                ((slot->node == 0 && !p->together) || p->keep_all))
                st = dcn__kept_add(p, slot, err);
        }
    return st;
}

/* Points the slots of a program that are kept at their place. */
static void bind_kept(const dcn_plan *p, dcn__program *program)
{
    for (int s = 0; s < program->walk.n_slots; s++) {
        const dcn__slot *slot = &program->walk.slots[s];
        const dcn__kept *k = dcn__kept_find(p, slot->kind, slot->node);

        if (k) {
            program->places[s].room = DCN__ROOM_KEPT;
            program->places[s].offset = k->offset;
        }
    }
}

/* ---- places --------------------------------------------------------------------------------- */

static dcn_status place(dcn_plan *p, dcn__program *program, dcn_error *err)
{
    return dcn__program_place(program, p->graph, p->engine->real_bytes, p->chunk, err);
}

/* The input comes from the kept array; all else of a training step lives in the lane. */
static dcn_status place_training(dcn_plan *p, dcn_error *err)
{
    const int input = dcn__walk_find(&p->train.walk, DCN__SLOT_VALUE, 0);
    dcn_status st = dcn__program_group(&p->train, p->graph, p->engine, err);

    p->train.places[input].room = DCN__ROOM_KEPT;
    p->train.places[input].offset = dcn__kept_find(p, DCN__SLOT_VALUE, 0)->offset;
    return st ? st : place(p, &p->train, err);
}

static dcn_status place_starts(dcn_plan *p, dcn__descent *d, dcn_error *err)
{
    return d->program.n_groups ? dcn__descent_place(d, p->graph, p->engine, p->max_starts,
                                                    p->all_threads, p->threads_inside, err)
                               : DCN_OK;
}

dcn_status dcn__plan_make_programs(dcn_plan *p, dcn_error *err)
{
    dcn_status st;

    if ((st = make_walks(p, err)) || (st = group_down(p, err)) ||
        (st = dcn__program_group(&p->forward, p->graph, p->engine, err)) ||
        (st = choose_kept(p, err)))
        return st;
    bind_kept(p, &p->forward);
    st = place(p, &p->forward, err);
    for (int i = 0; !st && i < p->n_routes; i++) {
        bind_kept(p, &p->down[i]);
        if (!(st = place(p, &p->down[i], err)) && p->max_starts &&
            !(st = place_starts(p, &p->whole[i], err)))
            st = place_starts(p, &p->cones[i], err);
    }
    return st || !p->training ? st : place_training(p, err);
}

/* ---- kernels -------------------------------------------------------------------------------- */

static dcn_status prepare(dcn_plan *p, dcn__program *program, const dcn_graph *g, int chunk,
                          int threads, dcn_error *err)
{
    const int token = p->engine->enter(threads);
    dcn_status st;

    program->shared = &p->shared;
    st = dcn__program_prepare(program, g, p->engine, chunk, threads, err);
    p->engine->leave(token);
    p->own_bytes += program->own_bytes;
    program->scratch_bytes = (program->scratch_bytes + 63) / 64 * 64;
    return st ? st : dcn__plan_check_bytes(p, err);   /* before more weights are packed */
}

static dcn_status prepare_starts(dcn_plan *p, dcn__descent *d, dcn_error *err)
{
    return d->program.n_groups ? prepare(p, &d->program, d->graph, d->cut.chunk,
                                         d->cut.inner_threads, err)
                               : DCN_OK;
}

/* Training first: see pack in plan.c. */
dcn_status dcn__plan_prepare(dcn_plan *p, dcn_error *err)
{
    const dcn_graph *g = p->graph;
    dcn_status st = p->training ? prepare(p, &p->train, g, p->chunk, 1, err) : DCN_OK;

    if (!st)
        st = prepare(p, &p->forward, g, p->chunk, p->inner_threads, err);
    for (int i = 0; !st && i < p->n_routes; i++)
        if (!(st = prepare(p, &p->down[i], g, p->chunk, p->together ? 1 : p->inner_threads, err)) &&
            p->max_starts && !(st = prepare_starts(p, &p->whole[i], err)))
            st = prepare_starts(p, &p->cones[i], err);
    return st;
}
