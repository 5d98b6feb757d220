/* codec_onnx_bytes.h - builds ONNX files by hand, byte by byte, for the tests of their reader. */
#ifndef CODEC_ONNX_BYTES_H
#define CODEC_ONNX_BYTES_H

#include "codec_test.h"

#include "codec/onnx.h"

#include <stdlib.h>

typedef struct bytes { uint8_t *data; size_t n, room; } bytes;

static inline void put_raw(bytes *b, const void *data, size_t n)
{
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n) + 64;
        b->data = realloc(b->data, b->room);
        assert_non_null(b->data);
    }
    if (n)
        memcpy(b->data + b->n, data, n);
    b->n += n;
}

static inline void put_varint(bytes *b, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        put_raw(b, &byte, 1);
    } while (value >>= 7);
}

static inline void put_int(bytes *b, uint32_t field, uint64_t value)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, value);
}

static inline void put_bytes(bytes *b, uint32_t field, const void *data, size_t n)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, n);
    put_raw(b, data, n);
}

static inline void put_text(bytes *b, uint32_t field, const char *text)
{
    put_bytes(b, field, text, strlen(text));
}

static inline void put_float(bytes *b, uint32_t field, float f)
{
    put_varint(b, (uint64_t)field << 3 | 5);
    put_raw(b, &f, 4);
}

static inline void put_double(bytes *b, uint32_t field, double d)
{
    put_varint(b, (uint64_t)field << 3 | 1);
    put_raw(b, &d, 8);
}

static inline void drop(bytes *b)
{
    free(b->data);
    *b = (bytes){ 0 };
}

/* The message `inner`, which is used up. */
static inline void put_message(bytes *b, uint32_t field, bytes inner)
{
    put_bytes(b, field, inner.data, inner.n);
    free(inner.data);
}

static inline void put_pair(bytes *b, uint32_t field, const char *key, const char *value)
{
    bytes pair = { 0 };

    put_text(&pair, 1, key);
    put_text(&pair, 2, value);
    put_message(b, field, pair);
}

static inline bytes make_tensor(const char *name, int type, int rank, const int64_t *dims)
{
    bytes t = { 0 };

    for (int i = 0; i < rank; i++)
        put_int(&t, 1, (uint64_t)dims[i]);
    put_int(&t, 2, (uint64_t)type);
    put_text(&t, 8, name);
    return t;
}

/* A value of the graph: FLOAT, with these sizes; -1 is left open, -2 is named "N". */
static inline bytes make_info(const char *name, int rank, const int64_t *dims)
{
    bytes info = { 0 }, shape = { 0 }, tensor = { 0 }, type = { 0 };

    for (int i = 0; i < rank; i++) {
        bytes dim = { 0 };

        if (dims[i] >= 0)
            put_int(&dim, 1, (uint64_t)dims[i]);
        else if (dims[i] == -2)
            put_text(&dim, 2, "N");
        put_message(&shape, 1, dim);
    }
    put_int(&tensor, 1, DCN__ONNX_FLOAT);
    put_message(&tensor, 2, shape);
    put_message(&type, 1, tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, type);
    return info;
}

/* inputs and outputs: names, each with a space behind. */
static inline bytes make_node(const char *op, const char *inputs, const char *outputs)
{
    bytes node = { 0 };

    for (const char *p = inputs; *p; p += strcspn(p, " ") + 1)
        put_bytes(&node, 1, p, strcspn(p, " "));
    for (const char *p = outputs; *p; p += strcspn(p, " ") + 1)
        put_bytes(&node, 2, p, strcspn(p, " "));
    put_text(&node, 4, op);
    return node;
}

/* IR version 8, opset 17 and the graph, which is used up. */
static inline bytes make_model(bytes graph)
{
    bytes model = { 0 }, opset = { 0 };

    put_int(&opset, 2, 17);
    put_int(&model, 1, 8);
    put_message(&model, 7, graph);
    put_message(&model, 8, opset);
    return model;
}

/* Writes the bytes, uses them up, returns the path. */
static inline const char *save(const char *name, bytes b)
{
    const char *path = temporary(name);
    FILE *file = fopen(path, "wb");        /* not dcn__file_write, which waits for the disk */

    assert_non_null(file);
    assert_int_equal(fwrite(b.data ? b.data : (const uint8_t *)"", 1, b.n, file), b.n);
    assert_int_equal(fclose(file), 0);
    drop(&b);
    return path;
}

#endif
