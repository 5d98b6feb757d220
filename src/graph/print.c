/* print.c - a network as text: the canonical form, which the reader in text.c takes back. */
#include "graph/words.h"

#include "base/locale.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* A name needs quotes if the reader could take it for something else. */
static void print_name(dcn__string *s, const char *name)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-";
    const bool bare = strspn(name, plain) == strlen(name) && !(name[0] >= '0' && name[0] <= '9') &&
                      name[0] != '-' && strcmp(name, "global") != 0;

    dcn__string_printf(s, bare ? "%s" : "\"%s\"", name);
}

/* The shortest decimal that reads back as the same float, in every locale. */
static void print_float(dcn__string *s, float v)
{
    const locale_t before = dcn__locale_enter();
    char text[40];
    double back;

    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (dcn__parse_double(text, strlen(text), &back) && (float)back == v)
            break;
    }
    dcn__locale_leave(before);
    dcn__string_printf(s, "%s", text);
}

/* ---- values ---------------------------------------------------------------------------------- */

static const int *whole(const dcn__node *n, const dcn__word *w)
{
    return (const int *)(const void *)((const char *)n + w->at);
}

static float number(const dcn__node *n, const dcn__word *w)
{
    return *(const float *)(const void *)((const char *)n + w->at);
}

static bool flag(const dcn__node *n, const dcn__word *w)
{
    return *(const bool *)((const char *)n + w->at);
}

static bool pair_is_usual(const dcn__node *n, const dcn__word *w)
{
    const int *v = whole(n, w), usual = (int)w->usual;

    if (!usual)                   /* of a pool's stride */
        return v[0] == n->window.kernel[0] && v[1] == n->window.kernel[1];
    return v[0] == usual && v[1] == usual;
}

static bool is_usual(const dcn__node *n, const dcn__word *w)
{
    if (n->window.global && w->kind != DCN__WORD_WINDOW)
        return true;
    if (w->needed)
        return false;
    switch (w->kind) {
    case DCN__WORD_WHOLE:
    case DCN__WORD_ORDER:
        return *whole(n, w) == (int)w->usual;
    case DCN__WORD_PAIR:
        return pair_is_usual(n, w);
    case DCN__WORD_PAD:
        return n->window.pad_kind == DCN_PAD_SAME;
    case DCN__WORD_NUMBER:
    case DCN__WORD_INIT:
    case DCN__WORD_FORM:
        return number(n, w) == (float)w->usual;
    case DCN__WORD_BIAS:
        return n->bias >= 0 && number(n, w) == (float)w->usual;
    case DCN__WORD_NO_BIAS:
        return n->bias >= 0;
    case DCN__WORD_FLAG:
        return !flag(n, w);
    default:
        return false;
    }
}

static void print_pair(dcn__string *s, const int v[2])
{
    dcn__string_printf(s, v[0] == v[1] ? "%d" : "%dx%d", v[0], v[1]);
}

/* Without what a last window hangs over: that follows from ceil. */
static void print_sides(dcn__string *s, const dcn__window *w)
{
    dcn__string_printf(s, "%d,%d,%d,%d", w->pad[0], w->pad[1], w->pad[2] - w->over[0],
                       w->pad[3] - w->over[1]);
}

static void print_value(dcn__string *s, const dcn__node *n, const dcn__word *w)
{
    switch (w->kind) {
    case DCN__WORD_WHOLE:
        dcn__string_printf(s, "%d", *whole(n, w));
        break;
    case DCN__WORD_PAIR:
        print_pair(s, whole(n, w));
        break;
    case DCN__WORD_WINDOW:
        if (n->window.global)
            dcn__string_printf(s, "global");
        else
            dcn__string_printf(s, "%dx%d", n->window.kernel[0], n->window.kernel[1]);
        break;
    case DCN__WORD_SHAPE:
        dcn__string_printf(s, "%dx%dx%d", n->shape.h, n->shape.w, n->shape.c);
        break;
    case DCN__WORD_PAD:
        if (n->window.pad_kind == DCN_PAD_VALID)
            dcn__string_printf(s, "valid");
        else
            print_sides(s, &n->window);
        break;
    case DCN__WORD_SIDES:
        print_sides(s, &n->window);
        break;
    case DCN__WORD_NUMBER:
    case DCN__WORD_INIT:
        print_float(s, number(n, w));
        break;
    case DCN__WORD_BIAS:
        if (n->bias >= 0)
            print_float(s, number(n, w));
        else
            dcn__string_printf(s, "no");
        break;
    case DCN__WORD_NO_BIAS:
        dcn__string_printf(s, "no");
        break;
    case DCN__WORD_FLAG:
    case DCN__WORD_FORM:
        dcn__string_printf(s, "yes");
        break;
    case DCN__WORD_ORDER:
        dcn__string_printf(s, *whole(n, w) == DCN_ORDER_HWC ? "hwc" : "chw");
        break;
    }
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void print_node(dcn__string *s, const dcn_graph *g, dcn_node id)
{
    const dcn__node *n = &g->nodes[id];
    const dcn__word *words;
    int n_words;

    print_name(s, n->name);
    dcn__string_printf(s, " = %s", dcn__op_row_of(n->op)->word);
    if (n->n_inputs > 1 || (n->n_inputs == 1 && n->inputs[0] != id - 1))
        for (int i = 0; i < n->n_inputs; i++) {
            dcn__string_printf(s, " ");
            print_name(s, g->nodes[n->inputs[i]].name);
        }
    words = dcn__words_of(n->op, &n_words);
    for (int i = 0; i < n_words; i++) {
        if (is_usual(n, &words[i]))
            continue;
        dcn__string_printf(s, words[i].bare ? " " : " %s=", words[i].key);
        print_value(s, n, &words[i]);
    }
    dcn__string_printf(s, "\n");
}

size_t dcn_graph_text(const dcn_graph *g, char *text, size_t size)
{
    dcn__string s = { 0 };
    size_t length;

    for (dcn_node i = 0; i < g->n_nodes; i++)
        print_node(&s, g, i);
    length = s.failed ? 0 : s.length;
    if (size)
        snprintf(text, size, "%s", s.failed || !s.text ? "" : s.text);
    dcn__string_clear(&s);
    return length;
}
