/* events_histogram.c - histograms as TensorFlow 1's tf.summary.histogram counts them.
 *
 * The edges are fixed and exponential, so that the histograms of two steps can be compared; runs of
 * empty buckets are written as one. Values that are not finite are refused, as TensorFlow does.
 *
 * A run that logs counts millions of activations. Edges are a tenth apart, so the bits of a float tell
 * its bucket but for one or two: 2 ns a value, where halving the list of edges takes 20. */
#include "view/events.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { CELL_SHIFT = 20, SIGN_CELL = DCN__HISTOGRAM_CELLS / 2 };

/* The products are made one after the other, since that is how TensorFlow rounds its edges. */
void dcn__histogram_edges(double edges[DCN__HISTOGRAM_EDGES])
{
    const int middle = DCN__HISTOGRAM_EDGES / 2;
    double v = 1e-12;

    edges[middle] = 0;
    for (int i = 1; i < middle; i++, v *= 1.1) {
        edges[middle + i] = v;
        edges[middle - i] = -v;
    }
    edges[DCN__HISTOGRAM_EDGES - 1] = DBL_MAX;
    edges[0] = -DBL_MAX;
}

int dcn__histogram_bucket(const double edges[DCN__HISTOGRAM_EDGES], double value)
{
    int low = 0, high = DCN__HISTOGRAM_EDGES - 1;

    while (low < high) {
        const int middle = (low + high) / 2;

        if (edges[middle] > value)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* A cell: all floats of the same sign, exponent and first three bits behind it. */
static float lowest_of(uint32_t cell)
{
    const uint32_t bits = cell << CELL_SHIFT | (cell & SIGN_CELL ? (1u << CELL_SHIFT) - 1 : 0);
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

void dcn__histogram_starts(const double edges[DCN__HISTOGRAM_EDGES],
                           uint16_t starts[DCN__HISTOGRAM_CELLS])
{
    for (uint32_t cell = 0; cell < DCN__HISTOGRAM_CELLS; cell++) {
        const float lowest = lowest_of(cell);

        starts[cell] = isnan(lowest) ? 0
                                     : (uint16_t)dcn__histogram_bucket(edges, (double)lowest);
    }
}

int dcn__histogram_find(const double edges[DCN__HISTOGRAM_EDGES],
                        const uint16_t starts[DCN__HISTOGRAM_CELLS], float value)
{
    uint32_t bits;
    int bucket;

    memcpy(&bits, &value, sizeof bits);
    bucket = starts[bits >> CELL_SHIFT];
    while (bucket < DCN__HISTOGRAM_EDGES - 1 && edges[bucket] <= (double)value)
        bucket++;
    return bucket;
}

#ifdef DCN_HAVE_PROTOBUF

typedef struct counts {
    double edges[DCN__HISTOGRAM_EDGES], buckets[DCN__HISTOGRAM_EDGES];
    uint16_t starts[DCN__HISTOGRAM_CELLS];
    double out_limit[DCN__HISTOGRAM_EDGES], out_bucket[DCN__HISTOGRAM_EDGES];
} counts;

/* Leaves out all but the last of each run of empty buckets. */
static void collapse(counts *c, Dcn__Tb__Histogram *h)
{
    size_t n = 0;

    for (int i = 0; i < DCN__HISTOGRAM_EDGES;) {
        double end = c->edges[i], count = c->buckets[i];

        for (i++; count <= 0 && i < DCN__HISTOGRAM_EDGES && c->buckets[i] <= 0; i++)
            end = c->edges[i];
        c->out_limit[n] = end;
        c->out_bucket[n++] = count;
    }
    h->n_bucket_limit = h->n_bucket = n;
    h->bucket_limit = c->out_limit;
    h->bucket = c->out_bucket;
}

dcn_status dcn_events_histogram(dcn_events *e, const char *tag, int64_t step, const float *values,
                                int64_t n, dcn_error *err)
{
    Dcn__Tb__Value v = DCN__TB__VALUE__INIT;
    Dcn__Tb__Histogram h = DCN__TB__HISTOGRAM__INIT;
    counts *c = dcn__alloc(sizeof *c);
    dcn_status st = DCN_OK;

    if (!c)
        return dcn__fail_memory(err, "a histogram", sizeof *c);
    dcn__histogram_edges(c->edges);
    dcn__histogram_starts(c->edges, c->starts);
    h.min = DBL_MAX;
    h.max = -DBL_MAX;
    for (int64_t i = 0; i < n && !st; i++) {
        const double x = (double)values[i];

        if (!isfinite(x)) {
            st = dcn__fail(err, DCN_NUMBERS, tag ? tag : "histogram",
                           "value %lld of %lld is not finite; lower the learning rate",
                           (long long)i, (long long)n);
            break;
        }
        c->buckets[dcn__histogram_find(c->edges, c->starts, values[i])]++;
        h.min = x < h.min ? x : h.min;
        h.max = x > h.max ? x : h.max;
        h.num++;
        h.sum += x;
        h.sum_squares += x * x;
    }
    h.has_min = h.has_max = h.has_num = h.has_sum = h.has_sum_squares = 1;
    collapse(c, &h);
    v.histo = &h;
    if (!st)
        st = dcn__events_append_value(e, tag, step, &v, err);
    dcn__free(c);
    return st;
}

#endif
