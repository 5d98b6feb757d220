/* codec_test.h - what the tests of codec and model share: cmocka, temporary files, and assertions
 * on a refusal's status and sentence. */
#ifndef CODEC_TEST_H
#define CODEC_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/memory.h"
#include "deconvnet.h"

/* "DIR/PROGRAM/name": test programs run side by side. The text lives until the next call but three. */
static inline const char *temporary(const char *name)
{
    static char paths[4][512];
    static int turn;
    int n;

    turn = (turn + 1) % 4;
    n = snprintf(paths[turn], sizeof paths[turn], "%s/%s", DCN_TEST_TMP,
                 program_invocation_short_name);
    mkdir(paths[turn], 0777);        /* it may be there */
    snprintf(paths[turn] + n, sizeof paths[turn] - (size_t)n, "/%s", name);
    return paths[turn];
}

/* The call ended with `status` and said `part`; prints what it said if it did not. */
#define assert_refused(call, expected, part)                                                   \
    do {                                                                                       \
        memset(&err, 0, sizeof err);                                                           \
        const dcn_status got_ = (call);                                                        \
        if (got_ != (expected) || !strstr(err.text, (part)))                                   \
            fail_msg("wanted %d \"%s\", got %d \"%s\"", (int)(expected), (part), (int)got_,    \
                     err.text);                                                                \
        assert_int_equal(err.status, (expected));                                              \
        assert_non_null(strstr(err.text, "; "));                                               \
    } while (0)

#define assert_ok(call)                                                                        \
    do {                                                                                       \
        const dcn_status got_ = (call);                                                        \
        if (got_ != DCN_OK)                                                                    \
            fail_msg("status %d: %s", (int)got_, err.text);                                    \
    } while (0)

static inline bool allocation_allowed(void *countdown, size_t bytes)
{
    (void)bytes;
    return (*(int *)countdown)-- != 0;
}

/* Repeats the call, its first, second, third, ... allocation failing, until none is left to fail:
 * each time it must say DCN_MEMORY. Leaks are the sanitizers' to find. */
#define assert_survives_lack_of_memory(call)                                                   \
    do {                                                                                       \
        dcn_status got_ = DCN_MEMORY;                                                          \
        for (int k_ = 0; got_; k_++) {                                                         \
            int countdown_ = k_;                                                               \
            dcn__set_alloc_hook(allocation_allowed, &countdown_);                              \
            got_ = (call);                                                                     \
            dcn__set_alloc_hook(NULL, NULL);                                                   \
            if (got_ != DCN_OK && got_ != DCN_MEMORY)                                          \
                fail_msg("allocation %d: status %d: %s", k_, (int)got_, err.text);             \
        }                                                                                      \
    } while (0)

#endif
