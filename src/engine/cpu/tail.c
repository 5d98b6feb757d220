/* tail.c - what follows a convolution, a dense layer or an add in one kernel: a scale, an addend,
 * an activation or a ReLU's rule, in place, on what has just been written.
 *
 * oneDNN could do some of it before it stores, but its ReLU turns a NaN into 0 and so would hide
 * it. */
#include "engine/cpu/activation.h"
#include "engine/cpu/isa.h"

enum { PIECE = 2048 };            /* elements that all parts of a tail find in the nearest cache */

/* from: y itself, or what a group that begins with a scale or an add reads. */
LOOP void scale(const cpu_kernel *k, const dcn__frame *f, float *y, const float *from, size_t cells)
{
    const size_t C = (size_t)k->out.c;
    const float *restrict a = f->weights[k->scale->weight];
    const float *restrict b = f->weights[k->scale->bias];
    float *restrict to = y;
    const float *restrict x = from;

    for (size_t i = 0; y == from && i < cells; i++, to += C)
        for (size_t c = 0; c < C; c++)
            to[c] = to[c] * a[c] + b[c];
    for (size_t i = 0; y != from && i < cells; i++, to += C, x += C)
        for (size_t c = 0; c < C; c++)
            to[c] = x[c] * a[c] + b[c];
}

LOOP void add(float *y, const float *from, const float *restrict x, size_t n)
{
    float *restrict to = y;
    const float *restrict first = from;

    if (y == from)
        for (size_t i = 0; i < n; i++)
            to[i] += x[i];
    else
        for (size_t i = 0; i < n; i++)
            to[i] = first[i] + x[i];
}

#define MAP_LOOP(id)                                                                               \
    case DCN__OP_##id:                                                                             \
        for (size_t i = 0; i < n; i++)                                                             \
            y[i] = dcn__cpu_activation(DCN__OP_##id, alpha, beta, y[i]);                           \
        break;

LOOP void activate(const dcn__node *node, float *restrict y, size_t n)
{
    const float alpha = node->alpha, beta = node->beta;

    switch (node->op) {
        DCN__EACH_MAP(MAP_LOOP)
    case DCN__OP_RELU:
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] < 0 ? 0 : y[i];
        break;
    case DCN__OP_LEAKY_RELU:
        for (size_t i = 0; i < n; i++) {
            const float less = alpha * y[i];

            y[i] = y[i] > 0 ? y[i] : less;
        }
        break;
    default:
        break;
    }
}

/* up: the ReLU's value. */
LOOP void rule(dcn__action action, float *restrict s, const float *restrict up, size_t n)
{
    switch (action) {
    case DCN__DO_RELU_MASK:
        for (size_t i = 0; i < n; i++) {
            const float v = s[i];

            s[i] = up[i] > 0 ? v : 0;
        }
        break;
    case DCN__DO_RELU_RECTIFY:
        for (size_t i = 0; i < n; i++)
            s[i] = s[i] > 0 ? s[i] : 0;
        break;
    case DCN__DO_RELU_GUIDED:
        for (size_t i = 0; i < n; i++) {
            const float v = s[i];

            s[i] = (v > 0) & (up[i] > 0) ? v : 0;
        }
        break;
    default:                      /* copy */
        break;
    }
}

/* Cells [first, end) of what the group writes. */
LOOP void tail_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const bool down = k->unit == DCN__UNIT_CELL_IN;
    const bool begins = k->step->action == DCN__DO_SCALE || k->step->action == DCN__DO_ADD;
    const size_t C = (size_t)(down ? k->in.c : k->out.c);
    const size_t step = PIECE / C ? PIECE / C : 1;
    float *y = cpu_write(k, f);
    const float *from = begins ? cpu_read(k, f, 0) : y;

    for (size_t i = first; i < end; i += step) {
        const size_t stop = end - i < step ? end : i + step, at = i * C, n = (stop - i) * C;

        if (k->scale && !k->folded && !down)
            scale(k, f, y + at, from + at, stop - i);
        if (k->addend)
            add(y + at, k->scale ? y + at : from + at,
                (const float *)cpu_read(k, f, k->addend) + at, n);
        if (down)
            rule(k->last->action, y + at,
                 k->last_read ? (const float *)cpu_read(k, f, k->last_read) + at : NULL, n);
        else if (k->last)
            activate(&k->graph->nodes[k->last->node], y + at, n);
    }
}
DCN__EVERY_ISA(tail)
