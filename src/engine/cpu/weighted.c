/* weighted.c - convolution and dense layers through oneDNN; a ReLU may follow in place. */
#include "engine/cpu/cpu.h"

/* oneDNN cuts the sum of a dense layer among its threads, and the bits would depend on how many
 * there are: a dense layer stays on one. (A convolution is cut by its outputs.) */
static bool is_dense(const cpu_kernel *k)
{
    return k->node->op == DCN__OP_DENSE;
}

static void run_dnn(const cpu_kernel *k, const dcn__dnn_arrays *a)
{
    if (k->threads > 1 && is_dense(k)) {
        const int token = dcn__cpu_enter(1);

        dcn__dnn_run(k->dnn, a);
        dcn__cpu_leave(token);
    } else {
        dcn__dnn_run(k->dnn, a);
    }
}

static void forward(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const dcn__dnn_arrays a = { .x = cpu_read(k, f, 0), .y = cpu_write(k, f), .scratch = f->scratch,
                                .bias = k->node->bias >= 0 ? f->weights[k->node->bias] : NULL };

    run_dnn(k, &a);
}

/* oneDNN's own ReLU turns a NaN into 0 and so would hide it; ours does not. What it reads was
 * written a moment ago. */
static void forward_relu(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t n = (size_t)k->chunk * cpu_size(k->out);
    float *y = cpu_write(k, f);

    forward(kernel, f);
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
}

static void data(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const dcn__dnn_arrays a = { .s = cpu_read(k, f, 0),
                                .y = cpu_write(k, f),
                                .scratch = f->scratch };

    run_dnn(k, &a);
}

/* A gradient block: dW in oneDNN's layout, then db. */
static float *bias_gradient(const cpu_kernel *k, float *block)
{
    return k->node->bias >= 0 ? block + dcn__dnn_weight_bytes(k->dnn) / sizeof *block : NULL;
}

static void weights(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    float *block = (float *)(void *)(f->gradients + k->base.gradient_offset);
    const dcn__dnn_arrays a = { .x = cpu_read(k, f, 0), .s = cpu_read(k, f, 1), .dw = block,
                                .db = bias_gradient(k, block), .scratch = f->scratch };

    run_dnn(k, &a);
}

static void pack(dcn__kernel *kernel, void *const *all)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;

    dcn__dnn_pack(k->dnn, all[k->node->weight]);
}

static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const cpu_kernel *k = cpu_of(kernel);
    const float *block = sums, *db = bias_gradient(k, (float *)(uintptr_t)sums);

    dcn__dnn_unpack(k->dnn, block, gradients[k->node->weight]);
    for (int o = 0; db && o < k->out.c; o++)
        ((float *)gradients[k->node->bias])[o] = db[o];
}

dcn_status dcn__cpu_weighted(cpu_kernel *k, dcn_error *err)
{
    dcn__dnn_desc desc = { .node = k->node, .in = k->in, .n = k->chunk };
    dcn_status st;
    int token;

    switch (k->step->action) {
    case DCN__DO_CONV:
    case DCN__DO_DENSE:
        desc.pass = DCN__DNN_FORWARD;
        k->base.run = k->count > 1 ? forward_relu : forward;
        k->base.pack = pack;
        break;
    case DCN__DO_CONV_DATA:
    case DCN__DO_DENSE_DATA:
        desc.pass = DCN__DNN_DATA;
        k->base.run = data;
        k->base.pack = pack;
        break;
    default:
        desc.pass = DCN__DNN_WEIGHTS;
        k->base.run = weights;
        k->base.unpack = unpack;
        break;
    }
    token = dcn__cpu_enter(is_dense(k) ? 1 : k->threads);
    st = dcn__dnn_create(&k->dnn, &desc, err);
    dcn__cpu_leave(token);
    if (st)
        return st;
    k->base.scratch_bytes = dcn__dnn_scratch_bytes(k->dnn);
    if (desc.pass != DCN__DNN_WEIGHTS)
        k->base.own_bytes += dcn__dnn_weight_bytes(k->dnn);
    else
        k->base.gradient_bytes = dcn__dnn_weight_bytes(k->dnn) +
                                 (k->node->bias >= 0 ? (size_t)k->out.c * sizeof(float) : 0);
    return DCN_OK;
}
