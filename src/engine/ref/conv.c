/* conv.c - convolution, its exact adjoint, and the gradients of its weights.
 *
 * x (N,H,W,C), y (N,h,w,K), W (R,S,C/groups,K). Cross-correlation, as every framework means it:
 *   y[n,i,j,k] = b[k] + sum over r,s,c of x[n, i*u - top + r*d, j*u - left + s*d, c] * W[r,s,c,k]
 * All three functions are the same seven loops; only the line in the middle differs. */
#include "engine/ref/ref.h"

#include <string.h>

/* Calls BODY for every pair of an input row and an output row: with xi the index of x[n,.,.,0 of
 * the group], yi that of y[n,i,j,0] and wi that of W[r,s,0,0]. */
#define EACH_TAP(k, BODY)                                                                          \
    do {                                                                                           \
        const dcn__window *w_ = &(k)->node->window;                                                \
        const int per_group_ = (k)->in.c / (k)->node->groups;                                      \
        for (int n_ = 0; n_ < (k)->chunk; n_++)                                                    \
            for (int i_ = 0; i_ < (k)->out.h; i_++)                                                \
                for (int j_ = 0; j_ < (k)->out.w; j_++)                                            \
                    for (int r_ = 0; r_ < w_->kernel[0]; r_++)                                     \
                        for (int s_ = 0; s_ < w_->kernel[1]; s_++) {                               \
                            const int row_ =                                                       \
                                i_ * w_->stride[0] - w_->pad[0] + r_ * w_->dilation[0];            \
                            const int col_ =                                                       \
                                j_ * w_->stride[1] - w_->pad[1] + s_ * w_->dilation[1];            \
                            if (row_ < 0 || row_ >= (k)->in.h || col_ < 0 || col_ >= (k)->in.w)    \
                                continue;                                                          \
                            const size_t xi = (((size_t)n_ * (size_t)(k)->in.h + (size_t)row_) *   \
                                               (size_t)(k)->in.w + (size_t)col_) *                 \
                                              (size_t)(k)->in.c;                                   \
                            const size_t yi = (((size_t)n_ * (size_t)(k)->out.h + (size_t)i_) *    \
                                               (size_t)(k)->out.w + (size_t)j_) *                  \
                                              (size_t)(k)->out.c;                                  \
                            const size_t wi = ((size_t)r_ * (size_t)w_->kernel[1] + (size_t)s_) *  \
                                              (size_t)per_group_ * (size_t)(k)->out.c;             \
                            BODY                                                                   \
                        }                                                                          \
    } while (0)

/* Calls BODY for every weight of a tap: input channel `in` of x[xi], output channel `o` of
 * y[yi], and `at`, their place in W from wi. Output channels run innermost, along memory. */
#define EACH_WEIGHT(k, BODY)                                                                       \
    do {                                                                                           \
        const size_t C_ = (size_t)((k)->in.c / (k)->node->groups), K_ = (size_t)(k)->out.c;        \
        const size_t O_ = K_ / (size_t)(k)->node->groups;                                          \
        for (size_t g_ = 0; g_ < (size_t)(k)->node->groups; g_++)                                  \
            for (size_t c_ = 0; c_ < C_; c_++) {                                                   \
                const size_t in = g_ * C_ + c_;                                                    \
                for (size_t o = g_ * O_; o < (g_ + 1) * O_; o++) {                                 \
                    const size_t at = c_ * K_ + o;                                                 \
                    BODY                                                                           \
                }                                                                                  \
            }                                                                                      \
    } while (0)

void REF(conv)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *x = ref_read(k, f, 0), *w = f->weights[k->node->weight];
    const real *b = k->node->bias >= 0 ? f->weights[k->node->bias] : NULL;
    const size_t cells = (size_t)k->chunk * (size_t)k->out.h * (size_t)k->out.w;
    const size_t K = (size_t)k->out.c;
    real *y = ref_write(k, f);

    for (size_t i = 0; i < cells; i++)
        for (size_t o = 0; o < K; o++)
            y[i * K + o] = b ? b[o] : 0;
    EACH_TAP(k, EACH_WEIGHT(k, y[yi + o] += x[xi + in] * w[wi + at];););
}

void REF(conv_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *s = ref_read(k, f, 0), *w = f->weights[k->node->weight];
    real *x = ref_write(k, f);

    memset(x, 0, (size_t)k->chunk * ref_size(k->in) * sizeof *x);
    EACH_TAP(k, EACH_WEIGHT(k, x[xi + in] += s[yi + o] * w[wi + at];););
}

void REF(conv_weights)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *x = ref_read(k, f, 0), *s = ref_read(k, f, 1);
    const size_t K = (size_t)k->out.c;
    const size_t cells = (size_t)k->chunk * (size_t)k->out.h * (size_t)k->out.w;
    real *dw = ref_gradient(k, f), *db = dw + k->graph->weights[k->node->weight].count;

    memset(dw, 0, k->base.gradient_bytes);
    EACH_TAP(k, EACH_WEIGHT(k, dw[wi + at] += x[xi + in] * s[yi + o];););
    for (size_t i = 0; k->node->bias >= 0 && i < cells; i++)
        for (size_t o = 0; o < K; o++)
            db[o] += s[i * K + o];
}

/* Takes the bias away everywhere, also where an unpooled signal is zero (the tutorial's rule). */
void REF(less_bias)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const real *s = ref_read(k, f, 0), *b = f->weights[k->node->bias];
    const size_t K = (size_t)k->out.c, n = (size_t)k->chunk * ref_size(k->out);
    real *out = ref_write(k, f);

    for (size_t i = 0; i < n; i++)
        out[i] = s[i] - b[i % K];
}
