/* peak.c - each channel's largest value and its cell, as engine/ref/peak.c defines them: the first
 * of equals, a NaN above all numbers.
 *
 * A block of channels is carried through all cells of a picture, its largest so far in registers.
 * The blocks are independent, so threads share a large map by its channels. */
#include "engine/cpu/isa.h"

enum { BLOCK = 16, WIDE = 64, LARGE = 32768 };   /* channels; elements: see parallel.c's SMALL */

/* `width` channels of one picture; a constant wherever this is inlined but for what is left over. */
LOOP void scan(const float *restrict y, size_t cells, size_t C, size_t width,
               float *restrict values, int32_t *restrict at)
{
    float best[WIDE];
    int32_t cell[WIDE];

    for (size_t c = 0; c < width; c++) {
        best[c] = y[c];
        cell[c] = 0;
    }
    for (size_t i = 1; i < cells; i++)
        for (size_t c = 0; c < width; c++) {
            const float v = y[i * C + c];
            /* Both without a branch: larger or a NaN, against what is no NaN yet. */
            const bool wins = !(v <= best[c]) & (best[c] == best[c]);

            best[c] = wins ? v : best[c];
            cell[c] = wins ? (int32_t)i : cell[c];
        }
    for (size_t c = 0; c < width; c++) {
        values[c] = best[c];
        at[c] = cell[c];
    }
}

static size_t blocks_of(const cpu_kernel *k)
{
    return ((size_t)k->out.c + BLOCK - 1) / BLOCK;
}

/* Units: blocks of all pictures' channels. */
LOOP void peak_body(const cpu_kernel *k, const dcn__frame *f, size_t first, size_t end)
{
    const size_t C = (size_t)k->out.c, cells = (size_t)k->out.h * (size_t)k->out.w;
    const size_t blocks = blocks_of(k), all = (size_t)f->n * blocks;
    float *values = cpu_write(k, f);
    int32_t *at = (int32_t *)(void *)(values + (size_t)k->chunk * C);

    end = end < all ? end : all;
    while (first < end) {
        const size_t n = first / blocks, c = first % blocks * BLOCK;
        const size_t stop = end < (n + 1) * blocks ? (end - n * blocks) * BLOCK : C;
        const size_t left = (stop < C ? stop : C) - c;
        const float *y = (const float *)cpu_read(k, f, 0) + n * cells * C + c;

        if (left >= WIDE)
            scan(y, cells, C, WIDE, values + n * C + c, at + n * C + c);
        else if (left >= BLOCK)
            scan(y, cells, C, BLOCK, values + n * C + c, at + n * C + c);
        else
            scan(y, cells, C, left, values + n * C + c, at + n * C + c);
        first += left >= WIDE ? WIDE / BLOCK : 1;
    }
}
DCN__EVERY_ISA_RANGE(peak)

void dcn__cpu_peak(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const size_t units = (size_t)k->chunk * blocks_of(k);

    if ((size_t)k->chunk * cpu_size(k->out) > LARGE)
        dcn__cpu_cut(k, f, peak_range(k), units);
    else
        peak_range(k)(k, f, 0, units);
}
