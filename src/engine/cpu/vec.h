/* vec.h - a vector of floats as the file that includes it wants it.
 *
 * A kernel that is worth writing once for all machines is a header NAME_body.h, which three small
 * files include: NAME_avx512.c, NAME_avx2.c and NAME_plain.c, each compiled for its instruction set
 * (CMakeLists.txt) after defining DCN__VEC as 16, 8 or 4, the floats of a vector. Functions here are
 * inlined, so nothing of one instruction set leaks into another's file. vec_fma rounds once where the
 * machine has it and twice in the plain version, so the three differ in their last bits. */
#ifndef DCN_ENGINE_CPU_VEC_H
#define DCN_ENGINE_CPU_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VEC_INLINE static inline __attribute__((always_inline))
/* Sums stay in registers only if their loops are unrolled first of all; each compiler has its word. */
#if defined(__clang__)
#define VEC_EACH(i, n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i++)
#else
#define VEC_EACH(i, n) _Pragma("GCC unroll 32") for (int i = 0; i < (n); i++)
#endif

enum { LANES = DCN__VEC };

#if DCN__VEC == 16
#include <immintrin.h>

typedef __m512 vec;
typedef __mmask16 vec_mask;       /* a comparison's answer */

VEC_INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
VEC_INLINE void vec_store(float *p, vec a) { _mm512_storeu_ps(p, a); }
VEC_INLINE vec vec_all(float a) { return _mm512_set1_ps(a); }
VEC_INLINE vec vec_zero(void) { return _mm512_setzero_ps(); }
VEC_INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
VEC_INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
VEC_INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
/* max: a > b ? a : b, min: a < b ? a : b; so b where one is NaN. */
VEC_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
VEC_INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
VEC_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }    /* a*b + c */
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }  /* c - a*b */
/* False for NaN. */
VEC_INLINE vec_mask vec_more(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
/* True for NaN. */
VEC_INLINE vec_mask vec_not_less(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ); }
VEC_INLINE vec_mask vec_nan(vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
VEC_INLINE vec_mask vec_and(vec_mask a, vec_mask b) { return a & b; }
VEC_INLINE vec_mask vec_or(vec_mask a, vec_mask b) { return a | b; }
VEC_INLINE vec_mask vec_and_not(vec_mask a, vec_mask b) { return (vec_mask)(a & ~b); }
/* Lane by lane: b where m, else a. */
VEC_INLINE vec vec_pick(vec a, vec b, vec_mask m) { return _mm512_mask_mov_ps(a, m, b); }
/* A bit for each lane, lane 0 lowest. */
VEC_INLINE uint32_t vec_bits(vec_mask m) { return m; }
/* Lanes whose byte in p[0..LANES) equals `wanted`; nothing beyond is read. */
VEC_INLINE vec_mask vec_bytes_equal(const uint8_t *p, unsigned wanted)
{
    return _mm_cmpeq_epi8_mask(_mm_loadu_si128((const __m128i *)(const void *)p),
                               _mm_set1_epi8((char)wanted));
}
/* p[0..LANES) = the whole numbers of a, 0..255. */
VEC_INLINE void vec_store_bytes(uint8_t *p, vec a)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(a)));
}
/* All lanes, added in pairs. */
VEC_INLINE float vec_sum(vec a)
{
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));

    quarter = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

#elif DCN__VEC == 8
#include <immintrin.h>

typedef __m256 vec;
typedef __m256 vec_mask;

VEC_INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
VEC_INLINE void vec_store(float *p, vec a) { _mm256_storeu_ps(p, a); }
VEC_INLINE vec vec_all(float a) { return _mm256_set1_ps(a); }
VEC_INLINE vec vec_zero(void) { return _mm256_setzero_ps(); }
VEC_INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
VEC_INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
VEC_INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
VEC_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
VEC_INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
VEC_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
VEC_INLINE vec_mask vec_more(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
VEC_INLINE vec_mask vec_not_less(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_NLT_UQ); }
VEC_INLINE vec_mask vec_nan(vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
VEC_INLINE vec_mask vec_and(vec_mask a, vec_mask b) { return _mm256_and_ps(a, b); }
VEC_INLINE vec_mask vec_or(vec_mask a, vec_mask b) { return _mm256_or_ps(a, b); }
VEC_INLINE vec_mask vec_and_not(vec_mask a, vec_mask b) { return _mm256_andnot_ps(b, a); }
VEC_INLINE vec vec_pick(vec a, vec b, vec_mask m) { return _mm256_blendv_ps(a, b, m); }
VEC_INLINE uint32_t vec_bits(vec_mask m) { return (uint32_t)_mm256_movemask_ps(m); }
VEC_INLINE vec_mask vec_bytes_equal(const uint8_t *p, unsigned wanted)
{
    const __m128i bytes = _mm_cmpeq_epi8(_mm_loadl_epi64((const __m128i *)(const void *)p),
                                         _mm_set1_epi8((char)wanted));

    return _mm256_castsi256_ps(_mm256_cvtepi8_epi32(bytes));
}
VEC_INLINE void vec_store_bytes(uint8_t *p, vec a)
{
    const __m256i whole = _mm256_cvttps_epi32(a);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole),
                                          _mm256_extracti128_si256(whole, 1));

    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}
VEC_INLINE float vec_sum(vec a)
{
    __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    quarter = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

#else

typedef float vec __attribute__((vector_size(16)));
typedef int32_t vec_mask __attribute__((vector_size(16)));

VEC_INLINE vec vec_load(const float *p)
{
    vec a;

    memcpy(&a, p, sizeof a);
    return a;
}
VEC_INLINE void vec_store(float *p, vec a) { memcpy(p, &a, sizeof a); }
VEC_INLINE vec vec_all(float a) { return (vec){ a, a, a, a }; }
VEC_INLINE vec vec_zero(void) { return vec_all(0); }
VEC_INLINE vec vec_add(vec a, vec b) { return a + b; }
VEC_INLINE vec vec_sub(vec a, vec b) { return a - b; }
VEC_INLINE vec vec_mul(vec a, vec b) { return a * b; }
VEC_INLINE vec vec_fma(vec a, vec b, vec c) { return a * b + c; }
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) { return c - a * b; }
VEC_INLINE vec_mask vec_more(vec a, vec b) { return a > b; }
VEC_INLINE vec_mask vec_not_less(vec a, vec b) { return ~(a < b); }
VEC_INLINE vec_mask vec_nan(vec a) { return a != a; }
VEC_INLINE vec_mask vec_and(vec_mask a, vec_mask b) { return a & b; }
VEC_INLINE vec_mask vec_or(vec_mask a, vec_mask b) { return a | b; }
VEC_INLINE vec_mask vec_and_not(vec_mask a, vec_mask b) { return a & ~b; }
VEC_INLINE vec vec_pick(vec a, vec b, vec_mask m)
{
    return (vec)(((vec_mask)a & ~m) | ((vec_mask)b & m));
}
VEC_INLINE float vec_sum(vec a) { return (a[0] + a[2]) + (a[1] + a[3]); }
VEC_INLINE vec vec_max(vec a, vec b) { return vec_pick(b, a, a > b); }
VEC_INLINE vec vec_min(vec a, vec b) { return vec_pick(b, a, a < b); }
VEC_INLINE uint32_t vec_bits(vec_mask m)
{
    return (m[0] & 1u) | (m[1] & 2u) | (m[2] & 4u) | (m[3] & 8u);
}
VEC_INLINE vec_mask vec_bytes_equal(const uint8_t *p, unsigned wanted)
{
    return (vec_mask){ -(p[0] == wanted), -(p[1] == wanted), -(p[2] == wanted), -(p[3] == wanted) };
}
VEC_INLINE void vec_store_bytes(uint8_t *p, vec a)
{
    VEC_EACH (i, LANES)
        p[i] = (uint8_t)a[i];
}

#endif

#ifdef DCN_COVERAGE      /* a kernel's branch is counted once, not in every place it is inlined into */
#undef VEC_INLINE
#define VEC_INLINE static inline
#endif
#endif
