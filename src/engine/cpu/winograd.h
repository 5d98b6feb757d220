/* winograd.h - convolution with stride 1 by fewer multiplications: what its kernels share.
 *
 * A picture is cut into tiles of 8x8 numbers, each good for m x m outputs, m = 9 - r (m = 6 for
 * 3x3 kernels, 4 for 5x5). A tile becomes 64 points (winograd_transform.h); at each point the
 * channels are a matrix product (tiles,C) x (C,K); the products become outputs. So 64
 * multiplications do the work of m*m*r*r: 324 or 400. Arrays, p the point: V (64,tiles,C), U
 * (64,C,K) in panels, M (64,tiles,K).
 *
 * What rounding does here is not what it does in the definition: it differs from place to place of
 * a tile, and a NaN or an infinity spreads over all outputs of its tile. Where a max pool follows
 * and norms are given, its winners are those of the definition all the same, and a NaN goes only
 * where the definition sends it (winograd_output.h); elsewhere both must be allowed
 * (DCN__SUMS_FAST). One thing nobody can settle: two windows that see equal numbers in two places
 * have values that may differ in their last bits, so sums of a further layer that would have been
 * equal by that need not be. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_H
#define DCN_ENGINE_CPU_WINOGRAD_H

#include "engine/cpu/cpu.h"

#include <math.h>

enum { DCN__TILE = 8, DCN__POINTS = 64 };

typedef struct dcn__winograd {
    size_t H, W, C;               /* the convolution's input */
    size_t h, w, K;               /* its output */
    size_t r, m;                  /* taps and outputs a side */
    size_t top, left;             /* padding */
    size_t th, tw, tiles;         /* of one picture: rows, columns, all */
    size_t block;                 /* tiles worked on at a time, of a picture or of several */
    size_t v_stride, m_stride;    /* floats from one point of V, M to the next */
} dcn__winograd;

/* What happens to an output behind the convolution. */
typedef struct dcn__winograd_end {
    const float *bias;            /* (K) or NULL */
    bool relu;
    bool pool;                    /* 2x2 windows, stride 2, behind the ReLU */
    size_t pool_h, pool_w;        /* of its value */
    float *y;                     /* (h,w,K), or (pool_h,pool_w,K) */
    uint8_t *switches;            /* (pool_h,pool_w,K) */
    /* For switches that are to be those of the exact sums; norms NULL: not asked for. The error of
     * an output is taken to be below tile_norms[tile] * norms[k]. */
    const float *norms;           /* (K), of dcn__winograd_pack_norms */
    const float *tile_norms;      /* (tiles), of loops->norms; dcn__winograd_forward fills it in, */
    const float *x;               /* and this, the picture */
    /* The weights for sums by the definition, as the graph has them, (r,r,C,K), or, better where C
     * is large, (K,r,r,C); the other is NULL. */
    const float *weights, *taps;
    uint32_t *even;               /* (K/lanes): 1 + the last pool cell on even ground, or 0; NULL */
} dcn__winograd_end;

/* Times |x||w|, 2-norms of what a tile sees and of an output's weights: what the rounding error of
 * an output is taken to stay below. Largest error in units of 2^-24 |x||w|, over random layers of
 * 16 to 256 channels, 3x3 and 5x5, every instruction set: normal numbers 16 (root mean square
 * 0.9), behind a ReLU 10, one huge number 31, mostly zeros 15, one cell alone 21, weights of one
 * sign 31, numbers and weights nearly all the same 53; the last grows with the channels, to 121 at
 * 1,024, so above 256 the bound does too. A larger bound costs little: of the tutorial's second
 * pool on CIFAR-10, trained for 300 or 1,500 steps, 1 window in 2,500 is settled with 64, 1 in
 * 10,000 with 16. */
#define DCN__WINOGRAD_ERROR (64.0f / 16777216)

/* One instruction set's inner loops. */
typedef struct dcn__winograd_loops {
    size_t lanes;                 /* C and K are multiples of it */
    size_t panel;                 /* most columns of a panel of U: see dcn__winograd_place */
    /* Tiles [first, end) of the picture x, (H,W,C), into V, where the picture's tile 0 is `at`. */
    void (*input)(const dcn__winograd *a, const float *x, size_t first, size_t end, float *v,
                  size_t at);
    /* M = V U of one point: (rows,depth) x (depth,columns). */
    void (*product)(const float *v, size_t rows, size_t depth, const float *u, size_t columns,
                    float *m);
    /* Tiles [first, end) of one picture out of M. */
    void (*output)(const dcn__winograd *a, const float *m, size_t first, size_t end, size_t at,
                   const dcn__winograd_end *to);
    /* to[t]: the 2-norm of what tile t sees, or infinity if it is too large to bound an error
     * with. columns: room for (W,lanes). */
    void (*norms)(const dcn__winograd *a, const float *x, size_t first, size_t end, float *columns,
                  float *to);
    /* U of input c, outputs [k, k + lanes). w: its taps, `step` floats from one to the next. */
    void (*pack)(const dcn__winograd *a, const float *w, size_t step, size_t c, size_t k, float *u);
} dcn__winograd_loops;

extern const dcn__winograd_loops dcn__winograd_avx512, dcn__winograd_avx2, dcn__winograd_plain;
const dcn__winograd_loops *dcn__winograd_loops_of(dcn__isa isa);

/* Fills a shape; false: not for this convolution (its window, its channels, or too little would be
 * saved). turned: the way down through it, as a convolution of the signal. */
bool dcn__winograd_measure(dcn__winograd *a, const dcn__node *conv, dcn_shape in, bool turned,
                           const dcn__winograd_loops *loops);
/* U of a weight (r,r,C,K), in double until it is stored; turned: taps reversed, C and K
 * exchanged. */
void dcn__winograd_pack(const dcn__winograd *a, const dcn__winograd_loops *loops, bool turned,
                        const float *weights, float *u);
/* One of so many parts of it, which may run beside the others. */
void dcn__winograd_pack_part(const dcn__winograd *a, const dcn__winograd_loops *loops, bool turned,
                             const float *weights, float *u, size_t part, size_t parts);
/* Of a weight that is not turned, what dcn__winograd_end wants: (K); (K,r,r,C). */
void dcn__winograd_pack_norms(const dcn__winograd *a, const float *weights, float *norms,
                              float *taps);
size_t dcn__winograd_scratch(const dcn__winograd *a, int threads);     /* bytes */
/* n pictures of x, one after the other, to `end` (whose y and switches are the first's). Threads
 * work on tiles of their own, and no bit depends on how these are cut. */
void dcn__winograd_forward(const dcn__winograd *a, const dcn__winograd_loops *loops, const float *u,
                           const float *x, size_t n, const dcn__winograd_end *end, void *scratch,
                           int threads);

/* A 2-norm to bound errors with, from the sum of squares: of at least 1e-15, because products of
 * very small numbers lose more than their last bits; and infinite from 1e15 on, because sums of
 * very large ones may overflow at a point and not at an output. So is that of a NaN. */
static inline float dcn__winograd_norm(float squares)
{
    return !(squares < 1e30f) ? INFINITY : squares > 1e-30f ? sqrtf(squares) : 1e-15f;
}

/* Where U of input c and output k lies within its point, in floats: panels of columns, each
 * (C,columns). */
static inline size_t dcn__winograd_place(size_t panel, size_t C, size_t K, size_t c, size_t k)
{
    const size_t first = k / panel * panel, columns = K - first < panel ? K - first : panel;

    return first * C + c * columns + (k - first);
}

#endif
