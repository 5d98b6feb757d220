/* walk.h - a graph as a list of steps: forward, or backwards under a rule.
 *
 * A walk knows no engine, no batch and no memory. Each step reads and writes SLOTS, which a plan
 * later places: the value of a node, the switches of a max pool, the signal at a node on the way
 * down. */
#ifndef DCN_GRAPH_WALK_H
#define DCN_GRAPH_WALK_H

#include "graph/graph.h"

typedef enum dcn__slot_kind {
    DCN__SLOT_VALUE,          /* of a node, on the way up */
    DCN__SLOT_SWITCH,         /* winners of a max pool: dcn__switch_bytes each */
    DCN__SLOT_SIGNAL,         /* at a node's value, on the way down */
    DCN__SLOT_PEAK,           /* of a node: C reals a picture, then C cells (int32_t) a picture */
    DCN__SLOT_PART            /* between two steps: less its bias, or a user's share of a signal */
} dcn__slot_kind;

enum { DCN__SLOT_KINDS = DCN__SLOT_PART };   /* those of which a node has one at most */

typedef struct dcn__slot {
    dcn__slot_kind kind;
    dcn_node node;
    dcn_shape shape;          /* elements of one picture; of a peak: 1x1xC */
} dcn__slot;

typedef struct dcn__step {
    dcn__action action;
    dcn_node node;            /* whose operator this is */
    int input;                /* reverse: which input of the node the signal goes to */
    int n_reads;
    int *reads;               /* slots; what they mean is said at each action in engine/engine.h */
    int write, write_switch;  /* slots, or -1 */
} dcn__step;

typedef struct dcn__walk {
    dcn__slot *slots;
    int n_slots, slot_capacity;
    dcn__step *steps;
    int n_steps, step_capacity;
    int first_reverse;        /* steps before it go up, from it on down */
    int *index;               /* for dcn__walk_find: by node and kind, slot + 1 */
    char *extensions;         /* what the last way down draws beyond the papers, or NULL */
} dcn__walk;

/* Appends the way up to `target`: all nodes it depends on that are not there yet. */
dcn_status dcn__walk_forward(dcn__walk *w, const dcn_graph *g, dcn_node target, dcn_error *err);
/* The same, and behind it the search for each channel's largest value. */
dcn_status dcn__walk_peak(dcn__walk *w, const dcn_graph *g, dcn_node target, dcn_error *err);
/* Appends a seed at the route's layer and the way down to the input under its rule. An operator for
 * which the rule is undefined is refused by the node's name, unless the route extends it. */
dcn_status dcn__walk_down(dcn__walk *w, const dcn_graph *g, const dcn_route *route,
                          dcn_error *err);
/* Appends the loss and the gradients of all weights. The forward walk must be there. */
dcn_status dcn__walk_training(dcn__walk *w, const dcn_graph *g, dcn_error *err);
void dcn__walk_clear(dcn__walk *w);

/* The slot, or -1 if the walk has none such. */
int dcn__walk_find(const dcn__walk *w, dcn__slot_kind kind, dcn_node node);
/* Where the loss is taken: the input of a final softmax, or the output itself. */
dcn_node dcn__loss_node(const dcn_graph *g);
/* Bytes of one switch: the winner's place inside its window, in row-major order. */
int dcn__switch_bytes(const dcn__window *window);

#endif
