/* plan.h - the inside of a plan: programs, their memory, the weights they work on.
 *
 * The batch is cut into chunks whose size depends on the batch alone. A thread takes a chunk
 * through a whole program; sums over the batch are made per chunk and added in a fixed tree. So
 * the number of threads changes no bit of any result. */
#ifndef DCN_ENGINE_PLAN_H
#define DCN_ENGINE_PLAN_H

#include "base/threads.h"
#include "engine/program.h"

typedef struct dcn__kept {        /* one array that outlives its program */
    dcn__slot_kind kind;
    dcn_node node;
    size_t offset, bytes;         /* in a chunk's block */
} dcn__kept;

struct dcn_plan {
    const dcn_graph *graph;
    const dcn__engine *engine;
    int batch, chunk, n_chunks, threads, inner_threads;
    bool training, keep_all;
    dcn__team *team;

    dcn__program forward, train, *down;
    void *shared;                 /* the engine's: what the kernels of all programs share */
    dcn_route *routes;
    int n_routes;
    dcn_start *starts;            /* of dcn_plan_project, one for each picture of all chunks */

    dcn__kept *kept;
    int n_kept;
    size_t chunk_bytes;           /* of kept arrays, per chunk */
    size_t lane_bytes, scratch_bytes;
    uint8_t *kept_memory;         /* n_chunks blocks */
    uint8_t *lane_memory;         /* threads blocks of lane_bytes + scratch_bytes */
    void **lane_slots;            /* threads rows of max_slots pointers */
    int max_slots;

    void **weights;               /* real, graph layout; the graph's own data unless owns_weights */
    bool owns_weights;
    void **gradients;             /* real, graph layout; training */
    uint8_t *chunk_gradients;     /* n_chunks blocks of train.gradient_bytes */
    double *chunk_loss;
    int *chunk_correct;
    void **moments[2];            /* Adam's m and v, real, graph layout; training */
    int64_t adam_step;

    size_t total_bytes;
    char text[160];
    int n;                        /* pictures of the last forward */
    int last_route;               /* of the last project, or -1 */
};

/* Reads or writes `count` reals of the plan's engine as floats. */
void dcn__real_from_float(size_t real_bytes, void *to, const float *from, size_t count);
void dcn__real_to_float(size_t real_bytes, float *to, const void *from, size_t count);

/* After weights were changed from outside: brings them into the kernels' layouts. */
void dcn__plan_pack(dcn_plan *p);
/* A kept array of chunk c, or NULL if the plan does not keep it. */
void *dcn__plan_kept(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, int chunk);
/* Copies the pictures of chunk c to where its programs read them. */
void dcn__plan_take_images(dcn_plan *p, const float *images, int c);
/* Chunks that the last n pictures fill. */
int dcn__plan_used_chunks(const dcn_plan *p);
/* Copies a kept array of all pictures; false if the plan does not keep it. */
bool dcn__plan_gather(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, float *out);
/* Refuses what is not a node, and any node before the first forward. */
dcn_status dcn__plan_check_node(const dcn_plan *p, dcn_node node, dcn_error *err);
/* Runs a program on chunk c; `thread` says whose lane. */
void dcn__plan_run_chunk(dcn_plan *p, const dcn__program *program, int c, int thread,
                         dcn__frame *frame);

#endif
