/* words.c - the table of words. A row: operator, key, kind, member of dcn__node, range, usual
 * value. Rows of an operator stand together, in canonical order. */
#include "graph/words.h"

#include <stddef.h>

#define AT(member) offsetof(dcn__node, member)
#define NEEDED true, false
#define BARE true, true
#define MAYBE false, false

static const dcn__word words[] = {
    { DCN__OP_INPUT, "", DCN__WORD_SHAPE, AT(shape), 1, 65536, 0, BARE },
    { DCN__OP_CONV, "filters", DCN__WORD_WHOLE, AT(shape.c), 1, 65536, 0, NEEDED },
    { DCN__OP_CONV, "kernel", DCN__WORD_PAIR, AT(window.kernel), 1, 1024, 0, NEEDED },
    { DCN__OP_CONV, "stride", DCN__WORD_PAIR, AT(window.stride), 1, 1024, 1, MAYBE },
    { DCN__OP_CONV, "pad", DCN__WORD_PAD, AT(window.pad), 0, 1 << 20, 0, MAYBE },
    { DCN__OP_CONV, "dilation", DCN__WORD_PAIR, AT(window.dilation), 1, 1024, 1, MAYBE },
    { DCN__OP_CONV, "groups", DCN__WORD_WHOLE, AT(groups), 1, 65536, 1, MAYBE },
    { DCN__OP_CONV, "init", DCN__WORD_INIT, AT(init_stddev), 1e-12, 1e6, 0, MAYBE },
    { DCN__OP_CONV, "bias", DCN__WORD_BIAS, AT(init_bias), -1e6, 1e6, 0, MAYBE },
    { DCN__OP_DENSE, "units", DCN__WORD_WHOLE, AT(shape.c), 1, 65536, 0, NEEDED },
    { DCN__OP_DENSE, "bias", DCN__WORD_NO_BIAS, AT(bias), 0, 0, 0, MAYBE },
    /* A pool's usual stride is its window: 0 here. */
    { DCN__OP_MAX_POOL, "kernel", DCN__WORD_WINDOW, AT(window.kernel), 1, 1024, 0, BARE },
    { DCN__OP_MAX_POOL, "stride", DCN__WORD_PAIR, AT(window.stride), 1, 1024, 0, MAYBE },
    { DCN__OP_MAX_POOL, "pad", DCN__WORD_PAD, AT(window.pad), 0, 1 << 20, 0, MAYBE },
    { DCN__OP_MAX_POOL, "dilation", DCN__WORD_PAIR, AT(window.dilation), 1, 1024, 1, MAYBE },
    { DCN__OP_MAX_POOL, "ceil", DCN__WORD_FLAG, AT(window.ceil), 0, 1, 0, MAYBE },
    { DCN__OP_AVG_POOL, "kernel", DCN__WORD_WINDOW, AT(window.kernel), 1, 1024, 0, BARE },
    { DCN__OP_AVG_POOL, "stride", DCN__WORD_PAIR, AT(window.stride), 1, 1024, 0, MAYBE },
    { DCN__OP_AVG_POOL, "pad", DCN__WORD_PAD, AT(window.pad), 0, 1 << 20, 0, MAYBE },
    { DCN__OP_AVG_POOL, "ceil", DCN__WORD_FLAG, AT(window.ceil), 0, 1, 0, MAYBE },
    { DCN__OP_AVG_POOL, "count_pad", DCN__WORD_FLAG, AT(window.count_pad), 0, 1, 0, MAYBE },
    { DCN__OP_SLICE, "first", DCN__WORD_WHOLE, AT(first), 0, INT32_MAX, 0, NEEDED },
    { DCN__OP_SLICE, "count", DCN__WORD_WHOLE, AT(shape.c), 1, INT32_MAX, 0, NEEDED },
    { DCN__OP_SHUFFLE, "groups", DCN__WORD_WHOLE, AT(groups), 1, INT32_MAX, 0, NEEDED },
    { DCN__OP_PAD, "", DCN__WORD_SIDES, AT(window.pad), -65536, 65536, 0, BARE },
    { DCN__OP_PAD, "value", DCN__WORD_NUMBER, AT(alpha), -1e30, 1e30, 0, MAYBE },
    { DCN__OP_RESHAPE, "", DCN__WORD_SHAPE, AT(shape), 1, INT32_MAX, 0, BARE },
    { DCN__OP_RESHAPE, "order", DCN__WORD_ORDER, AT(order), 0, 1, DCN_ORDER_CHW, MAYBE },
    { DCN__OP_CLIP, "max", DCN__WORD_NUMBER, AT(alpha), 0, 1e30, 6, MAYBE },
    { DCN__OP_LEAKY_RELU, "slope", DCN__WORD_NUMBER, AT(alpha), -1e30, 1e30, 0.01, MAYBE },
    { DCN__OP_LRN, "size", DCN__WORD_WHOLE, AT(size), 1, 65536, 0, NEEDED },
    { DCN__OP_LRN, "alpha", DCN__WORD_NUMBER, AT(alpha), 0, 1e30, 1e-4, MAYBE },
    { DCN__OP_LRN, "beta", DCN__WORD_NUMBER, AT(beta), 0, 100, 0.75, MAYBE },
    { DCN__OP_LRN, "k", DCN__WORD_NUMBER, AT(bias_k), 0, 1e30, 1, MAYBE },
    { DCN__OP_HARD_TANH, "min", DCN__WORD_NUMBER, AT(alpha), -1e30, 1e30, -1, MAYBE },
    { DCN__OP_HARD_TANH, "max", DCN__WORD_NUMBER, AT(beta), -1e30, 1e30, 1, MAYBE },
    { DCN__OP_HARD_SIGMOID, "alpha", DCN__WORD_NUMBER, AT(alpha), -1e30, 1e30, 0.2, MAYBE },
    { DCN__OP_HARD_SIGMOID, "beta", DCN__WORD_NUMBER, AT(beta), -1e30, 1e30, 0.5, MAYBE },
    { DCN__OP_GELU, "tanh", DCN__WORD_FORM, AT(alpha), 0, 1, 0, MAYBE },
    { DCN__OP_ELU, "alpha", DCN__WORD_NUMBER, AT(alpha), -1e30, 1e30, 1, MAYBE },
    { DCN__OP_SELU, "alpha", DCN__WORD_NUMBER, AT(alpha), -1e30, 1e30, 1.67326319217681884765625,
      MAYBE },
    { DCN__OP_SELU, "gamma", DCN__WORD_NUMBER, AT(beta), -1e30, 1e30, 1.05070102214813232421875,
      MAYBE },
};

const dcn__word *dcn__words_of(dcn__op op, int *n)
{
    const int all = (int)(sizeof words / sizeof *words);
    int first = 0;

    while (first < all && words[first].op != op)
        first++;
    *n = 0;
    while (first + *n < all && words[first + *n].op == op)
        ++*n;
    return words + first;
}

const char *dcn__words_example(dcn__op op)
{
    switch (op) {
    case DCN__OP_INPUT:
        return "write input HEIGHTxWIDTHxCHANNELS";
    case DCN__OP_CONV:
        return "write, say, conv filters=64 kernel=5";
    case DCN__OP_DENSE:
        return "write, say, dense units=10";
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        return "write, say, max_pool 2 or max_pool 3x3 stride=2";
    case DCN__OP_ADD:
        return "write add FIRST SECOND";
    case DCN__OP_MUL:
        return "write mul VALUE GATE";
    case DCN__OP_SLICE:
        return "write, say, slice first=0 count=32";
    case DCN__OP_SHUFFLE:
        return "write, say, shuffle groups=4";
    case DCN__OP_PAD:
        return "write, say, pad 1 or pad 0,1,0,1";
    case DCN__OP_RESHAPE:
        return "write, say, reshape 1x1x256";
    case DCN__OP_LRN:
        return "write, say, lrn size=5";
    default:
        return "see docs/formats/network.md";
    }
}

int dcn__least_inputs(dcn__op op)
{
    return op == DCN__OP_INPUT ? 0 : op == DCN__OP_ADD || op == DCN__OP_MUL ? 2 : 1;
}

int dcn__most_inputs(dcn__op op)
{
    return op == DCN__OP_ADD || op == DCN__OP_CONCAT ? 200 : dcn__least_inputs(op);
}
