/* events_read.c - reads an event file again and checks all of it.
 *
 * Sums first, then the messages, then what must agree inside them. Pictures are not decoded. */
#include "view/events.h"

#ifdef DCN_HAVE_PROTOBUF

#include "base/memory.h"
#include "codec/tfrecord.h"

#include <string.h>

/* Two bytes of a record can ask for a structure of a hundred. */
enum { ROOM = 64 << 20, ROOM_FACTOR = 4 };

/* protobuf-c says only "no": this tells a bad message from a full memory, and from one that wants
 * more than its record can need. */
typedef struct room { size_t left; bool failed, over; } room;

static room room_for(size_t record)
{
    return (room){ .left = ROOM + ROOM_FACTOR * record };
}

static void *room_alloc(void *user, size_t bytes)
{
    room *r = user;
    void *memory;

    if (bytes > r->left) {
        r->over = true;
        return NULL;
    }
    r->left -= bytes;
    if (!(memory = dcn__alloc(bytes)))
        r->failed = true;
    return memory;
}

static void room_free(void *user, void *memory)
{
    (void)user;
    dcn__free(memory);
}

/* Of bytes that did not become a message. */
static dcn_status refuse(const room *r, const char *what, size_t bytes, const char *where,
                         uint64_t offset, dcn_error *err)
{
    if (r->failed)
        return dcn__fail_memory(err, what, bytes);
    if (r->over)
        return dcn__fail_at(err, DCN_INPUT, where, offset, "%s of %zu bytes would take more than "
                            "%zu MiB; the file is damaged or not one of ours", what, bytes,
                            room_for(bytes).left >> 20);
    return dcn__fail_at(err, DCN_INPUT, where, offset, "%s of %zu bytes does not decode; the file "
                        "is damaged or no event file", what, bytes);
}

static dcn_status check_value(const Dcn__Tb__Value *v, const char *where, uint64_t offset,
                              dcn_events_summary *s, dcn_error *err)
{
    if (v->has_simple_value)
        s->scalars++;
    if (v->image) {
        if (v->image->width < 1 || v->image->height < 1 || !v->image->encoded_image_string.len)
            return dcn__fail_at(err, DCN_INPUT, where, offset, "a picture of %d x %d in %zu bytes; "
                                "the file is damaged or not one of ours", v->image->width,
                                v->image->height, v->image->encoded_image_string.len);
        s->images++;
    }
    if (v->histo) {
        if (v->histo->n_bucket != v->histo->n_bucket_limit)
            return dcn__fail_at(err, DCN_INPUT, where, offset,
                                "a histogram has %zu edges and %zu counts; the file is damaged or "
                                "not one of ours", v->histo->n_bucket_limit, v->histo->n_bucket);
        s->histograms++;
    }
    return DCN_OK;
}

static dcn_status check_graph(const ProtobufCBinaryData *bytes, const char *where, uint64_t offset,
                              ProtobufCAllocator *allocator, dcn_error *err)
{
    Dcn__Tb__Graph *graph = dcn__tb__graph__unpack(allocator, bytes->len, bytes->data);

    if (!graph)
        return refuse(allocator->allocator_data, "a graph", bytes->len, where, offset, err);
    dcn__tb__graph__free_unpacked(graph, allocator);
    return DCN_OK;
}

static dcn_status check_event(const Dcn__Tb__Event *event, const char *where, uint64_t offset,
                              ProtobufCAllocator *allocator, dcn_events_summary *s, dcn_error *err)
{
    dcn_status st = DCN_OK;

    if (s->records == 0 &&
        (!event->file_version || strncmp(event->file_version, "brain.Event:", 12) != 0))
        return dcn__fail_at(err, DCN_INPUT, where, offset, "the first record holds no version "
                            "\"brain.Event:\"; this is a record file, but no event file");
    if (event->has_graph_def) {
        st = check_graph(&event->graph_def, where, offset, allocator, err);
        s->graphs++;
    }
    if (event->summary && !st) {
        const bool first = !s->scalars && !s->images && !s->histograms;

        s->first_step = first || event->step < s->first_step ? event->step : s->first_step;
        s->last_step = first || event->step > s->last_step ? event->step : s->last_step;
        for (size_t i = 0; i < event->summary->n_value && !st; i++)
            st = check_value(event->summary->value[i], where, offset, s, err);
    }
    return st;
}

static dcn_status check_all(dcn__tfrecord_reader *r, dcn_events_summary *s, dcn_error *err)
{
    if (!r->size)
        return dcn__fail(err, DCN_INPUT, r->where, "is empty; the run wrote nothing");
    for (;;) {
        const uint64_t offset = r->offset;
        room memory = { 0 };
        ProtobufCAllocator allocator = { room_alloc, room_free, &memory };
        const uint8_t *data;
        size_t bytes;
        Dcn__Tb__Event *event;
        dcn_status st = dcn__tfrecord_next(r, &data, &bytes, err);

        if (st || !data) {
            s->torn_bytes = (int64_t)r->torn_bytes;
            return st;
        }
        memory = room_for(bytes);
        event = dcn__tb__event__unpack(&allocator, bytes, data);
        if (!event)
            return refuse(&memory, "an event", bytes, r->where, offset, err);
        st = check_event(event, r->where, offset, &allocator, s, err);
        dcn__tb__event__free_unpacked(event, &allocator);
        if (st)
            return st;
        s->records++;
    }
}

dcn_status dcn__events_check(const uint8_t *data, size_t size, const char *name,
                             dcn_events_summary *summary, dcn_error *err)
{
    dcn__tfrecord_reader r;
    dcn_status st;

    memset(summary, 0, sizeof *summary);
    dcn__tfrecord_from_memory(&r, data, size, name);
    st = check_all(&r, summary, err);
    dcn__tfrecord_close(&r);
    return st;
}

dcn_status dcn_events_verify(const char *path, dcn_events_summary *summary, dcn_error *err)
{
    dcn__tfrecord_reader r;
    dcn_status st;

    memset(summary, 0, sizeof *summary);
    if (!(st = dcn__tfrecord_open(&r, path, err)))
        st = check_all(&r, summary, err);
    dcn__tfrecord_close(&r);
    return st;
}

#endif
