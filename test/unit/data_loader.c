/* data_loader.c - batches ahead: the order depends on the position alone, errors come out where
 * they belong, and it can be ended at any time. Run under tsan as well. */
#include "data_help.h"

#include "base/random.h"
#include "data/loader.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static dcn_error err;
static const dcn_preprocess usual = { .shape = { 24, 24, 3 },
                                     .normalize = DCN_NORMALIZE_STANDARDIZE };
enum { INPUT = 24 * 24 * 3 };

static void rest(long microseconds)
{
    const struct timespec t = { 0, microseconds * 1000 };

    nanosleep(&t, NULL);
}

static dcn_data *synthetic(void)
{
    dcn_data *data;

    assert_ok(dcn_data_open(&data, "synthetic", NULL, &err));
    return data;
}

static void permutation(void **state)
{
    static const int64_t counts[] = { 1, 2, 3, 4, 5, 16, 17, 1000, 4096, 50000 };

    (void)state;
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        const int64_t n = counts[k];
        char *seen = calloc((size_t)n, 1);
        int64_t moved = 0, differs = 0;

        for (int64_t i = 0; i < n; i++) {
            int64_t epoch;
            const int64_t at = dcn__loader_index(3 * n + i, n, DCN_AUGMENT_CIFAR, 7, &epoch);

            assert_int_equal(epoch, 3);
            assert_in_range(at, 0, n - 1);
            assert_int_equal(seen[at]++, 0);
            moved += at != i;
            differs += at != dcn__loader_index(4 * n + i, n, DCN_AUGMENT_CIFAR, 7, NULL);
            assert_int_equal(dcn__loader_index(3 * n + i, n, DCN_AUGMENT_NONE, 7, NULL), i);
        }
        if (n >= 1000)
            assert_true(moved > n * 9 / 10 && differs > n * 9 / 10);
        free(seen);
    }
}

/* Reads `batches` from `position` and compares with single samples; sleeps in the given rhythm. */
static void check_run(const dcn_data *data, dcn_split split, int batch, int64_t position,
                      int batches, dcn_augment augment, long pause)
{
    const float *images;
    const int32_t *labels;
    float one[INPUT];
    dcn__loader *loader;
    dcn_data_info info;
    double wait;

    dcn_data_info_get(data, &info);
    assert_ok(dcn__loader_create(&loader, data, split, &usual, augment, 5, batch, position, &err));
    for (int b = 0; b < batches; b++) {
        assert_ok(dcn__loader_next(loader, &images, &labels, &wait, &err));
        assert_true(wait >= 0);
        if (pause)
            rest(pause * (b % 3));
        for (int i = 0; i < batch; i++) {
            const int64_t p = position + (int64_t)b * batch + i, e = p / info.count[split];
            const int64_t place = p % info.count[split];
            const int64_t index =
                augment == DCN_AUGMENT_NONE
                    ? place
                    : (int64_t)dcn__random_permute((uint64_t)place, (uint64_t)info.count[split], 5,
                                                   (uint64_t)e);
            int32_t label;

            assert_ok(
                dcn_data_sample(data, split, index, &usual, augment, 5, e, one, &label, &err));
            assert_int_equal(labels[i], label);
            assert_memory_equal(images + i * INPUT, one, sizeof one);
        }
    }
    dcn__loader_destroy(loader);
}

static void order(void **state)
{
    dcn_data *data = synthetic();

    (void)state;
    check_run(data, DCN_SPLIT_TRAIN, 16, 0, 12, DCN_AUGMENT_NONE, 0);
    check_run(data, DCN_SPLIT_TRAIN, 16, 0, 12, DCN_AUGMENT_CIFAR, 300);
    check_run(data, DCN_SPLIT_TRAIN, 1, 9998, 5, DCN_AUGMENT_CIFAR, 100); /* over an epoch's end */
    check_run(data, DCN_SPLIT_TEST, 7, 1990, 4, DCN_AUGMENT_NONE, 0);
    check_run(data, DCN_SPLIT_TEST, 33, 123456789, 2, DCN_AUGMENT_CIFAR, 0);
    dcn_data_close(data);
}

/* A batch larger than the whole split goes round it. */
static void small_set(void **state)
{
    char folder[512];
    dcn_data *data;

    (void)state;
    fresh_folder(folder, sizeof folder, "loader");
    put_cifar(folder);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    check_run(data, DCN_SPLIT_TEST, 20, 3, 6, DCN_AUGMENT_NONE, 0);
    check_run(data, DCN_SPLIT_TRAIN, 64, 0, 4, DCN_AUGMENT_CIFAR, 200);
    dcn_data_close(data);
    remove_tree(folder);
}

static void errors_come_out(void **state)
{
    char folder[512], path[600];
    const float *images;
    const int32_t *labels;
    dcn__loader *loader;
    dcn_data *data;

    (void)state;
    fresh_folder(folder, sizeof folder, "loader");
    put_cifar(folder);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    snprintf(path, sizeof path, "%s/test_batch.bin", folder);
    assert_int_equal(truncate(path, 5 * RECORD), 0);
    /* Records 0..4 are left of 0..6: two batches of 2 are whole, the third is not. */
    assert_ok(
        dcn__loader_create(&loader, data, DCN_SPLIT_TEST, &usual, DCN_AUGMENT_NONE, 0, 2, 0, &err));
    rest(3000);
    assert_ok(dcn__loader_next(loader, &images, &labels, NULL, &err));
    assert_int_equal(labels[1], cifar_label(5, 1));
    assert_ok(dcn__loader_next(loader, &images, &labels, NULL, &err));
    assert_int_equal(labels[1], cifar_label(5, 3));
    for (int again = 0; again < 2; again++) {
        assert_refused(dcn__loader_next(loader, &images, &labels, NULL, &err), DCN_FILE,
                       "test_batch.bin@0x3c05: the file ends here");
        assert_null(images);
        assert_null(labels);
    }
    dcn__loader_destroy(loader);
    dcn_data_close(data);
    remove_tree(folder);
}

static void refused(void **state)
{
    const dcn_preprocess two = { .shape = { 24, 24, 2 }, .normalize = DCN_NORMALIZE_NONE };
    dcn_data *data = synthetic();
    dcn__loader *loader = (dcn__loader *)&err;

    (void)state;
    assert_refused(
        dcn__loader_create(&loader, data, DCN_SPLIT_TEST, &two, DCN_AUGMENT_NONE, 0, 2, 0, &err),
        DCN_USAGE, "2 channels");
    assert_null(loader);
    assert_refused(
        dcn__loader_create(&loader, data, DCN_SPLIT_TEST, &usual, DCN_AUGMENT_NONE, 0, 0, 0, &err),
        DCN_USAGE, "batch 0");
    assert_refused(
        dcn__loader_create(&loader, data, DCN_SPLIT_TEST, &usual, DCN_AUGMENT_NONE, 0, 1, -1, &err),
        DCN_USAGE, "from position -1");
    dcn__loader_destroy(NULL);
    dcn_data_close(data);
}

static void ended_early(void **state)
{
    dcn_data *data = synthetic();
    const float *images;
    const int32_t *labels;

    (void)state;
    for (int i = 0; i < 40; i++) {
        dcn__loader *loader;

        assert_ok(dcn__loader_create(&loader, data, DCN_SPLIT_TRAIN, &usual, DCN_AUGMENT_CIFAR, 1,
                                     4, 0, &err));
        if (i % 4 > 1)
            rest(i * 50);
        for (int k = 0; k < i % 4; k++)
            assert_ok(dcn__loader_next(loader, &images, &labels, NULL, &err));
        dcn__loader_destroy(loader);
    }
    dcn_data_close(data);
}

static atomic_int allocations;

static bool count_allocations(void *user, size_t bytes)
{
    (void)user, (void)bytes;
    atomic_fetch_add(&allocations, 1);
    return true;
}

static void no_allocation_after_create(void **state)
{
    static const dcn_preprocess small = { .shape = { 24, 24, 1 },
                                     .normalize = DCN_NORMALIZE_STANDARDIZE };
    dcn_data *data = synthetic();
    const float *images;
    const int32_t *labels;
    dcn__loader *loader;
    int before;

    (void)state;
    dcn__set_alloc_hook(count_allocations, NULL);
    assert_ok(dcn__loader_create(&loader, data, DCN_SPLIT_TRAIN, &small, DCN_AUGMENT_CIFAR, 1, 8, 0,
                                 &err));
    before = atomic_load(&allocations);
    assert_true(before > 0);
    for (int k = 0; k < 20; k++)
        assert_ok(dcn__loader_next(loader, &images, &labels, NULL, &err));
    assert_int_equal(atomic_load(&allocations), before);
    dcn__loader_destroy(loader);
    dcn__set_alloc_hook(NULL, NULL);
    dcn_data_close(data);
}

/* The signals that thread `tid` of this process blocks, as the kernel's mask. */
static unsigned long long blocked_in(const char *tid)
{
    char path[64], line[128];
    unsigned long long mask = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "SigBlk:", 7) == 0)
            mask = strtoull(line + 7, NULL, 16);
    fclose(file);
    return mask;
}

/* The thread must leave signals to the caller's: it blocks them, and the caller's mask stays. */
static void signals(void **state)
{
    const unsigned long long interrupt = 1ull << (SIGINT - 1);
    dcn_data *data = synthetic();
    dcn__loader *loader;
    dcn__names threads;
    sigset_t before, after;
    char own[32];

    (void)state;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_ok(dcn__loader_create(&loader, data, DCN_SPLIT_TRAIN, &usual, DCN_AUGMENT_NONE, 1, 8, 0,
                                 &err));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&after, SIGINT), 0);
    assert_int_equal(sigismember(&after, SIGUSR2), 1);
    assert_ok(dcn__folder_list(&threads, "/proc/self/task", 100, &err));
    assert_true(threads.count >= 2);
    snprintf(own, sizeof own, "%ld", (long)getpid());            /* tests run in the first thread */
    for (int i = 0; i < threads.count; i++)
        assert_true(!!(blocked_in(threads.at[i]) & interrupt) == !!strcmp(threads.at[i], own));
    dcn__names_clear(&threads);
    dcn__loader_destroy(loader);
    dcn_data_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutation), cmocka_unit_test(order), cmocka_unit_test(small_set),
        cmocka_unit_test(errors_come_out), cmocka_unit_test(refused), cmocka_unit_test(ended_early),
        cmocka_unit_test(no_allocation_after_create),
        cmocka_unit_test(signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
