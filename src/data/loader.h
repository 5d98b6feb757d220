/* loader.h - network inputs in batches, made one or two batches ahead by a thread of its own.
 *
 * What stands at position p (samples counted from 0 over the whole run) depends on p and the
 * settings only, never on timing: without augmentation picture p % count, the files' order over and
 * over; with it the pictures of epoch p / count in that epoch's random order, each distorted by its
 * own random numbers. After create nothing is allocated for sets whose pictures share one shape. */
#ifndef DCN_DATA_LOADER_H
#define DCN_DATA_LOADER_H

#include "base/error.h"

typedef struct dcn__loader dcn__loader;

/* The first batch starts at position first_position. data is borrowed. */
dcn_status dcn__loader_create(dcn__loader **loader, const dcn_data *data, dcn_split split,
                              const dcn_preprocess *p, dcn_augment augment, uint64_t seed,
                              int batch, int64_t first_position, dcn_error *err);
/* images: (batch,H,W,C); labels: (batch); both valid until the next call. *wait_ms (may be NULL):
 * how long this call waited. An error of the thread is returned by the call that needs the batch,
 * and by every one after it. */
dcn_status dcn__loader_next(dcn__loader *loader, const float **images, const int32_t **labels,
                            double *wait_ms, dcn_error *err);
void dcn__loader_destroy(dcn__loader *loader);

/* The picture at a position, as above; *epoch may be NULL. */
int64_t dcn__loader_index(int64_t position, int64_t count, dcn_augment augment, uint64_t seed,
                          int64_t *epoch);

#endif
