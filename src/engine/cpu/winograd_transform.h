/* winograd_transform.h - the one-dimensional transforms of Winograd's and Toom-Cook's convolution.
 *
 * A kernel of r taps and m = 9 - r neighbouring outputs need 8 products instead of m*r: both are read as
 * polynomials, evaluated at 8 points, multiplied there and interpolated (Lavin and Gray, "Fast
 * algorithms for convolutional neural networks", 2016; Blahut, "Fast algorithms for signal processing").
 * The points are 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, in this order. With B, G, A the usual matrices:
 *
 *   forward    y = A' [ (G w G') . (B' x B) ] A       x: a tile of 8x8, y: m x m
 *   weights    dw = G' [ (B' x B) . (A dy A') ] G     the adjoint of it in w
 *
 * B depends on the points alone, so kernels of 3 taps (m = 6) and of 5 (m = 4) share it. G is applied in
 * double when weights are packed (winograd.c). In two dimensions each is applied to columns, then to
 * rows. Every factor here is exact in binary. Included by the kernels' bodies, after vec.h. */
#ifndef DCN_ENGINE_CPU_WINOGRAD_TRANSFORM_H
#define DCN_ENGINE_CPU_WINOGRAD_TRANSFORM_H

#include "engine/cpu/vec.h"

enum { POINTS = 8 };

/* t = B' d. 8 numbers to 8. */
VEC_INLINE void transform_input(const vec d[POINTS], vec t[POINTS])
{
    const vec c525 = vec_all(5.25f), c425 = vec_all(4.25f), c125 = vec_all(1.25f);
    const vec c25 = vec_all(2.5f), c5 = vec_all(5), c4 = vec_all(4), c2 = vec_all(2);
    const vec quarter = vec_all(0.25f), half = vec_all(0.5f);
    const vec e1 = vec_fnma(c425, d[4], vec_add(d[2], d[6]));
    const vec o1 = vec_fnma(c425, d[3], vec_add(d[1], d[5]));
    const vec e2 = vec_fma(quarter, d[2], vec_fnma(c125, d[4], d[6]));
    const vec o2 = vec_fma(c2, d[5], vec_fnma(c25, d[3], vec_mul(half, d[1])));
    const vec e3 = vec_fma(c4, d[2], vec_fnma(c5, d[4], d[6]));
    const vec o3 = vec_fma(half, d[5], vec_fnma(c25, d[3], vec_mul(c2, d[1])));

    t[0] = vec_fma(c525, vec_sub(d[4], d[2]), vec_sub(d[0], d[6]));
    t[1] = vec_add(e1, o1);
    t[2] = vec_sub(e1, o1);
    t[3] = vec_add(e2, o2);
    t[4] = vec_sub(e2, o2);
    t[5] = vec_add(e3, o3);
    t[6] = vec_sub(e3, o3);
    t[7] = vec_fma(c525, vec_sub(d[3], d[5]), vec_sub(d[7], d[1]));
}

/* y = A' m: 8 products to the first `outputs` values, 1 to 8 of them. Value i is the sum of the products,
 * each times its point to the power i; the product at infinity belongs to the last. */
VEC_INLINE void transform_output(const vec m[POINTS], vec *y, int outputs)
{
    const vec s1 = vec_add(m[1], m[2]), d1 = vec_sub(m[1], m[2]);
    const vec s2 = vec_add(m[3], m[4]), d2 = vec_sub(m[3], m[4]);
    const vec s3 = vec_add(m[5], m[6]), d3 = vec_sub(m[5], m[6]);

    VEC_EACH (i, outputs) {
        const vec up = vec_all((float)(1 << i)), down = vec_all(1.0f / (float)(1 << i));
        const vec one = i % 2 ? d1 : s1, two = i % 2 ? d2 : s2, half = i % 2 ? d3 : s3;

        y[i] = i ? vec_fma(down, half, vec_fma(up, two, one)) : vec_add(vec_add(half, two), one);
        if (i == 0)
            y[i] = vec_add(y[i], m[0]);
        if (i == outputs - 1)
            y[i] = vec_add(y[i], m[7]);
    }
}

/* z = A g: the adjoint of transform_output, `outputs` numbers to 8. */
VEC_INLINE void transform_gradient(const vec *g, vec z[POINTS], int outputs)
{
    vec even[3], odd[3];          /* at 1, 2, 1/2: terms that keep and that change their sign */

    VEC_EACH (p, 3) {
        even[p] = g[0];
        odd[p] = vec_zero();
    }
    VEC_EACH (i, outputs) {
        const vec up = vec_all((float)(1 << i)), down = vec_all(1.0f / (float)(1 << i));
        vec *const to = i % 2 ? odd : even;

        if (i == 0)
            continue;
        if (i == 1) {
            to[0] = g[1];
            to[1] = vec_mul(up, g[1]);
            to[2] = vec_mul(down, g[1]);
        } else {
            to[0] = vec_add(to[0], g[i]);
            to[1] = vec_fma(up, g[i], to[1]);
            to[2] = vec_fma(down, g[i], to[2]);
        }
    }
    z[0] = g[0];
    VEC_EACH (p, 3) {
        z[1 + 2 * p] = vec_add(even[p], odd[p]);
        z[2 + 2 * p] = vec_sub(even[p], odd[p]);
    }
    z[7] = g[outputs - 1];
}

/* w = G' u: 8 numbers to `taps`. G's row of the point a is f [1, a, a^2, ...] with f = 1, -2/9, 1/90,
 * 32/45 for 0, 1, 2, 1/2; these factors are the only ones here that are rounded. */
VEC_INLINE void transform_taps(const vec u[POINTS], vec *w, int taps)
{
    const vec f1 = vec_all(-2.0f / 9), f2 = vec_all(1.0f / 90), f3 = vec_all(32.0f / 45);
    const vec s1 = vec_mul(f1, vec_add(u[1], u[2])), d1 = vec_mul(f1, vec_sub(u[1], u[2]));
    const vec s2 = vec_mul(f2, vec_add(u[3], u[4])), d2 = vec_mul(f2, vec_sub(u[3], u[4]));
    const vec s3 = vec_mul(f3, vec_add(u[5], u[6])), d3 = vec_mul(f3, vec_sub(u[5], u[6]));

    VEC_EACH (i, taps) {
        const vec up = vec_all((float)(1 << i)), down = vec_all(1.0f / (float)(1 << i));
        const vec one = i % 2 ? d1 : s1, two = i % 2 ? d2 : s2, half = i % 2 ? d3 : s3;

        w[i] = vec_fma(down, half, vec_fma(up, two, one));
        if (i == 0)
            w[i] = vec_add(w[i], u[0]);
        if (i == taps - 1)
            w[i] = vec_add(w[i], u[7]);
    }
}

#endif
