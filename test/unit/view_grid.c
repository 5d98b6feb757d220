/* The sheet of a large network: frames, headings of two lines, long names, captions in lines, and
 * rows that are made while they are drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "view/font.h"
#include "view/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float GREY[6 * 8] = { 1 };
static const uint8_t RED[3] = { 232, 62, 24 }, WHITE[3] = { 255, 255, 255 };

static const uint8_t *at(const dcn_image *image, int y, int x)
{
    assert_in_range(y, 0, image->h - 1);
    assert_in_range(x, 0, image->w - 1);
    return image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * (size_t)image->c;
}

static bool is(const uint8_t *pixel, const uint8_t color[3])
{
    return memcmp(pixel, color, 3) == 0;
}

/* Every pixel of the panel: red if and only if it lies on the box's outermost pixels. */
static void a_box_is_a_frame_on_its_own_pixels(void **state)
{
    const int zooms[2] = { 3, 10 };

    (void)state;
    for (int z = 0; z < 2; z++) {
        const dcn_box box = { 1, 2, 4, 7, 0 };
        const dcn_panel panel = { GREY, { 6, 8, 1 }, NULL, DCN_PANEL_SIGNED, &box };
        const dcn_sheet_desc desc = { .panels = &panel, .rows = 1, .columns = 1,
                                      .zoom = zooms[z] };
        const int zoom = zooms[z], thick = zoom >= 4 ? 2 : 1;
        dcn__sheet_layout l;
        dcn_image image;

        assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
        assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
        for (int y = 0; y < 6 * zoom; y++)
            for (int x = 0; x < 8 * zoom; x++) {
                const int up = y - 1 * zoom, down = 4 * zoom - 1 - y, left = x - 2 * zoom,
                          right = 7 * zoom - 1 - x;
                const bool inside = up >= 0 && down >= 0 && left >= 0 && right >= 0,
                           edge = up < thick || down < thick || left < thick || right < thick;

                assert_int_equal(is(at(&image, l.y[0] + y, l.x[0] + x), RED), inside && edge);
            }
        dcn_image_clear(&image);
        dcn__sheet_layout_clear(&l);
    }
}

/* A box that the border cut has a dashed frame, and one that hangs over stays inside its panel. */
static void a_clipped_box_is_dashed(void **state)
{
    const dcn_box box = { -3, 0, 6, 80, 1 };
    const dcn_panel panel = { GREY, { 6, 8, 1 }, NULL, DCN_PANEL_SIGNED, &box };
    const dcn_sheet_desc desc = { .panels = &panel, .rows = 1, .columns = 1, .zoom = 16 };
    dcn__sheet_layout l;
    dcn_image image;
    int red = 0, white = 0;

    (void)state;
    assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    for (int x = 0; x < 8 * 16; x++) {
        red += is(at(&image, l.y[0], l.x[0] + x), RED);
        white += is(at(&image, l.y[0], l.x[0] + x), WHITE);
    }
    assert_int_equal(red + white, 8 * 16);
    assert_true(white > 30 && red > white);
    for (int y = 0; y < image.h; y++)
        for (int x = 0; x < image.w; x++)
            if (y < l.y[0] || y >= l.y[0] + 6 * 16 || x < l.x[0] || x >= l.x[0] + 8 * 16)
                assert_false(is(at(&image, y, x), RED));
    dcn_image_clear(&image);
    dcn__sheet_layout_clear(&l);
}

static void headings_may_have_two_lines(void **state)
{
    const dcn_panel panels[4] = { { GREY, { 6, 8, 1 }, "conv\n6x8x1", DCN_PANEL_SIGNED, NULL },
                                  { GREY, { 6, 8, 1 }, "one", DCN_PANEL_SIGNED, NULL },
                                  { GREY, { 6, 8, 1 }, "alone", DCN_PANEL_SIGNED, NULL },
                                  { NULL, { 0, 0, 0 }, NULL, DCN_PANEL_SIGNED, NULL } };
    const dcn_sheet_desc desc = { .panels = panels, .rows = 2, .columns = 2, .zoom = 10 };
    dcn__sheet_layout l;
    dcn_image image;
    int first = 0, second = 0;

    (void)state;
    assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
    assert_int_equal(l.y[0] - l.title_y[0], 2 * DCN__FONT_HEIGHT + 4 + 1);
    assert_int_equal(l.y[1] - l.title_y[1], DCN__FONT_HEIGHT + 4 + 1);
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    for (int x = l.x[0]; x < l.x[0] + l.w[0]; x++)
        for (int y = 0; y < DCN__FONT_HEIGHT; y++) {
            first += *at(&image, l.title_y[0] + y, x) < 80;      /* ink */
            second += *at(&image, l.title_y[0] + DCN__FONT_HEIGHT + y, x) < 80;
        }
    assert_true(first > 20);
    assert_int_equal(second, 0);                                 /* quiet: never so dark */
    dcn_image_clear(&image);
    dcn__sheet_layout_clear(&l);
}

/* Draws `text` in 60 columns at the left of a canvas. */
static void draw_name(uint8_t pixels[20 * 200 * 3], const char *text)
{
    const dcn_image image = { 20, 200, 3, pixels };

    memset(pixels, 255, 20 * 200 * 3);
    dcn__font_draw_elided(&image, 2, 2, 60, text, (dcn__color){ 0, 0, 0 });
}

static void a_long_name_loses_its_middle(void **state)
{
    static uint8_t a[20 * 200 * 3], b[20 * 200 * 3], c[20 * 200 * 3];
    int beyond = 0, head = 0, tail = 0;

    (void)state;
    draw_name(a, "layer4.0.conv1.weights.relu1");
    draw_name(b, "layer4.0.conv1.weights.relu2");      /* differs at its end */
    draw_name(c, "zayer4.0.conv1.weights.relu1");      /* and at its beginning */
    for (int y = 0; y < 20; y++)
        for (int x = 0; x < 200; x++) {
            const size_t i = 3 * ((size_t)y * 200 + (size_t)x);

            beyond += x > 2 + 60 + 1 && a[i] < 255;
            tail += x > 32 && a[i] != b[i];
            head += x < 32 && a[i] != c[i];
            assert_true(x > 32 || a[i] == b[i]);
        }
    assert_int_equal(beyond, 0);
    assert_true(tail > 3 && head > 3);
    draw_name(a, "short");
    draw_name(b, "shorter than that, not at all");
    assert_true(memcmp(a, b, sizeof a) != 0);
}

static void a_caption_takes_the_lines_it_needs(void **state)
{
    static const char text[] = "rule deconvnet, layer features.0 features.3 features.6 features.8 "
        "features.10 classifier.1 classifier.4 classifier.6, start layer, scale auto, model a.onnx";
    const dcn_panel panel = { GREY, { 6, 8, 1 }, NULL, DCN_PANEL_SIGNED, NULL };
    const dcn_sheet_desc desc = { .panels = &panel, .rows = 1, .columns = 1, .caption = text };
    char line[DCN__SHEET_LINE_MAX], all[sizeof text] = "";
    const char *rest = text;
    dcn__sheet_layout l;
    size_t used = 0;
    int lines = 0;

    (void)state;
    assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
    while (*rest) {
        rest += dcn__sheet_caption_line(line, rest, l.width - 40);
        assert_true(dcn__font_width(line) <= l.width - 40);
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", line, *rest ? " " : "");
        lines++;
    }
    assert_string_equal(all, text);
    assert_true(lines >= 2);
    assert_int_equal(l.caption_lines, lines);
    assert_int_equal(l.height, l.caption_y + lines * DCN__FONT_HEIGHT + 20);
    /* A word that fits nowhere still ends. */
    assert_int_equal(dcn__sheet_caption_line(line, "unbreakable words", 3), 12);
    assert_string_equal(line, "unbreakable");
    dcn__sheet_layout_clear(&l);
}

typedef struct maker { float values[2][4]; int calls, stop_at; } maker;

static dcn_status make_row(void *user, int row, dcn_panel *panels, dcn_error *err)
{
    maker *m = user;

    (void)err;
    assert_int_equal(row, m->calls++);
    if (row == m->stop_at)
        return DCN_NUMBERS;
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < 4; i++)
            m->values[c][i] = (float)(row * 2 + c + i);
        if (row * 2 + c < 5)                     /* the last place stays empty */
            panels[c].values = m->values[c];
    }
    return DCN_OK;
}

/* One row's values at a time give the sheet that all of them at once give. */
static void rows_can_be_made_while_they_are_drawn(void **state)
{
    float values[6][4];
    dcn_panel whole[6], shapes[6];
    maker m = { .stop_at = -1 };
    dcn_sheet_desc desc = { .panels = whole, .rows = 3, .columns = 2, .zoom = 9 };
    dcn_image a, b;

    (void)state;
    for (int k = 0; k < 6; k++) {
        for (int i = 0; i < 4; i++)
            values[k][i] = (float)(k + i);
        whole[k] = (dcn_panel){ k < 5 ? values[k] : NULL, { 2, 2, 1 }, "t", DCN_PANEL_SIGNED, NULL };
        shapes[k] = whole[k];
        shapes[k].values = NULL;
    }
    shapes[5].shape = (dcn_shape){ 0, 0, 0 };
    assert_int_equal(dcn_sheet_draw(&a, &desc, NULL), DCN_OK);
    desc.panels = shapes;
    desc.fill = make_row;
    desc.user = &m;
    assert_int_equal(dcn_sheet_draw(&b, &desc, NULL), DCN_OK);
    assert_int_equal(m.calls, 3);
    assert_true(a.h == b.h && a.w == b.w && a.c == b.c);
    assert_memory_equal(a.pixels, b.pixels, (size_t)a.h * (size_t)a.w * 3);
    dcn_image_clear(&b);
    m = (maker){ .stop_at = 1 };
    assert_int_equal(dcn_sheet_draw(&b, &desc, NULL), DCN_NUMBERS);
    assert_null(b.pixels);
    dcn_image_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_is_a_frame_on_its_own_pixels),
        cmocka_unit_test(a_clipped_box_is_dashed),
        cmocka_unit_test(headings_may_have_two_lines),
        cmocka_unit_test(a_long_name_loses_its_middle),
        cmocka_unit_test(a_caption_takes_the_lines_it_needs),
        cmocka_unit_test(rows_can_be_made_while_they_are_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
