/* softmax.c - softmax, its derivative, the loss that training starts from, and the seed of a walk
 * down.
 *
 * A few numbers a picture: these follow the definition line by line, exponentials and sums
 * included, so that they give its bits. */
#include "engine/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* p = softmax(x); returns log(sum of exp(x)). */
static double softmax_row(float *p, const float *x, size_t n)
{
    float m = x[0];
    double sum = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > m)
            m = x[i];
    for (size_t i = 0; i < n; i++)
        sum += p[i] = expf(x[i] - m);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(p[i] / sum);
    return log(sum) + (double)m;
}

void dcn__cpu_softmax(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * cpu_size(k->out) / C;
    const float *x = cpu_read(k, f, 0);
    float *y = cpu_write(k, f);

    for (size_t i = 0; i < rows; i++)
        softmax_row(y + i * C, x + i * C, C);
}

void dcn__cpu_softmax_gradient(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * cpu_size(k->out) / C;
    const float *s = cpu_read(k, f, 0), *y = cpu_read(k, f, 1);
    float *x = cpu_write(k, f);

    for (size_t i = 0; i < rows; i++, s += C, y += C, x += C) {
        double dot = 0;

        for (size_t c = 0; c < C; c++)
            dot += (double)s[c] * (double)y[c];
        for (size_t c = 0; c < C; c++)
            x[c] = (float)((double)y[c] * ((double)s[c] - dot));
    }
}

void dcn__cpu_loss(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t C = (size_t)k->out.c;
    const float *x = cpu_read(k, f, 0);
    float *s = cpu_write(k, f);

    for (int n = 0; n < f->n; n++, x += C, s += C) {
        const size_t truth = (size_t)f->labels[n];
        const double log_sum = softmax_row(s, x, C);
        size_t answer = 0;

        for (size_t c = 1; c < C; c++)
            if (x[c] > x[answer])
                answer = c;
        *f->loss += log_sum - (double)x[truth];
        *f->correct += answer == truth;
        s[truth] -= 1;
        for (size_t c = 0; c < C; c++)
            s[c] /= (float)f->total;
    }
    memset(s, 0, (size_t)(k->chunk - f->n) * C * sizeof *s);
}

static size_t peak_of(const float *y, size_t size, size_t C, size_t channel)
{
    size_t peak = channel;

    for (size_t i = channel; i < size; i += C)
        if (y[i] > y[peak] || (isnan(y[peak]) && !isnan(y[i])))
            peak = i;
    return peak;
}

/* The chosen units are first, first + step, ... below end. */
static void choose(const cpu_kernel *k, const dcn_start *start, const float *y, float *s)
{
    const size_t size = cpu_size(k->out), C = (size_t)k->out.c, channel = (size_t)start->channel;
    size_t first = 0, end = size, step = C;

    if (start->from == DCN_FROM_ZERO)
        return;
    if (start->from == DCN_FROM_LAYER)
        step = 1;
    else
        first = channel;
    if (start->from == DCN_FROM_PEAK)
        first = peak_of(y, size, C, channel);
    else if (start->from == DCN_FROM_UNIT)
        first += ((size_t)start->y * (size_t)k->out.w + (size_t)start->x) * C;
    if (start->from == DCN_FROM_PEAK || start->from == DCN_FROM_UNIT)
        end = first + 1;
    for (size_t i = first; i < end; i += step)
        s[i] = start->ones ? 1 : y[i];
}

void dcn__cpu_seed(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t size = cpu_size(k->out);
    const float *y = cpu_read(k, f, 0);
    float *s = cpu_write(k, f);

    memset(s, 0, (size_t)k->chunk * size * sizeof *s);
    for (int n = 0; n < f->n; n++)
        choose(k, &f->starts[n], y + (size_t)n * size, s + (size_t)n * size);
}
