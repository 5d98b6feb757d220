/* winners_dense.c - pictures with so many winners that tiles are cheaper: see winners.h.
 *
 * A winner costs R*S products, and a tile 64 whether it holds winners or not: from as many winners
 * as make the two equal, a picture's signal is unpooled and goes down by winograd.h. Predicted for
 * 64 to 64 channels of 12x12, 8 pictures: 0.41 ms for any number of winners, where 75 of 100 alive
 * took 0.49; measured 0.43. Only for programs whose sums may be made by any method, and never where
 * a number is so large that it could spoil its whole tile. What a picture becomes depends on that
 * picture alone, and where few units are alive zeros stay zeros. */
#include "engine/cpu/winners_shape.h"

/* Beyond it products of signals and transformed weights might overflow, or NaN spread in a tile. */
static const float CALM = 1e15f;

bool dcn__winners_dense_fits(winners *a, const cpu_kernel *k, dcn_shape in)
{
    const double products = (double)(a->R * a->S);

    a->tiles = dcn__winograd_loops_of(k->isa);
    if (!a->wide || !a->data || a->weights || k->sums == DCN__SUMS_DIRECT ||
        !dcn__winograd_measure(&a->dense, k->node, in, true, a->tiles))
        return false;
    a->dense_from = (size_t)((double)(a->dense.tiles * DCN__POINTS * a->K) / products);
    return a->dense_from < a->cells * a->K;
}

dcn_status dcn__winners_dense_share(winners *a, cpu_kernel *k, dcn_error *err)
{
    const size_t floats = DCN__POINTS * a->K * a->C;
    dcn_status st = dcn__shared_packed_as(k->shared, DCN__PACKED_POINTS_TURNED, k->node->weight,
                                          floats, &a->points, &a->packs_points, err);

    if (!st && a->packs_points)
        k->base.own_bytes += floats * sizeof(float);
    return st;
}

void dcn__winners_dense_pack(winners *a, const float *weights)
{
    a->calm = a->loops->is_below(weights, a->R * a->S * a->C * a->K, CALM);
    if (a->packs_points)
        dcn__winograd_pack(&a->dense, a->tiles, true, weights, a->points);
}

bool dcn__winners_is_dense(const winners *a, const float *values, const uint64_t *masks)
{
    const size_t words = a->h * a->w * dcn__winner_words(a->K);
    size_t n = 0;

    if (!a->dense_from || !a->calm)
        return false;
    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(masks[i]);
    return n >= a->dense_from && a->loops->is_below(values, a->cells * a->K, CALM);
}

void dcn__winners_dense_run(const winners *a, const float *signals, size_t n, float *x,
                            void *scratch)
{
    const size_t size = a->H * a->W * a->C;
    const dcn__winograd_end end = { .y = x };

    if (!n)
        return;
    dcn__winograd_forward(&a->dense, a->tiles, a->points, signals, n, &end, scratch, a->threads);
    for (size_t i = 0; a->base && i < n; i++)
        a->loops->add_base(x + i * size, a->base, size, x + i * size);
}
