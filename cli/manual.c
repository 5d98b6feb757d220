/* manual.c - the list of commands for --help, and mdoc(7) pages made of argp's tables. */
#include "manual.h"

#include "message.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Changes with DCN_VERSION. */
#define MANUAL_DATE "November 23, 2026"

static const char about[] =
    "deconvnet trains convolutional networks and shows what their layers and channels respond to, "
    "projected back to pixels.";

void cli_help_main(const cli_command *const *commands)
{
    printf("Usage: deconvnet COMMAND [OPTION...]\n\n"
           "Trains convolutional networks and shows what their layers and channels respond\n"
           "to, projected back to pixels.\n\n");
    for (int i = 0; commands[i]; i++)
        printf("  %-11s %s\n", commands[i]->name, commands[i]->summary);
    printf("  %-11s %s\n\n", "help", "say more about a command: deconvnet help train");
    printf("  --help, --version\n\n"
           "Begin with:\n"
           "  deconvnet train                       the tutorial's network, 1,500 steps\n"
           "  deconvnet show --model runs/tutorial  what its layers make of test pictures\n"
           "  deconvnet atlas --model runs/tutorial each channel's strongest pictures\n"
           "  deconvnet show --model resnet18.onnx dog.jpg\n"
           "                                        your own network, your own picture\n\n"
           "Every option of a command may be given as a variable: DECONVNET_STEPS=300 for\n"
           "--steps 300.\n");
}

/* ---- mdoc ----------------------------------------------------------------------------------- */

/* A word of text, quoted for mdoc: a backslash, a dot at the beginning of a line, an option's
 * dashes. */
static int print_word(const char *word, size_t length, bool begins_line)
{
    int written = 0;

    if (begins_line && (*word == '.' || *word == '\''))
        written += printf("\\&");
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '\\')
            written += printf("\\e");
        else if (word[i] == '-' && i + 1 < length &&
                 (word[i + 1] == '-' || (i && word[i - 1] == '-')))
            written += printf("\\-");
        else
            written += printf("%c", word[i]);
    }
    return written;
}

/* Plain text into lines of mdoc: filled, and a new one after each sentence, as mdoc wants. */
static void print_text(const char *text, size_t length)
{
    enum { WIDTH = 78 };
    const char *end = text + length;
    int column = 0;

    while (text < end) {
        size_t word = strcspn(text, " ");
        bool sentence;

        if (text + word > end)
            word = (size_t)(end - text);
        if (word == 0) {
            text++;
            continue;
        }
        if (column > 0 && column + 1 + (int)word > WIDTH) {
            putchar('\n');
            column = 0;
        }
        if (column > 0)
            column += printf(" ");
        column += print_word(text, word, column == 0);
        /* A capital must follow: not "et al. 2013". */
        sentence = text[word - 1] == '.' && text + word + 1 < end
                   && isupper((unsigned char)text[word + 1]);
        if (sentence) {
            putchar('\n');
            column = 0;
        }
        text += word;
    }
    if (column > 0)
        putchar('\n');
}

/* Paragraphs are separated by empty lines; lines that begin with blanks are shown as they are. */
static void print_paragraphs(const char *text)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");

        if (length == 0) {
            text++;
            if (*text && *text != '\n' && *text != ' ')
                puts(".Pp");
            continue;
        }
        if (*text == ' ') {
            puts(".Bd -literal -offset indent");
            while (*text == ' ') {
                const size_t line = strcspn(text, "\n"), skip = strspn(text, " ");

                for (size_t i = skip; i < line; i++)
                    fputs(text[i] == '\\' ? "\\e" : (char[]){ text[i], 0 }, stdout);
                putchar('\n');
                text += line + (text[line] == '\n');
            }
            puts(".Ed");
            continue;
        }
        print_text(text, length);
        text += length + (text[length] == '\n');
    }
}

static void print_option(const struct argp_option *o)
{
    fputs(".It", stdout);
    if (o->key > 0 && o->key < 128)
        printf(" Fl %c ,", o->key);
    printf(" Fl \\-%s", o->name);
    if (o->arg)
        printf(" Ns = Ns Ar %s", o->arg);
    putchar('\n');
    print_text(o->doc, strlen(o->doc));
}

static void print_options(const struct argp_option *options)
{
    bool open = false;

    for (const struct argp_option *o = options; o->name || o->key || o->doc || o->group; o++) {
        if (!o->name) {
            if (open)
                puts(".El");
            open = false;
            printf(".Ss %.*s\n", (int)strcspn(o->doc, ":"), o->doc);
            continue;
        }
        if (!open)
            puts(".Bl -tag -width Ds");
        open = true;
        print_option(o);
    }
    if (open)
        puts(".El");
}

static void print_head(const char *name, const char *title)
{
    printf(".Dd " MANUAL_DATE "\n.Dt %s 1\n.Os\n.Sh NAME\n.Nm %s\n", title, name);
}

static void print_environment(void)
{
    puts(".Sh ENVIRONMENT\n"
         "Every option is also read from a variable:\n"
         ".Ev DECONVNET_LOG_INTERVAL\n"
         "for\n"
         ".Fl \\-log-interval .\n"
         "An option without a value takes 1 or 0.\n"
         "The command line wins.\n"
         ".Ev NO_COLOR\n"
         "and\n"
         ".Ev TERM Ns =dumb\n"
         "are obeyed,\n"
         ".Ev XDG_CACHE_HOME\n"
         "says where\n"
         ".Nm deconvnet fetch\n"
         "puts pictures.");
}

static const char exit_codes[] = CLI_EXIT_CODES;

static void print_exit_codes(void)
{
    const char *text = strchr(exit_codes, ':') + 2;

    puts(".Sh EXIT STATUS\n.Bl -tag -width Ds");
    while (*text) {
        const size_t item = strcspn(text, ";."), code = strspn(text, "0123456789or ");

        printf(".It %.*s\n", (int)code - 1, text);
        printf("%.*s\n", (int)(item - code), text + code);
        text += item + 1;
        text += strspn(text, " ");
    }
    puts(".El");
    puts("A failure is one line on standard error:\n"
         ".Dl deconvnet: error: WHERE: WHAT; WHAT TO DO");
}

static void print_part(const char *text, size_t length)
{
    char *part = cli_text("%.*s", (int)length, text);

    print_paragraphs(part);
    free(part);
}

static void print_synopsis(const cli_command *command)
{
    const char *more = command->argp->args_doc;
    char name[64], title[64];
    size_t i;

    snprintf(name, sizeof name, "deconvnet-%s", command->name);
    for (i = 0; name[i]; i++)
        title[i] = (char)toupper((unsigned char)name[i]);
    title[i] = '\0';
    print_head(name, title);
    printf(".Nd %s\n.Sh SYNOPSIS\n.Nm deconvnet %s\n.Op Ar option ...\n", command->summary,
           command->name);
    if (more && *more)
        printf(".Ar %s\n", more);
}

/* argp's doc: what it does, '\v', examples, the exit codes. */
void cli_manual_command(const cli_command *command)
{
    const char *doc = command->argp->doc, *examples = strchr(doc, '\v') + 1,
               *codes = strstr(examples, "Exit codes:");

    print_synopsis(command);
    puts(".Sh DESCRIPTION");
    print_part(doc, (size_t)(examples - 1 - doc));
    puts(".Sh OPTIONS");
    print_options(command->argp->options);
    print_environment();
    print_exit_codes();
    puts(".Sh EXAMPLES");
    examples += !strncmp(examples, "Example", 7) ? strcspn(examples, "\n") : 0;    /* a heading */
    print_part(examples, (size_t)(codes - examples));
    puts(".Sh SEE ALSO\n.Xr deconvnet 1");
}

/* The other pages, in the order of the alphabet. */
static void print_references(const cli_command *const *commands)
{
    const char *last = "";

    for (;;) {
        const char *least = NULL;

        for (int i = 0; commands[i]; i++)
            if (strcmp(commands[i]->name, last) > 0
                && (!least || strcmp(commands[i]->name, least) < 0))
                least = commands[i]->name;
        if (!least)
            break;
        printf("%s.Xr deconvnet-%s 1", *last ? " ,\n" : "", least);
        last = least;
    }
    putchar('\n');
}

void cli_manual_main(const cli_command *const *commands)
{
    print_head("deconvnet", "DECONVNET");
    puts(".Nd train convolutional networks and see what their layers respond to\n"
         ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Sh DESCRIPTION");
    print_text(about, sizeof about - 1);
    puts("The commands are:\n.Bl -tag -width atlas-merge");
    for (int i = 0; commands[i]; i++)
        printf(".It Cm %s\n%s\n", commands[i]->name, commands[i]->summary);
    puts(".It Cm help Op Ar command\nsay more about a command\n.El");
    print_environment();
    print_exit_codes();
    puts(".Sh EXAMPLES\n"
         "Train the tutorial's network, then see what its layers make of test pictures:\n"
         ".Bd -literal -offset indent\n"
         "deconvnet train\n"
         "deconvnet show --model runs/tutorial\n"
         ".Ed\n"
         "Your own network, your own picture:\n"
         ".Bd -literal -offset indent\n"
         "deconvnet show --model resnet18.onnx dog.jpg\n"
         ".Ed\n.Sh SEE ALSO");
    print_references(commands);
}
