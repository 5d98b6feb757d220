/* progress.c - draws "train [=====     ] 40 %  600/1500 steps, 27 s left". */
#include "progress.h"

#include "message.h"

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

void cli_progress_draw(cli_progress *p, int64_t done, int64_t total, const char *note)
{
    enum { BAR = 24 };
    static const char full[] = "========================", none[] = "                        ";
    const double now = cli_seconds(), share = total > 0 ? (double)done / (double)total : 0;
    char left[32] = "", line[256];
    int filled, width;

    if (p->first < 0)
        p->first = done;
    if (!p->on || (now - p->drawn < 0.1 && done != total))
        return;
    p->drawn = now;
    if (done > p->first && now - p->began > 1)
        write_time(left, sizeof left, (now - p->began) * (double)(total - done)
                   / (double)(done - p->first));
    filled = (int)(share * BAR);
    filled = filled < 0 ? 0 : filled > BAR ? BAR : filled;
    if (total > 0)
        snprintf(line, sizeof line, "%s [%.*s%.*s] %3.0f %%  %lld/%lld %s%s%s%s%s", p->what, filled,
                 full, BAR - filled, none, 100 * share, (long long)done, (long long)total, p->unit,
                 *left ? ", " : "", left, *left ? " left" : "", note ? note : "");
    else
        snprintf(line, sizeof line, "%s %lld %s%s", p->what, (long long)done, p->unit,
                 note ? note : "");
    width = terminal_width();
    fprintf(stderr, "\r\033[K%.*s", width > 1 ? width - 1 : 1, line);
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
