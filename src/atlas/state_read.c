/* state_read.c - reads the state of a scan. Nothing in a file is believed: what it says of itself
 * is compared with the atlas, and its lists are checked unit by unit. */
#include "atlas/state.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/digest.h"
#include "graph/graph.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- whose scan it is ------------------------------------------------------------------------ */

static const char AGAIN[] = "copy the file again or scan again";

dcn_status dcn__state_format(const dcn__tensors *t, dcn_error *err)
{
    const char *format = dcn__tensors_metadata(t, "format");
    const size_t n = strlen(DCN__SCAN_FORMAT);
    int64_t version;

    if (!format || strncmp(format, DCN__SCAN_FORMAT, n) != 0 ||
        !dcn__parse_int(format + n, strlen(format + n), 0, INT64_MAX, &version))
        return dcn__fail(err, DCN_INPUT, t->where, "is not the state of a scan; name the file that "
                         "a scan wrote");
    if (version != DCN__STATE_VERSION)
        return dcn__fail(err, DCN_STATE, t->where, "is of version %" PRId64 ", this program reads "
                         "version %d; scan again", version, DCN__STATE_VERSION);
    return DCN_OK;
}

dcn_status dcn__state_text(const char **text, const dcn__tensors *t, const char *key,
                           dcn_error *err)
{
    *text = dcn__tensors_metadata(t, key);
    if (!*text)
        return dcn__fail(err, DCN_INPUT, t->where, "its \"%s\" is missing; %s", key, AGAIN);
    return DCN_OK;
}

dcn_status dcn__state_number(int64_t *n, const dcn__tensors *t, const char *key, int64_t least,
                             int64_t most, dcn_error *err)
{
    const char *text;
    const dcn_status st = dcn__state_text(&text, t, key, err);

    if (st)
        return st;
    if (!dcn__parse_int(text, strlen(text), least, most, n))
        return dcn__fail(err, DCN_INPUT, t->where,
                         "its %s \"%.40s\" is outside %" PRId64 "..%" PRId64 "; %s", key, text,
                         least, most, AGAIN);
    return DCN_OK;
}

static bool is_exact(const char *engine)
{
    const size_t n = strlen(engine), end = strlen(DCN__EXACT);

    return n >= end && strcmp(engine + n - end, DCN__EXACT) == 0;
}

/* "cpu (oneDNN 2.6.3, avx2)": bits of one engine differ where the processors do, and where its sums
 * are made in other ways. */
static const char *what_to_do(const dcn__fact *f, const char *text)
{
    const size_t n = strcspn(text, ",");

    if (strcmp(f->key, "engine") == 0 && is_exact(text) != is_exact(f->text) &&
        strncmp(f->text, text, strcspn(text, " ") + 1) == 0)
        return is_exact(text)
            ? "set exact wherever it is scanned, merged or drawn, or scan again"
            : "leave exact out wherever it is scanned, merged or drawn, or scan again";
    return strcmp(f->key, "engine") == 0 && text[n] && strncmp(f->text, text, n + 1) == 0
        ? "set ONEDNN_MAX_CPU_ISA to the same (AVX2 for instance) wherever it is scanned, merged "
          "or drawn, or scan again"
        : "use the same or scan again";
}

static dcn_status check_facts(const dcn__tensors *t, const dcn_atlas *a, dcn_error *err)
{
    dcn__fact facts[DCN__STATE_FACTS];
    dcn_status st = DCN_OK;

    dcn__state_facts(facts, a);
    for (int i = 0; !st && i < DCN__STATE_SAME; i++) {
        const char *text;

        if ((st = dcn__state_text(&text, t, facts[i].key, err)))
            return st;
        if (strcmp(text, facts[i].text) != 0)
            return dcn__fail(err, DCN_STATE, t->where, "is a scan of %s %.80s, here it is %.80s; "
                             "%s", facts[i].what, text, facts[i].text,
                             what_to_do(&facts[i], text));
    }
    return st;
}

/* How far it is, and whether a scan can stop there. */
static dcn_status read_progress(dcn__state *s, const dcn__tensors *t, const dcn_atlas *a,
                                dcn_error *err)
{
    int64_t top, shard, shards, index, same;
    dcn_status st;

    if ((st = dcn__state_number(&top, t, "top", 1, DCN__TOP_MAX, err)) ||
        (st = dcn__state_number(&shards, t, "shards", 1, 100000, err)) ||
        (st = dcn__state_number(&shard, t, "shard", 0, shards - 1, err)))
        return st;
    s->top = (int)top;
    s->shard = (int)shard;
    s->shards = (int)shards;
    dcn__atlas_shard(a, s->shard, s->shards, &s->first, &s->end);
    if ((dcn__tensors_metadata(t, "first") &&
         (st = dcn__state_number(&same, t, "first", s->first, s->first, err))) ||
        (dcn__tensors_metadata(t, "end") &&
         (st = dcn__state_number(&same, t, "end", s->end, s->end, err))) ||
        (st = dcn__state_number(&s->next, t, "next", s->first, s->end, err)))
        return st;
    dcn__atlas_split(a, s->next, &index);
    if (s->next < s->end && index % a->chunk != 0)
        return dcn__fail(err, DCN_INPUT, t->where, "its next %" PRId64 " is inside a chunk; %s",
                         s->next, AGAIN);
    return DCN_OK;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static bool has_shape(const dcn__tensor *tensor, int part, int64_t channels, int64_t top)
{
    const bool listed = part < DCN__STATE_COUNT;

    return strcmp(tensor->dtype, dcn__state_dtype(part) == DCN_F32 ? "F32" : "I64") == 0 &&
           tensor->rank == (listed ? 2 : 1) && tensor->dims[0] == channels &&
           (!listed || tensor->dims[1] == top);
}

const dcn__tensor *dcn__state_tensor(const dcn__tensors *t, const char *layer, int part)
{
    char name[DCN__MAX_NAME + 12];

    snprintf(name, sizeof name, "%s.%s", layer, dcn__state_words[part]);
    return dcn__tensors_find(t, name);
}

/* Every tensor must be a part of some layer of the network: what is not used is bounded, too. */
static dcn_status check_tensor(const dcn__tensors *t, const dcn__tensor *tensor,
                               const dcn__state *s, const dcn_graph *g, dcn_error *err)
{
    const char *word = strrchr(tensor->name, '.');
    const size_t n = word ? (size_t)(word - tensor->name) : 0;
    char layer[DCN__MAX_NAME + 1] = "";
    dcn_node node;

    if (n && n < sizeof layer)
        memcpy(layer, tensor->name, n);
    node = dcn_graph_find(g, layer);
    for (int part = 0; node > 0 && part < DCN__STATE_PARTS; part++)
        if (strcmp(word + 1, dcn__state_words[part]) == 0) {
            if (has_shape(tensor, part, g->nodes[node].shape.c, s->top))
                return DCN_OK;
            return dcn__fail_at(err, DCN_INPUT, t->where, dcn__tensors_offset(t, tensor),
                                "%.150s has another type or shape than %d units of %d channels; %s",
                                tensor->name, s->top, g->nodes[node].shape.c, AGAIN);
        }
    return dcn__fail_at(err, DCN_INPUT, t->where, dcn__tensors_offset(t, tensor),
                        "%.150s is of no layer of the network; %s", tensor->name, AGAIN);
}

/* A finished scan may hold more than is asked for; one that goes on must be just the same. */
static dcn_status check_pages(const dcn__tensors *t, const dcn__state *s, const dcn_atlas *a,
                              dcn_error *err)
{
    const dcn_graph *g = a->model->graph;
    const bool whole = s->next == s->end;

    if (s->top < a->desc.top || (s->top != a->desc.top && !whole))
        return dcn__fail(err, DCN_STATE, t->where,
                         "%s the %d strongest units of each channel, here %d are asked for; ask "
                         "for %d or scan again", whole ? "holds" : "is an unfinished scan of",
                         s->top, a->desc.top, s->top);
    for (int i = 0; i < a->n_pages; i++)
        for (int part = 0; part < DCN__STATE_PARTS; part++) {
            const char *layer = g->nodes[a->pages[i].node].name;

            if (dcn__state_tensor(t, layer, part))
                continue;
            if (part)
                return dcn__fail(err, DCN_INPUT, t->where, "%s.%s is missing; %s", layer,
                                 dcn__state_words[part], AGAIN);
            return dcn__fail(err, DCN_STATE, t->where, "does not hold layer %s; choose others or "
                             "scan again", layer);
        }
    if (t->count != a->n_pages * DCN__STATE_PARTS && !whole)
        return dcn__fail(err, DCN_STATE, t->where, "is an unfinished scan of more layers than are "
                         "asked for; ask for the same layers until it is finished");
    return DCN_OK;
}

dcn_status dcn__state_check(dcn__state *s, const dcn__tensors *t, const dcn_atlas *a,
                            dcn_error *err)
{
    dcn_status st;

    if ((st = dcn__state_format(t, err)) || (st = check_facts(t, a, err)) ||
        (st = read_progress(s, t, a, err)))
        return st;
    for (int i = 0; !st && i < t->count; i++)
        st = check_tensor(t, &t->at[i], s, a->model->graph, err);
    return st ? st : check_pages(t, s, a, err);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* One layer of the file, while it is read. */
typedef struct reading {
    const dcn__tensors *t;
    const dcn__state *state;
    const char *layer;
    dcn_shape shape;
    const uint8_t *parts[DCN__STATE_PARTS];
    dcn_atlas_unit units[DCN__TOP_MAX];       /* of one channel */
} reading;

static int64_t whole_number(const reading *r, int part, size_t i)
{
    int64_t n;

    memcpy(&n, r->parts[part] + i * sizeof n, sizeof n);
    return n;
}

static float real_number(const reading *r, int part, size_t i)
{
    float x;

    memcpy(&x, r->parts[part] + i * sizeof x, sizeof x);
    return x;
}

static dcn_status wrong(const reading *r, int part, int channel, const char *what, dcn_error *err)
{
    return dcn__fail_at(err, DCN_INPUT, r->t->where,
                        dcn__tensors_offset(r->t, dcn__state_tensor(r->t, r->layer, part)),
                        "channel %d of %s %s; %s", channel, r->layer, what, AGAIN);
}

static bool picture_twice(const dcn_atlas_unit *units, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = 0; k < i; k++)
            if (units[i].picture == units[k].picture)
                return true;
    return false;
}

/* The n units of a channel into r->units; behind them there is nothing but zeros. */
static dcn_status read_units(reading *r, int channel, int n, dcn_error *err)
{
    const int64_t cells = (int64_t)r->shape.h * r->shape.w;

    for (int i = 0; i < r->state->top; i++) {
        const size_t at = (size_t)channel * (size_t)r->state->top + (size_t)i;
        const float value = real_number(r, DCN__STATE_VALUE, at);
        const int64_t picture = whole_number(r, DCN__STATE_PICTURE, at);
        const int64_t cell = whole_number(r, DCN__STATE_CELL, at);
        dcn_atlas_unit *u = &r->units[i];

        if (i >= n ? value != 0 || signbit(value) : !isfinite(value) || value == 0)
            return wrong(r, DCN__STATE_VALUE, channel, "has an impossible value", err);
        if (i >= n ? picture != 0 : picture < r->state->first || picture >= r->state->next)
            return wrong(r, DCN__STATE_PICTURE, channel, "has a picture out of range", err);
        if (i >= n ? cell != 0 : cell < 0 || cell >= cells)
            return wrong(r, DCN__STATE_CELL, channel, "has a cell out of range", err);
        *u = (dcn_atlas_unit){ picture, value, (int)(cell / r->shape.w), (int)(cell % r->shape.w) };
        if (i && i < n && !dcn__unit_before(u - 1, u))
            return wrong(r, DCN__STATE_VALUE, channel, "is out of order", err);
    }
    if (picture_twice(r->units, n))
        return wrong(r, DCN__STATE_PICTURE, channel, "has a picture twice", err);
    return DCN_OK;
}

/* Do units and counts tell one story? */
static bool agree(const dcn__tally *t, const dcn_atlas_unit *units, int top, int64_t scanned)
{
    int positive = 0;

    if (!scanned)
        return t->least == INFINITY && t->most == -INFINITY && !t->mark && !t->n && !t->fired;
    while (positive < t->n && units[positive].value > 0)
        positive++;
    return isfinite(t->least) && isfinite(t->most) && t->least <= t->most &&
           !(t->least == 0 && signbit(t->least)) && !(t->most == 0 && signbit(t->most)) &&
           t->n <= scanned && positive == (t->fired < top ? t->fired : top) &&
           (t->fired == scanned) == (t->least > 0) &&
           (t->most == 0 ? !positive : t->n > 0 && units[0].value == t->most) &&
           (t->n == 0 || units[t->n - 1].value >= t->least) &&
           (t->most > 0 || t->fired == 0);
}

static dcn_status read_channel(reading *r, dcn__lists *l, int c, dcn_error *err)
{
    const int64_t scanned = r->state->next - r->state->first;
    const int64_t n = whole_number(r, DCN__STATE_COUNT, (size_t)c);
    const int64_t mark = whole_number(r, DCN__STATE_MARK, (size_t)c);
    dcn__tally *t = &l->tallies[c];
    dcn_status st;

    t->fired = whole_number(r, DCN__STATE_FIRED, (size_t)c);
    t->least = real_number(r, DCN__STATE_LEAST, (size_t)c);
    t->most = real_number(r, DCN__STATE_MOST, (size_t)c);
    t->mark = (uint64_t)mark;
    if (n < 0 || n > r->state->top)
        return wrong(r, DCN__STATE_COUNT, c, "has an impossible number of units", err);
    if (t->fired < 0 || t->fired > scanned)
        return wrong(r, DCN__STATE_FIRED, c, "fired on an impossible number of pictures", err);
    t->n = (int)n;
    if ((st = read_units(r, c, t->n, err)))
        return st;
    if (!agree(t, r->units, r->state->top, scanned))
        return wrong(r, DCN__STATE_COUNT, c, "contradicts itself", err);
    t->n = t->n < l->top ? t->n : l->top;
    memcpy(l->units + (size_t)c * (size_t)l->top, r->units, (size_t)t->n * sizeof *l->units);
    if (t->n == l->top)
        t->floor = r->units[l->top - 1].value;
    return DCN_OK;
}

dcn_status dcn__state_verify(const dcn__tensors *t, dcn_error *err)
{
    const char *want = dcn__tensors_metadata(t, "crc32c");
    const size_t n = (size_t)t->count;
    const char **names = want ? dcn__alloc_array(n, sizeof *names) : NULL;
    uint32_t *crcs = want ? dcn__alloc_array(n, sizeof *crcs) : NULL, sum;
    dcn_status st = DCN_OK;
    char got[12];

    if (!want)
        return DCN_OK;
    if (!names || !crcs)
        st = dcn__fail_memory(err, "checksums", n * sizeof *names);
    for (int i = 0; !st && i < t->count; i++) {
        names[i] = t->at[i].name;
        crcs[i] = dcn__crc32c(dcn__tensors_data(t, &t->at[i]),
                              (size_t)(t->at[i].end - t->at[i].begin));
    }
    if (!st && !(st = dcn__state_sum(&sum, names, crcs, t->count, t->metadata, t->n_metadata,
                                     err))) {
        snprintf(got, sizeof got, "%08" PRIx32, sum);
        if (strcmp(got, want) != 0)
            st = dcn__fail(err, DCN_INPUT, t->where, "is damaged (checksum %s, it says %.12s); %s",
                           got, want, AGAIN);
    }
    dcn__free(names);
    dcn__free(crcs);
    return st;
}

dcn_status dcn__state_read(dcn__lists **lists, const dcn__state *s, const dcn__tensors *t,
                           const dcn_atlas *a, dcn_error *err)
{
    dcn_status st = dcn__state_verify(t, err);

    *lists = NULL;
    if (st)
        return st;
    if (!(*lists = dcn__alloc_array((size_t)a->n_pages, sizeof **lists)))
        return dcn__fail_memory(err, "the state of a scan", (size_t)a->n_pages * sizeof **lists);
    for (int i = 0; !st && i < a->n_pages; i++) {
        const dcn__page *page = &a->pages[i];
        reading r = { .t = t, .state = s, .shape = page->shape,
                      .layer = a->model->graph->nodes[page->node].name };

        for (int part = 0; part < DCN__STATE_PARTS; part++)
            r.parts[part] = dcn__tensors_data(t, dcn__state_tensor(t, r.layer, part));
        st = dcn__lists_init(&(*lists)[i], page->shape.c, a->desc.top, err);
        for (int c = 0; !st && c < page->shape.c; c++)
            st = read_channel(&r, &(*lists)[i], c, err);
    }
    if (st) {
        dcn__state_clear(*lists, a->n_pages);
        *lists = NULL;
    }
    return st;
}

/* ---- files ----------------------------------------------------------------------------------- */

void dcn__state_clear(dcn__lists *lists, int n)
{
    for (int i = 0; lists && i < n; i++)
        dcn__lists_clear(&lists[i]);
    dcn__free(lists);
}

dcn_status dcn__state_peek(dcn__state *s, const char *file, const dcn_atlas *a, dcn_error *err)
{
    dcn__tensors t;
    dcn_status st = dcn__tensors_peek(&t, file, NULL, err);

    if (!st)
        st = dcn__state_check(s, &t, a, err);
    dcn__tensors_close(&t);
    return st;
}

dcn_status dcn__state_open(dcn__state *s, dcn__lists **lists, const char *file, const dcn_atlas *a,
                           dcn_error *err)
{
    dcn__tensors t = { 0 };
    dcn_status st = dcn__state_peek(s, file, a, err);

    *lists = NULL;
    if (!st && !(st = dcn__tensors_open(&t, file, NULL, err)) &&
        !(st = dcn__state_check(s, &t, a, err)))
        st = dcn__state_read(lists, s, &t, a, err);
    dcn__tensors_close(&t);
    return st;
}

dcn_status dcn_atlas_load(dcn_atlas *a, const char *file, dcn_error *err)
{
    dcn__lists *lists;
    dcn__state s;
    dcn_status st = dcn__state_peek(&s, file, a, err);

    if (!st && (s.shard != a->desc.shard || s.shards != a->desc.shards))
        return dcn__fail(err, DCN_STATE, file, "is shard %d/%d, here shard %d/%d is asked for; "
                         "name its own file, or merge all shards", s.shard + 1, s.shards,
                         a->desc.shard + 1, a->desc.shards);
    if (st || (st = dcn__state_open(&s, &lists, file, a, err)))
        return st;
    for (int i = 0; i < a->n_pages; i++) {
        const dcn__lists before = a->pages[i].lists;

        a->pages[i].lists = lists[i];
        lists[i] = before;
    }
    a->next = s.next;
    dcn__state_clear(lists, a->n_pages);
    dcn__atlas_compare(a);
    return DCN_OK;
}
