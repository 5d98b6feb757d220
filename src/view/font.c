/* font.c - draws text with strokes.
 *
 * The typeface was drawn for this project: font_glyphs.def holds the strokes on a grid of whole
 * pixels, so that stems fall on pixels and stay crisp, and this file draws them anti-aliased from
 * the distance to the stroke. One size; no kerning, no shaping, left to right only. */
#include "view/font.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct glyph {
    uint32_t code;
    int width;                  /* of the ink is width + 1 columns */
    const char *strokes;        /* see font_glyphs.def */
} glyph;

static const glyph GLYPHS[] = {
#define GLYPH(code, width, strokes) { code, width, strokes },
#include "view/font_glyphs.def"
#undef GLYPH
};
enum { N_GLYPHS = sizeof GLYPHS / sizeof *GLYPHS, GAP = 3, ELLIPSIS = 0x2026 };

static const glyph BOX = { 0, 5, "010a5a5101" };

static const glyph *glyph_of(uint32_t code)
{
    if (code >= 0x20 && code < 0x7f)          /* ASCII stands first and in order */
        return &GLYPHS[code - 0x20];
    for (int i = 0x5f; i < N_GLYPHS; i++)
        if (GLYPHS[i].code == code)
            return &GLYPHS[i];
    return &BOX;
}

/* The next character of UTF-8 text; a malformed byte counts as one unknown character. */
static uint32_t next_code(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    uint32_t code;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            n = 0;
    if (n == 0) {
        ++*text;
        return UINT32_MAX;
    }
    code = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (s[i] & 0x3f);
    *text += n;
    return code;
}

int dcn__font_width(const char *text)
{
    int64_t width = 0;

    while (*text && width < 1 << 24)
        width += glyph_of(next_code(&text))->width + GAP;
    return width ? (int)width - GAP + 1 : 0;
}

/* ---- strokes ----------------------------------------------------------------------------- */

enum { CELL_W = 14, CELL_H = 18, TOP = 1, LEFT = 2 };    /* a glyph's own small canvas */
static const float RADIUS = 0.62f;                        /* half a stroke's width */

typedef struct pen {
    float cover[CELL_H][CELL_W];
    float y, x;                 /* where it stands */
} pen;

/* The cells 0..n-1 that a stroke from a to b can touch. */
static void reach(int *from, int *to, float a, float b, int origin, int n)
{
    const int low = (int)floorf(fminf(a, b)) + origin - 1;
    const int high = (int)ceilf(fmaxf(a, b)) + origin + 2;

    *from = low < 0 ? 0 : low;
    *to = high > n ? n : high;
}

static void touch(pen *p, float y0, float x0, float y1, float x1, float radius)
{
    const float dy = y1 - y0, dx = x1 - x0, length2 = dy * dy + dx * dx;
    int top, bottom, left, right;

    reach(&top, &bottom, y0, y1, TOP, CELL_H);
    reach(&left, &right, x0, x1, LEFT, CELL_W);
    for (int row = top; row < bottom; row++) {
        for (int column = left; column < right; column++) {
            const float y = (float)(row - TOP) - y0, x = (float)(column - LEFT) - x0;
            float t = length2 > 0 ? (y * dy + x * dx) / length2 : 0;
            float cover;

            t = t < 0 ? 0 : t > 1 ? 1 : t;
            cover = radius + 0.5f - hypotf(y - t * dy, x - t * dx);
            if (cover > p->cover[row][column])
                p->cover[row][column] = cover > 1 ? 1 : cover;
        }
    }
}

static void line_to(pen *p, float y, float x)
{
    touch(p, p->y, p->x, y, x, RADIUS);
    p->y = y;
    p->x = x;
}

static void curve_to(pen *p, float cy, float cx, float y, float x)
{
    enum { STEPS = 7 };
    const float y0 = p->y, x0 = p->x;

    for (int i = 1; i <= STEPS; i++) {
        const float t = (float)i / STEPS, s = 1 - t;

        line_to(p, s * s * y0 + 2 * s * t * cy + t * t * y,
                s * s * x0 + 2 * s * t * cx + t * t * x);
    }
}

static int hex(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

typedef struct point { float y, x; bool control; } point;

/* One stroke's points up to a blank or the end; *closed says that it returns to its start. */
static int read_stroke(const char **s, point points[24], bool *closed)
{
    int n = 0;

    *closed = false;
    for (; **s && **s != ' '; ++*s) {
        const bool control = **s == '~';

        if (**s == 'z') {
            *closed = true;
            continue;
        }
        *s += control;
        points[n++] = (point){ (float)hex((*s)[1]), (float)hex((*s)[0]), control };
        ++*s;
    }
    if (**s == ' ')
        ++*s;
    return n;
}

/* As in TrueType: between two control points lies a point of the curve. */
static void draw_stroke(pen *p, const point *points, int n, bool closed)
{
    const point *last = &points[n - 1];

    p->y = points[0].control ? (points[0].y + last->y) / 2 : points[0].y;
    p->x = points[0].control ? (points[0].x + last->x) / 2 : points[0].x;
    if (n == 1)
        touch(p, p->y, p->x, p->y, p->x, RADIUS + 0.25f);   /* a dot is a little stronger */
    for (int i = points[0].control ? 0 : 1; i < n; i++) {
        const point *a = &points[i], *b = i + 1 < n ? a + 1 : closed ? points : a;

        if (!a->control)
            line_to(p, a->y, a->x);
        else if (b->control)
            curve_to(p, a->y, a->x, (a->y + b->y) / 2, (a->x + b->x) / 2);
        else {
            curve_to(p, a->y, a->x, b->y, b->x);
            i++;
        }
    }
}

static void blend(const dcn_image *image, int y, int x, float cover, dcn__color color)
{
    const uint8_t ink[3] = { color.r, color.g, color.b };
    uint8_t *p;

    if (y < 0 || y >= image->h || x < 0 || x >= image->w || cover <= 0)
        return;
    p = image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * 3;
    for (int c = 0; c < 3; c++)
        p[c] = (uint8_t)lrintf((float)p[c] + cover * ((float)ink[c] - (float)p[c]));
}

static void draw_glyph(const dcn_image *image, int y, int x, const glyph *g, dcn__color color)
{
    pen p;
    point points[24];
    bool closed;

    memset(&p, 0, sizeof p);
    for (const char *s = g->strokes; *s;) {
        const int n = read_stroke(&s, points, &closed);

        draw_stroke(&p, points, n, closed);
    }
    for (int row = 0; row < CELL_H; row++)
        for (int column = 0; column < CELL_W; column++)
            blend(image, y + row - TOP + DCN__FONT_ASCENT - 11, x + column - LEFT,
                  p.cover[row][column], color);
}

void dcn__font_draw(const dcn_image *image, int y, int x, int width, const char *text,
                    dcn__color color)
{
    const bool whole = dcn__font_width(text) <= width;
    const glyph *dots = glyph_of(ELLIPSIS);
    const int room = whole ? width : width - (dots->width + 1);
    int at = 0;

    while (*text) {
        const char *next = text;
        const glyph *g = glyph_of(next_code(&next));

        if (!whole && at + g->width + GAP > room)
            break;
        draw_glyph(image, y, x + at, g, color);
        at += g->width + GAP;
        text = next;
    }
    if (!whole && room >= 0)
        draw_glyph(image, y, x + at, dots, color);
}

/* The columns that the characters from `text` to `end` advance by. */
static int advance(const char *text, const char *end)
{
    int at = 0;

    while (text < end && *text)
        at += glyph_of(next_code(&text))->width + GAP;
    return at;
}

void dcn__font_draw_elided(const dcn_image *image, int y, int x, int width, const char *text,
                           dcn__color color)
{
    const glyph *dots = glyph_of(ELLIPSIS);
    const char *end = text + strlen(text), *head = text, *tail = text;
    const int room = width - (dots->width + GAP);
    int at = 0;

    if (dcn__font_width(text) <= width || room < 0) {
        dcn__font_draw(image, y, x, width, text, color);
        return;
    }
    for (const char *next = head; next_code(&next), advance(text, next) <= room / 4;)
        head = next;
    at = advance(text, head);
    for (tail = head; at + advance(tail, end) > room && tail < end;)
        next_code(&tail);
    for (const char *c = text; c < head;) {
        const char *place = c;

        draw_glyph(image, y, x + advance(text, place), glyph_of(next_code(&c)), color);
    }
    draw_glyph(image, y, x + at, dots, color);
    dcn__font_draw(image, y, x + at + dots->width + GAP, width, tail, color);
}
