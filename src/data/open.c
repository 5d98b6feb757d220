/* open.c - finds out what kind of data set a folder holds and opens it; near misses by name. */
#include "data/data.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- for openers --------------------------------------------------------------------- */

/* An escaped copy of text: every byte can become four. */
static char *printable(const char *text, size_t bytes)
{
    char *copy = dcn__alloc(bytes * 4 + 1);

    if (copy)
        dcn__text_escape(copy, bytes * 4 + 1, text, bytes);
    return copy;
}

dcn_status dcn__data_set_name(dcn_data *d, const char *name, dcn_error *err)
{
    d->name = printable(name, strlen(name));
    if (!d->name)
        return dcn__fail_memory(err, "a data set's name", strlen(name));
    d->info.name = d->name;
    return DCN_OK;
}

dcn_status dcn__data_set_classes(dcn_data *d, int classes, dcn_error *err)
{
    d->class_names = dcn__alloc_array((size_t)classes, sizeof *d->class_names);
    if (!d->class_names)
        return dcn__fail_memory(err, "class names", (size_t)classes * sizeof *d->class_names);
    d->info.classes = classes;
    d->info.class_names = (const char *const *)d->class_names;
    return DCN_OK;
}

dcn_status dcn__data_set_class_name(dcn_data *d, int i, const char *name, size_t bytes,
                                    dcn_error *err)
{
    d->class_names[i] = printable(name, bytes);
    return d->class_names[i] ? DCN_OK : dcn__fail_memory(err, "a class name", bytes);
}

dcn_status dcn__data_set_count(dcn_data *d, dcn_split split, int64_t count, dcn_error *err)
{
    d->labels[split] = dcn__alloc_array((size_t)count, sizeof **d->labels);
    if (!d->labels[split])
        return dcn__fail_memory(err, "labels", (size_t)count * sizeof **d->labels);
    d->info.count[split] = count;
    return DCN_OK;
}

dcn_status dcn__data_see_first(dcn_data *d, dcn_split split, dcn_error *err)
{
    dcn_image first;
    dcn_status st;

    if ((st = d->ops->load(d, split, 0, &first, err)))
        return st;
    d->typical_h = first.h;
    d->typical_w = first.w;
    d->info.shape.c = first.c;
    dcn_image_clear(&first);
    return DCN_OK;
}

uint64_t dcn__fingerprint(uint64_t hash, const void *data, size_t bytes)
{
    /* Four lanes, because one chain of multiplications would be slower than reading the file. */
    static const uint64_t factor = 0x9fb21c651e98df25u;
    const uint8_t *p = data;
    uint64_t lane[4] = { hash, hash + 1, hash + 2, hash + 3 }, tail[4] = { 0 }, word[4];
    size_t done = 0;

    for (; done + sizeof word <= bytes; done += sizeof word) {
        memcpy(word, p + done, sizeof word);
        for (int i = 0; i < 4; i++) {
            lane[i] = (lane[i] ^ word[i]) * factor;
            lane[i] ^= lane[i] >> 32;
        }
    }
    if (done < bytes)
        memcpy(tail, p + done, bytes - done);
    hash = dcn__hash64(bytes + factor);
    for (int i = 0; i < 4; i++)
        hash = dcn__hash64(hash ^ lane[i]) ^ dcn__hash64(tail[i] + (uint64_t)i);
    return dcn__hash64(hash);
}

static void take_hash(dcn_data *d)
{
    uint64_t h = dcn__fingerprint(d->content, d->info.kind, strlen(d->info.kind));
    const int64_t facts[] = { d->info.count[0], d->info.count[1], d->info.classes, d->info.shape.h,
                              d->info.shape.w, d->info.shape.c };

    h = dcn__fingerprint(h, facts, sizeof facts);
    for (int i = 0; i < d->info.classes; i++)
        h = dcn__fingerprint(h, d->class_names[i], strlen(d->class_names[i]));
    for (int split = 0; split < 2; split++)
        if (d->labels[split])
            h = dcn__fingerprint(h, d->labels[split],
                                 (size_t)d->info.count[split] * sizeof **d->labels);
    d->hash = h;
}

/* ---- which kind? --------------------------------------------------------------------- */

/* A longer path cannot be opened either. */
enum { PATH_BYTES = 4096 };

static bool look(struct stat *st, const char *folder, const char *name)
{
    char path[PATH_BYTES];
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);

    return n > 0 && n < PATH_BYTES && stat(path, st) == 0;
}

bool dcn__holds(const char *folder, const char *name)
{
    struct stat st;

    return look(&st, folder, name);
}

bool dcn__holds_folder(const char *folder, const char *name)
{
    struct stat st;

    return look(&st, folder, name) && S_ISDIR(st.st_mode);
}

/* Folders that people point at by mistake; some of them hold pictures. */
static dcn_status refuse_near_misses(const char *folder, dcn_error *err)
{
    static const struct { const char *name, *what; } near[] = {
        { "data_batch_1", "holds the Python version of CIFAR-10; fetch the binary version "
                          "(cifar-10-binary.tar.gz)" },
        { "data_batch_1.mat", "holds the Matlab version of CIFAR-10; fetch the binary version "
                              "(cifar-10-binary.tar.gz)" },
        { "cifar-10-batches-py", "holds the Python version of CIFAR-10; fetch the binary version "
                                 "(cifar-10-binary.tar.gz)" },
        { "fine_label_names.txt",
          "holds CIFAR-100, which is not read; use CIFAR-10 (binary version)" },
        { "cifar-100-binary", "holds CIFAR-100, which is not read; use CIFAR-10 (binary version)" },
        { "cifar-10-binary.tar.gz",
          "holds the packed CIFAR-10 archive; unpack it here with tar xf" },
        { "cifar-10-binary.tar.gz.part", "holds an unfinished download; fetch it again to go on" },
        { "cifar-10-python.tar.gz",
          "holds the Python archive of CIFAR-10; fetch the binary version "
          "(cifar-10-binary.tar.gz)" },
        { "strips.png", "is the folder of a run; name a folder of pictures" },
        { "atlas.json", "is an atlas; name a folder of pictures" },
        { "scan.safetensors", "holds the scan of an atlas; name a folder of pictures" },
    };

    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (dcn__holds(folder, near[i].name))
            return dcn__fail(err, DCN_INPUT, folder, "%s", near[i].what);
    return DCN_OK;
}

static dcn_status open_kind(dcn_data *d, dcn_error *err)
{
    struct stat status;
    dcn_status st;

    if (strcmp(d->path, "synthetic") == 0)
        return dcn__open_synthetic(d, err);
    if (stat(d->path, &status) != 0)
        return dcn__fail_errno(err, d->path, "open it", errno,
                               "check the name and the permissions");
    if (!S_ISDIR(status.st_mode))
        return dcn__fail(err, DCN_FILE, d->path, "is not a folder; name the folder of a data set");
    if (dcn__looks_like_cifar10(d->path))
        return dcn__open_cifar10(d, err);
    if (dcn__looks_like_idx(d->path))
        return dcn__open_idx_folder(d, err);
    if (dcn__looks_like_folder(d->path))
        return dcn__open_folder(d, err);
    if ((st = refuse_near_misses(d->path, err)))
        return st;
    return dcn__open_plain(d, err);
}

dcn_status dcn_data_open(dcn_data **data, const char *path, const dcn_limits *limits,
                         dcn_error *err)
{
    dcn_data *d;
    dcn_status st;

    *data = NULL;
    if (!path || !*path)
        return dcn__fail(err, DCN_USAGE, "data set",
                         "no folder is named; name one, or \"synthetic\"");
    d = dcn__alloc(sizeof *d);
    if (!d || !(d->path = dcn__strdup(path))) {
        dcn_data_close(d);
        return dcn__fail_memory(err, "a data set", sizeof *d);
    }
    d->info.path = d->path;
    if (limits)
        d->limits = *limits;
    if ((st = open_kind(d, err))) {
        dcn_data_close(d);
        return st;
    }
    if (d->info.shape.h) {
        d->typical_h = d->info.shape.h;
        d->typical_w = d->info.shape.w;
    }
    take_hash(d);
    *data = d;
    return DCN_OK;
}

void dcn_data_close(dcn_data *d)
{
    if (!d)
        return;
    if (d->ops && d->source)
        d->ops->close(d->source);
    for (int i = 0; d->class_names && i < d->info.classes; i++)
        dcn__free(d->class_names[i]);
    dcn__free(d->class_names);
    dcn__free(d->labels[0]);
    dcn__free(d->labels[1]);
    dcn__free(d->name);
    dcn__free(d->path);
    dcn__free(d);
}
