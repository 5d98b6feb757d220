/* sheet.c - draws panels in a grid with headings, frames, scales and a caption, at the places that
 * sheet_layout.c chose. A bare sheet is the strip alone, pixel for pixel.
 *
 * Rows are drawn one after the other, so that `fill` may make them one after the other. */
#include "view/sheet.h"

#include "base/memory.h"
#include "view/font.h"
#include "view/panel.h"

#include <string.h>

enum { LABEL_GAP = 4 };

static const dcn__color INK = { 27, 32, 40 }, QUIET = { 108, 116, 128 };
static const uint8_t PAPER = 255, HAIRLINE[3] = { 212, 216, 222 }, TILE[3] = { 243, 244, 246 },
                     HATCH[3] = { 224, 227, 232 }, BOX[3] = { 232, 62, 24 };

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

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

static void put_box_pixel(const dcn_image *image, int y, int x, int along, bool dashed)
{
    memcpy(pixel(image, y, x), dashed && along % 8 >= 5 ? (const uint8_t[]){ 255, 255, 255 } : BOX,
           3);
}

/* The frame of a box, on its outermost pixels; dashed if the field goes on beyond the picture. */
static void draw_box(const dcn_image *image, int y, int x, int zoom, const dcn_panel *p)
{
    const dcn_box *b = p->box;
    const int top = b->top < 0 ? 0 : b->top, left = b->left < 0 ? 0 : b->left,
              bottom = b->bottom > p->shape.h ? p->shape.h : b->bottom,
              right = b->right > p->shape.w ? p->shape.w : b->right;
    const int h = (bottom - top) * zoom, w = (right - left) * zoom;
    int thick = zoom >= 4 || (h >= 20 && w >= 20) ? 2 : 1;

    if (h < 1 || w < 1)
        return;
    thick = h < 2 * thick || w < 2 * thick ? 1 : thick;
    y += top * zoom;
    x += left * zoom;
    for (int t = 0; t < thick; t++) {
        for (int i = 0; i < w; i++) {
            put_box_pixel(image, y + t, x + i, i, b->clipped != 0);
            put_box_pixel(image, y + h - 1 - t, x + i, i, b->clipped != 0);
        }
        for (int i = 0; i < h; i++) {
            put_box_pixel(image, y + i, x + t, i, b->clipped != 0);
            put_box_pixel(image, y + i, x + w - 1 - t, i, b->clipped != 0);
        }
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

/* A heading: the first line strong, the others quiet. */
static void draw_title(const dcn_image *image, int y, int x, int width, const char *title)
{
    char line[DCN__SHEET_LINE_MAX];

    for (int i = 0; *title; i++, y += DCN__FONT_HEIGHT) {
        title += dcn__sheet_title_line(line, title);
        dcn__font_draw_elided(image, y, x, width, line, i ? QUIET : INK);
    }
}

static dcn_status draw_panel(const dcn_image *image, const dcn__sheet_layout *l,
                             const dcn_sheet_desc *d, const dcn_panel *p, int y, int x,
                             int width, dcn__range strip, dcn_error *err)
{
    const int h = p->shape.h * l->zoom, w = p->shape.w * l->zoom;
    dcn__panel_bytes bytes;
    const dcn_status st = dcn__panel_render(&bytes, p, d->scale, strip, err);

    if (st)
        return st;
    if (bytes.inactive && !d->bare)
        draw_inactive(image, y, x, h, w);
    else
        blit(image, y, x, l->zoom, bytes.pixels, p->shape);
    if (p->box && !d->bare)
        draw_box(image, y, x, l->zoom, p);
    if (!d->bare) {
        frame(image, y, x, h, w);
        dcn__font_draw(image, y + h + 1 + LABEL_GAP, x, width, bytes.label, QUIET);
    }
    dcn__panel_clear(&bytes);
    return DCN_OK;
}

static dcn_status draw_row(const dcn_image *image, const dcn__sheet_layout *l,
                           const dcn_sheet_desc *d, int r, const dcn_panel *panels, dcn_error *err)
{
    dcn__range strip = dcn__range_empty();
    dcn_status st = DCN_OK;

    for (int c = 0; c < d->columns && d->scale == DCN_SCALE_TF1; c++)
        if (panels[c].values)
            dcn__range_add(&strip, panels[c].values,
                           (size_t)panels[c].shape.h * (size_t)panels[c].shape.w,
                           panels[c].shape.c);
    for (int c = 0; c < d->columns && !st; c++) {
        if (l->title_y[r] >= 0)
            draw_title(image, l->title_y[r], l->x[c], l->w[c], or_empty(panels[c].title));
        if (panels[c].values)
            st = draw_panel(image, l, d, &panels[c], l->y[r], l->x[c], l->w[c], strip, err);
    }
    return st;
}

static dcn_status draw_rows(const dcn_image *image, const dcn__sheet_layout *l,
                            const dcn_sheet_desc *d, dcn_error *err)
{
    const size_t bytes = (size_t)d->columns * sizeof(dcn_panel);
    dcn_panel *row = dcn__alloc(bytes);
    dcn_status st = DCN_OK;

    if (!row)
        return dcn__fail_memory(err, "a sheet's row", bytes);
    for (int r = 0; r < d->rows && !st; r++) {
        memcpy(row, d->panels + (size_t)r * (size_t)d->columns, bytes);
        if (d->fill)
            st = d->fill(d->user, r, row, err);
        if (!st)
            st = draw_row(image, l, d, r, row, err);
    }
    dcn__free(row);
    return st;
}

static void draw_words(const dcn_image *image, const dcn__sheet_layout *l, const dcn_sheet_desc *d)
{
    const char *caption = or_empty(d->caption);
    const int width = image->w - 2 * DCN__SHEET_MARGIN;
    char line[DCN__SHEET_LINE_MAX];

    for (int r = 0; r < d->rows && d->row_titles; r++) {
        const char *title = or_empty(d->row_titles[r]);
        const int wide = dcn__font_width(title),
                  fit = wide < l->row_title_w ? wide : l->row_title_w,
                  down = (l->h[r] - DCN__FONT_HEIGHT) / 2;

        dcn__font_draw_elided(image, l->y[r] + (down > 0 ? down : 0),
                              l->row_title_x + l->row_title_w - fit, fit, title, INK);
    }
    for (int i = 0; i < l->caption_lines; i++) {
        const size_t taken = dcn__sheet_caption_line(line, caption, width);
        const bool last = i + 1 == l->caption_lines;

        dcn__font_draw(image, l->caption_y + i * DCN__FONT_HEIGHT, DCN__SHEET_MARGIN, width,
                       last ? caption : line, QUIET);
        caption += taken;
    }
}

static int channels_of(const dcn_sheet_desc *d)
{
    for (int i = 0; i < d->rows * d->columns; i++)
        if (!d->bare || (dcn__sheet_has(d, i / d->columns, i % d->columns)
                         && d->panels[i].shape.c == 3))
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
        st = draw_rows(image, &l, desc, err);
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
