/* check.c - does a network fit the pictures and classes of a data set? */
#include "train/check.h"

dcn_status dcn__check_fit(const dcn_graph *g, const dcn_preprocess *p, const dcn_data_info *info,
                          dcn_error *err)
{
    const dcn_shape in = g->nodes[0].shape;
    const dcn__node *out = &g->nodes[dcn__loss_node(g)];

    if (p->shape.h != in.h || p->shape.w != in.w || p->shape.c != in.c)
        return dcn__fail(err, DCN_STATE, g->nodes[0].name,
                         "the network takes %dx%dx%d, the preprocessing makes "
                         "%dx%dx%d; use the network's own preprocessing",
                         in.h, in.w, in.c, p->shape.h, p->shape.w, p->shape.c);
    if (!info->classes)
        return dcn__fail(err, DCN_INPUT, info->path, "holds pictures without labels; put them into "
                         "train/CLASS/FILE and test/CLASS/FILE");
    if (out->shape.h != 1 || out->shape.w != 1 || out->shape.c != info->classes)
        return dcn__fail(err, DCN_STATE, out->name,
                         "the network answers %dx%dx%d, %s has %d classes; end the "
                         "network with %d values",
                         out->shape.h, out->shape.w, out->shape.c, info->name, info->classes,
                         info->classes);
    return DCN_OK;
}
