/* train.h - what the files of the train command share: the run. */
#ifndef DCN_CLI_TRAIN_H
#define DCN_CLI_TRAIN_H

#include "options.h"
#include "progress.h"
#include "run_folder.h"
#include "strips.h"

typedef struct train_options {
    cli_shared shared;
    const char *out, *resume, *net;
    int64_t steps, epochs, log_interval, save_every, eval_every;
    double rate;               /* 0: not given */
    uint64_t seed;
    dcn_augment augment;
    bool seed_given, augment_given, dry_run;
} train_options;

/* Means of a few steps each, so that a curve of any run has some hundred points. */
typedef struct train_curve { double *x, *y; int n; double sum; int64_t summed; } train_curve;

typedef struct train_run {
    train_options options;
    int64_t total;             /* steps to reach */
    int batch;
    cli_run_folder folder;
    dcn_data *data;
    dcn_data_info data_info;
    dcn_graph *graph;
    dcn_trainer *trainer;
    dcn_events *events;
    int64_t first_step;        /* done before this run */
    int64_t saved_step;        /* in the model file */
    bool goes_on;              /* the model file in the folder is of this run */
    cli_progress progress;
    train_curve loss, accuracy, test;
    double began, wait_ms, train_ms;
    double *step_ms;           /* (total - first_step) */
    int64_t steps_timed;
    dcn_train_report last;
    char *plan_text;
    size_t plan_bytes;
} train_run;

/* ---- train_save.c: the checkpoint ---- */
dcn_status train_save(train_run *run, dcn_error *err);
/* The file system said no, to a log, the model or a picture: what is done is saved if that is still
 * possible, and the advice says which step is safe. Other errors are left as they are. */
void train_save_what_is_done(train_run *run, dcn_error *err);

/* ---- train_log.c: event file, curves ---- */
/* A build without protobuf-c trains without an event file: all of these then do nothing. */
dcn_status train_log_begin(train_run *run, dcn_error *err);
/* Was the library built with this one ("libpng")? */
bool train_build_has(const char *library);
dcn_status train_log_step(train_run *run, const dcn_train_report *report, dcn_error *err);
/* Histograms of weights and activations, and the strips; `step` counts from 0. */
dcn_status train_log_pictures(train_run *run, const dcn_model *model, int64_t step, dcn_error *err);
dcn_status train_log_test(train_run *run, int64_t step, const dcn_evaluation *e, dcn_error *err);
void train_curve_add(train_curve *c, double x, double y, int64_t bucket);
void train_curve_clear(train_curve *c);
double train_median(const double *values, int64_t n);

/* ---- train_result.c: pictures, page, JSON ---- */
/* Writes strips.png and report.html; *strip: one strip alone, for the terminal. */
dcn_status train_write_results(train_run *run, const dcn_model *model, const dcn_evaluation *e,
                               dcn_image *strip, dcn_error *err);
dcn_status train_print_json(const train_run *run, const dcn_evaluation *e, dcn_error *err);

#endif
