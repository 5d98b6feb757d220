/* train_save.c - a run's checkpoint: saved, the one before it kept, and after a failure of the disk
 * what is safe. What is in a checkpoint is the library's business. */
#include "train.h"

#include "interrupt.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

dcn_status train_save(train_run *run, dcn_error *err)
{
    char *path = cli_text("%s/" CLI_RUN_MODEL, run->folder.path);
    dcn_status st;

    cli_interrupt_hold();
    if (run->goes_on)
        cli_run_keep_model(&run->folder);
    if (!(st = dcn_trainer_save(run->trainer, path, err))) {
        run->saved_step = run->last.step;
        run->goes_on = true;
    }
    cli_interrupt_release();
    free(path);
    return st;
}

void train_save_what_is_done(train_run *run, dcn_error *err)
{
    const dcn_error inner = *err;
    const char *what = strstr(inner.text, ": "), *advice = strrchr(inner.text, ';');
    char where[sizeof inner.text];
    bool whole;

    if (inner.status != DCN_FILE || !what)
        return;
    if (run->saved_step < run->last.step)
        train_save(run, NULL);
    whole = run->saved_step == run->total;
    snprintf(where, sizeof where, "%.*s", (int)(what - inner.text), inner.text);
    what += 2;
    if (whole && advice > what)
        cli_fail(err, inner.status, where, "%.*s; free space or check the disk, all %lld steps are "
                 "safe in " CLI_RUN_MODEL, (int)(advice - what), what, (long long)run->total);
    else if (run->saved_step > 0)
        cli_fail(err, inner.status, where, "%s, then go on with --resume: step %lld is safe", what,
                 (long long)run->saved_step);
    else
        cli_fail(err, inner.status, where, "%s, nothing was saved yet", what);
}
