/* Record framing: known bytes, every prefix, every flipped bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/memory.h"
#include "codec/digest.h"
#include "codec/tfrecord.h"

#include <string.h>

/* "abc" as TensorFlow 2.21's TFRecordWriter writes it. */
static const uint8_t ABC[19] = { 0x03, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x99, 0x49, 0x0e, 'a', 'b', 'c',
                                 0x6e, 0x57, 0xf1, 0x21 };

static void a_record_has_tensorflows_bytes(void **state)
{
    uint8_t record[19] = { 0 };

    (void)state;
    memcpy(record + DCN__TFRECORD_HEAD, "abc", 3);
    dcn__tfrecord_seal(record, 3);
    assert_memory_equal(record, ABC, sizeof ABC);
}

enum { N = 5 };
static const size_t LENGTHS[N] = { 3, 0, 300, 1, 70000 };

static uint8_t *make_file(size_t *size)
{
    uint8_t *file, *p;

    *size = 0;
    for (int i = 0; i < N; i++)
        *size += LENGTHS[i] + DCN__TFRECORD_FRAME;
    p = file = dcn__alloc(*size);
    for (int i = 0; i < N; i++) {
        for (size_t k = 0; k < LENGTHS[i]; k++)
            p[DCN__TFRECORD_HEAD + k] = (uint8_t)(k * 31 + (size_t)i);
        dcn__tfrecord_seal(p, LENGTHS[i]);
        p += LENGTHS[i] + DCN__TFRECORD_FRAME;
    }
    return file;
}

static void read_whole(dcn__tfrecord_reader *r)
{
    const uint8_t *data;
    size_t bytes;

    for (int i = 0; i < N; i++) {
        assert_int_equal(dcn__tfrecord_next(r, &data, &bytes, NULL), DCN_OK);
        assert_non_null(data);
        assert_int_equal(bytes, LENGTHS[i]);
        for (size_t k = 0; k < bytes; k++)
            assert_int_equal(data[k], (uint8_t)(k * 31 + (size_t)i));
    }
    assert_int_equal(dcn__tfrecord_next(r, &data, &bytes, NULL), DCN_OK);
    assert_null(data);
    assert_int_equal(r->torn_bytes, 0);
    dcn__tfrecord_close(r);
}

static void records_come_back_from_memory_and_file(void **state)
{
    const char *path = DCN_TEST_TMP "/codec_tfrecord.bin";
    dcn__tfrecord_reader r;
    size_t size;
    uint8_t *file = make_file(&size);

    (void)state;
    dcn__tfrecord_from_memory(&r, file, size, "memory");
    read_whole(&r);
    assert_int_equal(dcn__file_write(path, file, size, NULL), DCN_OK);
    assert_int_equal(dcn__tfrecord_open(&r, path, NULL), DCN_OK);
    read_whole(&r);
    dcn__free(file);
}

static void every_prefix_is_whole_records_and_a_torn_rest(void **state)
{
    size_t size;
    uint8_t *file = make_file(&size);

    (void)state;
    for (size_t cut = 0; cut <= 420; cut++) {
        uint8_t *part = dcn__alloc(cut);      /* its own block, so that an overrun is seen */
        dcn__tfrecord_reader r;
        const uint8_t *data;
        size_t bytes, whole = 0, at = 0;

        memcpy(part, file, cut);
        dcn__tfrecord_from_memory(&r, part, cut, "memory");
        while (whole < N && at + LENGTHS[whole] + DCN__TFRECORD_FRAME <= cut)
            at += LENGTHS[whole++] + DCN__TFRECORD_FRAME;
        for (size_t i = 0; i < whole; i++) {
            assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_OK);
            assert_non_null(data);
        }
        assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_OK);
        assert_null(data);
        assert_int_equal(r.torn_bytes, cut - at);
        dcn__tfrecord_close(&r);
        dcn__free(part);
    }
    dcn__free(file);
}

/* What a power cut leaves of a file whose length was on the disk before its bytes. */
static void zeros_at_the_end_are_torn_too(void **state)
{
    size_t size;
    uint8_t *file = make_file(&size), *longer = dcn__alloc(size + 9000);
    const uint8_t *data;
    dcn__tfrecord_reader r;
    size_t bytes;

    (void)state;
    memcpy(longer, file, size);
    for (size_t more = 1; more <= 9000; more += more < 20 ? 1 : 1000) {
        dcn__tfrecord_from_memory(&r, longer, size + more, "memory");
        for (int i = 0; i < N; i++)
            assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_OK);
        assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_OK);
        assert_null(data);
        assert_int_equal(r.torn_bytes, more);
        dcn__tfrecord_close(&r);
    }
    longer[size + 8999] = 1;                   /* not zeros alone: damage */
    dcn__tfrecord_from_memory(&r, longer, size + 9000, "memory");
    for (int i = 0; i < N; i++)
        assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_OK);
    assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_INPUT);
    dcn__tfrecord_close(&r);
    memset(longer, 0, 100);                    /* a file of zeros is none of ours */
    dcn__tfrecord_from_memory(&r, longer, 100, "memory");
    assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), DCN_INPUT);
    dcn__tfrecord_close(&r);
    dcn__free(longer);
    dcn__free(file);
}

static void every_flipped_bit_is_caught(void **state)
{
    uint8_t record[DCN__TFRECORD_FRAME + 20] = { 0 };
    const uint8_t *data;
    dcn__tfrecord_reader r;
    dcn_error err;
    size_t bytes;

    (void)state;
    dcn__tfrecord_seal(record, 20);
    for (size_t bit = 0; bit < 8 * sizeof record; bit++) {
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        dcn__tfrecord_from_memory(&r, record, sizeof record, "memory");
        assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, &err), DCN_INPUT);
        assert_null(data);
        assert_int_equal(strncmp(err.text, "memory@0x0: ", 12), 0);
        dcn__tfrecord_close(&r);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* The sums fit, so damage is out of the question: somebody meant it. */
static void a_boasting_length_is_refused_before_memory_is_asked_for(void **state)
{
    uint8_t head[DCN__TFRECORD_HEAD];
    const uint64_t lengths[3] = { DCN__TFRECORD_MAX + 1, UINT64_MAX, UINT64_MAX - 15 };
    const uint8_t *data;
    dcn__tfrecord_reader r;
    size_t bytes;

    (void)state;
    for (int i = 0; i < 4; i++) {
        const uint64_t length = i < 3 ? lengths[i] : DCN__TFRECORD_MAX;

        for (int k = 0; k < 8; k++)
            head[k] = (uint8_t)(length >> (8 * k));
        {
            const uint32_t crc = dcn__crc32c_mask(dcn__crc32c(head, 8));

            memcpy(head + 8, &crc, 4);
        }
        dcn__tfrecord_from_memory(&r, head, sizeof head, "memory");
        assert_int_equal(dcn__tfrecord_next(&r, &data, &bytes, NULL), i < 3 ? DCN_INPUT : DCN_OK);
        assert_null(data);
        assert_int_equal(r.torn_bytes, i < 3 ? 0 : sizeof head);
        dcn__tfrecord_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_tensorflows_bytes),
        cmocka_unit_test(records_come_back_from_memory_and_file),
        cmocka_unit_test(every_prefix_is_whole_records_and_a_torn_rest),
        cmocka_unit_test(zeros_at_the_end_are_torn_too),
        cmocka_unit_test(every_flipped_bit_is_caught),
        cmocka_unit_test(a_boasting_length_is_refused_before_memory_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
