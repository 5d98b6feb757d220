/* trainer.h - the inside of a trainer: a plan that learns, a loader that feeds it, its model. */
#ifndef DCN_TRAIN_TRAINER_H
#define DCN_TRAIN_TRAINER_H

#include "data/loader.h"
#include "engine/plan.h"

struct dcn_trainer {
    dcn_train_desc desc;          /* with the usual values filled in */
    const dcn_data *data;
    int64_t pictures;             /* in the training split */
    char engine[16];
    dcn_model model;              /* its graph holds the weights of the last synchronisation */
    bool synchronised;            /* model.graph has the plan's weights */
    dcn_plan *plan;
    dcn__loader *loader;
    const float *images;          /* of the last step: (batch,H,W,C), the loader's */
    const int32_t *labels;
};

/* blame.c: DCN_NUMBERS for a step whose loss is not finite, with the first tensor that is not. */
dcn_status dcn__blame(dcn_trainer *t, dcn_error *err);

#endif
