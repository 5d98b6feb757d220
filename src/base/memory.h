/* memory.h - the one door to the heap.
 *
 * Nothing outside base calls malloc: a test can count every allocation and make any of them fail.
 * Everything returned here is zeroed. */
#ifndef DCN_BASE_MEMORY_H
#define DCN_BASE_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *dcn__alloc(size_t bytes);                    /* NULL: no memory; 0 bytes is 1 byte */
void *dcn__alloc_array(size_t count, size_t size); /* NULL also if the product overflows */
void *dcn__realloc(void *memory, size_t bytes);    /* new bytes are NOT zeroed */
void dcn__free(void *memory);
char *dcn__strdup(const char *text);

/* Page-friendly blocks for tensors: 64-byte aligned, zeroed. */
void *dcn__alloc_aligned(size_t bytes);
void dcn__free_aligned(void *memory);

/* What this thread was last refused: for the error line of whoever notices later. */
size_t dcn__refused_bytes(void);

/* A library that allocates by itself often reports a lack of memory as something else, or goes on
 * without what it wanted. Around its calls: errno tells. */
static inline void dcn__memory_watch(void)
{
    errno = 0;
}
static inline bool dcn__memory_lacked(void)
{
    return errno == ENOMEM;
}

/* Is so much to be had in one piece now? For what a library takes that crashes without: nothing is
 * held. */
bool dcn__memory_at_hand(size_t bytes);

/* For tests: called before each allocation, on any thread; false makes it fail. NULL: none. */
typedef bool (*dcn__alloc_hook)(void *user, size_t bytes);
void dcn__set_alloc_hook(dcn__alloc_hook hook, void *user);
/* Blocks that were allocated here and not yet freed. */
size_t dcn__live_blocks(void);

/* Checked arithmetic for every size that comes from outside: false if it overflows. */
static inline bool dcn__mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}
static inline bool dcn__add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}
static inline bool dcn__mul_int64(int64_t a, int64_t b, int64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

size_t dcn__physical_memory(void);

#endif
