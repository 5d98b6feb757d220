/* strip.c - one picture a channel: small tiles as PNG, to the byte, large ones as JPEG. */
#include "atlas/strip.h"

#include "base/memory.h"
#include "codec/jpeg.h"
#include "codec/png.h"
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

/* A patch of so many pixels is looked at pixel by pixel. */
enum { EXACT_SIDE = 48, QUALITY = 90, SLUG_MOST = 40 };

/* ---- names ---------------------------------------------------------------------------------- */

dcn_status dcn__press_init(dcn__press *p, const dcn_atlas *a, const dcn__spool *s,
                           const char *folder, dcn_error *err)
{
    memset(p, 0, sizeof *p);
    p->atlas = a;
    p->spool = s;
    p->folder = folder;
    snprintf(p->tiles, sizeof p->tiles, "tiles-%08x", (unsigned)(s->contents >> 32));
    if (!(p->slugs = dcn__alloc_array((size_t)a->n_pages, sizeof *p->slugs)))
        return dcn__fail_memory(err, "a book", (size_t)a->n_pages * sizeof *p->slugs);
    for (int i = 0; i < a->n_pages; i++) {
        char *slug = p->slugs[i];
        int n = snprintf(slug, sizeof *p->slugs, "%02d-", i + 1);
        const int end = n + SLUG_MOST;

        for (const char *c = a->model->graph->nodes[a->pages[i].node].name;
             *c && n < end && n + 1 < (int)sizeof *p->slugs; c++)
            slug[n++] = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                                (*c >= 'a' && *c <= 'z') || *c == '-' ? *c : '_';
        slug[n] = '\0';
    }
    return DCN_OK;
}

void dcn__press_clear(dcn__press *p)
{
    dcn__free(p->slugs);
    memset(p, 0, sizeof *p);
}

static bool is_png(const dcn__press *p, int page)
{
    const int *patch = p->atlas->pages[page].patch;

    return (patch[0] <= EXACT_SIDE && patch[1] <= EXACT_SIDE) || !dcn__jpeg_can_encode();
}

const char *dcn__strip_type(const dcn__press *p, int page)
{
    return is_png(p, page) ? "image/png" : "image/jpeg";
}

void dcn__strip_name(dcn__string *s, const dcn__press *p, int page, int channel)
{
    dcn__string_printf(s, "%s/%s/%05d.%s", p->tiles, p->slugs[page], channel,
                       is_png(p, page) ? "png" : "jpg");
}

dcn_status dcn__strip_find(const dcn__press *p, const char *name, int *page, int *channel,
                           dcn_error *err)
{
    const char *slug = strchr(name, '/'), *file = slug ? strchr(slug + 1, '/') : NULL;
    const char *minus = slug ? strchr(slug, '-') : NULL, *dot = file ? strchr(file, '.') : NULL;
    int64_t i, c;

    if (!file || !minus || minus > file || !dot ||
        !dcn__parse_int(slug + 1, (size_t)(minus - slug - 1), 1, p->atlas->n_pages, &i) ||
        !dcn__parse_int(file + 1, (size_t)(dot - file - 1), 0,
                        p->atlas->pages[i - 1].lists.channels - 1, &c))
        return dcn__fail(err, DCN_BUG, "book", "has no tiles %s; please report this", name);
    *page = (int)i - 1;
    *channel = (int)c;
    return DCN_OK;
}

/* ---- one strip ------------------------------------------------------------------------------ */

/* A tile (h,w,c) into the strip (h,columns*w,3). */
static void lay(dcn_image *strip, int column, const uint8_t *tile, int w, int c)
{
    for (int y = 0; y < strip->h; y++) {
        uint8_t *row = strip->pixels +
                       ((size_t)y * (size_t)strip->w + (size_t)column * (size_t)w) * 3;

        if (c == 3)
            memcpy(row, tile + (size_t)y * (size_t)w * 3, (size_t)w * 3);
        else
            for (int x = 0; x < w; x++)
                memset(row + 3 * x, tile[(size_t)y * (size_t)w + (size_t)x], 3);
    }
}

size_t dcn__strip_bytes(const dcn_atlas *a, const dcn__spool *s)
{
    size_t most = 0;

    for (int i = 0; i < a->n_pages; i++) {
        const size_t tile = dcn__tile_bytes(&a->pages[i], 3);

        most = tile > most ? tile : most;
    }
    /* The picture, and at the worst as much again for its bytes in a file. */
    return 2 * 2 * most * (size_t)a->desc.top + s->largest;
}

/* A patch's tile is laid: hatches what lies beyond the picture's border. */
static dcn_status edge(dcn_image *strip, int column, const dcn_graph *g, const dcn__page *page,
                       const dcn_atlas_unit *unit, dcn_error *err)
{
    dcn__place place;
    const dcn_status st = dcn__tile_place(&place, g, page, unit, err);

    if (!st)
        dcn__tile_border(strip->pixels + (size_t)column * (size_t)page->tile[1] * 3,
                         (size_t)strip->w * 3, page, &place);
    return st;
}

dcn_status dcn__strip_make(dcn__bytes *bytes, const dcn__press *p, int page, int channel,
                           uint8_t *slot, dcn_error *err)
{
    const dcn__page *pg = &p->atlas->pages[page];
    const dcn_graph *g = p->atlas->model->graph;
    const dcn_atlas_unit *units = pg->lists.units + (size_t)channel * (size_t)pg->lists.top;
    const int n = pg->lists.tallies[channel].n, c = g->nodes[0].shape.c;
    dcn_image strip = { pg->tile[0], 2 * n * pg->tile[1], 3, NULL };
    dcn__slot_parts parts;
    dcn_status st = DCN_OK;

    memset(bytes, 0, sizeof *bytes);
    strip.pixels = dcn__alloc_array((size_t)strip.h * (size_t)strip.w, 3);
    if (!strip.pixels)
        return dcn__fail_memory(err, "a channel's tiles", (size_t)strip.h * (size_t)strip.w * 3);
    for (int k = 0; k < n && !st; k++)
        if (!(st = dcn__spool_read(p->spool, page, channel, k, slot, &parts, err))) {
            lay(&strip, k, parts.patch, pg->tile[1], c);
            lay(&strip, n + k, parts.projection, pg->tile[1], c);
            st = edge(&strip, k, g, pg, &units[k], err);
        }
    if (!st)
        st = is_png(p, page) ? dcn__png_encode(bytes, &strip, NULL, err)
                             : dcn__jpeg_encode(bytes, &strip, QUALITY, err);
    dcn__free(strip.pixels);
    return st;
}

/* ---- all strips ------------------------------------------------------------------------------ */

/* Channels of one page from `first` on. */
typedef struct sheet {
    const dcn__press *press;
    int page, first;
    uint8_t *slots;               /* by thread: spool->largest */
} sheet;

static dcn_status write_strip(void *user, int i, int thread, dcn_error *err)
{
    const sheet *s = user;
    const dcn__press *p = s->press;
    dcn__string path = { 0 };
    dcn__bytes bytes = { 0 };
    dcn__writer w;
    dcn_status st;

    if (!p->atlas->pages[s->page].lists.tallies[s->first + i].n)
        return DCN_OK;
    dcn__string_printf(&path, "%s/", p->folder);
    dcn__strip_name(&path, p, s->page, s->first + i);
    st = path.failed ? dcn__fail_memory(err, "a path", strlen(p->folder))
                     : dcn__strip_make(&bytes, p, s->page, s->first + i,
                                       s->slots + (size_t)thread * p->spool->largest, err);
    if (!st && !(st = dcn__writer_begin(&w, path.text, err))) {
        w.later = true;
        if (!(st = dcn__writer_write(&w, bytes.data, bytes.size, err)))
            st = dcn__writer_commit(&w, err);
        dcn__writer_abort(&w);
    }
    dcn__bytes_clear(&bytes);
    dcn__string_clear(&path);
    return st;
}

/* Some channels at a time, so that the caller can stop. */
static dcn_status write_page(sheet *s, dcn__crew *crew, const dcn__watch *watch, dcn_error *err)
{
    const dcn__press *p = s->press;
    const int channels = p->atlas->pages[s->page].lists.channels, together = 16 * crew->threads;
    dcn__string path = { 0 };
    dcn_status st;

    dcn__string_printf(&path, "%s/%s", p->tiles, p->slugs[s->page]);
    st = path.failed ? dcn__fail_memory(err, "a path", strlen(p->folder))
                     : dcn__make_folder_below(p->folder, path.text, err);
    dcn__string_clear(&path);
    for (s->first = 0; s->first < channels && !st; s->first += together) {
        const int left = channels - s->first;

        if (!(st = dcn__watch_tell(watch, err)))
            st = dcn__crew_run(crew, left < together ? left : together, write_strip, s, err);
    }
    return st;
}

dcn_status dcn__strips_write(const dcn__press *p, dcn__crew *crew, const dcn__watch *watch,
                             dcn_error *err)
{
    sheet s = { .press = p,
                .slots = dcn__alloc_array((size_t)crew->threads, p->spool->largest) };
    dcn_status st = DCN_OK;

    if (!s.slots)
        return dcn__fail_memory(err, "a book", p->spool->largest);
    for (s.page = 0; s.page < p->atlas->n_pages && !st; s.page++)
        st = write_page(&s, crew, watch, err);
    dcn__free(s.slots);
    return st ? st : dcn__folder_sync(p->folder, err);
}
