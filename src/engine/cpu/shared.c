/* shared.c - keeps oneDNN's objects for all kernels of a plan: see shared.h. */
#include "engine/cpu/shared.h"

#include "base/memory.h"
#include "base/random.h"

typedef struct packed { dcn__packed_kind kind; int weight; float *block; int next; } packed;
typedef struct entry {
    dcn__dnn_desc desc;
    int threads;
    dcn__dnn *dnn;
    int next, next_lender;        /* in the chains below */
} entry;

/* A file may ask for 100,000 convolutions: nothing here is looked for one by one. Chains by hash;
 * a link is a place + 1, 0 ends a chain. */
enum { CHAINS = 4096 };

struct dcn__shared {
    void **home;
    int users, n, capacity;
    entry *entries;
    int by_node[CHAINS], by_weight[CHAINS];  /* the second: those that lend */
    int n_packed, packed_capacity;
    packed *packed;
    int by_packed[CHAINS];        /* kind and weight */
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

static int chain_of(uint64_t a, uint64_t b)
{
    return (int)(dcn__hash64(a * 31 + b) % CHAINS);
}

static int weight_of(const dcn__node *n)
{
    return n ? n->weight : -1;
}

static int *chain_of_node(dcn__shared *s, const dcn__dnn_desc *desc)
{
    return &s->by_node[chain_of((uintptr_t)desc->node, (uint64_t)desc->n)];
}

static int *chain_of_weight(dcn__shared *s, const dcn__dnn_desc *desc)
{
    return &s->by_weight[chain_of((uint64_t)weight_of(desc->node),
                                  (uint64_t)weight_of(desc->scale))];
}

static entry *find(dcn__shared *s, const dcn__dnn_desc *desc, int threads)
{
    entry *e;

    for (int at = *chain_of_node(s, desc); at; at = e->next) {
        e = &s->entries[at - 1];
        if (e->desc.pass == desc->pass && e->desc.node == desc->node && e->desc.n == desc->n &&
            e->desc.scale == desc->scale && e->threads == threads)
            return e;
    }
    return NULL;
}

/* The array, with room for one more; NULL: no memory, nothing has changed. */
static void *room_for_one(void *array, int n, int *capacity, size_t size)
{
    const int more = *capacity ? *capacity * 2 : 16;
    void *grown = array;

    if (n == *capacity && (grown = dcn__realloc(array, (size_t)more * size)))
        *capacity = more;
    return grown;
}

static bool borrow(dcn__shared *s, const dcn__dnn_desc *desc, dcn__dnn *dnn)
{
    for (int at = *chain_of_weight(s, desc); at; at = s->entries[at - 1].next_lender)
        if (dcn__dnn_borrow_block(dnn, s->entries[at - 1].dnn))
            return true;
    return false;
}

dcn_status dcn__shared_dnn(dcn__shared *s, const dcn__dnn_desc *desc, int threads, dcn__dnn **dnn,
                           bool *first, dcn_error *err)
{
    entry *e = find(s, desc, threads), *entries;
    dcn_status st;

    if (e) {
        *dnn = e->dnn;
        *first = false;
        return DCN_OK;
    }
    if (!(entries = room_for_one(s->entries, s->n, &s->capacity, sizeof *entries)))
        return dcn__fail_memory(err, "a plan", sizeof *entries);
    s->entries = entries;
    if ((st = dcn__dnn_create(dnn, desc, err)))
        return st;
    *first = !borrow(s, desc, *dnn);
    if (*first && (st = dcn__dnn_make_block(*dnn, err))) {
        dcn__dnn_destroy(*dnn);
        *dnn = NULL;
        return st;
    }
    e = &s->entries[s->n++];
    *e = (entry){ .desc = *desc, .threads = threads, .dnn = *dnn, .next = *chain_of_node(s, desc) };
    *chain_of_node(s, desc) = s->n;
    if (*first && dcn__dnn_lends(*dnn)) {
        e->next_lender = *chain_of_weight(s, desc);
        *chain_of_weight(s, desc) = s->n;
    }
    return DCN_OK;
}

dcn_status dcn__shared_packed_as(dcn__shared *s, dcn__packed_kind kind, int weight, size_t floats,
                                 float **block, bool *first, dcn_error *err)
{
    int *chain = &s->by_packed[chain_of((uint64_t)kind, (uint64_t)weight)];
    packed *all;

    for (int at = *chain; at; at = s->packed[at - 1].next)
        if (s->packed[at - 1].kind == kind && s->packed[at - 1].weight == weight) {
            *block = s->packed[at - 1].block;
            *first = false;
            return DCN_OK;
        }
    if (!(all = room_for_one(s->packed, s->n_packed, &s->packed_capacity, sizeof *all)))
        return dcn__fail_memory(err, "a plan", sizeof *all);
    s->packed = all;
    if (!(*block = dcn__alloc_aligned(floats * sizeof **block)))
        return dcn__fail_memory(err, "a plan's weights", floats * sizeof **block);
    s->packed[s->n_packed++] = (packed){ kind, weight, *block, *chain };
    *chain = s->n_packed;
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
