/* onnx_check.c - who makes each value, and whether it is made before it is used. */
#include "codec/onnx_reader.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 160 };

static const char *kind_of(const dcn__onnx_value *v)
{
    return v->node >= 0 ? "a node" : v->initializer >= 0 ? "an initializer"
        : "an input of the graph";
}

static uint64_t place_of(const dcn__onnx *m, const dcn__onnx_value *v)
{
    return v->node >= 0 ? m->nodes[v->node].offset
        : v->initializer >= 0 ? m->initializers[v->initializer].offset
        : m->inputs[v->input].offset;
}

static int by_name(const void *a, const void *b)
{
    const dcn__onnx_value *x = a, *y = b;
    const int order = strcmp(x->name, y->name);

    if (order)
        return order;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    if (x->initializer != y->initializer)
        return x->initializer < y->initializer ? -1 : 1;
    return x->input != y->input ? (x->input < y->input ? -1 : 1)
        : (x->output > y->output) - (x->output < y->output);
}

static dcn__onnx_value value(const char *name)
{
    return (dcn__onnx_value){ name, -1, -1, -1, -1 };
}

static int fill(const dcn__onnx *m, dcn__onnx_value *values)
{
    int n = 0;

    for (int i = 0; i < m->n_inputs; i++) {
        values[n] = value(m->inputs[i].name);
        values[n++].input = i;
    }
    for (int i = 0; i < m->n_initializers; i++) {
        values[n] = value(m->initializers[i].name);
        values[n++].initializer = i;
    }
    for (int i = 0; i < m->n_nodes; i++)
        for (int k = 0; k < m->nodes[i].n_outputs; k++)
            if (m->nodes[i].outputs[k][0]) {
                values[n] = value(m->nodes[i].outputs[k]);
                values[n].node = i;
                values[n++].output = k;
            }
    return n;
}

/* An input with an initializer becomes one value; all else that has one name twice is refused. */
static dcn_status merge(dcn__onnx *m)
{
    dcn__onnx_reader *r = m->reader;
    int kept = 0;

    for (int i = 0; i < r->n_values; i++) {
        dcn__onnx_value *before = &r->values[kept - 1], *v = &r->values[i];

        if (!kept || strcmp(before->name, v->name) != 0) {
            r->values[kept++] = *v;
        } else if (before->node < 0 && v->node < 0 && before->initializer < 0 &&
                   v->initializer >= 0 && v->input < 0) {
            before->initializer = v->initializer;
        } else {
            return dcn__fail_at(r->wire.err, DCN_INPUT, m->path, place_of(m, v), "\"%s\" is made "
                                "twice, by %s and by %s at 0x%llx; give each value its own name",
                                v->name, kind_of(v), kind_of(before),
                                (unsigned long long)place_of(m, before));
        }
    }
    r->n_values = kept;
    return DCN_OK;
}

dcn_status dcn__onnx_values_make(dcn__onnx *m)
{
    dcn__onnx_reader *r = m->reader;
    size_t n = (size_t)m->n_inputs + (size_t)m->n_initializers;

    for (int i = 0; i < m->n_nodes; i++)
        n += (size_t)m->nodes[i].n_outputs;
    if (!(r->values = dcn__onnx_take(r, n, sizeof *r->values)))
        return r->wire.err->status;
    r->n_values = fill(m, r->values);
    if (r->n_values)
        qsort(r->values, (size_t)r->n_values, sizeof *r->values, by_name);
    return merge(m);
}

static int name_of(const void *name, const void *v)
{
    return strcmp(name, ((const dcn__onnx_value *)v)->name);
}

const dcn__onnx_value *dcn__onnx_find(const dcn__onnx *m, const char *name)
{
    return m->reader->n_values ? bsearch(name, m->reader->values, (size_t)m->reader->n_values,
                                         sizeof *m->reader->values, name_of) : NULL;
}

/* ---- order --------------------------------------------------------------------------------- */

static void say_node(char words[WORDS], const dcn__onnx *m, int node)
{
    snprintf(words, WORDS, "node \"%.80s\" (%.40s)", m->nodes[node].name, m->nodes[node].op);
}

/* Does `from` need what `node` makes? Looked up only to word a refusal. */
static dcn_status depends(const dcn__onnx *m, int from, int node, bool *does, dcn_error *err)
{
    uint8_t *seen = dcn__alloc((size_t)m->n_nodes);
    int *waiting = dcn__alloc_array((size_t)m->n_nodes, sizeof *waiting);
    const bool room = seen && waiting;
    int n = 0;

    *does = false;
    if (room) {
        waiting[n++] = from;
        seen[from] = 1;
    }
    while (n) {
        const dcn__onnx_node *at = &m->nodes[waiting[--n]];

        for (int i = 0; i < at->n_inputs; i++) {
            const dcn__onnx_value *v = dcn__onnx_find(m, at->inputs[i]);

            if (v && v->node >= 0 && !seen[v->node]) {
                seen[v->node] = 1;
                waiting[n++] = v->node;
            }
        }
    }
    *does = room && seen[node];
    dcn__free(waiting);
    dcn__free(seen);
    return room ? DCN_OK : dcn__fail_memory(err, "a graph's order", (size_t)m->n_nodes * 5);
}

static dcn_status out_of_order(const dcn__onnx *m, int node, const dcn__onnx_value *v,
                               dcn_error *err)
{
    char user[WORDS], maker[WORDS];
    bool circle;
    dcn_status st;

    say_node(user, m, node);
    if (v->node == node)
        return dcn__fail_at(err, DCN_INPUT, m->path, m->nodes[node].offset, "%s needs its own "
                            "value \"%.60s\"; a network must have no circle", user, v->name);
    say_node(maker, m, v->node);
    if ((st = depends(m, v->node, node, &circle, err)))
        return st;
    if (circle)
        return dcn__fail_at(err, DCN_INPUT, m->path, m->nodes[node].offset, "%s and %s need each "
                            "other's values (\"%.60s\"); a network must have no circle", user,
                            maker, v->name);
    return dcn__fail_at(err, DCN_INPUT, m->path, m->nodes[node].offset, "%s uses \"%.60s\", which "
                        "%s at 0x%llx makes after it; save the model again with its nodes sorted",
                        user, v->name, maker, (unsigned long long)m->nodes[v->node].offset);
}

dcn_status dcn__onnx_check(const dcn__onnx *m, dcn_error *err)
{
    char user[WORDS];

    for (int i = 0; i < m->n_nodes; i++) {
        for (int k = 0; k < m->nodes[i].n_inputs; k++) {
            const char *name = m->nodes[i].inputs[k];
            const dcn__onnx_value *v = *name ? dcn__onnx_find(m, name) : NULL;

            if (!*name || (v && v->node < i))
                continue;
            say_node(user, m, i);
            if (v)
                return out_of_order(m, i, v, err);
            return dcn__fail_at(err, DCN_INPUT, m->path, m->nodes[i].offset, "%s uses \"%.100s\", "
                                "which nothing makes; save the model again", user, name);
        }
    }
    for (int i = 0; i < m->n_outputs; i++)
        if (!dcn__onnx_find(m, m->outputs[i].name))
            return dcn__fail_at(err, DCN_INPUT, m->path, m->outputs[i].offset, "the output "
                                "\"%.100s\" of the graph is made by nothing; save the model again",
                                m->outputs[i].name);
    return DCN_OK;
}
