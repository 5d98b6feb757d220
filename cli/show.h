/* show.h - what the files of the show command share. */
#ifndef DCN_CLI_SHOW_H
#define DCN_CLI_SHOW_H

#include "json.h"
#include "options.h"

enum { SHOW_LAYERS_MAX = 256 };

typedef struct show_options {
    cli_shared shared;
    const char *layer, *input, *out, *dump;
    char **files;              /* pictures named on the command line */
    int n_files, count, channel;
    bool bias, all_channels, from_given, silent;
    dcn_rule rule;
    dcn_from from;
    dcn_scale scale;
} show_options;

/* One way down from one layer, and what it drew. */
typedef struct show_view {
    int route;                 /* index of the layer */
    dcn_from from;
    int channel;               /* -1: none */
    char *title;               /* "layer 1, channel 3" */
    char *key;                 /* "h_pool1/guided/channel/3" */
    float *drawn;              /* (chunk,h,w,c) */
} show_view;

typedef struct show_run {
    show_options options;
    dcn_model model;
    dcn_data *data;            /* if pictures come from a data set */
    dcn_shape shape;           /* of an input */
    size_t volume;
    int n;                     /* pictures in all */
    char **names;              /* (n): "cat", "test-00003" */
    char **truths;             /* (n): class names, or NULL */
    float *images;             /* (n,h,w,c) */
    float *photos;             /* (n,h,w,c), 0 to 1, before normalisation; NULL with --input */
    int n_layers;
    dcn_node layers[SHOW_LAYERS_MAX];
    int n_views;
    show_view *views;
    int chunk;                 /* pictures that go through the network together */
    dcn_plan *plan;
    int classes;
    float *answers;            /* (chunk,classes) */
    cli_json *json;            /* the array of pictures, or NULL */
} show_run;

/* ---- show_input.c: names, truths and images of all pictures ---- */
dcn_status show_read_inputs(show_run *run, dcn_error *err);
void show_clear_inputs(show_run *run);

/* ---- show_views.c: which layers, which channels ---- */
dcn_status show_choose_views(show_run *run, dcn_error *err);
void show_clear_views(show_run *run);

/* ---- show_draw.c: picture i of the chunk that begins at `first` ---- */
dcn_status show_draw(show_run *run, int first, int i, dcn_error *err);

/* ---- show_dump.c: everything, as named tensors; the plan keeps all ---- */
typedef struct show_dump show_dump;
show_dump *show_dump_create(void);
void show_dump_destroy(show_dump *dump);
dcn_status show_dump_values(show_dump *dump, const show_run *run, dcn_error *err);
/* After the projection of this view. */
dcn_status show_dump_view(show_dump *dump, const show_run *run, const show_view *view,
                          dcn_error *err);
dcn_status show_dump_save(const show_dump *dump, const show_run *run, dcn_error *err);

const char *show_class_name(const show_run *run, int i, char *number, size_t size);

#endif
