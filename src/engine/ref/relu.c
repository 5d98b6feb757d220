/* relu.c - the ReLU and the one row in which the rules differ.
 *
 * s comes down, y = max(x, 0) went up; y > 0 exactly where x > 0. A NaN stays a NaN on the way
 * up. */
#include "engine/ref/ref.h"

void REF(relu)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

/* Simonyan et al. 2013: the true derivative. */
void REF(relu_mask)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0), *y = ref_read(k, f, 1);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = y[i] > 0 ? s[i] : 0;
}

/* Zeiler & Fergus 2014, section 2.1: the signal itself is rectified. */
void REF(relu_rectify)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = s[i] > 0 ? s[i] : 0;
}

/* Springenberg et al. 2014, section 3.4: both. */
void REF(relu_guided)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0), *y = ref_read(k, f, 1);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = s[i] > 0 && y[i] > 0 ? s[i] : 0;
}
