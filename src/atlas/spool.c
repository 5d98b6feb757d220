/* spool.c - slots at fixed offsets behind a header that says whose they are and how far the drawing
 * is. A slot is its sum, its scale, its two tiles and, if asked for, the projection's floats.
 *
 * The file is this machine's alone and short-lived: numbers stand in it as they are in memory. */
#include "atlas/spool.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/digest.h"
#include "data/data.h"
#include "graph/graph.h"

#include <string.h>

enum { HEADER_ROOM = 4096, SLOT_HEAD = 8 };
#define FILE_MOST ((uint64_t)1 << 62)

typedef struct header {
    char magic[8];
    uint64_t contents, cut, bytes;
    int64_t next;
    uint32_t raw, sum;            /* sum: of what is before it */
} header;

/* ---- whose tiles these are ------------------------------------------------------------------ */

static uint64_t add_text(uint64_t hash, const char *text)
{
    return dcn__fingerprint(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t add_number(uint64_t hash, int64_t number)
{
    return dcn__fingerprint(hash, &number, sizeof number);
}

static uint64_t add_page(uint64_t hash, const dcn__page *p)
{
    const dcn__lists *l = &p->lists;

    hash = add_number(hash, p->node);
    for (int axis = 0; axis < 2; axis++)
        hash = add_number(add_number(hash, p->patch[axis]), p->tile[axis]);
    for (int c = 0; c < l->channels; c++) {
        hash = add_number(hash, l->tallies[c].n);
        for (int k = 0; k < l->tallies[c].n; k++) {
            const dcn_atlas_unit *u = &l->units[(size_t)c * (size_t)l->top + (size_t)k];

            hash = add_number(add_number(add_number(hash, u->picture), u->y), u->x);
            hash = dcn__fingerprint(hash, &u->value, sizeof u->value);
        }
    }
    return hash;
}

static uint64_t contents_of(const dcn_atlas *a)
{
    char preprocess[400];
    uint64_t hash;

    dcn_preprocess_text(&a->model->preprocess, preprocess, sizeof preprocess);
    hash = add_text(add_text(add_text(0, DCN_VERSION), preprocess), a->engine);
    hash = dcn__fingerprint(hash, &a->model_hash, sizeof a->model_hash);
    hash = dcn__fingerprint(hash, &a->data_hash, sizeof a->data_hash);
    hash = add_number(add_number(hash, a->desc.pictures), a->desc.top);
    hash = add_number(add_number(hash, a->desc.way.rule), a->desc.way.no_switches);
    hash = add_number(add_number(hash, a->desc.way.extend), a->desc.way.only);
    hash = add_number(hash, a->chunk);
    for (int i = 0; i < a->n_pages; i++)
        hash = add_page(hash, &a->pages[i]);
    return hash;
}

/* ---- where the slots are -------------------------------------------------------------------- */

static bool count_page(dcn__spool *s, int i)
{
    const dcn__page *p = &s->atlas->pages[i];
    const int c = s->atlas->model->graph->nodes[0].shape.c;
    const size_t patch = (size_t)p->patch[0] * (size_t)p->patch[1] * (size_t)c;
    const uint64_t units = (uint64_t)p->shape.c * (uint64_t)s->atlas->desc.top;
    uint64_t bytes;

    s->slot[i] = SLOT_HEAD + 2 * dcn__tile_bytes(p, c) + (s->raw ? patch * sizeof(float) : 0);
    s->largest = s->slot[i] > s->largest ? s->slot[i] : s->largest;
    s->begin[i] = s->bytes;
    return !__builtin_mul_overflow(units, (uint64_t)s->slot[i], &bytes) &&
           !__builtin_add_overflow(s->bytes, bytes, &s->bytes) && s->bytes < FILE_MOST;
}

dcn_status dcn__spool_init(dcn__spool *s, const dcn_atlas *a, bool raw, dcn_error *err)
{
    memset(s, 0, sizeof *s);
    s->atlas = a;
    s->raw = raw;
    s->bytes = HEADER_ROOM;
    s->begin = dcn__alloc_array((size_t)a->n_pages, sizeof *s->begin);
    s->slot = dcn__alloc_array((size_t)a->n_pages, sizeof *s->slot);
    if (!s->begin || !s->slot)
        return dcn__fail_memory(err, "an atlas' tiles", (size_t)a->n_pages * sizeof *s->slot);
    for (int i = 0; i < a->n_pages; i++)
        if (!count_page(s, i))
            return dcn__fail(err, DCN_USAGE, "atlas",
                             "its tiles are more than a file can hold; ask for fewer layers or "
                             "smaller tiles");
    return DCN_OK;
}

/* ---- the file ------------------------------------------------------------------------------- */

static header header_of(const dcn__spool *s, int64_t next)
{
    header h = { .magic = "DCNTILE", .contents = s->contents, .cut = s->cut,
                 .bytes = s->bytes, .next = next, .raw = s->raw };

    h.sum = dcn__crc32c(&h, offsetof(header, sum));
    return h;
}

static dcn_status write_header(dcn__spool *s, int64_t next, dcn_error *err)
{
    const header h = header_of(s, next);
    dcn_status st = dcn__store_write(&s->file, 0, &h, sizeof h, err);

    if (!st && !(st = dcn__store_sync(&s->file, err)))
        s->next = next;
    return st;
}

/* Is what stands there the beginning of the same work? */
static dcn_status take_over(dcn__spool *s, bool *same, dcn_error *err)
{
    header h, wanted;
    dcn_status st;

    *same = false;
    if (s->file.size != s->bytes)
        return DCN_OK;
    if ((st = dcn__store_read(&s->file, 0, &h, sizeof h, err)))
        return st;
    wanted = header_of(s, h.next);
    *same = memcmp(&h, &wanted, sizeof h) == 0 && h.next >= 0;
    s->next = *same ? h.next : 0;
    return DCN_OK;
}

dcn_status dcn__spool_open(dcn__spool *s, const char *folder, dcn_error *err)
{
    char *path = dcn__path_join(folder, "tiles.tmp");
    bool same = false;
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(folder));
    s->contents = contents_of(s->atlas);
    if (!(st = dcn__store_open(&s->file, path, err)) && !(st = take_over(s, &same, err)) && !same)
        st = dcn__spool_restart(s, err);
    dcn__free(path);
    return st;
}

dcn_status dcn__spool_restart(dcn__spool *s, dcn_error *err)
{
    const dcn_status st = dcn__store_reset(&s->file, s->bytes, err);

    return st ? st : write_header(s, 0, err);
}

dcn_status dcn__spool_advance(dcn__spool *s, int64_t next, dcn_error *err)
{
    const dcn_status st = dcn__store_sync(&s->file, err);

    return st ? st : write_header(s, next, err);
}

static void clear(dcn__spool *s)
{
    dcn__free(s->begin);
    dcn__free(s->slot);
    memset(s, 0, sizeof *s);
}

void dcn__spool_clear(dcn__spool *s)
{
    dcn__store_close(&s->file);
    clear(s);
}

void dcn__spool_remove(dcn__spool *s)
{
    dcn__store_remove(&s->file);
    clear(s);
}

/* ---- slots ---------------------------------------------------------------------------------- */

static uint64_t offset_of(const dcn__spool *s, int page, int channel, int rank)
{
    const uint64_t unit = (uint64_t)channel * (uint64_t)s->atlas->desc.top + (uint64_t)rank;

    return s->begin[page] + unit * s->slot[page];
}

/* Not 0, so that a slot of zeros is none. */
static uint32_t sum_of(const dcn__spool *s, int page, const uint8_t *slot)
{
    return dcn__crc32c(slot + sizeof(uint32_t), s->slot[page] - sizeof(uint32_t)) | 1;
}

void dcn__spool_parts(const dcn__spool *s, int page, uint8_t *slot, dcn__slot_parts *parts)
{
    const size_t tile = dcn__tile_bytes(&s->atlas->pages[page],
                                        s->atlas->model->graph->nodes[0].shape.c);

    memcpy(&parts->scale, slot + sizeof(uint32_t), sizeof parts->scale);
    parts->patch = slot + SLOT_HEAD;
    parts->projection = parts->patch + tile;
    parts->raw = s->raw ? parts->projection + tile : NULL;
}

dcn_status dcn__spool_write(const dcn__spool *s, int page, int channel, int rank, uint8_t *slot,
                            float scale, dcn_error *err)
{
    uint32_t sum;

    memcpy(slot + sizeof sum, &scale, sizeof scale);
    sum = sum_of(s, page, slot);
    memcpy(slot, &sum, sizeof sum);
    return dcn__store_write(&s->file, offset_of(s, page, channel, rank), slot, s->slot[page], err);
}

dcn_status dcn__spool_read(const dcn__spool *s, int page, int channel, int rank, uint8_t *slot,
                           dcn__slot_parts *parts, dcn_error *err)
{
    const uint64_t offset = offset_of(s, page, channel, rank);
    const dcn_status st = dcn__store_read(&s->file, offset, slot, s->slot[page], err);
    uint32_t sum;

    if (st)
        return st;
    memcpy(&sum, slot, sizeof sum);
    if (sum != sum_of(s, page, slot))
        return dcn__fail_at(err, DCN_FILE, s->file.path, offset,
                            "a tile is not what was written; check the disk and draw again");
    dcn__spool_parts(s, page, slot, parts);
    return DCN_OK;
}

dcn_status dcn__spool_scale(const dcn__spool *s, int page, int channel, int rank, float *scale,
                            dcn_error *err)
{
    return dcn__store_read(&s->file, offset_of(s, page, channel, rank) + sizeof(uint32_t), scale,
                           sizeof *scale, err);
}
