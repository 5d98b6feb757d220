/* fuzz_fields.h - changes protobuf messages field by field, so that what comes out is a message
 * again, most of the time: lengths around a change are set right.
 *
 * A message is found by going down, from the whole input, into fields that look like messages. */
#ifndef FUZZ_FIELDS_H
#define FUZZ_FIELDS_H

#include "fuzz.h"

#include "base/random.h"

enum { MOST_FIELDS = 256, MOST_LEVELS = 8, ROOM = 1 << 16 };

typedef struct span { size_t begin, end; } span;
/* body: behind tag and length */
typedef struct field { size_t at, body, end; int wire; } field;

static bool get_varint(const uint8_t *data, span *s, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; s->begin < s->end && shift < 64; shift += 7) {
        const uint8_t byte = data[s->begin++];

        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static size_t write_varint(uint8_t *out, uint64_t value)
{
    size_t n = 0;

    do
        out[n++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    while (value >>= 7);
    return n;
}

/* -1: these bytes are no message. */
static int split(const uint8_t *data, span s, field fields[MOST_FIELDS])
{
    int n = 0;

    while (s.begin < s.end && n < MOST_FIELDS) {
        field *f = &fields[n++];
        uint64_t tag, value = 0;

        f->at = s.begin;
        if (!get_varint(data, &s, &tag) || tag < 8)
            return -1;
        f->wire = (int)(tag & 7);
        f->body = s.begin;
        if (f->wire == 0 || f->wire == 2) {
            if (!get_varint(data, &s, &value))
                return -1;
            f->body = f->wire == 2 ? s.begin : f->body;
        }
        value = f->wire == 2 ? value : f->wire == 1 ? 8 : f->wire == 5 ? 4 : 0;
        if ((f->wire != 0 && f->wire != 1 && f->wire != 2 && f->wire != 5) ||
            value > s.end - s.begin)
            return -1;
        f->end = s.begin += (size_t)value;
    }
    return n;
}

/* A number that parsers stumble over. */
static uint64_t odd_number(dcn__random *r)
{
    static const uint64_t odd[] = { 0, 1, 2, 3, 7, 8, 9, 16, 127, 128, 255, 65535, 65536,
                                    INT32_MAX, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX };

    return dcn__random_below(r, 2) ? dcn__random_below(r, 32)
        : odd[dcn__random_below(r, sizeof odd / sizeof *odd)];
}

typedef struct text { uint8_t *at; size_t n; } text;

static void add(text *t, const uint8_t *data, size_t n)
{
    if (n > ROOM - t->n)
        n = ROOM - t->n;
    memcpy(t->at + t->n, data, n);
    t->n += n;
}

static void add_varint(text *t, uint64_t value)
{
    uint8_t bytes[10];

    add(t, bytes, write_varint(bytes, value));
}

/* The field, changed inside: another field number, another number, other bytes. */
static void add_changed(text *t, const uint8_t *data, const field *f, dcn__random *r)
{
    static const uint8_t odd[] = { 0, 1, '.', '/', 0xff, '\\', 'a', 0x7f };
    const uint64_t kind = dcn__random_below(r, 3);
    const size_t body = t->n + (f->body - f->at);

    if (kind == 0) {
        add_varint(t, dcn__random_below(r, 32) << 3 | (uint64_t)f->wire);
        add(t, data + f->at + 1, f->end - f->at - 1);
        return;
    }
    if (f->wire == 0) {
        add(t, data + f->at, f->body - f->at);
        add_varint(t, odd_number(r));
        return;
    }
    add(t, data + f->at, f->end - f->at);
    for (uint64_t n = 1 + dcn__random_below(r, 3); n && t->n > body; n--)
        t->at[body + dcn__random_below(r, t->n - body)] =
            kind == 1 ? (uint8_t)dcn__random_bits(r) : odd[dcn__random_below(r, sizeof odd)];
}

/* Another field between the fields: a number, a copy from anywhere, or the message in itself. */
static void add_new(text *t, const uint8_t *data, size_t size, span message, dcn__random *r)
{
    const uint64_t number = 1 + dcn__random_below(r, 26);
    const size_t from = (size_t)dcn__random_below(r, size + 1);
    span part = { from, from + (size_t)dcn__random_below(r, size - from + 1) };

    if (dcn__random_below(r, 3) == 0) {
        add_varint(t, number << 3);
        add_varint(t, odd_number(r));
        return;
    }
    if (dcn__random_below(r, 2))
        part = message;
    add_varint(t, number << 3 | 2);
    add_varint(t, part.end - part.begin);
    add(t, data + part.begin, part.end - part.begin);
}

/* One change of the message's fields: swap, double, drop, change, insert. */
static void change_message(text *t, const uint8_t *data, size_t size, span message,
                           const field *fields, int n, dcn__random *r)
{
    const int a = n ? (int)dcn__random_below(r, (uint64_t)n) : 0;
    const int b = n ? (int)dcn__random_below(r, (uint64_t)n) : 0;
    const uint64_t what = n ? dcn__random_below(r, 6) : 5;

    for (int i = 0; i < n; i++) {
        const field *f = &fields[what == 0 && i == a ? b : what == 0 && i == b ? a : i];

        if (what == 5 && i == a)
            add_new(t, data, size, message, r);
        if (what >= 3 && what < 5 && i == a)
            add_changed(t, data, f, r);
        else if (what != 2 || i != a)
            add(t, data + f->at, f->end - f->at);
        if (what == 1 && i == a)
            add(t, data + f->at, f->end - f->at);
    }
    if (!n)
        add_new(t, data, size, message, r);
}

/* Replaces one message inside the input; the lengths of those around it follow. */
static inline size_t fuzz_change_fields(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    static uint8_t rooms[2][ROOM];
    dcn__random r = dcn__random_stream(seed, size, 1);
    field fields[MOST_FIELDS], around[MOST_LEVELS];
    span message = { 0, size };
    int n, levels = 0, inner;
    text t = { rooms[0], 0 };

    if (size > ROOM / 2 || (n = split(data, message, fields)) < 0)
        return size;
    while (n && levels < MOST_LEVELS && dcn__random_below(&r, 4)) {
        const field f = fields[dcn__random_below(&r, (uint64_t)n)];
        field below[MOST_FIELDS];

        if (f.wire != 2 || (inner = split(data, (span){ f.body, f.end }, below)) < 1)
            continue;
        around[levels++] = f;
        message = (span){ f.body, f.end };
        memcpy(fields, below, sizeof fields);
        n = inner;
    }
    change_message(&t, data, size, message, fields, n, &r);
    for (; levels; levels--) {
        const field *f = &around[levels - 1];
        const span outer = { levels > 1 ? around[levels - 2].body : 0,
                             levels > 1 ? around[levels - 2].end : size };
        text whole = { t.at == rooms[0] ? rooms[1] : rooms[0], 0 };
        span tag = { f->at, f->end };
        uint64_t number;

        get_varint(data, &tag, &number);
        add(&whole, data + outer.begin, f->at - outer.begin);
        add_varint(&whole, number);
        add_varint(&whole, t.n);
        add(&whole, t.at, t.n);
        add(&whole, data + f->end, outer.end - f->end);
        t = whole;
    }
    if (t.n > max_size)
        return size;
    memcpy(data, t.at, t.n);
    return t.n;
}

#endif
