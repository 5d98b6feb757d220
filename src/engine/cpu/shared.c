/* shared.c - keeps oneDNN's objects for all kernels of a plan: see shared.h. */
#include "engine/cpu/shared.h"

#include "base/memory.h"

typedef struct packed { dcn__packed_kind kind; int weight; float *block; } packed;
typedef struct entry { dcn__dnn_desc desc; int threads; dcn__dnn *dnn; } entry;

struct dcn__shared {
    void **home;
    int users, n, capacity;
    entry *entries;
    int n_packed;
    packed *packed;               /* by kind and weight */
    float *block;
    size_t floats;
};

dcn_status dcn__shared_join(dcn__shared **shared, void **home, dcn_error *err)
{
    dcn__shared *s = *home;

    if (!s) {
        if (!(s = dcn__alloc(sizeof *s)))
            return dcn__fail_memory(err, "a plan", sizeof *s);
        s->home = home;
        *home = s;
    }
    s->users++;
    *shared = s;
    return DCN_OK;
}

void dcn__shared_leave(dcn__shared *s)
{
    if (!s || --s->users)
        return;
    *s->home = NULL;
    for (int i = 0; i < s->n; i++)
        dcn__dnn_destroy(s->entries[i].dnn);
    for (int i = 0; i < s->n_packed; i++)
        dcn__free_aligned(s->packed[i].block);
    dcn__free(s->entries);
    dcn__free(s->packed);
    dcn__free_aligned(s->block);
    dcn__free(s);
}

dcn_status dcn__shared_dnn(dcn__shared *s, const dcn__dnn_desc *desc, int threads, dcn__dnn **dnn,
                           bool *first, dcn_error *err)
{
    dcn_status st;

    for (int i = 0; i < s->n; i++) {
        const entry *e = &s->entries[i];

        if (e->desc.pass == desc->pass && e->desc.node == desc->node && e->desc.n == desc->n &&
            e->desc.scale == desc->scale && e->threads == threads) {
            *dnn = e->dnn;
            *first = false;
            return DCN_OK;
        }
    }
    if (s->n == s->capacity) {
        const int capacity = s->capacity ? s->capacity * 2 : 16;
        entry *grown = dcn__realloc(s->entries, (size_t)capacity * sizeof *grown);

        if (!grown)
            return dcn__fail_memory(err, "a plan", (size_t)capacity * sizeof *grown);
        s->entries = grown;
        s->capacity = capacity;
    }
    if ((st = dcn__dnn_create(dnn, desc, err)))
        return st;
    *first = true;
    for (int i = 0; i < s->n && *first; i++)
        *first = !dcn__dnn_borrow_block(*dnn, s->entries[i].dnn);
    if (*first && (st = dcn__dnn_make_block(*dnn, err))) {
        dcn__dnn_destroy(*dnn);
        *dnn = NULL;
        return st;
    }
    s->entries[s->n++] = (entry){ *desc, threads, *dnn };
    return DCN_OK;
}

dcn_status dcn__shared_packed_as(dcn__shared *s, dcn__packed_kind kind, int weight, size_t floats,
                                 float **block, bool *first, dcn_error *err)
{
    packed *grown;

    for (int i = 0; i < s->n_packed; i++)
        if (s->packed[i].kind == kind && s->packed[i].weight == weight) {
            *block = s->packed[i].block;
            *first = false;
            return DCN_OK;
        }
    if (!(grown = dcn__realloc(s->packed, (size_t)(s->n_packed + 1) * sizeof *grown)))
        return dcn__fail_memory(err, "a plan", sizeof *grown);
    s->packed = grown;
    if (!(*block = dcn__alloc_aligned(floats * sizeof **block)))
        return dcn__fail_memory(err, "a plan's weights", floats * sizeof **block);
    s->packed[s->n_packed++] = (packed){ kind, weight, *block };
    *first = true;
    return DCN_OK;
}

dcn_status dcn__shared_packed(dcn__shared *s, int weight, size_t floats, float **block,
                              bool *first, dcn_error *err)
{
    return dcn__shared_packed_as(s, DCN__PACKED_WINNERS, weight, floats, block, first, err);
}

dcn_status dcn__shared_room(dcn__shared *s, size_t floats, dcn_error *err)
{
    float *block;

    if (floats <= s->floats)
        return DCN_OK;
    if (!(block = dcn__alloc_aligned(floats * sizeof *block)))
        return dcn__fail_memory(err, "a plan's weights", floats * sizeof *block);
    dcn__free_aligned(s->block);
    s->block = block;
    s->floats = floats;
    return DCN_OK;
}

float *dcn__shared_block(const dcn__shared *s)
{
    return s->block;
}
