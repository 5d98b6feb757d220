/* The file of a scan: the same bytes however the scan was cut, and nothing in it is believed. */
#include "atlas_state_help.h"

#include "base/memory.h"
#include "codec/safetensors.h"

static dcn__bytes copy_of(const dcn__bytes *bytes)
{
    const dcn__bytes copy = { dcn__alloc(bytes->size + 1), bytes->size };

    assert_non_null(copy.data);
    memcpy(copy.data, bytes->data, bytes->size);
    return copy;
}

/* ---- however it was cut -------------------------------------------------------------------- */

static void batches_and_threads_change_no_byte(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    static const int batches[] = { 0, 1, 3, 8, 64, 128, 1000 };
    world w = { 0 };

    (void)state;
    set_up(&w);
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn__bytes first = { 0 };

        if (!has_engine(engines[e]))
            continue;
        for (size_t i = 0; i < COUNT(batches); i++)
            for (int threads = 1; threads <= 3; threads++) {
                dcn__bytes bytes = scan_of(&w, (dcn_atlas_desc){
                    .engine = engines[e], .batch = batches[i], .threads = threads,
                    .pictures = DCN_PICTURES_ALL });

                if (!first.data)
                    first = bytes;
                else if (!same_bytes(&first, &bytes))
                    fail_msg("%s: batch %d on %d threads is another state", engines[e], batches[i],
                             threads);
                if (bytes.data != first.data)
                    dcn__bytes_clear(&bytes);
            }
        dcn__bytes_clear(&first);
    }
    close_world(&w);
}

/* The tutorial's network, whose kernels have much to choose from: a part of its pictures. */
static void the_fast_engine_changes_no_byte(void **state)
{
    static const int batches[] = { 0, 1, 24, 64 };
    dcn__bytes first = { 0 };
    world w = { 0 };

    (void)state;
    if (!has_engine("cpu"))
        skip();
    must(dcn_data_open(&w.data, "synthetic", NULL, &err));
    must(dcn_graph_tutorial(&w.model.graph, 3, 10, &err));
    must(dcn_graph_init_weights(w.model.graph, 3, &err));
    dcn_data_preprocess(w.data, (dcn_shape){ 24, 24, 3 }, &w.model.preprocess);
    for (size_t i = 0; i < COUNT(batches); i++)
        for (int threads = 1; threads <= 3; threads++) {
            dcn__bytes bytes = scan_of(&w, (dcn_atlas_desc){
                .engine = "cpu", .batch = batches[i], .threads = threads, .shard = 5,
                .shards = 10 });

            if (!first.data)
                first = copy_of(&bytes);
            if (!same_bytes(&first, &bytes))
                fail_msg("batch %d on %d threads is another state", batches[i], threads);
            dcn__bytes_clear(&bytes);
        }
    dcn__bytes_clear(&first);
    close_world(&w);
}

static void shards_make_the_whole(void **state)
{
    char names[12][600];
    const char *files[12];
    dcn__bytes whole;
    world w = { 0 };

    (void)state;
    set_up(&w);
    whole = scan_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL });
    for (int shards = 1; shards <= 12; shards++) {       /* 5 stretches: some are empty */
        dcn__bytes merged;
        dcn_atlas *a;

        for (int i = 0; i < shards; i++) {
            a = atlas_of(&w, (dcn_atlas_desc){ .shard = i, .shards = shards, .batch = 8 + 24 * i,
                                               .pictures = DCN_PICTURES_ALL });
            snprintf(names[i], sizeof names[i], "%s%d", path_of("shard"), i);
            must(dcn_atlas_scan(a, names[i], NULL, NULL, &err));
            dcn_atlas_destroy(a);
        }
        for (int i = 0; i < shards; i++)
            files[i] = names[dcn__random_permute((uint64_t)i, (uint64_t)shards, 5, 0)];
        a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL });
        must(dcn_atlas_merge(a, files, shards, &err));
        assert_int_equal(dcn_atlas_scanned(a), 220);
        is_brute_force(a, &w);
        merged = state_of(a);
        assert_true(same_bytes(&whole, &merged));
        must(dcn_atlas_merge(a, files, shards, &err));   /* what was there is not added */
        dcn__bytes_clear(&merged);
        merged = state_of(a);
        assert_true(same_bytes(&whole, &merged));
        dcn__bytes_clear(&merged);
        dcn_atlas_destroy(a);
        for (int i = 0; i < shards; i++)
            unlink(names[i]);
    }
    dcn__bytes_clear(&whole);
    close_world(&w);
}

/* Stopped after every batch in turn; the rest by the same atlas or by a new one, in other batches. */
static void goes_on(void **state)
{
    dcn__bytes whole;
    world w = { 0 };

    (void)state;
    set_up(&w);
    whole = scan_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL });
    for (int stop = 1; stop <= 29; stop++)
        for (int again = 0; again < 2; again++) {
            dcn_atlas *a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL,
                                                          .batch = 8 });
            dcn__bytes bytes;
            int left = stop;

            if (stop < 28) {
                assert_int_equal(dcn_atlas_scan(a, path_of("s"), stop_at, &left, &err),
                                 DCN_STOPPED);
                assert_int_equal(dcn_atlas_scanned(a), stop < 19 ? stop * 8
                                                                 : 150 + (stop - 19) * 8);
            } else {
                must(dcn_atlas_scan(a, path_of("s"), stop_at, &left, &err));
            }
            if (again) {
                dcn_atlas_destroy(a);
                a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL,
                                                   .batch = 8 * (stop % 4) });
                must(dcn_atlas_load(a, path_of("s"), &err));
            }
            must(dcn_atlas_scan(a, path_of("s"), NULL, NULL, &err));
            bytes = state_of(a);
            assert_true(same_bytes(&whole, &bytes));
            dcn__bytes_clear(&bytes);
            must(dcn__file_read(&bytes, path_of("s"), 1 << 26, &err));
            assert_true(same_bytes(&whole, &bytes));
            dcn__bytes_clear(&bytes);
            dcn_atlas_destroy(a);
        }
    unlink(path_of("s"));
    dcn__bytes_clear(&whole);
    close_world(&w);
}

static void says_that_it_stopped(void **state)
{
    char sentence[700];
    world w = { 0 };
    dcn_atlas *a;
    int left = 2;

    (void)state;
    set_up(&w);
    a = atlas_of(&w, (dcn_atlas_desc){ .batch = 16 });
    must_say(dcn_atlas_scan(a, NULL, stop_at, &left, &err), DCN_STOPPED,
             "scan: stopped after 32 of 70 pictures; scan again to go on");
    left = 1;
    snprintf(sentence, sizeof sentence, "%s/nowhere/s", w.folder);
    assert_int_equal(dcn_atlas_scan(a, sentence, stop_at, &left, &err), DCN_FILE);
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* ---- fewer layers, shorter lists ------------------------------------------------------------- */

static void a_whole_scan_serves_smaller_atlases(void **state)
{
    world w = { 0 };
    dcn_node second;
    dcn_atlas *a;
    int left = 2;

    (void)state;
    set_up(&w);
    second = node_of(w.model.graph, "relu2");
    a = atlas_of(&w, (dcn_atlas_desc){ .top = 20 });
    must(dcn_atlas_scan(a, path_of("s"), NULL, NULL, &err));
    dcn_atlas_destroy(a);
    for (int top = 1; top <= 20; top++) {
        const dcn_atlas_desc desc = { .layers = &second, .n_layers = 1, .top = top };
        dcn__bytes loaded, scanned = scan_of(&w, desc);

        a = atlas_of(&w, desc);
        must(dcn_atlas_load(a, path_of("s"), &err));
        assert_int_equal(dcn_atlas_scanned(a), TEST);
        is_brute_force(a, &w);
        loaded = state_of(a);
        assert_true(same_bytes(&loaded, &scanned));
        dcn__bytes_clear(&loaded);
        dcn__bytes_clear(&scanned);
        dcn_atlas_destroy(a);
    }
    a = atlas_of(&w, (dcn_atlas_desc){ .top = 20, .batch = 8 });
    assert_int_equal(dcn_atlas_scan(a, path_of("s"), stop_at, &left, &err), DCN_STOPPED);
    dcn_atlas_destroy(a);
    a = atlas_of(&w, (dcn_atlas_desc){ .top = 20, .layers = &second, .n_layers = 1 });
    assert_int_equal(dcn_atlas_load(a, path_of("s"), &err), DCN_STATE);
    assert_non_null(strstr(err.text, "is an unfinished scan of more layers than are asked for; "));
    dcn_atlas_destroy(a);
    a = atlas_of(&w, (dcn_atlas_desc){ .top = 19 });
    assert_int_equal(dcn_atlas_load(a, path_of("s"), &err), DCN_STATE);
    assert_non_null(strstr(err.text, "is an unfinished scan of the 20 strongest units of each "
                           "channel, here 19 are asked for; ask for 20 or scan again"));
    assert_int_equal(dcn_atlas_scanned(a), 0);
    dcn_atlas_destroy(a);
    unlink(path_of("s"));
    close_world(&w);
}

/* ---- another scan's ---------------------------------------------------------------------------- */

static void names_what_differs(void **state)
{
    const dcn_node first[] = { 2 };
    world w = { 0 }, other = { 0 };
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    a = atlas_of(&w, (dcn_atlas_desc){ 0 });
    must(dcn_atlas_scan(a, path_of("s"), NULL, NULL, &err));
    dcn_atlas_destroy(a);
    does_not_fit(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_TRAIN },
                 "is a scan of other pictures: test, here it is train; use the same or scan again");
    does_not_fit(&w, (dcn_atlas_desc){ .top = 10 }, "holds the 9 strongest units of each channel, "
                 "here 10 are asked for; ask for 9 or scan again");
    does_not_fit(&w, (dcn_atlas_desc){ .layers = first, .n_layers = 1 },
                 "does not hold layer relu1; choose others or scan again");
    does_not_fit(&w, (dcn_atlas_desc){ .shard = 1, .shards = 2 },
                 "is shard 1/1, here shard 2/2 is asked for; name its own file, or merge all "
                 "shards");
    does_not_fit(&w, (dcn_atlas_desc){ .engine = "ref64" },
                 "is a scan of another engine: ref (plain C), here it is ref64 (plain C); use the "
                 "same or scan again");
    w.model.preprocess.normalize = DCN_NORMALIZE_STANDARDIZE;
    does_not_fit(&w, (dcn_atlas_desc){ 0 },
                 "is a scan of another preprocessing: 12x12x1 none, here it is 12x12x1 "
                 "standardize;");
    w.model.preprocess.normalize = DCN_NORMALIZE_NONE;
    change_channel(w.model.graph, "conv2.bias", 1, 1, 0.5f);
    does_not_fit(&w, (dcn_atlas_desc){ 0 }, "is a scan of another network: fingerprint ");
    dcn_model_clear(&w.model);
    set_up(&other);
    dcn_data_close(other.data);
    put_split(other.folder, "t10k", TEST, 99);
    must(dcn_data_open(&other.data, other.folder, NULL, &err));
    does_not_fit(&other, (dcn_atlas_desc){ 0 }, "is a scan of other data: fingerprint ");
    unlink(path_of("s"));
    close_world(&w);
    close_world(&other);
}

static void merge_names_what_is_wrong(void **state)
{
    char names[4][600], sentence[1500];
    const char *files[4];
    world w = { 0 };
    dcn_atlas *a;
    int left = 1;

    (void)state;
    set_up(&w);
    for (int i = 0; i < 4; i++) {                        /* 0..2: of 3; 3: of 2 */
        a = atlas_of(&w, (dcn_atlas_desc){ .shard = i % 3, .shards = i < 3 ? 3 : 2,
                                           .pictures = DCN_PICTURES_TRAIN, .batch = 16 });
        snprintf(names[i], sizeof names[i], "%s", path_of("m"));
        names[i][strlen(names[i]) - 1] = (char)('a' + i);
        files[i] = names[i];
        must(dcn_atlas_scan(a, names[i], NULL, NULL, &err));
        if (i == 1)
            must_say(dcn_atlas_merge(a, files, 1, &err), DCN_USAGE,
                     "merge: the atlas is itself shard 2/3; merge into one of all pictures");
        dcn_atlas_destroy(a);
    }
    a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_TRAIN });
    must_say(dcn_atlas_merge(a, files, 0, &err), DCN_USAGE,
             "merge: no files are named; name those of all shards");
    snprintf(sentence, sizeof sentence, "%s: shard 3/3 is missing; scan it and name its file, too",
             names[0]);
    must_say(dcn_atlas_merge(a, files, 2, &err), DCN_STATE, sentence);
    snprintf(sentence, sizeof sentence, "%s: is a shard of 2, %s is one of 3; merge the shards of "
             "one scan", names[3], names[0]);
    must_say(dcn_atlas_merge(a, files, 4, &err), DCN_STATE, sentence);
    files[2] = files[1];
    snprintf(sentence, sizeof sentence, "%s: is shard 2/3, and so is %s; name each once", names[1],
             names[1]);
    must_say(dcn_atlas_merge(a, files, 3, &err), DCN_STATE, sentence);
    assert_int_equal(dcn_atlas_scanned(a), 0);
    dcn_atlas_destroy(a);
    a = atlas_of(&w, (dcn_atlas_desc){ .shard = 2, .shards = 3, .pictures = DCN_PICTURES_TRAIN,
                                       .batch = 8 });
    assert_int_equal(dcn_atlas_scan(a, names[2], stop_at, &left, &err), DCN_STOPPED);
    dcn_atlas_destroy(a);
    files[2] = names[2];
    a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_TRAIN });
    snprintf(sentence, sizeof sentence, "%s: shard 3/3 is unfinished; scan it to the end",
             names[2]);
    must_say(dcn_atlas_merge(a, files, 3, &err), DCN_STATE, sentence);
    dcn_atlas_destroy(a);
    for (int i = 0; i < 4; i++)
        unlink(names[i]);
    close_world(&w);
}

/* Between the look at all parts and the adding of this one another file takes its place. */
typedef struct exchange { int left; const char *from, *to; } exchange;

static bool exchange_files(void *user, size_t bytes)
{
    exchange *x = user;

    (void)bytes;
    if (x->left-- == 0)
        assert_int_equal(rename(x->from, x->to), 0);
    return true;
}

static void parts_that_change_while_they_are_read(void **state)
{
    char names[3][600], sentence[900];
    const char *const files[2] = { names[0], names[1] };
    int changed = 0, merged = 0, left = 1;
    world w = { 0 };
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    for (int i = 0; i < 3; i++) {
        snprintf(names[i], sizeof names[i], "%s", path_of("c"));
        names[i][strlen(names[i]) - 1] = (char)('a' + i);
    }
    snprintf(sentence, sizeof sentence, "%s: changed while it was read; try again", names[1]);
    for (int k = 0; merged == 0; k++) {
        exchange x = { k, names[2], names[1] };
        dcn_status st;

        for (int i = 0; i < 3; i++) {                    /* both parts; and the second, unfinished */
            a = atlas_of(&w, (dcn_atlas_desc){ .shard = i > 0, .shards = 2, .batch = 8,
                                               .pictures = DCN_PICTURES_ALL });
            unlink(names[i]);
            if (i < 2)
                must(dcn_atlas_scan(a, names[i], NULL, NULL, &err));
            else
                assert_int_equal(dcn_atlas_scan(a, names[i], stop_at, &left, &err), DCN_STOPPED);
            left = 1;
            dcn_atlas_destroy(a);
        }
        a = atlas_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL });
        memset(&err, 0, sizeof err);
        dcn__set_alloc_hook(exchange_files, &x);
        st = dcn_atlas_merge(a, files, 2, &err);
        dcn__set_alloc_hook(NULL, NULL);
        merged += st == DCN_OK;                          /* it came too late */
        changed += st == DCN_FILE && strcmp(err.text, sentence) == 0;
        if (st && st != DCN_STATE && st != DCN_INPUT && st != DCN_FILE)
            fail_msg("at allocation %d: status %d: %s", k, (int)st, err.text);
        assert_int_equal(dcn_atlas_scanned(a), st ? 0 : dcn_atlas_pictures(a));
        dcn_atlas_destroy(a);
    }
    assert_true(changed > 0);
    for (int i = 0; i < 3; i++)
        unlink(names[i]);
    close_world(&w);
}

/* ---- hostile files ------------------------------------------------------------------------------ */

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
        load_bytes(a, &bytes, i ? "channel 2 of max_pool1 " : "channel 2 of max_pool1 ");
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

/* ---- without memory ----------------------------------------------------------------------------- */

static bool allow_some(void *user, size_t bytes)
{
    int *left = user;

    (void)bytes;
    return --*left >= 0;
}

/* Create; scan half; load that; scan the rest: memory ends at every allocation in turn. */
static dcn_status a_whole_run(const world *w, dcn_atlas **a)
{
    const dcn_atlas_desc desc = { .engine = "ref", .threads = 1, .batch = 16,
                                  .pictures = DCN_PICTURES_ALL,
                                  .way = { .rule = DCN_RULE_GRADIENT } };
    int left = 6;
    dcn_status st;

    if ((st = dcn_atlas_create(a, &w->model, w->data, &desc, &err)))
        return st;
    if ((st = dcn_atlas_scan(*a, path_of("s"), stop_at, &left, &err)) != DCN_STOPPED)
        return st;
    dcn_atlas_destroy(*a);
    if ((st = dcn_atlas_create(a, &w->model, w->data, &desc, &err)) ||
        (st = dcn_atlas_load(*a, path_of("s"), &err)))
        return st;
    return dcn_atlas_scan(*a, path_of("s"), NULL, NULL, &err);
}

/* ---- what it says of itself ------------------------------------------------------------------- */

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
        dcn__set_alloc_hook(allow_some, &left);
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

static void without_memory(void **state)
{
    dcn_status st = DCN_MEMORY;
    dcn__bytes whole, bytes;
    world w = { 0 };
    int k = 0;

    (void)state;
    set_up(&w);
    whole = scan_of(&w, (dcn_atlas_desc){ .pictures = DCN_PICTURES_ALL });
    for (; st; k += k > 3000 ? 5 : 1) {
        dcn_atlas *a = NULL;
        int left = k;

        assert_true(k < 20000);
        dcn__set_alloc_hook(allow_some, &left);
        st = a_whole_run(&w, &a);
        dcn__set_alloc_hook(NULL, NULL);
        if (st && st != DCN_MEMORY)
            fail_msg("allocation %d: %d %s", k, (int)st, err.text);
        if (st && a) {                           /* nothing is lost, nothing offered twice */
            must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
            bytes = state_of(a);
            if (!same_bytes(&whole, &bytes))
                fail_msg("the scan is another after allocation %d failed", k);
            dcn__bytes_clear(&bytes);
        }
        dcn_atlas_destroy(a);
    }
    print_message("%d allocations\n", k);
    assert_true(k > 100);
    unlink(path_of("s"));
    dcn__bytes_clear(&whole);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_and_threads_change_no_byte),
        cmocka_unit_test(the_fast_engine_changes_no_byte),
        cmocka_unit_test(shards_make_the_whole),
        cmocka_unit_test(goes_on),
        cmocka_unit_test(says_that_it_stopped),
        cmocka_unit_test(a_whole_scan_serves_smaller_atlases),
        cmocka_unit_test(names_what_differs),
        cmocka_unit_test(merge_names_what_is_wrong),
        cmocka_unit_test(parts_that_change_while_they_are_read),
        cmocka_unit_test(believes_no_number),
        cmocka_unit_test(believes_no_text),
        cmocka_unit_test(notices_damage),
        cmocka_unit_test(tells_what_it_is),
        cmocka_unit_test(a_whole_scan_begins_at_the_first),
        cmocka_unit_test(without_memory),
    };

#ifndef DCN_HAVE_RHASH
    puts("skipped: this build cannot write the state of a scan");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
