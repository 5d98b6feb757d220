/* file.h - between the files of this room: an open model file, and a weight's two layouts. */
#ifndef DCN_MODEL_FILE_H
#define DCN_MODEL_FILE_H

#include "codec/safetensors.h"
#include "model/model.h"

struct dcn__model_file {
    dcn__tensors tensors;
    char *where;
    char hash[17];
};

/* "deconvnet model " and the version of the format; the state of an atlas' scan begins so, too. */
#define DCN__MODEL_FORMAT "deconvnet model "
#define DCN__SCAN_FORMAT "deconvnet-atlas-scan "
enum { DCN__MODEL_VERSION = 1 };

/* A weight in memory is (h,w,i,o) or (o), in the file (o,i,h,w), (o, i*h*w) or (o). */
typedef struct dcn__weight_layout {
    int64_t h, w, i, o;             /* rank 1: 1, 1, 1, o */
    int rank;                       /* in the file */
    int64_t dims[4];                /* in the file */
} dcn__weight_layout;
dcn__weight_layout dcn__weight_layout_of(const dcn_graph *g, const dcn_weight_info *weight);
void dcn__weight_to_file(float *to, const float *from, const dcn__weight_layout *layout);
void dcn__weight_from_file(float *to, const float *from, const dcn__weight_layout *layout);

/* The sum over all metadata but itself: key, NUL, value, NUL in the order of the keys' bytes. */
dcn_status dcn__metadata_crc(uint32_t *crc, const dcn__pair *pairs, int n, dcn_error *err);

#endif
