/* activation.h - the activations as functions of one number, to be inlined into vector loops.
 *
 * dcn__cpu_exp is a vector's exponential: within 2 units in the last place of expf from -87.3 to
 * 88.3 (test/unit/engine_cpu.c measures all floats of that range), 0 below, infinity above. The
 * sigmoid and all that is made of it use it; the other activations call the C library. */
#ifndef DCN_ENGINE_CPU_ACTIVATION_H
#define DCN_ENGINE_CPU_ACTIVATION_H

#include "graph/graph.h"

#include <math.h>
#include <string.h>

/* DO(id) for every operator with the action map. */
#define DCN__EACH_MAP(DO)                                                                          \
    DO(CLIP) DO(HARD_TANH) DO(SIGMOID) DO(HARD_SIGMOID) DO(TANH) DO(SILU) DO(HARD_SWISH) DO(GELU)  \
    DO(MISH) DO(ELU) DO(SELU) DO(SOFTPLUS)

#ifdef DCN_COVERAGE      /* a branch is counted once, not in every place it is inlined into */
#define ACTIVATION static inline
#else
#define ACTIVATION static inline __attribute__((always_inline))
#endif

/* exp(x) = 2^n exp(r), n whole and |r| <= ln(2)/2. Adding 1.5 * 2^23 rounds to a whole number and
 * leaves it in the low bits. */
ACTIVATION float dcn__cpu_exp(float x)
{
    const float magic = 12582912.0f, shifted = x * 1.44269504f + magic, n = shifted - magic;
    const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.0f / 5040, scale;
    uint32_t bits;

    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127) << 23;
    memcpy(&scale, &bits, sizeof scale);
    p *= scale;
    p = x < -87.3f ? 0 : p;
    return x > 88.3f ? INFINITY : p;
}

ACTIVATION float dcn__cpu_sigmoid(float x)
{
    const float e = dcn__cpu_exp(-fabsf(x)), large = 1 / (1 + e), small = e * large;

    return x < 0 ? small : large;
}

/* A NaN passes both comparisons. */
ACTIVATION float dcn__cpu_clip(float x, float low, float high)
{
    const float least = x < low ? low : x;

    return least > high ? high : least;
}

ACTIVATION float dcn__cpu_softplus(float x)
{
    return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
}

/* The distribution function of the normal distribution. */
ACTIVATION float dcn__cpu_normal(float x)
{
    return erfcf(-x * 0.70710678f) / 2;
}

ACTIVATION float dcn__cpu_gelu_inner(float x)
{
    return 0.79788456f * (x + 0.044715f * x * x * x);
}

/* op is a constant wherever these are called: one case remains. */
ACTIVATION float dcn__cpu_activation(dcn__op op, float alpha, float beta, float x)
{
    switch (op) {
    case DCN__OP_CLIP:
        return dcn__cpu_clip(x, 0, alpha);
    case DCN__OP_HARD_TANH:
        return dcn__cpu_clip(x, alpha, beta);
    case DCN__OP_SIGMOID:
        return dcn__cpu_sigmoid(x);
    case DCN__OP_HARD_SIGMOID:
        return dcn__cpu_clip(alpha * x + beta, 0, 1);
    case DCN__OP_TANH:
        return tanhf(x);
    case DCN__OP_SILU:
        return x * dcn__cpu_sigmoid(x);
    case DCN__OP_HARD_SWISH:
        return x * (dcn__cpu_clip(x + 3, 0, 6) / 6);
    case DCN__OP_GELU:
        return alpha == 1 ? x * (1 + tanhf(dcn__cpu_gelu_inner(x))) / 2 : x * dcn__cpu_normal(x);
    case DCN__OP_MISH:
        return x * tanhf(dcn__cpu_softplus(x));
    case DCN__OP_ELU:
        return x > 0 ? x : alpha * expm1f(x);
    case DCN__OP_SELU:
        return beta * (x > 0 ? x : alpha * expm1f(x));
    case DCN__OP_SOFTPLUS:
        return dcn__cpu_softplus(x);
    default:
        return x;
    }
}

ACTIVATION float dcn__cpu_gelu_derivative(float x, bool tanh_form)
{
    if (tanh_form) {
        const float t = tanhf(dcn__cpu_gelu_inner(x));
        const float inner = 0.79788456f * (1 + 3 * 0.044715f * x * x), bend = 1 - t * t;

        /* Far out `inner` overflows, where tanh has long been flat. */
        return (1 + t) / 2 + (bend == 0 ? 0 : x * bend * inner / 2);
    }
    return dcn__cpu_normal(x) + x * 0.39894228f * expf(-x * x / 2);
}

ACTIVATION float dcn__cpu_mish_derivative(float x)
{
    const float t = tanhf(dcn__cpu_softplus(x));

    return t + x * dcn__cpu_sigmoid(x) * (1 - t * t);
}

ACTIVATION float dcn__cpu_derivative(dcn__op op, float alpha, float beta, float x)
{
    float y;

    switch (op) {
    case DCN__OP_CLIP:
        return (x > 0) & (x < alpha) ? 1 : 0;
    case DCN__OP_HARD_TANH:
        return (x > alpha) & (x < beta) ? 1 : 0;
    case DCN__OP_SIGMOID:
        y = dcn__cpu_sigmoid(x);
        return y * (1 - y);
    case DCN__OP_HARD_SIGMOID:
        y = alpha * x + beta;
        return (y > 0) & (y < 1) ? alpha : 0;
    case DCN__OP_TANH:
        y = tanhf(x);
        return 1 - y * y;
    case DCN__OP_SILU:
        y = dcn__cpu_sigmoid(x);
        return y * (1 + x * (1 - y));
    case DCN__OP_HARD_SWISH:
        return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5f : 1;
    case DCN__OP_GELU:
        return dcn__cpu_gelu_derivative(x, alpha == 1);
    case DCN__OP_MISH:
        return dcn__cpu_mish_derivative(x);
    case DCN__OP_ELU:
        return x > 0 ? 1 : alpha * expf(x);
    case DCN__OP_SELU:
        return beta * (x > 0 ? 1 : alpha * expf(x));
    case DCN__OP_SOFTPLUS:
        return dcn__cpu_sigmoid(x);
    default:
        return 1;
    }
}

#endif
