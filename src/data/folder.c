/* folder.c - ROOT/train/CLASS/FILE and ROOT/test/CLASS/FILE as a data set.
 *
 * Opening lists names and decodes one picture; the others are decoded when they are asked for and
 * not kept. Hidden files and files that are no .png, .jpg or .jpeg by name are passed over. */
#include "data/data.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/listing.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { CLASSES_MAX = 65536 };

struct folder {
    const char *split_name[2];
    dcn__names classes;           /* of train, as the file system spells them */
    dcn__listing split[2];        /* "train/CLASS/FILE" */
};

bool dcn__looks_like_folder(const char *folder)
{
    return dcn__holds_folder(folder, "train") || dcn__holds_folder(folder, "test") ||
           dcn__holds_folder(folder, "val");
}

static void close_source(void *source)
{
    struct folder *s = source;

    for (int i = 0; i < 2; i++)
        dcn__listing_clear(&s->split[i]);
    dcn__names_clear(&s->classes);
    dcn__free(s);
}

static const char *picture_file(const dcn_data *d, dcn_split split, int64_t i)
{
    const struct folder *s = d->source;

    return dcn__listing_at(&s->split[split], i);
}

static const dcn__source_ops ops = { .load = dcn__data_load_file, .file = picture_file,
                                     .close = close_source };

/* ---- opening ------------------------------------------------------------------------- */

static bool is_picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                                     strcasecmp(dot, ".jpeg") == 0);
}

/* One file of a class: size into the fingerprint, name into the list. */
static dcn_status add_file(dcn_data *d, dcn__listing *l, const char *class_path, const char *name,
                           dcn_error *err)
{
    char *path = dcn__path_join(class_path, name);
    struct stat file;
    uint64_t size;
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(name));
    if (stat(path, &file) != 0)
        st = dcn__fail_errno(err, path, "inspect it", errno, "remove it or restore it");
    else if (!S_ISREG(file.st_mode))
        st = dcn__fail(err, DCN_FILE, path, "is not a regular file; move it elsewhere");
    else
        st = dcn__listing_add(l, dcn__below(d->path, path), DCN__FILES_MAX, d->path, err);
    dcn__free(path);
    if (st)
        return st;
    size = (uint64_t)file.st_size;
    d->content = dcn__fingerprint(d->content, name, strlen(name));
    d->content = dcn__fingerprint(d->content, &size, sizeof size);
    return DCN_OK;
}

static dcn_status add_class(dcn_data *d, dcn__listing *l, const char *split_path,
                            const char *class_name, dcn_error *err)
{
    char *path = dcn__path_join(split_path, class_name);
    const int64_t before = l->count;
    dcn__names files = { 0 };
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(class_name));
    st = dcn__folder_list(&files, path, DCN__FILES_MAX, err);
    for (int i = 0; !st && i < files.count; i++)
        if (is_picture_name(files.at[i]))
            st = add_file(d, l, path, files.at[i], err);
    if (!st && l->count == before)
        st = dcn__fail(err, DCN_INPUT, path,
                       "holds no .png, .jpg or .jpeg file; add pictures or remove the folder");
    dcn__names_clear(&files);
    dcn__free(path);
    return st;
}

static int find_class(const dcn__names *classes, const char *name)
{
    int low = 0, high = classes->count;

    while (low < high) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(classes->at[middle], name);

        if (!order)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* The class folders of a split, bytewise sorted; hidden ones and plain files are dropped. */
static dcn_status list_classes(dcn__names *classes, const char *split_path, dcn_error *err)
{
    dcn_status st = dcn__folder_list(classes, split_path, DCN__FILES_MAX, err);
    int kept = 0;

    if (st)
        return st;
    for (int i = 0; i < classes->count; i++) {
        char *name = classes->at[i];

        if (name[0] != '.' && dcn__holds_folder(split_path, name))
            classes->at[kept++] = name;
        else
            dcn__free(name);
    }
    classes->count = kept;
    if (!kept)
        return dcn__fail(err, DCN_INPUT, split_path,
                         "holds no class folders; put pictures into %s/CLASS/FILE",
                         dcn__path_name(split_path));
    if (kept > CLASSES_MAX)
        return dcn__fail(err, DCN_INPUT, split_path,
                         "holds %d classes, the limit is %d; merge some", kept, CLASSES_MAX);
    return DCN_OK;
}

/* Adds the pictures of all classes; those of classes[i] are counts[i]. */
static dcn_status add_classes(dcn_data *d, dcn_split split, const char *split_path,
                              const dcn__names *classes, int64_t *counts, dcn_error *err)
{
    struct folder *s = d->source;
    dcn__listing *l = &s->split[split];
    dcn_status st = DCN_OK;

    for (int i = 0; !st && i < classes->count; i++) {
        const int64_t before = l->count;

        if (find_class(&s->classes, classes->at[i]) < 0)
            st = dcn__fail(err, DCN_INPUT, split_path,
                           "has a class \"%.60s\" that train has not; rename or remove it",
                           classes->at[i]);
        else
            st = add_class(d, l, split_path, classes->at[i], err);
        counts[i] = l->count - before;
    }
    return st;
}

static dcn_status set_labels(dcn_data *d, dcn_split split, const dcn__names *classes,
                             const int64_t *counts, dcn_error *err)
{
    const struct folder *s = d->source;
    int32_t *label;
    dcn_status st;

    if ((st = dcn__data_set_count(d, split, s->split[split].count, err)))
        return st;
    label = d->labels[split];
    for (int i = 0; i < classes->count; i++) {
        const int32_t class = find_class(&s->classes, classes->at[i]);

        for (int64_t k = 0; k < counts[i]; k++)
            *label++ = class;
    }
    return DCN_OK;
}

static dcn_status open_split(dcn_data *d, dcn_split split, dcn_error *err)
{
    struct folder *s = d->source;
    char *path = dcn__path_join(d->path, s->split_name[split]);
    dcn__names own = { 0 }, *classes = split == DCN_SPLIT_TRAIN ? &s->classes : &own;
    int64_t *counts = NULL;
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(d->path));
    if (!(st = list_classes(classes, path, err)) &&
        !(counts = dcn__alloc_array((size_t)classes->count, sizeof *counts)))
        st = dcn__fail_memory(err, "counts of pictures", (size_t)classes->count * sizeof *counts);
    if (!st && !(st = add_classes(d, split, path, classes, counts, err)))
        st = set_labels(d, split, classes, counts, err);
    dcn__names_clear(&own);
    dcn__free(counts);
    dcn__free(path);
    return st;
}

static dcn_status find_splits(const dcn_data *d, struct folder *s, dcn_error *err)
{
    if (!dcn__holds_folder(d->path, "train"))
        return dcn__fail(err, DCN_INPUT, d->path,
                         "has no folder train; put training pictures into train/CLASS/FILE");
    s->split_name[0] = "train";
    s->split_name[1] = dcn__holds_folder(d->path, "test")  ? "test"
                       : dcn__holds_folder(d->path, "val") ? "val"
                                                           : NULL;
    if (!s->split_name[1])
        return dcn__fail(err, DCN_INPUT, d->path,
                         "has no folder test (or val); put some pictures of each class into "
                         "test/CLASS/FILE");
    return DCN_OK;
}

dcn_status dcn__open_folder(dcn_data *d, dcn_error *err)
{
    struct folder *s = dcn__alloc(sizeof *s);
    dcn_status st;

    if (!s)
        return dcn__fail_memory(err, "a data set", sizeof *s);
    d->source = s;
    d->ops = &ops;
    d->info.kind = "image folder";
    if ((st = find_splits(d, s, err)) || (st = open_split(d, DCN_SPLIT_TRAIN, err)) ||
        (st = open_split(d, DCN_SPLIT_TEST, err)) ||
        (st = dcn__data_set_name(d, dcn__path_name(d->path), err)) ||
        (st = dcn__data_set_classes(d, s->classes.count, err)))
        return st;
    for (int i = 0; !st && i < s->classes.count; i++)
        st = dcn__data_set_class_name(d, i, s->classes.at[i], strlen(s->classes.at[i]), err);
    return st ? st : dcn__data_see_first(d, DCN_SPLIT_TRAIN, err);
}
