/* fuse.c - which neighbouring steps are done by one kernel, so that what lies between is never
 * written.
 *
 * A pattern holds only if nobody else reads the slots between (`needed`), and if each step reads
 * what the one before wrote. Up: conv, scale (a batch normalisation), add, activation, each but one
 * of them optional; relu and max_pool; conv, relu and max_pool. Down: scale_data, conv_data, a
 * rectifier's rule; winners.h. */
#include "engine/cpu/direct.h"
#include "engine/cpu/winners.h"
#include "engine/cpu/winograd_image.h"
#include "engine/cpu/winograd_kernel.h"

/* The only reader of what step i writes is the next step, and that does `action`. */
static const dcn__step *alone_after(const dcn__stretch *p, int i, dcn__action action)
{
    const int slot = p->walk->steps[i].write;
    const dcn__step *next = &p->walk->steps[i + 1];

    if (i + 1 >= p->end || next->action != action || slot < 0 || p->needed[slot] ||
        p->readers[slot] != 1)
        return NULL;
    for (int k = 0; k < next->n_reads; k++)
        if (next->reads[k] == slot)
            return next;
    return NULL;
}

static void begin(dcn__group *group, const dcn__step *first)
{
    group->n_reads = 0;
    for (int i = 0; i < first->n_reads; i++)
        group->reads[group->n_reads++] = first->reads[i];
}

static int end_with(dcn__group *group, int first, const dcn__walk *w, int last)
{
    group->n_writes = 1;
    group->writes[0] = w->steps[last].write;
    if (w->steps[last].write_switch >= 0)
        group->writes[group->n_writes++] = w->steps[last].write_switch;
    return last - first + 1;
}

/* ---- up ------------------------------------------------------------------------------------- */

/* An activation that a tail can do; a ReLU before a max pool is done with the pool. */
static bool takes_activation(const dcn__stretch *p, int i)
{
    if (alone_after(p, i, DCN__DO_RELU))
        return !alone_after(p, i + 1, DCN__DO_MAX_POOL);
    return alone_after(p, i, DCN__DO_MAP) ||
           (alone_after(p, i, DCN__DO_LEAKY) &&
            p->graph->nodes[p->walk->steps[i + 1].node].weight < 0);
}

/* A convolution, perhaps a ReLU, and a max pool that some kernel does at once: the number of steps,
 * or 0. */
static int pooled_steps(const dcn__stretch *p, int first)
{
    const int relu = alone_after(p, first, DCN__DO_RELU) ? 1 : 0;
    const dcn__step *last = alone_after(p, first + relu, DCN__DO_MAX_POOL);
    const dcn__node *conv = &p->graph->nodes[p->walk->steps[first].node];
    const dcn__node *pool = last ? &p->graph->nodes[last->node] : NULL;

    if (!pool)
        return 0;
    if (relu && (dcn__winograd_image_fits(p->graph, p->sums, conv, pool) ||
                 dcn__direct_fits(p->graph, conv, pool)))
        return 3;
    return dcn__winograd_pool_fits(p->graph, p->sums, conv, pool) ? relu + 2 : 0;
}

/* The other input of an add behind step i, or -1. */
static int other_input(const dcn__walk *w, int i)
{
    const dcn__step *add = &w->steps[i + 1];

    if (add->n_reads != 2)
        return -1;
    return add->reads[add->reads[0] == w->steps[i].write];
}

static int fuse_up(const dcn__stretch *p, int first, dcn__group *group)
{
    const dcn__walk *w = p->walk;
    const dcn__step *a = &w->steps[first];
    const bool conv = a->action == DCN__DO_CONV;
    int last = first, steps;

    begin(group, a);
    if (a->action == DCN__DO_RELU && alone_after(p, first, DCN__DO_MAX_POOL))
        return end_with(group, first, w, first + 1);
    if (conv && (steps = pooled_steps(p, first)))
        return end_with(group, first, w, first + steps - 1);
    if (!conv && a->action != DCN__DO_DENSE && a->action != DCN__DO_SCALE &&
        (a->action != DCN__DO_ADD || a->n_reads != 2))
        return 1;
    if (conv && alone_after(p, last, DCN__DO_SCALE))
        last++;
    if (a->action != DCN__DO_ADD && alone_after(p, last, DCN__DO_ADD) &&
        other_input(w, last) >= 0) {
        group->reads[group->n_reads++] = other_input(w, last);
        last++;
    }
    if (takes_activation(p, last))
        last++;
    return last > first ? end_with(group, first, w, last) : 1;
}

/* ---- down ----------------------------------------------------------------------------------- */

static bool is_rule(const dcn__step *s)
{
    return s->action == DCN__DO_COPY || s->action == DCN__DO_RELU_MASK ||
           s->action == DCN__DO_RELU_RECTIFY || s->action == DCN__DO_RELU_GUIDED;
}

static int fuse_down(const dcn__stretch *p, int first, dcn__group *group)
{
    const dcn__walk *w = p->walk;
    const dcn__step *rule;
    int last = first;

    begin(group, &w->steps[first]);
    if (w->steps[first].action == DCN__DO_SCALE_DATA) {
        if (!alone_after(p, first, DCN__DO_CONV_DATA))
            return 1;
        last++;
    }
    if (w->steps[last].action != DCN__DO_CONV_DATA && w->steps[last].action != DCN__DO_DENSE_DATA)
        return 1;
    rule = last + 1 < p->end ? &w->steps[last + 1] : NULL;
    if (rule && is_rule(rule) && alone_after(p, last, rule->action)) {
        if (rule->n_reads == 2)
            group->reads[group->n_reads++] = rule->reads[1];
        last++;
    }
    return last > first ? end_with(group, first, w, last) : 1;
}

int dcn__cpu_fuse(const dcn__stretch *in, int first, dcn__group *group)
{
    int count;

    if (first < in->walk->first_reverse)
        return fuse_up(in, first, group);
    count = dcn__winners_fuse(in, first, group);
    return count ? count : fuse_down(in, first, group);
}

/* ---- prepare -------------------------------------------------------------------------------- */

/* What the steps behind the first are, as tail.c and weighted.c want to know it. */
static void read_steps(cpu_kernel *k)
{
    int read = 1;

    k->unit = DCN__UNIT_CELL;
    for (int i = 0; i < k->count; i++) {
        const dcn__step *s = &k->step[i];

        switch (s->action) {
        case DCN__DO_CONV:
        case DCN__DO_DENSE:
            break;
        case DCN__DO_CONV_DATA:
        case DCN__DO_DENSE_DATA:
            k->unit = DCN__UNIT_CELL_IN;
            k->node = &k->graph->nodes[s->node];
            k->in = k->graph->nodes[k->node->inputs[0]].shape;
            break;
        case DCN__DO_SCALE:
        case DCN__DO_SCALE_DATA:
            k->scale = &k->graph->nodes[s->node];
            break;
        case DCN__DO_ADD:
            k->addend = read++;
            break;
        default:
            k->last = s;
            k->last_read = s->n_reads == 2 ? read : 0;
            break;
        }
    }
}

dcn_status dcn__cpu_fused(cpu_kernel *k, dcn_error *err)
{
    const dcn__action first = k->step->action;
    const dcn__step *last = &k->step[k->count - 1];

    if (first == DCN__DO_UNPOOL || first == DCN__DO_SEED)
        return dcn__winners_prepare(k, err);
    if (first == DCN__DO_CONV && last->action == DCN__DO_MAX_POOL) {
        const dcn__node *pool = &k->graph->nodes[last->node];

        if (k->count == 3 && dcn__winograd_image_fits(k->graph, k->sums, k->node, pool))
            return dcn__winograd_image_prepare(k, err);
        if (dcn__winograd_pool_fits(k->graph, k->sums, k->node, pool))
            return dcn__winograd_prepare(k, err);
        dcn__direct_prepare(k);
        return DCN_OK;
    }
    if (first == DCN__DO_RELU) {
        k->node = &k->graph->nodes[k->step[1].node];
        k->out = k->node->shape;
        k->unit = DCN__UNIT_ROW;
        k->base.run = dcn__cpu_relu_max_pool;
        return DCN_OK;
    }
    read_steps(k);
    if (first == DCN__DO_SCALE || first == DCN__DO_ADD) {
        k->base.run = dcn__cpu_tail;
        return DCN_OK;
    }
    return dcn__cpu_weighted(k, err);
}
