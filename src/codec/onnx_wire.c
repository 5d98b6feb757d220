/* onnx_wire.c - windows of the file, fields, and the numbers of repeated fields.
 *
 * A window is small after a jump, since what is looked for there is a few bytes between weights,
 * and large where reading goes on. The file may change under our hands: every bound is checked on
 * the bytes at hand, never on what an earlier pass saw. */
#include "codec/onnx_wire.h"

#include "base/file.h"
#include "base/memory.h"

#include <string.h>
#include <unistd.h>

enum { AFTER_A_JUMP = 4096, LONGEST_VARINT = 10 };

static const char not_onnx[] = "check that this is an ONNX file, or copy it again";

dcn_status dcn__wire_open(dcn__wire *w, const char *path, uint64_t limit, dcn_error *err)
{
    dcn_status st;
    int fd;

    *w = (dcn__wire){ .fd = -1, .path = path, .err = err };
    if (strcmp(path, "-") == 0)
        return dcn__fail(err, DCN_FILE, path, "standard input cannot be read in pieces; name a "
                         "file");
    if ((st = dcn__file_open(&fd, &w->size, path, err)))
        return st;
    w->fd = fd;
    if (w->size > limit)
        return dcn__fail(err, DCN_INPUT, path, "holds %llu bytes, the limit of an ONNX file is "
                         "%llu; keep its weights in external data", (unsigned long long)w->size,
                         (unsigned long long)limit);
    if (!(w->window = dcn__alloc(DCN__WIRE_WINDOW)))
        return dcn__fail_memory(err, "a window on a file", DCN__WIRE_WINDOW);
    return DCN_OK;
}

void dcn__wire_close(dcn__wire *w)
{
    if (w->fd >= 0)
        close(w->fd);
    dcn__free(w->window);
    *w = (dcn__wire){ .fd = -1 };
}

/* Brings `bytes` from `at` on into the window; they lie within the file, as it was. */
static dcn_status hold(dcn__wire *w, uint64_t at, size_t bytes)
{
    const bool near = w->held && at >= w->begin && at - w->begin <= w->held;
    size_t n = near ? DCN__WIRE_WINDOW : AFTER_A_JUMP;
    dcn_status st;

    if (near && bytes <= w->held - (size_t)(at - w->begin))
        return DCN_OK;
    if (n < bytes)
        n = bytes;
    if (n > w->size - at)
        n = (size_t)(w->size - at);
    w->held = 0;
    if ((st = dcn__file_read_at(w->fd, w->path, at, w->window, n, w->err)))
        return st;
    w->begin = at;
    w->held = n;
    return DCN_OK;
}

uint8_t *dcn__wire_borrow(dcn__wire *w)
{
    w->held = 0;
    return w->window;
}

dcn_status dcn__wire_copy(dcn__wire *w, uint64_t at, void *out, size_t bytes)
{
    dcn_status st;

    if (bytes > DCN__WIRE_WINDOW / 2)
        return dcn__file_read_at(w->fd, w->path, at, out, bytes, w->err);
    if ((st = hold(w, at, bytes)))
        return st;
    memcpy(out, w->window + (at - w->begin), bytes);
    return DCN_OK;
}

dcn__wire_cursor dcn__wire_enter(const dcn__wire_message *message, uint64_t begin, uint64_t end)
{
    return (dcn__wire_cursor){ .message = message, .at = begin, .end = end };
}

static dcn_status take_varint(dcn__wire *w, const char *name, uint64_t *at, uint64_t end,
                              uint64_t *value)
{
    const size_t most = end - *at < LONGEST_VARINT ? (size_t)(end - *at) : LONGEST_VARINT;
    const uint8_t *p;
    dcn_status st;

    if ((st = hold(w, *at, most)))
        return st;
    p = w->window + (*at - w->begin);
    *value = 0;
    for (size_t i = 0; i < most; i++) {
        if (i == LONGEST_VARINT - 1 && p[i] > 1)
            break;
        *value |= (uint64_t)(p[i] & 0x7f) << 7 * i;
        if (p[i] < 0x80) {
            *at += i + 1;
            return DCN_OK;
        }
    }
    return dcn__fail_at(w->err, DCN_INPUT, w->path, *at, most < LONGEST_VARINT
                        ? "%s ends inside a number; %s" : "%s holds a number of more than 64 "
                        "bits; %s", name, not_onnx);
}

static dcn_status take_fixed(dcn__wire *w, const char *name, uint64_t *at, uint64_t end,
                             size_t bytes, uint64_t *value)
{
    uint32_t low;
    dcn_status st;

    if (bytes > end - *at)
        return dcn__fail_at(w->err, DCN_INPUT, w->path, *at, "%s ends inside a number; %s", name,
                            not_onnx);
    if ((st = hold(w, *at, bytes)))
        return st;
    memcpy(value, w->window + (*at - w->begin), 8 <= bytes ? 8 : 0);
    if (bytes == 4) {
        memcpy(&low, w->window + (*at - w->begin), 4);
        *value = low;
    }
    *at += bytes;
    return DCN_OK;
}

/* Is the field what its message says? */
static dcn_status check_field(dcn__wire *w, dcn__wire_cursor *c, const dcn__wire_field *f)
{
    const uint8_t expected = f->number < DCN__WIRE_FIELDS ? c->message->fields[f->number] : 0;
    const uint32_t bit = expected ? (uint32_t)1 << f->number : 0;

    if (expected && !(expected & f->type))
        return dcn__fail_at(w->err, DCN_INPUT, w->path, f->at, "%s's field %u has a wire type that "
                            "it cannot have; %s", c->message->name, f->number, not_onnx);
    if ((expected & DCN__WIRE_ONCE) && (c->seen & bit))
        return dcn__fail_at(w->err, DCN_INPUT, w->path, f->at, "%s's field %u is given twice; "
                            "save the model again", c->message->name, f->number);
    c->seen |= bit;
    return DCN_OK;
}

dcn_status dcn__wire_next(dcn__wire *w, dcn__wire_cursor *c, dcn__wire_field *f)
{
    const char *name = c->message->name;
    uint64_t tag;
    dcn_status st;

    *f = (dcn__wire_field){ .at = c->at };
    if (c->at == c->end)
        return DCN_OK;
    if ((st = take_varint(w, name, &c->at, c->end, &tag)))
        return st;
    if (tag > UINT32_MAX || tag < 8)
        return dcn__fail_at(w->err, DCN_INPUT, w->path, f->at, "%s holds an impossible field "
                            "number; %s", name, not_onnx);
    f->type = 1 << (tag & 7);
    if (f->type == DCN__WIRE_VARINT) {
        st = take_varint(w, name, &c->at, c->end, &f->value);
    } else if (f->type == DCN__WIRE_FIXED64 || f->type == DCN__WIRE_FIXED32) {
        st = take_fixed(w, name, &c->at, c->end, f->type == DCN__WIRE_FIXED64 ? 8 : 4, &f->value);
    } else if (f->type == DCN__WIRE_BYTES) {
        st = take_varint(w, name, &c->at, c->end, &f->value);
        if (!st && f->value > c->end - c->at)
            st = dcn__fail_at(w->err, DCN_INPUT, w->path, f->at, "%s's field %u has %llu bytes, "
                              "%llu are left; %s", name, (unsigned)(tag >> 3),
                              (unsigned long long)f->value, (unsigned long long)(c->end - c->at),
                              not_onnx);
        f->begin = c->at;
        f->end = st ? c->at : c->at + f->value;
        c->at = f->end;
    } else {
        st = dcn__fail_at(w->err, DCN_INPUT, w->path, f->at, "%s's field %u has the wire type %u, "
                          "which ONNX does not use; %s", name, (unsigned)(tag >> 3),
                          (unsigned)(tag & 7), not_onnx);
    }
    f->number = (uint32_t)(tag >> 3);
    return st ? st : check_field(w, c, f);
}

dcn_status dcn__wire_count(dcn__wire *w, dcn__wire_cursor c, int counts[DCN__WIRE_FIELDS])
{
    dcn__wire_field f;
    dcn_status st;

    memset(counts, 0, DCN__WIRE_FIELDS * sizeof *counts);
    while (!(st = dcn__wire_next(w, &c, &f)) && f.number)
        if (f.number < DCN__WIRE_FIELDS && counts[f.number] < INT32_MAX)
            counts[f.number]++;
    return st;
}

dcn__wire_items dcn__wire_items_of(dcn__wire_cursor message, uint32_t field, int width)
{
    return (dcn__wire_items){ .message = message, .field = field, .width = width };
}

dcn_status dcn__wire_item(dcn__wire *w, dcn__wire_items *items, uint64_t *bits, bool *some)
{
    const char *name = items->message.message->name;
    dcn__wire_field f;
    dcn_status st;

    *some = true;
    while (items->at == items->end) {
        if ((st = dcn__wire_next(w, &items->message, &f)))
            return st;
        if (!f.number) {
            *some = false;
            return DCN_OK;
        }
        if (f.number != items->field)
            continue;
        if (f.type != DCN__WIRE_BYTES) {
            *bits = f.value;
            return DCN_OK;
        }
        items->at = f.begin;
        items->end = f.end;
    }
    if (items->width)
        return take_fixed(w, name, &items->at, items->end, (size_t)items->width, bits);
    return take_varint(w, name, &items->at, items->end, bits);
}

dcn_status dcn__wire_items_count(dcn__wire *w, dcn__wire_items items, int64_t *count)
{
    uint64_t bits;
    bool some;
    dcn_status st;

    *count = 0;
    while (!(st = dcn__wire_item(w, &items, &bits, &some)) && some)
        ++*count;
    return st;
}
