/* plain.c - any folder of pictures as a data set: one split, test, and no labels.
 *
 * Opening lists the files and decodes the first; the others are decoded when they are asked for and
 * not kept. */
#include "data/data.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/listing.h"

static void close_source(void *source)
{
    dcn__listing_clear(source);
    dcn__free(source);
}

static const char *picture_file(const dcn_data *d, dcn_split split, int64_t i)
{
    (void)split;                  /* there is only one */
    return dcn__listing_at(d->source, i);
}

static const dcn__source_ops ops = { .load = dcn__data_load_file, .file = picture_file,
                                     .close = close_source };

dcn_status dcn__open_plain(dcn_data *d, dcn_error *err)
{
    dcn__listing *list = dcn__alloc(sizeof *list);
    dcn_status st;

    if (!list)
        return dcn__fail_memory(err, "a data set", sizeof *list);
    d->source = list;
    d->ops = &ops;
    d->info.kind = "pictures";
    if ((st = dcn__pictures_find(list, d->path, DCN__FILES_MAX, DCN__FILES_MAX, &d->content,
                                 err)) ||
        (st = dcn__data_set_name(d, dcn__path_name(d->path), err)))
        return st;
    if (!list->count)
        return dcn__fail(err, DCN_INPUT, d->path,
                         "holds no data set (no data_batch_1.bin, no train-images-idx3-ubyte, no "
                         "folder train) and no picture; name a folder that does, or "
                         "\"synthetic\"");
    d->info.count[DCN_SPLIT_TEST] = list->count;
    return dcn__data_see_first(d, DCN_SPLIT_TEST, err);
}
