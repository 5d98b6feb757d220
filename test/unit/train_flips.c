/* train_flips.c - a damaged checkpoint is found: flipped bits, cuts, swapped tensors, other versions. What
 * is accepted all the same must be the same to the bit. */
#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "codec/digest.h"
#include "faults.h"
#include "model/file.h"
#include "train/trainer.h"

#include <unistd.h>

#ifdef DCN_HAVE_RHASH

/* Two convolutions of one shape, so that there is something to swap. */
static const char net[] = "input 24x24x3; conv filters=3 kernel=5 stride=4; relu; conv filters=3 kernel=3; relu; "
                          "conv filters=3 kernel=3; relu; conv filters=10 kernel=3; relu; avg_pool 6; softmax";

static dcn__bytes whole;            /* a checkpoint after three steps */
static size_t header;               /* bytes before its numbers */
static dcn_graph *graph;

/* Everything that a checkpoint gives: a fingerprint of it. */
static dcn_status take(const uint8_t *bytes, size_t size, char hex[DCN__SHA256_HEX])
{
    static const char *const prefixes[] = { "", "optimizer.exp_avg.", "optimizer.exp_avg_sq." };
    dcn__model_file *file = NULL;
    dcn_model model = { 0 };
    dcn__string all = { 0 };
    dcn_status st = dcn__model_parse(&file, bytes, size, "checkpoint", NULL, &err);

    if (!st)
        st = dcn__model_read(file, &model, NULL, &err);
    for (int i = 0; !st && i < 3 * dcn_graph_weight_count(model.graph); i++) {
        float values[1024];
        dcn_weight_info info;

        dcn_graph_weight_info(model.graph, i / 3, &info);
        assert_true(info.count <= 1024);
        if (!(st = dcn__model_weight(file, model.graph, prefixes[i % 3], i / 3, values, &err)))
            dcn__string_append(&all, (const char *)values, (size_t)info.count * sizeof *values);
    }
    for (int i = 0; !st && i < file->tensors.n_metadata; i++)
        dcn__string_printf(&all, "%s\n%s\n", file->tensors.metadata[i].key, file->tensors.metadata[i].value);
    if (!st) {
        assert_false(all.failed);
        must(dcn__sha256_hex(hex, (const uint8_t *)all.text, all.length, &err));
    }
    dcn__string_clear(&all);
    dcn_model_clear(&model);
    dcn__model_close(file);
    return st;
}

static int set_up(void **state)
{
    const dcn_train_desc desc = { .engine = "ref", .batch = 2, .rate = 1e-2f, .seed = 5, .threads = 1 };
    dcn_train_report report;
    dcn_trainer *t;
    dcn_data *data;
    char path[600];

    (void)state;
    snprintf(path, sizeof path, "%s/train_flips.%ld", DCN_TEST_TMP, (long)getpid());
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    graph = graph_of(net);
    must(dcn_graph_init_weights(graph, 1, &err));
    must(dcn_trainer_create(&t, graph, data, &desc, &err));
    for (int i = 0; i < 3; i++)
        must(dcn_trainer_step(t, &report, &err));
    must(dcn_trainer_save(t, path, &err));
    must(dcn__file_read(&whole, path, 1 << 20, &err));
    unlink(path);
    dcn_trainer_destroy(t);
    dcn_data_close(data);
    header = 8;
    for (int i = 0; i < 8; i++)
        header += (size_t)whole.data[i] << 8 * i;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dcn__bytes_clear(&whole);
    dcn_graph_destroy(graph);
    return 0;
}

/* Refused, by the file's name. */
static void is_refused(const uint8_t *bytes, size_t size)
{
    char hex[DCN__SHA256_HEX];
    const dcn_status st = take(bytes, size, hex);

    assert_true(st == DCN_INPUT || st == DCN_STATE || st == DCN_NUMBERS);
    assert_int_equal(strncmp(err.text, "checkpoint", 10), 0);
}

/* Harmless are the letters of \u000A in a text, which may be small ones. */
static void every_bit_of_the_header(void **state)
{
    const size_t step = test_full() ? 1 : 7;
    char before[DCN__SHA256_HEX], now[DCN__SHA256_HEX];
    size_t tried = 0, harmless = 0;

    (void)state;
    must(take(whole.data, whole.size, before));
    for (size_t bit = 0; bit < 8 * header; bit += step, tried++) {
        whole.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (take(whole.data, whole.size, now) == DCN_OK) {
            assert_string_equal(now, before);
            harmless++;
        } else {
            assert_int_equal(strncmp(err.text, "checkpoint", 10), 0);
        }
        whole.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    figure("single-bit flips of a checkpoint's header: %zu of %zu bits, %zu found, %zu harmless (the same model to the "
           "bit), 0 accepted wrongly", tried, 8 * header, tried - harmless, harmless);
}

static void random_bits_of_the_numbers(void **state)
{
    const size_t flips = test_full() ? 100000 : 8000, bits = 8 * (whole.size - header);
    uint64_t random = 20261123;

    (void)state;
    for (size_t i = 0; i < flips; i++) {
        size_t bit;

        random = random * 6364136223846793005u + 1442695040888963407u;
        bit = 8 * header + (size_t)(random >> 20) % bits;
        whole.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        is_refused(whole.data, whole.size);
        whole.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    figure("random single-bit flips of a checkpoint's %zu bytes of numbers: %zu, all found; seed 20261123",
           whole.size - header, flips);
}

static void every_cut(void **state)
{
    const size_t step = test_full() ? 1 : 13;
    size_t cuts = 0;

    (void)state;
    for (size_t size = 0; size < whole.size; size += step, cuts++) {
        uint8_t *part = dcn__alloc(size);      /* its own block, so that an overrun is seen */

        memcpy(part, whole.data, size);
        is_refused(part, size);
        dcn__free(part);
    }
    figure("cut checkpoints: %zu of %zu lengths, all refused", cuts, whole.size);
}

static void a_longer_one(void **state)
{
    uint8_t *longer = dcn__alloc(whole.size + 64);

    (void)state;
    memcpy(longer, whole.data, whole.size);
    for (size_t more = 1; more <= 64; more++)
        is_refused(longer, whole.size + more);
    dcn__free(longer);
}

static uint8_t *find(const char *text)
{
    uint8_t *at = memmem(whole.data, header, text, strlen(text));

    assert_non_null(at);
    return at;
}

/* Both names stand in the header as tensors; each has the other's numbers then. */
static void swapped_tensors(void **state)
{
    static const char *const pairs[][2] = {
        { "\"conv2.weight\":{", "\"conv3.weight\":{" },
        { "\"conv2.bias\":{", "\"conv3.bias\":{" },
        { "\"optimizer.exp_avg.conv2.weight\":{", "\"optimizer.exp_avg.conv3.weight\":{" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        uint8_t *a = find(pairs[i][0]), *b = find(pairs[i][1]);

        memcpy(a, pairs[i][1], strlen(pairs[i][1]));
        memcpy(b, pairs[i][0], strlen(pairs[i][0]));
        is_refused(whole.data, whole.size);
        assert_non_null(strstr(err.text, "is damaged (checksum "));
        memcpy(a, pairs[i][0], strlen(pairs[i][0]));
        memcpy(b, pairs[i][1], strlen(pairs[i][1]));
    }
}

static void blocks_of_zeros(void **state)
{
    uint8_t *copy = dcn__alloc(whole.size);

    (void)state;
    for (size_t begin = 0; begin + 64 <= whole.size; begin += 64) {
        memcpy(copy, whole.data, whole.size);
        memset(copy + begin, 0, whole.size - begin < 512 ? whole.size - begin : 512);
        if (memcmp(copy, whole.data, whole.size) != 0)
            is_refused(copy, whole.size);
    }
    dcn__free(copy);
}

static void another_version(void **state)
{
    uint8_t *digit = find("deconvnet model 1") + 16;

    (void)state;
    *digit = '2';
    is_refused(whole.data, whole.size);
    assert_int_equal(err.status, DCN_STATE);
    assert_non_null(strstr(err.text, "is a model file of version 2"));
    *digit = '1';
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_the_header), cmocka_unit_test(random_bits_of_the_numbers),
        cmocka_unit_test(every_cut),               cmocka_unit_test(a_longer_one),
        cmocka_unit_test(swapped_tensors),         cmocka_unit_test(blocks_of_zeros),
        cmocka_unit_test(another_version),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#else

int main(void)
{
    puts("train_flips: this build has no Jansson and reads no checkpoints");
    return 77;
}

#endif
