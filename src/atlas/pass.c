/* pass.c - how the drawing is cut: which layers share a plan, how many pictures a group has, which
 * units belong to it.
 *
 * Nothing here knows threads: what a signal shares its chunk with may show in its last bit. */
#include "atlas/draw.h"

#include "base/memory.h"
#include "graph/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUTES_LENGTH = 4096,         /* nodes of all ways down of a plan */
    BATCH_MOST = 256, STARTS_MOST = 1024, STARTS_LEAST = 4, STARTS_GOOD = 8
};
/* What a group's pictures leave behind on the way up: more only if their units would be too few to
 * keep all threads of a machine at work. */
#define KEPT_BYTES ((size_t)512 << 20)
#define KEPT_BYTES_MOST ((size_t)2048 << 20)
#define DRAWN_BYTES ((size_t)64 << 20)     /* whole projections of a call */

/* ---- counts --------------------------------------------------------------------------------- */

int64_t dcn__units_listed(const dcn_atlas *a)
{
    int64_t units = 0;

    for (int i = 0; i < a->n_pages; i++)
        for (int c = 0; c < a->pages[i].lists.channels; c++)
            units += a->pages[i].lists.tallies[c].n;
    return units;
}

int64_t dcn__units_most(const dcn_atlas *a, const dcn__pass *p)
{
    int64_t units = 0;

    for (int i = p->first; i < p->end; i++)
        units += (int64_t)a->pages[i].shape.c * a->desc.top;
    return units;
}

/* ---- passes --------------------------------------------------------------------------------- */

/* About what a picture leaves: the values at which ways begin, and the switches of pools. */
static size_t kept_of(const dcn_atlas *a, const dcn__pass *p)
{
    const dcn_graph *g = a->model->graph;
    size_t bytes = (size_t)dcn__shape_size(g->nodes[0].shape) * sizeof(float);

    for (int i = p->first; i < p->end; i++)
        bytes += (size_t)dcn__shape_size(a->pages[i].shape) * sizeof(float);
    for (dcn_node i = 1; i <= a->pages[p->end - 1].node; i++)
        if (g->nodes[i].op == DCN__OP_MAX_POOL)
            bytes += (size_t)dcn__shape_size(g->nodes[i].shape);
    return bytes;
}

/* About how many units of one layer so many pictures have, if units fall on pictures by chance. */
static double units_expected(const dcn_atlas *a, const dcn__pass *p, int batch)
{
    const double units = (double)dcn__units_most(a, p), pictures = (double)a->begin[a->n_splits];
    const double distinct = pictures > 0 ? pictures * -expm1(-units / pictures) : 1;
    const double share = distinct > batch ? batch / distinct : 1;

    return units * share / (p->end - p->first);
}

static int batch_within(const dcn_atlas *a, const dcn__pass *p, size_t bytes)
{
    const int limit = a->draw_most ? a->draw_most : BATCH_MOST;
    const int64_t fit = (int64_t)(bytes / kept_of(a, p)), units = dcn__units_most(a, p);
    const int64_t distinct = units < a->begin[a->n_splits] ? units : a->begin[a->n_splits];
    const int64_t all = (distinct + a->chunk - 1) / a->chunk * a->chunk;
    int most = fit < limit ? (int)fit : limit;

    most = all < most ? (int)all : most;
    /* Whole chunks, so that a picture's place in its chunk does not depend on the batch. */
    return most < a->chunk ? a->chunk : most / a->chunk * a->chunk;
}

static int batch_of(const dcn_atlas *a, const dcn__pass *p)
{
    const int most = batch_within(a, p, KEPT_BYTES_MOST);
    int batch = batch_within(a, p, KEPT_BYTES);

    while (batch + a->chunk <= most && units_expected(a, p, batch) < STARTS_GOOD)
        batch += a->chunk;
    return batch;
}

/* A plan for many more starts than come would cut its chunks too large and fill them up with
 * nothing. */
static int starts_of(const dcn_atlas *a, const dcn__pass *p)
{
    const double wanted = units_expected(a, p, p->batch);
    const size_t fit = DRAWN_BYTES / sizeof(float) /
                       (size_t)dcn__shape_size(a->model->graph->nodes[0].shape);
    int starts = STARTS_LEAST;

    while (starts < STARTS_MOST && starts < wanted && 2 * (size_t)starts <= fit)
        starts *= 2;
    return starts;
}

dcn_status dcn__passes_cut(dcn__passes *p, const dcn_atlas *a, dcn_error *err)
{
    int64_t length = 0;

    memset(p, 0, sizeof *p);
    p->at = dcn__alloc_array((size_t)a->n_pages, sizeof *p->at);
    if (!p->at)
        return dcn__fail_memory(err, "an atlas", (size_t)a->n_pages * sizeof *p->at);
    for (int i = 0; i < a->n_pages; i++) {
        length += a->pages[i].node;
        if (p->n == 0 || length > ROUTES_LENGTH) {
            p->at[p->n++] = (dcn__pass){ .first = i };
            length = a->pages[i].node;
        }
        p->at[p->n - 1].end = i + 1;
    }
    for (int i = 0; i < p->n; i++) {
        p->at[i].batch = batch_of(a, &p->at[i]);
        p->at[i].starts = starts_of(a, &p->at[i]);
    }
    return DCN_OK;
}

void dcn__passes_clear(dcn__passes *p)
{
    dcn__free(p->at);
    memset(p, 0, sizeof *p);
}

dcn_status dcn__pass_plan(dcn_plan **plan, const dcn__pass *pass, const dcn_atlas *a,
                          dcn_error *err)
{
    const int n = pass->end - pass->first;
    dcn_route *routes = dcn__alloc_array((size_t)n, sizeof *routes);
    dcn_status st;

    *plan = NULL;
    if (!routes)
        return dcn__fail_memory(err, "an atlas", (size_t)n * sizeof *routes);
    for (int i = 0; i < n; i++) {
        routes[i] = a->desc.way;
        routes[i].layer = a->pages[pass->first + i].node;
    }
    st = dcn_plan_create(plan, a->model->graph,
                         &(dcn_plan_desc){ .engine = a->desc.engine, .batch = pass->batch,
                                           .threads = a->desc.threads, .routes = routes,
                                           .n_routes = n, .starts = pass->starts,
                                           .only_asked = 1,
                                           .chunk = a->chunk, .exact = a->desc.exact,
                                           .max_bytes = a->desc.max_bytes },
                         err);
    dcn__free(routes);
    return st;
}

/* ---- units ---------------------------------------------------------------------------------- */

static int by_picture(const void *a, const void *b)
{
    const dcn__work *x = a, *y = b;

    if (x->picture != y->picture)
        return x->picture < y->picture ? -1 : 1;
    if (x->page != y->page)
        return x->page < y->page ? -1 : 1;
    if (x->channel != y->channel)
        return x->channel < y->channel ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

dcn_status dcn__pass_list(dcn__work **works, size_t *n, const dcn__pass *pass, const dcn_atlas *a,
                          dcn_error *err)
{
    size_t count = 0;

    *n = 0;
    for (int i = pass->first; i < pass->end; i++)
        for (int c = 0; c < a->pages[i].lists.channels; c++)
            count += (size_t)a->pages[i].lists.tallies[c].n;
    if (!(*works = dcn__alloc_array(count, sizeof **works)))
        return dcn__fail_memory(err, "an atlas' units", count * sizeof **works);
    for (int i = pass->first; i < pass->end; i++) {
        const dcn__lists *l = &a->pages[i].lists;

        for (int c = 0; c < l->channels; c++)
            for (int k = 0; k < l->tallies[c].n; k++)
                (*works)[(*n)++] = (dcn__work){
                    .picture = l->units[(size_t)c * (size_t)l->top + (size_t)k].picture,
                    .page = i, .channel = c, .rank = k,
                };
    }
    qsort(*works, *n, sizeof **works, by_picture);
    return DCN_OK;
}

size_t dcn__pass_group(const dcn__pass *pass, const dcn__work *works, size_t n, size_t from,
                       int *pictures)
{
    size_t end = from;

    *pictures = 0;
    for (; end < n; end++)
        if (end == from || works[end].picture != works[end - 1].picture) {
            if (*pictures == pass->batch)
                break;
            (*pictures)++;
        }
    return end;
}
