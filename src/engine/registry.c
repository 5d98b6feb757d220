/* registry.c - the engines of this build, by name. */
#include "engine/engine.h"

#include <string.h>

static const dcn__engine *const engines[] = {
#ifdef DCN_HAVE_DNNL
    &dcn__engine_cpu,
#endif
    &dcn__engine_ref_f32,
    &dcn__engine_ref_f64,
};

const dcn__engine *dcn__engine_find(const char *name, dcn_error *err)
{
    if (!name)
        return engines[0];
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    dcn__fail(err, DCN_USAGE, "engine", "there is no engine \"%s\" in this build; use %s", name,
              engines[0] == &dcn__engine_ref_f32 ? "ref or ref64" : "cpu, ref or ref64");
    return NULL;
}
