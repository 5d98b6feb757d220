/* dense.c - the fully connected layer: y = x W + b with x flattened, W (in,out); its adjoint and
 * gradients. */
#include "engine/ref/ref.h"

#include <string.h>

void REF(dense)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *x = ref_read(k, f, 0), *w = f->weights[k->node->weight];
    const real *b = k->node->bias >= 0 ? f->weights[k->node->bias] : NULL;
    const size_t I = ref_size(k->in), O = (size_t)k->out.c;
    real *y = ref_write(k, f);

    for (size_t n = 0; n < (size_t)k->chunk; n++) {
        for (size_t o = 0; o < O; o++)
            y[n * O + o] = b ? b[o] : 0;
        for (size_t i = 0; i < I; i++)
            for (size_t o = 0; o < O; o++)
                y[n * O + o] += x[n * I + i] * w[i * O + o];
    }
}

void REF(dense_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *s = ref_read(k, f, 0), *w = f->weights[k->node->weight];
    const size_t I = ref_size(k->in), O = (size_t)k->out.c;
    real *x = ref_write(k, f);

    for (size_t n = 0; n < (size_t)k->chunk; n++)
        for (size_t i = 0; i < I; i++) {
            real sum = 0;

            for (size_t o = 0; o < O; o++)
                sum += s[n * O + o] * w[i * O + o];
            x[n * I + i] = sum;
        }
}

void REF(dense_weights)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *x = ref_read(k, f, 0), *s = ref_read(k, f, 1);
    const size_t I = ref_size(k->in), O = (size_t)k->out.c;
    real *dw = ref_gradient(k, f), *db = dw + I * O;

    memset(dw, 0, k->base.gradient_bytes);
    for (size_t n = 0; n < (size_t)k->chunk; n++) {
        for (size_t i = 0; i < I; i++)
            for (size_t o = 0; o < O; o++)
                dw[i * O + o] += x[n * I + i] * s[n * O + o];
        for (size_t o = 0; k->node->bias >= 0 && o < O; o++)
            db[o] += s[n * O + o];
    }
}
