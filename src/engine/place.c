/* place.c - lays the slots of a program into one block of memory a thread: two slots may share
 * bytes if they are never alive together. Largest first, each at the lowest offset that is free. */
#include "engine/program.h"

#include "base/memory.h"

enum { ALIGN = 64 };

typedef struct life { int slot, from, to; } life;

size_t dcn__slot_bytes(const dcn_graph *g, const dcn__slot *slot, size_t real_bytes, int chunk)
{
    const size_t element = slot->kind == DCN__SLOT_SWITCH
                               ? (size_t)dcn__switch_bytes(&g->nodes[slot->node].window)
                               : real_bytes;
    /* A value has at most 2^31 elements and a chunk at most 8 pictures: no overflow in 64 bits. */
    const size_t bytes = (size_t)dcn__shape_size(slot->shape) * element * (size_t)chunk;

    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* First write to last use of each lane slot, in groups. Returns how many there are. */
static int lifetimes(dcn__program *p, life *lives, int *index)
{
    int n = 0;

    for (int s = 0; s < p->walk.n_slots; s++)
        index[s] = -1;
    for (int i = 0; i < p->n_groups; i++) {
        const int *reads;
        int n_reads, writes[DCN__GROUP_SLOTS], n_writes;

        dcn__group_slots(&p->walk, &p->groups[i], &reads, &n_reads, writes, &n_writes);
        for (int k = 0; k < n_writes + n_reads; k++) {
            const int s = k < n_writes ? writes[k] : reads[k - n_writes];

            if (p->places[s].room == DCN__ROOM_KEPT)
                continue;
            if (index[s] < 0) {
                index[s] = n;
                /* A slot that is read before it is written came in from outside (the input). */
                lives[n++] = (life){ .slot = s, .from = k < n_writes ? i : 0 };
            }
            lives[index[s]].to = i;
        }
    }
    return n;
}

static bool overlap(const dcn__program *p, const life *a, size_t offset, size_t bytes,
                    const life *b)
{
    const dcn__place *q = &p->places[b->slot];

    return a->from <= b->to && b->from <= a->to && offset < q->offset + q->bytes &&
           q->offset < offset + bytes;
}

/* The lowest free offset for lives[n], given that 0..n-1 are placed. */
static size_t find_offset(const dcn__program *p, const life *lives, int n)
{
    const size_t bytes = p->places[lives[n].slot].bytes;
    size_t offset = 0;

    for (int k = 0; k < n; k++)
        if (overlap(p, &lives[n], offset, bytes, &lives[k])) {
            offset = p->places[lives[k].slot].offset + p->places[lives[k].slot].bytes;
            k = -1;   /* look again from the first: offsets only grow, so this ends */
        }
    return offset;
}

dcn_status dcn__program_place(dcn__program *p, const dcn_graph *g, size_t real_bytes, int chunk,
                              dcn_error *err)
{
    const size_t slots = (size_t)p->walk.n_slots + 1;
    life *lives = dcn__alloc_array(slots, sizeof *lives);
    int *index = dcn__alloc_array(slots, sizeof *index);
    int n = 0;

    p->lane_bytes = 0;
    if (!lives || !index) {
        dcn__free(lives);
        dcn__free(index);
        return dcn__fail_memory(err, "a plan", slots * sizeof *lives);
    }
    for (int s = 0; s < p->walk.n_slots; s++)
        p->places[s].bytes = dcn__slot_bytes(g, &p->walk.slots[s], real_bytes, chunk);
    n = lifetimes(p, lives, index);
    for (int i = 1; i < n; i++)   /* insertion sort, largest first; equal sizes keep their order */
        for (int k = i;
             k > 0 && p->places[lives[k].slot].bytes > p->places[lives[k - 1].slot].bytes; k--) {
            const life swapped = lives[k];

            lives[k] = lives[k - 1];
            lives[k - 1] = swapped;
        }
    for (int i = 0; i < n; i++) {
        dcn__place *q = &p->places[lives[i].slot];

        q->room = DCN__ROOM_LANE;
        q->offset = find_offset(p, lives, i);
        if (q->offset + q->bytes > p->lane_bytes)
            p->lane_bytes = q->offset + q->bytes;
    }
    dcn__free(lives);
    dcn__free(index);
    return DCN_OK;
}
