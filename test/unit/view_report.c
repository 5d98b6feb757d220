/* The report: a whole page, closed tags, nothing fetched, and no outside text becomes markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "view/report.h"

#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVIL "<script>alert('x')</script>\" onload=\"y&z\x01\xff"

static char folder[256], path[300];

enum { N = 3000 };
static double xs[N], ys[N];

static dcn_report_desc make(bool evil)
{
    static const double x2[5] = { 1, 2, 3, 4, 5 }, y2[5] = { 0.1, NAN, INFINITY, -1e308, 0.5 };
    static uint8_t pixels[3 * 4 * 3] = { 200, 10, 30 };
    static const dcn_image image = { 3, 4, 3, pixels };
    static dcn_report_curve curves[2];
    static dcn_report_chart charts[2];
    static dcn_report_picture pictures[1];
    static dcn_report_row rows[1];
    static dcn_report_table tables[1];
    static const char *names[3];
    static const int64_t confusion[9] = { 8, 1, 1, 0, 10, 0, 0, 0, 0 };
    const char *text = evil ? EVIL : "plain";

    for (int i = 0; i < N; i++) {
        xs[i] = i + 1;
        ys[i] = 2 + sin(i * 0.7) * exp(-i / 900.0);
    }
    curves[0] = (dcn_report_curve){ text, xs, ys, N };
    curves[1] = (dcn_report_curve){ text, x2, y2, 5 };
    charts[0] = (dcn_report_chart){ text, text, text, curves, 2 };
    charts[1] = (dcn_report_chart){ "empty", NULL, NULL, NULL, 0 };
    pictures[0] = (dcn_report_picture){ text, text, &image };
    rows[0] = (dcn_report_row){ text, text };
    tables[0] = (dcn_report_table){ text, rows, 1 };
    names[0] = names[2] = text;
    names[1] = NULL;
    return (dcn_report_desc){ text, text, charts, 2, pictures, 1, tables, 1, confusion, 3, names };
}

static char *save(const dcn_report_desc *desc)
{
    dcn__bytes bytes;
    char *text;

    assert_int_equal(dcn_report_save(desc, path, NULL), DCN_OK);
    assert_int_equal(dcn__file_read(&bytes, path, 1 << 24, NULL), DCN_OK);
    assert_true(dcn__text_is_utf8((char *)bytes.data, bytes.size));
    assert_int_equal(strlen((char *)bytes.data), bytes.size);
    text = dcn__strdup((char *)bytes.data);
    dcn__bytes_clear(&bytes);
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;

    while ((text = strstr(text, what))) {
        text += strlen(what);
        n++;
    }
    return n;
}

/* Every tag is closed in order, every attribute is quoted, and no "<" or "&" stands loose. */
static void demand_well_formed(const char *s)
{
    static const char *const empty[] = { "meta", "img", "!DOCTYPE" };
    char open[64][16];
    int depth = 0;

    for (; *s; s++) {
        char name[16] = "";
        bool closing, alone = false;
        int n = 0;

        if (*s == '&') {
            assert_true(strcspn(s, ";") <= 6);
            continue;
        }
        if (*s != '<')
            continue;
        s += closing = s[1] == '/';
        for (s++; isalnum((unsigned char)*s) || *s == '!'; s++)
            if (n < 15)
                name[n++] = *s;
        assert_true(n > 0);
        for (; *s != '>'; s++) {
            assert_true(*s && *s != '<');
            if (*s == '=')
                assert_int_equal(s[1], '"');
            if (*s == '"') {
                s += 1 + strcspn(s + 1, "\"<>");
                assert_int_equal(*s, '"');
            }
            alone |= *s == '/' && s[1] == '>';
        }
        for (size_t i = 0; i < 3; i++)
            alone |= strcmp(name, empty[i]) == 0;
        if (closing) {
            assert_true(depth > 0);
            assert_string_equal(name, open[--depth]);
        } else if (!alone) {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
            if (strcmp(name, "style") == 0)
                s = strstr(s, "</style>") - 1;
        }
    }
    assert_int_equal(depth, 0);
}

static void the_page_is_well_formed(void **state)
{
    const dcn_report_desc nothing = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        const dcn_report_desc desc = make(i == 1);
        char *page = save(i < 2 ? &desc : &nothing);

        demand_well_formed(page);
        assert_int_equal(strncmp(page, "<!DOCTYPE html>\n<html lang=\"en\">", 32), 0);
        assert_string_equal(page + strlen(page) - 8, "</html>\n");
        dcn__free(page);
    }
}

static void text_from_outside_stays_text(void **state)
{
    dcn_report_desc desc = make(true);
    char *page = save(&desc), *other;

    (void)state;
    assert_int_equal(count(page, "<script"), 0);
    assert_int_equal(count(page, "alert('x')"), 0);
    assert_int_equal(count(page, "onload=\""), 0);
    assert_true(count(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; "
                            "onload=&quot;y&amp;z\\x01\\xff") > 15);
    desc = make(false);
    other = save(&desc);
    /* the same tags, whatever the text */
    assert_int_equal(count(page, "<"), count(other, "<"));
    dcn__free(page);
    dcn__free(other);
}

static void nothing_is_fetched(void **state)
{
    const dcn_report_desc desc = make(false);
    char *page = save(&desc);

    (void)state;
    assert_int_equal(count(page, "http"), 1 + count(page, "xmlns=\"http://www.w3.org/2000/svg\""));
    assert_int_equal(count(page, "http-equiv=\"Content-Security-Policy\" "
                                 "content=\"default-src 'none'"), 1);
    assert_int_equal(count(page, "url("), 0);
    assert_int_equal(count(page, "@import"), 0);
    assert_int_equal(count(page, "src=\""), count(page, "src=\"data:image/png;base64,"));
    assert_int_equal(count(page, "href=\""), count(page, "href=\"#"));
    assert_int_equal(count(page, "<link") + count(page, "<script"), 0);
    dcn__free(page);
}

static void curves_leave_gaps_and_stay_inside(void **state)
{
    const dcn_report_desc desc = make(false);
    char *page = save(&desc);
    const char *p = page;
    int points = 0;

    (void)state;
    assert_int_equal(count(page, "nan") + count(page, "inf\"") + count(page, "inf "), 0);
    while ((p = strstr(p, " d=\""))) {
        double x, y;
        int used;

        for (p += 4; sscanf(p, "%*1[ML]%lf%lf%n", &x, &y, &used) == 2; p += used) {
            assert_true(x >= 0 && x <= 520 && y >= 0 && y <= 270);
            points++;
        }
        assert_int_equal(*p, '"');
    }
    assert_in_range(points, 900, 1600);                 /* 3000 noisy values are thinned out */
    assert_non_null(strstr(page, "There are no values to draw."));
    assert_non_null(strstr(page, "the mean of 103 neighbouring values"));
    dcn__free(page);
}

/* One curve alone; `want` stands among the page's numbers, NULL: nothing is drawn. */
static void expect_tick(double *x, double *y, int n, const char *want)
{
    const dcn_report_curve curve = { "loss", x, y, n };
    const dcn_report_chart chart = { "loss", "step", "loss", &curve, 1 };
    const dcn_report_desc desc = { .title = "ticks", .charts = &chart, .n_charts = 1 };
    char *page = save(&desc), tick[40];

    snprintf(tick, sizeof tick, ">%s<", want ? want : "");
    if (want ? !strstr(page, tick) : !strstr(page, "There are no values to draw."))
        fail_msg("%s is not there", tick);
    assert_int_equal(count(page, "nan") + count(page, "inf\"") + count(page, "inf "), 0);
    dcn__free(page);
}

static void axes_of_odd_ranges(void **state)
{
    static double steps[2000], values[2000];
    double x[3] = { 1, 2, 3 }, bad[3] = { NAN, INFINITY, -INFINITY };

    (void)state;
    expect_tick(x, (double[]){ 4, 4, 4 }, 3, "6");                 /* level: from 0 to one and a half */
    expect_tick(x, (double[]){ -4, -4, -4 }, 3, "-6");
    expect_tick(x, (double[]){ 0, 0, 0 }, 3, "1.0");
    expect_tick(x, (double[]){ 1e-7, 2e-7, 3e-7 }, 3, "2e-7");
    expect_tick(x, (double[]){ 1e9, 2e9, 3e9 }, 3, "3e9");
    expect_tick(x, (double[]){ 1, 1, 9 }, 3, "8");                 /* steps of 1, 2, 5 and 10 */
    expect_tick(x, (double[]){ -1, 0, 1 }, 3, "-1.0");
    expect_tick(x, bad, 3, NULL);
    expect_tick(bad, x, 3, NULL);
    /* Thinned out, with a hole that is wider than many points, and points at no place. */
    for (int i = 0; i < 2000; i++) {
        steps[i] = i % 100 == 7 ? NAN : i;
        values[i] = i >= 500 && i < 900 ? NAN : i % 3;
    }
    expect_tick(steps, values, 2000, "2.0");
}

static void the_matrix_counts_and_shades_by_row(void **state)
{
    const dcn_report_desc desc = make(false);
    char *page = save(&desc);

    (void)state;
    assert_non_null(strstr(page, "<b>90.0 %</b><span>18 of 20 test pictures right</span>"));
    assert_non_null(strstr(page, "plain taken for 1: 1 of 10 (10.0 %)\">1</td>"));
    assert_non_null(strstr(page, "<td class=\"right\" style=\"--a:1.000\" "
                                 "title=\"1 taken for 1: 10 of 10"));
    assert_non_null(strstr(page, "<i></i>80.0 %</td>"));
    /* a class without pictures */
    assert_non_null(strstr(page, "<td class=\"rate\">none</td>"));
    dcn__free(page);
}

static void many_classes_become_a_list_of_mistakes(void **state)
{
    enum { CLASSES = 100 };
    static int64_t confusion[CLASSES * CLASSES];
    const dcn_report_desc desc = { .title = "many", .confusion = confusion, .classes = CLASSES };
    char *page, *first, *second;

    (void)state;
    for (int i = 0; i < CLASSES; i++) {
        confusion[i * CLASSES + i] = 500;
        confusion[i * CLASSES + (i + 7) % CLASSES] = (i * 37) % 100;
    }
    page = save(&desc);
    demand_well_formed(page);
    assert_int_equal(count(page, "<tr><td>"), 30);
    first = strstr(page, "<tr><td>27</td><td>34</td><td>99 of 599</td>");
    second = strstr(page, "<tr><td>54</td><td>61</td><td>98 of 598</td>");
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first < second);
    dcn__free(page);
}

static void base64_is_rfc_4648s(void **state)
{
    const char *plain[4] = { "", "f", "fo", "foobar" };
    const char *coded[4] = { "", "Zg==", "Zm8=", "Zm9vYmFy" };

    (void)state;
    for (int i = 0; i < 4; i++) {
        dcn__string s = { 0 };

        dcn__report_base64(&s, (const uint8_t *)plain[i], strlen(plain[i]));
        assert_string_equal(s.text ? s.text : "", coded[i]);
        dcn__string_clear(&s);
    }
}

static int files_in_folder(void)
{
    dcn__names names;
    int n;

    assert_int_equal(dcn__folder_list(&names, folder, 100, NULL), DCN_OK);
    n = names.count;
    dcn__names_clear(&names);
    return n;
}

static void a_failure_leaves_the_old_page(void **state)
{
    const dcn_report_desc desc = make(false);
    struct rlimit old, small;
    dcn__bytes bytes;
    char *before = save(&desc);
    const int files = files_in_folder();
    dcn_error err;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 5000;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(dcn_report_save(&desc, path, &err), DCN_FILE);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(dcn__file_read(&bytes, path, 1 << 24, NULL), DCN_OK);
    assert_string_equal((char *)bytes.data, before);
    assert_int_equal(files_in_folder(), files);
    assert_int_equal(dcn_report_save(&desc, "/proc/nowhere/report.html", &err), DCN_FILE);
    dcn__bytes_clear(&bytes);
    dcn__free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_well_formed),
        cmocka_unit_test(text_from_outside_stays_text),
        cmocka_unit_test(nothing_is_fetched),
        cmocka_unit_test(curves_leave_gaps_and_stay_inside),
        cmocka_unit_test(axes_of_odd_ranges),
        cmocka_unit_test(the_matrix_counts_and_shades_by_row),
        cmocka_unit_test(many_classes_become_a_list_of_mistakes),
        cmocka_unit_test(base64_is_rfc_4648s),
        cmocka_unit_test(a_failure_leaves_the_old_page),
    };

    snprintf(folder, sizeof folder, "%s/view_report-%ld", DCN_TEST_TMP, (long)getpid());
    snprintf(path, sizeof path, "%s/report.html", folder);
    if (dcn__make_folder(folder, NULL))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
