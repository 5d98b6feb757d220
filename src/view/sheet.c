/* sheet.c - lays panels out in a grid and draws them with headings, scales and a caption.
 *
 * First all places are computed, then everything is drawn: dcn__sheet_layout is what the tests
 * measure. A bare sheet is the strip alone, pixel for pixel. */
#include "view/sheet.h"

#include "base/memory.h"
#include "view/font.h"
#include "view/panel.h"

#include <string.h>

enum {
    MARGIN = 20,                /* around everything */
    COLUMN_GAP = 16, ROW_GAP = 18,
    TITLE_GAP = 4, LABEL_GAP = 4, CAPTION_GAP = 18,
    ROW_TITLE_GAP = 14, ROW_TITLE_MAX = 180,
    WIDEN_MAX = 100,            /* how far a title may widen a narrow column */
    CAPTION_WIDEN_MAX = 640,    /* and a caption a narrow sheet */
    ZOOM_SIDE = 200, ZOOM_MAX = 16,
    SIDE_MAX = 32768, PIXELS_MAX = 64 * 1024 * 1024, GRID_MAX = 100000
};

static const dcn__color INK = { 27, 32, 40 }, QUIET = { 108, 116, 128 };
static const uint8_t PAPER = 255, HAIRLINE[3] = { 212, 216, 222 }, TILE[3] = { 243, 244, 246 },
                     HATCH[3] = { 224, 227, 232 };

static int at_least(int a, int b)
{
    return a > b ? a : b;
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* ---- layout ------------------------------------------------------------------------------ */

static dcn_status check_desc(const dcn_sheet_desc *d, dcn_error *err)
{
    if (d->rows < 1 || d->columns < 1 || d->rows > GRID_MAX / d->columns)
        return dcn__fail(err, DCN_USAGE, "dcn_sheet_draw",
                         "%d x %d panels are outside 1..%d; draw several sheets", d->rows,
                         d->columns, GRID_MAX);
    for (int i = 0; i < d->rows * d->columns; i++) {
        const dcn_panel *p = &d->panels[i];

        if (p->values && (p->shape.h < 1 || p->shape.w < 1 || p->shape.h > SIDE_MAX ||
                          p->shape.w > SIDE_MAX || (p->shape.c != 1 && p->shape.c != 3)))
            return dcn__fail(err, DCN_USAGE, "dcn_sheet_draw",
                             "panel %d is %dx%dx%d; panels have 1 or 3 channels and sides of 1..%d",
                             i, p->shape.h, p->shape.w, p->shape.c, SIDE_MAX);
    }
    return DCN_OK;
}

static int zoom_of(const dcn_sheet_desc *d)
{
    int side = 1;

    if (d->bare)
        return 1;
    if (d->zoom > 0)
        return at_most(d->zoom, SIDE_MAX);
    for (int i = 0; i < d->rows * d->columns; i++)
        if (d->panels[i].values)
            side = at_least(side, at_least(d->panels[i].shape.h, d->panels[i].shape.w));
    return at_least(1, at_most(ZOOM_MAX, ZOOM_SIDE / side));
}

/* Titles stand above the first row, and again above every row in which one differs. */
static bool row_has_titles(const dcn_sheet_desc *d, int row)
{
    bool any = false, differs = row == 0;

    for (int c = 0; c < d->columns; c++) {
        const char *title = or_empty(d->panels[row * d->columns + c].title);

        any |= *title != '\0';
        differs |= row > 0 && strcmp(title, or_empty(d->panels[(row - 1) * d->columns + c].title));
    }
    return any && differs;
}

/* Sums are in 64 bits: a side of 32768 at a zoom of 32768 passes through here, then is refused. */
static int64_t place_columns(dcn__sheet_layout *l, const dcn_sheet_desc *d, int64_t x)
{
    for (int c = 0; c < d->columns && x <= SIDE_MAX; c++) {
        int64_t panel = 0;
        int title = 0;

        for (int r = 0; r < d->rows; r++) {
            const dcn_panel *p = &d->panels[r * d->columns + c];

            if (p->values && (int64_t)p->shape.w * l->zoom > panel)
                panel = (int64_t)p->shape.w * l->zoom;
            if (!d->bare)
                title = at_least(title, dcn__font_width(or_empty(p->title)));
        }
        title = at_most(title, WIDEN_MAX);
        panel = panel > title ? panel : title;
        l->x[c] = (int)x + (d->bare ? 0 : 1);
        l->w[c] = panel > SIDE_MAX ? SIDE_MAX : (int)panel;
        x += panel + (d->bare ? 0 : 2 + (c + 1 < d->columns ? COLUMN_GAP : 0));
    }
    return x;
}

static int64_t place_rows(dcn__sheet_layout *l, const dcn_sheet_desc *d, int64_t y)
{
    for (int r = 0; r < d->rows && y <= SIDE_MAX; r++) {
        int64_t panel = 0;

        l->title_y[r] = -1;
        if (!d->bare && row_has_titles(d, r)) {
            l->title_y[r] = (int)y;
            y += DCN__FONT_HEIGHT + TITLE_GAP;
        }
        for (int c = 0; c < d->columns; c++) {
            const dcn_panel *p = &d->panels[r * d->columns + c];

            if (p->values && (int64_t)p->shape.h * l->zoom > panel)
                panel = (int64_t)p->shape.h * l->zoom;
        }
        l->y[r] = (int)y + (d->bare ? 0 : 1);
        l->h[r] = panel > SIDE_MAX ? SIDE_MAX : (int)panel;
        y += panel;
        if (!d->bare)
            y += 2 + LABEL_GAP + DCN__FONT_HEIGHT + (r + 1 < d->rows ? ROW_GAP : 0);
    }
    return y;
}

static dcn_status place_all(dcn__sheet_layout *l, const dcn_sheet_desc *d, dcn_error *err)
{
    int64_t x = d->bare ? 0 : MARGIN, y = x;

    for (int r = 0; r < d->rows && d->row_titles && !d->bare; r++)
        l->row_title_w = at_least(l->row_title_w, dcn__font_width(or_empty(d->row_titles[r])));
    l->row_title_w = at_most(l->row_title_w, ROW_TITLE_MAX);
    l->row_title_x = (int)x;
    x = place_columns(l, d, x + (l->row_title_w ? l->row_title_w + ROW_TITLE_GAP : 0));
    if (x <= SIDE_MAX)
        y = place_rows(l, d, y);
    if (!d->bare && x <= SIDE_MAX && y <= SIDE_MAX) {
        const int caption = dcn__font_width(or_empty(d->caption));

        l->caption_y = (int)y + CAPTION_GAP;
        y += (caption ? CAPTION_GAP + DCN__FONT_HEIGHT : 0) + MARGIN;
        x = at_least((int)x, MARGIN + at_most(caption, CAPTION_WIDEN_MAX)) + MARGIN;
    }
    if (x < 1 || y < 1 || x > SIDE_MAX || y > SIDE_MAX || x * y > PIXELS_MAX)
        return dcn__fail(err, DCN_USAGE, "dcn_sheet_draw",
                         "the sheet would be empty, over %d pixels a side or over %d Mpixel; "
                         "draw other panels or a smaller zoom", SIDE_MAX, PIXELS_MAX >> 20);
    l->width = (int)x;
    l->height = (int)y;
    return DCN_OK;
}

dcn_status dcn__sheet_layout_init(dcn__sheet_layout *l, const dcn_sheet_desc *d, dcn_error *err)
{
    dcn_status st;
    size_t n;

    memset(l, 0, sizeof *l);
    if ((st = check_desc(d, err)))
        return st;
    n = 2 * (size_t)d->columns + 3 * (size_t)d->rows;
    if (!(l->x = dcn__alloc_array(n, sizeof *l->x)))
        return dcn__fail_memory(err, "a sheet's layout", n * sizeof *l->x);
    l->w = l->x + d->columns;
    l->y = l->w + d->columns;
    l->h = l->y + d->rows;
    l->title_y = l->h + d->rows;
    l->zoom = zoom_of(d);
    if ((st = place_all(l, d, err)))
        dcn__sheet_layout_clear(l);
    return st;
}

void dcn__sheet_layout_clear(dcn__sheet_layout *l)
{
    dcn__free(l->x);
    memset(l, 0, sizeof *l);
}

/* ---- drawing ------------------------------------------------------------------------------- */

static uint8_t *pixel(const dcn_image *image, int y, int x)
{
    return image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * (size_t)image->c;
}

static void frame(const dcn_image *image, int y, int x, int h, int w)
{
    for (int i = -1; i <= w; i++) {
        memcpy(pixel(image, y - 1, x + i), HAIRLINE, 3);
        memcpy(pixel(image, y + h, x + i), HAIRLINE, 3);
    }
    for (int i = 0; i < h; i++) {
        memcpy(pixel(image, y + i, x - 1), HAIRLINE, 3);
        memcpy(pixel(image, y + i, x + w), HAIRLINE, 3);
    }
}

/* A panel of nothing but zeros must not look like a grey picture. */
static void draw_inactive(const dcn_image *image, int y, int x, int h, int w)
{
    static const char word[] = "inactive";
    const int width = dcn__font_width(word);

    for (int i = 0; i < h; i++)
        for (int j = 0; j < w; j++)
            memcpy(pixel(image, y + i, x + j), (i + j) % 8 < 2 ? HATCH : TILE, 3);
    if (w >= width + 12 && h >= DCN__FONT_HEIGHT + 8) {
        const int top = y + (h - DCN__FONT_HEIGHT) / 2, left = x + (w - width) / 2;

        for (int i = -2; i < DCN__FONT_HEIGHT + 2; i++)
            for (int j = -5; j < width + 5; j++)
                memcpy(pixel(image, top + i, left + j), TILE, 3);
        dcn__font_draw(image, top, left, width, word, QUIET);
    }
}

static void blit(const dcn_image *image, int y, int x, int zoom, const uint8_t *from, dcn_shape s)
{
    for (int i = 0; i < s.h * zoom; i++) {
        uint8_t *to = pixel(image, y + i, x);
        const uint8_t *row = from + (size_t)(i / zoom) * (size_t)s.w * (size_t)s.c;

        for (int j = 0; j < s.w * zoom; j++, to += image->c)
            for (int c = 0; c < image->c; c++)
                to[c] = row[(size_t)(j / zoom) * (size_t)s.c + (size_t)(s.c == 1 ? 0 : c)];
    }
}

static dcn_status draw_row(const dcn_image *image, const dcn__sheet_layout *l,
                           const dcn_sheet_desc *d, int r, dcn_error *err)
{
    const dcn_panel *panels = d->panels + (size_t)r * (size_t)d->columns;
    dcn__range strip = dcn__range_empty();
    dcn_status st = DCN_OK;

    for (int c = 0; c < d->columns && d->scale == DCN_SCALE_TF1; c++)
        if (panels[c].values)
            dcn__range_add(&strip, panels[c].values,
                           (size_t)panels[c].shape.h * (size_t)panels[c].shape.w,
                           panels[c].shape.c);
    for (int c = 0; c < d->columns && !st; c++) {
        const dcn_shape s = panels[c].shape;
        const int x = l->x[c], y = l->y[r], h = s.h * l->zoom, w = s.w * l->zoom;
        dcn__panel_bytes bytes;

        if (l->title_y[r] >= 0)
            dcn__font_draw(image, l->title_y[r], x, l->w[c], or_empty(panels[c].title), INK);
        if (!panels[c].values)
            continue;
        if ((st = dcn__panel_render(&bytes, &panels[c], d->scale, strip, err)))
            break;
        if (bytes.inactive && !d->bare)
            draw_inactive(image, y, x, h, w);
        else
            blit(image, y, x, l->zoom, bytes.pixels, s);
        if (!d->bare) {
            frame(image, y, x, h, w);
            dcn__font_draw(image, y + h + 1 + LABEL_GAP, x, l->w[c], bytes.label, QUIET);
        }
        dcn__panel_clear(&bytes);
    }
    return st;
}

static void draw_words(const dcn_image *image, const dcn__sheet_layout *l, const dcn_sheet_desc *d)
{
    for (int r = 0; r < d->rows && d->row_titles; r++) {
        const char *title = or_empty(d->row_titles[r]);
        const int width = at_most(dcn__font_width(title), l->row_title_w);

        dcn__font_draw(image, l->y[r] + at_least(0, (l->h[r] - DCN__FONT_HEIGHT) / 2),
                       l->row_title_x + l->row_title_w - width, width, title, INK);
    }
    dcn__font_draw(image, l->caption_y, MARGIN, image->w - 2 * MARGIN, or_empty(d->caption), QUIET);
}

static int channels_of(const dcn_sheet_desc *d)
{
    for (int i = 0; i < d->rows * d->columns; i++)
        if (!d->bare || (d->panels[i].values && d->panels[i].shape.c == 3))
            return 3;
    return 1;
}

dcn_status dcn_sheet_draw(dcn_image *image, const dcn_sheet_desc *desc, dcn_error *err)
{
    dcn__sheet_layout l;
    dcn_status st;
    size_t bytes;

    memset(image, 0, sizeof *image);
    if ((st = dcn__sheet_layout_init(&l, desc, err)))
        return st;
    image->h = l.height;
    image->w = l.width;
    image->c = channels_of(desc);
    bytes = (size_t)image->h * (size_t)image->w * (size_t)image->c;
    if (!(image->pixels = dcn__alloc(bytes))) {
        st = dcn__fail_memory(err, "a sheet", bytes);
    } else {
        memset(image->pixels, PAPER, bytes);
        for (int r = 0; r < desc->rows && !st; r++)
            st = draw_row(image, &l, desc, r, err);
        if (!st && !desc->bare)
            draw_words(image, &l, desc);
    }
    if (st) {
        dcn__free(image->pixels);
        memset(image, 0, sizeof *image);
    }
    dcn__sheet_layout_clear(&l);
    return st;
}
