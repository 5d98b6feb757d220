/* seed.c - where a walk down starts: all of a layer, one channel of it, its largest value, or none.
 *
 * The largest is chosen as a max pool chooses: ties go to the first in row-major order, and a NaN
 * never wins against a number. */
#include "engine/ref/ref.h"

#include <math.h>
#include <string.h>

void REF(seed)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t size = ref_size(k->out), C = (size_t)k->out.c, channel = (size_t)f->channel;
    const real *y = ref_read(k, f, 0);
    real *s = ref_write(k, f);

    if (f->from == DCN_FROM_LAYER) {
        memcpy(s, y, (size_t)k->chunk * size * sizeof *s);
        return;
    }
    memset(s, 0, (size_t)k->chunk * size * sizeof *s);
    for (size_t n = 0; f->from != DCN_FROM_ZERO && n < (size_t)k->chunk;
         n++, s += size, y += size) {
        size_t peak = channel;

        for (size_t i = channel; i < size; i += C) {
            if (f->from == DCN_FROM_CHANNEL)
                s[i] = y[i];
            if (y[i] > y[peak] || (isnan(y[peak]) && !isnan(y[i])))
                peak = i;
        }
        if (f->from == DCN_FROM_PEAK)
            s[peak] = y[peak];
    }
}
