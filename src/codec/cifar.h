/* cifar.h - the records of the CIFAR-10 binary version (docs/formats/data.md).
 *
 * A file is a row of records: one label byte, 0..9, then the red, green and blue plane of a 32x32
 * picture. There is no header, so these checks are all that tells it from other bytes. */
#ifndef DCN_CODEC_CIFAR_H
#define DCN_CODEC_CIFAR_H

#include "base/error.h"

enum {
    DCN__CIFAR_SIDE = 32,
    DCN__CIFAR_PLANE = 32 * 32,
    DCN__CIFAR_PIXELS = 3 * 32 * 32,
    DCN__CIFAR_RECORD = 1 + 3 * 32 * 32,
    DCN__CIFAR_CLASSES = 10,
    DCN__CIFAR_HEAD = 512           /* bytes that dcn__cifar_check_head wants to see */
};

/* From the size and the first bytes of a file: *records, at least 1. What is not this format is
 * refused by the name of what it looks like (a pickle, an archive, CIFAR-100, ...). */
dcn_status dcn__cifar_check_head(int64_t *records, const uint8_t *head, size_t head_bytes,
                                 uint64_t file_size, const char *where, dcn_error *err);
/* The labels of `n` whole records, the first of which is number `first` of its file.
 * labels: (n), may be NULL. */
dcn_status dcn__cifar_check_labels(const uint8_t *records, int64_t n, int64_t first,
                                   int32_t *labels, const char *where, dcn_error *err);
/* A whole file in memory: both checks. */
dcn_status dcn__cifar_parse(int64_t *records, const uint8_t *bytes, size_t size, const char *where,
                            dcn_error *err);
/* record: (3073) -> pixels: (32,32,3). Cannot fail. */
void dcn__cifar_unpack(const uint8_t *record, uint8_t *pixels);

/* Class names from the text of batches.meta.txt: ten lines of UTF-8, blank ones ignored. names[i]
 * points into text, lengths[i] bytes. false: not such a text. */
int dcn__cifar_names(const char *text, size_t bytes, const char *names[DCN__CIFAR_CLASSES],
                     size_t lengths[DCN__CIFAR_CLASSES]);
extern const char *const dcn__cifar10_names[DCN__CIFAR_CLASSES];

#endif
