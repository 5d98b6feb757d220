/* data.c - asking an open data set: facts, pictures, network inputs. open.c opens it. */
#include "data/data.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/augment.h"

#include <string.h>

void dcn_data_info_get(const dcn_data *data, dcn_data_info *info)
{
    *info = data->info;
}

uint64_t dcn_data_hash(const dcn_data *data)
{
    return data->hash;
}

static dcn_status check_index(const dcn_data *d, dcn_split split, int64_t i, dcn_error *err)
{
    if (split != DCN_SPLIT_TRAIN && split != DCN_SPLIT_TEST)
        return dcn__fail(err, DCN_USAGE, "split", "%d is no split; pass train or test", (int)split);
    if (!d->info.count[split])
        return dcn__fail(err, DCN_USAGE, d->path, "has no %s pictures; take the other split",
                         split == DCN_SPLIT_TRAIN ? "training" : "test");
    if (i < 0 || i >= d->info.count[split])
        return dcn__fail(err, DCN_USAGE, d->path, "has no %s picture %lld; they are 0..%lld",
                         split == DCN_SPLIT_TRAIN ? "training" : "test", (long long)i,
                         (long long)d->info.count[split] - 1);
    return DCN_OK;
}

static int32_t label_of(const dcn_data *d, dcn_split split, int64_t i)
{
    return d->labels[split] ? d->labels[split][i] : -1;
}

const char *dcn_data_file(const dcn_data *data, dcn_split split, int64_t i)
{
    return data->ops->file && !check_index(data, split, i, NULL) ? data->ops->file(data, split, i)
                                                                 : NULL;
}

dcn_status dcn__data_load_file(const dcn_data *d, dcn_split split, int64_t i, dcn_image *image,
                               dcn_error *err)
{
    char *path = dcn__path_join(d->path, d->ops->file(d, split, i));
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", 0);
    st = dcn_image_load(image, path, &d->limits, err);
    dcn__free(path);
    return st;
}

static size_t raw_bytes(const dcn_data *d)
{
    const dcn_shape s = d->info.shape;

    return (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

dcn_status dcn_data_picture(const dcn_data *data, dcn_split split, int64_t i, dcn_image *image,
                            int *label, dcn_error *err)
{
    dcn_status st;

    memset(image, 0, sizeof *image);
    if ((st = check_index(data, split, i, err)))
        return st;
    if (label)
        *label = label_of(data, split, i);
    if (data->ops->load)
        return data->ops->load(data, split, i, image, err);
    image->pixels = dcn__alloc(raw_bytes(data));
    if (!image->pixels)
        return dcn__fail_memory(err, "a picture", raw_bytes(data));
    image->h = data->info.shape.h;
    image->w = data->info.shape.w;
    image->c = data->info.shape.c;
    if ((st = data->ops->read(data, split, i, image->pixels, err))) {
        dcn__free(image->pixels);
        memset(image, 0, sizeof *image);
    }
    return st;
}

/* ---- network inputs ------------------------------------------------------------------ */

dcn_status dcn__workspace_prepare(dcn__workspace *w, const dcn_data *data, const dcn_preprocess *p,
                                  dcn_error *err)
{
    const dcn_image picture = { data->info.shape.h, data->info.shape.w, data->info.shape.c, NULL };

    if (!data->ops->read)                        /* their sizes differ: it grows */
        return DCN_OK;
    if (!dcn__scratch_reserve(&w->picture, raw_bytes(data)))
        return dcn__fail_memory(err, "a picture", raw_bytes(data));
    return dcn__cut_prepare(p, &picture, &w->scaled, err);
}

void dcn__workspace_clear(dcn__workspace *w)
{
    dcn__scratch_clear(&w->picture);
    dcn__scratch_clear(&w->scaled);
}

dcn_status dcn__data_sample_with(const dcn_data *data, dcn_split split, int64_t i,
                                 const dcn_preprocess *p, dcn_augment augment, uint64_t seed,
                                 int64_t epoch, dcn__workspace *w, float *out, int32_t *label,
                                 dcn_error *err)
{
    const dcn_shape s = data->info.shape;
    dcn_image image = { 0 };
    dcn_status st;

    if ((st = check_index(data, split, i, err)))
        return st;
    if (data->ops->load) {
        if ((st = data->ops->load(data, split, i, &image, err)))
            return st;
    } else {
        image = (dcn_image){ s.h, s.w, s.c, dcn__scratch_reserve(&w->picture, raw_bytes(data)) };
        if (!image.pixels)
            return dcn__fail_memory(err, "a picture", raw_bytes(data));
        if ((st = data->ops->read(data, split, i, image.pixels, err)))
            return st;
    }
    if (augment == DCN_AUGMENT_CIFAR) {
        dcn__random random = dcn__random_stream(seed, (uint64_t)epoch, (uint64_t)i);

        st = dcn__augment_picture(p, &image, &random, &w->scaled, out, err);
    } else {
        st = dcn__preprocess_picture(p, &image, &w->scaled, out, err);
    }
    if (label)
        *label = label_of(data, split, i);
    if (data->ops->load)
        dcn_image_clear(&image);
    return st;
}

dcn_status dcn_data_sample(const dcn_data *data, dcn_split split, int64_t i,
                           const dcn_preprocess *p, dcn_augment augment, uint64_t seed,
                           int64_t epoch, float *out, int32_t *label, dcn_error *err)
{
    dcn__workspace w = { { NULL, 0 }, { NULL, 0 } };
    dcn_status st;

    if ((st = dcn__preprocess_check(p, err)))
        return st;
    st = dcn__data_sample_with(data, split, i, p, augment, seed, epoch, &w, out, label, err);
    dcn__workspace_clear(&w);
    return st;
}

void dcn_data_preprocess(const dcn_data *data, dcn_shape shape, dcn_preprocess *p)
{
    memset(p, 0, sizeof *p);
    p->shape = shape;
    p->normalize = DCN_NORMALIZE_STANDARDIZE;
    /* A crop that would keep less than half of a side sees a detail, not the picture. */
    p->resize = data->typical_h > 2 * shape.h || data->typical_w > 2 * shape.w ||
                data->typical_h < shape.h || data->typical_w < shape.w;
}

/* ---- verify, motif ------------------------------------------------------------------- */

dcn_status dcn_data_verify(const dcn_data *data, dcn_error *err)
{
    dcn__workspace w = { { NULL, 0 }, { NULL, 0 } };
    dcn_status st = DCN_OK;

    if (data->ops->read && !dcn__scratch_reserve(&w.picture, raw_bytes(data)))
        return dcn__fail_memory(err, "a picture", raw_bytes(data));
    for (int split = 0; !st && split < 2; split++) {
        for (int64_t i = 0; !st && i < data->info.count[split]; i++) {
            dcn_image image = { 0 };

            if (data->ops->read) {
                st = data->ops->read(data, (dcn_split)split, i, w.picture.bytes, err);
            } else {
                st = data->ops->load(data, (dcn_split)split, i, &image, err);
                dcn_image_clear(&image);
            }
        }
    }
    dcn__workspace_clear(&w);
    if (!st && data->ops->verify)
        st = data->ops->verify(data, err);
    return st;
}

dcn_status dcn_data_motif(const dcn_data *data, dcn_split split, int64_t i, int *y, int *x,
                          int *size, dcn_error *err)
{
    dcn_status st;

    if (!data->ops->motif)
        return dcn__fail(err, DCN_USAGE, data->path,
                         "has no planted motifs (%s); use the data set \"synthetic\"",
                         data->info.kind);
    if ((st = check_index(data, split, i, err)))
        return st;
    data->ops->motif(data, split, i, y, x, size);
    return DCN_OK;
}
