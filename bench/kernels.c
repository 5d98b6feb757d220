/* kernels.c - how long each kernel of a plan takes, beside the machine's peak.
 *
 *   kernels [ENGINE [NETWORK [BATCH [THREADS]]]]
 *
 * NETWORK: text as in --net, or the name of a model file; without one the tutorial's. Makes a plan
 * for BATCH pictures (128), cut as always, and times every kernel on its chunks in turn: on one
 * thread, or with a single chunk on THREADS. GFLOP/s count each multiply-add of the operator's
 * definition, so a kernel that skips zeros may pass the peak. */
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 128, REPEATS = 200, MAX_GROUPS = 1000, MAX_ROUTES = 2, LONGEST_MS = 2000 };

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of one picture, for the steps that multiply. */
static double flops(const dcn_graph *g, const dcn__step *s)
{
    const dcn__node *n = &g->nodes[s->node];
    const dcn_shape in = n->n_inputs ? g->nodes[n->inputs[0]].shape : n->shape;

    switch (s->action) {
    case DCN__DO_CONV:
    case DCN__DO_CONV_DATA:
    case DCN__DO_CONV_WEIGHTS:
        return 2.0 * (double)dcn__shape_size(n->shape) * in.c / n->groups * n->window.kernel[0] *
               n->window.kernel[1];
    case DCN__DO_DENSE:
    case DCN__DO_DENSE_DATA:
    case DCN__DO_DENSE_WEIGHTS:
        return 2.0 * (double)dcn__shape_size(in) * n->shape.c;
    default:
        return 0;
    }
}

static void print_group(const dcn_plan *p, const dcn__program *program, int i, double *times, int n)
{
    const dcn__group *group = &program->groups[i];
    char text[120] = "";
    double work = 0;

    for (int s = group->first; s < group->first + group->count; s++) {
        const dcn__step *step = &program->walk.steps[s];
        const size_t used = strlen(text);

        work += flops(p->graph, step) * p->chunk;
        snprintf(text + used, sizeof text - used, "%s%s %s", used ? ", " : "",
                 dcn__action_word(step->action), p->graph->nodes[step->node].name);
    }
    qsort(times, (size_t)n, sizeof *times, by_size);
    printf("  %-76s %8.4f %8.4f", text, times[0], times[n / 2]);
    if (work > 0)
        printf(" %7.1f", work / times[0] * 1e-6);
    printf("\n");
}

static void time_program(dcn_plan *p, dcn__program *program, const char *name)
{
    static double times[MAX_GROUPS][REPEATS];
    int32_t labels[8] = { 0 };
    static const dcn_start starts[8];
    const double begin = dcn__clock_ms();
    double loss = 0, total = 0, middle = 0;
    int correct = 0, n = 0;
    dcn__frame f = { .slots = p->lane_slots,
                     .scratch = p->lane_memory + p->lane_bytes,
                     .n = p->chunk,
                     .weights = p->weights,
                     .labels = labels,
                     .starts = starts,
                     .total = p->batch,
                     .loss = &loss,
                     .correct = &correct };
    const int threads = program == &p->train ? 1 : p->inner_threads;
    const int token = p->engine->enter(threads);

    for (; n < REPEATS && (n < 5 || dcn__clock_ms() - begin < LONGEST_MS); n++) {
        const int c = n % p->n_chunks;

        for (int s = 0; s < program->walk.n_slots; s++) {
            const dcn__place *q = &program->places[s];

            p->lane_slots[s] = q->room == DCN__ROOM_KEPT
                                   ? p->kept_memory + (size_t)c * p->chunk_bytes + q->offset
                                   : q->room == DCN__ROOM_LANE ? p->lane_memory + q->offset : NULL;
        }
        if (p->training)
            f.gradients = p->chunk_gradients + (size_t)c * p->train.gradient_bytes;
        for (int i = 0; i < program->n_groups && i < MAX_GROUPS; i++) {
            const double start = dcn__clock_ms();

            program->kernels[i]->run(program->kernels[i], &f);
            times[i][n] = dcn__clock_ms() - start;
        }
    }
    p->engine->leave(token);
    printf("%s, one chunk of %d pictures, %d threads%*s least   median GFLOP/s\n", name, p->chunk,
           threads, 36 - (int)strlen(name), "");
    for (int i = 0; i < program->n_groups && i < MAX_GROUPS; i++) {
        print_group(p, program, i, times[i], n);
        total += times[i][0];
        middle += times[i][n / 2];
    }
    printf("  %-76s %8.4f %8.4f\n", "together", total, middle);
}

static dcn_status make_graph(dcn_graph **g, const char *text, dcn_error *err)
{
    dcn_model model = { 0 };
    dcn_status st;

    if (text && strlen(text) < 200 && access(text, R_OK) == 0) {
        if ((st = dcn_model_load(&model, text, NULL, err)))
            return st;
        *g = model.graph;
        model.graph = NULL;
        dcn_model_clear(&model);
        return DCN_OK;
    }
    st = text ? dcn_graph_parse(g, text, strlen(text), "NETWORK", NULL, err)
              : dcn_graph_tutorial(g, 3, 10, err);
    return st ? st : dcn_graph_init_weights(*g, 1, err);
}

/* The last layers that end in a max pool: where the ways down are interesting. */
static int find_routes(const dcn_graph *g, dcn_route *routes)
{
    int n = 0;

    for (dcn_node i = g->n_nodes - 1; i > 0 && n < MAX_ROUTES; i--)
        if (g->nodes[i].op == DCN__OP_MAX_POOL)
            routes[n++] = (dcn_route){ .layer = i, .rule = DCN_RULE_RECONSTRUCT, .extend = 1 };
    return n;
}

int main(int argc, char **argv)
{
    dcn_route routes[MAX_ROUTES];
    dcn_graph *g = NULL;
    dcn_plan *p = NULL;
    dcn_plan_desc d = { .batch = BATCH, .threads = 1, .training = 1, .routes = routes };
    dcn__random r = dcn__random_stream(1, 2, 3);
    dcn_error err;
    float *pictures;
    size_t size;
    double start;
    dcn_status st;

    if ((st = make_graph(&g, argc > 2 ? argv[2] : NULL, &err)))
        goto out;
    d.engine = argc > 1 ? argv[1] : "cpu";
    d.n_routes = find_routes(g, routes);
    d.batch = argc > 3 ? (int)strtol(argv[3], NULL, 10) : BATCH;
    d.threads = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 1;
    d.training = argc < 4;
    start = dcn__clock_ms();
    if ((st = dcn_plan_create(&p, g, &d, &err)))
        goto out;
    printf("%s; made in %.1f ms, %zu KiB; peak of one core %.1f GFLOP/s\n", dcn_plan_text(p),
           dcn__clock_ms() - start, dcn_plan_bytes(p) >> 10, dcn_machine_peak(1));
    size = (size_t)dcn__shape_size(g->nodes[0].shape) * (size_t)d.batch;
    if (!(pictures = dcn__alloc_array(size, sizeof *pictures))) {
        st = dcn__fail_memory(&err, "pictures", size);
        goto out;
    }
    for (size_t i = 0; i < size; i++)
        pictures[i] = (float)dcn__random_normal(&r);
    dcn_plan_forward(p, pictures, d.batch);
    dcn__free(pictures);
    time_program(p, &p->forward, "forward");
    if (d.training)
        time_program(p, &p->train, "training step");
    for (int i = 0; i < p->n_routes; i++)
        time_program(p, &p->down[i], g->nodes[routes[i].layer].name);
out:
    if (st)
        printf("kernels: error: %s\n", err.text);
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
    return st;
}
