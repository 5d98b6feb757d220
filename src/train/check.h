/* check.h - does a network fit the pictures and classes of a data set? */
#ifndef DCN_TRAIN_CHECK_H
#define DCN_TRAIN_CHECK_H

#include "engine/plan.h"

dcn_status dcn__check_fit(const dcn_graph *g, const dcn_preprocess *p, const dcn_data_info *info,
                          dcn_error *err);

#endif
