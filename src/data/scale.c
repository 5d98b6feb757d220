/* scale.c - Pillow's BILINEAR: a triangle as wide as two output pixels, cut off at the border and
 * made to sum to one there; columns first, rounded to bytes, then rows. (Pillow 13 takes the rows
 * first for some very tall pictures: a level's difference.)
 *
 * Sums are whole numbers in units of 2^-22, so that the order of adding changes nothing. Only the
 * rows and columns that the window needs are computed. */
#include "data/scale.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { BITS = 22, HALF = 1 << (BITS - 1) };

/* What each place of the window takes from the picture along one axis: `count[i]` neighbours from
 * `first[i]`, with weights from weight[i * most]. */
struct axis {
    int n, most;
    int32_t *first, *count;
    int32_t *weight;
};

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* raw: room for a->most numbers. */
static void weigh(struct axis *a, int i, int place, int size, double step, double *raw)
{
    const double reach = step > 1 ? step : 1, middle = (place + 0.5) * step;
    const int low = (int)(middle - reach + 0.5), high = (int)(middle + reach + 0.5);
    const int first = low < 0 ? 0 : low, count = (high > size ? size : high) - first;
    double sum = 0;

    for (int k = 0; k < count; k++) {
        raw[k] = triangle((k + first - middle + 0.5) * (1 / reach));
        sum += raw[k];
    }
    for (int k = 0; k < count; k++)
        a->weight[(size_t)i * (size_t)a->most + (size_t)k] =
            (int32_t)(raw[k] / sum * (1 << BITS) + 0.5);
    a->first[i] = first;
    a->count[i] = count;
}

/* How many neighbours a place takes at most, of `size` pixels scaled to `scaled`. */
static int most_of(int size, int scaled)
{
    const double step = (double)size / scaled;

    return 2 * (int)ceil(step > 1 ? step : 1) + 1;
}

static size_t axis_numbers(int n, int most)
{
    return (size_t)n * ((size_t)most + 2);
}

/* Places from..from+n-1 of `size` pixels scaled to `scaled`. numbers: axis_numbers of them; raw: most
 * of them. Returns the numbers behind. */
static int32_t *fill_axis(struct axis *a, int n, int from, int size, int scaled, int32_t *numbers,
                          double *raw)
{
    *a = (struct axis){ .n = n, .most = most_of(size, scaled), .first = numbers,
                        .count = numbers + n, .weight = numbers + 2 * (size_t)n };
    for (int i = 0; i < n; i++)
        weigh(a, i, from + i, size, (double)size / scaled, raw);
    return numbers + axis_numbers(n, a->most);
}

/* All weights are positive and sum to one, give or take a rounding each: no sum is below 0. */
static uint8_t to_byte(int32_t sum)
{
    return (uint8_t)((sum >> BITS) > 255 ? 255 : sum >> BITS);
}

/* One row of the picture -> the window's columns. */
static void scale_row(uint8_t *to, const uint8_t *row, const struct axis *a, int c)
{
    for (int i = 0; i < a->n; i++) {
        const int32_t *weight = a->weight + (size_t)i * (size_t)a->most;
        const uint8_t *from = row + (size_t)a->first[i] * (size_t)c;
        int32_t sum[3] = { HALF, HALF, HALF };

        if (c == 1) {
            for (int k = 0; k < a->count[i]; k++)
                sum[0] += from[k] * weight[k];
        } else {
            for (int k = 0; k < a->count[i]; k++) {
                sum[0] += from[3 * k] * weight[k];
                sum[1] += from[3 * k + 1] * weight[k];
                sum[2] += from[3 * k + 2] * weight[k];
            }
        }
        for (int k = 0; k < c; k++)
            *to++ = to_byte(sum[k]);
    }
}

/* A ring of rows.most scaled rows is enough: the window's rows take theirs in order.
 * ring: (most, width); sum: (width). */
static void scale_rows(uint8_t *out, const dcn_image *image, const struct axis *rows,
                       const struct axis *columns, uint8_t *ring, int32_t *sum)
{
    const size_t c = (size_t)image->c, width = (size_t)columns->n * c;
    int next = 0;

    for (int i = 0; i < rows->n; i++) {
        const int first = rows->first[i], count = rows->count[i];

        for (next = next < first ? first : next; next < first + count; next++)
            scale_row(ring + (size_t)(next % rows->most) * width,
                      image->pixels + (size_t)next * (size_t)image->w * c, columns, image->c);
        for (size_t x = 0; x < width; x++)
            sum[x] = HALF;
        for (int k = 0; k < count; k++) {
            const uint8_t *row = ring + (size_t)((first + k) % rows->most) * width;
            const int32_t weight = rows->weight[(size_t)i * (size_t)rows->most + (size_t)k];

            for (size_t x = 0; x < width; x++)
                sum[x] += row[x] * weight;
        }
        for (size_t x = 0; x < width; x++)
            *out++ = to_byte(sum[x]);
    }
}

/* doubles of a place's weights; numbers of both axes and of a row of sums; bytes of the ring. */
size_t dcn__scale_room(int out_h, int out_w, const dcn_image *image, int scaled_h, int scaled_w)
{
    const int rows = most_of(image->h, scaled_h), columns = most_of(image->w, scaled_w);
    const size_t width = (size_t)out_w * (size_t)image->c;

    return (size_t)(rows > columns ? rows : columns) * sizeof(double) +
           (axis_numbers(out_h, rows) + axis_numbers(out_w, columns) + width) * sizeof(int32_t) +
           (size_t)rows * width;
}

void dcn__scale_window_in(void *room, uint8_t *out, int out_h, int out_w, const dcn_image *image,
                          int scaled_h, int scaled_w, int y, int x)
{
    const int high = most_of(image->h, scaled_h), wide = most_of(image->w, scaled_w);
    const size_t width = (size_t)out_w * (size_t)image->c;
    double *raw = room;
    int32_t *numbers = (int32_t *)(void *)(raw + (high > wide ? high : wide));
    struct axis rows, columns;

    numbers = fill_axis(&rows, out_h, y, image->h, scaled_h, numbers, raw);
    numbers = fill_axis(&columns, out_w, x, image->w, scaled_w, numbers, raw);
    scale_rows(out, image, &rows, &columns, (uint8_t *)(numbers + width), numbers);
}

dcn_status dcn__scale_window(uint8_t *out, int out_h, int out_w, const dcn_image *image,
                             int scaled_h, int scaled_w, int y, int x, dcn_error *err)
{
    const size_t bytes = dcn__scale_room(out_h, out_w, image, scaled_h, scaled_w);
    void *room = dcn__alloc(bytes);

    if (!room)
        return dcn__fail_memory(err, "scaling a picture", bytes);
    dcn__scale_window_in(room, out, out_h, out_w, image, scaled_h, scaled_w, y, x);
    dcn__free(room);
    return DCN_OK;
}
