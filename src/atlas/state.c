/* state.c - writes the state of a scan, so that it can go on, be merged, and be drawn from. Scans
 * that found the same have the same bytes, however they were cut. */
#include "atlas/state.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "graph/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const dcn__state_words[DCN__STATE_PARTS] = {
    "value", "picture", "cell", "count", "fired", "least", "most", "mark"
};

dcn_dtype dcn__state_dtype(dcn__state_part part)
{
    return part == DCN__STATE_VALUE || part == DCN__STATE_LEAST || part == DCN__STATE_MOST
        ? DCN_F32 : DCN_I64;
}

/* ---- whose scan it is ------------------------------------------------------------------------ */

static void fact(dcn__fact *f, const char *key, const char *what, const char *text)
{
    f->key = key;
    f->what = what;
    snprintf(f->text, sizeof f->text, "%s", text);
}

static void number_fact(dcn__fact *f, const char *key, const char *what, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    fact(f, key, what, text);
}

static void hash_fact(dcn__fact *f, const char *key, const char *what, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%016" PRIx64, value);
    fact(f, key, what, text);
}

void dcn__state_facts(dcn__fact *facts, const dcn_atlas *a)
{
    static const char *const pictures[] = { "test", "train", "all" };
    const dcn_preprocess *p = &a->model->preprocess;
    char text[DCN__FACT_TEXT];

    dcn_preprocess_text(p, text, sizeof text);
    hash_fact(facts++, "model", "another network: fingerprint", a->model_hash);
    hash_fact(facts++, "data", "other data: fingerprint", a->data_hash);
    fact(facts++, "preprocess", "another preprocessing:", text);
    fact(facts++, "pictures", "other pictures:", pictures[a->desc.pictures]);
    number_fact(facts++, "total", "other pictures:", a->begin[a->n_splits]);
    number_fact(facts++, "chunk", "other chunks:", a->chunk);
    number_fact(facts++, "stretch", "other stretches:", DCN__STRETCH);
    fact(facts++, "engine", "another engine:", a->engine);
    number_fact(facts++, "top", NULL, a->desc.top);
    number_fact(facts++, "shard", NULL, a->desc.shard);
    number_fact(facts++, "shards", NULL, a->desc.shards);
    number_fact(facts++, "first", NULL, a->first);
    number_fact(facts++, "end", NULL, a->end);
    number_fact(facts++, "next", NULL, a->next);
}

dcn_status dcn__state_sum(uint32_t *sum, const char *const *names, const uint32_t *crcs, int n,
                          const dcn__pair *pairs, int n_pairs, dcn_error *err)
{
    dcn__string s = { 0 };
    dcn_status st = DCN_OK;

    for (int i = 0; i < n; i++)
        dcn__string_printf(&s, "%s\n%08" PRIx32 "\n", names[i], crcs[i]);
    for (int i = 0; i < n_pairs; i++)
        if (strcmp(pairs[i].key, "crc32c") != 0)
            dcn__string_printf(&s, "%s\n%s\n", pairs[i].key, pairs[i].value);
    *sum = 0;
    if (s.failed)
        st = dcn__fail_memory(err, "a checksum", s.length);
    else
        *sum = dcn__crc32c(s.text, s.length);
    dcn__string_clear(&s);
    return st;
}

/* ---- tensors --------------------------------------------------------------------------------- */

enum { NAME_BYTES = DCN__MAX_NAME + 12 };

/* All tensors of a file that is being written, (n) each. */
typedef struct draft {
    int n;
    dcn_array *arrays;
    char (*names)[NAME_BYTES];
    const char **sorted;          /* their names in order, and the sums of their bytes */
    uint32_t *crcs;
    uint8_t *numbers;
    dcn__string layers;
} draft;

static size_t part_bytes(const dcn__page *page, int part)
{
    const size_t columns = part < DCN__STATE_COUNT ? (size_t)page->lists.top : 1;

    return (size_t)page->shape.c * columns * (dcn__state_dtype(part) == DCN_F32 ? 4 : 8);
}

static void fill_units(const dcn__page *page, float *value, int64_t *picture, int64_t *cell)
{
    const size_t n = (size_t)page->lists.channels * (size_t)page->lists.top;

    for (size_t i = 0; i < n; i++) {
        const dcn_atlas_unit *u = &page->lists.units[i];

        value[i] = u->value;
        picture[i] = u->picture;
        cell[i] = (int64_t)u->y * page->shape.w + u->x;
    }
}

static void fill_tallies(const dcn__page *page, dcn_array *parts)
{
    for (int c = 0; c < page->lists.channels; c++) {
        const dcn__tally *t = &page->lists.tallies[c];

        ((int64_t *)parts[DCN__STATE_COUNT].data)[c] = t->n;
        ((int64_t *)parts[DCN__STATE_FIRED].data)[c] = t->fired;
        ((float *)parts[DCN__STATE_LEAST].data)[c] = t->least;
        ((float *)parts[DCN__STATE_MOST].data)[c] = t->most;
        memcpy((int64_t *)parts[DCN__STATE_MARK].data + c, &t->mark, sizeof t->mark);
    }
}

/* Numbers of 8 bytes come first, so that all are aligned. */
static size_t place(draft *d, const dcn_atlas *a)
{
    size_t at = 0;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < d->n; i++) {
            const dcn__page *page = &a->pages[i / DCN__STATE_PARTS];
            const int part = i % DCN__STATE_PARTS;

            if ((dcn__state_dtype(part) == DCN_F32) != pass)
                continue;
            if (d->numbers)
                d->arrays[i].data = d->numbers + at;
            at += part_bytes(page, part);
        }
    return at;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const dcn_array *array_of(const draft *d, const char *name)
{
    return &d->arrays[(size_t)(name - d->names[0]) / NAME_BYTES];
}

static void fill(draft *d, const dcn_atlas *a)
{
    place(d, a);
    for (int i = 0; i < a->n_pages; i++) {
        const dcn__page *page = &a->pages[i];
        const char *layer = a->model->graph->nodes[page->node].name;
        dcn_array *parts = d->arrays + (size_t)i * DCN__STATE_PARTS;

        dcn__string_printf(&d->layers, i ? "," : "[");
        dcn__json_append(&d->layers, layer);
        for (int part = 0; part < DCN__STATE_PARTS; part++) {
            char *name = d->names[i * DCN__STATE_PARTS + part];

            snprintf(name, NAME_BYTES, "%s.%s", layer, dcn__state_words[part]);
            parts[part].name = d->sorted[i * DCN__STATE_PARTS + part] = name;
            parts[part].dtype = dcn__state_dtype(part);
            parts[part].rank = part < DCN__STATE_COUNT ? 2 : 1;
            parts[part].dims[0] = page->shape.c;
            parts[part].dims[1] = page->lists.top;
        }
        fill_units(page, parts[DCN__STATE_VALUE].data, parts[DCN__STATE_PICTURE].data,
                   parts[DCN__STATE_CELL].data);
        fill_tallies(page, parts);
    }
    dcn__string_append(&d->layers, "]", 1);
    qsort(d->sorted, (size_t)d->n, sizeof *d->sorted, by_text);
    for (int i = 0; i < d->n; i++) {
        const dcn_array *array = array_of(d, d->sorted[i]);
        const int k = (int)(array - d->arrays);

        d->crcs[i] = dcn__crc32c(array->data, part_bytes(&a->pages[k / DCN__STATE_PARTS],
                                                         k % DCN__STATE_PARTS));
    }
}

static dcn_status make_draft(draft *d, const dcn_atlas *a, dcn_error *err)
{
    const size_t n = (size_t)a->n_pages * DCN__STATE_PARTS;
    size_t bytes;

    d->n = (int)n;
    d->arrays = dcn__alloc_array(n, sizeof *d->arrays);
    d->names = dcn__alloc_array(n, sizeof *d->names);
    d->sorted = dcn__alloc_array(n, sizeof *d->sorted);
    d->crcs = dcn__alloc_array(n, sizeof *d->crcs);
    bytes = d->arrays ? place(d, a) : 0;
    d->numbers = bytes ? dcn__alloc(bytes) : NULL;
    if (!d->arrays || !d->names || !d->sorted || !d->crcs || !d->numbers)
        return dcn__fail_memory(err, "the state of a scan", bytes);
    fill(d, a);
    return d->layers.failed ? dcn__fail_memory(err, "the state of a scan", bytes) : DCN_OK;
}

static void clear_draft(draft *d)
{
    dcn__free(d->arrays);
    dcn__free(d->names);
    dcn__free(d->sorted);
    dcn__free(d->crcs);
    dcn__free(d->numbers);
    dcn__string_clear(&d->layers);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const dcn__pair *)a)->key, ((const dcn__pair *)b)->key);
}

/* format, layers, the facts, their sum: in the order of the keys. */
static dcn_status write(const draft *d, const dcn__fact *facts, const char *file, dcn_error *err)
{
    enum { PAIRS = DCN__STATE_FACTS + 3 };
    char format[40], crc[12] = "";
    const char *metadata[2 * PAIRS + 1] = { 0 };
    dcn__pair pairs[PAIRS] = { { "crc32c", crc }, { "format", format },
                               { "layers", d->layers.text } };
    uint32_t sum;
    dcn_status st;

    snprintf(format, sizeof format, "%s%d", DCN__SCAN_FORMAT, DCN__STATE_VERSION);
    for (int i = 0; i < DCN__STATE_FACTS; i++)
        pairs[3 + i] = (dcn__pair){ facts[i].key, facts[i].text };
    qsort(pairs, PAIRS, sizeof *pairs, by_key);
    if ((st = dcn__state_sum(&sum, d->sorted, d->crcs, d->n, pairs, PAIRS, err)))
        return st;
    snprintf(crc, sizeof crc, "%08" PRIx32, sum);
    for (int i = 0; i < PAIRS; i++) {
        metadata[2 * i] = pairs[i].key;
        metadata[2 * i + 1] = pairs[i].value;
    }
    return dcn_tensors_save(file, d->arrays, d->n, metadata, err);
}

dcn_status dcn_atlas_save(const dcn_atlas *a, const char *file, dcn_error *err)
{
    dcn__fact facts[DCN__STATE_FACTS];
    draft d = { 0 };
    dcn_status st;

    dcn__state_facts(facts, a);
    if (!(st = make_draft(&d, a, err)))
        st = write(&d, facts, file, err);
    clear_draft(&d);
    return st;
}
