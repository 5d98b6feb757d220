/* channel.c - what is said of a channel: its strongest units, and whether it is dead, saturated or
 * another channel's double. */
#include "atlas/atlas.h"

#include "view/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *dcn__count_text(char text[DCN__COUNT_TEXT], int64_t n)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    char *to = text;

    for (int i = 0; i < length; i++) {
        if (i && digits[i - 1] != '-' && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

/* ---- doubles -------------------------------------------------------------------------------- */

static const dcn_atlas_unit *list_of(const dcn__lists *l, int channel)
{
    return l->units + (size_t)channel * (size_t)l->top;
}

/* The mark alone would do; a chance in 2^64 is left to the rest. */
static bool same(const dcn__lists *l, int a, int b)
{
    const dcn__tally *s = &l->tallies[a], *t = &l->tallies[b];
    const dcn_atlas_unit *p = list_of(l, a), *q = list_of(l, b);
    bool equal = s->mark == t->mark && s->fired == t->fired && s->least == t->least &&
                 s->most == t->most && s->n == t->n;

    for (int i = 0; equal && i < s->n; i++)
        equal = p[i].picture == q[i].picture && p[i].value == q[i].value && p[i].y == q[i].y &&
                p[i].x == q[i].x;
    return equal;
}

static int by_mark(const void *a, const void *b)
{
    const dcn__twin *x = a, *y = b;

    if (x->mark != y->mark)
        return x->mark < y->mark ? -1 : 1;
    return (x->channel > y->channel) - (x->channel < y->channel);
}

/* Channels of one mark come to stand side by side, the first in front. */
static void compare(dcn__page *page, dcn__twin *twins)
{
    const dcn__lists *l = &page->lists;
    int first = 0;

    for (int c = 0; c < l->channels; c++) {
        twins[c] = (dcn__twin){ l->tallies[c].mark, c };
        page->same_as[c] = -1;
    }
    qsort(twins, (size_t)l->channels, sizeof *twins, by_mark);
    for (int i = 1; i < l->channels; i++) {
        if (twins[i].mark != twins[first].mark)
            first = i;
        else if (same(l, twins[i].channel, twins[first].channel))
            page->same_as[twins[i].channel] = twins[first].channel;
    }
}

void dcn__atlas_compare(dcn_atlas *a)
{
    for (int i = 0; i < a->n_pages; i++)
        compare(&a->pages[i], a->twins);
}

/* ---- one channel ---------------------------------------------------------------------------- */

static void write_kind(dcn_atlas_channel *out, const dcn__tally *t, bool linear, int same_as,
                       int64_t scanned)
{
    const char *s = scanned == 1 ? "" : "s";
    char count[DCN__COUNT_TEXT], value[32];

    if (!scanned)
        return;
    dcn__count_text(count, scanned);
    if (!t->fired && (!linear || t->least >= 0)) {
        out->kind = DCN_CHANNEL_DEAD;
        snprintf(out->reason, sizeof out->reason, "%s on %s picture%s",
                 t->least >= 0 ? "never fired" : "never above 0", count, s);
    } else if (scanned > 1 && t->least == t->most) {
        out->kind = DCN_CHANNEL_SATURATED;
        dcn__number_text(value, sizeof value, (double)t->most, 6);
        snprintf(out->reason, sizeof out->reason, "the same largest value %s on all %s pictures",
                 value, count);
    } else if (same_as >= 0) {
        out->kind = DCN_CHANNEL_DUPLICATE;
        out->same_as = same_as;
        snprintf(out->reason, sizeof out->reason, "on every picture the same as channel %d",
                 same_as);
    }
}

dcn_status dcn_atlas_channel_get(const dcn_atlas *a, int layer, int channel, dcn_atlas_channel *out,
                                 dcn_error *err)
{
    const dcn__page *page;

    memset(out, 0, sizeof *out);
    if (layer < 0 || layer >= a->n_pages)
        return dcn__fail(err, DCN_USAGE, "layer", "%d is outside 0..%d; choose another", layer,
                         a->n_pages - 1);
    page = &a->pages[layer];
    if (channel < 0 || channel >= page->shape.c)
        return dcn__fail(err, DCN_USAGE, "channel", "%d is outside 0..%d; choose another", channel,
                         page->shape.c - 1);
    out->top = list_of(&page->lists, channel);
    out->n_top = page->lists.tallies[channel].n;
    out->fired = page->lists.tallies[channel].fired;
    out->same_as = -1;
    write_kind(out, &page->lists.tallies[channel], page->linear, page->same_as[channel],
               a->next - a->first);
    return DCN_OK;
}
