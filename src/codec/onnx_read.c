/* onnx_read.c - slices of tensors as float32 or int64, from the model file or its external data.
 *
 * What lies in the file as it is asked for is read into place; the rest passes through the
 * reader's window. Multi-byte numbers are little-endian there and in every machine that this
 * project runs on. */
#include "codec/onnx_reader.h"

#include "base/file.h"

#include <string.h>

/* One element, in whichever of the two forms is asked for. */
struct number { float f; int64_t i; bool fits; };

static float from_half(uint32_t h)
{
    const uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    const float scale = 0x1p-24f;
    uint32_t bits;
    float f;

    if (exponent == 0) {               /* zero and subnormal: fraction * 2^-24, exactly */
        f = (float)fraction * scale;
        return sign ? -f : f;
    }
    bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* The element whose own bytes these are, zero-extended. */
static struct number from_bits(int type, uint64_t bits)
{
    const uint32_t low = (uint32_t)bits, high = low << 16;
    struct number n = { 0, 0, true };
    double d;

    switch (type) {
    case DCN__ONNX_FLOAT: memcpy(&n.f, &low, sizeof n.f); return n;
    case DCN__ONNX_FLOAT16: n.f = from_half(low); return n;
    case DCN__ONNX_BFLOAT16: memcpy(&n.f, &high, sizeof n.f); return n;
    case DCN__ONNX_DOUBLE:
        memcpy(&d, &bits, sizeof d);
        n.f = (float)d;
        return n;
    case DCN__ONNX_INT8: n.i = (int8_t)low; break;
    case DCN__ONNX_INT16: n.i = (int16_t)low; break;
    case DCN__ONNX_INT32: n.i = (int32_t)low; break;
    case DCN__ONNX_BOOL: n.i = bits != 0; break;
    case DCN__ONNX_UINT64:
        n.i = (int64_t)bits;
        n.f = (float)bits;
        n.fits = bits <= INT64_MAX;
        return n;
    default: n.i = (int64_t)bits; break;       /* UINT8, UINT16, UINT32, INT64 */
    }
    n.f = (float)n.i;
    return n;
}

/* In typed data a narrow number stands in a wide one: does it fit? *bits become its own bytes. */
static bool narrow(int type, uint64_t *bits)
{
    const int32_t i = (int32_t)*bits;
    bool fits = true;

    switch (type) {
    case DCN__ONNX_INT8: fits = i >= INT8_MIN && i <= INT8_MAX; break;
    case DCN__ONNX_UINT8: fits = i >= 0 && i <= UINT8_MAX; break;
    case DCN__ONNX_INT16: fits = i >= INT16_MIN && i <= INT16_MAX; break;
    case DCN__ONNX_UINT16:
    case DCN__ONNX_FLOAT16:
    case DCN__ONNX_BFLOAT16: fits = i >= 0 && i <= UINT16_MAX; break;
    case DCN__ONNX_UINT32: fits = *bits <= UINT32_MAX; break;
    default: return true;
    }
    *bits = (uint32_t)i;
    return fits;
}

/* Where a slice goes: one of the two. */
struct sink { float *f; int64_t *i; };

static dcn_status put(dcn__onnx_reader *r, const dcn__onnx_tensor *t, struct number n,
                      struct sink *out)
{
    if (out->f) {
        *out->f++ = n.f;
        return DCN_OK;
    }
    if (!n.fits)
        return dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "tensor \"%s\" holds "
                            "a number above 2^63 - 1; save the model again", t->name);
    *out->i++ = n.i;
    return DCN_OK;
}

static dcn_status read_bytes(dcn__onnx_reader *r, const dcn__onnx_tensor *t, uint64_t offset,
                             void *out, size_t bytes)
{
    if (t->store == DCN__ONNX_EXTERNAL)
        return dcn__onnx_file_read(r, t->file, t->begin + offset, out, bytes);
    return dcn__file_read_at(r->wire.fd, r->wire.path, t->begin + offset, out, bytes,
                             r->wire.err);
}

/* Elements that lie side by side, each with its own width. */
static dcn_status read_flat(dcn__onnx_reader *r, const dcn__onnx_tensor *t, int64_t first,
                            int64_t count, struct sink out)
{
    const size_t width = (size_t)dcn__onnx_layout_of(t->type)->width;
    const int64_t most = (int64_t)(DCN__WIRE_WINDOW / width);
    uint8_t *bytes;
    dcn_status st = DCN_OK;

    if (out.f ? t->type == DCN__ONNX_FLOAT : t->type == DCN__ONNX_INT64)
        return read_bytes(r, t, (uint64_t)first * width, out.f ? (void *)out.f : (void *)out.i,
                          (size_t)count * width);
    bytes = dcn__wire_borrow(&r->wire);
    for (int64_t n; !st && count > 0; first += n, count -= n) {
        n = count < most ? count : most;
        st = read_bytes(r, t, (uint64_t)first * width, bytes, (size_t)n * width);
        for (int64_t i = 0; !st && i < n; i++) {
            uint64_t bits = 0;

            memcpy(&bits, bytes + (size_t)i * width, width);
            st = put(r, t, from_bits(t->type, bits), &out);
        }
    }
    return st;
}

/* Numbers of a repeated field. Slices in order go on where the last one ended. */
static dcn_status read_walk(dcn__onnx_reader *r, const dcn__onnx_tensor *t, int64_t first,
                            int64_t count, struct sink out)
{
    const int item = dcn__onnx_layout_of(t->type)->item;
    uint64_t bits;
    bool some;
    dcn_status st;

    if (r->last.begin != t->begin || r->last.item > first || !r->last.begin) {
        r->last.begin = t->begin;
        r->last.item = 0;
        r->last.items = dcn__wire_items_of(
            dcn__wire_enter(&dcn__onnx_tensor_message, t->begin, t->end), (uint32_t)t->field, item);
    }
    while (r->last.item < first + count) {
        if (!(st = dcn__wire_item(&r->wire, &r->last.items, &bits, &some)) && !some)
            st = dcn__onnx_changed(r);
        if (!st && r->last.item >= first) {
            if (!narrow(t->type, &bits))
                st = dcn__fail_at(r->wire.err, DCN_INPUT, r->wire.path, t->offset, "tensor \"%s\" "
                                  "holds a number that is no %s; save the model again", t->name,
                                  dcn__onnx_type_name(t->type));
            else
                st = put(r, t, from_bits(t->type, bits), &out);
        }
        if (st) {
            r->last.begin = 0;
            return st;
        }
        r->last.item++;
    }
    return DCN_OK;
}

static dcn_status read_slice(const dcn__onnx *m, const dcn__onnx_tensor *t, int64_t first,
                             int64_t count, struct sink out, dcn_error *err)
{
    const dcn__onnx_layout *layout = dcn__onnx_layout_of(t->type);
    dcn__onnx_reader *r = m->reader;
    dcn_error spare;
    dcn_status st;

    if (!layout || !layout->width)
        return dcn__fail_at(err, DCN_INPUT, m->path, t->offset, "tensor \"%s\" has the type %s "
                            "(%d), which is not read; save it as FLOAT", t->name,
                            dcn__onnx_type_name(t->type), t->type);
    if (first < 0 || count < 0 || first > t->count || count > t->count - first)
        return dcn__fail(err, DCN_BUG, m->path, "elements outside a tensor were asked for; report "
                         "it");
    if (count == 0)
        return DCN_OK;
    r->wire.err = err ? err : &spare;
    st = t->store == DCN__ONNX_WALK ? read_walk(r, t, first, count, out)
        : read_flat(r, t, first, count, out);
    r->wire.err = NULL;
    return st;
}

dcn_status dcn__onnx_read_f32(const dcn__onnx *m, const dcn__onnx_tensor *t, int64_t first,
                              int64_t count, float *out, dcn_error *err)
{
    return read_slice(m, t, first, count, (struct sink){ .f = out }, err);
}

dcn_status dcn__onnx_read_i64(const dcn__onnx *m, const dcn__onnx_tensor *t, int64_t first,
                              int64_t count, int64_t *out, dcn_error *err)
{
    if (t->type == DCN__ONNX_FLOAT || t->type == DCN__ONNX_FLOAT16 ||
        t->type == DCN__ONNX_BFLOAT16 || t->type == DCN__ONNX_DOUBLE)
        return dcn__fail_at(err, DCN_INPUT, m->path, t->offset, "tensor \"%s\" holds %s where "
                            "whole numbers belong; save the model again", t->name,
                            dcn__onnx_type_name(t->type));
    return read_slice(m, t, first, count, (struct sink){ .i = out }, err);
}
