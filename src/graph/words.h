/* words.h - what a line of text may say of an operator, as a table: the reader in text.c and the
 * writer in print.c both follow it. docs/formats/network.md tells it to people. */
#ifndef DCN_GRAPH_WORDS_H
#define DCN_GRAPH_WORDS_H

#include "graph/graph.h"

typedef enum dcn__word_kind {
    DCN__WORD_WHOLE,          /* N */
    DCN__WORD_PAIR,           /* N or ROWSxCOLUMNS */
    DCN__WORD_WINDOW,         /* the same, or global */
    DCN__WORD_SHAPE,          /* HEIGHTxWIDTHxCHANNELS */
    DCN__WORD_SIDES,          /* N or TOP,LEFT,BOTTOM,RIGHT */
    DCN__WORD_PAD,            /* same, valid or sides */
    DCN__WORD_NUMBER,         /* 0.01 */
    DCN__WORD_INIT,           /* the same, or he */
    DCN__WORD_BIAS,           /* the same, or no */
    DCN__WORD_NO_BIAS,        /* no, or yes */
    DCN__WORD_FLAG,           /* no or yes, a bool */
    DCN__WORD_FORM,           /* no or yes, a number: 0 or 1 */
    DCN__WORD_ORDER           /* chw or hwc */
} dcn__word_kind;

typedef struct dcn__word {
    dcn__op op;
    const char *key;          /* "filters" of filters=64; "" if there is only the bare word */
    dcn__word_kind kind;
    size_t at;                /* of its value in dcn__node */
    double min, max;
    double usual;             /* left out where it has this value */
    bool needed;
    bool bare;                /* may stand without its key */
} dcn__word;

/* The words of an operator, in canonical order. */
const dcn__word *dcn__words_of(dcn__op op, int *n);
/* Advice that shows how it is written. */
const char *dcn__words_example(dcn__op op);
/* How many inputs it takes. */
int dcn__least_inputs(dcn__op op);
int dcn__most_inputs(dcn__op op);

#endif
