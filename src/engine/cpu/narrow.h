/* narrow.h - convolutions to fewer channels than a vector has lanes: see narrow.c. */
#ifndef DCN_ENGINE_CPU_NARROW_H
#define DCN_ENGINE_CPU_NARROW_H

#include "engine/cpu/cpu.h"

enum { DCN__NARROW_PICTURES = 4 };

typedef struct dcn__narrow {
    int H, W, C;                  /* input */
    int h, w, K;                  /* value */
    int R, S, top, left;
} dcn__narrow;

/* One instruction set's loops. */
typedef struct dcn__narrow_loops {
    int lanes, vectors;           /* C is a multiple of their product */
    /* Four pictures: y = bias + x * w. w: (R,S,C/lanes,K,lanes); bias may be NULL. */
    void (*forward)(const dcn__narrow *a, const float *x, const float *w, const float *bias,
                    float *y);
    /* n pictures: dw, (R,S,K,C), of the signal s. */
    void (*weights)(const dcn__narrow *a, const float *x, const float *s, int n, float *dw);
} dcn__narrow_loops;

extern const dcn__narrow_loops dcn__narrow_avx512, dcn__narrow_avx2;

bool dcn__narrow_fits(const cpu_kernel *k, dcn__dnn_pass pass);
dcn_status dcn__narrow_prepare(cpu_kernel *k, dcn__dnn_pass pass, dcn_error *err);

#endif
