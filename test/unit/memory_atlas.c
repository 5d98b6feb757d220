/* memory_atlas.c - scans, states, shards and books of an atlas without memory. */
#include "memory_points.h"

#include "atlas_help.h"

/* The silu is drawn beyond the papers: that has a text of its own. */
#define NET "input 12x12x1; conv filters=3 kernel=3; silu; max_pool 2; dense units=4"

#define SMALLER "a plan for the drawing that finds no memory: one for fewer pictures is tried"

static world w;
static char file[700], parts[2][700], book[700], whole[700];

static dcn_atlas_desc usual(void)
{
    return (dcn_atlas_desc){ .engine = "ref", .top = 2, .threads = 2, .tile = 16,
                             .way = { .rule = DCN_RULE_GUIDED, .extend = 1 } };
}

static void feed_atlas(const dcn_atlas *a, uint64_t *sum)
{
    for (int l = 0; l < dcn_atlas_layer_count(a); l++)
        for (int c = 0; c < shape_of(w.model.graph, dcn_atlas_layer(a, l)).c; c++) {
            dcn_atlas_channel out;

            assert_int_equal(dcn_atlas_channel_get(a, l, c, &out, NULL), DCN_OK);
            feed(sum, &out.fired, sizeof out.fired);
            for (int i = 0; i < out.n_top; i++)
                feed(sum, &out.top[i].picture, sizeof out.top[i].picture);
            feed_text(sum, out.reason);
        }
}

/* with: a file for the state, or NULL. */
static dcn_status scan(const void *with, uint64_t *sum, dcn_error *e)
{
    const dcn_atlas_desc desc = usual();
    dcn_atlas *a;
    dcn_status st;

    unlink(file);
    st = dcn_atlas_create(&a, &w.model, w.data, &desc, e);
    if (st)
        assert_null(a);
    else if (!(st = dcn_atlas_scan(a, with, NULL, NULL, e)))
        feed_atlas(a, sum);
    if (!st)
        assert_true(dcn_atlas_bytes(a) && dcn_atlas_disk(a) && dcn_atlas_text(a) &&
                    dcn_atlas_scanned(a) == dcn_atlas_pictures(a));
    if (!st && with)
        feed_file(sum, with);
    dcn_atlas_destroy(a);
    return st;
}

static dcn_atlas *standing_atlas;

static dcn_status save(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_status st;

    unlink(with);
    st = dcn_atlas_save(standing_atlas, with, e);
    if (!st)
        feed_file(sum, with);
    return st;
}

/* What was there before a load or a merge that fails stays. */
static dcn_status load(const void *with, uint64_t *sum, dcn_error *e)
{
    uint64_t before = 0, after = 0;
    dcn_status st;

    feed_atlas(standing_atlas, &before);
    st = dcn_atlas_load(standing_atlas, with, e);
    feed_atlas(standing_atlas, &after);
    assert_true(before == after);
    feed(sum, &after, st ? 0 : sizeof after);
    return st;
}

static dcn_status merge(const void *with, uint64_t *sum, dcn_error *e)
{
    const char *const files[2] = { parts[0], parts[1] };
    const dcn_atlas_desc desc = usual();
    dcn_atlas *a;
    dcn_status st = dcn_atlas_create(&a, &w.model, w.data, &desc, e);

    (void)with;
    if (!st && !(st = dcn_atlas_merge(a, files, 2, e)))
        feed_atlas(a, sum);
    dcn_atlas_destroy(a);
    return st;
}

static dcn_status read_scan(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn_scan s;
    const dcn_status st = dcn_scan_read(&s, with, NULL, e);

    if (st)
        assert_null(s.layers);
    for (int i = 0; !st && i < s.n_layers; i++)
        feed_text(sum, s.layers[i]);
    dcn_scan_clear(&s);
    return st;
}

/* Every file of a folder, by name. */
static void feed_folder(uint64_t *sum, const char *folder)
{
    dcn__names names;

    must(dcn__folder_list(&names, folder, 1000, &err));
    for (int i = 0; i < names.count; i++) {
        char below[1500];

        snprintf(below, sizeof below, "%s/%s", folder, names.at[i]);
        feed_text(sum, names.at[i]);
        if (dcn__is_folder(below))
            feed_folder(sum, below);
        else
            feed_file(sum, below);
    }
    dcn__names_clear(&names);
}

/* A drawing that failed goes on where it was: the book is the same. */
static dcn_status draw(const void *with, uint64_t *sum, dcn_error *e)
{
    const dcn_book_desc *desc = with;
    const dcn_status st = dcn_atlas_draw(standing_atlas, book, desc, NULL, NULL, e);

    if (!st) {
        dcn__set_alloc_hook(NULL, NULL);
        feed_folder(sum, book);
        remove_tree(book);
    }
    return st;
}

static int stop_late(void *user, int64_t done, int64_t total)
{
    (void)user, (void)total;
    return done > 0;
}

/* From where a drawing was stopped. */
static dcn_status go_on(const void *with, uint64_t *sum, dcn_error *e)
{
    dcn__set_alloc_hook(NULL, NULL);
    dcn_atlas_draw(standing_atlas, book, with, stop_late, NULL, NULL);
    dcn__set_alloc_hook(our_hook, &ours);
    return draw(with, sum, e);
}

static dcn_status check_folder(const void *with, uint64_t *sum, dcn_error *e)
{
    (void)sum;
    return dcn_atlas_check_folder(with, e);
}

static void save_parts(void)
{
    for (int i = 0; i < 2; i++) {
        dcn_atlas_desc desc = usual();
        dcn_atlas *a;

        desc.shard = i;
        desc.shards = 2;
        must(dcn_atlas_create(&a, &w.model, w.data, &desc, &err));
        must(dcn_atlas_scan(a, parts[i], NULL, NULL, &err));
        dcn_atlas_destroy(a);
    }
}

static void scenarios(void **state)
{
    static const dcn_book_desc raw = { .title = "Book", .raw = DCN_RAW_NPZ },
                               single = { .single = 1, .raw = DCN_RAW_SAFETENSORS };
    const dcn_atlas_desc desc = usual();
    const scenario list[] = {
        { "dcn_atlas_scan", scan, MANY, NULL, SMALLER },
        { "dcn_atlas_scan with a file", scan, MANY, file, SMALLER },
        { "dcn_atlas_save", save, 0, file, NULL },
    };
    const scenario with_json[] = {
        { "dcn_atlas_load", load, 0, whole, NULL },
        { "dcn_atlas_merge", merge, MANY, NULL, SMALLER },
        { "dcn_scan_read", read_scan, 0, whole, NULL },
    };
    const scenario with_png[] = {
        { "dcn_atlas_check_folder", check_folder, 0, book, NULL },
        { "dcn_atlas_draw", draw, MANY | THREADS, &raw, SMALLER },
        { "dcn_atlas_draw, going on", go_on, MANY | THREADS, &raw, SMALLER },
        { "dcn_atlas_draw, one file", draw, MANY | THREADS, &single, SMALLER },
    };

    (void)state;
    must(dcn_atlas_create(&standing_atlas, &w.model, w.data, &desc, &err));
    must(dcn_atlas_scan(standing_atlas, whole, NULL, NULL, &err));
    RUN_SCENARIOS(list);
#ifdef DCN_HAVE_RHASH
    save_parts();
    RUN_SCENARIOS(with_json);
#else
    (void)with_json, (void)save_parts;
#endif
#if defined(DCN_HAVE_PNG) && defined(DCN_HAVE_RHASH)
    RUN_SCENARIOS(with_png);
#else
    (void)with_png;
#endif
    dcn_atlas_destroy(standing_atlas);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(scenarios) };
    int failed;

    open_idx(&w, "memory_atlas", 3);
    set_model(&w, NET, 5, 0);
    snprintf(file, sizeof file, "%s", scratch("state"));
    snprintf(whole, sizeof whole, "%s", scratch("whole"));
    snprintf(parts[0], sizeof parts[0], "%s", scratch("part0"));
    snprintf(parts[1], sizeof parts[1], "%s", scratch("part1"));
    snprintf(book, sizeof book, "%s", scratch("book"));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    close_world(&w);
    memory_figure("atlas");
    return failed;
}
