/* scan_read.c - what the state of a scan says of itself, for who has neither its model nor its
 * data. The lists themselves are for state_read.c, which knows what they must fit. */
#include "atlas/state.h"

#include "base/memory.h"
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

enum { SHARDS_MOST = 100000, NAMES_MOST = DCN__TENSORS_MAX / DCN__STATE_PARTS };

static dcn_status copy_text(char *to, size_t size, const dcn__tensors *t, const char *key,
                            dcn_error *err)
{
    const char *text;
    const dcn_status st = dcn__state_text(&text, t, key, err);

    if (!st && strlen(text) >= size)
        return dcn__fail(err, DCN_INPUT, t->where, "its %s is longer than %zu bytes; copy the file "
                         "again or scan again", key, size - 1);
    if (!st)
        snprintf(to, size, "%s", text);
    return st;
}

static dcn_status read_pictures(dcn_scan *s, const dcn__tensors *t, dcn_error *err)
{
    static const char *const words[] = { "test", "train", "all" };
    const char *text;
    const dcn_status st = dcn__state_text(&text, t, "pictures", err);

    if (st)
        return st;
    for (int i = 0; i < 3; i++)
        if (strcmp(text, words[i]) == 0) {
            s->pictures = (dcn_pictures)i;
            return DCN_OK;
        }
    return dcn__fail(err, DCN_INPUT, t->where, "its pictures \"%.40s\" are neither test, train nor "
                     "all; copy the file again or scan again", text);
}

/* Which part begins and ends where follows from the whole, where the file does not say it. */
static dcn_status read_range(dcn_scan *s, const dcn__tensors *t, dcn_error *err)
{
    const bool said = s->shards > 1 || dcn__tensors_metadata(t, "first");
    dcn_status st = DCN_OK;

    s->end = s->total;
    if (said && ((st = dcn__state_number(&s->first, t, "first", 0, s->total, err)) ||
                 (st = dcn__state_number(&s->end, t, "end", s->first, s->total, err))))
        return st;
    return dcn__state_number(&s->next, t, "next", s->first, s->end, err);
}

static dcn_status read_facts(dcn_scan *s, const dcn__tensors *t, dcn_error *err)
{
    int64_t top, shard, shards;
    dcn_status st;

    if ((st = copy_text(s->model, sizeof s->model, t, "model", err)) ||
        (st = copy_text(s->data, sizeof s->data, t, "data", err)) ||
        (st = copy_text(s->preprocess, sizeof s->preprocess, t, "preprocess", err)) ||
        (st = copy_text(s->engine, sizeof s->engine, t, "engine", err)) ||
        (st = read_pictures(s, t, err)) ||
        (st = dcn__state_number(&s->total, t, "total", 1, INT64_MAX, err)) ||
        (st = dcn__state_number(&top, t, "top", 1, DCN__TOP_MAX, err)) ||
        (st = dcn__state_number(&shards, t, "shards", 1, SHARDS_MOST, err)) ||
        (st = dcn__state_number(&shard, t, "shard", 0, shards - 1, err)))
        return st;
    s->top = (int)top;
    s->shard = (int)shard;
    s->shards = (int)shards;
    return read_range(s, t, err);
}

/* A layer has as many channels as numbers of units; its list has so many rows of `top`. */
static dcn_status read_layers(dcn_scan *s, const dcn__tensors *t, dcn_error *err)
{
    const char *text;
    dcn_status st;

    if ((st = dcn__state_text(&text, t, "layers", err)) ||
        (st = dcn__json_texts(&s->layers, &s->n_layers, text, NAMES_MOST, t->where, err)))
        return st;
    if (!(s->channels = dcn__alloc_array((size_t)s->n_layers + 1, sizeof *s->channels)))
        return dcn__fail_memory(err, "a scan", (size_t)s->n_layers * sizeof *s->channels);
    for (int i = 0; i < s->n_layers; i++) {
        const dcn__tensor *count = dcn__state_tensor(t, s->layers[i], DCN__STATE_COUNT);
        const dcn__tensor *value = dcn__state_tensor(t, s->layers[i], DCN__STATE_VALUE);

        if (!count || !value || count->rank != 1 || value->rank != 2 ||
            value->dims[0] != count->dims[0] || value->dims[1] != s->top)
            return dcn__fail(err, DCN_INPUT, t->where, "does not hold the %d units of each channel "
                             "of layer %.100s; copy the file again or scan again", s->top,
                             s->layers[i]);
        s->channels[i] = count->dims[0];
    }
    return DCN_OK;
}

dcn_status dcn_scan_read(dcn_scan *s, const char *file, const dcn_limits *limits, dcn_error *err)
{
    dcn__tensors t;
    dcn_status st;

    memset(s, 0, sizeof *s);
    if (!(st = dcn__tensors_open(&t, file, limits, err)) && !(st = dcn__state_format(&t, err)) &&
        !(st = read_facts(s, &t, err)) && !(st = read_layers(s, &t, err)))
        st = dcn__state_verify(&t, err);
    dcn__tensors_close(&t);
    if (st)
        dcn_scan_clear(s);
    return st;
}

void dcn_scan_clear(dcn_scan *s)
{
    dcn__texts_clear(s->layers, s->n_layers);
    dcn__free(s->channels);
    memset(s, 0, sizeof *s);
}
