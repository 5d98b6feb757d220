/* onnx_write_map.c - activations in ONNX, opset 17. Those that came later (Gelu 20, Mish 18, Swish
 * 24) are written in the parts from which importers, ours among them, know them again. */
#include "model/onnx_write.h"

#ifdef DCN_HAVE_PROTOBUF

/* A chain of small nodes about one of ours: each step has a suffix and makes a value. */
struct chain {
    dcn__export *ex;
    dcn_node id;
    const char *last;             /* the name of the chain's end */
};

static const char *with(const struct chain *c, const char *op, const char *a, const char *b,
                        const char *suffix)
{
    const char *inputs[] = { a, b };
    const char *y = suffix ? dcn__export_name(c->ex, c->id, suffix) : c->last;

    dcn__export_node(c->ex, op, inputs, b ? 2 : 1, y);
    return y;
}

static const char *number(const struct chain *c, const char *suffix, double value)
{
    return dcn__export_number(c->ex, c->id, suffix, (float)value);
}

/* x/2 * (1 + erf(x/sqrt(2))) */
static void put_gelu(const struct chain *c, const char *x)
{
    const char *t = with(c, "Mul", x, number(c, "sqrt_half", 0.70710678118654752440), "inner");

    t = with(c, "Erf", t, NULL, "erf");
    t = with(c, "Add", t, number(c, "one", 1), "lifted");
    with(c, "Mul", with(c, "Mul", x, number(c, "half", 0.5), "halved"), t, NULL);
}

/* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
static void put_gelu_tanh(const struct chain *c, const char *x)
{
    const char *t = with(c, "Mul", with(c, "Mul", x, x, "square"), x, "cube");

    t = with(c, "Mul", t, number(c, "cube_factor", 0.044715), "bend");
    t = with(c, "Add", x, t, "bent");
    t = with(c, "Mul", t, number(c, "sqrt_2_by_pi", 0.79788456080286535588), "inner");
    t = with(c, "Tanh", t, NULL, "tanh");
    t = with(c, "Add", t, number(c, "one", 1), "lifted");
    with(c, "Mul", with(c, "Mul", x, number(c, "half", 0.5), "halved"), t, NULL);
}

/* A limit that no number reaches is left out. */
static void put_limits(const struct chain *c, const char *x, float low, float high)
{
    const char *inputs[3] = { x, "", "" };

    if (low > -1e30f)
        inputs[1] = number(c, "min", (double)low);
    if (high < 1e30f)
        inputs[2] = number(c, "max", (double)high);
    dcn__export_node(c->ex, "Clip", inputs, 3, c->last);
}

static const char *const simple[DCN__OP_COUNT] = {
    [DCN__OP_RELU] = "Relu", [DCN__OP_LEAKY_RELU] = "LeakyRelu", [DCN__OP_SIGMOID] = "Sigmoid",
    [DCN__OP_HARD_SIGMOID] = "HardSigmoid", [DCN__OP_TANH] = "Tanh",
    [DCN__OP_HARD_SWISH] = "HardSwish", [DCN__OP_ELU] = "Elu", [DCN__OP_SELU] = "Selu",
    [DCN__OP_SOFTPLUS] = "Softplus",
};

static void put_simple(dcn__export *ex, const dcn__node *n, const char *x, const char *y)
{
    dcn__onnx_put_node *node = dcn__export_node(ex, simple[n->op], &x, 1, y);

    switch (n->op) {
    case DCN__OP_LEAKY_RELU:
    case DCN__OP_ELU:
        dcn__export_float(ex, node, "alpha", n->alpha);
        break;
    case DCN__OP_HARD_SIGMOID:
        dcn__export_float(ex, node, "alpha", n->alpha);
        dcn__export_float(ex, node, "beta", n->beta);
        break;
    case DCN__OP_SELU:
        dcn__export_float(ex, node, "alpha", n->alpha);
        dcn__export_float(ex, node, "gamma", n->beta);
        break;
    default:
        break;
    }
}

void dcn__export_map(dcn__export *ex, dcn_node id, const char *x, const char *y)
{
    const dcn__node *n = &ex->graph->nodes[id];
    const struct chain c = { ex, id, y };

    switch (n->op) {
    case DCN__OP_CLIP:
        put_limits(&c, x, 0, n->alpha);
        break;
    case DCN__OP_HARD_TANH:
        put_limits(&c, x, n->alpha, n->beta);
        break;
    case DCN__OP_SILU:
        with(&c, "Mul", x, with(&c, "Sigmoid", x, NULL, "sigmoid"), NULL);
        break;
    case DCN__OP_MISH:
        with(&c, "Mul", x,
             with(&c, "Tanh", with(&c, "Softplus", x, NULL, "softplus"), NULL, "tanh"), NULL);
        break;
    case DCN__OP_GELU:
        if (n->alpha == 1)
            put_gelu_tanh(&c, x);
        else
            put_gelu(&c, x);
        break;
    default:
        put_simple(ex, n, x, y);
        break;
    }
}

#endif
