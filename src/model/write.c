/* write.c - writes model files: weights, extras and what is needed to use them, with a sum each. */
#include "model/file.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/digest.h"
#include "codec/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    const char *path;
    const dcn_model *model;
    dcn_error *err;
    dcn_array *arrays;              /* (n_arrays): names and data are owned */
    int n_arrays;
    dcn__pair *pairs;               /* (n_pairs): values are owned, keys from n_own on are not */
    int n_pairs;
};

/* ---- tensors ------------------------------------------------------------------------------- */

static dcn_status check_finite(const struct writer *w, const char *name, const float *data,
                               int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(data[i]))
            return dcn__fail(w->err, DCN_NUMBERS, w->path, "value %lld of %s is not finite; train "
                             "again with a smaller rate", (long long)i, name);
    return DCN_OK;
}

static dcn_status add_tensor(struct writer *w, const char *prefix, int i, const float *data)
{
    dcn_array *a = &w->arrays[w->n_arrays++];
    dcn_weight_info info;
    dcn__weight_layout layout;
    dcn__string name = { 0 };
    dcn_status st;

    dcn_graph_weight_info(w->model->graph, i, &info);
    layout = dcn__weight_layout_of(w->model->graph, &info);
    data = data ? data : info.data;
    dcn__string_printf(&name, "%s%s", prefix, info.name);
    *a = (dcn_array){ .name = name.text, .dtype = DCN_F32, .rank = layout.rank };
    memcpy(a->dims, layout.dims, sizeof layout.dims);
    a->data = dcn__alloc_array((size_t)info.count, sizeof(float));
    if (name.failed || !a->data)
        return dcn__fail_memory(w->err, "a file's weights", (size_t)info.count * sizeof(float));
    if (!data)
        return dcn__fail(w->err, DCN_USAGE, w->path, "%s has no values yet; initialise or train "
                         "the network first", info.name);
    if ((st = check_finite(w, a->name, data, info.count)))
        return st;
    dcn__weight_to_file(a->data, data, &layout);
    return DCN_OK;
}

static dcn_status add_tensors(struct writer *w, const dcn__model_extra *extra, int n_extra)
{
    const int weights = dcn_graph_weight_count(w->model->graph);
    dcn_status st = DCN_OK;

    w->arrays = dcn__alloc_array((size_t)weights + (size_t)n_extra, sizeof *w->arrays);
    if (!w->arrays)
        return dcn__fail_memory(w->err, "a file's index", 0);
    for (int i = 0; !st && i < weights; i++)
        st = add_tensor(w, "", i, NULL);
    for (int i = 0; !st && i < n_extra; i++) {
        if (strncmp(extra[i].prefix, "optimizer.", 10) != 0 || extra[i].weight < 0 ||
            extra[i].weight >= weights)
            return dcn__fail(w->err, DCN_BUG, w->path, "an extra tensor is not the optimizer's "
                             "(%s %d); report this", extra[i].prefix, extra[i].weight);
        st = add_tensor(w, extra[i].prefix, extra[i].weight, extra[i].data);
    }
    return st;
}

/* ---- metadata ------------------------------------------------------------------------------ */

/* Takes the value over. */
static dcn_status add_pair(struct writer *w, const char *key, dcn__string *value)
{
    char *copy = dcn__strdup(key);

    if (value->failed || !copy || !value->text) {
        dcn__free(copy);
        dcn__string_clear(value);
        return dcn__fail_memory(w->err, "metadata", strlen(key));
    }
    w->pairs[w->n_pairs++] = (dcn__pair){ .key = copy, .value = value->text };
    memset(value, 0, sizeof *value);
    return DCN_OK;
}

__attribute__((format(printf, 3, 4)))
static dcn_status add_text(struct writer *w, const char *key, const char *format, ...)
{
    dcn__string s = { 0 };
    char text[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dcn__string_append(&s, text, strlen(text));
    return add_pair(w, key, &s);
}

static dcn_status add_network(struct writer *w)
{
    const size_t n = dcn_graph_text(w->model->graph, NULL, 0);
    dcn__string s = { .text = dcn__alloc(n + 1), .length = n };

    /* Without memory the text is empty; a file without its network must not come of that. */
    s.failed = !n || !s.text || dcn_graph_text(w->model->graph, s.text, n + 1) != n;
    return add_pair(w, "network", &s);
}

static dcn_status add_class_names(struct writer *w)
{
    dcn__string s = { 0 };

    if (!w->model->class_names)
        return DCN_OK;
    dcn__string_append(&s, "[", 1);
    for (int i = 0; i < w->model->classes; i++) {
        const char *name = w->model->class_names[i];

        if (!name || !dcn__text_is_utf8(name, strlen(name))) {
            dcn__string_clear(&s);
            return dcn__fail(w->err, DCN_USAGE, w->path, "the name of class %d is not UTF-8 text; "
                             "correct it", i);
        }
        dcn__string_append(&s, ",", i > 0);
        dcn__json_append(&s, name);
    }
    dcn__string_append(&s, "]", 1);
    return add_pair(w, "class_names", &s);
}

static dcn_status add_own_metadata(struct writer *w)
{
    char preprocess[256];
    dcn_status st;

    dcn_preprocess_text(&w->model->preprocess, preprocess, sizeof preprocess);
    if ((st = add_text(w, "format", "%s%d", DCN__MODEL_FORMAT, DCN__MODEL_VERSION)) ||
        (st = add_text(w, "producer", "deconvnet %s", DCN_VERSION)) || (st = add_network(w)) ||
        (st = add_text(w, "preprocess", "%s", preprocess)) ||
        (st = add_text(w, "classes", "%d", w->model->classes)) || (st = add_class_names(w)))
        return st;
    return add_text(w, "step", "%lld", (long long)w->model->step);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const dcn__pair *)a)->key, ((const dcn__pair *)b)->key);
}

static size_t count_pairs(const char *const *metadata)
{
    size_t n = 0;

    while (metadata && metadata[n] && metadata[n + 1])
        n += 2;
    return n / 2;
}

static dcn_status add_metadata(struct writer *w, const char *const *metadata)
{
    const size_t n = count_pairs(metadata);
    dcn_status st;

    w->pairs = dcn__alloc_array(n + (size_t)w->n_arrays + 8, sizeof *w->pairs);
    if (!w->pairs)
        return dcn__fail_memory(w->err, "metadata", 0);
    st = add_own_metadata(w);
    for (size_t i = 0; !st && i < n; i++) {
        dcn__string s = { 0 };

        dcn__string_printf(&s, "%s", metadata[2 * i + 1]);
        dcn__string_append(&s, "", 0);
        st = add_pair(w, metadata[2 * i], &s);
    }
    for (int i = 0; !st && i < w->n_arrays; i++) {
        const dcn_array *a = &w->arrays[i];
        size_t bytes = sizeof(float);
        dcn__string key = { 0 };

        for (int k = 0; k < a->rank; k++)
            bytes *= (size_t)a->dims[k];
        dcn__string_printf(&key, "crc32c.%s", a->name);
        st = key.failed ? dcn__fail_memory(w->err, "metadata", 0)
            : add_text(w, key.text, "%08x", dcn__crc32c(a->data, bytes));
        dcn__string_clear(&key);
    }
    return st;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static dcn_status save(struct writer *w)
{
    const char **metadata = dcn__alloc_array(2 * (size_t)w->n_pairs + 3, sizeof *metadata);
    char crc_text[16];
    uint32_t crc;
    dcn_status st;

    if (!metadata)
        return dcn__fail_memory(w->err, "metadata", 0);
    qsort(w->pairs, (size_t)w->n_pairs, sizeof *w->pairs, by_key);
    if (!(st = dcn__metadata_crc(&crc, w->pairs, w->n_pairs, w->err))) {
        snprintf(crc_text, sizeof crc_text, "%08x", crc);
        metadata[0] = "crc32c";
        metadata[1] = crc_text;
        for (int i = 0; i < w->n_pairs; i++) {
            metadata[2 * i + 2] = w->pairs[i].key;
            metadata[2 * i + 3] = w->pairs[i].value;
        }
        st = dcn_tensors_save(w->path, w->arrays, w->n_arrays, metadata, w->err);
    }
    dcn__free(metadata);
    return st;
}

static void clear(struct writer *w)
{
    for (int i = 0; i < w->n_arrays; i++) {
        dcn__free((void *)(uintptr_t)w->arrays[i].name);
        dcn__free(w->arrays[i].data);
    }
    for (int i = 0; i < w->n_pairs; i++) {
        dcn__free((void *)(uintptr_t)w->pairs[i].key);
        dcn__free((void *)(uintptr_t)w->pairs[i].value);
    }
    dcn__free(w->arrays);
    dcn__free(w->pairs);
}

dcn_status dcn__model_write(const char *path, const dcn_model *model, const dcn__model_extra *extra,
                            int n_extra, const char *const *metadata, dcn_error *err)
{
    struct writer w = { .path = path, .model = model, .err = err };
    dcn_status st;

    if (!model->graph)
        return dcn__fail(err, DCN_USAGE, path, "there is no network to save; load or train one");
    if (!(st = dcn_graph_check(model->graph, err)) && !(st = add_tensors(&w, extra, n_extra)) &&
        !(st = add_metadata(&w, metadata)))
        st = save(&w);
    clear(&w);
    return st;
}

dcn_status dcn_model_save(const dcn_model *model, const char *path, dcn_error *err)
{
    return dcn__model_write(path, model, NULL, 0, NULL, err);
}
