/* pointwise.c - element by element: the ReLU's rules, less_bias, sums, copies, concat and its
 * slices. */
#include "engine/cpu/isa.h"

#include <string.h>

/* Reads s in any case: a load that depends on a condition would keep the loop from being
 * vectorised. */
LOOP float pass(float s, bool open)
{
    return open ? s : 0;
}

LOOP void relu_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t n = (size_t)k->chunk * cpu_size(k->out);
    const float *restrict x = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}
DCN__EVERY_ISA(relu)

LOOP void relu_mask_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t n = (size_t)k->chunk * cpu_size(k->out);
    const float *restrict s = cpu_read(k, f, 0), *restrict y = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = pass(s[i], y[i] > 0);
}
DCN__EVERY_ISA(relu_mask)

LOOP void relu_rectify_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t n = (size_t)k->chunk * cpu_size(k->out);
    const float *restrict s = cpu_read(k, f, 0);
    float *restrict out = cpu_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = s[i] > 0 ? s[i] : 0;
}
DCN__EVERY_ISA(relu_rectify)

LOOP void relu_guided_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t n = (size_t)k->chunk * cpu_size(k->out);
    const float *restrict s = cpu_read(k, f, 0), *restrict y = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = pass(s[i], (s[i] > 0) & (y[i] > 0));
}
DCN__EVERY_ISA(relu_guided)

LOOP void less_bias_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t K = (size_t)k->out.c, cells = (size_t)k->chunk * cpu_size(k->out) / K;
    const float *restrict s = cpu_read(k, f, 0), *restrict b = f->weights[k->node->bias];
    float *restrict out = cpu_write(k, f);

    for (size_t i = 0; i < cells; i++)
        for (size_t o = 0; o < K; o++)
            out[i * K + o] = s[i * K + o] - b[o];
}
DCN__EVERY_ISA(less_bias)

/* Of a ReLU under the rule reconstruct, and of an add: one signal for each input. */
void dcn__cpu_copy(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);

    memcpy(cpu_write(k, f), cpu_read(k, f, 0), (size_t)k->chunk * cpu_size(k->out) * sizeof(float));
}

/* add and sum: from the first to the last, as the definition does. */
LOOP void sum_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t n = (size_t)k->chunk * cpu_size(k->out);
    const float *restrict a = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);
    int r = 1;

    if (k->step->n_reads == 1)
        memcpy(y, a, n * sizeof *y);
    for (; r < k->step->n_reads; r++) {
        const float *restrict b = cpu_read(k, f, r);

        if (r == 1)
            for (size_t i = 0; i < n; i++)
                y[i] = a[i] + b[i];
        else
            for (size_t i = 0; i < n; i++)
                y[i] += b[i];
    }
}
DCN__EVERY_ISA(sum)

static size_t input_channels(const cpu_kernel *k, int input)
{
    return (size_t)k->graph->nodes[k->node->inputs[input]].shape.c;
}

void dcn__cpu_concat(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t K = (size_t)k->out.c, cells = (size_t)k->chunk * cpu_size(k->out) / K;
    float *y = cpu_write(k, f);

    for (int r = 0; r < k->step->n_reads; r++) {
        const size_t C = input_channels(k, r);
        const float *x = cpu_read(k, f, r);

        for (size_t i = 0; i < cells; i++)
            memcpy(y + i * K, x + i * C, C * sizeof *x);
        y += C;
    }
}

void dcn__cpu_slice(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t K = (size_t)k->out.c, cells = (size_t)k->chunk * cpu_size(k->out) / K;
    const size_t C = input_channels(k, k->step->input);
    const float *s = cpu_read(k, f, 0);
    float *x = cpu_write(k, f);

    for (int r = 0; r < k->step->input; r++)
        s += input_channels(k, r);
    for (size_t i = 0; i < cells; i++)
        memcpy(x + i * C, s + i * K, C * sizeof *x);
}
