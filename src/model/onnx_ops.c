/* onnx_ops.c - looks an operator up, and says what is wrong with a node before any is imported. */
#include "model/onnx_import.h"

#include <stdio.h>
#include <string.h>

/* The newest opset whose operators were compared with this table. */
enum { FIRST_OPSET = 7, LAST_OPSET = 28 };

static const dcn__onnx_op ops[] = {
#define DCN_ONNX_OP(name, since, until, build, folds, attributes) \
    { name, since, until, build, folds, attributes },
#define DCN_ONNX_FOLD(name, since, until, attributes) \
    { name, since, until, NULL, true, attributes },
#include "model/onnx_ops.def"
#undef DCN_ONNX_OP
#undef DCN_ONNX_FOLD
};

const dcn__onnx_op *dcn__onnx_op_find(const char *name)
{
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

/* Is `word` one of the words of a list with spaces between? */
static bool holds(const char *list, const char *word)
{
    const size_t n = strlen(word);

    for (const char *p = list; n && (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

static dcn_status refuse(dcn__import *im, const char *why)
{
    return dcn__import_fail(im, "%s is not supported at opset %lld; supported are convolutions, "
                            "dense layers, pools, norms, activations and reshapes "
                            "(docs/formats/onnx.md)", why, (long long)im->file->opset);
}

dcn_status dcn__onnx_op_check(dcn__import *im)
{
    const dcn__onnx_node *n = dcn__import_node(im);
    const dcn__onnx_op *op = dcn__onnx_op_find(n->op);
    char why[200];

    if (im->file->opset < FIRST_OPSET || im->file->opset > LAST_OPSET)
        return dcn__import_fail(im, "opset %lld is outside %d..%d; export the network with "
                                "opset_version=17", (long long)im->file->opset, FIRST_OPSET,
                                LAST_OPSET);
    if (n->domain[0]) {
        snprintf(why, sizeof why, "operator %.60s of domain %.60s", n->op, n->domain);
        return refuse(im, why);
    }
    for (int i = 0; i < im->file->n_functions; i++)
        if (!im->file->functions[i].domain[0] && strcmp(im->file->functions[i].name, n->op) == 0)
            return refuse(im, "a function of the file itself");
    if (!op || im->file->opset < op->since || (op->until && im->file->opset > op->until)) {
        snprintf(why, sizeof why, "operator %.60s", n->op);
        return refuse(im, why);
    }
    for (int i = 0; i < n->n_attributes; i++) {
        const dcn__onnx_attribute *a = &n->attributes[i];

        if (a->ref)
            return dcn__import_fail(im, "attribute %.60s refers to %.60s of a function; inline the "
                                    "file's functions", a->name, a->ref);
        if (!holds(op->attributes, a->name))
            return dcn__import_fail(im, "attribute %.60s is not known of %s; known are: %s",
                                    a->name, op->name, op->attributes[0] ? op->attributes
                                    : "none");
    }
    return DCN_OK;
}
