/* array.c - checks of arrays that are to be written. */
#include "codec/array.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

size_t dcn__dtype_bytes(dcn_dtype dtype)
{
    return dtype == DCN_F32 ? 4 : dtype == DCN_I64 ? 8 : dtype == DCN_U8 ? 1 : 0;
}

dcn_status dcn__array_refuse(const dcn_array *a, const char *path, const char *what,
                             dcn_error *err)
{
    return dcn__fail(err, DCN_USAGE, path, "tensor \"%s\" %s; correct the call",
                     a->name ? a->name : "", what);
}

dcn_status dcn__array_check(const dcn_array *a, const char *path, size_t *bytes, dcn_error *err)
{
    if (!a->name || !*a->name || !dcn__text_is_utf8(a->name, strlen(a->name)))
        return dcn__array_refuse(a, path, "has a name that the format does not allow", err);
    if (!(*bytes = dcn__dtype_bytes(a->dtype)))
        return dcn__array_refuse(a, path, "has an unknown type", err);
    if (a->rank < 0 || a->rank > DCN__ARRAY_MAX_RANK)
        return dcn__array_refuse(a, path, "has more than 8 dimensions", err);
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] < 0 || !dcn__mul_size(*bytes, (size_t)a->dims[i], bytes))
            return dcn__array_refuse(a, path, "has an impossible shape", err);
    return DCN_OK;
}
