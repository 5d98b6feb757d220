/* memory.c - counted, hookable, zeroed heap memory. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For tests only; set while no other thread allocates. */
static dcn__alloc_hook alloc_hook;
static void *alloc_hook_user;

void dcn__set_alloc_hook(dcn__alloc_hook hook, void *user)
{
    alloc_hook = hook;
    alloc_hook_user = user;
}

static bool allowed(size_t bytes)
{
    return !alloc_hook || alloc_hook(alloc_hook_user, bytes);
}

void *dcn__alloc(size_t bytes)
{
    return allowed(bytes) ? calloc(1, bytes ? bytes : 1) : NULL;
}

void *dcn__alloc_array(size_t count, size_t size)
{
    size_t bytes;

    return dcn__mul_size(count, size, &bytes) ? dcn__alloc(bytes) : NULL;
}

void *dcn__realloc(void *memory, size_t bytes)
{
    return allowed(bytes) ? realloc(memory, bytes ? bytes : 1) : NULL;
}

void dcn__free(void *memory)
{
    free(memory);
}

char *dcn__strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = dcn__alloc(bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

void *dcn__alloc_aligned(size_t bytes)
{
    void *memory;
    size_t rounded;

    if (!dcn__add_size(bytes, 63, &rounded) || !allowed(bytes))
        return NULL;
    rounded = rounded / 64 * 64;
    memory = aligned_alloc(64, rounded ? rounded : 64);
    return memory ? memset(memory, 0, rounded) : NULL;
}

void dcn__free_aligned(void *memory)
{
    free(memory);
}

size_t dcn__physical_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : (size_t)1 << 31;
}
