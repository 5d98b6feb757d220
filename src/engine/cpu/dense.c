/* dense.c - dense layers of few pictures, straight on the graph's (in,out) weights.
 *
 * Such a layer is as fast as its weights can be read, and a packed copy of VGG-16's would be 470
 * MiB. So nothing is packed, an input that is 0 in every picture is passed over with its whole row
 * of weights (half of them and more behind a ReLU), and on the way down a signal of few numbers
 * picks its columns. Every output is summed by one thread in the order of the inputs: threads
 * change no bit. A zero adds nothing, not even against an infinite weight.
 *
 * Measured on one core, VGG-16's 25088 to 4096, one picture with half of its inputs 0: 18.7 ms, 11
 * GB/s of weights. With 8 pictures and 2304 to 384 oneDNN is faster (64 GFLOP/s against 45, down 40
 * against 21): from 3 pictures on only large layers come here.
 *
 * Also a 1x1 convolution of a 1x1 picture, which is the same. */
#include "engine/cpu/dense.h"

#include "engine/cpu/isa.h"

#include <string.h>

enum { ROWS = 4, LANES = 16, BLOCK = 2048, SPARSE = 16 };
enum { MOST_PICTURES = 8, FEW_PICTURES = 2, LARGE = 1 << 23 };    /* LARGE: weights, 32 MiB */

bool dcn__dense_fits(const dcn__node *node, dcn_shape in, int pictures)
{
    const dcn__window *w = &node->window;

    if (pictures > MOST_PICTURES ||
        (pictures > FEW_PICTURES && dcn__shape_size(in) * node->shape.c < LARGE))
        return false;
    return node->op == DCN__OP_DENSE ||
           (node->op == DCN__OP_CONV && in.h == 1 && in.w == 1 && node->groups == 1 &&
            w->kernel[0] == 1 && w->kernel[1] == 1 && node->shape.h == 1 && node->shape.w == 1 &&
            !w->pad[0] && !w->pad[1]);
}

/* ---- forward -------------------------------------------------------------------------------- */

/* Which inputs are not 0 in every picture: their numbers into `list`. */
static size_t list_inputs(const float *x, size_t I, size_t n, uint32_t *list)
{
    size_t count = 0;

    for (size_t i = 0; i < I; i++) {
        bool any = false;

        for (size_t p = 0; p < n; p++)
            any |= x[p * I + i] != 0;      /* a NaN is not 0 */
        list[count] = (uint32_t)i;
        count += any;
    }
    return count;
}

/* y[0..width) += rows of weights times x, for ROWS inputs of one picture. */
LOOP void add_rows(float *restrict y, const float *const w[ROWS], const float *v, size_t width)
{
    const float *restrict w0 = w[0], *restrict w1 = w[1], *restrict w2 = w[2], *restrict w3 = w[3];
    const float a = v[0], b = v[1], c = v[2], d = v[3];

    for (size_t o = 0; o < width; o++)
        y[o] = y[o] + a * w0[o] + b * w1[o] + c * w2[o] + d * w3[o];
}

/* A block of columns: all pictures, all inputs of the list. */
LOOP void columns(const float *x, const float *weights, float *y, const uint32_t *list,
                  size_t count, size_t n, size_t I, size_t O, size_t first, size_t width)
{
    for (size_t at = 0; at < count; at += ROWS) {
        const float *w[ROWS];

        for (size_t r = 0; r < ROWS; r++)
            w[r] = weights + (size_t)list[at + r < count ? at + r : at] * O + first;
        for (size_t p = 0; p < n; p++) {
            float v[ROWS];

            for (size_t r = 0; r < ROWS; r++)
                v[r] = at + r < count ? x[p * I + list[at + r]] : 0;
            if (at + ROWS <= count)
                add_rows(y + p * O + first, w, v, width);
            else
                for (size_t r = 0; at + r < count; r++)
                    for (size_t o = 0; o < width; o++)
                        y[p * O + first + o] += v[r] * w[r][o];
        }
    }
}

/* Outputs that are summed together: what a block holds of all pictures stays in the nearest cache,
 * and its rows of weights are as long as can be. */
static size_t width_of(const cpu_kernel *k)
{
    const size_t O = (size_t)k->out.c, most = (size_t)(BLOCK / k->chunk);
    const size_t share = ((O + (size_t)k->threads - 1) / (size_t)k->threads + LANES - 1) / LANES;

    return share * LANES < most ? share * LANES : most;
}

/* Blocks [first, end) of outputs. scratch: the list and its length. */
LOOP void forward_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t I = cpu_size(k->in), O = (size_t)k->out.c, n = (size_t)k->chunk;
    const float *x = cpu_read(k, f, 0), *w = f->weights[k->node->weight];
    const float *bias = k->node->bias >= 0 ? f->weights[k->node->bias] : NULL;
    const uint32_t *list = f->scratch;
    const size_t block = width_of(k);
    float *y = cpu_write(k, f);

    for (size_t o = first * block; o < end * block && o < O; o += block) {
        const size_t width = O - o < block ? O - o : block;

        for (size_t p = 0; p < n; p++)
            if (bias)
                memcpy(y + p * O + o, bias + o, width * sizeof *y);
            else
                memset(y + p * O + o, 0, width * sizeof *y);
        columns(x, w, y, list, list[I], n, I, O, o, width);
    }
}
DCN__EVERY_ISA_RANGE(forward)

static void forward(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t I = cpu_size(k->in);
    uint32_t *list = f->scratch;

    list[I] = (uint32_t)list_inputs(cpu_read(k, f, 0), I, (size_t)k->chunk, list);
    dcn__cpu_cut(k, f, forward_range(k), ((size_t)k->out.c + width_of(k) - 1) / width_of(k));
}

/* ---- data ----------------------------------------------------------------------------------- */

/* Inputs [i, i + ROWS) of one picture: dot products of the signal with rows of weights. */
LOOP void dots(const float *restrict s, const float *restrict w, size_t O, float *x)
{
    float sum[ROWS][LANES] = { { 0 } };
    size_t o = 0;

    for (; o + LANES <= O; o += LANES)
        for (size_t r = 0; r < ROWS; r++)
            for (size_t l = 0; l < LANES; l++)
                sum[r][l] += s[o + l] * w[r * O + o + l];
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t q = o; q < O; q++)
            sum[r][q - o] += s[q] * w[r * O + q];
        for (size_t half = LANES / 2; half; half /= 2)
            for (size_t l = 0; l < half; l++)
                sum[r][l] += sum[r][l + half];
        x[r] = sum[r][0];
    }
}

LOOP float dot(const float *restrict s, const float *restrict w, size_t O)
{
    float sum[LANES] = { 0 };
    size_t o = 0;

    for (; o + LANES <= O; o += LANES)
        for (size_t l = 0; l < LANES; l++)
            sum[l] += s[o + l] * w[o + l];
    for (size_t q = o; q < O; q++)
        sum[q - o] += s[q] * w[q];
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            sum[l] += sum[l + half];
    return sum[0];
}

/* scratch: for each picture a list of the numbers that are not 0, and its length. */
LOOP void data_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t I = cpu_size(k->in), O = (size_t)k->out.c, n = (size_t)k->chunk;
    const float *s = cpu_read(k, f, 0), *w = f->weights[k->node->weight];
    const uint32_t *lists = f->scratch;
    float *x = cpu_write(k, f);

    for (size_t i = first; i < end; i += ROWS)
        for (size_t p = 0; p < n; p++) {
            const uint32_t *list = lists + p * (O + 1);
            const size_t rows = end - i < ROWS ? end - i : ROWS;

            if (list[O] * SPARSE < O)
                for (size_t r = 0; r < rows; r++) {
                    float sum = 0;

                    for (size_t q = 0; q < list[O]; q++)
                        sum += s[p * O + list[q]] * w[(i + r) * O + list[q]];
                    x[p * I + i + r] = sum;
                }
            else if (rows == ROWS)
                dots(s + p * O, w + i * O, O, x + p * I + i);
            else
                for (size_t r = 0; r < rows; r++)
                    x[p * I + i + r] = dot(s + p * O, w + (i + r) * O, O);
        }
}
DCN__EVERY_ISA_RANGE(data)

static void data(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t O = (size_t)k->out.c;
    const float *s = cpu_read(k, f, 0);
    uint32_t *list = f->scratch;

    for (size_t p = 0; p < (size_t)k->chunk; p++, list += O + 1, s += O)
        list[O] = (uint32_t)list_inputs(s, O, 1, list);
    dcn__cpu_cut(k, f, data_range(k), cpu_size(k->in));
}

/* ---- prepare -------------------------------------------------------------------------------- */

void dcn__dense_prepare(cpu_kernel *k, bool down)
{
    const size_t lists = down ? (size_t)k->chunk : 1;
    const size_t length = down ? (size_t)k->out.c : cpu_size(k->in);

    k->base.run = down ? data : forward;
    k->base.scratch_bytes = lists * (length + 1) * sizeof(uint32_t);
}
