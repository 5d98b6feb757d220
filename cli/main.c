/* main.c - finds the command and runs it; the only place that turns a status into an exit code. */
#include "manual.h"
#include "message.h"
#include "options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const cli_command *const commands[] = {
    &cli_train, &cli_eval, &cli_show, &cli_atlas, &cli_atlas_merge, &cli_info, &cli_convert,
    &cli_bench, &cli_fetch, NULL
};

static const cli_command *find_command(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static dcn_status unknown_command(const char *name, dcn_error *err)
{
    const char *names[16], *near;
    int n = 0;

    while (commands[n] && n < 14) {
        names[n] = commands[n]->name;
        n++;
    }
    names[n++] = "help";
    names[n] = NULL;
    near = cli_nearest(name, names);
    if (near)
        return cli_fail(err, DCN_USAGE, "arguments", "there is no command \"%.60s\"; did you mean "
                        "\"deconvnet %s\"?", name, near);
    return cli_fail(err, DCN_USAGE, "arguments",
                    "there is no command \"%.60s\"; see deconvnet --help", name);
}

static dcn_status print_version(dcn_error *err)
{
    printf("deconvnet %s\n%s\n", dcn_version(), dcn_build_text());
    return cli_finish_output(err);
}

/* deconvnet help [--man] [COMMAND] */
static dcn_status run_help(int argc, char **argv, dcn_error *err)
{
    const bool man = argc > 1 && !strcmp(argv[1], "--man");
    const char *name = argc > 1 + man ? argv[1 + man] : NULL;
    const cli_command *command = name ? find_command(name) : NULL;
    char help[] = "--help", *arguments[] = { argv[0], help, NULL };

    if (argc > 2 + man)
        return cli_fail(err, DCN_USAGE, "arguments", "\"%.60s\" is one too many; name one command",
                        argv[2 + man]);
    if (name && !command)
        return unknown_command(name, err);
    if (man && command)
        cli_manual_command(command);
    else if (man)
        cli_manual_main(commands);
    else if (command)
        return command->run(2, arguments, err);
    else
        cli_help_main(commands);
    return cli_finish_output(err);
}

static dcn_status run(int argc, char **argv, dcn_error *err)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const cli_command *command;

    if (!word)
        return cli_fail(err, DCN_USAGE, "arguments", "a command is missing; begin with \"deconvnet "
                        "train\" or see deconvnet --help");
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
        return run_help(argc - 1, argv + 1, err);
    if (!strcmp(word, "--version") || !strcmp(word, "version"))
        return print_version(err);
    if (word[0] == '-')
        return cli_fail(err, DCN_USAGE, "arguments", "\"%.60s\" stands before the command; write "
                        "deconvnet COMMAND OPTIONS", word);
    command = find_command(word);
    if (!command)
        return unknown_command(word, err);
    return command->run(argc - 1, argv + 1, err);
}

int main(int argc, char **argv)
{
    dcn_error err = { 0 };
    dcn_status st;

    cli_open_standard_files();
    /* A reader that goes away must not kill a run; the lost output is noticed at the end. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);          /* a file that grows too large is an error, not a death */
    st = run(argc, argv, &err);
    if (!st)
        st = cli_finish_output(&err);
    if (st)
        cli_print_error(&err);
    return (int)st;
}
