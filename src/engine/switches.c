/* switches.c - a max pool's switches as others write them: TensorFlow's (y*W + x)*C + c in the
 * pool's input, one picture at a time. What comes from outside is checked here, once; kernels
 * rely on it. */
#include "engine/plan.h"

/* A max pool of a plan, seen cell by cell. */
typedef struct pool_view {
    const dcn__node *node;
    dcn_shape in, out;
    size_t size;                  /* cells of one picture */
    int bytes;                    /* of a switch */
} pool_view;

static dcn_status find_pool(pool_view *v, const dcn_plan *p, dcn_node pool, dcn_error *err)
{
    dcn_status st = dcn__plan_check_node(p, pool, err);

    if (st)
        return st;
    v->node = &p->graph->nodes[pool];
    if (v->node->op != DCN__OP_MAX_POOL)
        return dcn__fail(err, DCN_USAGE, v->node->name,
                         "is no max pool, it has no switches; name a max pool");
    if (!dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, -1))
        return dcn__fail(
            err, DCN_USAGE, v->node->name,
            "its switches are not kept by this plan; create it with keep_all or a route "
            "through it");
    v->in = p->graph->nodes[v->node->inputs[0]].shape;
    v->out = v->node->shape;
    v->size = (size_t)dcn__shape_size(v->out);
    v->bytes = dcn__switch_bytes(&v->node->window);
    return DCN_OK;
}

/* The input cell at the top left of the window of output cell k; may lie in the padding. */
static void window_corner(const pool_view *v, size_t k, int64_t *row, int64_t *col)
{
    const size_t cell = k / (size_t)v->out.c;
    const dcn__window *w = &v->node->window;

    *row = (int64_t)(cell / (size_t)v->out.w) * w->stride[0] - w->pad[0];
    *col = (int64_t)(cell % (size_t)v->out.w) * w->stride[1] - w->pad[1];
}

static int64_t index_of(const pool_view *v, const void *switches, size_t at, size_t k)
{
    const int64_t s = v->bytes == 1 ? ((const uint8_t *)switches)[at]
                                    : (int64_t)((const uint32_t *)switches)[at];
    const int64_t columns = v->node->window.kernel[1];
    int64_t row, col;

    window_corner(v, k, &row, &col);
    row += s / columns * v->node->window.dilation[0];
    col += s % columns * v->node->window.dilation[1];
    return (row * v->in.w + col) * v->in.c + (int64_t)(k % (size_t)v->out.c);
}

/* The switch that an index means for output cell k, or -1 and why it means none. */
static int64_t switch_of(const pool_view *v, int64_t index, size_t k, const char **why)
{
    const dcn__window *w = &v->node->window;
    int64_t row, col;

    /* One unsigned comparison refuses negative indices too. */
    if ((uint64_t)index >= (uint64_t)dcn__shape_size(v->in)) {
        *why = "is outside the pool's input";
        return -1;
    }
    if (index % v->in.c != (int64_t)(k % (size_t)v->out.c)) {
        *why = "belongs to another channel";
        return -1;
    }
    window_corner(v, k, &row, &col);
    row = index / v->in.c / v->in.w - row;
    col = index / v->in.c % v->in.w - col;
    if (row < 0 || row % w->dilation[0] || row / w->dilation[0] >= w->kernel[0] || col < 0 ||
        col % w->dilation[1] || col / w->dilation[1] >= w->kernel[1]) {
        *why = "lies outside its window";
        return -1;
    }
    return row / w->dilation[0] * w->kernel[1] + col / w->dilation[1];
}

dcn_status dcn_plan_switches(const dcn_plan *p, dcn_node pool, int64_t *out, dcn_error *err)
{
    pool_view v;
    dcn_status st = find_pool(&v, p, pool, err);

    for (int n = 0; !st && n < p->n; n++) {
        const void *from = dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, n / p->chunk);
        const size_t first = (size_t)(n % p->chunk) * v.size;

        for (size_t k = 0; k < v.size; k++)
            out[(size_t)n * v.size + k] = index_of(&v, from, first + k, k);
    }
    return st;
}

static dcn_status check_all(const pool_view *v, const dcn_plan *p, const int64_t *switches,
                            dcn_error *err)
{
    for (int n = 0; n < p->n; n++)
        for (size_t k = 0; k < v->size; k++) {
            const int64_t index = switches[(size_t)n * v->size + k];
            const size_t cell = k / (size_t)v->out.c;
            const char *why = NULL;

            if (switch_of(v, index, k, &why) < 0)
                return dcn__fail(
                    err, DCN_INPUT, v->node->name,
                    "picture %d, cell %zu,%zu,%zu: index %lld %s; use the switches of this pool", n,
                    cell / (size_t)v->out.w, cell % (size_t)v->out.w, k % (size_t)v->out.c,
                    (long long)index, why);
        }
    return DCN_OK;
}

dcn_status dcn_plan_set_switches(dcn_plan *p, dcn_node pool, const int64_t *switches, int64_t count,
                                 dcn_error *err)
{
    pool_view v;
    dcn_status st = find_pool(&v, p, pool, err);

    /* A picture has at most 2^31 values and a batch at most 2^20: no overflow. */
    if (!st && count != (int64_t)v.size * p->n)
        return dcn__fail(err, DCN_INPUT, v.node->name,
                         "%lld indices are given, %d pictures have %lld; use the switches of this "
                         "pool", (long long)count, p->n, (long long)v.size * p->n);
    if (st || (st = check_all(&v, p, switches, err)))
        return st;
    for (int n = 0; n < p->n; n++) {
        void *to = dcn__plan_kept(p, DCN__SLOT_SWITCH, pool, n / p->chunk);
        const size_t first = (size_t)(n % p->chunk) * v.size;

        for (size_t k = 0; k < v.size; k++) {
            const char *why;
            const int64_t s = switch_of(&v, switches[(size_t)n * v.size + k], k, &why);

            if (v.bytes == 1)
                ((uint8_t *)to)[first + k] = (uint8_t)s;
            else
                ((uint32_t *)to)[first + k] = (uint32_t)s;
        }
    }
    return DCN_OK;
}
