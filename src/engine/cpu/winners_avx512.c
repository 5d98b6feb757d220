/* winners_avx512.c - winners_body.h for vectors of 16 floats; and the sums of gradients, one vector
 * a tap, for which only AVX-512 has registers enough. */
#if defined(__x86_64__)
#define DCN__VEC 16
#define DCN__WINNER_LOOPS dcn__winners_avx512
#include "engine/cpu/winners_body.h"

#define GATHER(R, S)                                                                               \
    static void gather_##R##x##S(const uint32_t *offset, const float *value, size_t n,             \
                                 const float *x, size_t row, float *gradients)                     \
    {                                                                                              \
        __m512 sum[(R) * (S)];                                                                     \
                                                                                                   \
        VEC_EACH (t, (R) * (S))                                                                    \
            sum[t] = _mm512_load_ps(gradients + t * DCN__LANES);                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            const __m512 v = _mm512_set1_ps(value[i]);                                             \
            const float *p = x + offset[i];                                                        \
                                                                                                   \
            VEC_EACH (r, R)                                                                        \
                VEC_EACH (s, S)                                                                    \
                    sum[r * (S) + s] =                                                             \
                        _mm512_fmadd_ps(v, _mm512_load_ps(p + (size_t)r * row + s * DCN__LANES),   \
                                        sum[r * (S) + s]);                                         \
        }                                                                                          \
        VEC_EACH (t, (R) * (S))                                                                    \
            _mm512_store_ps(gradients + t * DCN__LANES, sum[t]);                                   \
    }

GATHER(5, 5)
GATHER(3, 3)
GATHER(1, 1)
GATHER(5, 1)
GATHER(3, 1)

dcn__winners_gather *dcn__winners_gather_of(int R, int S)
{
    return R == 5 && S == 5   ? gather_5x5
           : R == 3 && S == 3 ? gather_3x3
           : R == 1 && S == 1 ? gather_1x1
           : R == 5 && S == 1 ? gather_5x1
           : R == 3 && S == 1 ? gather_3x1
                              : NULL;
}

#else
#include "engine/cpu/winners.h"

dcn__winners_gather *dcn__winners_gather_of(int R, int S)
{
    (void)R, (void)S;
    return NULL;
}

#endif
