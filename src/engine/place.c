/* place.c - lays the slots of a program into one block of memory a thread: two slots may share
 * bytes if they are never alive together. Largest first, each at the lowest offset that is free. */
#include "engine/program.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

/* Pairs of slots that are alive together. Beyond so many, no real network but a hostile one, slots
 * share nothing: looking for holes would take longer than the holes are worth. */
#define MAX_PAIRS ((size_t)1 << 23)

/* A slot of the lane. The lives of a program are numbered by their first group. */
typedef struct life {
    int slot, from, to;
    size_t bytes, offset;
    bool placed;
    size_t first_older, n_older;  /* in layout.older: lives that it finds alive when it begins */
} life;

typedef struct layout {
    life *lives;
    int n;
    int *older;
    size_t n_older, capacity;
    int *order;                   /* lives, largest first */
    int *near;                    /* placed lives that one may not touch, by offset */
} layout;

size_t dcn__slot_bytes(const dcn_graph *g, const dcn__slot *slot, size_t real_bytes, int chunk)
{
    const size_t element = slot->kind == DCN__SLOT_SWITCH
                               ? (size_t)dcn__switch_bytes(&g->nodes[slot->node].window)
                           : slot->kind == DCN__SLOT_PEAK ? real_bytes + sizeof(int32_t)
                                                          : real_bytes;
    /* A value has at most 2^31 elements and a chunk at most 64 pictures: 2^40 bytes. The
     * slots of one walk do not overflow 64 bits either (program.c). */
    const size_t bytes = (size_t)dcn__shape_size(slot->shape) * element * (size_t)chunk;

    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* First write to last use of each lane slot, in groups. What is read before it is written is
 * brought in just before that. */
static void find_lives(layout *l, const dcn__program *p, int *index)
{
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
                index[s] = l->n;
                l->lives[l->n++] = (life){ .slot = s, .from = i, .bytes = p->places[s].bytes };
            }
            l->lives[index[s]].to = i;
        }
    }
}

/* Notes for each life which older ones it meets. False: without memory. `alive` is n long. */
static bool find_older(layout *l, int *alive)
{
    int n_alive = 0;

    for (int i = 0; i < l->n && l->n_older <= MAX_PAIRS; i++) {
        life *a = &l->lives[i];
        int kept = 0;

        for (int k = 0; k < n_alive; k++)
            if (l->lives[alive[k]].to >= a->from)
                alive[kept++] = alive[k];
        n_alive = kept;
        if (l->n_older + (size_t)n_alive > l->capacity) {
            const size_t capacity = 2 * (l->n_older + (size_t)n_alive);
            int *grown = dcn__realloc(l->older, capacity * sizeof *grown);

            if (!grown)
                return false;
            l->older = grown;
            l->capacity = capacity;
        }
        a->first_older = l->n_older;
        a->n_older = (size_t)n_alive;
        if (n_alive)
            memcpy(l->older + l->n_older, alive, (size_t)n_alive * sizeof *alive);
        l->n_older += (size_t)n_alive;
        alive[n_alive++] = i;
    }
    return true;
}

static int by_size(const void *a, const void *b, void *user)
{
    const int i = *(const int *)a, k = *(const int *)b;
    const life *lives = user;

    if (lives[i].bytes != lives[k].bytes)
        return lives[i].bytes < lives[k].bytes ? 1 : -1;
    return i - k;
}

static int by_offset(const void *a, const void *b, void *user)
{
    const life *lives = user, *x = &lives[*(const int *)a], *y = &lives[*(const int *)b];

    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The lowest offset at which life i touches no placed one that is alive with it. */
static size_t find_offset(const layout *l, int i)
{
    const life *a = &l->lives[i];
    size_t offset = 0;
    int n = 0;

    for (size_t k = 0; k < a->n_older; k++)
        if (l->lives[l->older[a->first_older + k]].placed)
            l->near[n++] = l->older[a->first_older + k];
    for (int k = i + 1; k < l->n && l->lives[k].from <= a->to; k++)
        if (l->lives[k].placed)
            l->near[n++] = k;
    qsort_r(l->near, (size_t)n, sizeof *l->near, by_offset, l->lives);
    for (int k = 0; k < n; k++) {
        const life *b = &l->lives[l->near[k]];

        if (offset + a->bytes <= b->offset)
            break;
        if (b->offset + b->bytes > offset)
            offset = b->offset + b->bytes;
    }
    return offset;
}

static void place_all(layout *l, dcn__program *p)
{
    for (int i = 0; i < l->n; i++)
        l->order[i] = i;
    qsort_r(l->order, (size_t)l->n, sizeof *l->order, by_size, l->lives);
    for (int k = 0; k < l->n; k++) {
        life *a = &l->lives[l->order[k]];

        a->offset = l->n_older > MAX_PAIRS ? p->lane_bytes : find_offset(l, l->order[k]);
        a->placed = true;
        p->places[a->slot].room = DCN__ROOM_LANE;
        p->places[a->slot].offset = a->offset;
        if (a->offset + a->bytes > p->lane_bytes)
            p->lane_bytes = a->offset + a->bytes;
    }
}

dcn_status dcn__program_place(dcn__program *p, const dcn_graph *g, size_t real_bytes, int chunk,
                              dcn_error *err)
{
    const size_t slots = (size_t)p->walk.n_slots + 1;
    layout l = { .lives = dcn__alloc_array(slots, sizeof *l.lives),
                 .order = dcn__alloc_array(slots, sizeof *l.order),
                 .near = dcn__alloc_array(slots, sizeof *l.near) };
    dcn_status st = DCN_OK;

    p->lane_bytes = 0;
    for (int s = 0; s < p->walk.n_slots; s++)
        p->places[s].bytes = dcn__slot_bytes(g, &p->walk.slots[s], real_bytes, chunk);
    if (l.lives && l.order && l.near) {
        find_lives(&l, p, l.order);
        if (find_older(&l, l.near))
            place_all(&l, p);
        else
            st = dcn__fail_memory(err, "a plan", l.capacity * sizeof *l.older);
    } else {
        st = dcn__fail_memory(err, "a plan", slots * sizeof *l.lives);
    }
    dcn__free(l.lives);
    dcn__free(l.older);
    dcn__free(l.order);
    dcn__free(l.near);
    return st;
}
