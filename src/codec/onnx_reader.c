/* onnx_reader.c - memory and texts of an opened ONNX file.
 *
 * All structures of a model live in blocks that go at once; what they may take together is
 * bounded, since a hostile file can hold little but structure. */
#include "codec/onnx_reader.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

enum { SMALLEST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, MAX_VALUE = 1 << 20 };

struct dcn__onnx_block {
    struct dcn__onnx_block *next;
    size_t used, size;
    uint64_t data[];
};

/* A block of `size` bytes. NULL: err is written. */
static struct dcn__onnx_block *make_block(dcn__onnx_reader *r, size_t size)
{
    struct dcn__onnx_block *block;

    if (size > DCN__ONNX_MAX_STRUCTURE - r->spent) {
        dcn__fail(r->wire.err, DCN_INPUT, r->wire.path, "needs more than %d MiB without its "
                  "weights; simplify the model", DCN__ONNX_MAX_STRUCTURE >> 20);
        return NULL;
    }
    if (!(block = dcn__alloc(sizeof *block + size))) {
        dcn__fail_memory(r->wire.err, "a model's structure", size);
        return NULL;
    }
    block->size = size;
    r->spent += size;
    return block;
}

/* What is large gets a block of its own behind the first, whose room stays in use. */
void *dcn__onnx_take(dcn__onnx_reader *r, size_t count, size_t size)
{
    size_t usual = r->spent / 4, bytes;
    struct dcn__onnx_block *block = r->blocks;

    usual = usual < SMALLEST_BLOCK ? SMALLEST_BLOCK : usual;
    usual = usual > LARGEST_BLOCK ? LARGEST_BLOCK : usual / 8 * 8;
    if (!dcn__mul_size(count, size, &bytes) || bytes > DCN__ONNX_MAX_STRUCTURE)
        bytes = DCN__ONNX_MAX_STRUCTURE + (size_t)1;      /* make_block refuses it */
    bytes = (bytes + 7) / 8 * 8;
    if (block && bytes <= block->size - block->used) {
        block->used += bytes;
        return (uint8_t *)block->data + block->used - bytes;
    }
    if (!(block = make_block(r, bytes > usual / 4 ? bytes : usual)))
        return NULL;
    block->used = bytes;
    if (r->blocks && bytes > usual / 4) {
        block->next = r->blocks->next;
        r->blocks->next = block;
    } else {
        block->next = r->blocks;
        r->blocks = block;
    }
    return block->data;
}

void dcn__onnx_blocks_clear(dcn__onnx_reader *r)
{
    struct dcn__onnx_block *next;

    for (; r->blocks; r->blocks = next) {
        next = r->blocks->next;
        dcn__free(r->blocks);
    }
    r->spent = 0;
}

dcn_status dcn__onnx_bytes(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_text *text)
{
    const size_t bytes = (size_t)(f->end - f->begin);
    char *copy;

    *text = (dcn__onnx_text){ .text = "" };
    if (!bytes)
        return DCN_OK;
    if (!(copy = dcn__onnx_take(r, bytes + 1, 1)))
        return r->wire.err->status;
    *text = (dcn__onnx_text){ .text = copy, .bytes = bytes };
    return dcn__wire_copy(&r->wire, f->begin, copy, bytes);
}

dcn_status dcn__onnx_string(dcn__onnx_reader *r, const dcn__wire_field *f, size_t limit,
                            const char *what, const char **text)
{
    dcn__onnx_text t;
    dcn_status st;

    *text = "";
    if (f->end - f->begin > limit)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "%s has %llu bytes, the "
                            "limit is %zu; shorten it", what,
                            (unsigned long long)(f->end - f->begin), limit);
    if ((st = dcn__onnx_bytes(r, f, &t)))
        return st;
    if (memchr(t.text, 0, t.bytes) || !dcn__text_is_utf8(t.text, t.bytes))
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, f->at, "%s is not a text in "
                            "UTF-8; check that this is an ONNX file, or save it again", what);
    *text = t.text;
    return DCN_OK;
}

dcn_status dcn__onnx_pair_read(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_pair *p)
{
    static const dcn__wire_message message = {
        "StringStringEntryProto", { [1] = DCN__WIRE_BYTES, [2] = DCN__WIRE_BYTES }
    };
    dcn__wire_cursor c = dcn__wire_enter(&message, f->begin, f->end);
    dcn__wire_field part;
    dcn_status st;

    *p = (dcn__onnx_pair){ .key = "", .value = "" };
    while (!(st = dcn__wire_next(&r->wire, &c, &part)) && part.number) {
        if (part.number == 1)
            st = dcn__onnx_string(r, &part, DCN__ONNX_MAX_NAME, "a key", &p->key);
        else if (part.number == 2)
            st = dcn__onnx_string(r, &part, MAX_VALUE, "a key's value", &p->value);
        if (st)
            break;
    }
    return st;
}

dcn_status dcn__onnx_changed(dcn__onnx_reader *r)
{
    return dcn__fail(r->wire.err, DCN_FILE, r->wire.path, "changed while it was read; try again");
}

const char *dcn__onnx_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}
