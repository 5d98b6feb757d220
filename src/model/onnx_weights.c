/* onnx_weights.c - the numbers: from the file's order to the graph's, in slices, straight into
 * place. Runs last, when everything that could be refused has been looked at. */
#include "model/onnx_import.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { SLICE = 1 << 20, BLOCK = 16 };      /* floats; rows and columns turned at once */

/* A tensor as nested loops in the order of the file: each moves `row` rows of the weight's matrix
 * (rows, out), or outputs. */
struct loop { int64_t extent, stride, row; bool out; };
struct matrix {
    const dcn__constant *source;
    struct loop at[DCN__MAX_ATOMS + 4];
    int n;
    int64_t outputs, rows;
    float *to;
    float *buffer;                         /* SLICE floats, or `outputs` rows of the file */
};

static dcn_status read(dcn__import *im, const dcn__constant *c, int64_t first, int64_t count,
                       float *out)
{
    if (c->tensor)
        return dcn__onnx_read_f32(im->file, c->tensor, first, count, out, im->err);
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)c->values[first + i];
    return DCN_OK;
}

static void add_loop(struct matrix *m, int64_t extent, int64_t stride, int64_t row, bool out)
{
    int at = m->n;

    if (extent == 1)
        return;
    for (; at && m->at[at - 1].stride < stride; at--)
        m->at[at] = m->at[at - 1];
    m->at[at] = (struct loop){ extent, stride, row, out };
    m->n++;
}

/* Loops `from` to `to` - 1 in order: which row each place belongs to. */
static void list_rows(const struct matrix *m, int from, int to, int32_t *rows)
{
    int64_t at[DCN__MAX_ATOMS + 4] = { 0 }, row = 0, count = 1;

    for (int d = from; d < to; d++)
        count *= m->at[d].extent;
    for (int64_t i = 0; i < count; i++) {
        rows[i] = (int32_t)row;
        for (int d = to - 1; d >= from; d--) {
            row += m->at[d].row;
            if (++at[d] < m->at[d].extent)
                break;
            row -= m->at[d].row * m->at[d].extent;
            at[d] = 0;
        }
    }
}

/* Outputs of k numbers that are turned at once: whole cache lines, if that is no large buffer. */
static int64_t outputs_at_once(int64_t k)
{
    const int64_t most = SLICE / k / BLOCK * BLOCK;

    return most ? most : k <= 4 * SLICE / BLOCK ? BLOCK : 1;
}

/* The file has output after output: slices of outputs are turned in blocks. */
static dcn_status fill_by_output(dcn__import *im, const struct matrix *m, const int32_t *rows)
{
    const int64_t k = m->rows, most = outputs_at_once(k);
    dcn_status st = DCN_OK;

    for (int64_t first = 0; !st && first < m->outputs; first += most) {
        const int64_t n = m->outputs - first < most ? m->outputs - first : most;

        if ((st = read(im, m->source, first * k, n * k, m->buffer)))
            break;
        for (int64_t r = 0; r < k; r += BLOCK)
            for (int64_t o = 0; o < n; o += BLOCK)
                for (int64_t i = r; i < r + BLOCK && i < k; i++) {
                    float *to = m->to + rows[i] * m->outputs + first;

                    for (int64_t c = o; c < o + BLOCK && c < n; c++)
                        to[c] = m->buffer[c * k + i];
                }
    }
    return st;
}

/* The file has row after row: whole rows are moved, or read into place. */
static dcn_status fill_by_row(dcn__import *im, const struct matrix *m, const int32_t *rows)
{
    const int64_t most = m->outputs < SLICE ? SLICE / m->outputs : 1;
    dcn_status st = DCN_OK;

    for (int64_t first = 0, n; !st && first < m->rows; first += n) {
        for (n = 1; n < most && first + n < m->rows && rows[first + n] == rows[first] + n;)
            n++;
        st = read(im, m->source, first * m->outputs, n * m->outputs,
                  m->to + rows[first] * m->outputs);
    }
    return st;
}

/* Any other order, one number after another. */
static dcn_status fill_by_number(dcn__import *im, const struct matrix *m)
{
    int64_t at[DCN__MAX_ATOMS + 4] = { 0 }, to = 0;
    const int64_t count = m->source->count;
    dcn_status st = DCN_OK;

    for (int64_t first = 0; !st && first < count; first += SLICE) {
        const int64_t n = count - first < SLICE ? count - first : SLICE;

        st = read(im, m->source, first, n, m->buffer);
        for (int64_t i = 0; !st && i < n; i++) {
            m->to[to] = m->buffer[i];
            for (int d = m->n - 1; d >= 0; d--) {
                const int64_t step = m->at[d].out ? 1 : m->at[d].row * m->outputs;

                to += step;
                if (++at[d] < m->at[d].extent)
                    break;
                to -= step * m->at[d].extent;
                at[d] = 0;
            }
        }
    }
    return st;
}

static dcn_status fill_matrix(dcn__import *im, struct matrix *m)
{
    const int64_t k = m->rows, most = k * outputs_at_once(k), wide = most > SLICE ? most : SLICE;
    int32_t *rows = dcn__alloc_array((size_t)k, sizeof *rows);
    int64_t step = 1;
    bool whole = true;
    dcn_status st;

    m->buffer = dcn__alloc_array((size_t)(wide < m->source->count ? wide : m->source->count),
                                 sizeof *m->buffer);
    for (int d = m->n - 1; d >= 0; step *= m->at[d--].extent)
        whole = whole && m->at[d].stride == step;
    if (!rows || !m->buffer)
        st = dcn__import_fail_memory(im, (size_t)wide * sizeof *m->buffer);
    else if (!whole)
        st = dcn__import_fail(im, "its weights are part of a larger constant; export the network "
                              "again");
    else if (m->outputs == 1 || (m->n && m->at[0].out)) {
        list_rows(m, m->outputs > 1, m->n, rows);
        st = fill_by_output(im, m, rows);
    } else if (m->n && m->at[m->n - 1].out) {
        list_rows(m, 0, m->n - 1, rows);
        st = fill_by_row(im, m, rows);
    } else {
        st = fill_by_number(im, m);
    }
    dcn__free(rows);
    dcn__free(m->buffer);
    return st;
}

static dcn_status fill_conv(dcn__import *im, const dcn__draft *d, float *to)
{
    const dcn__constant *c = d->weight;
    struct matrix m = { .source = c, .outputs = c->dims[0], .to = to,
                        .rows = c->dims[1] * c->dims[2] * c->dims[3] };

    add_loop(&m, c->dims[0], c->strides[0], 0, true);
    add_loop(&m, c->dims[1], c->strides[1], 1, false);
    add_loop(&m, c->dims[2], c->strides[2], c->dims[3] * c->dims[1], false);
    add_loop(&m, c->dims[3], c->strides[3], c->dims[1], false);
    return fill_matrix(im, &m);
}

static dcn_status fill_dense(dcn__import *im, const dcn__draft *d, float *to)
{
    const dcn__constant *c = d->weight;
    struct matrix m = { .source = c, .outputs = c->dims[1], .rows = c->dims[0], .to = to };

    add_loop(&m, c->dims[1], c->strides[1], 0, true);
    for (int i = 0; i < d->rows.n; i++)
        add_loop(&m, d->rows.at[i].extent, c->strides[0] * d->rows.at[i].a, d->rows.at[i].b,
                 false);
    return fill_matrix(im, &m);
}

/* ---- a number a channel ---------------------------------------------------------------------- */

/* Room for n numbers, used again by the next weight. NULL: no memory. */
static double *scratch(dcn__import *im, size_t n)
{
    if (n > im->scratch_room) {
        dcn__free(im->scratch);
        im->scratch = dcn__alloc_array(n, sizeof *im->scratch);
        im->scratch_room = im->scratch ? n : 0;
        if (!im->scratch)
            dcn__import_fail_memory(im, n * sizeof *im->scratch);
    }
    return im->scratch;
}

/* out[channel] = the constant's element for it. */
static dcn_status spread(dcn__import *im, const dcn__constant *c, const dcn__map *map, double *out)
{
    int64_t at[DCN__MAX_ATOMS] = { 0 }, a = 0, b = 0;
    const double *values;
    dcn_status st;
    int d;

    im->folded = 0;                        /* the limit is on one constant here */
    if ((st = dcn__constant_values(im, c, &values)))
        return st;
    do {
        out[a] = values[b];
        for (d = map->n - 1; d >= 0; d--) {
            a += map->at[d].a;
            b += map->at[d].b;
            if (++at[d] < map->at[d].extent)
                break;
            a -= map->at[d].a * map->at[d].extent;
            b -= map->at[d].b * map->at[d].extent;
            at[d] = 0;
        }
    } while (d >= 0);
    return DCN_OK;
}

static dcn_status apply_norm(dcn__import *im, const dcn__scaling *s, int64_t n, double *weight,
                             double *bias, double *const part[4])
{
    dcn_status st;

    for (int i = 0; i < 4; i++)
        if ((st = spread(im, s->norm[i], &s->map, part[i])))
            return st;
    for (int64_t c = 0; c < n; c++) {
        const double factor = part[0][c] / sqrt(part[3][c] + s->epsilon);

        weight[c] *= factor;
        bias[c] = (bias[c] - part[2][c]) * factor + part[1][c];
    }
    return DCN_OK;
}

static dcn_status apply_step(dcn__import *im, const dcn__scaling *s, int64_t n, double *weight,
                             double *bias, double *const part[4])
{
    dcn_status st;

    if (s->kind == DCN__STEP_NORM)
        return apply_norm(im, s, n, weight, bias, part);
    if (s->constant && (st = spread(im, s->constant, &s->map, part[0])))
        return st;
    for (int64_t c = 0; c < n; c++) {
        const double x = s->constant ? part[0][c] : s->number;

        if (s->kind == DCN__STEP_MUL || s->kind == DCN__STEP_DIV) {
            weight[c] = s->kind == DCN__STEP_MUL ? weight[c] * x : weight[c] / x;
            bias[c] = s->kind == DCN__STEP_MUL ? bias[c] * x : bias[c] / x;
        } else {
            bias[c] += s->kind == DCN__STEP_ADD ? x : -x;
        }
    }
    return DCN_OK;
}

/* All steps of a scale, the first one first, in double. */
static dcn_status fill_scale(dcn__import *im, const dcn__draft *d, dcn__weight *weight,
                             dcn__weight *bias)
{
    const int64_t n = weight->count;
    double *all = scratch(im, 6 * (size_t)n), *part[4], *w, *b;
    const dcn__scaling **steps;
    dcn_status st = DCN_OK;
    int count = 0;

    if (!all)
        return DCN_MEMORY;
    for (int i = 0; i < 4; i++)
        part[i] = all + i * n;
    w = all + 4 * n;
    b = all + 5 * n;
    for (const dcn__scaling *s = d->scaling; s; s = s->before)
        count++;
    steps = dcn__alloc_array((size_t)count, sizeof *steps);
    if (!steps)
        st = dcn__import_fail_memory(im, (size_t)count * sizeof *steps);
    for (int64_t c = 0; c < n; c++) {
        w[c] = 1;
        b[c] = 0;
    }
    for (const dcn__scaling *s = d->scaling; !st && s; s = s->before)
        steps[--count] = s;
    for (const dcn__scaling *s = d->scaling; !st && s; s = s->before)
        st = apply_step(im, steps[count++], n, w, b, part);
    for (int64_t c = 0; !st && c < n; c++) {
        weight->data[c] = (float)w[c];
        bias->data[c] = (float)b[c];
    }
    dcn__free(steps);
    return st;
}

static dcn_status fill_list(dcn__import *im, const dcn__constant *c, const dcn__map *map,
                            double factor, dcn__weight *w)
{
    double *values = scratch(im, (size_t)w->count);
    dcn_status st;

    if (!values)
        return DCN_MEMORY;
    st = spread(im, c, map, values);
    for (int64_t i = 0; !st && i < w->count; i++)
        w->data[i] = (float)(values[i] * factor);
    return st;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* The bits of an infinity or NaN are looked for: that is done many at a time. */
static dcn_status check_finite(dcn__import *im, const dcn__weight *w)
{
    uint32_t bad = 0;

    for (int64_t i = 0; i < w->count; i++) {
        uint32_t bits;

        memcpy(&bits, &w->data[i], sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    if (!bad)
        return DCN_OK;
    return dcn__fail(im->err, DCN_NUMBERS, im->path, "%.100s has a weight that is not finite; use "
                     "another copy of the network", w->name);
}

static dcn_status fill(dcn__import *im, const dcn__draft *d, dcn__weight *weight,
                       dcn__weight *bias)
{
    dcn_status st;

    im->node = d->node;
    switch (d->op) {
    case DCN__OP_CONV: st = fill_conv(im, d, weight->data); break;
    case DCN__OP_DENSE: st = fill_dense(im, d, weight->data); break;
    case DCN__OP_PRELU:
        return fill_list(im, d->weight, &d->weight_map, d->weight_scale, weight);
    default: return fill_scale(im, d, weight, bias);
    }
    for (int64_t i = 0; !st && d->weight_scale != 1 && i < weight->count; i++)
        weight->data[i] = (float)((double)weight->data[i] * d->weight_scale);
    return st || !bias ? st : fill_list(im, d->bias, &d->bias_map, d->bias_scale, bias);
}

/* Weights may stand in the file once and be used often; so often that they fill the memory is no
 * accident. */
static dcn_status check_memory(dcn__import *im, const dcn_graph *g)
{
    const size_t limit = dcn__physical_memory() / 10 * 8;
    size_t bytes = 0, given = (size_t)64 << 20;

    for (int i = 0; i < g->n_weights; i++)
        bytes += (size_t)g->weights[i].count * sizeof(float);
    for (int i = 0; i < im->file->n_initializers; i++)
        given += (size_t)im->file->initializers[i].count * 8 * sizeof(float);
    if (bytes > limit)
        return dcn__fail(im->err, DCN_MEMORY, im->path, "its weights need %zu MiB, the limit is "
                         "%zu MiB; use a machine with more memory", bytes >> 20, limit >> 20);
    if (bytes > given)
        return dcn__fail(im->err, DCN_INPUT, im->path, "it uses the same weights so often that "
                         "they would fill %zu MiB; export it another way", bytes >> 20);
    return DCN_OK;
}

dcn_status dcn__import_weights(dcn__import *im, dcn_graph *g, const dcn_node *nodes)
{
    dcn_status st = check_memory(im, g);

    for (int i = 0; !st && i < im->n_drafts; i++) {
        const dcn__node *n = nodes[i] >= 0 ? &g->nodes[nodes[i]] : NULL;
        dcn__weight *weight = n && n->weight >= 0 ? &g->weights[n->weight] : NULL;
        dcn__weight *bias = n && n->bias >= 0 ? &g->weights[n->bias] : NULL;

        if (!weight)
            continue;
        if ((st = dcn__weight_make(weight, im->err)) ||
            (bias && (st = dcn__weight_make(bias, im->err))) ||
            (st = fill(im, &im->drafts[i], weight, bias)) || (st = check_finite(im, weight)))
            break;
        if (bias)
            st = check_finite(im, bias);
    }
    return st;
}
