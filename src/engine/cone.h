/* cone.h - what one unit of a layer sees, as a small graph of its own.
 *
 * Counted from a unit, each node below it has a REGION of fixed size that the unit can reach; only
 * where it lies depends on the unit. The derived graph has the regions as shapes, windows without
 * padding and the weights of its model, so engines make kernels of it as of any graph. A region may
 * hang over the border of the node's value: there is padding, where no signal may stay. */
#ifndef DCN_ENGINE_CONE_H
#define DCN_ENGINE_CONE_H

#include "graph/walk.h"

/* Of unit (y,x) of the layer: begins at row start[0] + y*stride[0], column start[1] + x*stride[1]
 * of the node `source` of the model. Its size is the derived node's shape. */
typedef struct dcn__region {
    dcn_node source;
    int start[2], stride[2];
} dcn__region;

typedef struct dcn__cone {
    dcn_graph graph;              /* derived; no nodes: not worth it, or not possible */
    dcn__region *regions;         /* by derived node */
    dcn_node *inputs;             /* of all derived nodes */
    double share;                 /* of the whole way's operations */
} dcn__cone;

/* down: the route's whole way. The cone is left empty where units of the layer have no cone of one
 * size, or where it would cost nearly as much as the whole way. */
dcn_status dcn__cone_make(dcn__cone *c, const dcn_graph *g, const dcn_route *route,
                          const dcn__walk *down, dcn_error *err);
void dcn__cone_clear(dcn__cone *c);

/* Whether the region of some unit lies partly outside the value of its node. */
bool dcn__cone_hangs(const dcn__cone *c, const dcn_graph *g, dcn_node layer, dcn_node derived);

#endif
