/* seed.c - where a walk down starts, for each picture of the chunk: all of a layer, one channel of
 * it, its largest value, one unit, or nothing.
 *
 * The largest is chosen as a max pool chooses: ties go to the first in row-major order, and a NaN
 * never wins against a number. */
#include "engine/ref/ref.h"

#include <math.h>
#include <string.h>

static size_t peak_of(const real *y, size_t size, size_t C, size_t channel)
{
    size_t peak = channel;

    for (size_t i = channel; i < size; i += C)
        if (y[i] > y[peak] || (isnan(y[peak]) && !isnan(y[i])))
            peak = i;
    return peak;
}

/* The chosen units begin with their activation, or with 1; s is zeros. */
static void choose(const ref_kernel *k, const dcn_start *start, const real *y, real *s)
{
    const size_t size = ref_size(k->out), C = (size_t)k->out.c, channel = (size_t)start->channel;
    size_t first = channel, end = size, step = C;

    switch (start->from) {
    case DCN_FROM_LAYER:
        first = 0;
        step = 1;
        break;
    case DCN_FROM_CHANNEL:
        break;
    case DCN_FROM_PEAK:
        first = peak_of(y, size, C, channel);
        end = first + 1;
        break;
    case DCN_FROM_UNIT:
        first = ((size_t)start->y * (size_t)k->out.w + (size_t)start->x) * C + channel;
        end = first + 1;
        break;
    case DCN_FROM_ZERO:
        end = 0;
        break;
    }
    for (size_t i = first; i < end; i += step)
        s[i] = start->ones ? 1 : y[i];
}

void REF(seed)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t size = ref_size(k->out);
    const real *y = ref_read(k, f, 0);
    real *s = ref_write(k, f);

    memset(s, 0, (size_t)k->chunk * size * sizeof *s);
    for (size_t n = 0; n < (size_t)f->n; n++)
        choose(k, &f->starts[n], y + n * size, s + n * size);
}
