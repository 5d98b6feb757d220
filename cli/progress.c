/* progress.c - draws "train [=====     ] 40 %  600/1500 steps, 22/s, 27 s left". */
#include "progress.h"

#include "message.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double cli_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cli_progress_begin(cli_progress *p, const cli_shared *shared, const char *what,
                        const char *unit)
{
    const char *term = getenv("TERM");

    *p = (cli_progress){ .what = what, .unit = unit, .began = cli_seconds(), .first = -1 };
    p->on = !shared->no_progress && cli_verbosity() >= 0 && term && strcmp(term, "dumb") != 0
            && isatty(STDERR_FILENO);
}

static int terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void write_time(char *out, size_t size, double seconds)
{
    if (seconds < 100)
        snprintf(out, size, "%.0f s", seconds);
    else if (seconds < 6000)
        snprintf(out, size, "%.0f min", seconds / 60);
    else
        snprintf(out, size, "%.1f h", seconds / 3600);
}

/* "600/1500 steps, 22/s, 27 s left": the rate is that of this run's own steps. */
static void write_counts(char *out, size_t size, const cli_progress *p, int64_t done, int64_t total,
                         double seconds)
{
    const double rate = seconds > 1 ? (double)(done - p->first) / seconds : 0;
    char left[32];
    size_t n = (size_t)snprintf(out, size, "%lld", (long long)done);

    if (total > 0)
        n += (size_t)snprintf(out + n, size - n, "/%lld", (long long)total);
    n += (size_t)snprintf(out + n, size - n, " %s", p->unit);
    if (rate > 0)
        n += (size_t)snprintf(out + n, size - n, rate < 10 ? ", %.1f/s" : ", %.0f/s", rate);
    if (rate > 0 && total > 0) {
        write_time(left, sizeof left, (double)(total - done) / rate);
        snprintf(out + n, size - n, ", %s left", left);
    }
}

void cli_progress_draw(cli_progress *p, int64_t done, int64_t total, const char *note)
{
    enum { BAR = 24, BAR_MIN = 6 };
    static const char full[] = "========================", none[] = "                        ";
    const double now = cli_seconds(), share = total > 0 ? (double)done / (double)total : 0;
    char counts[128], line[256];
    int filled, bar, width;

    if (p->first < 0)
        p->first = done;
    if (!p->on || (now - p->drawn < 0.1 && done != total))
        return;
    p->drawn = now;
    width = terminal_width() - 1;
    write_counts(counts, sizeof counts, p, done, total, now - p->began);
    if (total > 0) {
        /* In a narrow terminal the bar gives way to the numbers. */
        bar = width - (int)(strlen(p->what) + strlen(counts) + strlen(note ? note : "") + 12);
        bar = bar > BAR ? BAR : bar < BAR_MIN ? BAR_MIN : bar;
        filled = (int)(share * bar);
        filled = filled < 0 ? 0 : filled > bar ? bar : filled;
        snprintf(line, sizeof line, "%s [%.*s%.*s] %3.0f %%  %s%s", p->what, filled, full,
                 bar - filled, none, floor(100 * share), counts, note ? note : "");
    } else {
        snprintf(line, sizeof line, "%s %s%s", p->what, counts, note ? note : "");
    }
    fprintf(stderr, "\r\033[K%.*s", width > 0 ? width : 1, line);
    fflush(stderr);
}

void cli_progress_clear(cli_progress *p)
{
    if (!p->on || p->drawn == 0)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->drawn = 0;
}
