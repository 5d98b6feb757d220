/* options.c - parses arguments with argp and explains wrong ones. It knows no command. */
#include "options.h"

#include "json.h"
#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is being parsed, for the error line: the tables and, if it is one, the variable. */
static const struct argp_option *table;
static const char *command_name = "";
static const char *variable;

void cli_environment_name(char *name, size_t size, const char *option)
{
    size_t n = (size_t)snprintf(name, size, "DECONVNET_");

    for (; *option && n + 1 < size; option++)
        name[n++] = *option == '-' ? '_' : (char)toupper((unsigned char)*option);
    name[n] = '\0';
}

static bool is_end(const struct argp_option *o)
{
    return !o->name && !o->key && !o->doc && !o->group;
}

const char *cli_source(int key)
{
    static char name[80];

    if (variable)
        return variable;
    for (const struct argp_option *o = table; o && !is_end(o); o++) {
        if (o->name && o->key == key) {
            snprintf(name, sizeof name, "--%s", o->name);
            return name;
        }
    }
    return "arguments";
}

/* ---- values --------------------------------------------------------------------------------- */

int64_t cli_parse_int(int key, const char *arg, int64_t min, int64_t max)
{
    const char *digits = *arg == '-' ? arg + 1 : arg;
    long long value;

    errno = 0;
    value = strtoll(arg, NULL, 10);
    if (!*digits || digits[strspn(digits, "0123456789")] != '\0')
        cli_die(DCN_USAGE, cli_source(key),
                "\"%.60s\" is not a whole number; give one from %lld to %lld",
                arg, (long long)min, (long long)max);
    if (errno || value < min || value > max)
        cli_die(DCN_USAGE, cli_source(key),
                "%.60s is outside %lld..%lld; give a number in that range", arg, (long long)min,
                (long long)max);
    return value;
}

double cli_parse_real(int key, const char *arg, double min, double max)
{
    char *end;
    const double value = strtod(arg, &end);    /* the C locale: the command never sets another */

    if (!*arg || *end || !strchr("0123456789.-", *arg) || strpbrk(arg, "xX"))
        cli_die(DCN_USAGE, cli_source(key),
                "\"%.60s\" is not a number; write it like 0.001 or 1e-3", arg);
    if (!isfinite(value) || value < min || value > max)
        cli_die(DCN_USAGE, cli_source(key), "%.60s is outside %g..%g; give a number in that range",
                arg, min, max);
    return value;
}

int cli_parse_reals(int key, const char *arg, double min, double max, float *values, int n)
{
    int found = 0;

    for (;;) {
        const size_t length = strcspn(arg, ",");
        char number[40];

        if (found == n)
            cli_die(DCN_USAGE, cli_source(key), "more than %d numbers are given; give 1 or %d", n,
                    n);
        snprintf(number, sizeof number, "%.*s", (int)(length < 39 ? length : 39), arg);
        values[found++] = (float)cli_parse_real(key, number, min, max);
        if (!arg[length])
            return found;
        arg += length + 1;
    }
}

void cli_parse_size(int key, const char *arg, int size[2])
{
    enum { SIDE = 32768 };
    const size_t length = strcspn(arg, "x");
    char number[40];

    snprintf(number, sizeof number, "%.*s", (int)(length < 39 ? length : 39), arg);
    size[0] = (int)cli_parse_int(key, number, 1, SIDE);
    size[1] = arg[length] ? (int)cli_parse_int(key, arg + length + 1, 1, SIDE) : 0;
}

char *cli_parse_name(int key, char *arg)
{
    if (!*arg)
        cli_die(DCN_USAGE, cli_source(key), "an empty name is given; give one or leave it out");
    return arg;
}

int cli_parse_word(int key, const char *arg, const char *const *words)
{
    char list[200] = "";
    size_t used = 0;

    for (int i = 0; words[i]; i++) {
        if (!strcmp(arg, words[i]))
            return i;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
    }
    cli_die(DCN_USAGE, cli_source(key), "\"%.60s\" is not known here; give one of %s", arg, list);
}

/* Edit distance (Levenshtein) of short words. */
static int distance(const char *a, const char *b)
{
    enum { MAX = 40 };
    int row[MAX + 1];
    const int n = (int)strlen(b);

    if (n > MAX || strlen(a) > MAX)
        return MAX;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];

        row[0] = i;
        for (int j = 1; j <= n; j++) {
            const int above = row[j];
            int best = diagonal + (a[i - 1] != b[j - 1]);

            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, const char *const *words)
{
    const int limit = strlen(word) < 4 ? 1 : strlen(word) < 7 ? 2 : 3;
    const char *nearest = NULL;
    int least = limit + 1;

    for (int i = 0; words[i]; i++) {
        const int d = distance(word, words[i]);

        if (d < least) {
            least = d;
            nearest = words[i];
        }
    }
    return nearest;
}

/* ---- wrong options: argp only says that there is one ---------------------------------------- */

static _Noreturn void unknown_option(const char *option, size_t length)
{
    const char *words[64], *near;
    char word[64];
    int n = 0;

    snprintf(word, sizeof word, "%.*s", (int)length, option);
    for (const struct argp_option *o = table; !is_end(o) && n < 63; o++)
        if (o->name && !(o->flags & OPTION_HIDDEN))
            words[n++] = o->name;
    words[n] = NULL;
    near = cli_nearest(word, words);
    if (near)
        cli_die(DCN_USAGE, "arguments", "the option --%s is unknown; did you mean --%s?", word,
                near);
    cli_die(DCN_USAGE, "arguments", "the option --%s is unknown; see %s --help", word,
            command_name);
}

/* getopt's rule: the whole name, or a beginning that only one option has. */
static const struct argp_option *find_long(const char *arg, size_t length, int *matches)
{
    const struct argp_option *found = NULL;

    *matches = 0;
    for (const struct argp_option *o = table; !is_end(o); o++) {
        if (!o->name || strncmp(o->name, arg, length) != 0)
            continue;
        found = o;
        ++*matches;
        if (o->name[length] == '\0') {
            *matches = 1;
            return o;
        }
    }
    return found;
}

/* True if the option takes the next argument. */
static bool check_long(const char *arg, bool last)
{
    const size_t length = strcspn(arg, "=");
    int matches;
    const struct argp_option *found = find_long(arg, length, &matches);

    if (matches == 0)
        unknown_option(arg, length);
    if (matches > 1)
        cli_die(DCN_USAGE, "arguments", "--%.*s may mean --%s and others; write it in full",
                (int)length, arg, found->name);
    if (!found->arg && arg[length])
        cli_die(DCN_USAGE, "arguments", "--%s takes no value; leave out what follows the =",
                found->name);
    if (found->arg && !arg[length] && last)
        cli_die(DCN_USAGE, "arguments", "--%s needs a value; give %s", found->name, found->arg);
    return found->arg && !arg[length];
}

/* True if the cluster's last option takes the next argument. */
static bool check_short(const char *arg, bool last)
{
    for (; *arg; arg++) {
        const struct argp_option *o = table;

        while (!is_end(o) && o->key != (unsigned char)*arg)
            o++;
        if (is_end(o))
            cli_die(DCN_USAGE, "arguments", "the option -%c is unknown; see %s --help", *arg,
                    command_name);
        if (!o->arg)
            continue;
        if (!arg[1] && last)
            cli_die(DCN_USAGE, "arguments", "-%c needs a value; give %s", *arg, o->arg);
        return !arg[1];
    }
    return false;
}

static void check_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (arg[0] != '-' || !arg[1])
            continue;
        if (!strcmp(arg, "--"))
            return;
        i += arg[1] == '-' ? check_long(arg + 2, i + 1 == argc)
                           : check_short(arg + 1, i + 1 == argc);
    }
}

void cli_refuse_argument(const char *arg)
{
    cli_die(DCN_USAGE, "arguments", "\"%.100s\" is one too many; see %s --help", arg, command_name);
}

/* ---- the environment ------------------------------------------------------------------------ */

static void read_environment(const struct argp *argp, void *input)
{
    static const char *const yes[] = { "1", "yes", "true", "on" };
    static const char *const no[] = { "0", "no", "false", "off" };
    struct argp_state state = { .input = input };

    for (const struct argp_option *o = argp->options; !is_end(o); o++) {
        char name[80];
        const char *value;
        bool on = false, off = false;

        if (!o->name || o->key == 'h')
            continue;
        cli_environment_name(name, sizeof name, o->name);
        value = getenv(name);
        if (!value || !*value)
            continue;
        variable = name;
        for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
            on |= !strcmp(value, yes[i]);
            off |= !strcmp(value, no[i]);
        }
        if (o->arg)
            argp->parser(o->key, (char *)value, &state);
        else if (on)
            argp->parser(o->key, NULL, &state);
        else if (!off)
            cli_die(DCN_USAGE, name, "\"%.60s\" is neither yes nor no; give 1 or 0", value);
        variable = NULL;
    }
}

/* ---- parsing -------------------------------------------------------------------------------- */

static const cli_command *current;

static _Noreturn void print_help(void)
{
    static char whole[1 << 16];
    char name[80];
    dcn_error err = { 0 };

    /* One write for the whole text, so that its failure is known with its reason. */
    setvbuf(stdout, whole, _IOFBF, sizeof whole);
    snprintf(name, sizeof name, "deconvnet %s", current->name);
    argp_help(current->argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
    if (cli_finish_output(&err))
        cli_print_error(&err);
    exit(err.status);
}

void cli_parse(const cli_command *command, int argc, char **argv, void *input)
{
    static char name[80];
    error_t error;

    current = command;
    table = command->argp->options;
    snprintf(name, sizeof name, "deconvnet %s", command->name);
    command_name = name;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            print_help();
    read_environment(command->argp, input);
    check_arguments(argc, argv);
    error = argp_parse(command->argp, argc, argv, ARGP_NO_HELP | ARGP_NO_ERRS | ARGP_NO_EXIT, NULL,
                       input);
    if (error)
        cli_die(error == ENOMEM ? DCN_MEMORY : DCN_USAGE, "arguments",
                "cannot be read (%s); see %s --help",
                strerror(error), command_name);
}

static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const engines[] = { "cpu", "ref", "ref64", NULL };
static const char *const graphics[] = {
    "auto", "symbols", "sixel", "kitty", "iterm", "none", NULL
};

static void parse_device(int key, const char *arg)
{
    if (!strcmp(arg, "cuda") || !strcmp(arg, "gpu"))
        cli_die(DCN_DEVICE, cli_source(key),
                "this build computes on the processor only; use --device auto");
    if (strcmp(arg, "auto") != 0 && strcmp(arg, "cpu") != 0)
        cli_die(DCN_USAGE, cli_source(key), "\"%.60s\" is not a device; give auto or cpu", arg);
}

/* Pixels count from 0 to 1 here; numbers for 0 to 255 are the mistake to be expected. */
static int parse_channels(int key, const char *arg, bool deviation, float values[3])
{
    const int n = cli_parse_reals(key, arg, deviation ? 1e-6 : -1000, 1000, values, 3);

    if (n == 2)
        cli_die(DCN_USAGE, cli_source(key), "2 numbers are given; give 1 or 3");
    for (int i = 0; i < n; i++)
        if (values[i] > (deviation ? 10 : 2) || values[i] < -2)
            cli_die(DCN_USAGE, cli_source(key), "%g is meant for pixels of 0 to 255, they count "
                    "from 0 to 1 here; divide it by 255", (double)values[i]);
    return n;
}

static error_t parse_input(cli_input_options *o, int key, char *arg)
{
    static const char *const names[] = { "imagenet", "caffe", "tf", "cifar10", "standardize",
                                         "none", NULL };

    switch (key) {
    case CLI_KEY_PREPROCESS: o->preprocess = names[cli_parse_word(key, arg, names)]; break;
    case CLI_KEY_MEAN: o->n_mean = parse_channels(key, arg, false, o->mean); break;
    case CLI_KEY_STD: o->n_std = parse_channels(key, arg, true, o->std); break;
    case CLI_KEY_BGR: o->bgr = true; break;
    case CLI_KEY_SIZE: cli_parse_size(key, arg, o->size); break;
    case CLI_KEY_CROP: cli_parse_size(key, arg, o->crop); break;
    case CLI_KEY_LABELS: o->labels = cli_parse_name(key, arg); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse_limit(dcn_limits *l, int key, const char *arg)
{
    switch (key) {
    case CLI_KEY_MAX_PIXELS: l->max_pixels = cli_parse_int(key, arg, 1, INT32_MAX); break;
    case CLI_KEY_MAX_SIDE: l->max_side = cli_parse_int(key, arg, 1, 1 << 24); break;
    case CLI_KEY_MAX_HEADER: l->max_header_bytes = cli_parse_int(key, arg, 1, INT32_MAX); break;
    case CLI_KEY_MAX_TEXT: l->max_text_bytes = cli_parse_int(key, arg, 1, INT32_MAX); break;
    case CLI_KEY_MAX_ONNX: l->max_onnx_bytes = cli_parse_int(key, arg, 1, INT64_MAX / 2); break;
    case CLI_KEY_MAX_NODES: l->max_nodes = cli_parse_int(key, arg, 1, INT32_MAX); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Told once, before any work: later everybody who wants threads asks for no more than there are. */
static void check_threads(cli_shared *s)
{
    const int wanted = s->threads ? s->threads : dcn_machine_threads();
    bool asks = false;
    int started;

    for (const struct argp_option *o = table; !is_end(o); o++)
        asks = asks || o->key == 'j';
    if (!asks || wanted == 1 || (started = dcn_machine_startable(wanted)) == wanted)
        return;
    cli_note("warning: the system starts only %d of %d threads (ulimit -u, or memory); the results "
             "are the same, the work takes longer", started, wanted);
    s->threads = started;
}

error_t cli_parse_shared(cli_shared *s, int key, char *arg)
{
    if (parse_input(&s->input, key, arg) == 0 || parse_limit(&s->limits, key, arg) == 0)
        return 0;
    switch (key) {
    case CLI_KEY_DATA: s->data = cli_parse_name(key, arg); break;
    case 'm': s->model = cli_parse_name(key, arg); break;
    case 'b': s->batch = (int)cli_parse_int(key, arg, 1, 65536); break;
    case 'j': s->threads = (int)cli_parse_int(key, arg, 1, 1024); break;
    case CLI_KEY_DEVICE: parse_device(key, arg); break;
    case CLI_KEY_ENGINE: s->engine = engines[cli_parse_word(key, arg, engines)]; break;
    case CLI_KEY_EXACT: s->exact = true; break;
    case CLI_KEY_MAX_MEMORY:
        s->max_memory = (size_t)cli_parse_int(key, arg, 1, INT64_MAX >> 20) << 20;
        break;
    case CLI_KEY_JSON:
        s->json = true;
        if (!cli_json_available())
            cli_die(DCN_USAGE, cli_source(key),
                    "this build was made without Jansson; leave it out");
        break;
    case CLI_KEY_NO_PROGRESS: s->no_progress = true; break;
    case CLI_KEY_COLOR: cli_set_color((cli_color)cli_parse_word(key, arg, colors)); break;
    case CLI_KEY_GRAPHICS: s->graphics = (cli_graphics)cli_parse_word(key, arg, graphics); break;
    case 'q': cli_set_verbosity(-1); break;
    case 'v': cli_set_verbosity(1); break;
    case ARGP_KEY_SUCCESS: check_threads(s); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

char *cli_model_path(const cli_shared *shared)
{
    struct stat st;

    if (!shared->model)
        cli_die(DCN_USAGE, "--model", "is missing; name a model file or the folder of a run");
    if (stat(shared->model, &st) == 0 && S_ISDIR(st.st_mode)) {
        char *path = cli_text("%s/model.safetensors", shared->model);

        if (stat(path, &st) != 0)
            cli_die(DCN_FILE, shared->model, "is a folder without a model.safetensors; name a "
                    "model file, or the folder of a run");
        return path;
    }
    return cli_text("%s", shared->model);
}
