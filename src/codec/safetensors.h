/* safetensors.h - files of named tensors: an 8-byte length, a JSON header, the numbers.
 *
 * Everything that the published format demands is checked when a file is opened: sizes, order,
 * holes, overlaps. Numbers themselves are not looked at. Knows nothing of networks. */
#ifndef DCN_CODEC_SAFETENSORS_H
#define DCN_CODEC_SAFETENSORS_H

#include "base/error.h"
#include "base/file.h"

#include <stdbool.h>

enum { DCN__TENSORS_MAX_RANK = 8, DCN__TENSORS_MAX = 100000 };

typedef struct dcn__tensor {
    const char *name;
    const char *dtype;              /* as the file spells it: "F32", "BF16", ... */
    int rank;
    int64_t dims[DCN__TENSORS_MAX_RANK];
    uint64_t begin, end;            /* bytes after the header */
} dcn__tensor;

typedef struct dcn__pair { const char *key, *value; } dcn__pair;

typedef struct dcn__tensors {
    const char *where;              /* for errors; borrowed from the caller */
    const uint8_t *bytes;           /* the whole file */
    size_t size;
    uint64_t header_bytes;          /* numbers begin at 8 + header_bytes */
    dcn__tensor *at;                /* (count), by name */
    int count;
    dcn__pair *metadata;            /* (n_metadata), by key */
    int n_metadata;
    void *json;                     /* holds the names and texts */
    dcn__bytes owned;
} dcn__tensors;

/* Could these be the first bytes of such a file of file_size bytes? At least 9 are needed. */
bool dcn__tensors_is(const uint8_t *head, size_t size, uint64_t file_size);
/* Reads the header, of which `bytes` must hold all, and checks it against file_size. */
dcn_status dcn__tensors_index(dcn__tensors *t, const uint8_t *bytes, size_t size,
                              uint64_t file_size, const char *where, const dcn_limits *limits,
                              dcn_error *err);
/* A whole file in memory; bytes are borrowed. */
dcn_status dcn__tensors_parse(dcn__tensors *t, const uint8_t *bytes, size_t size,
                              const char *where, const dcn_limits *limits, dcn_error *err);
/* The header is checked before the numbers are read. */
dcn_status dcn__tensors_open(dcn__tensors *t, const char *path, const dcn_limits *limits,
                             dcn_error *err);
/* The header alone: names, shapes and metadata, but no numbers. */
dcn_status dcn__tensors_peek(dcn__tensors *t, const char *path, const dcn_limits *limits,
                             dcn_error *err);
void dcn__tensors_close(dcn__tensors *t);

const dcn__tensor *dcn__tensors_find(const dcn__tensors *t, const char *name);  /* NULL: none */
const char *dcn__tensors_metadata(const dcn__tensors *t, const char *key);      /* NULL: none */
/* The numbers of a tensor, little-endian, in no particular alignment: end - begin bytes. */
const uint8_t *dcn__tensors_data(const dcn__tensors *t, const dcn__tensor *tensor);
/* Where in the file they stand. */
uint64_t dcn__tensors_offset(const dcn__tensors *t, const dcn__tensor *tensor);
/* Writes what stands before the numbers of these arrays, whose data may be NULL. The caller writes
 * the numbers behind it: those of arrays[order[0]] first, of arrays[order[n - 1]] last, without
 * gaps. metadata: as for dcn_tensors_save. order: (n). */
dcn_status dcn__tensors_begin(dcn__writer *w, const dcn_array *arrays, int n,
                              const char *const *metadata, int *order, dcn_error *err);
/* "(64, 3, 5, 5)" */
void dcn__shape_text(char *text, size_t size, int rank, const int64_t *dims);

#endif
