/* onnx.h - an ONNX file as plain structs: what stands in it, not what it means.
 *
 * The weights stay in the file, and in the files of its external data, and are read in slices.
 * Nothing here knows an operator; src/model turns this into a graph. One opened file serves one
 * thread at a time. What is read and what is refused: docs/formats/onnx.md. */
#ifndef DCN_CODEC_ONNX_H
#define DCN_CODEC_ONNX_H

#include "base/error.h"

#include <stdbool.h>

enum { DCN__ONNX_MAX_RANK = 8, DCN__ONNX_MAX_NAME = 65536, DCN__ONNX_MAX_ATTRIBUTES = 256 };

/* TensorProto.DataType. Other numbers occur in files; dcn__onnx_type_name knows them all. */
typedef enum dcn__onnx_type {
    DCN__ONNX_FLOAT = 1, DCN__ONNX_UINT8 = 2, DCN__ONNX_INT8 = 3, DCN__ONNX_UINT16 = 4,
    DCN__ONNX_INT16 = 5, DCN__ONNX_INT32 = 6, DCN__ONNX_INT64 = 7, DCN__ONNX_STRING = 8,
    DCN__ONNX_BOOL = 9, DCN__ONNX_FLOAT16 = 10, DCN__ONNX_DOUBLE = 11, DCN__ONNX_UINT32 = 12,
    DCN__ONNX_UINT64 = 13, DCN__ONNX_BFLOAT16 = 16
} dcn__onnx_type;

/* AttributeProto.AttributeType. The kinds from TENSORS on are marked and not read. */
typedef enum dcn__onnx_kind {
    DCN__ONNX_A_NONE = 0, DCN__ONNX_A_FLOAT = 1, DCN__ONNX_A_INT = 2, DCN__ONNX_A_STRING = 3,
    DCN__ONNX_A_TENSOR = 4, DCN__ONNX_A_GRAPH = 5, DCN__ONNX_A_FLOATS = 6, DCN__ONNX_A_INTS = 7,
    DCN__ONNX_A_STRINGS = 8, DCN__ONNX_A_TENSORS = 9, DCN__ONNX_A_GRAPHS = 10
} dcn__onnx_kind;

typedef struct dcn__onnx_text { const char *text; size_t bytes; } dcn__onnx_text; /* and a NUL */

typedef struct dcn__onnx_tensor {
    const char *name;          /* "" in an attribute that gives none */
    uint64_t offset;           /* of the message in the model file */
    int type;                  /* dcn__onnx_type */
    int rank;
    int64_t dims[DCN__ONNX_MAX_RANK];
    int64_t count;             /* the product of dims, 0 .. 2^31 - 1; 1 at rank 0. Of a type that
                                  is not read 0, so that nobody makes room for it */
    /* For onnx_tensor.c alone. */
    int store, file, field;
    uint64_t begin, end;
} dcn__onnx_tensor;

typedef struct dcn__onnx_attribute {
    const char *name;          /* unique in its node */
    uint64_t offset;
    int kind;                  /* dcn__onnx_kind; taken from the value if the file does not say */
    int n;                     /* of floats, ints, strings */
    const char *ref;           /* ref_attr_name: the value stands in a function's call; or NULL */
    union {
        float f;
        int64_t i;
        dcn__onnx_text s;      /* any bytes */
        const float *floats;
        const int64_t *ints;
        const dcn__onnx_text *strings;
        const dcn__onnx_tensor *tensor;
    } value;
} dcn__onnx_attribute;

typedef struct dcn__onnx_node {
    const char *name;          /* often "" */
    const char *op;            /* never "" */
    const char *domain;        /* "" is ONNX's own; "ai.onnx" is read as "" */
    const char *scope;         /* PyTorch's "['', 'layer1', 'layer1.0', 'conv2d']", or "" */
    uint64_t offset;           /* of the message in the file */
    int n_inputs, n_outputs, n_attributes;
    const char *const *inputs, *const *outputs;      /* "": left out */
    const dcn__onnx_attribute *attributes;
} dcn__onnx_node;

typedef struct dcn__onnx_info {
    const char *name;
    uint64_t offset;
    int type;                  /* dcn__onnx_type; 0: not given, or no tensor */
    int rank;                  /* -1: not given; may be above 8 */
    const int64_t *dims;       /* -1: open */
    const char *const *params; /* a dimension's name, or NULL */
} dcn__onnx_info;

typedef struct dcn__onnx_opset { const char *domain; int64_t version; } dcn__onnx_opset;
typedef struct dcn__onnx_pair { const char *key, *value; } dcn__onnx_pair;
typedef struct dcn__onnx_function { const char *domain, *name; } dcn__onnx_function;

typedef struct dcn__onnx {
    const char *path;
    uint64_t bytes;            /* of the file */
    int64_t ir_version;
    int64_t opset;             /* of the domain ""; 1 if the file names none */
    const char *producer, *producer_version, *graph;     /* "" if not given */
    int n_opsets, n_metadata, n_functions;
    const dcn__onnx_opset *opsets;                       /* "ai.onnx" is read as "" */
    const dcn__onnx_pair *metadata;                      /* the model's */
    const dcn__onnx_function *functions;
    int n_nodes, n_initializers, n_inputs, n_outputs, n_infos;
    const dcn__onnx_node *nodes;
    const dcn__onnx_tensor *initializers;                /* names are unique and not "" */
    const dcn__onnx_info *inputs, *outputs, *infos;      /* inputs: initializers may be among them */
    struct dcn__onnx_reader *reader;
} dcn__onnx;

/* What makes a value: a node's output, an initializer, a graph input. -1: that does not. */
typedef struct dcn__onnx_value {
    const char *name;
    int node, output;
    int initializer, input;    /* both: the input has a default, as all weights before IR 4 */
} dcn__onnx_value;

/* Reads everything but the weights and checks each tensor's bytes against its shape, external
 * files included. *m is NULL after a failure. limits may be NULL. */
dcn_status dcn__onnx_open(dcn__onnx **m, const char *path, const dcn_limits *limits,
                          dcn_error *err);
void dcn__onnx_close(dcn__onnx *m);

/* Every value is made before it is used, and every output of the graph is made. That nothing is
 * made twice dcn__onnx_open has seen to. */
dcn_status dcn__onnx_check(const dcn__onnx *m, dcn_error *err);
/* NULL: nothing makes it. log n. */
const dcn__onnx_value *dcn__onnx_find(const dcn__onnx *m, const char *name);
/* NULL: not given. */
const dcn__onnx_attribute *dcn__onnx_attribute_find(const dcn__onnx_node *node, const char *name);

/* Elements first .. first + count - 1, in row-major order, of any type named in dcn__onnx_type but
 * STRING. Slices read one after another are read fastest. Allocates nothing. */
dcn_status dcn__onnx_read_f32(const dcn__onnx *m, const dcn__onnx_tensor *t, int64_t first,
                              int64_t count, float *out, dcn_error *err);
/* The same of whole-number types and BOOL. */
dcn_status dcn__onnx_read_i64(const dcn__onnx *m, const dcn__onnx_tensor *t, int64_t first,
                              int64_t count, int64_t *out, dcn_error *err);

/* A fingerprint of every byte of the model and its external data. */
dcn_status dcn__onnx_digest(const dcn__onnx *m, uint64_t *digest, dcn_error *err);

const char *dcn__onnx_type_name(int type);       /* "FLOAT", ...; or "unknown" */
const char *dcn__onnx_kind_name(int kind);       /* "INTS", ... */
/* Are these the first bytes of an ONNX file, probably? */
bool dcn__onnx_is(const uint8_t *head, size_t size, uint64_t file_size);

#endif
