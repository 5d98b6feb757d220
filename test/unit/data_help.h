/* data_help.h - tiny data sets made at test time, for the tests of data. Pixels are a formula of
 * (file, record, place), so that a test can say what must come back. */
#ifndef DATA_HELP_H
#define DATA_HELP_H

#include "codec_test.h"
#include "folders.h"

#include <stdlib.h>

/* For dcn__set_alloc_hook: as many allocations as *user says, then none; below 0 one has failed. */
static inline bool fail_after(void *user, size_t bytes)
{
    int *left = user;

    (void)bytes;
    return (*left)-- > 0;
}

static inline void put_file(const char *folder, const char *name, const void *data, size_t bytes)
{
    char *path = dcn__path_join(folder, name);
    dcn_error error;

    if (dcn__file_write(path, data, bytes, &error))
        fail_msg("%s", error.text);
    dcn__free(path);
}

enum { RECORD = 3073 };

static const char *const batch_names[6] = { "data_batch_1.bin", "data_batch_2.bin",
                                            "data_batch_3.bin", "data_batch_4.bin",
                                            "data_batch_5.bin", "test_batch.bin" };

static inline uint8_t cifar_byte(int file, int record, int place)
{
    return (uint8_t)(file * 31 + record * 7 + place * 13 + place / 97);
}

static inline int cifar_label(int file, int record)
{
    return (file * 3 + record) % 10;
}

/* records: RECORD * n bytes, made here; free with free(). */
static inline uint8_t *cifar_bytes(int file, int n)
{
    uint8_t *bytes = malloc((size_t)n * RECORD);

    for (int r = 0; r < n; r++) {
        bytes[r * RECORD] = (uint8_t)cifar_label(file, r);
        for (int i = 0; i < 3072; i++)
            bytes[r * RECORD + 1 + i] = cifar_byte(file, r, i);
    }
    return bytes;
}

/* File f holds f + 2 records: training 2 + 3 + 4 + 5 + 6 = 20, test 7. */
static inline void put_cifar(const char *folder)
{
    for (int f = 0; f < 6; f++) {
        uint8_t *bytes = cifar_bytes(f, f + 2);

        put_file(folder, batch_names[f], bytes, (size_t)(f + 2) * RECORD);
        free(bytes);
    }
}

/* n grey pictures h x w as IDX; byte i of the data is (i * 3 + salt) % 256. */
static inline size_t idx_pictures(uint8_t *out, int n, int h, int w, int salt)
{
    const uint8_t head[16] = { 0, 0, 8, 3, 0, 0, 0, (uint8_t)n, 0, 0, 0, (uint8_t)h,
                               0, 0, 0, (uint8_t)w };

    memcpy(out, head, 16);
    for (int i = 0; i < n * h * w; i++)
        out[16 + i] = (uint8_t)(i * 3 + salt);
    return 16 + (size_t)(n * h * w);
}

static inline size_t idx_labels(uint8_t *out, int n, int modulo)
{
    const uint8_t head[8] = { 0, 0, 8, 1, 0, 0, 0, (uint8_t)n };

    memcpy(out, head, 8);
    for (int i = 0; i < n; i++)
        out[8 + i] = (uint8_t)(i % modulo);
    return 8 + (size_t)n;
}

#endif
