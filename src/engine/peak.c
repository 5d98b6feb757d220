/* peak.c - how fast this machine multiplies and adds: the measure that benchmarks are held against.
 *
 * Independent chains of fused multiply-adds in registers, on every thread at once; the best of a few
 * short runs counts, because the machine may be shared. */
#include "base/file.h"
#include "base/threads.h"

enum { CHAINS = 12, ROUNDS = 400000, RUNS = 5 };

#if defined(__x86_64__)
#include <immintrin.h>

/* Reading the sum into memory keeps the compiler from dropping the work. */
__attribute__((target("avx512f"))) static double flops_avx512(float *out)
{
    const __m512 a = _mm512_set1_ps(0.9999999f), b = _mm512_set1_ps(1e-9f);
    __m512 x[CHAINS];

    for (int k = 0; k < CHAINS; k++)
        x[k] = _mm512_set1_ps((float)k);
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < CHAINS; k++)
            x[k] = _mm512_fmadd_ps(x[k], a, b);
    for (int k = 1; k < CHAINS; k++)
        x[0] = _mm512_add_ps(x[0], x[k]);
    _mm512_storeu_ps(out, x[0]);
    return 2.0 * 16 * CHAINS * (double)ROUNDS;
}

__attribute__((target("avx2,fma"))) static double flops_avx2(float *out)
{
    const __m256 a = _mm256_set1_ps(0.9999999f), b = _mm256_set1_ps(1e-9f);
    __m256 x[CHAINS];

    for (int k = 0; k < CHAINS; k++)
        x[k] = _mm256_set1_ps((float)k);
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < CHAINS; k++)
            x[k] = _mm256_fmadd_ps(x[k], a, b);
    for (int k = 1; k < CHAINS; k++)
        x[0] = _mm256_add_ps(x[0], x[k]);
    _mm256_storeu_ps(out, x[0]);
    return 2.0 * 8 * CHAINS * (double)ROUNDS;
}
#endif

static double flops_plain(float *out)
{
    float x[CHAINS];

    for (int k = 0; k < CHAINS; k++)
        x[k] = (float)k;
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < CHAINS; k++)
            x[k] = x[k] * 0.9999999f + 1e-9f;
    for (int k = 0; k < CHAINS; k++)
        out[k] = x[k];
    return 2.0 * CHAINS * (double)ROUNDS;
}

static double work(float *out)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return flops_avx512(out);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return flops_avx2(out);
#endif
    return flops_plain(out);
}

typedef struct peak_task { double flops[64]; } peak_task;

static void peak_thread(void *user, int task, int thread)
{
    peak_task *t = user;
    volatile float kept;
    float out[16];

    (void)thread;
    t->flops[task] = work(out);
    kept = out[0];
    (void)kept;
}

double dcn_machine_peak(int threads)
{
    const int n = threads < 1 ? dcn__cores() : threads > 64 ? 64 : threads;
    peak_task task;
    dcn__team *team;
    double best = 0;

    if (dcn__team_create(&team, n, NULL))
        return 0;
    for (int run = 0; run < RUNS; run++) {
        const double start = dcn__clock_ms();
        double flops = 0, gflops;

        dcn__team_run(team, n, peak_thread, &task);
        gflops = (dcn__clock_ms() - start) * 1e6;
        for (int i = 0; i < n; i++)
            flops += task.flops[i];
        gflops = flops / gflops;
        best = gflops > best ? gflops : best;
    }
    dcn__team_destroy(team);
    return best;
}
