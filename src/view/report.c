/* report.c - one HTML page about a run: curves, pictures, mistakes, settings.
 *
 * Nothing is fetched and no script runs: the page can be mailed, archived and opened from file://,
 * and its own policy forbids anything else. All text that comes from outside is escaped. */
#include "view/report.h"

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "codec/png.h"

#include <math.h>
#include <string.h>

static void put(dcn__string *page, const char *html)
{
    dcn__string_append(page, html, strlen(html));
}

/* ---- pictures ---------------------------------------------------------------------------- */

#ifdef DCN_HAVE_PNG

/* A picture of a few pixels is enlarged, whole pixels to whole pixels. */
static int enlargement(const dcn_image *image)
{
    enum { SIDE = 480, MOST = 8 };
    const int side = image->w > image->h ? image->w : image->h, k = SIDE / side;

    return k < 1 ? 1 : k > MOST ? MOST : k;
}

static dcn_status put_image(dcn__string *page, const dcn_report_picture *p, dcn_error *err)
{
    const int k = enlargement(p->image);
    dcn__bytes png = { NULL, 0 };
    dcn_status st = dcn__png_encode(&png, p->image, NULL, err);

    if (st)
        return st;
    dcn__string_printf(page, "<div class=\"frame\"><img%s width=\"%d\" height=\"%d\" alt=\"",
                       k > 1 ? " class=\"pixel\"" : "", p->image->w * k, p->image->h * k);
    dcn__report_text(page, p->title);
    if (p->caption) {
        put(page, ": ");
        dcn__report_text(page, p->caption);
    }
    put(page, "\" src=\"data:image/png;base64,");
    dcn__report_base64(page, png.data, png.size);
    put(page, "\"></div>\n");
    dcn__bytes_clear(&png);
    return DCN_OK;
}

#else

static dcn_status put_image(dcn__string *page, const dcn_report_picture *p, dcn_error *err)
{
    (void)p, (void)err;
    put(page, "<p class=\"note\">This build has no libpng, so the picture is left out.</p>\n");
    return DCN_OK;
}

#endif

dcn_status dcn__report_picture(dcn__string *page, const dcn_report_picture *picture, dcn_error *err)
{
    dcn_status st;

    put(page, "<figure class=\"card\"><h3>");
    dcn__report_text(page, picture->title);
    put(page, "</h3>\n");
    st = put_image(page, picture, err);
    if (picture->caption) {
        put(page, "<figcaption>");
        dcn__report_text(page, picture->caption);
        put(page, "</figcaption>\n");
    }
    put(page, "</figure>\n");
    return st;
}

/* ---- tables and figures ---------------------------------------------------------------------- */

void dcn__report_table(dcn__string *page, const dcn_report_table *table)
{
    put(page, "<section class=\"card\"><h3>");
    dcn__report_text(page, table->title);
    put(page, "</h3>\n<table class=\"keys\"><tbody>\n");
    for (int i = 0; i < table->n_rows; i++) {
        put(page, "<tr><th scope=\"row\">");
        dcn__report_text(page, table->rows[i].key);
        put(page, "</th><td>");
        dcn__report_text(page, table->rows[i].value);
        put(page, "</td></tr>\n");
    }
    put(page, "</tbody></table></section>\n");
}

static void accuracy_tile(dcn__string *page, const dcn_report_desc *d)
{
    int64_t all = 0, right = 0;

    for (int t = 0; t < d->classes; t++)
        for (int a = 0; a < d->classes; a++) {
            const int64_t n = d->confusion[(size_t)t * (size_t)d->classes + (size_t)a];

            all += n;
            right += t == a ? n : 0;
        }
    if (all > 0)
        dcn__string_printf(page, "<div class=\"card tile\"><b>%.1f %%</b><span>%lld of %lld test "
                           "pictures right</span></div>\n", 100.0 * (double)right / (double)all,
                           (long long)right, (long long)all);
}

/* A constant, such as a learning rate, is no result. */
static bool varies(const dcn_report_curve *c)
{
    for (int i = 1; i < c->n; i++)
        if (isfinite(c->y[i]) && c->y[i] != c->y[0])
            return true;
    return false;
}

/* The figures that a reader looks for first: the accuracy, and where the first curves end. */
static void put_tiles(dcn__string *page, const dcn_report_desc *d)
{
    enum { CHARTS = 3 };

    put(page, "<div class=\"tiles\">\n");
    if (d->confusion)
        accuracy_tile(page, d);
    for (int i = 0; i < d->n_charts && i < CHARTS; i++) {
        const dcn_report_chart *chart = &d->charts[i];
        double x, y;

        if (chart->n_curves < 1 || !varies(&chart->curves[0]) ||
            !isfinite(y = dcn__report_last(&chart->curves[0], &x)))
            continue;
        put(page, "<div class=\"card tile\"><b>");
        dcn__report_number(page, y);
        put(page, "</b><span>");
        dcn__report_text(page, chart->title);
        put(page, ", ");
        dcn__report_text(page, chart->curves[0].name);
        put(page, " at ");
        dcn__report_text(page, chart->x_label);
        put(page, " ");
        dcn__report_number(page, x);
        put(page, "</span></div>\n");
    }
    put(page, "</div>\n");
}

/* ---- the page -------------------------------------------------------------------------------- */

static void put_head(dcn__string *page, const dcn_report_desc *d)
{
    put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"generator\" content=\"deconvnet " DCN_VERSION "\">\n<title>");
    dcn__report_text(page, d->title);
    put(page, "</title>\n<style>\n");
    put(page, dcn__report_css);
    put(page, "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>");
    dcn__report_text(page, d->title);
    put(page, "</h1>\n");
    if (d->summary) {
        put(page, "<p class=\"summary\">");
        dcn__report_text(page, d->summary);
        put(page, "</p>\n");
    }
    put(page, "<nav aria-label=\"Sections\">");
    if (d->n_charts)
        put(page, "<a href=\"#curves\">Curves</a>");
    if (d->n_pictures)
        put(page, "<a href=\"#pictures\">Pictures</a>");
    if (d->confusion)
        put(page, "<a href=\"#classes\">Classes</a>");
    if (d->n_tables)
        put(page, "<a href=\"#details\">Details</a>");
    put(page, "</nav>\n</header>\n");
}

static dcn_status put_page(dcn__string *page, const dcn_report_desc *d, dcn_error *err)
{
    dcn_status st = DCN_OK;

    put_head(page, d);
    put_tiles(page, d);
    if (d->n_charts)
        put(page, "<h2 id=\"curves\">Curves</h2>\n<div class=\"grid\">\n");
    for (int i = 0; i < d->n_charts; i++)
        dcn__report_chart(page, &d->charts[i]);
    put(page, d->n_charts ? "</div>\n" : "");
    if (d->n_pictures)
        put(page, "<h2 id=\"pictures\">Pictures</h2>\n<div class=\"stack\">\n");
    for (int i = 0; i < d->n_pictures && !st; i++)
        st = dcn__report_picture(page, &d->pictures[i], err);
    put(page, d->n_pictures ? "</div>\n" : "");
    if (d->confusion) {
        put(page, "<h2 id=\"classes\">Classes</h2>\n");
        dcn__report_confusion(page, d);
    }
    if (d->n_tables)
        put(page, "<h2 id=\"details\">Details</h2>\n<div class=\"grid\">\n");
    for (int i = 0; i < d->n_tables; i++)
        dcn__report_table(page, &d->tables[i]);
    put(page, d->n_tables ? "</div>\n" : "");
    put(page, "<footer>Made by deconvnet " DCN_VERSION ". This page is complete in itself: it "
        "loads nothing.</footer>\n</main>\n</body>\n</html>\n");
    return st;
}

dcn_status dcn_report_save(const dcn_report_desc *desc, const char *path, dcn_error *err)
{
    const locale_t before = dcn__locale_enter();
    dcn__string page = { 0 };
    dcn_status st = put_page(&page, desc, err);

    dcn__locale_leave(before);
    if (!st && page.failed)
        st = dcn__fail_memory(err, "a report", page.length);
    if (!st)
        st = dcn__file_write(path, page.text, page.length, err);
    dcn__string_clear(&page);
    return st;
}
