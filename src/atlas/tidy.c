/* tidy.c - takes away what older books left, tiles-XXXXXXXX/NN-NAME/CCCCC.png and raw/NN-NAME.npz,
 * and what a writer that was killed left of such a file. Nothing else.
 *
 * A folder may hold what is not ours, in places where ours was: whatever does not look exactly like
 * one of them stays, and so does the folder it is in. Links are not followed. */
#include "atlas/strip.h"

#include "base/memory.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MOST = 1 << 20, HASH_DIGITS = 8, CHANNEL_DIGITS = 5, TEMPORARY_LETTERS = 6 };

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

static bool is_tiles(const char *name)
{
    return strncmp(name, "tiles-", 6) == 0 && strlen(name + 6) == HASH_DIGITS &&
           strspn(name + 6, "0123456789abcdef") == HASH_DIGITS;
}

static bool is_slug(const char *name)
{
    const size_t n = digits(name);

    return n >= 2 && name[n] == '-' && name[n + 1];
}

/* Nothing, or what a writer that was killed leaves behind the name. */
static bool is_end(const char *text)
{
    return !*text || (strncmp(text, ".tmp-", 5) == 0 && strlen(text + 5) == TEMPORARY_LETTERS);
}

static bool is_strip(const char *name)
{
    return digits(name) == CHANNEL_DIGITS &&
           (strncmp(name + CHANNEL_DIGITS, ".png", 4) == 0 ||
            strncmp(name + CHANNEL_DIGITS, ".jpg", 4) == 0) &&
           is_end(name + CHANNEL_DIGITS + 4);
}

static bool is_raw(const char *name)
{
    static const char *const kinds[] = { ".npz", ".safetensors" };

    for (int i = 0; i < 2; i++)
        for (const char *at = name; (at = strstr(at, kinds[i])); at++)
            if (is_end(at + strlen(kinds[i])))
                return is_slug(name);
    return false;
}

static bool is_left_over(const char *name)
{
    const char *dot = strstr(name, ".tmp-");

    return dot && is_end(dot) &&
           (strncmp(name, "index.html.tmp-", 15) == 0 ||
            strncmp(name, "atlas.json.tmp-", 15) == 0);
}

static bool is_real_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Calls `visit` for each entry of a folder; what cannot be listed is left alone. */
typedef void visitor(const char *folder, const char *name, const void *user);
static void visit_all(const char *folder, visitor *visit, const void *user)
{
    dcn__names names;

    if (!is_real_folder(folder) || dcn__folder_list(&names, folder, NAMES_MOST, NULL))
        return;
    for (int i = 0; i < names.count; i++)
        visit(folder, names.at[i], user);
    dcn__names_clear(&names);
}

static void drop_strip(const char *folder, const char *name, const void *user)
{
    const bool *all = user;
    char *path = is_strip(name) && (*all || strstr(name, ".tmp-")) ? dcn__path_join(folder, name)
                                                                   : NULL;

    if (path)
        unlink(path);
    dcn__free(path);
}

/* *all: finished strips as well. A folder that is empty then goes. */
static void drop_slug(const char *folder, const char *name, const void *all)
{
    char *path = is_slug(name) ? dcn__path_join(folder, name) : NULL;

    if (path) {
        visit_all(path, drop_strip, all);
        if (is_real_folder(path))
            rmdir(path);
    }
    dcn__free(path);
}

static bool is_kept_raw(const dcn__kept *kept, const char *name)
{
    dcn__string path = { 0 };
    bool is = false;

    for (int i = 0; i < kept->press->atlas->n_pages && kept->raw != DCN_RAW_NONE && !is; i++) {
        dcn__string_clear(&path);
        dcn__raw_name(&path, kept->press, i, kept->raw);
        is = path.failed || strcmp(path.text + 4, name) == 0;    /* behind "raw/" */
    }
    dcn__string_clear(&path);
    return is;
}

static void drop_raw(const char *folder, const char *name, const void *user)
{
    char *path = is_raw(name) && !is_kept_raw(user, name) ? dcn__path_join(folder, name) : NULL;

    if (path)
        unlink(path);
    dcn__free(path);
}

static void drop_old(const char *folder, const char *name, const void *user)
{
    const dcn__kept *kept = user;
    char *path = dcn__path_join(folder, name);
    const bool all = kept->single || strcmp(name, kept->press->tiles) != 0;

    if (path && is_left_over(name))
        unlink(path);
    if (path && is_tiles(name))
        visit_all(path, drop_slug, &all);
    if (path && strcmp(name, "raw") == 0)
        visit_all(path, drop_raw, kept);
    if (path && (is_tiles(name) || strcmp(name, "raw") == 0) && is_real_folder(path))
        rmdir(path);
    dcn__free(path);
}

void dcn__tidy(const dcn__kept *kept)
{
    visit_all(kept->press->folder, drop_old, kept);
}
