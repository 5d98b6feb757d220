/* events.h - what the files of the event writer and its reader share. */
#ifndef DCN_VIEW_EVENTS_H
#define DCN_VIEW_EVENTS_H

#include "base/error.h"

/* The summary that dcn_events_verify makes, of bytes in memory. `name` stands in errors. */
dcn_status dcn__events_check(const uint8_t *data, size_t size, const char *name,
                             dcn_events_summary *summary, dcn_error *err);

/* TensorFlow's edges for histograms: 0 and +-1e-12 * 1.1^i up to 1e20, then the largest double. */
enum { DCN__HISTOGRAM_EDGES = 1551 };
void dcn__histogram_edges(double edges[DCN__HISTOGRAM_EDGES]);
/* The bucket that counts `value`: the first whose edge is above it. */
int dcn__histogram_bucket(const double edges[DCN__HISTOGRAM_EDGES], double value);
/* The same for a finite float, from a table of where to begin by its first twelve bits. */
enum { DCN__HISTOGRAM_CELLS = 4096 };
void dcn__histogram_starts(const double edges[DCN__HISTOGRAM_EDGES],
                           uint16_t starts[DCN__HISTOGRAM_CELLS]);
int dcn__histogram_find(const double edges[DCN__HISTOGRAM_EDGES],
                        const uint16_t starts[DCN__HISTOGRAM_CELLS], float value);

#ifdef DCN_HAVE_PROTOBUF
#include "event.pb-c.h"

/* Packs, frames and writes one event whole; on failure the file ends where it ended before. */
dcn_status dcn__events_append(dcn_events *e, Dcn__Tb__Event *event, dcn_error *err);
/* The same for a summary of one value; checks the tag. */
dcn_status dcn__events_append_value(dcn_events *e, const char *tag, int64_t step,
                                    Dcn__Tb__Value *value, dcn_error *err);
#endif

#endif
