/* state.h - the file of a scan (docs/formats/atlas.md): between state.c, which writes it,
 * state_read.c, which reads it, and merge.c. */
#ifndef DCN_ATLAS_STATE_H
#define DCN_ATLAS_STATE_H

#include "atlas/atlas.h"
#include "model/file.h"

enum { DCN__STATE_VERSION = 1 };

/* A page's tensors, each with its channels first; those before DCN__STATE_COUNT have `top`
 * columns. */
typedef enum dcn__state_part {
    DCN__STATE_VALUE, DCN__STATE_PICTURE, DCN__STATE_CELL,
    DCN__STATE_COUNT, DCN__STATE_FIRED, DCN__STATE_LEAST, DCN__STATE_MOST, DCN__STATE_MARK,
    DCN__STATE_PARTS
} dcn__state_part;
extern const char *const dcn__state_words[DCN__STATE_PARTS];    /* "value", ... */
dcn_dtype dcn__state_dtype(dcn__state_part part);

/* A fact of the scan: its metadata's key and text. Two scans with the same facts, the last ones
 * aside, found the same. */
enum { DCN__STATE_SAME = 8, DCN__STATE_FACTS = DCN__STATE_SAME + 6, DCN__FACT_TEXT = 400 };
typedef struct dcn__fact { const char *key, *what; char text[DCN__FACT_TEXT]; } dcn__fact;
/* facts: (DCN__STATE_FACTS); behind the first DCN__STATE_SAME top, shard, shards, first, end,
 * next. */
void dcn__state_facts(dcn__fact *facts, const dcn_atlas *a);

/* The sum over tensors and metadata, as docs/formats/atlas.md says. crcs: of the tensors' bytes;
 * all three in the order of their names' bytes. */
dcn_status dcn__state_sum(uint32_t *sum, const char *const *names, const uint32_t *crcs, int n,
                          const dcn__pair *pairs, int n_pairs, dcn_error *err);

/* Is it a scan at all, and of this version? */
dcn_status dcn__state_format(const dcn__tensors *t, dcn_error *err);
/* What a key's value is; a number in a range. */
dcn_status dcn__state_text(const char **text, const dcn__tensors *t, const char *key,
                           dcn_error *err);
dcn_status dcn__state_number(int64_t *n, const dcn__tensors *t, const char *key, int64_t least,
                             int64_t most, dcn_error *err);
/* A layer's tensor; NULL: it is not there. */
const dcn__tensor *dcn__state_tensor(const dcn__tensors *t, const char *layer, int part);
/* Damage; whoever changes a file on purpose leaves the sum out, or sets it right. The file must be
 * in memory. */
dcn_status dcn__state_verify(const dcn__tensors *t, dcn_error *err);

/* What a file says of itself, after it was found to fit the atlas. */
typedef struct dcn__state {
    int top, shard, shards;
    int64_t first, end, next;
} dcn__state;
/* The header: whose scan it is, and every tensor's shape. */
dcn_status dcn__state_check(dcn__state *s, const dcn__tensors *t, const dcn_atlas *a,
                            dcn_error *err);
/* The numbers, after check, all of them verified; lists: (n_pages), dcn__state_clear. The file must
 * be in memory. */
dcn_status dcn__state_read(dcn__lists **lists, const dcn__state *s, const dcn__tensors *t,
                           const dcn_atlas *a, dcn_error *err);
/* Both for a file on the disk: the header is checked before the numbers are read. */
dcn_status dcn__state_peek(dcn__state *s, const char *file, const dcn_atlas *a, dcn_error *err);
dcn_status dcn__state_open(dcn__state *s, dcn__lists **lists, const char *file, const dcn_atlas *a,
                           dcn_error *err);
void dcn__state_clear(dcn__lists *lists, int n);

#endif
