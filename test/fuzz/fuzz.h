/* fuzz.h - what every target promises besides not crashing.
 *
 * A refusal is one sentence of the project's shape with one of the expected statuses, and an input
 * of up to 1 KiB never makes our code ask for more than 64 MiB. */
#ifndef FUZZ_H
#define FUZZ_H

#include "deconvnet.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Sets the sums of a changed input right, so that a change reaches the code behind them. Targets
 * whose format has sums define it. */
void fuzz_repair(uint8_t *data, size_t size) __attribute__((weak));
/* A change that keeps the format's structure, the same for the same seed. Targets that know one
 * define it. */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
    __attribute__((weak));

#ifdef DCN_FUZZ
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* One input in eight keeps its wrong sums. */
#define FUZZ_REPAIRING_MUTATOR                                                                 \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) \
    {                                                                                          \
        size = LLVMFuzzerMutate(data, size, max_size);                                         \
        if (seed % 8)                                                                          \
            fuzz_repair(data, size);                                                           \
        return size;                                                                           \
    }
#else
#define FUZZ_REPAIRING_MUTATOR
#endif

enum { SMALL = 1024, SMALL_COST = 64 << 20 };

static inline bool count_bytes(void *user, size_t bytes)
{
    *(size_t *)user += bytes;
    return true;
}

static inline void fault(const char *what, const dcn_error *err)
{
    fprintf(stderr, "fuzz: %s: %d \"%s\"\n", what, (int)err->status, err->text);
    abort();
}

/* Runs `read` on the bytes and checks its answer. */
static inline void fuzz_one(dcn_status (*read)(const uint8_t *, size_t, dcn_error *),
                            const uint8_t *data, size_t size)
{
    size_t cost = 0;
    dcn_error err = { 0 };
    dcn_status st;
    const char *what;

    dcn__set_alloc_hook(count_bytes, &cost);
    st = read(data, size, &err);
    dcn__set_alloc_hook(NULL, NULL);
    if (size <= SMALL && cost > SMALL_COST)
        fault("a small input cost more than 64 MiB", &err);
    if (!st)
        return;
    what = strstr(err.text, ": ");
    if (st != err.status || (st != DCN_INPUT && st != DCN_USAGE && st != DCN_STATE &&
                             st != DCN_NUMBERS))
        fault("an unexpected status", &err);
    if (!what || !strstr(what, "; ") || !dcn__text_is_utf8(err.text, strlen(err.text)))
        fault("not a sentence WHERE: WHAT; WHAT TO DO", &err);
    for (const char *p = err.text; *p; p++)
        if ((unsigned char)*p < 0x20)
            fault("a control byte", &err);
}

#endif
