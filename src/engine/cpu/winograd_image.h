/* winograd_image.h - the first layer of a network by Winograd's convolution: a convolution of few
 * input channels, its ReLU and its 2x2 max pool in one pass.
 *
 * With 1 to 4 channels the products are few and the arrays V and M of winograd.h would be most of
 * the work. So here V is made for a band of tiles, in an order that suits broadcasts, and the
 * products of one or two tiles by a vector of output channels go through both output transforms
 * and the pool without leaving the nearest cache. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_IMAGE_H
#define DCN_ENGINE_CPU_WINOGRAD_IMAGE_H

#include "engine/cpu/winograd.h"

/* What a kernel makes of its weights; all by output channel, in vectors of `lanes`. */
typedef struct dcn__winograd_image {
    dcn__winograd shape;          /* th, tw: tiles of the pool's value; no strides */
    size_t pool_h, pool_w;
    size_t rows;                  /* of tiles, in a band */
    size_t line;                  /* floats of a padded row of the picture, 4 a cell */
    /* U: (K/lanes, 8 columns of points, 8, C, lanes). */
    float *u;
    /* The error of output k is below |x| norms[k] + slack[k], |x| the 2-norm of what the tile sees.
     * If that is above limits[k/lanes], numbers may overflow, or a weight is no number: then the
     * definition decides. */
    float *norms, *slack, *limits;
} dcn__winograd_image;

typedef struct dcn__winograd_image_loops {
    size_t lanes;
    /* Rows of tiles [first, end) of one picture. scratch: dcn__winograd_image_band floats. */
    void (*band)(const dcn__winograd_image *a, const float *x, size_t first, size_t end,
                 const dcn__winograd_end *to, bool faithful, float *scratch);
    /* The points of a band alone, for winograd_weights.h: (tiles, 8 columns of points, 8, 4),
     * behind the padded picture in the same scratch. */
    void (*points)(const dcn__winograd_image *a, const float *x, size_t first, size_t end,
                   float *scratch);
} dcn__winograd_image_loops;

extern const dcn__winograd_image_loops dcn__winograd_image_avx512, dcn__winograd_image_avx2,
    dcn__winograd_image_plain;
const dcn__winograd_image_loops *dcn__winograd_image_loops_of(dcn__isa isa);

enum {
    DCN__IMAGE_CHANNELS = 4,      /* of a cell of the padded picture, whatever C is */
    DCN__IMAGE_COLUMN = DCN__TILE * DCN__IMAGE_CHANNELS,      /* floats of 8 points, all channels */
    DCN__IMAGE_POINTS = DCN__POINTS * DCN__IMAGE_CHANNELS     /* of a tile's */
};

/* Fills in `rows` and `line`: up to a whole vector, what the tiles see of a row. */
void dcn__winograd_image_cut(dcn__winograd_image *a);

/* The parts of a band's scratch, in floats and in this order. */
static inline size_t dcn__winograd_image_padded(const dcn__winograd_image *a)
{
    return ((a->rows - 1) * a->shape.m + DCN__TILE) * a->line;
}
static inline size_t dcn__winograd_image_points(const dcn__winograd_image *a)
{
    return a->rows * a->shape.tw * DCN__IMAGE_POINTS;
}
static inline size_t dcn__winograd_image_columns(const dcn__winograd_image *a)
{
    return a->line * DCN__TILE;
}
static inline size_t dcn__winograd_image_norms(const dcn__winograd_image *a)
{
    return (a->rows * a->shape.tw + 15) / 16 * 16;
}
static inline size_t dcn__winograd_image_band(const dcn__winograd_image *a)
{
    return dcn__winograd_image_padded(a) + dcn__winograd_image_points(a) +
           dcn__winograd_image_columns(a) + a->line + dcn__winograd_image_norms(a);
}

/* faithful: with the norms and the slack. weights: (r,r,C,K). */
void dcn__winograd_image_pack(dcn__winograd_image *a, size_t lanes, const float *weights,
                              const float *bias, bool faithful);

/* Whether conv, the ReLU behind it and the pool behind that are for these kernels. */
bool dcn__winograd_image_fits(const dcn_graph *g, dcn__sums sums, const dcn__node *conv,
                              const dcn__node *pool);
dcn_status dcn__winograd_image_prepare(cpu_kernel *k, dcn_error *err);

#endif
