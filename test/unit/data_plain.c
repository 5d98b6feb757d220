/* data_plain.c - any folder of pictures as a data set without labels: what it holds, who refuses it,
 * and which file a picture is. */
#include "data_help.h"

#include "data/data.h"
#include "data/listing.h"
#include "data/loader.h"

static dcn_error err;
static char folder[512];

static int set_up(void **state)
{
    (void)state;
    fresh_folder(folder, sizeof folder, "plain");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(folder);
    return 0;
}

static void not_opened(dcn_status status, const char *say)
{
    dcn_data *none = (dcn_data *)&err;

    assert_refused(dcn_data_open(&none, folder, NULL, &err), status, say);
    assert_null(none);
}

static uint64_t hash_of(const char *path)
{
    dcn_data *data;
    uint64_t hash;

    assert_ok(dcn_data_open(&data, path, NULL, &err));
    hash = dcn_data_hash(data);
    dcn_data_close(data);
    return hash;
}

/* Paths in little memory: in order, found again, and at most as many as are allowed. */
static void listing(void **state)
{
    dcn__listing l = { 0 };
    char name[16];

    (void)state;
    dcn__listing_sort(&l);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%03d", i * 7 % 1000);
        assert_ok(dcn__listing_add(&l, name, 1000, "here", &err));
    }
    assert_refused(dcn__listing_add(&l, "more", 1000, "here", &err), DCN_INPUT,
                   "here: holds more than 1000 pictures; split it");
    dcn__listing_sort(&l);
    assert_int_equal(l.count, 1000);
    assert_int_equal(l.text.length, 4000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%03d", i);
        assert_string_equal(dcn__listing_at(&l, i), name);
    }
    dcn__listing_clear(&l);
    assert_string_equal(dcn__below("a/b", "a/b/c/d"), "c/d");
    assert_string_equal(dcn__below("a/b/", "a/b/c"), "c");
    assert_string_equal(dcn__below("/", "/c"), "c");
}

#ifdef DCN_HAVE_PNG

static void put_picture(const char *place, int h, int w, int c, int salt)
{
    dcn_image image = { h, w, c, malloc((size_t)(h * w * c)) };
    char *path = dcn__path_join(folder, place), *name = strrchr(path, '/');

    for (int i = 0; i < h * w * c; i++)
        image.pixels[i] = (uint8_t)(i * 5 + salt);
    *name = '\0';
    assert_ok(dcn__make_folder(path, &err));
    *name = '/';
    assert_ok(dcn_image_save_png(&image, path, NULL, &err));
    dcn__free(path);
    free(image.pixels);
}

static const char *const want[] = { "B.png", "a-c.png", "a/x.png", "a/y", "a0.png", "b/c/z.png" };
enum { N = sizeof want / sizeof *want };

static void put_pictures(void)
{
    for (int i = N; i-- > 0;)
        put_picture(want[i], 6 + i, 8, 3, 10 * i);
    put_file(folder, "notes.txt", "text", 4);
    put_file(folder, "b/.hidden.png", "x", 1);
}

static void what_it_holds(void **state)
{
    const dcn_preprocess p = { .shape = { 4, 4, 3 }, .normalize = DCN_NORMALIZE_NONE };
    float out[4 * 4 * 3];
    dcn_data_info info;
    dcn_image image;
    dcn_data *data;
    int32_t label32;
    dcn_kind kind;
    int label;

    (void)state;
    put_pictures();
    assert_ok(dcn_identify(folder, NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_PICTURES);
    assert_string_equal(dcn_kind_text(kind), "folder of pictures");
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.kind, "pictures");
    assert_string_equal(info.name, dcn__path_name(folder));
    assert_true(info.shape.h == 0 && info.shape.w == 0 && info.shape.c == 3);
    assert_int_equal(info.count[DCN_SPLIT_TRAIN], 0);
    assert_int_equal(info.count[DCN_SPLIT_TEST], N);
    assert_int_equal(info.classes, 0);
    assert_null(info.class_names);
    for (int i = 0; i < N; i++) {
        label = label32 = 7;
        assert_string_equal(dcn_data_file(data, DCN_SPLIT_TEST, i), want[i]);
        assert_ok(dcn_data_picture(data, DCN_SPLIT_TEST, i, &image, &label, &err));
        assert_int_equal(label, -1);
        assert_int_equal(image.h, 6 + i);
        assert_int_equal(image.pixels[1], 5 + 10 * i);
        dcn_image_clear(&image);
        assert_ok(dcn_data_sample(data, DCN_SPLIT_TEST, i, &p, DCN_AUGMENT_NONE, 0, 0, out,
                                  &label32, &err));
        assert_int_equal(label32, -1);
    }
    assert_ok(dcn_data_verify(data, &err));
    assert_null(dcn_data_file(data, DCN_SPLIT_TEST, N));
    assert_null(dcn_data_file(data, DCN_SPLIT_TRAIN, 0));
    assert_refused(dcn_data_picture(data, DCN_SPLIT_TRAIN, 0, &image, &label, &err), DCN_USAGE,
                   "has no training pictures; take the other split");
    dcn_data_close(data);
}

static void hash(void **state)
{
    char moved[600];
    uint64_t before;

    (void)state;
    put_pictures();
    before = hash_of(folder);
    assert_true(hash_of(folder) == before);
    snprintf(moved, sizeof moved, "%s.moved", folder);
    remove_tree(moved);
    assert_int_equal(rename(folder, moved), 0);
    assert_true(hash_of(moved) == before);                       /* the place does not matter */
    assert_int_equal(rename(moved, folder), 0);
    put_picture("a0.png", 9, 9, 3, 3);
    assert_true(hash_of(folder) != before);                      /* sizes do */
    put_pictures();
    assert_true(hash_of(folder) == before);
    put_picture("a/w.png", 6, 8, 3, 0);
    assert_true(hash_of(folder) != before);
    put_file(folder, "other.txt", "text", 4);
    remove_tree((snprintf(moved, sizeof moved, "%s/a/w.png", folder), moved));
    assert_true(hash_of(folder) == before);                      /* other files do not */
}

static void refused(void **state)
{
    static const struct { const char *name, *say; } near[] = {
        { "strips.png", "is the folder of a run; name a folder of pictures" },
        { "atlas.json", "is an atlas; name a folder of pictures" },
        { "scan.safetensors", "holds the scan of an atlas; name a folder of pictures" },
    };
    dcn_data *data;

    (void)state;
    not_opened(DCN_INPUT, "and no picture; name a folder that does");
    put_pictures();
    put_file(folder, "b/bad.png", "\x89PNG\r\n\x1a\n????", 12);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));         /* found when it is asked for */
    assert_refused(dcn_data_verify(data, &err), DCN_INPUT, "b/bad.png");
    dcn_data_close(data);
    put_file(folder, "A.png", "\x89PNG\r\n\x1a\n????", 12);      /* the first */
    not_opened(DCN_INPUT, "A.png");
    put_picture("A.png", 4, 4, 1, 0);
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        char path[700];

        put_file(folder, near[i].name, "x", 1);
        not_opened(DCN_INPUT, near[i].say);
        snprintf(path, sizeof path, "%s/%s", folder, near[i].name);
        unlink(path);
    }
    put_picture("train/x.png", 4, 4, 1, 0);                      /* it means labels */
    not_opened(DCN_INPUT, "has no folder test (or val)");
}

static void loader(void **state)
{
    const dcn_preprocess p = { .shape = { 4, 4, 3 }, .normalize = DCN_NORMALIZE_NONE };
    const float *images;
    const int32_t *labels;
    dcn__loader *l;
    dcn_data *data;

    (void)state;
    put_pictures();
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    assert_refused(dcn__loader_create(&l, data, DCN_SPLIT_TRAIN, &p, DCN_AUGMENT_NONE, 0, 4, 0,
                                      &err), DCN_USAGE, "has no training pictures");
    assert_null(l);
    assert_ok(dcn__loader_create(&l, data, DCN_SPLIT_TEST, &p, DCN_AUGMENT_NONE, 0, 4, 0, &err));
    for (int batch = 0; batch < 3; batch++) {
        assert_ok(dcn__loader_next(l, &images, &labels, NULL, &err));
        for (int i = 0; i < 4; i++) {
            float one[4 * 4 * 3];

            assert_int_equal(labels[i], -1);
            assert_ok(dcn_data_sample(data, DCN_SPLIT_TEST, (4 * batch + i) % N, &p,
                                      DCN_AUGMENT_NONE, 0, 0, one, NULL, &err));
            assert_memory_equal(images + i * 48, one, sizeof one);
        }
    }
    dcn__loader_destroy(l);
    dcn_data_close(data);
}

static void no_training_without_labels(void **state)
{
    static const char text[] = "input 4x4x3; dense units=2";
    const char *say = "holds pictures without labels; put them into train/CLASS/FILE";
    dcn_model model = { .preprocess = { .shape = { 4, 4, 3 } } };
    dcn_train_desc desc = { .batch = 2 };
    dcn_evaluation result;
    dcn_trainer *trainer;
    dcn_data *data;

    (void)state;
    put_pictures();
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    assert_ok(dcn_graph_parse(&model.graph, text, sizeof text - 1, "net", NULL, &err));
    assert_ok(dcn_graph_init_weights(model.graph, 1, &err));
    assert_refused(dcn_trainer_create(&trainer, model.graph, data, &desc, &err), DCN_INPUT, say);
    assert_refused(dcn_evaluate(&result, &model, data, DCN_SPLIT_TEST, NULL, NULL, NULL, &err),
                   DCN_INPUT, say);
    dcn_graph_destroy(model.graph);
    dcn_data_close(data);
}

static void files_of_other_kinds(void **state)
{
    dcn_data *data;

    (void)state;
    put_picture("train/Ant/x.png", 8, 8, 3, 3);
    put_picture("train/zebra/b.png", 8, 8, 3, 3);
    put_picture("val/zebra/t.png", 8, 8, 3, 3);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    assert_string_equal(dcn_data_file(data, DCN_SPLIT_TRAIN, 1), "train/zebra/b.png");
    assert_string_equal(dcn_data_file(data, DCN_SPLIT_TEST, 0), "val/zebra/t.png");
    assert_null(dcn_data_file(data, DCN_SPLIT_TEST, 1));
    assert_null(dcn_data_file(data, DCN_SPLIT_TEST, -1));
    dcn_data_close(data);
    assert_ok(dcn_data_open(&data, "synthetic", NULL, &err));
    assert_null(dcn_data_file(data, DCN_SPLIT_TEST, 0));
    dcn_data_close(data);
}

#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(listing),
#ifdef DCN_HAVE_PNG
        TEST(what_it_holds),
        TEST(hash),
        TEST(refused),
        TEST(loader),
        TEST(no_training_without_labels),
        TEST(files_of_other_kinds),
#endif
    };

    return cmocka_run_group_tests_name("data_plain", tests, NULL, NULL);
}
