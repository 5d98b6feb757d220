/* show_answer.c - what the network answered: the most probable classes, as a line or as JSON. */
#include "show.h"

#include "message.h"

#include <stdio.h>
#include <string.h>

static const float *answers_of(const show_run *run, int i)
{
    return run->answers + (size_t)i * (size_t)run->classes;
}

int show_best_class(const show_run *run, int i)
{
    int best = 0;

    cli_find_top(answers_of(run, i), run->classes, &best, 1);
    return best;
}

static void print_answer(const show_run *run, const show_picture *picture, int i)
{
    const float *answers = answers_of(run, i);
    char number[16], name[80];
    int top[SHOW_TOP], n;

    cli_escape(name, sizeof name, picture->truth ? picture->truth : "");
    printf("%s%s%s%s:", picture->name, *name ? " (" : "", name, *name ? ")" : "");
    if (run->answer == CLI_ANSWER_NONE) {
        puts(" the output is not one number a class");
        return;
    }
    n = cli_find_top(answers, run->classes, top, SHOW_TOP);
    for (int k = 0; k < n; k++) {
        cli_escape(name, sizeof name, cli_class_name(&run->model, top[k], number, sizeof number));
        printf("%s %s %.1f %%", k ? "," : "", name, 100 * (double)answers[top[k]]);
    }
    putchar('\n');
}

static cli_json *add_json(const show_run *run, const show_picture *picture, int i)
{
    const float *answers = answers_of(run, i);
    cli_json *object = cli_json_object(run->json, NULL), *list;
    int top[SHOW_TOP], n = 0;
    char number[16];

    cli_json_text(object, "name", picture->name);
    cli_json_text(object, "path", picture->path);
    cli_json_text(object, "truth", picture->truth);
    list = cli_json_array(object, "top");
    if (run->answer != CLI_ANSWER_NONE)
        n = cli_find_top(answers, run->classes, top, SHOW_TOP);
    for (int k = 0; k < n; k++) {
        cli_json *entry = cli_json_object(list, NULL);

        cli_json_text(entry, "class", cli_class_name(&run->model, top[k], number, sizeof number));
        cli_json_int(entry, "index", top[k]);
        cli_json_real(entry, "value", (double)answers[top[k]]);
    }
    return object;
}

cli_json *show_tell_answer(const show_run *run, int first, int i)
{
    const show_picture *picture = &run->pictures[first + i];

    if (run->json)
        return add_json(run, picture, i);
    if (!run->options.silent)
        print_answer(run, picture, i);
    return NULL;
}
