/* book.c - draws an atlas as a book: tiles, strips, raw projections, atlas.json, and index.html
 * when all else is there. */
#include "atlas/facts.h"

#include "base/memory.h"
#include "data/data.h"

#include <string.h>

/* ---- the page and the JSON ------------------------------------------------------------------- */

/* For a book of one file: makes the strip when the page asks for it. */
typedef struct inset { const dcn__press *press; uint8_t *slot; } inset;

static dcn_status make_strip(void *user, const char *name, dcn__bytes *bytes, const char **type,
                             dcn_error *err)
{
    const inset *in = user;
    int page, channel;
    dcn_status st;

    memset(bytes, 0, sizeof *bytes);
    if ((st = dcn__strip_find(in->press, name, &page, &channel, err)))
        return st;
    *type = dcn__strip_type(in->press, page);
    return dcn__strip_make(bytes, in->press, page, channel, in->slot, err);
}

typedef dcn_status writing(const dcn__book *book, dcn__writer *w, dcn_error *err);

static dcn_status write_file(const char *folder, const char *name, writing *write,
                             const dcn__book *book, dcn_error *err)
{
    char *path = dcn__path_join(folder, name);
    dcn__writer w;
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(folder));
    if (!(st = dcn__writer_begin(&w, path, err))) {
        if (!(st = write(book, &w, err)))
            st = dcn__writer_commit(&w, err);
        dcn__writer_abort(&w);
    }
    dcn__free(path);
    return st;
}

static dcn_status write_book(const dcn__press *p, const dcn_book_desc *desc, dcn_error *err)
{
    inset in = { p, desc->single ? dcn__alloc(p->spool->largest) : NULL };
    dcn__facts facts = { 0 };
    dcn_status st;

    if (desc->single && !in.slot)
        return dcn__fail_memory(err, "a book", p->spool->largest);
    if (!(st = dcn__facts_collect(&facts, p, desc, err))) {
        if (desc->single) {
            facts.book.strip = make_strip;
            facts.book.user = &in;
        }
        if (!(st = write_file(p->folder, "atlas.json", dcn__book_json, &facts.book, err)))
            st = write_file(p->folder, "index.html", dcn__book_page, &facts.book, err);
    }
    dcn__facts_clear(&facts);
    dcn__free(in.slot);
    return st;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Strips first, then what names them; then what named others may go. */
static dcn_status print(dcn__spool *spool, const dcn_book_desc *desc, const char *folder,
                        dcn__crew *crew, const dcn__watch *watch, dcn_error *err)
{
    dcn__press press = { 0 };
    dcn_status st = dcn__press_init(&press, spool->atlas, spool, folder, err);

    if (!st && !desc->single)
        st = dcn__strips_write(&press, crew, watch, err);
    if (!st && desc->raw != DCN_RAW_NONE)
        st = dcn__raw_write(&press, desc->raw, err);
    if (!st && !(st = write_book(&press, desc, err))) {
        dcn__spool_remove(spool);
        dcn__tidy(&(dcn__kept){ &press, desc->single != 0, desc->raw });
    }
    dcn__press_clear(&press);
    return st;
}

static uint64_t cut_of(const dcn__passes *p)
{
    uint64_t hash = (uint64_t)p->n;

    for (int i = 0; i < p->n; i++) {
        const int cut[] = { p->at[i].first, p->at[i].end, p->at[i].batch, p->at[i].starts };

        hash = dcn__fingerprint(hash, cut, sizeof cut);
    }
    return hash;
}

static dcn_status check(const dcn_atlas *a, const dcn_book_desc *desc, dcn_error *err)
{
    if ((unsigned)desc->raw > DCN_RAW_NPZ)
        return dcn__fail(err, DCN_USAGE, "raw", "%d is no kind of file; choose safetensors or npz",
                         (int)desc->raw);
    if (a->first != 0 || a->end != a->begin[a->n_splits])
        return dcn__fail(err, DCN_STATE, "atlas",
                         "this is shard %d of %d; merge all of them, then draw",
                         a->desc.shard + 1, a->desc.shards);
    if (a->next != a->end)
        return dcn__fail(err, DCN_STATE, "atlas",
                         "%lld of %lld pictures are scanned; scan the others first",
                         (long long)a->next, (long long)a->end);
    return DCN_OK;
}

dcn_status dcn_atlas_draw(dcn_atlas *a, const char *folder, const dcn_book_desc *desc,
                          dcn_progress progress, void *user, dcn_error *err)
{
    static const dcn_book_desc usual;
    dcn__watch watch = { .progress = progress, .user = user };
    dcn__passes passes = { 0 };
    dcn__spool spool = { 0 };
    dcn__crew crew = { 0 };
    dcn_status st;

    desc = desc ? desc : &usual;
    if (!(st = check(a, desc, err)) && !(st = dcn_atlas_check_folder(folder, err)) &&
        !(st = dcn__make_folder(folder, err)) &&
        !(st = dcn__passes_cut(&passes, a, err)) &&
        !(st = dcn__spool_init(&spool, a, desc->raw != DCN_RAW_NONE, err)) &&
        !(st = dcn__crew_init(&crew, dcn__draw_threads(a), err))) {
        a->disk_bytes = spool.bytes;
        spool.cut = cut_of(&passes);
        watch.total = dcn__units_listed(a);
        if (!(st = dcn__spool_open(&spool, folder, err)) &&
            !(st = dcn__draw_tiles(a, &passes, &spool, &crew, &watch, err)))
            st = print(&spool, desc, folder, &crew, &watch, err);
    }
    dcn__crew_clear(&crew);
    dcn__spool_clear(&spool);
    dcn__passes_clear(&passes);
    return st;
}
