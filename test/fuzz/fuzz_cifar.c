/* fuzz_cifar.c - CIFAR-10 records: check, labels, unpacking. */
#include "fuzz.h"

#include "codec/cifar.h"

static dcn_status read_cifar(const uint8_t *data, size_t size, dcn_error *err)
{
    uint8_t pixels[DCN__CIFAR_PIXELS];
    int64_t records;
    dcn_status st = dcn__cifar_parse(&records, data, size, "fuzz", err);

    for (int64_t i = 0; !st && i < records; i++)
        dcn__cifar_unpack(data + i * DCN__CIFAR_RECORD, pixels);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_cifar, data, size);
    return 0;
}
