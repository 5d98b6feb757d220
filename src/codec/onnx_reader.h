/* onnx_reader.h - between the files of the ONNX reader only: its memory, its file, its parts. */
#ifndef DCN_CODEC_ONNX_READER_H
#define DCN_CODEC_ONNX_READER_H

#include "codec/onnx.h"
#include "codec/onnx_wire.h"

#include <sys/types.h>

/* Structures grow at most some thirtyfold from their bytes; this bounds them for large files. */
enum { DCN__ONNX_MAX_STRUCTURE = 512 << 20, DCN__ONNX_MAX_FILES = 4096, DCN__ONNX_OPEN_FILES = 8 };

typedef struct dcn__onnx_file {
    const char *location;      /* as the model names it */
    uint64_t size;
    dev_t device;
    ino_t inode;
    int fd;                    /* -1: closed for the time being */
} dcn__onnx_file;

typedef struct dcn__onnx_reader {
    dcn__wire wire;
    struct dcn__onnx_block *blocks;        /* everything that was allocated for the model */
    size_t spent;
    uint64_t max_external;
    int folder;                            /* the model's; -1: no external data so far */
    dcn__onnx_file *files;
    int n_files, room, opened[DCN__ONNX_OPEN_FILES], turn;
    dcn__onnx_value *values;               /* by name */
    int n_values;
    struct {                               /* where the last slice of unpacked numbers ended */
        uint64_t begin;
        int64_t item;
        dcn__wire_items items;
    } last;
} dcn__onnx_reader;

/* onnx_reader.c. NULL: r->wire.err says why; it is never NULL while a model is opened. Zeroed,
 * freed with the model. */
void *dcn__onnx_take(dcn__onnx_reader *r, size_t count, size_t size);
void dcn__onnx_blocks_clear(dcn__onnx_reader *r);
/* A text of at most `limit` bytes: UTF-8 without NUL. `what` names it in errors. */
dcn_status dcn__onnx_string(dcn__onnx_reader *r, const dcn__wire_field *f, size_t limit,
                            const char *what, const char **text);
/* Any bytes, and a NUL behind. */
dcn_status dcn__onnx_bytes(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_text *text);
dcn_status dcn__onnx_pair_read(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_pair *p);
/* More of something came than was counted. */
dcn_status dcn__onnx_changed(dcn__onnx_reader *r);
/* "" for "ai.onnx", which means the same. */
const char *dcn__onnx_domain(const char *domain);

/* onnx_graph.c, onnx_node.c, onnx_tensor.c */
dcn_status dcn__onnx_graph_read(dcn__onnx *m, const dcn__wire_field *f, int64_t max_nodes);
dcn_status dcn__onnx_node_read(dcn__onnx_reader *r, const dcn__wire_field *f, dcn__onnx_node *node);
dcn_status dcn__onnx_tensor_read(dcn__onnx_reader *r, const dcn__wire_field *f,
                                 dcn__onnx_tensor *t);
/* onnx_check.c */
dcn_status dcn__onnx_values_make(dcn__onnx *m);

/* onnx_external.c. Finds or opens the file; *file is its number. */
dcn_status dcn__onnx_file_find(dcn__onnx_reader *r, const char *location,
                               const dcn__onnx_tensor *t, int *file);
dcn_status dcn__onnx_file_read(dcn__onnx_reader *r, int file, uint64_t offset, void *out,
                               size_t bytes);
void dcn__onnx_files_clear(dcn__onnx_reader *r);

/* How a type lies in the file; onnx_tensor.c. */
typedef struct dcn__onnx_layout {
    const char *name;
    int width;                 /* bytes of an element of raw_data; 0: not read */
    int field, item;           /* where typed data stand, and how wide an item is; 0: varints */
} dcn__onnx_layout;
const dcn__onnx_layout *dcn__onnx_layout_of(int type);     /* NULL: unknown */

/* dcn__onnx_tensor.store */
enum {
    DCN__ONNX_NOTHING,         /* no element, or a type that is not read */
    DCN__ONNX_FLAT,            /* begin .. end of the model file */
    DCN__ONNX_WALK,            /* numbers of the field, one by one; begin .. end: the message */
    DCN__ONNX_EXTERNAL         /* begin .. end of a file */
};
extern const dcn__wire_message dcn__onnx_tensor_message;

#endif
