/* message.c - the error line, notes, colours, memory. It decides nothing about a command. */
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The whole line, newline included, must stay within 400 bytes. */
enum { WHERE_MAX = 150, TEXT_MAX = 375 };

static int verbosity;
static cli_color color = CLI_COLOR_AUTO;

void cli_open_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* The lowest free number is this one. Opened the wrong way round: writing must fail. */
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            _exit(DCN_FILE);
    }
}

/* ---- text that came from outside ------------------------------------------------------------ */

/* The length of the well-formed UTF-8 character at `s`, 0 if there is none. */
static int character_length(const unsigned char *s)
{
    static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned value;
    int n;

    if (s[0] < 0x80)
        return 1;
    n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xc2
        && s[0] < 0xe0 ? 2 : 0;
    if (!n)
        return 0;
    value = s[0] & (0x7fu >> n);
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3f);
    }
    return value < least[n] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)
        || (value >= 0x80 && value < 0xa0) ? 0 : n;
}

/* U+2028 and U+2029 break lines, and marks such as U+202E turn what follows them about: in a line about
 * somebody's file neither is wanted. (The library does the same.) */
static bool drives_lines(const unsigned char *s)
{
    return s[0] == 0xe2
           && ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae)
               || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

static size_t escape(char *out, size_t size, const char *text, bool controls)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0;

    while (*s && size) {
        const int n = character_length(s);

        if (n == 0 || (controls && (*s < 0x20 || *s == 0x7f || (n == 3 && drives_lines(s))))) {
            if (used + 5 > size)
                break;
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", *s);
            s++;
        } else {
            if (used + (size_t)n + 1 > size)
                break;
            memcpy(out + used, s, (size_t)n);
            used += (size_t)n;
            s += n;
        }
    }
    if (size)
        out[used] = '\0';
    return used;
}

size_t cli_escape(char *out, size_t size, const char *text)
{
    return escape(out, size, text, true);
}

size_t cli_utf8(char *out, size_t size, const char *text)
{
    return escape(out, size, text, false);
}

/* ---- errors --------------------------------------------------------------------------------- */

static void compose(dcn_error *err, dcn_status status, const char *where, const char *format,
                    va_list args)
{
    char raw[2048], what[TEXT_MAX * 3], place[WHERE_MAX + 8];
    const size_t n = strlen(where);
    const char *advice;
    size_t used, room, keep;

    if (n > WHERE_MAX) {
        snprintf(raw, sizeof raw, "...%s", where + n - (WHERE_MAX - 3));
        cli_escape(place, sizeof place, raw);
    } else {
        cli_escape(place, sizeof place, where);
    }
    vsnprintf(raw, sizeof raw, format, args);
    cli_escape(what, sizeof what, raw);
    err->status = status;
    used = (size_t)snprintf(err->text, TEXT_MAX, "%s: ", place);
    room = TEXT_MAX - used;
    if (strlen(what) < room) {
        memcpy(err->text + used, what, strlen(what) + 1);
        return;
    }
    /* Too long: the middle goes, the advice stays. */
    advice = strrchr(what, ';');
    keep = advice && strlen(advice) + 8 < room ? room - strlen(advice) - 5 : room - 5;
    while (keep > 0 && ((unsigned char)what[keep] & 0xc0) == 0x80)
        keep--;
    snprintf(err->text + used, sizeof err->text - used, "%.*s...%s", (int)keep, what,
             advice && strlen(advice) + 8 < room ? advice : "");
}

dcn_status cli_fail(dcn_error *err, dcn_status status, const char *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    compose(err, status, where, format, args);
    va_end(args);
    return status;
}

void cli_print_error(const dcn_error *err)
{
    char line[sizeof err->text + 32];
    const int n = snprintf(line, sizeof line, "deconvnet: error: %s\n",
                           err->text[0] ? err->text
                           : "deconvnet: failed without a reason; please report this");

    fflush(stdout);
    /* One write, so that lines of programs that share the terminal do not mix. */
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}

void cli_die(dcn_status status, const char *where, const char *format, ...)
{
    dcn_error err;
    va_list args;

    va_start(args, format);
    compose(&err, status, where, format, args);
    va_end(args);
    cli_print_error(&err);
    exit(status);
}

/* An earlier write's errno is lost, but the pipe still knows. */
static bool reader_has_gone(void)
{
    struct pollfd output = { .fd = STDOUT_FILENO };

    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

dcn_status cli_finish_output(dcn_error *err)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return DCN_OK;
    if (errno == EPIPE || reader_has_gone())
        return cli_fail(err, DCN_FILE, "standard output",
                        "its reader has gone before the end; read all of it");
    return cli_fail(err, DCN_FILE, "standard output", "cannot write to it (%s); free some space or "
                    "send it elsewhere", errno ? strerror(errno) : "an earlier write failed");
}

/* ---- notes ---------------------------------------------------------------------------------- */

void cli_set_verbosity(int level)
{
    verbosity = level;
}

int cli_verbosity(void)
{
    return verbosity;
}

void cli_set_color(cli_color when)
{
    color = when;
}

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static void say(const char *format, va_list args)
{
    char raw[4096], line[4096];

    vsnprintf(raw, sizeof raw, format, args);
    cli_escape(line, sizeof line, raw);
    fprintf(stderr, "deconvnet: %s\n", line);
}

void cli_note(const char *format, ...)
{
    va_list args;

    if (verbosity < 0)
        return;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

void cli_detail(const char *format, ...)
{
    va_list args;

    if (verbosity < 1)
        return;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

bool cli_colors(FILE *file)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    if (color != CLI_COLOR_AUTO)
        return color == CLI_COLOR_ALWAYS;
    return !(none && *none) && term && *term && strcmp(term, "dumb") != 0 && isatty(fileno(file));
}

const char *cli_bold(FILE *file)
{
    return cli_colors(file) ? "\033[1m" : "";
}

const char *cli_dim(FILE *file)
{
    return cli_colors(file) ? "\033[2m" : "";
}

const char *cli_plain(FILE *file)
{
    return cli_colors(file) ? "\033[0m" : "";
}

/* ---- memory --------------------------------------------------------------------------------- */

static _Noreturn void no_memory(size_t count, size_t size)
{
    cli_die(DCN_MEMORY, "memory",
            "%zu x %zu bytes are not to be had; use fewer or smaller pictures, or a smaller "
            "--batch-size",
            count, size);
}

void *cli_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);

    if (!memory)
        no_memory(count, size);
    return memory;
}

void *cli_grow(void *memory, size_t count, size_t size)
{
    size_t bytes;
    void *grown = NULL;

    if (!__builtin_mul_overflow(count, size, &bytes))
        grown = realloc(memory, bytes ? bytes : 1);
    if (!grown)
        no_memory(count, size);
    return grown;
}

char *cli_text(const char *format, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = cli_alloc(n < 0 ? 1 : (size_t)n + 1, 1);
    va_start(args, format);
    if (n >= 0)
        vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}
