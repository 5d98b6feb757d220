/* atlas.c - makes an atlas: which layers, which pictures, what it will cost. Everything that scan
 * and drawing could be refused for is tried here. */
#include "atlas/atlas.h"

#include "base/memory.h"
#include "base/text.h"
#include "data/data.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHARDS = 100000, MOST_LAYERS = 4096, TILE_LEAST = 8, TILE_MOST = 512 };

/* ---- pictures ------------------------------------------------------------------------------- */

dcn_split dcn__atlas_split(const dcn_atlas *a, int64_t picture, int64_t *index)
{
    const int i = a->n_splits == 2 && picture >= a->begin[1];

    *index = picture - a->begin[i];
    return a->splits[i];
}

static int64_t stretches(int64_t pictures)
{
    return (pictures + DCN__STRETCH - 1) / DCN__STRETCH;
}

/* The first picture of stretch s of all; behind the last one the end. */
static int64_t stretch_begin(const dcn_atlas *a, int64_t s)
{
    for (int i = 0; i < a->n_splits; i++) {
        const int64_t here = stretches(a->begin[i + 1] - a->begin[i]);

        if (s < here)
            return a->begin[i] + s * DCN__STRETCH;
        s -= here;
    }
    return a->begin[a->n_splits];
}

void dcn__atlas_shard(const dcn_atlas *a, int shard, int shards, int64_t *first, int64_t *end)
{
    int64_t all = 0;

    for (int i = 0; i < a->n_splits; i++)
        all += stretches(a->begin[i + 1] - a->begin[i]);
    *first = stretch_begin(a, all * shard / shards);
    *end = stretch_begin(a, all * (shard + 1) / shards);
}

static const char *split_name(dcn_split split)
{
    return split == DCN_SPLIT_TRAIN ? "training" : "test";
}

/* Of "all" the splits that have pictures. */
static dcn_status take_pictures(dcn_atlas *a, dcn_error *err)
{
    const dcn_pictures which = a->desc.pictures;
    const dcn_split order[] = { DCN_SPLIT_TRAIN, DCN_SPLIT_TEST };

    if ((unsigned)which > DCN_PICTURES_ALL)
        return dcn__fail(err, DCN_USAGE, "pictures",
                         "%d are no pictures; choose test, train or all", (int)which);
    for (int i = 0; i < 2; i++) {
        const int64_t count = a->info.count[order[i]];

        if (!count || (which == DCN_PICTURES_TEST && order[i] != DCN_SPLIT_TEST) ||
            (which == DCN_PICTURES_TRAIN && order[i] != DCN_SPLIT_TRAIN))
            continue;
        a->splits[a->n_splits] = order[i];
        a->begin[a->n_splits + 1] = a->begin[a->n_splits] + count;
        a->n_splits++;
    }
    if (!a->n_splits) {
        const dcn_split asked = which == DCN_PICTURES_TRAIN ? DCN_SPLIT_TRAIN : DCN_SPLIT_TEST;
        const dcn_split other = asked == DCN_SPLIT_TRAIN ? DCN_SPLIT_TEST : DCN_SPLIT_TRAIN;
        char n[DCN__COUNT_TEXT];

        if (which == DCN_PICTURES_ALL || !a->info.count[other])
            return dcn__fail(err, DCN_USAGE, a->info.path, "has no pictures; choose other data");
        return dcn__fail(err, DCN_USAGE, a->info.path,
                         "has no %s pictures; choose its %s %s pictures", split_name(asked),
                         dcn__count_text(n, a->info.count[other]), split_name(other));
    }
    dcn__atlas_shard(a, a->desc.shard, a->desc.shards, &a->first, &a->end);
    a->next = a->first;
    return DCN_OK;
}

/* The pictures must come out of the preprocessing as the network takes them. */
static dcn_status check_fit(const dcn_atlas *a, dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    const dcn_preprocess *p = &a->model->preprocess;
    const dcn_shape in = g->nodes[0].shape, raw = a->info.shape;
    dcn_status st;

    if (p->shape.h != in.h || p->shape.w != in.w || p->shape.c != in.c)
        return dcn__fail(err, DCN_STATE, g->nodes[0].name,
                         "the network takes %dx%dx%d, the preprocessing makes "
                         "%dx%dx%d; use the network's own preprocessing",
                         in.h, in.w, in.c, p->shape.h, p->shape.w, p->shape.c);
    if ((st = dcn__preprocess_check(p, err)))
        return st;
    if (raw.h > 0 && raw.w > 0) {
        const dcn_image picture = { raw.h, raw.w, raw.c, NULL };
        dcn__fit fit;

        return dcn__fit_picture(&fit, p, &picture, err);
    }
    return DCN_OK;
}

/* ---- settings ------------------------------------------------------------------------------- */

static dcn_status check_range(const char *what, int value, int least, int most, dcn_error *err)
{
    if (value < least || value > most)
        return dcn__fail(err, DCN_USAGE, what, "%d is outside %d..%d; correct it", value, least,
                         most);
    return DCN_OK;
}

static dcn_status read_desc(dcn_atlas *a, const dcn_atlas_desc *desc, dcn_error *err)
{
    dcn_atlas_desc *d = &a->desc;
    const dcn__engine *engine;
    dcn_status st;

    *d = *desc;
    d->layers = NULL;
    d->n_layers = 0;
    d->top = d->top ? d->top : DCN__TOP_USUAL;
    d->tile = d->tile ? d->tile : DCN__TILE_USUAL;
    if (!d->shards && !d->shard)
        d->shards = 1;
    if ((st = check_range("top", d->top, 1, DCN__TOP_MAX, err)) ||
        (st = check_range("tile", d->tile, TILE_LEAST, TILE_MOST, err)) ||
        (st = check_range("shards", d->shards, 1, MOST_SHARDS, err)) ||
        (st = check_range("shard", d->shard, 0, d->shards - 1, err)) ||
        (st = check_range("batch", d->batch, 0, 1 << 20, err)) ||
        (st = check_range("threads", d->threads, 0, 1024, err)))
        return st;
    if (!(engine = dcn__engine_find(d->engine, err)))
        return DCN_USAGE;
    d->engine = engine->name;
    d->exact = d->exact && engine->other_sums;
    snprintf(a->engine, sizeof a->engine, "%s (%s)%s", engine->name, engine->text(),
             d->exact ? DCN__EXACT : "");
    return DCN_OK;
}

/* ---- layers --------------------------------------------------------------------------------- */

static int by_node(const void *a, const void *b)
{
    const dcn_node x = ((const dcn__page *)a)->node, y = ((const dcn__page *)b)->node;

    return (x > y) - (x < y);
}

static dcn_status check_layers(const dcn_graph *g, const dcn_atlas_desc *desc, dcn_error *err)
{
    if (desc->n_layers < 0 || (desc->n_layers && !desc->layers))
        return dcn__fail(err, DCN_USAGE, "layers", "%d is not a number of layers; correct it",
                         desc->n_layers);
    for (int i = 0; i < desc->n_layers; i++) {
        const dcn_node node = desc->layers[i];

        if (node < 0 || node >= g->n_nodes)
            return dcn__fail(err, DCN_USAGE, "layers", "%d is no node of the network; they are "
                             "1..%d", node, g->n_nodes - 1);
        if (node == 0)
            return dcn__fail(err, DCN_USAGE, g->nodes[0].name,
                             "is the picture itself; choose layers behind it");
    }
    return DCN_OK;
}

static dcn_status take_layers(dcn_atlas *a, const dcn_atlas_desc *desc, dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    const int most = desc->n_layers ? desc->n_layers : g->n_nodes;
    dcn_status st = check_layers(g, desc, err);

    if (st)
        return st;
    if (!(a->pages = dcn__alloc_array((size_t)most, sizeof *a->pages)))
        return dcn__fail_memory(err, "an atlas", (size_t)most * sizeof *a->pages);
    for (int i = 0; i < most; i++) {
        dcn_node_info info = { .is_layer = 1 };

        if (!desc->n_layers)
            dcn_graph_node_info(g, i, &info);
        if (info.is_layer)
            a->pages[a->n_pages++].node = desc->n_layers ? desc->layers[i] : i;
    }
    if (!a->n_pages)
        return dcn__fail(err, DCN_USAGE, "layers", "the network has no conv or dense layer; choose "
                         "some of its nodes");
    if (a->n_pages > MOST_LAYERS)
        return dcn__fail(err, DCN_USAGE, "layers", "%d are too many for one atlas; choose at most "
                         "%d", a->n_pages, MOST_LAYERS);
    qsort(a->pages, (size_t)a->n_pages, sizeof *a->pages, by_node);
    for (int i = 1; i < a->n_pages; i++)
        if (a->pages[i].node == a->pages[i - 1].node)
            return dcn__fail(err, DCN_USAGE, g->nodes[a->pages[i].node].name,
                             "is asked for twice; name each layer once");
    return DCN_OK;
}

static bool is_activation(dcn__op op)
{
    const dcn__action does = dcn__op_row_of(op)->forward;

    return does == DCN__DO_RELU || does == DCN__DO_LEAKY || does == DCN__DO_MAP ||
           does == DCN__DO_SOFTMAX || does == DCN__DO_LOG_SOFTMAX;
}

/* Is there no activation between the node and the convolutions or dense layers it is made of?
 * seen: (n_nodes), false. */
static bool is_linear(const dcn_graph *g, dcn_node node, bool *seen)
{
    seen[node] = true;
    for (dcn_node i = node; i > 0; i--) {
        const dcn__node *n = &g->nodes[i];

        if (!seen[i] || n->op == DCN__OP_CONV || n->op == DCN__OP_DENSE)
            continue;
        if (is_activation(n->op))
            return false;
        for (int k = 0; k < n->n_inputs; k++)
            seen[n->inputs[k]] = true;
    }
    return true;
}

static dcn_status find_linear(dcn_atlas *a, dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    const size_t nodes = (size_t)g->n_nodes;
    bool *seen = dcn__alloc_array(nodes, sizeof *seen);

    if (!seen)
        return dcn__fail_memory(err, "an atlas", nodes * sizeof *seen);
    for (int i = 0; i < a->n_pages; i++) {
        memset(seen, 0, nodes * sizeof *seen);
        a->pages[i].linear = is_linear(g, a->pages[i].node, seen);
    }
    dcn__free(seen);
    return DCN_OK;
}

static dcn_status make_pages(dcn_atlas *a, dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    size_t widest = 0;
    dcn_status st;

    a->own_bytes = sizeof *a + (size_t)a->n_pages * sizeof *a->pages;
    for (int i = 0; i < a->n_pages; i++) {
        dcn__page *page = &a->pages[i];
        size_t channels;

        page->shape = g->nodes[page->node].shape;
        channels = (size_t)page->shape.c;
        if ((st = dcn__lists_init(&page->lists, page->shape.c, a->desc.top, err)))
            return st;
        if (!(page->same_as = dcn__alloc_array(channels, sizeof *page->same_as)))
            return dcn__fail_memory(err, "an atlas", channels * sizeof *page->same_as);
        a->channels += page->shape.c;
        a->own_bytes += dcn__lists_bytes(page->shape.c, a->desc.top) +
                        channels * sizeof *page->same_as;
        widest = channels > widest ? channels : widest;
    }
    if (!(a->twins = dcn__alloc_array(widest, sizeof *a->twins)))
        return dcn__fail_memory(err, "an atlas", widest * sizeof *a->twins);
    a->own_bytes += widest * sizeof *a->twins;
    dcn__atlas_compare(a);
    return find_linear(a, err);
}

/* ---- create and destroy --------------------------------------------------------------------- */

/* Of what the network computes, whatever file it came from. */
static dcn_status take_hashes(dcn_atlas *a, dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    const size_t bytes = dcn_graph_text(g, NULL, 0);
    char *text = bytes ? dcn__alloc(bytes + 1) : NULL;

    if (!text || dcn_graph_text(g, text, bytes + 1) != bytes) {
        dcn__free(text);
        return dcn__fail_memory(err, "a network's text", bytes);
    }
    a->data_hash = dcn_data_hash(a->data);
    a->model_hash = dcn__fingerprint(1, text, bytes);
    dcn__free(text);
    for (int i = 0; i < g->n_weights; i++)
        a->model_hash = dcn__fingerprint(a->model_hash, g->weights[i].data,
                                         (size_t)g->weights[i].count * sizeof(float));
    return DCN_OK;
}

static dcn_status make(dcn_atlas *a, const dcn_atlas_desc *desc, dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    dcn_status st;

    if ((st = dcn_graph_check(g, err)) || (st = read_desc(a, desc, err)) ||
        (st = take_layers(a, desc, err)) || (st = check_fit(a, err)) ||
        (st = take_pictures(a, err)) || (st = make_pages(a, err)))
        return st;
    a->chunk = dcn__atlas_chunk(g);
    a->desc.batch = dcn__scan_batch(a);
    if ((st = dcn__scan_measure(a, err)) || (st = take_hashes(a, err)))
        return st;
    for (int i = 0; i < a->n_pages; i++)
        dcn__tile_form(&a->pages[i], a);
    return dcn__draw_measure(a, err);
}

dcn_status dcn_atlas_create(dcn_atlas **atlas, const dcn_model *model, const dcn_data *data,
                            const dcn_atlas_desc *desc, dcn_error *err)
{
    dcn_atlas *a = dcn__alloc(sizeof *a);
    dcn_status st;

    *atlas = NULL;
    if (!a)
        return dcn__fail_memory(err, "an atlas", sizeof *a);
    a->model = model;
    a->data = data;
    dcn_data_info_get(data, &a->info);
    if ((st = make(a, desc, err))) {
        dcn_atlas_destroy(a);
        return st;
    }
    *atlas = a;
    return DCN_OK;
}

void dcn_atlas_destroy(dcn_atlas *a)
{
    if (!a)
        return;
    for (int i = 0; i < a->n_pages; i++) {
        dcn__lists_clear(&a->pages[i].lists);
        dcn__free(a->pages[i].same_as);
    }
    dcn__free(a->pages);
    dcn__free(a->twins);
    dcn__free(a);
}

/* ---- questions ------------------------------------------------------------------------------ */

size_t dcn_atlas_bytes(const dcn_atlas *a)
{
    return a->own_bytes + (a->scan_bytes > a->draw_bytes ? a->scan_bytes : a->draw_bytes);
}

uint64_t dcn_atlas_disk(const dcn_atlas *a)
{
    return a->disk_bytes;
}

const char *dcn_atlas_text(const dcn_atlas *a)
{
    return a->text;
}

int64_t dcn_atlas_pictures(const dcn_atlas *a)
{
    return a->end - a->first;
}

int64_t dcn_atlas_scanned(const dcn_atlas *a)
{
    return a->next - a->first;
}

int dcn_atlas_layer_count(const dcn_atlas *a)
{
    return a->n_pages;
}

dcn_node dcn_atlas_layer(const dcn_atlas *a, int i)
{
    return i >= 0 && i < a->n_pages ? a->pages[i].node : -1;
}
