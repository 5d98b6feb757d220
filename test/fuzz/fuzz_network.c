/* fuzz_network.c - network descriptions: what is accepted prints as a text that gives the same text
 * again. */
#include "fuzz.h"

static char *text_of(const dcn_graph *g)
{
    const size_t n = dcn_graph_text(g, NULL, 0);
    char *text = malloc(n + 1);

    if (!text || dcn_graph_text(g, text, n + 1) != n)
        abort();
    return text;
}

static dcn_status read_network(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_graph *graph, *again;
    char *text, *text_again;
    dcn_status st = dcn_graph_parse(&graph, (const char *)data, size, "fuzz", NULL, err);

    if (st)
        return st;
    text = text_of(graph);
    st = dcn_graph_parse(&again, text, strlen(text), "again", NULL, err);
    if (st)
        fault("the canonical text is refused", err);
    text_again = text_of(again);
    if (strcmp(text, text_again) != 0)
        abort();
    free(text_again);
    free(text);
    dcn_graph_destroy(again);
    dcn_graph_destroy(graph);
    return DCN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_network, data, size);
    return 0;
}
