/* onnx_import.h - between the files that turn an ONNX file into a graph.
 *
 * The way: what the output needs is marked and every operator looked up (onnx_load.c, onnx_ops.c);
 * each node then makes constants (onnx_constant.c, onnx_fold.c) or DRAFTS, nodes of a graph to be
 * (onnx_draft.c), seen through VIEWS (onnx_view.c); drafts that the output needs get names
 * (onnx_names.c) and become the graph; last of all weights are read (onnx_weights.c). */
#ifndef DCN_MODEL_ONNX_IMPORT_H
#define DCN_MODEL_ONNX_IMPORT_H

#include "codec/onnx.h"
#include "graph/graph.h"

#include <stdbool.h>

enum { DCN__AXIS_H, DCN__AXIS_W, DCN__AXIS_C, DCN__AXIS_N, DCN__AXES };
enum { DCN__MAX_ATOMS = 16, DCN__MAX_FOLDED = 65536 };

/* Numbers known without a picture: a strided view of a tensor in the file, or of `values`. */
typedef struct dcn__constant {
    int type;                              /* dcn__onnx_type */
    int rank;
    int64_t dims[DCN__ONNX_MAX_RANK], strides[DCN__ONNX_MAX_RANK], count;
    const dcn__onnx_tensor *tensor;        /* NULL: values */
    const double *values;                  /* whole, row-major if tensor is NULL */
} dcn__constant;

/* A run of cells along one of a draft's axes. A dimension of an ONNX value is a list of atoms, the
 * last one moving fastest; an empty list is a dimension of 1. Atoms of extent 1 are left out. */
typedef struct dcn__atom { int axis; int64_t extent, stride; } dcn__atom;
typedef struct dcn__view {
    dcn_node draft;
    bool shared;                           /* more than one node of the file looks at this value */
    int rank;
    int first[DCN__ONNX_MAX_RANK + 1];     /* atoms of dimension d: first[d] .. first[d+1] - 1 */
    int64_t dims[DCN__ONNX_MAX_RANK];
    dcn__atom atoms[DCN__MAX_ATOMS];
} dcn__view;

/* A walk over two arrays at once: nested loops, the last one moving fastest. */
typedef struct dcn__map {
    int n;
    struct { int64_t extent, a, b; } at[DCN__MAX_ATOMS];
} dcn__map;

/* One of the file's values while it is imported: a constant, a view, or neither (yet). */
typedef struct dcn__value {
    const dcn__constant *constant;
    dcn__view *view;
    const int64_t *wide;                   /* the view's dimensions after Expand; else NULL */
    int uses;                              /* by nodes that are needed, and the output */
} dcn__value;

/* What is done to each channel, in the order of the list from its end. */
typedef enum dcn__step_kind {
    DCN__STEP_MUL, DCN__STEP_DIV, DCN__STEP_ADD, DCN__STEP_SUB, DCN__STEP_NORM
} dcn__step_kind;
typedef struct dcn__scaling {
    dcn__step_kind kind;
    const dcn__constant *constant;         /* NULL: number */
    double number;
    dcn__map map;                          /* channel (a) to element of the constant (b) */
    const dcn__constant *norm[4];          /* NORM: scale, bias, mean, variance */
    double epsilon;
    const struct dcn__scaling *before;
} dcn__scaling;

/* Drafts of which only a known combination can become a node. */
typedef enum dcn__part {
    DCN__PART_NONE, DCN__PART_ERF, DCN__PART_ERFC, DCN__PART_ABOVE, DCN__PART_POWER,
    DCN__PART_WIDE, DCN__PART_BOX
} dcn__part;

typedef struct dcn__draft {
    dcn__op op;
    int node;                              /* of the file; -1: its input */
    bool live;
    int n_inputs;
    const dcn_node *inputs;
    union {
        dcn_conv_desc conv;
        dcn_pool_desc pool;
        dcn_dense_desc dense;
        dcn_lrn_desc lrn;
        struct { float alpha, beta; } map;
        struct { int pad[4]; float value; } pad;
        struct { int first, count; } slice;
        struct { dcn_shape shape; dcn_order order; } reshape;
        int groups;
    } u;
    /* conv: (out,in,h,w); dense: (in,out), inputs in the order of `rows`; prelu: slopes */
    const dcn__constant *weight, *bias;
    dcn__map rows, weight_map, bias_map;
    double weight_scale, bias_scale;
    const dcn__scaling *scaling;
    /* This value is poly[0] + poly[1] x + poly[2] x^2 + poly[3] x^3 of the draft `base`. */
    dcn_node base;
    double poly[4];
    dcn__part part;
    double exponent;                       /* PART_POWER */
    double low, high;                      /* relu, clip, hard_tanh */
} dcn__draft;

typedef struct dcn__import {
    const char *path;
    const dcn__onnx *file;
    dcn_error *err;
    int64_t batch;                         /* 1 if it is open */
    const char *input_name;
    int node;                              /* being imported */
    dcn__value *values;                    /* initializers, inputs, then every node's outputs */
    int *first_output;                     /* (n_nodes): number in values */
    bool *needed;                          /* (n_nodes) */
    dcn_graph *graph;                      /* the drafts, without names and weights: for shapes */
    dcn__draft *drafts;
    int n_drafts, draft_capacity;
    int64_t folded;                        /* numbers folded so far */
    void *blocks;                          /* dcn__import_alloc */
    double *scratch;                       /* of onnx_weights.c */
    size_t scratch_room;
} dcn__import;

/* Zeroed, freed with the import. NULL: no memory, and the error is written. */
void *dcn__import_alloc(dcn__import *im, size_t count, size_t size);

/* ---- errors and attributes: onnx_attribute.c ------------------------------------------------- */

/* "FILE: node NAME (OP): WHAT; WHAT TO DO", of the node being imported. DCN_INPUT. */
dcn_status dcn__import_fail(dcn__import *im, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
dcn_status dcn__import_fail_memory(dcn__import *im, size_t bytes);
const dcn__onnx_node *dcn__import_node(const dcn__import *im);
const char *dcn__import_node_name(const dcn__onnx_node *node);

/* Absent: *value stays as it is. */
dcn_status dcn__get_int(dcn__import *im, const char *name, int64_t min, int64_t max,
                        int64_t *value);
dcn_status dcn__get_float(dcn__import *im, const char *name, double *value);
dcn_status dcn__get_text(dcn__import *im, const char *name, const char **value);
dcn_status dcn__get_ints(dcn__import *im, const char *name, int limit, int64_t *values, int *n);
/* Axes and the like: an attribute, or from opset `since` on input number `input`. n = -1: absent.
 * With a limit of at most 64. */
dcn_status dcn__get_list(dcn__import *im, const char *name, int input, int since, int limit,
                         int64_t *values, int *n);
/* -rank..rank-1 to 0..rank-1. */
dcn_status dcn__check_axis(dcn__import *im, int64_t axis, int rank, int *result);
/* What a reduction's attributes and axes say of `rank` dimensions. *none: it changes nothing. */
dcn_status dcn__get_reduced(dcn__import *im, int rank, bool *reduced, bool *keep, bool *none);

/* ---- values: onnx_load.c --------------------------------------------------------------------- */

/* Input i of the node being imported; NULL: left out. */
dcn__value *dcn__import_input(const dcn__import *im, int i);
/* A constant, or a view of the picture: refused if it is the other one or left out. */
dcn_status dcn__need_view(dcn__import *im, int i, dcn__view **view);
dcn_status dcn__need_constant(dcn__import *im, int i, const dcn__constant **constant);
/* Copies the view; `shared` comes from the value's users, or with `looks_through` from both. */
dcn_status dcn__set_view(dcn__import *im, int output, const dcn__view *view, bool looks_through);
void dcn__set_constant(dcn__import *im, int output, const dcn__constant *constant);

/* ---- constants: onnx_constant.c, onnx_fold.c ------------------------------------------------- */

dcn__constant *dcn__constant_of_tensor(dcn__import *im, const dcn__onnx_tensor *tensor);
/* A small one to be filled in: *values has room for its elements. Too large: refused. */
dcn_status dcn__constant_make(dcn__import *im, int type, int rank, const int64_t *dims,
                              dcn__constant **constant, double **values);
bool dcn__type_is_float(int type);
bool dcn__type_is_whole(int type);           /* BOOL too */
/* All its numbers, row-major; at most DCN__MAX_FOLDED of them. */
dcn_status dcn__constant_values(dcn__import *im, const dcn__constant *c, const double **values);
/* The one number of a constant of one element. */
dcn_status dcn__constant_number(dcn__import *im, const dcn__constant *c, double *number);
/* A list of whole numbers (rank 0 or 1). */
dcn_status dcn__constant_list(dcn__import *im, const dcn__constant *c, int limit, int64_t *values,
                              int *n);
/* Computes the node being imported, all of whose inputs are constants. */
dcn_status dcn__fold(dcn__import *im);

/* ---- views: onnx_view.c ---------------------------------------------------------------------- */

dcn_shape dcn__draft_shape(const dcn__import *im, dcn_node draft);
/* (N,C,H,W), (N,H,W,C), (N,C) or, of one channel, (N,H,W) of a draft. */
void dcn__view_nchw(const dcn__import *im, dcn_node draft, dcn__view *v);
void dcn__view_nhwc(const dcn__import *im, dcn_node draft, dcn__view *v);
void dcn__view_vector(const dcn__import *im, dcn_node draft, dcn__view *v);
void dcn__view_grey(const dcn__import *im, dcn_node draft, dcn__view *v);
/* The same view of another draft of the same shape. */
dcn__view dcn__view_of(const dcn__view *v, dcn_node draft);
/* Appends dimension `atoms` to a view that is being built; false: too many. */
bool dcn__view_append(dcn__view *v, const dcn__atom *atoms, int n);
/* Is dimension d the whole of an axis, in order? */
bool dcn__view_is_axis(const dcn__import *im, const dcn__view *v, int d, int axis);
bool dcn__view_reshape(const dcn__view *v, int rank, const int64_t *dims, dcn__view *out);
bool dcn__view_equal(const dcn__view *a, const dcn__view *b);
/* Changes v so that it is (N,C,H,W) of a draft, or (N,C) of a 1x1xC one, with a shuffle or a
 * reshape where cells must move. Refused: other orders. */
dcn_status dcn__view_make_nchw(dcn__import *im, dcn__view *v);
dcn_status dcn__view_make_vector(dcn__import *im, dcn__view *v);
/* Moves cells, if it must be, so that places of dimension d can be cut out. */
dcn_status dcn__view_prepare_cut(dcn__import *im, dcn__view *v, int d);
/* The chosen places of dimension d, in that order. */
dcn_status dcn__view_pick(dcn__import *im, dcn__view *v, int d, const int64_t *places, int n);
dcn_status dcn__view_cut(dcn__import *im, dcn__view *v, int d, int64_t first, int64_t count);
/* How a constant that is broadcast onto v depends on the channel alone: channel (a) to element of
 * the constant (b). *v may be made a vector for that. Refused: it depends on the place. */
dcn_status dcn__view_channels(dcn__import *im, dcn__view *v, const dcn__constant *c,
                              dcn__map *map);

/* ---- drafts: onnx_draft.c -------------------------------------------------------------------- */

/* Adds the draft and its node; inputs are copied. *id is its number. */
dcn_status dcn__draft_add(dcn__import *im, dcn__draft *draft, const dcn_node *inputs, int n,
                          dcn_node *id);
/* A draft of one input with nothing more to say. */
dcn_status dcn__draft_plain(dcn__import *im, dcn__op op, dcn_node x, dcn_node *id);
dcn_status dcn__draft_map(dcn__import *im, dcn__op op, dcn_node x, double alpha, double beta,
                          dcn_node *id);
/* What g's builder refused, in terms of the file. */
dcn_status dcn__draft_refuse(dcn__import *im, const dcn_graph *g);
/* Appends it to a graph. */
dcn_node dcn__draft_build(dcn_graph *g, const dcn__draft *d, const dcn_node *inputs,
                          const char *name);

/* ---- operators ------------------------------------------------------------------------------- */

typedef dcn_status (*dcn__handler)(dcn__import *im);
typedef struct dcn__onnx_op {
    const char *name;
    int since, until;                      /* opsets; until 0: still */
    dcn__handler build;                    /* NULL: of constants alone */
    bool folds;                            /* constants in, constant out */
    const char *attributes;                /* that are known, with spaces between */
} dcn__onnx_op;
/* onnx_ops.c. NULL: not supported. */
const dcn__onnx_op *dcn__onnx_op_find(const char *name);
/* Is the node one that the importer knows, in every attribute? */
dcn_status dcn__onnx_op_check(dcn__import *im);
#define DCN_ONNX_OP(name, since, until, build, ...) dcn_status build(dcn__import *im);
#define DCN_ONNX_FOLD(name, since, until, attributes)
#include "model/onnx_ops.def"
#undef DCN_ONNX_OP
#undef DCN_ONNX_FOLD

/* onnx_arithmetic.c: x with one number or one number a channel. */
dcn_status dcn__scale_number(dcn__import *im, dcn_node x, bool shared, dcn__step_kind kind,
                             double number, dcn_node *id);

/* ---- the rest -------------------------------------------------------------------------------- */

/* onnx_names.c */
typedef struct dcn__namer {
    char **modules;                        /* paths of PyTorch's modules, sorted */
    int n_modules;
    const char *common;                    /* what most names with slashes begin with */
    size_t common_bytes;
} dcn__namer;
dcn_status dcn__names_prepare(dcn__import *im, dcn__namer *n);
/* A name that g does not have yet; room for DCN__MAX_NAME bytes and a NUL. */
void dcn__names_find(const dcn__import *im, const dcn__namer *n, const dcn__draft *d,
                     const dcn_graph *g, char *name);
/* onnx_weights.c: allocates and fills. nodes[i]: draft i's node in g, or -1. */
dcn_status dcn__import_weights(dcn__import *im, dcn_graph *g, const dcn_node *nodes);
/* onnx_guess.c: everything but the graph and the hash. */
dcn_status dcn__import_describe(dcn__import *im, dcn_model *model, bool open_size, int output);

#endif
