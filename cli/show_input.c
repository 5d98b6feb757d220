/* show_input.c - pictures from files and folders, a data set or a .npy array, as the network wants
 * them. All are listed first; pixels are read a chunk at a time. */
#include "show.h"

#include "find_data.h"
#include "message.h"
#include "network.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PICTURES_MAX = 1 << 20, ARRAYS_MAX = 100000, NAME_ROOM = 200 };

/* ---- names ---------------------------------------------------------------------------------- */

/* A table of the names given so far: open addressing, at most half full. */
typedef struct name_set { const char **slots; size_t size; } name_set;

static size_t slot_of(const name_set *set, const char *name)
{
    uint64_t hash = 1469598103934665603u;

    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = hash & (set->size - 1);; i = (i + 1) & (set->size - 1))
        if (!set->slots[i] || !strcmp(set->slots[i], name))
            return i;
}

static void grow_set(name_set *set, int names)
{
    const name_set old = *set;

    if (set->size >= 2 * (size_t)names + 2)
        return;
    set->size = set->size ? 2 * set->size : 64;
    while (set->size < 2 * (size_t)names + 2)
        set->size *= 2;
    set->slots = cli_alloc(set->size, sizeof *set->slots);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i])
            set->slots[slot_of(set, old.slots[i])] = old.slots[i];
    free(old.slots);
}

/* "photos/cat.jpg" becomes "cat", "a/cat.jpg" below a named folder "a-cat"; what is taken already
 * "cat-2". */
static char *free_name(name_set *set, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path,
               *dot = strrchr(base, '.');
    const size_t length = dot && dot > base ? (size_t)(dot - path) : strlen(path);
    const size_t cut = length > NAME_ROOM ? length - NAME_ROOM : 0;
    char *stem = cli_text("%.*s", (int)(length - cut), path + cut), *name;

    for (char *c = stem; *c; c++)
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '_' : *c == '/' ? '-' : *c;
    name = cli_text("%s", stem);
    for (int taken = 2; set->slots[slot_of(set, name)]; taken++) {
        free(name);
        name = cli_text("%s-%d", stem, taken);
    }
    free(stem);
    set->slots[slot_of(set, name)] = name;
    return name;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static dcn_status too_many(dcn_error *err, int64_t n, int64_t most)
{
    return cli_fail(err, DCN_USAGE, "pictures", "%lld of them are asked for; give 1 to %lld",
                    (long long)n, (long long)most);
}

static dcn_status add_file(show_run *run, name_set *set, const char *path, const char *name,
                           dcn_error *err)
{
    struct stat status;
    show_picture *p;

    if (run->n == PICTURES_MAX)
        return too_many(err, (int64_t)run->n + 1, PICTURES_MAX);
    if (stat(path, &status) != 0)
        return cli_fail(err, DCN_FILE, path, "cannot read it (%s); name a picture or a folder",
                        strerror(errno));
    if ((run->n & (run->n - 1)) == 0)
        run->pictures = cli_grow(run->pictures, run->n ? 2 * (size_t)run->n : 1,
                                 sizeof *run->pictures);
    grow_set(set, run->n + 1);
    p = &run->pictures[run->n++];
    *p = (show_picture){ .path = cli_text("%s", path), .name = free_name(set, name),
                         .device = status.st_dev, .inode = status.st_ino };
    return DCN_OK;
}

static dcn_status add_folder(show_run *run, name_set *set, const char *folder, dcn_error *err)
{
    size_t prefix = strlen(folder);
    char **paths = NULL;
    dcn_status st;
    int n = 0;

    if ((st = dcn_pictures_list(&paths, &n, folder, err)))
        return st;
    for (int i = 0; i < n && !st; i++) {
        const char *name = paths[i];

        if (!strncmp(name, folder, prefix))
            name += prefix;
        st = add_file(run, set, paths[i], name + strspn(name, "/"), err);
    }
    dcn_pictures_free(paths, n);
    return st;
}

static dcn_status list_files(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    name_set set = { NULL, 0 };
    dcn_status st = DCN_OK;

    for (int i = 0; i < o->n_arguments && !st; i++) {
        const char *path = o->arguments[i], *slash = strrchr(path, '/');
        struct stat status;

        st = stat(path, &status) == 0 && S_ISDIR(status.st_mode)
             ? add_folder(run, &set, path, err)
             : add_file(run, &set, path, slash ? slash + 1 : path, err);
    }
    free(set.slots);
    return st;
}

static dcn_status number_pictures(show_run *run, int64_t n, const char *format, dcn_error *err)
{
    if (n < 1 || n > ARRAYS_MAX)
        return too_many(err, n, ARRAYS_MAX);
    run->n = (int)n;
    run->pictures = cli_alloc((size_t)n, sizeof *run->pictures);
    for (int i = 0; i < run->n; i++)
        run->pictures[i].name = cli_text("%s-%05d", format, i);
    return DCN_OK;
}

static dcn_status check_finite(const show_run *run, const char *path, dcn_error *err)
{
    const float *values = run->array.data;

    for (int i = 0; i < run->n; i++)
        for (size_t k = 0; k < run->volume; k++)
            if (!isfinite(values[(size_t)i * run->volume + k]))
                return cli_fail(err, DCN_NUMBERS, path, "picture %d holds NaN or infinity; give "
                                "pictures of finite numbers", i);
    return DCN_OK;
}

static dcn_status list_array(show_run *run, dcn_error *err)
{
    const char *path = run->options.input;
    const dcn_shape s = run->shape;
    const dcn_array *a = &run->array;
    dcn_status st;
    const int64_t *dims;

    if ((st = dcn_npy_load(&run->array, path, err)))
        return st;
    dims = a->dims + (a->rank == 4);
    if ((a->rank != 4 && a->rank != 3) || dims[0] != s.h || dims[1] != s.w || dims[2] != s.c)
        return cli_fail(err, DCN_INPUT, path,
                        "holds %d dimensions ending in %lldx%lldx%lld, the network takes "
                        "(N,%d,%d,%d); give preprocessed pictures of that shape",
                        a->rank, (long long)(a->rank > 2 ? a->dims[a->rank - 3] : 0),
                        (long long)(a->rank > 1 ? a->dims[a->rank - 2] : 0),
                        (long long)(a->rank > 0 ? a->dims[a->rank - 1] : 0), s.h, s.w, s.c);
    if ((st = number_pictures(run, a->rank == 4 ? a->dims[0] : 1, "input", err)))
        return st;
    return check_finite(run, path, err);
}

static dcn_status list_data(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;
    const int wanted = o->count ? o->count : 8;
    dcn_data_info info;
    dcn_status st;

    if ((st = cli_open_data(&run->data, &o->shared, err)))
        return st;
    dcn_data_info_get(run->data, &info);
    return number_pictures(run, info.count[DCN_SPLIT_TEST] < wanted ? info.count[DCN_SPLIT_TEST]
                           : wanted, "test", err);
}

dcn_status show_list_inputs(show_run *run, dcn_error *err)
{
    const show_options *o = &run->options;

    run->shape = cli_shape_of(run->model.graph, cli_input_of(run->model.graph));
    run->volume = cli_volume(run->shape);
    if (o->input && o->n_arguments)
        return cli_fail(err, DCN_USAGE, "arguments",
                        "both --input and pictures are given; leave one out");
    if ((o->input || o->n_arguments) && o->count)
        return cli_fail(err, DCN_USAGE, "--count",
                        "goes with a data set, not with %s; leave it out",
                        o->input ? "--input" : "pictures");
    if (o->input)
        return list_array(run, err);
    return o->n_arguments ? list_files(run, err) : list_data(run, err);
}

/* ---- pixels --------------------------------------------------------------------------------- */

/* The picture as the network takes it, and before normalisation, for the eye. */
static dcn_status read_file(const show_run *run, const char *path, float *out, float *photo,
                            dcn_error *err)
{
    dcn_preprocess p = run->model.preprocess;
    dcn_image image = { 0 };
    dcn_status st;

    if (!(st = dcn_image_load(&image, path, &run->options.shared.limits, err))) {
        /* The rule for data sets (dcn_data_preprocess): the middle of a photo is not the photo. */
        if (image.h > 2 * p.shape.h || image.w > 2 * p.shape.w)
            p.resize = 1;
        st = dcn_preprocess_image(&p, &image, out, err);
        p.normalize = DCN_NORMALIZE_NONE;
        p.bgr = 0;
        if (!st)
            st = dcn_preprocess_image(&p, &image, photo, err);
    }
    dcn_image_clear(&image);
    return st;
}

static dcn_status read_sample(show_run *run, int i, float *out, float *photo, dcn_error *err)
{
    show_picture *p = &run->pictures[i];
    dcn_data_info info;
    int32_t label = 0;
    const dcn_status st = cli_read_test(run->data, i, &run->model.preprocess, out, photo, &label,
                                        err);

    dcn_data_info_get(run->data, &info);
    if (!st && !p->truth && info.class_names && label >= 0 && label < info.classes)
        p->truth = cli_text("%s", info.class_names[label]);
    return st;
}

dcn_status show_read_inputs(show_run *run, int first, int n, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; i < n && !st; i++) {
        const size_t at = (size_t)i * run->volume;

        if (run->options.input)
            memcpy(run->images + at, (const float *)run->array.data
                   + (size_t)(first + i) * run->volume, run->volume * sizeof(float));
        else if (run->data)
            st = read_sample(run, first + i, run->images + at, run->photos + at, err);
        else
            st = read_file(run, run->pictures[first + i].path, run->images + at, run->photos + at,
                           err);
    }
    return st;
}

void show_clear_inputs(show_run *run)
{
    for (int i = 0; i < run->n; i++) {
        free(run->pictures[i].name);
        free(run->pictures[i].path);
        free(run->pictures[i].truth);
    }
    free(run->pictures);
    free(run->images);
    free(run->photos);
    dcn_array_clear(&run->array);
}
