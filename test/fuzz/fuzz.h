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

/* What one input frees is kept apart until long after it; more than 8 MiB of that, and long lists of
 * callers for each allocation, took half of the time and found nothing else. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8:malloc_context_size=4:allocator_release_to_os_interval_ms=-1";
}

/* Three changes in four keep the structure where the target knows it; of those and of the others
 * one in eight keeps its wrong sums. */
static inline size_t fuzz_change(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (!fuzz_mutate || seed % 4 == 0)
        size = LLVMFuzzerMutate(data, size, max_size);
    for (unsigned i = 0; fuzz_mutate && seed % 4 && i < (seed / 4 % 4 ? 1 : 4); i++)
        size = fuzz_mutate(data, size, max_size, (uint64_t)seed << 2 | i);
    if (fuzz_repair && seed / 16 % 8)
        fuzz_repair(data, size);
    return size;
}
#define FUZZ_MUTATOR                                                                           \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) \
    {                                                                                          \
        return fuzz_change(data, size, max_size, seed);                                        \
    }
#else
#define FUZZ_MUTATOR
#endif

enum { SMALL = 1024, SMALL_COST = 64 << 20 };

/* standalone.c --fail: the allocation of this number fails, and with it the call. 0: none does. */
long fuzz_failing __attribute__((weak)), fuzz_allocations __attribute__((weak));

static inline bool count_bytes(void *user, size_t bytes)
{
    *(size_t *)user += bytes;
    return __atomic_add_fetch(&fuzz_allocations, 1, __ATOMIC_RELAXED) != fuzz_failing;
}

static inline _Noreturn void fault(const char *what, const dcn_error *err)
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
                             st != DCN_NUMBERS && !(st == DCN_MEMORY && fuzz_failing)))
        fault("an unexpected status", &err);
    if (!what || !strstr(what, "; ") || !dcn__text_is_utf8(err.text, strlen(err.text)))
        fault("not a sentence WHERE: WHAT; WHAT TO DO", &err);
    for (const char *p = err.text; *p; p++)
        if ((unsigned char)*p < 0x20)
            fault("a control byte", &err);
}

#endif
