/* winograd_weights.h - a convolution's gradients by fewer multiplications: what its kernels
 * share.
 *
 * dW = G' [ sum over tiles of (B' x B) . (A s A') ] G, the adjoint of winograd.h's convolution:
 * a tile of the input and the m x m numbers of the signal that it serves become 64 points each,
 * whose products are added up over all tiles. The signal may still lie above a 2x2 max pool and
 * a ReLU: its numbers are then put where the switches say, in registers. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_WEIGHTS_H
#define DCN_ENGINE_CPU_WINOGRAD_WEIGHTS_H

#include "engine/cpu/winograd_image.h"

/* One picture's signal. */
typedef struct dcn__winograd_signal {
    const float *s;               /* (h,w,K), or with switches (pool_h,pool_w,K) */
    const float *y;               /* alike: s counts where it is above 0; NULL: everywhere */
    const uint8_t *switches;      /* 2x2 windows, stride 2, no padding; NULL: no pool */
    size_t pool_h, pool_w;
} dcn__winograd_signal;

/* One instruction set's inner loops. FEW input channels (winograd_image.h): du is (64,C,lanes)
 * for the outputs [k, k + lanes), its points in an order of the loops' own. */
typedef struct dcn__winograd_weight_loops {
    size_t lanes;                 /* K is a multiple of it */
    /* du and db (lanes) += row `row` of the tiles. v: their points, of winograd_image.h. room:
     * DCN__FEW_ROOM floats for each lane. */
    void (*few_sums)(const dcn__winograd *a, const dcn__winograd_signal *s, size_t row, size_t k,
                     const float *v, float *room, float *du, float *db);
    /* dw: (r,r,C,K), of which outputs [k, k + lanes) are written. */
    void (*few_taps)(const dcn__winograd *a, const float *du, size_t k, float *dw);

    /* MANY. The points of row p of tile t of picture x, (H,W,C): point q goes to v[q * stride],
     * (C). zeros: as many as C or K are, times DCN__TILE. */
    void (*input)(const dcn__winograd *a, const float *x, size_t t, int p, const float *zeros,
                  float *v, size_t stride);
    /* The same of the signal s, (h,w,K). */
    void (*signal)(const dcn__winograd *a, const float *s, size_t t, int p, const float *zeros,
                   float *z, size_t stride);
    /* du (C,K) = V' Z of one point, or more of it: v (tiles,C), z (tiles,K). */
    void (*sums)(const float *v, const float *z, size_t tiles, size_t C, size_t K, float *du,
                 bool more);
    /* The signal of a picture as it is at the convolution to `out`, (h,w,K), if that is not
     * NULL; db += its sum. */
    void (*unpool)(const dcn__winograd *a, const dcn__winograd_signal *s, float *out, float *db);
    /* 8 points, `from` floats apart, to r taps, `to` apart, n times. */
    void (*taps)(const float *u, size_t from, size_t n, float *w, size_t to, size_t r);
} dcn__winograd_weight_loops;

enum { DCN__FEW_ROOM = 6 * DCN__TILE * 6 };

extern const dcn__winograd_weight_loops dcn__winograd_weights_avx512, dcn__winograd_weights_avx2,
    dcn__winograd_weights_plain;

/* What a kernel of a plan is to do: the nodes, and which of its reads are what (0 is none but
 * for s). */
typedef struct dcn__winograd_way {
    const dcn__node *conv, *pool; /* pool: NULL if the signal is the convolution's own */
    bool data;                    /* the signal at the convolution's input, too */
    int s, switches, y, x;
} dcn__winograd_way;

typedef struct dcn__winograd_gradient {
    dcn__winograd_way way;
    dcn__winograd_image image;    /* few input channels; of many its shape alone */
    dcn__winograd turned;         /* the way down, if it is wanted */
    const dcn__winograd_weight_loops *loops;
    const dcn__winograd_image_loops *points;
    const dcn__winograd_loops *turned_loops;
    float *u;                     /* shared */
    size_t floats;                /* of dw */
} dcn__winograd_gradient;

/* Floats of a chunk's block before db, which is there even if nobody wants it. */
static inline size_t dcn__winograd_bias_at(const dcn__winograd_gradient *o)
{
    return (o->floats + 15) / 16 * 16;
}

/* winograd_weights_run.c */
size_t dcn__winograd_few_floats(const dcn__winograd_gradient *o);
size_t dcn__winograd_many_bytes(const dcn__winograd_gradient *o, int chunk, int threads);
cpu_run dcn__winograd_few_run, dcn__winograd_many_run;

bool dcn__winograd_weights_fits(const dcn_graph *g, dcn__sums sums, const dcn__winograd_way *way);
dcn_status dcn__winograd_weights_prepare(cpu_kernel *k, const dcn__winograd_way *way,
                                         dcn_error *err);

#endif
