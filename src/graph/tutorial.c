/* tutorial.c - the tutorial's network, in the same words a user would write. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

dcn_status dcn_graph_tutorial(dcn_graph **graph, int channels, int classes, dcn_error *err)
{
    static const char form[] =
        "x_image = input 24x24x%d\n"
        "conv1 = conv filters=64 kernel=5 init=0.01 bias=0.01\n"
        "h_conv1 = relu\n"
        "h_pool1 = max_pool 2x2\n"
        "conv2 = conv filters=64 kernel=5 init=0.01 bias=0.01\n"
        "h_conv2 = relu\n"
        "h_pool2 = max_pool 2x2\n"
        "conv3 = conv filters=%d kernel=5 init=0.01 bias=0.01\n"
        "h_conv3 = relu\n"
        "nt_hpool3 = avg_pool 6x6\n"
        "y_conv = softmax\n";
    char text[sizeof form + 32];

    *graph = NULL;
    if (channels < 1 || classes < 1)
        return dcn__fail(err, DCN_USAGE, "tutorial",
                         "%d channels and %d classes; both must be at least 1", channels, classes);
    snprintf(text, sizeof text, form, channels, classes);
    return dcn_graph_parse(graph, text, strlen(text), "tutorial", NULL, err);
}
