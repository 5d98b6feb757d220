/* narrower.h - a test program once more with the instructions that narrower machines have. */
#ifndef NARROWER_H
#define NARROWER_H

#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define LIMIT "DNNL_MAX_CPU_ISA"      /* oneDNN's, which our own kernels obey */

static inline void narrower_machines_are_served(void **state)
{
    static const char *const sets[] = { "AVX2", "SSE41" };
    char self[] = "/proc/self/exe";
    char *const arguments[] = { self, NULL };

    (void)state;
    for (int i = 0; i < 2 && !getenv(LIMIT); i++) {
        int status;
        pid_t child;

        setenv(LIMIT, sets[i], 1);
        assert_int_equal(posix_spawn(&child, self, NULL, NULL, arguments, environ), 0);
        unsetenv(LIMIT);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

#endif
