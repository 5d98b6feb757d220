/* peak.c - the unit at which a walk from a channel's peak starts. */
#include "project/project.h"

#include <math.h>

static double real_at(const dcn_plan *p, const void *values, size_t i)
{
    return p->engine->real_bytes == sizeof(float) ? (double)((const float *)values)[i]
                                                  : ((const double *)values)[i];
}

double dcn__project_peak(const dcn_plan *p, dcn_node layer, int picture, int channel, int *y,
                         int *x)
{
    const dcn_shape s = p->graph->nodes[layer].shape;
    const void *values = dcn__plan_kept_picture(p, DCN__SLOT_VALUE, layer, picture);
    const size_t cells = (size_t)s.h * (size_t)s.w;
    double best = real_at(p, values, (size_t)channel);
    size_t peak = 0;

    for (size_t i = 1; i < cells; i++) {
        const double v = real_at(p, values, i * (size_t)s.c + (size_t)channel);

        if (v > best || (isnan(best) && !isnan(v))) {
            best = v;
            peak = i;
        }
    }
    *y = (int)(peak / (size_t)s.w);
    *x = (int)(peak % (size_t)s.w);
    return best;
}

dcn_status dcn_plan_peak(const dcn_plan *p, dcn_node layer, int picture, int channel, int *y,
                         int *x, float *value, dcn_error *err)
{
    const dcn_start start = { .picture = picture, .from = DCN_FROM_PEAK, .channel = channel };
    dcn_status st = dcn__plan_check_node(p, layer, err);

    if (st || (st = dcn__project_check_start(p, layer, &start, err)))
        return st;
    if (!dcn__plan_kept(p, DCN__SLOT_VALUE, layer, -1))
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[layer].name,
                         "is not kept by this plan; create it with "
                         "keep_all or with a route from this layer");
    *value = (float)dcn__project_peak(p, layer, picture, channel, y, x);
    return DCN_OK;
}
