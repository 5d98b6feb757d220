/* onnx_load.c - an ONNX file -> a model: what its output needs, node by node. */
#include "model/onnx_import.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { USUAL_SIDE = 224 };

/* ---- memory ---------------------------------------------------------------------------------- */

union block { union block *next; double aligned; };

void *dcn__import_alloc(dcn__import *im, size_t count, size_t size)
{
    size_t bytes;
    union block *b = dcn__mul_size(count, size, &bytes) && bytes < SIZE_MAX - sizeof *b
        ? dcn__alloc(sizeof *b + bytes) : NULL;

    if (!b) {
        dcn__import_fail_memory(im, count * size);
        return NULL;
    }
    b->next = im->blocks;
    im->blocks = b;
    return b + 1;
}

static void clear(dcn__import *im)
{
    for (union block *b = im->blocks, *next; b; b = next) {
        next = b->next;
        dcn__free(b);
    }
    dcn__free(im->drafts);
    dcn__free(im->scratch);
    dcn_graph_destroy(im->graph);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* NULL: nothing makes it; the file's check has refused that. */
static dcn__value *value_of(const dcn__import *im, const char *name)
{
    const dcn__onnx_value *v = dcn__onnx_find(im->file, name);

    if (!v)
        return NULL;
    if (v->node >= 0)
        return &im->values[im->first_output[v->node] + v->output];
    return &im->values[v->initializer >= 0 ? v->initializer
                                           : im->file->n_initializers + v->input];
}

dcn__value *dcn__import_input(const dcn__import *im, int i)
{
    const dcn__onnx_node *n = dcn__import_node(im);

    return i < n->n_inputs && n->inputs[i][0] ? value_of(im, n->inputs[i]) : NULL;
}

static dcn_status refuse_input(dcn__import *im, int i, const char *wanted)
{
    const dcn__onnx_node *n = dcn__import_node(im);
    const dcn__value *v = dcn__import_input(im, i);

    if (!v)
        return dcn__import_fail(im, "input %d is missing; correct the file", i + 1);
    if (!v->constant && !v->view)
        return dcn__import_fail(im, "input %d is %.60s, an output that is not supported; export "
                                "the network without it", i + 1, n->inputs[i]);
    return dcn__import_fail(im, "input %d is %s, supported is %s; export the network another way",
                            i + 1, v->constant ? "a constant" : "a value of the picture", wanted);
}

dcn_status dcn__need_view(dcn__import *im, int i, dcn__view **view)
{
    dcn__value *v = dcn__import_input(im, i);

    if (!v || !v->view)
        return refuse_input(im, i, "a value of the picture");
    if (v->wide && strcmp(dcn__import_node(im)->op, "Mul") != 0)
        return dcn__import_fail(im, "input %d is repeated by Expand, which is supported for gates "
                                "of Mul; export the network without it", i + 1);
    *view = v->view;
    return DCN_OK;
}

dcn_status dcn__need_constant(dcn__import *im, int i, const dcn__constant **constant)
{
    dcn__value *v = dcn__import_input(im, i);

    if (!v || !v->constant)
        return refuse_input(im, i, "a constant");
    *constant = v->constant;
    return DCN_OK;
}

dcn_status dcn__set_view(dcn__import *im, int output, const dcn__view *view, bool looks_through)
{
    dcn__value *v = &im->values[im->first_output[im->node] + output];

    if (!(v->view = dcn__import_alloc(im, 1, sizeof *v->view)))
        return DCN_MEMORY;
    *v->view = *view;
    v->view->shared = v->uses > 1 || (looks_through && view->shared);
    return DCN_OK;
}

void dcn__set_constant(dcn__import *im, int output, const dcn__constant *constant)
{
    im->values[im->first_output[im->node] + output].constant = constant;
}

/* ---- what is needed -------------------------------------------------------------------------- */

static dcn_status count_values(dcn__import *im)
{
    const dcn__onnx *f = im->file;
    int64_t count = (int64_t)f->n_initializers + f->n_inputs;

    im->first_output = dcn__import_alloc(im, (size_t)f->n_nodes, sizeof *im->first_output);
    im->needed = dcn__import_alloc(im, (size_t)f->n_nodes, sizeof *im->needed);
    if (!im->first_output || !im->needed)
        return DCN_MEMORY;
    for (int i = 0; i < f->n_nodes; i++) {
        im->first_output[i] = (int)count;      /* a file has less than 2^31 bytes, a name two or more */
        count += f->nodes[i].n_outputs;
    }
    im->values = dcn__import_alloc(im, (size_t)count, sizeof *im->values);
    return im->values ? DCN_OK : DCN_MEMORY;
}

/* The first output that may hold scores. */
static dcn_status choose_output(dcn__import *im, int *output)
{
    const dcn__onnx *f = im->file;

    for (*output = 0; *output < f->n_outputs; ++*output)
        if (dcn__type_is_float(f->outputs[*output].type) || !f->outputs[*output].type)
            return DCN_OK;
    return dcn__fail(im->err, DCN_INPUT, im->path, "none of its %d outputs holds floats; export "
                     "the network so that its scores are an output", f->n_outputs);
}

/* Nodes stand after those they use, so that one walk back marks all. */
static void mark(dcn__import *im, const char *output)
{
    const dcn__onnx *f = im->file;
    dcn__value *v = value_of(im, output);

    if (v)
        v->uses++;
    for (int i = f->n_nodes - 1; i >= 0; i--) {
        const dcn__onnx_node *n = &f->nodes[i];

        for (int k = 0; k < n->n_outputs; k++)
            im->needed[i] = im->needed[i] || im->values[im->first_output[i] + k].uses;
        for (int k = 0; im->needed[i] && k < n->n_inputs; k++)
            if (n->inputs[k][0] && (v = value_of(im, n->inputs[k])))
                v->uses++;
    }
}

static dcn_status check_operators(dcn__import *im)
{
    dcn_status st = DCN_OK;

    for (int i = 0; !st && i < im->file->n_nodes; i++) {
        im->node = i;
        if (im->needed[i])
            st = dcn__onnx_op_check(im);
    }
    return st;
}

static dcn_status make_initializers(dcn__import *im)
{
    for (int i = 0; i < im->file->n_initializers; i++)
        if (im->values[i].uses &&
            !(im->values[i].constant = dcn__constant_of_tensor(im, &im->file->initializers[i])))
            return DCN_MEMORY;
    return DCN_OK;
}

/* ---- the input ------------------------------------------------------------------------------- */

/* (N,H,W,C)? The first node that cares says so; else the number of channels. */
static bool is_channels_last(const dcn__import *im, const char *input, const int64_t *dims)
{
    const char *seen[16] = { input };
    int n_seen = 1;

    if (strcmp(im->file->producer, "deconvnet") == 0)      /* onnx_write.c writes no others */
        return false;
    for (int i = 0; i < im->file->n_nodes && n_seen < 16; i++) {
        const dcn__onnx_node *n = &im->file->nodes[i];
        const dcn__onnx_attribute *perm = dcn__onnx_attribute_find(n, "perm");
        bool follows = false;

        for (int k = 0; k < n->n_inputs; k++)
            for (int s = 0; s < n_seen; s++)
                follows = follows || strcmp(n->inputs[k], seen[s]) == 0;
        if (!im->needed[i] || !follows || !n->n_outputs)
            continue;
        if (strcmp(n->op, "Transpose") == 0 && perm && perm->kind == DCN__ONNX_A_INTS &&
            perm->n == 4)
            return perm->value.ints[1] == 3;
        if (strstr(n->op, "Conv") || strstr(n->op, "Pool"))
            return false;
        if (strstr(" Add Mul Sub Div Pad Cast Identity Relu BatchNormalization ", n->op))
            seen[n_seen++] = n->outputs[0];
    }
    return (dims[3] == 1 || dims[3] == 3) && dims[1] != 1 && dims[1] != 3;
}

static dcn_status find_input(dcn__import *im, const dcn__onnx_info **input, int *number)
{
    const dcn__onnx *f = im->file;

    *input = NULL;
    for (int i = 0; i < f->n_inputs; i++) {
        if (!im->values[f->n_initializers + i].uses)
            continue;
        if (*input)
            return dcn__fail(im->err, DCN_INPUT, im->path, "it has several inputs (%.60s, %.60s); "
                             "export a network of one picture", (*input)->name,
                             f->inputs[i].name);
        *input = &f->inputs[i];
        *number = f->n_initializers + i;
    }
    if (!*input)
        return dcn__fail(im->err, DCN_INPUT, im->path, "its output does not depend on an input; "
                         "export the network again");
    if ((*input)->type && !dcn__type_is_float((*input)->type))
        return dcn__fail(im->err, DCN_INPUT, im->path, "its input %.60s is of type %s, supported "
                         "are floats; export the network in float32", (*input)->name,
                         dcn__onnx_type_name((*input)->type));
    if ((*input)->rank < 2 || (*input)->rank > 4)
        return dcn__fail(im->err, DCN_INPUT, im->path, "its input %.60s has %d dimensions, "
                         "supported are 4 (a batch of pictures), 3 and 2; export a network of "
                         "pictures", (*input)->name, (*input)->rank);
    return DCN_OK;
}

static dcn_status resolve_dims(dcn__import *im, const dcn__onnx_info *input,
                               const dcn_onnx_desc *desc, int64_t *dims, bool *last, bool *open)
{
    const int asked[2] = { desc && desc->height ? desc->height : USUAL_SIDE,
                           desc && desc->width ? desc->width : USUAL_SIDE };
    const bool said = desc && desc->height && desc->width;

    *open = false;
    for (int i = 0; i < input->rank; i++)
        dims[i] = input->dims[i];
    *last = input->rank == 4 && is_channels_last(im, input->name, dims);
    dims[0] = dims[0] < 0 ? 1 : dims[0];
    for (int i = 0; input->rank > 2 && i < 2; i++) {
        int64_t *side = &dims[i + (*last || input->rank == 3 ? 1 : 2)];

        *open = *open || (*side < 0 && !said);
        *side = *side < 0 ? asked[i] : *side;
    }
    for (int i = 0; i < input->rank; i++)
        if (dims[i] < 0)
            return dcn__fail(im->err, DCN_INPUT, im->path, "its input %.60s leaves the number of "
                             "channels open; export it with that number", input->name);
    for (int i = 0; i < input->rank; i++)
        if (dims[i] < 1 || dims[i] > 65536)
            return dcn__fail(im->err, DCN_INPUT, im->path, "its input %.60s has a dimension of "
                             "%lld, the limits are 1 and 65536; export it again", input->name,
                             (long long)dims[i]);
    return DCN_OK;
}

static dcn_status make_input(dcn__import *im, const dcn_onnx_desc *desc, bool *open)
{
    dcn__draft d = { .op = DCN__OP_INPUT };
    const dcn__onnx_info *input;
    int64_t dims[4] = { 0 };
    dcn__value *v;
    dcn_status st;
    dcn_node id;
    int number = 0;
    bool last;

    im->node = -1;
    if ((st = find_input(im, &input, &number)) ||
        (st = resolve_dims(im, input, desc, dims, &last, open)))
        return st;
    im->batch = dims[0];
    im->input_name = input->name;
    if (input->rank == 2)
        d.u.reshape.shape = (dcn_shape){ 1, 1, (int)dims[1] };
    else if (input->rank == 3)             /* rows and columns of grey */
        d.u.reshape.shape = (dcn_shape){ (int)dims[1], (int)dims[2], 1 };
    else if (last)
        d.u.reshape.shape = (dcn_shape){ (int)dims[1], (int)dims[2], (int)dims[3] };
    else
        d.u.reshape.shape = (dcn_shape){ (int)dims[2], (int)dims[3], (int)dims[1] };
    if ((st = dcn_graph_create(&im->graph, im->err)) ||
        (st = dcn__draft_add(im, &d, NULL, 0, &id)))
        return st;
    v = &im->values[number];
    if (!(v->view = dcn__import_alloc(im, 1, sizeof *v->view)))
        return DCN_MEMORY;
    if (input->rank == 2)
        dcn__view_vector(im, id, v->view);
    else if (last)
        dcn__view_nhwc(im, id, v->view);
    else if (input->rank == 3)
        dcn__view_grey(im, id, v->view);
    else
        dcn__view_nchw(im, id, v->view);
    v->view->shared = v->uses > 1;
    return DCN_OK;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static dcn_status import_node(dcn__import *im)
{
    const dcn__onnx_op *op = dcn__onnx_op_find(dcn__import_node(im)->op);
    bool constant = true;

    for (int i = 0; i < dcn__import_node(im)->n_inputs; i++) {
        const dcn__value *v = dcn__import_input(im, i);

        constant = constant && (!v || v->constant);
    }
    if (constant && op->folds)
        return dcn__fold(im);
    if (!op->build)
        return dcn__import_fail(im, "it is supported for constants alone, not for values of the "
                                "picture; export the network without it");
    if (constant)
        return dcn__import_fail(im, "all its inputs are constants; fold them when the network is "
                                "exported");
    return op->build(im);
}

static dcn_status import_nodes(dcn__import *im)
{
    dcn_status st = DCN_OK;

    for (int i = 0; !st && i < im->file->n_nodes; i++) {
        im->node = i;
        if (im->needed[i])
            st = import_node(im);
    }
    return st;
}

/* The output's draft: (H,W,C) of a map (N,C,H,W) or (N,H,W,C), or 1x1xK in the file's order. */
static dcn_status find_output(dcn__import *im, const char *name, dcn_node *output)
{
    const dcn__onnx_value *made = dcn__onnx_find(im->file, name);
    dcn__value *v = value_of(im, name);
    dcn__view nchw, nhwc;
    dcn_status st;

    if (!v || !v->view || v->wide || !made || made->node < 0)
        return dcn__fail(im->err, DCN_INPUT, im->path, "its output %.60s does not depend on a "
                         "picture; export the network again", name);
    im->node = made->node;
    dcn__view_nchw(im, v->view->draft, &nchw);
    dcn__view_nhwc(im, v->view->draft, &nhwc);
    if (!dcn__view_equal(v->view, &nchw) && !dcn__view_equal(v->view, &nhwc) &&
        (st = v->view->rank == 4 ? dcn__view_make_nchw(im, v->view)
                                 : dcn__view_make_vector(im, v->view)))
        return st;
    *output = v->view->draft;
    return DCN_OK;
}

/* Marks the drafts that stay. Parts that belong to nothing known are refused, the first first. */
static dcn_status keep(dcn__import *im, dcn_node output)
{
    im->drafts[output].live = true;
    for (int i = output; i >= 0; i--)
        for (int k = 0; im->drafts[i].live && k < im->drafts[i].n_inputs; k++)
            im->drafts[im->drafts[i].inputs[k]].live = true;
    for (int i = 0; i <= output; i++) {
        im->node = im->drafts[i].node;
        if (im->drafts[i].live && im->drafts[i].part)
            return dcn__import_fail(im, "it is supported only as part of GELU, Softplus or an LRN "
                                    "written out; export the network without it");
    }
    return DCN_OK;
}

static dcn_status set_origin(dcn__import *im, dcn__node *node, int from)
{
    char text[DCN__MAX_NAME * 2];
    const char *name = from < 0 ? im->input_name : dcn__import_node_name(&im->file->nodes[from]);
    const size_t n = strlen(name);

    dcn__text_escape(text, sizeof text, name, n < sizeof text / 4 ? n : sizeof text / 4 - 1);
    node->origin = dcn__strdup(text);
    return node->origin ? DCN_OK : dcn__import_fail_memory(im, strlen(text));
}

/* Drafts that stay become the graph, under their names. */
static dcn_status build(dcn__import *im, dcn_graph *g, dcn_node *nodes)
{
    dcn_node *inputs = dcn__import_alloc(im, (size_t)im->n_drafts + 200, sizeof *inputs);
    dcn__namer namer;
    dcn_status st;

    if (!inputs)
        return DCN_MEMORY;
    if ((st = dcn__names_prepare(im, &namer)))
        return st;
    for (int i = 0; i < im->n_drafts; i++) {
        const dcn__draft *d = &im->drafts[i];
        char name[DCN__MAX_NAME + 1];

        nodes[i] = -1;
        if (!d->live)
            continue;
        im->node = d->node;
        for (int k = 0; k < d->n_inputs; k++)
            inputs[k] = nodes[d->inputs[k]];
        dcn__names_find(im, &namer, d, g, name);
        if ((nodes[i] = dcn__draft_build(g, d, inputs, name)) < 0)
            return dcn__draft_refuse(im, g);
        if ((st = set_origin(im, &g->nodes[nodes[i]], d->node)))
            return st;
    }
    if (g->n_nodes < 2)
        return dcn__fail(im->err, DCN_INPUT, im->path, "nothing is computed from its input; export "
                         "the network again");
    return DCN_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static dcn_status import(dcn__import *im, dcn_model *model, const dcn_onnx_desc *desc)
{
    dcn_node *nodes, last = 0;
    dcn_status st;
    bool open;
    int output;

    if ((st = count_values(im)) || (st = choose_output(im, &output)))
        return st;
    mark(im, im->file->outputs[output].name);
    if ((st = check_operators(im)) || (st = make_initializers(im)) ||
        (st = make_input(im, desc, &open)) || (st = import_nodes(im)) ||
        (st = find_output(im, im->file->outputs[output].name, &last)) || (st = keep(im, last)))
        return st;
    if (!(nodes = dcn__import_alloc(im, (size_t)im->n_drafts, sizeof *nodes)))
        return DCN_MEMORY;
    if ((st = dcn_graph_create(&model->graph, im->err)) || (st = build(im, model->graph, nodes)) ||
        (st = dcn__import_describe(im, model, open, output)))
        return st;
    return dcn__import_weights(im, model->graph, nodes);
}

dcn_status dcn_onnx_load(dcn_model *model, const char *path, const dcn_onnx_desc *desc,
                         dcn_error *err)
{
    dcn__import im = { .path = path, .batch = 1, .node = -1 };
    uint64_t digest;
    dcn_error own;                         /* what the nodes' refusals are written into */
    dcn__onnx *file;
    dcn_status st;

    memset(model, 0, sizeof *model);
    im.err = err ? err : &own;
    if ((st = dcn__onnx_open(&file, path, desc ? &desc->limits : NULL, im.err)))
        return st;
    im.file = file;
    if (!(st = dcn__onnx_check(file, im.err)) && !(st = import(&im, model, desc)) &&
        !(st = dcn__onnx_digest(file, &digest, im.err)))
        snprintf(model->hash, sizeof model->hash, "%016llx", (unsigned long long)digest);
    clear(&im);
    dcn__onnx_close(file);
    if (st)
        dcn_model_clear(model);
    return st;
}
