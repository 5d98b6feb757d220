/* The strongest units of each channel against plain sorting of everything that was offered. */
#include "support.h"

#include "atlas/lists.h"
#include "base/file.h"
#include "base/memory.h"

enum { WIDTH = 7, HEIGHT = 5 };

/* Everything that one test offers: values and cells (pictures,channels). */
typedef struct stream {
    int pictures, channels;
    int64_t *numbers;             /* of the pictures: not always 0, 1, 2... */
    float *values;
    int32_t *cells;
} stream;

/* kind 0: reals; 1: whole numbers -2..2, many ties; 2: not below 0, mostly 0 */
static stream make_stream(int pictures, int channels, int kind, uint64_t seed)
{
    const size_t n = (size_t)pictures * (size_t)channels;
    dcn__random r = dcn__random_stream(seed, (uint64_t)kind, 1);
    stream s = { pictures, channels, malloc((size_t)pictures * sizeof(int64_t) + 1),
                 new_floats(n), malloc(n * sizeof(int32_t) + 1) };

    for (int p = 0; p < pictures; p++)
        s.numbers[p] = 3 * (int64_t)p + (int64_t)dcn__random_below(&r, 3);
    for (size_t i = 0; i < n; i++) {
        const float real = (float)dcn__random_normal(&r);

        s.values[i] = kind == 0 ? real : kind == 1 ? (float)((int)dcn__random_below(&r, 5) - 2)
            : real > 1.0f ? floorf(real * 4) : dcn__random_below(&r, 2) ? 0.0f : -0.0f;
        s.cells[i] = (int32_t)dcn__random_below(&r, WIDTH * HEIGHT);
    }
    return s;
}

static void free_stream(stream *s)
{
    free(s->numbers);
    free(s->values);
    free(s->cells);
}

/* Offers those pictures p whose part[p] is `which`, in the order of `order`. */
static void offer(dcn__lists *l, const stream *s, const int *order, const int *part, int which)
{
    for (int i = 0; i < s->pictures; i++) {
        const int p = order ? order[i] : i;

        if (!part || part[p] == which)
            dcn__lists_offer(l, s->numbers[p], s->values + (size_t)p * (size_t)s->channels,
                             s->cells + (size_t)p * (size_t)s->channels, WIDTH);
    }
}

/* Written anew, in words of the contract: value falling, picture rising, cell rising. */
static int by_contract(const void *a, const void *b)
{
    const dcn_atlas_unit *p = a, *q = b;

    if (p->value > q->value || p->value < q->value)
        return p->value > q->value ? -1 : 1;
    if (p->picture != q->picture)
        return p->picture < q->picture ? -1 : 1;
    return p->y * WIDTH + p->x - (q->y * WIDTH + q->x);
}

static void same_units(const dcn_atlas_unit *got, const dcn_atlas_unit *want, int n, int channel)
{
    for (int i = 0; i < n; i++)
        if (got[i].picture != want[i].picture || got[i].y != want[i].y || got[i].x != want[i].x ||
            memcmp(&got[i].value, &want[i].value, sizeof(float)) != 0)
            fail_msg("channel %d, place %d: picture %lld value %g at %d,%d instead of %lld %g %d,%d",
                     channel, i, (long long)got[i].picture, (double)got[i].value, got[i].y,
                     got[i].x, (long long)want[i].picture, (double)want[i].value, want[i].y,
                     want[i].x);
}

/* Sorts all that was offered. The mark has no second definition: it is compared between lists. */
static void is_brute_force(const dcn__lists *l, const stream *s)
{
    dcn_atlas_unit *all = malloc((size_t)(s->pictures + 100) * sizeof *all);
    const dcn_atlas_unit none = { 0 };

    for (int c = 0; c < s->channels; c++) {
        const dcn__tally *t = &l->tallies[c];
        float least = INFINITY, most = -INFINITY;
        int64_t fired = 0;
        int n = 0;

        for (int p = 0; p < s->pictures; p++) {
            const size_t i = (size_t)p * (size_t)s->channels + (size_t)c;
            const float v = s->values[i];

            fired += v > 0;
            least = fminf(least, v);
            most = fmaxf(most, v);
            if (v != 0)
                all[n++] = (dcn_atlas_unit){ s->numbers[p], v, s->cells[i] / WIDTH,
                                             s->cells[i] % WIDTH };
        }
        qsort(all, (size_t)n, sizeof *all, by_contract);
        assert_int_equal(t->n, n < l->top ? n : l->top);
        same_units(l->units + (size_t)c * (size_t)l->top, all, t->n, c);
        for (int i = t->n; i < l->top; i++)
            same_units(l->units + (size_t)c * (size_t)l->top + i, &none, 1, c);
        assert_int_equal(t->fired, fired);
        assert_true(t->least == least && t->most == most);
        assert_false(t->n && signbit(t->least) && t->least == 0);
    }
    free(all);
}

static void same_lists(const dcn__lists *a, const dcn__lists *b)
{
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->top, b->top);
    for (int c = 0; c < a->channels; c++) {
        const dcn__tally *s = &a->tallies[c], *t = &b->tallies[c];

        assert_int_equal(s->n, t->n);
        assert_int_equal(s->fired, t->fired);
        assert_true(s->mark == t->mark && s->floor == t->floor);
        assert_int_equal(memcmp(&s->least, &t->least, sizeof(float)), 0);
        assert_int_equal(memcmp(&s->most, &t->most, sizeof(float)), 0);
        same_units(a->units + (size_t)c * (size_t)a->top, b->units + (size_t)c * (size_t)b->top,
                   a->top, c);
    }
}

static void shuffle(int *order, int n, uint64_t seed)
{
    for (int i = 0; i < n; i++)
        order[i] = (int)dcn__random_permute((uint64_t)i, (uint64_t)n, seed, 0);
}

static void is_sorting(void **state)
{
    static const int tops[] = { 1, 2, 3, 9, 10, 99, 100 };
    static const int counts[] = { 0, 1, 2, 8, 9, 10, 150, 400 };
    int order[400];

    (void)state;
    for (size_t i = 0; i < COUNT(tops); i++)
        for (size_t k = 0; k < COUNT(counts); k++)
            for (int kind = 0; kind < 3; kind++) {
                stream s = make_stream(counts[k], 13, kind, 100 * i + k);
                dcn__lists straight, mixed;

                must(dcn__lists_init(&straight, 13, tops[i], &err));
                must(dcn__lists_init(&mixed, 13, tops[i], &err));
                offer(&straight, &s, NULL, NULL, 0);
                is_brute_force(&straight, &s);
                if (counts[k])
                    shuffle(order, counts[k], i + 7);
                offer(&mixed, &s, order, NULL, 0);
                same_lists(&mixed, &straight);
                dcn__lists_clear(&straight);
                dcn__lists_clear(&mixed);
                free_stream(&s);
            }
}

static void parts_make_the_whole(void **state)
{
    int part[300], order[300], turn[12];

    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        const int parts = 1 + (int)(seed % 12), top = 1 + (int)(dcn__hash64(seed) % 100);
        stream s = make_stream(300, 5, (int)(seed % 3), seed);
        dcn__lists whole, sum, one[12];

        shuffle(order, 300, seed);
        shuffle(turn, parts, seed + 1);
        for (int p = 0; p < 300; p++)          /* some parts are empty */
            part[p] = (int)(dcn__hash64(seed * 1000 + (uint64_t)p) % (uint64_t)parts) / 2 * 2;
        must(dcn__lists_init(&whole, 5, top, &err));
        must(dcn__lists_init(&sum, 5, top, &err));
        offer(&whole, &s, NULL, NULL, 0);
        for (int i = 0; i < parts; i++) {
            must(dcn__lists_init(&one[i], 5, top, &err));
            offer(&one[i], &s, order, part, i);
        }
        for (int i = 0; i < parts; i++)
            dcn__lists_merge(&sum, &one[turn[i]]);
        same_lists(&sum, &whole);
        for (int i = 0; i < parts; i++)
            dcn__lists_clear(&one[i]);
        dcn__lists_clear(&sum);
        dcn__lists_clear(&whole);
        free_stream(&s);
    }
}

/* Equal for the same values at the same places, another for one difference anywhere. */
static void marks_tell_channels_apart(void **state)
{
    const float values[2][4] = { { 1, 1, 1, 1 }, { 2, 2, 2, 2.0000002f } };
    const int32_t cells[2][4] = { { 3, 3, 3, 3 }, { 4, 4, 5, 4 } };
    dcn__lists l, twice;

    (void)state;
    must(dcn__lists_init(&l, 4, 2, &err));
    must(dcn__lists_init(&twice, 4, 2, &err));
    for (int p = 0; p < 2; p++) {
        dcn__lists_offer(&l, p, values[p], cells[p], WIDTH);
        dcn__lists_offer(&twice, 1 - p, values[p], cells[p], WIDTH);
    }
    assert_true(l.tallies[0].mark == l.tallies[1].mark);
    assert_true(l.tallies[0].mark != l.tallies[2].mark);
    assert_true(l.tallies[0].mark != l.tallies[3].mark);
    assert_true(l.tallies[0].mark != twice.tallies[0].mark);      /* other pictures */
    dcn__lists_clear(&l);
    dcn__lists_clear(&twice);
}

static bool allow_some(void *user, size_t bytes)
{
    int *left = user;

    (void)bytes;
    return --*left >= 0;
}

static void impossible_lists(void **state)
{
    static const int sizes[3][2] = { { 0, 9 }, { 3, 0 }, { 3, 101 } };

    (void)state;
    for (int i = 0; i < 3; i++) {
        char sentence[100];
        dcn__lists l;

        snprintf(sentence, sizeof sentence, "lists: %d units of %d channels; report this", sizes[i][1], sizes[i][0]);
        must_say(dcn__lists_init(&l, sizes[i][0], sizes[i][1], &err), DCN_BUG, sentence);
        dcn__lists_clear(&l);
    }
}

static void without_memory(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        dcn__lists l;
        dcn_status st;
        int left = k;

        dcn__set_alloc_hook(allow_some, &left);
        st = dcn__lists_init(&l, 3, 9, &err);
        dcn__set_alloc_hook(NULL, NULL);
        assert_int_equal(st, k < 2 ? DCN_MEMORY : DCN_OK);
        dcn__lists_clear(&l);
    }
}

/* Where nothing enters a list: 13,000 channels a picture in well under 100 microseconds. The bound
 * here is loose, for machines that are busy or slowed by instruments. */
static void is_fast(void **state)
{
    enum { CHANNELS = 13000, ROUNDS = 40 };
    stream s = make_stream(20, CHANNELS, 0, 5);
    double least = 1e9;
    dcn__lists l;

    (void)state;
    must(dcn__lists_init(&l, CHANNELS, 9, &err));
    offer(&l, &s, NULL, NULL, 0);
    for (size_t i = 0; i < (size_t)CHANNELS; i++)
        s.values[i] = -9;
    for (int i = 0; i < ROUNDS; i++) {
        const double start = dcn__clock_ms();

        dcn__lists_offer(&l, 1000 + i, s.values, s.cells, WIDTH);
        least = fmin(least, dcn__clock_ms() - start);
    }
    print_message("%d channels: %.1f microseconds a picture\n", CHANNELS, least * 1e3);
    assert_true(least < 5);
    dcn__lists_clear(&l);
    free_stream(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorting),
        cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(marks_tell_channels_apart),
        cmocka_unit_test(impossible_lists),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(is_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
