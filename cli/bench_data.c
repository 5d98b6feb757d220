/* bench_data.c - how many network inputs one core makes a second: read, cut, normalised, without
 * and with random distortions. Pictures are asked for as training asks: in order, or scattered. */
#include "bench.h"

#include "find_data.h"
#include "json.h"
#include "message.h"
#include "network.h"
#include "train.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 24, CROPS = 500, LEAST = 5, MOST = 200 };    /* crops a timed call */

typedef struct data_run {
    const bench_run *bench;
    dcn_data *data;
    dcn_data_info info;
    dcn_split split;
    dcn_preprocess preprocess;
    float *image;
} data_run;

/* Like the order of an epoch: far from one picture to the next, none twice. */
static int64_t scattered(int64_t i, int64_t count)
{
    enum { STRIDE = 7919 };    /* a prime, and no divisor of the known sets' counts */

    return i * STRIDE % count;
}

static dcn_status make_crops(const data_run *d, dcn_augment augment, int64_t first, dcn_error *err)
{
    const int64_t count = d->info.count[d->split];
    dcn_status st = DCN_OK;

    for (int64_t i = first; i < first + CROPS && !st; i++) {
        const int64_t at = augment == DCN_AUGMENT_NONE ? i % count : scattered(i % count, count);
        int32_t label;

        st = dcn_data_sample(d->data, d->split, at, &d->preprocess, augment, 1, i / count, d->image,
                             &label, err);
    }
    return st;
}

/* Crops a second: the median of calls within about a second, after one that warms up. */
static dcn_status crop_rate(const data_run *d, dcn_augment augment, double *rate, dcn_error *err)
{
    const int repeats = d->bench->repeats;
    const int most = repeats && repeats < MOST ? repeats : MOST;
    double times[MOST];
    dcn_status st = make_crops(d, augment, 0, err);
    const double began = cli_seconds();
    int n = 0;

    while (!st && n < most && (repeats || n < LEAST || cli_seconds() - began < 1)) {
        const double start = cli_seconds();

        st = make_crops(d, augment, (int64_t)n * CROPS, err);
        times[n++] = cli_seconds() - start;
    }
    *rate = st ? 0 : CROPS / train_median(times, n);
    return st;
}

static void prepare(data_run *d)
{
    dcn_data_info_get(d->data, &d->info);
    d->split = d->info.count[DCN_SPLIT_TRAIN] ? DCN_SPLIT_TRAIN : DCN_SPLIT_TEST;
    dcn_data_preprocess(d->data, (dcn_shape){ SIDE, SIDE, d->info.shape.c ? d->info.shape.c : 3 },
                        &d->preprocess);
    d->image = cli_alloc(cli_volume(d->preprocess.shape), sizeof *d->image);
}

static dcn_status print_result(const data_run *d, double plain, double augmented, dcn_error *err)
{
    const dcn_shape s = d->preprocess.shape;
    char shape[48];
    cli_json *json;
    dcn_status st;

    snprintf(shape, sizeof shape, "%dx%dx%d", s.h, s.w, s.c);
    if (!d->bench->shared.json) {
        printf("%s: inputs of %s, made by one core\n", d->info.name, shape);
        printf("  %-12s %10.0f a second\n  %-12s %10.0f a second\n", "in order", plain, "augmented",
               augmented);
        return DCN_OK;
    }
    json = cli_json_create();
    cli_json_text(json, "version", dcn_version());
    cli_json_text(json, "build", dcn_build_text());
    cli_json_text(json, "data", d->info.name);
    cli_json_int(json, "pictures", d->info.count[d->split]);
    cli_json_text(json, "input", shape);
    cli_json_real(json, "crops_per_second", plain);
    cli_json_real(json, "augmented_crops_per_second", augmented);
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}

dcn_status bench_data(const bench_run *run, dcn_error *err)
{
    data_run d = { .bench = run };
    double plain = 0, augmented = 0;
    dcn_status st;

    if ((st = cli_open_data(&d.data, &run->shared, err)))
        return st;
    prepare(&d);
    if (!(st = crop_rate(&d, DCN_AUGMENT_NONE, &plain, err))
        && !(st = crop_rate(&d, DCN_AUGMENT_CIFAR, &augmented, err)))
        st = print_result(&d, plain, augmented, err);
    free(d.image);
    dcn_data_close(d.data);
    return st;
}
