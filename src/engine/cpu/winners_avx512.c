/* winners_avx512.c - the innermost loops of winners.h. Each keeps its sums in registers: one vector
 * a tap. */
#include "engine/cpu/winners.h"

#include "engine/cpu/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define EACH(i, n) _Pragma("GCC unroll 32") for (int i = 0; i < (n); i++)

DCN__AVX512 uint32_t dcn__winners_of_place(const float *values, const uint8_t *switches,
                                           unsigned place, size_t K, uint32_t stride, float *value,
                                           uint32_t *offset)
{
    const __m512i step = _mm512_set1_epi32((int)(stride * DCN__LANES));
    const __m128i wanted = _mm_set1_epi8((char)place);
    __m512i at =
        _mm512_mullo_epi32(_mm512_set1_epi32((int)stride),
                           _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    uint32_t n = 0;

    for (size_t k = 0; k < K; k += DCN__LANES) {
        const __mmask16 inside = K - k < DCN__LANES ? (__mmask16)((1u << (K - k)) - 1) : 0xffff;
        const __m512 v = _mm512_maskz_loadu_ps(inside, values + k);
        const __m128i s = _mm_maskz_loadu_epi8(inside, switches + k);
        const __mmask16 take = _mm_mask_cmpeq_epi8_mask(inside, s, wanted) &
                               _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);

        _mm512_storeu_ps(value + n, _mm512_maskz_compress_ps(take, v));
        _mm512_storeu_si512(offset + n, _mm512_maskz_compress_epi32(take, at));
        n += (uint32_t)_mm_popcnt_u32(take);
        at = _mm512_add_epi32(at, step);
    }
    return n;
}

#define GATHER(R, S)                                                                               \
    static DCN__AVX512 void gather_##R##x##S(const uint32_t *offset, const float *value, size_t n, \
                                             const float *x, size_t row, float *gradients)         \
    {                                                                                              \
        __m512 sum[(R) * (S)];                                                                     \
                                                                                                   \
        EACH (t, (R) * (S))                                                                        \
            sum[t] = _mm512_load_ps(gradients + t * DCN__LANES);                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            const __m512 v = _mm512_set1_ps(value[i]);                                             \
            const float *p = x + offset[i];                                                        \
                                                                                                   \
            EACH (r, R)                                                                            \
                EACH (s, S)                                                                        \
                    sum[r * (S) + s] =                                                             \
                        _mm512_fmadd_ps(v, _mm512_load_ps(p + (size_t)r * row + s * DCN__LANES),   \
                                        sum[r * (S) + s]);                                         \
        }                                                                                          \
        EACH (t, (R) * (S))                                                                        \
            _mm512_store_ps(gradients + t * DCN__LANES, sum[t]);                                   \
    }

GATHER(5, 5)
GATHER(3, 3)
GATHER(1, 1)
GATHER(5, 1)
GATHER(3, 1)

static inline DCN__AVX512 void add_to(float *p, __m512 v)
{
    _mm512_store_ps(p, _mm512_add_ps(_mm512_load_ps(p), v));
}

/* After place j nothing more comes to vector j: it is added to the result and the others move
 * up. */
#define SPREAD(S)                                                                                  \
    static DCN__AVX512 void spread_##S(const dcn__winner_list *list, size_t first, size_t w,       \
                                       const float *weights, float *row)                           \
    {                                                                                              \
        uint32_t i = list->start[first];                                                           \
        __m512 sum[S];                                                                             \
                                                                                                   \
        EACH (s, S)                                                                                \
            sum[s] = _mm512_setzero_ps();                                                          \
        for (size_t j = 0; j < w; j++, row += DCN__LANES) {                                        \
            for (const uint32_t end = list->start[first + j + 1]; i < end; i++) {                  \
                const __m512 v = _mm512_set1_ps(list->value[i]);                                   \
                const float *p = weights + list->offset[i];                                        \
                                                                                                   \
                EACH (s, S)                                                                        \
                    sum[s] = _mm512_fmadd_ps(v, _mm512_load_ps(p + s * DCN__LANES), sum[s]);       \
            }                                                                                      \
            add_to(row, sum[0]);                                                                   \
            EACH (s, (S) - 1)                                                                      \
                sum[s] = sum[s + 1];                                                               \
            sum[(S) - 1] = _mm512_setzero_ps();                                                    \
        }                                                                                          \
        EACH (s, (S) - 1)                                                                          \
            add_to(row + s * DCN__LANES, sum[s]);                                                  \
    }

SPREAD(5)
SPREAD(3)
SPREAD(1)

#define SPREAD_FEW(R)                                                                              \
    static DCN__AVX512 void spread_few_##R(const dcn__winner_list *list, size_t first, size_t w,   \
                                           const float *weights, float *rows, size_t row,          \
                                           size_t S, size_t C)                                     \
    {                                                                                              \
        const __m512i move = _mm512_add_epi32(                                                     \
            _mm512_set1_epi32((int)C),                                                             \
            _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));               \
        const __mmask16 stay = (__mmask16)(0xffffu >> C), done = (__mmask16)((1u << C) - 1);       \
        const __mmask16 rest = (__mmask16)((1u << ((S - 1) * C)) - 1);                             \
        uint32_t i = list->start[first];                                                           \
        __m512 sum[R];                                                                             \
                                                                                                   \
        EACH (r, R)                                                                                \
            sum[r] = _mm512_setzero_ps();                                                          \
        for (size_t j = 0; j <= w; j++, rows += C) {                                               \
            const __mmask16 out = j < w ? done : rest;                                             \
                                                                                                   \
            for (const uint32_t end = list->start[j < w ? first + j + 1 : first + w]; i < end;     \
                 i++) {                                                                            \
                const __m512 v = _mm512_set1_ps(list->value[i]);                                   \
                const float *p = weights + list->offset[i];                                        \
                                                                                                   \
                EACH (r, R)                                                                        \
                    sum[r] = _mm512_fmadd_ps(v, _mm512_load_ps(p + r * DCN__LANES), sum[r]);       \
            }                                                                                      \
            EACH (r, R) {                                                                          \
                float *p = rows + (size_t)r * row;                                                 \
                                                                                                   \
                _mm512_mask_storeu_ps(p, out,                                                      \
                                      _mm512_add_ps(_mm512_maskz_loadu_ps(out, p), sum[r]));       \
                sum[r] = _mm512_maskz_permutexvar_ps(stay, move, sum[r]);                          \
            }                                                                                      \
        }                                                                                          \
    }

SPREAD_FEW(5)
SPREAD_FEW(3)
SPREAD_FEW(1)

dcn__winners_gather *dcn__winners_gather_of(int R, int S)
{
    return R == 5 && S == 5   ? gather_5x5
           : R == 3 && S == 3 ? gather_3x3
           : R == 1 && S == 1 ? gather_1x1
           : R == 5 && S == 1 ? gather_5x1
           : R == 3 && S == 1 ? gather_3x1
                              : NULL;
}

dcn__winners_spread *dcn__winners_spread_of(int S)
{
    return S == 5 ? spread_5 : S == 3 ? spread_3 : S == 1 ? spread_1 : NULL;
}

dcn__winners_spread_few *dcn__winners_spread_few_of(int R)
{
    return R == 5 ? spread_few_5 : R == 3 ? spread_few_3 : R == 1 ? spread_few_1 : NULL;
}

#else

dcn__winners_gather *dcn__winners_gather_of(int R, int S)
{
    (void)R, (void)S;
    return NULL;
}

dcn__winners_spread *dcn__winners_spread_of(int S)
{
    (void)S;
    return NULL;
}

dcn__winners_spread_few *dcn__winners_spread_few_of(int R)
{
    (void)R;
    return NULL;
}

uint32_t dcn__winners_of_place(const float *values, const uint8_t *switches, unsigned place,
                               size_t K, uint32_t stride, float *value, uint32_t *offset)
{
    (void)values, (void)switches, (void)place, (void)K, (void)stride, (void)value, (void)offset;
    return 0;
}

#endif
