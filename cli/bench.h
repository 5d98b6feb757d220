/* bench.h - what the files of the bench command share: a problem, and what was measured of it. */
#ifndef DCN_CLI_BENCH_H
#define DCN_CLI_BENCH_H

#include "json.h"
#include "options.h"

typedef enum bench_op {
    BENCH_TUTORIAL,
    BENCH_CONV,
    BENCH_DENSE,
    BENCH_MAX_POOL,
    BENCH_AVG_POOL
} bench_op;

/* conv n2 h32 w32 c3 k16 r3 s3 u1 p1 g1 d1 */
typedef struct bench_problem {
    bench_op op;
    int n, h, w, c;            /* pictures; their rows, columns, channels */
    int k;                     /* filters or units */
    int r, s;                  /* kernel or window: rows, columns */
    int u, p, g, d;            /* stride, pad on each side, groups, dilation */
} bench_problem;

typedef struct bench_result {
    double forward_ms, reverse_ms, train_ms;        /* medians; train 0: not measured */
    double forward_gflops, reverse_gflops, train_gflops;
    /* The largest difference, relative to the largest value. */
    double forward_error, reverse_error, gradient_error;
    size_t bytes;
} bench_result;

typedef struct bench_run {
    cli_shared shared;
    int repeats;               /* 0: as many as it takes */
    const char *file;
    bench_problem *problems;
    int n_problems;
    double peak;               /* GFLOP/s */
    int threads;
    const char *model, *layer; /* a network as a whole: its file, the layer that is walked down */
    int channels;              /* of its sheet, or of each layer; 0: all, or a few */
    bool starts;               /* units of its layers instead */
} bench_run;

/* ---- cmd_bench.c ---- */
void bench_add_machine(const bench_run *run, cli_json *json);

/* ---- bench_problem.c ---- */
/* Adds the problems in `text` (words; op words begin a new one). where: for errors. */
dcn_status bench_parse(bench_run *run, const char *text, const char *where, dcn_error *err);
/* The canonical line. Returns out. */
const char *bench_text(const bench_problem *p, char *out, size_t size);
/* The network; training: with a head that gives it a loss. Weights are set. */
dcn_status bench_graph(dcn_graph **graph, const bench_problem *p, bool training, dcn_error *err);
/* Are all its sums whole numbers below 2^24, so that every right engine gives the same bits? */
bool bench_is_exact(const bench_problem *p);
/* n inputs: whole numbers where that makes the problem exact. */
void bench_fill_images(const bench_problem *p, float *images, size_t count);

/* ---- bench_measure.c ---- */
/* DCN_BUG if the engine and ref differ. */
dcn_status bench_verify(const bench_run *run, const bench_problem *p, bench_result *result,
                        dcn_error *err);
dcn_status bench_time(const bench_run *run, const bench_problem *p, bench_result *result,
                      dcn_error *err);

/* ---- bench_model.c ---- */
/* Does the word name a file, so that it is no problem? */
bool bench_is_model(const char *path);
dcn_status bench_model(const bench_run *run, dcn_error *err);

/* ---- bench_data.c ---- */
dcn_status bench_data(const bench_run *run, dcn_error *err);

/* ---- bench_starts.c ---- */
dcn_status bench_starts(const bench_run *run, dcn_error *err);

#endif
