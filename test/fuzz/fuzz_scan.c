/* fuzz_scan.c - the state of a scan, read for a small atlas. */
#include "fuzz_tensors.h"

#include "atlas/state.h"

static const char net[] = "input 8x8x3; conv filters=2 kernel=3; relu; dense units=3";

/* With fixed fingerprints, so that the corpus fits it: make_corpus.py writes the same. */
static dcn_atlas *make_atlas(void)
{
    static dcn_model model;
    dcn_data *data;
    dcn_atlas *a;
    const dcn_node relu = 2;
    const dcn_atlas_desc desc = { .layers = &relu, .n_layers = 1, .top = 2, .engine = "ref",
                                  .threads = 1, .way = { .rule = DCN_RULE_GRADIENT } };

    model.preprocess = (dcn_preprocess){ .shape = { 8, 8, 3 }, .normalize = DCN_NORMALIZE_NONE };
    if (dcn_graph_parse(&model.graph, net, strlen(net), "net", NULL, NULL) ||
        dcn_graph_init_weights(model.graph, 1, NULL) ||
        dcn_data_open(&data, "synthetic", NULL, NULL) ||
        dcn_atlas_create(&a, &model, data, &desc, NULL))
        abort();
    a->model_hash = 1;
    a->data_hash = 2;
    return a;
}

static dcn_atlas *atlas;

/* What is accepted must be such that a scan can go on from it and a book be drawn. */
static void check_lists(const dcn__lists *l, const dcn__state *s)
{
    for (int c = 0; c < l->channels; c++)
        for (int i = 0; i < l->tallies[c].n; i++) {
            const dcn_atlas_unit *u = &l->units[c * l->top + i];

            if (u->picture < s->first || u->picture >= s->next || u->y < 0 || u->y > 7 ||
                u->x < 0 || u->x > 7 || (i && !dcn__unit_before(u - 1, u)) || i >= l->top)
                abort();
        }
    if (s->next < s->first || s->next > s->end)
        abort();
}

static dcn_status read_state(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn__lists *lists = NULL;
    dcn__tensors t;
    dcn__state s;
    dcn_status st = dcn__tensors_parse(&t, data, size, "fuzz", NULL, err);

    if (!st && !(st = dcn__state_check(&s, &t, atlas, err)) &&
        !(st = dcn__state_read(&lists, &s, &t, atlas, err)))
        check_lists(&lists[0], &s);
    dcn__state_clear(lists, 1);
    dcn__tensors_close(&t);
    return st;
}

size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    return fuzz_change_tensors(data, size, max_size, seed);
}

/* The one sum of a state, over numbers and metadata. */
void fuzz_repair(uint8_t *data, size_t size)
{
    const char *names[MOST_TENSORS];
    uint32_t sums[MOST_TENSORS], sum;
    dcn__tensors t;

    if (!memmem(data, size, "crc32c", 6) || dcn__tensors_parse(&t, data, size, "repair", NULL, NULL))
        return;
    for (int i = 0; i < t.count && i < MOST_TENSORS; i++) {
        names[i] = t.at[i].name;
        sums[i] = dcn__crc32c(dcn__tensors_data(&t, &t.at[i]),
                              (size_t)(t.at[i].end - t.at[i].begin));
    }
    if (t.count <= MOST_TENSORS &&
        !dcn__state_sum(&sum, names, sums, t.count, t.metadata, t.n_metadata, NULL))
        write_sum(data + 8, (size_t)t.header_bytes, "crc32c", sum);
    dcn__tensors_close(&t);
}

FUZZ_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!atlas)
        atlas = make_atlas();
    fuzz_one(read_state, data, size);
    return 0;
}
