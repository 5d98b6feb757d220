/* fuse.c - which neighbouring steps are done by one kernel, so that what lies between is never
 * written.
 *
 * A pattern holds only if nobody else reads the slots between (`needed`), and if each step reads
 * what the one before wrote. */
#include "engine/cpu/direct.h"
#include "engine/cpu/winners.h"

/* The step after `i`, if it does `action`, reads what step i writes and nobody else needs that. */
static const dcn__step *follows(const dcn__walk *w, int i, int end, const bool *needed,
                                dcn__action action)
{
    const dcn__step *a = &w->steps[i], *b = a + 1;

    if (i + 1 >= end || b->action != action || a->write < 0 || b->reads[0] != a->write ||
        needed[a->write])
        return NULL;
    return b;
}

/* How many steps of the way up read a slot: a fork must not be swallowed. */
static int readers(const dcn__walk *w, int end, int slot)
{
    int n = 0;

    for (int i = 0; i < end; i++)
        for (int k = 0; k < w->steps[i].n_reads; k++)
            n += w->steps[i].reads[k] == slot;
    return n;
}

/* The step after `i`, if only it reads what step i writes. */
static const dcn__step *alone_after(const dcn__walk *w, int i, int end, const bool *needed,
                                    dcn__action action)
{
    return w->steps[i].write >= 0 && readers(w, end, w->steps[i].write) == 1
               ? follows(w, i, end, needed, action) : NULL;
}

static int take(dcn__group *group, const dcn__step *first, const dcn__step *last)
{
    group->n_reads = 1;
    group->reads[0] = first->reads[0];
    group->n_writes = 1;
    group->writes[0] = last->write;
    if (last->write_switch >= 0)
        group->writes[group->n_writes++] = last->write_switch;
    return (int)(last - first) + 1;
}

static int fuse_up(const dcn_graph *g, const dcn__walk *w, int first, int end, const bool *needed,
                   dcn__group *group)
{
    const dcn__step *a = &w->steps[first], *relu, *pool = NULL;

    if (a->action == DCN__DO_RELU && (pool = alone_after(w, first, end, needed, DCN__DO_MAX_POOL)))
        return take(group, a, pool);
    if (a->action != DCN__DO_CONV || !(relu = alone_after(w, first, end, needed, DCN__DO_RELU)))
        return 1;
    pool = alone_after(w, first + 1, end, needed, DCN__DO_MAX_POOL);
    if (pool && dcn__direct_fits(g, &g->nodes[a->node], &g->nodes[pool->node]))
        return take(group, a, pool);
    return pool ? 1 : take(group, a, relu);      /* 1: the ReLU goes with the pool */
}

int dcn__cpu_fuse(const dcn_graph *g, const dcn__walk *w, int first, int end, const bool *needed,
                  dcn__group *group)
{
    int count;

    if (first < w->first_reverse)
        return fuse_up(g, w, first, end, needed, group);
    count = dcn__winners_fuse(g, w, first, end, needed, group);
    return count ? count : 1;
}

dcn_status dcn__cpu_fused(cpu_kernel *k, dcn_error *err)
{
    const dcn__step *last = k->step + k->count - 1;

    if (k->step->action == DCN__DO_UNPOOL)
        return dcn__winners_prepare(k, err);
    if (k->step->action == DCN__DO_CONV && k->count == 3) {
        dcn__direct_prepare(k);
        return DCN_OK;
    }
    if (k->step->action == DCN__DO_CONV)
        return dcn__cpu_weighted(k, err);
    k->node = &k->graph->nodes[last->node];
    k->out = k->node->shape;
    k->base.run = dcn__cpu_relu_max_pool;
    return DCN_OK;
}
