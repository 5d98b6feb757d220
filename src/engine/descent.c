/* descent.c - makes the programs for starts: how they are cut, and the chores between kernels. */
#include "engine/descent.h"

#include "base/memory.h"

#include <string.h>

/* A chunk's largest array stays below this, if a chunk of one picture does: a few signals at once
 * make the convolutions of small maps faster, large maps gain nothing and cost memory. */
#define CHUNK_BYTES ((size_t)2 << 20)

dcn_node dcn__descent_source(const dcn__descent *d, dcn_node node)
{
    return d->cone.graph.n_nodes ? d->cone.regions[node].source : node;
}

/* ---- what must be attended to at a border ---------------------------------------------------- */

/* Moves signals from cell to cell, so that what lies outside the picture comes inside. */
static bool moves(dcn__action a)
{
    return a == DCN__DO_CONV_DATA || a == DCN__DO_UNPOOL || a == DCN__DO_UNPOOL_CENTRE ||
           a == DCN__DO_AVG_POOL_SPREAD || a == DCN__DO_PAD_DATA;
}

static bool divides_by_less(const dcn_graph *g, const dcn__node *n)
{
    const dcn_shape in = g->nodes[n->inputs[0]].shape;

    for (int i = 0; i < n->shape.h; i++)
        if (dcn__pool_cells(&n->window, 0, i, in.h) != n->window.kernel[0])
            return true;
    for (int i = 0; i < n->shape.w; i++)
        if (dcn__pool_cells(&n->window, 1, i, in.w) != n->window.kernel[1])
            return true;
    return false;
}

static bool wants_scale(const dcn__descent *d, const dcn_graph *g, const dcn__step *step)
{
    return step->action == DCN__DO_AVG_POOL_SPREAD &&
           divides_by_less(g, &g->nodes[dcn__descent_source(d, step->node)]);
}

/* trim[slot]: a signal may stand in it outside its node's value, and the step that reads it would
 * bring that inside. Steps that work cell by cell hand the fault on. */
static void find_trims(const dcn__descent *d, const dcn_graph *g, dcn_node layer, bool *dirty,
                       bool *trim)
{
    const dcn__walk *w = &d->program.walk;

    for (int i = 0; i < w->n_steps; i++) {
        const dcn__step *step = &w->steps[i];
        bool read = false;

        for (int k = 0; k < step->n_reads; k++)
            read = read || dirty[step->reads[k]];
        if (!moves(step->action)) {
            dirty[step->write] = read;
            continue;
        }
        if (read)
            trim[step->reads[0]] = true;
        dirty[step->write] = step->action != DCN__DO_UNPOOL &&
                             step->action != DCN__DO_UNPOOL_CENTRE &&
                             dcn__cone_hangs(&d->cone, g, layer, w->slots[step->write].node);
    }
}

/* ---- begin ---------------------------------------------------------------------------------- */

/* Arrays that must be written because a chore comes between two steps. */
static dcn_status find_borders(dcn__descent *d, const dcn_graph *g, dcn_node layer, dcn_error *err)
{
    dcn__program *p = &d->program;
    const size_t slots = (size_t)p->walk.n_slots + 1;
    bool *dirty = dcn__alloc_array(slots, sizeof *dirty);

    d->trim = dcn__alloc_array(slots, sizeof *d->trim);
    if (!dirty || !d->trim) {
        dcn__free(dirty);
        return dcn__fail_memory(err, "a way down", slots);
    }
    find_trims(d, g, layer, dirty, d->trim);
    for (int s = 0; s < p->walk.n_slots; s++)
        p->needed[s] = d->trim[s];
    for (int i = 0; i < p->walk.n_steps; i++)
        if (wants_scale(d, g, &p->walk.steps[i]))
            p->needed[p->walk.steps[i].reads[0]] = true;
    dcn__free(dirty);
    return DCN_OK;
}

static dcn_status begin(dcn__descent *d, const dcn_graph *g, const dcn_route *route,
                        const dcn__engine *e, dcn_error *err)
{
    dcn_status st;

    if ((st = dcn__walk_down(&d->program.walk, d->graph, route, err)) ||
        (st = dcn__program_begin(&d->program, err)) ||
        (d->cone.graph.n_nodes &&
         (st = find_borders(d, g, dcn__descent_source(d, route->layer), err))))
        return st;
    return dcn__program_group(&d->program, d->graph, e, err);
}

dcn_status dcn__descent_begin(dcn__descent *d, const dcn_graph *g, const dcn_route *route,
                              const dcn__engine *e, dcn_error *err)
{
    d->graph = g;
    return begin(d, g, route, e, err);
}

dcn_status dcn__descent_begin_cone(dcn__descent *d, const dcn_graph *g, const dcn_route *route,
                                   const dcn__walk *whole, const dcn__engine *e, dcn_error *err)
{
    dcn_route cone = *route;
    dcn_status st = dcn__cone_make(&d->cone, g, route, whole, err);

    if (st || !d->cone.graph.n_nodes)
        return st;
    d->graph = &d->cone.graph;
    cone.layer = d->graph->n_nodes - 1;
    return begin(d, g, &cone, e, err);
}

/* ---- place ---------------------------------------------------------------------------------- */

static void cut(dcn__descent *d, const dcn__engine *e, int starts, int threads, bool inside)
{
    size_t largest = 0;
    int chunk = 8;

    for (int s = 0; s < d->program.walk.n_slots; s++) {
        const size_t bytes = dcn__slot_bytes(d->graph, &d->program.walk.slots[s], e->real_bytes, 1);

        largest = bytes > largest ? bytes : largest;
    }
    while (chunk > 1 && (starts / chunk < 4 || largest * (size_t)chunk > CHUNK_BYTES))
        chunk /= 2;
    d->cut.chunk = chunk;
    d->cut.n_chunks = (starts + chunk - 1) / chunk;
    d->cut.threads = threads < d->cut.n_chunks ? threads : d->cut.n_chunks;
    d->cut.inner_threads = inside && d->cut.n_chunks == 1 ? threads : 1;
}

static void add_chore(dcn__descent *d, dcn__chore_kind kind, int group, int slot)
{
    d->chores[d->n_chores++] = (dcn__chore){ .kind = kind, .group = group, .slot = slot,
                                             .node = d->program.walk.slots[slot].node };
}

/* The chores of group i. come[slot]: it comes from the way up and is not here yet. */
static void list_chores(dcn__descent *d, const dcn_graph *g, int i, bool *come)
{
    const dcn__walk *w = &d->program.walk;
    const dcn__group *group = &d->program.groups[i];
    const dcn__step *last = &w->steps[group->first + group->count - 1];
    const int *reads;
    int n_reads, writes[DCN__GROUP_SLOTS], n_writes;

    dcn__group_slots(w, group, &reads, &n_reads, writes, &n_writes);
    for (int k = 0; k < n_reads; k++)
        if (come[reads[k]]) {
            add_chore(d, d->program.places[reads[k]].room == DCN__ROOM_KEPT ? DCN__CHORE_BORROW
                                                                            : DCN__CHORE_GATHER,
                      i, reads[k]);
            come[reads[k]] = false;
        }
    if (!d->trim)
        return;
    if (wants_scale(d, g, &w->steps[group->first]))
        add_chore(d, DCN__CHORE_SCALE, i, w->steps[group->first].reads[0]);
    if (d->trim[last->write])
        add_chore(d, DCN__CHORE_TRIM, i, last->write);
}

dcn_status dcn__descent_place(dcn__descent *d, const dcn_graph *g, const dcn__engine *e, int starts,
                              int threads, bool inside, dcn_error *err)
{
    dcn__program *p = &d->program;
    const size_t slots = (size_t)p->walk.n_slots + 1;
    bool *come = dcn__alloc_array(slots, sizeof *come);
    dcn_status st;

    cut(d, e, starts, threads, inside);
    d->chores = dcn__alloc_array(slots + 2 * (size_t)p->n_groups, sizeof *d->chores);
    if (!come || !d->chores) {
        dcn__free(come);
        return dcn__fail_memory(err, "a way down", slots * sizeof *d->chores);
    }
    if (!(st = dcn__program_externals(p, come, err))) {
        /* Alone in its chunk and whole, a signal reads the kept arrays where they are. */
        for (int s = 0; s < p->walk.n_slots; s++)
            if (come[s] && d->cut.chunk == 1 && !d->cone.graph.n_nodes)
                p->places[s].room = DCN__ROOM_KEPT;
        for (int i = 0; i < p->n_groups; i++)
            list_chores(d, g, i, come);
        st = dcn__program_place(p, d->graph, e->real_bytes, d->cut.chunk, err);
    }
    dcn__free(come);
    return st;
}

void dcn__descent_clear(dcn__descent *d)
{
    dcn__program_clear(&d->program);
    dcn__cone_clear(&d->cone);
    dcn__free(d->chores);
    dcn__free(d->trim);
    memset(d, 0, sizeof *d);
}
