/* model_onnx_fold.c - what an ONNX network computes without a picture: every operator that is folded,
 * by its numbers; and what of it is refused. */
#include "model_onnx_net.h"

#include <math.h>

/* A network that adds the list k of four numbers to its input of four zeros. */
static const struct { int opset; const char *net; float want[4]; } cases[] = {
    /* two constants, one repeated along the other */
    { 17, "a = 1,2,3,4\nb = 10\nAdd a b -> k", { 11, 12, 13, 14 } },
    { 17, "a = 1,2,3,4\nb = 10\nSub b a -> k", { 9, 8, 7, 6 } },
    { 17, "a = 1,2,3,4\nb = 0.5,2,3,0\nMul a b -> k", { 0.5f, 4, 9, 0 } },
    { 17, "a = 1,2,3,4\nb = 0\nDiv a b -> d\nc = 5\nMin d c -> k", { 5, 5, 5, 5 } },
    { 17, "a = 1,-2,3,4\nb = 2\nPow a b -> k", { 1, 4, 9, 16 } },
    { 17, "a = 1,-2,3,4\nb = 2\nMax a b -> k", { 2, 2, 3, 4 } },
    { 17, "a = 1,-2,3,4\nb = 2\nMin a b -> k", { 1, -2, 2, 2 } },
    /* whole numbers are divided as C does */
    { 17, "a # 7,-7,8,1\nb # 2,2,-3,5\nDiv a b -> q\nCast q -> k to=1", { 3, -3, -2, 0 } },
    /* comparisons are 0 or 1 */
    { 17, "a = 1,2,3,4\nb = 2\nEqual a b -> e\nCast e -> k to=1", { 0, 1, 0, 0 } },
    { 17, "a = 1,2,3,4\nb = 2\nGreater a b -> e\nCast e -> k to=1", { 0, 0, 1, 1 } },
    { 17, "a = 1,2,3,4\nb = 2\nLess a b -> e\nCast e -> k to=1", { 1, 0, 0, 0 } },
    { 17, "a = 1,0,1,0\nb = 1,1,0,0\nAnd a b -> e\nCast e -> k to=1", { 1, 0, 0, 0 } },
    { 17, "a = 1,0,1,0\nb = 1,1,0,0\nOr a b -> e\nCast e -> k to=1", { 1, 1, 1, 0 } },
    { 17, "a = 1,0,2,0\nNot a -> e\nCast e -> k to=1", { 0, 1, 0, 1 } },
    /* one */
    { 17, "a = -1.5,2,0,-3\nAbs a -> k", { 1.5f, 2, 0, 3 } },
    { 17, "a = -1.5,2.25,0,-3\nCeil a -> k", { -1, 3, 0, -3 } },
    { 17, "a = -1.5,2.25,0,-3\nFloor a -> k", { -2, 2, 0, -3 } },
    { 17, "a = -1.5,2.25,0,-3\nNeg a -> k", { 1.5f, -2.25f, 0, 3 } },
    { 17, "a = 0,1,0,1\nExp a -> e\nFloor e -> k", { 1, 2, 1, 2 } },
    { 17, "a = 4,9,0,1\nSqrt a -> k", { 2, 3, 0, 1 } },
    { 17, "a = 4,-2,1,0.5\nReciprocal a -> k", { 0.25f, -0.5f, 1, 2 } },
    /* types */
    { 17, "a = 1.75,-1.75,0,3\nCast a -> b to=7\nCast b -> k to=1", { 1, -1, 0, 3 } },
    { 17, "a = 1.75,-1.75,0,3\nCast a -> b to=9\nCast b -> k to=1", { 1, 1, 0, 1 } },
    { 17, "a = 1.75,-1.75,0,3\nCast a -> k to=11", { 1.75f, -1.75f, 0, 3 } },
    { 17, "a # 1,2,3,4\nCast a -> k to=1", { 1, 2, 3, 4 } },
    /* made of nothing */
    { 17, "Constant -> k value=@1,2,3,4.5", { 1, 2, 3, 4.5f } },
    { 17, "Constant -> k value_floats=~1,2,3,4.5", { 1, 2, 3, 4.5f } },
    { 17, "Constant -> a value_float=2.5\nb = 1,2,3,4\nMul a b -> k", { 2.5f, 5, 7.5f, 10 } },
    { 17, "Constant -> a value_ints=4,3,2,1\nCast a -> k to=1", { 4, 3, 2, 1 } },
    { 17, "Constant -> a value_int=4\nCast a -> c to=1\nb = 1,2,3,4\nMul c b -> k", { 4, 8, 12, 16 } },
    { 17, "s # 4,\nConstantOfShape s -> a\nb = 1,2,3,4\nAdd a b -> k", { 1, 2, 3, 4 } },
    { 17, "s # 4,\nConstantOfShape s -> k value=@2.5", { 2.5f, 2.5f, 2.5f, 2.5f } },
    { 17, "a # 3\nb # 11\nc # 2\nRange a b c -> r\nCast r -> k to=1", { 3, 5, 7, 9 } },
    { 17, "a # 3\nb # -1\nc # -1\nRange a b c -> r\nCast r -> k to=1", { 3, 2, 1, 0 } },
    { 17, "a # 3\nb # 1\nc # 1\nRange a b c -> r\nd # 1,2,3,4\nConcat r d -> e axis=0\nCast e -> k to=1",
      { 1, 2, 3, 4 } },
    /* put together, taken apart */
    { 17, "a = 1,2\nb = 3,4\nConcat a b -> k axis=0", { 1, 2, 3, 4 } },
    { 17, "a = 1,2\nb = 3,4\nu # 0,\nUnsqueeze a u -> c\nUnsqueeze b u -> d\nConcat c d -> e axis=1\n"
          "Squeeze e u -> k", { 1, 2, 3, 4 } },
    { 17, "a = 1,2,3,4\ni # 3,-2,0,0\nGather a i -> k axis=0", { 4, 3, 1, 1 } },
    { 17, "a = 1,2,3,4\ns # 2,2\nReshape a s -> b\ni # 1,0\nGather b i -> c axis=1\nt # -1,\nReshape c t -> k",
      { 2, 1, 4, 3 } },
    { 17, "a = 1,2,3,4\ni # 2\nGather a i -> g axis=0\nb = 1,1,1,1\nMul g b -> k", { 3, 3, 3, 3 } },
    { 17, "a = 0,1,2,3,4,5,6,7,8\ns # 1,\ne # 8,\nax # 0,\nt # 2,\nSlice a s e ax t -> k", { 1, 3, 5, 7 } },
    { 17, "a = 0,1,2,3\ns # -1,\ne # -9223372036854775807,\nax # 0,\nt # -1,\nSlice a s e ax t -> k",
      { 3, 2, 1, 0 } },
    { 9, "a = 0,1,2,3,4\nSlice a -> k starts=1, ends=99,", { 1, 2, 3, 4 } },
    { 17, "a = 1,2,3,4\ns # 2,2\nReshape a s -> b\nTranspose b -> c perm=1,0\nt # 4,\nReshape c t -> k",
      { 1, 3, 2, 4 } },
    { 17, "a = 1,2\nb = 10,20\nAdd a b -> d\nu # 1,\nUnsqueeze d u -> e\nw # 2,2\nExpand e w -> f\n"
          "Transpose f -> g\nt # 4,\nReshape g t -> k", { 11, 22, 11, 22 } },
    { 17, "a = 1,2,3,4\nc = 1,0,0,1\nb = 9\nWhere c a b -> k", { 1, 9, 9, 4 } },
    { 17, "a = 2\ns # 4,\nExpand a s -> k", { 2, 2, 2, 2 } },
    { 17, "a = 2,3,4\nReduceProd a -> p keepdims=0\nb = 1,1,1,2\nMul p b -> k", { 24, 24, 24, 48 } },
    { 17, "a = 2,3,4\nReduceProd a -> p\nb = 1,1,1,2\nMul p b -> k", { 24, 24, 24, 48 } },
    { 17, "a = 2,3\nReduceProd a -> p axes=0,\nb = 1,1,1,2\nMul p b -> k", { 6, 6, 6, 12 } },
    { 18, "a = 1,2,3,4\nReduceProd a -> k noop_with_empty_axes=1", { 1, 2, 3, 4 } },
    { 18, "a = 2,3\nx0 # -1,\nReduceProd a x0 -> p noop_with_empty_axes=1\nb = 1,1,1,2\nMul p b -> k", { 6, 6, 6, 12 } },
    { 17, "a = 1,2,3,4\nIdentity a -> k", { 1, 2, 3, 4 } },
    { 17, "a = 1,2,3,4\nDropout a -> k", { 1, 2, 3, 4 } },
    /* of shapes */
    { 17, "Shape x -> s\nw : 2,3,5,7\nShape w -> a\nCast a -> k to=1", { 2, 3, 5, 7 } },
    { 17, "w : 2,3,5,7,1\nShape w -> a start=-5 end=-1\nCast a -> k to=1", { 2, 3, 5, 7 } },
    { 17, "w : 2,3,5,7\nSize w -> a\nCast a -> c to=1\nb = 1,1,1,2\nMul b c -> k", { 210, 210, 210, 420 } },
    { 17, "Size x -> a\nCast a -> c to=1\nb = 1,1,1,2\nMul b c -> k", { 4, 4, 4, 8 } },
};

static void numbers_without_a_picture(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const float zero[4] = { 0 };
        float got[4] = { NAN, NAN, NAN, NAN };
        char net[700];
        dcn_model m;
        dcn_plan *p;

        snprintf(net, sizeof net, "%d\nx 1,4\n%s\nAdd x k -> y", cases[i].opset, cases[i].net);
        m = load_net(net);
        assert_int_equal(dcn_plan_create(&p, m.graph, &(dcn_plan_desc){ .engine = "ref", .batch = 1, .keep_all = 1 },
                                         &err), DCN_OK);
        dcn_plan_forward(p, zero, 1);
        assert_int_equal(dcn_plan_value(p, dcn_graph_node_count(m.graph) - 1, got, &err), DCN_OK);
        if (memcmp(got, cases[i].want, sizeof got) != 0) {
            print_error("%s\n   gives %g %g %g %g\n", net, (double)got[0], (double)got[1], (double)got[2],
                        (double)got[3]);
            failed++;
        }
        dcn_plan_destroy(p);
        dcn_model_clear(&m);
    }
    assert_int_equal(failed, 0);
}

/* The same network with a k that cannot be: a part of the sentence. */
static const struct { int opset; const char *net, *sentence; } refused[] = {
    { 17, "a = 1,2,3,4\nb = 1,2\nAdd a b -> k", "its constants' shapes do not fit" },
    { 17, "a = 1,2\nb = 1,2,3,4\ns # 2,2\nReshape b s -> c\nConcat a c -> k axis=0",
      "its constants' shapes do not fit" },
    { 17, "a = 1,2,3,4\nb = 1,2,3,4\ns # 2,2\nt # 1,4\nReshape b s -> c\nReshape a t -> d\nConcat c d -> k axis=0",
      "its constants' shapes do not fit" },
    { 17, "a = 1,2,3,4\nMax a a a -> k", "it has 3 constants, supported are two" },
    { 17, "a # 1,2,3,4\nb # 0\nDiv a b -> q\nCast q -> k to=1", "it divides by zero" },
    { 17, "a = 1,2,3,4\nCast a -> k to=8", "it makes numbers of type STRING, which are not supported" },
    { 17, "Constant -> k", "it has 0 attributes, it needs one" },
    { 17, "Constant -> k value_int=1 value_float=1.5", "it has 2 attributes, it needs one" },
    { 17, "Constant -> k value=text", "attribute value is of kind STRING, numbers are needed" },
    { 17, "s # 4,\nConstantOfShape s -> k value=@1,2", "its value has 2 numbers, it needs one" },
    { 17, "s # 2,2,2,2,2,2,2,2,2\nConstantOfShape s -> k", "a list of at most 8 whole numbers is needed" },
    { 17, "s = 4,\nConstantOfShape s -> k", "a list of at most 8 whole numbers is needed" },
    { 17, "a # 1,2,3,4\ns # 2,2\nReshape a s -> t\nConstantOfShape t -> k",
      "a list of at most 8 whole numbers is needed" },
    { 17, "a # 1\nb # 4\nc # 0\nRange a b c -> k", "its step is zero, or a limit is no number" },
    { 17, "a = nan\nb = 4\nc = 1\nRange a b c -> k", "its step is zero, or a limit is no number" },
    { 17, "a = 1\nb = inf\nc = 1\nRange a b c -> k", "its step is zero, or a limit is no number" },
    { 17, "a = 1\nb = 4\nc = inf\nRange a b c -> k", "its step is zero, or a limit is no number" },
    { 17, "a = 1,2\nb = 4\nc = 1\nRange a b c -> k", "a constant of 2 numbers stands where one is needed" },
    { 17, "a = 1,2,3,4\ni # 4\nGather a i -> k axis=0", "place 4 is not in a dimension of 4" },
    { 17, "a = 1,2,3,4\ni # -5\nGather a i -> k axis=0", "place -5 is not in a dimension of 4" },
    { 17, "a = 1,2,3,4\ni # 0\nGather a i -> k axis=1", "axis 1 is not in a value of 1 dimensions" },
    { 17, "a : 1,1,1,1,1,1,1,1\ni # 0,0\ns # 1,2\nReshape i s -> j\nGather a j -> k axis=0",
      "its result has more than 8 dimensions" },
    { 17, "a = 1,2,3,4\nu # 0,0\nUnsqueeze a u -> k", "axis 0 stands twice" },
    { 17, "a = 1,2,3,4\nUnsqueeze a -> k", "its axes are missing" },
    { 17, "a : 1,1,1,1,1,1,1,4\nu # 0,\nUnsqueeze a u -> k", "its result has more than 8 dimensions" },
    { 17, "a = 1,2,3,4\nu # 0,\nUnsqueeze a u -> k axes=0,", "axes is an attribute, it is an input since opset 13" },
    { 17, "a = 1,2,3,4\ns # 0,1\ne # 4,4\nSlice a s e -> k", "its lists of starts, ends, axes and steps do not fit" },
    { 17, "a = 1,2,3,4\ns # 0,\ne # 4,4\nSlice a s e -> k", "its lists of starts, ends, axes and steps do not fit" },
    { 17, "a = 1,2,3,4\ns # 0,\ne # 4,\nax # 0,0\nSlice a s e ax -> k",
      "its lists of starts, ends, axes and steps do not fit" },
    { 17, "a = 1,2,3,4\ns # 0,\ne # 4,\nax # 0,\nt # 1,1\nSlice a s e ax t -> k",
      "its lists of starts, ends, axes and steps do not fit" },
    { 17, "a = 1,2,3,4\ns # 0,\ne # 4,\nax # 0,\nt # 9000000000,\nSlice a s e ax t -> k", "a step is 9000000000" },
    { 17, "a = 1,2,3,4\ns # 0,\ne # 4,\nax # 0,\nt # -9000000000,\nSlice a s e ax t -> k", "a step is -9000000000" },
    { 17, "a : 2,2\nReduceProd a -> k axes=0,", "supported is the product of all numbers" },
    { 17, "a : 2,2\nReduceProd a -> k axes=0,0", "supported is the product of all numbers" },
    { 17, "a = 1,2\nReduceProd a -> k axes=5,", "axis 5 is not in a value of 1 dimensions" },
    { 18, "a = 1,2\nReduceProd a -> k noop_with_empty_axes=2", "noop_with_empty_axes is 2, taken are 0..1" },
    { 17, "a = 1,2,3,4\nTranspose a -> k perm=-1,", "perm is no order of 1 dimensions" },
    { 17, "a = 1,2,3,4\nTranspose a -> k perm=1.5", "attribute perm is of kind FLOAT, not INTS" },
    { 17, "s # 65536,\nConstantOfShape s -> a\ni # 0,0\nu # 0,\nUnsqueeze a u -> b\nConcat b b -> k axis=0",
      "it makes a constant of more than 65536 numbers" },
};

static void refusals_without_a_picture(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char net[700];
        dcn_model m;
        dcn_status st;

        snprintf(net, sizeof net, "%d\nx 1,4\n%s\nAdd x k -> y", refused[i].opset, refused[i].net);
        st = dcn_onnx_load(&m, save("fold.onnx", onnx_of(net)), NULL, &err);
        if (st != DCN_INPUT || !strstr(err.text, refused[i].sentence)) {
            print_error("%s\n   status %d: %s\n   wanted %s\n", net, (int)st, st ? err.text : "", refused[i].sentence);
            failed++;
        }
        if (!st)
            dcn_model_clear(&m);
    }
    assert_int_equal(failed, 0);
}

/* Many constants, each of which is small enough. */
static void all_that_is_computed(void **state)
{
    bytes graph = { 0 };
    char from[16], to[16], both[32];
    dcn_model m;

    (void)state;
    put_message(&graph, 11, make_info("x", 2, (int64_t[]){ 1, 65536 }));
    add_tensor(&graph, "s", '#', "65536,");
    put_message(&graph, 1, make_node("ConstantOfShape", "s ", "a0 "));
    for (int i = 0; i < 100; i++) {
        snprintf(from, sizeof from, "a%d ", i);
        snprintf(to, sizeof to, "a%d ", i + 1);
        put_message(&graph, 1, make_node("Neg", from, to));
    }
    snprintf(both, sizeof both, "x %s", to);
    put_message(&graph, 1, make_node("Add", both, "y "));
    put_message(&graph, 12, make_info("y", 2, (int64_t[]){ 1, 65536 }));
    assert_refused(dcn_onnx_load(&m, save("fold.onnx", make_model(graph)), NULL, &err), DCN_INPUT,
                   "constants that are computed in the file hold more than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_without_a_picture), cmocka_unit_test(refusals_without_a_picture),
        cmocka_unit_test(all_that_is_computed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
