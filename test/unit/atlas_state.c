/* The file of a scan: the same bytes however the scan was cut, and whose scan it is. */
#include "atlas_state_help.h"

#include "base/memory.h"
#include "codec/safetensors.h"

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

/* ---- without memory ----------------------------------------------------------------------------- */

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
        dcn__set_alloc_hook(fail_after, &left);
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
        cmocka_unit_test(without_memory),
    };

#ifndef DCN_HAVE_RHASH
    puts("skipped: this build cannot write the state of a scan");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
