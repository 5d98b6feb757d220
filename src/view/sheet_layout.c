/* sheet_layout.c - where every panel, heading and caption of a sheet stands, before any is drawn.
 *
 * What the tests measure. It reads shapes and words, never a value. */
#include "view/sheet.h"

#include "base/memory.h"
#include "view/font.h"

#include <string.h>

enum {
    MARGIN = DCN__SHEET_MARGIN, /* around everything */
    COLUMN_GAP = 16, ROW_GAP = 18,
    TITLE_GAP = 4, LABEL_GAP = 4, CAPTION_GAP = 18,
    ROW_TITLE_GAP = 14, ROW_TITLE_MAX = 180,
    WIDEN_MAX = 100,            /* how far a title may widen a narrow column */
    CAPTION_WIDEN_MAX = 640,    /* and a caption a narrow sheet */
    ZOOM_SIDE = 200, ZOOM_MAX = 16,
    SIDE_MAX = 32768, PIXELS_MAX = 64 * 1024 * 1024, GRID_MAX = 100000
};

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

bool dcn__sheet_has(const dcn_sheet_desc *d, int row, int column)
{
    const dcn_panel *p = &d->panels[row * d->columns + column];

    return p->values || (d->fill && p->shape.h);
}

/* ---- words in lines ----------------------------------------------------------------------- */

int dcn__sheet_title_lines(const char *title)
{
    int lines = title && *title;

    for (; title && *title; title++)
        lines += *title == '\n';
    return lines;
}

/* The widest line. */
static int title_width(const char *title)
{
    char line[DCN__SHEET_LINE_MAX];
    int widest = 0;

    while (*title) {
        title += dcn__sheet_title_line(line, title);
        widest = at_least(widest, dcn__font_width(line));
    }
    return widest;
}

size_t dcn__sheet_title_line(char line[DCN__SHEET_LINE_MAX], const char *title)
{
    const size_t length = strcspn(title, "\n");
    const size_t kept = length < DCN__SHEET_LINE_MAX ? length : DCN__SHEET_LINE_MAX - 1;

    memcpy(line, title, kept);
    line[kept] = '\0';
    return length + (title[length] == '\n');
}

size_t dcn__sheet_caption_line(char line[DCN__SHEET_LINE_MAX], const char *caption, int width)
{
    size_t fits = 0, at = 0;

    for (;;) {
        const size_t word = at + strspn(caption + at, " "),
                     end = word + strcspn(caption + word, " ");

        if (end == word || end >= DCN__SHEET_LINE_MAX)
            break;
        memcpy(line, caption, end);
        line[end] = '\0';
        if (fits && dcn__font_width(line) > width)
            break;
        fits = at = end;
    }
    if (!fits)                      /* one word too long for a line: drawing will cut it */
        fits = at_most((int)strcspn(caption, " "), DCN__SHEET_LINE_MAX - 1);
    memcpy(line, caption, fits);
    line[fits] = '\0';
    return fits + strspn(caption + fits, " ");
}

static int caption_lines(const char *caption, int width)
{
    char line[DCN__SHEET_LINE_MAX];
    int lines = 0;

    for (; *caption && lines < DCN__SHEET_CAPTION_MAX; lines++)
        caption += dcn__sheet_caption_line(line, caption, width);
    return lines;
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
        const bool there = dcn__sheet_has(d, i / d->columns, i % d->columns);

        if (there && (p->shape.h < 1 || p->shape.w < 1 || p->shape.h > SIDE_MAX ||
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
        if (dcn__sheet_has(d, i / d->columns, i % d->columns))
            side = at_least(side, at_least(d->panels[i].shape.h, d->panels[i].shape.w));
    return at_least(1, at_most(ZOOM_MAX, ZOOM_SIDE / side));
}

/* The lines of headings above a row: above the first, and again above every row in which one
 * differs. */
static int row_title_lines(const dcn_sheet_desc *d, int row)
{
    bool differs = row == 0;
    int lines = 0;

    for (int c = 0; c < d->columns; c++) {
        const char *title = or_empty(d->panels[row * d->columns + c].title);

        lines = at_least(lines, dcn__sheet_title_lines(title));
        if (row > 0 && strcmp(title, or_empty(d->panels[(row - 1) * d->columns + c].title)) != 0)
            differs = true;
    }
    return differs ? lines : 0;
}

/* Sums are in 64 bits: a side of 32768 at a zoom of 32768 passes through here, then is refused. */
static int64_t place_columns(dcn__sheet_layout *l, const dcn_sheet_desc *d, int64_t x)
{
    for (int c = 0; c < d->columns && x <= SIDE_MAX; c++) {
        int64_t panel = 0;
        int title = 0;

        for (int r = 0; r < d->rows; r++) {
            const dcn_panel *p = &d->panels[r * d->columns + c];

            if (dcn__sheet_has(d, r, c) && (int64_t)p->shape.w * l->zoom > panel)
                panel = (int64_t)p->shape.w * l->zoom;
            if (!d->bare)
                title = at_least(title, title_width(or_empty(p->title)));
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
        const int titles = d->bare ? 0 : row_title_lines(d, r);
        int64_t panel = 0;

        l->title_y[r] = titles ? (int)y : -1;
        y += titles ? titles * DCN__FONT_HEIGHT + TITLE_GAP : 0;
        for (int c = 0; c < d->columns; c++) {
            const dcn_panel *p = &d->panels[r * d->columns + c];

            if (dcn__sheet_has(d, r, c) && (int64_t)p->shape.h * l->zoom > panel)
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
        const char *caption = or_empty(d->caption);

        x = at_least((int)x, MARGIN + at_most(dcn__font_width(caption), CAPTION_WIDEN_MAX));
        l->caption_y = (int)y + CAPTION_GAP;
        l->caption_lines = caption_lines(caption, (int)x - MARGIN);
        y += (*caption ? CAPTION_GAP + l->caption_lines * DCN__FONT_HEIGHT : 0) + MARGIN;
        x += MARGIN;
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
