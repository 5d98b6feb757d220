/* fake_book.c SCENARIO FOLDER [DATA] - writes a book of an invented scan, with strips of invented
 * pictures (or DATA's), for the tests of the page. Scenarios:
 *   small      four layers, every kind of channel, hostile names of classes, files and layers
 *   single     the same as one file
 *   residual   a residual network of 53 layers; inception: branches that are concatenated
 *   large      13,000 channels in 54 layers
 *   few        no labels, lists of at most 1, 3 and 4 pictures
 *   bare       one layer, 1x1 grey inputs, no labels, one channel */
#include "fake_book.h"

#include "base/memory.h"
#include "codec/png.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures ------------------------------------------------------------------------------- */

/* Stripes, rings or blocks in colours of the class. */
static void invent(const fake *f, int64_t number, uint8_t *pixels)
{
    const dcn_shape s = f->book.input;
    dcn__random r = dcn__random_stream(7, (uint64_t)number, 1);
    const int label = fake_label(f, number);
    const double angle = dcn__random_unit(&r) * 3.14, wave = 4 + 12 * dcn__random_unit(&r);
    const double cy = dcn__random_unit(&r) * s.h, cx = dcn__random_unit(&r) * s.w;
    double colours[2][3];

    for (int i = 0; i < 2; i++)
        for (int c = 0; c < 3; c++)
            colours[i][c] = 70 + 110 * dcn__random_unit(&r) + 60 * sin(label + 2 * c + i);
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++) {
            const double along = label % 3 == 0 ? cos(angle) * x + sin(angle) * y
                : label % 3 == 1 ? hypot(y - cy, x - cx) : fabs(y - cy) > fabs(x - cx) ? y : x;
            const double mix = 0.5 + 0.5 * tanh(3 * sin(along * 6.28 / wave));

            for (int c = 0; c < s.c; c++) {
                const double v = colours[0][c] * mix + colours[1][c] * (1 - mix) +
                                 (double)(dcn__random_bits(&r) % 21) - 10;
                pixels[(y * s.w + x) * s.c + c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
}

static void load(const fake *f, int64_t number, uint8_t *pixels)
{
    const dcn_shape s = f->book.input;
    dcn_image image = { 0 };
    int label;

    if (!f->data) {
        invent(f, number, pixels);
        return;
    }
    fake_must(dcn_data_picture(f->data, DCN_SPLIT_TEST, number, &image, &label, &fake_error));
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            for (int c = 0; c < s.c; c++)
                pixels[(y * s.w + x) * s.c + c] =
                    image.pixels[((y * image.h / s.h) * image.w + x * image.w / s.w) * image.c +
                                 c % image.c];
    dcn_image_clear(&image);
}

/* A tile of the patch, violet beyond the border, and as its projection what differs from the patch's mean around it. */
static void draw_unit(const fake *f, const dcn__book_layer *l, const dcn__book_unit *u, int channel,
                      const uint8_t *pixels, dcn_image *strip, int i, int n)
{
    const dcn_shape s = f->book.input;
    const int th = l->tile[0], tw = l->tile[1];
    dcn__random r = dcn__random_stream(11, (uint64_t)channel, (uint64_t)l->shape.c);
    const double gain = 0.8 + dcn__random_unit(&r), bend = dcn__random_unit(&r) * 6.28;

    for (int y = 0; y < th; y++)
        for (int x = 0; x < tw; x++)
            for (int c = 0; c < strip->c; c++) {
                const int py = u->box.top + y * l->patch[0] / th;
                const int px = u->box.left + x * l->patch[1] / tw;
                const bool inside = py < u->box.bottom && px < u->box.right;
                uint8_t *out = strip->pixels + ((size_t)y * strip->w + (size_t)(i * tw + x)) *
                               strip->c + c;
                const int k = 1 + l->patch[0] / 8;
                static const double violet[3] = { 190, 180, 214 };
                double mean = 0, v;

                for (int d = 0; d < 4; d++) {
                    const int qy = py + (d == 0 ? k : d == 1 ? -k : 0);
                    const int qx = px + (d == 2 ? k : d == 3 ? -k : 0);

                    mean += qy >= 0 && qy < s.h && qx >= 0 && qx < s.w
                        ? pixels[(qy * s.w + qx) * s.c + c % s.c] : 128;
                }
                v = inside ? pixels[(py * s.w + px) * s.c + c % s.c] : violet[c % 3];
                *out = (uint8_t)v;
                v = inside ? 2.5 * (v - mean / 4) * gain * exp(-3 * (pow((y + 0.5) / th - 0.5, 2) +
                    pow((x + 0.5) / tw - 0.5, 2))) * (1 + 0.4 * sin(bend + c)) : 0;
                v += 128;
                out[(size_t)n * tw * strip->c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
}

static void draw_strip(const fake *f, const dcn__book_layer *l, int channel, const char *path)
{
    const dcn__book_channel *c = &l->channels[channel];
    const dcn_shape s = f->book.input;
    dcn_image strip = { l->tile[0], l->tile[1] * 2 * c->n_units, s.c, NULL };
    uint8_t *pixels = dcn__alloc_array((size_t)s.h * s.w, s.c);
    dcn__bytes png;

    strip.pixels = dcn__alloc_array((size_t)strip.h * strip.w, s.c);
    assert(pixels && strip.pixels);
    for (int i = 0; i < c->n_units; i++) {
        load(f, c->units[i].picture, pixels);
        draw_unit(f, l, &c->units[i], channel, pixels, &strip, i, c->n_units);
    }
    fake_must(dcn__png_encode(&png, &strip, NULL, &fake_error));
    fake_must(dcn__file_write(path, png.data, png.size, &fake_error));
    dcn__bytes_clear(&png);
    dcn__free(strip.pixels);
    dcn__free(pixels);
}

/* Networks of many channels repeat the strips of the first, so that they are soon written. */
static void draw_strips(const fake *f, const char *folder)
{
    char path[700];

    for (int i = 0; i < f->book.n_layers; i++)
        for (int c = 0; c < f->layers[i].shape.c && c < f->drawn; c++)
            if (f->layers[i].channels[c].strip) {
                if (f->drawn < 1 << 20 && c > 0 && f->layers[i].channels[c].n_units == f->book.top)
                    continue;
                snprintf(path, sizeof path, "%s/%s", folder, f->layers[i].channels[c].strip);
                *strrchr(path, '/') = '\0';
                fake_must(dcn__make_folder(path, &fake_error));
                snprintf(path, sizeof path, "%s/%s", folder, f->layers[i].channels[c].strip);
                draw_strip(f, &f->layers[i], c, path);
            }
}

/* ---- the book ------------------------------------------------------------------------------- */

static const char *root;

static dcn_status read_strip(void *user, const char *name, dcn__bytes *bytes, const char **type,
                             dcn_error *err)
{
    char path[700];

    (void)user;
    snprintf(path, sizeof path, "%s/%s", root, name);
    *type = "image/png";
    return dcn__file_read(bytes, path, 1 << 24, err);
}

static void write_part(const fake *f, const char *name,
                       dcn_status (*write)(const dcn__book *, dcn__writer *, dcn_error *))
{
    dcn__writer w;
    char path[700];

    snprintf(path, sizeof path, "%s/%s", root, name);
    fake_must(dcn__writer_begin(&w, path, &fake_error));
    fake_must(write(&f->book, &w, &fake_error));
    fake_must(dcn__writer_commit(&w, &fake_error));
}

int main(int argc, char **argv)
{
    fake f = { 0 };

    if (argc < 3) {
        fprintf(stderr, "fake_book SCENARIO FOLDER [DATA]\n");
        return 2;
    }
    root = argv[2];
    if (argc > 3)
        fake_must(dcn_data_open(&f.data, argv[3], NULL, &fake_error));
    fake_make(&f, argv[1]);
    fake_must(dcn__make_folder(root, &fake_error));
    draw_strips(&f, root);
    if (!strcmp(argv[1], "single"))
        f.book.strip = read_strip;
    write_part(&f, "atlas.json", dcn__book_json);
    write_part(&f, "index.html", dcn__book_page);
    fake_clear(&f);
    return 0;
}
