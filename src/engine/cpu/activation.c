/* activation.c - one number in, one number out: map and leaky, their derivatives and rules.
 *
 * Each operator is a loop of its own, so that those without a call of the C library become
 * vectors. Formulas: docs/ops/activations.md and engine/ref/map.c. */
#include "engine/cpu/activation.h"

#include "engine/cpu/isa.h"

#define VALUE_LOOP(id)                                                                             \
    case DCN__OP_##id:                                                                             \
        for (size_t i = first; i < end; i++)                                                       \
            y[i] = dcn__cpu_activation(DCN__OP_##id, alpha, beta, x[i]);                           \
        break;

LOOP void map_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float alpha = k->node->alpha, beta = k->node->beta, *restrict x = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    switch (k->node->op) {
        DCN__EACH_MAP(VALUE_LOOP)
    default:
        break;
    }
}
DCN__EVERY_ISA(map)

/* Where the derivative is 0 nothing passes, not even an infinity. */
#define SIGNAL_LOOP(id)                                                                            \
    case DCN__OP_##id:                                                                             \
        for (size_t i = first; i < end; i++) {                                                     \
            const float d = dcn__cpu_derivative(DCN__OP_##id, alpha, beta, x[i]), v = s[i];        \
            const float passed = v * d;                                                            \
                                                                                                   \
            out[i] = (d == 0) | (guided & !(v > 0)) ? 0 : passed;                                  \
        }                                                                                          \
        break;

LOOP void map_down(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end, int guided)
{
    const float alpha = k->node->alpha, beta = k->node->beta;
    const float *restrict s = cpu_read(k, f, 0), *restrict x = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    switch (k->node->op) {
        DCN__EACH_MAP(SIGNAL_LOOP)
    default:
        break;
    }
}

LOOP void map_gradient_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    map_down(k, f, first, end, 0);
}
DCN__EVERY_ISA(map_gradient)

LOOP void map_guided_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    map_down(k, f, first, end, 1);
}
DCN__EVERY_ISA(map_guided)

/* ---- leaky and prelu ------------------------------------------------------------------------ */

/* BENT(x, slope) for every element of the cells [first, end); slopes: one a channel, or `alpha`. */
#define EACH_SLOPE(expression)                                                                     \
    do {                                                                                           \
        const size_t C = (size_t)k->out.c;                                                         \
        const float alpha = k->node->alpha;                                                        \
        const float *slopes = k->node->weight >= 0 ? f->weights[k->node->weight] : NULL;           \
                                                                                                   \
        if (!slopes)                                                                               \
            for (size_t i = first * C; i < end * C; i++) {                                         \
                const float a = alpha;                                                             \
                                                                                                   \
                expression                                                                         \
            }                                                                                      \
        for (size_t cell = first; slopes && cell < end; cell++)                                    \
            for (size_t c = 0; c < C; c++) {                                                       \
                const size_t i = cell * C + c;                                                     \
                const float a = slopes[c];                                                         \
                                                                                                   \
                expression                                                                         \
            }                                                                                      \
    } while (0)

LOOP float bent(float x, float slope)
{
    const float less = slope * x;

    return x > 0 ? x : less;
}

LOOP void leaky_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict x = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    EACH_SLOPE(y[i] = bent(x[i], a););
}
DCN__EVERY_ISA(leaky)

LOOP void leaky_gradient_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict s = cpu_read(k, f, 0), *restrict x = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    EACH_SLOPE(const float v = s[i]; const float less = a * v; out[i] = x[i] > 0 ? v : less;);
}
DCN__EVERY_ISA(leaky_gradient)

LOOP void leaky_guided_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *restrict s = cpu_read(k, f, 0), *restrict x = cpu_read(k, f, 1);
    float *restrict out = cpu_write(k, f);

    EACH_SLOPE(const float v = bent(s[i], a); const float less = a * v;
               out[i] = x[i] > 0 ? v : less;);
}
DCN__EVERY_ISA(leaky_guided)
