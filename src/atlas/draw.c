/* draw.c - projects the units of the lists and lays their tiles into the spool: group by group of
 * pictures, each of which is forwarded once. */
#include "atlas/draw.h"
#include "atlas/strip.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/graph.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Progress is written down so often, and whenever the caller stops: a sync costs as much as the
 * projections of many a group. */
#define ADVANCE_MS 2000.0
/* Between calls of a group the caller is asked only if that took so long: pictures can be large. */
#define SILENCE_MS 500.0
/* How far a value may be from the scan's, of itself. */
#define VALUE_SLACK 0.01f

typedef struct desk {
    const dcn_atlas *atlas;
    const dcn__spool *spool;
    dcn_shape input;
    size_t size;                  /* of a picture: values */
    dcn_preprocess eye;
    /* a group of pictures */
    int64_t *pictures;            /* (batch): their numbers */
    int loaded;                   /* so many of them, from the first on */
    float *images;                /* (batch,H,W,C) as the network takes them */
    uint8_t *photos;              /* (batch,H,W,C) for the eye */
    /* a call's projections */
    dcn_start *starts;            /* (starts) */
    const dcn__work **works;      /* (starts) */
    float *drawn;                 /* (starts,H,W,C) */
    /* by thread */
    int threads;
    float *seen;                  /* (H,W,C) */
    uint8_t *slots;               /* spool->largest */
    dcn__easel *easels;
} desk;

static void desk_clear(desk *d)
{
    for (int i = 0; d->easels && i < d->threads; i++)
        dcn__easel_clear(&d->easels[i]);
    dcn__free(d->pictures);
    dcn__free(d->images);
    dcn__free(d->photos);
    dcn__free(d->starts);
    dcn__free(d->works);
    dcn__free(d->drawn);
    dcn__free(d->seen);
    dcn__free(d->slots);
    dcn__free(d->easels);
}

static size_t desk_bytes(const dcn_atlas *a, const dcn__spool *s, const dcn__pass *p)
{
    const size_t size = (size_t)dcn__shape_size(a->model->graph->nodes[0].shape);
    const size_t picture = sizeof(int64_t) + size * (sizeof(float) + 1);
    const size_t start = sizeof(dcn_start) + sizeof(void *) + size * sizeof(float);
    const size_t thread = size * sizeof(float) + s->largest + dcn__easel_bytes(a);

    return (size_t)p->batch * picture + (size_t)p->starts * start +
           (size_t)dcn__draw_threads(a) * thread;
}

static dcn_status desk_init(desk *d, const dcn_atlas *a, const dcn__spool *s, const dcn__pass *p,
                            dcn_error *err)
{
    const size_t batch = (size_t)p->batch, starts = (size_t)p->starts;
    dcn_status st = DCN_OK;

    memset(d, 0, sizeof *d);
    d->atlas = a;
    d->spool = s;
    d->input = a->model->graph->nodes[0].shape;
    d->size = (size_t)dcn__shape_size(d->input);
    d->eye = a->model->preprocess;
    d->eye.normalize = DCN_NORMALIZE_NONE;
    d->eye.bgr = 0;
    d->threads = dcn__draw_threads(a);
    d->pictures = dcn__alloc_array(batch, sizeof *d->pictures);
    d->images = dcn__alloc_array(batch * d->size, sizeof *d->images);
    d->photos = dcn__alloc_array(batch, d->size);
    d->starts = dcn__alloc_array(starts, sizeof *d->starts);
    d->works = dcn__alloc_array(starts, sizeof *d->works);
    d->drawn = dcn__alloc_array(starts * d->size, sizeof *d->drawn);
    d->seen = dcn__alloc_array((size_t)d->threads * d->size, sizeof *d->seen);
    d->slots = dcn__alloc_array((size_t)d->threads, s->largest);
    d->easels = dcn__alloc_array((size_t)d->threads, sizeof *d->easels);
    if (!d->pictures || !d->images || !d->photos || !d->starts || !d->works || !d->drawn ||
        !d->seen || !d->slots || !d->easels)
        return dcn__fail_memory(err, "drawing an atlas", desk_bytes(a, s, p));
    for (int i = 0; i < d->threads && !st; i++)
        st = dcn__easel_init(&d->easels[i], a, err);
    return st;
}

/* ---- pictures ------------------------------------------------------------------------------- */

static dcn_status load_picture(void *user, int task, int thread, dcn_error *err)
{
    const desk *d = user;
    const int i = d->loaded + task;
    float *seen = d->seen + (size_t)thread * d->size;
    uint8_t *photo = d->photos + (size_t)i * d->size;
    dcn_image image;
    int64_t index;
    const dcn_split split = dcn__atlas_split(d->atlas, d->pictures[i], &index);
    dcn_status st = dcn_data_picture(d->atlas->data, split, index, &image, NULL, err);

    if (!st)
        st = dcn_preprocess_image(&d->atlas->model->preprocess, &image,
                                  d->images + (size_t)i * d->size, err);
    if (!st && !(st = dcn_preprocess_image(&d->eye, &image, seen, err)))
        for (size_t k = 0; k < d->size; k++)
            photo[k] = (uint8_t)lrintf(255 * (seen[k] < 0 ? 0 : seen[k] > 1 ? 1 : seen[k]));
    dcn_image_clear(&image);
    return st;
}

/* ---- projections ---------------------------------------------------------------------------- */

static dcn_status make_tiles(void *user, int i, int thread, dcn_error *err)
{
    const desk *d = user;
    const dcn__work *w = d->works[i];
    const dcn__page *page = &d->atlas->pages[w->page];
    const dcn__lists *l = &page->lists;
    const float *values = d->drawn + (size_t)i * d->size;
    const uint8_t *photo = d->photos + (size_t)d->starts[i].picture * d->size;
    uint8_t *slot = d->slots + (size_t)thread * d->spool->largest;
    dcn__easel *easel = &d->easels[thread];
    dcn__slot_parts parts;
    dcn__place place;
    dcn_status st;

    dcn__spool_parts(d->spool, w->page, slot, &parts);
    if ((st = dcn__tile_place(&place, d->atlas->model->graph, page,
                              &l->units[(size_t)w->channel * (size_t)l->top + (size_t)w->rank],
                              err)) ||
        (st = dcn__tile_patch(parts.patch, page, &place, photo, d->input, easel, err)) ||
        (st = dcn__tile_projection(parts.projection, &parts.scale, page, &place, values, d->input,
                                   easel, err)))
        return st;
    if (parts.raw) {
        dcn__tile_raw(easel->values, page, &place, values, d->input);
        memcpy(parts.raw, easel->values,
               (size_t)page->patch[0] * (size_t)page->patch[1] * (size_t)d->input.c *
                   sizeof(float));
    }
    return dcn__spool_write(d->spool, w->page, w->channel, w->rank, slot, parts.scale, err);
}

typedef struct course {           /* of all passes: calls so far, and what they go through */
    const dcn_atlas *atlas;
    dcn__spool *spool;
    dcn__crew *crew;
    dcn__watch *watch;
    int64_t call;
    double advanced;              /* ms: when progress was last written down */
    double told;                  /* ms: when the caller was last told */
    bool damaged;                 /* the spool does not hold what it says */
} course;

/* Tells the caller, and writes progress down when it is time or he stops. */
static dcn_status tell(course *c, dcn_error *err)
{
    const dcn_status st = dcn__watch_tell(c->watch, err);
    const double now = dcn__clock_ms();
    dcn_status advance = DCN_OK;

    c->told = now;
    if (st || now - c->advanced >= ADVANCE_MS) {
        advance = dcn__spool_advance(c->spool, c->call, st ? NULL : err);
        c->advanced = now;
    }
    return st ? st : advance;
}

/* Is a tile that was drawn before still there? A slot of zeros or of something else is not. */
static dcn_status look_again(void *user, int i, int thread, dcn_error *err)
{
    const desk *d = user;
    const dcn__work *w = d->works[i];
    dcn__slot_parts parts;

    return dcn__spool_read(d->spool, w->page, w->channel, w->rank,
                           d->slots + (size_t)thread * d->spool->largest, &parts, err);
}

/* One call for n starts. What an interrupted drawing has of a group is not drawn again. */
static dcn_status project(desk *d, course *c, dcn_plan *plan, int route, int n, dcn_error *err)
{
    const bool drawn = c->call < c->spool->next;
    dcn_status st = DCN_OK;

    if (n == 0)
        return DCN_OK;
    if (!drawn && (st = dcn_plan_project_starts(plan, route, d->starts, n, d->drawn, err)))
        return st;
    if ((st = dcn__crew_run(c->crew, n, drawn ? look_again : make_tiles, d, err))) {
        c->damaged = drawn && st == DCN_FILE;
        return st;
    }
    c->call++;
    c->watch->done += drawn ? 0 : n;    /* those count already */
    return drawn ? DCN_OK : tell(c, err);
}

/* The units of one page among the works of a group, as many a call as the plan takes. */
static dcn_status draw_page(desk *d, course *c, dcn_plan *plan, const dcn__pass *pass, int page,
                            const dcn__work *works, size_t count, dcn_error *err)
{
    const dcn__lists *l = &d->atlas->pages[page].lists;
    const int route = page - pass->first;
    dcn_status st = DCN_OK;
    int picture = -1, n = 0;

    for (size_t i = 0; i < count && !st; i++) {
        const dcn__work *w = &works[i];
        const dcn_atlas_unit *u;

        picture += i == 0 || w->picture != works[i - 1].picture;
        if (w->page != page)
            continue;
        u = &l->units[(size_t)w->channel * (size_t)l->top + (size_t)w->rank];
        d->works[n] = w;
        d->starts[n++] = (dcn_start){ .picture = picture, .from = DCN_FROM_UNIT,
                                      .channel = w->channel, .y = u->y, .x = u->x };
        if (n == pass->starts) {
            st = project(d, c, plan, route, n, err);
            n = 0;
        }
    }
    return st ? st : project(d, c, plan, route, n, err);
}

/* A few for each thread at a time, so that the caller can stop between them. */
static dcn_status load_pictures(desk *d, course *c, int pictures, dcn_error *err)
{
    const int few = 4 * c->crew->threads;
    dcn_status st = DCN_OK;

    for (d->loaded = 0; d->loaded < pictures && !st; d->loaded += few) {
        const int left = pictures - d->loaded;

        st = dcn__crew_run(c->crew, left < few ? left : few, load_picture, d, err);
        if (!st && dcn__clock_ms() - c->told >= SILENCE_MS)
            st = tell(c, err);
    }
    return st;
}

/* The scan's values tell whether these are still the pictures that it saw: a data set's fingerprint
 * knows names and sizes of files. A plan with other kernels may round otherwise. */
static dcn_status check_values(const desk *d, const dcn_plan *plan, const dcn__work *works,
                               size_t count, dcn_error *err)
{
    const dcn_atlas *a = d->atlas;
    dcn_status st = DCN_OK;
    int picture = -1;

    for (size_t i = 0; i < count && !st; i++) {
        const dcn__work *w = &works[i];
        const dcn__page *page = &a->pages[w->page];
        const dcn_atlas_unit *u = &page->lists.units[(size_t)w->channel * (size_t)page->lists.top +
                                                     (size_t)w->rank];
        float value;
        int y, x;

        picture += i == 0 || w->picture != works[i - 1].picture;
        st = dcn_plan_peak(plan, page->node, picture, w->channel, &y, &x, &value, err);
        if (!st && !(fabsf(value - u->value) <= VALUE_SLACK * fabsf(u->value) + FLT_MIN)) {
            int64_t index;
            const dcn_split split = dcn__atlas_split(a, u->picture, &index);

            st = dcn__fail(err, DCN_STATE, a->model->graph->nodes[page->node].name,
                           "channel %d is %g on %s picture %lld, in the scan it was %g; that "
                           "picture has changed: scan again", w->channel, (double)value,
                           split == DCN_SPLIT_TRAIN ? "training" : "test", (long long)index,
                           (double)u->value);
        }
    }
    return st;
}

static dcn_status draw_group(desk *d, course *c, dcn_plan *plan, const dcn__pass *pass,
                             const dcn__work *works, size_t count, int pictures, dcn_error *err)
{
    dcn_status st;
    int n = 0;

    for (size_t i = 0; i < count; i++)
        if (i == 0 || works[i].picture != works[i - 1].picture)
            d->pictures[n++] = works[i].picture;
    if ((st = load_pictures(d, c, pictures, err)))
        return st;
    dcn_plan_forward(plan, d->images, pictures);
    if ((st = check_values(d, plan, works, count, err)))
        return st;
    for (int page = pass->first; page < pass->end && !st; page++)
        st = draw_page(d, c, plan, pass, page, works, count, err);
    return st;
}

/* ---- a pass --------------------------------------------------------------------------------- */

/* How many calls a group takes; of its units, how many the first `some` calls draw. */
static int64_t calls_of(const dcn__pass *pass, const dcn__work *works, size_t count, int64_t some,
                        int64_t *units)
{
    int64_t calls = 0;

    *units = 0;
    for (int page = pass->first; page < pass->end; page++) {
        int64_t of_page = 0, own, first;

        for (size_t i = 0; i < count; i++)
            of_page += works[i].page == page;
        own = (of_page + pass->starts - 1) / pass->starts;
        first = some - calls < own ? (some - calls) * pass->starts : of_page;
        *units += first > 0 ? first : 0;
        calls += own;
    }
    return calls;
}

static dcn_status draw_rest(course *c, const dcn__pass *pass, const dcn__work *works, size_t n,
                            size_t from, dcn_error *err)
{
    dcn_plan *plan = NULL;
    dcn_status st;
    desk d = { 0 };

    /* What there is of a begun group is looked at first: it may have to be drawn anew. */
    st = c->call < c->spool->next ? DCN_OK : dcn__watch_tell(c->watch, err);
    if (!st && !(st = dcn__pass_plan(&plan, pass, c->atlas, err)))
        st = desk_init(&d, c->atlas, c->spool, pass, err);
    while (!st && from < n) {
        int pictures;
        const size_t end = dcn__pass_group(pass, works, n, from, &pictures);

        st = draw_group(&d, c, plan, pass, works + from, end - from, pictures, err);
        from = end;
    }
    desk_clear(&d);
    dcn_plan_destroy(plan);
    return st;
}

/* The same for all of the groups that are passed over. */
typedef struct look { const dcn__spool *spool; const dcn__work *works; uint8_t *slots; } look;

static dcn_status look_at(void *user, int i, int thread, dcn_error *err)
{
    const look *l = user;
    const dcn__work *w = &l->works[i];
    dcn__slot_parts parts;

    return dcn__spool_read(l->spool, w->page, w->channel, w->rank,
                           l->slots + (size_t)thread * l->spool->largest, &parts, err);
}

static dcn_status check_drawn(course *c, const dcn__work *works, size_t n, dcn_error *err)
{
    look l = { c->spool, works,
               dcn__alloc_array((size_t)c->crew->threads, c->spool->largest) };
    dcn_status st = DCN_OK;

    if (!l.slots)
        return dcn__fail_memory(err, "drawing an atlas", c->spool->largest);
    for (size_t done = 0; done < n && !st; done += 1 << 20, l.works = works + done)
        st = dcn__crew_run(c->crew, n - done < 1 << 20 ? (int)(n - done) : 1 << 20, look_at, &l,
                           err);
    dcn__free(l.slots);
    return st;
}

/* A spool that does not hold what it should is known here, before anything is drawn. */
static dcn_status draw_pass(course *c, const dcn__pass *pass, dcn_error *err)
{
    dcn__work *works;
    size_t n, from = 0;
    dcn_status st = dcn__pass_list(&works, &n, pass, c->atlas, err);

    while (!st && from < n && c->call < c->spool->next) {
        int pictures;
        const size_t end = dcn__pass_group(pass, works, n, from, &pictures);
        int64_t units;
        const int64_t calls = calls_of(pass, works + from, end - from,
                                       c->spool->next - c->call, &units);

        if (c->call + calls > c->spool->next) {
            c->watch->done += units;
            break;
        }
        c->call += calls;
        from = end;
    }
    if (!st && (st = check_drawn(c, works, from, err)))
        c->damaged = st == DCN_FILE;
    else
        c->watch->done += (int64_t)from;
    if (!st && from < n)
        st = draw_rest(c, pass, works, n, from, err);
    dcn__free(works);
    return st;
}

static dcn_status draw_passes(const dcn_atlas *a, const dcn__passes *passes, dcn__spool *spool,
                              dcn__crew *crew, dcn__watch *watch, bool *damaged, dcn_error *err)
{
    course c = { .atlas = a, .spool = spool, .crew = crew, .watch = watch,
                 .advanced = dcn__clock_ms(), .told = dcn__clock_ms() };
    dcn_status st = DCN_OK;

    watch->done = 0;
    for (int i = 0; i < passes->n && !st; i++)
        st = draw_pass(&c, &passes->at[i], err);
    *damaged = c.damaged;
    return st || c.call == spool->next ? st : dcn__spool_advance(spool, c.call, err);
}

dcn_status dcn__draw_tiles(const dcn_atlas *a, const dcn__passes *passes, dcn__spool *spool,
                           dcn__crew *crew, dcn__watch *watch, dcn_error *err)
{
    bool damaged = false;
    dcn_status st = draw_passes(a, passes, spool, crew, watch, &damaged, err);

    if (damaged && !(st = dcn__spool_restart(spool, err)))
        st = draw_passes(a, passes, spool, crew, watch, &damaged, err);
    return st;
}

/* ---- before the scan ------------------------------------------------------------------------- */

/* What one pass needs while it draws. A batch that is refused for its memory becomes smaller, down
 * to one chunk. */
static dcn_status measure_pass(size_t *bytes, dcn__pass *p, const dcn_atlas *a,
                               const dcn__spool *spool, dcn_error *err)
{
    const int chunk = a->chunk;
    dcn_plan *plan;
    dcn_status st;

    while ((st = dcn__pass_plan(&plan, p, a, err)) == DCN_MEMORY && p->batch > chunk)
        p->batch = p->batch / 2 < chunk ? chunk : p->batch / 2 / chunk * chunk;
    if (!st)
        *bytes = dcn_plan_bytes(plan) + desk_bytes(a, spool, p) +
                 (size_t)dcn__units_most(a, p) * sizeof(dcn__work);
    dcn_plan_destroy(plan);
    return st;
}

dcn_status dcn__draw_measure(dcn_atlas *a, dcn_error *err)
{
    dcn__passes passes = { 0 };
    dcn__spool plain = { 0 }, spool = { 0 };
    dcn_status st;

    /* Memory with raw projections, which are asked for later; disk without. */
    a->draw_bytes = 0;
    if (!(st = dcn__spool_init(&plain, a, false, err)) &&
        !(st = dcn__spool_init(&spool, a, true, err)) && !(st = dcn__passes_cut(&passes, a, err)))
        a->draw_bytes = dcn__book_bytes(a, &spool);
    for (int i = 0; i < passes.n && !st; i++) {
        dcn__pass *p = &passes.at[i];
        const int wanted = p->batch;
        size_t bytes = 0;

        st = measure_pass(&bytes, p, a, &spool, err);
        a->draw_bytes = bytes > a->draw_bytes ? bytes : a->draw_bytes;
        if (p->batch < wanted && (!a->draw_most || p->batch < a->draw_most))
            a->draw_most = p->batch;
    }
    a->disk_bytes = plain.bytes;
    dcn__passes_clear(&passes);
    dcn__spool_clear(&plain);
    dcn__spool_clear(&spool);
    return st;
}
