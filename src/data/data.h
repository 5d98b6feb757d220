/* data.h - what a data set is inside: its facts, its labels, and a source that reads pictures.
 *
 * A set does not change after it was opened; pictures may be read by several threads at once. */
#ifndef DCN_DATA_DATA_H
#define DCN_DATA_DATA_H

#include "base/error.h"
#include "data/preprocess.h"

#include <stdbool.h>

/* Exactly one of read and load is there. A NULL at the others: nothing of that kind. */
typedef struct dcn__source_ops {
    /* Sets in which all pictures have info.shape: picture i as (h,w,c). Allocates nothing. */
    dcn_status (*read)(const dcn_data *data, dcn_split split, int64_t i, uint8_t *pixels,
                       dcn_error *err);
    /* Others: a new image of its own size; dcn_image_clear. */
    dcn_status (*load)(const dcn_data *data, dcn_split split, int64_t i, dcn_image *image,
                       dcn_error *err);
    /* Is the content what was published? Called after every picture was read. */
    dcn_status (*verify)(const dcn_data *data, dcn_error *err);
    /* The picture's file below the set's folder. */
    const char *(*file)(const dcn_data *data, dcn_split split, int64_t i);
    void (*motif)(const dcn_data *data, dcn_split split, int64_t i, int *y, int *x, int *size);
    void (*close)(void *source);
} dcn__source_ops;

struct dcn_data {
    dcn_data_info info;           /* its strings belong to the members below */
    char *path, *name;
    char **class_names;           /* (classes) */
    int32_t *labels[2];           /* (count[split]); NULL: every one is -1 */
    uint64_t content;             /* fingerprint of pixels, or of file names and sizes */
    uint64_t hash;
    int typical_h, typical_w;     /* the first picture's, where they differ; else info.shape */
    dcn_limits limits;
    const dcn__source_ops *ops;
    void *source;
};

/* Openers: fill a zeroed set whose path and limits are there. After a failure dcn_data_close cleans
 * up whatever was filled. */
dcn_status dcn__open_cifar10(dcn_data *d, dcn_error *err);
dcn_status dcn__open_idx_folder(dcn_data *d, dcn_error *err);
dcn_status dcn__open_folder(dcn_data *d, dcn_error *err);
dcn_status dcn__open_plain(dcn_data *d, dcn_error *err);
dcn_status dcn__open_synthetic(dcn_data *d, dcn_error *err);
/* Could the folder be one? Looks at names only. */
bool dcn__looks_like_cifar10(const char *folder);
bool dcn__looks_like_idx(const char *folder);
bool dcn__looks_like_folder(const char *folder);
/* Is there anything (a folder) of that name? Allocates nothing, so that it cannot be wrong. */
bool dcn__holds(const char *folder, const char *name);
bool dcn__holds_folder(const char *folder, const char *name);

/* The `load` of sets whose every picture is a file of its own: the one that `file` names. */
dcn_status dcn__data_load_file(const dcn_data *d, dcn_split split, int64_t i, dcn_image *image,
                               dcn_error *err);

/* For openers. Names are made valid UTF-8 without control bytes. */
dcn_status dcn__data_set_name(dcn_data *d, const char *name, dcn_error *err);
dcn_status dcn__data_set_classes(dcn_data *d, int classes, dcn_error *err);      /* names NULL */
dcn_status dcn__data_set_class_name(dcn_data *d, int i, const char *name, size_t bytes,
                                    dcn_error *err);
dcn_status dcn__data_set_count(dcn_data *d, dcn_split split, int64_t count, dcn_error *err);
/* One picture tells whether a set of files is grey and about how large its pictures are. */
dcn_status dcn__data_see_first(dcn_data *d, dcn_split split, dcn_error *err);

/* A fast fingerprint (not a digest); chains: pass the last result as `hash`. */
uint64_t dcn__fingerprint(uint64_t hash, const void *data, size_t bytes);

/* dcn_data_sample with the caller's working memory: no allocation for sets with one shape once it
 * has grown. p was checked. */
typedef struct dcn__workspace { dcn__scratch picture, scaled; } dcn__workspace;
dcn_status dcn__workspace_prepare(dcn__workspace *w, const dcn_data *data, const dcn_preprocess *p,
                                  dcn_error *err);
void dcn__workspace_clear(dcn__workspace *w);
dcn_status dcn__data_sample_with(const dcn_data *data, dcn_split split, int64_t i,
                                 const dcn_preprocess *p, dcn_augment augment, uint64_t seed,
                                 int64_t epoch, dcn__workspace *w, float *out, int32_t *label,
                                 dcn_error *err);

#endif
