/* weighted.c - convolution, dense layers and their backward passes, with what was fused to them.
 *
 * A dense layer of few pictures is dense.c's, a convolution to few channels narrow.c's, the way
 * down to a picture image.c's, where any method will do some are winograd_kernel.c's; all else is
 * oneDNN's, and where that has nothing, plain.c's. Then comes the tail. */
#include "engine/cpu/dense.h"
#include "engine/cpu/image.h"
#include "engine/cpu/narrow.h"
#include "engine/cpu/plain.h"
#include "engine/cpu/winograd_kernel.h"
#include "engine/cpu/winograd_weights.h"

/* oneDNN cuts a convolution by its outputs, but a dense layer by its sums, and how it cuts the sums
 * of a convolution into blocks may follow the number of threads where the taps are apart or the
 * work is little (a 2x5 kernel dilated by 1x2 on 2x8x64 was one). The bits would depend on it:
 * those stay on one thread. test/unit/engine_cpu.c compares the bits of the others; of large kernels
 * on small maps some still follow the threads, so a plan that must not has one thread a chunk
 * (plan.c). */
enum { LITTLE = 250000 };         /* multiplications, a few microseconds */

static bool alone(const cpu_kernel *k)
{
    const dcn__node *n = k->node;
    const double work = (double)k->chunk * (double)dcn__shape_size(n->shape) * k->in.c /
                        (n->op == DCN__OP_CONV ? n->groups : 1) * n->window.kernel[0] *
                        n->window.kernel[1];

    return n->op == DCN__OP_DENSE || n->window.dilation[0] > 1 || n->window.dilation[1] > 1 ||
           work < LITTLE;
}

static void run_dnn(const cpu_kernel *k, const dcn__dnn_arrays *a)
{
    if (k->threads > 1 && alone(k)) {
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

static void with_tail(const dcn__kernel *kernel, const dcn__frame *f)
{
    cpu_of(kernel)->body(kernel, f);
    dcn__cpu_tail(kernel, f);
}

static void pack(dcn__kernel *kernel, void *const *all)
{
    cpu_kernel *k = (cpu_kernel *)(void *)kernel;

    dcn__dnn_pack(k->dnn, all, dcn__shared_block(k->shared));
}

static void unpack(const dcn__kernel *kernel, const void *sums, void *const *gradients)
{
    const cpu_kernel *k = cpu_of(kernel);
    const float *block = sums, *db = bias_gradient(k, (float *)(uintptr_t)sums);

    dcn__dnn_unpack(k->dnn, block, gradients[k->node->weight]);
    for (int o = 0; db && o < k->out.c; o++)
        ((float *)gradients[k->node->bias])[o] = db[o];
}

/* ---- prepare -------------------------------------------------------------------------------- */

static dcn__dnn_pass pass_of(const cpu_kernel *k)
{
    const dcn__action last = k->step[k->scale && k->unit == DCN__UNIT_CELL_IN].action;

    return last == DCN__DO_CONV || last == DCN__DO_DENSE             ? DCN__DNN_FORWARD
           : last == DCN__DO_CONV_DATA || last == DCN__DO_DENSE_DATA ? DCN__DNN_DATA
                                                                     : DCN__DNN_WEIGHTS;
}

static dcn_status prepare_dnn(cpu_kernel *k, dcn__dnn_pass pass, dcn_error *err)
{
    static cpu_run *const runs[] = { forward, data, weights };
    const dcn__dnn_desc desc = { .pass = pass, .node = k->node, .in = k->in, .n = k->chunk,
                                 .scale = k->scale };
    const int threads = alone(k) ? 1 : k->threads;
    const int token = dcn__cpu_enter(threads);
    const size_t count = (size_t)k->graph->weights[k->node->weight].count;
    bool first = false;
    dcn_status st = dcn__shared_dnn(k->shared, &desc, threads, &k->dnn, &first, err);

    dcn__cpu_leave(token);
    if (st || (dcn__dnn_wants_room(k->dnn) && (st = dcn__shared_room(k->shared, count, err))))
        return st;
    k->folded = k->scale;
    k->base.run = runs[pass];
    k->base.scratch_bytes = dcn__dnn_scratch_bytes(k->dnn);
    if (pass != DCN__DNN_WEIGHTS) {
        k->base.pack = first ? pack : NULL;
        k->base.packs_alone = dcn__dnn_wants_room(k->dnn);
        k->base.own_bytes += first ? dcn__dnn_weight_bytes(k->dnn) : 0;
        return DCN_OK;
    }
    k->base.unpack = unpack;
    k->base.gradient_bytes = dcn__dnn_weight_bytes(k->dnn) +
                             (k->node->bias >= 0 ? (size_t)k->out.c * sizeof(float) : 0);
    return DCN_OK;
}

dcn_status dcn__cpu_weighted(cpu_kernel *k, dcn_error *err)
{
    const dcn__dnn_pass pass = pass_of(k);
    const dcn__winograd_way way = { .conv = k->node, .s = 1 };
    dcn_status st = DCN_OK;

    if (pass != DCN__DNN_WEIGHTS && !k->scale && dcn__dense_fits(k->node, k->in, k->chunk))
        dcn__dense_prepare(k, pass == DCN__DNN_DATA);
    else if (dcn__narrow_fits(k, pass))
        st = dcn__narrow_prepare(k, pass, err);
    else if (pass == DCN__DNN_DATA && dcn__image_fits(k->node, k->in))
        st = dcn__image_prepare(k, err);
    else if (pass != DCN__DNN_WEIGHTS && dcn__winograd_fits(k, pass == DCN__DNN_DATA))
        st = dcn__winograd_prepare(k, err);
    else if (pass == DCN__DNN_WEIGHTS && dcn__winograd_weights_fits(k->graph, k->sums, &way))
        st = dcn__winograd_weights_prepare(k, &way, err);
    else if ((st = prepare_dnn(k, pass, err)) == DCN_DEVICE) {
        dcn__plain_prepare(k, pass);
        st = DCN_OK;
    }
    if ((k->scale && !k->folded && pass == DCN__DNN_FORWARD) || k->addend || k->last) {
        k->body = k->base.run;
        k->base.run = with_tail;
    }
    return st;
}
