/* events_graph.c - a network as TensorFlow's GraphDef, for TensorBoard's graph page.
 *
 * Names, operators, inputs and output shapes: what the page draws. It is no graph that TensorFlow
 * could run. */
#include "view/events.h"

#ifdef DCN_HAVE_PROTOBUF

#include "base/memory.h"
#include "base/text.h"
#include "codec/tfrecord.h"

#include <string.h>

/* Everything that one node needs, with the pointers that protobuf-c wants. */
typedef struct node_store {
    Dcn__Tb__Node node;
    Dcn__Tb__NamedAttribute attribute, *attributes[1];
    Dcn__Tb__Attribute value;
    Dcn__Tb__ShapeList list;
    Dcn__Tb__Shape shape, *shapes[1];
    Dcn__Tb__Dim dim[4], *dims[4];
    char key[16];
} node_store;

static void fill_shape(node_store *s, dcn_shape shape)
{
    const int64_t sizes[4] = { -1, shape.h, shape.w, shape.c };   /* -1: any batch */

    dcn__tb__named_attribute__init(&s->attribute);
    dcn__tb__attribute__init(&s->value);
    dcn__tb__shape_list__init(&s->list);
    dcn__tb__shape__init(&s->shape);
    for (int i = 0; i < 4; i++) {
        dcn__tb__dim__init(&s->dim[i]);
        s->dim[i].has_size = 1;
        s->dim[i].size = sizes[i];
        s->dims[i] = &s->dim[i];
    }
    s->shape.n_dim = 4;
    s->shape.dim = s->dims;
    s->shapes[0] = &s->shape;
    s->list.n_shape = 1;
    s->list.shape = s->shapes;
    s->value.list = &s->list;
    memcpy(s->key, "_output_shapes", 15);
    s->attribute.key = s->key;
    s->attribute.value = &s->value;
    s->attributes[0] = &s->attribute;
    s->node.n_attr = 1;
    s->node.attr = s->attributes;
}

static bool is_word(const char *text)
{
    return text && *text && dcn__text_is_utf8(text, strlen(text));
}

static dcn_status fill_node(node_store *s, const dcn_graph_view *view, int i, dcn_error *err)
{
    bool good = is_word(view->name) && is_word(view->op) && view->n_inputs >= 0;

    for (int k = 0; k < view->n_inputs && good; k++)
        good = is_word(view->inputs[k]);
    if (!good)
        return dcn__fail(err, DCN_USAGE, "dcn_events_graph",
                         "a name, operator or input of node %d is missing or not UTF-8; name it",
                         i);
    dcn__tb__node__init(&s->node);
    s->node.name = (char *)(uintptr_t)view->name;
    s->node.op = (char *)(uintptr_t)view->op;
    s->node.n_input = (size_t)view->n_inputs;
    s->node.input = (char **)(uintptr_t)view->inputs;
    fill_shape(s, view->shape);
    return DCN_OK;
}

static dcn_status append_graph(dcn_events *e, const Dcn__Tb__Graph *graph, dcn_error *err)
{
    Dcn__Tb__Event event = DCN__TB__EVENT__INIT;
    const size_t bytes = dcn__tb__graph__get_packed_size(graph);
    dcn_status st;

    event.has_graph_def = 1;
    event.graph_def.len = bytes;
    if (!(event.graph_def.data = dcn__alloc(bytes)))
        return dcn__fail_memory(err, "a graph", bytes);
    dcn__tb__graph__pack(graph, event.graph_def.data);
    st = dcn__events_append(e, &event, err);
    dcn__free(event.graph_def.data);
    return st;
}

dcn_status dcn_events_graph(dcn_events *e, const dcn_graph_view *nodes, int n, dcn_error *err)
{
    enum { PRODUCER = 27 };                  /* TensorFlow 1.12's graphs */
    Dcn__Tb__Graph graph = DCN__TB__GRAPH__INIT;
    Dcn__Tb__Versions versions = DCN__TB__VERSIONS__INIT;
    const size_t count = n > 0 ? (size_t)n : 0;
    node_store *store = dcn__alloc_array(count, sizeof *store);
    Dcn__Tb__Node **pointers = dcn__alloc_array(count, sizeof *pointers);
    dcn_status st = DCN_OK;

    if (!store || !pointers)
        st = dcn__fail_memory(err, "a graph", count * sizeof *store);
    for (int i = 0; i < n && !st; i++) {
        pointers[i] = &store[i].node;
        st = fill_node(&store[i], &nodes[i], i, err);
    }
    if (!st) {
        graph.n_node = count;
        graph.node = pointers;
        versions.has_producer = 1;
        versions.producer = PRODUCER;
        graph.versions = &versions;
        st = append_graph(e, &graph, err);
    }
    dcn__free(pointers);
    dcn__free(store);
    return st;
}

#endif
