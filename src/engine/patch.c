/* patch.c - parts of pictures that may hang over their border: taken out, cleaned, put back. */
#include "engine/plan.h"

#include <string.h>

/* Which cells of the part, along one axis, are inside the whole: [*from, *to). */
static void inside(int64_t origin, int part, int whole, int *from, int *to)
{
    const int64_t end = whole - origin;

    *from = origin < 0 ? (int)(-origin < part ? -origin : part) : 0;
    *to = end < *from ? *from : (int)(end < part ? end : part);
}

dcn__patch dcn__descent_patch(const dcn__descent *d, const dcn_graph *g, dcn_node node,
                              const dcn__signal *s)
{
    const dcn__region *r;

    if (!d->cone.graph.n_nodes)
        return (dcn__patch){ .whole = g->nodes[node].shape, .part = g->nodes[node].shape };
    r = &d->cone.regions[node];
    return (dcn__patch){ .whole = g->nodes[r->source].shape,
                         .part = d->cone.graph.nodes[node].shape,
                         .top = r->start[0] + (int64_t)s->y * r->stride[0],
                         .left = r->start[1] + (int64_t)s->x * r->stride[1] };
}

typedef struct rows {
    size_t cell, row;             /* bytes */
    int top, bottom, left, right; /* of the part: inside the whole */
} rows;

static rows rows_of(const dcn__patch *p, size_t element)
{
    rows r = { .cell = (size_t)p->part.c * element };

    r.row = r.cell * (size_t)p->part.w;
    inside(p->top, p->part.h, p->whole.h, &r.top, &r.bottom);
    inside(p->left, p->part.w, p->whole.w, &r.left, &r.right);
    return r;
}

/* Bytes into the whole, of the part's cell (row, left). */
static size_t place(const dcn__patch *p, const rows *r, int row)
{
    return ((size_t)(p->top + row) * (size_t)p->whole.w + (size_t)(p->left + r->left)) * r->cell;
}

void dcn__patch_trim(const dcn__patch *p, size_t element, void *part)
{
    const rows r = rows_of(p, element);
    uint8_t *at = part;

    memset(at, 0, r.row * (size_t)r.top);
    memset(at + r.row * (size_t)r.bottom, 0, r.row * (size_t)(p->part.h - r.bottom));
    for (int i = r.top; i < r.bottom; i++) {
        uint8_t *row = at + r.row * (size_t)i;

        memset(row, 0, r.cell * (size_t)r.left);
        memset(row + r.cell * (size_t)r.right, 0, r.cell * (size_t)(p->part.w - r.right));
    }
}

void dcn__patch_gather(const dcn__patch *p, size_t element, void *part, const void *whole)
{
    const rows r = rows_of(p, element);

    for (int i = r.top; i < r.bottom && r.left < r.right; i++)
        memcpy((uint8_t *)part + r.row * (size_t)i + r.cell * (size_t)r.left,
               (const uint8_t *)whole + place(p, &r, i), r.cell * (size_t)(r.right - r.left));
    dcn__patch_trim(p, element, part);
}

void dcn__patch_draw(const dcn__patch *p, size_t real_bytes, float *whole, const void *part)
{
    const rows r = rows_of(p, real_bytes);

    memset(whole, 0, (size_t)dcn__shape_size(p->whole) * sizeof *whole);
    for (int i = r.top; i < r.bottom && r.left < r.right; i++)
        dcn__real_to_float(real_bytes, whole + place(p, &r, i) / real_bytes,
                           (const uint8_t *)part + r.row * (size_t)i + r.cell * (size_t)r.left,
                           (size_t)(r.right - r.left) * (size_t)p->part.c);
}

/* ---- average pools -------------------------------------------------------------------------- */

int dcn__pool_cells(const dcn__window *w, int axis, int i, int extent)
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

static void scale(void *reals, size_t real_bytes, size_t n, double factor)
{
    for (size_t i = 0; i < n; i++)
        if (real_bytes == sizeof(float))
            ((float *)reals)[i] *= (float)factor;
        else
            ((double *)reals)[i] *= factor;
}

void dcn__patch_scale(const dcn__patch *p, const dcn_graph *g, const dcn__node *n,
                      size_t real_bytes, void *part)
{
    const dcn_shape in = g->nodes[n->inputs[0]].shape;
    const rows r = rows_of(p, real_bytes);

    for (int i = r.top; i < r.bottom; i++) {
        const int row = dcn__pool_cells(&n->window, 0, (int)(p->top + i), in.h);

        for (int j = r.left; j < r.right; j++) {
            const int all = row * dcn__pool_cells(&n->window, 1, (int)(p->left + j), in.w);
            const int cells = n->window.kernel[0] * n->window.kernel[1];

            if (all != cells)
                scale((uint8_t *)part + r.row * (size_t)i + r.cell * (size_t)j, real_bytes,
                      (size_t)p->part.c, (double)cells / all);
        }
    }
}
