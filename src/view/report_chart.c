/* report_chart.c - a line chart as inline SVG.
 *
 * Colours and type come from the page's style. A long, noisy curve is drawn twice, faintly as it
 * is and boldly as a running mean, and a note says so. Values that are not finite leave a gap. */
#include "view/report.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 520, HEIGHT = 270, LEFT = 52, RIGHT = 10, TOP = 32, BOTTOM = 44,
       COLORS = 6, TICKS = 6, SMOOTH_FROM = 120, BUCKETS = 500, DOTS = 120, DOTS_SEEN = 24 };

typedef struct axis {
    double low, high, step;
    double from, to;            /* pixels of low and high */
} axis;

/* Larger values than these are drawn no more than infinite ones are: their difference overflows. */
static bool drawable(double v)
{
    return fabs(v) < 1e300;     /* false for NaN */
}

static double place(const axis *a, double v)
{
    return a->from + (v - a->low) / (a->high - a->low) * (a->to - a->from);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS steps span the range. */
static double nice_step(double range)
{
    const double rough = range / TICKS, power = pow(10, floor(log10(rough))), r = rough / power;

    return power * (r <= 1 ? 1 : r <= 2 ? 2 : r <= 5 ? 5 : 10);
}

static bool measure(const dcn_report_chart *chart, axis *x, axis *y)
{
    x->low = y->low = INFINITY;
    x->high = y->high = -INFINITY;
    for (int k = 0; k < chart->n_curves; k++) {
        const dcn_report_curve *c = &chart->curves[k];

        for (int i = 0; i < c->n; i++) {
            if (!drawable(c->x[i]) || !drawable(c->y[i]))
                continue;
            x->low = fmin(x->low, c->x[i]);
            x->high = fmax(x->high, c->x[i]);
            y->low = fmin(y->low, c->y[i]);
            y->high = fmax(y->high, c->y[i]);
        }
    }
    return x->low <= x->high;
}

/* A range without extent gets one; a range near zero begins there. */
static void settle(axis *a, bool round_up)
{
    if (a->high - a->low <= fabs(a->high) * 1e-12) {
        const double v = a->low;

        a->low = v > 0 ? 0 : v < 0 ? v * 1.5 : 0;
        a->high = v > 0 ? v * 1.5 : v < 0 ? 0 : 1;
    }
    if (a->low > 0 && a->low < a->high * (round_up ? 0.4 : 0.05))
        a->low = 0;
    a->step = nice_step(a->high - a->low);
    if (round_up) {
        a->low = floor(a->low / a->step + 1e-9) * a->step;
        a->high = ceil(a->high / a->step - 1e-9) * a->step;
    }
}

static void tick_text(dcn__string *page, double v, double step)
{
    const int decimals = (int)fmax(0, -floor(log10(step) + 1e-9));

    if (fabs(v) < step * 1e-6)
        dcn__string_append(page, "0", 1);
    else if (decimals > 4 || fabs(v) >= 1e7) {
        const double power = floor(log10(fabs(v)) + 1e-9);

        dcn__string_printf(page, "%.3ge%.0f", v / pow(10, power), power);
    } else
        dcn__string_printf(page, "%.*f", decimals, v);
}

static void draw_axes(dcn__string *page, const dcn_report_chart *chart, const axis *x,
                      const axis *y)
{
    const double first_x = ceil(x->low / x->step - 1e-9), first_y = ceil(y->low / y->step - 1e-9);

    for (int i = 0; i < 3 * TICKS && (first_y + i) * y->step <= y->high + y->step * 1e-6; i++) {
        const double v = (first_y + i) * y->step, py = place(y, v);

        dcn__string_printf(page, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                           "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                           i ? "tick" : "axis", LEFT, WIDTH - RIGHT, py, py, LEFT - 8, py + 4.5);
        tick_text(page, v, y->step);
        dcn__string_printf(page, "</text>\n");
    }
    for (int i = 0; i < 3 * TICKS && (first_x + i) * x->step <= x->high + x->step * 1e-6; i++) {
        const double v = (first_x + i) * x->step, px = place(x, v);

        dcn__string_printf(page, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
                           "y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">", px, px,
                           HEIGHT - BOTTOM, HEIGHT - BOTTOM + 5, px, HEIGHT - BOTTOM + 20,
                           px > WIDTH - RIGHT - 12 ? "end" : "middle");
        tick_text(page, v, x->step);
        dcn__string_printf(page, "</text>\n");
    }
    dcn__string_printf(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                       (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4);
    dcn__report_text(page, chart->x_label);
    dcn__string_printf(page, "</text>\n<text x=\"0\" y=\"12\">");
    dcn__report_text(page, chart->y_label);
    dcn__string_printf(page, "</text>\n");
}

/* ---- curves ------------------------------------------------------------------------------ */

typedef struct trace { dcn__string *page; const axis *x, *y; bool down; } trace;

static void trace_to(trace *t, double x, double y)
{
    if (!drawable(x) || !drawable(y)) {
        t->down = false;
        return;
    }
    dcn__string_printf(t->page, "%c%.1f %.1f", t->down ? 'L' : 'M', place(t->x, x), place(t->y, y));
    t->down = true;
}

/* All points, or of each of BUCKETS stretches the lowest and the highest, in their order. */
static void trace_points(trace *t, const dcn_report_curve *c)
{
    if (c->n <= 2 * BUCKETS) {
        for (int i = 0; i < c->n; i++)
            trace_to(t, c->x[i], c->y[i]);
        return;
    }
    for (int b = 0; b < BUCKETS; b++) {
        const int from = (int)((int64_t)c->n * b / BUCKETS);
        const int to = (int)((int64_t)c->n * (b + 1) / BUCKETS);
        int low = -1, high = -1;

        for (int i = from; i < to; i++) {
            if (!drawable(c->x[i]) || !drawable(c->y[i]))
                continue;
            low = low < 0 || c->y[i] < c->y[low] ? i : low;
            high = high < 0 || c->y[i] > c->y[high] ? i : high;
        }
        if (low < 0) {
            t->down = false;
            continue;
        }
        trace_to(t, c->x[low < high ? low : high], c->y[low < high ? low : high]);
        if (low != high)
            trace_to(t, c->x[low < high ? high : low], c->y[low < high ? high : low]);
    }
}

static int mean_half(int n)
{
    return n / 60 + 1;
}

/* The mean of each point and `half` neighbours on both sides, by adding at the front of a moving
 * window and taking away at its end. */
static void trace_mean(trace *t, const dcn_report_curve *c)
{
    const int half = mean_half(c->n), stride = c->n / BUCKETS + 1;
    int from = 0, to = 0, count = 0;
    double sum = 0;

    for (int i = 0; i < c->n; i++) {
        for (; to < c->n && to <= i + half; to++)
            if (drawable(c->y[to])) {
                sum += c->y[to];
                count++;
            }
        for (; from < i - half; from++)
            if (drawable(c->y[from])) {
                sum -= c->y[from];
                count--;
            }
        if (i % stride == 0 || i == c->n - 1)
            trace_to(t, c->x[i], count && drawable(c->y[i]) ? sum / count : NAN);
    }
}

static void draw_path(dcn__string *page, const dcn_report_curve *c, const axis *x, const axis *y,
                      const char *class_name, void (*points)(trace *, const dcn_report_curve *))
{
    trace t = { page, x, y, false };

    dcn__string_printf(page, "<path%s d=\"", class_name);
    points(&t, c);
    dcn__string_printf(page, "\"/>\n");
}

/* Dots that say their value under the pointer; of a short curve they are always seen. */
static void draw_dots(dcn__string *page, const dcn_report_chart *chart, const dcn_report_curve *c,
                      const axis *x, const axis *y)
{
    const int stride = (c->n + DOTS - 1) / DOTS;

    for (int i = 0; i < c->n; i += stride) {
        if (!drawable(c->x[i]) || !drawable(c->y[i]))
            continue;
        dcn__string_printf(page, "<circle%s cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>",
                           c->n <= DOTS_SEEN ? " class=\"seen\"" : "", place(x, c->x[i]),
                           place(y, c->y[i]), c->n <= DOTS_SEEN ? "4" : "5");
        dcn__report_text(page, c->name);
        dcn__string_printf(page, ", ");
        dcn__report_text(page, chart->x_label);
        dcn__string_printf(page, " ");
        dcn__report_number(page, c->x[i]);
        dcn__string_printf(page, ": ");
        dcn__report_number(page, c->y[i]);
        dcn__string_printf(page, "</title></circle>\n");
    }
}

static void draw_legend(dcn__string *page, const dcn_report_chart *chart)
{
    dcn__string_printf(page, "<ul class=\"legend\">");
    for (int k = 0; k < chart->n_curves; k++) {
        double x;
        const double last = dcn__report_last(&chart->curves[k], &x);

        dcn__string_printf(page, "<li style=\"--c:var(--c%d)\"><i></i>", k % COLORS);
        dcn__report_text(page, chart->curves[k].name);
        if (isfinite(last)) {
            dcn__string_printf(page, "<b>");
            dcn__report_number(page, last);
            dcn__string_printf(page, "</b>");
        }
        dcn__string_printf(page, "</li>\n");
    }
    dcn__string_printf(page, "</ul>\n");
}

void dcn__report_chart(dcn__string *page, const dcn_report_chart *chart)
{
    axis x = { .from = LEFT, .to = WIDTH - RIGHT }, y = { .from = HEIGHT - BOTTOM, .to = TOP };
    int smoothed = 0;

    dcn__string_printf(page, "<figure class=\"card chart\"><h3>");
    dcn__report_text(page, chart->title);
    dcn__string_printf(page, "</h3>\n");
    draw_legend(page, chart);
    if (!measure(chart, &x, &y)) {
        dcn__string_printf(page, "<p class=\"note\">There are no values to draw.</p></figure>\n");
        return;
    }
    settle(&x, false);
    settle(&y, true);
    dcn__string_printf(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                       "role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    dcn__report_text(page, chart->title);
    dcn__string_printf(page, "\">\n");
    draw_axes(page, chart, &x, &y);
    for (int k = 0; k < chart->n_curves; k++) {
        const dcn_report_curve *c = &chart->curves[k];
        const bool smooth = c->n >= SMOOTH_FROM;

        dcn__string_printf(page, "<g style=\"--c:var(--c%d)\">\n", k % COLORS);
        draw_path(page, c, &x, &y, smooth ? " class=\"raw\"" : "", trace_points);
        if (smooth)
            draw_path(page, c, &x, &y, "", trace_mean);
        draw_dots(page, chart, c, &x, &y);
        dcn__string_printf(page, "</g>\n");
        smoothed = smooth && c->n > smoothed ? c->n : smoothed;
    }
    dcn__string_printf(page, "</svg>\n");
    if (smoothed)
        dcn__string_printf(page, "<p class=\"note\">Faint: every value. Bold: the mean of %d "
                           "neighbouring values.</p>\n", 2 * mean_half(smoothed) + 1);
    dcn__string_printf(page, "</figure>\n");
}
