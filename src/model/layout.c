/* layout.c - a weight between its two layouts: the graph's and PyTorch's. */
#include "model/file.h"

#include "tensor/layout.h"

dcn__weight_layout dcn__weight_layout_of(const dcn_graph *g, const dcn_weight_info *weight)
{
    dcn__weight_layout l = { .h = 1, .w = 1, .i = 1, .o = weight->dims[weight->rank - 1] };
    dcn_node_info node, input;

    l.rank = weight->rank;
    l.dims[0] = l.o;
    if (weight->rank == 4) {
        l.h = l.dims[2] = weight->dims[0];
        l.w = l.dims[3] = weight->dims[1];
        l.i = l.dims[1] = weight->dims[2];
    } else if (weight->rank == 2) {
        /* Flattened pictures are (h,w,c) here and (c,h,w) after PyTorch's Flatten: the columns of a
         * dense weight are turned as if it were a convolution over the whole picture. */
        dcn_graph_node_info(g, weight->node, &node);
        dcn_graph_node_info(g, node.inputs[0], &input);
        l.h = input.shape.h;
        l.w = input.shape.w;
        l.i = input.shape.c;
        l.dims[1] = weight->dims[0];
    }
    return l;
}

void dcn__weight_to_file(float *to, const float *from, const dcn__weight_layout *l)
{
    dcn__hwio_to_oihw(to, from, l->h, l->w, l->i, l->o);
}

void dcn__weight_from_file(float *to, const float *from, const dcn__weight_layout *l)
{
    dcn__oihw_to_hwio(to, from, l->h, l->w, l->i, l->o);
}
