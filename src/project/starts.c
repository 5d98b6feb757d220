/* starts.c - many walks down at once from the values of one forward. Chunks of signals go through
 * the route as chunks of pictures do; what belongs to their pictures is brought along by chores
 * (engine/descent.h). */
#include "project/project.h"

typedef struct starts_task {
    dcn_plan *plan;
    const dcn__descent *descent;
    const dcn__signal *signals;
    const dcn_start *seeds;       /* of the signals */
    int n;
    float *out;                   /* of all starts */
} starts_task;

/* Signal i of chunk c. A last chunk is filled up with the last signal again; it starts from
 * nothing there, and nobody sees the result. */
static const dcn__signal *signal_of(const starts_task *t, int c, int i)
{
    const int at = c * t->descent->cut.chunk + i;

    return &t->signals[at < t->n ? at : t->n - 1];
}

/* ---- chores --------------------------------------------------------------------------------- */

static void do_for_signal(const starts_task *t, const dcn__chore *chore, const dcn__signal *s,
                          int i, void **slots)
{
    const dcn_plan *p = t->plan;
    const dcn__descent *d = t->descent;
    const dcn__slot *slot = &d->program.walk.slots[chore->slot];
    const dcn_node source = dcn__descent_source(d, chore->node);
    const size_t element = dcn__plan_element(p, slot->kind, source);
    const dcn__patch patch = dcn__descent_patch(d, p->graph, chore->node, s);
    uint8_t *part = slots[chore->slot];

    if (chore->kind == DCN__CHORE_BORROW) {   /* a chunk of one; nothing writes there */
        slots[chore->slot] =
            (void *)(uintptr_t)dcn__plan_kept_picture(p, slot->kind, source, s->picture);
        return;
    }
    part += (size_t)i * (size_t)dcn__shape_size(patch.part) * element;
    switch (chore->kind) {
    case DCN__CHORE_BORROW:
        break;
    case DCN__CHORE_GATHER:
        dcn__patch_gather(&patch, element, part,
                          dcn__plan_kept_picture(p, slot->kind, source, s->picture));
        break;
    case DCN__CHORE_SCALE:
        dcn__patch_scale(&patch, p->graph, &p->graph->nodes[source], element, part);
        break;
    case DCN__CHORE_TRIM:
        dcn__patch_trim(&patch, element, part);
        break;
    }
}

/* Does the chores of group i that come before its kernel, or those after it; returns the next. */
static int do_chores(const starts_task *t, int c, int next, int group, bool after, void **slots)
{
    const dcn__descent *d = t->descent;

    for (; next < d->n_chores; next++) {
        const dcn__chore *chore = &d->chores[next];

        if (chore->group != group || (chore->kind == DCN__CHORE_TRIM) != after)
            break;
        for (int i = 0; i < d->cut.chunk; i++)
            do_for_signal(t, chore, signal_of(t, c, i), i, slots);
    }
    return next;
}

/* ---- one chunk ------------------------------------------------------------------------------ */

static void draw(const starts_task *t, int c, int n, void **slots)
{
    const dcn__descent *d = t->descent;
    const size_t real = t->plan->engine->real_bytes;
    const uint8_t *pixels = slots[dcn__walk_find(&d->program.walk, DCN__SLOT_SIGNAL, 0)];

    for (int i = 0; i < n; i++) {
        const dcn__signal *s = signal_of(t, c, i);
        const dcn__patch patch = dcn__descent_patch(d, t->plan->graph, 0, s);

        dcn__patch_draw(&patch, real,
                        t->out + (size_t)s->index * (size_t)dcn__shape_size(patch.whole),
                        pixels + (size_t)i * (size_t)dcn__shape_size(patch.part) * real);
    }
}

static void run_chunk(void *user, int c, int thread)
{
    const starts_task *t = user;
    dcn_plan *p = t->plan;
    const dcn__descent *d = t->descent;
    const dcn__program *program = &d->program;
    const int token = p->engine->enter(d->cut.inner_threads);
    const int left = t->n - c * d->cut.chunk;
    void **slots = p->lane_slots + (size_t)thread * (size_t)p->max_slots;
    uint8_t *lane = p->lane_memory +
                    (size_t)dcn__lane_of(d->cut.threads, d->cut.n_chunks, c, thread) *
                        (program->lane_bytes + program->scratch_bytes);
    const dcn__frame frame = { .slots = slots, .scratch = lane + program->lane_bytes,
                               .weights = p->weights,
                               .n = left < d->cut.chunk ? left : d->cut.chunk,
                               .starts = t->seeds + (size_t)c * (size_t)d->cut.chunk };
    int next = 0;

    for (int s = 0; s < program->walk.n_slots; s++)
        slots[s] = program->places[s].room == DCN__ROOM_LANE ? lane + program->places[s].offset
                                                             : NULL;
    for (int i = 0; i < program->n_groups; i++) {
        next = do_chores(t, c, next, i, false, slots);
        dcn__check_switches(program, d->graph, i, frame.n, slots);
        program->kernels[i]->run(program->kernels[i], &frame);
        next = do_chores(t, c, next, i, true, slots);
    }
    draw(t, c, frame.n, slots);
    p->engine->leave(token);
}

/* ---- all ------------------------------------------------------------------------------------ */

/* Only one unit has a cone. The unit of a peak is found here, so that its cone is known. */
static bool has_cone(const dcn_plan *p, int route, const dcn_start *s)
{
    return (s->from == DCN_FROM_UNIT || s->from == DCN_FROM_PEAK) &&
           p->cones[route].program.n_groups;
}

static void add_signal(dcn_plan *p, int route, const dcn_start *start, int index, int at)
{
    dcn__signal *s = &p->signals[at];
    dcn_start *seed = &p->seeds[at];

    *seed = *start;
    *s = (dcn__signal){ .index = index, .picture = start->picture };
    if (!has_cone(p, route, start))
        return;
    s->y = start->y;
    s->x = start->x;
    if (start->from == DCN_FROM_PEAK)
        dcn__project_peak(p, p->routes[route].layer, start->picture, start->channel, &s->y, &s->x);
    seed->from = DCN_FROM_UNIT;
    seed->y = seed->x = 0;        /* in its cone the unit is alone */
}

static dcn_status check(const dcn_plan *p, int route, const dcn_start *starts, int n,
                        dcn_error *err)
{
    dcn_status st = dcn__project_check_route(p, route, err);

    if (st)
        return st;
    if (n < 0 || n > p->max_starts)
        return dcn__fail(err, DCN_USAGE, "starts",
                         "%d are not 0..%d; create the plan for more", n, p->max_starts);
    for (int i = 0; !st && i < n; i++)
        st = dcn__project_check_start(p, p->routes[route].layer, &starts[i], err);
    return st;
}

static void run_signals(dcn_plan *p, const dcn__descent *d, int first, int n, float *out)
{
    starts_task task = { p, d, p->signals + first, p->seeds + first, n, out };

    if (n)
        dcn__team_run(p->team, (n + d->cut.chunk - 1) / d->cut.chunk, run_chunk, &task);
}

dcn_status dcn_plan_project_starts(dcn_plan *p, int route, const dcn_start *starts, int n,
                                   float *out, dcn_error *err)
{
    const dcn_status st = check(p, route, starts, n, err);
    int cones = 0, all = 0;

    if (st)
        return st;
    for (int i = 0; i < n; i++)
        if (has_cone(p, route, &starts[i]))
            add_signal(p, route, &starts[i], i, all++);
    cones = all;
    for (int i = 0; i < n; i++)
        if (!has_cone(p, route, &starts[i]))
            add_signal(p, route, &starts[i], i, all++);
    dcn__plan_pack(p);
    run_signals(p, &p->cones[route], 0, cones, out);
    run_signals(p, &p->whole[route], cones, n - cones, out);
    return DCN_OK;
}
