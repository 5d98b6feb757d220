/* npy_write.c - the header of a .npy file (version 1.0), as NumPy itself writes it. */
#include "codec/npy.h"

enum { PREFIX = 10, ALIGNMENT = 64 };

void dcn__npy_header(dcn__string *s, const dcn_array *shape)
{
    const char *descr = shape->dtype == DCN_F32 ? "<f4" : shape->dtype == DCN_I64 ? "<i8" : "|u1";
    const size_t start = s->length;
    size_t length;

    dcn__string_append(s, "\x93NUMPY\1\0\0\0", PREFIX);
    dcn__string_printf(s, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < shape->rank; i++)
        dcn__string_printf(s, "%s%lld", i ? ", " : "", (long long)shape->dims[i]);
    dcn__string_printf(s, "%s), }", shape->rank == 1 ? "," : "");
    while (!s->failed && (s->length - start + 1) % ALIGNMENT)
        dcn__string_append(s, " ", 1);
    dcn__string_append(s, "\n", 1);
    if (s->failed)
        return;
    length = s->length - start - PREFIX;      /* at most 8 sizes: below 2^16 */
    s->text[start + 8] = (char)(length & 255);
    s->text[start + 9] = (char)(length >> 8);
}
