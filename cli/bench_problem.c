/* bench_problem.c - the problem grammar, and the network of a problem. */
#include "bench.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 10000 };

static const char *const ops[] = { "tutorial", "conv", "dense", "max_pool", "avg_pool", NULL };

static int find_op(const char *word)
{
    for (int i = 0; ops[i]; i++)
        if (!strcmp(word, ops[i]))
            return i;
    return -1;
}

/* ---- grammar -------------------------------------------------------------------------------- */

static int *member(bench_problem *p, char letter)
{
    switch (letter) {
    case 'n': return &p->n;
    case 'h': return &p->h;
    case 'w': return &p->w;
    case 'c': return &p->c;
    case 'k': return &p->k;
    case 'r': return &p->r;
    case 's': return &p->s;
    case 'u': return &p->u;
    case 'p': return &p->p;
    case 'g': return &p->g;
    case 'd': return &p->d;
    default: return NULL;
    }
}

static dcn_status set_member(bench_problem *p, const char *word, const char *where, dcn_error *err)
{
    int *value = member(p, word[0]);
    const size_t digits = strspn(word + 1, "0123456789");
    long number;

    if (!value || digits == 0 || digits > 5 || word[1 + digits])
        return cli_fail(err, DCN_USAGE, where,
                        "\"%.40s\" is not part of a problem; write it like conv n2 h32 w32 c3 k16 "
                        "r3 s3 u1 p1",
                        word);
    number = strtol(word + 1, NULL, 10);
    if (number > 65536 || (number == 0 && word[0] != 'p'))
        return cli_fail(err, DCN_USAGE, where, "\"%.40s\" is outside 1..65536; correct it", word);
    *value = (int)number;
    return DCN_OK;
}

/* What a problem leaves out. -1 stands for "not given". */
static dcn_status complete(bench_problem *p, const bench_run *run, const char *where,
                           dcn_error *err)
{
    const bool pool = p->op == BENCH_MAX_POOL || p->op == BENCH_AVG_POOL;
    const int kernel = pool ? 2 : 3;

    if (p->op == BENCH_TUTORIAL) {
        if (p->h >= 0 || p->w >= 0 || p->c >= 0 || p->k >= 0)
            return cli_fail(err, DCN_USAGE, where, "tutorial knows only n; leave out the rest");
        p->n = p->n < 0 ? run->shared.batch ? run->shared.batch : 128 : p->n;
        return DCN_OK;
    }
    p->n = p->n < 0 ? run->shared.batch ? run->shared.batch : 1 : p->n;
    if (p->c < 0 || (p->h < 0 && p->op != BENCH_DENSE) || (p->k < 0 && !pool))
        return cli_fail(err, DCN_USAGE, where,
                        "the problem %s needs %s; write it like conv n2 h32 w32 c3 k16 r3 s3 u1 p1",
                        ops[p->op],
                        pool                   ? "h and c"
                        : p->op == BENCH_DENSE ? "c and k"
                                               : "h, c and k");
    p->h = p->h < 0 ? 1 : p->h;
    p->w = p->w < 0 ? p->h : p->w;
    p->r = p->r < 0 ? kernel : p->r;
    p->s = p->s < 0 ? p->r : p->s;
    p->u = p->u < 0 ? pool ? p->r : 1 : p->u;
    p->p = p->p < 0 ? 0 : p->p;
    p->g = p->g < 0 ? 1 : p->g;
    p->d = p->d < 0 ? 1 : p->d;
    return DCN_OK;
}

dcn_status bench_parse(bench_run *run, const char *text, const char *where, dcn_error *err)
{
    bench_problem *p = NULL;
    dcn_status st = DCN_OK;

    while (!st) {
        const size_t blank = strspn(text, " \t"), length = strcspn(text + blank, " \t");
        char word[48];
        int op;

        text += blank;
        if (!length)
            break;
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        text += length;
        if ((op = find_op(word)) >= 0) {
            if (p && (st = complete(p, run, where, err)))
                break;
            if (run->n_problems == PROBLEMS_MAX)
                return cli_fail(err, DCN_USAGE, where, "holds more than %d problems; split it",
                                PROBLEMS_MAX);
            run->problems =
                cli_grow(run->problems, (size_t)run->n_problems + 1, sizeof *run->problems);
            p = &run->problems[run->n_problems++];
            *p = (bench_problem){ op, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
        } else if (!p) {
            st = cli_fail(err, DCN_USAGE, where,
                          "\"%.40s\" is not a problem; begin with tutorial, conv, dense, max_pool "
                          "or avg_pool",
                          word);
        } else {
            st = set_member(p, word, where, err);
        }
    }
    return st || !p ? st : complete(p, run, where, err);
}

const char *bench_text(const bench_problem *p, char *out, size_t size)
{
    int n;

    if (p->op == BENCH_TUTORIAL) {
        snprintf(out, size, "tutorial n%d", p->n);
        return out;
    }
    n = snprintf(out, size, "%s n%d h%d w%d c%d", ops[p->op], p->n, p->h, p->w, p->c);
    if (p->op == BENCH_DENSE || p->op == BENCH_CONV)
        n += snprintf(out + n, size - (size_t)n, " k%d", p->k);
    if (p->op != BENCH_DENSE)
        n += snprintf(out + n, size - (size_t)n, " r%d s%d u%d p%d", p->r, p->s, p->u, p->p);
    if (p->g > 1)
        n += snprintf(out + n, size - (size_t)n, " g%d", p->g);
    if (p->d > 1)
        snprintf(out + n, size - (size_t)n, " d%d", p->d);
    return out;
}

/* ---- the network ---------------------------------------------------------------------------- */

/* Numbers that are the same everywhere (an LCG; quality does not matter here). */
static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

bool bench_is_exact(const bench_problem *p)
{
    return p->op == BENCH_CONV || p->op == BENCH_DENSE || p->op == BENCH_MAX_POOL;
}

void bench_fill_images(const bench_problem *p, float *images, size_t count)
{
    uint32_t state = 1;

    for (size_t i = 0; i < count; i++) {
        const int whole = (int)(next(&state) % 7) - 3;

        images[i] = bench_is_exact(p) ? (float)whole
                    : (float)(int32_t)(next(&state) % 4001) / 1000.0f - 2.0f;
    }
}

/* Whole numbers -1, 0, 1, thin enough that a sum up and a sum down stay below 2^24. */
static dcn_status set_whole_weights(dcn_graph *g, const bench_problem *p, dcn_error *err)
{
    const double up = (double)p->r * p->s * p->c / p->g, down = (double)p->r * p->s * p->k / p->g,
                 dense = (double)p->h * p->w * p->c * p->k;
    const double most = 3 * (p->op == BENCH_DENSE ? dense : up * down), room = 1 << 22;
    const uint32_t thin = most > room ? (uint32_t)(most / room) + 1 : 1;
    uint32_t state = 7;
    dcn_status st = DCN_OK;

    for (int i = 0; i < dcn_graph_weight_count(g) && !st; i++) {
        dcn_weight_info w;
        float *values;

        dcn_graph_weight_info(g, i, &w);
        values = cli_alloc((size_t)w.count, sizeof *values);
        for (int64_t k = 0; k < w.count; k++) {
            const uint32_t bits = next(&state);

            values[k] = bits % thin ? 0 : (float)((int)(bits / thin % 3) - 1);
        }
        st = dcn_graph_set_weight(g, i, values, w.count, err);
        free(values);
    }
    return st;
}

static dcn_node add_op(dcn_graph *g, dcn_node x, const bench_problem *p)
{
    const dcn_conv_desc conv = { .filters = p->k,
                                 .kernel = { p->r, p->s },
                                 .stride = { p->u, p->u },
                                 .dilation = { p->d, p->d },
                                 .groups = p->g,
                                 .pad_kind = DCN_PAD_EXPLICIT,
                                 .pad = { p->p, p->p, p->p, p->p } };
    const dcn_pool_desc pool = { .window = { p->r, p->s }, .stride = { p->u, p->u },
                                 .pad_kind = DCN_PAD_EXPLICIT, .pad = { p->p, p->p, p->p, p->p } };

    switch (p->op) {
    case BENCH_CONV: return dcn_graph_conv(g, x, &conv);
    case BENCH_DENSE: return dcn_graph_dense(g, x, &(dcn_dense_desc){ .units = p->k });
    case BENCH_MAX_POOL: return dcn_graph_max_pool(g, x, &pool);
    case BENCH_AVG_POOL: return dcn_graph_avg_pool(g, x, &pool);
    case BENCH_TUTORIAL: break;
    }
    return -1;
}

dcn_status bench_graph(dcn_graph **graph, const bench_problem *p, bool training, dcn_error *err)
{
    const dcn_pool_desc whole = { .window = { 0, 0 } };
    dcn_status st;
    dcn_node x;

    if (p->op == BENCH_TUTORIAL) {
        if ((st = dcn_graph_tutorial(graph, 3, 10, err)))
            return st;
        return dcn_graph_init_weights(*graph, 1, err);
    }
    if ((st = dcn_graph_create(graph, err)))
        return st;
    x = add_op(*graph, dcn_graph_input(*graph, NULL, (dcn_shape){ p->h, p->w, p->c }), p);
    if (training)
        dcn_graph_softmax(*graph, dcn_graph_avg_pool(*graph, x, &whole), NULL);
    if ((st = dcn_graph_check(*graph, err)))
        return st;
    if ((st = dcn_graph_init_weights(*graph, 1, err)))
        return st;
    return bench_is_exact(p) ? set_whole_weights(*graph, p, err) : DCN_OK;
}
