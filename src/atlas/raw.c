/* raw.c - a layer's projections as numbers, a file a layer, streamed from the spool
 * (docs/formats/atlas.md). */
#include "atlas/strip.h"

#include "base/memory.h"
#include "codec/npz.h"
#include "codec/safetensors.h"
#include "graph/graph.h"

#include <string.h>

typedef enum part { PROJECTION, PICTURE, ROW, COLUMN, BOX, VALUE, COUNT, PARTS } part;

/* A layer's file while it is written. */
typedef struct bale {
    const dcn__press *press;
    int page;
    dcn_array arrays[PARTS];
    int64_t *whole;               /* (C,top,4): any array but the projections */
    float *values;                /* (C,top) */
    uint8_t *slot;                /* spool->largest */
    dcn__writer w;
    dcn__npz npz;
    bool is_npz;
} bale;

void dcn__raw_name(dcn__string *s, const dcn__press *p, int page, dcn_raw kind)
{
    dcn__string_printf(s, "raw/%s.%s", p->slugs[page],
                       kind == DCN_RAW_NPZ ? "npz" : "safetensors");
}

static void describe(bale *b)
{
    static const char *const names[PARTS] = { "projection", "picture", "y", "x", "box", "value",
                                              "n" };
    static const int ranks[PARTS] = { 5, 2, 2, 2, 3, 2, 1 };
    const dcn_atlas *a = b->press->atlas;
    const dcn__page *p = &a->pages[b->page];
    const int64_t patch[3] = { p->patch[0], p->patch[1], a->model->graph->nodes[0].shape.c };

    for (int i = 0; i < PARTS; i++) {
        dcn_array *array = &b->arrays[i];

        array->name = names[i];
        array->dtype = i == PROJECTION || i == VALUE ? DCN_F32 : DCN_I64;
        array->rank = ranks[i];
        array->dims[0] = p->lists.channels;
        array->dims[1] = a->desc.top;
        array->dims[2] = i == BOX ? 4 : patch[0];
        array->dims[3] = patch[1];
        array->dims[4] = patch[2];
    }
}

static dcn_status put(bale *b, const void *data, size_t bytes, dcn_error *err)
{
    return b->is_npz ? dcn__npz_write(&b->npz, data, bytes, err)
                     : dcn__writer_write(&b->w, data, bytes, err);
}

static dcn_status put_projections(bale *b, dcn_error *err)
{
    const dcn__spool *s = b->press->spool;
    const dcn__page *p = &b->press->atlas->pages[b->page];
    const size_t bytes = (size_t)p->patch[0] * (size_t)p->patch[1] *
                         (size_t)b->arrays[PROJECTION].dims[4] * sizeof(float);
    dcn__slot_parts parts;
    dcn_status st = DCN_OK;

    for (int c = 0; c < p->lists.channels && !st; c++)
        for (int k = 0; k < p->lists.top && !st; k++) {
            if (k < p->lists.tallies[c].n) {
                st = dcn__spool_read(s, b->page, c, k, b->slot, &parts, err);
            } else {
                dcn__spool_parts(s, b->page, b->slot, &parts);
                memset(parts.raw, 0, bytes);
            }
            if (!st)
                st = put(b, parts.raw, bytes, err);
        }
    return st;
}

/* Where there is no unit: picture, row and column -1. */
static dcn_status take_unit(bale *b, part what, int c, int k, size_t at, dcn_error *err)
{
    const dcn__page *p = &b->press->atlas->pages[b->page];
    const dcn_atlas_unit *u = &p->lists.units[(size_t)c * (size_t)p->lists.top + (size_t)k];
    const bool is = k < p->lists.tallies[c].n;
    dcn_box box = { 0 };
    dcn_status st = DCN_OK;

    if (what == VALUE) {
        b->values[at] = is ? u->value : 0;
    } else if (what != BOX) {
        b->whole[at] = !is ? -1 : what == PICTURE ? u->picture : what == ROW ? u->y : u->x;
    } else {
        if (is)
            st = dcn_graph_box(b->press->atlas->model->graph, p->node, u->y, u->x, &box, err);
        b->whole[4 * at] = box.top;
        b->whole[4 * at + 1] = box.left;
        b->whole[4 * at + 2] = box.bottom;
        b->whole[4 * at + 3] = box.right;
    }
    return st;
}

static dcn_status put_whole(bale *b, part what, dcn_error *err)
{
    const dcn__lists *l = &b->press->atlas->pages[b->page].lists;
    const size_t units = (size_t)l->channels * (size_t)l->top;
    dcn_status st = DCN_OK;
    size_t at = 0;

    if (what == COUNT) {
        for (int c = 0; c < l->channels; c++)
            b->whole[c] = l->tallies[c].n;
        return put(b, b->whole, (size_t)l->channels * sizeof *b->whole, err);
    }
    for (int c = 0; c < l->channels; c++)
        for (int k = 0; k < l->top && !st; k++)
            st = take_unit(b, what, c, k, at++, err);
    if (st)
        return st;
    return what == VALUE ? put(b, b->values, units * sizeof *b->values, err)
                         : put(b, b->whole, units * (what == BOX ? 4 : 1) * sizeof *b->whole, err);
}

static dcn_status put_array(bale *b, int i, dcn_error *err)
{
    const dcn_status st = b->is_npz ? dcn__npz_array(&b->npz, &b->arrays[i], err) : DCN_OK;

    if (st)
        return st;
    return i == PROJECTION ? put_projections(b, err) : put_whole(b, (part)i, err);
}

static dcn_status put_all(bale *b, dcn_error *err)
{
    const dcn_atlas *a = b->press->atlas;
    const char *const metadata[] = { "layer", a->model->graph->nodes[a->pages[b->page].node].name,
                                     "rule", dcn_rule_name(a->desc.way.rule), NULL };
    int order[PARTS];
    dcn_status st = DCN_OK;

    for (int i = 0; i < PARTS; i++)
        order[i] = i;
    if (!b->is_npz)
        st = dcn__tensors_begin(&b->w, b->arrays, PARTS, metadata, order, err);
    for (int i = 0; i < PARTS && !st; i++)
        st = put_array(b, order[i], err);
    return st || !b->is_npz ? st : dcn__npz_end(&b->npz, err);
}

static dcn_status write_page(const dcn__press *p, int page, dcn_raw kind, dcn_error *err)
{
    const dcn__lists *l = &p->atlas->pages[page].lists;
    const size_t units = (size_t)l->channels * (size_t)l->top;
    bale b = { .press = p, .page = page, .is_npz = kind == DCN_RAW_NPZ, .w = { .fd = -1 } };
    dcn__string path = { 0 };
    dcn_status st;

    describe(&b);
    dcn__string_printf(&path, "%s/", p->folder);
    dcn__raw_name(&path, p, page, kind);
    b.whole = dcn__alloc_array(units, 4 * sizeof *b.whole);
    b.values = dcn__alloc_array(units, sizeof *b.values);
    b.slot = dcn__alloc(p->spool->largest);
    if (path.failed || !b.whole || !b.values || !b.slot)
        st = dcn__fail_memory(err, "raw projections", units * 4 * sizeof *b.whole);
    else if (!(st = dcn__writer_begin(&b.w, path.text, err))) {
        dcn__npz_begin(&b.npz, &b.w);
        if (!(st = put_all(&b, err)))
            st = dcn__writer_commit(&b.w, err);
        dcn__npz_clear(&b.npz);
    }
    dcn__writer_abort(&b.w);
    dcn__string_clear(&path);
    dcn__free(b.whole);
    dcn__free(b.values);
    dcn__free(b.slot);
    return st;
}

dcn_status dcn__raw_write(const dcn__press *p, dcn_raw kind, dcn_error *err)
{
    dcn_status st = dcn__make_folder_below(p->folder, "raw", err);

    for (int i = 0; i < p->atlas->n_pages && !st; i++)
        st = write_page(p, i, kind, err);
    return st;
}
