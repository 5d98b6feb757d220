/* project.h - what the calls that walk down share: their checks, and the largest unit. */
#ifndef DCN_PROJECT_PROJECT_H
#define DCN_PROJECT_PROJECT_H

#include "engine/plan.h"

dcn_status dcn__project_check_route(const dcn_plan *p, int route, dcn_error *err);
/* Refuses also what has no value yet. */
dcn_status dcn__project_check_start(const dcn_plan *p, dcn_node layer, const dcn_start *start,
                                    dcn_error *err);

/* Where the largest of a channel stands in a kept value, as engine/ref/seed.c chooses it; returns
 * that value. */
double dcn__project_peak(const dcn_plan *p, dcn_node layer, int picture, int channel, int *y,
                         int *x);

#endif
