/* move.c - values that only change their place: copies, concat and its slices, picked channels,
 * padded or cropped cells, another shape. No arithmetic, so nothing to vectorise. */
#include "engine/cpu/cpu.h"

#include <string.h>

static size_t cells_of(dcn_shape s)
{
    return (size_t)s.h * (size_t)s.w;
}

static size_t input_channels(const cpu_kernel *k, int input)
{
    return (size_t)k->graph->nodes[k->node->inputs[input]].shape.c;
}

/* The ReLU under reconstruct, add: one signal for each input. */
static void copy(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    memcpy((float *)cpu_write(k, f) + first, (const float *)cpu_read(k, f, 0) + first,
           (end - first) * sizeof(float));
}

static void concat(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t K = (size_t)k->out.c;
    float *y = cpu_write(k, f);

    for (int r = 0; r < k->step->n_reads; r++) {
        const size_t C = input_channels(k, r);
        const float *x = cpu_read(k, f, r);

        for (size_t i = first; i < end; i++)
            memcpy(y + i * K, x + i * C, C * sizeof *x);
        y += C;
    }
}

static void slice(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t K = (size_t)k->out.c, C = input_channels(k, k->step->input);
    const float *s = cpu_read(k, f, 0);
    float *x = cpu_write(k, f);

    for (int r = 0; r < k->step->input; r++)
        s += input_channels(k, r);
    for (size_t i = first; i < end; i++)
        memcpy(x + i * C, s + i * K, C * sizeof *x);
}

/* ---- slice and shuffle ---------------------------------------------------------------------- */

static void pick(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *x = (const float *)cpu_read(k, f, 0) + first * (size_t)k->in.c;
    float *y = (float *)cpu_write(k, f) + first * (size_t)k->out.c;

    for (size_t i = first; i < end; i++, x += k->in.c, y += k->out.c)
        if (k->node->op == DCN__OP_SLICE)
            memcpy(y, x + k->node->first, (size_t)k->out.c * sizeof *y);
        else
            for (int c = 0; c < k->out.c; c++)
                y[c] = x[dcn__channel_of(k->node, c)];
}

static void pick_data(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *s = (const float *)cpu_read(k, f, 0) + first * (size_t)k->out.c;
    float *x = (float *)cpu_write(k, f) + first * (size_t)k->in.c;

    for (size_t i = first; i < end; i++, s += k->out.c, x += k->in.c) {
        memset(x, 0, (size_t)k->in.c * sizeof *x);
        for (int c = 0; c < k->out.c; c++)
            x[dcn__channel_of(k->node, c)] = s[c];
    }
}

/* ---- pad ------------------------------------------------------------------------------------ */

static void fill(float *to, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        to[i] = value;
}

/* Rows [first, end) of `to`, from cells of `from` that lie `top` rows and `left` columns further up
 * and left; where there are none, `value`. */
static void shift(const float *from, dcn_shape fs, float *to, dcn_shape ts, int top, int left,
                  float value, size_t first, size_t end)
{
    const size_t C = (size_t)ts.c, line = (size_t)ts.w * C;
    const int begin = left > 0 ? left : 0, stop = left + fs.w < ts.w ? left + fs.w : ts.w;

    for (size_t r = first; r < end; r++) {
        const size_t n = r / (size_t)ts.h;
        const int row = (int)(r % (size_t)ts.h) - top;
        float *y = to + r * line;

        if (row < 0 || row >= fs.h || begin >= stop) {
            fill(y, line, value);
            continue;
        }
        fill(y, (size_t)begin * C, value);
        memcpy(y + (size_t)begin * C,
               from + ((n * (size_t)fs.h + (size_t)row) * (size_t)fs.w +
                       (size_t)(begin - left)) * C,
               (size_t)(stop - begin) * C * sizeof *y);
        fill(y + (size_t)stop * C, (size_t)(ts.w - stop) * C, value);
    }
}

static void pad(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const int *by = k->node->window.pad;

    shift(cpu_read(k, f, 0), k->in, cpu_write(k, f), k->out, by[0], by[1], k->node->alpha, first,
          end);
}

static void pad_data(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const int *by = k->node->window.pad;

    shift(cpu_read(k, f, 0), k->out, cpu_write(k, f), k->in, -by[0], -by[1], 0, first, end);
}

/* ---- reshape -------------------------------------------------------------------------------- */

/* (cells,C) to (C,cells), or back. */
static void turn(const float *from, float *to, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

/* In the order CHW a picture is laid out plane by plane; `scratch` holds it so. */
static void relay(const cpu_kernel *k, const float *from, dcn_shape fs, float *to, dcn_shape ts,
                  float *scratch, size_t first, size_t end)
{
    const size_t size = cpu_size(ts);

    for (size_t n = first; n < end; n++) {
        const float *x = from + n * size;
        float *y = to + n * size, *planes = scratch + n * size;

        if (k->node->order == DCN_ORDER_HWC) {
            memcpy(y, x, size * sizeof *y);
            continue;
        }
        turn(x, planes, cells_of(fs), (size_t)fs.c);
        turn(planes, y, (size_t)ts.c, cells_of(ts));
    }
}

static void reshape(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    relay(k, cpu_read(k, f, 0), k->in, cpu_write(k, f), k->out, f->scratch, first, end);
}

static void reshape_data(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    relay(k, cpu_read(k, f, 0), k->out, cpu_write(k, f), k->in, f->scratch, first, end);
}

#define ENTRY(name)                                                                                \
    void dcn__cpu_##name(const dcn__kernel *kernel, const dcn__frame *f)                           \
    {                                                                                              \
        dcn__cpu_units(cpu_of(kernel), f, name);                                                   \
    }

ENTRY(copy)
ENTRY(concat)
ENTRY(slice)
ENTRY(pick)
ENTRY(pick_data)
ENTRY(pad)
ENTRY(pad_data)
ENTRY(reshape)
ENTRY(reshape_data)
