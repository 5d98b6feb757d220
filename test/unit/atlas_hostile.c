/* The file of a scan that a stranger made: what it says of itself, and that nothing in it is believed. */
#include "atlas_state_help.h"

#include "base/memory.h"
#include "codec/safetensors.h"

/* Not synced: there are thousands of them. */
static const char *put_bytes(const uint8_t *data, size_t size)
{
    const char *path = path_of("h");
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void load_bytes(dcn_atlas *a, const dcn__bytes *bytes, const char *what)
{
    const dcn__bytes before = state_of(a);
    dcn__bytes after;

    assert_int_equal(dcn_atlas_load(a, put_bytes(bytes->data, bytes->size), &err), DCN_INPUT);
    if (!strstr(err.text, what) || !strstr(err.text, "; "))
        fail_msg("%s does not say \"%s\"", err.text, what);
    after = state_of(a);
    if (!same_bytes(&before, &after))
        fail_msg("a refused file has changed the atlas: %s", err.text);
    dcn__bytes_clear(&after);
    dcn__bytes_clear((dcn__bytes *)&before);
    unlink(path_of("h"));
}

/* n letters more in a text of the header, which ends there. */
static dcn__bytes lengthened(const dcn__bytes *bytes, const char *text, size_t n)
{
    dcn__bytes longer = { dcn__alloc(bytes->size + n + 1), bytes->size + n };
    const uint8_t *at = memmem(bytes->data, bytes->size, text, strlen(text));
    uint64_t header;
    size_t before;

    assert_true(longer.data && at && n % 8 == 0);
    before = (size_t)(at - bytes->data) + strlen(text);
    memcpy(longer.data, bytes->data, before);
    memset(longer.data + before, 'x', n);
    memcpy(longer.data + before + n, bytes->data + before, bytes->size - before);
    memcpy(&header, longer.data, 8);
    header += n;
    memcpy(longer.data, &header, 8);
    return longer;
}

/* In place: the text that stands once in the header. */
static void replace(dcn__bytes *bytes, const char *from, const char *to)
{
    uint8_t *at = memmem(bytes->data, bytes->size, from, strlen(from));

    assert_int_equal(strlen(from), strlen(to));
    if (!at)
        fail_msg("the test looks for %s, which is not there", from);
    memcpy(at, to, strlen(to));
}

static uint8_t *number_at(const dcn__bytes *bytes, const char *name, size_t i)
{
    const dcn__tensor *tensor;
    dcn__tensors t;
    uint8_t *at;

    must(dcn__tensors_parse(&t, bytes->data, bytes->size, "test", NULL, &err));
    if (!(tensor = dcn__tensors_find(&t, name)))
        fail_msg("the test names a tensor %s that is not there", name);
    at = bytes->data + dcn__tensors_offset(&t, tensor) + i * (tensor->dtype[0] == 'F' ? 4 : 8);
    dcn__tensors_close(&t);
    return at;
}

static void believes_no_number(void **state)
{
    static const struct { const char *name; size_t i; double value; const char *what; } cases[] = {
        { "max_pool1.value", 18, NAN, "channel 2 of max_pool1 has an impossible value" },
        { "max_pool1.value", 18, INFINITY, "has an impossible value" },
        { "max_pool1.value", 19, 1e6, "is out of order" },
        { "max_pool1.value", 18, 1e6, "contradicts itself" },
        { "max_pool1.value", 20, 0, "has an impossible value" },
        { "max_pool1.value", 0, 1, "channel 0 of max_pool1 has an impossible value" },
        { "max_pool1.value", 0, -0.0, "has an impossible value" },
        { "max_pool1.picture", 0, 1, "has a picture out of range" },
        { "max_pool1.cell", 0, 1, "has a cell out of range" },
        { "max_pool1.picture", 18, -1, "has a picture out of range" },
        { "max_pool1.picture", 18, TEST, "has a picture out of range" },
        { "max_pool1.picture", 18, 9e18, "has a picture out of range" },
        { "max_pool1.cell", 18, -1, "has a cell out of range" },
        { "max_pool1.cell", 18, 36, "has a cell out of range" },
        { "max_pool1.count", 2, 10, "has an impossible number of units" },
        { "max_pool1.count", 2, -1, "has an impossible number of units" },
        { "max_pool1.count", 2, 8, "has an impossible value" },
        { "max_pool1.count", 0, 1, "has an impossible value" },
        { "max_pool1.fired", 2, -1, "fired on an impossible number of pictures" },
        { "max_pool1.fired", 2, TEST + 1, "fired on an impossible number of pictures" },
        { "max_pool1.fired", 2, 3, "contradicts itself" },
        { "max_pool1.fired", 0, 1, "contradicts itself" },
        { "max_pool1.least", 2, NAN, "contradicts itself" },
        { "max_pool1.least", 2, -INFINITY, "contradicts itself" },
        { "max_pool1.least", 2, 1e9, "contradicts itself" },
        { "max_pool1.least", 0, -0.0, "contradicts itself" },
        { "max_pool1.most", 2, 1e9, "contradicts itself" },
        { "max_pool1.most", 2, 0, "contradicts itself" },
        { "max_pool1.most", 0, 1, "contradicts itself" },
    };
    world w = { 0 };
    dcn__bytes good;
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    good = scan_of(&w, (dcn_atlas_desc){ 0 });
    replace(&good, "\"crc32c\"", "\"crc32x\"");          /* changed on purpose */
    a = atlas_of(&w, (dcn_atlas_desc){ 0 });
    for (size_t i = 0; i < COUNT(cases); i++) {
        dcn__bytes bytes = copy_of(&good);
        uint8_t *at = number_at(&bytes, cases[i].name, cases[i].i);

        if (strstr(cases[i].name, "value") || strstr(cases[i].name, "st"))
            memcpy(at, &(float){ (float)cases[i].value }, 4);
        else
            memcpy(at, &(int64_t){ (int64_t)cases[i].value }, 8);
        load_bytes(a, &bytes, cases[i].what);
        dcn__bytes_clear(&bytes);
    }
    for (int i = 0; i < 2; i++) {                        /* two equal pictures; one is there twice */
        dcn__bytes bytes = copy_of(&good);

        memcpy(number_at(&bytes, "max_pool1.picture", 19 + (size_t)i),
               number_at(&bytes, "max_pool1.picture", 18), 8);
        memcpy(number_at(&bytes, "max_pool1.value", 19 + (size_t)i),
               number_at(&bytes, "max_pool1.value", 18 + (size_t)i), 4);
        load_bytes(a, &bytes, "channel 2 of max_pool1 ");
        dcn__bytes_clear(&bytes);
    }
    must(dcn_atlas_load(a, put_bytes(good.data, good.size), &err));         /* nothing else is wrong with it */
    unlink(path_of("h"));
    dcn__bytes_clear(&good);
    dcn_atlas_destroy(a);
    close_world(&w);
}

static void believes_no_text(void **state)
{
    static const struct { const char *from, *to, *what; } cases[] = {
        { "\"next\":\"70\"", "\"next\":\"71\"", "its next \"71\" is outside 0..70" },
        { "\"next\":\"70\"", "\"next\":\"-1\"", "its next \"-1\" is outside 0..70" },
        { "\"next\":\"70\"", "\"next\":\"12\"", "its next 12 is inside a chunk" },
        { "\"next\":\"70\"", "\"next\":\"1x\"", "its next \"1x\" is outside" },
        { "\"next\":\"70\"", "\"nexx\":\"70\"", "its \"next\" is missing" },
        { "\"first\":\"0\"", "\"first\":\"1\"", "its first \"1\" is outside 0..0" },
        { "\"end\":\"70\"", "\"end\":\"71\"", "its end \"71\" is outside 70..70" },
        { "\"top\":\"9\"", "\"top\":\"0\"", "its top \"0\" is outside 1..100" },
        { "\"shards\":\"1\"", "\"shards\":\"0\"", "its shards \"0\" is outside 1..100000" },
        { "\"shard\":\"0\"", "\"shard\":\"1\"", "its shard \"1\" is outside 0..0" },
        { "\"engine\":", "\"engixe\":", "its \"engine\" is missing" },
        { "-scan 1\"", "-scan x\"", "is not the state of a scan" },
        { "\"format\"", "\"formax\"", "is not the state of a scan" },
        { "\"relu2.mark\"", "\"relu2.marx\"", "relu2.marx is of no layer of the network" },
        { "\"relu2.mark\"", "\"relu2xmark\"", "relu2xmark is of no layer of the network" },
        { "\"relu2.mark\"", "\"relu7.mark\"", "relu7.mark is of no layer of the network" },
        { "\"relu2.mark\"", "\"conv2.mark\"", "relu2.mark is missing" },
        { "\"relu2.mark\"", "\"relu1.mark\"", "relu1.mark has another type or shape" },
        { "\"F32\",\"shape\":[5,9]", "\"U32\",\"shape\":[5,9]", "has another type or shape than 9 "
          "units of 5 channels" },
        { "\"shape\":[5,9]", "\"shape\":[9,5]", "has another type or shape than 9 units of 5" },
    };
    world w = { 0 };
    dcn__bytes good;
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    good = scan_of(&w, (dcn_atlas_desc){ 0 });
    replace(&good, "\"crc32c\"", "\"crc32x\"");
    a = atlas_of(&w, (dcn_atlas_desc){ 0 });
    for (size_t i = 0; i < COUNT(cases); i++) {
        dcn__bytes bytes = copy_of(&good);

        replace(&bytes, cases[i].from, cases[i].to);
        load_bytes(a, &bytes, cases[i].what);
        dcn__bytes_clear(&bytes);
    }
    replace(&good, "-scan 1\"", "-scan 2\"");
    assert_int_equal(dcn_atlas_load(a, put_bytes(good.data, good.size), &err), DCN_STATE);
    assert_non_null(strstr(err.text, "is of version 2, this program reads version 1; scan again"));
    unlink(path_of("h"));
    dcn__bytes_clear(&good);
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* Every bit counts: a changed byte is noticed, wherever it is, and so is a missing end. */
static void notices_damage(void **state)
{
    dcn__bytes good, again;
    world w = { 0 };
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    good = scan_of(&w, (dcn_atlas_desc){ .top = 2 });
    a = atlas_of(&w, (dcn_atlas_desc){ .top = 2 });
    for (size_t i = 0; i < good.size; i += 1 + i % 3) {
        const uint8_t bit = (uint8_t)(1 << dcn__hash64(i) % 8);

        const char *path;

        good.data[i] ^= bit;
        path = put_bytes(good.data, good.size);
        good.data[i] ^= bit;
        if (dcn_atlas_load(a, path, &err))
            continue;
        again = state_of(a);             /* a space of the header may become a tab */
        if (!same_bytes(&good, &again))
            fail_msg("byte %zu of %zu was changed, and nobody noticed", i, good.size);
        dcn__bytes_clear(&again);
    }
    for (size_t n = 0; n < good.size; n += 1 + n / 8)
        assert_int_equal(dcn_atlas_load(a, put_bytes(good.data, n), &err), DCN_INPUT);
    unlink(path_of("h"));
    dcn__bytes_clear(&good);
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* ---- what it says of itself -------------------------------------------------------------------- */

static void tells_what_it_is(void **state)
{
    static const struct { const char *from, *to, *what; } cases[] = {
        { "-scan 1\"", "-scan x\"", "is not the state of a scan" },
        { "\"first\"", "\"firxt\"", "its \"first\" is missing" },
        { "\"end\":\"128\"", "\"end\":\"221\"", "its end \"221\" is outside 64..220" },
        { "\"next\":\"72\"", "\"next\":\"63\"", "its next \"63\" is outside 64..128" },
        { "\"all\"", "\"any\"", "its pictures \"any\" are neither test, train nor all" },
        { "\"total\":\"220\"", "\"total\":\"2x0\"", "its total \"2x0\" is outside" },
        { "\\\"relu2\\\"]", "\\\"relu3\\\"]", "the 3 units of each channel of layer relu3" },
        { "\"top\":\"3\"", "\"top\":\"4\"", "the 4 units of each channel of layer max_pool1" },
        { "\"top\":\"3\"", "\"tox\":\"3\"", "its \"top\" is missing" },
    };
    static const struct { const char *text; size_t more; const char *what; } longer[] = {
        { "\"model\":\"", 8, "its model is longer than 23 bytes; copy the file again or scan again" },
        { "\"data\":\"", 8, "its data is longer than 23 bytes; copy the file again or scan again" },
        { "\"preprocess\":\"", 400, "its preprocess is longer than 399 bytes; copy the file again or scan again" },
        { "\"engine\":\"", 64, "its engine is longer than 63 bytes; copy the file again or scan again" },
    };
    const dcn_node layers[] = { 3, 5 };
    int calls = 1;
    dcn__bytes good;
    world w = { 0 };
    dcn_scan s;
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    a = atlas_of(&w, (dcn_atlas_desc){ .layers = layers, .n_layers = 2, .top = 3, .batch = 8,
                                       .pictures = DCN_PICTURES_ALL, .shard = 1, .shards = 4 });
    assert_int_equal(dcn_atlas_scan(a, path_of("s"), stop_at, &calls, &err), DCN_STOPPED);
    must(dcn_scan_read(&s, path_of("s"), NULL, &err));
    assert_int_equal(strlen(s.model), 16);
    assert_true(strtoull(s.data, NULL, 16) == dcn_data_hash(w.data));
    assert_string_equal(s.preprocess, "12x12x1 none");
    assert_string_equal(s.engine, a->engine);
    assert_int_equal(s.pictures, DCN_PICTURES_ALL);
    assert_int_equal(s.total, TRAIN + TEST);
    assert_int_equal(s.top, 3);
    assert_int_equal(s.shard, 1);
    assert_int_equal(s.shards, 4);
    assert_int_equal(s.first, a->first);
    assert_int_equal(s.end, a->end);
    assert_int_equal(s.next, a->next);
    assert_true(s.next > s.first && s.next < s.end);
    assert_int_equal(s.n_layers, 2);
    assert_string_equal(s.layers[0], "max_pool1");
    assert_string_equal(s.layers[1], "relu2");
    assert_int_equal(s.channels[0], 6);
    assert_int_equal(s.channels[1], 5);
    dcn_scan_clear(&s);
    dcn_scan_clear(&s);
    good = state_of(a);
    good.data[good.size - 1] ^= 1;
    assert_int_equal(dcn_scan_read(&s, put_bytes(good.data, good.size), NULL, &err), DCN_INPUT);
    assert_non_null(strstr(err.text, "is damaged (checksum "));
    replace(&good, "\"crc32c\"", "\"crc32x\"");
    must(dcn_scan_read(&s, put_bytes(good.data, good.size), NULL, &err));
    dcn_scan_clear(&s);
    for (size_t i = 0; i < COUNT(cases); i++) {
        dcn__bytes bytes = copy_of(&good);

        replace(&bytes, cases[i].from, cases[i].to);
        assert_int_equal(dcn_scan_read(&s, put_bytes(bytes.data, bytes.size), NULL, &err),
                         DCN_INPUT);
        if (!strstr(err.text, cases[i].what))
            fail_msg("%s does not say \"%s\"", err.text, cases[i].what);
        assert_null(s.layers);
        dcn__bytes_clear(&bytes);
    }
    for (size_t i = 0; i < COUNT(longer); i++) {
        dcn__bytes bytes = lengthened(&good, longer[i].text, longer[i].more);

        assert_int_equal(dcn_scan_read(&s, put_bytes(bytes.data, bytes.size), NULL, &err), DCN_INPUT);
        if (!strstr(err.text, longer[i].what))
            fail_msg("%s does not say \"%s\"", err.text, longer[i].what);
        assert_null(s.layers);
        dcn__bytes_clear(&bytes);
    }
    for (int k = 0, st = DCN_MEMORY; st; k++) {
        int left = k;

        put_bytes(good.data, good.size);
        dcn__set_alloc_hook(fail_after, &left);
        st = dcn_scan_read(&s, path_of("h"), NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
        assert_true(st == DCN_OK || st == DCN_MEMORY);
    }
    dcn_scan_clear(&s);
    unlink(path_of("h"));
    unlink(path_of("s"));
    dcn__bytes_clear(&good);
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* A file that does not say where its only part begins and ends. */
static void a_whole_scan_begins_at_the_first(void **state)
{
    dcn__bytes bytes;
    world w = { 0 };
    dcn_scan s;

    (void)state;
    set_up(&w);
    bytes = scan_of(&w, (dcn_atlas_desc){ 0 });
    replace(&bytes, "\"crc32c\"", "\"crc32x\"");
    replace(&bytes, "\"first\"", "\"firxt\"");
    must(dcn_scan_read(&s, put_bytes(bytes.data, bytes.size), NULL, &err));
    assert_int_equal(s.first, 0);
    assert_int_equal(s.end, TEST);
    assert_int_equal(s.next, TEST);
    assert_int_equal(s.n_layers, 3);
    dcn_scan_clear(&s);
    unlink(path_of("h"));
    dcn__bytes_clear(&bytes);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_no_number),
        cmocka_unit_test(believes_no_text),
        cmocka_unit_test(notices_damage),
        cmocka_unit_test(tells_what_it_is),
        cmocka_unit_test(a_whole_scan_begins_at_the_first),
    };

#ifndef DCN_HAVE_RHASH
    puts("skipped: this build cannot write the state of a scan");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
