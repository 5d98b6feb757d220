/* cifar10.c - a folder of CIFAR-10 binary files as a data set.
 *
 * The files stay open and records are read from them when asked for: nothing of the 184 MB counts
 * as resident, and a file that shrinks meanwhile is an error, not a signal. */
#include "data/data.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"
#include "codec/cifar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 6, TRAIN_FILES = 5, CHUNK_RECORDS = 85, META_MAX = 4096 };

static const char *const file_names[FILES] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin"
};
static const char subfolder[] = "cifar-10-batches-bin";

struct cifar10 {
    struct { int fd; char *path; int64_t records; } file[FILES];
};

static bool holds_batch(const char *folder)
{
    bool found = false;

    for (int i = 0; !found && i < FILES; i++)
        found = dcn__holds(folder, file_names[i]);
    return found;
}

bool dcn__looks_like_cifar10(const char *folder)
{
    return holds_batch(folder) || dcn__holds_folder(folder, subfolder);
}

static void close_source(void *source)
{
    struct cifar10 *s = source;

    for (int i = 0; i < FILES; i++) {
        if (s->file[i].fd >= 0)
            close(s->file[i].fd);
        dcn__free(s->file[i].path);
    }
    dcn__free(s);
}

/* The record of picture i. */
static dcn_status read_record(const struct cifar10 *s, dcn_split split, int64_t i, uint8_t *record,
                              dcn_error *err)
{
    int f = split == DCN_SPLIT_TRAIN ? 0 : TRAIN_FILES;

    while (i >= s->file[f].records)
        i -= s->file[f++].records;
    return dcn__file_read_at(s->file[f].fd, s->file[f].path, (uint64_t)i * DCN__CIFAR_RECORD,
                             record, DCN__CIFAR_RECORD, err);
}

static dcn_status read_picture(const dcn_data *d, dcn_split split, int64_t i, uint8_t *pixels,
                               dcn_error *err)
{
    uint8_t record[DCN__CIFAR_RECORD];
    dcn_status st;

    if ((st = read_record(d->source, split, i, record, err)))
        return st;
    if (record[0] != d->labels[split][i])
        return dcn__fail(err, DCN_FILE, d->path,
                         "%s picture %lld changed its label since the data set was opened; "
                         "leave the files alone and start again",
                         split == DCN_SPLIT_TRAIN ? "training" : "test", (long long)i);
    dcn__cifar_unpack(record, pixels);
    return DCN_OK;
}

static const dcn__source_ops ops = { .read = read_picture, .close = close_source };

/* ---- opening ------------------------------------------------------------------------- */

/* Opens file f and counts its records; their labels are not looked at yet. */
static dcn_status open_file(struct cifar10 *s, int f, const char *folder, dcn_error *err)
{
    char *path = dcn__path_join(folder, file_names[f]);
    uint8_t head[DCN__CIFAR_HEAD];
    uint64_t size;
    size_t known;
    dcn_status st;
    int fd;

    s->file[f].path = path;
    if (!path)
        return dcn__fail_memory(err, "a path", strlen(folder));
    if (!dcn__holds(folder, file_names[f]))
        return dcn__fail(err, DCN_INPUT, folder, "has no %s%s; extract the binary archive again",
                         file_names[f], f == TRAIN_FILES ? ", the test pictures" : "");
    if ((st = dcn__file_open(&fd, &size, path, err)))
        return st;
    s->file[f].fd = fd;
    known = size < sizeof head ? (size_t)size : sizeof head;
    if ((st = dcn__file_read_at(fd, path, 0, head, known, err)))
        return st;
    return dcn__cifar_check_head(&s->file[f].records, head, known, size, path, err);
}

/* Reading one file to its end, which a thread does while others read theirs. */
typedef struct reading {
    int fd;
    const char *path;
    int64_t records;
    int32_t *labels;
    uint8_t *chunk;
    uint64_t content;
    dcn_status status;
    dcn_error error;
} reading;

/* All records of a file: labels, and everything into its fingerprint. */
static void read_file(void *user, int task, int thread)
{
    reading *r = (reading *)user + task;

    (void)thread;
    for (int64_t i = 0; i < r->records && !r->status; i += CHUNK_RECORDS) {
        const int64_t n = r->records - i < CHUNK_RECORDS ? r->records - i : CHUNK_RECORDS;
        const size_t bytes = (size_t)n * DCN__CIFAR_RECORD;

        r->status = dcn__file_read_at(r->fd, r->path, (uint64_t)i * DCN__CIFAR_RECORD, r->chunk,
                                      bytes, &r->error);
        if (!r->status)
            r->status = dcn__cifar_check_labels(r->chunk, n, i, r->labels + i, r->path, &r->error);
        if (!r->status)
            r->content = dcn__fingerprint(r->content, r->chunk, bytes);
    }
}

/* The whole set is 184 MB: 50 ms on one core, which a first picture would wait for. The first file
 * with a fault is the one that is told. */
static dcn_status read_all_labels(dcn_data *d, dcn_error *err)
{
    const struct cifar10 *s = d->source;
    const size_t chunk = (size_t)CHUNK_RECORDS * DCN__CIFAR_RECORD;
    const int cores = dcn__cores();
    uint8_t *chunks = dcn__alloc(FILES * chunk);
    reading files[FILES];
    dcn__team *team = NULL;
    int64_t first = 0;
    dcn_status st = DCN_OK;

    if (!chunks)
        return dcn__fail_memory(err, "records", FILES * chunk);
    for (int f = 0; f < FILES; f++) {
        if (f == TRAIN_FILES)
            first = 0;
        files[f] = (reading){ .fd = s->file[f].fd, .path = s->file[f].path,
                              .records = s->file[f].records, .chunk = chunks + (size_t)f * chunk,
                              .labels = d->labels[f == TRAIN_FILES] + first };
        first += s->file[f].records;
    }
    if (!(st = dcn__team_create(&team, cores < FILES ? cores : FILES, err)))
        dcn__team_run(team, FILES, read_file, files);
    dcn__team_destroy(team);
    for (int f = 0; f < FILES && !st; f++) {
        if ((st = files[f].status) && err)
            *err = files[f].error;
        d->content = dcn__fingerprint(d->content, &files[f].content, sizeof files[f].content);
    }
    dcn__free(chunks);
    return st;
}

/* Names from batches.meta.txt; a file that is not what it should be is only a nicety lost. */
static dcn_status take_names(dcn_data *d, const char *folder, dcn_error *err)
{
    char *path = dcn__path_join(folder, "batches.meta.txt");
    const char *names[DCN__CIFAR_CLASSES];
    size_t lengths[DCN__CIFAR_CLASSES];
    dcn__bytes meta = { 0 };
    bool valid;
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(folder));
    st = dcn__file_read(&meta, path, META_MAX, err);
    valid = !st && dcn__cifar_names((const char *)meta.data, meta.size, names, lengths);
    if (st != DCN_MEMORY)
        st = dcn__data_set_classes(d, DCN__CIFAR_CLASSES, err);
    for (int i = 0; !st && i < DCN__CIFAR_CLASSES; i++)
        st = dcn__data_set_class_name(d, i, valid ? names[i] : dcn__cifar10_names[i],
                                      valid ? lengths[i] : strlen(dcn__cifar10_names[i]), err);
    dcn__bytes_clear(&meta);
    dcn__free(path);
    return st;
}

static dcn_status open_below(dcn_data *d, const char *folder, dcn_error *err)
{
    struct cifar10 *s = d->source;
    int64_t train = 0;
    dcn_status st;

    for (int f = 0; f < FILES; f++)
        if ((st = open_file(s, f, folder, err)))
            return st;
    for (int f = 0; f < TRAIN_FILES; f++)
        train += s->file[f].records;
    if ((st = dcn__data_set_count(d, DCN_SPLIT_TRAIN, train, err)) ||
        (st = dcn__data_set_count(d, DCN_SPLIT_TEST, s->file[TRAIN_FILES].records, err)) ||
        (st = read_all_labels(d, err)))
        return st;
    return take_names(d, folder, err);
}

dcn_status dcn__open_cifar10(dcn_data *d, dcn_error *err)
{
    struct cifar10 *s = dcn__alloc(sizeof *s);
    char *below = NULL;
    dcn_status st;

    if (!s)
        return dcn__fail_memory(err, "a data set", sizeof *s);
    for (int f = 0; f < FILES; f++)
        s->file[f].fd = -1;
    d->source = s;
    d->ops = &ops;
    d->info.kind = "CIFAR-10";
    d->info.shape = (dcn_shape){ DCN__CIFAR_SIDE, DCN__CIFAR_SIDE, 3 };
    if ((st = dcn__data_set_name(d, "CIFAR-10", err)))
        return st;
    if (!holds_batch(d->path) && !(below = dcn__path_join(d->path, subfolder)))
        return dcn__fail_memory(err, "a path", strlen(d->path));
    st = open_below(d, below ? below : d->path, err);
    dcn__free(below);
    return st;
}
