/* onnx_names.c - short names that a user knows: the module's path in PyTorch, the layer's in Keras.
 *
 *   layer1.0.conv1.weight (an initializer)    layer1.0.conv1
 *   layer1.0.relu (its scope in a new export) layer1.0.relu
 *   /layer1/layer1.0/relu_1/Relu              layer1.0.relu_1
 *   /layer1/layer1.0/Add                      layer1.0.add: layer1.0 is no single operator
 *   model/conv2d_1/BiasAdd                    conv2d_1: most names begin with model/
 *   node_max_pool2d                           max_pool2d
 * A name that is taken already gets the operator's word behind it, or a number. */
#include "model/onnx_import.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, KEPT = DCN__MAX_NAME - 12 };

/* ---- modules --------------------------------------------------------------------------------- */

/* "/layer1/layer1.0/relu/Relu": "layer1.0.relu" and "Relu". A part that goes on with the part
 * before it, a dot between, stands for both. */
static bool split_path(const char *path, char *module, const char **op)
{
    size_t length = 0, last = 0, n;

    module[0] = '\0';
    if (*path != '/' || strlen(path) >= ROOM)
        return false;
    for (path++;; path += n + 1) {
        n = strcspn(path, "/");
        if (!path[n])
            break;
        if (length && n > length - last && memcmp(module + last, path, length - last) == 0 &&
            path[length - last] == '.')
            length = last;
        else if (length)
            module[length++] = '.';
        last = length;
        memcpy(module + length, path, n);
        length += n;
        module[length] = '\0';
    }
    *op = path;
    return true;
}

/* "['', 'layer1', 'layer1.0', 'relu_1']": "layer1.0" and "relu_1". */
static bool split_scopes(const char *text, char *module, char *op)
{
    module[0] = op[0] = '\0';
    if (strlen(text) >= ROOM)
        return false;
    while ((text = strchr(text, '\''))) {
        const size_t n = strcspn(++text, "'");

        snprintf(module, ROOM, "%s", op);
        snprintf(op, ROOM, "%.*s", (int)n, text);
        text += n + (text[n] == '\'');
    }
    return op[0] != '\0';
}

static bool module_of(const dcn__onnx_node *node, char *module, char *op)
{
    const char *part;

    if (split_scopes(node->scope, module, op))
        return true;
    if (!split_path(node->name, module, &part))
        return false;
    snprintf(op, ROOM, "%s", part);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

dcn_status dcn__names_prepare(dcn__import *im, dcn__namer *n)
{
    char module[ROOM], op[ROOM];
    size_t first = 0;
    int with_first = 0, with_slash = 0;

    memset(n, 0, sizeof *n);
    n->modules = dcn__import_alloc(im, (size_t)im->file->n_nodes, sizeof *n->modules);
    if (!n->modules)
        return DCN_MEMORY;
    for (int i = 0; i < im->file->n_nodes; i++) {
        const char *name = im->file->nodes[i].name;

        if (!im->needed[i])
            continue;
        if (module_of(&im->file->nodes[i], module, op) && module[0]) {
            const size_t bytes = strlen(module) + 1;
            char *copy = dcn__import_alloc(im, bytes, 1);

            if (!copy)
                return DCN_MEMORY;
            memcpy(copy, module, bytes);
            n->modules[n->n_modules++] = copy;
        } else if (strchr(name, '/')) {
            if (!first && *name != '/') {
                first = (size_t)(strchr(name, '/') - name) + 1;
                n->common = name;
            }
            with_first += first && strncmp(name, n->common, first) == 0;
            with_slash++;
        }
    }
    n->common_bytes = 2 * with_first > with_slash ? first : 0;
    if (n->n_modules)
        qsort(n->modules, (size_t)n->n_modules, sizeof *n->modules, by_text);
    return DCN_OK;
}

/* Does another module lie in this one? */
static bool is_container(const dcn__namer *n, const char *module)
{
    const size_t bytes = strlen(module);
    int low = 0, high = n->n_modules;

    while (low < high) {                   /* the first module that comes after "module." */
        const int middle = low + (high - low) / 2;
        const int order = strncmp(n->modules[middle], module, bytes);

        if (order < 0 || (order == 0 && n->modules[middle][bytes] < '.'))
            low = middle + 1;
        else
            high = middle;
    }
    return low < n->n_modules && strncmp(n->modules[low], module, bytes) == 0 &&
           n->modules[low][bytes] == '.';
}

/* ---- one name -------------------------------------------------------------------------------- */

/* "Relu_1" or "relu:0": the number behind it, with its line. */
static const char *number_of(const char *text)
{
    const char *line = strrchr(text, '_');

    return line && line[1] && line[1 + strspn(line + 1, "0123456789")] == '\0' ? line : "";
}

static bool strip(char *name, const char *end)
{
    const size_t n = strlen(name), k = strlen(end);

    if (n <= k || strcmp(name + n - k, end) != 0)
        return false;
    name[n - k] = '\0';
    return true;
}

/* From an initializer "layer1.0.conv1.weight". */
static bool name_of_weight(const dcn__draft *d, char *name)
{
    const dcn__constant *c = d->weight;

    for (const dcn__scaling *s = d->scaling; s && !c; s = s->before)
        c = s->kind == DCN__STEP_NORM ? s->norm[0] : NULL;
    if (!c || !c->tensor)
        return false;
    snprintf(name, ROOM, "%s", c->tensor->name);
    return strip(name, ".weight") || strip(name, "_weight");
}

/* model/layer/op: "layer"; model/Add_1: "add_1". */
static void name_of_scope(const dcn__namer *n, const char *text, const char *word, char *name)
{
    if (n->common_bytes && strncmp(text, n->common, n->common_bytes) == 0)
        text += n->common_bytes;
    if (strchr(text, '/'))
        snprintf(name, ROOM, "%.*s", (int)strcspn(text, "/"), text);
    else
        snprintf(name, ROOM, "%s%s", word, number_of(text));
    if (strstr(name, "__"))                /* numbers that tf2onnx puts behind */
        *strstr(name, "__") = '\0';
}

static void base_name(const dcn__import *im, const dcn__namer *n, const dcn__draft *d, char *name)
{
    const dcn__onnx_node *node = &im->file->nodes[d->node];
    const char *word = dcn__op_row_of(d->op)->word;
    char module[ROOM], op[ROOM];

    if (name_of_weight(d, name))
        return;
    if (module_of(node, module, op)) {
        if (module[0] && !is_container(n, module))
            snprintf(name, ROOM, "%s", module);
        else
            snprintf(name, ROOM, "%.2000s%s%s%.40s", module, module[0] ? "." : "", word,
                     node->scope[0] ? "" : number_of(op));
    } else if (strchr(node->name, '/')) {
        name_of_scope(n, node->name, word, name);
    } else if (strncmp(node->name, "node_", 5) == 0) {
        snprintf(name, ROOM, "%s", node->name + 5);
    } else {
        snprintf(name, ROOM, "%s", dcn__import_node_name(node));
    }
    if (strrchr(name, ':'))
        *strrchr(name, ':') = '\0';
}

/* Only what can stand in a description without quotes; the end of what is too long. */
static void clean(char *out, const char *name)
{
    const size_t all = strlen(name);
    char shown[ROOM];
    size_t n, from = 0;

    n = dcn__text_escape(shown, sizeof shown, name, all < ROOM / 4 - 1 ? all : ROOM / 4 - 1);
    if (n > KEPT)
        for (from = n - KEPT; (shown[from] & 0xc0) == 0x80;)
            from++;
    for (char *p = shown + from; *p; p++)
        if (strchr(" \"',;=#\\", *p))
            *p = '_';
    snprintf(out, DCN__MAX_NAME + 1, "%.*s", KEPT, shown + from);
}

/* What stands before the draft that the file's node is about, or one of several parts: not it has
 * the plain name. */
static bool is_secondary(const dcn__import *im, const dcn__draft *d)
{
    const int at = (int)(d - im->drafts);

    for (int i = at + 1; i < im->n_drafts && im->drafts[i].node == d->node; i++)
        if (im->drafts[i].live)
            return d->node >= 0;
    for (int i = at - 1; d->op == DCN__OP_SLICE && i > 0 && im->drafts[i].node == d->node; i--)
        if (im->drafts[i].live)
            return true;
    return false;
}

/* The first free of base_1, base_2, ...: found by halving, for a file may call all nodes the same. */
static void number(const dcn_graph *g, const char *base, char *name)
{
    int taken = 0, end = 1;

    for (;; end *= 2) {
        snprintf(name, DCN__MAX_NAME + 1, "%.*s_%d", KEPT, base, end);
        if (dcn_graph_find(g, name) < 0)
            break;
        taken = end;
    }
    while (end - taken > 1) {
        const int middle = taken + (end - taken) / 2;

        snprintf(name, DCN__MAX_NAME + 1, "%.*s_%d", KEPT, base, middle);
        if (dcn_graph_find(g, name) < 0)
            end = middle;
        else
            taken = middle;
    }
    snprintf(name, DCN__MAX_NAME + 1, "%.*s_%d", KEPT, base, end);
}

void dcn__names_find(const dcn__import *im, const dcn__namer *n, const dcn__draft *d,
                     const dcn_graph *g, char *name)
{
    char raw[ROOM], base[DCN__MAX_NAME + 1];
    const char *word = dcn__op_row_of(d->op)->word;

    if (d->node < 0)
        snprintf(raw, sizeof raw, "%s", im->input_name);
    else
        base_name(im, n, d, raw);
    clean(base, raw[0] ? raw : word);
    snprintf(name, DCN__MAX_NAME + 1, "%s", base);
    if ((is_secondary(im, d) || (dcn_graph_find(g, name) >= 0 && !strstr(base, word))) &&
        strlen(base) + strlen(word) < KEPT) {
        snprintf(base + strlen(base), sizeof base - strlen(base), ".%s", word);
        snprintf(name, DCN__MAX_NAME + 1, "%s", base);
    }
    if (dcn_graph_find(g, name) >= 0)
        number(g, base, name);
}
