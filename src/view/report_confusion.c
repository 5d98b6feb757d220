/* report_confusion.c - which classes were taken for which.
 *
 * Up to MATRIX_MAX classes: the whole matrix, each row shaded by its own share, so that rare
 * classes can be read as well as common ones. More classes: the commonest mistakes as a list. */
#include "view/report.h"

#include <math.h>

enum { MATRIX_MAX = 40, LIST_MAX = 30 };

static void class_name(dcn__string *page, const dcn_report_desc *d, int i)
{
    if (d->class_names && d->class_names[i])
        dcn__report_text(page, d->class_names[i]);
    else
        dcn__string_printf(page, "%d", i);
}

static int64_t row_sum(const dcn_report_desc *d, int truth)
{
    int64_t sum = 0;

    for (int i = 0; i < d->classes; i++)
        sum += d->confusion[(size_t)truth * (size_t)d->classes + (size_t)i];
    return sum;
}

static void matrix_row(dcn__string *page, const dcn_report_desc *d, int truth)
{
    const int64_t *row = d->confusion + (size_t)truth * (size_t)d->classes, sum = row_sum(d, truth);

    dcn__string_printf(page, "<tr><th scope=\"row\">");
    class_name(page, d, truth);
    dcn__string_printf(page, "</th>\n");
    for (int i = 0; i < d->classes; i++) {
        const double share = sum > 0 ? (double)row[i] / (double)sum : 0;
        const double shade = 0.04 + 0.96 * pow(share, 0.7);    /* small shares are seen too */

        if (row[i] == 0) {
            dcn__string_printf(page, "<td class=\"none\" style=\"--heat:0 0 0;--a:0\">0</td>\n");
            continue;
        }
        dcn__string_printf(page, "<td class=\"%s\" style=\"--a:%.3f\" title=\"",
                           i == truth ? "right" : "wrong", shade);
        class_name(page, d, truth);
        dcn__string_printf(page, " taken for ");
        class_name(page, d, i);
        dcn__string_printf(page, ": %lld of %lld (%.1f %%)\">%lld</td>\n", (long long)row[i],
                           (long long)sum, 100 * share, (long long)row[i]);
    }
    if (sum > 0) {
        const double share = (double)row[truth] / (double)sum;

        dcn__string_printf(page, "<td class=\"rate\" style=\"--a:%.3f\"><i></i>%.1f %%</td></tr>\n",
                           share, 100 * share);
    } else {
        dcn__string_printf(page, "<td class=\"rate\">none</td></tr>\n");
    }
}

static void matrix(dcn__string *page, const dcn_report_desc *d)
{
    dcn__string_printf(page, "<p class=\"axes\">Rows: what the picture shows. Columns: what the "
                       "network says. Shading: share of the row.</p>\n<div class=\"scroll\">"
                       "<table class=\"matrix\"><thead><tr><td class=\"rate\"></td>");
    for (int i = 0; i < d->classes; i++) {
        dcn__string_printf(page, "<th scope=\"col\"><span>");
        class_name(page, d, i);
        dcn__string_printf(page, "</span></th>\n");
    }
    dcn__string_printf(page, "<th scope=\"col\">accuracy</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < d->classes; i++)
        matrix_row(page, d, i);
    dcn__string_printf(page, "</tbody></table></div>\n");
}

typedef struct mistake { int truth, answer; int64_t count; } mistake;

static void mistakes(dcn__string *page, const dcn_report_desc *d)
{
    mistake worst[LIST_MAX + 1];
    int n = 0;

    for (int t = 0; t < d->classes; t++)
        for (int a = 0; a < d->classes; a++) {
            mistake m = { t, a, d->confusion[(size_t)t * (size_t)d->classes + (size_t)a] };

            if (t == a || m.count == 0 || (n == LIST_MAX && m.count <= worst[n - 1].count))
                continue;
            for (int i = n++; i >= 0; i--) {       /* insert in falling order */
                if (i == 0 || worst[i - 1].count >= m.count) {
                    worst[i] = m;
                    break;
                }
                worst[i] = worst[i - 1];
            }
            n = n > LIST_MAX ? LIST_MAX : n;
        }
    dcn__string_printf(page, "<p class=\"axes\">The most frequent mistakes among %d classes.</p>\n"
                       "<table class=\"list\"><thead><tr><th scope=\"col\">shows</th>"
                       "<th scope=\"col\">taken for</th><th scope=\"col\">pictures</th></tr>"
                       "</thead><tbody>\n", d->classes);
    for (int i = 0; i < n; i++) {
        dcn__string_printf(page, "<tr><td>");
        class_name(page, d, worst[i].truth);
        dcn__string_printf(page, "</td><td>");
        class_name(page, d, worst[i].answer);
        dcn__string_printf(page, "</td><td>%lld of %lld</td></tr>\n", (long long)worst[i].count,
                           (long long)row_sum(d, worst[i].truth));
    }
    dcn__string_printf(page, "</tbody></table>\n");
}

void dcn__report_confusion(dcn__string *page, const dcn_report_desc *desc)
{
    dcn__string_printf(page, "<div class=\"card\">\n");
    if (desc->classes <= MATRIX_MAX)
        matrix(page, desc);
    else
        mistakes(page, desc);
    dcn__string_printf(page, "</div>\n");
}
