/* atlas.h - what the files of the atlas and atlas-merge commands share: the options, the run. */
#ifndef DCN_CLI_ATLAS_H
#define DCN_CLI_ATLAS_H

#include "layers.h"
#include "options.h"
#include "progress.h"
#include "run_folder.h"
#include "way.h"

typedef struct atlas_options {
    cli_shared shared;
    const char *layers, *out;
    char **parts;              /* of atlas-merge */
    int n_parts;
    int top, tile;             /* 0: the library's usual */
    int shard, shards;         /* shard from 1; shards 0: none */
    dcn_pictures pictures;
    dcn_raw raw;
    cli_way way;
    bool single, fresh, scan_only;
} atlas_options;

typedef struct atlas_run {
    atlas_options options;
    char *model_path, *model_name;       /* the name: without folder and end */
    char *out, *state;         /* BOOK, BOOK/scan.safetensors */
    dcn_model model;
    dcn_data *data;
    dcn_data_info info;
    dcn_node *layers;          /* named; NULL: all */
    int n_layers;
    dcn_atlas *atlas;
    cli_run_folder folder;
    cli_progress progress;
    int64_t begun, done;       /* where the present progress began, and is */
    int64_t scanned, drawn;    /* pictures and units of this call, and how long they took */
    double scan_seconds, draw_seconds;
} atlas_run;

enum { ATLAS_TOP = 9 };        /* the library's usual */

enum { ATLAS_KEY_LAYERS = CLI_KEY_OWN, ATLAS_KEY_SPLIT, ATLAS_KEY_TILE, ATLAS_KEY_SINGLE,
       ATLAS_KEY_RAW, ATLAS_KEY_SHARD, ATLAS_KEY_FRESH, ATLAS_KEY_SCAN_ONLY, ATLAS_KEY_OUT };

#define ATLAS_OPTIONS_WHAT \
    { "split", ATLAS_KEY_SPLIT, "test|train|all", 0, \
      "Which pictures of the data; all: train's, then test's (test)", CLI_GROUP_MAIN }, \
    { "layers", ATLAS_KEY_LAYERS, "LIST", 0, \
      "Layers, with commas between: " CLI_LAYER_NAMES "; conv, those that a convolution makes " \
      "(all)", CLI_GROUP_MAIN }, \
    { "top", 'k', "N", 0, "Pictures a channel, the strongest: 1 to 100 (9)", CLI_GROUP_MAIN }
#define ATLAS_OPTIONS_BOOK \
    { "tile", ATLAS_KEY_TILE, "N", 0, \
      "Longest side of a picture in the book, pixels; smaller ones stay as they are (96)", \
      CLI_GROUP_OUTPUT }, \
    { "single", ATLAS_KEY_SINGLE, NULL, 0, \
      "One HTML file with all pictures inside, to send to others", CLI_GROUP_OUTPUT }, \
    { "raw", ATLAS_KEY_RAW, "npz|safetensors", 0, \
      "Write the projections as float32 numbers too, a file a layer", CLI_GROUP_OUTPUT }, \
    { "fresh", ATLAS_KEY_FRESH, NULL, 0, \
      "Forget the scan that BOOK holds, finished or not, and scan again", CLI_GROUP_OUTPUT }
/* Of bits that processors do not share. */
#define ATLAS_ALIKE \
    "Bits belong to an instruction set: for machines with different processors set the " \
    "environment variable ONEDNN_MAX_CPU_ISA to the same on all of them, to what the oldest one " \
    "has (AVX2 for instance), for the parts and for atlas-merge; else the parts do not fit."
#define ATLAS_OPTION_BATCH { "batch-size", 'b', "N", 0, \
    "Pictures a step of the scan; the results do not depend on it (what suits the network)", \
    CLI_GROUP_COMPUTE }

/* ---- atlas_options.c ---- */
error_t atlas_parse(atlas_options *o, int key, char *arg);
/* Where the model and the book are. Ends the command without --model. */
void atlas_choose_paths(atlas_run *run);

/* ---- atlas_run.c: everything between the arguments and the book ---- */
/* Model, data, layers, way: the atlas. Nothing is written yet. */
dcn_status atlas_prepare(atlas_run *run, dcn_error *err);
/* Makes and locks the book's folder. */
dcn_status atlas_open_book(atlas_run *run, dcn_error *err);
/* Is there such a file in BOOK? */
bool atlas_holds(const atlas_run *run, const char *name);
/* Takes the scan that BOOK holds, if it holds one. */
dcn_status atlas_find_state(atlas_run *run, dcn_error *err);
dcn_status atlas_scan(atlas_run *run, dcn_error *err);
dcn_status atlas_draw(atlas_run *run, dcn_error *err);
/* Puts `advice` in place of what the library advises. Returns the status. */
dcn_status atlas_advise(dcn_error *err, const char *advice);
void atlas_clear(atlas_run *run);

/* ---- atlas_text.c: what is said ---- */
/* May lines be printed beside the results? */
bool atlas_talks(const atlas_run *run);
/* Before anything begins: what, how, how much memory and disk. */
void atlas_announce(const atlas_run *run);
/* At the end: counts, speeds, the page's place; or all of it as one JSON object. */
dcn_status atlas_report(const atlas_run *run, dcn_error *err);
/* "10,000"; text: at least 32 bytes. */
const char *atlas_count(char *text, int64_t n);

#endif
