/* book.h - an atlas as a page and as JSON: facts and file names in, bytes out. Knows neither plans
 * nor data sets. */
#ifndef DCN_VIEW_BOOK_H
#define DCN_VIEW_BOOK_H

#include "base/error.h"
#include "base/file.h"

/* All texts may come from outside: any bytes. */
typedef struct dcn__book_unit {
    int64_t picture;              /* as dcn_atlas_unit */
    dcn_split split;              /* and the picture's number in it */
    int64_t index;
    const char *file;             /* below the data set; NULL: none */
    int label;                    /* -1: none */
    float value;
    int y, x;
    dcn_box box;                  /* of the network's input */
    float scale;                  /* the magnitude that its projection's tile shows at full
                                     contrast (grey 128 is zero); 0: nothing but zeros */
} dcn__book_unit;

typedef struct dcn__book_channel {
    dcn_channel_kind kind;
    int same_as;
    const char *reason;
    int64_t fired;
    const dcn__book_unit *units;
    int n_units;
    /* One picture, columns * tile wide and one tile high, columns = 2 * n_units: the patches, then
     * the projections. Relative to the page; NULL: no units. */
    const char *strip;
} dcn__book_channel;

typedef struct dcn__book_layer {
    const char *name, *op;        /* op: "conv", "max_pool", ... of the node that ends the layer;
                                     names are unique in a book */
    const char *head;             /* the conv or dense that makes it: "conv1"; NULL: the same */
    dcn_shape shape;
    int field[2], stride[2];      /* of the receptive field; may exceed the input */
    int patch[2], tile[2];        /* rows, columns: dcn__page */
    const int *from;              /* layers whose values it is computed from; -1: the input */
    int n_from;
    const dcn__book_channel *channels;    /* (shape.c) */
    const char *raw;              /* file with its projections; NULL: none */
} dcn__book_layer;

typedef struct dcn__book {
    const char *title, *model_name, *model_hash, *guess;
    const char *data_name, *data_kind, *pictures_text;   /* "10,000 test pictures" */
    const char *preprocess, *rule, *extensions;          /* extensions: NULL or a sentence */
    const char *engine;                                  /* "cpu (avx512_core)" */
    dcn_shape input;
    int64_t pictures;
    int top;
    int classes;                                         /* of the labels; 0: none */
    const char *const *class_names;                      /* NULL: numbers */
    int output_classes;                                  /* if the channels of the last of `layers`
                                                            are classes: how many, else 0 */
    const char *const *output_names;
    const dcn__book_layer *layers;
    int n_layers;
    /* For a single file: the strip's bytes and type ("image/png"); the caller clears. NULL: strips
     * are files beside the page. */
    dcn_status (*strip)(void *user, const char *name, dcn__bytes *bytes, const char **type,
                        dcn_error *err);
    void *user;
} dcn__book;

/* Both write to an open writer and neither commit nor abort. Equal books give equal bytes. */
dcn_status dcn__book_page(const dcn__book *book, dcn__writer *w, dcn_error *err);
dcn_status dcn__book_json(const dcn__book *book, dcn__writer *w, dcn_error *err);

#endif
