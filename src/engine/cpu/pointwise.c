/* pointwise.c - element by element: the ReLU's rules, less_bias, sums. */
#include "engine/cpu/isa.h"

#include <string.h>

/* Reads s in any case: a load that depends on a condition would keep the loop from being
 * vectorised. */
LOOP float pass(float s, bool open)
{
    return open ? s : 0;
}

LOOP void relu_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict x = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}
DCN__EVERY_ISA(relu)

LOOP void relu_mask_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict s = cpu_read(k, f, 0), *restrict y = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        out[i] = pass(s[i], y[i] > 0);
}
DCN__EVERY_ISA(relu_mask)

LOOP void relu_rectify_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict s = cpu_read(k, f, 0);
    float *restrict out = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        out[i] = s[i] > 0 ? s[i] : 0;
}
DCN__EVERY_ISA(relu_rectify)

LOOP void relu_guided_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict s = cpu_read(k, f, 0), *restrict y = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        out[i] = pass(s[i], (s[i] > 0) & (y[i] > 0));
}
DCN__EVERY_ISA(relu_guided)

LOOP void less_bias_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t K = (size_t)k->out.c;
    const float *restrict s = cpu_read(k, f, 0), *restrict b = f->weights[k->node->bias];
    float *restrict out = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        for (size_t o = 0; o < K; o++)
            out[i * K + o] = s[i * K + o] - b[o];
}
DCN__EVERY_ISA(less_bias)

/* add and sum: from the first to the last, as the definition does. */
LOOP void sum_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict a = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    if (k->step->n_reads == 1)
        memcpy(y + first, a + first, (end - first) * sizeof *y);
    for (int r = 1; r < k->step->n_reads; r++) {
        const float *restrict b = cpu_read(k, f, r);

        if (r == 1)
            for (size_t i = first; i < end; i++)
                y[i] = a[i] + b[i];
        else
            for (size_t i = first; i < end; i++)
                y[i] += b[i];
    }
}
DCN__EVERY_ISA(sum)
