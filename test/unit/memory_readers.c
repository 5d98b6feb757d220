/* memory_readers.c - readers of pictures, arrays, event files and data sets without memory: each of
 * their allocations, and each of their libraries', fails once and for ever. */
#include "memory_points.h"

#include "codec/json.h"
#include "data_help.h"

#define CORPUS DCN_TEST_DATA "/fuzz/corpus/"

/* ---- one file --------------------------------------------------------------------------------- */

static dcn_status load_picture(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn_image image;
    const dcn_status st = dcn_image_load(&image, path, NULL, e);

    if (st)
        assert_true(!image.pixels && !image.h);
    else
        feed(sum, image.pixels, (size_t)image.h * (size_t)image.w * (size_t)image.c);
    dcn_image_clear(&image);
    return st;
}

static dcn_status load_npy(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn_array array;
    const dcn_status st = dcn_npy_load(&array, path, e);

    if (st)
        assert_null(array.data);
    else
        feed(sum, array.data, sizeof(float) * (size_t)array.dims[0]);
    dcn_array_clear(&array);
    return st;
}

static dcn_status verify_events(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn_events_summary summary;
    const dcn_status st = dcn_events_verify(path, &summary, e);

    if (!st)
        feed(sum, &summary, sizeof summary);
    return st;
}

static dcn_status list_pictures(const void *folder, uint64_t *sum, dcn_error *e)
{
    char **paths;
    int n;
    const dcn_status st = dcn_pictures_list(&paths, &n, folder, e);

    if (st)
        assert_true(!paths && !n);
    for (int i = 0; i < n; i++)
        feed_text(sum, paths[i]);
    dcn_pictures_free(paths, n);
    return st;
}

static dcn_status read_names(const void *json, uint64_t *sum, dcn_error *e)
{
    char **names;
    int n;
    const dcn_status st = dcn__json_names(&names, &n, json, strlen(json), 10, "names", e);

    for (int i = 0; i < n; i++)
        feed_text(sum, names[i]);
    dcn__texts_clear(names, n);
    return st;
}

static dcn_status read_texts(const void *json, uint64_t *sum, dcn_error *e)
{
    char **texts;
    int n;
    const dcn_status st = dcn__json_texts(&texts, &n, json, 10, "texts", e);

    for (int i = 0; i < n; i++)
        feed_text(sum, texts[i]);
    dcn__texts_clear(texts, n);
    return st;
}

static void files(void **state)
{
    static const scenario list[] = {
#ifdef DCN_HAVE_PNG
        { "png rgb", load_picture, WHOLE_PROCESS, CORPUS "png/rgb", NULL },
        { "png interlaced", load_picture, WHOLE_PROCESS, CORPUS "png/interlaced", NULL },
        { "png alpha", load_picture, WHOLE_PROCESS, CORPUS "png/grey_alpha", NULL },
        { "png palette", load_picture, WHOLE_PROCESS, CORPUS "png/palette_2bit", NULL },
        { "png transparent", load_picture, WHOLE_PROCESS, CORPUS "png/rgb_transparent", NULL },
        { "png 16 bits", load_picture, WHOLE_PROCESS, CORPUS "png/rgba_16bit", NULL },
        { "png texts", load_picture, WHOLE_PROCESS, CORPUS "png/texts", NULL },
#endif
#ifdef DCN_HAVE_JPEG
        { "jpeg rgb", load_picture, WHOLE_PROCESS, CORPUS "jpeg/rgb", NULL },
        { "jpeg grey", load_picture, WHOLE_PROCESS, CORPUS "jpeg/grey", NULL },
        { "jpeg progressive", load_picture, WHOLE_PROCESS, CORPUS "jpeg/progressive", NULL },
        { "jpeg cmyk", load_picture, WHOLE_PROCESS, CORPUS "jpeg/cmyk", NULL },
        { "jpeg turned", load_picture, WHOLE_PROCESS, CORPUS "jpeg/turned", NULL },
#endif
        { "npy 1", load_npy, WHOLE_PROCESS, CORPUS "npy/v1", NULL },
        { "npy 3", load_npy, WHOLE_PROCESS, CORPUS "npy/v3", NULL },
        { "npy doubles", load_npy, WHOLE_PROCESS, CORPUS "npy/doubles", NULL },
#ifdef DCN_HAVE_PROTOBUF
        { "events", verify_events, WHOLE_PROCESS, CORPUS "events/all_kinds", NULL },
#endif
        { "names list", read_names, WHOLE_PROCESS, "[\"a\", \"b\\u00e9\", [\"n1\", \"c\"]]", NULL },
        { "names object", read_names, WHOLE_PROCESS, "{\"1\": \"b\", \"0\": \"a\"}", NULL },
        { "texts", read_texts, WHOLE_PROCESS, "[\"a\", \"b\", \"\"]", NULL },
    };

    (void)state;
    RUN_SCENARIOS(list);
}

/* ---- data sets -------------------------------------------------------------------------------- */

static char cifar[700], idx[700], packed[700], classes[700], plain[700];

/* Opens, looks at everything that can be asked, reads a picture and a sample, verifies, closes. */
static dcn_status use_data(const void *path, uint64_t *sum, dcn_error *e)
{
    dcn_preprocess p = { 0 };
    dcn_data *data;
    dcn_data_info info;
    dcn_image image = { 0 };
    float input[6 * 6 * 3];
    int32_t target = 0;
    int label = 0;
    dcn_status st = dcn_data_open(&data, path, NULL, e);
    dcn_split split = DCN_SPLIT_TRAIN;

    if (st) {
        assert_null(data);
        return st;
    }
    dcn_data_info_get(data, &info);
    if (!info.count[split])
        split = DCN_SPLIT_TEST;
    feed(sum, info.count, sizeof info.count);
    for (int i = 0; i < info.classes; i++)
        feed_text(sum, info.class_names[i]);
    feed_text(sum, dcn_data_file(data, split, 0));
    feed(sum, &(uint64_t){ dcn_data_hash(data) }, sizeof(uint64_t));
    st = dcn_data_picture(data, split, 1, &image, &label, e);
    if (st)
        assert_null(image.pixels);
    else
        feed(sum, image.pixels, (size_t)image.h * (size_t)image.w * (size_t)image.c);
    dcn_image_clear(&image);
    dcn_data_preprocess(data, (dcn_shape){ 6, 6, info.shape.c == 1 ? 1 : 3 }, &p);
    if (!st)
        st = dcn_data_sample(data, split, 0, &p, DCN_AUGMENT_CIFAR, 3, 1, input, &target, e);
    if (!st)
        feed(sum, input, (size_t)(p.shape.h * p.shape.w * p.shape.c) * sizeof *input);
    if (!st && info.count[0] < 1000)
        st = dcn_data_verify(data, e);
    dcn_data_close(data);
    return st;
}

static dcn_image small_picture(int h, int w, int c, uint8_t *pixels)
{
    for (int i = 0; i < h * w * c; i++)
        pixels[i] = (uint8_t)(i * 7);
    return (dcn_image){ h, w, c, pixels };
}

static void put_idx(const char *folder, bool gzip)
{
    static const char *const splits[2] = { "train", "t10k" };
    uint8_t bytes[16 + 6 * 64];
    char name[1400];

    must(dcn__make_folder(folder, &err));
    for (int s = 0; s < 2; s++) {
        size_t n = idx_pictures(bytes, 6, 8, 8, s);

        snprintf(name, sizeof name, "%s-images-idx3-ubyte", splits[s]);
        put_file(folder, name, bytes, n);
        n = idx_labels(bytes, 6, 3);
        snprintf(name, sizeof name, "%s-labels-idx1-ubyte", splits[s]);
        put_file(folder, name, bytes, n);
    }
    snprintf(name, sizeof name, "gzip -n '%s'/*", folder);
    if (gzip && system(name) != 0)
        fail_msg("gzip could not pack the files of %s", folder);
}

static void put_picture(const char *folder, const char *name, const dcn_image *image)
{
    char path[1500];

    must(dcn__make_folder(folder, &err));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(dcn_image_save_png(image, path, NULL, &err));
}

static void put_pictures(void)
{
    uint8_t pixels[9 * 7 * 3];
    const dcn_image image = small_picture(9, 7, 3, pixels);
    char folder[1400];

    for (int i = 0; i < 8; i++) {
        char name[40];

        snprintf(folder, sizeof folder, "%s/%s/%c", classes, i / 4 ? "test" : "train", 'a' + i % 2);
        snprintf(name, sizeof name, "%d.png", i);
        put_picture(folder, name, &image);
        snprintf(folder, sizeof folder, "%s/below", plain);
        put_picture(folder, name, &image);
    }
}

static void data_sets(void **state)
{
    const scenario list[] = {
        { "CIFAR-10", use_data, 0, cifar, NULL },
        { "IDX", use_data, WHOLE_PROCESS, idx, NULL },
#ifdef DCN_HAVE_ZLIB
        { "IDX, gzip", use_data, WHOLE_PROCESS, packed, NULL },
#endif
#ifdef DCN_HAVE_PNG
        { "image folder", use_data, WHOLE_PROCESS, classes, NULL },
        { "pictures", use_data, WHOLE_PROCESS, plain, NULL },
        { "dcn_pictures_list", list_pictures, WHOLE_PROCESS, plain, NULL },
#endif
        { "synthetic", use_data, WHOLE_PROCESS, "synthetic", NULL },
    };

    (void)state;
    snprintf(cifar, sizeof cifar, "%s", scratch("cifar"));
    snprintf(idx, sizeof idx, "%s", scratch("idx"));
    snprintf(packed, sizeof packed, "%s", scratch("packed"));
    snprintf(classes, sizeof classes, "%s", scratch("classes"));
    snprintf(plain, sizeof plain, "%s", scratch("plain"));
    must(dcn__make_folder(cifar, &err));
    put_cifar(cifar);
    put_idx(idx, false);
#ifdef DCN_HAVE_ZLIB
    put_idx(packed, true);
#endif
#ifdef DCN_HAVE_PNG
    put_pictures();
#endif
    RUN_SCENARIOS(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(data_sets),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    memory_figure("readers");
    return failed;
}
