/* idx_folder.c - a folder of four IDX files (MNIST's names, also .gz) as a data set, in memory. */
#include "data/data.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/digest.h"
#include "codec/idx.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DIGITS = 10, PATH_BYTES = 4096 };

static const char *const fashion_names[DIGITS] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
};
/* SHA-256 of the unpacked files as published: [split][pictures, labels]. */
static const char *const fashion_sums[2][2] = {
    { "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9" },
    { "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34" }
};
static const char *const stems[2][2] = { { "train-images", "train-labels" },
                                         { "t10k-images", "t10k-labels" } };

struct idx_folder {
    dcn__idx pictures[2];
    bool is_fashion;
};

/* The path of split's pictures (part 0) or labels (part 1), in any of the spellings in use. */
static bool find_file(char *path, size_t size, const char *folder, int split, int part)
{
    for (int i = 0; i < 4; i++) {
        const char dash = i < 2 ? '-' : '.';
        const bool packed = i % 2;
        const int n = snprintf(path, size, "%s/%s%cidx%d-ubyte%s", folder, stems[split][part], dash,
                               part ? 1 : 3, packed ? ".gz" : "");

        if (n > 0 && (size_t)n < size && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

bool dcn__looks_like_idx(const char *folder)
{
    char path[PATH_BYTES];

    for (int i = 0; i < 4; i++)
        if (find_file(path, sizeof path, folder, i / 2, i % 2))
            return true;
    return false;
}

static void close_source(void *source)
{
    struct idx_folder *s = source;

    dcn__idx_clear(&s->pictures[0]);
    dcn__idx_clear(&s->pictures[1]);
    dcn__free(s);
}

static dcn_status read_picture(const dcn_data *d, dcn_split split, int64_t i, uint8_t *pixels,
                               dcn_error *err)
{
    const struct idx_folder *s = d->source;
    const size_t bytes = (size_t)d->info.shape.h * (size_t)d->info.shape.w;

    (void)err;
    memcpy(pixels, s->pictures[split].data + (size_t)i * bytes, bytes);
    return DCN_OK;
}

/* The sum of an IDX file as it was before its header was taken off. */
static dcn_status file_sum(char hex[DCN__SHA256_HEX], const dcn__idx *idx, dcn_error *err)
{
    uint8_t head[DCN__IDX_HEAD] = { 0, 0, 8, (uint8_t)idx->rank };
    dcn__sha256 sha = { 0 };
    dcn_status st;

    for (int i = 0; i < idx->rank; i++)
        for (int b = 0; b < 4; b++)
            head[4 + 4 * i + b] = (uint8_t)(idx->dims[i] >> (24 - 8 * b));
    if ((st = dcn__sha256_begin(&sha, err)))
        return st;
    dcn__sha256_update(&sha, head, 4 + 4 * (size_t)idx->rank);
    dcn__sha256_update(&sha, idx->data, idx->bytes);
    dcn__sha256_end(&sha, hex);
    return DCN_OK;
}

/* Labels are enough to know the set; whether its pictures are whole as well is checked here. */
static dcn_status verify(const dcn_data *d, dcn_error *err)
{
    const struct idx_folder *s = d->source;
    char hex[DCN__SHA256_HEX];

    for (int split = 0; s->is_fashion && split < 2; split++) {
        dcn_status st = file_sum(hex, &s->pictures[split], err);

        if (st == DCN_USAGE)
            return DCN_OK;                     /* a build without sums */
        if (st)
            return st;
        if (strcmp(hex, fashion_sums[split][0]) != 0)
            return dcn__fail(err, DCN_INPUT, d->path,
                             "the pixels of %s differ from Fashion-MNIST as published "
                             "(SHA-256 %.8s..., not %.8s...); fetch the file again",
                             stems[split][0], hex, fashion_sums[split][0]);
    }
    return DCN_OK;
}

static const dcn__source_ops ops = { .read = read_picture,
                                     .verify = verify,
                                     .close = close_source };

/* ---- opening ------------------------------------------------------------------------- */

static dcn_status find_or_fail(char *path, size_t size, const dcn_data *d, int split, int part,
                               dcn_error *err)
{
    if (find_file(path, size, d->path, split, part))
        return DCN_OK;
    return dcn__fail(err, DCN_INPUT, d->path, "has no %s-idx%d-ubyte (nor .gz)%s; add the file",
                     stems[split][part], part ? 1 : 3,
                     split ? ", half of the test split" : "");
}

/* Pictures and labels of one split; *matches: the labels are Fashion-MNIST's. */
static dcn_status open_split(dcn_data *d, int split, bool *matches, int *most, dcn_error *err)
{
    struct idx_folder *s = d->source;
    dcn__idx *pictures = &s->pictures[split], labels = { 0 };
    char path[PATH_BYTES], hex[DCN__SHA256_HEX] = "";
    dcn_status st;

    if ((st = find_or_fail(path, sizeof path, d, split, 0, err)) ||
        (st = dcn__idx_load(pictures, 3, path, err)) ||
        (st = find_or_fail(path, sizeof path, d, split, 1, err)) ||
        (st = dcn__idx_load(&labels, 1, path, err)))
        return st;
    if (labels.dims[0] != pictures->dims[0])
        st = dcn__fail_at(err, DCN_INPUT, path, 4,
                          "there are %lld labels for %lld pictures; fetch both files again",
                          (long long)labels.dims[0], (long long)pictures->dims[0]);
    if (!st)
        st = dcn__data_set_count(d, (dcn_split)split, labels.dims[0], err);
    for (int64_t i = 0; !st && i < labels.dims[0]; i++) {
        d->labels[split][i] = labels.data[i];
        if (labels.data[i] > *most)
            *most = labels.data[i];
    }
    if (!st) {
        d->content = dcn__fingerprint(d->content, pictures->data, pictures->bytes);
        st = file_sum(hex, &labels, err);
        *matches = !st && strcmp(hex, fashion_sums[split][1]) == 0;
        if (st == DCN_USAGE)
            st = DCN_OK;                       /* a build without sums */
    }
    dcn__idx_clear(&labels);
    return st;
}

/* Without sums in this build: the folder's name and the published counts. */
static bool is_called_fashion(const dcn_data *d)
{
    char probe[DCN__SHA256_HEX];

    return dcn__sha256_hex(probe, "", 0, NULL) == DCN_USAGE && strstr(d->path, "fashion") &&
           d->info.count[0] == 60000 && d->info.count[1] == 10000 && d->info.shape.h == 28;
}

static dcn_status take_names(dcn_data *d, int most, dcn_error *err)
{
    const struct idx_folder *s = d->source;
    dcn_status st;
    char digits[16];

    /* These files hold digits by custom: ten classes even if a small set misses some. */
    st = dcn__data_set_classes(d, most < DIGITS ? DIGITS : most + 1, err);
    for (int i = 0; !st && i < d->info.classes; i++) {
        const char *name = digits;

        snprintf(digits, sizeof digits, "%d", i);
        if (s->is_fashion)
            name = fashion_names[i];
        st = dcn__data_set_class_name(d, i, name, strlen(name), err);
    }
    if (!st)
        st = dcn__data_set_name(d, s->is_fashion ? "Fashion-MNIST" : dcn__path_name(d->path), err);
    return st;
}

dcn_status dcn__open_idx_folder(dcn_data *d, dcn_error *err)
{
    struct idx_folder *s = dcn__alloc(sizeof *s);
    bool matches[2] = { false, false };
    int most[2] = { 0, 0 };
    dcn_status st;

    if (!s)
        return dcn__fail_memory(err, "a data set", sizeof *s);
    d->source = s;
    d->ops = &ops;
    d->info.kind = "IDX";
    if ((st = open_split(d, 0, &matches[0], &most[0], err)) ||
        (st = open_split(d, 1, &matches[1], &most[1], err)))
        return st;
    for (int i = 1; i < 3; i++)
        if (s->pictures[0].dims[i] != s->pictures[1].dims[i])
            return dcn__fail(err, DCN_INPUT, d->path,
                             "training pictures are %lldx%lld and test pictures %lldx%lld; "
                             "fetch the files again",
                             (long long)s->pictures[0].dims[1], (long long)s->pictures[0].dims[2],
                             (long long)s->pictures[1].dims[1], (long long)s->pictures[1].dims[2]);
    if (most[1] > most[0] && most[1] >= DIGITS)
        return dcn__fail(err, DCN_INPUT, d->path,
                         "the test labels reach %d, the training labels only %d; "
                         "fetch the files again", most[1], most[0]);
    d->info.shape = (dcn_shape){ (int)s->pictures[0].dims[1], (int)s->pictures[0].dims[2], 1 };
    s->is_fashion = most[0] < DIGITS && ((matches[0] && matches[1]) || is_called_fashion(d));
    return take_names(d, most[0], err);
}
