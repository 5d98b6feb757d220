/* winners.h - the way down through a max pool into a convolution, without the zeros.
 *
 * An unpooled signal holds at most one number per pool cell and channel: three quarters or more of
 * it are zeros. Instead of writing it out and convolving all of it, these kernels let each winner
 * (place, channel, value) add its row of weights, or of the input, in a fixed order. A zero adds
 * nothing here, not even against an infinite weight. Pictures with very many winners go down by
 * tiles (winners_dense.c). Gradients by AVX-512 only; elsewhere those steps are done one by one. */
#ifndef DCN_ENGINE_CPU_WINNERS_H
#define DCN_ENGINE_CPU_WINNERS_H

#include "engine/cpu/cpu.h"

enum { DCN__LANES = 16 };         /* floats in a vector */

/* One picture's winners, by channel. */
typedef struct dcn__winner_list {
    uint32_t *count;              /* (channels) */
    uint32_t *offset;             /* of what the winner multiplies, in floats */
    float *value;
} dcn__winner_list;

/* Which places of the signal, (h,w,K), belong to which cell of the pool. */
typedef struct dcn__winner_places {
    size_t w, K, places, cells;
    size_t left, W;               /* of the convolution's input: padding on the left, columns */
    int32_t *cell_of;             /* by place; -1: no window covers it */
    uint8_t *place_of;            /* by place: the switch that means it */
} dcn__winner_places;

/* Of a mask with a bit for each channel. */
static inline size_t dcn__winner_words(size_t K)
{
    return (K + 63) / 64;
}

/* gradients[t] += value * x[offset + tap t], for n winners of one channel. Taps: R rows, S vectors
 * each. */
typedef void dcn__winners_gather(const uint32_t *offset, const float *value, size_t n,
                                 const float *x, size_t row, float *gradients);
/* One row of the signal into one row of the result, (w + S - 1) vectors: 16 input channels at a
 * time. Columns outside the input may stay without what they would get. */
typedef void dcn__winners_spread(const dcn__winner_places *at, size_t row, const uint64_t *masks,
                                 const float *values, const float *weights, float *out);
/* The same for few input channels: a vector holds S*C numbers; R rows of the result at once, `step`
 * apart. lines: room for R * (w*C + 16) floats. */
typedef void dcn__winners_spread_few(const dcn__winner_places *at, size_t row,
                                     const uint64_t *masks, const float *values,
                                     const float *weights, float *lines, float *out, size_t step,
                                     size_t S, size_t C);

/* One instruction set's inner loops: winners_body.h. */
typedef struct dcn__winner_loops {
    /* (cells,K): y of the ReLU, (h,w,K), where each cell's winner stands. */
    void (*take_winners)(const dcn__winner_places *at, const float *y, const uint8_t *switches,
                         float *out);
    void (*mask)(const float *s, const float *y, size_t n, float *out);
    void (*rectify)(const float *s, size_t n, float *out);
    /* (h,w,K) with each winner at its place, zeros elsewhere. */
    void (*unpool)(const dcn__winner_places *at, const float *values, const uint8_t *switches,
                   float *out);
    bool (*is_below)(const float *p, size_t n, float limit);     /* all of them, and none is NaN */
    void (*add_base)(const float *from, const float *base, size_t n, float *out);
    /* masks (places,words): the channels whose winner, not zero, is there. alive: room, (cells). */
    void (*find)(const float *values, const uint8_t *switches, const dcn__winner_places *at,
                 uint64_t *alive, uint64_t *masks);
    dcn__winners_spread *spread[6];              /* by S; NULL: not for this size */
    dcn__winners_spread_few *spread_few[6];      /* by R */
} dcn__winner_loops;

extern const dcn__winner_loops dcn__winners_avx512, dcn__winners_avx2, dcn__winners_plain;
/* NULL: not for this size, or not on this machine. */
dcn__winners_gather *dcn__winners_gather_of(int R, int S);

/* How many steps from `first` on make such a way down (0: none); fills the group. */
int dcn__winners_fuse(const dcn__stretch *in, int first, dcn__group *group);
dcn_status dcn__winners_prepare(cpu_kernel *k, dcn_error *err);

#endif
