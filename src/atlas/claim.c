/* claim.c - may a book be written into this folder? What stands there under a book's names must be
 * a book's: each of these files says so in its first bytes. */
#include "base/file.h"
#include "base/memory.h"

#include <string.h>

enum { HEAD = 4096, NAMES_MOST = 1 << 20 };

static bool holds(const char *text, size_t size, const char *word)
{
    const size_t n = strlen(word);

    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(text + i, word, n) == 0)
            return true;
    return false;
}

/* *ours: it is there, and a book's. An empty one may be what a full disk left. */
static dcn_status look_at(const char *folder, const char *name, const char *mark, bool *ours,
                          dcn_error *err)
{
    char *path = dcn__path_join(folder, name);
    dcn_status st = path ? DCN_OK : dcn__fail_memory(err, "a path", strlen(folder));
    uint8_t head[HEAD];
    uint64_t size;
    size_t got;

    *ours = false;
    if (!st && dcn__is_file(path) &&
        !(st = dcn__file_head(head, sizeof head, &got, &size, path, err)) && got > 0 &&
        !(*ours = holds((const char *)head, got, mark)))
        st = dcn__fail(err, DCN_FILE, path,
                       "is not an atlas' and would be overwritten; name another folder");
    dcn__free(path);
    return st;
}

static dcn_status look_at_raw(const char *folder, dcn_error *err)
{
    char *path = dcn__path_join(folder, "raw");
    dcn__names names = { 0 };
    dcn_status st = path ? DCN_OK : dcn__fail_memory(err, "a path", strlen(folder));

    if (!st && dcn__is_folder(path) &&
        !(st = dcn__folder_list(&names, path, NAMES_MOST, err)) && names.count)
        st = dcn__fail(err, DCN_FILE, path, "holds files that are not an atlas' and might be "
                       "overwritten; name another folder");
    dcn__names_clear(&names);
    dcn__free(path);
    return st;
}

dcn_status dcn_atlas_check_folder(const char *folder, dcn_error *err)
{
    static const struct { const char *name, *mark; } files[] = {
        { "index.html", "<meta name=\"generator\" content=\"deconvnet " },
        { "atlas.json", "{\"format\": \"deconvnet-atlas " },
    };
    bool any = false;
    char *spool;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool ours;
        const dcn_status st = look_at(folder, files[i].name, files[i].mark, &ours, err);

        if (st)
            return st;
        any = any || ours;
    }
    /* raw/ of a drawing that was killed before its atlas.json was there. */
    if (!(spool = dcn__path_join(folder, "tiles.tmp")))
        return dcn__fail_memory(err, "a path", strlen(folder));
    any = any || dcn__is_file(spool);
    dcn__free(spool);
    return any ? DCN_OK : look_at_raw(folder, err);
}
