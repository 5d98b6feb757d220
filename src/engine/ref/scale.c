/* scale.c - a factor and a term a channel: y = x * a + b, and its adjoint. A batch normalisation
 * that is no longer trained is one. */
#include "engine/ref/ref.h"

void REF(scale)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out), C = (size_t)k->out.c;
    const real *x = ref_read(k, f, 0), *a = f->weights[k->node->weight],
               *b = f->weights[k->node->bias];
    real *y = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * a[i % C] + b[i % C];
}

void REF(scale_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out), C = (size_t)k->out.c;
    const real *s = ref_read(k, f, 0), *a = f->weights[k->node->weight];
    real *x = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        x[i] = s[i] * a[i % C];
}
