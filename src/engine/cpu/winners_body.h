/* winners_body.h - the inner loops of winners.h, once for every instruction set: see vec.h.
 *
 * Each keeps its sums in registers, a vector or two a tap, and takes a place's winners from the
 * bits of a mask. Lists of places and values, written first, took a quarter of the time of few
 * channels: for 8 pictures of 24x24x64 to 3 predicted 0.12 ms instead of 0.20, measured 0.145. What
 * bounds both is one load of 64 bytes a cycle: one for each multiply-add and one for a winner's
 * value, 1.64 ns a winner of 5 vectors in a loop of nothing else. */
#include "engine/cpu/vec.h"
#include "engine/cpu/winners.h"

enum { WORD = 64 };               /* bits of a mask */
/* A tap's 16 floats are worked on in PARTS of as many vectors as there are registers for. */
enum {
    VECTORS = DCN__VEC < 16 ? 2 : 1,
    WIDTH = VECTORS * LANES,
    PARTS = DCN__LANES / WIDTH,
    MOST_TAPS = 5
};

/* ---- the signal at the winners --------------------------------------------------------------- */

/* Of 64 bytes. */
VEC_INLINE uint64_t equal_bytes(const uint8_t *p, unsigned wanted)
{
#if DCN__VEC == 16
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8((char)wanted));
#elif DCN__VEC == 8
    const __m256i all = _mm256_set1_epi8((char)wanted);
    const __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
    const __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + WORD / 2));

    return (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all)) << (WORD / 2) |
           (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all));
#else
    const uint64_t low = 0x7f7f7f7f7f7f7f7f, each = 0x0101010101010101;
    uint64_t bits = 0;

    for (int i = 0; i < WORD; i += 8) {
        uint64_t x = 0;

        for (int b = 0; b < 8; b++)
            x |= (uint64_t)p[i + b] << (8 * b);
        x ^= wanted * each;
        x = ~(((x & low) + low) | x) >> 7 & each;         /* 1 in each byte that was equal */
        bits |= x * 0x0102040810204080 >> 56 << i;
    }
    return bits;
#endif
}

/* Of 64 numbers; NaN is not zero. */
VEC_INLINE uint64_t nonzero(const float *p)
{
    uint64_t bits = 0;

    for (int i = 0; i < WORD; i += LANES) {
        const vec a = vec_load(p + i);
        const vec_mask beyond = vec_or(vec_more(a, vec_zero()), vec_more(vec_zero(), a));

        bits |= (uint64_t)vec_bits(vec_or(beyond, vec_nan(a))) << i;
    }
    return bits;
}

static void find(const float *values, const uint8_t *switches, const dcn__winner_places *at,
                 uint64_t *alive, uint64_t *masks)
{
    const size_t K = at->K, words = dcn__winner_words(K);

    for (size_t w = 0; w < words; w++) {
        const size_t first = w * WORD, n = K - first < WORD ? K - first : WORD;
        float v[WORD] = { 0 };
        uint8_t s[WORD] = { 0 };

        for (size_t i = 0; i < at->cells; i++) {
            const float *from = values + i * K + first;

            if (n < WORD)
                from = memcpy(v, from, n * sizeof *v);
            alive[i] = nonzero(from);
        }
        for (size_t i = 0; i < at->places; i++) {
            const size_t cell = (size_t)(at->cell_of[i] < 0 ? 0 : at->cell_of[i]);
            const uint8_t *from = switches + cell * K + first;

            if (n < WORD)
                from = memcpy(s, from, n);
            masks[i * words + w] =
                at->cell_of[i] < 0 ? 0 : alive[cell] & equal_bytes(from, at->place_of[i]);
        }
    }
}

/* ---- 16 input channels ----------------------------------------------------------------------- */

VEC_INLINE void add_to(float *p, vec a)
{
    vec_store(p, vec_add(vec_load(p), a));
}

/* The winners of one place, and of them the taps [first, end). */
VEC_INLINE void spread_place(const dcn__winner_places *at, size_t place, const uint64_t *masks,
                             const float *values, const float *weights, vec *sum, int S, int first,
                             int end)
{
    const float *v = values + (size_t)at->cell_of[place] * at->K;
    const size_t words = dcn__winner_words(at->K);

    for (size_t w = 0; w < words; w++) {
        for (uint64_t m = masks[place * words + w]; m; m &= m - 1) {
            const size_t k = w * WORD + (size_t)__builtin_ctzll(m);
            const float *p = weights + k * (size_t)S * DCN__LANES;
            const vec x = vec_all(v[k]);

            VEC_EACH (s, end - first)
                VEC_EACH (u, VECTORS)
                    sum[(first + s) * VECTORS + u] =
                        vec_fma(x, vec_load(p + (first + s) * DCN__LANES + u * LANES),
                                sum[(first + s) * VECTORS + u]);
        }
    }
}

/* After place j nothing more comes to vector j: it is added to the result and the others move up.
 * Taps that meet padding alone are left out, in two columns at either border: a tenth of all on a
 * map of 12x12. */
VEC_INLINE void spread(const dcn__winner_places *at, size_t row, const uint64_t *masks,
                       const float *values, const float *weights, float *out, int S)
{
    vec sum[MOST_TAPS * VECTORS];

    VEC_EACH (t, S * VECTORS)
        sum[t] = vec_zero();
    for (size_t j = 0; j < at->w; j++, out += DCN__LANES) {
        const size_t before = j < at->left ? at->left - j : 0, reach = at->left + at->W;
        const size_t behind = j + (size_t)S > reach ? j + (size_t)S - reach : 0;
        const size_t place = row * at->w + j;

        if (at->cell_of[place] >= 0) {
            if (S > 2 && before >= 2 && !behind)
                spread_place(at, place, masks, values, weights, sum, S, 2, S);
            else if (S > 1 && before == 1 && !behind)
                spread_place(at, place, masks, values, weights, sum, S, 1, S);
            else if (S > 2 && behind >= 2 && !before)
                spread_place(at, place, masks, values, weights, sum, S, 0, S - 2);
            else if (S > 1 && behind == 1 && !before)
                spread_place(at, place, masks, values, weights, sum, S, 0, S - 1);
            else
                spread_place(at, place, masks, values, weights, sum, S, 0, S);
        }
        VEC_EACH (u, VECTORS)
            add_to(out + u * LANES, sum[u]);
        VEC_EACH (t, (S - 1) * VECTORS)
            sum[t] = sum[t + VECTORS];
        VEC_EACH (u, VECTORS)
            sum[(S - 1) * VECTORS + u] = vec_zero();
    }
    VEC_EACH (s, S - 1)
        VEC_EACH (u, VECTORS)
            add_to(out + s * DCN__LANES + u * LANES, sum[s * VECTORS + u]);
}

/* ---- few input channels ---------------------------------------------------------------------- */

/* The sums of place j to its column of the lines. What later columns get of them is carried on in
 * registers, apart from their own sums, which need not wait for it; where a line is several
 * vectors, in memory. */
VEC_INLINE void add_place(vec *sum, vec *carried, float *lines, size_t line, size_t C, int R)
{
#if DCN__VEC == 16
    const __m512i numbers = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i move = _mm512_add_epi32(_mm512_set1_epi32((int)C), numbers);
    const __mmask16 stay = (__mmask16)(0xffffu >> C);

    VEC_EACH (r, R) {
        const vec all = vec_add(sum[r], carried[r]);

        if (C <= 4)
            _mm_storeu_ps(lines + (size_t)r * line, _mm512_castps512_ps128(all));
        else
            vec_store(lines + (size_t)r * line, all);
        carried[r] = _mm512_maskz_permutexvar_ps(stay, move, all);
    }
#else
    (void)carried, (void)C;
    VEC_EACH (r, R)
        VEC_EACH (u, VECTORS)
            add_to(lines + (size_t)r * line + u * LANES, sum[r * VECTORS + u]);
#endif
}

VEC_INLINE void few_part(const dcn__winner_places *at, size_t row, const uint64_t *masks,
                         const float *values, const float *weights, float *lines, size_t line,
                         const vec_mask *inside, size_t C, int R)
{
    const size_t words = dcn__winner_words(at->K);
    vec carried[MOST_TAPS];

    VEC_EACH (r, R)
        carried[r] = vec_zero();
    for (size_t j = 0; j < at->w; j++, lines += C) {
        const size_t place = row * at->w + j;
        const float *v = values + (size_t)(at->cell_of[place] < 0 ? 0 : at->cell_of[place]) * at->K;
        vec sum[MOST_TAPS * VECTORS];

        VEC_EACH (t, R * VECTORS)
            sum[t] = vec_zero();
        for (size_t w = 0; w < words; w++)
            for (uint64_t m = masks[place * words + w]; m; m &= m - 1) {
                const size_t k = w * WORD + (size_t)__builtin_ctzll(m);
                const float *p = weights + k * (size_t)R * DCN__LANES;
                const vec x = vec_all(v[k]);

                VEC_EACH (r, R)
                    VEC_EACH (u, VECTORS)
                        sum[r * VECTORS + u] = vec_fma(x, vec_load(p + r * DCN__LANES + u * LANES),
                                                       sum[r * VECTORS + u]);
            }
        VEC_EACH (t, R * VECTORS)
            sum[t] = vec_pick(vec_zero(), sum[t], inside[t % VECTORS]);
        add_place(sum, carried, lines, line, C, R);
    }
#if DCN__VEC == 16
    VEC_EACH (r, R)
        vec_store(lines + (size_t)r * line, carried[r]);
#endif
}

/* lines: room for R lines of w*C + 16 numbers, here made and then added to R rows of the result. */
VEC_INLINE void spread_few(const dcn__winner_places *at, size_t row, const uint64_t *masks,
                           const float *values, const float *weights, float *lines, float *out,
                           size_t step, size_t S, size_t C, int R)
{
    static const float numbers[DCN__LANES] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15 };
    const size_t line = at->w * C + DCN__LANES, width = (at->w + S - 1) * C;

    memset(lines, 0, (size_t)R * line * sizeof *lines);
    for (size_t part = 0; part < PARTS; part++) {
        const size_t first = part * WIDTH;
        vec_mask inside[VECTORS]; /* what lies beyond S*C may be NaN: infinity times 0 */

        VEC_EACH (u, VECTORS)
            inside[u] = vec_more(vec_all((float)(S * C)), vec_load(numbers + first + u * LANES));
        few_part(at, row, masks, values, weights + first, lines + first, line, inside, C, R);
    }
    for (size_t r = 0; r < (size_t)R; r++)
        for (size_t i = 0; i < width; i++)
            out[r * step + i] += lines[r * line + i];
}

/* ---- the sizes that there are ---------------------------------------------------------------- */

#define SIZE(n)                                                                                    \
    static void spread_##n(const dcn__winner_places *at, size_t row, const uint64_t *masks,        \
                           const float *values, const float *weights, float *out)                  \
    {                                                                                              \
        for (size_t part = 0; part < PARTS; part++)                                                \
            spread(at, row, masks, values, weights + part * WIDTH, out + part * WIDTH, n);         \
    }                                                                                              \
    static void spread_few_##n(const dcn__winner_places *at, size_t row, const uint64_t *masks,    \
                               const float *values, const float *weights, float *lines,            \
                               float *out, size_t step, size_t S, size_t C)                        \
    {                                                                                              \
        spread_few(at, row, masks, values, weights, lines, out, step, S, C, n);                    \
    }

SIZE(5)
SIZE(3)
SIZE(1)

/* ---- the ReLU's rule, and what is inside the picture ----------------------------------------- */

static void take_winners(const dcn__winner_places *at, const float *y, const uint8_t *switches,
                         float *out)
{
    for (size_t i = 0; i < at->places; i++) {
        const size_t cell = (size_t)(at->cell_of[i] < 0 ? 0 : at->cell_of[i]),
                     K = at->cell_of[i] < 0 ? 0 : at->K;
        const uint8_t place = at->place_of[i], *restrict s = switches + cell * at->K;
        const float *restrict from = y + i * at->K;
        float *restrict to = out + cell * at->K;

        for (size_t k = 0; k < K; k++) {
            const float v = from[k], before = to[k];

            to[k] = s[k] == place ? v : before;
        }
    }
}

/* Tiles are for whole vectors of channels (winograd.c). */
static void unpool(const dcn__winner_places *at, const float *values, const uint8_t *switches,
                   float *out)
{
    for (size_t i = 0; i < at->places; i++) {
        const size_t from = (size_t)(at->cell_of[i] < 0 ? 0 : at->cell_of[i]) * at->K;
        float *to = out + i * at->K;

        if (at->cell_of[i] < 0) {
            memset(to, 0, at->K * sizeof *to);
            continue;
        }
        for (size_t k = 0; k < at->K; k += LANES)
            vec_store(to + k, vec_pick(vec_zero(), vec_load(values + from + k),
                                       vec_bytes_equal(switches + from + k, at->place_of[i])));
    }
}

static bool is_below(const float *p, size_t n, float limit)
{
    int above = 0;

    for (size_t i = 0; i < n; i++)
        above |= !(p[i] < limit) | !(p[i] > -limit);
    return !above;
}

static void mask(const float *s, const float *y, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const float v = s[i], up = y[i];

        out[i] = up > 0 ? v : 0;
    }
}

static void rectify(const float *s, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const float v = s[i];

        out[i] = v > 0 ? v : 0;
    }
}

/* out may be from. */
static void add_base(const float *from, const float *base, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = from[i] + base[i];
}

const dcn__winner_loops DCN__WINNER_LOOPS = {
    .take_winners = take_winners,
    .mask = mask,
    .rectify = rectify,
    .add_base = add_base,
    .unpool = unpool,
    .is_below = is_below,
    .find = find,
    .spread = { [1] = spread_1, [3] = spread_3, [5] = spread_5 },
    .spread_few = { [1] = spread_few_1, [3] = spread_few_3, [5] = spread_few_5 }
};
