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
} dcn__op_row;
const dcn__op_row *dcn__op_row_of(dcn__op op);
const char *dcn__action_word(dcn__action action);

/* Where a sliding window stands: of convolutions and pools. Rows first, then columns. */
typedef struct dcn__window {
    int kernel[2], stride[2], dilation[2];
    int pad[4];                   /* top, left, bottom, right: resolved for the node's input */
    dcn_pad pad_kind;             /* as it was asked for */
    bool global;                  /* a pool over the whole picture */
} dcn__window;

typedef struct dcn__node {
    dcn__op op;
    char *name;
    int n_inputs;
    dcn_node *inputs;
    dcn_shape shape;              /* of the value */
    dcn_field field;              /* of a unit, in the input */
    dcn__window window;           /* conv, max_pool, avg_pool */
    int groups;                   /* conv */
    int weight, bias;             /* numbers of weights, or -1 */
    float init_stddev, init_bias; /* conv, dense; stddev 0: He */
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
};

enum { DCN__MAX_NODES = 1000, DCN__MAX_NAME = 128 };
#define DCN__MAX_ELEMENTS ((int64_t)0x7fffffff)

/* shapes.c: the shape of a node from those of its inputs; resolves padding. */
dcn_status dcn__shape_infer(const dcn_graph *g, dcn__node *node, dcn_error *err);
/* field.c: the receptive field, from those of the inputs. */
void dcn__field_infer(const dcn_graph *g, dcn__node *node);
int64_t dcn__shape_size(dcn_shape s);           /* h * w * c */

/* text.c and graph.c: a name that may stand in a graph. */
bool dcn__name_is_valid(const char *name);

#endif
