/* pictures.c - finds the pictures below a folder by their first bytes, whatever they are called.
 *
 * A folder that is reached by a link is passed over, so that no walk is endless. Nothing is decoded
 * here. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "codec/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PICTURES_MAX = 1 << 20, FILES_MAX = 4 << 20, DEPTH_MAX = 64, HEAD = 16 };

struct walk {
    char **paths;
    int n, capacity;
    dcn_error *err;
};

/* Takes over `path`. */
static dcn_status add(struct walk *w, char *path)
{
    if (w->n == w->capacity) {
        const int capacity = w->capacity ? 2 * w->capacity : 64;
        char **grown = dcn__realloc(w->paths, (size_t)capacity * sizeof *grown);

        if (!grown) {
            dcn__free(path);
            return dcn__fail_memory(w->err, "a list of pictures",
                                    (size_t)capacity * sizeof *grown);
        }
        w->paths = grown;
        w->capacity = capacity;
    }
    w->paths[w->n++] = path;
    return DCN_OK;
}

static dcn_status add_if_picture(struct walk *w, const char *root, const char *path)
{
    uint8_t head[HEAD];
    uint64_t file_size;
    size_t size;
    char *copy;
    dcn_status st;

    if ((st = dcn__file_head(head, sizeof head, &size, &file_size, path, w->err)))
        return st;
    if (!dcn__image_is_picture(head, size))
        return DCN_OK;
    if (w->n == PICTURES_MAX)
        return dcn__fail(w->err, DCN_INPUT, root, "holds more than %d pictures; split it",
                         PICTURES_MAX);
    if (!(copy = dcn__strdup(path)))
        return dcn__fail_memory(w->err, "a path", strlen(path));
    return add(w, copy);
}

static dcn_status walk_folder(struct walk *w, const char *root, const char *folder, int depth)
{
    dcn__names names;
    dcn_status st;

    if (depth > DEPTH_MAX)
        return dcn__fail(w->err, DCN_INPUT, folder, "lies more than %d folders deep; name a folder "
                         "nearer to the pictures", DEPTH_MAX);
    if ((st = dcn__folder_list(&names, folder, FILES_MAX, w->err)))
        return st;
    for (int i = 0; i < names.count && !st; i++) {
        struct stat status;
        char *path;

        if (names.at[i][0] == '.')
            continue;
        if (!(path = dcn__path_join(folder, names.at[i])))
            st = dcn__fail_memory(w->err, "a path", strlen(names.at[i]));
        else if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
            st = walk_folder(w, root, path, depth + 1);
        else if (dcn__is_file(path))
            st = add_if_picture(w, root, path);
        dcn__free(path);
    }
    dcn__names_clear(&names);
    return st;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

dcn_status dcn_pictures_list(char ***paths, int *n, const char *path, dcn_error *err)
{
    struct walk w = { .err = err };
    dcn_status st = walk_folder(&w, path, path, 0);

    *paths = NULL;
    *n = 0;
    if (!st && !w.n)
        st = dcn__fail(err, DCN_INPUT, path, "holds no PNG or JPEG picture; name another folder");
    if (st) {
        dcn_pictures_free(w.paths, w.n);
        return st;
    }
    qsort(w.paths, (size_t)w.n, sizeof *w.paths, by_bytes);
    *paths = w.paths;
    *n = w.n;
    return DCN_OK;
}

void dcn_pictures_free(char **paths, int n)
{
    for (int i = 0; i < n; i++)
        dcn__free(paths[i]);
    dcn__free(paths);
}
