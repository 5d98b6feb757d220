/* onnx_view.c - views: how the dimensions of an ONNX value lie in a draft's (H,W,C).
 *
 * Flattening, transposing and most reshaping only relabel cells; here is found out when cells must
 * really move (a shuffle of channels, a reshape), and when the graph has no node for it. */
#include "model/onnx_import.h"

#include <string.h>

dcn_shape dcn__draft_shape(const dcn__import *im, dcn_node draft)
{
    return im->graph->nodes[draft].shape;
}

static int64_t extent_of(const dcn__import *im, dcn_node draft, int axis)
{
    const dcn_shape s = dcn__draft_shape(im, draft);

    return axis == DCN__AXIS_H ? s.h : axis == DCN__AXIS_W ? s.w : axis == DCN__AXIS_C ? s.c
                                                                                      : im->batch;
}

bool dcn__view_append(dcn__view *v, const dcn__atom *atoms, int n)
{
    const int d = v->rank;
    int start, at;

    if (d < 0 || d >= DCN__ONNX_MAX_RANK)
        return false;
    start = at = v->first[d];
    v->dims[d] = 1;
    for (int i = 0; i < n; i++) {
        if (atoms[i].extent == 1)
            continue;
        v->dims[d] *= atoms[i].extent;
        if (at > start && v->atoms[at - 1].axis == atoms[i].axis &&
            v->atoms[at - 1].stride == atoms[i].extent * atoms[i].stride) {
            v->atoms[at - 1].extent *= atoms[i].extent;
            v->atoms[at - 1].stride = atoms[i].stride;
        } else if (at == DCN__MAX_ATOMS) {
            return false;
        } else {
            v->atoms[at++] = atoms[i];
        }
    }
    v->first[++v->rank] = at;
    return true;
}

static void view_of_axes(const dcn__import *im, dcn_node draft, const int *axes, int n,
                         dcn__view *v)
{
    memset(v, 0, sizeof *v);
    v->draft = draft;
    for (int i = 0; i < n; i++)
        dcn__view_append(v, &(dcn__atom){ axes[i], extent_of(im, draft, axes[i]), 1 }, 1);
}

static const int nchw[] = { DCN__AXIS_N, DCN__AXIS_C, DCN__AXIS_H, DCN__AXIS_W };
static const int nhwc[] = { DCN__AXIS_N, DCN__AXIS_H, DCN__AXIS_W, DCN__AXIS_C };

void dcn__view_nchw(const dcn__import *im, dcn_node draft, dcn__view *v)
{
    view_of_axes(im, draft, nchw, 4, v);
}

void dcn__view_nhwc(const dcn__import *im, dcn_node draft, dcn__view *v)
{
    view_of_axes(im, draft, nhwc, 4, v);
}

void dcn__view_vector(const dcn__import *im, dcn_node draft, dcn__view *v)
{
    view_of_axes(im, draft, (const int[]){ DCN__AXIS_N, DCN__AXIS_C }, 2, v);
}

void dcn__view_grey(const dcn__import *im, dcn_node draft, dcn__view *v)
{
    view_of_axes(im, draft, nhwc, 3, v);
}

dcn__view dcn__view_of(const dcn__view *v, dcn_node draft)
{
    dcn__view out = *v;

    out.draft = draft;
    return out;
}

bool dcn__view_is_axis(const dcn__import *im, const dcn__view *v, int d, int axis)
{
    const int64_t extent = extent_of(im, v->draft, axis);
    const int n = v->first[d + 1] - v->first[d];
    const dcn__atom *a = &v->atoms[v->first[d]];

    if (extent == 1)
        return n == 0;
    return n == 1 && a->axis == axis && a->extent == extent && a->stride == 1;
}

bool dcn__view_equal(const dcn__view *a, const dcn__view *b)
{
    if (a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) != 0 ||
        memcmp(a->first, b->first, (size_t)(a->rank + 1) * sizeof *a->first) != 0)
        return false;
    for (int i = 0; i < a->first[a->rank]; i++)
        if (a->atoms[i].axis != b->atoms[i].axis || a->atoms[i].extent != b->atoms[i].extent ||
            a->atoms[i].stride != b->atoms[i].stride)
            return false;
    return true;
}

/* ---- reshaping ------------------------------------------------------------------------------- */

/* All cells in one dimension. A view has no more atoms than there is room for. */
static void flatten(const dcn__view *v, dcn__view *out)
{
    memset(out, 0, sizeof *out);
    out->draft = v->draft;
    out->shared = v->shared;
    dcn__view_append(out, v->atoms, v->first[v->rank]);
}

/* Takes atoms of product `wanted` from the front of a list; a larger atom is split. */
static bool take(dcn__atom *list, int *at, int n, int64_t wanted, dcn__atom *taken, int *count)
{
    *count = 0;
    while (wanted > 1) {
        dcn__atom *a = &list[*at];

        if (*at == n)
            return false;
        if (wanted % a->extent == 0) {
            taken[(*count)++] = *a;
            wanted /= a->extent;
            ++*at;
        } else if (a->extent % wanted == 0) {
            a->extent /= wanted;
            taken[(*count)++] = (dcn__atom){ a->axis, wanted, a->stride * a->extent };
            wanted = 1;
        } else {
            return false;
        }
    }
    return true;
}

bool dcn__view_reshape(const dcn__view *v, int rank, const int64_t *dims, dcn__view *out)
{
    dcn__atom taken[DCN__MAX_ATOMS];
    dcn__view flat;
    int at = 0, n;

    flatten(v, &flat);
    memset(out, 0, sizeof *out);
    out->draft = v->draft;
    out->shared = v->shared;
    for (int d = 0; d < rank; d++)
        if (!take(flat.atoms, &at, flat.first[1], dims[d], taken, &n) ||
            !dcn__view_append(out, taken, n))
            return false;
    return at == flat.first[1];
}

/* ---- moving cells ---------------------------------------------------------------------------- */

/* Do its cells lie in this order? */
static bool is_order(const dcn__import *im, const dcn__view *flat, const int axes[4])
{
    dcn__view natural, line;

    view_of_axes(im, flat->draft, axes, 4, &natural);
    flatten(&natural, &line);
    return dcn__view_equal(&line, flat);
}

/* Channels that lie as (b, a) of (a, b) are shuffled; flat is then of the shuffled draft. */
static dcn_status unshuffle(dcn__import *im, dcn__view *flat)
{
    const int64_t channels = extent_of(im, flat->draft, DCN__AXIS_C);

    for (int i = 0; i + 1 < flat->first[1]; i++) {
        const dcn__atom a = flat->atoms[i], b = flat->atoms[i + 1];
        dcn__draft d = { .op = DCN__OP_SHUFFLE, .u.groups = (int)b.extent };
        dcn__atom atoms[DCN__MAX_ATOMS];
        dcn__view made = { .shared = flat->shared };
        dcn_status st;

        if (a.axis != DCN__AXIS_C || b.axis != DCN__AXIS_C || a.stride != 1 ||
            b.stride != a.extent || a.extent * b.extent != channels)
            continue;
        if ((st = dcn__draft_add(im, &d, &flat->draft, 1, &made.draft)))
            return st;
        memcpy(atoms, flat->atoms, sizeof atoms);
        atoms[i].extent = channels;
        atoms[i + 1].extent = 1;
        dcn__view_append(&made, atoms, flat->first[1]);
        *flat = made;
        return DCN_OK;
    }
    return DCN_OK;
}

static dcn_status add_reshape(dcn__import *im, dcn_node *draft, dcn_shape shape, dcn_order order)
{
    dcn__draft d = { .op = DCN__OP_RESHAPE };
    const dcn_node x = *draft;

    d.u.reshape.shape = shape;
    d.u.reshape.order = order;
    return dcn__draft_add(im, &d, &x, 1, draft);
}

static dcn_status refuse_order(dcn__import *im)
{
    return dcn__import_fail(im, "its input has rows, columns and channels in an order that only a "
                            "copy could undo, which is not supported; export the network without "
                            "that transposition");
}

/* Its cells in a row: a draft 1x1xK, and the view (N, K) of it. */
static dcn_status make_row(dcn__import *im, const dcn__view *v, dcn__view *row)
{
    dcn_status st;
    dcn_order order;
    dcn_shape s;
    int64_t size;

    flatten(v, row);
    if ((st = unshuffle(im, row)))
        return st;
    if (is_order(im, row, nchw))
        order = DCN_ORDER_CHW;
    else if (is_order(im, row, nhwc))
        order = DCN_ORDER_HWC;
    else
        return refuse_order(im);
    s = dcn__draft_shape(im, row->draft);
    size = dcn__shape_size(s);
    if (s.h > 1 || s.w > 1)
        st = add_reshape(im, &row->draft, (dcn_shape){ 1, 1, (int)size }, order);
    if (!st)
        dcn__view_vector(im, row->draft, row);
    row->shared = v->shared;
    return st;
}

dcn_status dcn__view_make_vector(dcn__import *im, dcn__view *v)
{
    const dcn_shape s = dcn__draft_shape(im, v->draft);
    dcn__view row, out;
    dcn_status st;

    if (s.h == 1 && s.w == 1 && v->rank == 2 && dcn__view_is_axis(im, v, 0, DCN__AXIS_N) &&
        dcn__view_is_axis(im, v, 1, DCN__AXIS_C))
        return DCN_OK;
    if ((st = make_row(im, v, &row)))
        return st;
    if (!dcn__view_reshape(&row, v->rank, v->dims, &out))
        return refuse_order(im);
    *v = out;
    return DCN_OK;
}

static bool is_nchw(const dcn__import *im, const dcn__view *v)
{
    return v->rank == 4 && dcn__view_is_axis(im, v, 0, DCN__AXIS_N) &&
           dcn__view_is_axis(im, v, 1, DCN__AXIS_C) && dcn__view_is_axis(im, v, 2, DCN__AXIS_H) &&
           dcn__view_is_axis(im, v, 3, DCN__AXIS_W);
}

dcn_status dcn__view_make_nchw(dcn__import *im, dcn__view *v)
{
    const bool shared = v->shared;
    dcn__view flat, out;
    dcn_status st;
    dcn_shape s;

    if (is_nchw(im, v))
        return DCN_OK;
    if (v->rank != 4)
        return dcn__import_fail(im, "its input has %d dimensions, it takes 4 (N,C,H,W); networks "
                                "for sound or volumes are not supported", v->rank);
    if (v->dims[0] != im->batch || v->dims[1] > INT32_MAX || v->dims[2] > INT32_MAX ||
        v->dims[3] > INT32_MAX)
        return refuse_order(im);
    flatten(v, &flat);
    if ((st = unshuffle(im, &flat)))
        return st;
    if (dcn__view_reshape(&flat, 4, v->dims, &out) && is_nchw(im, &out)) {
        *v = out;
        return DCN_OK;
    }
    s = (dcn_shape){ (int)v->dims[2], (int)v->dims[3], (int)v->dims[1] };
    if (!is_order(im, &flat, nchw)) {       /* by way of a row, which has no order */
        if ((st = make_row(im, &flat, &out)))
            return st;
        flat = out;
    }
    if ((s.h > 1 || s.w > 1 || dcn__draft_shape(im, flat.draft).c != s.c) &&
        (st = add_reshape(im, &flat.draft, s, DCN_ORDER_CHW)))
        return st;
    dcn__view_nchw(im, flat.draft, v);
    v->shared = shared;
    return DCN_OK;
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* The view with `extent` places left of its dimension d, which has one atom, on another draft. */
static void shrink(dcn__view *v, int d, dcn_node draft, int64_t extent)
{
    const dcn__view old = *v;

    memset(v, 0, sizeof *v);
    v->draft = draft;
    v->shared = old.shared;
    for (int i = 0; i < old.rank; i++) {
        dcn__atom atoms[DCN__MAX_ATOMS];
        const int n = old.first[i + 1] - old.first[i];

        memcpy(atoms, &old.atoms[old.first[i]], (size_t)n * sizeof *atoms);
        if (i == d)
            atoms[0].extent = extent;
        dcn__view_append(v, atoms, n);
    }
}

/* Can some places of dimension d be cut out: is it the outer part of an axis of the picture? */
static bool can_cut(const dcn__import *im, const dcn__view *v, int d)
{
    const dcn__atom *a = &v->atoms[v->first[d]];

    return v->first[d + 1] - v->first[d] == 1 && a->axis != DCN__AXIS_N &&
           a->extent * a->stride == extent_of(im, v->draft, a->axis) &&
           (a->axis == DCN__AXIS_C || a->stride == 1);
}

dcn_status dcn__view_prepare_cut(dcn__import *im, dcn__view *v, int d)
{
    dcn_status st = DCN_OK;

    if (!can_cut(im, v, d))
        st = v->rank == 4 ? dcn__view_make_nchw(im, v) : dcn__view_make_vector(im, v);
    return st ? st : can_cut(im, v, d) ? DCN_OK : refuse_order(im);
}

dcn_status dcn__view_cut(dcn__import *im, dcn__view *v, int d, int64_t first, int64_t count)
{
    const int64_t all = v->dims[d];
    dcn__draft draft = { .op = DCN__OP_SLICE };
    const dcn__atom *a;
    dcn_status st;
    dcn_node id;

    if (count < 1)
        return dcn__import_fail(im, "nothing is left of its input; correct the file");
    if (first == 0 && count == all)
        return DCN_OK;
    if ((st = dcn__view_prepare_cut(im, v, d)))
        return st;
    a = &v->atoms[v->first[d]];
    if (a->axis == DCN__AXIS_C) {
        draft.u.slice.first = (int)(first * a->stride);
        draft.u.slice.count = (int)(count * a->stride);
    } else {
        const int axis = a->axis == DCN__AXIS_W;

        draft.op = DCN__OP_PAD;
        draft.u.pad.pad[axis] = (int)-first;
        draft.u.pad.pad[axis + 2] = (int)-(all - first - count);
    }
    if ((st = dcn__draft_add(im, &draft, &v->draft, 1, &id)))
        return st;
    shrink(v, d, id, count);
    return DCN_OK;
}

/* n is 64 at most: its callers refuse more. */
dcn_status dcn__view_pick(dcn__import *im, dcn__view *v, int d, const int64_t *places, int n)
{
    dcn_node parts[64];
    dcn__view part = *v;
    dcn__draft join = { .op = DCN__OP_CONCAT };
    dcn_status st;
    int runs = 0;

    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && places[end] == places[end - 1] + 1;)
            end++;
        part = *v;
        if ((st = dcn__view_cut(im, &part, d, places[i], end - i)))
            return st;
        parts[runs++] = part.draft;
    }
    if (runs > 1) {
        if (!dcn__view_is_axis(im, &part, d, DCN__AXIS_C))
            return refuse_order(im);
        if ((st = dcn__draft_add(im, &join, parts, runs, &part.draft)))
            return st;
        /* Put together, the dimension is the whole axis again. */
        dcn__view out = { .draft = part.draft, .shared = v->shared };
        for (int i = 0; i < part.rank; i++) {
            const dcn__atom whole = { DCN__AXIS_C, n, 1 };

            dcn__view_append(&out, i == d ? &whole : &part.atoms[part.first[i]],
                             i == d ? 1 : part.first[i + 1] - part.first[i]);
        }
        part = out;
    }
    *v = part;
    return DCN_OK;
}

/* ---- constants a channel --------------------------------------------------------------------- */

/* 1: found; 0: it depends on the place; -1: the shapes do not fit. */
static int channels(const dcn__view *v, const dcn__constant *c, dcn__map *map)
{
    int64_t step = 1;             /* of the constant, row-major */

    memset(map, 0, sizeof *map);
    if (c->rank > v->rank)
        return -1;
    for (int d = v->rank - 1, k = c->rank - 1; d >= 0; d--, k--) {
        const int64_t extent = k >= 0 ? c->dims[k] : 1;
        int64_t inner = step;

        if (extent != 1 && extent != v->dims[d])
            return -1;
        for (int i = v->first[d + 1] - 1; i >= v->first[d]; i--) {
            const dcn__atom *a = &v->atoms[i];

            if (a->axis != DCN__AXIS_C && extent > 1)
                return 0;
            if (a->axis == DCN__AXIS_C) {
                map->at[map->n].extent = a->extent;
                map->at[map->n].a = a->stride;
                map->at[map->n++].b = extent > 1 ? inner : 0;
            }
            inner *= a->extent;
        }
        step *= extent;
    }
    return 1;
}

dcn_status dcn__view_channels(dcn__import *im, dcn__view *v, const dcn__constant *c,
                              dcn__map *map)
{
    dcn_status st;
    int found = channels(v, c, map);

    if (found == 0 && v->rank <= 3) {
        if ((st = dcn__view_make_vector(im, v)))
            return st;
        found = channels(v, c, map);
    }
    if (found > 0)
        return DCN_OK;
    return dcn__import_fail(im, found < 0 ? "its constant does not fit its input's shape; correct "
                            "the file" : "its constant has numbers for rows or columns, supported "
                            "is one for every channel; export the network without it");
}
