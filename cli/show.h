/* show.h - what the files of the show command share. */
#ifndef DCN_CLI_SHOW_H
#define DCN_CLI_SHOW_H

#include "json.h"
#include "load_model.h"
#include "options.h"
#include "way.h"

#include <sys/types.h>

enum { SHOW_TILES_MAX = 4096, SHOW_TOP = 5, SHOW_CLASS_TOP = -2,
       SHOW_STARTS_MAX = 16 };

typedef struct show_options {
    cli_shared shared;
    const char *layer, *input, *out, *dump, *class_name;
    char **arguments;          /* pictures and folders named on the command line */
    int n_arguments, count, top;
    int *channels;             /* as given; a class stands here too, SHOW_CLASS_TOP is the best */
    int n_channels;
    bool bias, all_channels, from_given, dead, silent;
    cli_way way;
    dcn_from from;
    dcn_scale scale;
} show_options;

typedef struct show_layer {
    dcn_node node;
    const char *name;          /* the graph's */
    dcn_shape shape;
    int number;                /* among all layers, from 1; 0: none of them */
    float *values;             /* (chunk, shape), if a sheet ranks its channels */
    bool fresh;                /* they are those of this chunk */
} show_layer;

/* A whole layer's way down, and what it drew. */
typedef struct show_view {
    int layer;
    dcn_from from;             /* LAYER or ZERO */
    char *title;               /* "layer 1", "layer4.1.relu\n7x7x512" */
    char *key;                 /* "h_pool1/guided/layer" */
    float *drawn;              /* (chunk,h,w,c) */
} show_view;

/* One channel of one layer in one picture. */
typedef struct show_tile {
    int layer, channel;
    float value;               /* its largest activation */
    int y, x;                  /* of that */
    dcn_box box;               /* what that unit sees */
} show_tile;

typedef struct show_picture {
    char *name;                /* "cat", "test-00003": of its results */
    char *path;                /* NULL: from a data set or an array */
    char *truth;               /* its class, or NULL */
    dev_t device;              /* the file, so that no result replaces it */
    ino_t inode;
} show_picture;

typedef struct show_run {
    show_options options;
    char *model_path, *model_name;       /* the name: its last part, as UTF-8 */
    dcn_model model;
    bool imported;             /* from ONNX */
    dcn_data *data;            /* if pictures come from a data set */
    dcn_array array;           /* --input */
    dcn_shape shape;           /* of an input */
    size_t volume;
    int n;                     /* pictures in all */
    show_picture *pictures;    /* (n) */
    int chunk;                 /* pictures that go through the network together */
    float *images;             /* (chunk,h,w,c) */
    float *photos;             /* (chunk,h,w,c), 0 to 1, before normalisation; NULL: --input */
    int n_layers;
    show_layer *layers;
    int n_views;
    show_view *views;
    float *drawn;                 /* of all views, a chunk each */
    bool together;                /* the views are the layers: all are walked down at once */
    int starts;                /* of the plan: channels that are walked down together */
    dcn_plan *plan;
    char *extensions;          /* beyond the papers, of all ways; "" */
    cli_answer answer;
    int classes;
    float *answers;            /* (chunk,classes), probabilities */
    cli_json *json;            /* the array of pictures, or NULL */
} show_run;

/* ---- show_input.c: which pictures; their pixels, a chunk at a time ---- */
dcn_status show_list_inputs(show_run *run, dcn_error *err);
/* Pictures first .. first + n - 1 into images and photos. */
dcn_status show_read_inputs(show_run *run, int first, int n, dcn_error *err);
void show_clear_inputs(show_run *run);

/* ---- show_layers.c: which layers --layer means ---- */
dcn_status show_choose_layers(show_run *run, dcn_error *err);

/* ---- show_views.c: which ways down ---- */
/* Are single channels drawn, not whole layers? */
bool show_by_channel(const show_options *o);
dcn_status show_choose_views(show_run *run, dcn_error *err);
void show_clear_views(show_run *run);
/* The start of one tile's way. */
dcn_start show_start(const show_run *run, int picture, const show_tile *tile);

/* ---- show_walk.c: the plan, and all pictures through it ---- */
dcn_status show_make_plan(show_run *run, dcn_error *err);
dcn_status show_walk(show_run *run, dcn_error *err);
/* n tiles of one layer, run->starts at most, of picture i of the chunk: drawn (n,h,w,c). */
dcn_status show_project(const show_run *run, int i, const show_tile *tiles, int n, float *drawn,
                        dcn_error *err);

/* ---- show_channels.c: which channels of a picture, strongest first ---- */
typedef struct show_channels {
    show_tile *tiles;
    int n;
    int *dead;                 /* channels that never fired; not drawn, but listed */
    int n_dead;
    int hidden;                /* channels beyond --top */
} show_channels;
/* The chosen ones of layers first_layer .. first_layer + n_layers - 1, in picture i of the
 * chunk. */
dcn_status show_find_channels(show_run *run, int i, int first_layer, int n_layers,
                              show_channels *channels, dcn_error *err);
void show_clear_channels(show_channels *channels);

/* ---- show_tile.c: parts of pictures in the size in which they are drawn ---- */
/* Each value `grow` times in both directions, or means of shrink x shrink values; one of both is
 * 1. out: *shape_out of values. */
dcn_shape show_part_shape(dcn_shape shape, const dcn_box *part, int grow, int shrink);
void show_copy_part(const float *from, dcn_shape shape, const dcn_box *part, int grow, int shrink,
                    float *out);

/* ---- show_text.c: what stands in names, captions and text chunks ---- */
char *show_start_text(const show_run *run);      /* "layer", "channel", "peak, ones" */
char *show_layers_text(const show_run *run, int first, int n, bool brief);
/* "-", "all", "3,5"; of --class top the picture's best class, or "top" where that is -1. */
char *show_channels_text(const show_run *run, int best);
/* OUT/cat-guided-peak-3.png */
char *show_sheet_path(const show_run *run, int i, int first_layer, int n_layers);
/* Of a sheet of picture i of the chunk. more: what it alone has to say, ", ..." or "". */
char *show_caption(const show_run *run, int i, int first_layer, int n_layers, const char *more);
/* "channel 17", or the class where the layer is the logits. */
char *show_channel_text(const show_run *run, const show_tile *tile);
/* 3 significant digits. */
const char *show_number(double value, char *text, size_t size);

/* ---- show_draw.c: sheets of whole layers; saving ---- */
/* Everything of picture i of the chunk that begins at `first`. */
dcn_status show_draw(show_run *run, int first, int i, dcn_error *err);
/* texts: pairs that this sheet adds, ended by NULL, or NULL. */
dcn_status show_save(const show_run *run, const dcn_image *sheet, int first, int i,
                     const char *path, int first_layer, int n_layers, const char *const *texts,
                     dcn_error *err);
/* The picture before normalisation, or as the network sees it. */
dcn_panel show_original(const show_run *run, int i);

/* ---- show_answer.c: the top classes, as text or JSON ---- */
/* `sheets`: the picture's own list in the JSON object, NULL without --json. */
cli_json *show_tell_answer(const show_run *run, int first, int i);
/* The best class of picture i of the chunk. */
int show_best_class(const show_run *run, int i);

/* ---- show_contact.c: sheets of channels ---- */
/* Draws and saves the sheets of picture i of the chunk; adds them to `sheets` or prints them. */
dcn_status show_draw_channels(show_run *run, int first, int i, cli_json *sheets, dcn_error *err);

/* ---- show_dump.c: everything, as named tensors; the plan keeps all ---- */
typedef struct show_dump show_dump;
show_dump *show_dump_create(void);
void show_dump_destroy(show_dump *dump);
dcn_status show_dump_values(show_dump *dump, const show_run *run, dcn_error *err);
/* drawn: (n,h,w,c) of the way down named `key`. signals: those of the last projection too. */
dcn_status show_dump_drawn(show_dump *dump, const show_run *run, const char *key,
                           const float *drawn, bool signals, dcn_error *err);
dcn_status show_dump_save(const show_dump *dump, const show_run *run, dcn_error *err);

#endif
