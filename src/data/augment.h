/* augment.h - the random distortions of the CIFAR-10 training reader (spec section 1). */
#ifndef DCN_DATA_AUGMENT_H
#define DCN_DATA_AUGMENT_H

#include "base/random.h"
#include "data/preprocess.h"

/* As dcn__preprocess_picture, with a random crop, flip, brightness and contrast. Always draws the
 * same five numbers in that order. */
dcn_status dcn__augment_picture(const dcn_preprocess *p, const dcn_image *image,
                                dcn__random *random, dcn__scratch *scratch, float *out,
                                dcn_error *err);

#endif
