/* onnx_pool.c - pools, means over rows and columns, and padding. */
#include "model/onnx_window.h"

#include <string.h>

enum { MAX_WINDOW = 1 << 20 };

/* ---- windows --------------------------------------------------------------------------------- */

static dcn_status read_two(dcn__import *im, const char *name, int64_t least, int64_t *values,
                           bool *found)
{
    dcn_status st;
    int n;

    if ((st = dcn__get_ints(im, name, 2, values, &n)))
        return st;
    *found = n >= 0;
    if (n >= 0 && n != 2)
        return dcn__import_fail(im, "%s has %d numbers, supported are 2 (rows, columns); networks "
                                "for sound or volumes are not", name, n);
    for (int i = 0; i < n; i++)
        if (values[i] < least || values[i] > MAX_WINDOW)
            return dcn__import_fail(im, "%s %lld is outside %lld..%d; correct the file", name,
                                    (long long)values[i], (long long)least, MAX_WINDOW);
    return DCN_OK;
}

static dcn_status read_pads(dcn__import *im, dcn__onnx_window *w)
{
    int64_t pads[4];
    dcn_status st;
    int n;

    if ((st = dcn__get_ints(im, "pads", 4, pads, &n)))
        return st;
    if (n >= 0 && n != 4)
        return dcn__import_fail(im, "pads has %d numbers, supported are 4; networks for sound or "
                                "volumes are not", n);
    for (int i = 0; i < n; i++) {
        if (pads[i] < 0 || pads[i] > MAX_WINDOW)
            return dcn__import_fail(im, "pads %lld is outside 0..%d; correct the file",
                                    (long long)pads[i], MAX_WINDOW);
        w->pad[i] = (int)pads[i];
    }
    return DCN_OK;
}

/* SAME with the odd cell at the top and the left. */
static void pad_lower(dcn__onnx_window *w, dcn_shape in)
{
    for (int i = 0; i < 2; i++) {
        const int64_t size = i ? in.w : in.h, out = (size + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] + (int64_t)(w->kernel[i] - 1) * w->dilation[i] +
            1 - size;

        total = total < 0 ? 0 : total > 2 * MAX_WINDOW ? 2 * MAX_WINDOW : total;
        w->pad[i] = (int)(total - total / 2);
        w->pad[i + 2] = (int)(total / 2);
    }
}

dcn_status dcn__read_window(dcn__import *im, const int64_t kernel[2], dcn_shape in,
                            dcn__onnx_window *w)
{
    int64_t k[2], s[2] = { 1, 1 }, d[2] = { 1, 1 };
    const char *same = "NOTSET";
    bool has_kernel, unused;
    dcn_status st;

    memset(w, 0, sizeof *w);
    if ((st = read_two(im, "kernel_shape", 1, k, &has_kernel)) ||
        (st = read_two(im, "strides", 1, s, &unused)) ||
        (st = read_two(im, "dilations", 1, d, &unused)) ||
        (st = dcn__get_text(im, "auto_pad", &same)))
        return st;
    if (!has_kernel && !kernel[0])
        return dcn__import_fail(im, "kernel_shape is missing; correct the file");
    if (has_kernel && kernel[0] && (k[0] != kernel[0] || k[1] != kernel[1]))
        return dcn__import_fail(im, "kernel_shape is %lldx%lld, its weights are %lldx%lld; correct "
                                "the file", (long long)k[0], (long long)k[1],
                                (long long)kernel[0], (long long)kernel[1]);
    for (int i = 0; i < 2; i++) {
        if (!has_kernel)
            k[i] = kernel[i];
        if (k[i] > MAX_WINDOW)
            return dcn__import_fail(im, "its kernel has %lld rows or columns; use a smaller one",
                                    (long long)k[i]);
        w->kernel[i] = (int)k[i];
        w->stride[i] = (int)s[i];
        w->dilation[i] = (int)d[i];
    }
    w->kind = DCN_PAD_EXPLICIT;
    if (strcmp(same, "NOTSET") == 0 || !same[0])
        return read_pads(im, w);
    if (strcmp(same, "VALID") == 0)
        w->kind = DCN_PAD_VALID;
    else if (strcmp(same, "SAME_UPPER") == 0)
        w->kind = DCN_PAD_SAME;
    else if (strcmp(same, "SAME_LOWER") == 0)
        pad_lower(w, in);
    else
        return dcn__import_fail(im, "auto_pad is \"%.40s\", it is NOTSET, VALID, SAME_UPPER or "
                                "SAME_LOWER; correct the file", same);
    return DCN_OK;
}

/* ---- pools ----------------------------------------------------------------------------------- */

static dcn_status box_of_squares(dcn__import *im, dcn__view *v);

static dcn_status add_pool(dcn__import *im, dcn__op op)
{
    int64_t ceil = 0, count_pad = 0, order = 0;
    dcn__draft d = { .op = op };
    dcn__onnx_window w;
    dcn__view *v, out;
    dcn_status st;
    dcn_shape in;

    if ((st = dcn__need_view(im, 0, &v)))
        return st;
    if (v->rank == 5 && op == DCN__OP_AVG_POOL)
        return box_of_squares(im, v);
    if ((st = dcn__view_make_nchw(im, v)))
        return st;
    in = dcn__draft_shape(im, v->draft);
    if ((st = dcn__read_window(im, (const int64_t[]){ 0, 0 }, in, &w)) ||
        (st = dcn__get_int(im, "ceil_mode", 0, 1, &ceil)) ||
        (st = dcn__get_int(im, "count_include_pad", 0, 1, &count_pad)) ||
        (st = dcn__get_int(im, "storage_order", 0, 1, &order)))
        return st;
    if (op == DCN__OP_AVG_POOL && (w.dilation[0] != 1 || w.dilation[1] != 1))
        return dcn__import_fail(im, "it has dilations, supported are average pools without; export "
                                "the network another way");
    memcpy(d.u.pool.window, w.kernel, sizeof w.kernel);
    memcpy(d.u.pool.stride, w.stride, sizeof w.stride);
    memcpy(d.u.pool.dilation, w.dilation, sizeof w.dilation);
    memcpy(d.u.pool.pad, w.pad, sizeof w.pad);
    d.u.pool.pad_kind = w.kind;
    d.u.pool.ceil = ceil && w.kind != DCN_PAD_SAME;
    d.u.pool.count_pad = (int)count_pad;
    out = *v;
    if ((st = dcn__draft_add(im, &d, &v->draft, 1, &out.draft)))
        return st;
    dcn__view_nchw(im, out.draft, &out);
    return dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_max_pool(dcn__import *im)
{
    return add_pool(im, DCN__OP_MAX_POOL);
}

dcn_status dcn__import_average_pool(dcn__import *im)
{
    return add_pool(im, DCN__OP_AVG_POOL);
}

/* Over all rows, all columns, or both; the mean of one cell is the cell. */
static dcn_status add_reduction(dcn__import *im, dcn__op op, bool rows, bool columns, dcn_node x,
                                dcn_node *id)
{
    const dcn_shape s = dcn__draft_shape(im, x);
    dcn__draft d = { .op = op };

    rows = rows && s.h > 1;
    columns = columns && s.w > 1;
    *id = x;
    if (!rows && !columns)
        return DCN_OK;
    if ((!rows && s.h > 1) || (!columns && s.w > 1)) {
        d.u.pool.window[0] = d.u.pool.stride[0] = rows ? s.h : 1;
        d.u.pool.window[1] = d.u.pool.stride[1] = columns ? s.w : 1;
        d.u.pool.pad_kind = DCN_PAD_VALID;
    }
    return dcn__draft_add(im, &d, &x, 1, id);
}

dcn_status dcn__import_global_pool(dcn__import *im)
{
    const bool mean = strcmp(dcn__import_node(im)->op, "GlobalAveragePool") == 0;
    dcn__view *v, out;
    dcn_status st;
    dcn_node id;

    if ((st = dcn__need_view(im, 0, &v)) || (st = dcn__view_make_nchw(im, v)) ||
        (st = add_reduction(im, mean ? DCN__OP_AVG_POOL : DCN__OP_MAX_POOL, true, true, v->draft,
                            &id)))
        return st;
    dcn__view_nchw(im, id, &out);
    return dcn__set_view(im, 0, &out, id == v->draft);
}

/* Which axes do the dimensions hold in whole? Anything else: false. */
static bool whole_axes(const dcn__import *im, const dcn__view *v, const bool *reduced, bool *rows,
                       bool *columns)
{
    const dcn_shape s = dcn__draft_shape(im, v->draft);
    int64_t extents[DCN__AXES] = { 1, 1, 1, 1 };

    for (int d = 0; d < v->rank; d++)
        for (int i = v->first[d]; reduced[d] && i < v->first[d + 1]; i++)
            extents[v->atoms[i].axis] *= v->atoms[i].extent;
    *rows = extents[DCN__AXIS_H] > 1;
    *columns = extents[DCN__AXIS_W] > 1;
    return extents[DCN__AXIS_C] == 1 && extents[DCN__AXIS_N] == 1 &&
           (!*rows || extents[DCN__AXIS_H] == s.h) && (!*columns || extents[DCN__AXIS_W] == s.w);
}

dcn_status dcn__import_reduce(dcn__import *im)
{
    const dcn__op op = strcmp(dcn__import_node(im)->op, "ReduceMean") == 0 ? DCN__OP_AVG_POOL
                                                                           : DCN__OP_MAX_POOL;
    bool reduced[DCN__ONNX_MAX_RANK], rows, columns, keep, none;
    dcn__view *v, out = { .rank = 0 };
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)) ||
        (st = dcn__get_reduced(im, v->rank, reduced, &keep, &none)))
        return st;
    if (none)
        return dcn__import_identity(im);
    if (!whole_axes(im, v, reduced, &rows, &columns))
        return dcn__import_fail(im, "it runs over channels or pictures, supported are rows and "
                                "columns; export the network without it");
    if ((st = add_reduction(im, op, rows, columns, v->draft, &out.draft)))
        return st;
    for (int d = 0; d < v->rank; d++)
        if (!reduced[d])
            dcn__view_append(&out, &v->atoms[v->first[d]], v->first[d + 1] - v->first[d]);
        else if (keep)
            dcn__view_append(&out, v->atoms, 0);
    return dcn__set_view(im, 0, &out, out.draft == v->draft);
}

/* ---- padding --------------------------------------------------------------------------------- */

/* pads[d] and pads[rank + d]: before and after dimension d. */
static dcn_status read_all_pads(dcn__import *im, int rank, int64_t *pads, bool *any)
{
    int64_t list[2 * DCN__ONNX_MAX_RANK], axes[DCN__ONNX_MAX_RANK];
    dcn_status st;
    int n, n_axes = -1, axis;

    if ((st = dcn__get_list(im, "pads", 1, 11, 2 * DCN__ONNX_MAX_RANK, list, &n)) ||
        (im->file->opset >= 18 && (st = dcn__get_list(im, "axes", 3, 18, DCN__ONNX_MAX_RANK, axes,
                                                      &n_axes))))
        return st;
    if (n != 2 * (n_axes >= 0 ? n_axes : rank))
        return dcn__import_fail(im, "pads has %d numbers, they do not fit %d dimensions; correct "
                                "the file", n, rank);
    memset(pads, 0, 2 * (size_t)rank * sizeof *pads);
    *any = false;
    for (int i = 0; i < n / 2; i++) {
        if ((st = dcn__check_axis(im, n_axes >= 0 ? axes[i] : i, rank, &axis)))
            return st;
        pads[axis] = list[i];
        pads[rank + axis] = list[n / 2 + i];
        *any = *any || list[i] || list[n / 2 + i];
    }
    for (int i = 0; i < 2 * rank; i++)
        if (pads[i] < -MAX_WINDOW || pads[i] > MAX_WINDOW)
            return dcn__import_fail(im, "pads %lld is outside %d..%d; correct the file",
                                    (long long)pads[i], -MAX_WINDOW, MAX_WINDOW);
    return DCN_OK;
}

static dcn_status read_pad_value(dcn__import *im, double *value)
{
    const char *mode = "constant";
    const dcn__constant *c;
    dcn_status st;

    if ((st = dcn__get_text(im, "mode", &mode)))
        return st;
    if (strcmp(mode, "constant") != 0)
        return dcn__import_fail(im, "its mode is %.40s, supported is constant; export the network "
                                "another way", mode);
    if (im->file->opset < 11)
        return dcn__get_float(im, "value", value);
    if (!dcn__import_input(im, 2))
        return DCN_OK;
    return (st = dcn__need_constant(im, 2, &c)) ? st : dcn__constant_number(im, c, value);
}

/* Zeros round the channels, of a value (N,1,C,H,W): the beginning of an LRN written out. */
static dcn_status pad_channels(dcn__import *im, dcn__view *v, const int64_t *pads, double value)
{
    const int64_t around = pads[2] + pads[7];
    dcn__draft d = { .op = DCN__OP_CONV, .part = DCN__PART_WIDE };
    dcn__view out = { .rank = 0 };
    dcn_status st;

    for (int i = 0; i < 10; i++)
        if ((i != 2 && i != 7 && pads[i]) || pads[i] < 0 || value != 0)
            return dcn__import_fail(im, "it pads channels, supported are rows and columns; export "
                                    "the network without it");
    d.u.conv = (dcn_conv_desc){ .filters = (int)(v->dims[2] + around), .kernel = { 1, 1 } };
    d.exponent = pads[2] == pads[7] ? (double)pads[2] : -1;
    if ((st = dcn__draft_add(im, &d, &v->draft, 1, &out.draft)))
        return st;
    for (int i = 0; i < 5; i++) {
        const dcn__atom wide = { DCN__AXIS_C, v->dims[2] + around, 1 };

        dcn__view_append(&out, i == 2 ? &wide : &v->atoms[v->first[i]],
                         i == 2 ? 1 : v->first[i + 1] - v->first[i]);
    }
    return dcn__set_view(im, 0, &out, false);
}

/* The mean over neighbouring channels of squares: an LRN's sum. */
static dcn_status box_of_squares(dcn__import *im, dcn__view *v)
{
    const dcn__draft *wide = &im->drafts[v->draft], *square;
    dcn__draft d = { .op = DCN__OP_SIGMOID, .part = DCN__PART_BOX };
    int64_t kernel[5], strides[5] = { 1, 1, 1, 1, 1 }, pads[6] = { 0 };
    dcn__view out = { .rank = 0 };
    int n, unused;
    dcn_status st;

    if ((st = dcn__get_ints(im, "kernel_shape", 5, kernel, &n)) ||
        (st = dcn__get_ints(im, "strides", 5, strides, &unused)) ||
        (st = dcn__get_ints(im, "pads", 6, pads, &unused)))
        return st;
    square = wide->part == DCN__PART_WIDE ? &im->drafts[wide->inputs[0]] : NULL;
    for (int i = 0; i < 6; i++)
        if (!square || n != 3 || kernel[1] != 1 || kernel[2] != 1 || pads[i] ||
            strides[i % 3] != 1 || (double)kernel[0] != 2 * wide->exponent + 1 || square->poly[2] != 1 ||
            square->poly[0] || square->poly[1] || square->poly[3])
            return dcn__import_fail(im, "it has three dimensions, supported are two; networks for "
                                    "volumes are not supported");
    d.u.lrn.size = (int)kernel[0];
    if ((st = dcn__draft_add(im, &d, &square->base, 1, &out.draft)))
        return st;
    for (int i = 0; i < 5; i++) {
        const dcn__atom all = { DCN__AXIS_C, dcn__draft_shape(im, out.draft).c, 1 };

        dcn__view_append(&out, i == 2 ? &all : &v->atoms[v->first[i]],
                         i == 2 ? 1 : v->first[i + 1] - v->first[i]);
    }
    return dcn__set_view(im, 0, &out, false);
}

static bool is_nhwc(const dcn__import *im, const dcn__view *v)
{
    return v->rank == 4 && dcn__view_is_axis(im, v, 0, DCN__AXIS_N) &&
           dcn__view_is_axis(im, v, 1, DCN__AXIS_H) && dcn__view_is_axis(im, v, 2, DCN__AXIS_W) &&
           dcn__view_is_axis(im, v, 3, DCN__AXIS_C);
}

/* Several nodes of the kind may say no more than one that pads first. */
dcn_status dcn__import_pad(dcn__import *im)
{
    int64_t pads[2 * DCN__ONNX_MAX_RANK];
    dcn__draft d = { .op = DCN__OP_PAD };
    dcn__view *v, out;
    double value = 0;
    bool any = false, last;
    dcn_status st;
    dcn_node id;

    if ((st = dcn__need_view(im, 0, &v)) || (st = read_all_pads(im, v->rank, pads, &any)))
        return st;
    if (!any)
        return dcn__import_identity(im);
    if ((st = read_pad_value(im, &value)))
        return st;
    if (v->rank == 5)
        return pad_channels(im, v, pads, value);
    dcn__view_nchw(im, v->draft, &out);      /* one cell of one channel is both */
    last = is_nhwc(im, v) && (!dcn__view_equal(v, &out) || pads[1] || pads[5]);
    if (!last && (st = dcn__view_make_nchw(im, v)))
        return st;
    for (int i = 0; i < 2; i++) {
        const int rows = last ? 1 : 2, channels = last ? 3 : 1;

        if (pads[4 * i] || pads[4 * i + channels])
            return dcn__import_fail(im, "it pads channels or pictures, supported are rows and "
                                    "columns; export the network without it");
        d.u.pad.pad[2 * i] = (int)pads[4 * i + rows];
        d.u.pad.pad[2 * i + 1] = (int)pads[4 * i + rows + 1];
    }
    d.u.pad.value = (float)value;
    if ((st = dcn__draft_add(im, &d, &v->draft, 1, &id)))
        return st;
    if (last)
        dcn__view_nhwc(im, id, &out);
    else
        dcn__view_nchw(im, id, &out);
    return dcn__set_view(im, 0, &out, false);
}
