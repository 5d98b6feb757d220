/* fuse.c - which neighbouring steps are done by one kernel, so that what lies between is never written.
 *
 * A pattern holds only if nobody else reads the slots between (`needed`), and if each step reads what the
 * one before wrote. */
#include "engine/cpu/winners.h"

/* The step after `i`, if it does `action`, reads what step i writes and nobody else needs that. */
static const dcn__step *follows(const dcn__walk *w, int i, int end, const bool *needed, dcn__action action)
{
    const dcn__step *a = &w->steps[i], *b = a + 1;

    if (i + 1 >= end || b->action != action || a->write < 0 || b->reads[0] != a->write || needed[a->write])
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

static int fuse_up(const dcn__walk *w, int first, int end, const bool *needed, dcn__group *group)
{
    const dcn__step *a = &w->steps[first], *b;

    if (a->write < 0 || readers(w, end, a->write) > 1)
        return 1;
    group->n_reads = 1;
    group->reads[0] = a->reads[0];
    if (a->action == DCN__DO_CONV && (b = follows(w, first, end, needed, DCN__DO_RELU))) {
        if (readers(w, end, b->write) == 1 && follows(w, first + 1, end, needed, DCN__DO_MAX_POOL))
            return 1;   /* the ReLU goes with the pool */
        group->n_writes = 1;
        group->writes[0] = b->write;
        return 2;
    }
    if (a->action == DCN__DO_RELU && (b = follows(w, first, end, needed, DCN__DO_MAX_POOL))) {
        group->n_writes = 2;
        group->writes[0] = b->write;
        group->writes[1] = b->write_switch;
        return 2;
    }
    return 1;
}

int dcn__cpu_fuse(const dcn_graph *g, const dcn__walk *w, int first, int end, const bool *needed,
                  dcn__group *group)
{
    int count;

    if (first < w->first_reverse)
        return fuse_up(w, first, end, needed, group);
    count = dcn__winners_fuse(g, w, first, end, needed, group);
    return count ? count : 1;
}

dcn_status dcn__cpu_fused(cpu_kernel *k, dcn_error *err)
{
    const dcn__step *last = k->step + k->count - 1;

    if (k->step->action == DCN__DO_UNPOOL)
        return dcn__winners_prepare(k, err);
    if (k->step->action == DCN__DO_CONV)
        return dcn__cpu_weighted(k, err);
    k->node = &k->graph->nodes[last->node];
    k->out = k->node->shape;
    k->base.run = dcn__cpu_relu_max_pool;
    return DCN_OK;
}
