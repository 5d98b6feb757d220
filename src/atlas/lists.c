/* lists.c - a short sorted list for each channel. A picture that enters no list, the usual case,
 * costs one pass over the tallies. */
#include "atlas/lists.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { TOP_MOST = 100 };

bool dcn__unit_before(const dcn_atlas_unit *a, const dcn_atlas_unit *b)
{
    if (a->value != b->value)
        return a->value > b->value;
    if (a->picture != b->picture)
        return a->picture < b->picture;
    return a->y != b->y ? a->y < b->y : a->x < b->x;
}

size_t dcn__lists_bytes(int channels, int top)
{
    return (size_t)channels * ((size_t)top * sizeof(dcn_atlas_unit) + sizeof(dcn__tally));
}

dcn_status dcn__lists_init(dcn__lists *l, int channels, int top, dcn_error *err)
{
    *l = (dcn__lists){ .channels = channels, .top = top };
    if (channels < 1 || top < 1 || top > TOP_MOST)
        return dcn__fail(err, DCN_BUG, "lists", "%d units of %d channels; report this", top,
                         channels);
    l->units = dcn__alloc_array((size_t)channels * (size_t)top, sizeof *l->units);
    l->tallies = dcn__alloc_array((size_t)channels, sizeof *l->tallies);
    if (!l->units || !l->tallies) {
        dcn__lists_clear(l);
        return dcn__fail_memory(err, "the strongest units", dcn__lists_bytes(channels, top));
    }
    for (int c = 0; c < channels; c++)
        l->tallies[c] = (dcn__tally){ .least = INFINITY, .most = -INFINITY, .floor = -INFINITY };
    return DCN_OK;
}

void dcn__lists_clear(dcn__lists *l)
{
    dcn__free(l->units);
    dcn__free(l->tallies);
    memset(l, 0, sizeof *l);
}

/* A bijection that leaves no bit of x alone (the last steps of MurmurHash3). */
static inline uint64_t scatter(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

static inline uint64_t hash_of(uint64_t picture_hash, int32_t cell, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return scatter(picture_hash ^ ((uint64_t)bits << 32 | (uint32_t)cell));
}

static void insert(dcn_atlas_unit *list, dcn__tally *t, int top, const dcn_atlas_unit *unit)
{
    int at = t->n;

    if (at == top && !dcn__unit_before(unit, &list[--at]))
        return;
    for (; at > 0 && dcn__unit_before(unit, &list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = *unit;
    t->n += t->n < top;
    if (t->n == top)
        t->floor = list[top - 1].value;
}

void dcn__lists_offer(dcn__lists *l, int64_t picture, const float *values, const int32_t *cells,
                      int width)
{
    const uint64_t picture_hash = scatter((uint64_t)picture + 0x9e3779b97f4a7c15u);

    for (int c = 0; c < l->channels; c++) {
        const float v = values[c] + 0.0f;          /* -0 becomes 0 */
        dcn__tally *t = &l->tallies[c];

        t->fired += v > 0;
        t->least = v < t->least ? v : t->least;
        t->most = v > t->most ? v : t->most;
        t->mark += hash_of(picture_hash, cells[c], v);
        if (v >= t->floor && v != 0) {
            const dcn_atlas_unit unit = { picture, v, cells[c] / width, cells[c] % width };

            insert(l->units + (size_t)c * (size_t)l->top, t, l->top, &unit);
        }
    }
}

/* to: the best `top` of both; returns how many there are. */
static int merge_units(dcn_atlas_unit *to, int top, const dcn_atlas_unit *a, int n_a,
                       const dcn_atlas_unit *b, int n_b)
{
    int n = 0, i = 0, k = 0;

    for (; n < top && (i < n_a || k < n_b); n++)
        to[n] = k == n_b || (i < n_a && dcn__unit_before(&a[i], &b[k])) ? a[i++] : b[k++];
    return n;
}

void dcn__lists_merge(dcn__lists *l, const dcn__lists *other)
{
    dcn_atlas_unit merged[TOP_MOST];

    for (int c = 0; c < l->channels; c++) {
        dcn_atlas_unit *list = l->units + (size_t)c * (size_t)l->top;
        const dcn_atlas_unit *list_b = other->units + (size_t)c * (size_t)l->top;
        dcn__tally *t = &l->tallies[c];
        const dcn__tally *b = &other->tallies[c];

        t->n = merge_units(merged, l->top, list, t->n, list_b, b->n);
        memcpy(list, merged, (size_t)t->n * sizeof *list);
        t->fired += b->fired;
        t->least = b->least < t->least ? b->least : t->least;
        t->most = b->most > t->most ? b->most : t->most;
        t->mark += b->mark;
        if (t->n == l->top)
            t->floor = list[l->top - 1].value;
    }
}
