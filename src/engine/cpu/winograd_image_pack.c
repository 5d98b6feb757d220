/* winograd_image_pack.c - what winograd_image.h makes of weights: U, and errors. */
#include "engine/cpu/winograd_image.h"

#include <math.h>
#include <string.h>

/* Times what bound_errors adds up, about 240 |w|. Measured over pictures and weights that are
 * normal, of one sign, nearly even, or mostly zeros and a few large ones: at most 0.48 of it, root
 * mean square 0.02. A few times |w| is not safe with so few channels: 16 |w| was passed 12 times
 * over. */
#define IMAGE_ERROR (1.0f / 16777216)
/* Times |bias|, which takes part in a dozen additions. */
#define BIAS_ERROR (16.0f / 16777216)

/* Row p of G: see winograd_transform.h. */
static void row_of_g(int p, int taps, double g[5])
{
    static const double points[] = { 0, 1, -1, 2, -2, 0.5, -0.5 };
    static const double factors[] = { 1,        -2.0 / 9,  -2.0 / 9, 1.0 / 90,
                                      1.0 / 90, 32.0 / 45, 32.0 / 45 };
    double f = p < 7 ? factors[p] : 0;

    for (int i = 0; i < taps; i++) {
        g[i] = f;
        f *= p < 7 ? points[p] : 0;
    }
    if (p == 7)
        g[taps - 1] = 1;
}

/* A vector of output channels from k on, one input channel: taps to 64 points. w: its first tap. */
static void pack_points(const dcn__winograd *a, const float *w, size_t lanes, float *u)
{
    const int r = (int)a->r;
    double g[8][5], half[8][5][16];

    for (int p = 0; p < 8; p++)
        row_of_g(p, r, g[p]);
    memset(half, 0, sizeof half);
    for (int i = 0; i < r; i++)
        for (int j = 0; j < r; j++)
            for (int p = 0; p < 8; p++)
                for (size_t l = 0; l < lanes; l++)
                    half[p][j][l] += g[p][i] * (double)w[(size_t)(i * r + j) * a->C * a->K + l];
    for (int q = 0; q < 8; q++)
        for (int p = 0; p < 8; p++) {
            double sum[16] = { 0 };

            for (int j = 0; j < r; j++)
                for (size_t l = 0; l < lanes; l++)
                    sum[l] += g[q][j] * half[p][j][l];
            for (size_t l = 0; l < lanes; l++)
                u[(size_t)(q * 8 + p) * a->C * lanes + l] = (float)sum[l];
        }
}

/* How far outputs [k, k + lanes) may be from the exact sum, over |x|: each point's product carries
 * the roundings of its x, at most |B| |x| for the norm of its row of B, and of its U, and reaches
 * an output times its power. |U| over the channels; the largest of the outputs counts. */
static void bound_errors(const dcn__winograd_image *b, size_t k, size_t lanes)
{
    /* 2-norms of the rows of B' (winograd_transform.h), and the points. */
    static const float rows[] = { 7.56f, 6.34f, 6.34f, 3.63f, 3.63f, 7.25f, 7.25f, 7.56f };
    static const float points[] = { 0, 1, 1, 2, 2, 0.5f, 0.5f, 0 };
    const size_t m = b->shape.m, C = b->shape.C;
    const float *u = b->u + k * DCN__POINTS * C;
    float power[8][8], half[8][8][16] = { { { 0 } } };

    for (size_t p = 0; p < 8; p++) {
        power[0][p] = p < 7 ? rows[p] : 0;
        for (size_t i = 1; i < m; i++)
            power[i][p] = power[i - 1][p] * points[p];
        power[m - 1][p] += p == 7 ? rows[p] : 0;
    }
    for (size_t q = 0; q < 8; q++)
        for (size_t p = 0; p < 8; p++) {
            float squares[16];

            for (size_t l = 0; l < lanes; l++)
                squares[l] = 1e-36f;      /* smaller ones underflow */
            for (size_t c = 0; c < C; c++, u += lanes)
                for (size_t l = 0; l < lanes; l++)
                    squares[l] += u[l] * u[l];
            for (size_t l = 0; l < lanes; l++)
                squares[l] = sqrtf(squares[l]);
            for (size_t i = 0; i < m; i++)
                for (size_t l = 0; l < lanes; l++)
                    half[i][q][l] += power[i][p] * squares[l];
        }
    memset(b->norms + k, 0, lanes * sizeof *b->norms);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            for (size_t l = 0; l < lanes; l++) {
                float sum = 0;

                for (size_t q = 0; q < 8; q++)
                    sum += power[j][q] * half[i][q][l];
                b->norms[k + l] = fmaxf(b->norms[k + l], sum * IMAGE_ERROR);
            }
}

/* Limits of a vector of output channels, and what a bias adds to their errors. Beyond 1e15 squares
 * of either side, or their product on its way through the transforms, could overflow. */
static void pack_bounds(dcn__winograd_image *b, const float *weights, const float *bias, size_t k,
                        size_t lanes)
{
    const dcn__winograd *a = &b->shape;
    float most = 0, edge = 0;

    for (size_t t = 0; t < a->r * a->r * a->C; t++)
        for (size_t l = k; l < k + lanes; l++)
            most += fabsf(weights[t * a->K + l]);
    for (size_t l = k; l < k + lanes; l++) {
        const float own = bias ? fabsf(bias[l]) : 0;

        edge += own;
        b->slack[l] = own * BIAS_ERROR + 1e-30f;
    }
    b->limits[k / lanes] = most <= 1e15f && edge <= 1e30f ? 1e15f : 0;
}

void dcn__winograd_image_pack(dcn__winograd_image *b, size_t lanes, const float *weights,
                              const float *bias, bool faithful)
{
    const dcn__winograd *a = &b->shape;

    for (size_t o = 0; o < a->K; o += lanes) {
        for (size_t c = 0; c < a->C; c++)
            pack_points(a, weights + c * a->K + o, lanes,
                        b->u + o * DCN__POINTS * a->C + c * lanes);
        pack_bounds(b, weights, bias, o, lanes);
        if (faithful)
            bound_errors(b, o, lanes);
    }
}
