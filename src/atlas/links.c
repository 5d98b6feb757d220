/* links.c - which chosen layers a chosen layer is computed from: the nearest ones upstream. */
#include "atlas/facts.h"

#include "base/memory.h"
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

dcn_status dcn__links_init(dcn__links *l, const dcn_atlas *a, dcn_error *err)
{
    const size_t n = (size_t)a->model->graph->n_nodes;

    memset(l, 0, sizeof *l);
    l->page_of = dcn__alloc_array(n, sizeof *l->page_of);
    l->seen = dcn__alloc_array(n, sizeof *l->seen);
    l->stack = dcn__alloc_array(n, sizeof *l->stack);
    if (!l->page_of || !l->seen || !l->stack)
        return dcn__fail_memory(err, "a book", n * sizeof *l->seen);
    for (size_t i = 0; i < n; i++)
        l->page_of[i] = -1;
    for (int i = 0; i < a->n_pages; i++)
        l->page_of[a->pages[i].node] = i;
    return DCN_OK;
}

void dcn__links_clear(dcn__links *l)
{
    dcn__free(l->page_of);
    dcn__free(l->seen);
    dcn__free(l->stack);
    memset(l, 0, sizeof *l);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* seen[node] is the last page, from 1, whose search came by; each node is on the stack once. */
int dcn__links_find(dcn__links *l, const dcn_atlas *a, int page, int *from)
{
    const dcn_graph *g = a->model->graph;
    int n = 0, height = 0;

    l->stack[height++] = a->pages[page].node;
    while (height) {
        const dcn__node *node = &g->nodes[l->stack[--height]];

        for (int k = 0; k < node->n_inputs; k++) {
            const dcn_node in = node->inputs[k];

            if (l->seen[in] == page + 1)
                continue;
            l->seen[in] = page + 1;
            if (l->page_of[in] >= 0 || in == 0)
                from[n++] = l->page_of[in];
            else
                l->stack[height++] = in;
        }
    }
    qsort(from, (size_t)n, sizeof *from, by_number);
    return n;
}
