/* progress.h - one line that moves, on standard error, and only where it can be seen. */
#ifndef DCN_CLI_PROGRESS_H
#define DCN_CLI_PROGRESS_H

#include "options.h"

typedef struct cli_progress {
    bool on;
    const char *what, *unit;   /* "train", "steps" */
    double began, drawn;       /* seconds, monotonic */
    int64_t first;             /* where this run began, for the time that is left */
} cli_progress;

/* Off if standard error is no terminal, with -q, --no-progress or TERM=dumb. */
void cli_progress_begin(cli_progress *p, const cli_shared *shared, const char *what,
                        const char *unit);
/* note: a few words at the end of the line, or NULL. Draws at most ten times a second. */
void cli_progress_draw(cli_progress *p, int64_t done, int64_t total, const char *note);
/* Takes the line away, before anything else is printed. */
void cli_progress_clear(cli_progress *p);

double cli_seconds(void);

#endif
