/* score.h - answers against the truth. */
#ifndef DCN_TRAIN_SCORE_H
#define DCN_TRAIN_SCORE_H

#include "deconvnet.h"

int dcn__answer(const float *logits, int classes);                       /* ties: the first */
double dcn__cross_entropy(const float *logits, int classes, int truth);  /* by log-sum-exp */
/* logits (n,classes). */
void dcn__score(dcn_loss *loss, const float *logits, int classes, const int32_t *labels, int n);

#endif
