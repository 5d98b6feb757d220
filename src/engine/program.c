/* program.c - groups the steps of a walk and has an engine prepare a kernel for each group. */
#include "engine/program.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

/* No real network has so many arrays, a hostile one may; their sizes then still add up. */
enum { MAX_SLOTS = 1 << 23 };

dcn_status dcn__program_begin(dcn__program *p, dcn_error *err)
{
    const size_t slots = (size_t)p->walk.n_slots + 1, steps = (size_t)p->walk.n_steps + 1;

    if (p->walk.n_slots > MAX_SLOTS)
        return dcn__fail(err, DCN_MEMORY, "plan",
                         "needs %d arrays, the limit is %d; use a smaller network", p->walk.n_slots,
                         MAX_SLOTS);
    p->needed = dcn__alloc_array(slots, sizeof *p->needed);
    p->places = dcn__alloc_array(slots, sizeof *p->places);
    p->groups = dcn__alloc_array(steps, sizeof *p->groups);
    p->kernels = dcn__alloc_array(steps, sizeof *p->kernels);
    if (!p->needed || !p->places || !p->groups || !p->kernels)
        return dcn__fail_memory(err, "a program", steps * sizeof *p->groups);
    return DCN_OK;
}

#ifndef NDEBUG
static void check_place(const dcn__node *pool, dcn_shape in, size_t cell, uint32_t place)
{
    const dcn__window *w = &pool->window;
    const int columns = w->kernel[1], at = (int)place;
    const int i = (int)(cell / (size_t)pool->shape.w % (size_t)pool->shape.h);
    const int j = (int)(cell % (size_t)pool->shape.w);
    const int row = i * w->stride[0] - w->pad[0] + at / columns * w->dilation[0];
    const int col = j * w->stride[1] - w->pad[1] + at % columns * w->dilation[1];

    assert(place < (uint32_t)w->kernel[0] * (uint32_t)columns);
    assert(row >= 0 && row < in.h && col >= 0 && col < in.w);
}

void dcn__check_switches(const dcn__program *p, const dcn_graph *g, int group, int n,
                         void *const *slots)
{
    const int *reads;
    int n_reads, writes[DCN__GROUP_SLOTS], n_writes;

    dcn__group_slots(&p->walk, &p->groups[group], &reads, &n_reads, writes, &n_writes);
    for (int i = 0; i < p->groups[group].count; i++) {
        const dcn__step *step = &p->walk.steps[p->groups[group].first + i];
        const int slot = step->action == DCN__DO_UNPOOL ? step->reads[1] : -1;
        const dcn__node *pool = &g->nodes[step->node];
        bool read = false;

        for (int k = 0; slot >= 0 && k < n_reads; k++)
            read = read || reads[k] == slot;
        if (!read || !slots[slot])
            continue;
        for (size_t k = 0; k < (size_t)n * (size_t)dcn__shape_size(pool->shape); k++)
            check_place(pool, g->nodes[pool->inputs[0]].shape, k / (size_t)pool->shape.c,
                        dcn__switch_bytes(&pool->window) == 1
                            ? ((const uint8_t *)slots[slot])[k]
                            : ((const uint32_t *)slots[slot])[k]);
    }
}
#endif

void dcn__group_slots(const dcn__walk *w, const dcn__group *group, const int **reads, int *n_reads,
                      int writes[DCN__GROUP_SLOTS], int *n_writes)
{
    const dcn__step *s = &w->steps[group->first];

    *n_writes = 0;
    if (group->count > 1) {
        *reads = group->reads;
        *n_reads = group->n_reads;
        memcpy(writes, group->writes, sizeof group->writes);
        *n_writes = group->n_writes;
        return;
    }
    *reads = s->reads;
    *n_reads = s->n_reads;
    if (s->write >= 0)
        writes[(*n_writes)++] = s->write;
    if (s->write_switch >= 0)
        writes[(*n_writes)++] = s->write_switch;
}

/* From the last step to the first, so that what later groups read is known when earlier ones are
 * fused. Groups are found from the front within each half and stored in order at the end. */
static int fuse_range(dcn__program *p, const dcn_graph *g, const dcn__engine *e, int first, int end,
                      int *readers, dcn__group *out)
{
    const dcn__stretch in = { g, &p->walk, end, p->needed, readers, p->sums };
    int n = 0;

    memset(readers, 0, (size_t)p->walk.n_slots * sizeof *readers);
    for (int i = first; i < end; i++)
        for (int k = 0; k < p->walk.steps[i].n_reads; k++)
            readers[p->walk.steps[i].reads[k]]++;
    while (first < end) {
        dcn__group *group = &out[n++];

        group->first = first;
        group->count = e->fuse(&in, first, group);
        first += group->count;
    }
    return n;
}

static void mark_reads(dcn__program *p, const dcn__group *groups, int n)
{
    for (int i = 0; i < n; i++) {
        const int *reads;
        int n_reads, writes[DCN__GROUP_SLOTS], n_writes;

        dcn__group_slots(&p->walk, &groups[i], &reads, &n_reads, writes, &n_writes);
        for (int k = 0; k < n_reads; k++)
            p->needed[reads[k]] = true;
    }
}

dcn_status dcn__program_group(dcn__program *p, const dcn_graph *g, const dcn__engine *e,
                              dcn_error *err)
{
    const int half = p->walk.first_reverse, n_steps = p->walk.n_steps;
    dcn__group *down = dcn__alloc_array((size_t)n_steps + 1, sizeof *down);
    int *readers = dcn__alloc_array((size_t)p->walk.n_slots + 1, sizeof *readers);
    int n_down, n_up;

    if (!down || !readers) {
        dcn__free(down);
        dcn__free(readers);
        return dcn__fail_memory(err, "a program", (size_t)n_steps * sizeof *down);
    }
    /* Down first: what it reads of the way up must then be written there. */
    n_down = fuse_range(p, g, e, half, n_steps, readers, down);
    mark_reads(p, down, n_down);
    n_up = fuse_range(p, g, e, 0, half, readers, p->groups);
    memcpy(p->groups + n_up, down, (size_t)n_down * sizeof *down);
    p->n_groups = n_up + n_down;
    dcn__free(down);
    dcn__free(readers);
    return DCN_OK;
}

dcn_status dcn__program_externals(const dcn__program *p, bool *external, dcn_error *err)
{
    bool *written = dcn__alloc_array((size_t)p->walk.n_slots + 1, sizeof *written);

    if (!written)
        return dcn__fail_memory(err, "a program", (size_t)p->walk.n_slots);
    for (int i = 0; i < p->n_groups; i++) {
        const int *reads;
        int n_reads, writes[DCN__GROUP_SLOTS], n_writes;

        dcn__group_slots(&p->walk, &p->groups[i], &reads, &n_reads, writes, &n_writes);
        for (int k = 0; k < n_reads; k++)
            if (!written[reads[k]])
                external[reads[k]] = true;
        for (int k = 0; k < n_writes; k++)
            written[writes[k]] = true;
    }
    dcn__free(written);
    return DCN_OK;
}

dcn_status dcn__program_prepare(dcn__program *p, const dcn_graph *g, const dcn__engine *e,
                                int chunk, int threads, dcn_error *err)
{
    for (int i = 0; i < p->n_groups; i++) {
        const dcn__job job = { .graph = g, .walk = &p->walk, .group = &p->groups[i], .sums = p->sums,
                               .chunk = chunk, .threads = threads,
                               .shared = p->shared ? p->shared : &p->own_shared };
        dcn_status st = e->prepare(&job, &p->kernels[i], err);
        dcn__kernel *k = p->kernels[i];

        if (st)
            return st;
        k->gradient_offset = p->gradient_bytes;
        p->gradient_bytes += (k->gradient_bytes + 63) / 64 * 64;
        p->own_bytes += k->own_bytes;
        if (k->scratch_bytes > p->scratch_bytes)
            p->scratch_bytes = k->scratch_bytes;
    }
    return DCN_OK;
}

void dcn__program_clear(dcn__program *p)
{
    for (int i = 0; p->kernels && i < p->n_groups; i++)
        if (p->kernels[i])
            p->kernels[i]->release(p->kernels[i]);
    dcn__free(p->needed);
    dcn__free(p->places);
    dcn__free(p->groups);
    dcn__free(p->kernels);
    dcn__walk_clear(&p->walk);
    memset(p, 0, sizeof *p);
}
