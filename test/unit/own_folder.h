/* own_folder.h - the one folder of a test program, which its set-up makes fresh. */
#ifndef OWN_FOLDER_H
#define OWN_FOLDER_H

#include "folders.h"

static char folder[512];

/* Four paths are good at a time. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][900];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static inline int files_in_folder(void)
{
    dcn__names names;
    int count;

    assert_int_equal(dcn__folder_list(&names, folder, 1000, NULL), DCN_OK);
    count = names.count;
    dcn__names_clear(&names);
    return count;
}

#endif
