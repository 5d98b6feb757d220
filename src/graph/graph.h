/* graph.h - what to compute: nodes in topological order, their shapes, their weights.
 *
 * Nodes are appended by the builders, so an input always has a smaller number than its user. A
 * graph holds no batch, no memory for values and no device. */
#ifndef DCN_GRAPH_GRAPH_H
#define DCN_GRAPH_GRAPH_H

#include "base/error.h"

#include <stdbool.h>

typedef enum dcn__op {
#define DCN_OP(id, ...) DCN__OP_##id,
#include "graph/ops.def"
#undef DCN_OP
    DCN__OP_COUNT
} dcn__op;

typedef enum dcn__action {
#define DCN_ACTION(id, ...) DCN__DO_##id,
#include "graph/actions.def"
#undef DCN_ACTION
    DCN__DO_COUNT
} dcn__action;

/* A row of ops.def. */
typedef struct dcn__op_row {
    const char *word, *onnx;
    dcn__action forward;
    dcn__action reverse[4];       /* by dcn_rule */
    dcn__action extended[4];      /* by dcn_rule: what --extend draws where reverse refuses */
} dcn__op_row;
const dcn__op_row *dcn__op_row_of(dcn__op op);
const char *dcn__action_word(dcn__action action);

/* Where a sliding window stands: of convolutions and pools. Rows first, then columns. */
typedef struct dcn__window {
    int kernel[2], stride[2], dilation[2];
    int pad[4];                   /* top, left, bottom, right: resolved for the node's input */
    dcn_pad pad_kind;             /* as it was asked for */
    bool global;                  /* a pool over the whole picture */
    bool ceil;                    /* a pool: a last window may hang over the padded edge, */
    int over[2];                  /* by so many rows and columns: part of pad[2] and pad[3] */
    bool count_pad;               /* avg_pool: cells of the padding count, those of `over` do not */
} dcn__window;

typedef struct dcn__node {
    dcn__op op;
    char *name;
    int n_inputs;
    dcn_node *inputs;
    dcn_shape shape;              /* of the value */
    dcn_field field;              /* of a unit, in the input */
    dcn__window window;           /* conv, max_pool, avg_pool; pad: its four amounts */
    int groups;                   /* conv, shuffle */
    float alpha, beta;            /* activations (docs/ops/activations.md), lrn; pad: the value */
    float bias_k;                 /* lrn */
    int size;                     /* lrn: channels in a sum */
    int first;                    /* slice: its first channel */
    dcn_order order;              /* reshape */
    int weight, bias;             /* numbers of weights, or -1; prelu's slopes are its weight */
    char *origin;                 /* its name in the file it came from, or NULL */
    float init_stddev, init_bias; /* conv, dense; stddev 0: He */
    /* info.c */
    dcn_node head;                /* the conv or dense whose layer it is part of, or -1 */
    dcn_node user;                /* the last node that takes it */
    int n_users, n_gates;         /* uses; of them those that only weigh it up for a mul's gate */
    bool in_gate;                 /* a gate is made of it, and nothing else */
} dcn__node;

typedef struct dcn__weight {
    char *name;                   /* "conv1.weight" */
    dcn_node node;
    int rank;
    int64_t dims[4], count;
    float *data;                  /* NULL until made or set */
} dcn__weight;

struct dcn_graph {
    int n_nodes, node_capacity;
    dcn__node *nodes;
    int n_weights, weight_capacity;
    dcn__weight *weights;
    dcn_error error;              /* the first error of a builder */
    int op_counts[DCN__OP_COUNT]; /* for names */
    int *names, name_capacity;    /* node + 1 by the hash of its name, open addressing; 0: free */
};

enum { DCN__MAX_NODES = 100000, DCN__MAX_NAME = 128 };
#define DCN__MAX_ELEMENTS ((int64_t)0x7fffffff)

/* shapes.c: the shape of a node from those of its inputs; resolves padding. */
dcn_status dcn__shape_infer(const dcn_graph *g, dcn__node *node, dcn_error *err);
/* field.c: the receptive field, from those of the inputs. */
void dcn__field_infer(const dcn_graph *g, dcn__node *node);
/* info.c: which layer a new node belongs to. */
void dcn__layer_infer(dcn_graph *g, dcn_node node);
int64_t dcn__shape_size(dcn_shape s);           /* h * w * c */

/* Which channel of its input channel k of a slice or a shuffle is. */
static inline int dcn__channel_of(const dcn__node *n, int k)
{
    return n->op == DCN__OP_SLICE ? n->first + k
                                  : (k % n->groups) * (n->shape.c / n->groups) + k / n->groups;
}
/* True for the rows with the action MAP: one number in, one number out. */
bool dcn__op_is_map(dcn__op op);
/* mul: input 1 is the gate; it has the shape of input 0, or is 1x1xC. */

/* Gives a weight its array if it has none. */
dcn_status dcn__weight_make(dcn__weight *w, dcn_error *err);

/* text.c and graph.c: a name that may stand in a graph. */
bool dcn__name_is_valid(const char *name);

#endif
