/* codec_digest.c - published values of CRC-32C (RFC 3720 B.4) and SHA-256 (FIPS 180-2). */
#include "codec_test.h"

#include "codec/digest.h"

static void crc_of_published_strings(void **state)
{
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(dcn__crc32c("", 0), 0);
    assert_int_equal(dcn__crc32c("123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(dcn__crc32c(bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(dcn__crc32c(bytes, sizeof bytes), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(dcn__crc32c(bytes, sizeof bytes), 0x46dd794e);
}

static void mask_rotates_and_adds(void **state)
{
    (void)state;
    assert_int_equal(dcn__crc32c_mask(0), 0xa282ead8);
    /* 0xe3069283 >> 15 | << 17, plus the constant, by hand: 0x2507c60d + 0xa282ead8. */
    assert_int_equal(dcn__crc32c_mask(0xe3069283), 0xc78ab0e5);
}

static void sha_of_published_strings(void **state)
{
    char hex[DCN__SHA256_HEX];
    dcn__sha256 s;
    dcn_error err;

#ifndef DCN_HAVE_RHASH
    assert_int_equal(dcn__sha256_begin(&s, &err), DCN_USAGE);
    skip();
#endif
    (void)state;
    assert_int_equal(dcn__sha256_hex(hex, "", 0, &err), DCN_OK);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(dcn__sha256_hex(hex, "abc", 3, &err), DCN_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    /* In pieces of odd sizes: a million letters a. */
    assert_int_equal(dcn__sha256_begin(&s, &err), DCN_OK);
    for (int left = 1000000, n; left; left -= n) {
        static char letters[997];

        memset(letters, 'a', sizeof letters);
        n = left < 997 ? left : 997;
        dcn__sha256_update(&s, letters, (size_t)n);
    }
    dcn__sha256_end(&s, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    dcn__sha256_abort(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_of_published_strings),
        cmocka_unit_test(mask_rotates_and_adds),
        cmocka_unit_test(sha_of_published_strings),
    };

    return cmocka_run_group_tests_name("codec_digest", tests, NULL, NULL);
}
