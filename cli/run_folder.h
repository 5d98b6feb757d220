/* run_folder.h - the folder of a training run: made, locked, proved writable before work begins. */
#ifndef DCN_CLI_RUN_FOLDER_H
#define DCN_CLI_RUN_FOLDER_H

#include "deconvnet.h"

#include <stdbool.h>

/* mkdir -p */
dcn_status cli_make_folder(const char *path, dcn_error *err);
/* Would cli_make_folder and writing there work? Writes nothing. */
dcn_status cli_check_folder(const char *path, dcn_error *err);
/* Is `path`, which need not exist, the folder `above` or inside it? */
bool cli_lies_in(const char *path, const char *above);

typedef struct cli_run_folder {
    char *path;
    int lock;                  /* -1: not held */
} cli_run_folder;

/* Makes the folder, takes its lock and writes into it. DCN_FILE "in use by pid N since T". */
dcn_status cli_run_open(cli_run_folder *run, const char *path, dcn_error *err);
/* Removes the event files of an earlier run and what a killed one left half-written. */
void cli_run_clean(const cli_run_folder *run, bool events);
/* Gives the lock back; the folder stays. Accepts one that was never opened ({NULL, -1}). */
void cli_run_close(cli_run_folder *run);
/* "runs/NAME", or "runs/NAME-2", ... if that one exists. Allocated. */
char *cli_run_free_name(const char *name);

#endif
