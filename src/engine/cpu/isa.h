/* isa.h - plain loops compiled for each instruction set, so that one program suits every machine.
 *
 * LOOP functions are inlined into the three versions of a kernel that DCN__EVERY_ISA makes of
 * NAME_body; the compiler vectorises each. No version fuses a multiplication with an addition.
 *
 * A body does the units [first, end) of its kernel's (parallel.c): elements, cells, rows, pictures.
 * No unit depends on another, so it does not matter how they are cut among threads. */
#ifndef DCN_ENGINE_CPU_ISA_H
#define DCN_ENGINE_CPU_ISA_H

#include "engine/cpu/cpu.h"

#ifdef DCN_COVERAGE      /* a branch is counted once, not in every place it is inlined into */
#define LOOP static inline
#else
#define LOOP static inline __attribute__((always_inline))
#endif

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

/* NAME_range(k): NAME_body as the machine's instructions would have it. */
#define DCN__EVERY_ISA_RANGE(name)                                                              \
    DCN__AVX512 static void name##_avx512(const cpu_kernel *k, const dcn__frame *f,             \
                                          size_t first, size_t end)                             \
    {                                                                                           \
        name##_body(k, f, first, end);                                                          \
    }                                                                                           \
    DCN__AVX2 static void name##_avx2(const cpu_kernel *k, const dcn__frame *f, size_t first,   \
                                      size_t end)                                               \
    {                                                                                           \
        name##_body(k, f, first, end);                                                          \
    }                                                                                           \
    static void name##_plain(const cpu_kernel *k, const dcn__frame *f, size_t first,            \
                             size_t end)                                                        \
    {                                                                                           \
        name##_body(k, f, first, end);                                                          \
    }                                                                                           \
    static dcn__cpu_range *name##_range(const cpu_kernel *k)                                    \
    {                                                                                           \
        return k->isa == DCN__ISA_AVX512 ? name##_avx512                                        \
               : k->isa == DCN__ISA_AVX2 ? name##_avx2 : name##_plain;                          \
    }

/* The same as a kernel's run, dcn__cpu_NAME. */
#define DCN__EVERY_ISA(name)                                                                    \
    DCN__EVERY_ISA_RANGE(name)                                                                  \
    void dcn__cpu_##name(const dcn__kernel *kernel, const dcn__frame *f)                        \
    {                                                                                           \
        dcn__cpu_units(cpu_of(kernel), f, name##_range(cpu_of(kernel)));                        \
    }

#endif
