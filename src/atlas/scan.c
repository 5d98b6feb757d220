/* scan.c - the pictures, in order, through the network; each channel's strongest units into the
 * lists.
 *
 * Pictures are made ahead by the loader's thread. A batch begins at a whole chunk of its split, so
 * a picture stands in its chunk where it would stand with any other batch. What a batch found is
 * looked through before any of it enters a list: after an error the lists are those of the
 * batches before. */
#include "atlas/atlas.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/loader.h"
#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_MOST = 8, BATCH_USUAL = 512, CHUNKS_A_THREAD = 2, SAVE_MS = 10000, SAVED_UNIT = 20,
       SAVED_CHANNEL = 64 };
#define CHUNK_BYTES ((int64_t)8 << 20)     /* of one chunk's largest value: docs/performance.md */
#define BATCH_BYTES ((int64_t)16 << 20)    /* of a batch of inputs, and of what is found */
#define BATCH_FLOPS 150e9                  /* of each thread: a second or two, no more to wait for
                                              who wants to stop */

/* ---- how much at once ----------------------------------------------------------------------- */

int dcn__atlas_chunk(const dcn_graph *g)
{
    int64_t largest = 1;
    int chunk = CHUNK_MOST;

    for (int i = 0; i < g->n_nodes; i++) {
        const int64_t bytes = dcn__shape_size(g->nodes[i].shape) * (int64_t)sizeof(float);

        largest = bytes > largest ? bytes : largest;
    }
    while (chunk > 1 && chunk * largest > CHUNK_BYTES)
        chunk /= 2;
    return chunk;
}

static int64_t round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* As many as memory and patience allow, so that the threads seldom wait for each other; the same
 * number of chunks for each of them. */
static int64_t usual_batch(const dcn_atlas *a)
{
    const dcn_graph *g = a->model->graph;
    const int64_t picture = (dcn__shape_size(g->nodes[0].shape) + 2 * a->channels) *
                            (int64_t)sizeof(float);
    const int threads = a->desc.threads ? a->desc.threads : dcn_machine_threads();
    const int64_t unit = (int64_t)a->chunk * threads, least = unit * CHUNKS_A_THREAD;
    const double soon = BATCH_FLOPS * threads / (dcn_graph_flops(g) + 1);
    int64_t batch = BATCH_USUAL;

    batch = batch * picture > BATCH_BYTES ? BATCH_BYTES / picture : batch;
    batch = (double)batch > soon ? (int64_t)soon : batch;
    return round_up(batch < least ? least : batch, unit);
}

/* Whole chunks, and no more of them than there are pictures for. */
int dcn__scan_batch(const dcn_atlas *a)
{
    const int64_t batch = a->desc.batch ? a->desc.batch : usual_batch(a);
    int64_t most = 0;

    for (int i = 0; i < a->n_splits; i++) {
        const int64_t n = a->begin[i + 1] - a->begin[i];

        most = n > most ? n : most;
    }
    return (int)round_up(batch > most ? most : batch, a->chunk);
}

dcn_status dcn__scan_plan(dcn_plan **plan, const dcn_atlas *a, dcn_error *err)
{
    dcn_node *nodes = dcn__alloc_array((size_t)a->n_pages, sizeof *nodes);
    dcn_plan_desc desc = { .engine = a->desc.engine, .batch = a->desc.batch,
                           .threads = a->desc.threads, .peaks = nodes, .n_peaks = a->n_pages,
                           .only_asked = 1, .chunk = a->chunk, .exact = a->desc.exact,
                           .max_bytes = a->desc.max_bytes };
    dcn_status st;

    *plan = NULL;
    if (!nodes)
        return dcn__fail_memory(err, "a plan", (size_t)a->n_pages * sizeof *nodes);
    for (int i = 0; i < a->n_pages; i++)
        nodes[i] = a->pages[i].node;
    st = dcn_plan_create(plan, a->model->graph, &desc, err);
    dcn__free(nodes);
    return st;
}

static void write_text(dcn_atlas *a, const dcn_plan *plan)
{
    char channels[DCN__COUNT_TEXT], pictures[DCN__COUNT_TEXT], all[DCN__COUNT_TEXT], part[120] = "";
    const int64_t n = a->end - a->first;

    if (a->desc.shards > 1)
        snprintf(part, sizeof part, " of %s (part %d of %d)",
                 dcn__count_text(all, a->begin[a->n_splits]), a->desc.shard + 1, a->desc.shards);
    snprintf(a->text, sizeof a->text, "%d layer%s, %s channel%s, %s picture%s%s; scan in steps of %s",
             a->n_pages, a->n_pages == 1 ? "" : "s", dcn__count_text(channels, a->channels),
             a->channels == 1 ? "" : "s", dcn__count_text(pictures, n), n == 1 ? "" : "s", part,
             dcn_plan_text(plan));
}

/* Beside the plan: three batches of inputs in the loader, what one batch found, and the numbers of
 * a state while it is saved. */
dcn_status dcn__scan_measure(dcn_atlas *a, dcn_error *err)
{
    const size_t batch = (size_t)a->desc.batch, channels = (size_t)a->channels;
    const size_t input = (size_t)dcn__shape_size(a->model->graph->nodes[0].shape);
    dcn_plan *plan;
    dcn_status st;

    if ((st = dcn__scan_plan(&plan, a, err)))
        return st;
    a->scan_bytes = dcn_plan_bytes(plan) + 3 * batch * (input * sizeof(float) + sizeof(int32_t)) +
                    batch * channels * (sizeof(float) + sizeof(int32_t)) +
                    channels * ((size_t)a->desc.top * SAVED_UNIT + SAVED_CHANNEL);
    write_text(a, plan);
    dcn_plan_destroy(plan);
    return DCN_OK;
}

/* ---- one batch ------------------------------------------------------------------------------ */

typedef struct scan {
    dcn_atlas *atlas;
    dcn_plan *plan;
    dcn__loader *loader;
    int64_t loader_end;           /* it makes the pictures of one split, up to this number */
    float *values;                /* (batch,channels of all pages), a page after the other */
    int32_t *cells;
} scan;

static dcn_status begin(scan *s, dcn_atlas *a, dcn_error *err)
{
    const size_t n = (size_t)a->desc.batch * (size_t)a->channels;

    *s = (scan){ .atlas = a, .values = dcn__alloc_array(n, sizeof(float)),
                 .cells = dcn__alloc_array(n, sizeof(int32_t)), .loader_end = a->next };
    if (!s->values || !s->cells)
        return dcn__fail_memory(err, "what a batch found", n * (sizeof(float) + sizeof(int32_t)));
    return dcn__scan_plan(&s->plan, a, err);
}

static void finish(scan *s)
{
    dcn__loader_destroy(s->loader);
    dcn_plan_destroy(s->plan);
    dcn__free(s->values);
    dcn__free(s->cells);
}

/* The next inputs: *n of them. */
static dcn_status load(scan *s, const float **images, int *n, dcn_error *err)
{
    const dcn_atlas *a = s->atlas;
    const int32_t *labels;
    dcn_status st;

    if (a->next == s->loader_end) {
        const int i = a->n_splits == 2 && a->next >= a->begin[1];
        int64_t index;
        const dcn_split split = dcn__atlas_split(a, a->next, &index);

        dcn__loader_destroy(s->loader);
        s->loader = NULL;
        s->loader_end = a->begin[i + 1] < a->end ? a->begin[i + 1] : a->end;
        if ((st = dcn__loader_create(&s->loader, a->data, split, &a->model->preprocess,
                                     DCN_AUGMENT_NONE, 0, a->desc.batch, index, err)))
            return st;
    }
    *n = s->loader_end - a->next < a->desc.batch ? (int)(s->loader_end - a->next) : a->desc.batch;
    return dcn__loader_next(s->loader, images, &labels, NULL, err);
}

/* Names the first picture of the batch that has a value that is not finite, there the first layer and
 * channel. */
static dcn_status check_values(const scan *s, int n, dcn_error *err)
{
    const dcn_atlas *a = s->atlas;

    for (int i = 0; i < n; i++) {
        const float *page = s->values;

        for (int p = 0; p < a->n_pages; p++) {
            const int C = a->pages[p].shape.c;
            const float *row = page + (size_t)i * (size_t)C;

            for (int c = 0; c < C; c++) {
                int64_t index;
                dcn_split split;

                if (isfinite(row[c]))
                    continue;
                split = dcn__atlas_split(a, a->next + i, &index);
                return dcn__fail(err, DCN_NUMBERS, a->model->graph->nodes[a->pages[p].node].name,
                                 "channel %d on %s picture %lld is %s; check the network's weights",
                                 c, split == DCN_SPLIT_TRAIN ? "training" : "test",
                                 (long long)index, isnan(row[c]) ? "not a number" : "infinite");
            }
            page += (size_t)n * (size_t)C;
        }
    }
    return DCN_OK;
}

/* Offers what the last forward found for its n pictures. */
static dcn_status take(scan *s, int n, dcn_error *err)
{
    dcn_atlas *a = s->atlas;
    size_t at = 0;
    dcn_status st;

    for (int p = 0; p < a->n_pages; p++) {
        st = dcn_plan_peaks(s->plan, a->pages[p].node, s->values + at, s->cells + at, err);

        if (st)
            return st;
        at += (size_t)n * (size_t)a->pages[p].shape.c;
    }
    if ((st = check_values(s, n, err)))
        return st;
    at = 0;
    for (int p = 0; p < a->n_pages; p++) {
        const dcn_shape shape = a->pages[p].shape;

        for (int i = 0; i < n; i++, at += (size_t)shape.c)
            dcn__lists_offer(&a->pages[p].lists, a->next + i, s->values + at, s->cells + at,
                             shape.w);
    }
    a->next += n;
    return DCN_OK;
}

static dcn_status stopped(const dcn_atlas *a, const char *file, dcn_error *err)
{
    char done[DCN__COUNT_TEXT], all[DCN__COUNT_TEXT];

    return dcn__fail(err, DCN_STOPPED, file ? file : "scan",
                     "stopped after %s of %s pictures; scan again to go on",
                     dcn__count_text(done, a->next - a->first),
                     dcn__count_text(all, a->end - a->first));
}

dcn_status dcn_atlas_scan(dcn_atlas *a, const char *file, dcn_progress progress, void *user,
                          dcn_error *err)
{
    const int64_t from = a->next;
    double saved_ms = dcn__clock_ms();
    int64_t saved = -1;           /* pictures in the file */
    dcn_status st = DCN_OK, st_save;
    scan s = { 0 };

    if (a->next < a->end)
        st = begin(&s, a, err);
    while (!st && a->next < a->end) {
        const float *images;
        int n;

        if ((st = load(&s, &images, &n, err)))
            break;
        dcn_plan_forward(s.plan, images, n);
        if ((st = take(&s, n, err)))
            break;
        if (progress && progress(user, a->next - a->first, a->end - a->first) && a->next < a->end)
            st = stopped(a, file, err);
        else if (file && a->next < a->end && dcn__clock_ms() - saved_ms > SAVE_MS) {
            st = dcn_atlas_save(a, file, err);
            saved = a->next;
            saved_ms = dcn__clock_ms();
        }
    }
    finish(&s);
    dcn__atlas_compare(a);
    /* What was found before an error is kept, too; that error is what counts then. */
    if (file && saved != a->next && (!st || a->next > from)) {
        st_save = dcn_atlas_save(a, file, !st || st == DCN_STOPPED ? err : NULL);
        st = !st || (st == DCN_STOPPED && st_save) ? st_save : st;
    }
    return st;
}
