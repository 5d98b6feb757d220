/* winners.h - the way down through a max pool into a convolution, without the zeros.
 *
 * An unpooled signal holds at most one number per pool cell and channel: three quarters or more of
 * it are zeros. Instead of writing it out and convolving all of it, these kernels list the winners
 * (place, channel, value) and let each add its row of weights, or of the input, in a fixed order. A
 * zero adds nothing here, not even against an infinite weight. AVX-512 only; elsewhere the steps
 * are done one by one. */
#ifndef DCN_ENGINE_CPU_WINNERS_H
#define DCN_ENGINE_CPU_WINNERS_H

#include "engine/cpu/cpu.h"

enum { DCN__LANES = 16 };         /* floats in a vector */

/* One picture's winners, sorted by place or by channel. */
typedef struct dcn__winner_list {
    uint32_t *start;              /* by place: (places + 1); by channel: (channels) counts */
    uint32_t *offset;             /* of what the winner multiplies, in floats */
    float *value;
} dcn__winner_list;

/* By place: places [0, w) of one row. Appends to `list` from start[0] on. values, switches: of the
 * pool cells, (K) each. */
uint32_t dcn__winners_of_place(const float *values, const uint8_t *switches, unsigned place,
                               size_t K, uint32_t stride, float *value, uint32_t *offset);

/* gradients[t] += value * x[offset + tap t], for n winners of one channel. Taps: R rows, S vectors
 * each. */
typedef void dcn__winners_gather(const uint32_t *offset, const float *value, size_t n,
                                 const float *x, size_t row, float *gradients);
/* One row of the signal into one row of the result, (w + S - 1) vectors: 16 input channels at a
 * time. */
typedef void dcn__winners_spread(const dcn__winner_list *list, size_t first, size_t w,
                                 const float *weights, float *row);
/* The same for few input channels: a vector holds S*C numbers; R rows of the result at once. */
typedef void dcn__winners_spread_few(const dcn__winner_list *list, size_t first, size_t w,
                                     const float *weights, float *rows, size_t row, size_t S,
                                     size_t C);

/* NULL: not for this size. */
dcn__winners_gather *dcn__winners_gather_of(int R, int S);
dcn__winners_spread *dcn__winners_spread_of(int S);
dcn__winners_spread_few *dcn__winners_spread_few_of(int R);

/* How many steps from `first` on make such a way down (0: none); fills the group. */
int dcn__winners_fuse(const dcn__stretch *in, int first, dcn__group *group);
dcn_status dcn__winners_prepare(cpu_kernel *k, dcn_error *err);

#endif
