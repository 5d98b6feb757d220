/* peak.c - each channel's largest value and its cell, as engine/ref/peak.c defines them: the first
 * of equals, a NaN above all numbers.
 *
 * A few vectors of channels are carried through all cells of a picture, their largest so far in
 * registers: as fast as the value can be read. Channels are independent, so threads share a large
 * map by them. */
#include "engine/cpu/cpu.h"

#if defined(__x86_64__)
#include "engine/cpu/isa.h"

#include <immintrin.h>
#endif

enum { BLOCK = 16, LARGE = 32768 };   /* channels; elements, below which threads do not pay */

/* Some channels of one picture. */
typedef struct part {
    const float *y;
    size_t cells, C, width;       /* C from one cell to the next */
    float *values;
    int32_t *at;
} part;

typedef void part_scan(const part *p);

static void scan_plain(const part *p)
{
    for (size_t c = 0; c < p->width; c++) {
        p->values[c] = p->y[c];
        p->at[c] = 0;
    }
    for (size_t i = 1; i < p->cells; i++)
        for (size_t c = 0; c < p->width; c++) {
            const float v = p->y[i * p->C + c], best = p->values[c];
            /* Without a branch: larger or a NaN, against what is no NaN yet. */
            const bool wins = !(v <= best) & (best == best);

            p->values[c] = wins ? v : best;
            p->at[c] = wins ? (int32_t)i : p->at[c];
        }
}

#if defined(__x86_64__)
/* n vectors from channel c on, the last of them up to `last`; n is a constant. */
DCN__AVX512 LOOP void scan_zmm(const part *p, size_t c, int n, __mmask16 last)
{
    const float *y = p->y + c;
    __m512 best[8];
    __m512i at[8];

    _Pragma("GCC unroll 8") for (int k = 0; k < n; k++) {
        best[k] = _mm512_maskz_loadu_ps(k < n - 1 ? 0xffff : last, y + 16 * k);
        at[k] = _mm512_setzero_si512();
    }
    for (size_t i = 1; i < p->cells; i++) {
        const __m512i cell = _mm512_set1_epi32((int)i);

        y += p->C;
        _Pragma("GCC unroll 8") for (int k = 0; k < n; k++) {
            const __m512 v = _mm512_maskz_loadu_ps(k < n - 1 ? 0xffff : last, y + 16 * k);
            const __mmask16 number = _mm512_cmp_ps_mask(best[k], best[k], _CMP_ORD_Q);
            const __mmask16 wins = _mm512_mask_cmp_ps_mask(number, v, best[k], _CMP_NLE_UQ);

            best[k] = _mm512_mask_mov_ps(best[k], wins, v);
            at[k] = _mm512_mask_mov_epi32(at[k], wins, cell);
        }
    }
    _Pragma("GCC unroll 8") for (int k = 0; k < n; k++) {
        _mm512_mask_storeu_ps(p->values + c + 16 * k, k < n - 1 ? 0xffff : last, best[k]);
        _mm512_mask_storeu_epi32(p->at + c + 16 * k, k < n - 1 ? 0xffff : last, at[k]);
    }
}

/* A single vector waits for its own comparisons: as many at once as there are. */
DCN__AVX512 static void scan_avx512(const part *p)
{
    size_t c = 0, left;
    __mmask16 last;

    for (; c + 128 <= p->width; c += 128)
        scan_zmm(p, c, 8, 0xffff);
    for (; c + 64 <= p->width; c += 64)
        scan_zmm(p, c, 4, 0xffff);
    left = p->width - c;
    last = (__mmask16)(left % 16 ? (1u << left % 16) - 1 : 0xffff);
    if (left > 48)
        scan_zmm(p, c, 4, last);
    else if (left > 32)
        scan_zmm(p, c, 3, last);
    else if (left > 16)
        scan_zmm(p, c, 2, last);
    else if (left)
        scan_zmm(p, c, 1, last);
}

/* n vectors of 8; n is a constant. */
DCN__AVX2 LOOP void scan_ymm(const part *p, size_t c, int n)
{
    const float *y = p->y + c;
    __m256 best[4], at[4];        /* cells by their bits */

    _Pragma("GCC unroll 4") for (int k = 0; k < n; k++) {
        best[k] = _mm256_loadu_ps(y + 8 * k);
        at[k] = _mm256_setzero_ps();
    }
    for (size_t i = 1; i < p->cells; i++) {
        const __m256 cell = _mm256_castsi256_ps(_mm256_set1_epi32((int)i));

        y += p->C;
        _Pragma("GCC unroll 4") for (int k = 0; k < n; k++) {
            const __m256 v = _mm256_loadu_ps(y + 8 * k);
            const __m256 number = _mm256_cmp_ps(best[k], best[k], _CMP_ORD_Q);
            const __m256 wins = _mm256_and_ps(number, _mm256_cmp_ps(v, best[k], _CMP_NLE_UQ));

            best[k] = _mm256_blendv_ps(best[k], v, wins);
            at[k] = _mm256_blendv_ps(at[k], cell, wins);
        }
    }
    _Pragma("GCC unroll 4") for (int k = 0; k < n; k++) {
        _mm256_storeu_ps(p->values + c + 8 * k, best[k]);
        _mm256_storeu_si256((__m256i *)(void *)(p->at + c + 8 * k), _mm256_castps_si256(at[k]));
    }
}

DCN__AVX2 static void scan_avx2(const part *p)
{
    part rest = *p;
    size_t c = 0;

    for (; c + 32 <= p->width; c += 32)
        scan_ymm(p, c, 4);
    for (; c + 8 <= p->width; c += 8)
        scan_ymm(p, c, 1);
    rest.y += c;
    rest.width -= c;
    rest.values += c;
    rest.at += c;
    scan_plain(&rest);
}
#endif

static part_scan *scan_of(const cpu_kernel *k)
{
#if defined(__x86_64__)
    if (k->isa == DCN__ISA_AVX512)
        return scan_avx512;
    if (k->isa == DCN__ISA_AVX2)
        return scan_avx2;
#endif
    (void)k;
    return scan_plain;
}

static size_t blocks_of(const cpu_kernel *k)
{
    return ((size_t)k->out.c + BLOCK - 1) / BLOCK;
}

/* Units: blocks of channels, picture after picture. */
static void peak(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c, blocks = blocks_of(k), size = cpu_size(k->out);
    const float *y = cpu_read(k, f, 0);
    float *values = cpu_write(k, f);
    int32_t *at = (int32_t *)(void *)(values + (size_t)k->chunk * C);

    for (size_t n = first / blocks; n < (size_t)f->n && n * blocks < end; n++) {
        const size_t from = first > n * blocks ? (first - n * blocks) * BLOCK : 0;
        const size_t to = end < (n + 1) * blocks ? (end - n * blocks) * BLOCK : C;
        const part p = { .y = y + n * size + from, .cells = size / C, .C = C, .width = to - from,
                         .values = values + n * C + from, .at = at + n * C + from };

        scan_of(k)(&p);
    }
}

void dcn__cpu_peak(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t units = (size_t)k->chunk * blocks_of(k);

    if ((size_t)k->chunk * cpu_size(k->out) > LARGE)
        dcn__cpu_cut(k, f, peak, units);
    else
        peak(k, f, 0, units);
}
