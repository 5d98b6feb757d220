/* dnn.c - every call of oneDNN, version 2 (the C interface of 2.6).
 *
 * A primitive may be executed by several threads at once as long as each brings its own scratchpad
 * and its own memory objects. These are made here in advance, a set per SLOT; a run claims a free
 * slot, so running allocates nothing of ours. (oneDNN itself puts its argument map on the heap,
 * some 100 bytes.) */
#include "engine/cpu/dnn.h"

#include "base/memory.h"
#include "base/threads.h"

#include <dnnl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Where it finds no memory for code or tables oneDNN ends the process, by an exception or by reading at
 * NULL. A primitive takes less than ROOM: its kernels begin with 256 KiB of code each. */
enum { MAX_ARGS = 5, MAX_SLOTS = 64, ROOM = 16 << 20 };

typedef struct slot {
    atomic_bool busy;
    dnnl_stream_t stream;
    dnnl_memory_t memory[MAX_ARGS];      /* in the order of dcn__dnn.args; weights are shared */
} slot;

struct dcn__dnn {
    dcn__dnn_desc desc;
    dcn_shape out;
    bool dense, bias;
    bool turned;                         /* data as a forward pass: see can_turn */
    dnnl_engine_t engine;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive, reorder; /* reorder: pack, or unpack */
    dnnl_memory_desc_t plain;            /* the weights in the graph's layout */
    dnnl_memory_desc_t packed;
    dnnl_memory_t weights;               /* packed, in `block`; forward and data */
    float *block;
    bool borrowed;                       /* block is another object's */
    float *offsets;                      /* (K): the bias with `scale` folded in, or NULL */
    size_t scratch_bytes;
    int n_args, args[MAX_ARGS];          /* DNNL_ARG_... */
    int n_slots;
    slot *slots;
};

/* Primitive descriptors of one pass, before `any` is resolved. */
typedef struct shapes {
    dnnl_memory_desc_t x, y, w, b;
} shapes;

bool dcn__dnn_off;

static dcn_status refuse(const dcn__dnn_desc *d, dnnl_status_t got, dcn_error *err)
{
    static const char *const passes[] = { "forward", "backward data", "backward weights" };

    if (got == dnnl_out_of_memory)
        return dcn__fail_memory(err, d->node->name, 0);
    return dcn__fail(err, got == dnnl_unimplemented ? DCN_DEVICE : DCN_BUG, d->node->name,
                     "oneDNN has no %s pass for this shape (status %d); use the engine ref",
                     passes[d->pass], (int)got);
}

/* With stride 1 the way down is itself a convolution: of the signal, with the taps in reverse
 * order, inputs and outputs exchanged, and the padding that is left of a tap's reach. oneDNN's
 * forward kernels are up to twice as fast as its backward ones (28x28x512, kernel 3: 110 against 57
 * GFLOP/s on one core). */
static bool can_turn(const dcn__dnn_desc *d)
{
    const dcn__window *w = &d->node->window;

    for (int i = 0; i < 4; i++)
        if (w->pad[i] > (w->kernel[i % 2] - 1) * w->dilation[i % 2])
            return false;
    return d->pass == DCN__DNN_DATA && d->node->op == DCN__OP_CONV && d->node->groups == 1 &&
           w->stride[0] == 1 && w->stride[1] == 1;
}

static dcn__window turned_window(const dcn__window *w)
{
    dcn__window t = *w;

    for (int i = 0; i < 4; i++)
        t.pad[i] = (w->kernel[i % 2] - 1) * w->dilation[i % 2] - w->pad[i];
    return t;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static dnnl_status_t conv_shapes(const dcn__dnn *d, shapes *s)
{
    const dcn__node *node = d->desc.node;
    const int g = node->groups, R = node->window.kernel[0], S = node->window.kernel[1];
    const dcn_shape in = d->turned ? d->out : d->desc.in, out = d->turned ? d->desc.in : d->out;
    const dnnl_dim_t C = in.c / g, K = out.c / g;
    const dnnl_dims_t x = { d->desc.n, in.c, in.h, in.w }, y = { d->desc.n, out.c, out.h, out.w };
    const dnnl_dims_t w = { g, K, C, R, S };
    /* (R,S,C/groups,K) */
    const dnnl_dims_t plain = { K, 1, out.c, S * C * out.c, C * out.c };
    const dnnl_dims_t turned = { K, C, 1, S * C * K, C * K };
    const dnnl_dim_t *strides = d->turned ? turned : plain;
    const int skip = g == 1;      /* without groups there is no group axis */
    dnnl_status_t st;

    if ((st = dnnl_memory_desc_init_by_tag(&s->x, 4, x, dnnl_f32, dnnl_nhwc)) ||
        (st = dnnl_memory_desc_init_by_tag(&s->y, 4, y, dnnl_f32, dnnl_nhwc)) ||
        (st = dnnl_memory_desc_init_by_tag(&s->w, 5 - skip, w + skip, dnnl_f32,
                                           dnnl_format_tag_any)))
        return st;
    return dnnl_memory_desc_init_by_strides((dnnl_memory_desc_t *)&d->plain, 5 - skip, w + skip,
                                            dnnl_f32, strides + skip);
}

static dnnl_status_t dense_shapes(const dcn__dnn *d, shapes *s)
{
    const dcn_shape in = d->desc.in;
    const dnnl_dim_t I = (dnnl_dim_t)in.h * in.w * in.c, O = d->out.c;
    const dnnl_dims_t x = { d->desc.n, I }, y = { d->desc.n, O }, w = { O, I };
    const dnnl_dims_t strides = { 1, O };      /* (in,out) */
    dnnl_status_t st;

    if ((st = dnnl_memory_desc_init_by_tag(&s->x, 2, x, dnnl_f32, dnnl_ab)) ||
        (st = dnnl_memory_desc_init_by_tag(&s->y, 2, y, dnnl_f32, dnnl_ab)) ||
        (st = dnnl_memory_desc_init_by_tag(&s->w, 2, w, dnnl_f32, dnnl_format_tag_any)))
        return st;
    return dnnl_memory_desc_init_by_strides((dnnl_memory_desc_t *)&d->plain, 2, w, dnnl_f32,
                                            strides);
}

static dnnl_status_t conv_pd(const dcn__dnn *d, const shapes *s, dnnl_primitive_attr_t attr,
                             dnnl_primitive_desc_t hint, dcn__dnn_pass pass,
                             dnnl_primitive_desc_t *pd)
{
    const dcn__window turned = turned_window(&d->desc.node->window);
    const dcn__window *w = d->turned ? &turned : &d->desc.node->window;
    const dnnl_dims_t strides = { w->stride[0], w->stride[1] };
    const dnnl_dims_t dilates = { w->dilation[0] - 1, w->dilation[1] - 1 };
    const dnnl_dims_t before = { w->pad[0], w->pad[1] }, after = { w->pad[2], w->pad[3] };
    const dnnl_memory_desc_t *bias = d->bias ? &s->b : NULL;
    const dnnl_alg_kind_t alg = dnnl_convolution_direct;
    dnnl_convolution_desc_t c;
    dnnl_status_t st;

    if (pass == DCN__DNN_FORWARD)
        st = dnnl_dilated_convolution_forward_desc_init(&c, dnnl_forward_training, alg, &s->x,
                                                        &s->w, bias, &s->y, strides, dilates,
                                                        before, after);
    else if (pass == DCN__DNN_DATA)
        st = dnnl_dilated_convolution_backward_data_desc_init(&c, alg, &s->x, &s->w, &s->y, strides,
                                                              dilates, before, after);
    else
        st = dnnl_dilated_convolution_backward_weights_desc_init(&c, alg, &s->x, &s->w, bias, &s->y,
                                                                 strides, dilates, before, after);
    return st ? st : dnnl_primitive_desc_create(pd, &c, attr, d->engine, hint);
}

static dnnl_status_t dense_pd(const dcn__dnn *d, const shapes *s, dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t hint, dcn__dnn_pass pass,
                              dnnl_primitive_desc_t *pd)
{
    const dnnl_memory_desc_t *bias = d->bias ? &s->b : NULL;
    dnnl_inner_product_desc_t c;
    dnnl_status_t st;

    if (pass == DCN__DNN_FORWARD)
        st = dnnl_inner_product_forward_desc_init(&c, dnnl_forward_training, &s->x, &s->w, bias,
                                                  &s->y);
    else if (pass == DCN__DNN_DATA)
        st = dnnl_inner_product_backward_data_desc_init(&c, &s->x, &s->w, &s->y);
    else
        st = dnnl_inner_product_backward_weights_desc_init(&c, &s->x, &s->w, bias, &s->y);
    return st ? st : dnnl_primitive_desc_create(pd, &c, attr, d->engine, hint);
}

/* The backward passes want the forward one as a hint. */
static dnnl_status_t make_pd(dcn__dnn *d)
{
    dnnl_status_t (*const pd_of)(const dcn__dnn *, const shapes *, dnnl_primitive_attr_t,
                                 dnnl_primitive_desc_t, dcn__dnn_pass, dnnl_primitive_desc_t *) =
        d->dense ? dense_pd : conv_pd;
    const dnnl_dims_t bias = { d->out.c };      /* a turned pass has none */
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t hint = NULL;
    shapes s;
    dnnl_status_t st;

    if ((st = d->dense ? dense_shapes(d, &s) : conv_shapes(d, &s)) ||
        (st = dnnl_memory_desc_init_by_tag(&s.b, 1, bias, dnnl_f32, dnnl_a)) ||
        (st = dnnl_primitive_attr_create(&attr)))
        return st;
    st = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!st && d->desc.pass != DCN__DNN_FORWARD && !d->turned)
        st = pd_of(d, &s, attr, NULL, DCN__DNN_FORWARD, &hint);
    if (!st)
        st = pd_of(d, &s, attr, hint, d->turned ? DCN__DNN_FORWARD : d->desc.pass, &d->pd);
    dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_attr_destroy(attr);
    return st;
}

/* ---- create --------------------------------------------------------------------------------- */

static dnnl_status_t make_reorder(dcn__dnn *d)
{
    const bool unpack = d->desc.pass == DCN__DNN_WEIGHTS;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t st =
        dnnl_reorder_primitive_desc_create(&pd, unpack ? &d->packed : &d->plain, d->engine,
                                           unpack ? &d->plain : &d->packed, d->engine, NULL);

    if (!st)
        st = dnnl_primitive_create(&d->reorder, pd);
    dnnl_primitive_desc_destroy(pd);
    return st;
}

static void list_args(dcn__dnn *d)
{
    static const int args[4][MAX_ARGS] = {
        { DNNL_ARG_WEIGHTS, DNNL_ARG_SCRATCHPAD, DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_BIAS },
        { DNNL_ARG_WEIGHTS, DNNL_ARG_SCRATCHPAD, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, 0 },
        { DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_SCRATCHPAD, DNNL_ARG_SRC, DNNL_ARG_DIFF_DST,
          DNNL_ARG_DIFF_BIAS },
        { DNNL_ARG_WEIGHTS, DNNL_ARG_SCRATCHPAD, DNNL_ARG_SRC, DNNL_ARG_DST, 0 },
    };

    memcpy(d->args, args[d->turned ? 3 : d->desc.pass], sizeof d->args);
    d->n_args = d->desc.pass == DCN__DNN_DATA || !d->bias ? 4 : 5;
}

static const dnnl_memory_desc_t *arg_md(const dcn__dnn *d, int arg)
{
    return dnnl_primitive_desc_query_md(d->pd, dnnl_query_exec_arg_md, arg);
}

static dnnl_status_t make_slots(dcn__dnn *d)
{
    dnnl_status_t st = dnnl_success;

    for (int i = 0; i < d->n_slots; i++) {
        slot *s = &d->slots[i];

        if ((st = dnnl_stream_create(&s->stream, d->engine, dnnl_stream_default_flags)))
            return st;
        for (int k = d->weights ? 1 : 0; k < d->n_args; k++)
            if ((st = dnnl_memory_create(&s->memory[k], arg_md(d, d->args[k]), d->engine,
                                         DNNL_MEMORY_NONE)))
                return st;
    }
    return st;
}

static dnnl_status_t make_weights(dcn__dnn *d)
{
    d->packed = *arg_md(d, d->args[0]);
    d->scratch_bytes = dnnl_memory_desc_get_size(arg_md(d, DNNL_ARG_SCRATCHPAD));
    if (d->desc.pass == DCN__DNN_WEIGHTS)
        return dnnl_success;
    if (d->desc.scale && d->desc.pass == DCN__DNN_FORWARD &&
        !(d->offsets = dcn__alloc_aligned((size_t)d->out.c * sizeof *d->offsets)))
        return dnnl_out_of_memory;
    return dnnl_memory_create(&d->weights, &d->packed, d->engine, DNNL_MEMORY_NONE);
}

dcn_status dcn__dnn_make_block(dcn__dnn *d, dcn_error *err)
{
    const size_t bytes = dnnl_memory_desc_get_size(&d->packed);

    if (!d->weights)
        return DCN_OK;
    if (!(d->block = dcn__alloc_aligned(bytes)) ||
        dnnl_memory_set_data_handle(d->weights, d->block))
        return dcn__fail_memory(err, d->desc.node->name, bytes);
    return DCN_OK;
}

static int weight_of(const dcn__node *n)
{
    return n ? n->weight : -1;
}

bool dcn__dnn_lends(const dcn__dnn *d)
{
    return d->block && !d->borrowed && !d->offsets;
}

bool dcn__dnn_borrow_block(dcn__dnn *d, const dcn__dnn *from)
{
    if (!d->weights || d->offsets || !dcn__dnn_lends(from) || d->turned != from->turned ||
        weight_of(d->desc.node) != weight_of(from->desc.node) ||
        weight_of(d->desc.scale) != weight_of(from->desc.scale) ||
        !dnnl_memory_desc_equal(&d->packed, &from->packed) ||
        dnnl_memory_set_data_handle(d->weights, from->block))
        return false;
    d->block = from->block;
    d->borrowed = true;
    return true;
}

dcn_status dcn__dnn_create(dcn__dnn **dnn, const dcn__dnn_desc *desc, dcn_error *err)
{
    dcn__dnn *d;
    dnnl_status_t st;

    *dnn = NULL;
    if (!dcn__memory_at_hand(ROOM))
        return dcn__fail_memory(err, "oneDNN's kernels", ROOM);
    if (!(d = dcn__alloc(sizeof *d)))
        return dcn__fail_memory(err, desc->node->name, sizeof *d);
    d->desc = *desc;
    d->out = desc->node->shape;
    d->dense = desc->node->op == DCN__OP_DENSE;
    d->bias = (desc->node->bias >= 0 || desc->scale) && desc->pass != DCN__DNN_DATA;
    d->turned = can_turn(desc);
    d->n_slots = dcn__cores() < MAX_SLOTS ? dcn__cores() : MAX_SLOTS;
    d->slots = dcn__alloc_array((size_t)d->n_slots, sizeof *d->slots);
    list_args(d);
    if (!d->slots)
        st = dnnl_out_of_memory;
    else if (dcn__dnn_off)
        st = dnnl_unimplemented;
    else if (!(st = dnnl_engine_create(&d->engine, dnnl_cpu, 0)) && !(st = make_pd(d)) &&
             !(st = dnnl_primitive_create(&d->primitive, d->pd)) && !(st = make_weights(d)) &&
             !(st = make_reorder(d)) && !(st = make_slots(d))) {
        *dnn = d;
        return DCN_OK;
    }
    dcn__dnn_destroy(d);
    return refuse(desc, st, err);
}

void dcn__dnn_destroy(dcn__dnn *d)
{
    if (!d)
        return;
    for (int i = 0; d->slots && i < d->n_slots; i++) {
        for (int k = 0; k < MAX_ARGS; k++)
            dnnl_memory_destroy(d->slots[i].memory[k]);
        dnnl_stream_destroy(d->slots[i].stream);
    }
    dnnl_memory_destroy(d->weights);
    dnnl_primitive_destroy(d->reorder);
    dnnl_primitive_destroy(d->primitive);
    dnnl_primitive_desc_destroy(d->pd);
    dnnl_engine_destroy(d->engine);
    if (!d->borrowed)
        dcn__free_aligned(d->block);
    dcn__free_aligned(d->offsets);
    dcn__free(d->slots);
    dcn__free(d);
}

size_t dcn__dnn_scratch_bytes(const dcn__dnn *d)
{
    return d->scratch_bytes;
}

size_t dcn__dnn_weight_bytes(const dcn__dnn *d)
{
    return dnnl_memory_desc_get_size(&d->packed);
}

/* ---- run ------------------------------------------------------------------------------------ */

/* After a successful create these calls can only fail by a mistake of ours or for want of a few
 * bytes inside oneDNN; a kernel cannot report, so the output is left as it was. */
static void reorder(const dcn__dnn *d, const dnnl_memory_desc_t *from_md, const float *from,
                    const dnnl_memory_desc_t *to_md, float *to)
{
    dnnl_memory_t a = NULL, b = NULL;
    dnnl_stream_t stream = NULL;

    if (!dnnl_memory_create(&a, from_md, d->engine, (void *)(uintptr_t)from) &&
        !dnnl_memory_create(&b, to_md, d->engine, to) &&
        !dnnl_stream_create(&stream, d->engine, dnnl_stream_default_flags)) {
        const dnnl_exec_arg_t args[2] = { { DNNL_ARG_FROM, a }, { DNNL_ARG_TO, b } };

        dnnl_primitive_execute(d->reorder, stream, 2, args);
        dnnl_stream_wait(stream);
    }
    dnnl_stream_destroy(stream);
    dnnl_memory_destroy(b);
    dnnl_memory_destroy(a);
}

/* y * a + b behind the convolution is another convolution: weights W * a, bias bias * a + b. On the
 * way down the signal s * a meets W: the same weights. */
static void fold(dcn__dnn *d, const float *w, const float *a, float *room)
{
    const dcn__window *window = &d->desc.node->window;
    const size_t K = (size_t)d->out.c, C = (size_t)(d->desc.in.c / d->desc.node->groups);
    const size_t taps = (size_t)window->kernel[0] * (size_t)window->kernel[1];

    for (size_t t = 0; t < taps; t++) {
        float *to = room + (d->turned ? taps - 1 - t : t) * C * K;

        for (size_t c = 0; c < C; c++, to += K, w += K)
            for (size_t k = 0; k < K; k++)
                to[k] = a ? w[k] * a[k] : w[k];
    }
}

static void fold_bias(dcn__dnn *d, const float *bias, const float *a, const float *b)
{
    for (int k = 0; k < d->out.c; k++)
        d->offsets[k] = (bias ? bias[k] * a[k] : 0) + b[k];
}

bool dcn__dnn_wants_room(const dcn__dnn *d)
{
    return d->desc.scale || d->turned;
}

void dcn__dnn_pack(dcn__dnn *d, void *const *all, float *room)
{
    const dcn__node *node = d->desc.node, *scale = d->desc.scale;
    const float *weights = all[node->weight];

    if (dcn__dnn_wants_room(d)) {
        fold(d, weights, scale ? all[scale->weight] : NULL, room);
        weights = room;
    }
    if (d->offsets)
        fold_bias(d, node->bias >= 0 ? all[node->bias] : NULL, all[scale->weight],
                  all[scale->bias]);
    reorder(d, &d->plain, weights, &d->packed, d->block);
}

void dcn__dnn_unpack(const dcn__dnn *d, const float *dw, float *gradients)
{
    reorder(d, &d->packed, dw, &d->plain, gradients);
}

static slot *claim(const dcn__dnn *d)
{
    for (;;) {
        for (int i = 0; i < d->n_slots; i++)
            if (!atomic_exchange_explicit(&d->slots[i].busy, true, memory_order_acquire))
                return &d->slots[i];
        sched_yield();   /* more threads than cores: one of them is about to finish */
    }
}

void dcn__dnn_run(const dcn__dnn *d, const dcn__dnn_arrays *a)
{
    const void *const arrays[3][MAX_ARGS] = {
        { NULL, a->scratch, a->x, a->y, d->offsets ? d->offsets : a->bias },
        { NULL, a->scratch, a->s, a->y, NULL },
        { a->dw, a->scratch, a->x, a->s, a->db },
    };
    slot *s = claim(d);
    dnnl_exec_arg_t args[MAX_ARGS];

    for (int k = 0; k < d->n_args; k++) {
        if (s->memory[k])
            dnnl_memory_set_data_handle_v2(s->memory[k], (void *)(uintptr_t)arrays[d->desc.pass][k],
                                           s->stream);
        args[k] = (dnnl_exec_arg_t){ d->args[k], k == 0 && d->weights ? d->weights : s->memory[k] };
    }
    dnnl_primitive_execute(d->primitive, s->stream, d->n_args, args);
    dnnl_stream_wait(s->stream);
    atomic_store_explicit(&s->busy, false, memory_order_release);
}

/* ---- what it is ----------------------------------------------------------------------------- */

dcn__isa dcn__dnn_isa(void)
{
#if defined(__x86_64__)
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();

    /* oneDNN obeys its own limit (DNNL_MAX_CPU_ISA); the compiler's check is what our code
     * needs. */
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core &&
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return DCN__ISA_AVX512;
    if ((isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma"))
        return DCN__ISA_AVX2;
#endif
    return DCN__ISA_PLAIN;
}

const char *dcn__dnn_text(void)
{
    static const struct { unsigned isa; const char *name; } names[] = {
        { dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx" },
        { dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16" },
        { dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni" },
        { dnnl_cpu_isa_avx512_core, "avx512_core" },
        { dnnl_cpu_isa_avx2_vnni, "avx2_vnni" },
        { dnnl_cpu_isa_avx2, "avx2" },
        { dnnl_cpu_isa_avx, "avx" },
        { dnnl_cpu_isa_sse41, "sse41" },
    };
    static _Thread_local char text[64];
    const dnnl_version_t *v = dnnl_version();
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const char *name = "plain";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (isa == names[i].isa) {
            name = names[i].name;
            break;
        }
    snprintf(text, sizeof text, "oneDNN %d.%d.%d, %s", v->major, v->minor, v->patch, name);
    return text;
}
