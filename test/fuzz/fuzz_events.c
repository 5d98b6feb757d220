/* fuzz_events.c - event files: every record, sums included, from memory and from a file. */
#include "fuzz_folder.h"

#include "codec/digest.h"
#include "view/events.h"

static void put_sum(uint8_t *at, const uint8_t *data, size_t size)
{
    const uint32_t sum = dcn__crc32c_mask(dcn__crc32c(data, size));

    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(sum >> 8 * i);
}

void fuzz_repair(uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size && size - at >= 16;) {
        const size_t length = data[at] | (size_t)data[at + 1] << 8;

        put_sum(data + at + 8, data + at, 8);
        if (length > size - at - 16)
            break;
        put_sum(data + at + 12 + length, data + at + 12, length);
        at += 16 + length;
    }
}

FUZZ_MUTATOR

/* A file is read piece by piece, which must make no difference. */
static void check_file(const uint8_t *data, size_t size, const dcn_events_summary *summary)
{
    const char *path = fuzz_path("events", 0);
    dcn_events_summary again;

    fuzz_put(path, data, size);
    if (dcn_events_verify(path, &again, NULL) || again.records != summary->records ||
        again.torn_bytes != summary->torn_bytes)
        abort();
}

static dcn_status read_events(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_events_summary summary;
    dcn_status st = dcn__events_check(data, size, "fuzz", &summary, err);

    if (!st && (summary.records < 0 || summary.torn_bytes < 0 ||
                (uint64_t)summary.torn_bytes > size))
        abort();
    if (!st && !fuzz_failing)
        check_file(data, size, &summary);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_folder_begin();
    fuzz_one(read_events, data, size);
    return 0;
}
