/* program.h - a walk made ready by an engine: kernels in order, and where their slots lie. */
#ifndef DCN_ENGINE_PROGRAM_H
#define DCN_ENGINE_PROGRAM_H

#include "engine/engine.h"

/* Where a slot lies. */
typedef enum dcn__room {
    DCN__ROOM_NONE,               /* swallowed by a fused kernel */
    DCN__ROOM_LANE,               /* a thread's own memory, shared in time with other slots */
    DCN__ROOM_KEPT                /* a chunk's own memory, alive until the next forward */
} dcn__room;

typedef struct dcn__place {
    dcn__room room;
    size_t offset, bytes;         /* bytes: of one chunk */
} dcn__place;

typedef struct dcn__program {
    dcn__walk walk;
    dcn__sums sums;               /* set before it is grouped */
    dcn__group *groups;
    dcn__kernel **kernels;
    int n_groups;
    bool *needed;                 /* per slot: must be written, even if nothing here reads it */
    dcn__place *places;           /* per slot */
    size_t lane_bytes, scratch_bytes, gradient_bytes, own_bytes;
    void **shared;                /* what the kernels of a plan share; NULL: each program its own */
    void *own_shared;
} dcn__program;

/* In this order, for a program whose walk is filled in: begin allocates; the caller marks
 * `needed`; group asks the engine to fuse; prepare makes a kernel of each group. */
dcn_status dcn__program_begin(dcn__program *p, dcn_error *err);
dcn_status dcn__program_group(dcn__program *p, const dcn_graph *g, const dcn__engine *e,
                              dcn_error *err);
dcn_status dcn__program_prepare(dcn__program *p, const dcn_graph *g, const dcn__engine *e,
                                int chunk, int threads, dcn_error *err);
void dcn__program_clear(dcn__program *p);

/* Marks external[slot] for every slot that some group reads and none before it writes. */
dcn_status dcn__program_externals(const dcn__program *p, bool *external, dcn_error *err);
/* The caller has set `room` of kept slots; the others are placed by their lifetimes (place.c). */
dcn_status dcn__program_place(dcn__program *p, const dcn_graph *g, size_t real_bytes, int chunk,
                              dcn_error *err);
size_t dcn__slot_bytes(const dcn_graph *g, const dcn__slot *slot, size_t real_bytes, int chunk);

/* Kernels rely on switches that name a cell of their picture: max pools write no others, and what
 * comes from outside is checked when it enters (switches.c). A debug build looks again before each
 * kernel that follows them, for the first n pictures of the chunk. */
#ifdef NDEBUG
#define dcn__check_switches(program, graph, group, n, slots) ((void)0)
#else
void dcn__check_switches(const dcn__program *p, const dcn_graph *g, int group, int n,
                         void *const *slots);
#endif

void dcn__group_slots(const dcn__walk *w, const dcn__group *group, const int **reads, int *n_reads,
                      int writes[DCN__GROUP_SLOTS], int *n_writes);

#endif
