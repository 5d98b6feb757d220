/* onnx_shape.c - operators that move nothing or little: reshapes, transpositions, slices, joins. */
#include "model/onnx_shape.h"

#include "base/memory.h"

#include <string.h>

/* ---- new dimensions for the same cells ------------------------------------------------------- */

static int64_t product(const int64_t *dims, int rank)
{
    int64_t all = 1;

    for (int i = 0; i < rank; i++)
        if (!dcn__mul_int64(all, dims[i], &all))
            return -1;
    return all;
}

static dcn_status reshape_dims(dcn__import *im, const int64_t *in, int in_rank, int64_t *out,
                               int *rank)
{
    int64_t all = product(in, in_rank), allow_zero = 0, others = 1;
    const dcn__constant *shape;
    dcn_status st;
    int open = -1;

    if ((st = dcn__need_constant(im, 1, &shape)) ||
        (st = dcn__constant_list(im, shape, DCN__ONNX_MAX_RANK, out, rank)) ||
        (st = dcn__get_int(im, "allowzero", 0, 1, &allow_zero)))
        return st;
    for (int i = 0; i < *rank; i++) {
        if (out[i] == 0 && !allow_zero && i < in_rank)
            out[i] = in[i];
        if (out[i] == -1 && open < 0)
            open = i;
        else if (out[i] < 0 || !dcn__mul_int64(others, out[i], &others))
            return dcn__import_fail(im, "it asks for a dimension of %lld; correct the file",
                                    (long long)out[i]);
    }
    if (open >= 0 && others > 0 && all % others == 0)
        out[open] = all / others;
    if (product(out, *rank) != all)
        return dcn__import_fail(im, "its shape does not hold the %lld values of its input; correct "
                                "the file", (long long)all);
    return DCN_OK;
}

static dcn_status flatten_dims(dcn__import *im, const int64_t *in, int in_rank, int64_t *out,
                               int *rank)
{
    int64_t axis = 1;
    dcn_status st;

    if ((st = dcn__get_int(im, "axis", -in_rank, in_rank, &axis)))
        return st;
    axis += axis < 0 ? in_rank : 0;
    out[0] = product(in, (int)axis);
    out[1] = product(in + axis, in_rank - (int)axis);
    *rank = 2;
    return DCN_OK;
}

static dcn_status squeeze_dims(dcn__import *im, const int64_t *in, int in_rank, int64_t *out,
                               int *rank)
{
    int64_t axes[DCN__ONNX_MAX_RANK];
    bool drop[DCN__ONNX_MAX_RANK];
    dcn_status st;
    int n, axis;

    if ((st = dcn__get_list(im, "axes", 1, 13, DCN__ONNX_MAX_RANK, axes, &n)))
        return st;
    for (int i = 0; i < in_rank; i++)
        drop[i] = n < 0 && in[i] == 1;
    for (int i = 0; i < n; i++) {
        if ((st = dcn__check_axis(im, axes[i], in_rank, &axis)))
            return st;
        if (in[axis] != 1)
            return dcn__import_fail(im, "dimension %d is %lld, only 1 can be squeezed out; correct "
                                    "the file", axis, (long long)in[axis]);
        drop[axis] = true;
    }
    *rank = 0;
    for (int i = 0; i < in_rank; i++)
        if (!drop[i])
            out[(*rank)++] = in[i];
    return DCN_OK;
}

static dcn_status unsqueeze_dims(dcn__import *im, const int64_t *in, int in_rank, int64_t *out,
                                 int *rank)
{
    int64_t axes[DCN__ONNX_MAX_RANK];
    bool made[DCN__ONNX_MAX_RANK] = { false };
    dcn_status st;
    int n, axis;

    if ((st = dcn__get_list(im, "axes", 1, 13, DCN__ONNX_MAX_RANK, axes, &n)))
        return st;
    if (n < 0 || in_rank + n > DCN__ONNX_MAX_RANK)
        return dcn__import_fail(im, n < 0 ? "its axes are missing; correct the file"
                                : "its result has more than 8 dimensions; correct the file");
    *rank = in_rank + n;
    for (int i = 0; i < n; i++) {
        if ((st = dcn__check_axis(im, axes[i], *rank, &axis)))
            return st;
        if (made[axis])
            return dcn__import_fail(im, "axis %d stands twice; correct the file", axis);
        made[axis] = true;
    }
    for (int i = 0, k = 0; i < *rank; i++)
        out[i] = made[i] ? 1 : in[k++];
    return DCN_OK;
}

typedef dcn_status (*new_dims)(dcn__import *im, const int64_t *in, int in_rank, int64_t *out,
                               int *rank);

static dcn_status relabel(dcn__import *im, new_dims make)
{
    dcn__value *x = dcn__import_input(im, 0);
    int64_t dims[DCN__ONNX_MAX_RANK];
    dcn__view *v, out;
    dcn_status st;
    int rank;

    if (x && x->constant) {
        if ((st = make(im, x->constant->dims, x->constant->rank, dims, &rank)))
            return st;
        return dcn__constant_reshape(im, x->constant, rank, dims);
    }
    if ((st = dcn__need_view(im, 0, &v)) || (st = make(im, v->dims, v->rank, dims, &rank)))
        return st;
    if (!dcn__view_reshape(v, rank, dims, &out)) {
        if ((st = dcn__view_make_vector(im, v)))
            return st;
        if (!dcn__view_reshape(v, rank, dims, &out))
            return dcn__import_fail(im, "it mixes the pictures of a batch, which is not supported; "
                                    "export the network with a batch of 1");
    }
    return dcn__set_view(im, 0, &out, true);
}

dcn_status dcn__import_reshape(dcn__import *im)
{
    return relabel(im, reshape_dims);
}

dcn_status dcn__import_flatten(dcn__import *im)
{
    return relabel(im, flatten_dims);
}

dcn_status dcn__import_squeeze(dcn__import *im)
{
    return relabel(im, squeeze_dims);
}

dcn_status dcn__import_unsqueeze(dcn__import *im)
{
    return relabel(im, unsqueeze_dims);
}

dcn_status dcn__constant_reshape(dcn__import *im, const dcn__constant *c, int rank,
                                 const int64_t *dims)
{
    dcn__constant *out;
    double *copy;
    const double *values;
    int64_t step = 1;
    bool whole = true;
    dcn_status st;

    for (int d = c->rank - 1; d >= 0; d--) {
        whole = whole && (c->dims[d] == 1 || c->strides[d] == step);
        step *= c->dims[d];
    }
    if (whole) {
        if (!(out = dcn__import_alloc(im, 1, sizeof *out)))
            return DCN_MEMORY;
        *out = *c;
        out->rank = rank;
        step = 1;
        for (int d = rank - 1; d >= 0; d--) {
            out->dims[d] = dims[d];
            out->strides[d] = step;
            step *= dims[d];
        }
    } else {
        if ((st = dcn__constant_values(im, c, &values)) ||
            (st = dcn__constant_make(im, c->type, rank, dims, &out, &copy)))
            return st;
        memcpy(copy, values, (size_t)out->count * sizeof *copy);
    }
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* ---- the same cells in another order of dimensions ------------------------------------------- */

static dcn_status read_perm(dcn__import *im, int rank, int *perm)
{
    int64_t list[DCN__ONNX_MAX_RANK];
    bool seen[DCN__ONNX_MAX_RANK] = { false };
    dcn_status st;
    int n;

    if ((st = dcn__get_ints(im, "perm", DCN__ONNX_MAX_RANK, list, &n)))
        return st;
    for (int i = 0; i < rank; i++) {
        perm[i] = n < 0 ? rank - 1 - i : n == rank && list[i] >= 0 && list[i] < rank ? (int)list[i]
                                                                                     : -1;
        if (perm[i] < 0 || seen[perm[i]])
            return dcn__import_fail(im, "perm is no order of %d dimensions; correct the file",
                                    rank);
        seen[perm[i]] = true;
    }
    return DCN_OK;
}

static dcn_status transpose_constant(dcn__import *im, const dcn__constant *c)
{
    dcn__constant turned = *c, *out;
    int64_t at[DCN__ONNX_MAX_RANK] = { 0 }, offset = 0;
    int perm[DCN__ONNX_MAX_RANK];
    double *values;
    dcn_status st;

    if ((st = read_perm(im, c->rank, perm)))
        return st;
    for (int d = 0; d < c->rank; d++) {
        turned.dims[d] = c->dims[perm[d]];
        turned.strides[d] = c->strides[perm[d]];
    }
    if (c->tensor) {                       /* weights stay in the file */
        if (!(out = dcn__import_alloc(im, 1, sizeof *out)))
            return DCN_MEMORY;
        *out = turned;
        dcn__set_constant(im, 0, out);
        return DCN_OK;
    }
    if ((st = dcn__constant_make(im, c->type, c->rank, turned.dims, &out, &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++) {
        values[i] = c->values[offset];
        for (int d = c->rank - 1; d >= 0; d--) {
            offset += turned.strides[d];
            if (++at[d] < turned.dims[d])
                break;
            offset -= turned.strides[d] * turned.dims[d];
            at[d] = 0;
        }
    }
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

dcn_status dcn__import_transpose(dcn__import *im)
{
    dcn__value *x = dcn__import_input(im, 0);
    int perm[DCN__ONNX_MAX_RANK];
    dcn__view *v, out;
    dcn_status st;

    if (x && x->constant)
        return transpose_constant(im, x->constant);
    if ((st = dcn__need_view(im, 0, &v)) || (st = read_perm(im, v->rank, perm)))
        return st;
    memset(&out, 0, sizeof out);
    out.draft = v->draft;
    out.shared = v->shared;
    for (int d = 0; d < v->rank; d++)
        dcn__view_append(&out, &v->atoms[v->first[perm[d]]],
                         v->first[perm[d] + 1] - v->first[perm[d]]);
    return dcn__set_view(im, 0, &out, true);
}

/* ---- nothing at all -------------------------------------------------------------------------- */

dcn_status dcn__import_identity(dcn__import *im)
{
    dcn__value *x = dcn__import_input(im, 0);
    dcn__view *v;
    dcn_status st;

    if (x && x->constant) {
        dcn__set_constant(im, 0, x->constant);
        return DCN_OK;
    }
    if ((st = dcn__need_view(im, 0, &v)))
        return st;
    return dcn__set_view(im, 0, v, true);
}

dcn_status dcn__import_dropout(dcn__import *im)
{
    const dcn__constant *c;
    double training = 0;
    dcn_status st;

    if (dcn__import_input(im, 2) &&
        ((st = dcn__need_constant(im, 2, &c)) || (st = dcn__constant_number(im, c, &training))))
        return st;
    if (training != 0)
        return dcn__import_fail(im, "training_mode is set; export the network in evaluation mode");
    return dcn__import_identity(im);
}

dcn_status dcn__import_cast(dcn__import *im)
{
    int64_t to = 0;
    dcn_status st;

    if ((st = dcn__get_int(im, "to", 1, INT32_MAX, &to)))
        return st;
    if (!dcn__type_is_float((int)to))
        return dcn__import_fail(im, "it makes the picture's values %s, supported are floats; "
                                "export the network in float32", dcn__onnx_type_name((int)to));
    return dcn__import_identity(im);
}

static dcn_status dims_of_input(dcn__import *im, int64_t *dims, int *rank)
{
    dcn__value *x = dcn__import_input(im, 0);
    dcn__view *v;
    dcn_status st;

    if (x && x->constant) {
        *rank = x->constant->rank;
        memcpy(dims, x->constant->dims, sizeof x->constant->dims);
        return DCN_OK;
    }
    if ((st = dcn__need_view(im, 0, &v)))
        return st;
    *rank = v->rank;
    memcpy(dims, v->dims, sizeof v->dims);
    return DCN_OK;
}

dcn_status dcn__import_shape(dcn__import *im)
{
    int64_t dims[DCN__ONNX_MAX_RANK], start = 0, end = INT32_MAX, n;
    dcn__constant *out;
    double *values;
    dcn_status st;
    int rank;

    if ((st = dims_of_input(im, dims, &rank)) ||
        (st = dcn__get_int(im, "start", INT32_MIN, INT32_MAX, &start)) ||
        (st = dcn__get_int(im, "end", INT32_MIN, INT32_MAX, &end)))
        return st;
    start += start < 0 ? rank : 0;
    end += end < 0 ? rank : 0;
    start = start < 0 ? 0 : start;
    end = end > rank ? rank : end;
    n = end > start ? end - start : 0;
    if ((st = dcn__constant_make(im, DCN__ONNX_INT64, 1, &n, &out, &values)))
        return st;
    for (int64_t i = 0; i < n; i++)
        values[i] = (double)dims[start + i];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

dcn_status dcn__import_size(dcn__import *im)
{
    int64_t dims[DCN__ONNX_MAX_RANK];
    dcn__constant *out;
    double *values;
    dcn_status st;
    int rank;

    if ((st = dims_of_input(im, dims, &rank)) ||
        (st = dcn__constant_make(im, DCN__ONNX_INT64, 0, NULL, &out, &values)))
        return st;
    values[0] = (double)product(dims, rank);
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

dcn_status dcn__read_slices(dcn__import *im, int rank, const int64_t *dims, dcn__slices *s)
{
    int64_t starts[DCN__ONNX_MAX_RANK], ends[DCN__ONNX_MAX_RANK], axes[DCN__ONNX_MAX_RANK],
        steps[DCN__ONNX_MAX_RANK];
    int n_starts, n_ends, n_axes, n_steps = -1;
    dcn_status st;

    if ((st = dcn__get_list(im, "starts", 1, 10, DCN__ONNX_MAX_RANK, starts, &n_starts)) ||
        (st = dcn__get_list(im, "ends", 2, 10, DCN__ONNX_MAX_RANK, ends, &n_ends)) ||
        (st = dcn__get_list(im, "axes", 3, 10, DCN__ONNX_MAX_RANK, axes, &n_axes)) ||
        (im->file->opset >= 10 &&
         (st = dcn__get_list(im, "steps", 4, 10, DCN__ONNX_MAX_RANK, steps, &n_steps))))
        return st;
    if (n_starts < 0 || n_starts > rank || n_ends != n_starts ||
        (n_axes >= 0 && n_axes != n_starts) || (n_steps >= 0 && n_steps != n_starts))
        return dcn__import_fail(im, "its lists of starts, ends, axes and steps do not fit; correct "
                                "the file");
    s->n = n_starts;
    for (int i = 0; i < n_starts; i++) {
        const int64_t step = n_steps >= 0 ? steps[i] : 1;
        int64_t first = starts[i], end = ends[i], d;

        if ((st = dcn__check_axis(im, n_axes >= 0 ? axes[i] : i, rank, &s->axis[i])))
            return st;
        if (step == 0 || step > INT32_MAX || step < -INT32_MAX)
            return dcn__import_fail(im, "a step is %lld; correct the file", (long long)step);
        d = dims[s->axis[i]];
        first += first < 0 ? d : 0;
        end += end < 0 ? d : 0;
        if (step > 0) {
            first = clamp(first, 0, d);
            end = clamp(end, 0, d);
        } else {
            first = clamp(first, -1, d - 1);
            end = clamp(end, -1, d - 1);
        }
        s->first[i] = first;
        s->step[i] = step;
        s->count[i] = (end - first) / step + ((end - first) % step != 0);
        s->count[i] = (step > 0) == (end > first) && end != first ? s->count[i] : 0;
    }
    return DCN_OK;
}

/* Places at equal distances, as a cut or one by one. */
static dcn_status cut(dcn__import *im, dcn__view *v, int axis, int64_t first, int64_t count,
                      int64_t step)
{
    int64_t places[64];

    if (step == 1)
        return dcn__view_cut(im, v, axis, first, count);
    if (count > 64)
        return dcn__import_fail(im, "it takes %lld values in steps of %lld, at most 64 are "
                                "supported; export the network without it", (long long)count,
                                (long long)step);
    for (int64_t i = 0; i < count; i++)
        places[i] = first + i * step;
    return count ? dcn__view_pick(im, v, axis, places, (int)count)
                 : dcn__view_cut(im, v, axis, 0, 0);
}

dcn_status dcn__import_slice(dcn__import *im)
{
    dcn__view *v, part;
    dcn__slices s;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)) ||
        (st = dcn__read_slices(im, v->rank, v->dims, &s)))
        return st;
    for (int i = 0; i < s.n; i++)
        if ((s.first[i] || s.count[i] != v->dims[s.axis[i]]) &&
            (st = dcn__view_prepare_cut(im, v, s.axis[i])))
            return st;
    part = *v;
    for (int i = 0; i < s.n; i++)
        if ((st = cut(im, &part, s.axis[i], s.first[i], s.count[i], s.step[i])))
            return st;
    return dcn__set_view(im, 0, &part, part.draft == v->draft);
}

static dcn_status split_sizes(dcn__import *im, int64_t all, int64_t *sizes, int n)
{
    int64_t given[64], outputs = n, sum = 0, each;
    dcn_status st;
    int count;

    if (n > 64)
        return dcn__import_fail(im, "it has %d outputs, at most 64 are supported; split otherwise",
                                n);
    if ((st = dcn__get_list(im, "split", 1, 13, 64, given, &count)) ||
        (st = dcn__get_int(im, "num_outputs", 1, 64, &outputs)))
        return st;
    each = (all + n - 1) / n;
    for (int i = 0; i < n; i++) {
        sizes[i] = count == n ? given[i] : i + 1 < n || im->file->opset < 18 ? each : all - sum;
        sum += sizes[i] > 0 && sizes[i] <= all ? sizes[i] : all + 1;
    }
    if (outputs != n || sum != all || (count >= 0 && count != n))
        return dcn__import_fail(im, "its parts do not add up to the %lld of its input; correct the "
                                "file", (long long)all);
    return DCN_OK;
}

dcn_status dcn__import_split(dcn__import *im)
{
    const int n = dcn__import_node(im)->n_outputs;
    int64_t axis_value = 0, sizes[64], first = 0;
    dcn__view *v, part;
    dcn_status st;
    int axis;

    if ((st = dcn__need_view(im, 0, &v)) ||
        (st = dcn__get_int(im, "axis", INT32_MIN, INT32_MAX, &axis_value)) ||
        (st = dcn__check_axis(im, axis_value, v->rank, &axis)) ||
        (st = split_sizes(im, v->dims[axis], sizes, n)) ||
        (n > 1 && (st = dcn__view_prepare_cut(im, v, axis))))
        return st;
    for (int i = 0; i < n; first += sizes[i++]) {
        part = *v;
        if ((st = dcn__view_cut(im, &part, axis, first, sizes[i])) ||
            (st = dcn__set_view(im, i, &part, n == 1)))
            return st;
    }
    return DCN_OK;
}

static void drop_dimension(dcn__view *v, int d)
{
    const dcn__view old = *v;

    v->rank = 0;
    for (int i = 0; i < old.rank; i++)
        if (i != d)
            dcn__view_append(v, &old.atoms[old.first[i]], old.first[i + 1] - old.first[i]);
}

dcn_status dcn__import_gather(dcn__import *im)
{
    int64_t axis_value = 0, places[64];
    const dcn__constant *indices;
    dcn__view *v, part;
    const double *values;
    dcn_status st;
    int axis;

    if ((st = dcn__need_view(im, 0, &v)) || (st = dcn__need_constant(im, 1, &indices)) ||
        (st = dcn__get_int(im, "axis", INT32_MIN, INT32_MAX, &axis_value)) ||
        (st = dcn__check_axis(im, axis_value, v->rank, &axis)))
        return st;
    if (indices->rank > 1 || indices->count < 1 || indices->count > 64)
        return dcn__import_fail(im, "it picks %lld places, supported are 1..64 in one list; export "
                                "the network without it", (long long)indices->count);
    if ((st = dcn__constant_values(im, indices, &values)))
        return st;
    for (int i = 0; i < indices->count; i++) {
        const double at = values[i] < 0 ? values[i] + (double)v->dims[axis] : values[i];

        if (!(at >= 0 && at < (double)v->dims[axis]))
            return dcn__import_fail(im, "place %g is not in a dimension of %lld; correct the file",
                                    values[i], (long long)v->dims[axis]);
        places[i] = (int64_t)at;
    }
    if (v->dims[axis] > 1 && (st = dcn__view_prepare_cut(im, v, axis)))
        return st;
    part = *v;
    if ((st = dcn__view_pick(im, &part, axis, places, (int)indices->count)))
        return st;
    if (indices->rank == 0)
        drop_dimension(&part, axis);
    return dcn__set_view(im, 0, &part, part.draft == v->draft);
}

/* ---- joins ----------------------------------------------------------------------------------- */

/* The same labels in every dimension but d? */
static bool fits(const dcn__view *a, const dcn__view *b, int d)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        const int n = a->first[i + 1] - a->first[i];

        if (i == d)
            continue;
        if (n != b->first[i + 1] - b->first[i] || a->dims[i] != b->dims[i])
            return false;
        for (int k = 0; k < n; k++)
            if (a->atoms[a->first[i] + k].axis != b->atoms[b->first[i] + k].axis ||
                a->atoms[a->first[i] + k].stride != b->atoms[b->first[i] + k].stride)
                return false;
    }
    return true;
}

/* Along dimension d an input may be joined to others if that is the outer part of its channels,
 * each place being *inner of them; or if it is 1. */
static bool can_join(const dcn__import *im, const dcn__view *v, int d, int64_t *inner)
{
    const int64_t channels = dcn__draft_shape(im, v->draft).c;
    const dcn__atom *a = &v->atoms[v->first[d]];

    *inner = v->dims[d] == 1 ? channels : a->stride;
    return v->dims[d] == 1 || (v->first[d + 1] - v->first[d] == 1 && a->axis == DCN__AXIS_C &&
                               a->extent * a->stride == channels);
}

static dcn_status move_cells(dcn__import *im, dcn__view *v)
{
    return v->rank == 4 ? dcn__view_make_nchw(im, v) : dcn__view_make_vector(im, v);
}

/* Can all inputs be joined as they lie? Or, with `move`, after their cells were put in order?
 * *inner is the first one's; *places all of dimension `axis`. */
static dcn_status check_joins(dcn__import *im, int axis, bool move, int64_t *inner,
                              int64_t *places, int *misfit)
{
    dcn__view *v, *first = NULL;
    int64_t own;
    dcn_status st;

    *misfit = -1;
    *places = 0;
    for (int i = 0; i < dcn__import_node(im)->n_inputs; i++) {
        if ((st = dcn__need_view(im, i, &v)))
            return st;
        if (v->rank <= axis)
            return dcn__import_fail(im, "input %d has %d dimensions, axis %d is not among them; "
                                    "correct the file", i + 1, v->rank, axis);
        if (move && (st = move_cells(im, v)))
            return st;
        first = first ? first : v;
        if (!can_join(im, v, axis, &own) || !fits(first, v, axis) || (i && own != *inner)) {
            *misfit = i;
            return DCN_OK;
        }
        *inner = own;
        *places += v->dims[axis];
    }
    return DCN_OK;
}

dcn_status dcn__import_concat(dcn__import *im)
{
    const int n = dcn__import_node(im)->n_inputs;
    dcn_node *inputs = dcn__import_alloc(im, (size_t)n + 1, sizeof *inputs);
    dcn__draft join = { .op = DCN__OP_CONCAT };
    dcn__view *first, *v, out = { .rank = 0 };
    int64_t axis_value = 0, places, inner = 1;
    int axis, misfit;
    dcn_status st;

    if (!inputs)
        return DCN_MEMORY;
    if ((st = dcn__need_view(im, 0, &first)) ||
        (st = dcn__get_int(im, "axis", INT32_MIN, INT32_MAX, &axis_value)) ||
        (st = dcn__check_axis(im, axis_value, first->rank, &axis)) ||
        (st = check_joins(im, axis, false, &inner, &places, &misfit)) ||
        (misfit >= 0 && (st = check_joins(im, axis, true, &inner, &places, &misfit))))
        return st;
    if (misfit >= 0)
        return dcn__import_fail(im, "input %d cannot be joined to the first along axis %d, "
                                "supported are channels; export the network another way",
                                misfit + 1, axis);
    if (n == 1)
        return dcn__import_identity(im);
    if (places > INT32_MAX / inner)
        return dcn__import_fail(im, "it joins too many channels; use fewer");
    for (int i = 0; i < n; i++) {
        if ((st = dcn__need_view(im, i, &v)))
            return st;
        inputs[i] = v->draft;
    }
    if ((st = dcn__draft_add(im, &join, inputs, n, &out.draft)))
        return st;
    for (int i = 0; i < first->rank; i++) {
        const dcn__atom whole = { DCN__AXIS_C, places, inner };

        dcn__view_append(&out, i == axis ? &whole : &first->atoms[first->first[i]],
                         i == axis ? 1 : first->first[i + 1] - first->first[i]);
    }
    return dcn__set_view(im, 0, &out, false);
}

/* A gate for every place of a map: Mul does that by itself, others do not. */
dcn_status dcn__import_expand(dcn__import *im)
{
    int64_t dims[DCN__ONNX_MAX_RANK], *wide = dcn__import_alloc(im, DCN__ONNX_MAX_RANK,
                                                                sizeof *wide);
    const dcn__constant *shape;
    dcn__view *v;
    bool wider = false;
    dcn_status st;
    int n;

    if (!wide)
        return DCN_MEMORY;
    if ((st = dcn__need_view(im, 0, &v)) || (st = dcn__need_constant(im, 1, &shape)) ||
        (st = dcn__constant_list(im, shape, DCN__ONNX_MAX_RANK, dims, &n)))
        return st;
    for (int d = 0; d < v->rank; d++) {
        const int64_t to = d + n >= v->rank ? dims[d + n - v->rank] : 1;

        if (n > v->rank || to < 1 || (to != 1 && v->dims[d] != 1 && to != v->dims[d]))
            return dcn__import_fail(im, "its shape has other dimensions than its input, supported "
                                    "is repeating a gate of Mul; export the network without it");
        wide[d] = to > 1 ? to : v->dims[d];
        wider = wider || wide[d] != v->dims[d];
    }
    if ((st = dcn__import_identity(im)))
        return st;
    if (wider)
        im->values[im->first_output[im->node]].wide = wide;
    return DCN_OK;
}
