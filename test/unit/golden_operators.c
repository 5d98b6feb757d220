/* Every operator and border case under every rule: engines against PyTorch (operators.safetensors).
 * Whole numbers must be equal; elsewhere the bound is in the file. */
#include "golden_common.h"

static void case_agrees(void **state)
{
    golden_agrees(*state, 5);
}

#define CASE(name, engine, spare, threads, lean)                                                 \
    { name ", " engine ", " #spare " spare, " #threads " threads, lean " #lean, case_agrees,      \
      NULL, NULL, &(golden_test){ "operators.safetensors", name, engine, spare, threads, lean, \
                                   0 } }
#define CASES(name)                                                                              \
    CASE(name, "ref", 0, 1, 0), CASE(name, "ref64", 4, 2, 1), CASE(name, "cpu", 0, 1, 0),         \
    CASE(name, "cpu", 4, 2, 1)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES("windows"), CASES("sparse"), CASES("ties"), CASES("branches"), CASES("gates"),
        CASES("excite"), CASES("norms"), CASES("means"), CASES("softmax"), CASES("log_softmax"),
        CASES("clip"), CASES("relu6"), CASES("leaky_relu"), CASES("prelu"), CASES("hard_tanh"),
        CASES("sigmoid"), CASES("hard_sigmoid"), CASES("tanh"), CASES("silu"),
        CASES("hard_swish"), CASES("gelu"), CASES("gelu_tanh"), CASES("mish"), CASES("elu"),
        CASES("selu"), CASES("softplus"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
