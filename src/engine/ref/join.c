/* join.c - where paths meet and part: add, concat and its slices, copies, sums of signals. */
#include "engine/ref/ref.h"

#include <string.h>

void REF(copy)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    memcpy(ref_write(k, f), ref_read(k, f, 0), (size_t)k->chunk * ref_size(k->out) * sizeof(real));
}

/* Inputs are added from the first to the last. */
static void add_all(const ref_kernel *k, const dcn__frame *f)
{
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    real *y = ref_write(k, f);

    memcpy(y, ref_read(k, f, 0), n * sizeof *y);
    for (int r = 1; r < k->step->n_reads; r++) {
        const real *x = ref_read(k, f, r);

        for (size_t i = 0; i < n; i++)
            y[i] += x[i];
    }
}

void REF(add)(const dcn__kernel *kernel, const dcn__frame *f)
{
    add_all((const ref_kernel *)kernel, f);
}

void REF(sum)(const dcn__kernel *kernel, const dcn__frame *f)
{
    add_all((const ref_kernel *)kernel, f);
}

static size_t input_channels(const ref_kernel *k, int input)
{
    return (size_t)k->graph->nodes[k->node->inputs[input]].shape.c;
}

void REF(concat)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t cells = (size_t)k->chunk * (size_t)k->out.h * (size_t)k->out.w,
                 K = (size_t)k->out.c;
    real *y = ref_write(k, f);
    size_t first = 0;

    for (int r = 0; r < k->step->n_reads; r++) {
        const size_t C = input_channels(k, r);
        const real *x = ref_read(k, f, r);

        for (size_t i = 0; i < cells; i++)
            memcpy(y + i * K + first, x + i * C, C * sizeof *x);
        first += C;
    }
}

void REF(slice)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t cells = (size_t)k->chunk * (size_t)k->out.h * (size_t)k->out.w,
                 K = (size_t)k->out.c;
    const size_t C = input_channels(k, k->step->input);
    const real *s = ref_read(k, f, 0);
    real *x = ref_write(k, f);
    size_t first = 0;

    for (int r = 0; r < k->step->input; r++)
        first += input_channels(k, r);
    for (size_t i = 0; i < cells; i++)
        memcpy(x + i * C, s + i * K + first, C * sizeof *x);
}
