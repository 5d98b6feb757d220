/* descent.h - a way down for starts: chunks of signals, each of which may belong to another
 * picture.
 *
 * Kernels know nothing of this. What they read of the way up is brought, just before they run, from
 * the kept arrays of each signal's picture into its place in the chunk; around kernels of a cone
 * the border of the pictures is attended to. These are CHORES. */
#ifndef DCN_ENGINE_DESCENT_H
#define DCN_ENGINE_DESCENT_H

#include "engine/cone.h"
#include "engine/program.h"

/* How a number of pictures or starts is cut. One chunk: the threads work inside its kernels. */
typedef struct dcn__chunks { int chunk, n_chunks, threads, inner_threads; } dcn__chunks;

typedef enum dcn__chore_kind {
    DCN__CHORE_BORROW,            /* before a group: the slot is the kept array itself */
    DCN__CHORE_GATHER,            /* before it: kept values or switches into the slot */
    DCN__CHORE_SCALE,             /* before it: an average pool's signal, where windows are cut */
    DCN__CHORE_TRIM               /* after it: nothing outside the node's value */
} dcn__chore_kind;

typedef struct dcn__chore {
    dcn__chore_kind kind;
    int group, slot;
    dcn_node node;                /* of the program's graph */
} dcn__chore;

typedef struct dcn__descent {
    dcn__cone cone;               /* without nodes: the whole way */
    const dcn_graph *graph;       /* the cone's, or the plan's */
    dcn__program program;         /* without groups: there is none */
    dcn__chunks cut;
    bool *trim;                   /* by slot, for a cone: a chore for it */
    dcn__chore *chores;           /* in the order of their groups; TRIM after the others */
    int n_chores;
} dcn__descent;

/* Makes the walk and its groups, of the whole way or of the route's cone (whole: the route's own
 * walk). Without a cone worth it there are no groups afterwards. */
dcn_status dcn__descent_begin(dcn__descent *d, const dcn_graph *g, const dcn_route *route,
                              const dcn__engine *e, dcn_error *err);
dcn_status dcn__descent_begin_cone(dcn__descent *d, const dcn_graph *g, const dcn_route *route,
                                   const dcn__walk *whole, const dcn__engine *e, dcn_error *err);
/* Cuts `starts` signals among `threads` (inside: which work in the kernels if there is one chunk),
 * places the slots and lists the chores; the kernels are still to be made. */
dcn_status dcn__descent_place(dcn__descent *d, const dcn_graph *g, const dcn__engine *e, int starts,
                              int threads, bool inside, dcn_error *err);
void dcn__descent_clear(dcn__descent *d);
/* Which node of the model a node of the descent's graph stands for. */
dcn_node dcn__descent_source(const dcn__descent *d, dcn_node node);

/* One signal of a chunk. */
typedef struct dcn__signal {
    int index;                    /* in the caller's starts */
    int picture, y, x;            /* y, x: the unit, for a cone */
} dcn__signal;

/* A node's part that a signal sees, within the node's whole value. */
typedef struct dcn__patch {
    dcn_shape whole, part;
    int64_t top, left;            /* of the part, in the whole; it may hang over */
} dcn__patch;
dcn__patch dcn__descent_patch(const dcn__descent *d, const dcn_graph *g, dcn_node node,
                              const dcn__signal *s);

/* patch.c: bytes an element; `part` and `whole` are one picture. */
void dcn__patch_gather(const dcn__patch *p, size_t element, void *part, const void *whole);
/* Zeros where the part hangs over. */
void dcn__patch_trim(const dcn__patch *p, size_t element, void *part);
/* The part into a whole picture of zeros. */
void dcn__patch_draw(const dcn__patch *p, size_t real_bytes, float *whole, const void *part);
/* The cone's average pool divides by its whole window; this brings the signal at the pool's value
 * to what makes that right where the model's pool n divides by less. */
void dcn__patch_scale(const dcn__patch *p, const dcn_graph *g, const dcn__node *n,
                      size_t real_bytes, void *part);
/* What an average pool divides by along one axis, for window i of a picture of that extent. */
int dcn__pool_cells(const dcn__window *w, int axis, int i, int extent);

#endif
