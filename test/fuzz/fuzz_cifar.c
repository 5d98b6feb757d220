/* fuzz_cifar.c - CIFAR-10 records: check, labels, unpacking; and its list of names. */
#include "fuzz.h"

#include "codec/cifar.h"

/* Ten names inside the text, without control bytes. */
static void read_names(const char *text, size_t size)
{
    const char *names[DCN__CIFAR_CLASSES];
    size_t lengths[DCN__CIFAR_CLASSES];

    if (!dcn__cifar_names(text, size, names, lengths))
        return;
    for (int i = 0; i < DCN__CIFAR_CLASSES; i++)
        if (names[i] < text || !lengths[i] || lengths[i] > size - (size_t)(names[i] - text) ||
            !dcn__text_is_utf8(names[i], lengths[i]) || memchr(names[i], '\n', lengths[i]))
            abort();
}

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
    if (size < DCN__CIFAR_PIXELS)        /* no record */
        read_names((const char *)data, size);
    fuzz_one(read_cifar, data, size);
    return 0;
}
