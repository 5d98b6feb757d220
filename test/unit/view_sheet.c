/* The sheet: where every pixel goes, and the typeface that labels it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/memory.h"
#include "view/font.h"
#include "view/number.h"
#include "view/panel.h"
#include "view/sheet.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const float SMALL[2 * 3 * 3] = { 1, -1, 0.5f, 0, 0, 0, -1, 1, -1,
                                        1, 1, 1, 0.25f, 0, 0, 0, 0.5f, -1 };
static const float GREY[2 * 2] = { 1, 0, -1, 0 }, ZERO[4 * 4] = { 0 };

static const uint8_t *at(const dcn_image *image, int y, int x)
{
    assert_in_range(y, 0, image->h - 1);
    assert_in_range(x, 0, image->w - 1);
    return image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * (size_t)image->c;
}

static void panels_stand_where_the_layout_says(void **state)
{
    const dcn_panel panels[2] = { { SMALL, { 2, 3, 3 }, "small", DCN_PANEL_SIGNED, NULL },
                                  { GREY, { 2, 2, 1 }, "grey", DCN_PANEL_SIGNED, NULL } };
    const dcn_sheet_desc desc = { .panels = panels, .rows = 1, .columns = 2, .zoom = 10 };
    dcn__sheet_layout l;
    dcn_image image;

    (void)state;
    assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    assert_int_equal(image.c, 3);
    assert_int_equal(image.w, l.width);
    assert_int_equal(image.h, l.height);
    assert_int_equal(l.zoom, 10);
    /* margin 20, heading 16 + 4, frame 1 */
    assert_int_equal(l.x[0], 21);
    assert_int_equal(l.title_y[0], 20);
    assert_int_equal(l.y[0], 20 + DCN__FONT_HEIGHT + 4 + 1);
    assert_true(l.w[0] >= 30 && l.w[0] >= dcn__font_width("small"));
    assert_int_equal(l.x[1], l.x[0] + l.w[0] + 2 + 16);
    for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 30; x++)
            for (int c = 0; c < 3; c++) {
                const float v = SMALL[(y / 10 * 3 + x / 10) * 3 + c];

                assert_in_range(at(&image, l.y[0] + y, l.x[0] + x)[c], 127 + (int)(127 * v),
                                129 + (int)(127 * v));
            }
        for (int x = 0; x < 20; x++) {
            const uint8_t *p = at(&image, l.y[0] + y, l.x[1] + x);

            assert_int_equal(p[0], (int)(128 + 127 * GREY[y / 10 * 2 + x / 10]));
            assert_true(p[0] == p[1] && p[1] == p[2]);
        }
    }
    assert_int_equal(*at(&image, l.y[0] - 1, l.x[0] - 1), 212);      /* the hairline */
    assert_int_equal(*at(&image, l.y[0] + 20, l.x[0] + 30), 212);
    assert_int_equal(*at(&image, l.y[0] + 2, l.x[0] - 2), 255);
    dcn_image_clear(&image);
    dcn__sheet_layout_clear(&l);
}

/* Smallest box of pixels of `image` that are not paper, below row `from` and above row `to`. */
static int ink_between(const dcn_image *image, int from, int to, int *left, int *right)
{
    int ink = 0;

    *left = image->w;
    *right = -1;
    for (int y = from; y < to; y++)
        for (int x = 0; x < image->w; x++)
            if (*at(image, y, x) < 250) {
                ink++;
                *left = x < *left ? x : *left;
                *right = x > *right ? x : *right;
            }
    return ink;
}

static void words_stay_inside_and_scales_are_printed(void **state)
{
    const dcn_panel panels[2] = {
        { SMALL, { 2, 3, 3 }, "a heading that is far too long for so small a panel",
          DCN_PANEL_SIGNED, NULL },
        { GREY, { 2, 2, 1 }, NULL, DCN_PANEL_PHOTO, NULL } };
    const char *titles[1] = { "a row title that is longer than any row title ought to be" };
    const dcn_sheet_desc desc = { .panels = panels, .rows = 1, .columns = 2, .zoom = 20,
        .row_titles = titles, .caption = "one line below, longer than the sheet is wide: ........ "
            "................................................................................" };
    dcn__sheet_layout l;
    dcn_image image;
    int left, right;

    (void)state;
    assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    assert_true(ink_between(&image, l.title_y[0], l.y[0] - 2, &left, &right) > 20);
    assert_in_range(left, l.x[0] - 1, l.x[0] + 2);
    assert_in_range(right, l.x[0] + 80, l.x[0] + l.w[0]);        /* cut, with an ellipsis */
    assert_int_equal(l.row_title_w, 180);
    /* below the panels: a scale under the signed one, nothing under the photo */
    assert_true(ink_between(&image, l.y[0] + l.h[0] + 2, l.caption_y - 2, &left, &right) > 5);
    assert_in_range(left, l.x[0] - 1, l.x[0] + 2);
    assert_in_range(right, l.x[0], l.x[0] + l.w[0]);
    assert_true(ink_between(&image, l.caption_y, image.h, &left, &right) > 50);
    assert_true(left >= 19 && right <= image.w - 20);
    dcn_image_clear(&image);
    dcn__sheet_layout_clear(&l);
}

static void headings_repeat_only_where_they_differ(void **state)
{
    dcn_panel panels[6];
    const char *titles[6] = { "a", "b", "a", "b", "a", "c" };
    const dcn_sheet_desc desc = { .panels = panels, .rows = 3, .columns = 2 };
    dcn__sheet_layout l;

    (void)state;
    for (int i = 0; i < 6; i++)
        panels[i] = (dcn_panel){ GREY, { 2, 2, 1 }, titles[i], DCN_PANEL_SIGNED, NULL };
    assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
    assert_int_equal(l.title_y[0], 20);
    assert_int_equal(l.title_y[1], -1);
    assert_true(l.title_y[2] > l.y[1] + l.h[1]);
    assert_int_equal(l.zoom, 16);
    dcn__sheet_layout_clear(&l);
}

static void usual_zoom_shows_small_pictures_large(void **state)
{
    static float big[224 * 224];
    const int sides[4] = { 24, 28, 32, 224 }, zooms[4] = { 8, 7, 6, 1 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        const dcn_panel panel = { big, { sides[i], sides[i], 1 }, NULL, DCN_PANEL_SIGNED, NULL };
        const dcn_sheet_desc desc = { .panels = &panel, .rows = 1, .columns = 1 };
        dcn__sheet_layout l;

        assert_int_equal(dcn__sheet_layout_init(&l, &desc, NULL), DCN_OK);
        assert_int_equal(l.zoom, zooms[i]);
        dcn__sheet_layout_clear(&l);
    }
}

static void bare_is_the_strip_and_tf1_maps_it_as_one(void **state)
{
    float strip[4 * 12 * 3];
    float parts[3][4 * 4 * 3];
    uint8_t want[4 * 12 * 3];
    dcn_panel panels[3];
    const dcn_sheet_desc desc = { .panels = panels, .rows = 1, .columns = 3, .bare = 1, .zoom = 5,
                                  .scale = DCN_SCALE_TF1, .caption = "not drawn" };
    dcn_image image;

    (void)state;
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 12; x++)
            for (int c = 0; c < 3; c++) {
                const float v = (float)((y * 7 + x * 13 + c * 5) % 23 - 9) * (float)(1 + x / 4);

                strip[(y * 12 + x) * 3 + c] = v;
                parts[x / 4][(y * 4 + x % 4) * 3 + c] = v;
            }
    for (int i = 0; i < 3; i++)
        panels[i] = (dcn_panel){ parts[i], { 4, 4, 3 }, "title", DCN_PANEL_SIGNED, NULL };
    panels[0].kind = DCN_PANEL_PHOTO;
    dcn_scale_tf1(strip, (dcn_shape){ 4, 12, 3 }, want);
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    assert_int_equal(image.h, 4);
    assert_int_equal(image.w, 12);
    assert_memory_equal(image.pixels, want, sizeof want);
    dcn_image_clear(&image);
}

static void bare_grey_stays_grey(void **state)
{
    const dcn_panel panels[2] = { { GREY, { 2, 2, 1 }, NULL, DCN_PANEL_SIGNED, NULL },
                                  { ZERO, { 2, 2, 1 }, NULL, DCN_PANEL_SIGNED, NULL } };
    const dcn_sheet_desc desc = { .panels = panels, .rows = 2, .columns = 1, .bare = 1 };
    const uint8_t want[8] = { 255, 128, 1, 128, 128, 128, 128, 128 };
    dcn_image image;

    (void)state;
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    assert_true(image.h == 4 && image.w == 2 && image.c == 1);
    assert_memory_equal(image.pixels, want, sizeof want);
    dcn_image_clear(&image);
}

/* 0 to 1 is 0 to 255, whatever range a picture uses; what lies outside is clipped. */
static void a_unit_panel_shows_its_bytes(void **state)
{
    const dcn_panel panel = { (float[]){ -1e30f, 0, 100 / 255.0f, 101 / 255.0f, 1, 7 }, { 1, 6, 1 },
                              NULL, DCN_PANEL_UNIT, NULL };
    const dcn_sheet_desc desc = { .panels = &panel, .rows = 1, .columns = 1, .bare = 1 };
    const uint8_t want[6] = { 0, 0, 100, 101, 255, 255 };
    dcn_image image;

    (void)state;
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    assert_memory_equal(image.pixels, want, sizeof want);
    dcn_image_clear(&image);
}

static void an_inactive_panel_is_marked(void **state)
{
    const dcn_panel panel = { ZERO, { 4, 4, 1 }, NULL, DCN_PANEL_SIGNED, NULL };
    const dcn_sheet_desc desc = { .panels = &panel, .rows = 1, .columns = 1, .zoom = 30 };
    dcn_image image;
    int hatch = 0, middle_grey = 0;

    (void)state;
    assert_int_equal(dcn_sheet_draw(&image, &desc, NULL), DCN_OK);
    for (int y = 21; y < 141; y++)
        for (int x = 21; x < 141; x++) {
            hatch += *at(&image, y, x) == 224;
            middle_grey += *at(&image, y, x) == 128;
        }
    assert_true(hatch > 1000 && middle_grey < 20);
    dcn_image_clear(&image);
}

static void expect_label(const float *values, int n, dcn_scale scale, dcn__range strip, const char *label)
{
    const dcn_panel panel = { values, { 1, n, 1 }, NULL, DCN_PANEL_SIGNED, NULL };
    dcn__panel_bytes bytes;

    assert_int_equal(dcn__panel_render(&bytes, &panel, scale, strip, NULL), DCN_OK);
    assert_string_equal(bytes.label, label);
    dcn__panel_clear(&bytes);
}

static void labels_say_the_range_and_what_is_no_number(void **state)
{
    const dcn__range both = { -2, 1 }, above = { 0, 3 }, none = dcn__range_empty();

    (void)state;
    expect_label((float[]){ 1, -1, 0 }, 3, DCN_SCALE_TF1, both, "±2");
    expect_label((float[]){ 1, -1, 0 }, 3, DCN_SCALE_TF1, above, "0–3");
    expect_label((float[]){ NAN, NAN, NAN }, 3, DCN_SCALE_TF1, none, "NaN");
    expect_label((float[]){ NAN, 1, 0 }, 3, DCN_SCALE_TF1, above, "0–3 · NaN");
    expect_label((float[]){ 0, INFINITY, 0 }, 3, (dcn_scale)0, none, "NaN");
    expect_label((float[]){ 0, 0, 0 }, 3, (dcn_scale)0, none, "all zero");
    expect_label((float[]){ 0, -3, NAN }, 3, (dcn_scale)0, none, "±3 · NaN");
}

static void impossible_sheets_are_refused(void **state)
{
    const dcn_panel good = { GREY, { 2, 2, 1 }, NULL, DCN_PANEL_SIGNED, NULL },
                    two = { GREY, { 2, 1, 2 }, NULL, DCN_PANEL_SIGNED, NULL },
                    flat = { GREY, { 0, 2, 1 }, NULL, DCN_PANEL_SIGNED, NULL },
                    narrow = { GREY, { 2, 0, 1 }, NULL, DCN_PANEL_SIGNED, NULL },
                    high = { GREY, { 1 << 20, 2, 1 }, NULL, DCN_PANEL_SIGNED, NULL },
                    wide = { GREY, { 2, 1 << 20, 1 }, NULL, DCN_PANEL_SIGNED, NULL },
                    none = { NULL, { 0, 0, 0 }, NULL, DCN_PANEL_SIGNED, NULL };
    const dcn_sheet_desc bad[10] = {
        { .panels = &two, .rows = 1, .columns = 1 }, { .panels = &flat, .rows = 1, .columns = 1 },
        { .panels = &good, .rows = 0, .columns = 1 },
        { .panels = &good, .rows = 1, .columns = 1, .zoom = 30000 },
        { .panels = &good, .rows = 65536, .columns = 65536 },
        { .panels = &none, .rows = 1, .columns = 1, .bare = 1 },
        { .panels = &narrow, .rows = 1, .columns = 1 }, { .panels = &high, .rows = 1, .columns = 1 },
        { .panels = &wide, .rows = 1, .columns = 1 }, { .panels = &good, .rows = 1, .columns = 0 } };
    dcn_image image;
    dcn_error err;

    (void)state;
    for (int i = 0; i < 10; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(dcn_sheet_draw(&image, &bad[i], &err), DCN_USAGE);
        assert_non_null(strstr(err.text, "; "));
        assert_null(image.pixels);
    }
}

static void ascii_glyphs_are_all_distinct(void **state)
{
    static uint8_t drawn[96][24 * 24 * 3];
    int blank = 0;

    (void)state;
    for (int i = 0; i < 95; i++) {
        const dcn_image cell = { 24, 24, 3, drawn[i] };
        const char text[2] = { (char)(0x20 + i), '\0' };

        memset(drawn[i], 255, sizeof drawn[i]);
        dcn__font_draw(&cell, 2, 2, 20, text, (dcn__color){ 0, 0, 0 });
        assert_in_range(dcn__font_width(text), 1, 20);
    }
    {   /* 95: what has no glyph */
        const dcn_image cell = { 24, 24, 3, drawn[95] };

        memset(drawn[95], 255, sizeof drawn[95]);
        dcn__font_draw(&cell, 2, 2, 20, "\xe4\xb8\xad", (dcn__color){ 0, 0, 0 });
    }
    for (int i = 0; i < 96; i++) {
        int ink = 0;

        for (size_t k = 0; k < sizeof drawn[i]; k++)
            ink += drawn[i][k] < 128;
        blank += ink == 0;
        for (int j = 0; j < i; j++)
            if (memcmp(drawn[i], drawn[j], sizeof drawn[i]) == 0)
                fail_msg("glyphs %d and %d are the same", i + 0x20, j + 0x20);
    }
    assert_int_equal(blank, 1);      /* the space */
}

/* Letters with their accents: none is a box, none the bare letter, none another one. */
static void accented_letters_are_all_distinct(void **state)
{
    static const char *const letters[] = {
        "a", "à", "á", "â", "ã", "ä", "å", "c", "ç", "e", "è", "é", "ê", "ë", "i", "ì", "í", "î",
        "ï", "n", "ñ", "o", "ò", "ó", "ô", "õ", "ö", "ø", "u", "ù", "ú", "û", "ü", "ß", "A", "Ä",
        "O", "Ö", "U", "Ü", "\xe4\xb8\xad"
    };
    enum { N = sizeof letters / sizeof *letters };
    static uint8_t drawn[N][24 * 24 * 3];

    (void)state;
    for (int i = 0; i < N; i++) {
        const dcn_image cell = { 24, 24, 3, drawn[i] };

        memset(drawn[i], 255, sizeof drawn[i]);
        dcn__font_draw(&cell, 2, 2, 20, letters[i], (dcn__color){ 0, 0, 0 });
        for (int j = 0; j < i; j++)
            if (memcmp(drawn[i], drawn[j], sizeof drawn[i]) == 0)
                fail_msg("%s and %s are the same", letters[i], letters[j]);
    }
}

static void text_is_clipped_everywhere(void **state)
{
    uint8_t pixels[20 * 20 * 3 + 6];
    const dcn_image image = { 20, 20, 3, pixels + 3 };

    (void)state;
    memset(pixels, 255, sizeof pixels);
    for (int y = -30; y < 40; y += 3)
        for (int x = -40; x < 40; x += 3)
            dcn__font_draw(&image, y, x, 1000, "Wg@\xff\xc2", (dcn__color){ 0, 0, 0 });
    for (int i = 0; i < 3; i++)
        assert_true(pixels[i] == 255 && pixels[sizeof pixels - 1 - (size_t)i] == 255);
    assert_int_equal(dcn__font_width(""), 0);
    assert_int_equal(dcn__font_width("\xc2\xb1"), 7);                /* one glyph, not two boxes */
    assert_int_equal(dcn__font_width("\xff"), dcn__font_width("\xe4\xb8\xad"));
}

static void numbers_are_short(void **state)
{
    const double values[8] = { 0.8314, 1.23e-5, 11744.3, 0, 1, 99.4, 123.4, 2.5e7 };
    const char *const texts[8] = { "0.83", "1.2e-05", "11744", "0", "1", "99", "123", "2.5e+07" };
    char text[32];

    (void)state;
    for (int i = 0; i < 8; i++) {
        dcn__number_text(text, sizeof text, values[i], 2);
        assert_string_equal(text, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panels_stand_where_the_layout_says),
        cmocka_unit_test(words_stay_inside_and_scales_are_printed),
        cmocka_unit_test(headings_repeat_only_where_they_differ),
        cmocka_unit_test(usual_zoom_shows_small_pictures_large),
        cmocka_unit_test(bare_is_the_strip_and_tf1_maps_it_as_one),
        cmocka_unit_test(bare_grey_stays_grey),
        cmocka_unit_test(a_unit_panel_shows_its_bytes),
        cmocka_unit_test(an_inactive_panel_is_marked),
        cmocka_unit_test(labels_say_the_range_and_what_is_no_number),
        cmocka_unit_test(impossible_sheets_are_refused),
        cmocka_unit_test(ascii_glyphs_are_all_distinct),
        cmocka_unit_test(accented_letters_are_all_distinct),
        cmocka_unit_test(text_is_clipped_everywhere),
        cmocka_unit_test(numbers_are_short),
    };

    setlocale(LC_ALL, "");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
