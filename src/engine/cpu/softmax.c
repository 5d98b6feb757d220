/* softmax.c - softmax, its logarithm, their derivatives, and the loss that training starts from.
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

void dcn__cpu_log_softmax(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * cpu_size(k->out) / C;
    const float *x = cpu_read(k, f, 0);
    float *y = cpu_write(k, f);

    for (size_t i = 0; i < rows; i++, x += C, y += C) {
        const double log_sum = softmax_row(y, x, C);

        for (size_t c = 0; c < C; c++)
            y[c] = (float)((double)x[c] - log_sum);
    }
}

void dcn__cpu_log_softmax_gradient(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * cpu_size(k->out) / C;
    const float *s = cpu_read(k, f, 0), *y = cpu_read(k, f, 1);
    float *x = cpu_write(k, f);

    for (size_t i = 0; i < rows; i++, s += C, y += C, x += C) {
        double sum = 0;

        for (size_t c = 0; c < C; c++)
            sum += (double)s[c];
        for (size_t c = 0; c < C; c++)
            x[c] = (float)((double)s[c] - exp((double)y[c]) * sum);
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
