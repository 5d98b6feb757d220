/* fuzz_npy.c - arrays of NumPy. */
#include "fuzz.h"

#include "codec/npy.h"

static dcn_status read_npy(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_array array;
    dcn_status st = dcn__npy_parse(&array, data, size, "fuzz", err);

    if (!st && (array.rank < 1 || array.rank > 8 || array.dtype != DCN_F32))
        abort();
    if (st && array.data)
        abort();
    dcn_array_clear(&array);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_npy, data, size);
    return 0;
}
