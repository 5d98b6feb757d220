/* peak.c - the machine's fused multiply-add peak, measured: what a kernel's speed is compared with.
 *
 * Each thread runs chains of multiply-adds on registers, enough of them to hide their latency. */
#include "base/file.h"
#include "base/threads.h"

#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { CHAINS = 12, ROUNDS = 20000, MAX_THREADS = 256, MAX_STRETCHES = 4096 };
#define MEASURE_MS 100.0

/* A round trip of ROUNDS multiply-adds on each chain; returns floating-point operations. */
typedef double fma_loop(volatile float *sink);

/* The numbers stay near 1: neither infinite nor subnormal. */
#define FACTOR 0.999999f
#define TERM 0.000001f

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double loop_avx512(volatile float *sink)
{
    const __m512 f = _mm512_set1_ps(FACTOR), t = _mm512_set1_ps(TERM);
    __m512 a[CHAINS], sum = t;

    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
        a[i] = _mm512_set1_ps(1.0f + (float)i * TERM);
    for (int n = 0; n < ROUNDS; n++)
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
            a[i] = _mm512_fmadd_ps(a[i], f, t);
    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
        sum = _mm512_add_ps(sum, a[i]);
    *sink = _mm512_cvtss_f32(sum);
    return 2.0 * 16 * CHAINS * ROUNDS;
}

__attribute__((target("avx2,fma"))) static double loop_avx2(volatile float *sink)
{
    const __m256 f = _mm256_set1_ps(FACTOR), t = _mm256_set1_ps(TERM);
    __m256 a[CHAINS], sum = t;

    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
        a[i] = _mm256_set1_ps(1.0f + (float)i * TERM);
    for (int n = 0; n < ROUNDS; n++)
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
            a[i] = _mm256_fmadd_ps(a[i], f, t);
    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
        sum = _mm256_add_ps(sum, a[i]);
    *sink = _mm256_cvtss_f32(sum);
    return 2.0 * 8 * CHAINS * ROUNDS;
}
#endif

static double loop_plain(volatile float *sink)
{
    float a[4 * CHAINS], sum = 0;

    for (int i = 0; i < 4 * CHAINS; i++)
        a[i] = 1.0f + (float)i * TERM;
    for (int n = 0; n < ROUNDS; n++)
        for (int i = 0; i < 4 * CHAINS; i++)
            a[i] = a[i] * FACTOR + TERM;
    for (int i = 0; i < 4 * CHAINS; i++)
        sum += a[i];
    *sink = sum;
    return 2.0 * 4 * CHAINS * ROUNDS;
}

static fma_loop *best_loop(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return loop_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return loop_avx2;
#endif
    return loop_plain;
}

typedef struct measurement {
    fma_loop *loop;
    double gflops[MAX_THREADS];
} measurement;

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median of many short stretches: on a busy machine most of them still run undisturbed. */
static void measure(void *user, int task, int thread)
{
    measurement *m = user;
    double speeds[MAX_STRETCHES];
    const double start = dcn__clock_ms();
    double from = start, to;
    volatile float sink;
    size_t n = 0;

    (void)thread;
    do {
        const double operations = m->loop(&sink);

        to = dcn__clock_ms();
        if (to > from)
            speeds[n++] = operations / (to - from) * 1e-6;
        from = to;
    } while (to - start < MEASURE_MS && n < MAX_STRETCHES);
    qsort(speeds, n, sizeof *speeds, by_size);
    m->gflops[task] = n ? speeds[n / 2] : 0;
}

double dcn_machine_peak(int threads)
{
    measurement m = { .loop = best_loop() };
    dcn__team *team;
    double sum = 0;

    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    if (dcn__team_create(&team, threads, NULL))
        return 0;
    dcn__team_run(team, threads, measure, &m);
    dcn__team_destroy(team);
    for (int i = 0; i < threads; i++)
        sum += m.gflops[i];
    return sum;
}
