/* ops.c - the table of operators and the list of actions as data. */
#include "graph/graph.h"

static const dcn__op_row rows[DCN__OP_COUNT] = {
#define DCN_OP(id, word, onnx, forward, gradient, deconvnet, guided, reconstruct, deconvnet_x,   \
               guided_x, reconstruct_x)                                                         \
    [DCN__OP_##id] = { word, onnx, DCN__DO_##forward,                                            \
                       { [DCN_RULE_GRADIENT] = DCN__DO_##gradient,                               \
                         [DCN_RULE_DECONVNET] = DCN__DO_##deconvnet,                             \
                         [DCN_RULE_GUIDED] = DCN__DO_##guided,                                   \
                         [DCN_RULE_RECONSTRUCT] = DCN__DO_##reconstruct },                       \
                       { [DCN_RULE_GRADIENT] = DCN__DO_REFUSE,                                   \
                         [DCN_RULE_DECONVNET] = DCN__DO_##deconvnet_x,                           \
                         [DCN_RULE_GUIDED] = DCN__DO_##guided_x,                                 \
                         [DCN_RULE_RECONSTRUCT] = DCN__DO_##reconstruct_x } },
#include "graph/ops.def"
#undef DCN_OP
};

static const char *const action_words[DCN__DO_COUNT] = {
#define DCN_ACTION(id, word, sentence) [DCN__DO_##id] = word,
#include "graph/actions.def"
#undef DCN_ACTION
};

const dcn__op_row *dcn__op_row_of(dcn__op op)
{
    return &rows[op];
}

const char *dcn__action_word(dcn__action action)
{
    return action_words[action];
}

bool dcn__op_is_map(dcn__op op)
{
    return rows[op].forward == DCN__DO_MAP;
}
