/* A book is the same bytes whatever happened while it was drawn: threads, stops, kills, a damaged
 * spool, no memory, a full disk. And what is not the book's stays. */
#include "atlas_draw_help.h"

#include "atlas/draw.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { PICTURES = 40, TOP = 5, GROUP = 8 };

static const char net[] = "input 16x14x3; conv filters=6 kernel=3; relu; max_pool 2; "
                          "conv filters=8 kernel=3; relu; dense units=3";

/* In groups of 8 pictures, so that there is something to interrupt. */
static dcn_atlas *small_groups(const gallery *g, int threads)
{
    dcn_atlas *a = scanned(g, (dcn_atlas_desc){ .top = TOP, .threads = threads,
                                                .way.rule = DCN_RULE_DECONVNET });

    a->draw_most = GROUP;
    return a;
}

static void open_small(gallery *g, const char *name)
{
    dcn_graph *graph = graph_of(net);

    begin_gallery(g, name);
    hang_noise(g, PICTURES, 16, 14, 3, 11);
    set_weights(graph, 5, 0, 0.5f);
    take_network(g, graph);
    open_gallery(g);
}

static const dcn_book_desc with_raw = { .title = "Book", .raw = DCN_RAW_NPZ };

static void draw(dcn_atlas *a, const gallery *g)
{
    must(dcn_atlas_draw(a, g->book, &with_raw, NULL, NULL, &err));
    assert_false(stands(g->book, "tiles.tmp"));
}

static void empty_book(const gallery *g)
{
    remove_tree(g->book);
    must(dcn__make_folder(g->book, &err));
}

/* ---- threads -------------------------------------------------------------------------------- */

static void threads_change_no_byte(void **state)
{
    uint64_t want = 0;
    gallery g;

    (void)state;
    open_small(&g, "threads");
    for (int threads = 1; threads <= 3; threads++) {
        dcn_atlas *a = small_groups(&g, threads);

        empty_book(&g);
        draw(a, &g);
        if (threads == 1)
            want = tree_sum(g.book);
        assert_true(tree_sum(g.book) == want);
        draw(a, &g);              /* over itself */
        assert_true(tree_sum(g.book) == want);
        dcn_atlas_destroy(a);
    }
    close_gallery(&g);
}

/* ---- stops ---------------------------------------------------------------------------------- */

/* Stops at the call number `left`, kills the process if it is told to. */
typedef struct watcher { int left, calls; bool kills; int64_t first, last, total; } watcher;

static int watch(void *user, int64_t done, int64_t total)
{
    watcher *w = user;

    if (done < w->last || done > total || (w->total && total != w->total))
        fail_msg("progress went from %lld of %lld to %lld of %lld", (long long)w->last,
                 (long long)w->total, (long long)done, (long long)total);
    w->first = w->calls ? w->first : done;
    w->last = done;
    w->total = total;
    w->calls++;
    if (--w->left)
        return 0;
    if (w->kills)
        kill(getpid(), SIGKILL);
    return 1;
}

static void stopped_at_every_call_it_goes_on(void **state)
{
    int stops = 0, fewer = 0;
    uint64_t want;
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "stops");
    a = small_groups(&g, 2);
    draw(a, &g);
    want = tree_sum(g.book);
    for (int call = 1;; call++) {
        watcher w = { .left = call }, again = { 0 };
        const dcn_status st = (empty_book(&g), dcn_atlas_draw(a, g.book, &with_raw, watch, &w, &err));

        if (!st)
            break;
        assert_int_equal(st, DCN_STOPPED);
        assert_true(stands(g.book, "tiles.tmp"));
        assert_false(stands(g.book, "index.html"));
        must(dcn_atlas_draw(a, g.book, &with_raw, watch, &again, &err));
        assert_int_equal(again.last, w.total);
        assert_true(tree_sum(g.book) == want);
        fewer += again.calls < w.calls;
        stops++;
    }
    assert_true(stops > 4 && fewer > 0);
    /* And stopped after each group again and again. */
    empty_book(&g);
    for (int call = 0;; call++) {
        watcher w = { .left = 2 };
        const dcn_status st = dcn_atlas_draw(a, g.book, &with_raw, watch, &w, &err);

        if (st == DCN_OK || w.last == w.total)
            break;
        assert_int_equal(st, DCN_STOPPED);
        assert_true(call < 100);
    }
    draw(a, &g);
    assert_true(tree_sum(g.book) == want);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

static void killed_it_goes_on(void **state)
{
    uint64_t want;
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "kills");
    a = small_groups(&g, 1);
    draw(a, &g);
    want = tree_sum(g.book);
    for (int call = 1; call <= 6; call++) {
        pid_t child;
        int status;

        empty_book(&g);
        if ((child = fork()) == 0) {
            watcher stop = { .left = 3 }, w = { .left = call, .kills = true };
            dcn_atlas *mine = small_groups(&g, 1);

            /* Two groups are written down; more are drawn before it dies. */
            dcn_atlas_draw(mine, g.book, &with_raw, watch, &stop, NULL);
            dcn_atlas_draw(mine, g.book, &with_raw, watch, &w, NULL);
            _exit(0);
        }
        assert_true(child > 0 && waitpid(child, &status, 0) == child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        draw(a, &g);
        assert_true(tree_sum(g.book) == want);
    }
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* ---- the spool ------------------------------------------------------------------------------- */

/* Of the byte at `offset`; below 0: of one in the first tile that is drawn. */
static void flip(const char *path, int64_t offset)
{
    dcn__bytes file;

    must(dcn__file_read(&file, path, 1 << 26, &err));
    if (offset < 0) {
        for (offset = 4096; !file.data[offset]; offset++)
            assert_true((size_t)offset + 30 < file.size);
        offset += 20;
    }
    file.data[offset] ^= 0x40;
    must(dcn__file_write(path, file.data, file.size, &err));
    dcn__bytes_clear(&file);
}

static void another_spool(const gallery *g, const char *path)
{
    dcn_atlas *other = scanned(g, (dcn_atlas_desc){ .top = TOP, .threads = 1,
                                                    .way.rule = DCN_RULE_GUIDED });
    watcher w = { .left = 3 };

    unlink(path);
    other->draw_most = GROUP;
    assert_int_equal(dcn_atlas_draw(other, g->book, &with_raw, watch, &w, &err), DCN_STOPPED);
    dcn_atlas_destroy(other);
}

/* Stopped after two groups; then something happens to what is on the disk, or, at last, nothing. */
static void what_is_damaged_is_drawn_anew(void **state)
{
    char path[700];
    uint64_t want;
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "damage");
    snprintf(path, sizeof path, "%s/tiles.tmp", g.book);
    a = small_groups(&g, 2);
    draw(a, &g);
    want = tree_sum(g.book);
    for (int kind = 0; kind < 10; kind++) {
        watcher w = { .left = 3 }, again = { 0 };

        empty_book(&g);
        a->draw_most = kind == 8 ? 2 * GROUP : GROUP;
        assert_int_equal(dcn_atlas_draw(a, g.book, &with_raw, watch, &w, &err), DCN_STOPPED);
        if (kind < 5)
            flip(path, (const int64_t[]){ 0, 12, 36, 40, -1 }[kind]);
        else if (kind == 5)
            assert_int_equal(truncate(path, 5000), 0);
        else if (kind == 6)
            put_file(g.book, "tiles.tmp", "nothing", 7);
        else if (kind == 7)
            another_spool(&g, path);
        else if (kind == 8)
            a->draw_most = GROUP;     /* other groups than those that were counted */
        must(dcn_atlas_draw(a, g.book, &with_raw, watch, &again, &err));
        if (kind < 9 ? again.first != 0 : again.first == 0)
            fail_msg("damage %d: it went on from %lld", kind, (long long)again.first);
        if (tree_sum(g.book) != want)
            fail_msg("damage %d shows in the book", kind);
    }
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* Whoever opens it second is told so, and nothing is harmed. */
static void two_do_not_draw_at_once(void **state)
{
    char path[700];
    dcn__store taken;
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "two");
    snprintf(path, sizeof path, "%s/tiles.tmp", g.book);
    a = small_groups(&g, 1);
    must(dcn__store_open(&taken, path, &err));
    assert_refused(dcn_atlas_draw(a, g.book, NULL, NULL, NULL, &err), DCN_FILE, "in use");
    dcn__store_remove(&taken);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_refused(dcn_atlas_draw(a, g.book, NULL, NULL, NULL, &err), DCN_FILE, "tiles.tmp");
    unlink(path);
    draw(a, &g);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* No file may grow beyond `most` bytes. */
static dcn_status draw_within(dcn_atlas *a, const gallery *g, const dcn_book_desc *desc,
                              uint64_t most)
{
    struct rlimit before, small;
    dcn_status st;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    st = dcn_atlas_draw(a, g->book, desc, NULL, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    return st;
}

/* There is no room for the spool; then there is, but none for the page. */
static void a_full_disk_is_told(void **state)
{
    const dcn_book_desc book = { .title = "Book" };
    uint64_t want, spool;
    dcn__bytes bytes;
    char path[700];
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "full");
    a = small_groups(&g, 1);
    spool = dcn_atlas_disk(a);
    snprintf(path, sizeof path, "%s/index.html", g.book);
    must(dcn_atlas_draw(a, g.book, &book, NULL, NULL, &err));
    want = tree_sum(g.book);
    empty_book(&g);
    put_file(g.book, "index.html", "<meta name=\"generator\" content=\"deconvnet old", 45);
    assert_refused(draw_within(a, &g, &book, spool - 1), DCN_FILE, "tiles.tmp: cannot make room");
    assert_refused(draw_within(a, &g, &book, spool), DCN_FILE, "index.html: write failed at byte");
    assert_non_null(strstr(err.text, "; raise the limit of a file's size and try again"));
    must(dcn__file_read(&bytes, path, 1000, &err));
    assert_int_equal(bytes.size, 45);
    dcn__bytes_clear(&bytes);
    must(dcn_atlas_draw(a, g.book, &book, NULL, NULL, &err));
    assert_true(tree_sum(g.book) == want);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state)
{
    uint64_t want;
    dcn_atlas *a;
    gallery g;
    int refused = 0;

    (void)state;
    open_small(&g, "memory");
    a = small_groups(&g, 1);
    draw(a, &g);
    want = tree_sum(g.book);
    empty_book(&g);
    for (int i = 0;; i += 1 + i / 60) {
        int left = i;
        dcn_status st;

        dcn__set_alloc_hook(fail_after, &left);
        st = dcn_atlas_draw(a, g.book, &with_raw, NULL, NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
        if (!st && left >= 0)
            break;
        if (st && st != DCN_MEMORY)
            fail_msg("allocation %d: status %d: %s", i, (int)st, err.text);
        assert_true(st || left < 0);
        refused += st == DCN_MEMORY;
    }
    assert_true(refused > 100);
    assert_true(tree_sum(g.book) == want);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* ---- what else is in the folder -------------------------------------------------------------- */

static void put(const gallery *g, const char *folder, const char *name)
{
    char path[900];

    snprintf(path, sizeof path, "%s/%s", g->book, folder);
    must(dcn__make_folder(path, &err));
    put_file(path, name, "x", 1);
}

static void old_tiles_go_and_nothing_else(void **state)
{
    static const char *const stay[] = {
        "notes.txt", "tiles-0000000g/01-a/00000.png", "tiles-1111111/01-a/00000.png",
        "tiles-22222222/01-a/holiday.png", "tiles-22222222/01-a/house.png",
        "tiles-22222222/mine/00000.png",
        "tiles-33333333/01-a/00000.png.orig", "elsewhere/01-a/00001.png", "index.html.tmp-holiday",
    };
    char path[900], target[900];
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "tidy");
    a = small_groups(&g, 1);
    put(&g, "tiles-44444444/01-a", "00000.png");
    put(&g, "tiles-44444444/12-b-c", "65535.jpg");
    put(&g, "tiles-22222222/01-a", "00000.png");
    put(&g, "tiles-22222222/01-a", "00000.png.tmp-abc123");
    put(&g, ".", "index.html.tmp-abc123");
    for (size_t i = 0; i < COUNT(stay); i++) {
        const char *slash = strrchr(stay[i], '/');

        snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - stay[i]) : 1,
                 slash ? stay[i] : ".");
        put(&g, path, slash ? slash + 1 : stay[i]);
    }
    snprintf(path, sizeof path, "%s/tiles-55555555", g.book);
    snprintf(target, sizeof target, "%s/elsewhere", g.book);
    assert_int_equal(symlink(target, path), 0);
    draw(a, &g);
    for (size_t i = 0; i < COUNT(stay); i++)
        if (!stands(g.book, stay[i]))
            fail_msg("%s is gone", stay[i]);
    assert_true(stands(g.book, "tiles-55555555"));
    assert_false(stands(g.book, "tiles-44444444"));
    assert_false(stands(g.book, "tiles-22222222/01-a/00000.png"));
    assert_false(stands(g.book, "tiles-22222222/01-a/00000.png.tmp-abc123"));
    assert_false(stands(g.book, "index.html.tmp-abc123"));
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* What would be overwritten must be a book's. */
static void foreign_files_are_not_overwritten(void **state)
{
    static const struct { const char *folder, *name; } foreign[] = {
        { ".", "index.html" }, { ".", "atlas.json" }, { "raw", "01-max_pool1.npz" },
    };
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "claim");
    a = small_groups(&g, 1);
    for (size_t i = 0; i < COUNT(foreign); i++) {
        char path[900];
        dcn__bytes kept;

        empty_book(&g);
        must(dcn_atlas_check_folder(g.book, &err));
        put(&g, foreign[i].folder, foreign[i].name);
        assert_int_equal(dcn_atlas_check_folder(g.book, &err), DCN_FILE);
        assert_int_equal(dcn_atlas_draw(a, g.book, &with_raw, NULL, NULL, &err), DCN_FILE);
        assert_non_null(strstr(err.text, "name another folder"));
        snprintf(path, sizeof path, "%s/%s/%s", g.book, foreign[i].folder, foreign[i].name);
        must(dcn__file_read(&kept, path, 10, &err));
        assert_int_equal(kept.size, 1);
        dcn__bytes_clear(&kept);
    }
    empty_book(&g);
    put(&g, ".", "notes.txt");
    draw(a, &g);
    must(dcn_atlas_check_folder(g.book, &err));
    draw(a, &g);                                /* over a book of its own */
    remove_tree(g.book);
    must(dcn_atlas_check_folder(g.book, &err));
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* The fingerprint of a folder knows names and sizes; here the file keeps both. */
static void a_picture_that_changed_is_refused(void **state)
{
    dcn_atlas_channel channel;
    uint8_t black[16 * 14 * 3] = { 0 };
    const dcn_image other = { 16, 14, 3, black };
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "changed");
    a = small_groups(&g, 1);
    must(dcn_atlas_channel_get(a, 0, 0, &channel, &err));
    hang(&g, (int)channel.top[0].picture, &other);
    assert_int_equal(dcn_atlas_draw(a, g.book, &with_raw, NULL, NULL, &err), DCN_STATE);
    assert_non_null(strstr(err.text, "that picture has changed"));
    assert_false(stands(g.book, "index.html"));
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

static int count_of(const dcn__bytes *bytes, const char *text)
{
    const char *at = (const char *)bytes->data;
    int n = 0;

    while ((at = strstr(at, text))) {
        at++;
        n++;
    }
    return n;
}

static void a_single_file_holds_everything(void **state)
{
    char path[700], name[80];
    dcn__bytes page;
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "single");
    a = small_groups(&g, 1);
    put(&g, "tiles-44444444/01-a", "00000.png");
    must(dcn_atlas_draw(a, g.book, &(dcn_book_desc){ .single = 1 }, NULL, NULL, &err));
    find_entry(name, sizeof name, g.book, "tiles");
    assert_string_equal(name, "");
    assert_true(stands(g.book, "atlas.json"));
    assert_false(stands(g.book, "raw"));
    snprintf(path, sizeof path, "%s/index.html", g.book);
    must(dcn__file_read(&page, path, 1 << 26, &err));
    assert_true(count_of(&page, "image/png;base64,") + count_of(&page, "iVBORw0KGgo") >= 17);
    dcn__bytes_clear(&page);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

/* ---- cuts ----------------------------------------------------------------------------------- */

/* A hundred layers do not fit one plan: several passes over the pictures make one book. */
static void many_layers_take_several_passes(void **state)
{
    char text[8000] = "input 6x6x1", name[80];
    size_t n = strlen(text);
    watcher w = { 0 };
    dcn__passes passes;
    dcn_graph *graph;
    uint64_t want;
    dcn_atlas *a;
    gallery g;

    (void)state;
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "; conv filters=1 kernel=1; relu");
    graph = graph_of(text);
    for (int i = 0; i < dcn_graph_weight_count(graph); i++) {
        const float value = i % 2 ? 0 : 1;

        must(dcn_graph_set_weight(graph, i, &value, 1, &err));
    }
    begin_gallery(&g, "deep");
    hang_noise(&g, 20, 6, 6, 1, 11);
    take_network(&g, graph);
    open_gallery(&g);
    a = small_groups(&g, 1);
    must(dcn__passes_cut(&passes, a, &err));
    assert_int_equal(passes.n, 3);
    assert_int_equal(passes.at[2].end, 100);
    dcn__passes_clear(&passes);
    must(dcn_atlas_draw(a, g.book, NULL, watch, &w, &err));
    assert_int_equal(w.total, 100 * TOP);
    assert_int_equal(w.last, w.total);
    want = tree_sum(g.book);
    for (int call = 2; call <= 6; call++) {
        watcher stop = { .left = call };

        empty_book(&g);
        assert_int_equal(dcn_atlas_draw(a, g.book, NULL, watch, &stop, &err), DCN_STOPPED);
        must(dcn_atlas_draw(a, g.book, NULL, NULL, NULL, &err));
        assert_true(tree_sum(g.book) == want);
    }
    find_entry(name, sizeof name, g.book, "tiles-");
    snprintf(text, sizeof text, "%s/%s", g.book, name);
    find_entry(name, sizeof name, text, "100-");
    assert_string_equal(name, "100-relu100");
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

static size_t plan_bytes(const dcn_atlas *a, int batch)
{
    dcn__passes passes;
    dcn_plan *plan;
    size_t bytes;

    must(dcn__passes_cut(&passes, a, &err));
    assert_int_equal(passes.n, 1);
    assert_int_equal(passes.at[0].batch, PICTURES);      /* no more than there are */
    passes.at[0].batch = batch;
    must(dcn__pass_plan(&plan, &passes.at[0], a, &err));
    bytes = dcn_plan_bytes(plan);
    dcn_plan_destroy(plan);
    dcn__passes_clear(&passes);
    return bytes;
}

/* Where max_bytes does not let a large group through, smaller ones do. */
static void groups_shrink_to_the_memory(void **state)
{
    dcn_atlas_desc desc = { .top = TOP, .threads = 1, .batch = 8, .way.rule = DCN_RULE_DECONVNET };
    uint64_t want;
    dcn_atlas *a;
    gallery g;
    size_t all;

    (void)state;
    open_small(&g, "tight");
    a = scanned(&g, desc);
    assert_int_equal(a->draw_most, 0);
    draw(a, &g);
    want = tree_sum(g.book);
    all = a->draw_bytes;
    desc.max_bytes = (plan_bytes(a, PICTURES) + plan_bytes(a, 8)) / 2;
    dcn_atlas_destroy(a);
    a = scanned(&g, desc);
    assert_true(a->draw_most > 0 && a->draw_most < PICTURES && a->draw_bytes < all);
    empty_book(&g);
    draw(a, &g);
    assert_true(tree_sum(g.book) == want);
    dcn_atlas_destroy(a);
    close_gallery(&g);
}

static void what_is_not_scanned_is_not_drawn(void **state)
{
    dcn_atlas *a;
    gallery g;

    (void)state;
    open_small(&g, "unscanned");
    a = new_atlas(&g, (dcn_atlas_desc){ .way.rule = DCN_RULE_DECONVNET });
    must_say(dcn_atlas_draw(a, g.book, NULL, NULL, NULL, &err), DCN_STATE,
             "atlas: 0 of 40 pictures are scanned; scan the others first");
    must_say(dcn_atlas_draw(a, g.book, &(dcn_book_desc){ .raw = 3 }, NULL, NULL, &err), DCN_USAGE,
             "raw: 3 is no kind of file; choose safetensors or npz");
    dcn_atlas_destroy(a);
    a = scanned(&g, (dcn_atlas_desc){ .shards = 2, .shard = 0, .way.rule = DCN_RULE_DECONVNET });
    must_say(dcn_atlas_draw(a, g.book, NULL, NULL, NULL, &err), DCN_STATE,
             "atlas: this is shard 1 of 2; merge all of them, then draw");
    dcn_atlas_destroy(a);
    assert_false(stands(g.book, "index.html"));
    close_gallery(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_byte),
        cmocka_unit_test(stopped_at_every_call_it_goes_on),
        cmocka_unit_test(killed_it_goes_on),
        cmocka_unit_test(what_is_damaged_is_drawn_anew),
        cmocka_unit_test(two_do_not_draw_at_once),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(old_tiles_go_and_nothing_else),
        cmocka_unit_test(foreign_files_are_not_overwritten),
        cmocka_unit_test(a_picture_that_changed_is_refused),
        cmocka_unit_test(a_single_file_holds_everything),
        cmocka_unit_test(many_layers_take_several_passes),
        cmocka_unit_test(groups_shrink_to_the_memory),
        cmocka_unit_test(what_is_not_scanned_is_not_drawn),
    };

    if (!has_png()) {
        print_message("no PNG in this build: no book\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
