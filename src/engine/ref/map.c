/* map.c - activations: one number in, one number out. f and its derivative, written down once.
 *
 * Every formula is the one that keeps its digits where the textbook's overflows or cancels. At a
 * kink the derivative is the one PyTorch takes; docs/ops/activations.md lists them. A NaN stays a
 * NaN on the way up. */
#include "engine/ref/ref.h"

#include <math.h>

#define SQRT_HALF ((real)0.70710678118654752440)
#define SQRT_2_BY_PI ((real)0.79788456080286535588)
#define INV_SQRT_2PI ((real)0.39894228040143267794)
#define TANH_CUBE ((real)0.044715)      /* of gelu's tanh form: Hendrycks & Gimpel 2016 */

static real clamp(real x, real low, real high)
{
    return x < low ? low : x > high ? high : x;
}

static real sigmoid(real x)
{
    const real e = MATH(exp)(-MATH(fabs)(x));

    return (x < 0 ? e : 1) / (1 + e);
}

static real softplus(real x)
{
    return (x > 0 ? x : 0) + MATH(log1p)(MATH(exp)(-MATH(fabs)(x)));
}

/* The normal distribution's function: erfc keeps the digits of the lower tail. */
static real normal(real x)
{
    return MATH(erfc)(-x * SQRT_HALF) / 2;
}

static real gelu_tanh_inner(real x)
{
    return SQRT_2_BY_PI * (x + TANH_CUBE * x * x * x);
}

static real value(const dcn__node *n, real x)
{
    const real alpha = (real)n->alpha, beta = (real)n->beta;

    switch (n->op) {
    case DCN__OP_CLIP:
        return clamp(x, 0, alpha);
    case DCN__OP_HARD_TANH:
        return clamp(x, alpha, beta);
    case DCN__OP_SIGMOID:
        return sigmoid(x);
    case DCN__OP_HARD_SIGMOID:
        return clamp(alpha * x + beta, 0, 1);
    case DCN__OP_TANH:
        return MATH(tanh)(x);
    case DCN__OP_SILU:
        return x * sigmoid(x);
    case DCN__OP_HARD_SWISH:
        return x * (clamp(x + 3, 0, 6) / 6);
    case DCN__OP_GELU:
        return alpha == 1 ? x * (1 + MATH(tanh)(gelu_tanh_inner(x))) / 2 : x * normal(x);
    case DCN__OP_MISH:
        return x * MATH(tanh)(softplus(x));
    case DCN__OP_ELU:
        return x > 0 ? x : alpha * MATH(expm1)(x);
    case DCN__OP_SELU:
        return beta * (x > 0 ? x : alpha * MATH(expm1)(x));
    case DCN__OP_SOFTPLUS:
        return softplus(x);
    default:
        return x;
    }
}

static real gelu_derivative(real x, bool tanh_form)
{
    if (tanh_form) {
        const real t = MATH(tanh)(gelu_tanh_inner(x));
        const real inner = SQRT_2_BY_PI * (1 + 3 * TANH_CUBE * x * x), bend = 1 - t * t;

        /* Far out `inner` overflows, where tanh has long been flat. */
        return (1 + t) / 2 + (bend == 0 ? 0 : x * bend * inner / 2);
    }
    return normal(x) + x * INV_SQRT_2PI * MATH(exp)(-x * x / 2);
}

static real mish_derivative(real x)
{
    const real t = MATH(tanh)(softplus(x));

    return t + x * sigmoid(x) * (1 - t * t);
}

static real derivative(const dcn__node *n, real x)
{
    const real alpha = (real)n->alpha, beta = (real)n->beta;
    real y;

    switch (n->op) {
    case DCN__OP_CLIP:
        return x > 0 && x < alpha ? 1 : 0;
    case DCN__OP_HARD_TANH:
        return x > alpha && x < beta ? 1 : 0;
    case DCN__OP_SIGMOID:
        y = sigmoid(x);
        return y * (1 - y);
    case DCN__OP_HARD_SIGMOID:
        y = alpha * x + beta;
        return y > 0 && y < 1 ? alpha : 0;
    case DCN__OP_TANH:
        y = MATH(tanh)(x);
        return 1 - y * y;
    case DCN__OP_SILU:
        y = sigmoid(x);
        return y * (1 + x * (1 - y));
    case DCN__OP_HARD_SWISH:
        return x <= -3 ? 0 : x < 3 ? x / 3 + (real)0.5 : 1;
    case DCN__OP_GELU:
        return gelu_derivative(x, alpha == 1);
    case DCN__OP_MISH:
        return mish_derivative(x);
    case DCN__OP_ELU:
        return x > 0 ? 1 : alpha * MATH(exp)(x);
    case DCN__OP_SELU:
        return beta * (x > 0 ? 1 : alpha * MATH(exp)(x));
    case DCN__OP_SOFTPLUS:
        return sigmoid(x);
    default:
        return 1;
    }
}

void REF(map)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        y[i] = value(k->node, x[i]);
}

/* The true derivative. Where it is 0 nothing passes, not even an infinity. */
void REF(map_gradient)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0), *x = ref_read(k, f, 1);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++) {
        const real d = derivative(k->node, x[i]);

        out[i] = d == 0 ? 0 : s[i] * d;
    }
}

/* The derivative, and of the signal only what is positive: guided backpropagation's two bits. */
void REF(map_guided)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t n = (size_t)k->chunk * ref_size(k->out);
    const real *s = ref_read(k, f, 0), *x = ref_read(k, f, 1);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++) {
        const real d = derivative(k->node, x[i]);

        out[i] = d == 0 || !(s[i] > 0) ? 0 : s[i] * d;
    }
}
