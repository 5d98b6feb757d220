/* What a scan finds against all activations of all pictures; kinds of channels; numbers that are
 * none; where a scan may be cut. */
#include "atlas_help.h"

#include "atlas/spool.h"
#include "data/data.h"

#include "base/memory.h"

static const char net[] = "input 12x12x1; conv filters=6 kernel=3; relu; max_pool 2; "
                          "conv filters=5 kernel=3 pad=valid; leaky_relu slope=0.1; "
                          "dense units=7; softmax";

static void finds_what_there_is(void **state)
{
    static const char *const nets[] = {
        net,
        "input 12x12x1; conv filters=3 kernel=5 stride=3; clip max=6; avg_pool 2; dense units=4",
        "input 12x12x1; a = conv filters=4 kernel=1; relu; b = conv a filters=4 kernel=3; "
        "add a b; relu; dense units=3",
        "input 8x8x3; conv filters=4 kernel=3; relu; dense units=2",
    };
    static const int tops[] = { 1, 9, 100 };

    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        world w = { 0 };

        open_idx(&w, "atlas_scan", i);
        set_model(&w, nets[i], i, i % 2 ? 2 : 0);
        for (int pictures = DCN_PICTURES_TEST; pictures <= DCN_PICTURES_ALL; pictures++) {
            dcn_atlas *a = atlas_of(&w, (dcn_atlas_desc){ .top = tops[pictures], .batch = 24,
                                                          .pictures = (dcn_pictures)pictures });

            must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
            assert_int_equal(dcn_atlas_scanned(a), dcn_atlas_pictures(a));
            assert_int_equal(dcn_atlas_pictures(a), pictures == DCN_PICTURES_TEST ? TEST
                             : pictures == DCN_PICTURES_TRAIN ? TRAIN : TRAIN + TEST);
            is_brute_force(a, &w);
            dcn_atlas_destroy(a);
        }
        close_world(&w);
    }
}

/* Every node, not only those that end a layer. */
static void finds_in_every_node(void **state)
{
    world w = { 0 };
    dcn_node nodes[20];
    dcn_atlas *a;
    int n;

    (void)state;
    open_idx(&w, "atlas_scan", 3);
    set_model(&w, net, 4, 0);
    n = dcn_graph_node_count(w.model.graph) - 1;
    for (int i = 0; i < n; i++)
        nodes[i] = n - i;             /* in any order */
    a = atlas_of(&w, (dcn_atlas_desc){ .layers = nodes, .n_layers = n, .top = 5,
                                       .way = { .extend = 1 } });
    assert_int_equal(dcn_atlas_layer_count(a), n);
    for (int i = 0; i < n; i++)
        assert_int_equal(dcn_atlas_layer(a, i), i + 1);
    must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
    is_brute_force(a, &w);
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* Pictures of files, of several sizes, without labels. */
static void finds_in_a_folder(void **state)
{
#ifdef DCN_HAVE_PNG
    uint8_t pixels[20 * 20 * 3];
    dcn_atlas *a;
    world w = { 0 };

    (void)state;
    fresh_folder(w.folder, sizeof w.folder, "atlas_folder");
    for (int i = 0; i < 21; i++) {
        const dcn_image image = { 9 + i % 3, 10 + i % 10, i % 2 ? 3 : 1, pixels };
        char path[700];

        for (size_t k = 0; k < sizeof pixels; k++)
            pixels[k] = (uint8_t)dcn__hash64((uint64_t)(i / 2) * 5000 + k);
        snprintf(path, sizeof path, "%s/%02d.png", w.folder, i);
        must(dcn_image_save_png(&image, path, NULL, &err));
    }
    must(dcn_data_open(&w.data, w.folder, NULL, &err));
    set_model(&w, "input 8x8x3; conv filters=4 kernel=3; relu; dense units=2", 1, 0);
    a = atlas_of(&w, (dcn_atlas_desc){ .top = 4, .pictures = DCN_PICTURES_ALL });
    assert_int_equal(dcn_atlas_pictures(a), 21);
    must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
    is_brute_force(a, &w);
    dcn_atlas_destroy(a);
    must_say(dcn_atlas_create(&a, &w.model, w.data,
                              &(dcn_atlas_desc){ .pictures = DCN_PICTURES_TRAIN }, &err),
             DCN_USAGE, (snprintf((char *)pixels, sizeof pixels, "%s: has no training pictures; "
                                  "choose its 21 test pictures", w.folder), (char *)pixels));
    assert_null(a);
    close_world(&w);
#else
    (void)state;
    skip();
#endif
}

/* What came before is kept. */
static void stops_at_a_damaged_picture(void **state)
{
#ifdef DCN_HAVE_PNG
    uint8_t pixels[8 * 8];
    char path[700];
    dcn_atlas *a;
    world w = { 0 };

    (void)state;
    fresh_folder(w.folder, sizeof w.folder, "atlas_damaged");
    for (int i = 0; i < 30; i++) {
        const dcn_image image = { 8, 8, 1, pixels };

        memset(pixels, i, sizeof pixels);
        snprintf(path, sizeof path, "%s/%02d.png", w.folder, i);
        must(dcn_image_save_png(&image, path, NULL, &err));
    }
    put_file(w.folder, "17.png", "\x89PNG\r\n\x1a\n and no more", 20);
    must(dcn_data_open(&w.data, w.folder, NULL, &err));
    set_model(&w, "input 8x8x1; conv filters=4 kernel=3; relu", 1, 0);
    a = atlas_of(&w, (dcn_atlas_desc){ .batch = 8 });
    assert_int_equal(dcn_atlas_scan(a, NULL, NULL, NULL, &err), DCN_INPUT);
    assert_non_null(strstr(err.text, "17.png"));
    assert_int_equal(dcn_atlas_scanned(a), 16);
    dcn_atlas_destroy(a);
    close_world(&w);
#else
    (void)state;
    skip();
#endif
}

/* ---- kinds ------------------------------------------------------------------------------- */

static void kind_is(const dcn_atlas *a, const char *layer, int channel, dcn_channel_kind kind,
                    int same_as, const char *reason)
{
    dcn_atlas_channel got;
    int l = 0;

    while (a->pages[l].node != node_of(a->model->graph, layer))
        l++;
    must(dcn_atlas_channel_get(a, l, channel, &got, &err));
    assert_string_equal(got.reason, reason);
    assert_int_equal(got.kind, kind);
    assert_int_equal(got.same_as, same_as);
}

static void says_what_is_odd(void **state)
{
    world w = { 0 };
    dcn_graph *g;
    dcn_atlas *a;

    (void)state;
    open_idx(&w, "atlas_scan", 5);
    set_model(&w, "input 12x12x1; conv filters=8 kernel=3; clip max=6; dense units=4", 6, 0);
    g = w.model.graph;
    change_channel(g, "conv1.weight", 0, 0, 0);           /* dead */
    change_channel(g, "conv1.bias", 0, 0, 0);
    change_channel(g, "conv1.bias", 2, 0, 1000);          /* saturated */
    change_channel(g, "conv1.bias", 3, 0, 1000);          /* and so is its double */
    copy_channel(g, "conv1.weight", 6, 4);
    copy_channel(g, "conv1.bias", 6, 4);
    copy_channel(g, "conv1.weight", 7, 4);
    copy_channel(g, "conv1.bias", 7, 4);
    change_channel(g, "dense1.weight", 1, 0, 0);          /* linear: speaks below 0 */
    change_channel(g, "dense1.bias", 1, 0, -2);
    change_channel(g, "dense1.bias", 2, 0, -1e6);
    change_channel(g, "dense1.weight", 3, 0, 0);          /* but not at 0 */
    change_channel(g, "dense1.bias", 3, 0, 0);
    a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL, .top = 3 });
    kind_is(a, "clip1", 0, DCN_CHANNEL_USUAL, -1, "");    /* nothing is scanned yet */
    must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
    kind_is(a, "clip1", 0, DCN_CHANNEL_DEAD, -1, "never fired on 220 pictures");
    kind_is(a, "clip1", 1, DCN_CHANNEL_USUAL, -1, "");
    kind_is(a, "clip1", 2, DCN_CHANNEL_SATURATED, -1,
            "the same largest value 6 on all 220 pictures");
    kind_is(a, "clip1", 3, DCN_CHANNEL_SATURATED, -1,
            "the same largest value 6 on all 220 pictures");
    kind_is(a, "clip1", 4, DCN_CHANNEL_USUAL, -1, "");
    kind_is(a, "clip1", 6, DCN_CHANNEL_DUPLICATE, 4, "on every picture the same as channel 4");
    kind_is(a, "clip1", 7, DCN_CHANNEL_DUPLICATE, 4, "on every picture the same as channel 4");
    kind_is(a, "dense1", 1, DCN_CHANNEL_SATURATED, -1,
            "the same largest value -2 on all 220 pictures");
    kind_is(a, "dense1", 2, DCN_CHANNEL_USUAL, -1, "");
    kind_is(a, "dense1", 3, DCN_CHANNEL_DEAD, -1, "never fired on 220 pictures");
    is_brute_force(a, &w);
    must_say(dcn_atlas_channel_get(a, 0, 8, &(dcn_atlas_channel){ 0 }, &err), DCN_USAGE,
             "channel: 8 is outside 0..7; choose another");
    must_say(dcn_atlas_channel_get(a, 2, 0, &(dcn_atlas_channel){ 0 }, &err), DCN_USAGE,
             "layer: 2 is outside 0..1; choose another");
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* With an activation, never to come above 0 is to be dead, even if it lets a little through. */
static void below_zero_is_dead_behind_an_activation(void **state)
{
    world w = { 0 };
    dcn_atlas *a;

    (void)state;
    open_idx(&w, "atlas_scan", 5);
    set_model(&w, "input 12x12x1; conv filters=3 kernel=3; leaky_relu slope=0.1; max_pool 2", 6, 0);
    change_channel(w.model.graph, "conv1.bias", 0, 0, -1000);
    change_channel(w.model.graph, "conv1.weight", 1, 0, 0);
    change_channel(w.model.graph, "conv1.bias", 1, 0, -1000);
    a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL });
    must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
    kind_is(a, "max_pool1", 0, DCN_CHANNEL_DEAD, -1, "never above 0 on 220 pictures");
    kind_is(a, "max_pool1", 1, DCN_CHANNEL_DEAD, -1, "never above 0 on 220 pictures");
    kind_is(a, "max_pool1", 2, DCN_CHANNEL_USUAL, -1, "");
    dcn_atlas_destroy(a);
    close_world(&w);
}

static void counts_are_grouped(void **state)
{
    static const struct { int64_t n; const char *text; } cases[] = {
        { 0, "0" }, { 7, "7" }, { 999, "999" }, { 1000, "1,000" }, { 10000, "10,000" },
        { 123456, "123,456" }, { 1234567, "1,234,567" }, { -1000, "-1,000" }, { -123, "-123" },
        { INT64_MAX, "9,223,372,036,854,775,807" }, { INT64_MIN, "-9,223,372,036,854,775,808" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[DCN__COUNT_TEXT];

        assert_string_equal(dcn__count_text(text, cases[i].n), cases[i].text);
    }
}

/* ---- numbers that are none ----------------------------------------------------------------- */

/* The first picture that is bad, whatever the batch; what was found before it is kept. */
static void refuses_what_is_not_finite(void **state)
{
    world w = { 0 };
    dcn_atlas *a;

    (void)state;
    open_idx(&w, "atlas_scan", 8);
    set_model(&w, "input 12x12x1; conv filters=3 kernel=1; relu; conv filters=20 kernel=1", 9, 1);
    change_channel(w.model.graph, "conv2.weight", 17, 0, NAN);
    a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_TRAIN });
    must_say(dcn_atlas_scan(a, path_of("bad"), NULL, NULL, &err), DCN_NUMBERS,
             "conv2: channel 17 on training picture 0 is not a number; check the network's weights");
    assert_int_equal(dcn_atlas_scanned(a), 0);
    assert_false(dcn__is_file(path_of("bad")));
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* Picture 42 alone is not black: its light is too much for a float in a later layer. */
static void names_the_first_such_picture(void **state)
{
    static const int batches[] = { 1, 16, 128 }, kept[] = { 40, 32, 0 };
    uint8_t bytes[16 + TEST * SIDE * SIDE] = { 0 };
    world w = { 0 };

    (void)state;
    open_idx(&w, "atlas_scan", 8);
    dcn_data_close(w.data);
    idx_pictures(bytes, TEST, 0, 0, 0);
    bytes[11] = bytes[15] = SIDE;
    bytes[16 + 42 * SIDE * SIDE + 17] = 255;
    put_file(w.folder, "t10k-images-idx3-ubyte", bytes, sizeof bytes);
    must(dcn_data_open(&w.data, w.folder, NULL, &err));
    set_model(&w, "input 12x12x1; conv filters=3 kernel=1 bias=no; relu; conv filters=20 kernel=1",
              9, 1);
    change_channel(w.model.graph, "conv1.weight", 1, 0, 3e38f);
    change_channel(w.model.graph, "conv2.weight", 5, 0, 2);
    for (size_t i = 0; i < COUNT(batches); i++) {
        dcn_atlas *a = atlas_of(&w, (dcn_atlas_desc){ .batch = batches[i] });

        must_say(dcn_atlas_scan(a, path_of("bad"), NULL, NULL, &err), DCN_NUMBERS,
                 "conv2: channel 5 on test picture 42 is infinite; check the network's weights");
        assert_int_equal(dcn_atlas_scanned(a), kept[i]);
        dcn_atlas_destroy(a);
#ifdef DCN_HAVE_RHASH
        a = atlas_of(&w, (dcn_atlas_desc){ 0 });
        if (kept[i]) {
            must(dcn_atlas_load(a, path_of("bad"), &err));
            unlink(path_of("bad"));
        }
        assert_int_equal(dcn_atlas_scanned(a), kept[i]);
        assert_false(dcn__is_file(path_of("bad")));
        dcn_atlas_destroy(a);
#endif
    }
    close_world(&w);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void refused(const world *w, dcn_atlas_desc desc, dcn_status status, const char *sentence)
{
    dcn_atlas *a = (dcn_atlas *)1;

    must_say(dcn_atlas_create(&a, &w->model, w->data, &desc, &err), status, sentence);
    assert_null(a);
}

/* Settings that no command line gives, and data without a picture. */
static void refuses_what_programs_ask(void **state)
{
    enum { MANY = 4097 };
    static dcn_node layers[MANY];
    char sentence[700];
    int64_t count[2];
    dcn__spool spool;
    dcn_atlas *a;
    world w = { 0 };

    (void)state;
    open_idx(&w, "atlas_scan", 8);
    set_model(&w, net, 9, 1);
    for (int i = 0; i < MANY; i++)
        layers[i] = 1;
    refused(&w, (dcn_atlas_desc){ .n_layers = -1 }, DCN_USAGE, "layers: -1 is not a number of layers; correct it");
    refused(&w, (dcn_atlas_desc){ .n_layers = 2 }, DCN_USAGE, "layers: 2 is not a number of layers; correct it");
    layers[0] = -1;
    refused(&w, (dcn_atlas_desc){ .n_layers = 1, .layers = layers }, DCN_USAGE,
            "layers: -1 is no node of the network; they are 1..7");
    layers[0] = 1;
    refused(&w, (dcn_atlas_desc){ .n_layers = MANY, .layers = layers }, DCN_USAGE,
            "layers: 4097 are too many for one atlas; choose at most 4096");
    refused(&w, (dcn_atlas_desc){ .engine = "abacus" }, DCN_USAGE,
            has_engine("cpu") ? "engine: there is no engine \"abacus\" in this build; use cpu, ref or ref64"
                              : "engine: there is no engine \"abacus\" in this build; use ref or ref64");
    memcpy(count, w.data->info.count, sizeof count);
    memset(w.data->info.count, 0, sizeof count);
    snprintf(sentence, sizeof sentence, "%s: has no pictures; choose other data", w.folder);
    for (int i = 0; i < 3; i++)
        refused(&w, (dcn_atlas_desc){ .pictures = (dcn_pictures)i }, DCN_USAGE, sentence);
    memcpy(w.data->info.count, count, sizeof count);
    must(dcn_atlas_create(&a, &w.model, w.data, &(dcn_atlas_desc){ .n_layers = 1, .layers = layers }, &err));
    a->pages[0].tile[0] = a->pages[0].tile[1] = 1 << 29;     /* as if it were to show a continent */
    must_say(dcn__spool_init(&spool, a, false, &err), DCN_USAGE,
             "atlas: its tiles are more than a file can hold; ask for fewer layers or smaller tiles");
    dcn__spool_clear(&spool);
    dcn_atlas_destroy(a);
    close_world(&w);
}

static void refuses_settings(void **state)
{
    const dcn_node twice[] = { 2, 1, 2 }, input[] = { 0 }, none[] = { 99 };
    world w = { 0 };

    (void)state;
    open_idx(&w, "atlas_scan", 8);
    set_model(&w, net, 9, 1);
    refused(&w, (dcn_atlas_desc){ .layers = twice, .n_layers = 3 }, DCN_USAGE,
            "relu1: is asked for twice; name each layer once");
    refused(&w, (dcn_atlas_desc){ .layers = input, .n_layers = 1 }, DCN_USAGE,
            "input1: is the picture itself; choose layers behind it");
    refused(&w, (dcn_atlas_desc){ .layers = none, .n_layers = 1 }, DCN_USAGE,
            "layers: 99 is no node of the network; they are 1..7");
    refused(&w, (dcn_atlas_desc){ .top = 101 }, DCN_USAGE, "top: 101 is outside 1..100; correct it");
    refused(&w, (dcn_atlas_desc){ .top = -1 }, DCN_USAGE, "top: -1 is outside 1..100; correct it");
    refused(&w, (dcn_atlas_desc){ .tile = 7 }, DCN_USAGE, "tile: 7 is outside 8..512; correct it");
    refused(&w, (dcn_atlas_desc){ .tile = 513 }, DCN_USAGE,
            "tile: 513 is outside 8..512; correct it");
    refused(&w, (dcn_atlas_desc){ .shard = 1 }, DCN_USAGE,
            "shards: 0 is outside 1..100000; correct it");
    refused(&w, (dcn_atlas_desc){ .shard = 3, .shards = 3 }, DCN_USAGE,
            "shard: 3 is outside 0..2; correct it");
    refused(&w, (dcn_atlas_desc){ .shards = 100001 }, DCN_USAGE,
            "shards: 100001 is outside 1..100000; correct it");
    refused(&w, (dcn_atlas_desc){ .pictures = 3 }, DCN_USAGE,
            "pictures: 3 are no pictures; choose test, train or all");
    refused(&w, (dcn_atlas_desc){ .batch = -1 }, DCN_USAGE,
            "batch: -1 is outside 0..1048576; correct it");
    w.model.preprocess.shape.h = 11;
    refused(&w, (dcn_atlas_desc){ 0 }, DCN_STATE,
            "input1: the network takes 12x12x1, the preprocessing makes 11x12x1; use the network's "
            "own preprocessing");
    dcn_model_clear(&w.model);
    set_model(&w, "input 12x12x1; relu; max_pool 2", 9, 1);
    refused(&w, (dcn_atlas_desc){ 0 }, DCN_USAGE, "layers: the network has no conv or dense layer; "
            "choose some of its nodes");
    close_world(&w);
}

/* ---- how it is cut ------------------------------------------------------------------------- */

static void shards_are_whole_stretches(void **state)
{
    world w = { 0 };

    (void)state;
    open_idx(&w, "atlas_scan", 8);
    set_model(&w, net, 9, 1);
    for (int shards = 1; shards <= 12; shards++) {
        int64_t next = 0;

        for (int shard = 0; shard < shards; shard++) {
            dcn_atlas *a = atlas_of(&w, (dcn_atlas_desc){ .shard = shard, .shards = shards,
                                                          .pictures = DCN_PICTURES_ALL });

            /* 150 and 70 pictures: 64, 64, 22; 64, 6 */
            assert_true(a->first == 0 || a->first == 64 || a->first == 128 || a->first == 150 ||
                        a->first == 214 || a->first == 220);
            assert_int_equal(a->first, next);
            next = a->end;
            dcn_atlas_destroy(a);
        }
        assert_int_equal(next, 220);
    }
    close_world(&w);
}

static void says_how_it_will_go(void **state)
{
    static const char start[] =
        "3 layers, 18 channels, 92 pictures of 220 (part 2 of 2); scan in ";
    world w = { 0 };
    dcn_atlas *a;

    (void)state;
    open_idx(&w, "atlas_scan", 8);
    set_model(&w, net, 9, 1);
    a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL, .shard = 1, .shards = 2 });
    if (strncmp(dcn_atlas_text(a), start, strlen(start)) != 0)
        fail_msg("%s", dcn_atlas_text(a));
    assert_true(dcn_atlas_bytes(a) > dcn__lists_bytes(18, 9));
    dcn_atlas_destroy(a);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_there_is),
        cmocka_unit_test(finds_in_every_node),
        cmocka_unit_test(finds_in_a_folder),
        cmocka_unit_test(stops_at_a_damaged_picture),
        cmocka_unit_test(says_what_is_odd),
        cmocka_unit_test(below_zero_is_dead_behind_an_activation),
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(refuses_what_is_not_finite),
        cmocka_unit_test(names_the_first_such_picture),
        cmocka_unit_test(refuses_settings),
        cmocka_unit_test(refuses_what_programs_ask),
        cmocka_unit_test(shards_are_whole_stretches),
        cmocka_unit_test(says_how_it_will_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
