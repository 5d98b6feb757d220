/* pool.c - max pooling with switches, unpooling, average pooling; channels innermost.
 *
 * Ties and NaN exactly as engine/ref/max_pool.c says. Averages add their cells in the same order;
 * on the way down each row of the picture gathers from the windows that hold it, in the order in
 * which the definition scatters, so that rows can be cut among threads. */
#include "engine/cpu/isa.h"

#include <string.h>

enum { BLOCK = 64 }; /* channels whose best values stay in registers or the nearest cache */

/* Rows and columns [first, last) of a window, counted inside the window, that lie in the
 * picture. */
typedef struct inside {
    int first[2], last[2];
} inside;

LOOP inside inside_of(const dcn__window *w, dcn_shape in, int i, int j)
{
    const int at[2] = { i * w->stride[0] - w->pad[0], j * w->stride[1] - w->pad[1] };
    const int extent[2] = { in.h, in.w };
    inside b;

    for (int axis = 0; axis < 2; axis++) {
        const int d = w->dilation[axis];

        b.first[axis] = at[axis] < 0 ? (d - 1 - at[axis]) / d : 0;
        b.last[axis] = at[axis] + (w->kernel[axis] - 1) * d >= extent[axis]
                           ? (extent[axis] - 1 - at[axis]) / d + 1 : w->kernel[axis];
    }
    return b;
}

/* Offset of x[n, i*u - top + r*d, j*v - left + s*d, 0]; may be negative before r and s are
 * added. */
LOOP ptrdiff_t cell(const cpu_kernel *k, int n, int i, int j, int r, int s)
{
    const dcn__window *w = &k->node->window;
    const ptrdiff_t row = (ptrdiff_t)i * w->stride[0] - w->pad[0] + (ptrdiff_t)r * w->dilation[0];
    const ptrdiff_t col = (ptrdiff_t)j * w->stride[1] - w->pad[1] + (ptrdiff_t)s * w->dilation[1];

    return (((ptrdiff_t)n * k->in.h + row) * k->in.w + col) * k->in.c;
}

/* ---- max ------------------------------------------------------------------------------------- */

LOOP void store_switches(void *switches, int bytes, size_t at, const uint32_t *winner, size_t n)
{
    if (bytes == 1)
        for (size_t c = 0; c < n; c++)
            ((uint8_t *)switches)[at + c] = (uint8_t)winner[c];
    else
        memcpy((uint32_t *)switches + at, winner, n * sizeof *winner);
}

/* A pass of its own over a few registers: inside the comparison it would keep the loop from being
 * vectorised. */
LOOP const float *rectify(const float *x, float *buffer, size_t n, bool relu)
{
    if (!relu)
        return x;
    for (size_t c = 0; c < n; c++)
        buffer[c] = x[c] < 0 ? 0 : x[c];
    return buffer;
}

LOOP void take_first(float *best, uint32_t *winner, const float *x, uint32_t place, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        best[c] = x[c];
        winner[c] = place;
    }
}

LOOP void take_larger(float *best, uint32_t *winner, const float *x, uint32_t place, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        const float v = x[c], b = best[c];
        const int take = (v > b) | ((b != b) & (v == v));

        best[c] = take ? v : b;
        winner[c] = take ? place : winner[c];
    }
}

/* The winners of one window for channels [0, n) from x on, which is its first cell that counts. */
LOOP void pool_block(const cpu_kernel *k, const inside *b, const float *x, size_t n, float *best,
                              uint32_t *winner, bool relu)
{
    const dcn__window *w = &k->node->window;
    const size_t C = (size_t)k->in.c, column = (size_t)w->dilation[1] * C;
    const size_t row = (size_t)k->in.w * (size_t)w->dilation[0] * C;
    float buffer[BLOCK];

    take_first(best, winner, rectify(x, buffer, n, relu),
               (uint32_t)(b->first[0] * w->kernel[1] + b->first[1]), n);
    for (int r = b->first[0]; r < b->last[0]; r++)
        for (int s = b->first[1]; s < b->last[1]; s++)
            if (r != b->first[0] || s != b->first[1]) {
                const float *from =
                    x + (size_t)(r - b->first[0]) * row + (size_t)(s - b->first[1]) * column;

                take_larger(best, winner, rectify(from, buffer, n, relu),
                            (uint32_t)(r * w->kernel[1] + s), n);
            }
}

LOOP void pool(const cpu_kernel *k, const float *x, float *y, void *switches, bool relu,
               size_t first, size_t end)
{
    const int bytes = dcn__switch_bytes(&k->node->window);
    const size_t C = (size_t)k->in.c, h = (size_t)k->out.h;
    float best[BLOCK];
    uint32_t winner[BLOCK];
    size_t at = first * (size_t)k->out.w * C;

    for (size_t row = first; row < end; row++)
        for (int j = 0; j < k->out.w; j++, at += C) {
            const int n = (int)(row / h), i = (int)(row % h);
            const inside b = inside_of(&k->node->window, k->in, i, j);
            const float *from = x + cell(k, n, i, j, b.first[0], b.first[1]);

            for (size_t c = 0; c < C; c += BLOCK) {
                const size_t m = C - c < BLOCK ? C - c : BLOCK;

                if (m == BLOCK)      /* a constant length lets the compiler unroll */
                    pool_block(k, &b, from + c, BLOCK, best, winner, relu);
                else
                    pool_block(k, &b, from + c, m, best, winner, relu);
                memcpy(y + at + c, best, m * sizeof *best);
                store_switches(switches, bytes, at + c, winner, m);
            }
        }
}

LOOP void max_pool_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    pool(k, cpu_read(k, f, 0), cpu_write(k, f), f->slots[k->step->write_switch], false, first, end);
}
DCN__EVERY_ISA(max_pool)

/* [relu, max_pool]: the ReLU's value is not written. The node is the pool. */
LOOP void relu_max_pool_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    pool(k, cpu_read(k, f, 0), cpu_write(k, f), f->slots[k->writes[1]], true, first, end);
}
DCN__EVERY_ISA(relu_max_pool)

/* ---- unpool ---------------------------------------------------------------------------------- */

/* Every cell of the input in exactly one window, every window whole: each cell is written once. */
static bool tiles(const cpu_kernel *k)
{
    const dcn__window *w = &k->node->window;

    return w->stride[0] == w->kernel[0] && w->stride[1] == w->kernel[1] && !w->pad[0] &&
           !w->pad[1] && k->out.h * w->stride[0] == k->in.h && k->out.w * w->stride[1] == k->in.w &&
           w->dilation[0] == 1 && w->dilation[1] == 1 && dcn__switch_bytes(w) == 1;
}

/* Units: pictures, or rows of the picture where each window of few places looks for its winner in
 * every row that it holds. */
dcn__unit dcn__cpu_unpool_unit(const cpu_kernel *k)
{
    const dcn__window *w = &k->node->window;

    return tiles(k) || w->kernel[0] * w->kernel[1] <= 16 ? DCN__UNIT_ROW_IN : DCN__UNIT_PICTURE;
}

LOOP void unpool_tiles(const cpu_kernel *k, const float *restrict s,
                       const uint8_t *restrict switches, float *restrict x, size_t first,
                       size_t end)
{
    const int R = k->node->window.kernel[0], S = k->node->window.kernel[1];
    const size_t C = (size_t)k->in.c, line = (size_t)k->out.w * C;

    for (size_t row = first; row < end; row++) {
        const int r = (int)(row % (size_t)k->in.h) % R;
        const size_t from = row / (size_t)R * line;
        float *restrict to = x + row * (size_t)k->in.w * C;

        for (size_t j = 0; j < line; j += C)
            for (int q = 0; q < S; q++, to += C) {
                const uint8_t place = (uint8_t)(r * S + q);

                for (size_t c = 0; c < C; c++) {
                    const float v = s[from + j + c];

                    to[c] = switches[from + j + c] == place ? v : 0;
                }
            }
    }
}

/* Output rows [*first, *end) whose windows may hold row `row` of the picture. */
LOOP void windows_over(const dcn__window *w, int axis, int row, int out, int *first, int *end)
{
    const int reach = (w->kernel[axis] - 1) * w->dilation[axis], at = row + w->pad[axis];

    *first = at > reach ? (at - reach + w->stride[axis] - 1) / w->stride[axis] : 0;
    *end = at / w->stride[axis] + 1 < out ? at / w->stride[axis] + 1 : out;
}

/* Place r of window i that is row `row` of the picture, or -1. */
LOOP int place_of(const dcn__window *w, int axis, int row, int i)
{
    const int at = row + w->pad[axis] - i * w->stride[axis];

    return at % w->dilation[axis] ? -1 : at / w->dilation[axis];
}

LOOP void unpool_rows(const cpu_kernel *k, const float *restrict s,
                      const uint8_t *restrict switches, float *x, size_t first, size_t end)
{
    const dcn__window *w = &k->node->window;
    const size_t C = (size_t)k->in.c, h = (size_t)k->in.h, line = (size_t)k->in.w * C;
    int i, stop;

    for (size_t row = first; row < end; row++) {
        const int n = (int)(row / h), y = (int)(row % h);

        memset(x + row * line, 0, line * sizeof *x);
        windows_over(w, 0, y, k->out.h, &i, &stop);
        for (; i < stop; i++) {
            const int r = place_of(w, 0, y, i);
            size_t at = ((size_t)n * (size_t)k->out.h + (size_t)i) * (size_t)k->out.w * C;

            for (int j = 0; r >= 0 && j < k->out.w; j++, at += C) {
                const inside b = inside_of(w, k->in, i, j);

                for (int q = b.first[1]; q < b.last[1]; q++) {
                    const uint8_t place = (uint8_t)(r * w->kernel[1] + q);
                    float *restrict to = x + cell(k, n, i, j, r, q);

                    for (size_t c = 0; c < C; c++) {
                        const float v = s[at + c];

                        to[c] += switches[at + c] == place ? v : 0;
                    }
                }
            }
        }
    }
}

static void unpool_pictures(const cpu_kernel *k, const float *s, const void *switches, float *x,
                            size_t first, size_t end)
{
    const dcn__window *w = &k->node->window;
    const int bytes = dcn__switch_bytes(w);
    const size_t C = (size_t)k->in.c, size = cpu_size(k->in);
    size_t at = first * cpu_size(k->out);

    memset(x + first * size, 0, (end - first) * size * sizeof *x);
    for (size_t n = first; n < end; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++)
                for (size_t c = 0; c < C; c++, at++) {
                    const uint32_t place = bytes == 1 ? ((const uint8_t *)switches)[at]
                                                      : ((const uint32_t *)switches)[at];
                    const int r = (int)(place / (uint32_t)w->kernel[1]);
                    const int q = (int)(place % (uint32_t)w->kernel[1]);

                    x[cell(k, (int)n, i, j, r, q) + (ptrdiff_t)c] += s[at];
                }
}

LOOP void unpool_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const float *s = cpu_read(k, f, 0);

    if (k->unit == DCN__UNIT_PICTURE)
        unpool_pictures(k, s, cpu_read(k, f, 1), cpu_write(k, f), first, end);
    else if (tiles(k))
        unpool_tiles(k, s, cpu_read(k, f, 1), cpu_write(k, f), first, end);
    else
        unpool_rows(k, s, cpu_read(k, f, 1), cpu_write(k, f), first, end);
}
DCN__EVERY_ISA(unpool)

/* The middle of a window rounded down, or the place nearest to it that is inside the picture. */
LOOP int middle(const inside *b, int axis, int kernel)
{
    const int t = (kernel - 1) / 2;

    return t < b->first[axis] ? b->first[axis] : t >= b->last[axis] ? b->last[axis] - 1 : t;
}

LOOP void unpool_centre_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const dcn__window *w = &k->node->window;
    const size_t C = (size_t)k->in.c, size = cpu_size(k->in);
    const float *restrict s = (const float *)cpu_read(k, f, 0) + first * cpu_size(k->out);
    float *x = cpu_write(k, f);

    memset(x + first * size, 0, (end - first) * size * sizeof *x);
    for (size_t n = first; n < end; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++, s += C) {
                const inside b = inside_of(w, k->in, i, j);
                float *restrict to = x + cell(k, (int)n, i, j, middle(&b, 0, w->kernel[0]),
                                              middle(&b, 1, w->kernel[1]));

                for (size_t c = 0; c < C; c++)
                    to[c] += s[c];
            }
}
DCN__EVERY_ISA(unpool_centre)

/* ---- average --------------------------------------------------------------------------------- */

/* What the sum of window i along one axis is divided by: see engine/ref/avg_pool.c. */
LOOP int cells_along(const dcn__window *w, int axis, int i, int extent)
{
    const int before = w->count_pad ? w->pad[axis] : 0;
    const int after = w->count_pad ? w->pad[axis + 2] - w->over[axis] : 0;
    const int at = i * w->stride[axis] - w->pad[axis];
    const int first = at < -before ? -before : at;
    const int last = at + w->kernel[axis] > extent + after ? extent + after : at + w->kernel[axis];

    return last - first;
}

LOOP float cells_of(const cpu_kernel *k, int i, int j)
{
    return (float)cells_along(&k->node->window, 0, i, k->in.h) *
           (float)cells_along(&k->node->window, 1, j, k->in.w);
}

LOOP void avg_pool_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->in.c, h = (size_t)k->out.h;
    const float *x = cpu_read(k, f, 0);
    float *restrict y = (float *)cpu_write(k, f) + first * (size_t)k->out.w * C;

    for (size_t row = first; row < end; row++)
        for (int j = 0; j < k->out.w; j++, y += C) {
            const int n = (int)(row / h), i = (int)(row % h);
            const inside b = inside_of(&k->node->window, k->in, i, j);
            const float cells = cells_of(k, i, j);

            memset(y, 0, C * sizeof *y);
            for (int r = b.first[0]; r < b.last[0]; r++)
                for (int s = b.first[1]; s < b.last[1]; s++) {
                    const float *restrict from = x + cell(k, n, i, j, r, s);

                    for (size_t c = 0; c < C; c++)
                        y[c] += from[c];
                }
            for (size_t c = 0; c < C; c++)
                y[c] /= cells;
        }
}
DCN__EVERY_ISA(avg_pool)

LOOP void avg_pool_spread_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const dcn__window *w = &k->node->window;
    const size_t C = (size_t)k->in.c, h = (size_t)k->in.h, line = (size_t)k->in.w * C;
    const float *s = cpu_read(k, f, 0);
    float *x = cpu_write(k, f);
    int i, stop;

    for (size_t row = first; row < end; row++) {
        const int n = (int)(row / h), y = (int)(row % h);

        memset(x + row * line, 0, line * sizeof *x);
        windows_over(w, 0, y, k->out.h, &i, &stop);
        for (; i < stop; i++)
            for (int j = 0; j < k->out.w; j++) {
                const inside b = inside_of(w, k->in, i, j);
                const float cells = cells_of(k, i, j);
                const float *restrict from =
                    s + (((size_t)n * (size_t)k->out.h + (size_t)i) * (size_t)k->out.w +
                         (size_t)j) * C;

                for (int q = b.first[1]; q < b.last[1]; q++) {
                    float *restrict to = x + cell(k, n, i, j, place_of(w, 0, y, i), q);

                    for (size_t c = 0; c < C; c++)
                        to[c] += from[c] / cells;
                }
            }
    }
}
DCN__EVERY_ISA(avg_pool_spread)
