/* peak.c - each channel's largest value in each picture of the chunk, and the cell it stands in.
 *
 * Of equal values the first in row-major order wins. A NaN is larger than any number, and the first
 * one wins: whoever looks at the peaks alone sees that there is one. */
#include "engine/ref/ref.h"

#include <math.h>

static size_t largest(const real *y, size_t cells, size_t C)
{
    size_t best = 0;

    for (size_t i = 1; i < cells; i++)
        if (y[i * C] > y[best * C] || (isnan(y[i * C]) && !isnan(y[best * C])))
            best = i;
    return best;
}

void REF(peak)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c, cells = (size_t)k->out.h * (size_t)k->out.w;
    const real *y = ref_read(k, f, 0);
    real *values = ref_write(k, f);
    int32_t *at = (int32_t *)(void *)(values + (size_t)k->chunk * C);

    for (size_t n = 0; n < (size_t)f->n; n++)
        for (size_t c = 0; c < C; c++) {
            const real *channel = y + n * cells * C + c;
            const size_t best = largest(channel, cells, C);

            values[n * C + c] = channel[best * C];
            at[n * C + c] = (int32_t)best;
        }
}
