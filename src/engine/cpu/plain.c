/* plain.c - convolution and dense layers in plain loops, for shapes that oneDNN does not take.
 *
 * No speed is claimed: it is here so that no network fails for want of a kernel. Output channels
 * run innermost, along the graph's own weights; a row of the result is one thread's. */
#include "engine/cpu/plain.h"

#include "engine/cpu/isa.h"

#include <string.h>

/* Both operators as one: (R,S) taps of C/groups by K weights. */
typedef struct form {
    dcn__window w;
    dcn_shape in, out;
    size_t C, O, K;               /* of a group; of a group; of all */
    int groups;
} form;

LOOP form form_of(const cpu_kernel *k)
{
    form a = { .w = k->node->window, .in = k->in, .out = k->out, .groups = k->node->groups,
               .K = (size_t)k->out.c };

    if (k->node->op == DCN__OP_DENSE) {
        a.in = (dcn_shape){ 1, 1, (int)cpu_size(k->in) };
        a.w = (dcn__window){ .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 } };
        a.groups = 1;
    }
    a.C = (size_t)(a.in.c / a.groups);
    a.O = a.K / (size_t)a.groups;
    return a;
}

/* The row or column that place t of window i stands on; -1: outside. */
LOOP int at(const dcn__window *w, int axis, int i, int t, int extent)
{
    const int64_t p = (int64_t)i * w->stride[axis] - w->pad[axis] + (int64_t)t * w->dilation[axis];

    return p >= 0 && p < extent ? (int)p : -1;
}

/* Every tap (r, s) that meets the picture from the value's cell (i, j), with xi and yi where the
 * cells begin and w where the tap's weights do. */
#define EACH_TAP(a, n, i, j, BODY)                                                                 \
    for (int r = 0; r < (a).w.kernel[0]; r++)                                                      \
        for (int s = 0; s < (a).w.kernel[1]; s++) {                                                \
            const int row = at(&(a).w, 0, i, r, (a).in.h), col = at(&(a).w, 1, j, s, (a).in.w);    \
            const size_t xi =                                                                      \
                (((size_t)(n) * (size_t)(a).in.h + (size_t)row) * (size_t)(a).in.w +               \
                 (size_t)col) * (size_t)(a).in.c;                                                  \
            const size_t yi =                                                                      \
                (((size_t)(n) * (size_t)(a).out.h + (size_t)(i)) * (size_t)(a).out.w +             \
                 (size_t)(j)) * (a).K;                                                             \
            const size_t wi = ((size_t)r * (size_t)(a).w.kernel[1] + (size_t)s) * (a).C * (a).K;   \
                                                                                                   \
            if (row >= 0 && col >= 0) {                                                            \
                BODY                                                                               \
            }                                                                                      \
        }

LOOP void forward_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const form a = form_of(k);
    const float *x = cpu_read(k, f, 0), *w = f->weights[k->node->weight];
    const float *bias = k->node->bias >= 0 ? f->weights[k->node->bias] : NULL;
    float *y = cpu_write(k, f);

    for (size_t line = first; line < end; line++)
        for (int j = 0; j < a.out.w; j++) {
            const int n = (int)(line / (size_t)a.out.h), i = (int)(line % (size_t)a.out.h);
            float *to = y + (line * (size_t)a.out.w + (size_t)j) * a.K;

            for (size_t o = 0; o < a.K; o++)
                to[o] = bias ? bias[o] : 0;
            EACH_TAP(a, n, i, j, for (size_t g = 0; g < (size_t)a.groups; g++)
                for (size_t c = 0; c < a.C; c++)
                    for (size_t o = g * a.O; o < (g + 1) * a.O; o++)
                        y[yi + o] += x[xi + g * a.C + c] * w[wi + c * a.K + o];)
        }
}
DCN__EVERY_ISA_RANGE(forward)

/* Rows of the picture: each gathers from the cells of the signal that reach it. */
LOOP void data_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const form a = form_of(k);
    const size_t line = (size_t)a.in.w * (size_t)a.in.c;
    const float *y = cpu_read(k, f, 0), *w = f->weights[k->node->weight];
    const float *scale = k->scale ? f->weights[k->scale->weight] : NULL;
    float *x = cpu_write(k, f);

    memset(x + first * line, 0, (end - first) * line * sizeof *x);
    for (size_t l = first; l < end; l++)
        for (int i = 0; i < a.out.h; i++)
            for (int j = 0; j < a.out.w; j++) {
                const int n = (int)(l / (size_t)a.in.h);

                EACH_TAP(a, n, i, j, if (row == (int)(l % (size_t)a.in.h))
                    for (size_t g = 0; g < (size_t)a.groups; g++)
                        for (size_t c = 0; c < a.C; c++)
                            for (size_t o = g * a.O; o < (g + 1) * a.O; o++)
                                x[xi + g * a.C + c] +=
                                    y[yi + o] * (scale ? scale[o] : 1) * w[wi + c * a.K + o];)
            }
}
DCN__EVERY_ISA_RANGE(data)

/* The chunk's gradients in the graph's layout, dW then db. */
LOOP void weights_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const form a = form_of(k);
    const float *x = cpu_read(k, f, 0), *y = cpu_read(k, f, 1);
    float *w = (float *)(void *)(f->gradients + k->base.gradient_offset);
    float *db = k->node->bias >= 0 ? w + k->graph->weights[k->node->weight].count : NULL;

    memset(w, 0, k->base.gradient_bytes);
    for (size_t n = first; n < end; n++)
        for (int i = 0; i < a.out.h; i++)
            for (int j = 0; j < a.out.w; j++) {
                const size_t cell = (n * (size_t)a.out.h + (size_t)i) * (size_t)a.out.w + (size_t)j;

                for (size_t o = 0; db && o < a.K; o++)
                    db[o] += y[cell * a.K + o];
                EACH_TAP(a, n, i, j, for (size_t g = 0; g < (size_t)a.groups; g++)
                    for (size_t c = 0; c < a.C; c++)
                        for (size_t o = g * a.O; o < (g + 1) * a.O; o++)
                            w[wi + c * a.K + o] += x[xi + g * a.C + c] * y[yi + o];)
            }
}
DCN__EVERY_ISA_RANGE(weights)

static void run_forward(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);

    dcn__cpu_cut(k, f, forward_range(k), (size_t)k->chunk * (size_t)form_of(k).out.h);
}

static void run_data(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);

    dcn__cpu_cut(k, f, data_range(k), (size_t)k->chunk * (size_t)form_of(k).in.h);
}

static void run_weights(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);

    weights_range(k)(k, f, 0, (size_t)k->chunk);
}

static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t count = (size_t)k->graph->weights[k->node->weight].count;

    memcpy(gradients[k->node->weight], sums, count * sizeof(float));
    if (k->node->bias >= 0)
        memcpy(gradients[k->node->bias], (const float *)sums + count,
               (size_t)k->out.c * sizeof(float));
}

void dcn__plain_prepare(cpu_kernel *k, dcn__dnn_pass pass)
{
    static cpu_run *const run[] = { run_forward, run_data, run_weights };

    k->base.run = run[pass];
    if (pass != DCN__DNN_WEIGHTS)
        return;
    k->base.gradient_bytes = ((size_t)k->graph->weights[k->node->weight].count +
                              (k->node->bias >= 0 ? (size_t)k->out.c : 0)) * sizeof(float);
    k->base.unpack = unpack;
}
