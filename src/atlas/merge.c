/* merge.c - the shards of one scan, however they were scanned, become the whole. */
#include "atlas/state.h"

#include "base/memory.h"

#include <string.h>

/* Which file has which shard. */
typedef struct parts {
    int *owner;                   /* (shards): number of the file + 1; 0: none */
    int shards;
} parts;

static dcn_status take_part(parts *p, const dcn__state *s, const char *const *files, int i,
                            dcn_error *err)
{
    if (s->next != s->end)
        return dcn__fail(err, DCN_STATE, files[i], "shard %d/%d is unfinished; scan it to the "
                         "end", s->shard + 1, s->shards);
    if (i && s->shards != p->shards)
        return dcn__fail(err, DCN_STATE, files[i], "is a shard of %d, %s is one of %d; merge the "
                         "shards of one scan", s->shards, files[0], p->shards);
    if (!i && !(p->owner = dcn__alloc_array((size_t)s->shards, sizeof *p->owner)))
        return dcn__fail_memory(err, "a list of shards", (size_t)s->shards * sizeof *p->owner);
    p->shards = s->shards;
    if (p->owner[s->shard])
        return dcn__fail(err, DCN_STATE, files[i], "is shard %d/%d, and so is %s; name each once",
                         s->shard + 1, s->shards, files[p->owner[s->shard] - 1]);
    p->owner[s->shard] = i + 1;
    return DCN_OK;
}

/* All headers, before any numbers are read. */
static dcn_status check_parts(parts *p, const dcn_atlas *a, const char *const *files, int n,
                              dcn_error *err)
{
    dcn_status st = DCN_OK;
    dcn__state s;

    for (int i = 0; !st && i < n; i++)
        if (!(st = dcn__state_peek(&s, files[i], a, err)))
            st = take_part(p, &s, files, i, err);
    for (int i = 0; !st && i < p->shards; i++)
        if (!p->owner[i])
            st = dcn__fail(err, DCN_STATE, files[0], "shard %d/%d is missing; scan it and name "
                           "its file, too", i + 1, p->shards);
    return st;
}

static dcn_status add_part(dcn__lists *sum, const parts *p, int shard, const dcn_atlas *a,
                           const char *file, dcn_error *err)
{
    dcn__lists *lists;
    dcn__state s;
    dcn_status st = dcn__state_open(&s, &lists, file, a, err);

    if (!st && (s.shard != shard || s.shards != p->shards || s.next != s.end))
        st = dcn__fail(err, DCN_FILE, file, "changed while it was read; try again");
    for (int i = 0; !st && i < a->n_pages; i++)
        dcn__lists_merge(&sum[i], &lists[i]);
    dcn__state_clear(lists, a->n_pages);
    return st;
}

static dcn_status add_parts(dcn_atlas *a, const parts *p, const char *const *files, dcn_error *err)
{
    dcn__lists *sum = dcn__alloc_array((size_t)a->n_pages, sizeof *sum);
    dcn_status st = DCN_OK;

    if (!sum)
        return dcn__fail_memory(err, "an atlas", (size_t)a->n_pages * sizeof *sum);
    for (int i = 0; !st && i < a->n_pages; i++)
        st = dcn__lists_init(&sum[i], a->pages[i].shape.c, a->desc.top, err);
    for (int shard = 0; !st && shard < p->shards; shard++)
        st = add_part(sum, p, shard, a, files[p->owner[shard] - 1], err);
    for (int i = 0; !st && i < a->n_pages; i++) {
        const dcn__lists before = a->pages[i].lists;

        a->pages[i].lists = sum[i];
        sum[i] = before;
    }
    dcn__state_clear(sum, a->n_pages);
    return st;
}

dcn_status dcn_atlas_merge(dcn_atlas *a, const char *const *files, int n, dcn_error *err)
{
    parts p = { 0 };
    dcn_status st;

    if (a->desc.shards != 1)
        return dcn__fail(err, DCN_USAGE, "merge", "the atlas is itself shard %d/%d; merge into one "
                         "of all pictures", a->desc.shard + 1, a->desc.shards);
    if (n < 1)
        return dcn__fail(err, DCN_USAGE, "merge", "no files are named; name those of all shards");
    if (!(st = check_parts(&p, a, files, n, err)) && !(st = add_parts(a, &p, files, err))) {
        a->next = a->end;
        dcn__atlas_compare(a);
    }
    dcn__free(p.owner);
    return st;
}
