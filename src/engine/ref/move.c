/* move.c - values that only change their place: picked channels, padded or cropped cells, another
 * shape. Each beside its adjoint, which moves them back. */
#include "engine/ref/ref.h"

#include <string.h>

/* ---- slice and shuffle ---------------------------------------------------------------------- */

void REF(pick)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t cells = (size_t)k->chunk * (size_t)k->out.h * (size_t)k->out.w;
    const real *x = ref_read(k, f, 0);
    real *y = ref_write(k, f);

    for (size_t i = 0; i < cells; i++, x += k->in.c, y += k->out.c)
        for (int c = 0; c < k->out.c; c++)
            y[c] = x[dcn__channel_of(k->node, c)];
}

void REF(pick_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const size_t cells = (size_t)k->chunk * (size_t)k->out.h * (size_t)k->out.w;
    const real *s = ref_read(k, f, 0);
    real *x = ref_write(k, f);

    memset(x, 0, (size_t)k->chunk * ref_size(k->in) * sizeof *x);
    for (size_t i = 0; i < cells; i++, x += k->in.c, s += k->out.c)
        for (int c = 0; c < k->out.c; c++)
            x[dcn__channel_of(k->node, c)] = s[c];
}

/* ---- pad ------------------------------------------------------------------------------------ */

/* Fills (h,w) cells of `to` from those of `from` (fh,fw) that lie `top` rows and `left` columns
 * further up and left; where there are none, with `value`. */
static void shift(const ref_kernel *k, const real *from, dcn_shape fs, real *to, dcn_shape ts,
                  int top, int left, real value)
{
    const size_t C = (size_t)ts.c;

    for (int n = 0; n < k->chunk; n++)
        for (int i = 0; i < ts.h; i++)
            for (int j = 0; j < ts.w; j++, to += C) {
                const int row = i - top, col = j - left;
                const bool inside = row >= 0 && row < fs.h && col >= 0 && col < fs.w;
                const real *cell = from;

                if (inside)
                    cell += (((size_t)n * (size_t)fs.h + (size_t)row) * (size_t)fs.w +
                             (size_t)col) * C;
                for (size_t c = 0; c < C; c++)
                    to[c] = inside ? cell[c] : value;
            }
}

void REF(pad)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const int *pad = k->node->window.pad;

    shift(k, ref_read(k, f, 0), k->in, ref_write(k, f), k->out, pad[0], pad[1],
          (real)k->node->alpha);
}

void REF(pad_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;
    const int *pad = k->node->window.pad;

    shift(k, ref_read(k, f, 0), k->out, ref_write(k, f), k->in, -pad[0], -pad[1], 0);
}

/* ---- reshape -------------------------------------------------------------------------------- */

/* Where element number e, counted in the node's order, lies in a picture of shape s. */
static size_t place(dcn_order order, dcn_shape s, size_t e)
{
    const size_t cells = (size_t)s.h * (size_t)s.w;

    return order == DCN_ORDER_HWC ? e : e % cells * (size_t)s.c + e / cells;
}

static void relay(const ref_kernel *k, const real *from, dcn_shape fs, real *to, dcn_shape ts)
{
    const size_t size = ref_size(ts);

    for (int n = 0; n < k->chunk; n++, from += size, to += size)
        for (size_t e = 0; e < size; e++)
            to[place(k->node->order, ts, e)] = from[place(k->node->order, fs, e)];
}

void REF(reshape)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    relay(k, ref_read(k, f, 0), k->in, ref_write(k, f), k->out);
}

void REF(reshape_data)(const dcn__kernel *kernel, const dcn__frame *f)
{
    const ref_kernel *k = (const ref_kernel *)kernel;

    relay(k, ref_read(k, f, 0), k->out, ref_write(k, f), k->in);
}
