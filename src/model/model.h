/* model.h - model files as the trainer needs them: with more in them than a model.
 *
 * A file is safetensors (docs/formats/model.md). Weights and whatever has a weight's shape (the
 * optimiser's state) are in a graph's layout in memory and in PyTorch's in the file; the turning is
 * done here. */
#ifndef DCN_MODEL_MODEL_H
#define DCN_MODEL_MODEL_H

#include "base/error.h"

/* A tensor of a weight's shape. Its name in the file is prefix + the weight's name. */
typedef struct dcn__model_extra {
    const char *prefix;             /* begins with "optimizer.", e.g. "optimizer.exp_avg." */
    int weight;                     /* number of the graph's weight */
    const float *data;              /* in the weight's dims of dcn_weight_info */
} dcn__model_extra;

/* Atomic. metadata: more pairs key, value, ended by NULL; may be NULL. Keys that the file has of
 * its own (format, network, preprocess, classes, class_names, step, producer, crc32c...) are
 * DCN_USAGE. A weight or an extra that is not finite is DCN_NUMBERS, and no file is written. */
dcn_status dcn__model_write(const char *path, const dcn_model *model, const dcn__model_extra *extra,
                            int n_extra, const char *const *metadata, dcn_error *err);

typedef struct dcn__model_file dcn__model_file;
/* Structure, format and checksums are checked; weights are not looked at. */
dcn_status dcn__model_open(dcn__model_file **file, const char *path, const dcn_limits *limits,
                           dcn_error *err);
/* The same of bytes in memory, which are borrowed. */
dcn_status dcn__model_parse(dcn__model_file **file, const uint8_t *bytes, size_t size,
                            const char *where, const dcn_limits *limits, dcn_error *err);
void dcn__model_close(dcn__model_file *file);

/* NULL: there is no such key. Belongs to the file. */
const char *dcn__model_metadata(const dcn__model_file *file, const char *key);
/* The whole model, with a graph of its own; dcn_model_clear. */
dcn_status dcn__model_read(const dcn__model_file *file, dcn_model *model, const dcn_limits *limits,
                           dcn_error *err);
/* Weight i of g (prefix "") or an extra of it, into its dims: out has dcn_weight_info.count floats.
 * Missing or of another shape: DCN_STATE; not finite: DCN_NUMBERS. */
dcn_status dcn__model_weight(const dcn__model_file *file, const dcn_graph *g, const char *prefix,
                             int i, float *out, dcn_error *err);

#endif
