/* What a book says of its layers and of the network: edges, heads, outputs, words. */
#include "atlas_draw_help.h"

#include "atlas/facts.h"

/* A drawing's facts, without its pictures: the spool holds nothing, so units are left out. */
typedef struct told { dcn_atlas *atlas; dcn__spool spool; dcn__press press; dcn__facts facts; } told;

static void tell(told *t, const gallery *g, dcn_atlas_desc desc, const dcn_book_desc *book)
{
    t->atlas = new_atlas(g, desc);
    memset(&t->spool, 0, sizeof t->spool);
    must(dcn__spool_init(&t->spool, t->atlas, false, &err));
    must(dcn__press_init(&t->press, t->atlas, &t->spool, g->book, &err));
    must(dcn__facts_collect(&t->facts, &t->press, book, &err));
}

static void forget(told *t)
{
    dcn__facts_clear(&t->facts);
    dcn__press_clear(&t->press);
    dcn__spool_clear(&t->spool);
    dcn_atlas_destroy(t->atlas);
}

static void open_one(gallery *g, const char *name, const char *text, int pictures)
{
    dcn_graph *graph = graph_of(text);
    const dcn_shape in = shape_of(graph, 0);

    begin_gallery(g, name);
    hang_noise(g, pictures, in.h, in.w, in.c, 1);
    set_weights(graph, 1, 0, 1);
    take_network(g, graph);
    open_gallery(g);
}

static void assert_from(const told *t, const char *layer, const char *wanted)
{
    char got[200] = "";

    for (int i = 0; i < t->facts.book.n_layers; i++) {
        const dcn__book_layer *l = &t->facts.layers[i];

        for (int k = 0; strcmp(l->name, layer) == 0 && k < l->n_from; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s ",
                     l->from[k] < 0 ? "input" : t->facts.layers[l->from[k]].name);
    }
    assert_string_equal(got, wanted);
}

static const char residual[] =
    "x = input 12x12x3; c1 = conv filters=4 kernel=3; r1 = relu; c2 = conv filters=4 kernel=3; "
    "r2 = relu; c3 = conv filters=4 kernel=3; s = add c3 r1; r3 = relu; "
    "c4 = conv filters=4 kernel=3; m = concat c4 r3 x; d = dense units=5; softmax";

static void edges_lead_to_the_nearest_layers(void **state)
{
    dcn_node some[3];
    gallery g;
    told t;

    (void)state;
    open_one(&g, "edges", residual, 2);
    tell(&t, &g, (dcn_atlas_desc){ .way.rule = DCN_RULE_DECONVNET }, &(dcn_book_desc){ 0 });
    assert_int_equal(t.facts.book.n_layers, 5);
    assert_from(&t, "r1", "input ");
    assert_from(&t, "r2", "r1 ");
    assert_from(&t, "r3", "r1 r2 ");
    assert_from(&t, "c4", "r3 ");
    assert_from(&t, "d", "input r3 c4 ");
    assert_string_equal(t.facts.layers[0].head, "c1");
    assert_string_equal(t.facts.layers[0].op, "relu");
    assert_string_equal(t.facts.layers[2].head, "c3");
    assert_null(t.facts.layers[4].head);
    forget(&t);
    some[0] = node_of(g.model.graph, "r1");
    some[1] = node_of(g.model.graph, "s");
    some[2] = node_of(g.model.graph, "d");
    tell(&t, &g, (dcn_atlas_desc){ .layers = some, .n_layers = 3,
                                   .way.rule = DCN_RULE_DECONVNET }, &(dcn_book_desc){ 0 });
    assert_from(&t, "s", "r1 ");
    assert_from(&t, "d", "input s ");
    forget(&t);
    close_gallery(&g);
}

static void outputs_have_the_classes_names(void **state)
{
    static char *names[5] = { "ant", "bee", "cat", "dog", "eel" };
    static const struct { const char *text; int classes; } cases[] = {
        { "input 12x12x3; conv filters=4 kernel=3; relu; dense units=5; softmax", 5 },
        { "input 12x12x3; conv filters=5 kernel=3; relu; avg_pool global; softmax", 5 },
        { "input 12x12x3; conv filters=4 kernel=3; relu; avg_pool global; softmax", 0 },
        { "input 12x12x3; conv filters=5 kernel=3; relu; avg_pool global; scale", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        gallery g;
        told t;

        open_one(&g, "outputs", cases[i].text, 1);
        g.model.classes = 5;
        g.model.class_names = names;
        tell(&t, &g, (dcn_atlas_desc){ .way.rule = DCN_RULE_DECONVNET }, &(dcn_book_desc){ 0 });
        assert_int_equal(t.facts.book.output_classes, cases[i].classes);
        assert_true(!!t.facts.book.output_names == !!cases[i].classes);
        forget(&t);
        g.model.class_names = NULL;
        close_gallery(&g);
    }
}

static void words(void **state)
{
    gallery g;
    told t;

    (void)state;
    open_one(&g, "words", "input 9x9x1; conv filters=3 kernel=3; x = silu; conv filters=2 "
                          "kernel=3; relu", 3);
    tell(&t, &g, (dcn_atlas_desc){ .way = { .rule = DCN_RULE_GUIDED, .no_switches = 1,
                                            .extend = 1 } },
         &(dcn_book_desc){ .model_name = "mine" });
    assert_string_equal(t.facts.book.rule, "guided, without switches");
    assert_non_null(strstr(t.facts.book.extensions, "silu"));
    assert_string_equal(t.facts.book.pictures_text, "3 test pictures");
    assert_string_equal(t.facts.book.preprocess, "9x9x1 none");
    assert_string_equal(t.facts.book.model_name, "mine");
    assert_non_null(strstr(t.facts.book.title, "mine on words."));
    assert_int_equal(t.facts.book.classes, 0);
    assert_string_equal(t.press.slugs[0], "01-x");
    forget(&t);
    close_gallery(&g);
}

static void strips_are_found_by_their_names(void **state)
{
    static const char *const strange[] = {
        "tiles-00000000/03-x/00000.png", "tiles-00000000/01-x/00003.png", "tiles-00000000/01-x", "index.html",
        "tiles-00000000/x/00000.png", "tiles-00000000/x/00-000.png", "tiles-00000000/01-x/00000", "tiles/00-x/00000.png",
    };
    dcn__string name = { 0 };
    int page, channel;
    gallery g;
    told t;

    (void)state;
    open_one(&g, "names", "input 9x9x1; a/very.long:name_of_64_letters-which-goes-on-and-on-and-on"
                          " = conv filters=3 kernel=3; conv filters=20 kernel=3", 1);
    tell(&t, &g, (dcn_atlas_desc){ .way.rule = DCN_RULE_LINEAR }, &(dcn_book_desc){ 0 });
    assert_string_equal(t.press.slugs[0], "01-a_very_long_name_of_64_letters-which-goe");
    dcn__strip_name(&name, &t.press, 1, 17);
    must(dcn__strip_find(&t.press, name.text, &page, &channel, &err));
    assert_int_equal(page, 1);
    assert_int_equal(channel, 17);
    dcn__string_clear(&name);
    for (size_t i = 0; i < COUNT(strange); i++) {
        char sentence[200];

        snprintf(sentence, sizeof sentence, "book: has no tiles %s; please report this", strange[i]);
        must_say(dcn__strip_find(&t.press, strange[i], &page, &channel, &err), DCN_BUG, sentence);
    }
    forget(&t);
    close_gallery(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_lead_to_the_nearest_layers),
        cmocka_unit_test(outputs_have_the_classes_names),
        cmocka_unit_test(words),
        cmocka_unit_test(strips_are_found_by_their_names),
    };

    if (!has_png()) {
        print_message("no PNG in this build: no pictures\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
