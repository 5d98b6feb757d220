/* plan.h - the inside of a plan: programs, their memory, the weights they work on.
 *
 * The batch is cut into chunks whose size depends on the batch, or is given. A thread takes a chunk
 * through a whole program; sums over the batch are made per chunk and added in a fixed tree. So
 * the number of threads changes no bit of any result. */
#ifndef DCN_ENGINE_PLAN_H
#define DCN_ENGINE_PLAN_H

#include "base/threads.h"
#include "engine/descent.h"

typedef struct dcn__kept {        /* one array that outlives its program */
    dcn__slot_kind kind;
    dcn_node node;
    size_t offset, bytes;         /* in a chunk's block */
} dcn__kept;

enum { DCN__MAX_CHUNK = 64 };

struct dcn_plan {
    const dcn_graph *graph;
    const dcn__engine *engine;
    int batch, chunk, n_chunks, threads, inner_threads;
    int all_threads;              /* asked for */
    bool threads_inside;          /* one chunk alone may have them all */
    bool together;                /* one chunk: the threads take routes, each kernel has one */
    bool training, keep_all, no_cones, only_asked;
    bool *peaks;                  /* by node: whose largest values a forward finds */
    dcn__team *team;

    dcn__program forward, train, *down;
    void *shared;                 /* the engine's: what the kernels of all programs share */
    dcn_route *routes;
    int n_routes;
    dcn_start *starts;            /* of dcn_plan_project, one for each picture of all chunks */

    int max_starts;               /* of dcn_plan_project_starts; 0: the rest is not there */
    dcn__descent *whole, *cones;  /* by route */
    dcn__signal *signals;         /* those of one call, and what their seeds begin with */
    dcn_start *seeds;

    dcn__kept *kept;
    int n_kept, kept_capacity;
    int *kept_index;              /* by node and kind: number in kept + 1 */
    size_t chunk_bytes;           /* of kept arrays, per chunk */
    size_t lane_bytes, scratch_bytes;   /* of a chunk's programs; those for starts have their own */
    uint8_t *kept_memory;         /* n_chunks blocks */
    size_t all_lanes;             /* bytes: whoever needs most, as many lanes as he has threads */
    uint8_t *lane_memory;
    void **lane_slots;            /* team_threads rows of max_slots pointers */
    int max_slots, team_threads;

    void **weights;               /* real, graph layout; the graph's own data unless owns_weights */
    bool owns_weights;
    bool train_stale, stale;      /* kernels of training, of all else wait for changed weights */
    void **gradients;             /* real, graph layout; training */
    uint8_t *chunk_gradients;     /* n_chunks blocks of train.gradient_bytes */
    double *chunk_loss;
    int *chunk_correct;
    void **moments[2];            /* Adam's m and v, real, graph layout; training */
    int64_t adam_step;
    bool extent_known;            /* else weights or moments came from outside since */
    double extent[3];             /* bounds of what |weights|, |m| and |v| reach */

    size_t own_bytes;             /* of all kernels */
    size_t total_bytes, max_bytes;
    char text[200];
    int n;                        /* pictures of the last forward */
    int last_route;               /* of the last project, or -1 */
};

/* Reads or writes `count` reals of the plan's engine as floats. */
void dcn__real_from_float(size_t real_bytes, void *to, const float *from, size_t count);
void dcn__real_to_float(size_t real_bytes, float *to, const void *from, size_t count);

/* After the plan's weights were changed. */
void dcn__plan_weights_changed(dcn_plan *p);
/* Before a program runs: brings weights that were changed into its kernels' layouts; training alone,
 * or all. Never while kernels run. */
void dcn__plan_pack_training(dcn_plan *p);
void dcn__plan_pack(dcn_plan *p);
/* plan_kept.c: the array's entry, or NULL; adds one unless it is there. */
const dcn__kept *dcn__kept_find(const dcn_plan *p, dcn__slot_kind kind, dcn_node node);
dcn_status dcn__kept_add(dcn_plan *p, const dcn__slot *slot, dcn_error *err);
/* A kept array of chunk c, or of one picture; NULL if the plan does not keep it. */
void *dcn__plan_kept(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, int chunk);
const void *dcn__plan_kept_picture(const dcn_plan *p, dcn__slot_kind kind, dcn_node node,
                                   int picture);
/* Bytes of an element of a slot: of a value, or of a max pool's switch. */
size_t dcn__plan_element(const dcn_plan *p, dcn__slot_kind kind, dcn_node node);
/* Copies the pictures of chunk c to where its programs read them. */
void dcn__plan_take_images(dcn_plan *p, const float *images, int c);
/* Chunks that the last n pictures fill. */
int dcn__plan_used_chunks(const dcn_plan *p);
/* Copies a kept array of all pictures; false if the plan does not keep it. */
bool dcn__plan_gather(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, float *out);
/* Refuses what is not a node, and any node before the first forward. */
dcn_status dcn__plan_check_node(const dcn_plan *p, dcn_node node, dcn_error *err);
/* plan_programs.c: walks, groups and places, in this order before the memory is known; and then
 * kernels. */
dcn_status dcn__plan_make_programs(dcn_plan *p, dcn_error *err);
dcn_status dcn__plan_prepare(dcn_plan *p, dcn_error *err);
/* plan_memory.c: what the plan needs as far as it is known; then the memory itself. */
dcn_status dcn__plan_check_bytes(dcn_plan *p, dcn_error *err);
dcn_status dcn__plan_make_memory(dcn_plan *p, dcn_error *err);
void dcn__plan_clear_memory(dcn_plan *p);

/* Which of a cut's lanes a task works in: there may be more threads in the team than lanes. */
static inline int dcn__lane_of(int threads, int n_chunks, int task, int thread)
{
    return threads == n_chunks ? task : thread;
}
/* Runs a program on chunk c; `thread` says whose lane. */
void dcn__plan_run_chunk(dcn_plan *p, const dcn__program *program, int c, int thread,
                         dcn__frame *frame);

#endif
