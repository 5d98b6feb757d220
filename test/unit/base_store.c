/* Files that are written in place. */
#include "data_help.h"

#include "base/store.h"

#include <signal.h>
#include <sys/resource.h>

static dcn_error err;

static const char *fresh(const char *name)
{
    const char *path = temporary(name);

    unlink(path);
    return path;
}

static void what_was_written_is_read(void **state)
{
    const char *path = fresh("store");
    uint8_t bytes[5] = { 9, 9, 9, 9, 9 };
    dcn__store s = { 0 };

    (void)state;
    dcn__store_close(&s);         /* a zeroed one is closed */
    assert_ok(dcn__store_open(&s, path, &err));
    assert_int_equal(s.size, 0);
    assert_ok(dcn__store_reset(&s, 100, &err));
    assert_int_equal(s.size, 100);
    assert_ok(dcn__store_write(&s, 90, "abc", 3, &err));
    assert_ok(dcn__store_read(&s, 89, bytes, 5, &err));
    assert_memory_equal(bytes, "\0abc\0", 5);
    assert_ok(dcn__store_sync(&s, &err));
    dcn__store_close(&s);
    assert_ok(dcn__store_open(&s, path, &err));
    assert_int_equal(s.size, 100);
    assert_ok(dcn__store_read(&s, 90, bytes, 3, &err));
    assert_memory_equal(bytes, "abc", 3);
    assert_refused(dcn__store_read(&s, 98, bytes, 3, &err), DCN_FILE, "the file ends here");
    assert_ok(dcn__store_reset(&s, 100, &err));
    assert_ok(dcn__store_read(&s, 90, bytes, 3, &err));
    assert_memory_equal(bytes, "\0\0\0", 3);
    dcn__store_remove(&s);
    assert_false(dcn__is_file(path));
}

static void nobody_else_has_it(void **state)
{
    const char *path = fresh("taken");
    dcn__store s, other;

    (void)state;
    assert_ok(dcn__store_open(&s, path, &err));
    assert_refused(dcn__store_open(&other, path, &err), DCN_FILE, "in use by another process");
    dcn__store_close(&s);
    assert_ok(dcn__store_open(&other, path, &err));
    dcn__store_remove(&other);
}

static void only_a_file_of_its_own(void **state)
{
    const char *path = fresh("link"), *target = fresh("target"), *folder = fresh("folder");
    dcn__store s;

    (void)state;
    assert_ok(dcn__file_write(target, "precious", 8, &err));
    assert_int_equal(symlink(target, path), 0);
    assert_refused(dcn__store_open(&s, path, &err), DCN_FILE, "cannot create it");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(dcn__store_open(&s, path, &err), DCN_FILE, "not a regular file");
    unlink(path);
    unlink(target);
    mkdir(folder, 0700);
    assert_refused(dcn__store_open(&s, folder, &err), DCN_FILE, "cannot create it");
    rmdir(folder);
}

static void too_large_is_refused(void **state)
{
    const char *path = fresh("large");
    struct rlimit before, small;
    dcn__store s;

    (void)state;
    assert_ok(dcn__store_open(&s, path, &err));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_refused(dcn__store_reset(&s, 1001, &err), DCN_FILE, "cannot make room in it");
    assert_refused(dcn__store_write(&s, 1000, "x", 1, &err), DCN_FILE,
                   "write failed at byte 1000");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    dcn__store_remove(&s);
}

static void no_memory(void **state)
{
    const char *path = fresh("memory");
    int left = 0;
    dcn__store s;

    (void)state;
    dcn__set_alloc_hook(fail_after, &left);
    assert_int_equal(dcn__store_open(&s, path, &err), DCN_MEMORY);
    dcn__set_alloc_hook(NULL, NULL);
    dcn__store_close(&s);
    assert_false(dcn__is_file(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read), cmocka_unit_test(nobody_else_has_it),
        cmocka_unit_test(only_a_file_of_its_own),   cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
