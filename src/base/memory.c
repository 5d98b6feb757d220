/* memory.c - counted, hookable, zeroed heap memory. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* For tests only. Atomic, since a loader's thread may be at work when a test sets it. */
static _Atomic(dcn__alloc_hook) alloc_hook;
static _Atomic(void *) alloc_hook_user;
static atomic_size_t live_blocks;
static _Thread_local size_t refused;

void dcn__set_alloc_hook(dcn__alloc_hook hook, void *user)
{
    atomic_store(&alloc_hook, NULL);
    atomic_store(&alloc_hook_user, user);
    atomic_store(&alloc_hook, hook);
}

size_t dcn__live_blocks(void)
{
    return atomic_load(&live_blocks);
}

static bool allowed(size_t bytes)
{
    const dcn__alloc_hook hook = atomic_load(&alloc_hook);

    return !hook || hook(atomic_load(&alloc_hook_user), bytes);
}

size_t dcn__refused_bytes(void)
{
    return refused;
}

/* What every allocation ends in. */
static void *counted(void *memory, size_t bytes)
{
    if (memory)
        atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    else
        refused = bytes;
    return memory;
}

static void discount(const void *memory)
{
    if (memory)
        atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
}

void *dcn__alloc(size_t bytes)
{
    return counted(allowed(bytes) ? calloc(1, bytes ? bytes : 1) : NULL, bytes);
}

void *dcn__alloc_array(size_t count, size_t size)
{
    size_t bytes;

    return dcn__mul_size(count, size, &bytes) ? dcn__alloc(bytes) : counted(NULL, SIZE_MAX);
}

void *dcn__realloc(void *memory, size_t bytes)
{
    void *larger = allowed(bytes) ? realloc(memory, bytes ? bytes : 1) : NULL;

    if (!memory || !larger)
        counted(larger, bytes);
    return larger;
}

void dcn__free(void *memory)
{
    discount(memory);
    free(memory);
}

char *dcn__strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = dcn__alloc(bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

/* ---- tensors ---------------------------------------------------------------------------------- */

/* Before each block stands how it was come by, in a cache line of its own. */
enum { LINE = 64, LARGE = 2 << 20 };
typedef struct block_head { size_t mapped; } block_head;     /* bytes, or 0: from the heap */

/* Weights and activations of large networks are used once or twice in a short process: small pages,
 * each a fault, would cost more than the reading. The system's pages are zero already. */
static void *map_large(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    madvise(memory, bytes, MADV_HUGEPAGE);        /* advice: no matter if it is not taken */
    ((block_head *)memory)->mapped = bytes;
    return memory;
}

void *dcn__alloc_aligned(size_t bytes)
{
    uint8_t *memory;
    size_t rounded;

    if (!dcn__add_size(bytes, 2 * LINE - 1, &rounded) || !allowed(bytes))
        return counted(NULL, bytes);
    rounded = rounded / LINE * LINE;
    if (rounded >= LARGE)
        memory = map_large(rounded);
    else if ((memory = aligned_alloc(LINE, rounded)))
        memset(memory, 0, rounded);
    return counted(memory ? memory + LINE : NULL, bytes);
}

void dcn__free_aligned(void *memory)
{
    uint8_t *block = memory ? (uint8_t *)memory - LINE : NULL;

    discount(memory);
    if (block && ((block_head *)(void *)block)->mapped)
        munmap(block, ((block_head *)(void *)block)->mapped);
    else
        free(block);
}

bool dcn__memory_at_hand(size_t bytes)
{
    void *memory = allowed(0) ? mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;

    if (memory == MAP_FAILED) {
        refused = bytes;
        return false;
    }
    munmap(memory, bytes);
    return true;
}

size_t dcn__physical_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : (size_t)1 << 31;
}
