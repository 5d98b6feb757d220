/* npy.c - reads .npy, versions 1 to 3 (numpy/lib/format.py describes them). */
#include "codec/npy.h"

#include "base/file.h"
#include "base/memory.h"

#include <limits.h>
#include <string.h>

enum { MAX_RANK = 8, MAX_HEADER = 65536, PREFIX = 10 };

struct parser {
    const uint8_t *bytes;
    size_t at, end;                /* within the header */
    const char *where;
    dcn_error *err;
    char descr[8];
    int fortran_order;
    dcn_array *array;
};

bool dcn__npy_is(const uint8_t *head, size_t size)
{
    return size >= 8 && memcmp(head, "\x93NUMPY", 6) == 0;
}

static dcn_status refuse(const struct parser *p, size_t offset, const char *what)
{
    return dcn__fail_at(p->err, DCN_INPUT, p->where, offset, "%s; save it again with numpy.save",
                        what);
}

/* ---- the header's few words ---------------------------------------------------------------- */

static int peek(struct parser *p)
{
    while (p->at < p->end && (p->bytes[p->at] == ' ' || p->bytes[p->at] == '\n'))
        p->at++;
    return p->at < p->end ? p->bytes[p->at] : -1;
}

static bool take(struct parser *p, int c)
{
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    const size_t n = strlen(word);

    peek(p);
    if (p->end - p->at < n || memcmp(p->bytes + p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* 'text' or "text", without escapes. */
static bool take_string(struct parser *p, char *text, size_t size)
{
    const int quote = peek(p);
    size_t n = 0;

    if (quote != '\'' && quote != '"')
        return false;
    for (p->at++; p->at < p->end && p->bytes[p->at] != quote; p->at++) {
        if (p->bytes[p->at] == '\\' || p->bytes[p->at] < ' ' || n + 1 >= size)
            return false;
        text[n++] = (char)p->bytes[p->at];
    }
    text[n] = '\0';
    return p->at < p->end && p->bytes[p->at++] == quote;
}

static bool take_size(struct parser *p, int64_t *size)
{
    bool some = false;

    *size = 0;
    for (peek(p); p->at < p->end && p->bytes[p->at] >= '0' && p->bytes[p->at] <= '9'; p->at++) {
        *size = *size * 10 + p->bytes[p->at] - '0';
        some = true;
        if (*size > INT_MAX)
            return false;
    }
    return some;
}

/* "(3, 4)", "(3,)": a comma may end the tuple and must if it has one member. */
static dcn_status read_shape(struct parser *p)
{
    bool comma = false;

    if (!take(p, '('))
        return refuse(p, p->at, "the shape is not a tuple");
    while (!take(p, ')')) {
        const size_t start = p->at;    /* take has passed the spaces */

        if (p->array->rank && !comma)
            return refuse(p, p->at, "the shape is not a tuple of sizes");
        if (p->array->rank == MAX_RANK)
            return refuse(p, p->at, "the array has more than 8 dimensions");
        if (!take_size(p, &p->array->dims[p->array->rank]))
            return refuse(p, start, "the shape is not a tuple of sizes below 2147483648");
        if (!p->array->dims[p->array->rank++])
            return refuse(p, start, "the array is empty");
        comma = take(p, ',');
    }
    if (!p->array->rank)
        return refuse(p, p->at, "the array has no dimensions");
    if (p->array->rank == 1 && !comma)
        return refuse(p, p->at, "the shape is not a tuple");
    return DCN_OK;
}

static dcn_status read_entry(struct parser *p, unsigned *seen)
{
    static const char *const keys[] = { "descr", "fortran_order", "shape" };
    const size_t start = p->at;
    char key[16];
    int k = 0;

    if (!take_string(p, key, sizeof key))
        return refuse(p, start, "the header has no key here");
    while (k < 3 && strcmp(key, keys[k]) != 0)
        k++;
    if (k == 3 || *seen >> k & 1)
        return dcn__fail_at(p->err, DCN_INPUT, p->where, start, "the header's key \"%s\" is %s; "
                            "save it again with numpy.save", key,
                            k == 3 ? "unknown" : "there twice");
    *seen |= 1u << k;
    if (!take(p, ':'))
        return refuse(p, p->at, "the header has no colon here");
    if (k == 2)
        return read_shape(p);
    if (k == 0)
        return take_string(p, p->descr, sizeof p->descr) ? DCN_OK
            : refuse(p, p->at, "the type is not that of plain numbers");
    p->fortran_order = take_word(p, "True");
    return p->fortran_order || take_word(p, "False") ? DCN_OK
        : refuse(p, p->at, "fortran_order is neither True nor False");
}

static dcn_status read_header(struct parser *p)
{
    unsigned seen = 0;
    dcn_status st;

    if (!take(p, '{'))
        return refuse(p, p->at, "the header is not a dictionary");
    while (!take(p, '}')) {
        if ((st = read_entry(p, &seen)))
            return st;
        if (!take(p, ',') && peek(p) != '}')
            return refuse(p, p->at, "the header has neither comma nor brace here");
    }
    if (peek(p) >= 0)
        return refuse(p, p->at, "something follows the header's dictionary");
    if (seen != 7)
        return refuse(p, p->at, "the header lacks descr, fortran_order or shape");
    return DCN_OK;
}

/* ---- the numbers --------------------------------------------------------------------------- */

static dcn_status check_numbers(const struct parser *p, size_t size, int64_t *count)
{
    const size_t width = strcmp(p->descr, "<f8") == 0 ? 8 : 4;
    const size_t there = size - p->end;
    size_t want = 1;

    if (strcmp(p->descr, "<f4") != 0 && strcmp(p->descr, "<f8") != 0)
        return dcn__fail_at(p->err, DCN_INPUT, p->where, PREFIX, "numbers are of type \"%s\", "
                            "\"<f4\" and \"<f8\" are read; save array.astype('<f4')", p->descr);
    if (p->fortran_order)
        return dcn__fail_at(p->err, DCN_INPUT, p->where, PREFIX, "the array is in Fortran order; "
                            "save numpy.ascontiguousarray(array)");
    for (int i = 0; i < p->array->rank; i++)
        if (!dcn__mul_size(want, (size_t)p->array->dims[i], &want) || want > INT_MAX)
            return refuse(p, PREFIX, "the array has more than 2147483647 numbers");
    *count = (int64_t)want;
    want *= width;
    if (there < want)
        return dcn__fail_at(p->err, DCN_INPUT, p->where, size, "the file ends after %zu of %zu "
                            "bytes of numbers; copy the file again", there, want);
    if (there > want)
        return dcn__fail_at(p->err, DCN_INPUT, p->where, p->end + want, "%zu bytes follow the "
                            "last number; copy the file again", there - want);
    return DCN_OK;
}

static void copy_numbers(float *to, const uint8_t *from, int64_t count, bool doubles)
{
    if (!doubles) {
        memcpy(to, from, (size_t)count * 4);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        double x;

        memcpy(&x, from + 8 * i, 8);
        to[i] = (float)x;
    }
}

dcn_status dcn__npy_parse(dcn_array *array, const uint8_t *bytes, size_t size, const char *where,
                          dcn_error *err)
{
    struct parser p = { .bytes = bytes, .where = where, .err = err, .array = array };
    size_t length;
    int64_t count = 0;
    dcn_status st;

    memset(array, 0, sizeof *array);
    if (!dcn__npy_is(bytes, size))
        return refuse(&p, 0, "this is not a .npy file");
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return dcn__fail_at(err, DCN_INPUT, where, 6, "version %d.%d of .npy is unknown; save it "
                            "again with numpy.save", bytes[6], bytes[7]);
    p.at = bytes[6] == 1 ? PREFIX : PREFIX + 2;
    if (size < p.at)
        return refuse(&p, size, "the file ends inside its header");
    length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > MAX_HEADER)
        return refuse(&p, 8, "the header is longer than 65536 bytes");
    if (length > size - p.at)
        return refuse(&p, size, "the file ends inside its header");
    p.end = p.at + length;
    if ((st = read_header(&p)) || (st = check_numbers(&p, size, &count)))
        return st;
    array->dtype = DCN_F32;
    if (!(array->data = dcn__alloc_array((size_t)count, sizeof(float))))
        return dcn__fail_memory(err, "an array", (size_t)count * sizeof(float));
    copy_numbers(array->data, bytes + p.end, count, strcmp(p.descr, "<f8") == 0);
    return DCN_OK;
}

dcn_status dcn_npy_load(dcn_array *array, const char *path, dcn_error *err)
{
    dcn__bytes bytes;
    dcn_status st;

    memset(array, 0, sizeof *array);
    if ((st = dcn__file_read(&bytes, path, (uint64_t)INT_MAX * 8 + MAX_HEADER + PREFIX + 2, err)))
        return st;
    st = dcn__npy_parse(array, bytes.data, bytes.size, path, err);
    dcn__bytes_clear(&bytes);
    if (st)
        dcn_array_clear(array);
    return st;
}

void dcn_array_clear(dcn_array *array)
{
    if (!array)
        return;
    dcn__free(array->data);
    memset(array, 0, sizeof *array);
}
