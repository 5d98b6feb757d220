/* onnx_attribute.c - attributes of the node being imported, and its refusals. */
#include "model/onnx_import.h"

#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const dcn__onnx_node *dcn__import_node(const dcn__import *im)
{
    return &im->file->nodes[im->node];
}

/* Its name, or that of the first value it makes. */
const char *dcn__import_node_name(const dcn__onnx_node *node)
{
    if (node->name[0])
        return node->name;
    for (int i = 0; i < node->n_outputs; i++)
        if (node->outputs[i][0])
            return node->outputs[i];
    return "without a name";
}

/* Long names say most at their end. */
static const char *tail(const char *text, size_t limit)
{
    const size_t n = strlen(text);
    const char *p = n > limit ? text + (n - limit) : text;

    while (((unsigned char)*p & 0xc0) == 0x80)
        p++;
    return p;
}

dcn_status dcn__import_fail(dcn__import *im, const char *format, ...)
{
    const dcn__onnx_node *n = dcn__import_node(im);
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return dcn__fail(im->err, DCN_INPUT, im->path, "node %s (%.40s): %s",
                     tail(dcn__import_node_name(n), 60), n->op, text);
}

dcn_status dcn__import_fail_memory(dcn__import *im, size_t bytes)
{
    return dcn__fail_memory(im->err, "an ONNX network", bytes);
}

static const dcn__onnx_attribute *find(dcn__import *im, const char *name)
{
    return dcn__onnx_attribute_find(dcn__import_node(im), name);
}

static dcn_status check_kind(dcn__import *im, const dcn__onnx_attribute *a, int kind)
{
    if (a->kind == kind)
        return DCN_OK;
    return dcn__import_fail(im, "attribute %s is of kind %s, not %s; export the network again",
                            a->name, dcn__onnx_kind_name(a->kind), dcn__onnx_kind_name(kind));
}

dcn_status dcn__get_int(dcn__import *im, const char *name, int64_t min, int64_t max,
                        int64_t *value)
{
    const dcn__onnx_attribute *a = find(im, name);
    dcn_status st;

    if (!a)
        return DCN_OK;
    if ((st = check_kind(im, a, DCN__ONNX_A_INT)))
        return st;
    if (a->value.i < min || a->value.i > max)
        return dcn__import_fail(im, "%s is %lld, taken are %lld..%lld; export the network another "
                                "way", name, (long long)a->value.i, (long long)min,
                                (long long)max);
    *value = a->value.i;
    return DCN_OK;
}

dcn_status dcn__get_float(dcn__import *im, const char *name, double *value)
{
    const dcn__onnx_attribute *a = find(im, name);
    dcn_status st;

    if (!a)
        return DCN_OK;
    if ((st = check_kind(im, a, DCN__ONNX_A_FLOAT)))
        return st;
    if (isnan(a->value.f))
        return dcn__import_fail(im, "%s is not a number; export the network again", name);
    *value = (double)a->value.f;
    return DCN_OK;
}

dcn_status dcn__get_text(dcn__import *im, const char *name, const char **value)
{
    const dcn__onnx_attribute *a = find(im, name);
    dcn_status st;

    if (!a)
        return DCN_OK;
    if ((st = check_kind(im, a, DCN__ONNX_A_STRING)))
        return st;
    *value = a->value.s.text;
    return DCN_OK;
}

dcn_status dcn__get_ints(dcn__import *im, const char *name, int limit, int64_t *values, int *n)
{
    const dcn__onnx_attribute *a = find(im, name);
    dcn_status st;

    *n = -1;
    if (!a)
        return DCN_OK;
    if ((st = check_kind(im, a, DCN__ONNX_A_INTS)))
        return st;
    if (a->n > limit)
        return dcn__import_fail(im, "%s has %d numbers, at most %d are taken; export the network "
                                "again", name, a->n, limit);
    *n = a->n;
    if (a->n)
        memcpy(values, a->value.ints, (size_t)a->n * sizeof *values);
    return DCN_OK;
}

dcn_status dcn__get_list(dcn__import *im, const char *name, int input, int since, int limit,
                         int64_t *values, int *n)
{
    const dcn__constant *c;
    dcn_status st;

    if (im->file->opset < since)
        return dcn__get_ints(im, name, limit, values, n);
    if (find(im, name))
        return dcn__import_fail(im, "%s is an attribute, it is an input since opset %d; export the "
                                "network again", name, since);
    *n = -1;
    if (!dcn__import_input(im, input))
        return DCN_OK;
    if ((st = dcn__need_constant(im, input, &c)))
        return st;
    return dcn__constant_list(im, c, limit, values, n);
}

dcn_status dcn__check_axis(dcn__import *im, int64_t axis, int rank, int *result)
{
    if (axis < -(int64_t)rank || axis >= rank)
        return dcn__import_fail(im, "axis %lld is not in a value of %d dimensions; correct the "
                                "file", (long long)axis, rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return DCN_OK;
}

dcn_status dcn__get_reduced(dcn__import *im, int rank, bool *reduced, bool *keep, bool *none)
{
    int64_t axes[DCN__ONNX_MAX_RANK], keepdims = 1, noop = 0;
    dcn_status st;
    int n, axis = 0;

    if ((st = dcn__get_int(im, "keepdims", 0, 1, &keepdims)) ||
        (st = dcn__get_int(im, "noop_with_empty_axes", 0, 1, &noop)) ||
        (st = dcn__get_list(im, "axes", 1, 18, DCN__ONNX_MAX_RANK, axes, &n)))
        return st;
    *keep = keepdims;
    *none = n <= 0 && noop;
    for (int i = 0; i < rank; i++)
        reduced[i] = n <= 0;
    for (int i = 0; i < n; i++) {
        if ((st = dcn__check_axis(im, axes[i], rank, &axis)))
            return st;
        reduced[axis] = true;
    }
    return DCN_OK;
}
