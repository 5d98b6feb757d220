/* Memory of programs, by brute force: bytes have owners, and whoever reads must still be the owner. */
#include "random_graph.h"

#include "engine/plan.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 10 };               /* what a sanitiser costs */
#else
enum { SLOWER = 1 };
#endif

typedef struct owners { int *of; size_t blocks; } owners;   /* of each 64 bytes of a lane: a slot, or -1 */

static void claim(owners *o, const dcn__place *q, int slot)
{
    for (size_t b = q->offset / 64; b < (q->offset + q->bytes) / 64; b++)
        o->of[b] = slot;
}

static int lost_bytes(const owners *o, const dcn__place *q, int slot)
{
    for (size_t b = q->offset / 64; b < (q->offset + q->bytes) / 64; b++)
        if (o->of[b] != slot)
            return 1;
    return 0;
}

/* Runs the program on paper. Returns how many slots lost bytes that they still needed. d: the program is for
 * starts, and its chores bring what it reads of the way up. */
static int run_on_paper(const dcn__program *p, const dcn_graph *g, size_t real_bytes, int chunk, const dcn__descent *d)
{
    owners o = { .blocks = p->lane_bytes / 64 };
    int lost = 0;

    o.of = malloc((o.blocks + 1) * sizeof *o.of);
    for (size_t b = 0; b < o.blocks; b++)
        o.of[b] = -1;
    for (int s = 0; s < p->walk.n_slots; s++)
        if (p->places[s].room == DCN__ROOM_LANE) {
            const dcn__place *q = &p->places[s];

            assert_int_equal(q->offset % 64, 0);
            assert_int_equal(q->bytes, dcn__slot_bytes(g, &p->walk.slots[s], real_bytes, chunk));
            assert_true(q->offset + q->bytes <= p->lane_bytes);
        }
    for (int i = 0; i < p->n_groups; i++) {
        const int *reads;
        int n_reads, writes[DCN__GROUP_SLOTS], n_writes;

        dcn__group_slots(&p->walk, &p->groups[i], &reads, &n_reads, writes, &n_writes);
        for (int k = 0; d && k < d->n_chores; k++)
            if (d->chores[k].group == i && d->chores[k].kind == DCN__CHORE_GATHER)
                claim(&o, &p->places[d->chores[k].slot], d->chores[k].slot);
        for (int k = 0; k < n_reads; k++) {
            assert_int_not_equal(p->places[reads[k]].room, DCN__ROOM_NONE);
            if (p->places[reads[k]].room == DCN__ROOM_LANE)
                lost += lost_bytes(&o, &p->places[reads[k]], reads[k]);
        }
        for (int k = 0; k < n_writes; k++) {
            assert_int_not_equal(p->places[writes[k]].room, DCN__ROOM_NONE);
            if (p->places[writes[k]].room == DCN__ROOM_LANE)
                claim(&o, &p->places[writes[k]], writes[k]);
        }
        /* Nothing is written into what the same kernel reads or writes. */
        for (int k = 0; k < n_reads + n_writes; k++) {
            const int s = k < n_reads ? reads[k] : writes[k - n_reads];

            if (p->places[s].room == DCN__ROOM_LANE)
                lost += lost_bytes(&o, &p->places[s], s);
        }
    }
    free(o.of);
    return lost;
}

static void check_kept(const dcn_plan *p)
{
    for (int i = 0; i < p->n_kept; i++) {
        const dcn__kept *a = &p->kept[i];

        assert_int_equal(a->offset % 64, 0);
        assert_true(a->offset + a->bytes <= p->chunk_bytes);
        for (int k = 0; k < i; k++) {
            const dcn__kept *b = &p->kept[k];

            assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
            assert_false(a->kind == b->kind && a->node == b->node);
        }
    }
}

static void check_plan(const dcn_plan *p)
{
    const size_t real = p->engine->real_bytes;

    assert_int_equal(run_on_paper(&p->forward, p->graph, real, p->chunk, NULL), 0);
    if (p->training)
        assert_int_equal(run_on_paper(&p->train, p->graph, real, p->chunk, NULL), 0);
    for (int i = 0; i < p->n_routes; i++)
        assert_int_equal(run_on_paper(&p->down[i], p->graph, real, p->chunk, NULL), 0);
    for (int i = 0; p->max_starts && i < 2 * p->n_routes; i++) {
        const dcn__descent *d = i % 2 ? &p->cones[i / 2] : &p->whole[i / 2];

        if (d->program.n_groups)
            assert_int_equal(run_on_paper(&d->program, d->graph, real, d->cut.chunk, d), 0);
    }
    check_kept(p);
}

static void slots_never_share_bytes_while_alive(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        if (!has_engine(engines[e]))
            continue;
        for (uint64_t seed = 0; seed < 150; seed++) {
            dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 3 + (int)(seed % 30), .side = 9, .head = 1 });
            const dcn_node last = dcn__loss_node(g);
            const dcn_route routes[] = { { .layer = last, .rule = DCN_RULE_RECONSTRUCT },
                                         { .layer = last, .rule = DCN_RULE_GRADIENT },
                                         { .layer = 1 + (int)(seed % (uint64_t)last), .rule = DCN_RULE_GUIDED },
                                         { .layer = 1 + (int)(seed * 7 % (uint64_t)last), .rule = DCN_RULE_DECONVNET } };
            dcn_plan *p;

            set_weights(g, seed, 3, 0);
            p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 1 + (int)(seed % 40), .training = 1,
                                            .keep_all = seed % 3 == 0, .routes = routes, .n_routes = 4, .threads = 1,
                                            .starts = (int)(seed % 5) * 7 });
            check_plan(p);
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
        }
    }
}

/* The check itself can fail: one slot moved onto another that is alive is seen. */
static void a_wrong_place_is_seen(void **state)
{
    dcn_graph *g = graph_of("x = input 4x4x2; a = relu; b = relu; c = add a b; relu");
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .threads = 1 });
    const dcn__walk *w = &p->forward.walk;
    dcn__place *a = &p->forward.places[dcn__walk_find(w, DCN__SLOT_VALUE, 1)];
    dcn__place *b = &p->forward.places[dcn__walk_find(w, DCN__SLOT_VALUE, 2)];

    (void)state;
    check_plan(p);
    assert_int_equal(b->room, DCN__ROOM_LANE);
    for (int half = 0; half < 2; half++) {
        b->offset = half ? a->offset + 64 : a->offset;
        assert_true(run_on_paper(&p->forward, g, sizeof(float), 1, NULL) > 0);
    }
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* A chain of n equal layers needs two of them at a time, however long it is. */
static void chains_need_two_buffers(void **state)
{
    static char text[20000];
    size_t n = (size_t)snprintf(text, sizeof text, "input 8x8x4\n");
    dcn_graph *g;
    dcn_plan *p;

    (void)state;
    for (int i = 0; i < 50; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "relu\n");
    g = graph_of(text);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .threads = 1 });
    assert_int_equal(p->forward.lane_bytes, 2 * 8 * 8 * 4 * sizeof(float));
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* The largest network that a text may hold is planned in reasonable time. */
static void a_thousand_nodes_are_planned_quickly(void **state)
{
    static char text[40000];
    size_t n = (size_t)snprintf(text, sizeof text, "input 2x2x1\n");
    const dcn_route route = { .layer = 998, .rule = DCN_RULE_GRADIENT };
    const double start = cpu_ms();
    dcn_graph *g;
    dcn_plan *p;

    (void)state;
    for (int i = 0; i < 997; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "conv filters=1 kernel=1\n" : "relu\n");
    snprintf(text + n, sizeof text - n, "avg_pool global\nsoftmax\n");
    g = graph_of(text);
    must(dcn_graph_init_weights(g, 1, &err));
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .training = 1, .routes = &route, .n_routes = 1 });
    if (cpu_ms() - start > 1000 * SLOWER)
        fail_msg("%.0f ms", cpu_ms() - start);
    check_plan(p);
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* As many nodes as a file may have: a chain, and a tree of which half is alive at once. */
static void a_hundred_thousand_nodes_are_planned(void **state)
{
    enum { NODES = 100000 };

    (void)state;
    for (int tree = 0; tree < 2; tree++) {
        dcn_node *row = malloc(NODES * sizeof *row);
        double start;
        dcn_route route;
        dcn_graph *g;
        dcn_plan *p;
        int n = 0;

        must(dcn_graph_create(&g, &err));
        row[n++] = dcn_graph_input(g, NULL, (dcn_shape){ 2, 2, 1 });
        while (n < (tree ? NODES / 2 : NODES)) {
            row[n] = dcn_graph_relu(g, tree ? 0 : row[n - 1], NULL);
            n++;
        }
        for (; tree && n > 1; n = (n + 1) / 2)
            for (int i = 0; i < n; i += 2)
                row[i / 2] = i + 1 < n ? dcn_graph_add(g, row + i, 2, NULL) : row[i];
        must(dcn_graph_check(g, &err));
        route = (dcn_route){ .layer = dcn_graph_output(g), .rule = DCN_RULE_GUIDED };
        start = cpu_ms();
        p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .threads = 1, .routes = &route, .n_routes = 1, .starts = 4 });
        if (cpu_ms() - start > 5000 * SLOWER)
            fail_msg("%s: %.0f ms", tree ? "tree" : "chain", cpu_ms() - start);
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
        free(row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_never_share_bytes_while_alive),
        cmocka_unit_test(a_wrong_place_is_seen),
        cmocka_unit_test(chains_need_two_buffers),
        cmocka_unit_test(a_thousand_nodes_are_planned_quickly),
        cmocka_unit_test(a_hundred_thousand_nodes_are_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
