/* seed.c - where a walk down starts, for each picture of the chunk: all of a layer, one channel of
 * it, its largest value, one unit, or nothing. As engine/ref/seed.c chooses. */
#include "engine/cpu/cpu.h"

#include <math.h>
#include <string.h>

static size_t peak_of(const float *y, size_t size, size_t C, size_t channel)
{
    size_t peak = channel;

    for (size_t i = channel; i < size; i += C)
        if (y[i] > y[peak] || (isnan(y[peak]) && !isnan(y[i])))
            peak = i;
    return peak;
}

/* The chosen units begin with their activation, or with 1; s is zeros. */
static void choose(dcn_shape shape, const dcn_start *start, const float *y, float *s)
{
    const size_t size = cpu_size(shape), C = (size_t)shape.c, channel = (size_t)start->channel;
    size_t first = channel, end = size, step = C;

    switch (start->from) {
    case DCN_FROM_LAYER:
        first = 0;
        step = 1;
        break;
    case DCN_FROM_CHANNEL:
        break;
    case DCN_FROM_PEAK:
        first = peak_of(y, size, C, channel);
        end = first + 1;
        break;
    case DCN_FROM_UNIT:
        first = ((size_t)start->y * (size_t)shape.w + (size_t)start->x) * C + channel;
        end = first + 1;
        break;
    case DCN_FROM_ZERO:
        end = 0;
        break;
    }
    for (size_t i = first; i < end; i += step)
        s[i] = start->ones ? 1 : y[i];
}

const float *dcn__cpu_seed_of(dcn_shape shape, const dcn_start *start, const float *y, float *room)
{
    if (start && start->from == DCN_FROM_LAYER && !start->ones)
        return y;
    memset(room, 0, cpu_size(shape) * sizeof *room);
    if (start)
        choose(shape, start, y, room);
    return room;
}

static void seed(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t size = cpu_size(k->out);
    const float *y = cpu_read(k, f, 0);
    float *s = cpu_write(k, f);

    memset(s + first * size, 0, (end - first) * size * sizeof *s);
    for (size_t n = first; n < end && n < (size_t)f->n; n++)
        choose(k->out, &f->starts[n], y + n * size, s + n * size);
}

void dcn__cpu_seed(const dcn__kernel *kernel, const dcn__frame *f)
{
    dcn__cpu_units(cpu_of(kernel), f, seed);
}
