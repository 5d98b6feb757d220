/* random.h - random numbers that depend on what they are for and on nothing else.
 *
 * A stream is named by (seed, a, b), for instance (seed, epoch, picture): the same name gives the
 * same numbers whatever thread asks, in whatever order. splitmix64 (Steele et al. 2014). */
#ifndef DCN_BASE_RANDOM_H
#define DCN_BASE_RANDOM_H

#include <stdint.h>

typedef struct dcn__random { uint64_t state; } dcn__random;

dcn__random dcn__random_stream(uint64_t seed, uint64_t a, uint64_t b);
uint64_t dcn__random_bits(dcn__random *r);
double dcn__random_unit(dcn__random *r);                       /* [0, 1) */
uint64_t dcn__random_below(dcn__random *r, uint64_t n);        /* 0..n-1, unbiased; n > 0 */
double dcn__random_normal(dcn__random *r);                     /* mean 0, variance 1 */
double dcn__random_truncated_normal(dcn__random *r);           /* beyond 2 drawn again */
/* A fixed permutation of 0..n-1 chosen by (seed, a): the place of i. Needs no memory. */
uint64_t dcn__random_permute(uint64_t i, uint64_t n, uint64_t seed, uint64_t a);
uint64_t dcn__hash64(uint64_t x);

#endif
