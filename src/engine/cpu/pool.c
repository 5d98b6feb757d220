/* pool.c - max pooling with switches, unpooling, average pooling; channels innermost.
 *
 * Ties and NaN exactly as engine/ref/max_pool.c says. Averages add their cells in the same
 * order. */
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
        b.first[axis] = at[axis] < 0 ? -at[axis] : 0;
        b.last[axis] =
            at[axis] + w->kernel[axis] > extent[axis] ? extent[axis] - at[axis] : w->kernel[axis];
    }
    return b;
}

/* Offset of x[n, i*u - top + r, j*v - left + s, 0]; may be negative before r and s are added. */
LOOP ptrdiff_t cell(const cpu_kernel *k, int n, int i, int j, int r, int s)
{
    const dcn__window *w = &k->node->window;
    const ptrdiff_t row = (ptrdiff_t)i * w->stride[0] - w->pad[0] + r;
    const ptrdiff_t col = (ptrdiff_t)j * w->stride[1] - w->pad[1] + s;

    return (((ptrdiff_t)n * k->in.h + row) * k->in.w + col) * k->in.c;
}

/* ---- max
 * ---------------------------------------------------------------------------------------------- */

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
    const size_t C = (size_t)k->in.c, row = (size_t)k->in.w * C;
    float buffer[BLOCK];

    take_first(best, winner, rectify(x, buffer, n, relu),
               (uint32_t)(b->first[0] * w->kernel[1] + b->first[1]), n);
    for (int r = b->first[0]; r < b->last[0]; r++)
        for (int s = b->first[1]; s < b->last[1]; s++)
            if (r != b->first[0] || s != b->first[1]) {
                const float *from =
                    x + (size_t)(r - b->first[0]) * row + (size_t)(s - b->first[1]) * C;

                take_larger(best, winner, rectify(from, buffer, n, relu),
                            (uint32_t)(r * w->kernel[1] + s), n);
            }
}

LOOP void pool(const cpu_kernel *k, const float *x, float *y, void *switches, bool relu)
{
    const int bytes = dcn__switch_bytes(&k->node->window);
    const size_t C = (size_t)k->in.c;
    float best[BLOCK];
    uint32_t winner[BLOCK];
    size_t at = 0;

    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++, at += C) {
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

LOOP void max_pool_body(const cpu_kernel *k, const dcn__frame *f)
{
    pool(k, cpu_read(k, f, 0), cpu_write(k, f), f->slots[k->step->write_switch], false);
}
DCN__EVERY_ISA(max_pool)

/* [relu, max_pool]: the ReLU's value is not written. The node is the pool. */
LOOP void relu_max_pool_body(const cpu_kernel *k, const dcn__frame *f)
{
    pool(k, cpu_read(k, f, 0), cpu_write(k, f), f->slots[k->writes[1]], true);
}
DCN__EVERY_ISA(relu_max_pool)

/* ---- unpool
 * --------------------------------------------------------------------------------------------- */

/* Every cell of the input in exactly one window, every window whole: each cell is written once. */
static bool tiles(const cpu_kernel *k)
{
    const dcn__window *w = &k->node->window;

    return w->stride[0] == w->kernel[0] && w->stride[1] == w->kernel[1] && !w->pad[0] &&
           !w->pad[1] && k->out.h * w->stride[0] == k->in.h && k->out.w * w->stride[1] == k->in.w &&
           dcn__switch_bytes(w) == 1;
}

LOOP void unpool_tiles(const cpu_kernel *k, const float *restrict s,
                       const uint8_t *restrict switches, float *restrict x)
{
    const dcn__window *w = &k->node->window;
    const size_t C = (size_t)k->in.c;

    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++, s += C, switches += C)
                for (int r = 0; r < w->kernel[0]; r++)
                    for (int q = 0; q < w->kernel[1]; q++) {
                        const uint8_t place = (uint8_t)(r * w->kernel[1] + q);
                        float *restrict to = x + cell(k, n, i, j, r, q);

                        for (size_t c = 0; c < C; c++) {
                            const float v = s[c];

                            to[c] = switches[c] == place ? v : 0;
                        }
                    }
}

static void unpool_add(const cpu_kernel *k, const float *s, const void *switches, float *x)
{
    const dcn__window *w = &k->node->window;
    const int bytes = dcn__switch_bytes(w);
    const size_t C = (size_t)k->in.c;
    size_t at = 0;

    memset(x, 0, (size_t)k->chunk * cpu_size(k->in) * sizeof *x);
    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++)
                for (size_t c = 0; c < C; c++, at++) {
                    const uint32_t place = bytes == 1 ? ((const uint8_t *)switches)[at]
                                                      : ((const uint32_t *)switches)[at];
                    const int r = (int)(place / (uint32_t)w->kernel[1]);
                    const int q = (int)(place % (uint32_t)w->kernel[1]);

                    x[cell(k, n, i, j, r, q) + (ptrdiff_t)c] += s[at];
                }
}

LOOP void unpool_body(const cpu_kernel *k, const dcn__frame *f)
{
    if (tiles(k))
        unpool_tiles(k, cpu_read(k, f, 0), cpu_read(k, f, 1), cpu_write(k, f));
    else
        unpool_add(k, cpu_read(k, f, 0), cpu_read(k, f, 1), cpu_write(k, f));
}
DCN__EVERY_ISA(unpool)

/* ---- average --------------------------------------------------------------------------------- */

LOOP void avg_pool_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t C = (size_t)k->in.c;
    const float *x = cpu_read(k, f, 0);
    float *restrict y = cpu_write(k, f);

    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++, y += C) {
                const inside b = inside_of(&k->node->window, k->in, i, j);
                const float cells = (float)((b.last[0] - b.first[0]) * (b.last[1] - b.first[1]));

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

LOOP void avg_pool_spread_body(const cpu_kernel *k, const dcn__frame *f)
{
    const size_t C = (size_t)k->in.c;
    const float *restrict s = cpu_read(k, f, 0);
    float *x = cpu_write(k, f);

    memset(x, 0, (size_t)k->chunk * cpu_size(k->in) * sizeof *x);
    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < k->out.h; i++)
            for (int j = 0; j < k->out.w; j++, s += C) {
                const inside b = inside_of(&k->node->window, k->in, i, j);
                const float cells = (float)((b.last[0] - b.first[0]) * (b.last[1] - b.first[1]));

                for (int r = b.first[0]; r < b.last[0]; r++)
                    for (int q = b.first[1]; q < b.last[1]; q++) {
                        float *restrict to = x + cell(k, n, i, j, r, q);

                        for (size_t c = 0; c < C; c++)
                            to[c] += s[c] / cells;
                    }
            }
}
DCN__EVERY_ISA(avg_pool_spread)
