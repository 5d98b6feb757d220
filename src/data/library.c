/* library.c - dlopen, and every symbol of a list or none. */
#include "data/library.h"

#include "base/memory.h"

#include <dlfcn.h>
#include <string.h>

dcn_status dcn__library_open(const char *file, const dcn__symbol *symbols, size_t n,
                             const char *task, const char *package, dcn_error *err)
{
    void *library;

    dcn__memory_watch();
    library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && i < n; i++) {
        void *symbol = dlsym(library, symbols[i].name);

        if (!symbol)
            library = NULL;
        else
            memcpy(symbols[i].pointer, &symbol, sizeof symbol);
    }
    if (!library && dcn__memory_lacked())
        return dcn__fail_errno(err, file, "load it", ENOMEM, "");
    if (!library)
        return dcn__fail(err, DCN_NETWORK, file,
                         "cannot be loaded, so nothing can be %s; install %s", task, package);
    return DCN_OK;
}
