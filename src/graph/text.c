/* text.c - a network as text: the reader. docs/formats/network.md is the grammar.
 *
 *     [NAME =] OP [INPUT ...] [SIZE] [key=value ...]      one node a line, or between semicolons
 *
 * A node without inputs takes the one before it. The writer is print.c. */
#include "graph/graph.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 1 << 20, MAX_LINE = 4096, MAX_NODES = 1000, MAX_TOKENS = 256 };

typedef struct token { const char *text; size_t length; int column; bool quoted; } token;

typedef struct reader {
    dcn_graph *graph;
    const char *where;
    int line;
    token tokens[MAX_TOKENS];
    int count, next;
    dcn_error *err;
} reader;

/* Everything that a line may say; only what its operator knows is accepted. */
typedef struct words {
    char name[DCN__MAX_NAME + 1];
    dcn_node inputs[MAX_TOKENS];
    int n_inputs;
    const token *size, *filters, *kernel, *stride, *pad, *dilation, *groups, *init, *bias;
} words;

static dcn_status refuse(const reader *r, const token *t, const char *what, const char *advice)
{
    char shown[64];

    dcn__text_escape(shown, sizeof shown, t->text, t->length > 40 ? 40 : t->length);
    return dcn__fail_line(r->err, DCN_USAGE, r->where, r->line, t->column, "%s \"%s\"; %s", what,
                          shown, advice);
}

static bool is(const token *t, const char *word)
{
    return !t->quoted && t->length == strlen(word) && memcmp(t->text, word, t->length) == 0;
}

/* ---- tokens --------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts one statement into words, "quoted names" and '=' signs that stand alone. */
static dcn_status cut(reader *r, const char *text, size_t n, int first_column)
{
    size_t i = 0;

    r->count = r->next = 0;
    while (i < n) {
        token t = { .text = text + i, .column = first_column + (int)i };

        if (is_space(text[i])) {
            i++;
            continue;
        }
        if (text[i] == '"') {
            const char *end = memchr(text + i + 1, '"', n - i - 1);

            if (!end) {
                t.length = n - i;
                return refuse(r, &t, "a quote is not closed:", "add the closing quote");
            }
            t.text++;
            t.length = (size_t)(end - t.text);
            t.quoted = true;
            i += t.length + 2;
        } else if (text[i] == '=') {
            t.length = 1;
            i++;
        } else {
            while (i < n && !is_space(text[i]) && text[i] != '"' &&
                   !(text[i] == '=' && (i + 1 == n || is_space(text[i + 1]))))
                i++;
            t.length = (size_t)(text + i - t.text);
        }
        if (r->count == MAX_TOKENS)
            return refuse(r, &t, "too many words before", "use shorter lines");
        r->tokens[r->count++] = t;
    }
    return DCN_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

/* False: not such numbers; *bad is then INT64_MIN, or the value that is out of range.
 * `n` numbers with `separator` between; a single one stands for all if `repeat`. */
static bool numbers(const token *t, char separator, int n, bool repeat, int64_t min, int64_t max,
                    int *out, int64_t *bad)
{
    const char *p = t->text, *end = t->text + t->length;

    *bad = INT64_MIN;
    for (int i = 0; i < n; i++) {
        const char *stop = i + 1 < n ? memchr(p, separator, (size_t)(end - p)) : end;
        int64_t v;

        if (!stop) {
            if (i > 0 || !repeat)
                return false;
            stop = end;
        }
        if (!dcn__parse_int(p, (size_t)(stop - p), INT64_MIN, INT64_MAX, &v))
            return false;
        if (v < min || v > max) {
            *bad = v;
            return false;
        }
        out[i] = (int)v;
        if (stop == end) {
            if (i + 1 < n && !(i == 0 && repeat))
                return false;
            for (int k = i + 1; k < n; k++)
                out[k] = out[i];
            return true;
        }
        p = stop + 1;
    }
    return true;
}

static dcn_status read_numbers(const reader *r, const token *t, const char *what, char separator,
                               int n, bool repeat, int64_t min, int64_t max, int *out)
{
    char not_a[48];
    int64_t bad;

    if (numbers(t, separator, n, repeat, min, max, out, &bad))
        return DCN_OK;
    if (bad != INT64_MIN)
        return dcn__fail_line(r->err, DCN_USAGE, r->where, r->line, t->column,
                              "%s %lld is outside %lld..%lld; correct the line", what,
                              (long long)bad, (long long)min, (long long)max);
    snprintf(not_a, sizeof not_a, "cannot read %s", what);
    return refuse(r, t, not_a, n == 1 ? "write a whole number, as 64"
                  : n == 3 ? "write HEIGHTxWIDTHxCHANNELS, as 24x24x3"
                  : n == 4 ? "write same, valid, 2 or TOP,LEFT,BOTTOM,RIGHT"
                  : "write 5 or ROWSxCOLUMNS, as 5x5");
}

static dcn_status read_pad(const reader *r, const token *t, dcn_pad *kind, int pad[4])
{
    *kind = DCN_PAD_SAME;
    if (!t || is(t, "same"))
        return DCN_OK;
    *kind = DCN_PAD_VALID;
    if (is(t, "valid"))
        return DCN_OK;
    *kind = DCN_PAD_EXPLICIT;
    return read_numbers(r, t, "pad", ',', 4, true, 0, 1 << 20, pad);
}

static dcn_status read_float(const reader *r, const token *t, double min, double max, float *out)
{
    double v;

    if (!dcn__parse_double(t->text, t->length, &v) || v < min || v > max)
        return refuse(r, t, "cannot read", "write a number, as 0.01");
    *out = (float)v;
    return DCN_OK;
}

/* ---- a statement ---------------------------------------------------------------------------- */

static dcn_node find_node(const dcn_graph *g, const token *t)
{
    char name[DCN__MAX_NAME + 1];

    if (t->length > DCN__MAX_NAME)
        return -1;
    memcpy(name, t->text, t->length);
    name[t->length] = '\0';
    return dcn_graph_find(g, name);
}

/* Keys of each operator, in the order of `slot`. */
static const char *const conv_keys[] = { "filters", "kernel", "stride", "pad", "dilation", "groups",
                                         "init", "bias" };
static const char *const pool_keys[] = { "kernel", "stride", "pad" };
static const char *const dense_keys[] = { "units" };

static const token **slot(words *w, const char *key)
{
    return strcmp(key, "filters") == 0 || strcmp(key, "units") == 0 ? &w->filters
           : strcmp(key, "kernel") == 0 ? &w->kernel
           : strcmp(key, "stride") == 0 ? &w->stride
           : strcmp(key, "pad") == 0 ? &w->pad
           : strcmp(key, "dilation") == 0 ? &w->dilation
           : strcmp(key, "groups") == 0 ? &w->groups
           : strcmp(key, "init") == 0 ? &w->init : &w->bias;
}

static const char *const *keys_of(dcn__op op, int *n)
{
    switch (op) {
    case DCN__OP_CONV:
        *n = 8;
        return conv_keys;
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        *n = 3;
        return pool_keys;
    case DCN__OP_DENSE:
        *n = 1;
        return dense_keys;
    default:
        *n = 0;
        return NULL;
    }
}

static void list_keys(char *out, size_t size, dcn__op op, const char *const *keys, int n)
{
    size_t used = (size_t)snprintf(out, size, "%s knows", dcn__op_row_of(op)->word);

    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s %s", i ? "," : "", keys[i]);
}

static dcn_status read_key(reader *r, token *t, dcn__op op, words *w)
{
    const char *equals = memchr(t->text, '=', t->length);
    char key[32], advice[160];
    const char *const *keys;
    const char *near;
    int n;

    keys = keys_of(op, &n);
    snprintf(key, sizeof key, "%.*s", (int)(equals - t->text), t->text);
    for (int i = 0; i < n; i++) {
        const token **place = slot(w, key);

        if (strcmp(keys[i], key) != 0)
            continue;
        if (*place)
            return refuse(r, t, "a key stands twice:", "keep one");
        /* From here on the token is the value alone. */
        t->column += (int)(equals + 1 - t->text);
        t->length -= (size_t)(equals + 1 - t->text);
        t->text = equals + 1;
        *place = t;
        return DCN_OK;
    }
    near = dcn__nearest(key, keys, n);
    if (near)
        snprintf(advice, sizeof advice, "did you mean %s?", near);
    else if (!n)
        snprintf(advice, sizeof advice, "%s takes no keys", dcn__op_row_of(op)->word);
    else
        list_keys(advice, sizeof advice, op, keys, n);
    t->length = (size_t)(equals - t->text);
    return refuse(r, t, "unknown key", advice);
}

static bool takes_size(dcn__op op)
{
    return op == DCN__OP_INPUT || op == DCN__OP_MAX_POOL || op == DCN__OP_AVG_POOL;
}

static dcn_status read_words(reader *r, dcn__op op, words *w)
{
    dcn_status st;

    for (; r->next < r->count; r->next++) {
        token *t = &r->tokens[r->next];

        if (!t->quoted && memchr(t->text, '=', t->length)) {
            if ((st = read_key(r, t, op, w)))
                return st;
        } else if (!t->quoted && takes_size(op) && !w->size &&
                   ((t->text[0] >= '0' && t->text[0] <= '9') || t->text[0] == '-' ||
                    is(t, "global"))) {
            w->size = t;
        } else if (op == DCN__OP_INPUT) {
            return refuse(r, t, "an input takes a size only, not",
                          "write input HEIGHTxWIDTHxCHANNELS");
        } else {
            const dcn_node node = find_node(r->graph, t);

            if (node < 0)
                return refuse(r, t, "no earlier node is called",
                              "name an earlier node, or write key=value without spaces");
            w->inputs[w->n_inputs++] = node;
        }
    }
    if (!w->n_inputs && op != DCN__OP_INPUT && r->graph->n_nodes)
        w->inputs[w->n_inputs++] = r->graph->n_nodes - 1;
    return DCN_OK;
}

static dcn_status build_conv(reader *r, const words *w, const token *first, dcn_node *node)
{
    dcn_conv_desc d = { .name = w->name[0] ? w->name : NULL };
    const token absent = { .text = first->text, .length = first->length, .column = first->column };
    dcn_status st = DCN_OK;

    if (!w->filters || !w->kernel)
        return refuse(r, &absent,
                      !w->filters ? "filters=N is missing from" : "kernel=N is missing from",
                      "write, say, conv filters=64 kernel=5");
    if ((st = read_numbers(r, w->filters, "filters", ',', 1, false, 1, 65536, &d.filters)) ||
        (st = read_numbers(r, w->kernel, "kernel", 'x', 2, true, 1, 1024, d.kernel)) ||
        (st = read_pad(r, w->pad, &d.pad_kind, d.pad)))
        return st;
    if (w->stride && (st = read_numbers(r, w->stride, "stride", 'x', 2, true, 1, 1024, d.stride)))
        return st;
    if (w->dilation &&
        (st = read_numbers(r, w->dilation, "dilation", 'x', 2, true, 1, 1024, d.dilation)))
        return st;
    if (w->groups &&
        (st = read_numbers(r, w->groups, "groups", ',', 1, false, 1, 65536, &d.groups)))
        return st;
    if (w->init && !is(w->init, "he") && (st = read_float(r, w->init, 1e-12, 1e6, &d.init_stddev)))
        return st;
    if (w->bias && is(w->bias, "no"))
        d.no_bias = 1;
    else if (w->bias && (st = read_float(r, w->bias, -1e6, 1e6, &d.init_bias)))
        return st;
    *node = dcn_graph_conv(r->graph, w->inputs[0], &d);
    return DCN_OK;
}

static dcn_status build_pool(reader *r, dcn__op op, const words *w, const token *first,
                             dcn_node *node)
{
    dcn_pool_desc d = { .name = w->name[0] ? w->name : NULL };
    const token *size = w->size ? w->size : w->kernel;
    dcn_status st;

    if (!size)
        return refuse(r, first, "the window's size is missing from",
                      "write, say, max_pool 2 or max_pool 3x3 stride=2");
    if (w->size && w->kernel)
        return refuse(r, w->kernel, "the window's size stands twice:", "keep one");
    if (!is(size, "global") &&
        (st = read_numbers(r, size, "kernel", 'x', 2, true, 1, 1024, d.window)))
        return st;
    if (w->stride && (st = read_numbers(r, w->stride, "stride", 'x', 2, true, 1, 1024, d.stride)))
        return st;
    if ((st = read_pad(r, w->pad, &d.pad_kind, d.pad)))
        return st;
    *node = op == DCN__OP_MAX_POOL ? dcn_graph_max_pool(r->graph, w->inputs[0], &d)
                                   : dcn_graph_avg_pool(r->graph, w->inputs[0], &d);
    return DCN_OK;
}

static dcn_status build(reader *r, dcn__op op, const words *w, const token *first, dcn_node *node)
{
    const char *name = w->name[0] ? w->name : NULL;
    dcn_graph *g = r->graph;
    dcn_status st;
    int v[3];

    if (op != DCN__OP_INPUT && !w->n_inputs)
        return refuse(r, first, "the network begins with",
                      "begin with input HEIGHTxWIDTHxCHANNELS");
    if (op != DCN__OP_CONCAT && w->n_inputs > (op == DCN__OP_ADD ? 2 : 1))
        return refuse(r, first, "too many inputs for", "name one (add: two)");
    switch (op) {
    case DCN__OP_INPUT:
        if (!w->size)
            return refuse(r, first, "the size is missing from",
                          "write input HEIGHTxWIDTHxCHANNELS");
        if ((st = read_numbers(r, w->size, "input size", 'x', 3, false, 1, 65536, v)))
            return st;
        *node = dcn_graph_input(g, name, (dcn_shape){ v[0], v[1], v[2] });
        return DCN_OK;
    case DCN__OP_CONV:
        return build_conv(r, w, first, node);
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        return build_pool(r, op, w, first, node);
    case DCN__OP_DENSE:
        if (!w->filters)
            return refuse(r, first, "units=N is missing from", "write, say, dense units=10");
        if ((st = read_numbers(r, w->filters, "units", ',', 1, false, 1, 65536, v)))
            return st;
        *node = dcn_graph_dense(g, w->inputs[0], &(dcn_dense_desc){ .name = name, .units = v[0] });
        return DCN_OK;
    case DCN__OP_ADD:
        if (w->n_inputs != 2)
            return refuse(r, first, "two inputs are missing from", "write add FIRST SECOND");
        *node = dcn_graph_add(g, (const dcn_node[]){ w->inputs[0], w->inputs[1] }, 2, name);
        return DCN_OK;
    case DCN__OP_RELU:
        *node = dcn_graph_relu(g, w->inputs[0], name);
        return DCN_OK;
    case DCN__OP_CONCAT:
        *node = dcn_graph_concat(g, w->inputs, w->n_inputs, name);
        return DCN_OK;
    case DCN__OP_SOFTMAX:
        *node = dcn_graph_softmax(g, w->inputs[0], name);
        return DCN_OK;
    case DCN__OP_COUNT:
        break;
    }
    return DCN_OK;
}

static dcn_status read_op(reader *r, const token *t, dcn__op *op)
{
    const char *all[DCN__OP_COUNT];
    char word[48], advice[96];
    const char *near;

    for (int i = 0; i < DCN__OP_COUNT; i++) {
        all[i] = dcn__op_row_of((dcn__op)i)->word;
        if (is(t, all[i])) {
            *op = (dcn__op)i;
            return DCN_OK;
        }
    }
    snprintf(word, sizeof word, "%.*s", (int)(t->length < 40 ? t->length : 40), t->text);
    near = dcn__nearest(word, all, DCN__OP_COUNT);
    snprintf(advice, sizeof advice,
             near ? "did you mean %s?" : "deconvnet help lists the operators", near);
    return refuse(r, t, "unknown operator", advice);
}

static dcn_status statement(reader *r)
{
    words w = { .n_inputs = 0 };
    const token *first = &r->tokens[0];
    dcn_status st;
    dcn_node node = -1;
    dcn__op op = DCN__OP_INPUT;

    if (!r->count)
        return DCN_OK;
    if (r->count > 1 && is(&r->tokens[1], "=")) {
        if (first->length > DCN__MAX_NAME)
            return refuse(r, first, "the name is longer than 128 bytes:", "shorten it");
        memcpy(w.name, first->text, first->length);
        w.name[first->length] = '\0';
        if (!dcn__name_is_valid(w.name))
            return refuse(r, first, "not a name:", "use letters, digits and _");
        r->next = 2;
        if (r->count == 2)
            return refuse(r, first, "no operator after", "write NAME = OP");
    }
    first = &r->tokens[r->next++];
    if (r->graph->n_nodes == MAX_NODES)
        return refuse(r, first, "more than 1000 nodes before", "make the network smaller");
    if ((st = read_op(r, first, &op)) || (st = read_words(r, op, &w)) ||
        (st = build(r, op, &w, first, &node)))
        return st;
    if (node < 0 && r->graph->error.status == DCN_MEMORY)
        return dcn_graph_check(r->graph, r->err);
    if (node < 0)   /* a builder refused: its sentence, at this line */
        return dcn__fail_line(r->err, DCN_USAGE, r->where, r->line, r->tokens[0].column, "%s",
                              r->graph->error.text);
    return DCN_OK;
}

dcn_status dcn_graph_parse(dcn_graph **graph, const char *text, size_t bytes, const char *where,
                           const dcn_limits *limits, dcn_error *err)
{
    const int64_t limit = limits && limits->max_text_bytes ? limits->max_text_bytes : MAX_TEXT;
    reader r = { .where = where ? where : "network", .line = 1, .err = err };
    dcn_status st;
    size_t start = 0, line_start = 0;
    bool quoted = false;          /* in a quoted name ';' and '#' mean themselves */

    *graph = NULL;
    if ((int64_t)bytes > limit)
        return dcn__fail(err, DCN_USAGE, r.where,
                         "holds %zu bytes, the limit is %lld; is it a network?", bytes,
                         (long long)limit);
    if (memchr(text, '\0', bytes))
        return dcn__fail(err, DCN_USAGE, r.where,
                         "holds a zero byte, it is not text; name a network file");
    if ((st = dcn_graph_create(&r.graph, err)))
        return st;
    for (size_t i = 0; !st && i <= bytes; i++) {
        const char c = i < bytes ? text[i] : '\n';

        quoted ^= c == '"';
        if (c == '#' && !quoted) {
            const char *end = memchr(text + i, '\n', bytes - i);
            const size_t stop = end ? (size_t)(end - text) : bytes;

            if (!(st = cut(&r, text + start, i - start, (int)(start - line_start) + 1)))
                st = statement(&r);
            start = i = stop;
            if (i == bytes)
                break;
        } else if (c != '\n' && (c != ';' || quoted)) {
            if (i - line_start >= MAX_LINE)
                st = dcn__fail_line(err, DCN_USAGE, r.where, r.line, MAX_LINE,
                                    "the line is longer than "
                                    "%d bytes; break it",
                                    MAX_LINE);
            continue;
        } else if (!(st = cut(&r, text + start, i - start, (int)(start - line_start) + 1))) {
            st = statement(&r);
        }
        start = i + 1;
        if (i < bytes && text[i] == '\n') {
            r.line++;
            line_start = start;
            quoted = false;
        }
    }
    if (!st && r.graph->n_nodes < 2)
        st = dcn__fail_line(err, DCN_USAGE, r.where, r.line, 1,
                            "the network has %d nodes; give it an input "
                            "and at least one more",
                            r.graph->n_nodes);
    if (st) {
        dcn_graph_destroy(r.graph);
        return st;
    }
    *graph = r.graph;
    return DCN_OK;
}
