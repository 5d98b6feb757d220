/* plan.c - makes a plan and ends it. Everything that can fail fails in dcn_plan_create. */
#include "engine/plan.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* About 8 pictures: their activations stay near a core. Smaller batches are cut finer so that
 * there is work for several threads. Never a function of the number of threads: see plan.h. */
static int chunk_of(int batch)
{
    int chunk = 8;

    while (chunk > 1 && batch / chunk < 4)
        chunk /= 2;
    return chunk;
}

void dcn__real_from_float(size_t real_bytes, void *to, const float *from, size_t count)
{
    if (real_bytes == sizeof(float)) {
        memcpy(to, from, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++)
        ((double *)to)[i] = from[i];
}

void dcn__real_to_float(size_t real_bytes, float *to, const void *from, size_t count)
{
    if (real_bytes == sizeof(float)) {
        memcpy(to, from, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i] = (float)((const double *)from)[i];
}

typedef struct pack_task { const dcn_plan *plan; const dcn__program *program; } pack_task;

static void pack_kernel(void *user, int task, int thread)
{
    const pack_task *t = user;
    dcn__kernel *k = t->program->kernels[task / DCN__PACK_PARTS];
    const int part = task % DCN__PACK_PARTS;
    const int token = t->plan->engine->enter(1);

    (void)thread;
    if (k->pack_part)
        k->pack_part(k, t->plan->weights, part);
    else if (k->pack && !k->packs_alone && part == 0)
        k->pack(k, t->plan->weights);
    t->plan->engine->leave(token);
}

static void pack_program(const dcn_plan *p, const dcn__program *program)
{
    const int token = p->engine->enter(1);
    pack_task task = { p, program };

    dcn__team_run(p->team, program->n_groups * DCN__PACK_PARTS, pack_kernel, &task);
    for (int i = 0; i < program->n_groups; i++)
        if (program->kernels[i]->packs_alone && program->kernels[i]->pack)
            program->kernels[i]->pack(program->kernels[i], p->weights);
    p->engine->leave(token);
}

void dcn__plan_weights_changed(dcn_plan *p)
{
    p->train_stale = p->training;
    p->stale = true;
}

/* Kernels share packed weights, and the first that was prepared packs them: training's come first, so
 * a training step leaves the others' for whoever wants them, and the others pack training's too. */
static void pack(dcn_plan *p, bool all)
{
    if (p->train_stale)
        pack_program(p, &p->train);
    p->train_stale = false;
    if (!all)
        return;
    pack_program(p, &p->forward);
    for (int i = 0; i < p->n_routes; i++) {
        pack_program(p, &p->down[i]);
        pack_program(p, &p->whole[i].program);
        pack_program(p, &p->cones[i].program);
    }
    p->stale = false;
}

void dcn__plan_pack_training(dcn_plan *p)
{
    if (p->train_stale)
        pack(p, false);
}

void dcn__plan_pack(dcn_plan *p)
{
    if (p->stale)
        pack(p, true);
}

/* ---- create and destroy --------------------------------------------------------------------- */

static dcn_status read_routes(dcn_plan *p, const dcn_plan_desc *d, dcn_error *err)
{
    if (d->n_routes < 0)
        return dcn__fail(err, DCN_USAGE, "routes", "%d is not a number of routes; correct it",
                         d->n_routes);
    for (int i = 0; i < d->n_routes; i++)
        if (d->routes[i].layer < 1 || d->routes[i].layer >= p->graph->n_nodes ||
            (unsigned)d->routes[i].rule > DCN_RULE_LINEAR ||
            (unsigned)d->routes[i].only > DCN_ONLY_RELU_LRN)
            return dcn__fail(err, DCN_USAGE, "route",
                             "%d is not a layer and a rule of this network; choose a "
                             "node after the input",
                             i);
    p->routes = dcn__alloc_array((size_t)d->n_routes + 1, sizeof *p->routes);
    p->down = dcn__alloc_array((size_t)d->n_routes + 1, sizeof *p->down);
    p->whole = dcn__alloc_array((size_t)d->n_routes + 1, sizeof *p->whole);
    p->cones = dcn__alloc_array((size_t)d->n_routes + 1, sizeof *p->cones);
    if (!p->routes || !p->down || !p->whole || !p->cones)
        return dcn__fail_memory(err, "a plan", (size_t)d->n_routes * sizeof *p->whole);
    p->n_routes = d->n_routes;
    for (int i = 0; i < p->n_routes; i++)      /* starts at one unit have programs of their own: direct */
        p->down[i].sums = p->forward.sums;
    p->max_starts = d->n_routes ? d->starts : 0;
    if (p->n_routes)
        memcpy(p->routes, d->routes, (size_t)p->n_routes * sizeof *p->routes);
    return DCN_OK;
}

static dcn_status read_peaks(dcn_plan *p, const dcn_plan_desc *d, dcn_error *err)
{
    if (d->n_peaks < 0)
        return dcn__fail(err, DCN_USAGE, "peaks", "%d is not a number of nodes; correct it",
                         d->n_peaks);
    if (!(p->peaks = dcn__alloc_array((size_t)p->graph->n_nodes, sizeof *p->peaks)))
        return dcn__fail_memory(err, "a plan", (size_t)p->graph->n_nodes);
    for (int i = 0; i < d->n_peaks; i++) {
        if (d->peaks[i] < 0 || d->peaks[i] >= p->graph->n_nodes)
            return dcn__fail(err, DCN_USAGE, "peaks", "%d is outside 0..%d; ask dcn_graph_find",
                             d->peaks[i], p->graph->n_nodes - 1);
        p->peaks[d->peaks[i]] = true;
    }
    return DCN_OK;
}

static dcn_status read_desc(dcn_plan *p, const dcn_plan_desc *d, dcn_error *err)
{
    dcn_status st;

    if (d->batch < 0 || d->batch > 1 << 20)
        return dcn__fail(err, DCN_USAGE, "batch", "%d is outside 1..1048576; correct it", d->batch);
    if (d->threads < 0 || d->threads > 1024)
        return dcn__fail(err, DCN_USAGE, "threads", "%d is outside 1..1024; correct it",
                         d->threads);
    if (d->chunk < 0 || d->chunk > DCN__MAX_CHUNK)
        return dcn__fail(err, DCN_USAGE, "chunk", "%d is outside 1..%d; correct it", d->chunk,
                         DCN__MAX_CHUNK);
    if (d->starts < 0 || d->starts > 1 << 20)
        return dcn__fail(err, DCN_USAGE, "starts", "%d is outside 0..1048576; correct it",
                         d->starts);
    if (!(p->engine = dcn__engine_find(d->engine, err)))
        return DCN_USAGE;
    p->batch = d->batch ? d->batch : 1;
    p->chunk = d->chunk ? d->chunk : chunk_of(p->batch);
    p->n_chunks = (p->batch + p->chunk - 1) / p->chunk;
    p->all_threads = d->threads ? d->threads : dcn__cores();
    /* OpenMP ends the process where a thread cannot be started: it is not asked for those. */
    if (p->all_threads > 1 && !d->training && !d->chunk)
        p->all_threads = dcn__threads_startable(p->all_threads);
    p->training = d->training;
    p->keep_all = d->keep_all;
    p->no_cones = d->no_cones;
    p->forward.sums = d->exact ? DCN__SUMS_DIRECT : DCN__SUMS_FAITHFUL;
    p->train.sums = d->exact ? DCN__SUMS_DIRECT : DCN__SUMS_FAST;
    p->only_asked = d->only_asked;
    p->last_route = -1;
    p->max_bytes = d->max_bytes ? d->max_bytes : dcn__physical_memory() / 10 * 8;
    /* One chunk: the threads work inside the kernels. Not when training, where sums must not depend
     * on the number of threads; nor with a given chunk, whose bits must be those that it has among
     * others, where each has one thread. */
    p->threads_inside = !p->training && !d->chunk;
    p->inner_threads = p->n_chunks == 1 && p->threads_inside ? p->all_threads : 1;
    p->threads = p->all_threads < p->n_chunks ? p->all_threads : p->n_chunks;
    p->together = d->together && p->inner_threads > 1 && d->n_routes > 1 && !p->keep_all;
    p->kept_index = dcn__alloc_array((size_t)p->graph->n_nodes,
                                     DCN__SLOT_KINDS * sizeof *p->kept_index);
    if (!p->kept_index)
        return dcn__fail_memory(err, "a plan",
                                (size_t)p->graph->n_nodes * DCN__SLOT_KINDS * sizeof(int));
    if ((st = read_peaks(p, d, err)))
        return st;
    return read_routes(p, d, err);
}

static void write_text(dcn_plan *p)
{
    const int team = dcn__team_size(p->team);
    const int threads = p->inner_threads > 1 ? p->inner_threads
                        : team < p->threads  ? team : p->threads;
    int n = snprintf(p->text, sizeof p->text,
                     "%d chunk%s of %d picture%s on %d thread%s%s, %s engine (%s)%s", p->n_chunks,
                     p->n_chunks == 1 ? "" : "s", p->chunk, p->chunk == 1 ? "" : "s", threads,
                     threads == 1 ? "" : "s",
                     p->together            ? ", each on a route of its own on the way down"
                     : p->inner_threads > 1 ? " inside each layer" : "",
                     p->engine->name, p->engine->text(),
                     p->engine->other_sums && p->forward.sums == DCN__SUMS_DIRECT ? ", exact" : "");
    int chunk[2] = { 8, 1 };      /* smallest, largest */

    if (!p->max_starts || n < 0 || (size_t)n >= sizeof p->text)
        return;
    for (int i = 0; i < 2 * p->n_routes; i++) {
        const dcn__descent *d = i % 2 ? &p->cones[i / 2] : &p->whole[i / 2];

        if (d->program.n_groups) {
            chunk[0] = d->cut.chunk < chunk[0] ? d->cut.chunk : chunk[0];
            chunk[1] = d->cut.chunk > chunk[1] ? d->cut.chunk : chunk[1];
        }
    }
    snprintf(p->text + n, sizeof p->text - (size_t)n, "; %d start%s in chunks of %d to %d",
             p->max_starts, p->max_starts == 1 ? "" : "s", chunk[0], chunk[1]);
}

dcn_status dcn_plan_create(dcn_plan **plan, const dcn_graph *g, const dcn_plan_desc *desc,
                           dcn_error *err)
{
    dcn_plan *p;
    dcn_status st;

    *plan = NULL;
    if ((st = dcn_graph_check(g, err)))
        return st;
    if (!(p = dcn__alloc(sizeof *p)))
        return dcn__fail_memory(err, "a plan", sizeof *p);
    p->graph = g;
    if ((st = read_desc(p, desc, err)) || (st = dcn__plan_make_programs(p, err)) ||
        (st = dcn__plan_check_bytes(p, err)) || (st = dcn__plan_prepare(p, err)) ||
        (st = dcn__plan_make_memory(p, err)) ||
        (st = dcn__team_create(&p->team, p->team_threads, err))) {
        dcn_plan_destroy(p);
        return st;
    }
    dcn__plan_weights_changed(p);
    if (!p->training)
        dcn__plan_pack(p);
    write_text(p);
    *plan = p;
    return DCN_OK;
}

void dcn_plan_destroy(dcn_plan *p)
{
    if (!p)
        return;
    dcn__team_destroy(p->team);
    dcn__program_clear(&p->forward);
    dcn__program_clear(&p->train);
    for (int i = 0; i < p->n_routes; i++) {
        dcn__program_clear(&p->down[i]);
        dcn__descent_clear(&p->whole[i]);
        dcn__descent_clear(&p->cones[i]);
    }
    dcn__plan_clear_memory(p);
    dcn__free(p->kept);
    dcn__free(p->kept_index);
    dcn__free(p->peaks);
    dcn__free(p->routes);
    dcn__free(p->down);
    dcn__free(p->whole);
    dcn__free(p->cones);
    dcn__free(p);
}

size_t dcn_plan_bytes(const dcn_plan *p)
{
    return p->total_bytes;
}

const char *dcn_plan_text(const dcn_plan *p)
{
    return p->text;
}

const char *dcn_plan_extensions(const dcn_plan *p, int route)
{
    return route >= 0 && route < p->n_routes ? p->down[route].walk.extensions : NULL;
}

int dcn_machine_threads(void)
{
    return dcn__cores();
}

int dcn_machine_startable(int threads)
{
    return dcn__threads_startable(threads < 1 ? 1 : threads > 1024 ? 1024 : threads);
}
