/* model_identify.c - each kind of file and folder is found by content, near misses by name. */
#include "codec_test.h"

#include "base/file.h"
#include "codec/digest.h"

static dcn_error err;

static const char *put(const char *name, const void *bytes, size_t size)
{
    const char *path = temporary(name);

    assert_ok(dcn__file_write(path, bytes, size, &err));
    return path;
}

static void is(dcn_kind wanted, const void *bytes, size_t size)
{
    dcn_kind kind;

    assert_ok(dcn_identify(put("identify", bytes, size), NULL, &kind, &err));
    assert_int_equal(kind, wanted);
}

static void is_not(const char *part, const void *bytes, size_t size)
{
    dcn_kind kind;

    assert_refused(dcn_identify(put("identify", bytes, size), NULL, &kind, &err), DCN_INPUT, part);
    assert_int_equal(kind, DCN_KIND_UNKNOWN);
}

#define TEXT(text) text, sizeof text - 1

static void files(void **state)
{
    uint8_t record[16] = { 24 };
    const uint32_t sum = dcn__crc32c_mask(dcn__crc32c(record, 8));

    (void)state;
    is(DCN_KIND_PICTURE, TEXT("\x89PNG\r\n\x1a\n"));
    is(DCN_KIND_PICTURE, TEXT("\xff\xd8\xff\xe0"));
    is(DCN_KIND_NPY, TEXT("\x93NUMPY\1\0"));
    is(DCN_KIND_IDX_FILE, TEXT("\0\0\x8\3\0\0\0\1\0\0\0\1\0\0\0\1x"));
    is_not("the file ends here, its header announces 17 bytes",
           TEXT("\0\0\x8\3\0\0\0\1\0\0\0\1\0\0\0\1"));
    memcpy(record + 8, &sum, 4);
    is(DCN_KIND_EVENTS, record, sizeof record);
    record[0]++;
    is_not("begins like nothing that is read here", record, sizeof record);
}

static void networks(void **state)
{
    (void)state;
    is(DCN_KIND_NETWORK, TEXT("input 24x24x3; conv"));
    is(DCN_KIND_NETWORK, TEXT("# a comment with input\n\n  x =  input 24x24x3\n"));
    is(DCN_KIND_NETWORK, TEXT("input nonsense"));              /* its reader says where */
    is_not("is text, but no network description", TEXT("inputs are welcome"));
    is_not("is text, but no network description", TEXT("hello\n"));
    is_not("is text, but no network description", TEXT("# only a comment"));
    is_not("is text, but no network description", TEXT("x = 1\ninput 2"));
}

#ifdef DCN_HAVE_RHASH
static void tensors(void **state)
{
    const char *const model[] = { "format", "deconvnet model 1", NULL };
    const char *const scan[] = { "format", "deconvnet-atlas-scan 1", NULL };
    const char *const other[] = { "format", "pt", NULL };
    const char *path = temporary("identify");
    dcn_kind kind;

    (void)state;
    assert_ok(dcn_tensors_save(path, NULL, 0, model, &err));
    assert_ok(dcn_identify(path, NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_MODEL);
    assert_ok(dcn_tensors_save(path, NULL, 0, scan, &err));
    assert_ok(dcn_identify(path, NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_SCAN);
    assert_ok(dcn_tensors_save(path, NULL, 0, other, &err));
    assert_ok(dcn_identify(path, NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_TENSORS);
    assert_ok(dcn_tensors_save(path, NULL, 0, NULL, &err));
    assert_ok(dcn_identify(path, NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_TENSORS);
    is_not("@0x9: tensor \"a\" does not have", TEXT("\10\0\0\0\0\0\0\0{\"a\":[]}"));
}
#endif

#ifdef DCN_HAVE_ZLIB
/* Made with: printf ... | gzip -9n. */
static void packed(void **state)
{
    (void)state;
    is(DCN_KIND_IDX_FILE,
       TEXT("\x1f\x8b\x08\0\0\0\0\0\2\xff\x63\x60\xe0\x60\x64\x60\x60\x60\xac\0\0\x23\x41\x7f\x59"
            "\x09\0\0\0"));
    is_not("is a gzip file, but no IDX file is inside",
           TEXT("\x1f\x8b\x08\0\0\0\0\0\2\xff\xcb\xc8\x04\0\xac\x2a\x93\xd8\2\0\0\0"));
}
#endif

static void near_misses(void **state)
{
    static uint8_t block[3074];

    (void)state;
    is_not("is empty", TEXT(""));
    is_not("is a Python pickle; for CIFAR-10 fetch the binary version", TEXT("\x80\4\x95"));
    is_not("is a zip file", TEXT("PK\3\4\x14"));
    is_not("is a GIF picture", TEXT("GIF89a"));
    is_not("is an HDF5 file", TEXT("\x89HDF\r\n"));
    block[0] = 7;
    is_not("is one file of CIFAR-10 (binary version); name its folder", block, 3073);
    block[1] = 42;
    is_not("is a file of CIFAR-100", block, 3074);
    memcpy(block + 257, "ustar", 5);
    block[0] = 'x';
    is_not("is a tar archive", block, 512);
    assert_refused(dcn_identify(temporary("no such file"), NULL, &(dcn_kind){ 0 }, &err), DCN_FILE,
                   "cannot open it");
    assert_refused(dcn_identify("/dev/null", NULL, &(dcn_kind){ 0 }, &err), DCN_FILE, "is a device");
}

static void folders(void **state)
{
    const char *root = temporary("folders");
    dcn_kind kind;
    char path[600];

    (void)state;
    assert_ok(dcn__make_folder(root, &err));
    assert_refused(dcn_identify(root, NULL, &kind, &err), DCN_INPUT, "holds no data set");
    snprintf(path, sizeof path, "%s/c/data_batch_1.bin", root);
    assert_ok(dcn__make_folder(temporary("folders/c"), &err));
    assert_ok(dcn__file_write(path, "", 0, &err));
    assert_ok(dcn_identify(temporary("folders/c"), NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_CIFAR10);
    assert_ok(dcn__make_folder(temporary("folders/i"), &err));
    assert_ok(dcn__file_write(temporary("folders/i/train-images-idx3-ubyte"), "", 0, &err));
    assert_ok(dcn_identify(temporary("folders/i"), NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_IDX);
    assert_ok(dcn__make_folder(temporary("folders/f/train"), &err));
    assert_ok(dcn_identify(temporary("folders/f"), NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_FOLDER);
    assert_ok(dcn__make_folder(temporary("folders/r"), &err));
    assert_ok(dcn__file_write(temporary("folders/r/model.safetensors"), "", 0, &err));
    assert_refused(dcn_identify(temporary("folders/r"), NULL, &kind, &err), DCN_INPUT,
                   "is the folder of a run; name the file model.safetensors");
    assert_ok(dcn__make_folder(temporary("folders/s"), &err));
    assert_ok(dcn__file_write(temporary("folders/s/scan.safetensors"), "", 0, &err));
    assert_ok(dcn_identify(temporary("folders/s"), NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_ATLAS);
    assert_ok(dcn__make_folder(temporary("folders/b"), &err));
    assert_ok(dcn__file_write(temporary("folders/b/atlas.json"), "", 0, &err));
    assert_ok(dcn_identify(temporary("folders/b"), NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_ATLAS);
}

static void every_kind_has_a_text(void **state)
{
    (void)state;
    for (int i = 0; i <= DCN_KIND_ATLAS; i++)
        assert_true(strlen(dcn_kind_text((dcn_kind)i)) > 4);
    assert_string_equal(dcn_kind_text((dcn_kind)99), "unknown");
    assert_string_equal(dcn_kind_text(DCN_KIND_MODEL), "model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),       cmocka_unit_test(networks),
#ifdef DCN_HAVE_RHASH
        cmocka_unit_test(tensors),
#endif
#ifdef DCN_HAVE_ZLIB
        cmocka_unit_test(packed),
#endif
        cmocka_unit_test(near_misses), cmocka_unit_test(folders),
        cmocka_unit_test(every_kind_has_a_text),
    };

    return cmocka_run_group_tests_name("model_identify", tests, NULL, NULL);
}
