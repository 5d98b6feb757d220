/* print.c - a network as text: the canonical form, which the reader in text.c takes back. */
#include "graph/graph.h"

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

static void print_pair(dcn__string *s, const char *format, const int v[2])
{
    char text[32];

    if (v[0] == v[1])
        snprintf(text, sizeof text, "%d", v[0]);
    else
        snprintf(text, sizeof text, "%dx%d", v[0], v[1]);
    dcn__string_printf(s, " %s=%s", format, text);
}

static void print_pad(dcn__string *s, const dcn__window *w)
{
    if (w->pad_kind == DCN_PAD_VALID)
        dcn__string_printf(s, " pad=valid");
    else if (w->pad_kind == DCN_PAD_EXPLICIT)
        dcn__string_printf(s, " pad=%d,%d,%d,%d", w->pad[0], w->pad[1], w->pad[2], w->pad[3]);
}

/* The shortest decimal that reads back as the same float, in every locale. */
static void print_float(dcn__string *s, const char *key, float v)
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
    dcn__string_printf(s, " %s=%s", key, text);
}

static void print_conv(dcn__string *s, const dcn__node *n)
{
    static const int ones[2] = { 1, 1 };
    const dcn__window *w = &n->window;

    dcn__string_printf(s, " filters=%d", n->shape.c);
    print_pair(s, "kernel", w->kernel);
    if (memcmp(w->stride, ones, sizeof ones) != 0)
        print_pair(s, "stride", w->stride);
    print_pad(s, w);
    if (memcmp(w->dilation, ones, sizeof ones) != 0)
        print_pair(s, "dilation", w->dilation);
    if (n->groups != 1)
        dcn__string_printf(s, " groups=%d", n->groups);
    if (n->init_stddev > 0)
        print_float(s, "init", n->init_stddev);
    if (n->bias < 0)
        dcn__string_printf(s, " bias=no");
    else if (n->init_bias != 0)
        print_float(s, "bias", n->init_bias);
}

static void print_pool(dcn__string *s, const dcn__node *n)
{
    const dcn__window *w = &n->window;

    if (w->global) {
        dcn__string_printf(s, " global");
        return;
    }
    dcn__string_printf(s, " %dx%d", w->kernel[0], w->kernel[1]);
    if (memcmp(w->stride, w->kernel, sizeof w->stride) != 0)
        print_pair(s, "stride", w->stride);
    print_pad(s, w);
}

static void print_node(dcn__string *s, const dcn_graph *g, dcn_node id)
{
    const dcn__node *n = &g->nodes[id];

    print_name(s, n->name);
    dcn__string_printf(s, " = %s", dcn__op_row_of(n->op)->word);
    if (n->n_inputs > 1 || (n->n_inputs == 1 && n->inputs[0] != id - 1))
        for (int i = 0; i < n->n_inputs; i++) {
            dcn__string_printf(s, " ");
            print_name(s, g->nodes[n->inputs[i]].name);
        }
    switch (n->op) {
    case DCN__OP_INPUT:
        dcn__string_printf(s, " %dx%dx%d", n->shape.h, n->shape.w, n->shape.c);
        break;
    case DCN__OP_CONV:
        print_conv(s, n);
        break;
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        print_pool(s, n);
        break;
    case DCN__OP_DENSE:
        dcn__string_printf(s, " units=%d", n->shape.c);
        break;
    default:
        break;
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
