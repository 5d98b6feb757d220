/* fake_scan.c - networks, and what an invented scan of them found. */
#include "fake_book.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURES = 10000 };

dcn_error fake_error;

void fake_must(dcn_status status)
{
    if (status) {
        fprintf(stderr, "fake_book: %s\n", fake_error.text);
        exit((int)status);
    }
}

static const char *const hostile[] = {
    "<script>alert(1)</script>", "ship", "deer & \"dog\"", "\xff\xfe bytes", "two\xe2\x80\xa8lines",
    "\xe2\x80\xaereversed", "a class with a name that is far too long to stand on any card at all",
    "</script><img src=x onerror=alert(2)>", "frog", "d\xc3\xa4mmerung",
};
static const char *const plain[] = { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog",
                                     "horse", "ship", "truck" };
static const char *const files[] = {
    "ship/0001.png", "<b>bold</b>/\"x\".jpg", "\xff/\x01.png", "a b/c#d?e%f.png", "\xe2\x80\xa9.png",
    "very/long/folder/name/that/goes/on/and/on/and/on/and/on/and/ends/in/picture-000000000123.jpeg",
};

static char *join(const char *a, const char *b)
{
    char s[200];

    snprintf(s, sizeof s, "%s%s", a, b);
    return dcn__strdup(s);
}

int fake_label(const fake *f, int64_t picture)
{
    dcn_image image = { 0 };
    int label = (int)(picture % 10);

    if (f->data) {
        fake_must(dcn_data_picture(f->data, DCN_SPLIT_TEST, picture, &image, &label, &fake_error));
        dcn_image_clear(&image);
    }
    return f->book.classes ? label : -1;
}

/* ---- units ---------------------------------------------------------------------------------- */

static void place_box(const fake *f, const dcn__book_layer *l, dcn__book_unit *u)
{
    const dcn_shape s = f->book.input;
    const int rows = s.h - l->patch[0] + 1, columns = s.w - l->patch[1] + 1;

    u->box.top = l->shape.h > 1 ? u->y * rows / l->shape.h : 0;
    u->box.left = l->shape.w > 1 ? u->x * columns / l->shape.w : 0;
    u->box.bottom = u->box.top + l->patch[0];
    u->box.right = u->box.left + l->patch[1];
    u->box.clipped = l->field[0] > l->patch[0] || u->y == 0;
    if (l->field[0] == l->patch[0] && l->shape.h > 1 && u->y == 0)
        u->box.bottom -= l->patch[0] / 4;
}

static void fill_units(const fake *f, const dcn__book_layer *l, int layer, int channel,
                       dcn__book_channel *c)
{
    dcn__random r = dcn__random_stream(3, (uint64_t)layer, (uint64_t)channel);
    dcn__book_unit *units = dcn__alloc_array((size_t)c->n_units, sizeof *units);
    const double of_class = dcn__random_unit(&r);
    const int favourite = (int)dcn__random_below(&r, 10);
    double value = 1 + 8 * dcn__random_unit(&r) + layer;

    assert(units);
    for (int i = 0; i < c->n_units; i++) {
        dcn__book_unit *u = &units[i];
        int64_t picture = (int64_t)dcn__random_below(&r, PICTURES / 10) * 10;

        picture += dcn__random_unit(&r) < of_class ? favourite : (int)dcn__random_below(&r, 10);
        u->picture = u->index = picture;
        u->split = DCN_SPLIT_TEST;
        u->label = fake_label(f, picture);
        u->file = f->book.class_names == hostile && picture % 2
            ? files[picture / 2 % (int64_t)(sizeof files / sizeof *files)] : NULL;
        u->value = (float)(channel % 11 == 9 ? -value : value);
        value *= channel % 5 == 3 ? 1 : 0.9 + 0.1 * dcn__random_unit(&r);
        u->y = (int)dcn__random_below(&r, (uint64_t)l->shape.h);
        u->x = (int)dcn__random_below(&r, (uint64_t)l->shape.w);
        place_box(f, l, u);
        u->scale = (float)(value * (0.01 + 0.05 * dcn__random_unit(&r)));
    }
    c->units = units;
}

/* Some channels are not usual: 7, 11 and 12 of a layer, and all of a layer's every fortieth. */
static void fill_channel(const fake *f, int layer, int channel, dcn__book_channel *c)
{
    const dcn__book_layer *l = &f->layers[layer];
    const int n = channel % 40;
    dcn__random r = dcn__random_stream(5, (uint64_t)layer, (uint64_t)channel);

    c->same_as = -1;
    c->fired = (int64_t)(PICTURES * dcn__random_unit(&r) * dcn__random_unit(&r));
    c->n_units = n == 5 ? 4 : n == 20 ? 1 : f->book.top;
    if (f->most && c->n_units > f->most[layer])
        c->n_units = f->most[layer];
    c->reason = "";
    if (n == 7 || n == 23) {
        c->kind = DCN_CHANNEL_DEAD;
        c->fired = 0;
        c->n_units = 0;
        c->reason = "never fired on 10,000 pictures";
    } else if (n == 11) {
        c->kind = DCN_CHANNEL_SATURATED;
        c->fired = PICTURES;
        c->reason = "6 is the largest value on every one of 10,000 pictures";
    } else if (n == 12) {
        c->kind = DCN_CHANNEL_DUPLICATE;
        c->same_as = channel - 9;
        c->reason = "equal to channel 3 on every picture, value and place";
    }
    if (c->n_units)
        fill_units(f, l, layer, c->kind == DCN_CHANNEL_DUPLICATE ? c->same_as : channel, c);
}

/* ---- layers --------------------------------------------------------------------------------- */

static dcn__book_layer *add(fake *f, char *name, const char *op, int side, int channels, int field,
                            int stride)
{
    dcn__book_layer *l = &f->layers[f->book.n_layers++];
    const dcn_shape in = f->book.input;

    assert(f->book.n_layers <= 128);
    l->name = name;
    l->op = op;
    l->shape = (dcn_shape){ side, side, channels };
    for (int i = 0; i < 2; i++) {
        const int all = i ? in.w : in.h;

        l->field[i] = field;
        l->stride[i] = stride;
        l->patch[i] = field < all ? field : all;
        l->tile[i] = l->patch[i] < 96 ? l->patch[i] : 96;
    }
    return l;
}

static void from(dcn__book_layer *l, int n, const int *layers)
{
    int *copy = dcn__alloc_array((size_t)n, sizeof *copy);

    assert(copy);
    memcpy(copy, layers, (size_t)n * sizeof *copy);
    l->from = copy;
    l->n_from = n;
}

static void from_one(dcn__book_layer *l, int layer)
{
    from(l, 1, &layer);
}

static void make_small(fake *f)
{
    f->book.input = (dcn_shape){ 24, 24, 3 };
    from_one(add(f, join("conv1", ""), "max_pool", 12, 64, 5, 2), -1);
    from_one(add(f, join("conv2", ""), "max_pool", 6, 64, 16, 4), 0);
    from_one(add(f, join("block/1 <i>\xc3\xa4#?%41\"", ""), "relu", 6, 24, 20, 4), 1);
    f->layers[2].head = "block/conv";
    f->layers[2].raw = "raw/block 1.npz";
    from(add(f, join("fc", ""), "dense", 1, 10, 24, 24), 2, (int[]){ 1, 2 });
    f->book.output_classes = 10;
    f->book.output_names = hostile;
}

/* A residual network of bottleneck blocks, as ResNet-50; `full`: with so many channels as that has
 * in half its width. */
static void make_residual(fake *f, bool full)
{
    static const int blocks[] = { 3, 4, 6, 3 };
    int last, side = 56, field = 11, stride = 4, width = full ? 32 : 16;
    char name[40];

    f->book.input = (dcn_shape){ 224, 224, 3 };
    from_one(add(f, join("conv1", ""), "max_pool", 56, width, field, stride), -1);
    last = 0;
    for (int stage = 0; stage < 4; stage++, width *= 2, side = side > 7 ? side / 2 : 7, stride *= 2)
        for (int b = 0; b < blocks[stage]; b++) {
            const int in = last, n = f->book.n_layers;

            snprintf(name, sizeof name, "layer%d.%d", stage + 1, b);
            from_one(add(f, join(name, ".conv1"), "relu", side, width, field, stride), in);
            field += 2 * stride;
            from_one(add(f, join(name, ".conv2"), "relu", side, width, field, stride), n);
            if (!b)
                from_one(add(f, join(name, ".downsample"), "batch_norm", side,
                             width * (full ? 4 : 2), field, stride), in);
            last = f->book.n_layers;
            from(add(f, join(name, ".conv3"), "relu", side, width * (full ? 4 : 2), field, stride),
                 2, (int[]){ n + 1, b ? in : n + 2 });
        }
    from_one(add(f, join("fc", ""), "dense", 1, 10, 600, 32), last);
    f->book.output_classes = 10;
    f->book.output_names = plain;
}

static void make_inception(fake *f)
{
    int in[4] = { 0 }, n_in = 1;
    char name[40];

    f->book.input = (dcn_shape){ 96, 96, 3 };
    from_one(add(f, join("stem", ""), "max_pool", 24, 32, 9, 4), -1);
    for (int b = 0; b < 4; b++) {
        const int n = f->book.n_layers, field = 15 + 14 * b;

        snprintf(name, sizeof name, "mixed%d", b);
        from(add(f, join(name, "/1x1"), "relu", 12, 32, field, 8), n_in, in);
        from(add(f, join(name, "/3x3_reduce"), "relu", 12, 24, field, 8), n_in, in);
        from_one(add(f, join(name, "/3x3"), "relu", 12, 32, field + 8, 8), n + 1);
        from(add(f, join(name, "/5x5_reduce"), "relu", 12, 16, field, 8), n_in, in);
        from_one(add(f, join(name, "/5x5"), "relu", 12, 32, field + 16, 8), n + 3);
        from(add(f, join(name, "/pool_proj"), "relu", 12, 16, field + 4, 8), n_in, in);
        memcpy(in, (int[]){ n, n + 2, n + 4, n + 5 }, sizeof in);
        n_in = 4;
    }
    from(add(f, join("logits", ""), "dense", 1, 10, 96, 8), n_in, in);
}

static void make_few(fake *f)
{
    static const int most[] = { 1, 3, 4, 3 };

    make_small(f);
    f->most = most;
    f->book.classes = f->book.output_classes = 0;
    f->book.class_names = f->book.output_names = NULL;
}

static void make_bare(fake *f)
{
    f->book.input = (dcn_shape){ 1, 1, 1 };
    f->book.classes = 0;
    f->book.class_names = NULL;
    from_one(add(f, join("dense1", ""), "relu", 1, 1, 1, 1), -1);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void fill_layers(fake *f, bool repeat)
{
    for (int i = 0; i < f->book.n_layers; i++) {
        dcn__book_layer *l = &f->layers[i];
        dcn__book_channel *channels = dcn__alloc_array((size_t)l->shape.c, sizeof *channels);

        assert(channels);
        for (int c = 0; c < l->shape.c; c++) {
            char strip[100];

            fill_channel(f, i, c, &channels[c]);
            if (!channels[c].n_units)
                continue;
            snprintf(strip, sizeof strip, "tiles-0123abcd/%d-layer %%/%d.png", i,
                     !repeat ? c : channels[c].n_units == f->book.top ? 0 : c % 40);
            channels[c].strip = dcn__strdup(strip);
        }
        l->channels = channels;
    }
}

void fake_make(fake *f, const char *scenario)
{
    const bool large = !strcmp(scenario, "large");
    const bool small = !strcmp(scenario, "small") || !strcmp(scenario, "single");
    const bool repeat = large || !strcmp(scenario, "residual");

    f->layers = dcn__alloc_array(128, sizeof *f->layers);
    assert(f->layers);
    f->drawn = repeat ? 24 : 1 << 20;
    f->book = (dcn__book){
        .title = small ? "Atlas of tutorial <b>& friends</b>" : "Atlas of a network",
        .model_name = "model.safetensors", .model_hash = "sha256:4fd0...91c2",
        .guess = small ? NULL : "ONNX, preprocessing guessed: imagenet", .data_name = "Invented",
        .data_kind = "synthetic", .pictures_text = "10,000 test pictures",
        .preprocess = "24x24x3 standardize", .rule = "deconvnet",
        .extensions = small ? NULL : "batch_norm's shift is left out (an extension)",
        .engine = "cpu (avx512_core)", .pictures = PICTURES, .top = 9, .classes = 10,
        .class_names = small ? hostile : plain, .layers = f->layers,
    };
    if (small)
        make_small(f);
    else if (!strcmp(scenario, "inception"))
        make_inception(f);
    else if (!strcmp(scenario, "few"))
        make_few(f);
    else if (!strcmp(scenario, "bare"))
        make_bare(f);
    else
        make_residual(f, large);
    fill_layers(f, repeat);
}

void fake_clear(fake *f)
{
    for (int i = 0; i < f->book.n_layers; i++) {
        dcn__book_layer *l = &f->layers[i];

        for (int c = 0; c < l->shape.c; c++) {
            dcn__free((void *)l->channels[c].units);
            dcn__free((char *)l->channels[c].strip);
        }
        dcn__free((void *)l->channels);
        dcn__free((int *)l->from);
        dcn__free((char *)l->name);
    }
    dcn__free(f->layers);
    dcn_data_close(f->data);
}
