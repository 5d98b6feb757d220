/* events_none.c - the event writer of a build without protobuf-c: it refuses by name. */
#include "view/events.h"

#ifndef DCN_HAVE_PROTOBUF

#include <string.h>

static dcn_status refuse(dcn_error *err)
{
    return dcn__fail(err, DCN_USAGE, "event file", "this build has no protobuf-c and neither "
                     "writes nor reads event files; build with it, or use the report");
}

dcn_status dcn_events_create(dcn_events **events, const char *folder, dcn_error *err)
{
    (void)folder;
    *events = NULL;
    return refuse(err);
}

dcn_status dcn_events_close(dcn_events *events, dcn_error *err)
{
    (void)err;
    (void)events;
    return DCN_OK;
}

const char *dcn_events_path(const dcn_events *events)
{
    (void)events;
    return NULL;
}

dcn_status dcn_events_graph(dcn_events *e, const dcn_graph_view *nodes, int n, dcn_error *err)
{
    (void)e, (void)nodes, (void)n;
    return refuse(err);
}

dcn_status dcn_events_scalar(dcn_events *e, const char *tag, int64_t step, float value,
                             dcn_error *err)
{
    (void)e, (void)tag, (void)step, (void)value;
    return refuse(err);
}

dcn_status dcn_events_histogram(dcn_events *e, const char *tag, int64_t step, const float *values,
                                int64_t n, dcn_error *err)
{
    (void)e, (void)tag, (void)step, (void)values, (void)n;
    return refuse(err);
}

dcn_status dcn_events_image(dcn_events *e, const char *tag, int64_t step, const dcn_image *image,
                            dcn_error *err)
{
    (void)e, (void)tag, (void)step, (void)image;
    return refuse(err);
}

dcn_status dcn_events_flush(dcn_events *e, dcn_error *err)
{
    (void)e;
    return refuse(err);
}

dcn_status dcn__events_check(const uint8_t *data, size_t size, const char *name,
                             dcn_events_summary *summary, dcn_error *err)
{
    (void)data, (void)size, (void)name;
    memset(summary, 0, sizeof *summary);
    return refuse(err);
}

dcn_status dcn_events_verify(const char *path, dcn_events_summary *summary, dcn_error *err)
{
    (void)path;
    memset(summary, 0, sizeof *summary);
    return refuse(err);
}

#endif
