/* winners_shape.h - what winners_shape.c finds out when a plan is made and winners.c runs by. */
#ifndef DCN_ENGINE_CPU_WINNERS_SHAPE_H
#define DCN_ENGINE_CPU_WINNERS_SHAPE_H

#include "engine/cpu/winners.h"
#include "engine/cpu/winograd.h"

typedef struct winners {
    size_t H, W, C;               /* the convolution's input */
    size_t h, w, K;               /* its output, the pool's input */
    size_t cells;                 /* of the pool's output */
    size_t R, S, top, left;       /* taps and padding of the convolution */
    size_t Hp, Wp;                /* its padded input: h + R - 1, w + S - 1 */
    size_t rows;                  /* of that, worked on at a time */
    int threads;
    bool wide, data, weights, bias;
    bool seed;                    /* the signal begins here: what is read is the pool's value */
    dcn_shape pool;               /* its value */
    dcn__action rule;             /* the ReLU's; COPY also without one */
    bool y_at_winner;             /* y is the ReLU's, (h,w,K); else the pool's, (cells,K) */
    int y_read, x_read;           /* which of the group's reads; 0: none */
    const dcn__winner_loops *loops;
    dcn__winners_gather *gather;
    dcn__winners_spread *spread;
    dcn__winners_spread_few *spread_few;
    size_t gradient_floats;       /* of the weights alone */

    /* Tables: by switch, by pool cell, by place of (h,w). corner_x + place_x is the winner's
     * place. */
    uint32_t place_x[16];         /* in floats of the padded input */
    uint32_t *corner_x;
    dcn__winner_places at;

    float *packed;                /* weights, data: (C/16,R,K,S,16) or (K,R,16); shared, */
    bool packs;                   /* and packed by this kernel */
    /* winners_dense.c; dense_from: with so many winners a picture is, 0: never. */
    dcn__winograd dense;
    const dcn__winograd_loops *tiles;
    size_t dense_from;
    float *points;                /* U, shared; */
    bool packs_points, calm;      /* packed by this kernel; no weight is huge */
    float *base;                  /* (H,W,C): what the biases alone draw, taken away; or NULL */
} winners;

enum { DCN__DENSE_PICTURES = 4 };             /* that go down by tiles at a time */

/* winners_dense.c. For a chain whose shape is known: whether pictures may be dense. */
bool dcn__winners_dense_fits(winners *a, const cpu_kernel *k, dcn_shape in);
dcn_status dcn__winners_dense_share(winners *a, cpu_kernel *k, dcn_error *err);
void dcn__winners_dense_pack(winners *a, const float *weights);
bool dcn__winners_is_dense(const winners *a, const float *values, const uint64_t *masks);
/* n unpooled signals, (h,w,K) each, to n pictures. */
void dcn__winners_dense_run(const winners *a, const float *signals, size_t n, float *x,
                            void *scratch);

void dcn__winners_run(const dcn__kernel *kernel, const dcn__frame *f);
size_t dcn__winners_scratch(const winners *a);

#endif
