/* synthetic.c - the built-in data set with a known answer: planted motifs.
 *
 * Each of ten classes has one coloured 9x9 motif, planted at a random place on a smooth, faint
 * background. A network that learnt the classes must respond to the motif, so a projection can be
 * checked against its box. Pictures are made from their index when asked for; nothing is stored. */
#include "data/data.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SIDE = 32, CROP = 24, MARGIN = (SIDE - CROP) / 2, MOTIF = 9, CLASSES = 10,
    TRAIN = 10000, TEST = 2000,
    GRID = 5                      /* corners of the background's cells, 8 pixels apart */
};

/* Changing any number here or a drawing below changes the set: dcn_data_hash tells. */
static const uint64_t SEED = 0x6d6f746966u;
static const double BACKGROUND = 112, SLOPE = 24, NOISE = 3;

static const struct motif {
    const char *name;
    uint8_t ink[3], other[3];     /* '#' and 'o'; '.' lets the background through */
    const char *rows[MOTIF];
} motifs[CLASSES] = {
    { "red cross", { 235, 30, 30 }, { 255, 235, 235 },
      { "...o#o...", "...o#o...", "...o#o...", "oooo#oooo", "#########", "oooo#oooo", "...o#o...",
        "...o#o...", "...o#o..." } },
    { "green ring", { 20, 205, 40 }, { 10, 50, 15 },
      { "..#####..", ".#######.", "###ooo###", "##ooooo##", "##ooooo##", "##ooooo##", "###ooo###",
        ".#######.", "..#####.." } },
    { "blue stripes", { 35, 45, 235 }, { 235, 235, 255 },
      { "#########", "#########", "ooooooooo", "#########", "#########", "ooooooooo", "#########",
        "#########", "ooooooooo" } },
    { "yellow checker", { 250, 230, 20 }, { 40, 35, 0 },
      { "###ooo###", "###ooo###", "###ooo###", "ooo###ooo", "ooo###ooo", "ooo###ooo", "###ooo###",
        "###ooo###", "###ooo###" } },
    { "magenta diagonal", { 230, 25, 225 }, { 50, 0, 50 },
      { "##oo.....", "###oo....", "o###oo...", "oo###oo..", ".oo###oo.", "..oo###oo", "...oo###o",
        "....oo###", ".....oo##" } },
    { "cyan diamond", { 20, 225, 230 }, { 0, 45, 50 },
      { "....#....", "...###...", "..##o##..", ".##ooo##.", "##ooooo##", ".##ooo##.", "..##o##..",
        "...###...", "....#...." } },
    { "white frame", { 255, 255, 255 }, { 10, 10, 10 },
      { "#########", "#ooooooo#", "#o.....o#", "#o.....o#", "#o.....o#", "#o.....o#", "#o.....o#",
        "#ooooooo#", "#########" } },
    { "black bars", { 0, 0, 0 }, { 250, 250, 250 },
      { "##oo##oo#", "##oo##oo#", "##oo##oo#", "##oo##oo#", "##oo##oo#", "##oo##oo#", "##oo##oo#",
        "##oo##oo#", "##oo##oo#" } },
    { "orange wedge", { 250, 130, 10 }, { 30, 60, 160 },
      { "#oooooooo", "##ooooooo", "###oooooo", "####ooooo", "#####oooo", "######ooo", "#######oo",
        "########o", "#########" } },
    { "violet dots", { 120, 20, 200 }, { 235, 225, 120 },
      { "ooooooooo", "o##ooo##o", "o##ooo##o", "ooooooooo", "oooo#oooo", "ooooooooo", "o##ooo##o",
        "o##ooo##o", "ooooooooo" } },
};

/* Everything random about picture i of a split comes from this stream: place first. */
static dcn__random stream_of(dcn_split split, int64_t i)
{
    return dcn__random_stream(SEED, (uint64_t)split, (uint64_t)i);
}

static void draw_place(dcn__random *r, int *y, int *x)
{
    *y = MARGIN + (int)dcn__random_below(r, CROP - MOTIF + 1);
    *x = MARGIN + (int)dcn__random_below(r, CROP - MOTIF + 1);
}

static void motif_of(const dcn_data *d, dcn_split split, int64_t i, int *y, int *x, int *size)
{
    dcn__random r = stream_of(split, i);

    (void)d;
    draw_place(&r, y, x);
    *size = MOTIF;
}

static uint8_t to_byte(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* pixels: (32,32,3). Grey levels at the corners of a coarse grid, joined by cosines, plus a little
 * noise: almost no edges, so that edges mean the motif. */
static void draw_background(dcn__random *r, uint8_t *pixels)
{
    double corner[GRID][GRID][3], blend[8];

    for (int i = 0; i < GRID * GRID * 3; i++)
        (&corner[0][0][0])[i] = BACKGROUND + SLOPE * (2 * dcn__random_unit(r) - 1);
    for (int i = 0; i < 8; i++)
        blend[i] = (1 - cos(3.14159265358979 * i / 8)) / 2;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const double v = blend[y % 8], u = blend[x % 8];

            for (int c = 0; c < 3; c++) {
                const double top =
                    corner[y / 8][x / 8][c] * (1 - u) + corner[y / 8][x / 8 + 1][c] * u;
                const double low = corner[y / 8 + 1][x / 8][c] * (1 - u) +
                                   corner[y / 8 + 1][x / 8 + 1][c] * u;
                const double noise = NOISE * (2 * dcn__random_unit(r) - 1);

                *pixels++ = to_byte(top * (1 - v) + low * v + noise);
            }
        }
    }
}

static dcn_status read_picture(const dcn_data *d, dcn_split split, int64_t i, uint8_t *pixels,
                               dcn_error *err)
{
    const struct motif *motif = &motifs[d->labels[split][i]];
    dcn__random r = stream_of(split, i);
    int top, left;

    (void)err;
    draw_place(&r, &top, &left);
    draw_background(&r, pixels);
    for (int y = 0; y < MOTIF; y++)
        for (int x = 0; x < MOTIF; x++)
            if (motif->rows[y][x] != '.')
                memcpy(pixels + ((top + y) * SIDE + left + x) * 3,
                       motif->rows[y][x] == '#' ? motif->ink : motif->other, 3);
    return DCN_OK;
}

static const dcn__source_ops ops = { .read = read_picture, .motif = motif_of };

/* Every ten pictures in a row show all classes, in an order of their own. */
static dcn_status take_labels(dcn_data *d, dcn_split split, int64_t count, dcn_error *err)
{
    dcn_status st = dcn__data_set_count(d, split, count, err);

    for (int64_t i = 0; !st && i < count; i++)
        d->labels[split][i] = (int32_t)dcn__random_permute((uint64_t)i % CLASSES, CLASSES,
                                                           SEED + split, (uint64_t)i / CLASSES);
    return st;
}

dcn_status dcn__open_synthetic(dcn_data *d, dcn_error *err)
{
    uint8_t sample[SIDE * SIDE * 3];
    dcn_status st;

    d->ops = &ops;
    d->info.kind = "synthetic";
    d->info.shape = (dcn_shape){ SIDE, SIDE, 3 };
    if ((st = dcn__data_set_name(d, "synthetic", err)) ||
        (st = dcn__data_set_classes(d, CLASSES, err)))
        return st;
    for (int i = 0; !st && i < CLASSES; i++)
        st = dcn__data_set_class_name(d, i, motifs[i].name, strlen(motifs[i].name), err);
    if (st || (st = take_labels(d, DCN_SPLIT_TRAIN, TRAIN, err)) ||
        (st = take_labels(d, DCN_SPLIT_TEST, TEST, err)))
        return st;
    /* A hundred pictures show every motif and the background's arithmetic. */
    for (int64_t i = 0; i < 100; i++) {
        read_picture(d, DCN_SPLIT_TRAIN, i, sample, err);
        d->content = dcn__fingerprint(d->content, sample, sizeof sample);
    }
    return DCN_OK;
}
