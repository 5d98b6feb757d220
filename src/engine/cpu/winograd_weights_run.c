/* winograd_weights_run.c - a chunk through the loops of winograd_weights.h, for few input
 * channels and for many. What is predicted and measured is said in winograd_weights.c. */
#include "engine/cpu/winograd_weights.h"

#include <string.h>

/* Picture n's. */
static dcn__winograd_signal signal_of(const cpu_kernel *k, const dcn__frame *f, int n)
{
    const dcn__winograd_gradient *o = k->own;
    const dcn_shape shape = o->way.pool ? o->way.pool->shape : o->way.conv->shape;
    const size_t at = (size_t)n * cpu_size(shape);

    return (dcn__winograd_signal){
        .s = (const float *)cpu_read(k, f, o->way.s) + at,
        .y = o->way.y ? (const float *)cpu_read(k, f, o->way.y) + at : NULL,
        .switches = o->way.pool ? (const uint8_t *)cpu_read(k, f, o->way.switches) + at : NULL,
        .pool_h = (size_t)shape.h,
        .pool_w = (size_t)shape.w
    };
}

/* ---- few input channels ---------------------------------------------------------------------- */

size_t dcn__winograd_few_floats(const dcn__winograd_gradient *o)
{
    const dcn__winograd *a = &o->image.shape;

    return dcn__winograd_image_band(&o->image) + DCN__FEW_ROOM * o->loops->lanes +
           DCN__POINTS * a->C * a->K;
}

void dcn__winograd_few_run(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const dcn__winograd_gradient *o = k->own;
    const dcn__winograd *a = &o->image.shape;
    const size_t lanes = o->loops->lanes, points = DCN__POINTS * a->C;
    float *dw = (float *)(void *)(f->gradients + k->base.gradient_offset);
    float *db = dw + dcn__winograd_bias_at(o);
    float *band = f->scratch, *room = band + dcn__winograd_image_band(&o->image);
    float *du = room + DCN__FEW_ROOM * lanes;
    const float *x = cpu_read(k, f, o->way.x), *v = band + dcn__winograd_image_padded(&o->image);

    memset(du, 0, points * a->K * sizeof *du);
    memset(db, 0, a->K * sizeof *db);
    for (int n = 0; n < k->chunk; n++, x += a->H * a->W * a->C) {
        const dcn__winograd_signal s = signal_of(k, f, n);

        for (size_t first = 0; first < a->th; first += o->image.rows) {
            const size_t left = a->th - first, rows = left < o->image.rows ? left : o->image.rows;

            o->points->points(&o->image, x, first, first + rows, band);
            for (size_t i = 0; i < a->K; i += lanes)
                for (size_t row = 0; row < rows; row++)
                    o->loops->few_sums(a, &s, first + row, i, v + row * a->tw * DCN__IMAGE_POINTS,
                                       room, du + i * points, db + i);
        }
    }
    for (size_t i = 0; i < a->K; i += lanes)
        o->loops->few_taps(a, du + i * points, i, dw);
}

/* ---- many ------------------------------------------------------------------------------------ */

/* 8 points of V and of Z, and their products, lie in a second cache. */
enum { BLOCK_BYTES = 320 << 10, LEAST_TILES = 24, PAD = 16 };

typedef struct room {
    float *s;                     /* (chunk,h,w,K), below a pool */
    float *v, *z, *du;            /* 8 points: (tiles,C), (tiles,K), (C,K) */
    float *half;                  /* (8,r,C,K): taps of the rows */
    float *zeros;
    size_t v_stride, z_stride, u_stride;       /* from one point to the next */
    size_t blocks, block;         /* of tiles; the largest */
} room;

/* Floats it needs behind `s`; scratch may be NULL. */
static size_t cut(const dcn__winograd_gradient *o, size_t chunk, float *scratch, room *r)
{
    const dcn__winograd *a = &o->image.shape;
    const size_t tiles = chunk * a->tiles;
    size_t most = BLOCK_BYTES / (DCN__TILE * (a->C + a->K) * sizeof(float));

    most = most < LEAST_TILES ? LEAST_TILES : most;
    r->blocks = (tiles + most - 1) / most;
    r->block = (tiles + r->blocks - 1) / r->blocks;
    r->v_stride = r->block * a->C + PAD;
    r->z_stride = r->block * a->K + PAD;
    r->u_stride = a->C * a->K + PAD;
    r->s = scratch;
    r->v = scratch + (o->way.pool ? chunk * a->h * a->w * a->K : 0);
    r->z = r->v + DCN__TILE * r->v_stride;
    r->du = r->z + DCN__TILE * r->z_stride;
    r->half = r->du + DCN__TILE * r->u_stride;
    r->zeros = r->half + DCN__TILE * a->r * r->u_stride;
    return (size_t)(r->zeros - r->v) + DCN__TILE * (a->C > a->K ? a->C : a->K);
}

size_t dcn__winograd_many_bytes(const dcn__winograd_gradient *o, int chunk, int threads)
{
    room r;
    const size_t floats = cut(o, (size_t)chunk, (float *)(uintptr_t)64, &r);
    const size_t weights = floats * sizeof(float);
    const size_t data = o->way.data ? dcn__winograd_scratch(&o->turned, threads) : 0;

    return (size_t)((uint8_t *)r.v - (uint8_t *)r.s) + (weights > data ? weights : data);
}

/* Row p of the points of all tiles, and its products. */
static void point_row(const dcn__winograd_gradient *o, const room *r, const float *x,
                      const float *s, size_t tiles, int p)
{
    const dcn__winograd *a = &o->image.shape;
    const size_t in = a->H * a->W * a->C, out = a->h * a->w * a->K;

    for (size_t b = 0; b < r->blocks; b++) {
        const size_t first = tiles * b / r->blocks, end = tiles * (b + 1) / r->blocks;

        for (size_t t = first; t < end; t++) {
            o->loops->input(a, x + t / a->tiles * in, t % a->tiles, p, r->zeros,
                            r->v + (t - first) * a->C, r->v_stride);
            o->loops->signal(a, s + t / a->tiles * out, t % a->tiles, p, r->zeros,
                             r->z + (t - first) * a->K, r->z_stride);
        }
        for (size_t q = 0; q < DCN__TILE; q++)
            o->loops->sums(r->v + q * r->v_stride, r->z + q * r->z_stride, end - first, a->C, a->K,
                           r->du + q * r->u_stride, b > 0);
    }
}

static void weights(const dcn__winograd_gradient *o, const room *r, const float *x, const float *s,
                    size_t chunk, float *dw)
{
    const dcn__winograd *a = &o->image.shape;
    const size_t n = a->C * a->K;

    memset(r->zeros, 0, DCN__TILE * (a->C > a->K ? a->C : a->K) * sizeof *r->zeros);
    for (size_t p = 0; p < DCN__TILE; p++) {
        point_row(o, r, x, s, chunk * a->tiles, (int)p);
        o->loops->taps(r->du, r->u_stride, n, r->half + p * a->r * r->u_stride, r->u_stride, a->r);
    }
    for (size_t j = 0; j < a->r; j++)
        o->loops->taps(r->half + j * r->u_stride, a->r * r->u_stride, n, dw + j * n, a->r * n,
                       a->r);
}

void dcn__winograd_many_run(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const dcn__winograd_gradient *o = k->own;
    const dcn__winograd *a = &o->image.shape;
    const size_t out = a->h * a->w * a->K, chunk = (size_t)k->chunk;
    float *dw = (float *)(void *)(f->gradients + k->base.gradient_offset);
    float *db = dw + dcn__winograd_bias_at(o);
    const float *s = cpu_read(k, f, o->way.s);
    room r;

    cut(o, chunk, f->scratch, &r);
    memset(db, 0, a->K * sizeof *db);
    for (int n = 0; n < k->chunk; n++) {
        const dcn__winograd_signal from = signal_of(k, f, n);

        o->loops->unpool(a, &from, o->way.pool ? r.s + (size_t)n * out : NULL, db);
    }
    s = o->way.pool ? r.s : s;
    weights(o, &r, cpu_read(k, f, o->way.x), s, chunk, dw);
    if (o->way.data) {
        const dcn__winograd_end end = { .y = cpu_write(k, f) };

        dcn__winograd_forward(&o->turned, o->turned_loops, o->u, s, chunk, &end, r.v, k->threads);
    }
}
