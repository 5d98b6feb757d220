/* tile.c - which part of a picture a unit's tile shows, and its bytes.
 *
 * All tiles of a layer have one size: that of its receptive field, or of the picture where the
 * field is larger. A unit at the border sees less; the rest of its tile is hatched, in colours, so
 * that nobody takes it for a part of the picture. */
#include "atlas/tile.h"

#include "base/memory.h"
#include "data/scale.h"
#include "graph/graph.h"
#include "view/scale.h"

#include <string.h>

/* ---- geometry ------------------------------------------------------------------------------- */

static int rounded(int64_t a, int64_t numerator, int64_t denominator)
{
    return (int)((2 * a * numerator + denominator) / (2 * denominator));
}

static int extent_of(dcn_shape s, int axis)
{
    return axis == 0 ? s.h : s.w;
}

void dcn__tile_form(dcn__page *page, const dcn_atlas *a)
{
    const dcn_graph *g = a->model->graph;
    const dcn_shape input = g->nodes[0].shape;
    const int widest = DCN__STRIP_WIDEST / (2 * a->desc.top);
    const int most = a->desc.tile < widest ? a->desc.tile : widest;
    int longest = 1;

    for (int axis = 0; axis < 2; axis++) {
        const int field = g->nodes[page->node].field.size[axis], all = extent_of(input, axis);

        page->patch[axis] = field < 1 ? 1 : field < all ? field : all;
        longest = page->patch[axis] > longest ? page->patch[axis] : longest;
    }
    for (int axis = 0; axis < 2; axis++) {
        page->tile[axis] = page->patch[axis];
        if (longest > most)
            page->tile[axis] = rounded(page->patch[axis], most, longest);
        if (page->tile[axis] < 1)
            page->tile[axis] = 1;
    }
}

/* One axis: cells from..to-1 of the picture go to the patch from *at on; the patch begins at cell
 * `begin`. Branches of different strides may see beyond what the field says: that is cut off. */
static void place_axis(int from, int to, int64_t begin, int patch, int *first, int *size, int *at)
{
    const int64_t end = begin + patch;

    *first = from < begin ? (int)begin : from;
    *size = (int)((to < end ? to : end) - *first);
    *size = *size < 0 ? 0 : *size;
    *at = *size ? (int)(*first - begin) : 0;
}

dcn_status dcn__tile_place(dcn__place *place, const dcn_graph *g, const dcn__page *page,
                           const dcn_atlas_unit *unit, dcn_error *err)
{
    const dcn_shape input = g->nodes[0].shape;
    const dcn_field *f = &g->nodes[page->node].field;
    const int cell[2] = { unit->y, unit->x };
    int64_t begin[2] = { 0, 0 };
    dcn_box *b = &place->box;
    dcn_status st;

    memset(place, 0, sizeof *place);
    if ((st = dcn_graph_box(g, page->node, unit->y, unit->x, b, err)))
        return st;
    for (int axis = 0; axis < 2; axis++)
        if (f->size[axis] <= extent_of(input, axis))
            begin[axis] = f->start[axis] + (int64_t)cell[axis] * f->stride[axis];
    place_axis(b->top, b->bottom, begin[0], page->patch[0], &place->top, &place->h, &place->y);
    place_axis(b->left, b->right, begin[1], page->patch[1], &place->left, &place->w, &place->x);
    if (!place->h || !place->w)
        place->h = place->w = 0;
    return DCN_OK;
}

/* ---- working memory -------------------------------------------------------------------------- */

static size_t patch_size(const dcn_atlas *a)
{
    size_t most = 1;

    for (int i = 0; i < a->n_pages; i++) {
        const size_t size = (size_t)a->pages[i].patch[0] * (size_t)a->pages[i].patch[1];

        most = size > most ? size : most;
    }
    return most * (size_t)a->model->graph->nodes[0].shape.c;
}

size_t dcn__easel_bytes(const dcn_atlas *a)
{
    return patch_size(a) * (sizeof(float) + 2);
}

dcn_status dcn__easel_init(dcn__easel *e, const dcn_atlas *a, dcn_error *err)
{
    const size_t size = patch_size(a);

    e->values = dcn__alloc_array(size, sizeof *e->values);
    e->bytes = dcn__alloc(size);
    e->scaled = dcn__alloc(size);
    if (!e->values || !e->bytes || !e->scaled)
        return dcn__fail_memory(err, "a tile", dcn__easel_bytes(a));
    return DCN_OK;
}

void dcn__easel_clear(dcn__easel *e)
{
    dcn__free(e->values);
    dcn__free(e->bytes);
    dcn__free(e->scaled);
    memset(e, 0, sizeof *e);
}

/* ---- tiles ----------------------------------------------------------------------------------- */

size_t dcn__tile_bytes(const dcn__page *page, int c)
{
    return (size_t)page->tile[0] * (size_t)page->tile[1] * (size_t)c;
}

/* Copies the shown part of a picture (H,W,C) of `element` bytes a cell's channel. */
static void crop(void *out, const dcn__place *p, const void *picture, dcn_shape input,
                 size_t element)
{
    const size_t cell = (size_t)input.c * element, row = (size_t)p->w * cell;

    for (int y = 0; y < p->h; y++)
        memcpy((uint8_t *)out + (size_t)y * row,
               (const uint8_t *)picture +
                   ((size_t)(p->top + y) * (size_t)input.w + (size_t)p->left) * cell,
               row);
}

/* Where cells at..at+size-1 of a patch lie in its tile: at least one cell. */
static void shrink(int at, int size, int patch, int tile, int *from, int *count)
{
    int to = rounded(at + size, tile, patch);

    *from = rounded(at, tile, patch);
    if (*from >= tile)
        *from = tile - 1;
    if (to <= *from)
        to = *from + 1;
    *count = to - *from;
}

/* Diagonal stripes of two violets. On few pixels stripes look like what a picture may hold: there
 * it is one colour. */
void dcn__tile_border(uint8_t *rgb, size_t pitch, const dcn__page *page, const dcn__place *p)
{
    static const uint8_t violet[2][3] = { { 0xbe, 0xb4, 0xd6 }, { 0x9d, 0x92, 0xba } };
    const int longest = page->tile[0] > page->tile[1] ? page->tile[0] : page->tile[1];
    const int width = longest > 32 ? 4 : longest >= 12 ? 2 : 0;
    int top = 0, left = 0, h = 0, w = 0;

    if (p->h) {
        shrink(p->y, p->h, page->patch[0], page->tile[0], &top, &h);
        shrink(p->x, p->w, page->patch[1], page->tile[1], &left, &w);
    }
    for (int y = 0; y < page->tile[0]; y++)
        for (int x = 0; x < page->tile[1]; x++)
            if (y < top || y >= top + h || x < left || x >= left + w)
                memcpy(rgb + (size_t)y * pitch + (size_t)x * 3,
                       violet[width ? (y + x) / width % 2 : 0], 3);
}

/* Lays the shown part, in e->bytes, into the tile. */
static dcn_status lay(uint8_t *tile, const dcn__page *page, const dcn__place *p, int c,
                      dcn__easel *e, dcn_error *err)
{
    const dcn_image image = { p->h, p->w, c, e->bytes };
    const uint8_t *from = e->bytes;
    int y, x, h, w;

    shrink(p->y, p->h, page->patch[0], page->tile[0], &y, &h);
    shrink(p->x, p->w, page->patch[1], page->tile[1], &x, &w);
    if (h != p->h || w != p->w) {
        const dcn_status st = dcn__scale_window(e->scaled, h, w, &image, h, w, 0, 0, err);

        if (st)
            return st;
        from = e->scaled;
    }
    for (int i = 0; i < h; i++)
        memcpy(tile + ((size_t)(y + i) * (size_t)page->tile[1] + (size_t)x) * (size_t)c,
               from + (size_t)i * (size_t)w * (size_t)c, (size_t)w * (size_t)c);
    return DCN_OK;
}

dcn_status dcn__tile_patch(uint8_t *tile, const dcn__page *page, const dcn__place *place,
                           const uint8_t *photo, dcn_shape input, dcn__easel *e, dcn_error *err)
{
    memset(tile, 0, dcn__tile_bytes(page, input.c));
    if (!place->h)
        return DCN_OK;
    crop(e->bytes, place, photo, input, 1);
    return lay(tile, page, place, input.c, e, err);
}

dcn_status dcn__tile_projection(uint8_t *tile, float *scale, const dcn__page *page,
                                const dcn__place *place, const float *values, dcn_shape input,
                                dcn__easel *e, dcn_error *err)
{
    const size_t pixels = (size_t)place->h * (size_t)place->w;
    dcn_status st;

    *scale = 0;
    memset(tile, DCN__GREY, dcn__tile_bytes(page, input.c));
    if (!place->h)
        return DCN_OK;
    crop(e->values, place, values, input, sizeof *values);
    if ((st = dcn__signed_scale(scale, e->values, pixels * (size_t)input.c, err)))
        return st;
    dcn__signed_apply(*scale, e->values, pixels, input.c, e->bytes);
    return lay(tile, page, place, input.c, e, err);
}

void dcn__tile_raw(float *patch, const dcn__page *page, const dcn__place *p, const float *values,
                   dcn_shape input)
{
    const size_t c = (size_t)input.c, width = (size_t)page->patch[1];

    memset(patch, 0, (size_t)page->patch[0] * width * c * sizeof *patch);
    for (int y = 0; y < p->h; y++)
        memcpy(patch + ((size_t)(p->y + y) * width + (size_t)p->x) * c,
               values + ((size_t)(p->top + y) * (size_t)input.w + (size_t)p->left) * c,
               (size_t)p->w * c * sizeof *patch);
}
