/* fuzz_tensors.h - changes files of tensors so that what comes out is one again, most of the time:
 * tensors, metadata and numbers are changed and the header is written anew, with offsets and length
 * that fit; or a word of the JSON is changed and the length set right. Sums are repaired. */
#ifndef FUZZ_TENSORS_H
#define FUZZ_TENSORS_H

#include "fuzz.h"

#include "base/random.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/safetensors.h"
#include "codec/safetensors_header.h"
#include "model/file.h"

enum { MOST_TENSORS = 64, MOST_PAIRS = 64, LONGEST = 1 << 16 };

/* ---- sums ---------------------------------------------------------------------------------- */

/* Eight hexadecimal digits as the value of a key in the header, if it has eight. */
static void write_sum(uint8_t *header, size_t size, const char *key, uint32_t sum)
{
    char quoted[256], digits[9];
    const int n = snprintf(quoted, sizeof quoted, "\"%s\"", key);
    uint8_t *at = n < (int)sizeof quoted ? memmem(header, size, quoted, (size_t)n) : NULL;
    uint8_t *end = header + size;

    if (!at)
        return;
    for (at += n; at < end && strchr(" \t\r\n:", *at); at++)
        ;
    if (end - at < 10 || at[0] != '"' || at[9] != '"')
        return;
    snprintf(digits, sizeof digits, "%08x", sum);
    memcpy(at + 1, digits, 8);
}

/* Those of the tensors, then the one over all metadata. */
static inline void fuzz_repair_tensors(uint8_t *data, size_t size)
{
    dcn__tensors t;
    uint32_t sum;

    if (!memmem(data, size, "crc32c", 6) || dcn__tensors_parse(&t, data, size, "repair", NULL, NULL))
        return;
    for (int i = 0; i < t.n_metadata; i++) {
        const char *key = t.metadata[i].key;
        const dcn__tensor *tensor = strncmp(key, "crc32c.", 7) == 0
            ? dcn__tensors_find(&t, key + 7) : NULL;

        if (tensor)
            write_sum(data + 8, (size_t)t.header_bytes, key,
                      dcn__crc32c(dcn__tensors_data(&t, tensor),
                                  (size_t)(tensor->end - tensor->begin)));
    }
    dcn__tensors_close(&t);
    if (dcn__tensors_parse(&t, data, size, "repair", NULL, NULL))
        return;
    if (!dcn__metadata_crc(&sum, t.metadata, t.n_metadata, NULL))
        write_sum(data + 8, (size_t)t.header_bytes, "crc32c", sum);
    dcn__tensors_close(&t);
}

/* ---- a file taken apart -------------------------------------------------------------------- */

typedef struct part {
    const char *name, *dtype;
    int rank;
    int64_t dims[DCN__TENSORS_MAX_RANK + 1];
    const uint8_t *bytes;
    size_t n;
} part;

typedef struct parts {
    part tensor[MOST_TENSORS];
    dcn__pair pair[MOST_PAIRS];
    int n_tensors, n_pairs;
    char changed[2][128];              /* a name or a text that was made here */
} parts;

static const char *const odd_texts[] = {
    "", "0", "1", "-1", "2", "7", "65536", "65537", "4294967296", "9223372036854775807", "1e400",
    "1e-320", "nan", "0.5", "none", "cifar", "yes", "deconvnet model 1", "deconvnet model 2",
    "deconvnet-atlas-scan 1", "[]", "[\"a\",\"b\"]", "[\"a\",", "[1]", "[[]]", "crc32c", "F64",
    "2x2x1 none", "8x8x3 none", "\xc3\xa9\xe2\x82\xac", "a\nb\x1b[2J", "optimizer.exp_avg.x",
};

static const char *odd_text(dcn__random *r)
{
    return odd_texts[dcn__random_below(r, sizeof odd_texts / sizeof *odd_texts)];
}

static void take_apart(parts *p, const dcn__tensors *t)
{
    p->n_tensors = t->count < MOST_TENSORS ? t->count : MOST_TENSORS;
    p->n_pairs = t->n_metadata < MOST_PAIRS ? t->n_metadata : MOST_PAIRS;
    for (int i = 0; i < p->n_tensors; i++) {
        const dcn__tensor *from = &t->at[i];
        part *to = &p->tensor[i];

        *to = (part){ .name = from->name, .dtype = from->dtype, .rank = from->rank,
                      .bytes = dcn__tensors_data(t, from), .n = (size_t)(from->end - from->begin) };
        memcpy(to->dims, from->dims, sizeof from->dims);
    }
    if (p->n_pairs)
        memcpy(p->pair, t->metadata, (size_t)p->n_pairs * sizeof *p->pair);
}

/* Another text: an odd one, or this one with one byte changed, or cut. */
static const char *change_text(char out[128], const char *text, dcn__random *r)
{
    const size_t n = strlen(text);
    const uint64_t what = dcn__random_below(r, 4);
    size_t at;

    if (what == 0 || !n)
        return odd_text(r);
    snprintf(out, 128, "%s", text);
    if (n >= 128)
        return out;
    at = dcn__random_below(r, n);
    if (what == 1)
        out[at] = '\0';
    else if (what == 2)
        out[at] = "019-x, =\"\\[{.a"[dcn__random_below(r, 15)];
    else
        snprintf(out + at, 128 - at, "%s", odd_text(r));
    return out;
}

static void change_pair(parts *p, dcn__random *r)
{
    const int i = p->n_pairs ? (int)dcn__random_below(r, (uint64_t)p->n_pairs) : 0;
    dcn__pair *pair = &p->pair[i];

    switch (p->n_pairs ? dcn__random_below(r, 6) : 5) {
    case 0: *pair = p->pair[--p->n_pairs]; break;
    case 1: pair->key = change_text(p->changed[0], pair->key, r); break;
    case 2: pair->value = p->pair[dcn__random_below(r, (uint64_t)p->n_pairs)].value; break;
    case 5:
        if (p->n_pairs < MOST_PAIRS)
            p->pair[p->n_pairs++] = (dcn__pair){ odd_text(r), odd_text(r) };
        break;
    default: pair->value = change_text(p->changed[1], pair->value, r);
    }
}

static void change_tensor(parts *p, dcn__random *r)
{
    static const char *const types[] = { "F32", "F64", "I64", "BF16", "U8", "BOOL", "C64", "X9" };
    part *t = &p->tensor[p->n_tensors ? dcn__random_below(r, (uint64_t)p->n_tensors) : 0];
    const int other = p->n_tensors ? (int)dcn__random_below(r, (uint64_t)p->n_tensors) : 0;
    const int d = t->rank && p->n_tensors ? (int)dcn__random_below(r, (uint64_t)t->rank) : 0;

    if (!p->n_tensors)
        return;
    switch (dcn__random_below(r, 9)) {
    case 0: *t = p->tensor[--p->n_tensors]; break;
    case 1: t->name = change_text(p->changed[0], t->name, r); break;
    case 2: t->name = p->tensor[other].name; break;
    case 3: t->dtype = types[dcn__random_below(r, sizeof types / sizeof *types)]; break;
    case 4: t->dims[d] = (int64_t)dcn__random_below(r, 12); break;
    case 5: t->dims[d] = (int64_t)1 << dcn__random_below(r, 63); break;
    case 6: t->rank += t->rank <= DCN__TENSORS_MAX_RANK ? 1 : -1; break;
    case 7:
        if (p->n_tensors < MOST_TENSORS) {
            p->tensor[p->n_tensors] = *t;
            p->tensor[p->n_tensors++].name = odd_text(r);
        }
        break;
    default:
        t->n = (size_t)dcn__random_below(r, t->n + 1);
    }
}

/* ---- and put together ---------------------------------------------------------------------- */

static void write_header(dcn__string *s, const parts *p, dcn__random *r)
{
    size_t at = 0;

    dcn__string_printf(s, "{\"__metadata__\":{");
    for (int i = 0; i < p->n_pairs; i++) {
        if (i)
            dcn__string_append(s, ",", 1);
        dcn__json_append(s, p->pair[i].key);
        dcn__string_printf(s, ":");
        dcn__json_append(s, p->pair[i].value);
    }
    dcn__string_printf(s, "}");
    for (int i = 0; i < p->n_tensors; i++) {
        const part *t = &p->tensor[i];
        /* Now and then a hole or an overlap. */
        const uint64_t slip = dcn__random_below(r, 64) ? 0 : dcn__random_below(r, 9);

        dcn__string_printf(s, ",");
        dcn__json_append(s, t->name);
        dcn__string_printf(s, ":{\"dtype\":\"%s\",\"shape\":[", t->dtype);
        for (int k = 0; k < t->rank; k++)
            dcn__string_printf(s, "%s%lld", k ? "," : "", (long long)t->dims[k]);
        dcn__string_printf(s, "],\"data_offsets\":[%zu,%zu]}", at + (size_t)slip, at + t->n);
        at += t->n;
    }
    dcn__string_printf(s, "}");
}

/* 0: it does not fit. */
static size_t put_together(uint8_t *out, size_t room, const parts *p, dcn__random *r)
{
    dcn__string s = { 0 };
    size_t n = 8;

    write_header(&s, p, r);
    if (!s.failed && s.length <= room - 8) {
        memcpy(out + n, s.text, s.length);
        n += s.length;
        for (int i = 0; i < 8; i++)
            out[i] = (uint8_t)((uint64_t)s.length >> 8 * i);
        for (int i = 0; i < p->n_tensors && n; i++) {
            const part *t = &p->tensor[i];

            if (t->n > room - n) {
                n = 0;
                break;
            }
            memcpy(out + n, t->bytes, t->n);
            n += t->n;
        }
    } else {
        n = 0;
    }
    dcn__string_clear(&s);
    return n;
}

/* A number of the tensors: large, negative, not one at all. */
static void change_number(uint8_t *data, size_t size, const dcn__tensors *t, dcn__random *r)
{
    static const uint32_t odd[] = { 0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff,
                                    1, 0xbf800000, 0x3f800000, 0xffffffff, 0x00800000 };
    const size_t first = (size_t)(8 + t->header_bytes), words = (size - first) / 4;

    for (uint64_t n = 1 + dcn__random_below(r, 4); words && n; n--)
        memcpy(data + first + 4 * dcn__random_below(r, words),
               &odd[dcn__random_below(r, sizeof odd / sizeof *odd)], 4);
}

/* ---- words of the JSON --------------------------------------------------------------------- */

/* Takes some bytes of the header out and puts a word in; what follows moves, the length follows. */
static size_t change_json(uint8_t *data, size_t size, size_t max_size, dcn__random *r)
{
    static const char *const words[] = {
        "", "null", "true", "-1", "0", "1e9", "0.5", "[]", "{}", "[[", "\"\"", ",", ":", "\"",
        "\\u0000", "\\ud800", "\\\"", "9223372036854775807", "9223372036854775808", "[1,2]",
        "\"F32\"", "\"shape\"", "\"dtype\":\"U8\"", "\"__metadata__\":{\"a\":\"b\"},", " ", "\xff"
    };
    const char *word = words[dcn__random_below(r, sizeof words / sizeof *words)];
    const size_t n = strlen(word);
    uint64_t header = size > 8 ? dcn__tensors_length(data) : 0;
    size_t at, out;

    if (size <= 8)
        return size;
    if (header > size - 8)
        header = size - 8;
    at = 8 + (size_t)dcn__random_below(r, header + 1);
    out = (size_t)dcn__random_below(r, 4) ? (size_t)dcn__random_below(r, 8) : 0;
    if (out > 8 + (size_t)header - at)
        out = 8 + (size_t)header - at;
    if (size - out + n > max_size)
        return size;
    memmove(data + at + n, data + at + out, size - at - out);
    memcpy(data + at, word, n);
    header += n - out;
    for (int i = 0; i < 8; i++)
        data[i] = (uint8_t)(header >> 8 * i);
    return size - out + n;
}

static inline size_t fuzz_change_tensors(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    static uint8_t room[LONGEST];
    static parts p;
    dcn__random r = dcn__random_stream(seed, size, 2);
    const uint64_t what = dcn__random_below(&r, 8);
    dcn__tensors t;
    size_t n;

    if (what == 0 || dcn__tensors_parse(&t, data, size, "change", NULL, NULL))
        return change_json(data, size, max_size, &r);
    if (what == 1) {
        change_number(data, size, &t, &r);
        dcn__tensors_close(&t);
        return size;
    }
    take_apart(&p, &t);
    if (what < 5)
        change_pair(&p, &r);
    else
        change_tensor(&p, &r);
    n = put_together(room, max_size < LONGEST ? max_size : LONGEST, &p, &r);
    dcn__tensors_close(&t);
    if (!n)
        return size;
    memcpy(data, room, n);
    return n;
}

#endif
