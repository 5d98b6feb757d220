/* data_corners.c - what few data sets and callers do: splits that are none, files that vanish and disks that
 * fail while a set is read, no thread for the loader, paths and pictures at the limits. */
#include "calls.h"
#include "data_help.h"
#include "own_folder.h"

#include "data/data.h"
#include "data/listing.h"
#include "data/loader.h"
#include "data/preprocess.h"

static dcn_error err;
static const dcn_preprocess usual = { .shape = { 24, 24, 3 }, .normalize = DCN_NORMALIZE_NONE };

static int set_up(void **state)
{
    (void)state;
    fresh_folder(folder, sizeof folder, "data_corners");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    planned_calls();
    remove_tree(folder);
    return 0;
}

static dcn_data *open_set(const char *path)
{
    dcn_data *data;

    assert_ok(dcn_data_open(&data, path, NULL, &err));
    return data;
}

/* ---- calls ----------------------------------------------------------------------------------------- */

static void splits(void **state)
{
    static const dcn_preprocess two = { .shape = { 24, 24, 2 } };
    dcn_data *data = open_set("synthetic"), *plain;
    dcn__loader *loader;
    dcn_image image;
    float out[24 * 24 * 3];
    int32_t target;
    int label;

    (void)state;
    for (int split = -1; split <= 2; split += 3) {
        char say[64];

        snprintf(say, sizeof say, "split: %d is no split; pass train or test", split);
        assert_refused(dcn_data_picture(data, (dcn_split)split, 0, &image, &label, &err), DCN_USAGE, say);
        assert_refused(dcn_data_sample(data, (dcn_split)split, 0, &usual, DCN_AUGMENT_NONE, 0, 0, out, &target, &err),
                       DCN_USAGE, say);
        assert_refused(dcn__loader_create(&loader, data, (dcn_split)split, &usual, DCN_AUGMENT_NONE, 0, 1, 0, &err),
                       DCN_USAGE, say);
        assert_null(loader);
    }
    assert_refused(dcn_data_sample(data, DCN_SPLIT_TEST, -1, &usual, DCN_AUGMENT_NONE, 0, 0, out, &target, &err),
                   DCN_USAGE, "has no test picture -1; they are 0..");
    assert_refused(dcn_data_sample(data, DCN_SPLIT_TEST, 0, &two, DCN_AUGMENT_NONE, 0, 0, out, &target, &err),
                   DCN_USAGE, "a picture cannot become 2 channels");
    assert_ok(dcn_data_sample(data, DCN_SPLIT_TEST, 0, &usual, DCN_AUGMENT_NONE, 0, 0, out, NULL, &err));
    dcn_data_close(data);
    dcn_data_close(NULL);
#ifdef DCN_HAVE_PNG
    const dcn_image one = { 1, 1, 3, (uint8_t *)(uintptr_t)"abc" };

    assert_ok(dcn_image_save_png(&one, in_folder("one.png"), NULL, &err));
    plain = open_set(folder);
    assert_refused(dcn_data_picture(plain, DCN_SPLIT_TRAIN, 0, &image, &label, &err), DCN_USAGE,
                   "has no training pictures; take the other split");
    assert_refused(dcn__loader_create(&loader, plain, DCN_SPLIT_TRAIN, &usual, DCN_AUGMENT_NONE, 0, 1, 0, &err),
                   DCN_USAGE, "has no training pictures; take another data set");
    dcn_data_close(plain);
#endif
    (void)plain;
}

/* Scaled if a crop of the 32x32 pictures would be larger than they are, or less than half of a side. */
static void usual_scaling(void **state)
{
    static const struct { int h, w, resize; } cases[] = {
        { 32, 32, 0 }, { 16, 16, 0 }, { 15, 32, 1 }, { 32, 15, 1 }, { 33, 32, 1 }, { 32, 33, 1 },
    };
    dcn_data *data = open_set("synthetic");
    dcn_preprocess p;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dcn_data_preprocess(data, (dcn_shape){ cases[i].h, cases[i].w, 3 }, &p);
        assert_int_equal(p.resize, cases[i].resize);
    }
    dcn_data_close(data);
}

static void no_thread(void **state)
{
    dcn_data *data = open_set("synthetic");
    const float *images[2];
    const int32_t *labels[2];
    dcn__loader *loaders[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        plan_call("pthread_create", i ? 1 : 2, EAGAIN);
        assert_ok(dcn__loader_create(&loaders[i], data, DCN_SPLIT_TRAIN, &usual, DCN_AUGMENT_CIFAR, 7, 4, 0, &err));
        assert_int_equal(planned_calls(), i);
    }
    for (int k = 0; k < 6; k++) {
        for (int i = 0; i < 2; i++)
            assert_ok(dcn__loader_next(loaders[i], &images[i], &labels[i], NULL, &err));
        assert_memory_equal(images[0], images[1], 4 * 24 * 24 * 3 * sizeof(float));
        assert_memory_equal(labels[0], labels[1], 4 * sizeof(int32_t));
    }
    dcn__loader_destroy(loaders[0]);
    dcn__loader_destroy(loaders[1]);
    dcn_data_close(data);
}

/* Without a thread, too, an error comes with the batch that needs the file, and stays. */
static void no_thread_and_no_file(void **state)
{
    const float *images;
    const int32_t *labels;
    dcn__loader *loader;
    dcn_data *data;

    (void)state;
    put_cifar(folder);
    data = open_set(folder);
    assert_int_equal(truncate(in_folder("test_batch.bin"), 3 * RECORD), 0);
    plan_call("pthread_create", 1, EAGAIN);
    assert_ok(dcn__loader_create(&loader, data, DCN_SPLIT_TEST, &usual, DCN_AUGMENT_NONE, 0, 2, 0, &err));
    assert_int_equal(planned_calls(), 1);
    assert_ok(dcn__loader_next(loader, &images, &labels, NULL, &err));
    assert_int_equal(dcn__loader_next(loader, &images, &labels, NULL, NULL), DCN_FILE);
    assert_null(images);
    assert_refused(dcn__loader_next(loader, &images, &labels, NULL, &err), DCN_FILE, "the file ends here");
    dcn__loader_destroy(loader);
    dcn_data_close(data);
}

/* ---- CIFAR-10 -------------------------------------------------------------------------------------- */

static void cifar10_disk(void **state)
{
    dcn_data *data;

    (void)state;
    put_cifar(folder);
    for (int k = 1; k <= 6; k++) {
        plan_call("pread", k, EIO);
        assert_refused(dcn_data_open(&data, folder, NULL, &err), DCN_FILE, "cannot read it (Input/output error)");
        assert_int_equal(planned_calls(), 1);
        assert_null(data);
    }
    put_file(folder, "data_batch_3.bin", "\x0b", 1);
    assert_int_equal(truncate(in_folder("data_batch_3.bin"), 2 * RECORD), 0);
    assert_int_equal(dcn_data_open(&data, folder, NULL, NULL), DCN_INPUT);
    assert_null(data);
}

/* ---- IDX ------------------------------------------------------------------------------------------- */

static void paths_too_long(void **state)
{
    char path[4200];
    dcn_data *data;

    (void)state;
    memset(path, '/', sizeof path);
    path[4090] = '\0';
    assert_false(dcn__looks_like_idx(path));
    assert_false(dcn__holds(path, "a_name_of_some_letters"));
    assert_false(dcn__holds_folder(path, "a_name_of_some_letters"));
    memset(path, 'p', 4090);
    assert_int_not_equal(dcn_data_open(&data, path, NULL, &err), DCN_OK);
    assert_null(data);
}

#ifdef DCN_HAVE_RHASH
/* The sums of a published set without the set: librhash's last step says what this test wants. */
static const char *const *next_sum;
int rhash_final(void *context, unsigned char *result);

int rhash_final(void *context, unsigned char *result)
{
    (void)context;
    for (int i = 0; i < 32; i++) {
        unsigned byte = 0;

        if (next_sum && *next_sum)
            sscanf(*next_sum + 2 * i, "%2x", &byte);
        result[i] = (unsigned char)byte;
    }
    if (next_sum && *next_sum)
        next_sum++;
    return 0;
}

static void put_small_idx(const char *name, const uint8_t *head, size_t bytes, int most)
{
    uint8_t file[64] = { 0 };

    memcpy(file, head, bytes);
    for (int i = 0; i < 12; i++)
        file[bytes + (size_t)i] = (uint8_t)(i % (most + 1));
    put_file(folder, name, file, bytes + (head[3] == 1 ? 3 : 12));
}

static void put_small(int most)
{
    static const uint8_t pictures[] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2 };
    static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 3 };

    put_small_idx("train-images-idx3-ubyte", pictures, sizeof pictures, 11);
    put_small_idx("train-labels-idx1-ubyte", labels, sizeof labels, most);
    put_small_idx("t10k-images-idx3-ubyte", pictures, sizeof pictures, 11);
    put_small_idx("t10k-labels-idx1-ubyte", labels, sizeof labels, most);
}

static void published_sums(void **state)
{
    static const char train_labels[] = "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9";
    static const char test_labels[] = "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34";
    static const char train[] = "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888";
    static const char test[] = "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b";
    const char *both[] = { train_labels, test_labels, train, test, NULL };
    const char *one[] = { train_labels, train, NULL }, *other[] = { train, test_labels, NULL };
    dcn_data_info info;
    dcn_data *data;

    (void)state;
    put_small(2);
    next_sum = both;
    data = open_set(folder);
    dcn_data_info_get(data, &info);
    assert_string_equal(info.name, "Fashion-MNIST");
    assert_string_equal(info.class_names[9], "Ankle boot");
    assert_ok(dcn_data_verify(data, &err));
    assert_refused(dcn_data_verify(data, &err), DCN_INPUT, "the pixels of train-images differ from Fashion-MNIST as "
                   "published (SHA-256 00000000..., not c59f468a...); fetch the file again");
    dcn_data_close(data);
    for (int i = 0; i < 2; i++) {              /* half of it is another set */
        next_sum = i ? one : other;
        data = open_set(folder);
        dcn_data_info_get(data, &info);
        assert_string_not_equal(info.name, "Fashion-MNIST");
        assert_string_equal(info.class_names[9], "9");
        assert_ok(dcn_data_verify(data, &err));
        dcn_data_close(data);
    }
    next_sum = NULL;
}
#endif

/* ---- folders --------------------------------------------------------------------------------------- */

static void odd_files_of_a_class(void **state)
{
    dcn_data *data;

    (void)state;
    assert_ok(dcn__make_folder(in_folder("train/cat"), &err));
    assert_ok(dcn__make_folder(in_folder("test/cat"), &err));
    put_file(folder, "train/cat/.hidden.png", "x", 1);
    put_file(folder, "train/cat/no_picture", "x", 1);
    assert_refused(dcn_data_open(&data, folder, NULL, &err), DCN_INPUT, "train/cat: holds no .png, .jpg or .jpeg file");
    assert_int_equal(symlink("nowhere", in_folder("train/cat/a.JPEG")), 0);
    assert_refused(dcn_data_open(&data, folder, NULL, &err), DCN_FILE, "train/cat/a.JPEG: cannot inspect it (No such "
                   "file or directory); remove it or restore it");
    assert_null(data);
}

/* A folder whose one name comes again and again. */
static void too_many_classes(void **state)
{
    dcn_data *data;

    (void)state;
    assert_ok(dcn__make_folder(in_folder("train/cat"), &err));
    assert_ok(dcn__make_folder(in_folder("test/cat"), &err));
    plan_call("readdir", 4, AGAIN);            /* after ".", ".." and the class */
    planned.more = 65535;
    assert_refused(dcn_data_open(&data, folder, NULL, &err), DCN_INPUT, "train: holds 65537 classes, the limit is 65536; "
                   "merge some");
    assert_int_equal(planned_calls(), 65536);
    assert_null(data);
}

static void listings_at_their_limits(void **state)
{
    dcn__listing list = { 0 };

    (void)state;
    assert_ok(dcn__listing_add(&list, "first", 2, "here", &err));
    list.text.length = UINT32_MAX - 5;         /* as after so many names */
    assert_refused(dcn__listing_add(&list, "second", 2, "here", &err), DCN_INPUT, "here: holds pictures whose names "
                   "fill 4 GiB; split it");
    list.text.length = 6;
    assert_ok(dcn__listing_add(&list, "second", 2, "here", &err));
    assert_refused(dcn__listing_add(&list, "third", 2, "here", &err), DCN_INPUT, "here: holds more than 2 pictures");
    assert_string_equal(dcn__listing_at(&list, 1), "second");
    dcn__listing_clear(&list);
}

static void files_that_are_no_pictures(void **state)
{
    dcn__listing list;

    (void)state;
    for (int i = 0; i < 4; i++) {
        char name[8];

        snprintf(name, sizeof name, "f%d", i);
        put_file(folder, name, i ? "text" : "\x89PNG\r\n\x1a\n    ", i ? 4 : 12);
    }
    assert_ok(dcn__pictures_find(&list, folder, 1, 4, NULL, &err));
    assert_int_equal(list.count, 1);
    dcn__listing_clear(&list);
    assert_refused(dcn__pictures_find(&list, folder, 1, 3, NULL, &err), DCN_INPUT, "holds more than 3 files; name a "
                   "folder nearer to the pictures");
    plan_call("read", 1, EIO);
    assert_refused(dcn__pictures_find(&list, folder, 1, 4, NULL, &err), DCN_FILE, "f0: cannot read it (Input/output "
                   "error); check the disk");
    assert_int_equal(planned_calls(), 1);
    assert_int_equal(symlink("nowhere", in_folder("f4")), 0);
    assert_ok(dcn__pictures_find(&list, folder, 1, 4, NULL, &err));
    dcn__listing_clear(&list);
}

/* ---- preprocessing --------------------------------------------------------------------------------- */

static void thin_pictures(void **state)
{
    enum { LONG = 1 << 20 };
    dcn_image thin = { .h = 1, .w = LONG, .c = 1, .pixels = dcn__alloc(LONG) };
    dcn_preprocess p = { .shape = { 2, 2, 1 }, .normalize = DCN_NORMALIZE_NONE, .resize = 1, .side = 2 };
    dcn__fit fit;
    float out[2 * 20];

    (void)state;
    assert_non_null(thin.pixels);
    assert_refused(dcn_preprocess_image(&p, &thin, out, &err), DCN_INPUT, "picture: is 1x1048576, too long and thin to "
                   "be scaled over 2x2; cut it first");
    thin.h = LONG;
    thin.w = 1;
    assert_refused(dcn_preprocess_image(&p, &thin, out, &err), DCN_INPUT, "is 1048576x1, too long and thin");
    /* The side would be 10, but then a row is too short for the crop. */
    p = (dcn_preprocess){ .shape = { 10, 20, 1 }, .resize = 1, .side = 10 };
    thin.h = 10;
    thin.w = 15;
    assert_ok(dcn__fit_picture(&fit, &p, &thin, &err));
    assert_true(fit.h == 13 && fit.w == 20);
    p.shape = (dcn_shape){ 20, 10, 1 };
    thin.h = 15;
    thin.w = 10;
    assert_ok(dcn__fit_picture(&fit, &p, &thin, &err));
    assert_true(fit.h == 20 && fit.w == 13);
    dcn_image_clear(&thin);
}

static void thin_pictures_of_a_set(void **state)
{
#ifdef DCN_HAVE_PNG
    enum { LONG = 30000 };
    dcn_image thin = { .h = 1, .w = LONG, .c = 1, .pixels = dcn__alloc(LONG) };
    const dcn_preprocess p = { .shape = { 64, 64, 3 }, .resize = 1 };
    float out[64 * 64 * 3];
    dcn_data *data;

    assert_non_null(thin.pixels);
    assert_ok(dcn_image_save_png(&thin, in_folder("thin.png"), NULL, &err));
    dcn_image_clear(&thin);
    data = open_set(folder);
    for (int augment = 0; augment < 2; augment++)
        assert_refused(dcn_data_sample(data, DCN_SPLIT_TEST, 0, &p, augment ? DCN_AUGMENT_CIFAR : DCN_AUGMENT_NONE, 1, 1,
                                       out, NULL, &err), DCN_INPUT, "is 1x30000, too long and thin");
    dcn_data_close(data);
#endif
    (void)state;
}

static void shapes_at_their_limits(void **state)
{
    static const struct { dcn_preprocess p; const char *say; } cases[] = {
        { { .shape = { 0, 1, 3 } }, "an input of 0x1 pixels is outside 1x1..32768 a side" },
        { { .shape = { 1, 0, 3 } }, "an input of 1x0 pixels is outside" },
        { { .shape = { 32769, 1, 3 } }, "an input of 32769x1 pixels is outside" },
        { { .shape = { 1, 32769, 3 } }, "an input of 1x32769 pixels is outside" },
        { { .shape = { 32768, 32768, 3 } }, "outside 1x1..32768 a side and 67108864 in all; choose a smaller input" },
        { { .shape = { 8, 8, 3 }, .resize = 1, .side = 7 }, "a shorter side of 7 does not hold a crop of 8x8" },
        { { .shape = { 8, 8, 3 }, .resize = 1, .side = 32769 }, "a shorter side of 32769 does not hold a crop of 8x8; "
          "take 8 to 32768" },
    };
    static uint8_t pixels[3];
    static const dcn_image images[] = {
        { 1, 1, 3, NULL }, { 0, 1, 3, pixels }, { 1, 0, 3, pixels }, { (1 << 20) + 1, 1, 1, pixels },
        { 1, (1 << 20) + 1, 1, pixels }, { 1, 1, 2, pixels },
    };
    dcn_preprocess p = { .shape = { 1, 1, 3 } };
    float out[3];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(dcn__preprocess_check(&cases[i].p, &err), DCN_USAGE, cases[i].say);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        assert_refused(dcn_preprocess_image(&p, &images[i], out, &err), DCN_USAGE, "; pass (H,W,C), C 1 or 3");
    assert_refused(dcn_preprocess_named(&p, "imagenet", (dcn_shape){ 40000, 40000, 3 }, &err), DCN_USAGE, "is outside");
    assert_refused(dcn_preprocess_named(&p, "imagenet", (dcn_shape){ 0, 10, 3 }, &err), DCN_USAGE, "is outside");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(splits), TEST(usual_scaling), TEST(no_thread), TEST(no_thread_and_no_file), TEST(cifar10_disk),
        TEST(paths_too_long),
#ifdef DCN_HAVE_RHASH
        TEST(published_sums),
#endif
        TEST(odd_files_of_a_class), TEST(too_many_classes), TEST(listings_at_their_limits),
        TEST(files_that_are_no_pictures), TEST(thin_pictures), TEST(thin_pictures_of_a_set),
        TEST(shapes_at_their_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
