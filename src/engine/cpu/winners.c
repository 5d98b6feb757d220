/* winners.c - one picture after the other down through a max pool into a convolution: see
 * winners.h.
 *
 * WIDE: input channels in vectors of 16. FEW: a vector holds one row of taps, S*C <= 16 numbers.
 * Rounding aside the result is that of unpool, the ReLU's rule, less_bias, conv_weights and
 * conv_data in turn. */
#include "engine/cpu/winners_shape.h"

#include "engine/cpu/isa.h"

#include <string.h>

/* ---- the signal at the winners --------------------------------------------------------------- */

/* (cells,K): the signal after the ReLU's rule. */
static const float *apply_rule(const winners *a, const float *s, const float *y,
                               const uint8_t *switches, float *out)
{
    const size_t n = a->cells * a->K;

    if (a->rule == DCN__DO_COPY)
        return s;
    if (y && a->y_at_winner) {
        a->loops->take_winners(&a->at, y, switches, out);
        y = out;
    }
    if (y)
        a->loops->mask(s, y, n, out);
    if (a->rule != DCN__DO_RELU_MASK)
        a->loops->rectify(y ? out : s, n, out);
    return out;
}

/* ---- data: the signal at the convolution's input --------------------------------------------- */

/* Rows [first, end) of a padded block of `width` numbers a place, rows `row` apart, into channels
 * [c, c + width) of the picture, as far as they are inside. */
static void store_inside(const winners *a, const float *padded, size_t first, size_t end,
                         size_t row, size_t width, size_t c, float *x)
{
    const size_t from = first > a->top ? first : a->top;
    const size_t to = end < a->top + a->H ? end : a->top + a->H;
    const size_t together = width == a->C ? a->W : 1;      /* columns that lie side by side */

    for (size_t i = from; i < to; i++)
        for (size_t j = 0; j < a->W; j += together) {
            const float *cell = padded + (i - first) * row + (j + a->left) * width;
            const size_t at = ((i - a->top) * a->W + j) * a->C + c;

            if (a->base)
                a->loops->add_base(cell, a->base + at, together * width, x + at);
            else
                memcpy(x + at, cell, together * width * sizeof *x);
        }
}

/* What is read and written by all that is done for one picture. */
typedef struct picture {
    const winners *a;
    const float *values;          /* (cells,K) */
    const uint64_t *masks;
    float *padded, *lines, *x;
} picture;

/* Rows [first, end) of the padded result, for 16 input channels. */
static void wide_rows(const picture *p, size_t cb, size_t first, size_t end, float *padded)
{
    const winners *a = p->a;
    const size_t row = a->Wp * DCN__LANES, block = a->K * a->S * DCN__LANES;

    memset(padded, 0, (end - first) * row * sizeof *padded);
    for (size_t r = 0; r < a->R; r++) {
        const size_t above = r < a->top ? a->top - r : 0, begin = first > r ? first - r : 0;
        const size_t below = a->top + a->H > r ? a->top + a->H - r : 0;

        /* A block has more rows than there are taps: end > r. */
        for (size_t i = above > begin ? above : begin; i < a->h && i < below && i < end - r; i++)
            a->spread(&a->at, i, p->masks, p->values, a->packed + (cb * a->R + r) * block,
                      padded + (i + r - first) * row);
    }
    store_inside(a, padded, first, end, row, DCN__LANES, cb * DCN__LANES, p->x);
}

/* Blocks of rows that stay in a near cache, each with all channels; cut among threads. What a cell
 * adds up does not depend on the cut. */
static void wide_part(void *user, int part, int parts)
{
    const picture *p = user;
    const winners *a = p->a;
    const size_t blocks = (a->Hp + a->rows - 1) / a->rows, cbs = a->C / DCN__LANES;
    const size_t first = blocks * cbs * (size_t)part / (size_t)parts;
    const size_t end = blocks * cbs * ((size_t)part + 1) / (size_t)parts;
    float *padded = p->padded + (size_t)part * a->rows * a->Wp * DCN__LANES;

    for (size_t u = first; u < end; u++) {
        const size_t row = u / cbs * a->rows;

        wide_rows(p, u % cbs, row, row + a->rows < a->Hp ? row + a->rows : a->Hp, padded);
    }
}

static void data_few(const picture *p)
{
    const winners *a = p->a;
    const size_t row = a->Wp * a->C;

    memset(p->padded, 0, a->Hp * row * sizeof *p->padded);
    for (size_t i = 0; i < a->h; i++)
        a->spread_few(&a->at, i, p->masks, p->values, a->packed, p->lines, p->padded + i * row, row,
                      a->S, a->C);
    store_inside(a, p->padded, 0, a->Hp, row, a->C, 0, p->x);
}

/* ---- weights: gradients ---------------------------------------------------------------------- */

DCN__AVX512 static void list_channels(const winners *a, const float *values,
                                      const uint8_t *switches, float *db, dcn__winner_list *list)
{
    const size_t K = a->K, cells = a->cells;

    memset(list->count, 0, K * sizeof *list->count);
    for (size_t cell = 0; cell < cells; cell++) {
        const float *restrict v = values + cell * a->K;
        const uint8_t *restrict s = switches + cell * a->K;
        const uint32_t corner = a->corner_x[cell];
        uint32_t *restrict offset = list->offset, *restrict count = list->count;
        float *restrict value = list->value;

        for (size_t k = 0; db && k < K; k++)
            db[k] += v[k];
        for (size_t k = 0; k < K; k++, offset += cells, value += cells) {
            const uint32_t n = count[k];

            offset[n] = corner + a->place_x[s[k]];
            value[n] = v[k];
            count[k] = n + (v[k] != 0);
        }
    }
}

/* (C/16,Hp,Wp,16), zeros around. */
DCN__AVX512 static void take_wide(const winners *a, const float *x, float *padded)
{
    for (size_t cb = 0; cb < a->C / DCN__LANES; cb++, padded += a->Hp * a->Wp * DCN__LANES)
        for (size_t i = 0; i < a->H; i++)
            for (size_t j = 0; j < a->W; j++)
                memcpy(padded + ((i + a->top) * a->Wp + j + a->left) * DCN__LANES,
                       x + (i * a->W + j) * a->C + cb * DCN__LANES, DCN__LANES * sizeof *x);
}

/* (Hp,w,16): what each place's row of taps sees. `line` is one padded row. */
DCN__AVX512 static void take_few(const winners *a, const float *x, float *line, float *padded)
{
    for (size_t i = 0; i < a->Hp; i++) {
        const bool inside = i >= a->top && i < a->top + a->H;

        memset(line, 0, (a->Wp * a->C + DCN__LANES) * sizeof *line);
        if (inside)
            memcpy(line + a->left * a->C, x + (i - a->top) * a->W * a->C, a->W * a->C * sizeof *x);
        for (size_t j = 0; j < a->w; j++, padded += DCN__LANES)
            memcpy(padded, line + j * a->C, DCN__LANES * sizeof *x);
    }
}

static void weights_of(const winners *a, const dcn__winner_list *list, const float *padded,
                       float *dw)
{
    const size_t blocks = a->wide ? a->C / DCN__LANES : 1,
                 taps = (a->wide ? a->R * a->S : a->R) * DCN__LANES;
    const size_t row = (a->wide ? a->Wp : a->w) * DCN__LANES;

    for (size_t cb = 0; cb < blocks; cb++, padded += a->Hp * row)
        for (size_t k = 0; k < a->K; k++, dw += taps)
            a->gather(list->offset + k * a->cells, list->value + k * a->cells, list->count[k],
                      padded, row, dw);
}

/* ---- run ------------------------------------------------------------------------------------- */

/* Cuts the scratch into arrays, each at a multiple of 64 bytes. */
static void *cut(uint8_t **scratch, size_t bytes)
{
    void *array = *scratch;

    *scratch += (bytes + 63) / 64 * 64;
    return array;
}

static dcn__winner_list cut_list(uint8_t **scratch, size_t channels, size_t entries)
{
    dcn__winner_list list;

    list.count = cut(scratch, channels * sizeof *list.count);
    list.offset = cut(scratch, (entries + DCN__LANES) * sizeof *list.offset);
    list.value = cut(scratch, (entries + DCN__LANES) * sizeof *list.value);
    return list;
}

typedef struct arrays {
    float *seed, *values, *in, *line, *out, *lines;
    uint64_t *alive, *masks;      /* by cell; by place */
    float *dense, *tiles;         /* winners_dense.c: unpooled signals, scratch */
    dcn__winner_list by_channel;
} arrays;

static uint8_t *cut_all(const winners *a, uint8_t *scratch, arrays *b)
{
    b->seed = cut(&scratch, a->seed ? a->cells * a->K * sizeof(float) : 0);
    b->values = cut(&scratch, a->cells * a->K * sizeof(float));
    if (a->data) {
        b->alive = cut(&scratch, a->cells * sizeof *b->alive);
        b->masks = cut(&scratch, a->h * a->w * dcn__winner_words(a->K) * sizeof *b->masks);
        b->lines = cut(&scratch, a->R * (a->w * a->C + DCN__LANES) * sizeof(float));
        b->out = cut(&scratch, (a->wide ? (size_t)a->threads * a->rows * a->Wp * DCN__LANES
                                        : a->Hp * a->Wp * a->C) * sizeof(float));
    }
    if (a->dense_from) {
        b->dense = cut(&scratch, DCN__DENSE_PICTURES * a->h * a->w * a->K * sizeof(float));
        b->tiles = cut(&scratch, dcn__winograd_scratch(&a->dense, a->threads));
    }
    if (a->weights) {
        b->by_channel = cut_list(&scratch, a->K, a->cells * a->K);
        b->in = cut(&scratch, a->Hp * (a->wide ? a->Wp * a->C : a->w * DCN__LANES) * sizeof(float));
        b->line = cut(&scratch, (a->Wp * a->C + DCN__LANES) * sizeof(float));
    }
    return scratch;
}

size_t dcn__winners_scratch(const winners *a)
{
    uint8_t *const origin = (uint8_t *)(uintptr_t)64;      /* only its distance to the end counts */
    arrays b;

    return (size_t)(cut_all(a, origin, &b) - origin);
}

/* One picture's way down to x. Dense ones, whose number is *waiting, are done when so many have
 * come together, or before the next that is not. */
static void data_of(const winners *a, const arrays *b, const float *values,
                    const uint8_t *switches, size_t *waiting, float *x)
{
    const size_t size = a->H * a->W * a->C, signal = a->h * a->w * a->K;
    picture p = { a, values, b->masks, b->out, b->lines, x };

    a->loops->find(values, switches, &a->at, b->alive, b->masks);
    if (dcn__winners_is_dense(a, values, b->masks)) {
        a->loops->unpool(&a->at, values, switches, b->dense + (*waiting)++ * signal);
        if (*waiting == DCN__DENSE_PICTURES) {
            dcn__winners_dense_run(a, b->dense, *waiting, x - (*waiting - 1) * size, b->tiles);
            *waiting = 0;
        }
        return;
    }
    dcn__winners_dense_run(a, b->dense, *waiting, x - *waiting * size, b->tiles);
    *waiting = 0;
    if (a->wide)
        dcn__cpu_parallel(a->threads, wide_part, &p);
    else
        data_few(&p);
}

void dcn__winners_run(const dcn__kernel *kernel, const dcn__frame *f)
{
    const cpu_kernel *k = cpu_of(kernel);
    const winners *a = k->own;
    const float *s = cpu_read(k, f, 0), *y = a->y_read ? cpu_read(k, f, a->y_read) : NULL;
    const float *x = a->weights ? cpu_read(k, f, a->x_read) : NULL;
    const uint8_t *switches = cpu_read(k, f, 1);
    float *out = a->data ? cpu_write(k, f) : NULL;
    float *dw = a->weights ? (float *)(void *)(f->gradients + k->base.gradient_offset) : NULL;
    float *db = a->weights && a->bias ? dw + a->gradient_floats : NULL;
    const size_t y_size = (a->y_at_winner ? a->h * a->w : a->cells) * a->K;
    size_t waiting = 0;
    arrays b;

    cut_all(a, f->scratch, &b);
    if (a->weights) {
        memset(dw, 0, k->base.gradient_bytes);
        memset(b.in, 0, a->Hp * (a->wide ? a->Wp * a->C : a->w * DCN__LANES) * sizeof(float));
    }
    for (int n = 0; n < k->chunk; n++) {
        const dcn_start *start = a->seed && n < f->n ? &f->starts[n] : NULL;
        const float *values = a->seed ? dcn__cpu_seed_of(a->pool, start, s, b.seed) : s;

        values = apply_rule(a, values, y, switches, b.values);
        if (a->weights) {
            list_channels(a, values, switches, db, &b.by_channel);
            if (a->wide)
                take_wide(a, x, b.in);
            else
                take_few(a, x, b.line, b.in);
            weights_of(a, &b.by_channel, b.in, dw);
            x += a->H * a->W * a->C;
        }
        if (a->data) {
            data_of(a, &b, values, switches, &waiting, out);
            out += a->H * a->W * a->C;
        }
        s += a->cells * a->K;
        switches += a->cells * a->K;
        y = y ? y + y_size : NULL;
    }
    if (a->data)
        dcn__winners_dense_run(a, b.dense, waiting, out - waiting * a->H * a->W * a->C, b.tiles);
}
