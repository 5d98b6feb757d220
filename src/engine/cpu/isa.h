/* isa.h - plain loops compiled for each instruction set, so that one program suits every machine.
 *
 * LOOP functions are inlined into the three versions of a kernel that DCN__EVERY_ISA makes of
 * NAME_body; the compiler vectorises each. No version fuses a multiplication with an addition. */
#ifndef DCN_ENGINE_CPU_ISA_H
#define DCN_ENGINE_CPU_ISA_H

#include "engine/cpu/cpu.h"

#define LOOP static inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__clang__)
#define DCN__AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,popcnt")))
#elif defined(__x86_64__)
#define DCN__AVX512 \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,popcnt,prefer-vector-width=512")))
#else
#define DCN__AVX512
#endif

#if defined(__x86_64__)
#define DCN__AVX2 __attribute__((target("avx2")))
#else
#define DCN__AVX2
#endif

#define DCN__EVERY_ISA(name)                                                                    \
    DCN__AVX512 static void name##_avx512(const cpu_kernel *k, const dcn__frame *f)             \
    {                                                                                           \
        name##_body(k, f);                                                                      \
    }                                                                                           \
    DCN__AVX2 static void name##_avx2(const cpu_kernel *k, const dcn__frame *f)                 \
    {                                                                                           \
        name##_body(k, f);                                                                      \
    }                                                                                           \
    void dcn__cpu_##name(const dcn__kernel *kernel, const dcn__frame *f)                        \
    {                                                                                           \
        const cpu_kernel *k = cpu_of(kernel);                                                   \
                                                                                                \
        if (k->isa == DCN__ISA_AVX512)                                                          \
            name##_avx512(k, f);                                                                \
        else if (k->isa == DCN__ISA_AVX2)                                                       \
            name##_avx2(k, f);                                                                  \
        else                                                                                    \
            name##_body(k, f);                                                                  \
    }

#endif
