/* pictures.c - finds the pictures below a folder by their first bytes, whatever they are called.
 *
 * A folder that is reached by a link is passed over, so that no walk is endless. Nothing is decoded
 * here. */
#include "base/file.h"
#include "base/memory.h"
#include "codec/image.h"
#include "data/data.h"
#include "data/listing.h"

#include <string.h>
#include <sys/stat.h>

enum { PICTURES_MAX = 1 << 20, DEPTH_MAX = 64, HEAD = 16 };

struct walk {
    dcn__listing *list;
    const char *root;
    int64_t most, files;          /* pictures that may be found; files that may be looked at */
    int64_t seen;
    uint64_t content;
    dcn_error *err;
};

static dcn_status add_if_picture(struct walk *w, const char *path)
{
    const char *below = dcn__below(w->root, path);
    uint8_t head[HEAD];
    uint64_t file_size;
    size_t size;
    dcn_status st;

    if (w->seen++ == w->files)
        return dcn__fail(w->err, DCN_INPUT, w->root, "holds more than %lld files; name a folder "
                         "nearer to the pictures", (long long)w->files);
    if ((st = dcn__file_head(head, sizeof head, &size, &file_size, path, w->err)))
        return st;
    if (!dcn__image_is_picture(head, size))
        return DCN_OK;
    /* A sum, since the order of the walk is not yet that of the list. */
    w->content += dcn__fingerprint(dcn__fingerprint(0, below, strlen(below)), &file_size,
                                   sizeof file_size);
    return dcn__listing_add(w->list, below, w->most, w->root, w->err);
}

static dcn_status walk_folder(struct walk *w, const char *folder, int depth)
{
    dcn__names names;
    dcn_status st;

    if (depth > DEPTH_MAX)
        return dcn__fail(w->err, DCN_INPUT, folder, "lies more than %d folders deep; name a folder "
                         "nearer to the pictures", DEPTH_MAX);
    if ((st = dcn__folder_list(&names, folder, DCN__FILES_MAX, w->err)))
        return st;
    for (int i = 0; i < names.count && !st; i++) {
        struct stat status;
        char *path;

        if (names.at[i][0] == '.')
            continue;
        if (!(path = dcn__path_join(folder, names.at[i])))
            st = dcn__fail_memory(w->err, "a path", strlen(names.at[i]));
        else if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
            st = walk_folder(w, path, depth + 1);
        else if (dcn__is_file(path))
            st = add_if_picture(w, path);
        dcn__free(path);
    }
    dcn__names_clear(&names);
    return st;
}

dcn_status dcn__pictures_find(dcn__listing *l, const char *folder, int64_t most, int64_t files,
                              uint64_t *content, dcn_error *err)
{
    struct walk w = { .list = l, .root = folder, .most = most, .files = files, .err = err };
    dcn_status st;

    *l = (dcn__listing){ 0 };
    if ((st = walk_folder(&w, folder, 0))) {
        dcn__listing_clear(l);
        return st;
    }
    dcn__listing_sort(l);
    if (content)
        *content = w.content;
    return DCN_OK;
}

dcn_status dcn_pictures_list(char ***paths, int *n, const char *path, dcn_error *err)
{
    dcn__listing list;
    dcn_status st;

    *paths = NULL;
    *n = 0;
    if ((st = dcn__pictures_find(&list, path, PICTURES_MAX, DCN__FILES_MAX, NULL, err)))
        return st;
    if (!list.count)
        st = dcn__fail(err, DCN_INPUT, path, "holds no PNG or JPEG picture; name another folder");
    else if (!(*paths = dcn__alloc_array((size_t)list.count, sizeof **paths)))
        st = dcn__fail_memory(err, "a list of pictures", (size_t)list.count * sizeof **paths);
    for (int i = 0; !st && i < list.count; i++, (*n)++)
        if (!((*paths)[i] = dcn__path_join(path, dcn__listing_at(&list, i))))
            st = dcn__fail_memory(err, "a path", strlen(path));
    dcn__listing_clear(&list);
    if (st) {
        dcn_pictures_free(*paths, *n);
        *paths = NULL;
        *n = 0;
    }
    return st;
}

void dcn_pictures_free(char **paths, int n)
{
    for (int i = 0; i < n; i++)
        dcn__free(paths[i]);
    dcn__free(paths);
}
