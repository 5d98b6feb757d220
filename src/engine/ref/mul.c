/* mul.c - one value times another; the second, the gate, may be one number a channel.
 *
 * The signal to an input is s times the other input. Where the gate is one number for a whole
 * channel, what its cells send it is added up. */
#include "engine/ref/ref.h"

#include <string.h>

/* True where the gate has one number a channel for many cells. */
static bool spreads(const ref_kernel *k)
{
    const dcn_shape gate = k->graph->nodes[k->node->inputs[1]].shape;

    return gate.h != k->out.h || gate.w != k->out.w;
}

/* Where the gate's number for element i of picture n is. */
static size_t gate_at(const ref_kernel *k, bool one_cell, size_t n, size_t i)
{
    return one_cell ? n * (size_t)k->out.c + i % (size_t)k->out.c : n * ref_size(k->out) + i;
}

/* out = a * gate: the way up, and down to the first input. */
static void times_gate(const ref_kernel *k, const real *a, const real *gate, real *out)
{
    const size_t size = ref_size(k->out);
    const bool one_cell = spreads(k);

    for (size_t n = 0; n < (size_t)k->chunk; n++)
        for (size_t i = 0; i < size; i++)
            out[n * size + i] = a[n * size + i] * gate[gate_at(k, one_cell, n, i)];
}

void REF(mul)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    times_gate(k, ref_read(k, f, 0), ref_read(k, f, 1), ref_write(k, f));
}

void REF(mul_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *s = ref_read(k, f, 0), *other = ref_read(k, f, 1);
    const size_t size = ref_size(k->out);
    real *out = ref_write(k, f);
    const bool one_cell = spreads(k);

    if (k->step->input == 0) {
        times_gate(k, s, other, out);
        return;
    }
    memset(out, 0, (size_t)k->chunk * (one_cell ? (size_t)k->out.c : size) * sizeof *out);
    for (size_t n = 0; n < (size_t)k->chunk; n++)
        for (size_t i = 0; i < size; i++)
            out[gate_at(k, one_cell, n, i)] += s[n * size + i] * other[n * size + i];
}
