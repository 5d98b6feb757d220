/* project.c - what a layer saw: walks a route of a plan down to the pixels. */
#include "project/project.h"

typedef struct project_task {
    dcn_plan *plan;
    int route;                    /* of project_chunk */
    float *out;
} project_task;

static void walk_down(dcn_plan *p, int route, int c, int thread, float *out)
{
    const dcn__program *program = &p->down[route];
    const size_t size = (size_t)dcn__shape_size(p->graph->nodes[0].shape);
    const int token = p->engine->enter(p->together ? 1 : p->inner_threads);
    dcn__frame frame = { .starts = p->starts + (size_t)c * (size_t)p->chunk };

    dcn__plan_run_chunk(p, program, c, thread, &frame);
    dcn__real_to_float(p->engine->real_bytes, out + (size_t)(c * p->chunk) * size,
                       frame.slots[dcn__walk_find(&program->walk, DCN__SLOT_SIGNAL, 0)],
                       (size_t)frame.n * size);
    p->engine->leave(token);
}

static void project_chunk(void *user, int c, int thread)
{
    const project_task *task = user;

    walk_down(task->plan, task->route, c, thread, task->out);
}

/* The last routes are usually the longest: they begin, so that none is left for the end. */
static void project_route(void *user, int i, int thread)
{
    const project_task *task = user;
    dcn_plan *p = task->plan;
    const int route = p->n_routes - 1 - i;
    const size_t size = (size_t)dcn__shape_size(p->graph->nodes[0].shape);

    walk_down(p, route, 0, thread, task->out + (size_t)route * (size_t)p->n * size);
}

dcn_status dcn__project_check_route(const dcn_plan *p, int route, dcn_error *err)
{
    if (route < 0 || route >= p->n_routes)
        return dcn__fail(err, DCN_USAGE, "route", "%d is outside 0..%d; name a route of the plan",
                         route, p->n_routes - 1);
    return DCN_OK;
}

dcn_status dcn__project_check_start(const dcn_plan *p, dcn_node layer, const dcn_start *start,
                                    dcn_error *err)
{
    const dcn__node *n = &p->graph->nodes[layer];

    if ((unsigned)start->from > DCN_FROM_UNIT)
        return dcn__fail(err, DCN_USAGE, n->name, "there is no start number %d; use a dcn_from",
                         (int)start->from);
    if (start->from != DCN_FROM_LAYER && start->from != DCN_FROM_ZERO &&
        (start->channel < 0 || start->channel >= n->shape.c))
        return dcn__fail(err, DCN_USAGE, n->name, "channel %d is outside 0..%d; choose another",
                         start->channel, n->shape.c - 1);
    if (start->from == DCN_FROM_UNIT && (start->y < 0 || start->y >= n->shape.h || start->x < 0 ||
                                         start->x >= n->shape.w))
        return dcn__fail(err, DCN_USAGE, n->name,
                         "unit %d,%d is outside its %d rows and %d columns; choose another",
                         start->y, start->x, n->shape.h, n->shape.w);
    if (!p->n)
        return dcn__fail(err, DCN_USAGE, n->name,
                         "has no value yet; call dcn_plan_forward first");
    if (start->picture < 0 || start->picture >= p->n)
        return dcn__fail(err, DCN_USAGE, n->name,
                         "picture %d is outside 0..%d of the last forward; choose another",
                         start->picture, p->n - 1);
    return DCN_OK;
}

dcn_status dcn_plan_project(dcn_plan *p, int route, dcn_from from, int channel, float *out,
                            dcn_error *err)
{
    project_task task = { .plan = p, .route = route, .out = out };
    const dcn_start start = { .from = from, .channel = channel };
    dcn_status st = dcn__project_check_route(p, route, err);

    if (st)
        return st;
    if (from == DCN_FROM_UNIT)
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[p->routes[route].layer].name,
                         "a start at one unit needs its place; use dcn_plan_project_starts");
    if ((st = dcn__project_check_start(p, p->routes[route].layer, &start, err)))
        return st;
    for (int i = 0; i < p->n_chunks * p->chunk; i++)
        p->starts[i] = (dcn_start){ .picture = i, .from = from, .channel = channel };
    dcn__plan_pack(p);
    dcn__team_run(p->team, dcn__plan_used_chunks(p), project_chunk, &task);
    p->last_route = route;
    return DCN_OK;
}

dcn_status dcn_plan_project_all(dcn_plan *p, dcn_from from, int channel, float *out,
                                dcn_error *err)
{
    const size_t size = (size_t)p->n * (size_t)dcn__shape_size(p->graph->nodes[0].shape);
    const dcn_start start = { .from = from, .channel = channel };
    project_task task = { .plan = p, .out = out };
    dcn_status st = DCN_OK;

    for (int i = 0; !st && i < p->n_routes; i++)
        st = dcn__project_check_start(p, p->routes[i].layer, &start, err);
    for (int i = 0; !st && !p->together && i < p->n_routes; i++)
        st = dcn_plan_project(p, i, from, channel, out + (size_t)i * size, err);
    if (st || !p->together)
        return st;
    if (from == DCN_FROM_UNIT)
        return dcn__fail(err, DCN_USAGE, "routes",
                         "a start at one unit needs its place; use dcn_plan_project_starts");
    for (int i = 0; i < p->chunk; i++)
        p->starts[i] = (dcn_start){ .picture = i, .from = from, .channel = channel };
    dcn__plan_pack(p);
    dcn__team_run(p->team, p->n_routes, project_route, &task);
    p->last_route = p->n_routes - 1;
    return DCN_OK;
}

dcn_status dcn_plan_signal(const dcn_plan *p, dcn_node node, float *out, dcn_error *err)
{
    if (node < 0 || node >= p->graph->n_nodes)
        return dcn__fail(err, DCN_USAGE, "node", "%d is outside 0..%d; ask dcn_graph_find", node,
                         p->graph->n_nodes - 1);
    if (p->last_route < 0)
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name,
                         "no signal yet; call dcn_plan_project first");
    if (dcn__walk_find(&p->down[p->last_route].walk, DCN__SLOT_SIGNAL, node) < 0)
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name,
                         "the last walk did not pass this node; name "
                         "one between the input and the layer");
    if (!dcn__plan_gather(p, DCN__SLOT_SIGNAL, node, out))
        return dcn__fail(err, DCN_USAGE, p->graph->nodes[node].name,
                         "its signal is not kept; create the plan with "
                         "keep_all");
    return DCN_OK;
}
