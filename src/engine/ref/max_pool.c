/* max_pool.c - max pooling with switches, and unpooling.
 *
 * A switch is the winner's place inside its window, r*S + s. Ties: the first in row-major order.
 * NaN never wins against a number; a window of nothing but NaN or -infinity has its first cell
 * inside the picture as winner. So a switch always names a cell of the picture. */
#include "engine/ref/ref.h"

#include <math.h>
#include <string.h>

static void set_switch(void *switches, int bytes, size_t i, size_t value)
{
    if (bytes == 1)
        ((uint8_t *)switches)[i] = (uint8_t)value;
    else
        ((uint32_t *)switches)[i] = (uint32_t)value;
}

static size_t get_switch(const void *switches, int bytes, size_t i)
{
    return bytes == 1 ? ((const uint8_t *)switches)[i] : ((const uint32_t *)switches)[i];
}

void REF(max_pool)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const dcn__window *w = &k->node->window;
    const int bytes = dcn__switch_bytes(w);
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);
    void *switches = f->slots[k->step->write_switch];
    size_t at = 0;

    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++)
                for (int c = 0; c < k->out.c; c++, at++) {
                    bool found = false;
                    size_t winner = 0;
                    real best = 0;

                    for (int r = 0; r < w->kernel[0]; r++)
                        for (int s = 0; s < w->kernel[1]; s++) {
                            const int row = i * w->stride[0] - w->pad[0] + r;
                            const int col = j * w->stride[1] - w->pad[1] + s;
                            real v;

                            if (row < 0 || row >= k->in.h || col < 0 || col >= k->in.w)
                                continue;
                            v = x[(((size_t)n * (size_t)k->in.h + (size_t)row) * (size_t)k->in.w +
                                   (size_t)col) * (size_t)k->in.c + (size_t)c];
                            if (!found || v > best || (isnan(best) && !isnan(v))) {
                                found = true;
                                best = v;
                                winner = (size_t)r * (size_t)w->kernel[1] + (size_t)s;
                            }
                        }
                    y[at] = best;
                    set_switch(switches, bytes, at, winner);
                }
}

/* Each value to its switch. Where windows overlap values are added, in the order of the outputs. */
void REF(unpool)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const dcn__window *w = &k->node->window;
    const int bytes = dcn__switch_bytes(w);
    const real *s = ref_read(k, f, 0);
    const void *switches = f->slots[k->step->reads[1]];
    real *x = ref_write(k, f);
    size_t at = 0;

    memset(x, 0, (size_t)k->chunk * ref_size(k->in) * sizeof *x);
    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++)
                for (int c = 0; c < k->out.c; c++, at++) {
                    const size_t winner = get_switch(switches, bytes, at);
                    const int row =
                        i * w->stride[0] - w->pad[0] + (int)(winner / (size_t)w->kernel[1]);
                    const int col =
                        j * w->stride[1] - w->pad[1] + (int)(winner % (size_t)w->kernel[1]);

                    x[(((size_t)n * (size_t)k->in.h + (size_t)row) * (size_t)k->in.w +
                       (size_t)col) *
                          (size_t)k->in.c +
                      (size_t)c] += s[at];
                }
}
