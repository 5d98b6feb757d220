/* adam.h - the optimiser's state in a plan, for checkpoints. */
#ifndef DCN_TRAIN_ADAM_H
#define DCN_TRAIN_ADAM_H

#include "engine/plan.h"

/* moment 0: first (m), 1: second (v). `values`: the weight's dims. */
void dcn__adam_set(dcn_plan *p, int moment, int weight, const float *values);
void dcn__adam_get(const dcn_plan *p, int moment, int weight, float *values);

#endif
