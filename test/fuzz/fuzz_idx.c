/* fuzz_idx.c - IDX files, plain and gzip. */
#include "fuzz.h"

#include "codec/idx.h"

static dcn_status read_idx(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn__idx idx;
    dcn_status st = dcn__idx_parse(&idx, 0, data, size, "fuzz", err);

    if (!st && idx.bytes && idx.data[0] + idx.data[idx.bytes - 1] > 510)
        abort();
    dcn__idx_clear(&idx);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_idx, data, size);
    return 0;
}
