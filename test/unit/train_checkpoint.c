/* A trainer's state in a file: it continues bit for bit, and a load that fails changes nothing. */
#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "train/trainer.h"

#include <unistd.h>

static const char net[] = "input 24x24x3; conv filters=3 kernel=5 stride=4; relu; dense units=10; softmax";

static const char *path_of(const char *name)
{
    static char paths[2][600];
    static int turn;

    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/train_checkpoint.%ld.%s", DCN_TEST_TMP, (long)getpid(), name);
    return paths[turn];
}

static dcn_trainer *exact_trainer_of(const dcn_data *data, uint64_t seed, int steps, int exact)
{
    dcn_graph *g = graph_of(net);
    dcn_train_report report;
    dcn_trainer *t;

    must(dcn_graph_init_weights(g, seed, &err));
    must(dcn_trainer_create(&t, g, data, &(dcn_train_desc){ .engine = "ref", .batch = 4, .rate = 1e-2f, .seed = seed,
                                                            .threads = 1, .exact = exact }, &err));
    for (int i = 0; i < steps; i++)
        must(dcn_trainer_step(t, &report, &err));
    dcn_graph_destroy(g);
    return t;
}

static dcn_trainer *trainer_of(const dcn_data *data, uint64_t seed, int steps)
{
    return exact_trainer_of(data, seed, steps, 0);
}

static dcn__bytes saved(dcn_trainer *t, const char *name)
{
    dcn__bytes bytes;

    must(dcn_trainer_save(t, path_of(name), &err));
    must(dcn__file_read(&bytes, path_of(name), 1 << 24, &err));
    unlink(path_of(name));
    return bytes;
}

static bool same(const dcn__bytes *a, const dcn__bytes *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void goes_on_bit_for_bit(void **state)
{
    dcn_train_report report;
    dcn_trainer *straight, *first, *second;
    dcn__bytes a, b;
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    straight = trainer_of(data, 1, 7);
    first = trainer_of(data, 1, 4);
    must(dcn_trainer_save(first, path_of("m"), &err));
    second = trainer_of(data, 1, 2);   /* a state of its own, which must go */
    must(dcn_trainer_load(second, path_of("m"), &err));
    for (int i = 0; i < 3; i++)
        must(dcn_trainer_step(second, &report, &err));
    assert_int_equal(report.step, 7);
    a = saved(straight, "a");
    b = saved(second, "b");
    assert_true(same(&a, &b));
    unlink(path_of("m"));
    dcn__bytes_clear(&a);
    dcn__bytes_clear(&b);
    dcn_trainer_destroy(straight);
    dcn_trainer_destroy(first);
    dcn_trainer_destroy(second);
    dcn_data_close(data);
}

static bool allow_some(void *user, size_t bytes)
{
    int *left = user;

    (void)bytes;
    return --*left >= 0;
}

/* Memory ends at every allocation in turn. */
static void a_load_that_fails_changes_nothing(void **state)
{
    dcn__bytes before, after;
    dcn_trainer *t, *other;
    dcn_data *data;
    dcn_status st = DCN_MEMORY;
    int k = 0;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    other = trainer_of(data, 1, 5);
    must(dcn_trainer_save(other, path_of("m"), &err));
    t = trainer_of(data, 1, 2);
    before = saved(t, "a");
    for (; st; k++) {
        int left = k;

        assert_true(k < 2000);
        dcn__set_alloc_hook(allow_some, &left);
        st = dcn_trainer_load(t, path_of("m"), &err);
        dcn__set_alloc_hook(NULL, NULL);
        after = saved(t, "a");
        if (st && st != DCN_MEMORY)
            fail_msg("allocation %d: %d %s", k, (int)st, err.text);
        if (st && !same(&before, &after))
            fail_msg("the trainer is another after allocation %d failed", k);
        if (!st)
            assert_false(same(&before, &after));
        dcn__bytes_clear(&after);
    }
    assert_true(k > 20);
    unlink(path_of("m"));
    dcn__bytes_clear(&before);
    dcn_trainer_destroy(t);
    dcn_trainer_destroy(other);
    dcn_data_close(data);
}

/* A seed has 64 bits, all of which a file brings back. */
static void settings_come_back(void **state)
{
    static const uint64_t seeds[] = { 0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    for (size_t i = 0; i < COUNT(seeds); i++) {
        dcn_train_desc desc = { .threads = 3 };
        dcn_trainer *t = trainer_of(data, seeds[i], 1);

        must(dcn_trainer_save(t, path_of("m"), &err));
        must(dcn_train_desc_load(&desc, path_of("m"), &err));
        assert_true(desc.seed == seeds[i]);
        assert_int_equal(desc.batch, 4);
        assert_true(desc.rate == 1e-2f);
        assert_int_equal(desc.augment, DCN_AUGMENT_NONE);
        assert_int_equal(desc.threads, 3);
        dcn_trainer_destroy(t);
    }
    unlink(path_of("m"));
    dcn_data_close(data);
}

/* A run goes on with the sums that it began with. Its file says so only if they were asked for. */
static void exact_comes_back(void **state)
{
    dcn_data *data;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    for (int exact = 0; exact < 2; exact++) {
        dcn_trainer *t = exact_trainer_of(data, 1, 2, exact), *same_way, *other;
        dcn_train_desc desc = { .exact = !exact };
        dcn__bytes before, after;
        char sentence[900];

        assert_int_equal(t->plan->train.sums == DCN__SUMS_DIRECT, exact);
        must(dcn_trainer_save(t, path_of("m"), &err));
        must(dcn__file_read(&before, path_of("m"), 1 << 24, &err));
        assert_int_equal(memmem(before.data, before.size, "train.exact", 11) != NULL, exact);
        dcn__bytes_clear(&before);
        must(dcn_train_desc_load(&desc, path_of("m"), &err));
        assert_int_equal(desc.exact, exact);
        same_way = exact_trainer_of(data, 1, 1, exact);
        must(dcn_trainer_load(same_way, path_of("m"), &err));
        other = exact_trainer_of(data, 1, 1, !exact);
        before = saved(other, "a");
        snprintf(sentence, sizeof sentence, "%s: was trained with exact %d, this run has %d; use the same or "
                 "train from the beginning", path_of("m"), exact, !exact);
        must_say(dcn_trainer_load(other, path_of("m"), &err), DCN_STATE, sentence);
        after = saved(other, "a");
        assert_true(same(&before, &after));
        dcn__bytes_clear(&before);
        dcn__bytes_clear(&after);
        dcn_trainer_destroy(t);
        dcn_trainer_destroy(same_way);
        dcn_trainer_destroy(other);
    }
    unlink(path_of("m"));
    dcn_data_close(data);
}

/* A program that sets a locale with a comma writes the same file, and can go on with it. */
static void a_checkpoint_does_not_depend_on_the_locale(void **state)
{
    dcn_train_desc desc = { 0 };
    dcn__bytes plain, comma;
    dcn_trainer *t;
    dcn_data *data;

    (void)state;
    if (!comma_locale())
        skip();
    setlocale(LC_ALL, "C");
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    t = trainer_of(data, 1, 1);
    plain = saved(t, "a");
    setlocale(LC_ALL, "de_DE.UTF-8");
    comma = saved(t, "a");
    assert_true(same(&plain, &comma));
    must(dcn_trainer_save(t, path_of("m"), &err));
    must(dcn_train_desc_load(&desc, path_of("m"), &err));
    assert_true(desc.rate == 1e-2f);
    setlocale(LC_ALL, "C");
    unlink(path_of("m"));
    dcn__bytes_clear(&comma);
    dcn__bytes_clear(&plain);
    dcn_trainer_destroy(t);
    dcn_data_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_bit_for_bit),
        cmocka_unit_test(a_load_that_fails_changes_nothing),
        cmocka_unit_test(settings_come_back),
        cmocka_unit_test(exact_comes_back),
        cmocka_unit_test(a_checkpoint_does_not_depend_on_the_locale),
    };

#ifndef DCN_HAVE_RHASH
    puts("skipped: this build cannot write model files");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
