/* fuzz_network.c - network descriptions: what is accepted prints as a text that gives the same text
 * again.
 *
 * Statements are dropped, doubled, swapped and joined; new ones are made by the table of words that
 * reader and writer follow. */
#include "fuzz.h"

#include "base/random.h"
#include "graph/words.h"

enum { MOST = 128, ROOM = 1 << 15 };

/* ---- changes ------------------------------------------------------------------------------- */

typedef struct piece { const char *text; size_t n; } piece;

/* Cuts at any of `ends`, which are left out. */
static int cut(piece at[MOST], const char *text, size_t n, const char *ends)
{
    int count = 0;

    while (n && count < MOST) {
        size_t length = 0;

        while (length < n && text[length] && !strchr(ends, text[length]))
            length++;
        at[count++] = (piece){ text, length };
        length += length < n;
        text += length;
        n -= length;
    }
    return count;
}

static void add(dcn__string *s, piece p)
{
    dcn__string_append(s, p.text, p.n);
}

static void add_number(dcn__string *s, const dcn__word *w, dcn__random *r)
{
    static const char *const odd[] = { "0", "-1", "1", "2", "3", "65536", "65537", "2147483647",
                                       "2147483648", "-9223372036854775808", "1e30", "1e-45",
                                       "9223372036854775808", "nan", "inf", "0x10", "1.", "+1", "" };
    const uint64_t what = dcn__random_below(r, 16);

    if (what == 0)
        dcn__string_printf(s, "%s", odd[dcn__random_below(r, sizeof odd / sizeof *odd)]);
    else if (what == 1 && w)
        dcn__string_printf(s, "%.0f", dcn__random_below(r, 2) ? w->max : w->min);
    else
        dcn__string_printf(s, "%d", 1 + (int)dcn__random_below(r, 8));
}

static void add_numbers(dcn__string *s, const dcn__word *w, char separator, int n, dcn__random *r)
{
    const int count = dcn__random_below(r, 16) ? n : 1 + (int)dcn__random_below(r, 5);

    for (int i = 0; i < count; i++) {
        if (i)
            dcn__string_append(s, &separator, 1);
        add_number(s, w, r);
    }
}

static void add_value(dcn__string *s, const dcn__word *w, dcn__random *r)
{
    static const char *const words[] = { "same", "valid", "global", "no", "yes", "he", "chw", "hwc" };
    const bool alone = dcn__random_below(r, 2);

    if (dcn__random_below(r, 12) == 0) {
        dcn__string_printf(s, "%s", words[dcn__random_below(r, 8)]);
        return;
    }
    switch (w->kind) {
    case DCN__WORD_WHOLE: add_number(s, w, r); break;
    case DCN__WORD_PAIR:
    case DCN__WORD_WINDOW: add_numbers(s, w, 'x', alone ? 1 : 2, r); break;
    case DCN__WORD_SHAPE: add_numbers(s, w, 'x', 3, r); break;
    case DCN__WORD_SIDES: add_numbers(s, w, ',', alone ? 1 : 4, r); break;
    case DCN__WORD_PAD:
        if (dcn__random_below(r, 2))
            add_numbers(s, w, ',', alone ? 1 : 4, r);
        else
            dcn__string_printf(s, "%s", words[alone]);
        break;
    case DCN__WORD_NUMBER:
    case DCN__WORD_INIT:
    case DCN__WORD_BIAS:
        if (alone)
            add_number(s, w, r);
        else
            dcn__string_printf(s, "%.3g", dcn__random_unit(r));
        break;
    case DCN__WORD_ORDER: dcn__string_printf(s, "%s", words[6 + alone]); break;
    default: dcn__string_printf(s, "%s", words[3 + alone]);
    }
}

/* The name of a statement that has one. NULL: none was hit upon. */
static const piece *some_name(const piece *at, int n, piece *name, dcn__random *r)
{
    const piece *p = n ? &at[dcn__random_below(r, (uint64_t)n)] : NULL;
    const char *equals = p ? memmem(p->text, p->n, " =", 2) : NULL;

    if (!equals)
        return NULL;
    *name = (piece){ p->text, (size_t)(equals - p->text) };
    while (name->n && *name->text == ' ') {
        name->text++;
        name->n--;
    }
    return name;
}

/* A statement by the table, with keys that its operator knows, most of the time. */
static void add_statement(dcn__string *s, const piece *at, int n, dcn__random *r)
{
    const dcn__op op = (dcn__op)dcn__random_below(r, DCN__OP_COUNT);
    const int most = dcn__most_inputs(op) > 3 ? 3 : dcn__most_inputs(op);
    const dcn__word *words;
    piece name;
    int n_words;

    words = dcn__words_of(op, &n_words);
    if (dcn__random_below(r, 2))
        dcn__string_printf(s, "n%d = ", (int)dcn__random_below(r, 8));
    dcn__string_printf(s, "%s", dcn__op_row_of(op)->word);
    for (int i = 0; i < most; i++)
        if ((i < dcn__least_inputs(op) - 1 || dcn__random_below(r, 3) == 0) &&
            some_name(at, n, &name, r)) {
            dcn__string_printf(s, " ");
            add(s, name);
        }
    for (int i = 0; i < n_words; i++) {
        const dcn__word *w = dcn__random_below(r, 32) ? &words[i]
            : &words[dcn__random_below(r, (uint64_t)n_words)];

        if (!w->needed && dcn__random_below(r, 2))
            continue;
        dcn__string_printf(s, w->bare && dcn__random_below(r, 8) ? " " : " %s=", w->key);
        add_value(s, w, r);
    }
}

/* The statement with one of its words changed: dropped, doubled, of another statement, odd. */
static void add_changed(dcn__string *s, piece p, const piece *at, int n, dcn__random *r)
{
    static const char *const odd[] = { "\"", "\"\"", "=", "#", "\t", "\r", "'", "\xc3", "\xe2\x82\xac",
                                       "\x1b", "a=b=c", "\"a b\"", "global", "kernel=", "=3" };
    piece words[MOST], others[MOST];
    const int count = cut(words, p.text, p.n, " ");
    const piece other = at[dcn__random_below(r, (uint64_t)n)];
    const int more = cut(others, other.text, other.n, " ");
    const int w = count ? (int)dcn__random_below(r, (uint64_t)count) : 0;
    const uint64_t what = dcn__random_below(r, 6);

    for (int i = 0; i < count; i++) {
        const char *equals = memchr(words[i].text, '=', words[i].n);

        if (i)
            dcn__string_printf(s, " ");
        if (i != w || what == 1) {
            add(s, words[i]);
            if (i == w) {
                dcn__string_printf(s, " ");
                add(s, words[i]);
            }
        } else if (what == 2 && more) {
            add(s, others[dcn__random_below(r, (uint64_t)more)]);
        } else if (what == 3) {
            dcn__string_printf(s, "%s", odd[dcn__random_below(r, sizeof odd / sizeof *odd)]);
        } else if (what > 3) {
            if (equals)
                dcn__string_append(s, words[i].text, (size_t)(equals + 1 - words[i].text));
            add_numbers(s, NULL, dcn__random_below(r, 2) ? 'x' : ',',
                        1 + (int)dcn__random_below(r, 4), r);
        }
    }
}

static void change(dcn__string *s, const piece *at, int n, dcn__random *r)
{
    const uint64_t what = dcn__random_below(r, 8);
    const int a = (int)dcn__random_below(r, (uint64_t)n), b = (int)dcn__random_below(r, (uint64_t)n);

    for (int i = 0; i < n; i++) {
        const piece p = at[what == 0 && i == a ? b : what == 0 && i == b ? a : i];

        if (what == 1 && i == a)
            continue;
        if (what == 2 && i == a)
            add(s, at[b]);
        else if (what == 3 && i == a)
            dcn__string_printf(s, "%s", dcn__random_below(r, 2) ? "# ;" : "");
        else if (what > 2 && what < 6 && i == a)
            add_changed(s, p, at, n, r);
        else
            add(s, p);
        dcn__string_printf(s, dcn__random_below(r, 16) ? "\n" : ";");
        if (what >= 6 && i == a) {
            add_statement(s, at, n, r);
            dcn__string_printf(s, "\n");
        }
    }
}

size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    dcn__random r = dcn__random_stream(seed, size, 4);
    dcn__string s = { 0 };
    piece at[MOST];
    const int n = cut(at, (const char *)data, size, "\n;");

    if (!n)
        return size;
    change(&s, at, n, &r);
    if (!s.failed && s.length && s.length <= max_size && s.length <= ROOM) {
        memcpy(data, s.text, s.length);
        size = s.length;
    }
    dcn__string_clear(&s);
    return size;
}

FUZZ_MUTATOR

/* ---- reading ------------------------------------------------------------------------------- */

static char *text_of(const dcn_graph *g)
{
    const size_t n = dcn_graph_text(g, NULL, 0);
    char *text = malloc(n + 1);

    if (!text || dcn_graph_text(g, text, n + 1) != n)
        abort();
    return text;
}

static void check_text(const dcn_graph *graph, dcn_error *err)
{
    char *text = text_of(graph), *text_again;
    dcn_graph *again;

    if (dcn_graph_parse(&again, text, strlen(text), "again", NULL, err))
        fault("the canonical text is refused", err);
    text_again = text_of(again);
    if (strcmp(text, text_again) != 0)
        abort();
    free(text_again);
    free(text);
    dcn_graph_destroy(again);
}

static dcn_status read_network(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_graph *graph;
    dcn_status st = dcn_graph_parse(&graph, (const char *)data, size, "fuzz", NULL, err);

    if (!st && !fuzz_failing)
        check_text(graph, err);
    dcn_graph_destroy(graph);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_network, data, size);
    return 0;
}
