/* leaky.c - the leaky ReLU and the parametric ReLU: a slope below zero, one for all or one a
 * channel.
 *
 * The papers know only the slope 0. The rule deconvnet puts the signal itself through the same
 * non-linearity that the activations went through (Zeiler & Fergus 2014, section 2.1), which here
 * is the leaky one; guided is deconvnet and gradient together. With slope 0 all four functions are
 * relu.c's. */
#include "engine/ref/ref.h"

/* Of element i of a value in NHWC. */
static real slope(const ref_kernel *k, const dcn__frame *f, size_t i)
{
    if (k->node->weight < 0)
        return (real)k->node->alpha;
    return ((const real *)f->weights[k->node->weight])[i % (size_t)k->out.c];
}

static real bent(real x, real slope)
{
    return x > 0 ? x : slope * x;
}

void REF(leaky)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        y[i] = bent(x[i], slope(k, f, i));
}

void REF(leaky_gradient)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0), *x = ref_read(k, f, 1);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = x[i] > 0 ? s[i] : slope(k, f, i) * s[i];
}

void REF(leaky_rectify)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = bent(s[i], slope(k, f, i));
}

void REF(leaky_guided)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0), *x = ref_read(k, f, 1);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++) {
        const real a = slope(k, f, i), rectified = bent(s[i], a);

        out[i] = x[i] > 0 ? rectified : a * rectified;
    }
}
