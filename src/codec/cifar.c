/* cifar.c - checks and unpacks CIFAR-10 binary records; it reads no files. */
#include "codec/cifar.h"

#include "base/text.h"

#include <string.h>

const char *const dcn__cifar10_names[DCN__CIFAR_CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
};

/* What the first bytes say the file is, or NULL. No label byte reaches 10, so none of these can be
 * the beginning of a good file. */
static const char *other_format(const uint8_t *head, size_t n)
{
    if (n >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return "a Python pickle";
    if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
        return "a gzip archive";
    if (n >= 262 && head[0] > 9 && memcmp(head + 257, "ustar", 5) == 0)
        return "a tar archive";
    if (n >= 4 && memcmp(head, "PK\x03\x04", 4) == 0)
        return "a zip archive";
    if (n >= 6 && memcmp(head, "MATLAB", 6) == 0)
        return "a Matlab file";
    if (n >= 1 && head[0] == '<')
        return "a web page";
    return NULL;
}

dcn_status dcn__cifar_check_head(int64_t *records, const uint8_t *head, size_t head_bytes,
                                 uint64_t file_size, const char *where, dcn_error *err)
{
    const uint64_t rest = file_size % DCN__CIFAR_RECORD, n = file_size / DCN__CIFAR_RECORD;
    const char *other = other_format(head, head_bytes);

    *records = 0;
    if (!file_size)
        return dcn__fail(err, DCN_INPUT, where, "is empty; extract the binary archive again");
    if (other)
        return dcn__fail(err, DCN_INPUT, where,
                         "is %s, not CIFAR-10 records; use the binary version "
                         "(cifar-10-binary.tar.gz), unpacked",
                         other);
    /* A CIFAR-100 record has two labels. A count that fits both sizes is judged by its labels. */
    if (rest && file_size % (DCN__CIFAR_RECORD + 1) == 0)
        return dcn__fail(
            err, DCN_INPUT, where,
            "holds CIFAR-100 records (3074 bytes each); use CIFAR-10, its records have 3073 bytes");
    if (rest)
        return dcn__fail_at(err, DCN_INPUT, where, n * DCN__CIFAR_RECORD,
                            "record %llu has %llu of 3073 bytes; extract the binary archive again",
                            (unsigned long long)n, (unsigned long long)rest);
    if (n > INT32_MAX)
        return dcn__fail(err, DCN_INPUT, where, "has %llu records, the limit is %d; split it",
                         (unsigned long long)n, INT32_MAX);
    *records = (int64_t)n;
    return DCN_OK;
}

dcn_status dcn__cifar_check_labels(const uint8_t *records, int64_t n, int64_t first,
                                   int32_t *labels, const char *where, dcn_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        const uint8_t label = records[i * DCN__CIFAR_RECORD];

        if (label >= DCN__CIFAR_CLASSES)
            return dcn__fail_at(err, DCN_INPUT, where,
                                (uint64_t)(first + i) * DCN__CIFAR_RECORD,
                                "record %lld has label %d, CIFAR-10 labels are 0..9; "
                                "extract the binary archive again",
                                (long long)(first + i), label);
        if (labels)
            labels[i] = label;
    }
    return DCN_OK;
}

dcn_status dcn__cifar_parse(int64_t *records, const uint8_t *bytes, size_t size, const char *where,
                            dcn_error *err)
{
    dcn_status st;

    if ((st = dcn__cifar_check_head(records, bytes, size, size, where, err)))
        return st;
    if ((st = dcn__cifar_check_labels(bytes, *records, 0, NULL, where, err)))
        *records = 0;
    return st;
}

void dcn__cifar_unpack(const uint8_t *record, uint8_t *pixels)
{
    const uint8_t *red = record + 1, *green = red + DCN__CIFAR_PLANE;
    const uint8_t *blue = green + DCN__CIFAR_PLANE;

    for (int i = 0; i < DCN__CIFAR_PLANE; i++) {
        pixels[3 * i] = red[i];
        pixels[3 * i + 1] = green[i];
        pixels[3 * i + 2] = blue[i];
    }
}

int dcn__cifar_names(const char *text, size_t bytes, const char *names[DCN__CIFAR_CLASSES],
                     size_t lengths[DCN__CIFAR_CLASSES])
{
    int n = 0;

    if (!dcn__text_is_utf8(text, bytes))
        return 0;
    for (size_t start = 0; start < bytes;) {
        const char *newline = memchr(text + start, '\n', bytes - start);
        const size_t end = newline ? (size_t)(newline - text) : bytes;
        size_t length = end - start;

        if (length && text[start + length - 1] == '\r')
            length--;
        if (length) {
            if (n == DCN__CIFAR_CLASSES || length > 64)
                return 0;
            for (size_t i = 0; i < length; i++)
                if ((unsigned char)text[start + i] < 0x20)
                    return 0;
            names[n] = text + start;
            lengths[n++] = length;
        }
        start = end + 1;
    }
    return n == DCN__CIFAR_CLASSES;
}
