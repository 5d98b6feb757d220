/* avg_pool.c - average pooling and its adjoint.
 *
 * The sum is over the cells inside the picture. It is divided by their number, or, with count_pad,
 * by the number of cells that are inside the padded picture; what a window of ceil mode hangs over
 * beyond that never counts. */
#include "engine/ref/ref.h"

#include <string.h>

/* Rows (axis 0) or columns of window i that lie inside the picture: [*first, *last). */
static void inside(const dcn__window *w, int axis, int i, int extent, int *first, int *last)
{
    *first = i * w->stride[axis] - w->pad[axis];
    *last = *first + w->kernel[axis];
    if (*first < 0)
        *first = 0;
    if (*last > extent)
        *last = extent;
}

/* What the sum of window i along one axis is divided by. */
static int cells_along(const dcn__window *w, int axis, int i, int extent)
{
    const int before = w->count_pad ? w->pad[axis] : 0;
    const int after = w->count_pad ? w->pad[axis + 2] - w->over[axis] : 0;
    int first = i * w->stride[axis] - w->pad[axis], last = first + w->kernel[axis];

    if (first < -before)
        first = -before;
    if (last > extent + after)
        last = extent + after;
    return last - first;
}

/* forward: y = mean of x. Otherwise: x += y / cells. */
static void each_window(const ref_kernel *k, const real *from, real *to, bool forward)
{
    const dcn__window *w = &k->node->window;
    const size_t C = (size_t)k->in.c;
    int top, bottom, left, right;

    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++) {
            inside(w, 0, i, k->in.h, &top, &bottom);
            for (int j = 0; j < k->out.w; j++) {
                const size_t yi = (((size_t)n * (size_t)k->out.h + (size_t)i) * (size_t)k->out.w +
                                   (size_t)j) * C;
                inside(w, 1, j, k->in.w, &left, &right);
                const real cells = (real)cells_along(w, 0, i, k->in.h) *
                                   (real)cells_along(w, 1, j, k->in.w);

                for (size_t c = 0; c < C; c++) {
                    real sum = 0;

                    for (int row = top; row < bottom; row++)
                        for (int col = left; col < right; col++) {
                            const size_t xi = (((size_t)n * (size_t)k->in.h + (size_t)row) *
                                               (size_t)k->in.w + (size_t)col) * C + c;
                            if (forward)
                                sum += from[xi];
                            else
                                to[xi] += from[yi + c] / cells;
                        }
                    if (forward)
                        to[yi + c] = sum / cells;
                }
            }
        }
}

void REF(avg_pool)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    each_window(k, ref_read(k, f, 0), ref_write(k, f), true);
}

void REF(avg_pool_spread)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    real *x = ref_write(k, f);

    memset(x, 0, (size_t)k->chunk * ref_size(k->in) * sizeof *x);
    each_window(k, ref_read(k, f, 0), x, false);
}
