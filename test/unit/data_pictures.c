/* data_pictures.c - the pictures below a folder: which, in what order, and what is passed over. */
#include "data_help.h"

static dcn_error err;
static char folder[600];

static const char png[] = "\x89PNG\r\n\x1a\n and more", jpeg[] = "\xff\xd8\xff\xe0";

static void make_folder(const char *name)
{
    char path[700];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(dcn__make_folder(path, NULL), DCN_OK);
}

static void lists(const char *const *want, int n)
{
    const size_t prefix = strlen(folder) + 1;
    char **paths;
    int got;

    assert_ok(dcn_pictures_list(&paths, &got, folder, &err));
    for (int i = 0; i < got && i < n; i++) {
        assert_memory_equal(paths[i], folder, prefix - 1);
        assert_string_equal(paths[i] + prefix, want[i]);
    }
    assert_int_equal(got, n);
    dcn_pictures_free(paths, got);
}

static void by_content_in_order(void **state)
{
    static const char *const want[] = { "B.JPG", "a.png", "a/b", "a/c/d.gif", "a0",
                                        "\xc3\xa4.png" };
    char from[700], to[700];

    (void)state;
    fresh_folder(folder, sizeof folder, "pictures");
    make_folder("a");
    make_folder("a/c");
    make_folder(".hidden");
    make_folder("empty");
    put_file(folder, "a.png", png, sizeof png);
    put_file(folder, "a/b", png, sizeof png);
    put_file(folder, "a/c/d.gif", jpeg, sizeof jpeg);            /* the name may lie */
    put_file(folder, "a/c/e.png", "not a picture", 13);
    put_file(folder, "a0", jpeg, 3);
    put_file(folder, "B.JPG", jpeg, sizeof jpeg);
    put_file(folder, "\xc3\xa4.png", png, 8);
    put_file(folder, ".x.png", png, sizeof png);
    put_file(folder, ".hidden/x.png", png, sizeof png);
    put_file(folder, "notes.txt", "", 0);
    snprintf(to, sizeof to, "%s/a/loop", folder);
    assert_int_equal(symlink("..", to), 0);                      /* no walk without end */
    snprintf(to, sizeof to, "%s/gone.png", folder);
    assert_int_equal(symlink("nowhere", to), 0);
    snprintf(to, sizeof to, "%s/pipe.png", folder);
    assert_int_equal(mkfifo(to, 0600), 0);
    lists(want, 6);
    snprintf(from, sizeof from, "%s/a.png", folder);
    snprintf(to, sizeof to, "%s/link", folder);
    assert_int_equal(symlink(from, to), 0);                      /* a linked picture is one */
    lists((const char *const[]){ "B.JPG", "a.png", "a/b", "a/c/d.gif", "a0", "link",
                                 "\xc3\xa4.png" }, 7);
    remove_tree(folder);
}

static void many(void **state)
{
    char names[300][16];
    const char *want[300];

    (void)state;
    fresh_folder(folder, sizeof folder, "pictures");
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "%03d", i);
        want[i] = names[i];
        put_file(folder, names[i], jpeg, 3);
    }
    lists(want, 300);
    remove_tree(folder);
}

static void refused(void **state)
{
    char deep[700] = "";
    char **paths = NULL;
    int n = 7;

    (void)state;
    fresh_folder(folder, sizeof folder, "pictures");
    put_file(folder, "a.txt", "text", 4);
    assert_refused(dcn_pictures_list(&paths, &n, folder, &err), DCN_INPUT,
                   "holds no PNG or JPEG picture; name another folder");
    assert_true(paths == NULL && n == 0);
    assert_refused(dcn_pictures_list(&paths, &n, temporary("not there"), &err), DCN_FILE,
                   "cannot read the folder");
    for (int i = 0; i < 65; i++)
        memcpy(deep + 2 * i, "/d", 3);
    make_folder(deep);
    assert_refused(dcn_pictures_list(&paths, &n, folder, &err), DCN_INPUT,
                   "lies more than 64 folders deep");
    if (geteuid() != 0) {                                        /* root may read everything */
        put_file(folder, "0.png", png, sizeof png);
        snprintf(deep, sizeof deep, "%s/0.png", folder);
        chmod(deep, 0);
        assert_refused(dcn_pictures_list(&paths, &n, folder, &err), DCN_FILE, "0.png: cannot open");
    }
    remove_tree(folder);
    dcn_pictures_free(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_content_in_order), cmocka_unit_test(many),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests_name("data_pictures", tests, NULL, NULL);
}
