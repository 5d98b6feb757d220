/* channel.c - a number a channel, or sums over neighbouring channels: scale, mul and its gate,
 * local response normalisation. Formulas: engine/ref/scale.c, mul.c, lrn.c. */
#include "engine/cpu/isa.h"

#include <math.h>
#include <string.h>

/* ---- scale ---------------------------------------------------------------------------------- */

LOOP void scale_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c;
    const float *restrict a = f->weights[k->node->weight], *restrict b = f->weights[k->node->bias];
    const float *restrict x = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        for (size_t c = 0; c < C; c++)
            y[i * C + c] = x[i * C + c] * a[c] + b[c];
}
DCN__EVERY_ISA(scale)

LOOP void scale_data_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c;
    const float *restrict a = f->weights[k->node->weight], *restrict s = cpu_read(k, f, 0);
    float *restrict x = cpu_write(k, f);

    for (size_t i = first; i < end; i++)
        for (size_t c = 0; c < C; c++)
            x[i * C + c] = s[i * C + c] * a[c];
}
DCN__EVERY_ISA(scale_data)

/* ---- mul ------------------------------------------------------------------------------------ */

/* True where the gate has one number a channel for many cells. */
bool dcn__cpu_gate_spreads(const cpu_kernel *k)
{
    const dcn_shape gate = k->graph->nodes[k->node->inputs[1]].shape;

    return gate.h != k->out.h || gate.w != k->out.w;
}

/* a times the gate: the way up, and down to the first input. Cells [first, end). */
LOOP void mul_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c, cells = (size_t)k->out.h * (size_t)k->out.w;
    const bool one_cell = dcn__cpu_gate_spreads(k);
    const float *restrict a = cpu_read(k, f, 0), *gates = cpu_read(k, f, 1);
    float *restrict y = cpu_write(k, f);

    for (size_t i = first; i < end; i++) {
        const float *restrict gate = gates + (one_cell ? i / cells : i) * C;

        for (size_t c = 0; c < C; c++)
            y[i * C + c] = a[i * C + c] * gate[c];
    }
}
DCN__EVERY_ISA(mul)

/* To a gate of one number a channel: what its cells send it, added up in their order. */
LOOP void gate_data_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c, cells = (size_t)k->out.h * (size_t)k->out.w;

    for (size_t n = first; n < end; n++) {
        const float *restrict s = cpu_read(k, f, 0), *restrict x = cpu_read(k, f, 1);
        float *restrict out = cpu_write(k, f);

        memset(out + n * C, 0, C * sizeof *out);
        for (size_t i = n * cells; i < (n + 1) * cells; i++)
            for (size_t c = 0; c < C; c++)
                out[n * C + c] += s[i * C + c] * x[i * C + c];
    }
}
DCN__EVERY_ISA(gate_data)

/* ---- local response normalisation ------------------------------------------------------------ */

/* d: k + alpha/size * the sum of x^2 over `before` channels before c to `after` behind it. */
LOOP void denominators(const dcn__node *node, const float *restrict x, float *restrict d, int C)
{
    const int before = (node->size - 1) / 2, after = node->size / 2;
    const float factor = node->alpha / (float)node->size;

    for (int c = 0; c < C; c++)
        d[c] = 0;
    for (int j = -before; j <= after && j < C; j++) {
        const int first = j < 0 ? -j : 0, end = j > 0 ? C - j : C;

        for (int c = first; c < end; c++)
            d[c] += x[c + j] * x[c + j];
    }
    for (int c = 0; c < C; c++)
        d[c] = node->bias_k + factor * d[c];
}

/* d to the power -beta. The usual 0.75 is two square roots, which vectors have. */
LOOP void lower(const float *restrict d, float *restrict power, int C, float beta)
{
    if (beta == 0.75f)
        for (int c = 0; c < C; c++) {
            const float root = sqrtf(d[c]);

            power[c] = 1 / (root * sqrtf(root));
        }
    else
        for (int c = 0; c < C; c++)
            power[c] = powf(d[c], -beta);
}

LOOP void lrn_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c, W = (size_t)k->out.w;

    for (size_t i = first * W; i < end * W; i++) {
        const float *restrict x = (const float *)cpu_read(k, f, 0) + i * C;
        float *restrict y = (float *)cpu_write(k, f) + i * C;
        float *d = (float *)f->scratch + i / W * 2 * C;

        denominators(k->node, x, d, (int)C);
        lower(d, d + C, (int)C, k->node->beta);
        for (size_t c = 0; c < C; c++)
            y[c] = x[c] * d[C + c];
    }
}
DCN__EVERY_ISA(lrn)

/* A channel is in the sums of those that lie the other way round: see engine/ref/lrn.c. */
LOOP void lrn_gradient_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const dcn__node *node = k->node;
    const int C = k->out.c, before = node->size / 2, after = (node->size - 1) / 2;
    const size_t W = (size_t)k->out.w;
    const float factor = 2 * node->alpha / (float)node->size * node->beta;

    for (size_t i = first * W; i < end * W; i++) {
        const size_t at = i * (size_t)C;
        const float *restrict s = (const float *)cpu_read(k, f, 0) + at;
        const float *restrict x = (const float *)cpu_read(k, f, 1) + at;
        float *restrict out = (float *)cpu_write(k, f) + at;
        float *restrict d = (float *)f->scratch + i / W * 2 * (size_t)C, *restrict power = d + C;

        denominators(node, x, d, C);
        lower(d, power, C, node->beta);
        for (int c = 0; c < C; c++) {
            d[c] = s[c] * x[c] * (power[c] / d[c]);
            out[c] = 0;
        }
        for (int j = -before; j <= after && j < C; j++) {
            const int from = j < 0 ? -j : 0, to = j > 0 ? C - j : C;

            for (int c = from; c < to; c++)
                out[c] += d[c + j];
        }
        for (int c = 0; c < C; c++)
            out[c] = s[c] * power[c] - factor * x[c] * out[c];
    }
}
DCN__EVERY_ISA(lrn_gradient)
