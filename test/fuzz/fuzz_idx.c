/* fuzz_idx.c - IDX files, plain and gzip. */
#include "fuzz.h"

#include "codec/idx.h"

/* What is read when either rank will do is read when its own is asked for, and not as another. */
static void check_ranks(const uint8_t *data, size_t size, const dcn__idx *any)
{
    for (int rank = 1; rank <= 3; rank += 2) {
        dcn__idx idx;
        const dcn_status st = dcn__idx_parse(&idx, rank, data, size, "fuzz", NULL);

        if (!st != (rank == any->rank) || (!st && idx.bytes != any->bytes))
            abort();
        dcn__idx_clear(&idx);
    }
}

static dcn_status read_idx(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn__idx idx;
    dcn_status st = dcn__idx_parse(&idx, 0, data, size, "fuzz", err);

    if (!st && idx.bytes && idx.data[0] + idx.data[idx.bytes - 1] > 510)
        abort();
    if (!st && !fuzz_failing)
        check_ranks(data, size, &idx);
    dcn__idx_clear(&idx);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_idx, data, size);
    return 0;
}
