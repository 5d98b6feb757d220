/* onnx_write.h - between the files that turn a graph into an ONNX file.
 *
 * Nodes, small constants and the heads of the weights become protobuf-c's structs, all in memory of
 * the export (onnx_write_node.c); what each operator is in ONNX say onnx_write_ops.c and
 * onnx_write_map.c; then all of it is written with the weights streamed behind it (onnx_write.c).
 *
 * A value is (N,C,H,W) in the file, or (N,C) where it has one row and one column and stands among
 * dense layers. Each node's value has one of the two forms, the other is made when it is needed. */
#ifndef DCN_MODEL_ONNX_WRITE_H
#define DCN_MODEL_ONNX_WRITE_H

#include "graph/graph.h"

#ifdef DCN_HAVE_PROTOBUF

#include "onnx.pb-c.h"

typedef Dcn__Onnx__NodeProto dcn__onnx_put_node;

/* What the bytes of a streamed tensor are: data is (cells,in,out). */
typedef enum dcn__onnx_turn {
    DCN__ONNX_AS_IT_IS,           /* or (in), (out) */
    DCN__ONNX_TURN_CONV,          /* (out,in,cells) */
    DCN__ONNX_TURN_DENSE          /* (in,cells,out): rows in the order of (C,H,W) */
} dcn__onnx_turn;

typedef struct dcn__onnx_stream {
    Dcn__Onnx__TensorProto head;  /* all but the numbers */
    dcn__onnx_turn turn;
    const float *data;
    int64_t cells, in, out;
} dcn__onnx_stream;

typedef struct dcn__export {
    const dcn_graph *graph;
    const char *path;
    dcn_error *err;
    bool failed;                  /* no memory: whatever is put from now on does nothing */
    void *blocks;
    dcn__onnx_put_node **nodes;
    size_t n_nodes, node_capacity;
    Dcn__Onnx__TensorProto **constants;
    size_t n_constants, constant_capacity;
    dcn__onnx_stream *streams;    /* (graph's weights) */
    size_t n_streams;
    struct { const char *four, *two; } *values;  /* (graph's nodes): as (N,C,H,W), as (N,C) */
} dcn__export;

/* onnx_write_node.c. All of these return something that may be used, also after a failure. */

/* Zeroed; NULL: no memory, and `failed` is set. */
void *dcn__export_alloc(dcn__export *ex, size_t count, size_t size);
/* NODE, or NODE.SUFFIX; no other value has that name. */
const char *dcn__export_name(dcn__export *ex, dcn_node node, const char *suffix);
/* ONNX's operator op that makes the value `output`; its own name is the same. */
dcn__onnx_put_node *dcn__export_node(dcn__export *ex, const char *op, const char *const *inputs,
                                     int n, const char *output);
void dcn__export_int(dcn__export *ex, dcn__onnx_put_node *node, const char *key, int64_t value);
void dcn__export_ints(dcn__export *ex, dcn__onnx_put_node *node, const char *key, const int *values,
                      int n);
void dcn__export_float(dcn__export *ex, dcn__onnx_put_node *node, const char *key, float value);
/* Constants of the file: a list of whole numbers, and one number or `count` times the same one.
 * Return their names. */
const char *dcn__export_list(dcn__export *ex, dcn_node node, const char *suffix,
                             const int64_t *values, int n);
const char *dcn__export_number(dcn__export *ex, dcn_node node, const char *suffix, float value);
const char *dcn__export_numbers(dcn__export *ex, dcn_node node, const char *suffix, float value,
                                int count);
/* A weight of the graph, streamed, with these dimensions. */
const char *dcn__export_weight(dcn__export *ex, int weight, const char *suffix, dcn__onnx_turn turn,
                               int64_t cells, const int64_t *dims, int rank);
/* A node's value in a form. */
const char *dcn__export_four(dcn__export *ex, dcn_node node);
const char *dcn__export_two(dcn__export *ex, dcn_node node);

/* onnx_write_ops.c: the nodes of a graph's node. */
void dcn__export_op(dcn__export *ex, dcn_node id);
/* onnx_write_map.c: those of one number in, one number out; x and y are values' names. */
void dcn__export_map(dcn__export *ex, dcn_node id, const char *x, const char *y);

#endif
#endif
