/* softmax.c - softmax over channels and its logarithm, their derivatives, and the cross-entropy
 * that training starts from. */
#include "engine/ref/ref.h"

#include <math.h>
#include <string.h>

static real largest(const real *x, size_t n)
{
    real m = x[0];

    for (size_t i = 1; i < n; i++)
        if (x[i] > m)
            m = x[i];
    return m;
}

/* p = softmax(x); returns log(sum of exp(x - max)) + max, in double. */
static double softmax_row(real *p, const real *x, size_t n)
{
    const real m = largest(x, n);
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += p[i] = MATH(exp)(x[i] - m);
    for (size_t i = 0; i < n; i++)
        p[i] = (real)(p[i] / sum);
    return log(sum) + (double)m;
}

void REF(softmax)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * ref_size(k->out) / C;
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);

    for (size_t i = 0; i < rows; i++)
        softmax_row(y + i * C, x + i * C, C);
}

void REF(softmax_gradient)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * ref_size(k->out) / C;
    const real *s = ref_read(k, f, 0), *y = ref_read(k, f, 1);
    real *x = ref_write(k, f);

    for (size_t i = 0; i < rows; i++) {
        double dot = 0;

        for (size_t c = 0; c < C; c++)
            dot += (double)s[i * C + c] * (double)y[i * C + c];
        for (size_t c = 0; c < C; c++)
            x[i * C + c] = (real)((double)y[i * C + c] * ((double)s[i * C + c] - dot));
    }
}

/* The softmax itself is only a by-product here: y is overwritten. */
void REF(log_softmax)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * ref_size(k->out) / C;
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);

    for (size_t i = 0; i < rows; i++, x += C, y += C) {
        const double log_sum = softmax_row(y, x, C);

        for (size_t c = 0; c < C; c++)
            y[c] = (real)((double)x[c] - log_sum);
    }
}

void REF(log_softmax_gradient)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c, rows = (size_t)k->chunk * ref_size(k->out) / C;
    const real *s = ref_read(k, f, 0), *y = ref_read(k, f, 1);
    real *x = ref_write(k, f);

    for (size_t i = 0; i < rows; i++, s += C, y += C, x += C) {
        double sum = 0;

        for (size_t c = 0; c < C; c++)
            sum += (double)s[c];
        for (size_t c = 0; c < C; c++)
            x[c] = (real)((double)s[c] - exp((double)y[c]) * sum);
    }
}

/* Mean cross-entropy by log-sum-exp: no probability can underflow into log(0). */
void REF(loss)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c;
    const real *x = ref_read(k, f, 0);
    real *s = ref_write(k, f);

    for (size_t n = 0; n < (size_t)k->chunk; n++, x += C, s += C) {
        size_t answer = 0, truth;
        double log_sum;

        if (n >= (size_t)f->n) {
            memset(s, 0, C * sizeof *s);
            continue;
        }
        truth = (size_t)f->labels[n];
        for (size_t c = 1; c < C; c++)
            if (x[c] > x[answer])
                answer = c;
        log_sum = softmax_row(s, x, C);
        *f->loss += log_sum - (double)x[truth];
        *f->correct += answer == truth;
        s[truth] -= 1;
        for (size_t c = 0; c < C; c++)
            s[c] /= (real)f->total;
    }
}
