/* model.c - a model file -> a network with its weights, ready for pictures.
 *
 * Everything is checked against the network that the file itself describes: every weight must be
 * there in its shape, and nothing may be there that the network does not know. */
#include "model/file.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/onnx.h"
#include "graph/graph.h"

#include <math.h>
#include <string.h>

enum { MAX_CLASSES = 65536 };

/* ---- weights ------------------------------------------------------------------------------- */

static dcn_status check_shape(const dcn__model_file *f, const dcn__tensor *tensor,
                              const dcn__weight_layout *layout, dcn_error *err)
{
    char has[160], wants[160];

    if (strcmp(tensor->dtype, "F32") != 0)
        return dcn__fail(err, DCN_INPUT, f->where, "%.80s is of type %.20s, weights are F32; save "
                         "it as float32", tensor->name, tensor->dtype);
    if (tensor->rank == layout->rank &&
        memcmp(tensor->dims, layout->dims, (size_t)layout->rank * sizeof *tensor->dims) == 0)
        return DCN_OK;
    dcn__shape_text(has, sizeof has, tensor->rank, tensor->dims);
    dcn__shape_text(wants, sizeof wants, layout->rank, layout->dims);
    return dcn__fail(err, DCN_STATE, f->where, "%.80s has shape %s, the network needs %s; use the "
                     "network that the file was made with", tensor->name, has, wants);
}

static dcn_status check_finite(const dcn__model_file *f, const dcn__tensor *tensor,
                               const float *values, int64_t count, dcn_error *err)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return dcn__fail_at(err, DCN_NUMBERS, f->where,
                                dcn__tensors_offset(&f->tensors, tensor) + 4 * (uint64_t)i,
                                "value %lld of %.80s is not finite; use an earlier checkpoint",
                                (long long)i, tensor->name);
    return DCN_OK;
}

dcn_status dcn__model_weight(const dcn__model_file *f, const dcn_graph *g, const char *prefix,
                             int i, float *out, dcn_error *err)
{
    const dcn__tensor *tensor;
    dcn__string name = { 0 };
    dcn__weight_layout layout;
    dcn_weight_info info;
    float *values;
    dcn_status st;

    dcn_graph_weight_info(g, i, &info);
    layout = dcn__weight_layout_of(g, &info);
    dcn__string_printf(&name, "%s%s", prefix, info.name);
    if (name.failed)
        return dcn__fail_memory(err, "a tensor's name", 0);
    tensor = dcn__tensors_find(&f->tensors, name.text);
    if (!tensor) {
        char wants[160];

        dcn__shape_text(wants, sizeof wants, layout.rank, layout.dims);
        st = dcn__fail(err, DCN_STATE, f->where, "%.80s of shape %s is missing; use the network "
                       "that the file was made with", name.text, wants);
    } else {
        st = check_shape(f, tensor, &layout, err);
    }
    dcn__string_clear(&name);
    if (st)
        return st;
    /* A copy: numbers in a file need not be aligned. */
    if (!(values = dcn__alloc_array((size_t)info.count, sizeof *values)))
        return dcn__fail_memory(err, "a weight", (size_t)info.count * sizeof *values);
    memcpy(values, dcn__tensors_data(&f->tensors, tensor), (size_t)info.count * sizeof *values);
    if (!(st = check_finite(f, tensor, values, info.count, err)))
        dcn__weight_from_file(out, values, &layout);
    dcn__free(values);
    return st;
}

static dcn_status read_weights(const dcn__model_file *f, dcn_graph *g, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; !st && i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info info;
        float *values;

        /* A description may ask for far more than the file holds: that is found before memory. */
        dcn_graph_weight_info(g, i, &info);
        if ((uint64_t)info.count > f->tensors.size / sizeof *values)
            return dcn__fail(err, DCN_STATE, f->where, "the network needs %lld values for %.80s, "
                             "more than the file holds; use the network that the file was made "
                             "with", (long long)info.count, info.name);
        if (!(values = dcn__alloc_array((size_t)info.count, sizeof *values)))
            return dcn__fail_memory(err, "a weight", (size_t)info.count * sizeof *values);
        if (!(st = dcn__model_weight(f, g, "", i, values, err)))
            st = dcn_graph_set_weight(g, i, values, info.count, err);
        dcn__free(values);
    }
    return st;
}

/* A tensor that the network does not know may be the one that the user cares for. */
static dcn_status check_no_others(const dcn__model_file *f, const dcn_graph *g, dcn_error *err)
{
    const int weights = dcn_graph_weight_count(g);
    char shape[160];

    for (int i = 0; i < f->tensors.count; i++) {
        const dcn__tensor *tensor = &f->tensors.at[i];
        dcn_weight_info info = { 0 };
        int k = 0;

        if (strncmp(tensor->name, "optimizer.", 10) == 0)
            continue;
        for (; k < weights; k++) {
            dcn_graph_weight_info(g, k, &info);
            if (strcmp(info.name, tensor->name) == 0)
                break;
        }
        if (k < weights)
            continue;
        dcn__shape_text(shape, sizeof shape, tensor->rank, tensor->dims);
        return dcn__fail(err, DCN_STATE, f->where, "%.80s of shape %s is not in the network; use "
                         "the network that the file was made with", tensor->name, shape);
    }
    return DCN_OK;
}

/* ---- metadata ------------------------------------------------------------------------------ */

static dcn_status need(const dcn__model_file *f, const char *key, const char **value,
                       dcn_error *err)
{
    *value = dcn__model_metadata(f, key);
    return *value ? DCN_OK : dcn__fail(err, DCN_INPUT, f->where, "the metadata \"%s\" are missing; "
                                       "save the model again", key);
}

static dcn_status read_number(const dcn__model_file *f, const char *key, int64_t min, int64_t max,
                              int64_t *number, dcn_error *err)
{
    const char *text;
    dcn_status st;

    if ((st = need(f, key, &text, err)))
        return st;
    if (!dcn__parse_int(text, strlen(text), min, max, number))
        return dcn__fail(err, DCN_INPUT, f->where, "the metadata \"%s\" are \"%.40s\", not a "
                         "number from %lld to %lld; save the model again", key, text,
                         (long long)min, (long long)max);
    return DCN_OK;
}

/* What the readers call a mistake of the user is here a mistake in a file. */
static dcn_status as_input(dcn_status st, dcn_error *err)
{
    if (st != DCN_USAGE)
        return st;
    if (err)
        err->status = DCN_INPUT;
    return DCN_INPUT;
}

static dcn_status read_network(const dcn__model_file *f, dcn_model *m, const dcn_limits *limits,
                               dcn_error *err)
{
    dcn_limits own = limits ? *limits : (dcn_limits){ 0 };
    dcn__string where = { 0 };
    const char *text;
    dcn_status st;

    if ((st = need(f, "network", &text, err)))
        return st;
    if (!own.max_nodes)           /* it may have been an ONNX file once */
        own.max_nodes = DCN__MAX_NODES;
    dcn__string_printf(&where, "%s(network)", f->where);
    st = where.failed ? dcn__fail_memory(err, "a path", 0)
        : as_input(dcn_graph_parse(&m->graph, text, strlen(text), where.text, &own, err), err);
    dcn__string_clear(&where);
    return st;
}

static dcn_status read_preprocess(const dcn__model_file *f, dcn_model *m, dcn_error *err)
{
    const dcn_shape *p = &m->preprocess.shape;
    const char *text;
    dcn_node_info input;
    dcn_error inner;
    dcn_status st;

    if ((st = need(f, "preprocess", &text, err)))
        return st;
    if (dcn_preprocess_parse(&m->preprocess, text, &inner))
        return dcn__fail(err, DCN_INPUT, f->where, "the metadata \"preprocess\" are not "
                         "understood (%.200s); save the model again", inner.text);
    dcn_graph_node_info(m->graph, 0, &input);
    if (input.shape.h != p->h || input.shape.w != p->w || input.shape.c != p->c)
        return dcn__fail(err, DCN_INPUT, f->where, "preprocessing makes %dx%dx%d, the network "
                         "takes %dx%dx%d; save the model again", p->h, p->w, p->c, input.shape.h,
                         input.shape.w, input.shape.c);
    return DCN_OK;
}

static dcn_status read_classes(const dcn__model_file *f, dcn_model *m, dcn_error *err)
{
    const char *names = dcn__model_metadata(f, "class_names");
    int64_t classes;
    int n = 0;
    dcn_status st;

    if ((st = read_number(f, "classes", 0, MAX_CLASSES, &classes, err)))
        return st;
    if (names && (st = dcn__json_texts(&m->class_names, &n, names, MAX_CLASSES, f->where, err)))
        return st;
    m->classes = names ? n : (int)classes;
    if (names && n != classes)
        return dcn__fail(err, DCN_INPUT, f->where, "there are %lld classes and %d names of "
                         "classes; save the model again", (long long)classes, n);
    return DCN_OK;
}

dcn_status dcn__model_read(const dcn__model_file *f, dcn_model *m, const dcn_limits *limits,
                           dcn_error *err)
{
    dcn_status st;

    memset(m, 0, sizeof *m);
    if (!(st = read_network(f, m, limits, err)) && !(st = read_preprocess(f, m, err)) &&
        !(st = read_classes(f, m, err)) &&
        !(st = read_number(f, "step", 0, INT64_MAX, &m->step, err)) &&
        !(st = read_weights(f, m->graph, err)))
        st = check_no_others(f, m->graph, err);
    memcpy(m->hash, f->hash, sizeof m->hash);
    if (st)
        dcn_model_clear(m);
    return st;
}

dcn_status dcn_model_load(dcn_model *model, const char *path, const dcn_limits *limits,
                          dcn_error *err)
{
    dcn__model_file *file;
    uint64_t file_size;
    uint8_t head[16];
    dcn_status st;
    size_t size;

    memset(model, 0, sizeof *model);
    if ((st = dcn__file_head(head, sizeof head, &size, &file_size, path, err)))
        return st;
    if (!dcn__tensors_is(head, size, file_size) && dcn__onnx_is(head, size, file_size)) {
        const dcn_onnx_desc desc = { .limits = limits ? *limits : (dcn_limits){ 0 } };

        return dcn_onnx_load(model, path, &desc, err);
    }
    if ((st = dcn__model_open(&file, path, limits, err)))
        return st;
    st = dcn__model_read(file, model, limits, err);
    dcn__model_close(file);
    return st;
}

void dcn_model_clear(dcn_model *m)
{
    if (!m)
        return;
    dcn_graph_destroy(m->graph);
    dcn__texts_clear(m->class_names, m->classes);
    memset(m, 0, sizeof *m);
}
