/* onnx_arithmetic.c - sums, products and powers: with constants they are scales, with each other
 * adds and gates; and the activations that exporters write as arithmetic are recognised here.
 *
 * Each draft knows itself as a polynomial of an earlier one, so that x * relu6(x + 3) / 6 is found
 * however it was cut up. What is found replaces the parts, which nobody needs any more. */
#include "model/onnx_import.h"

#include <math.h>
#include <string.h>

static bool near(double a, double b)
{
    return fabs(a - b) <= 2e-6 * fmax(fabs(b), 1e-3);
}

static bool is_affine(const dcn__draft *d, dcn_node base, double zero, double one)
{
    return d->base == base && near(d->poly[0], zero) && near(d->poly[1], one) && !d->poly[2] &&
           !d->poly[3];
}

/* ---- with one number ------------------------------------------------------------------------- */

static void scale_poly(double *p, dcn__step_kind kind, double number)
{
    for (int i = 0; i < 4; i++)
        p[i] = kind == DCN__STEP_MUL ? p[i] * number : kind == DCN__STEP_DIV ? p[i] / number : p[i];
    p[0] += kind == DCN__STEP_ADD ? number : kind == DCN__STEP_SUB ? -number : 0;
}

/* relu6(x + 3) / 6 is the hard sigmoid of x. */
static bool is_hard_sigmoid(const dcn__import *im, const dcn__draft *d, dcn__step_kind kind,
                            double number, dcn_node *x)
{
    const dcn__draft *inner = d->n_inputs ? &im->drafts[d->inputs[0]] : NULL;

    if (d->op != DCN__OP_CLIP || d->low != 0 || !near(d->high, 6) ||
        !(kind == DCN__STEP_MUL ? near(number, 1.0 / 6) : kind == DCN__STEP_DIV && number == 6) ||
        !inner || !is_affine(inner, inner->base, 3, 1))
        return false;
    *x = inner->base;
    return true;
}

/* A scale of x; steps of a scale that nobody else sees are joined into one. */
static dcn_status add_scaling(dcn__import *im, dcn_node x, bool shared, dcn__scaling *step,
                              dcn__draft *draft, dcn_node *id)
{
    const dcn__draft *d = &im->drafts[x];

    draft->op = DCN__OP_SCALE;
    draft->scaling = step;
    if (d->op == DCN__OP_SCALE && !shared) {
        step->before = d->scaling;
        x = d->inputs[0];
    }
    return dcn__draft_add(im, draft, &x, 1, id);
}

dcn_status dcn__scale_number(dcn__import *im, dcn_node x, bool shared, dcn__step_kind kind,
                             double number, dcn_node *id)
{
    const dcn__draft *d = &im->drafts[x];
    dcn__draft draft = { .base = d->base };
    dcn__scaling *step;

    if (!isfinite(number) || (kind == DCN__STEP_DIV && number == 0))
        return dcn__import_fail(im, "its constant is %g; correct the file", number);
    if (is_hard_sigmoid(im, d, kind, number, &x))
        return dcn__draft_map(im, DCN__OP_HARD_SIGMOID, x, 1.0 / 6, 0.5, id);
    memcpy(draft.poly, d->poly, sizeof draft.poly);
    scale_poly(draft.poly, kind, number);
    if (is_affine(&draft, d->base, 0, 1)) {
        *id = d->base;
        return DCN_OK;
    }
    if (!(step = dcn__import_alloc(im, 1, sizeof *step)))
        return DCN_MEMORY;
    step->kind = kind;
    step->number = number;
    return add_scaling(im, x, shared, step, &draft, id);
}

/* ---- with a constant ------------------------------------------------------------------------- */

/* The same convolution or dense layer with a bias. */
static dcn_status add_bias(dcn__import *im, dcn_node x, const dcn__constant *c, dcn__map *map,
                           double sign, dcn_node *id)
{
    dcn__draft d = im->drafts[x];
    const int node = d.node;
    dcn_status st;

    d.bias = c;
    d.bias_map = *map;
    d.bias_scale = sign;
    memset(d.poly, 0, sizeof d.poly);
    if (!(st = dcn__draft_add(im, &d, d.inputs, d.n_inputs, id)))
        im->drafts[*id].node = node;
    return st;
}

static dcn_status with_constant(dcn__import *im, dcn__view *v, const dcn__constant *c,
                                dcn__step_kind kind, dcn__view *out)
{
    int64_t dims[DCN__ONNX_MAX_RANK];
    dcn__scaling *step;
    dcn__draft draft = { .base = 0 };
    const dcn__draft *d;
    dcn__view wide;
    double number;
    dcn_node id;
    dcn_status st;
    dcn__map map;

    if (c->count == 1) {
        if ((st = dcn__constant_number(im, c, &number)) ||
            (st = dcn__scale_number(im, v->draft, v->shared, kind, number, &id)))
            return st;
        *out = dcn__view_of(v, id);
        for (int i = 0; i < c->rank; i++)
            dims[i] = i < c->rank - v->rank ? 1 : v->dims[i - (c->rank - v->rank)];
        if (c->rank > v->rank && dcn__view_reshape(out, c->rank, dims, &wide))
            *out = wide;
        return DCN_OK;
    }
    if ((st = dcn__view_channels(im, v, c, &map)))
        return st;
    d = &im->drafts[v->draft];
    if ((d->op == DCN__OP_CONV || d->op == DCN__OP_DENSE) && d->part == DCN__PART_NONE &&
        !d->bias && !v->shared && kind >= DCN__STEP_ADD) {
        st = add_bias(im, v->draft, c, &map, kind == DCN__STEP_ADD ? 1 : -1, &id);
    } else {
        if (!(step = dcn__import_alloc(im, 1, sizeof *step)))
            return DCN_MEMORY;
        step->kind = kind;
        step->constant = c;
        step->map = map;
        st = add_scaling(im, v->draft, v->shared, step, &draft, &id);
    }
    if (!st)
        *out = dcn__view_of(v, id);
    return st;
}

/* ---- with each other ------------------------------------------------------------------------- */

/* Makes the cells of two values of one shape lie alike. */
static dcn_status align(dcn__import *im, dcn__view *a, dcn__view *b)
{
    dcn_status st;

    for (int tries = 0; tries < 2; tries++) {
        const dcn_shape s = dcn__draft_shape(im, a->draft), t = dcn__draft_shape(im, b->draft);

        if (dcn__view_equal(a, b) && s.h == t.h && s.w == t.w && s.c == t.c)
            return DCN_OK;
        if (tries || a->rank != b->rank ||
            memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) != 0)
            break;
        if (a->rank == 4)
            st = (st = dcn__view_make_nchw(im, a)) ? st : dcn__view_make_nchw(im, b);
        else
            st = (st = dcn__view_make_vector(im, a)) ? st : dcn__view_make_vector(im, b);
        if (st)
            return st;
    }
    return dcn__import_fail(im, "its inputs have different shapes; supported are equal ones, "
                            "constants, and gates of 1x1xC");
}

/* relu(x) - slope * relu(-x) is how Keras writes PReLU. */
static bool is_prelu(const dcn__import *im, dcn_node a, dcn_node b)
{
    const dcn__draft *p = &im->drafts[a], *q = &im->drafts[b], *r, *n;

    if (p->op != DCN__OP_RELU || q->op != DCN__OP_SCALE || q->scaling->before ||
        q->scaling->kind != DCN__STEP_MUL || !q->scaling->constant)
        return false;
    r = &im->drafts[q->inputs[0]];
    if (r->op != DCN__OP_RELU)
        return false;
    n = &im->drafts[r->inputs[0]];
    return is_affine(n, p->inputs[0], 0, -1);
}

static dcn_status add_prelu(dcn__import *im, dcn_node a, dcn_node b, dcn_node *id)
{
    const dcn__scaling *s = im->drafts[b].scaling;
    dcn__draft d = { .op = DCN__OP_PRELU, .weight = s->constant, .weight_map = s->map,
                     .weight_scale = -1, .bias_scale = 1 };
    const dcn_node x = im->drafts[a].inputs[0];

    return dcn__draft_add(im, &d, &x, 1, id);
}

static dcn_status add_views(dcn__import *im, dcn__view *a, dcn__view *b, dcn__view *out)
{
    dcn__draft d = { .op = DCN__OP_ADD };
    dcn_status st;
    dcn_node id;

    if ((st = align(im, a, b)))
        return st;
    if (is_prelu(im, a->draft, b->draft)) {
        st = add_prelu(im, a->draft, b->draft, &id);
    } else if (is_prelu(im, b->draft, a->draft)) {
        st = add_prelu(im, b->draft, a->draft, &id);
    } else {
        const dcn__draft *p = &im->drafts[a->draft], *q = &im->drafts[b->draft];

        d.base = p->base;
        for (int i = 0; i < 4 && p->base == q->base; i++)
            d.poly[i] = p->poly[i] + q->poly[i];
        st = dcn__draft_add(im, &d, (const dcn_node[]){ a->draft, b->draft }, 2, &id);
    }
    if (!st)
        *out = dcn__view_of(a, id);
    return st;
}

/* ---- products that are activations ----------------------------------------------------------- */

/* Is this factor f of x * f, for an x itself, known? Then x * f is `factor` times `op` of x. */
static bool is_gated(const dcn__import *im, dcn_node x, dcn_node f, dcn__op *op, double *alpha,
                     double *factor)
{
    const dcn__draft *d = &im->drafts[f], *g = &im->drafts[d->base], *inner;
    const double p0 = d->poly[0], p1 = d->poly[1];
    const bool scaled = !p0 && !d->poly[2] && !d->poly[3];
    const bool lifted = near(p0, p1) && !d->poly[2] && !d->poly[3];

    if (!g->n_inputs)
        return false;
    inner = &im->drafts[g->inputs[0]];
    *factor = p1;
    *alpha = 0;
    if (scaled && g->op == DCN__OP_SIGMOID && !g->part && g->inputs[0] == x) {
        *op = DCN__OP_SILU;
    } else if (scaled && g->op == DCN__OP_HARD_SIGMOID && g->inputs[0] == x &&
               near((double)g->u.map.alpha, 1.0 / 6) && near((double)g->u.map.beta, 0.5)) {
        *op = DCN__OP_HARD_SWISH;
    } else if (scaled && g->op == DCN__OP_CLIP && g->low == 0 && near(g->high, 6) &&
               is_affine(inner, x, 3, 1)) {
        *op = DCN__OP_HARD_SWISH;
        *factor = 6 * p1;
    } else if (scaled && g->op == DCN__OP_TANH && inner->op == DCN__OP_SOFTPLUS &&
               inner->inputs[0] == x) {
        *op = DCN__OP_MISH;
    } else if ((lifted && g->part == DCN__PART_ERF && is_affine(inner, x, 0, M_SQRT1_2)) ||
               (scaled && g->part == DCN__PART_ERFC && is_affine(inner, x, 0, -M_SQRT1_2))) {
        *op = DCN__OP_GELU;
        *factor = 2 * p1;
    } else if (lifted && g->op == DCN__OP_TANH && inner->base == x && near(inner->poly[0], 0) &&
               near(inner->poly[1], 0.7978845608) && near(inner->poly[2], 0) &&
               near(inner->poly[3], 0.7978845608 * 0.044715)) {
        *op = DCN__OP_GELU;
        *alpha = 1;
        *factor = 2 * p1;
    } else {
        return false;
    }
    return true;
}

/* x * f as an activation; *found says whether it is one. */
static dcn_status multiply_gated(dcn__import *im, dcn_node x, dcn_node f, bool *found,
                                 dcn_node *id)
{
    const dcn__draft *d = &im->drafts[x];
    const bool scaled = !d->poly[0] && !d->poly[2] && !d->poly[3];
    double alpha, factor, outer = 1;
    dcn_status st;
    dcn__op op;

    *found = is_gated(im, x, f, &op, &alpha, &factor);
    if (!*found && scaled && d->base != x) {
        outer = d->poly[1];
        x = d->base;
        *found = is_gated(im, x, f, &op, &alpha, &factor);
    }
    if (!*found)
        return DCN_OK;
    if ((st = dcn__draft_map(im, op, x, alpha, 0, id)))
        return st;
    return dcn__scale_number(im, *id, false, DCN__STEP_MUL, outer * factor, id);
}

/* The product of two polynomials of one value, if its degree is at most 3. */
static void multiply_poly(const dcn__draft *a, const dcn__draft *b, dcn__draft *d)
{
    if (a->base != b->base)
        return;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            if (a->poly[i] && b->poly[k] && i + k > 3) {
                memset(d->poly, 0, sizeof d->poly);
                return;
            } else if (i + k <= 3) {
                d->poly[i + k] += a->poly[i] * b->poly[k];
            }
    d->base = a->base;
}

/* Is the gate one number for every channel of x? */
static bool is_channel_gate(const dcn__import *im, const dcn__view *x, const dcn__view *gate)
{
    const dcn_shape s = dcn__draft_shape(im, x->draft), g = dcn__draft_shape(im, gate->draft);

    if (g.h != 1 || g.w != 1 || g.c != s.c || x->rank != gate->rank || (s.h == 1 && s.w == 1))
        return false;
    for (int d = 0; d < x->rank; d++)
        if (gate->dims[d] != 1 &&
            !(dcn__view_is_axis(im, gate, d, DCN__AXIS_C) &&
              dcn__view_is_axis(im, x, d, DCN__AXIS_C)) &&
            !(dcn__view_is_axis(im, gate, d, DCN__AXIS_N) &&
              dcn__view_is_axis(im, x, d, DCN__AXIS_N)))
            return false;
    return true;
}

static bool is_gate(const dcn__draft *d)
{
    return d->op == DCN__OP_SIGMOID || d->op == DCN__OP_HARD_SIGMOID || d->op == DCN__OP_SOFTMAX;
}

static dcn_status multiply_views(dcn__import *im, dcn__view *a, dcn__view *b, dcn__view *out)
{
    dcn__draft d = { .op = DCN__OP_MUL };
    bool found = false;
    dcn_node id;
    dcn_status st;

    if (is_channel_gate(im, b, a)) {
        dcn__view *other = a;

        a = b;
        b = other;
    } else if (!is_channel_gate(im, a, b)) {
        if ((st = align(im, a, b)) ||
            (st = multiply_gated(im, a->draft, b->draft, &found, &id)) ||
            (!found && (st = multiply_gated(im, b->draft, a->draft, &found, &id))))
            return st;
        if (!found && is_gate(&im->drafts[a->draft]) && !is_gate(&im->drafts[b->draft])) {
            dcn__view *other = a;

            a = b;
            b = other;
        }
        multiply_poly(&im->drafts[a->draft], &im->drafts[b->draft], &d);
    }
    if (!found &&
        (st = dcn__draft_add(im, &d, (const dcn_node[]){ a->draft, b->draft }, 2, &id)))
        return st;
    *out = dcn__view_of(a, id);
    return DCN_OK;
}

/* ---- the operators --------------------------------------------------------------------------- */

typedef dcn_status (*views_op)(dcn__import *im, dcn__view *a, dcn__view *b, dcn__view *out);

static dcn_status arithmetic(dcn__import *im, dcn__step_kind kind, views_op both)
{
    dcn__value *x = dcn__import_input(im, 0), *y = dcn__import_input(im, 1);
    const dcn__constant *c = x && x->constant ? x->constant : y ? y->constant : NULL;
    dcn__view *a, *b, out;
    dcn_status st;

    if (dcn__import_node(im)->n_inputs != 2)
        return dcn__import_fail(im, "it has %d inputs, it needs 2; correct the file",
                                dcn__import_node(im)->n_inputs);
    if (c) {
        st = (st = dcn__need_view(im, x && x->constant, &a)) ? st
            : with_constant(im, a, c, kind, &out);
    } else {
        st = (st = dcn__need_view(im, 0, &a)) || (st = dcn__need_view(im, 1, &b)) ? st
            : both(im, a, b, &out);
    }
    return st ? st : dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_add(dcn__import *im)
{
    return arithmetic(im, DCN__STEP_ADD, add_views);
}

/* What Expand repeated must fit as it is. */
static dcn_status check_wide(dcn__import *im, const dcn__value *wide, const dcn__value *other)
{
    for (int d = 0; wide && wide->wide && d < wide->view->rank; d++)
        if (!other || !other->view || other->wide || other->view->rank != wide->view->rank ||
            other->view->dims[d] != wide->wide[d])
            return dcn__import_fail(im, "an input is repeated by Expand to another shape than the "
                                    "other one's; export the network without it");
    return DCN_OK;
}

dcn_status dcn__import_mul(dcn__import *im)
{
    const dcn__value *x = dcn__import_input(im, 0), *y = dcn__import_input(im, 1);
    dcn_status st;

    if ((st = check_wide(im, x, y)) || (st = check_wide(im, y, x)))
        return st;
    return arithmetic(im, DCN__STEP_MUL, multiply_views);
}

static dcn_status subtract_views(dcn__import *im, dcn__view *a, dcn__view *b, dcn__view *out)
{
    dcn__view minus = *b;
    dcn_status st = dcn__scale_number(im, b->draft, b->shared, DCN__STEP_MUL, -1, &minus.draft);

    return st ? st : add_views(im, a, &minus, out);
}

dcn_status dcn__import_sub(dcn__import *im)
{
    dcn__value *x = dcn__import_input(im, 0);
    dcn__view *v, minus, out;
    dcn_status st;

    if (!x || !x->constant)
        return arithmetic(im, DCN__STEP_SUB, subtract_views);
    if ((st = dcn__need_view(im, 1, &v)))
        return st;
    minus = *v;
    if ((st = dcn__scale_number(im, v->draft, v->shared, DCN__STEP_MUL, -1, &minus.draft)))
        return st;
    minus.shared = false;
    if ((st = with_constant(im, &minus, x->constant, DCN__STEP_ADD, &out)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

/* x / (k + alpha * mean of squares)^beta, as PyTorch writes its LRN. */
static dcn_status divide_views(dcn__import *im, dcn__view *a, dcn__view *b, dcn__view *out)
{
    const dcn__draft *power = &im->drafts[b->draft], *sum, *box;
    dcn__draft d = { .op = DCN__OP_LRN };
    dcn_status st;

    if (power->part == DCN__PART_POWER) {
        sum = &im->drafts[power->inputs[0]];
        box = &im->drafts[sum->base];
        if (box->part == DCN__PART_BOX && box->inputs[0] == a->draft && !sum->poly[2] &&
            !sum->poly[3]) {
            d.u.lrn = (dcn_lrn_desc){ .size = box->u.lrn.size, .alpha = (float)sum->poly[1],
                                      .beta = (float)power->exponent, .k = (float)sum->poly[0] };
            *out = *a;
            return (st = align(im, a, b)) ? st : dcn__draft_add(im, &d, &a->draft, 1, &out->draft);
        }
    }
    return dcn__import_fail(im, "it divides by a value of the picture, which is not supported; "
                            "supported are constants");
}

dcn_status dcn__import_div(dcn__import *im)
{
    dcn__value *x = dcn__import_input(im, 0);

    if (x && x->constant)
        return dcn__import_fail(im, "it divides by a value of the picture, which is not "
                                "supported; supported are constants");
    return arithmetic(im, DCN__STEP_DIV, divide_views);
}

dcn_status dcn__import_neg(dcn__import *im)
{
    dcn__view *v, out;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)))
        return st;
    out = *v;
    if ((st = dcn__scale_number(im, v->draft, v->shared, DCN__STEP_MUL, -1, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_sum(dcn__import *im)
{
    const int n = dcn__import_node(im)->n_inputs;
    dcn__draft d = { .op = DCN__OP_ADD };
    dcn_node *inputs = dcn__import_alloc(im, (size_t)n + 1, sizeof *inputs);
    dcn__view *first, *v, out;
    dcn_status st;

    if (!inputs)
        return DCN_MEMORY;
    if (n == 1)
        return dcn__import_identity(im);
    if ((st = dcn__need_view(im, 0, &first)))
        return st;
    for (int i = 0; i < n; i++) {
        if ((st = dcn__need_view(im, i, &v)) || (i && (st = align(im, first, v))))
            return st;
        inputs[i] = v->draft;
    }
    inputs[0] = first->draft;
    out = *first;
    if ((st = dcn__draft_add(im, &d, inputs, n, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

/* ---- parts of what is recognised above ------------------------------------------------------- */

static dcn_status add_part(dcn__import *im, dcn__view *v, dcn__part part, double exponent)
{
    dcn__draft d = { .op = DCN__OP_SIGMOID, .part = part, .exponent = exponent };
    dcn__view out = *v;
    dcn_status st = dcn__draft_add(im, &d, &v->draft, 1, &out.draft);

    return st ? st : dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_erf(dcn__import *im)
{
    dcn__view *v;
    dcn_status st = dcn__need_view(im, 0, &v);

    return st ? st : add_part(im, v, dcn__import_node(im)->op[3] ? DCN__PART_ERFC : DCN__PART_ERF,
                              0);
}

dcn_status dcn__import_greater(dcn__import *im)
{
    const dcn__constant *c;
    dcn__view *v;
    dcn_status st;
    double number;

    if ((st = dcn__need_view(im, 0, &v)) || (st = dcn__need_constant(im, 1, &c)) ||
        (st = dcn__constant_number(im, c, &number)))
        return st;
    return add_part(im, v, DCN__PART_ABOVE, number);
}

/* x > 20 ? x : softplus(x) is softplus to every digit of a float. */
dcn_status dcn__import_where(dcn__import *im)
{
    const dcn__draft *above, *soft;
    dcn__view *condition, *a, *b;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &condition)) || (st = dcn__need_view(im, 1, &a)) ||
        (st = dcn__need_view(im, 2, &b)) || (st = align(im, a, b)) ||
        (st = align(im, condition, b)))
        return st;
    above = &im->drafts[condition->draft];
    soft = &im->drafts[b->draft];
    if (above->part != DCN__PART_ABOVE || above->exponent < 17 || above->inputs[0] != a->draft ||
        soft->op != DCN__OP_SOFTPLUS || soft->inputs[0] != a->draft)
        return dcn__import_fail(im, "it chooses between values of the picture, which is not "
                                "supported but in Softplus; export the network without it");
    return dcn__set_view(im, 0, b, true);
}

dcn_status dcn__import_pow(dcn__import *im)
{
    const dcn__constant *c;
    dcn__view *v, square, out;
    dcn_status st;
    double e;

    if ((st = dcn__need_view(im, 0, &v)) || (st = dcn__need_constant(im, 1, &c)) ||
        (st = dcn__constant_number(im, c, &e)))
        return st;
    if (e != 2 && e != 3)
        return add_part(im, v, DCN__PART_POWER, e);
    square = *v;
    if ((st = multiply_views(im, v, &square, &out)))
        return st;
    square = out;
    if (e == 3 && (st = multiply_views(im, &square, v, &out)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}
