/* facts.c - collects what the book says of network, data, layers, channels and units. */
#include "atlas/facts.h"

#include "base/memory.h"
#include "data/data.h"
#include "graph/graph.h"
#include "graph/walk.h"

#include <stdio.h>
#include <string.h>

/* ---- units and channels ---------------------------------------------------------------------- */

static dcn_status take_unit(dcn__book_unit *out, const dcn__press *p, int page, int channel,
                            int rank, dcn_error *err)
{
    const dcn_atlas *a = p->atlas;
    const dcn__lists *l = &a->pages[page].lists;
    const dcn_atlas_unit *u = &l->units[(size_t)channel * (size_t)l->top + (size_t)rank];
    dcn_status st;

    *out = (dcn__book_unit){ .picture = u->picture, .value = u->value, .y = u->y, .x = u->x };
    out->split = dcn__atlas_split(a, u->picture, &out->index);
    out->file = dcn_data_file(a->data, out->split, out->index);
    out->label = a->info.classes ? a->data->labels[out->split][out->index] : -1;
    if ((st = dcn_graph_box(a->model->graph, a->pages[page].node, u->y, u->x, &out->box, err)))
        return st;
    return dcn__spool_scale(p->spool, page, channel, rank, &out->scale, err);
}

static dcn_status take_channel(dcn__facts *f, const dcn__press *p, int page, int channel, size_t at,
                               dcn__book_unit **units, dcn_error *err)
{
    dcn_atlas_channel *found = &f->found[at];
    dcn_status st = dcn_atlas_channel_get(p->atlas, page, channel, found, err);
    dcn__string name = { 0 };

    if (st)
        return st;
    f->channels[at] = (dcn__book_channel){ .kind = found->kind, .same_as = found->same_as,
                                           .reason = found->reason, .fired = found->fired,
                                           .units = *units, .n_units = found->n_top };
    for (int k = 0; k < found->n_top && !st; k++)
        st = take_unit((*units)++, p, page, channel, k, err);
    if (st || !found->n_top)
        return st;
    dcn__strip_name(&name, p, page, channel);
    if (name.failed)
        return dcn__fail_memory(err, "a book", sizeof *f->strips);
    snprintf(f->strips[at], sizeof f->strips[at], "%s", name.text);
    f->channels[at].strip = f->strips[at];
    dcn__string_clear(&name);
    return DCN_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static dcn_status take_raw(dcn__facts *f, const dcn__press *p, int page, dcn_raw kind,
                           dcn_error *err)
{
    dcn__string name = { 0 };

    if (kind == DCN_RAW_NONE)
        return DCN_OK;
    dcn__raw_name(&name, p, page, kind);
    if (name.failed)
        return dcn__fail_memory(err, "a book", sizeof *f->raws);
    snprintf(f->raws[page], sizeof f->raws[page], "%s", name.text);
    f->layers[page].raw = f->raws[page];
    dcn__string_clear(&name);
    return DCN_OK;
}

static void take_layer(dcn__book_layer *out, const dcn_atlas *a, int page)
{
    const dcn_graph *g = a->model->graph;
    const dcn__page *p = &a->pages[page];
    const dcn__node *n = &g->nodes[p->node];

    out->name = n->name;
    out->op = dcn__op_row_of(n->op)->word;
    out->head = n->head >= 0 && n->head != p->node ? g->nodes[n->head].name : NULL;
    out->shape = p->shape;
    for (int axis = 0; axis < 2; axis++) {
        out->field[axis] = n->field.size[axis];
        out->stride[axis] = n->field.stride[axis];
        out->patch[axis] = p->patch[axis];
        out->tile[axis] = p->tile[axis];
    }
}

static dcn_status take_layers(dcn__facts *f, const dcn__press *p, const dcn_book_desc *desc,
                              dcn_error *err)
{
    dcn__book_unit *units = f->units;
    dcn_status st = DCN_OK;
    size_t at = 0;

    for (int i = 0; i < p->atlas->n_pages && !st; i++) {
        take_layer(&f->layers[i], p->atlas, i);
        f->layers[i].channels = f->channels + at;
        st = take_raw(f, p, i, desc->raw, err);
        for (int c = 0; c < p->atlas->pages[i].lists.channels && !st; c++)
            st = take_channel(f, p, i, c, at++, &units, err);
    }
    return st;
}

/* Counted first, then laid side by side in one array. */
static dcn_status take_links(dcn__facts *f, const dcn_atlas *a, dcn_error *err)
{
    const size_t room = (size_t)a->n_pages + 1;
    int *one = dcn__alloc_array(room, sizeof *one);
    dcn__links links = { 0 };
    dcn_status st = one ? dcn__links_init(&links, a, err)
                        : dcn__fail_memory(err, "a book", room * sizeof *one);
    size_t all = 0, at = 0;

    for (int i = 0; i < a->n_pages && !st; i++)
        all += (size_t)dcn__links_find(&links, a, i, one);
    if (!st && !(f->from = dcn__alloc_array(all, sizeof *f->from)))
        st = dcn__fail_memory(err, "a book", all * sizeof *f->from);
    if (!st)
        memset(links.seen, 0, (size_t)a->model->graph->n_nodes * sizeof *links.seen);
    for (int i = 0; i < a->n_pages && !st; i++) {
        dcn__book_layer *l = &f->layers[i];

        l->from = f->from + at;
        l->n_from = dcn__links_find(&links, a, i, one);
        if (l->n_from)
            memcpy(f->from + at, one, (size_t)l->n_from * sizeof *one);
        at += (size_t)l->n_from;
    }
    dcn__links_clear(&links);
    dcn__free(one);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void write_pictures(dcn__facts *f, const dcn_atlas *a)
{
    const char *which = a->n_splits == 2 ? "training and test"
                        : a->splits[0] == DCN_SPLIT_TRAIN ? "training" : "test";
    char count[DCN__COUNT_TEXT];

    f->book.pictures = a->begin[a->n_splits];
    snprintf(f->pictures, sizeof f->pictures, "%s %s picture%s",
             dcn__count_text(count, f->book.pictures), which, f->book.pictures == 1 ? "" : "s");
}

static void write_rule(dcn__facts *f, const dcn_route *way)
{
    snprintf(f->rule, sizeof f->rule, "%s%s%s", dcn_rule_name(way->rule),
             way->no_switches ? ", without switches" : "",
             way->only == DCN_ONLY_RELU ? ", at relu only"
             : way->only == DCN_ONLY_RELU_LRN ? ", at relu and lrn only" : "");
}

/* The deepest way that is drawn beyond the papers tells most of what is. */
static dcn_status find_extensions(dcn__facts *f, const dcn_atlas *a, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = a->n_pages; a->desc.way.extend && i-- > 0 && !st && !f->extensions;) {
        dcn_route route = a->desc.way;
        dcn__walk walk = { 0 };

        route.layer = a->pages[i].node;
        if (!(st = dcn__walk_down(&walk, a->model->graph, &route, err)) && walk.extensions &&
            !(f->extensions = dcn__strdup(walk.extensions)))
            st = dcn__fail_memory(err, "a book", strlen(walk.extensions));
        dcn__walk_clear(&walk);
    }
    return st;
}

/* Are the channels of the last layer the classes' scores, or become them one by one? */
static bool ends_in_classes(const dcn_atlas *a)
{
    const dcn_graph *g = a->model->graph;
    const dcn_node last = a->pages[a->n_pages - 1].node;
    dcn_node at = dcn_graph_logits(g);

    while (at > last) {
        const dcn__node *n = &g->nodes[at];

        if (n->op != DCN__OP_AVG_POOL && n->op != DCN__OP_MAX_POOL && n->op != DCN__OP_RELU &&
            n->op != DCN__OP_RESHAPE)
            break;
        at = n->inputs[0];
    }
    return at == last && g->nodes[at].shape.c == a->model->classes;
}

static void take_model(dcn__facts *f, const dcn_atlas *a, const dcn_book_desc *desc)
{
    const dcn_model *m = a->model;
    dcn__book *b = &f->book;

    b->model_name = desc->model_name ? desc->model_name : "network";
    b->model_hash = m->hash;
    b->guess = m->guess;
    b->input = m->graph->nodes[0].shape;
    if (m->classes && ends_in_classes(a)) {
        b->output_classes = m->classes;
        b->output_names = (const char *const *)m->class_names;
    }
    snprintf(f->title, sizeof f->title, "%s on %s", b->model_name, a->info.name);
    f->title[dcn__text_clip(f->title, sizeof f->title - 1)] = '\0';
    b->title = desc->title ? desc->title : f->title;
}

static dcn_status make_room(dcn__facts *f, const dcn_atlas *a, dcn_error *err)
{
    const size_t pages = (size_t)a->n_pages, channels = (size_t)a->channels;
    const size_t units = (size_t)dcn__units_listed(a);

    f->layers = dcn__alloc_array(pages, sizeof *f->layers);
    f->raws = dcn__alloc_array(pages, sizeof *f->raws);
    f->channels = dcn__alloc_array(channels, sizeof *f->channels);
    f->found = dcn__alloc_array(channels, sizeof *f->found);
    f->strips = dcn__alloc_array(channels, sizeof *f->strips);
    f->units = dcn__alloc_array(units, sizeof *f->units);
    if (!f->layers || !f->raws || !f->channels || !f->found || !f->strips || !f->units)
        return dcn__fail_memory(err, "a book", units * sizeof *f->units);
    return DCN_OK;
}

dcn_status dcn__facts_collect(dcn__facts *f, const dcn__press *p, const dcn_book_desc *desc,
                              dcn_error *err)
{
    const dcn_atlas *a = p->atlas;
    dcn__book *b = &f->book;
    dcn_status st;

    memset(f, 0, sizeof *f);
    take_model(f, a, desc);
    write_pictures(f, a);
    write_rule(f, &a->desc.way);
    dcn_preprocess_text(&a->model->preprocess, f->preprocess, sizeof f->preprocess);
    b->data_name = a->info.name;
    b->data_kind = a->info.kind;
    b->pictures_text = f->pictures;
    b->preprocess = f->preprocess;
    b->rule = f->rule;
    b->engine = a->engine;
    b->top = a->desc.top;
    b->classes = a->info.classes;
    b->class_names = a->info.class_names;
    b->n_layers = a->n_pages;
    if ((st = make_room(f, a, err)) || (st = find_extensions(f, a, err)) ||
        (st = take_layers(f, p, desc, err)) || (st = take_links(f, a, err)))
        return st;
    b->layers = f->layers;
    b->extensions = f->extensions;
    return DCN_OK;
}

void dcn__facts_clear(dcn__facts *f)
{
    dcn__free(f->layers);
    dcn__free(f->raws);
    dcn__free(f->channels);
    dcn__free(f->found);
    dcn__free(f->strips);
    dcn__free(f->units);
    dcn__free(f->from);
    dcn__free(f->extensions);
    memset(f, 0, sizeof *f);
}

size_t dcn__book_bytes(const dcn_atlas *a, const dcn__spool *s)
{
    const size_t channel = sizeof(dcn__book_channel) + sizeof(dcn_atlas_channel) +
                           sizeof(dcn__name);
    const size_t units = (size_t)a->channels * (size_t)a->desc.top * sizeof(dcn__book_unit);
    const size_t facts = (size_t)a->channels * channel + units;
    const size_t strips = (size_t)dcn__draw_threads(a) * dcn__strip_bytes(a, s);

    return facts > strips ? facts : strips;
}
