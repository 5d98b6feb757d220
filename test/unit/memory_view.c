/* memory_view.c - what makes pictures, pages and event files, without memory. */
#include "memory_points.h"

#include "codec/jpeg.h"
#include "codec/npz.h"
#include "codec/png.h"
#include "data/scale.h"
#include "view/book.h"

static float values[4 * 5 * 3];
static uint8_t pixels[4 * 5 * 3];
static const dcn_image picture = { 4, 5, 3, pixels };
static char path[700];

static dcn_status sheet(const void *with, uint64_t *sum, dcn_error *e)
{
    static const dcn_box box = { 1, 1, 3, 3, 0 };
    static const char *const titles[2] = { "first", "second" };
    dcn_panel panels[4];
    const dcn_sheet_desc desc = { .panels = panels, .rows = 2, .columns = 2, .row_titles = titles,
                                  .caption = "a caption that is broken into lines", .zoom = 2,
                                  .bare = with != NULL };
    dcn_image image;
    dcn_status st;

    for (int i = 0; i < 4; i++)
        panels[i] = (dcn_panel){ values, { 4, 5, 3 }, "title\nfaint", DCN_PANEL_SIGNED, &box };
    st = dcn_sheet_draw(&image, &desc, e);
    if (st)
        assert_null(image.pixels);
    else
        feed(sum, image.pixels, (size_t)image.h * (size_t)image.w * (size_t)image.c);
    dcn_image_clear(&image);
    return st;
}

static dcn_status report(const void *with, uint64_t *sum, dcn_error *e)
{
    static const double x[5] = { 1, 2, 3, 4, 5 }, y[5] = { 0.5, 0.25, 3, 2, 1 };
    static const dcn_report_curve curve = { "loss", x, y, 5 };
    static const dcn_report_chart chart = { "title", "x", "y", &curve, 1 };
    static const dcn_report_picture shown = { "picture", "caption", &picture };
    static const dcn_report_row row = { "key", "value & <more>" };
    static const dcn_report_table table = { "table", &row, 1 };
    static const int64_t confusion[4] = { 5, 1, 0, 9 };
    static const char *const names[2] = { "cat", "dog" };
    const dcn_report_desc desc = { "Title", "One sentence.", &chart, 1, with ? NULL : &shown,
                                   with ? 0 : 1, &table, 1, confusion, 2, names };
    dcn_status st;

    unlink(path);
    st = dcn_report_save(&desc, path, e);
    if (!st)
        feed_file(sum, path);
    return st;
}

#ifdef DCN_HAVE_PNG
static dcn_status save_png(const void *with, uint64_t *sum, dcn_error *e)
{
    static const char *const texts[] = { "Software", "deconvnet", "Title", "\xc3\xa9", NULL };
    dcn_status st;

    unlink(path);
    st = dcn_image_save_png(&picture, path, with ? texts : NULL, e);
    if (!st)
        feed_file(sum, path);
    return st;
}
#endif

#ifdef DCN_HAVE_JPEG
static dcn_status encode_jpeg(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn__bytes bytes;
    const dcn_status st = dcn__jpeg_encode(&bytes, &picture, 90, e);

    (void)with;
    if (st)
        assert_null(bytes.data);
    else
        feed(sum, bytes.data, bytes.size);
    dcn__bytes_clear(&bytes);
    return st;
}
#endif

#ifdef DCN_HAVE_ZLIB
static dcn_status write_npz(const void *with, uint64_t *sum, dcn_error *e)
{
    const dcn_array a = { "one/a", DCN_F32, 2, { 4, 5 }, NULL };
    dcn__writer w = { .fd = -1 };
    dcn__npz z;
    dcn_status st;

    (void)with;
    unlink(path);
    st = dcn__writer_begin(&w, path, e);
    dcn__npz_begin(&z, &w);
    if (!st && !(st = dcn__npz_array(&z, &a, e)) &&
        !(st = dcn__npz_write(&z, values, 20 * sizeof *values, e)) && !(st = dcn__npz_end(&z, e)))
        st = dcn__writer_commit(&w, e);
    dcn__npz_clear(&z);
    dcn__writer_abort(&w);
    if (!st)
        feed_file(sum, path);
    return st;
}
#endif

static dcn_status scale(const void *with, uint64_t *sum, dcn_error *e)
{
    uint8_t out[3 * 3 * 3];
    const dcn_status st = dcn__scale_window(out, 3, 3, &picture, 3, 3, 0, 0, e);

    (void)with;
    feed(sum, out, st ? 0 : sizeof out);
    return st;
}

static dcn_status preprocess(const void *with, uint64_t *sum, dcn_error *e)
{
    const dcn_preprocess p = { .shape = { 3, 3, 3 }, .resize = 1 };
    float out[27];
    const dcn_status st = dcn_preprocess_image(&p, &picture, out, e);

    (void)with;
    feed(sum, out, st ? 0 : sizeof out);
    return st;
}

static void pictures(void **state)
{
    static const scenario list[] = {
        { "dcn_sheet_draw", sheet, WHOLE_PROCESS, NULL, NULL },
        { "dcn_sheet_draw, bare", sheet, WHOLE_PROCESS, "", NULL },
        { "dcn_report_save", report, WHOLE_PROCESS, "", NULL },
#ifdef DCN_HAVE_PNG
        { "dcn_report_save, picture", report, WHOLE_PROCESS, NULL, NULL },
        { "dcn_image_save_png", save_png, WHOLE_PROCESS, NULL, NULL },
        { "dcn_image_save_png, texts", save_png, WHOLE_PROCESS, "", NULL },
#endif
#ifdef DCN_HAVE_JPEG
        { "jpeg", encode_jpeg, WHOLE_PROCESS, NULL, NULL },
#endif
#ifdef DCN_HAVE_ZLIB
        { "npz", write_npz, WHOLE_PROCESS, NULL, NULL },
#endif
        { "scale", scale, WHOLE_PROCESS, NULL, NULL },
        { "dcn_preprocess_image", preprocess, WHOLE_PROCESS, NULL, NULL },
    };

    (void)state;
    RUN_SCENARIOS(list);
}

/* ---- books ------------------------------------------------------------------------------------- */

typedef dcn_status write_call(const dcn__book *, dcn__writer *, dcn_error *);
static write_call *const book_calls[2] = { dcn__book_json, dcn__book_page };

static dcn_status write_book(const void *with, uint64_t *sum, dcn_error *e)
{
    static const dcn__book_unit unit = { .picture = 5, .file = "a/b.png", .label = 1, .value = 0.5f,
                                         .box = { 1, 2, 4, 6, 1 }, .scale = 1 };
    static const dcn__book_channel channels[2] = {
        { .same_as = -1, .fired = 3, .units = &unit, .n_units = 1, .strip = "tiles/0.png" },
        { .kind = DCN_CHANNEL_DEAD, .same_as = -1, .reason = "never fired on 8 pictures" },
    };
    static const int from = -1;
    static const dcn__book_layer layer = {
        .name = "conv1", .op = "relu", .shape = { 4, 5, 2 }, .field = { 3, 4 }, .stride = { 1, 2 },
        .patch = { 3, 4 }, .tile = { 3, 4 }, .from = &from, .n_from = 1, .channels = channels
    };
    static const char *const classes[2] = { "cat", "d\xc3\xb6g" };
    const dcn__book book = { .title = "Title", .model_name = "m", .data_name = "d", .data_kind = "IDX",
                             .pictures_text = "8 test pictures", .rule = "deconvnet", .engine = "ref",
                             .input = { 8, 9, 1 }, .pictures = 8, .top = 1, .classes = 2,
                             .class_names = classes, .layers = &layer, .n_layers = 1 };
    dcn__writer w = { .fd = -1 };
    dcn_status st;

    unlink(path);
    if (!(st = dcn__writer_begin(&w, path, e)) &&
        !(st = (*(write_call *const *)with)(&book, &w, e)))
        st = dcn__writer_commit(&w, e);
    dcn__writer_abort(&w);
    if (!st)
        feed_file(sum, path);
    return st;
}

static void books(void **state)
{
    static const scenario list[] = {
        { "atlas.json", write_book, WHOLE_PROCESS, &book_calls[0], NULL },
        { "index.html", write_book, WHOLE_PROCESS, &book_calls[1], NULL },
    };

    (void)state;
    RUN_SCENARIOS(list);
}

/* ---- event files ----------------------------------------------------------------------------------- */

static char folder[700];

/* Every kind of record. An event file ends on a whole record whatever fails, so that what was written
 * before is read; a call that failed may be made again. */
static dcn_status write_events(const void *with, uint64_t *sum, dcn_error *e)
{
    static const char *const inputs[1] = { "a" };
    static const dcn_graph_view nodes[2] = { { "a", "Placeholder", NULL, 0, { 1, 1, 1 } },
                                             { "b", "Relu", inputs, 1, { 1, 1, 1 } } };
    dcn_events_summary s = { 0 };
    dcn_events *events;
    char file[1024];
    dcn_status st = dcn_events_create(&events, folder, e);

    (void)with;
    if (st) {
        assert_null(events);
        return st;
    }
    snprintf(file, sizeof file, "%s", dcn_events_path(events));
    if (!(st = dcn_events_graph(events, nodes, 2, e)) &&
        !(st = dcn_events_scalar(events, "loss", 1, 0.5f, e)) &&
        !(st = dcn_events_histogram(events, "h", 1, values, 60, e)) &&
#ifdef DCN_HAVE_PNG
        !(st = dcn_events_image(events, "i", 1, &picture, e)) &&
#endif
        !(st = dcn_events_flush(events, e)))
        st = dcn_events_verify(file, &s, e);
    if (!st)
        st = dcn_events_close(events, e);
    else
        dcn_events_close(events, NULL);
    dcn__set_alloc_hook(NULL, NULL);
    atomic_store(&all_on, false);
    if (st)
        assert_int_equal(dcn_events_verify(file, &s, NULL), DCN_OK);
    assert_int_equal(s.torn_bytes, 0);
    feed(sum, &s, sizeof s);
    unlink(file);
    return st;
}

static void event_files(void **state)
{
    static const scenario list[] = { { "events", write_events, WHOLE_PROCESS, NULL, NULL } };

    (void)state;
#ifdef DCN_HAVE_PROTOBUF
    RUN_SCENARIOS(list);
#else
    (void)list;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures),
        cmocka_unit_test(books),
        cmocka_unit_test(event_files),
    };
    int failed;

    fill_reals(values, COUNT(values), 3);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    snprintf(path, sizeof path, "%s", scratch("file"));
    snprintf(folder, sizeof folder, "%s", scratch("events"));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    memory_figure("view");
    return failed;
}
