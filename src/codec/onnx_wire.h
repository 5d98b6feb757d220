/* onnx_wire.h - protobuf's wire format, read from a file in windows, a field at a time.
 *
 * Never copies what is only passed over, never recurses, allocates nothing but its window. The
 * caller goes down into a message by opening a cursor on it, as many levels as it knows. */
#ifndef DCN_CODEC_ONNX_WIRE_H
#define DCN_CODEC_ONNX_WIRE_H

#include "base/error.h"

#include <stdbool.h>

typedef struct dcn__wire {
    int fd;                    /* -1: not open */
    const char *path;          /* borrowed */
    uint64_t size;             /* of the file when it was opened */
    dcn_error *err;            /* of the call that is under way */
    uint8_t *window;           /* DCN__WIRE_WINDOW bytes; holds the file's begin .. begin + held */
    uint64_t begin;
    size_t held;
} dcn__wire;

enum { DCN__WIRE_WINDOW = 256 * 1024 };

/* What a message's field may look like: bits of wire types, and that it comes once. A message
 * that comes twice would have to be merged; no program writes that. */
enum {
    DCN__WIRE_VARINT = 1 << 0, DCN__WIRE_FIXED64 = 1 << 1, DCN__WIRE_BYTES = 1 << 2,
    DCN__WIRE_FIXED32 = 1 << 5, DCN__WIRE_ONCE = 1 << 7
};
enum { DCN__WIRE_FIELDS = 32 };            /* numbers from here on are unknown and passed over */
typedef struct dcn__wire_message {
    const char *name;                      /* for errors */
    uint8_t fields[DCN__WIRE_FIELDS];      /* 0: unknown, passed over */
} dcn__wire_message;

typedef struct dcn__wire_cursor {
    const dcn__wire_message *message;
    uint64_t at, end;
    uint32_t seen;                         /* a bit for each field number */
} dcn__wire_cursor;

typedef struct dcn__wire_field {
    uint32_t number;                       /* 0: the message has ended */
    int type;                              /* one of DCN__WIRE_VARINT ... FIXED32 */
    uint64_t at;                           /* in the file */
    uint64_t value;                        /* of a number, its bits */
    uint64_t begin, end;                   /* of BYTES: what it holds */
} dcn__wire_field;

dcn_status dcn__wire_open(dcn__wire *w, const char *path, uint64_t limit, dcn_error *err);
void dcn__wire_close(dcn__wire *w);

dcn__wire_cursor dcn__wire_enter(const dcn__wire_message *message, uint64_t begin, uint64_t end);
dcn_status dcn__wire_next(dcn__wire *w, dcn__wire_cursor *c, dcn__wire_field *f);
/* How often each field occurs. */
dcn_status dcn__wire_count(dcn__wire *w, dcn__wire_cursor c, int counts[DCN__WIRE_FIELDS]);
dcn_status dcn__wire_copy(dcn__wire *w, uint64_t at, void *out, size_t bytes);
/* The window as room for `bytes` <= DCN__WIRE_WINDOW of something else. */
uint8_t *dcn__wire_borrow(dcn__wire *w);

/* The numbers of one repeated field, packed or not, in the order of the file. */
typedef struct dcn__wire_items {
    dcn__wire_cursor message;
    uint32_t field;
    int width;                             /* 0: varints; 4; 8 */
    uint64_t at, end;                      /* within the packed run under way */
} dcn__wire_items;

dcn__wire_items dcn__wire_items_of(dcn__wire_cursor message, uint32_t field, int width);
/* *some: there was another one. */
dcn_status dcn__wire_item(dcn__wire *w, dcn__wire_items *items, uint64_t *bits, bool *some);
dcn_status dcn__wire_items_count(dcn__wire *w, dcn__wire_items items, int64_t *count);

#endif
