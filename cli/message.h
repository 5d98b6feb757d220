/* message.h - what the command says: errors, notes, results.
 *
 * Results go to standard output; notes, progress and the one error line go to standard error. This
 * file is also the command's door to the heap: without memory a command ends, and says so. */
#ifndef DCN_CLI_MESSAGE_H
#define DCN_CLI_MESSAGE_H

#include "deconvnet.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* No file that is opened later may get number 0, 1 or 2. A closed one is replaced by something that
 * refuses to be used, so that a lost result is noticed. */
void cli_open_standard_files(void);

/* The format holds "WHAT; WHAT TO DO". Returns status. */
dcn_status cli_fail(dcn_error *err, dcn_status status, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* For a mistake in the arguments, before anything has begun: the error line, then exit(status). */
_Noreturn void cli_die(dcn_status status, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The one line of a failure. */
void cli_print_error(const dcn_error *err);
/* Are all results out? DCN_FILE if not: a full disk, a reader that has gone. */
dcn_status cli_finish_output(dcn_error *err);

typedef enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER } cli_color;

/* How much is said: -1 only errors, 0 the usual, 1 more. */
void cli_set_verbosity(int level);
void cli_set_color(cli_color when);
int cli_verbosity(void);
/* A line on standard error, not with -q. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Only with -v. */
void cli_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* May `file` be written to in colour? --color, NO_COLOR, TERM=dumb, a terminal or not. */
bool cli_colors(FILE *file);
/* "" or an escape sequence for bold, dim, plain. */
const char *cli_bold(FILE *file);
const char *cli_dim(FILE *file);
const char *cli_plain(FILE *file);

/* One line of UTF-8 without control bytes; what is neither becomes \xNN. */
size_t cli_escape(char *out, size_t size, const char *text);
/* Valid UTF-8, control bytes as they are. */
size_t cli_utf8(char *out, size_t size, const char *text);

/* Zeroed; they end the command with status 5 if there is no memory. */
void *cli_alloc(size_t count, size_t size);
void *cli_grow(void *memory, size_t count, size_t size);
char *cli_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
