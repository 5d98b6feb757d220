/* max_pool.c - max pooling with switches, unpooling by them, and unpooling without them.
 *
 * A switch is the winner's place inside its window, r*S + s. Ties: the first in row-major order.
 * NaN never wins against a number; a window of nothing but NaN or -infinity has its first cell
 * inside the picture as winner. So a switch always names a cell of the picture. (shapes.c
 * refuses windows that have none.) */
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

/* Row (axis 0) or column of the picture on which place t of window i lies. */
static int cell_of(const dcn__window *w, int axis, int i, int t)
{
    return i * w->stride[axis] - w->pad[axis] + t * w->dilation[axis];
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
                            const int row = cell_of(w, 0, i, r);
                            const int col = cell_of(w, 1, j, s);
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

/* The middle of window i, rounded down; where that is padding, the nearest place of the window that
 * is inside the picture. */
static int middle(const dcn__window *w, int axis, int i, int extent)
{
    int t = (w->kernel[axis] - 1) / 2;

    while (cell_of(w, axis, i, t) < 0)
        t++;
    while (cell_of(w, axis, i, t) >= extent)
        t--;
    return cell_of(w, axis, i, t);
}

/* Each value to one cell of its window. Where windows overlap values are added, in the order of the
 * outputs. Without switches the cell is the middle one. */
static void each_value(const ref_kernel *k, const real *s, const void *switches, real *x)
{
    const dcn__window *w = &k->node->window;
    const int bytes = dcn__switch_bytes(w);
    const size_t S = (size_t)w->kernel[1];
    size_t at = 0;

    memset(x, 0, (size_t)k->chunk * ref_size(k->in) * sizeof *x);
    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++)
                for (int c = 0; c < k->out.c; c++, at++) {
                    int row, col;

                    if (switches) {
                        const size_t winner = get_switch(switches, bytes, at);

                        row = cell_of(w, 0, i, (int)(winner / S));
                        col = cell_of(w, 1, j, (int)(winner % S));
                    } else {
                        row = middle(w, 0, i, k->in.h);
                        col = middle(w, 1, j, k->in.w);
                    }
                    x[(((size_t)n * (size_t)k->in.h + (size_t)row) * (size_t)k->in.w +
                       (size_t)col) * (size_t)k->in.c + (size_t)c] += s[at];
                }
}

void REF(unpool)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    each_value(k, ref_read(k, f, 0), f->slots[k->step->reads[1]], ref_write(k, f));
}

void REF(unpool_centre)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    each_value(k, ref_read(k, f, 0), NULL, ref_write(k, f));
}
