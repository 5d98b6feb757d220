/* lrn.c - local response normalisation across channels, ONNX's formula, and its true derivative.
 *
 *   D_c = k + alpha/size * sum of x_j^2, j from c - floor((size-1)/2) to c + ceil((size-1)/2)
 *   y_c = x_c * D_c^-beta
 *   ds_i = s_i * D_i^-beta - 2 * alpha/size * beta * x_i * sum of s_c * x_c * D_c^(-beta-1),
 *          over the c whose sum holds x_i */
#include "engine/ref/ref.h"

#include <math.h>

/* From `before` channels before c to `after` behind it, as far as there are any: [*first, *end). */
static void near_by(int c, int before, int after, int C, int *first, int *end)
{
    *first = c > before ? c - before : 0;
    *end = after < C - c ? c + after + 1 : C;
}

/* D of every channel of one cell. */
static void denominators(const ref_kernel *k, const real *x, real *d)
{
    const dcn__node *n = k->node;
    const int before = (n->size - 1) / 2, after = n->size / 2;
    int first, end;

    for (int c = 0; c < k->out.c; c++) {
        real sum = 0;

        near_by(c, before, after, k->out.c, &first, &end);
        for (int j = first; j < end; j++)
            sum += x[j] * x[j];
        d[c] = (real)n->bias_k + (real)n->alpha / (real)n->size * sum;
    }
}

void REF(lrn)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t C = (size_t)k->out.c, cells = (size_t)k->chunk * ref_size(k->out) / C;
    const real beta = (real)k->node->beta, *x = ref_read(k, f, 0);
    real *y = ref_write(k, f), *d = f->scratch;

    for (size_t i = 0; i < cells; i++, x += C, y += C) {
        denominators(k, x, d);
        for (size_t c = 0; c < C; c++)
            y[c] = x[c] * MATH(pow)(d[c], -beta);
    }
}

void REF(lrn_gradient)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const dcn__node *n = k->node;
    const size_t C = (size_t)k->out.c, cells = (size_t)k->chunk * ref_size(k->out) / C;
    const real beta = (real)n->beta, factor = 2 * (real)n->alpha / (real)n->size * beta;
    const real *s = ref_read(k, f, 0), *x = ref_read(k, f, 1);
    real *out = ref_write(k, f), *d = f->scratch;
    int first, end;

    for (size_t i = 0; i < cells; i++, s += C, x += C, out += C) {
        denominators(k, x, d);
        for (int c = 0; c < (int)C; c++) {
            real sum = 0;

            /* The other way round: x_c is in the sums of those from c - after to c + before. */
            near_by(c, n->size / 2, (n->size - 1) / 2, (int)C, &first, &end);
            for (int j = first; j < end; j++)
                sum += s[j] * x[j] * MATH(pow)(d[j], -beta - 1);
            out[c] = s[c] * MATH(pow)(d[c], -beta) - factor * x[c] * sum;
        }
    }
}
