/* show_input.c - pictures from files, a data set or a .npy array, as the network wants them. */
#include "show.h"

#include "find_data.h"
#include "message.h"
#include "network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PICTURES_MAX = 100000 };

static dcn_status reserve(show_run *run, int64_t n, dcn_error *err)
{
    if (n < 1 || n > PICTURES_MAX)
        return cli_fail(err, DCN_USAGE, "pictures", "%lld of them are asked for; give 1 to %d",
                        (long long)n, PICTURES_MAX);
    run->n = (int)n;
    run->names = cli_alloc((size_t)n, sizeof *run->names);
    run->truths = cli_alloc((size_t)n, sizeof *run->truths);
    run->images = cli_alloc((size_t)n, run->volume * sizeof *run->images);
    if (!run->options.input)
        run->photos = cli_alloc((size_t)n, run->volume * sizeof *run->photos);
    return DCN_OK;
}

/* "photos/cat.jpg" becomes "cat"; a name that is taken becomes "cat-2". */
static char *stem(const show_run *run, const char *path, int i)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
               *dot = strrchr(base, '.');
    const int length = dot && dot > base ? (int)(dot - base) : (int)strlen(base);
    char *name = cli_text("%.*s", length, base);
    int taken = 1;

    for (int k = 0; k < i; k++) {
        if (strcmp(run->names[k], name) != 0)
            continue;
        free(name);
        name = cli_text("%.*s-%d", length, base, ++taken);
        k = -1;
    }
    return name;
}

/* The picture as the network takes it, and before normalisation, for the eye. */
static dcn_status read_file(const show_run *run, const char *path, int i, dcn_error *err)
{
    const size_t at = (size_t)i * run->volume;
    dcn_preprocess p = run->model.preprocess;
    dcn_image image = { 0 };
    struct stat status;
    dcn_status st;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return cli_fail(err, DCN_FILE, path, "is a folder, not a picture; name the pictures in it, "
                        "or give a data set with --data");
    if (!(st = dcn_image_load(&image, path, &run->options.shared.limits, err))) {
        /* The rule for data sets (dcn_data_preprocess): the middle of a photo is not the photo. */
        if (image.h > 2 * p.shape.h || image.w > 2 * p.shape.w)
            p.resize = 1;
        st = dcn_preprocess_image(&p, &image, run->images + at, err);
        p.normalize = DCN_NORMALIZE_NONE;
        if (!st)
            st = dcn_preprocess_image(&p, &image, run->photos + at, err);
    }
    dcn_image_clear(&image);
    return st;
}

static dcn_status read_files(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    dcn_status st = reserve(run, o->n_files, err);

    for (int i = 0; i < run->n && !st; i++) {
        run->names[i] = stem(run, o->files[i], i);
        st = read_file(run, o->files[i], i, err);
    }
    return st;
}

static dcn_status check_finite(const show_run *run, const char *path, dcn_error *err)
{
    for (int i = 0; i < run->n; i++)
        for (size_t k = 0; k < run->volume; k++)
            if (!isfinite(run->images[(size_t)i * run->volume + k]))
                return cli_fail(err, DCN_NUMBERS, path, "picture %d holds NaN or infinity; give "
                                "pictures of finite numbers", i);
    return DCN_OK;
}

static dcn_status read_array(show_run *run, dcn_error *err)
{
    const char *path = run->options.input;
    const dcn_shape s = run->shape;
    dcn_array array = { 0 };
    dcn_status st;
    const int64_t *dims;

    if ((st = dcn_npy_load(&array, path, err)))
        return st;
    dims = array.dims + (array.rank == 4);
    if ((array.rank != 4 && array.rank != 3) || dims[0] != s.h || dims[1] != s.w || dims[2] != s.c)
        st = cli_fail(err, DCN_INPUT, path,
                      "holds %d dimensions ending in %lldx%lldx%lld, the network takes "
                      "(N,%d,%d,%d); give preprocessed pictures of that shape",
                      array.rank, (long long)(array.rank > 2 ? array.dims[array.rank - 3] : 0),
                      (long long)(array.rank > 1 ? array.dims[array.rank - 2] : 0),
                      (long long)(array.rank > 0 ? array.dims[array.rank - 1] : 0), s.h, s.w, s.c);
    if (!st && !(st = reserve(run, array.rank == 4 ? array.dims[0] : 1, err))) {
        memcpy(run->images, array.data, (size_t)run->n * run->volume * sizeof(float));
        for (int i = 0; i < run->n; i++)
            run->names[i] = cli_text("input-%05d", i);
        st = check_finite(run, path, err);
    }
    dcn_array_clear(&array);
    return st;
}

static dcn_status read_data(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    const int wanted = o->count ? o->count : 8;
    dcn_data_info info;
    dcn_status st;
    int64_t n;

    if ((st = cli_open_data(&run->data, &o->shared, err)))
        return st;
    dcn_data_info_get(run->data, &info);
    n = info.count[DCN_SPLIT_TEST] < wanted ? info.count[DCN_SPLIT_TEST] : wanted;
    st = reserve(run, n, err);
    for (int i = 0; i < run->n && !st; i++) {
        int32_t label = 0;

        run->names[i] = cli_text("test-%05d", i);
        st = cli_read_test(run->data, i, &run->model.preprocess,
                           run->images + (size_t)i * run->volume,
                           run->photos + (size_t)i * run->volume, &label, err);
        if (!st && info.class_names && label >= 0 && label < info.classes)
            run->truths[i] = cli_text("%s", info.class_names[label]);
    }
    return st;
}

dcn_status show_read_inputs(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;

    run->shape = cli_shape_of(run->model.graph, cli_input_of(run->model.graph));
    run->volume = cli_volume(run->shape);
    if (o->input && o->n_files)
        return cli_fail(err, DCN_USAGE, "arguments",
                        "both --input and pictures are given; leave one out");
    if ((o->input || o->n_files) && o->count)
        return cli_fail(err, DCN_USAGE, "--count",
                        "goes with a data set, not with %s; leave it out",
                        o->input ? "--input" : "pictures");
    if (o->input)
        return read_array(run, err);
    return o->n_files ? read_files(run, err) : read_data(run, err);
}

void show_clear_inputs(show_run *run)
{
    for (int i = 0; i < run->n; i++) {
        free(run->names[i]);
        free(run->truths[i]);
    }
    free(run->names);
    free(run->truths);
    free(run->images);
    free(run->photos);
}
