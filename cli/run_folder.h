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

/* A run's checkpoint, and the one before it. */
#define CLI_RUN_MODEL "model.safetensors"
#define CLI_RUN_PREVIOUS "model.previous.safetensors"

typedef struct cli_run_folder {
    char *path;
    int lock;                  /* -1: not held */
} cli_run_folder;

/* Makes the folder, takes its lock and writes into it. DCN_FILE "in use by pid N since T". */
dcn_status cli_run_open(cli_run_folder *run, const char *path, dcn_error *err);
/* Removes what a killed run left half-written; `earlier`: also an earlier run's event files and the
 * checkpoint before its last. */
void cli_run_clean(const cli_run_folder *run, bool earlier);
/* Is the file the folder's checkpoint? */
bool cli_run_holds(const cli_run_folder *run, const char *model);
/* The checkpoint that is about to be replaced stays beside it: a disk may damage the newer one. Where
 * files cannot have two names none is kept. */
void cli_run_keep_model(const cli_run_folder *run);
/* Removes what another run kept so, unless it is `model`. */
void cli_run_drop_previous(const cli_run_folder *run, const char *model);
/* A checkpoint was refused or cannot be read: if the one before it is whole, the error names it. */
dcn_status cli_run_name_previous(const char *model, dcn_error *err);
/* Gives the lock back; the folder stays. Accepts one that was never opened ({NULL, -1}). */
void cli_run_close(cli_run_folder *run);
/* "runs/NAME", or "runs/NAME-2", ... if that one exists. Allocated. */
char *cli_run_free_name(const char *name);

#endif
