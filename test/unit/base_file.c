/* Files: the old one or the whole new one, never a half; regular files only; limits first. */
#include "support.h"
#include "own_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int empty_folder(void **state)
{
    dcn__names names;

    (void)state;
    snprintf(folder, sizeof folder, "%s/base_file.%ld", DCN_TEST_TMP, (long)getpid());
    if (dcn__make_folder(folder, NULL) || chmod(folder, 0755) || dcn__folder_list(&names, folder, 1000, NULL))
        return -1;
    for (int i = 0; i < names.count; i++)
        if (unlink(in_folder(names.at[i])) != 0 && rmdir(in_folder(names.at[i])) != 0)
            return -1;
    dcn__names_clear(&names);
    return 0;
}

static int remove_folder(void **state)
{
    empty_folder(state);
    return rmdir(folder);
}

static void expect_only(const char *name, const char *content)
{
    dcn__names names;
    dcn__bytes bytes;

    must(dcn__folder_list(&names, folder, 1000, &err));
    if (names.count != 1 || strcmp(names.at[0], name) != 0)
        fail_msg("%d files are there, the first is %s", names.count, names.count ? names.at[0] : "-");
    dcn__names_clear(&names);
    must(dcn__file_read(&bytes, in_folder(name), 1 << 20, &err));
    assert_int_equal(bytes.size, strlen(content));
    assert_memory_equal(bytes.data, content, bytes.size + 1);   /* the NUL behind, too */
    dcn__bytes_clear(&bytes);
}

static void a_new_file_replaces_the_old_at_once(void **state)
{
    dcn__writer w;
    struct stat st;

    (void)state;
    must(dcn__file_write(in_folder("f"), "old", 3, &err));
    expect_only("f", "old");
    must(dcn__writer_begin(&w, in_folder("f"), &err));
    must(dcn__writer_write(&w, "ne", 2, &err));
    must(dcn__writer_write(&w, "w", 1, &err));
    assert_int_equal(w.written, 3);
    {
        dcn__bytes bytes;

        must(dcn__file_read(&bytes, in_folder("f"), 100, &err));
        assert_string_equal(bytes.data, "old");   /* until commit */
        dcn__bytes_clear(&bytes);
    }
    must(dcn__writer_commit(&w, &err));
    dcn__writer_abort(&w);
    expect_only("f", "new");
    assert_int_equal(stat(in_folder("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666 & ~0022);
    must(dcn__file_write(in_folder("f"), "", 0, &err));
    expect_only("f", "");
}

static void abort_leaves_the_old_file(void **state)
{
    dcn__writer w;

    (void)state;
    must(dcn__file_write(in_folder("f"), "old", 3, &err));
    must(dcn__writer_begin(&w, in_folder("f"), &err));
    must(dcn__writer_write(&w, "half", 4, &err));
    dcn__writer_abort(&w);
    dcn__writer_abort(&w);
    expect_only("f", "old");
}

/* The disk is full after `limit` bytes: RLIMIT_FSIZE in a child, with its signal ignored. */
static int write_under_limit(rlim_t limit)
{
    const pid_t child = fork();
    int status = 0;

    if (child == 0) {
        const struct rlimit r = { limit, limit };
        dcn__writer w;
        dcn_status st;

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &r);
        st = dcn__writer_begin(&w, in_folder("f"), &err);
        for (int i = 0; !st && i < 10; i++)
            st = dcn__writer_write(&w, "0123456789", 10, &err);
        if (!st)
            st = dcn__writer_commit(&w, &err);
        dcn__writer_abort(&w);
        if (st && !strstr(err.text, "write failed at byte"))
            _exit(99);
        if (st) {
            char at[64];

            snprintf(at, sizeof at, "at byte %d ", (int)limit);
            _exit(strstr(err.text, at) ? (int)st : 98);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    must(dcn__file_write(in_folder("f"), "old", 3, &err));
    for (rlim_t limit = 0; limit < 100; limit += 9) {
        assert_int_equal(write_under_limit(limit), DCN_FILE);
        expect_only("f", "old");
    }
    assert_int_equal(write_under_limit(100), 0);
}

static void says_why_it_cannot_write(void **state)
{

    (void)state;
    assert_int_equal(dcn__file_write(in_folder("none/f"), "x", 1, &err), DCN_FILE);
    assert_non_null(strstr(err.text, "none/f: cannot create it (No such file or directory); check that the "
                                     "folder exists and is writable"));
    assert_int_equal(mkdir(in_folder("d"), 0755), 0);
    assert_int_equal(dcn__file_write(in_folder("d"), "x", 1, &err), DCN_FILE);
    assert_non_null(strstr(err.text, "/d: is a folder, not a regular file; name a file, or - for standard output"));
    {
        dcn__names names;

        must(dcn__folder_list(&names, folder, 10, &err));
        assert_int_equal(names.count, 1);   /* no temporary file is left */
        dcn__names_clear(&names);
    }
    assert_int_equal(rmdir(in_folder("d")), 0);
    if (geteuid() != 0) {   /* root may write anywhere */
        must(dcn__file_write(in_folder("f"), "old", 3, &err));
        chmod(folder, 0500);
        assert_int_equal(dcn__file_write(in_folder("f"), "x", 1, &err), DCN_FILE);
        chmod(folder, 0755);
        expect_only("f", "old");
    } else {
        const pid_t child = fork();
        int status;

        if (child == 0) {   /* as an ordinary user */
            dcn_status st;

            chmod(folder, 0555);
            if (setuid(65534) != 0)
                _exit(97);
            st = dcn__file_write(in_folder("f"), "x", 1, &err);
            _exit(strstr(err.text, "ermission denied") ? (int)st : 98);
        }
        waitpid(child, &status, 0);
        chmod(folder, 0755);
        assert_int_equal(WEXITSTATUS(status), DCN_FILE);
    }
}

/* A device or a pipe would be replaced by a file; root may do that even to /dev/null. */
static void replaces_nothing_but_files(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(dcn__file_write(in_folder("fifo"), "x", 1, &err), DCN_FILE);
    assert_non_null(strstr(err.text, "is a pipe, not a regular file; name a file, or - for standard output"));
    assert_int_equal(stat(in_folder("fifo"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(unlink(in_folder("fifo")), 0);
}

/* The temporary name is longer than the name: a name of the greatest length must still do. */
static void takes_the_longest_name(void **state)
{
    char name[256];

    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    must(dcn__file_write(in_folder(name), "x", 1, &err));
    expect_only(name, "x");
    assert_int_equal(unlink(in_folder(name)), 0);
}

/* Asking for the umask sets it: another thread's files would get rights that nobody wanted. */
static void leaves_the_umask_alone(void **state)
{
    const mode_t mask = umask(0077);
    struct stat st;

    (void)state;
    must(dcn__file_write(in_folder("f"), "x", 1, &err));
    assert_int_equal(umask(mask), 0077);
    assert_int_equal(stat(in_folder("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void dash_is_standard_output(void **state)
{
    const int saved = dup(STDOUT_FILENO), to = open(in_folder("out"), O_WRONLY | O_CREAT, 0600);
    dcn_status st;

    (void)state;
    fflush(stdout);
    dup2(to, STDOUT_FILENO);
    st = dcn__file_write("-", "hello", 5, &err);
    if (!st)
        st = dcn__file_write("-", " again", 6, &err);   /* it is still open */
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(to);
    assert_int_equal(st, DCN_OK);
    expect_only("out", "hello again");
}

static void a_full_standard_output_is_an_error(void **state)
{
    const int saved = dup(STDOUT_FILENO), to = open("/dev/full", O_WRONLY);
    dcn_status st;

    (void)state;
    fflush(stdout);
    dup2(to, STDOUT_FILENO);
    st = dcn__file_write("-", "hello", 5, &err);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(to);
    assert_int_equal(st, DCN_FILE);
    assert_string_equal(err.text, "standard output: write failed at byte 0 (No space left on device); free "
                                  "space and try again");
}

static void refuses(const char *path, const char *what)
{
    dcn__bytes bytes;
    uint64_t size;
    size_t got;
    uint8_t head[4];
    int fd;

    alarm(10);   /* a FIFO must not hang */
    for (int way = 0; way < 3; way++) {
        const dcn_status st = way == 0 ? dcn__file_read(&bytes, path, 100, &err)
                              : way == 1 ? dcn__file_head(head, sizeof head, &got, &size, path, &err)
                                         : dcn__file_open(&fd, &size, path, &err);

        if (st != DCN_FILE || !strstr(err.text, what))
            fail_msg("%s, way %d: %d %s", path, way, (int)st, err.text);
    }
    alarm(0);
}

static void reads_regular_files_only(void **state)
{
    (void)state;
    refuses(in_folder("none"), "cannot open it (No such file or directory); check the name and the permissions");
    refuses(folder, "is a folder, not a regular file; name a file");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    refuses(in_folder("fifo"), "is a pipe, not a regular file; name a file");
    refuses("/dev/zero", "is a device or socket, not a regular file; name a file");
}


static bool no_large_block(void *user, size_t bytes)
{
    if (bytes > 4096)
        *(int *)user = 1;
    return true;
}

static void the_limit_comes_before_the_memory(void **state)
{
    const int fd = open(in_folder("big"), O_WRONLY | O_CREAT, 0600);
    dcn__bytes bytes;
    int large = 0;

    (void)state;
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);   /* sparse */
    close(fd);
    dcn__set_alloc_hook(no_large_block, &large);
    assert_int_equal(dcn__file_read(&bytes, in_folder("big"), 1000, &err), DCN_INPUT);
    dcn__set_alloc_hook(NULL, NULL);
    assert_int_equal(large, 0);
    assert_non_null(strstr(err.text, "big: holds 1099511627776 bytes, the limit is 1000; raise the limit if "
                                     "you trust it"));
    assert_null(bytes.data);
    must(dcn__file_write(in_folder("f"), "12345", 5, &err));
    must(dcn__file_read(&bytes, in_folder("f"), 5, &err));
    dcn__bytes_clear(&bytes);
    assert_int_equal(dcn__file_read(&bytes, in_folder("f"), 4, &err), DCN_INPUT);
}

static void reads_in_pieces_and_sees_a_file_shrink(void **state)
{
    uint8_t data[8] = { 0 };
    uint64_t size;
    size_t got;
    int fd;

    (void)state;
    must(dcn__file_write(in_folder("f"), "0123456789", 10, &err));
    must(dcn__file_open(&fd, &size, in_folder("f"), &err));
    assert_int_equal(size, 10);
    must(dcn__file_read_at(fd, "f", 4, data, 6, &err));
    assert_memory_equal(data, "456789", 6);
    assert_int_equal(truncate(in_folder("f"), 7), 0);
    assert_int_equal(dcn__file_read_at(fd, "f", 4, data, 6, &err), DCN_FILE);
    assert_string_equal(err.text, "f@0x7: the file ends here, it shrank since it was opened; restore it");
    close(fd);
    must(dcn__file_head(data, 3, &got, &size, in_folder("f"), &err));
    assert_int_equal(got, 3);
    assert_int_equal(size, 7);
    must(dcn__file_head(data, 8, &got, &size, in_folder("f"), &err));
    assert_int_equal(got, 7);
}

static void new_files_for_appending_follow_no_link(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(symlink("victim", in_folder("link")), 0);
    assert_int_equal(dcn__file_create(&fd, in_folder("link")), EEXIST);
    assert_int_equal(access(in_folder("victim"), F_OK), -1);
    assert_int_equal(dcn__file_create(&fd, in_folder("log")), 0);
    must(dcn__fd_write(fd, "log", 0, "abc", 3, &err));
    close(fd);
    assert_int_equal(dcn__file_create(&fd, in_folder("log")), EEXIST);
    unlink(in_folder("link"));
    expect_only("log", "abc");
}

static void folders_and_names(void **state)
{
    dcn__names names;
    char *path;

    (void)state;
    must(dcn__make_folder(in_folder("a/b//c"), &err));
    assert_true(dcn__is_folder(in_folder("a/b/c")));
    assert_false(dcn__is_file(in_folder("a/b/c")));
    must(dcn__make_folder(in_folder("a/b/c/"), &err));
    must(dcn__file_write(in_folder("f"), "x", 1, &err));
    assert_int_equal(dcn__make_folder(in_folder("f"), &err), DCN_FILE);
    assert_int_equal(dcn__make_folder(in_folder("f/g"), &err), DCN_FILE);
    assert_int_equal(dcn__make_folder("", &err), DCN_FILE);
    must(dcn__file_write(in_folder("B"), "x", 1, &err));
    must(dcn__folder_list(&names, folder, 3, &err));
    assert_int_equal(names.count, 3);
    assert_string_equal(names.at[0], "B");   /* bytewise */
    assert_string_equal(names.at[1], "a");
    assert_string_equal(names.at[2], "f");
    dcn__names_clear(&names);
    assert_int_equal(dcn__folder_list(&names, folder, 2, &err), DCN_INPUT);
    assert_int_equal(dcn__folder_list(&names, in_folder("f"), 2, &err), DCN_FILE);
    path = dcn__path_join("x", "y");
    assert_string_equal(path, "x/y");
    dcn__free(path);
    path = dcn__path_join("x/", "y");
    assert_string_equal(path, "x/y");
    dcn__free(path);
    assert_string_equal(dcn__path_name("/a/b.c"), "b.c");
    assert_string_equal(dcn__path_name("b.c"), "b.c");
    rmdir(in_folder("a/b/c"));
    rmdir(in_folder("a/b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_file_replaces_the_old_at_once, empty_folder),
        cmocka_unit_test_setup(abort_leaves_the_old_file, empty_folder),
        cmocka_unit_test_setup(a_full_disk_leaves_the_old_file, empty_folder),
        cmocka_unit_test_setup(says_why_it_cannot_write, empty_folder),
        cmocka_unit_test_setup(replaces_nothing_but_files, empty_folder),
        cmocka_unit_test_setup(takes_the_longest_name, empty_folder),
        cmocka_unit_test_setup(leaves_the_umask_alone, empty_folder),
        cmocka_unit_test_setup(dash_is_standard_output, empty_folder),
        cmocka_unit_test_setup(a_full_standard_output_is_an_error, empty_folder),
        cmocka_unit_test_setup(reads_regular_files_only, empty_folder),
        cmocka_unit_test_setup(the_limit_comes_before_the_memory, empty_folder),
        cmocka_unit_test_setup(reads_in_pieces_and_sees_a_file_shrink, empty_folder),
        cmocka_unit_test_setup(new_files_for_appending_follow_no_link, empty_folder),
        cmocka_unit_test_setup(folders_and_names, empty_folder),
    };

    umask(022);
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
