/* folder.c - ROOT/train/CLASS/FILE and ROOT/test/CLASS/FILE as a data set.
 *
 * Opening lists names and decodes one picture; the others are decoded when they are asked for and
 * not kept. Hidden files and files that are no .png, .jpg or .jpeg by name are passed over. */
#include "data/data.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { CLASSES_MAX = 65536, FILES_MAX = 4 << 20 };

/* The pictures of one split: text holds "CLASS/FILE" and a NUL for each, from offset[i]. */
struct listing {
    dcn__string text;
    size_t *offset;
    int32_t *label;
    int64_t count, capacity;
};

struct folder {
    const char *split_name[2];
    dcn__names classes;           /* of train, as the file system spells them */
    struct listing split[2];
};

bool dcn__looks_like_folder(const char *folder)
{
    return dcn__holds_folder(folder, "train") || dcn__holds_folder(folder, "test") ||
           dcn__holds_folder(folder, "val");
}

static void close_source(void *source)
{
    struct folder *s = source;

    for (int i = 0; i < 2; i++) {
        dcn__string_clear(&s->split[i].text);
        dcn__free(s->split[i].offset);
        dcn__free(s->split[i].label);
    }
    dcn__names_clear(&s->classes);
    dcn__free(s);
}

static dcn_status load_picture(const dcn_data *d, dcn_split split, int64_t i, dcn_image *image,
                               dcn_error *err)
{
    const struct folder *s = d->source;
    const struct listing *l = &s->split[split];
    dcn__string path = { 0 };
    dcn_status st;

    dcn__string_printf(&path, "%s/%s/%s", d->path, s->split_name[split],
                       l->text.text + l->offset[i]);
    st = path.failed ? dcn__fail_memory(err, "a path", path.length)
                     : dcn_image_load(image, path.text, &d->limits, err);
    dcn__string_clear(&path);
    return st;
}

static const dcn__source_ops ops = { .load = load_picture, .close = close_source };

/* ---- opening ------------------------------------------------------------------------- */

static bool is_picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                                     strcasecmp(dot, ".jpeg") == 0);
}

static dcn_status grow(struct listing *l, dcn_error *err)
{
    const int64_t capacity = l->capacity ? l->capacity * 2 : 256;
    size_t *offset;
    int32_t *label;

    if (l->count < l->capacity)
        return DCN_OK;
    if ((offset = dcn__realloc(l->offset, (size_t)capacity * sizeof *offset)))
        l->offset = offset;
    if ((label = dcn__realloc(l->label, (size_t)capacity * sizeof *label)))
        l->label = label;
    if (!offset || !label)
        return dcn__fail_memory(err, "a list of pictures", (size_t)capacity * sizeof *offset);
    l->capacity = capacity;
    return DCN_OK;
}

/* One file of a class: size into the fingerprint, name into the list. */
static dcn_status add_file(dcn_data *d, struct listing *l, const char *class_path,
                           const char *class_name, const char *name, int label, dcn_error *err)
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
    else if (l->count == FILES_MAX)
        st = dcn__fail(err, DCN_INPUT, d->path, "holds more than %d pictures; split it", FILES_MAX);
    else
        st = grow(l, err);
    dcn__free(path);
    if (st)
        return st;
    size = (uint64_t)file.st_size;
    d->content = dcn__fingerprint(d->content, name, strlen(name));
    d->content = dcn__fingerprint(d->content, &size, sizeof size);
    l->offset[l->count] = l->text.length;
    l->label[l->count++] = label;
    dcn__string_printf(&l->text, "%s/%s", class_name, name);
    dcn__string_append(&l->text, "", 1);       /* the NUL between two names */
    return l->text.failed ? dcn__fail_memory(err, "a list of pictures", l->text.length) : DCN_OK;
}

static dcn_status add_class(dcn_data *d, struct listing *l, const char *split_path,
                            const char *class_name, int label, dcn_error *err)
{
    char *path = dcn__path_join(split_path, class_name);
    const int64_t before = l->count;
    dcn__names files = { 0 };
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(class_name));
    st = dcn__folder_list(&files, path, FILES_MAX, err);
    for (int i = 0; !st && i < files.count; i++)
        if (is_picture_name(files.at[i]))
            st = add_file(d, l, path, class_name, files.at[i], label, err);
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
    dcn_status st = dcn__folder_list(classes, split_path, FILES_MAX, err);
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

static dcn_status open_split(dcn_data *d, dcn_split split, dcn_error *err)
{
    struct folder *s = d->source;
    struct listing *l = &s->split[split];
    char *path = dcn__path_join(d->path, s->split_name[split]);
    dcn__names classes = { 0 };
    dcn_status st;

    if (!path)
        return dcn__fail_memory(err, "a path", strlen(d->path));
    st = list_classes(&classes, path, err);
    if (!st && split == DCN_SPLIT_TRAIN) {
        s->classes = classes;
        memset(&classes, 0, sizeof classes);
    }
    for (int i = 0; !st && i < (split == DCN_SPLIT_TRAIN ? s->classes.count : classes.count); i++) {
        const char *name = split == DCN_SPLIT_TRAIN ? s->classes.at[i] : classes.at[i];
        const int label = find_class(&s->classes, name);

        if (label < 0)
            st = dcn__fail(err, DCN_INPUT, path,
                           "has a class \"%.60s\" that train has not; rename or remove it", name);
        else
            st = add_class(d, l, path, name, label, err);
    }
    dcn__names_clear(&classes);
    dcn__free(path);
    if (!st && !(st = dcn__data_set_count(d, split, l->count, err)))
        memcpy(d->labels[split], l->label, (size_t)l->count * sizeof *l->label);
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
    dcn_image first = { 0 };
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
    /* One picture tells whether this set is grey and about how large its pictures are. */
    if (st || (st = load_picture(d, DCN_SPLIT_TRAIN, 0, &first, err)))
        return st;
    d->typical_h = first.h;
    d->typical_w = first.w;
    d->info.shape.c = first.c;
    dcn_image_clear(&first);
    return DCN_OK;
}
