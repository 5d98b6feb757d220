/* show_tile.c - parts of a picture in the size in which a sheet shows them: small ones with their
 * values repeated, large ones by the mean of each square. It knows nothing of networks. */
#include "show.h"

static int divided(int a, int b)
{
    return (a + b - 1) / b;
}

dcn_shape show_part_shape(dcn_shape shape, const dcn_box *part, int grow, int shrink)
{
    return (dcn_shape){ divided((part->bottom - part->top) * grow, shrink),
                        divided((part->right - part->left) * grow, shrink), shape.c };
}

static void copy_grown(const float *from, dcn_shape shape, const dcn_box *part, int grow,
                       float *out)
{
    for (int y = part->top * grow; y < part->bottom * grow; y++)
        for (int x = part->left * grow; x < part->right * grow; x++)
            for (int c = 0; c < shape.c; c++)
                *out++ = from[((size_t)(y / grow) * (size_t)shape.w + (size_t)(x / grow))
                                  * (size_t)shape.c + (size_t)c];
}

/* The mean of one square; at the right and lower edge of what is there of it. */
static void mean_of(const float *from, dcn_shape shape, int top, int left, int bottom, int right,
                    float *out)
{
    for (int c = 0; c < shape.c; c++) {
        double sum = 0;

        for (int y = top; y < bottom; y++)
            for (int x = left; x < right; x++)
                sum += (double)from[((size_t)y * (size_t)shape.w + (size_t)x) * (size_t)shape.c
                                    + (size_t)c];
        out[c] = (float)(sum / ((double)(bottom - top) * (right - left)));
    }
}

void show_copy_part(const float *from, dcn_shape shape, const dcn_box *part, int grow, int shrink,
                    float *out)
{
    if (shrink == 1) {
        copy_grown(from, shape, part, grow, out);
        return;
    }
    for (int y = part->top; y < part->bottom; y += shrink)
        for (int x = part->left; x < part->right; x += shrink, out += shape.c)
            mean_of(from, shape, y, x, y + shrink < part->bottom ? y + shrink : part->bottom,
                    x + shrink < part->right ? x + shrink : part->right, out);
}
