/* folders.h - folders that a test makes below DCN_TEST_TMP, and takes away again. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

#include <sys/stat.h>
#include <unistd.h>

/* rm -r, for folders that the tests made themselves. */
static inline void remove_tree(const char *path)
{
    dcn__names names;
    struct stat st;

    if (lstat(path, &st) != 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        unlink(path);
        return;
    }
    if (!dcn__folder_list(&names, path, 100000, NULL)) {
        for (int i = 0; i < names.count; i++) {
            char *below = dcn__path_join(path, names.at[i]);

            remove_tree(below);
            dcn__free(below);
        }
        dcn__names_clear(&names);
    }
    rmdir(path);
}

/* A fresh folder DCN_TEST_TMP/NAME.PID. */
static inline void fresh_folder(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s.%ld", DCN_TEST_TMP, name, (long)getpid());
    remove_tree(path);
    assert_int_equal(dcn__make_folder(path, NULL), DCN_OK);
}

#endif
