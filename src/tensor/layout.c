/* layout.c - both permutations are one transposition each: ((h,w),i,o) <-> (o,i,(h,w)).
 *
 * They run once for each weight when a file is read or written, so that clarity wins over speed. */
#include "tensor/layout.h"

void dcn__hwio_to_oihw(float *to, const float *from, int64_t h, int64_t w, int64_t i, int64_t o)
{
    const int64_t cells = h * w;

    for (int64_t k = 0; k < o; k++)
        for (int64_t c = 0; c < i; c++)
            for (int64_t p = 0; p < cells; p++)
                *to++ = from[(p * i + c) * o + k];
}

void dcn__oihw_to_hwio(float *to, const float *from, int64_t h, int64_t w, int64_t i, int64_t o)
{
    const int64_t cells = h * w;

    for (int64_t p = 0; p < cells; p++)
        for (int64_t c = 0; c < i; c++)
            for (int64_t k = 0; k < o; k++)
                *to++ = from[(k * i + c) * cells + p];
}
