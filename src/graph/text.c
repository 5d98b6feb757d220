/* text.c - a network as text: the reader. docs/formats/network.md is the grammar.
 *
 *     [NAME =] OP [INPUT ...] [SIZE] [key=value ...]      one node a line, or between semicolons
 *
 * A node without inputs takes the one before it. Which words an operator knows says the table in
 * words.c. The writer is print.c. */
#include "graph/words.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 1 << 20, MAX_LINE = 4096, MAX_NODES = 1000, MAX_TOKENS = 256,
       MAX_WORDS = 8 };

typedef struct token { const char *text; size_t length; int column; bool quoted; } token;

typedef struct reader {
    dcn_graph *graph;
    const char *where;
    int64_t max_nodes;
    int line;
    token tokens[MAX_TOKENS];
    int count, next;
    dcn_error *err;
} reader;

/* What a line says. */
typedef struct words {
    char name[DCN__MAX_NAME + 1];
    dcn_node inputs[MAX_TOKENS];
    int n_inputs;
    const dcn__word *rows;        /* of its operator */
    int n_rows;
    const token *bare;            /* the word without a key, if there is one */
    const token *values[MAX_WORDS];   /* by row: what stands behind its key */
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

/* Of words whose range is one of whole numbers: others may lie beyond int64_t. */
static dcn_status read_numbers(const reader *r, const token *t, const char *what, char separator,
                               int n, bool repeat, const dcn__word *w, int *out)
{
    const int64_t min = (int64_t)w->min, max = (int64_t)w->max;
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
                  : n == 4 ? min < 0 ? "write 2 or TOP,LEFT,BOTTOM,RIGHT"
                             : "write same, valid, 2 or TOP,LEFT,BOTTOM,RIGHT"
                  : "write 5 or ROWSxCOLUMNS, as 5x5");
}

static dcn_status read_number(const reader *r, const token *t, const dcn__word *w, float *out)
{
    double v;

    if (!dcn__parse_double(t->text, t->length, &v))
        return refuse(r, t, "cannot read", "write a number, as 0.01");
    if (!(v >= w->min && v <= w->max))
        return dcn__fail_line(r->err, DCN_USAGE, r->where, r->line, t->column,
                              "%s %g is outside %g..%g; correct the line", w->key, v, w->min,
                              w->max);
    *out = (float)v;
    return DCN_OK;
}

/* One of two words: 0 or 1. */
static dcn_status read_choice(const reader *r, const token *t, const dcn__word *w,
                              const char *zero, const char *one, int *out)
{
    char not_a[48], advice[48];

    *out = is(t, one);
    if (*out || is(t, zero))
        return DCN_OK;
    snprintf(not_a, sizeof not_a, "cannot read %s", w->key);
    snprintf(advice, sizeof advice, "write %s or %s", one, zero);
    return refuse(r, t, not_a, advice);
}

static dcn_status read_pad(const reader *r, const token *t, const dcn__word *w, dcn__window *window)
{
    if (is(t, "same"))
        window->pad_kind = DCN_PAD_SAME;
    else if (is(t, "valid"))
        window->pad_kind = DCN_PAD_VALID;
    else
        window->pad_kind = DCN_PAD_EXPLICIT;
    if (window->pad_kind != DCN_PAD_EXPLICIT)
        return DCN_OK;
    return read_numbers(r, t, "pad", ',', 4, true, w, window->pad);
}

/* Reads the value of a row into its member. */
static dcn_status read_value(const reader *r, const token *t, const dcn__word *w, dcn__node *n)
{
    void *at = (char *)n + w->at;
    dcn_status st;
    int v = 0;

    switch (w->kind) {
    case DCN__WORD_WHOLE:
        return read_numbers(r, t, w->key, ',', 1, false, w, at);
    case DCN__WORD_WINDOW:
        n->window.global = is(t, "global");
        return n->window.global ? DCN_OK : read_numbers(r, t, w->key, 'x', 2, true, w, at);
    case DCN__WORD_PAIR:
        return read_numbers(r, t, w->key, 'x', 2, true, w, at);
    case DCN__WORD_SHAPE:
        return read_numbers(r, t, w->op == DCN__OP_INPUT ? "input size" : "size", 'x', 3, false, w,
                            at);
    case DCN__WORD_SIDES:
        return read_numbers(r, t, "sides", ',', 4, true, w, at);
    case DCN__WORD_PAD:
        return read_pad(r, t, w, &n->window);
    case DCN__WORD_INIT:
        return is(t, "he") ? DCN_OK : read_number(r, t, w, at);
    case DCN__WORD_BIAS:
        n->bias = is(t, "no") ? -1 : 0;
        return n->bias ? DCN_OK : read_number(r, t, w, at);
    case DCN__WORD_NUMBER:
        return read_number(r, t, w, at);
    case DCN__WORD_NO_BIAS:
        st = read_choice(r, t, w, "no", "yes", &v);
        n->bias = v - 1;
        return st;
    case DCN__WORD_FLAG:
        st = read_choice(r, t, w, "no", "yes", &v);
        *(bool *)at = v;
        return st;
    case DCN__WORD_FORM:
        st = read_choice(r, t, w, "no", "yes", &v);
        *(float *)at = (float)v;
        return st;
    case DCN__WORD_ORDER:
        st = read_choice(r, t, w, "chw", "hwc", &v);
        n->order = v ? DCN_ORDER_HWC : DCN_ORDER_CHW;
        return st;
    }
    return DCN_OK;
}

/* What a line that does not say otherwise means. */
static void set_usual(const dcn__word *w, dcn__node *n)
{
    void *at = (char *)n + w->at;

    if (w->kind == DCN__WORD_WHOLE)
        *(int *)at = (int)w->usual;
    else if (w->kind == DCN__WORD_PAIR)
        ((int *)at)[0] = ((int *)at)[1] = (int)w->usual;
    else if (w->kind == DCN__WORD_NUMBER || w->kind == DCN__WORD_FORM ||
             w->kind == DCN__WORD_INIT || w->kind == DCN__WORD_BIAS)
        *(float *)at = (float)w->usual;
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

static void list_keys(char *out, size_t size, dcn__op op, const char *const *keys, int n)
{
    size_t used = (size_t)snprintf(out, size, "%s knows", dcn__op_row_of(op)->word);

    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s %s", i ? "," : "", keys[i]);
}

static dcn_status unknown_key(const reader *r, const token *t, dcn__op op, const char *key,
                              const words *w)
{
    const char *keys[MAX_WORDS], *near;
    char advice[160];
    int n = 0;

    for (int i = 0; i < w->n_rows; i++)
        if (w->rows[i].key[0])
            keys[n++] = w->rows[i].key;
    near = dcn__nearest(key, keys, n);
    if (near)
        snprintf(advice, sizeof advice, "did you mean %s?", near);
    else if (!n)
        snprintf(advice, sizeof advice, "%s takes no keys", dcn__op_row_of(op)->word);
    else
        list_keys(advice, sizeof advice, op, keys, n);
    return refuse(r, t, "unknown key", advice);
}

static dcn_status read_key(const reader *r, token *t, dcn__op op, words *w)
{
    const char *equals = memchr(t->text, '=', t->length);
    char key[32];

    snprintf(key, sizeof key, "%.*s", (int)(equals - t->text), t->text);
    for (int i = 0; i < w->n_rows; i++) {
        if (!key[0] || strcmp(w->rows[i].key, key) != 0)
            continue;
        if (w->values[i])
            return refuse(r, t, "a key stands twice:", "keep one");
        /* From here on the token is the value alone. */
        t->column += (int)(equals + 1 - t->text);
        t->length -= (size_t)(equals + 1 - t->text);
        t->text = equals + 1;
        w->values[i] = t;
        return DCN_OK;
    }
    t->length = (size_t)(equals - t->text);
    return unknown_key(r, t, op, key, w);
}

static bool is_bare(const token *t, const words *w)
{
    return !t->quoted && w->n_rows && w->rows[0].bare && !w->bare &&
           ((t->text[0] >= '0' && t->text[0] <= '9') || t->text[0] == '-' || is(t, "global"));
}

static dcn_status read_words(reader *r, dcn__op op, words *w)
{
    dcn_status st;

    for (; r->next < r->count; r->next++) {
        token *t = &r->tokens[r->next];

        if (!t->quoted && memchr(t->text, '=', t->length)) {
            if ((st = read_key(r, t, op, w)))
                return st;
        } else if (is_bare(t, w)) {
            w->bare = t;
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

/* ---- a node ---------------------------------------------------------------------------------- */

static dcn_status check_inputs(const reader *r, dcn__op op, const words *w, const token *first)
{
    const int most = dcn__most_inputs(op);
    char advice[48];

    if (op != DCN__OP_INPUT && !w->n_inputs)
        return refuse(r, first, "the network begins with",
                      "begin with input HEIGHTxWIDTHxCHANNELS");
    if (w->n_inputs < dcn__least_inputs(op))
        return refuse(r, first, "two inputs are missing from", dcn__words_example(op));
    snprintf(advice, sizeof advice, "name at most %d", most);
    return w->n_inputs <= most ? DCN_OK : refuse(r, first, "too many inputs for",
                                                 most == 1 ? "name one" : advice);
}

static dcn_status missing(const reader *r, const dcn__word *w, const token *first)
{
    char what[64];

    snprintf(what, sizeof what, "%s=N is missing from", w->key);
    return refuse(r, first,
                  w->kind == DCN__WORD_WINDOW  ? "the window's size is missing from"
                  : w->kind == DCN__WORD_SHAPE ? "the size is missing from"
                  : w->kind == DCN__WORD_SIDES ? "the sides are missing from" : what,
                  dcn__words_example(w->op));
}

/* Reads what the line says into a node. */
static dcn_status read_node(const reader *r, words *w, const token *first, dcn__node *n)
{
    dcn_status st;

    if (w->bare && w->values[0])
        return refuse(r, w->values[0], "the window's size stands twice:", "keep one");
    if (w->bare)
        w->values[0] = w->bare;
    for (int i = 0; i < w->n_rows; i++)
        if (w->rows[i].needed && !w->values[i])
            return missing(r, &w->rows[i], first);
    for (int i = 0; i < w->n_rows; i++) {
        set_usual(&w->rows[i], n);
        if (w->values[i] && (st = read_value(r, w->values[i], &w->rows[i], n)))
            return st;
    }
    return DCN_OK;
}

static dcn_node build_conv(dcn_graph *g, const dcn__node *n, dcn_node x)
{
    dcn_conv_desc d = { .name = n->name, .filters = n->shape.c, .groups = n->groups,
                        .pad_kind = n->window.pad_kind, .no_bias = n->bias < 0,
                        .init_stddev = n->init_stddev, .init_bias = n->init_bias };

    memcpy(d.kernel, n->window.kernel, sizeof d.kernel);
    memcpy(d.stride, n->window.stride, sizeof d.stride);
    memcpy(d.dilation, n->window.dilation, sizeof d.dilation);
    memcpy(d.pad, n->window.pad, sizeof d.pad);
    return dcn_graph_conv(g, x, &d);
}

static dcn_node build_pool(dcn_graph *g, const dcn__node *n, dcn_node x)
{
    dcn_pool_desc d = { .name = n->name, .pad_kind = n->window.pad_kind, .ceil = n->window.ceil,
                        .count_pad = n->window.count_pad };

    memcpy(d.window, n->window.kernel, sizeof d.window);
    memcpy(d.stride, n->window.stride, sizeof d.stride);
    memcpy(d.dilation, n->window.dilation, sizeof d.dilation);
    memcpy(d.pad, n->window.pad, sizeof d.pad);
    return n->op == DCN__OP_MAX_POOL ? dcn_graph_max_pool(g, x, &d) : dcn_graph_avg_pool(g, x, &d);
}

static dcn_node build(dcn_graph *g, const dcn__node *n, const words *w)
{
    const dcn_node x = w->inputs[0];

    switch (n->op) {
    case DCN__OP_INPUT:
        return dcn_graph_input(g, n->name, n->shape);
    case DCN__OP_CONV:
        return build_conv(g, n, x);
    case DCN__OP_DENSE:
        return dcn_graph_dense(g, x, &(dcn_dense_desc){ n->name, n->shape.c, n->bias < 0 });
    case DCN__OP_BATCH_NORM:
        return dcn_graph_batch_norm(g, x, n->name);
    case DCN__OP_SCALE:
        return dcn_graph_scale(g, x, n->name);
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        return build_pool(g, n, x);
    case DCN__OP_ADD:
        return dcn_graph_add(g, w->inputs, w->n_inputs, n->name);
    case DCN__OP_CONCAT:
        return dcn_graph_concat(g, w->inputs, w->n_inputs, n->name);
    case DCN__OP_MUL:
        return dcn_graph_mul(g, x, w->inputs[1], n->name);
    case DCN__OP_SLICE:
        return dcn_graph_slice(g, x, n->first, n->shape.c, n->name);
    case DCN__OP_SHUFFLE:
        return dcn_graph_shuffle(g, x, n->groups, n->name);
    case DCN__OP_PAD:
        return dcn_graph_pad(g, x, n->window.pad, n->alpha, n->name);
    case DCN__OP_RESHAPE:
        return dcn_graph_reshape(g, x, n->shape, n->order, n->name);
    case DCN__OP_RELU:
        return dcn_graph_relu(g, x, n->name);
    case DCN__OP_PRELU:
        return dcn_graph_prelu(g, x, n->name);
    case DCN__OP_LRN:
        return dcn_graph_lrn(g, x, &(dcn_lrn_desc){ n->name, n->size, n->alpha, n->beta,
                                                    n->bias_k });
    case DCN__OP_SOFTMAX:
        return dcn_graph_softmax(g, x, n->name);
    case DCN__OP_LOG_SOFTMAX:
        return dcn_graph_log_softmax(g, x, n->name);
    default:
        return dcn_graph_activation(g, x, dcn__op_row_of(n->op)->word, n->alpha, n->beta, n->name);
    }
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
    dcn__node said = { 0 };
    const token *first = &r->tokens[0];
    dcn_status st;

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
    if (r->graph->n_nodes >= r->max_nodes)
        return dcn__fail_line(r->err, DCN_USAGE, r->where, r->line, first->column, "this is node "
                              "%d, the limit is %lld; use fewer, or pass --max-nodes",
                              r->graph->n_nodes + 1, (long long)r->max_nodes);
    if ((st = read_op(r, first, &said.op)))
        return st;
    w.rows = dcn__words_of(said.op, &w.n_rows);
    said.name = w.name[0] ? w.name : NULL;
    if ((st = read_words(r, said.op, &w)) || (st = check_inputs(r, said.op, &w, first)) ||
        (st = read_node(r, &w, first, &said)))
        return st;
    if (build(r->graph, &said, &w) >= 0)
        return DCN_OK;
    if (r->graph->error.status == DCN_MEMORY)
        return dcn_graph_check(r->graph, r->err);
    /* a builder refused: its sentence, at this line */
    return dcn__fail_line(r->err, DCN_USAGE, r->where, r->line, r->tokens[0].column, "%s",
                          r->graph->error.text);
}

dcn_status dcn_graph_parse(dcn_graph **graph, const char *text, size_t bytes, const char *where,
                           const dcn_limits *limits, dcn_error *err)
{
    const int64_t limit = limits && limits->max_text_bytes ? limits->max_text_bytes : MAX_TEXT;
    const int64_t nodes = limits && limits->max_nodes ? limits->max_nodes : MAX_NODES;
    reader r = { .where = where ? where : "network", .max_nodes = nodes, .line = 1, .err = err };
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
