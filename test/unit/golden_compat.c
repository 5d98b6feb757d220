/* What other programs compute: engines against Captum and zennit (compat.safetensors) and, for
 * tf_cnnvis, against TensorFlow told to do as that does (compat_tf.safetensors). */
#include "golden_common.h"

static void case_agrees(void **state)
{
    golden_agrees(*state, 3);
}

#define CASE(file, name, engine, spare, threads, lean)                                           \
    { name ", " engine ", " #spare " spare, " #threads " threads, lean " #lean, case_agrees,      \
      NULL, NULL, &(golden_test){ file, name, engine, spare, threads, lean, 0 } }
#define CASES(file, name)                                                                        \
    CASE(file, name, "ref", 0, 1, 0), CASE(file, name, "ref64", 4, 2, 1),                         \
    CASE(file, name, "cpu", 0, 1, 0), CASE(file, name, "cpu", 4, 2, 1)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES("compat.safetensors", "captum_plain"), CASES("compat.safetensors", "captum_mixed"),
        CASES("compat.safetensors", "zennit_plain"), CASES("compat.safetensors", "zennit_mixed"),
        CASES("compat_tf.safetensors", "tf_plain"), CASES("compat_tf.safetensors", "tf_lrn"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
