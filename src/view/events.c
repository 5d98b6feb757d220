/* events.c - writes TensorBoard's event files (docs/formats/events.md).
 *
 * Every record goes out in one write: TensorBoard may read at any moment, and a full disk must
 * leave whole records behind. Nothing is kept in memory between calls. */
#include "view/events.h"

#ifdef DCN_HAVE_PROTOBUF

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "codec/png.h"
#include "codec/tfrecord.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct dcn_events {
    int fd;
    char *path;
    uint64_t size;              /* of the whole records in the file */
    bool broken;                /* a failed write could not be taken back, or a sync failed */
};

static double wall_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A failed write may have left a part of a record. */
static bool take_back(const dcn_events *e)
{
    while (ftruncate(e->fd, (off_t)e->size) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* ---- records ----------------------------------------------------------------------------- */

dcn_status dcn__events_append(dcn_events *e, Dcn__Tb__Event *event, dcn_error *err)
{
    size_t bytes;
    uint8_t *record;
    dcn_status st;

    if (e->broken)
        return dcn__fail(err, DCN_FILE, e->path, "cannot be trusted after an earlier failure; start "
                         "a new event file");
    event->has_wall_time = 1;
    event->wall_time = wall_time();
    bytes = dcn__tb__event__get_packed_size(event);
    if (bytes > DCN__TFRECORD_MAX)
        return dcn__fail(err, DCN_USAGE, e->path, "an event of %zu bytes is over the limit of "
                         "%llu; write less at once", bytes, (unsigned long long)DCN__TFRECORD_MAX);
    if (!(record = dcn__alloc(bytes + DCN__TFRECORD_FRAME)))
        return dcn__fail_memory(err, "an event", bytes);
    dcn__tb__event__pack(event, record + DCN__TFRECORD_HEAD);
    dcn__tfrecord_seal(record, bytes);
    st = dcn__fd_write(e->fd, e->path, e->size, record, bytes + DCN__TFRECORD_FRAME, err);
    dcn__free(record);
    if (!st)
        e->size += bytes + DCN__TFRECORD_FRAME;
    else
        e->broken = !take_back(e);
    return st;
}

dcn_status dcn__events_append_value(dcn_events *e, const char *tag, int64_t step,
                                    Dcn__Tb__Value *value, dcn_error *err)
{
    Dcn__Tb__Event event = DCN__TB__EVENT__INIT;
    Dcn__Tb__Summary summary = DCN__TB__SUMMARY__INIT;
    Dcn__Tb__Value *values[1] = { value };

    if (!tag || !*tag || !dcn__text_is_utf8(tag, strlen(tag)))
        return dcn__fail(err, DCN_USAGE, e->path,
                         "the tag of a summary is empty or not UTF-8; name the curve");
    value->tag = (char *)(uintptr_t)tag;
    summary.n_value = 1;
    summary.value = values;
    event.has_step = 1;
    event.step = step;
    event.summary = &summary;
    return dcn__events_append(e, &event, err);
}

/* ---- open and close ------------------------------------------------------------------------ */

/* The machine's name as a part of a file name. */
static void host_name(char *host, size_t size)
{
    if (gethostname(host, size) != 0)
        host[0] = '\0';
    host[size - 1] = '\0';
    for (char *p = host; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *p))
            *p = '_';
    if (!host[0])
        memcpy(host, "host", 5);
}

/* Two writers in one folder, one second and one process differ in the last number. */
static dcn_status create_file(dcn_events *e, const char *folder, dcn_error *err)
{
    enum { TRIES = 1000 };
    char host[65], name[160];
    int error = EEXIST;

    host_name(host, sizeof host);
    for (int n = 0; n < TRIES && error == EEXIST; n++) {
        dcn__free(e->path);
        snprintf(name, sizeof name, "events.out.tfevents.%010lld.%s.%ld.%d", (long long)time(NULL),
                 host, (long)getpid(), n);
        if (!(e->path = dcn__path_join(folder, name)))
            return dcn__fail_memory(err, "a path", strlen(folder) + sizeof name);
        error = dcn__file_create(&e->fd, e->path);
    }
    if (error)
        return dcn__fail_errno(err, e->path, "create it", error,
                               "check that the folder exists and is writable");
    return dcn__name_sync(e->path, err);
}

dcn_status dcn_events_create(dcn_events **events, const char *folder, dcn_error *err)
{
    Dcn__Tb__Event event = DCN__TB__EVENT__INIT;
    char version[] = "brain.Event:2";
    dcn_events *e;
    dcn_status st;

    *events = NULL;
    if ((st = dcn__make_folder(folder, err)))
        return st;
    if (!(e = dcn__alloc(sizeof *e)))
        return dcn__fail_memory(err, "an event file", sizeof *e);
    e->fd = -1;
    event.file_version = version;
    if (!(st = create_file(e, folder, err)))
        st = dcn__events_append(e, &event, err);
    if (st && e->fd >= 0)
        unlink(e->path);        /* an empty event file would only confuse */
    if (st)
        dcn_events_close(e, NULL);
    else
        *events = e;
    return st;
}

dcn_status dcn_events_close(dcn_events *events, dcn_error *err)
{
    dcn_status st = DCN_OK;

    if (!events)
        return DCN_OK;
    if (events->fd >= 0) {
        st = events->broken ? DCN_OK : dcn_events_flush(events, err);
        if (close(events->fd) != 0 && errno != EINTR && !st)
            st = dcn__fail_errno(err, events->path, "close it", errno, "check the disk");
    }
    dcn__free(events->path);
    dcn__free(events);
    return st;
}

const char *dcn_events_path(const dcn_events *events)
{
    return events->path;
}

dcn_status dcn_events_flush(dcn_events *e, dcn_error *err)
{
    const int error = dcn__fd_sync(e->fd, true);

    /* What was written since the last sync may be gone; a second one would not know. */
    e->broken = e->broken || error;
    return error ? dcn__fail_errno(err, e->path, "sync it", error, "check the disk") : DCN_OK;
}

/* ---- values -------------------------------------------------------------------------------- */

dcn_status dcn_events_scalar(dcn_events *e, const char *tag, int64_t step, float value,
                             dcn_error *err)
{
    Dcn__Tb__Value v = DCN__TB__VALUE__INIT;

    v.has_simple_value = 1;
    v.simple_value = value;
    return dcn__events_append_value(e, tag, step, &v, err);
}

dcn_status dcn_events_image(dcn_events *e, const char *tag, int64_t step, const dcn_image *image,
                            dcn_error *err)
{
    Dcn__Tb__Value v = DCN__TB__VALUE__INIT;
    Dcn__Tb__Image i = DCN__TB__IMAGE__INIT;
    dcn__bytes png = { NULL, 0 };
    dcn_status st = dcn__png_encode(&png, image, NULL, err);

    if (!st) {
        i.has_height = i.has_width = i.has_colorspace = i.has_encoded_image_string = 1;
        i.height = image->h;
        i.width = image->w;
        i.colorspace = image->c;
        i.encoded_image_string.data = png.data;
        i.encoded_image_string.len = png.size;
        v.image = &i;
        st = dcn__events_append_value(e, tag, step, &v, err);
    }
    dcn__bytes_clear(&png);
    return st;
}

#endif
