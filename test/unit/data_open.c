/* data_open.c - the four kinds of data sets: what they hold, and how everything else is refused. */
#include "data_help.h"
#include "own_folder.h"

#include "data/data.h"

#include <fcntl.h>

static dcn_error err;
static int set_up(void **state)
{
    (void)state;
    fresh_folder(folder, sizeof folder, "data");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(folder);
    return 0;
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

/* Opening `path` must be refused, and leave nothing. */
#define assert_not_opened(path, status, say)                                                   \
    do {                                                                                       \
        dcn_data *none_ = (dcn_data *)&err;                                                    \
        assert_refused(dcn_data_open(&none_, (path), NULL, &err), (status), (say));            \
        assert_null(none_);                                                                    \
    } while (0)

/* ---- CIFAR-10 ------------------------------------------------------------------------ */

static void cifar10(void **state)
{
    dcn_data *data;
    dcn_data_info info;
    dcn_image image;
    int label, n = 0;

    (void)state;
    put_cifar(folder);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.kind, "CIFAR-10");
    assert_string_equal(info.name, "CIFAR-10");
    assert_string_equal(info.path, folder);
    assert_true(info.shape.h == 32 && info.shape.w == 32 && info.shape.c == 3);
    assert_int_equal(info.count[DCN_SPLIT_TRAIN], 20);
    assert_int_equal(info.count[DCN_SPLIT_TEST], 7);
    assert_int_equal(info.classes, 10);
    assert_string_equal(info.class_names[0], "airplane");
    assert_string_equal(info.class_names[9], "truck");
    for (int f = 0; f < 6; f++) {
        for (int r = 0; r < f + 2; r++) {
            const dcn_split split = f == 5 ? DCN_SPLIT_TEST : DCN_SPLIT_TRAIN;

            assert_ok(dcn_data_picture(data, split, f == 5 ? r : n++, &image, &label, &err));
            assert_int_equal(label, cifar_label(f, r));
            for (int i = 0; i < 1024; i += 33)
                for (int c = 0; c < 3; c++)
                    assert_int_equal(image.pixels[3 * i + c], cifar_byte(f, r, 1024 * c + i));
            dcn_image_clear(&image);
        }
    }
    assert_ok(dcn_data_verify(data, &err));
    assert_refused(dcn_data_picture(data, DCN_SPLIT_TRAIN, 20, &image, &label, &err), DCN_USAGE,
                   "has no training picture 20; they are 0..19");
    assert_refused(dcn_data_picture(data, DCN_SPLIT_TEST, -1, &image, &label, &err), DCN_USAGE,
                   "has no test picture -1");
    assert_refused(dcn_data_motif(data, DCN_SPLIT_TEST, 0, &n, &n, &n, &err), DCN_USAGE,
                   "has no planted motifs (CIFAR-10)");
    dcn_data_close(data);
}

static void cifar10_below_a_parent(void **state)
{
    static const char meta[] = "n0\nn1\nn2\nn3\nn4\nn5\nn6\nn7\nn8\nn9\n\n";
    char below[600];
    dcn_data *data;
    dcn_data_info info;
    uint64_t before;

    (void)state;
    snprintf(below, sizeof below, "%s/cifar-10-batches-bin", folder);
    assert_ok(dcn__make_folder(below, &err));
    put_cifar(below);
    before = hash_of(folder);
    assert_true(before == hash_of(below));                       /* the place does not matter */
    put_file(below, "batches.meta.txt", meta, sizeof meta - 1);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.class_names[3], "n3");
    assert_true(dcn_data_hash(data) != before);                  /* the names do */
    dcn_data_close(data);
    put_file(below, "batches.meta.txt", "only\ntwo\n", 9);
    assert_true(hash_of(folder) == before); /* not ten names: the standard ones */
}

static void cifar10_hash(void **state)
{
    uint8_t *bytes = cifar_bytes(2, 4);
    uint64_t before;

    (void)state;
    put_cifar(folder);
    before = hash_of(folder);
    assert_true(before == hash_of(folder));
    bytes[2 * RECORD + 1700] ^= 1;                               /* one bit of one pixel */
    put_file(folder, batch_names[2], bytes, 4 * RECORD);
    assert_true(before != hash_of(folder));
    bytes[2 * RECORD + 1700] ^= 1;
    put_file(folder, batch_names[2], bytes, 4 * RECORD);
    assert_true(before == hash_of(folder));
    put_file(folder, batch_names[2], bytes, 3 * RECORD);         /* a record less */
    assert_true(before != hash_of(folder));
    free(bytes);
}

static void cifar10_refused(void **state)
{
    uint8_t *bytes = cifar_bytes(2, 8);

    (void)state;
    put_cifar(folder);
    bytes[7 * RECORD] = 10;
    put_file(folder, batch_names[2], bytes, 8 * RECORD);
    assert_not_opened(folder, DCN_INPUT, "data_batch_3.bin@0x5407: record 7 has label 10");
    bytes[7 * RECORD] = 1;
    put_file(folder, batch_names[2], bytes, 8 * RECORD - 40);
    assert_not_opened(folder, DCN_INPUT,
                      "data_batch_3.bin@0x5407: record 7 has 3033 of 3073 bytes");
    put_file(folder, batch_names[2], bytes, 0);
    assert_not_opened(folder, DCN_INPUT, "data_batch_3.bin: is empty");
    put_file(folder, batch_names[2], "\x80\x02}q\x01", 5);
    assert_not_opened(folder, DCN_INPUT, "data_batch_3.bin: is a Python pickle");
    unlink(in_folder(batch_names[2]));
    assert_not_opened(folder, DCN_INPUT,
                      "has no data_batch_3.bin; extract the binary archive again");
    assert_int_equal(mkfifo(in_folder(batch_names[2]), 0600), 0);
    assert_not_opened(folder, DCN_FILE, "data_batch_3.bin: is a pipe, not a regular file");
    unlink(in_folder(batch_names[2]));
    assert_int_equal(mkdir(in_folder(batch_names[2]), 0700), 0);
    assert_not_opened(folder, DCN_FILE, "data_batch_3.bin: is a folder");
    rmdir(in_folder(batch_names[2]));
    put_file(folder, batch_names[2], bytes, 8 * RECORD);
    unlink(in_folder("test_batch.bin"));
    assert_not_opened(folder, DCN_INPUT, "has no test_batch.bin, the test pictures; extract");
    free(bytes);
}

static void cifar10_changed_meanwhile(void **state)
{
    uint8_t *bytes = cifar_bytes(5, 7);
    dcn_data *data;
    dcn_image image;
    int label, fd;

    (void)state;
    put_cifar(folder);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    fd = open(in_folder("test_batch.bin"), O_RDWR);
    assert_int_equal(pwrite(fd, "\x09", 1, 2 * RECORD), 1);
    assert_refused(dcn_data_picture(data, DCN_SPLIT_TEST, 2, &image, &label, &err), DCN_FILE,
                   "test picture 2 changed its label since the data set was opened");
    assert_null(image.pixels);
    assert_int_equal(ftruncate(fd, 6 * RECORD + 100), 0);
    assert_refused(dcn_data_picture(data, DCN_SPLIT_TEST, 6, &image, &label, &err), DCN_FILE,
                   "test_batch.bin@0x486a: the file ends here");
    assert_refused(dcn_data_verify(data, &err), DCN_FILE, "changed its label");
    assert_int_equal(pwrite(fd, bytes, 3 * RECORD, 0), 3 * RECORD);
    assert_refused(dcn_data_verify(data, &err), DCN_FILE, "the file ends here");
    close(fd);
    dcn_data_close(data);
    free(bytes);
}

/* ---- IDX ----------------------------------------------------------------------------- */

static void put_idx(int train, int test)
{
    static uint8_t bytes[8192];

    put_file(folder, "train-images-idx3-ubyte", bytes, idx_pictures(bytes, train, 5, 6, 1));
    put_file(folder, "train-labels-idx1-ubyte", bytes, idx_labels(bytes, train, 4));
    put_file(folder, "t10k-images-idx3-ubyte", bytes, idx_pictures(bytes, test, 5, 6, 2));
    put_file(folder, "t10k-labels-idx1-ubyte", bytes, idx_labels(bytes, test, 3));
}

static void idx_folder(void **state)
{
    dcn_data *data;
    dcn_data_info info;
    dcn_image image;
    int label;
    uint64_t before;

    (void)state;
    put_idx(12, 7);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.kind, "IDX");
    assert_true(info.shape.h == 5 && info.shape.w == 6 && info.shape.c == 1);
    assert_int_equal(info.count[0], 12);
    assert_int_equal(info.count[1], 7);
    assert_int_equal(info.classes, 10);
    assert_string_equal(info.class_names[9], "9");
    assert_ok(dcn_data_picture(data, DCN_SPLIT_TEST, 4, &image, &label, &err));
    assert_int_equal(label, 1);
    assert_true(image.h == 5 && image.w == 6 && image.c == 1);
    for (int i = 0; i < 30; i++)
        assert_int_equal(image.pixels[i], (uint8_t)((4 * 30 + i) * 3 + 2));
    dcn_image_clear(&image);
    assert_ok(dcn_data_verify(data, &err));
    before = dcn_data_hash(data);
    dcn_data_close(data);
    assert_int_equal(rename(in_folder("t10k-labels-idx1-ubyte"), temporary("moved")), 0);
    assert_int_equal(rename(temporary("moved"), in_folder("t10k-labels.idx1-ubyte")), 0);
    assert_true(hash_of(folder) == before);                      /* the other spelling */
}

static void idx_refused(void **state)
{
    static uint8_t bytes[8192];

    (void)state;
    put_idx(12, 7);
    put_file(folder, "t10k-labels-idx1-ubyte", bytes, idx_labels(bytes, 8, 3));
    assert_not_opened(folder, DCN_INPUT,
                      "t10k-labels-idx1-ubyte@0x4: there are 8 labels for 7 pictures");
    put_file(folder, "t10k-labels-idx1-ubyte", bytes, idx_pictures(bytes, 7, 5, 6, 0));
    assert_not_opened(folder, DCN_INPUT, "@0x3: IDX rank is 3, labels have 1");
    put_file(folder, "t10k-labels-idx1-ubyte", bytes, idx_labels(bytes, 7, 3));
    put_file(folder, "t10k-images-idx3-ubyte", bytes, idx_pictures(bytes, 7, 6, 5, 0));
    assert_not_opened(folder, DCN_INPUT, "training pictures are 5x6 and test pictures 6x5");
    put_file(folder, "t10k-images-idx3-ubyte", bytes, idx_pictures(bytes, 7, 5, 6, 0) - 1);
    assert_not_opened(folder, DCN_INPUT, "t10k-images-idx3-ubyte@0xe1: the file ends here");
    unlink(in_folder("t10k-images-idx3-ubyte"));
    assert_not_opened(
        folder, DCN_INPUT,
        "has no t10k-images-idx3-ubyte (nor .gz), half of the test split; add the file");
    put_file(folder, "t10k-images-idx3-ubyte", bytes, idx_pictures(bytes, 7, 5, 6, 0));
    idx_labels(bytes, 7, 3);
    bytes[8 + 6] = 200;
    put_file(folder, "t10k-labels-idx1-ubyte", bytes, 15);
    assert_not_opened(folder, DCN_INPUT, "the test labels reach 200, the training labels only 3");
}

static void fashion_mnist(void **state)
{
    static const char path[] = "/usr/share/datasets/fashion-mnist";
    dcn_data *data;
    dcn_data_info info;

    (void)state;
    if (!dcn__is_folder(path))
        skip();
    assert_ok(dcn_data_open(&data, path, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.name, "Fashion-MNIST");
    assert_int_equal(info.count[0], 60000);
    assert_int_equal(info.count[1], 10000);
    assert_string_equal(info.class_names[0], "T-shirt/top");
    assert_string_equal(info.class_names[9], "Ankle boot");
    assert_ok(dcn_data_verify(data, &err));
    dcn_data_close(data);
}

/* ---- image folders ------------------------------------------------------------------- */

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

static void put_folder(void)
{
    put_picture("train/zebra/b.png", 9, 7, 3, 1);
    put_picture("train/zebra/a.PNG", 12, 10, 3, 2);
    put_picture("train/Ant/x.png", 8, 8, 3, 3);
    put_picture("test/zebra/t.png", 6, 6, 3, 4);
    put_file(folder, "train/zebra/notes.txt", "x", 1);
    put_file(folder, "train/zebra/.hidden.png", "x", 1);
    put_file(folder, "train/readme.md", "x", 1);
}

static void image_folder(void **state)
{
    static const struct { int label, h, salt; } want[] = { { 0, 8, 3 }, { 1, 12, 2 }, { 1, 9, 1 } };
    dcn_preprocess p = { .shape = { 4, 4, 3 }, .normalize = DCN_NORMALIZE_NONE };
    float out[4 * 4 * 3];
    dcn_data *data;
    dcn_data_info info;
    dcn_image image;
    int32_t label32;
    int label;
    uint64_t before;

    (void)state;
    put_folder();
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.kind, "image folder");
    assert_true(info.shape.h == 0 && info.shape.w == 0 && info.shape.c == 3);
    assert_int_equal(info.count[0], 3);
    assert_int_equal(info.count[1], 1);
    assert_int_equal(info.classes, 2);
    assert_string_equal(info.class_names[0], "Ant");             /* bytewise: capitals first */
    assert_string_equal(info.class_names[1], "zebra");
    for (int i = 0; i < 3; i++) {
        assert_ok(dcn_data_picture(data, DCN_SPLIT_TRAIN, i, &image, &label, &err));
        assert_int_equal(label, want[i].label);
        assert_int_equal(image.h, want[i].h);
        assert_int_equal(image.pixels[1], 5 + want[i].salt);
        dcn_image_clear(&image);
    }
    assert_ok(
        dcn_data_sample(data, DCN_SPLIT_TEST, 0, &p, DCN_AUGMENT_NONE, 0, 0, out, &label32, &err));
    assert_int_equal(label32, 1);
    assert_true(out[0] == (float)(uint8_t)((1 * 6 + 1) * 3 * 5 + 4) / 255.0f);
    assert_ok(dcn_data_verify(data, &err));
    before = dcn_data_hash(data);
    dcn_data_close(data);
    assert_int_equal(rename(in_folder("test"), temporary("kept")), 0);
    assert_int_equal(rename(temporary("kept"), in_folder("val")), 0);
    assert_true(hash_of(folder) == before);
    put_picture("train/Ant/y.png", 8, 8, 3, 3);
    assert_true(hash_of(folder) != before);
}

static void image_folder_refused(void **state)
{
    dcn_data *data;
    dcn_image image;

    (void)state;
    put_folder();
    put_file(folder, "train/Ant/y.png", "\x89PNG\r\n\x1a\n????", 12);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));         /* found when it is asked for */
    assert_refused(dcn_data_verify(data, &err), DCN_INPUT, "train/Ant/y.png");
    assert_refused(dcn_data_picture(data, DCN_SPLIT_TRAIN, 1, &image, NULL, &err), DCN_INPUT,
                   "train/Ant/y.png");
    dcn_data_close(data);
    put_file(folder, "train/Ant/x.png", "", 0);
    assert_not_opened(folder, DCN_INPUT, "train/Ant/x.png");
    put_picture("train/Ant/x.png", 8, 8, 3, 3);
    put_picture("test/yak/a.png", 8, 8, 3, 3);
    assert_not_opened(folder, DCN_INPUT, "test: has a class \"yak\" that train has not; rename");
    remove_tree(in_folder("test/yak"));
    assert_int_equal(mkdir(in_folder("train/empty"), 0700), 0);
    assert_not_opened(folder, DCN_INPUT,
                      "train/empty: holds no .png, .jpg or .jpeg file; add pictures");
    rmdir(in_folder("train/empty"));
    assert_int_equal(mkfifo(in_folder("train/Ant/z.png"), 0600), 0);
    assert_not_opened(folder, DCN_FILE, "train/Ant/z.png: is not a regular file");
    unlink(in_folder("train/Ant/z.png"));
    remove_tree(in_folder("test"));
    assert_not_opened(folder, DCN_INPUT, "has no folder test (or val); put some pictures");
    assert_int_equal(mkdir(in_folder("test"), 0700), 0);
    assert_not_opened(folder, DCN_INPUT,
                      "test: holds no class folders; put pictures into test/CLASS/FILE");
    remove_tree(in_folder("train"));
    assert_not_opened(folder, DCN_INPUT, "has no folder train; put training pictures");
}

static void limits_reach_the_pictures(void **state)
{
    const dcn_limits limits = { .max_pixels = 70 };
    dcn_data *data;

    (void)state;
    put_folder();
    assert_ok(dcn_data_open(&data, folder, &limits, &err));      /* the first has 64 */
    assert_refused(dcn_data_verify(data, &err), DCN_INPUT, "the limit is 70");
    dcn_data_close(data);
}

/* ---- fingerprint --------------------------------------------------------------------- */

/* Every bit, the length and the order count, whatever the length's rest. */
static void fingerprint(void **state)
{
    uint8_t bytes[100];
    uint64_t seen[101];

    (void)state;
    for (int n = 0; n <= 100; n++) {
        memset(bytes, 0, sizeof bytes);
        seen[n] = dcn__fingerprint(1, bytes, (size_t)n);
        for (int k = 0; k < n; k++)
            assert_true(seen[k] != seen[n]);
        for (int bit = 0; bit < 8 * n; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(dcn__fingerprint(1, bytes, (size_t)n) != seen[n]);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_true(dcn__fingerprint(dcn__fingerprint(1, "a", 1), "b", 1) !=
                dcn__fingerprint(dcn__fingerprint(1, "b", 1), "a", 1));
}

/* ---- synthetic ----------------------------------------------------------------------- */

/* Mean square of the vertical differences inside a box, over that outside. */
static double edge_ratio(const dcn_image *image, int y, int x, int size)
{
    double inside = 0, outside = 0;
    int n_inside = 0, n_outside = 0;

    for (int r = 1; r < 32; r++)
        for (int v = 0; v < 32 * 3; v++) {
            const double d = image->pixels[r * 96 + v] - image->pixels[(r - 1) * 96 + v];

            if (r >= y && r <= y + size && v / 3 >= x && v / 3 < x + size) {
                inside += d * d;
                n_inside++;
            } else {
                outside += d * d;
                n_outside++;
            }
        }
    return inside / n_inside / (outside / n_outside);
}

static void synthetic(void **state)
{
    dcn_data *data, *again;
    dcn_data_info info;
    dcn_image image, copy;
    int label, y, x, size, seen[10] = { 0 };
    uint8_t motif[10][9 * 9 * 3];

    (void)state;
    assert_ok(dcn_data_open(&data, "synthetic", NULL, &err));
    assert_ok(dcn_data_open(&again, "synthetic", NULL, &err));
    assert_true(dcn_data_hash(data) == dcn_data_hash(again));
    dcn_data_info_get(data, &info);
    assert_string_equal(info.kind, "synthetic");
    assert_true(info.shape.h == 32 && info.shape.w == 32 && info.shape.c == 3);
    assert_int_equal(info.count[0], 10000);
    assert_int_equal(info.count[1], 2000);
    assert_int_equal(info.classes, 10);
    for (int k = 0; k < 500; k++) {
        const dcn_split split = k < 250 ? DCN_SPLIT_TEST : DCN_SPLIT_TRAIN;
        const int i = k % 250;

        assert_ok(dcn_data_picture(data, split, i, &image, &label, &err));
        assert_ok(dcn_data_picture(again, split, i, &copy, NULL, &err));
        assert_memory_equal(image.pixels, copy.pixels, 3072);
        assert_ok(dcn_data_motif(data, split, i, &y, &x, &size, &err));
        assert_int_equal(size, 9);
        assert_true(y >= 4 && y + size <= 28 && x >= 4 && x + size <= 28);
        /* Edges are in the motif's box and hardly anywhere else. */
        assert_true(edge_ratio(&image, y, x, size) > 10);
        /* The motif of a class is the same wherever it stands; its middle is see-through in the
         * frame only. */
        for (int r = 0; r < 9; r++) {
            if (!seen[label])
                memcpy(motif[label] + r * 27, image.pixels + (y + r) * 96 + x * 3, 27);
            else if (label != 6 && r >= 3 && r <= 5)
                assert_memory_equal(motif[label] + r * 27 + 12,
                                    image.pixels + (y + r) * 96 + x * 3 + 12, 3);
        }
        seen[label]++;
        dcn_image_clear(&image);
        dcn_image_clear(&copy);
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(seen[i], 50);
    assert_refused(dcn_data_motif(data, DCN_SPLIT_TEST, 2000, &y, &x, &size, &err), DCN_USAGE,
                   "has no test picture 2000");
    dcn_data_close(again);
    dcn_data_close(data);
}

/* ---- what is none of them ------------------------------------------------------------ */

static void refused_paths(void **state)
{
    static const struct { const char *name, *say; } near[] = {
        { "data_batch_1", "Python version of CIFAR-10; fetch the binary version" },
        { "data_batch_1.mat", "Matlab version of CIFAR-10" },
        { "fine_label_names.txt", "CIFAR-100, which is not read" },
        { "cifar-10-binary.tar.gz", "packed CIFAR-10 archive; unpack it here" },
        { "cifar-10-binary.tar.gz.part", "unfinished download; fetch it again" },
    };

    (void)state;
    assert_not_opened("", DCN_USAGE, "no folder is named");
    assert_not_opened(NULL, DCN_USAGE, "no folder is named");
    assert_not_opened("/nonexistent/folder", DCN_FILE, "cannot open it (No such file");
    assert_not_opened(folder, DCN_INPUT, "holds no data set");
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        put_file(folder, near[i].name, "x", 1);
        assert_not_opened(folder, DCN_INPUT, near[i].say);
        unlink(in_folder(near[i].name));
    }
    put_file(folder, "file", "x", 1);
    assert_not_opened(in_folder("file"), DCN_FILE,
                      "is not a folder; name the folder of a data set");
    dcn_data_close(NULL);
}

static void usual_preprocessing(void **state)
{
    dcn_data *data;
    dcn_preprocess p;

    (void)state;
    assert_ok(dcn_data_open(&data, "synthetic", NULL, &err));
    dcn_data_preprocess(data, (dcn_shape){ 24, 24, 3 }, &p);
    assert_true(p.shape.h == 24 && p.normalize == DCN_NORMALIZE_STANDARDIZE && !p.resize);
    dcn_data_preprocess(data, (dcn_shape){ 48, 48, 3 }, &p);
    assert_true(p.resize);
    dcn_data_preprocess(data, (dcn_shape){ 8, 8, 3 }, &p);
    assert_true(p.resize);
    dcn_data_close(data);
}

/* ---- memory -------------------------------------------------------------------------- */

/* Each allocation in turn fails: DCN_MEMORY, nothing leaks (the sanitizer looks), the next works.
 */
static void no_memory(void **state)
{
    const char *paths[4] = { "synthetic", NULL, NULL, NULL };
    char kinds[3][600];
    static uint8_t bytes[8192];

    (void)state;
    for (int k = 0; k < 3; k++) {
        snprintf(kinds[k], sizeof kinds[k], "%s/%d", folder, k);
        assert_int_equal(mkdir(kinds[k], 0700), 0);
        paths[k + 1] = kinds[k];
    }
    put_cifar(kinds[0]);
    for (int i = 0; i < 2; i++) {
        const char *stem = i ? "t10k" : "train";
        char name[64];

        snprintf(name, sizeof name, "%s-images-idx3-ubyte", stem);
        put_file(kinds[1], name, bytes, idx_pictures(bytes, 4, 5, 6, 1));
        snprintf(name, sizeof name, "%s-labels-idx1-ubyte", stem);
        put_file(kinds[1], name, bytes, idx_labels(bytes, 4, 4));
    }
    put_picture("2/train/a/x.png", 4, 4, 3, 0);
    put_picture("2/test/a/x.png", 4, 4, 3, 0);
    for (int k = 0; k < 4; k++) {
        int n = 0;

        for (;; n++) {
            int left = n;
            dcn_data *data;
            dcn_status st;

            dcn__set_alloc_hook(fail_after, &left);
            st = dcn_data_open(&data, paths[k], NULL, &err);
            dcn__set_alloc_hook(NULL, NULL);
            dcn_data_close(data);
            if (left >= 0)
                break;
            assert_null(data);
            assert_int_equal(st, DCN_MEMORY);
        }
        assert_true(n >= 4);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cifar10),
        TEST(cifar10_below_a_parent),
        TEST(cifar10_hash),
        TEST(cifar10_refused),
        TEST(cifar10_changed_meanwhile),
        TEST(idx_folder),
        TEST(idx_refused),
        TEST(synthetic),
        TEST(refused_paths),
        TEST(usual_preprocessing),
        TEST(fingerprint),
#ifdef DCN_HAVE_ZLIB
        TEST(fashion_mnist),
#endif
#ifdef DCN_HAVE_PNG
        TEST(image_folder),
        TEST(image_folder_refused),
        TEST(limits_reach_the_pictures),
        TEST(no_memory),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
