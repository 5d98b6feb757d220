/* base_calls.c - every system call of base/file and base/store fails once: the sentence and the status, what is
 * left behind, and that a call which was only interrupted is made again. */
#include "calls.h"
#include "support.h"
#include "own_folder.h"

#include "base/error.h"
#include "base/store.h"

/* "/the folder/name: sentence" */
static const char *of(const char *name, const char *sentence)
{
    static char text[1400];

    snprintf(text, sizeof text, "%s%s", in_folder(name), sentence);
    return text;
}

static int new_folder(void **state)
{
    (void)state;
    fresh_folder(folder, sizeof folder, "calls");
    return dcn__file_write(in_folder("f"), "old", 3, NULL);
}

static int remove_folder(void **state)
{
    (void)state;
    planned_calls();
    remove_tree(folder);
    return 0;
}

/* ---- calls that are tried ----------------------------------------------------------------------- */

static dcn_status read_file(void)
{
    dcn__bytes bytes;
    const dcn_status st = dcn__file_read(&bytes, in_folder("f"), 100, &err);

    if (st) {
        assert_null(bytes.data);
    } else {
        assert_int_equal(bytes.size, 3);
        assert_memory_equal(bytes.data, "old", 4);
    }
    dcn__bytes_clear(&bytes);
    return st;
}

static dcn_status read_head(void)
{
    uint8_t head[8];
    uint64_t size;
    size_t got;
    const dcn_status st = dcn__file_head(head, sizeof head, &got, &size, in_folder("f"), &err);

    if (!st)
        assert_true(got == 3 && size == 3 && memcmp(head, "old", 3) == 0);
    return st;
}

static dcn_status read_part(void)
{
    char part[2];
    uint64_t size;
    int fd;
    dcn_status st = dcn__file_open(&fd, &size, in_folder("f"), &err);

    if (!st) {
        st = dcn__file_read_at(fd, in_folder("f"), 1, part, 2, &err);
        close(fd);
    }
    if (!st)
        assert_memory_equal(part, "ld", 2);
    return st;
}

/* The new content is as long as the old one. */
static dcn_status write_file(void)
{
    return dcn__file_write(in_folder("f"), "new", 3, &err);
}

static dcn_status write_expected(void)
{
    dcn__writer w;
    dcn_status st = dcn__writer_begin(&w, in_folder("f"), &err);

    w.expected = 5000;
    if (!st && !(st = dcn__writer_write(&w, "n", 1, &err)) && !(st = dcn__writer_write(&w, "ew", 2, &err)))
        st = dcn__writer_commit(&w, &err);
    dcn__writer_abort(&w);
    return st;
}

static dcn_status write_later(void)
{
    dcn__writer w;
    dcn_status st = dcn__writer_begin(&w, in_folder("f"), &err);

    w.later = true;
    if (!st && !(st = dcn__writer_write(&w, "new", 3, &err)))
        st = dcn__writer_commit(&w, &err);
    dcn__writer_abort(&w);
    return st ? st : dcn__folder_sync(folder, &err);
}

static dcn_status write_and_patch(void)
{
    dcn__writer w;
    dcn_status st = dcn__writer_begin(&w, in_folder("f"), &err);

    if (!st && !(st = dcn__writer_write(&w, "-e-", 3, &err)) && !(st = dcn__writer_patch(&w, 0, "n", 1, &err)) &&
        !(st = dcn__writer_patch(&w, 2, "w", 1, &err)))
        st = dcn__writer_commit(&w, &err);
    dcn__writer_abort(&w);
    return st;
}

static dcn_status append(void)
{
    const char *path = in_folder("appended");
    int fd, e;
    dcn_status st;

    unlink(path);
    if ((e = dcn__file_create(&fd, path)))
        return dcn__fail_errno(&err, path, "create it", e, "look there");
    st = dcn__fd_write(fd, path, 40, "new", 3, &err);
    if (!st && (e = dcn__fd_sync(fd, true)))
        st = dcn__fail_errno(&err, path, "sync it", e, "look there");
    close(fd);
    unlink(path);
    return st;
}

static dcn_status make_folder(void)
{
    const dcn_status st = dcn__make_folder(in_folder("made"), &err);

    rmdir(in_folder("made"));
    return st;
}

static dcn_status list_folder(void)
{
    dcn__names names;
    const dcn_status st = dcn__folder_list(&names, folder, 10, &err);

    assert_int_equal(names.count, st ? 0 : 1);
    dcn__names_clear(&names);
    return st;
}

static dcn_status use_store(void)
{
    const char *path = in_folder("store");
    char part[3] = "";
    dcn__store s;
    dcn_status st = dcn__store_open(&s, path, &err);

    if (!st && !(st = dcn__store_reset(&s, 10, &err)) && !(st = dcn__store_write(&s, 4, "new", 3, &err)) &&
        !(st = dcn__store_sync(&s, &err)) && !(st = dcn__store_read(&s, 4, part, 3, &err)))
        assert_true(s.size == 10 && memcmp(part, "new", 3) == 0);
    dcn__store_remove(&s);
    unlink(path);
    return st;
}

/* The old content or the new one is under the name, and nothing else is in the folder. */
static void old_or_new(bool is_new)
{
    dcn__bytes bytes;

    assert_int_equal(files_in_folder(), 1);
    must(dcn__file_read(&bytes, in_folder("f"), 100, &err));
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(bytes.data, is_new ? "new" : "old", 4);
    dcn__bytes_clear(&bytes);
    if (is_new)
        must(dcn__file_write(in_folder("f"), "old", 3, &err));
}

/* ---- each fails --------------------------------------------------------------------------------- */

enum { READS = 0, KEEPS, LEAVES_NEW };       /* what f holds afterwards where the call writes */

static const struct {
    dcn_status (*use)(void);
    const char *call;
    int number, answer;
    const char *name, *sentence;
    int after;
} failing[] = {
    { read_file, "open", 1, EMFILE, "f",
      ": cannot open it (Too many open files); check the name and the permissions", READS },
    { read_file, "fstat", 1, EIO, "f", ": cannot inspect it (Input/output error); check the file system", READS },
    { read_file, "read", 1, EIO, "f", ": cannot read it (Input/output error); check the disk", READS },
    { read_file, "read", 1, 0, "f", ": shrank while it was read; try again", READS },
    { read_head, "read", 1, EIO, "f", ": cannot read it (Input/output error); check the disk", READS },
    { read_part, "pread", 1, EIO, "f", ": cannot read it (Input/output error); check the disk", READS },
    { read_part, "pread", 1, 0, "f", "@0x1: the file ends here, it shrank since it was opened; restore it", READS },
    { write_file, "getrandom", 1, ENOSYS, "f", ": cannot create it (Function not implemented); check that the "
      "folder exists and is writable", KEEPS },
    { write_file, "open", 1, EROFS, "f", ": cannot create it (Read-only file system); check that the folder "
      "exists and is writable", KEEPS },
    { write_file, "write", 1, EDQUOT, "f", ": write failed at byte 0 (Disk quota exceeded); free space and try again",
      KEEPS },
    { write_file, "write", 1, EIO, "f", ": write failed at byte 0 (Input/output error); check the disk and try again",
      KEEPS },
    { write_file, "write", 1, 0, "f", ": write failed at byte 0 (Input/output error); check the disk and try again",
      KEEPS },
    { write_expected, "write", 2, ENOSPC, "f", ": write failed at byte 1 of 5000 (No space left on device); free 5 KB "
      "and try again", KEEPS },
    { write_file, "fsync", 1, EIO, "f", ": cannot sync it (Input/output error); check the disk and try again", KEEPS },
    { write_file, "close", 1, EIO, "f", ": cannot close it (Input/output error); check the disk and try again",
      KEEPS },
    { write_file, "rename", 1, EBUSY, "f", ": cannot rename the finished file to it (Device or resource busy); "
      "check the folder", KEEPS },
    { write_file, "open", 2, EMFILE, "f", ": cannot sync its folder (Too many open files); check the disk",
      LEAVES_NEW },
    { write_file, "fsync", 2, EIO, "f", ": cannot sync its folder (Input/output error); check the disk", LEAVES_NEW },
    { write_later, "open", 2, EACCES, "", ": cannot open it (Permission denied); check the permissions", LEAVES_NEW },
    { write_later, "syncfs", 1, EIO, "", ": cannot sync it (Input/output error); check the disk and try again",
      LEAVES_NEW },
    { write_and_patch, "pwrite", 2, ENOSPC, "f", ": write failed at byte 2 (No space left on device); free space and "
      "try again", KEEPS },
    { write_and_patch, "pwrite", 1, 0, "f", ": write failed at byte 0 (Input/output error); check the disk and try "
      "again", KEEPS },
    { append, "open", 1, EEXIST, "appended", ": cannot create it (File exists); look there", READS },
    { append, "write", 1, EFBIG, "appended", ": write failed at byte 40 (File too large); raise the limit of a file's "
      "size and try again", READS },
    { append, "fdatasync", 1, EIO, "appended", ": cannot sync it (Input/output error); look there", READS },
    { make_folder, "fsync", 1, EIO, "made", ": cannot sync its folder (Input/output error); check the disk", READS },
    { list_folder, "readdir", 2, EIO, "", ": cannot read the folder (Input/output error); check the disk", READS },
    { list_folder, "readdir", 1, ENOMEM, "", ": cannot read the folder (Cannot allocate memory); free memory or ask "
      "for less", READS },
    { use_store, "open", 1, EMFILE, "store", ": cannot create it (Too many open files); check that the folder exists "
      "and is writable", READS },
    { use_store, "fstat", 1, EIO, "store", ": cannot inspect it (Input/output error); check the file system", READS },
    { use_store, "ftruncate", 1, EIO, "store", ": cannot make room in it (Input/output error); check the disk",
      READS },
    { use_store, "ftruncate", 2, EFBIG, "store", ": cannot make room in it (File too large); free space and try again",
      READS },
    { use_store, "fallocate", 1, ENOSPC, "store", ": cannot make room in it (No space left on device); free space and "
      "try again", READS },
    { use_store, "fallocate", 1, EDQUOT, "store", ": cannot make room in it (Disk quota exceeded); free space and try "
      "again", READS },
    { use_store, "fallocate", 1, EFBIG, "store", ": cannot make room in it (File too large); free space and try again",
      READS },
    { use_store, "fallocate", 1, EIO, "store", ": cannot make room in it (Input/output error); check the disk",
      READS },
    { use_store, "pwrite", 1, EIO, "store", ": write failed at byte 4 (Input/output error); check the disk and try "
      "again", READS },
    { use_store, "fdatasync", 1, EIO, "store", ": cannot sync it (Input/output error); check the disk and try again",
      READS },
};

static void each_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failing); i++) {
        char sentence[1400];

        snprintf(sentence, sizeof sentence, "%s", of(failing[i].name, failing[i].sentence));
        if (!*failing[i].name)      /* the folder without a slash behind */
            snprintf(sentence, sizeof sentence, "%s%s", folder, failing[i].sentence);
        plan_call(failing[i].call, failing[i].number, failing[i].answer);
        must_say(failing[i].use(), strstr(sentence, "free memory") ? DCN_MEMORY : DCN_FILE, sentence);
        if (planned_calls() != 1)
            fail_msg("%zu: no %s number %d was made", i, failing[i].call, failing[i].number);
        old_or_new(failing[i].after == LEAVES_NEW);
    }
}

/* ---- what is no failure ------------------------------------------------------------------------- */

static const struct { dcn_status (*use)(void); const char *call; int number, answer; bool writes; } passing[] = {
    { read_file, "open", 1, EINTR, false },           { read_file, "read", 1, EINTR, false },
    { read_part, "pread", 1, EINTR, false },          { write_file, "open", 1, EEXIST, true },
    { write_file, "open", 1, EINTR, true },           { write_file, "write", 1, EINTR, true },
    { write_file, "fsync", 1, EINTR, true },          { write_file, "fsync", 1, EINVAL, true },
    { write_file, "fsync", 1, EROFS, true },          { write_file, "close", 1, EINTR, true },
    { write_file, "open", 2, EINTR, true },           { write_file, "open", 2, EACCES, true },
    { write_file, "fsync", 2, EINVAL, true },         { write_later, "open", 2, EINTR, true },
    { write_later, "syncfs", 1, EINTR, true },        { write_later, "syncfs", 1, EINVAL, true },
    { write_later, "syncfs", 1, EROFS, true },        { write_and_patch, "pwrite", 1, EINTR, true },
    { append, "open", 1, EINTR, false },              { append, "write", 1, EINTR, false },
    { append, "fdatasync", 1, EINTR, false },         { use_store, "open", 1, EINTR, false },
    { use_store, "ftruncate", 1, EINTR, false },      { use_store, "fallocate", 1, EINTR, false },
    { use_store, "fallocate", 1, EOPNOTSUPP, false }, { use_store, "flock", 1, ENOLCK, false },
    { use_store, "fdatasync", 1, EINVAL, false },
};

static void these_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(passing); i++) {
        plan_call(passing[i].call, passing[i].number, passing[i].answer);
        must(passing[i].use());
        if (planned_calls() != 1)
            fail_msg("%zu: no %s number %d was made", i, passing[i].call, passing[i].number);
        old_or_new(passing[i].writes);
    }
}

/* A hundred names that are all taken: it gives up. */
static void no_free_name(void **state)
{
    (void)state;
    plan_call("open", 1, EEXIST);
    planned.more = 1000;
    must_say(write_file(), DCN_FILE, of("f", ": cannot create it (File exists); check that the folder exists and is "
                                             "writable"));
    assert_int_equal(planned_calls(), 100);
    old_or_new(false);
}

/* The first thing that failed is what is told. */
static int fail_and_close_badly(int fd)
{
    (void)fd;
    plan_call("close", 1, EIO);
    return ENOSPC;
}

static void told_once(void **state)
{
    (void)state;
    plan_call("fsync", 1, GO_ON);
    planned.act = fail_and_close_badly;
    must_say(write_file(), DCN_FILE, of("f", ": cannot sync it (No space left on device); check the disk and try "
                                             "again"));
    assert_int_equal(planned_calls(), 1);
    old_or_new(false);
}

/* ---- places -------------------------------------------------------------------------------------- */

static void patches_of_nothing(void **state)
{
    static const struct { uint64_t offset; size_t bytes; } outside[] = { { 4, 0 }, { 3, 1 }, { 0, 4 }, { 2, 2 } };
    const char *sentence = ": bytes that are not in the file were to be replaced; report this";
    dcn__writer w;

    (void)state;
    must(dcn__writer_begin(&w, in_folder("f"), &err));
    must(dcn__writer_write(&w, "new", 3, &err));
    for (size_t i = 0; i < COUNT(outside); i++)
        must_say(dcn__writer_patch(&w, outside[i].offset, "!!!!", outside[i].bytes, &err), DCN_BUG, of("f", sentence));
    dcn__writer_abort(&w);
    must(dcn__writer_begin(&w, "-", &err));
    must_say(dcn__writer_patch(&w, 0, "!", 0, &err), DCN_BUG, "-: bytes that are not in the file were to be replaced; "
             "report this");
    dcn__writer_abort(&w);
    old_or_new(false);
}

static void names_without_a_folder(void **state)
{
    static const char *const parts[][2] = { { "f", "." }, { "/f", "/" }, { "/", "/" }, { "a/f", "a" }, { "/a/b/", "/a/b" } };
    char before[4096];
    const char *sentence = "f: cannot sync its folder (Input/output error); check the disk";

    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) {
        char *in = dcn__path_folder(parts[i][0]);

        assert_string_equal(in, parts[i][1]);
        dcn__free(in);
    }
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    must(dcn__name_sync("f", &err));
    plan_call("fsync", 1, EIO);
    must_say(dcn__name_sync("f", &err), DCN_FILE, sentence);
    assert_int_equal(planned_calls(), 1);
    must(dcn__make_folder("made/below", &err));
    assert_true(dcn__is_folder(in_folder("made/below")));
    assert_int_equal(rmdir("made/below") | rmdir("made"), 0);
    assert_int_equal(chdir(before), 0);
    plan_call("fsync", 1, ENOSPC);
    must_say(dcn__name_sync("/f", &err), DCN_FILE, "/f: cannot sync its folder (No space left on device); check the "
             "disk");
    assert_int_equal(planned_calls(), 1);
    must_say(dcn__make_folder("", &err), DCN_FILE, "deconvnet: is not a folder; name another");
    assert_string_equal(dcn__path_name("a/b"), "b");
    assert_string_equal(dcn__path_name("a/"), "a/");
    assert_string_equal(dcn__path_name("a"), "a");
}

static void folders_below(void **state)
{
    char sentence[900];

    (void)state;
    must(dcn__make_folder_below(folder, "a/b", &err));
    must(dcn__make_folder_below(folder, "a/b", &err));
    assert_true(dcn__is_folder(in_folder("a/b")));
    assert_int_equal(rmdir(in_folder("a/b")), 0);
    assert_int_equal(symlink(".", in_folder("a/b")), 0);
    snprintf(sentence, sizeof sentence, "%s: is a link, and what is written there would lie elsewhere; remove it",
             in_folder("a/b"));
    must_say(dcn__make_folder_below(folder, "a/b", &err), DCN_FILE, sentence);
    must_say(dcn__make_folder_below(folder, "a/b/c", &err), DCN_FILE, sentence);
    assert_int_equal(unlink(in_folder("a/b")) | rmdir(in_folder("a")), 0);
    snprintf(sentence, sizeof sentence, "%s: is not a folder; name another", in_folder("f"));
    must_say(dcn__make_folder_below(folder, "f", &err), DCN_FILE, sentence);
}

static void a_folder_that_is_none(void **state)
{
    (void)state;
    must_say(dcn__folder_sync(in_folder("f"), &err), DCN_FILE, of("f", ": cannot open it (Not a directory); check the "
                                                                   "permissions"));
}

/* ---- memory ------------------------------------------------------------------------------------- */

static bool allowed(void *countdown, size_t bytes)
{
    (void)bytes;
    return (*(int *)countdown)-- != 0;
}

static dcn_status make_below(void)
{
    const dcn_status st = dcn__make_folder_below(folder, "made", &err);

    rmdir(in_folder("made"));
    return st;
}

static void no_memory(void **state)
{
    static const struct { dcn_status (*use)(void); int points; } uses[] = {
        { read_file, 1 }, { write_file, 3 }, { make_folder, 2 }, { make_below, 3 }, { list_folder, 2 },
        { use_store, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(uses); i++)
        for (int k = 0; k <= uses[i].points; k++) {
            int countdown = k;
            dcn_status st;

            dcn__set_alloc_hook(allowed, &countdown);
            st = uses[i].use();
            dcn__set_alloc_hook(NULL, NULL);
            if (st != (k < uses[i].points ? DCN_MEMORY : DCN_OK))
                fail_msg("use %zu, allocation %d: status %d", i, k, (int)st);
            if (st)
                assert_non_null(strstr(err.text, "; free memory or ask for less"));
            /* The last allocation of a written file is for the name of its folder: it is there. */
            old_or_new(uses[i].use == write_file && k >= 2);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fails),             cmocka_unit_test(these_pass),
        cmocka_unit_test(no_free_name),           cmocka_unit_test(told_once),
        cmocka_unit_test(patches_of_nothing),     cmocka_unit_test(names_without_a_folder),
        cmocka_unit_test(folders_below),          cmocka_unit_test(a_folder_that_is_none),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, new_folder, remove_folder);
}
