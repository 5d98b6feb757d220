/* fuzz_folder.h - a folder for targets whose readers want files: in memory where there is such a
 * place, since a disk takes most of the time otherwise. It goes when the program ends. */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_folder[64];

static int fuzz_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void fuzz_folder_end(void)
{
    nftw(fuzz_folder, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* True: it was made just now, and is to be furnished. */
static inline bool fuzz_folder_begin(void)
{
    static const char *const places[] = { "/dev/shm", "/tmp" };

    if (fuzz_folder[0])
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/fuzz.XXXXXX", places[i]);
        if (mkdtemp(fuzz_folder)) {
            atexit(fuzz_folder_end);
            return true;
        }
    }
    abort();
}

/* The same text until the next call with the same `which`. */
static inline const char *fuzz_path(const char *name, int which)
{
    static char paths[4][256];

    snprintf(paths[which], sizeof paths[which], "%s/%s", fuzz_folder, name);
    return paths[which];
}

/* A file with these bytes, in place of what was there. */
static inline void fuzz_put(const char *path, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0)
        abort();
}

#endif
