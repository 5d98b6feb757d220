/* codec_npz.c - .npz files: numpy and zipfile read them (codec_npz.py), ZIP64 too; every refusal,
 * allocation and write that fails. */
#include "codec_test.h"

#include "base/file.h"
#include "codec/npz.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

static dcn_error err;

#ifdef DCN_HAVE_ZLIB

static float f[6], thousand[1000];
static int64_t n[2] = { -1, (int64_t)1 << 40 };
static uint8_t bytes[256];
static float one = 7.5f;

static const dcn_array arrays[] = {
    { .name = "f", .rank = 2, .dims = { 2, 3 }, .data = f },
    { .name = "deep/n", .dtype = DCN_I64, .rank = 1, .dims = { 2 }, .data = n },
    { .name = "bytes", .dtype = DCN_U8, .rank = 8, .dims = { 1, 1, 1, 1, 1, 1, 2, 128 },
      .data = bytes },
    { .name = "one", .data = &one },
    { .name = "none", .rank = 2, .dims = { 0, 5 } },
    { .name = "\xc3\xa4\xe7\xbd\x91", .rank = 1, .dims = { 1000 }, .data = thousand },
};
static const size_t sizes[] = { 24, 16, 256, 4, 0, 4000 };

static int fill(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        f[i] = (float)i - 2.5f;
    for (int i = 0; i < 1000; i++)
        thousand[i] = (float)i;
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    return 0;
}

/* All arrays, in pieces of at most `piece` bytes. narrow 0: as usual. */
static dcn_status write_all(const char *path, uint64_t narrow, size_t piece)
{
    dcn__writer w;
    dcn__npz z;
    dcn_status st;

    if ((st = dcn__writer_begin(&w, path, &err)))
        return st;
    dcn__npz_begin(&z, &w);
    if (narrow)
        z.narrow = narrow;
    for (size_t i = 0; !st && i < sizeof arrays / sizeof *arrays; i++) {
        st = dcn__npz_array(&z, &arrays[i], &err);
        for (size_t at = 0; !st && at < sizes[i]; at += piece)
            st = dcn__npz_write(&z, (const uint8_t *)arrays[i].data + at,
                                sizes[i] - at < piece ? sizes[i] - at : piece, &err);
    }
    if (!st)
        st = dcn__npz_end(&z, &err);
    if (!st)
        st = dcn__writer_commit(&w, &err);
    dcn__npz_clear(&z);
    dcn__writer_abort(&w);
    return st;
}

/* More members than 16 bits count. */
static void write_many(void)
{
    dcn__writer w;
    dcn__npz z;

    assert_ok(dcn__writer_begin(&w, temporary("many.npz"), &err));
    dcn__npz_begin(&z, &w);
    for (int64_t i = 0; i < 66000; i++) {
        char name[16];
        const dcn_array a = { .name = name, .dtype = DCN_I64, .rank = 1, .dims = { 1 } };

        snprintf(name, sizeof name, "a%d", (int)i);
        assert_ok(dcn__npz_array(&z, &a, &err));
        assert_ok(dcn__npz_write(&z, &i, 8, &err));
    }
    assert_ok(dcn__npz_end(&z, &err));
    assert_ok(dcn__writer_commit(&w, &err));
    dcn__npz_clear(&z);
}

static bool skipped;

static void numpy_reads_it(void **state)
{
    char command[1200];
    dcn__writer w;
    dcn__npz z;
    int status;

    (void)state;
    assert_ok(write_all(temporary("plain.npz"), 0, 4096));
    assert_ok(write_all(temporary("wide0.npz"), 1, 4096));
    assert_ok(write_all(temporary("wide1.npz"), 1, 7));
    assert_ok(write_all(temporary("wide200.npz"), 200, 4096));
    assert_ok(write_all(temporary("wide1500.npz"), 1500, 4096));
    write_many();
    assert_ok(dcn__writer_begin(&w, temporary("nothing.npz"), &err));
    dcn__npz_begin(&z, &w);
    assert_ok(dcn__npz_end(&z, &err));
    assert_ok(dcn__writer_commit(&w, &err));
    dcn__npz_clear(&z);
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/unit/codec_npz.py' '%s'", DCN_TEST_DATA,
             temporary(""));
    status = system(command);
    assert_true(WIFEXITED(status));
    skipped = WEXITSTATUS(status) == 77;
    assert_true(skipped || WEXITSTATUS(status) == 0);
}

static void equal_arrays_give_equal_bytes(void **state)
{
    dcn__bytes a, b;

    (void)state;
    assert_ok(write_all(temporary("a.npz"), 0, 4096));
    assert_ok(write_all(temporary("b.npz"), 0, 3));
    assert_ok(dcn__file_read(&a, temporary("a.npz"), 100000, &err));
    assert_ok(dcn__file_read(&b, temporary("b.npz"), 100000, &err));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    dcn__bytes_clear(&a);
    dcn__bytes_clear(&b);
}

static void refusals(void **state)
{
    static char longname[65540];
    dcn_array a = { .name = "x", .rank = 1, .dims = { 2 } };
    const uint8_t zeros[16] = { 0 };
    dcn__writer w;
    dcn__npz z;

    (void)state;
    memset(longname, 'n', sizeof longname - 1);
    assert_ok(dcn__writer_begin(&w, temporary("never.npz"), &err));
    dcn__npz_begin(&z, &w);
    assert_refused(dcn__npz_write(&z, zeros, 1, &err), DCN_BUG, "more bytes than its shape");
    a.name = longname;
    assert_refused(dcn__npz_array(&z, &a, &err), DCN_USAGE, "longer than 65531 bytes");
    a.name = "\xff";
    assert_refused(dcn__npz_array(&z, &a, &err), DCN_USAGE, "a name that the format");
    a.name = "x";
    a.dims[0] = INT64_MAX;
    assert_refused(dcn__npz_array(&z, &a, &err), DCN_USAGE, "an impossible shape");
    a.dims[0] = INT64_MAX / 2;
    a.rank = 9;
    assert_refused(dcn__npz_array(&z, &a, &err), DCN_USAGE, "more than 8 dimensions");
    a.rank = 1;
    a.dims[0] = 2;
    assert_ok(dcn__npz_array(&z, &a, &err));
    assert_refused(dcn__npz_write(&z, zeros, 9, &err), DCN_BUG, "more bytes than its shape");
    assert_ok(dcn__npz_write(&z, zeros, 7, &err));
    assert_refused(dcn__npz_end(&z, &err), DCN_BUG, "1 bytes of an array are missing");
    dcn__npz_clear(&z);
    dcn__npz_begin(&z, &w);
    for (int i = 0; i < 3; i++) {
        a.name = i == 1 ? "xy" : "x";
        assert_ok(dcn__npz_array(&z, &a, &err));
        assert_ok(dcn__npz_write(&z, zeros, 8, &err));
    }
    assert_refused(dcn__npz_end(&z, &err), DCN_USAGE, "tensor \"x\" is given twice");
    dcn__npz_clear(&z);
    dcn__writer_abort(&w);
    assert_false(dcn__is_file(temporary("never.npz")));
    assert_ok(dcn__writer_begin(&w, "-", &err));
    dcn__npz_begin(&z, &w);
    assert_refused(dcn__npz_array(&z, &a, &err), DCN_USAGE, "cannot be written to a stream");
    dcn__npz_clear(&z);
    dcn__writer_abort(&w);
}

/* The file may not grow beyond each number of bytes in turn: refused, and nothing stands there. */
static void every_write_may_fail(void **state)
{
    struct rlimit before, less;
    struct stat whole;
    rlim_t failed = 0;

    (void)state;
    assert_ok(write_all(temporary("whole.npz"), 0, 4096));
    assert_int_equal(stat(temporary("whole.npz"), &whole), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    less = before;
    for (less.rlim_cur = 0; less.rlim_cur <= (rlim_t)whole.st_size; less.rlim_cur += 97) {
        dcn_status st;

        assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
        st = write_all(temporary("full.npz"), 0, 4096);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(st, DCN_FILE);
        assert_non_null(strstr(err.text, "full.npz: write failed at byte"));
        assert_false(dcn__is_file(temporary("full.npz")));
        failed++;
    }
    assert_true(failed > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numpy_reads_it),            cmocka_unit_test(refusals),
        cmocka_unit_test(equal_arrays_give_equal_bytes), cmocka_unit_test(every_write_may_fail),
    };
    const int failed = cmocka_run_group_tests_name("codec_npz", tests, fill, NULL);

    return failed ? failed : skipped ? 77 : 0;
}

#else

static void refuses_by_name(void **state)
{
    const dcn_array a = { .name = "x" };
    dcn__writer w;
    dcn__npz z;

    (void)state;
    assert_ok(dcn__writer_begin(&w, temporary("never.npz"), &err));
    dcn__npz_begin(&z, &w);
    assert_refused(dcn__npz_array(&z, &a, &err), DCN_USAGE, "this build has no zlib1g");
    dcn__npz_clear(&z);
    dcn__writer_abort(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refuses_by_name) };

    return cmocka_run_group_tests_name("codec_npz", tests, NULL, NULL);
}

#endif
