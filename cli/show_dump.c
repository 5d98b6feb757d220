/* show_dump.c - every value and every signal of a call as one safetensors file.
 *
 * Values carry their node's name, switches <pool>.mask, signals <view>@<node>, pictures <view>. */
#include "show.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

struct show_dump { dcn_array *arrays; int n, room; };

show_dump *show_dump_create(void)
{
    return cli_alloc(1, sizeof(show_dump));
}

void show_dump_destroy(show_dump *dump)
{
    if (!dump)
        return;
    for (int i = 0; i < dump->n; i++) {
        free((char *)dump->arrays[i].name);
        free(dump->arrays[i].data);
    }
    free(dump->arrays);
    free(dump);
}

/* Takes name and data over. */
static void add(show_dump *dump, char *name, dcn_dtype dtype, int n, dcn_shape s, void *data)
{
    if (dump->n == dump->room) {
        dump->room = dump->room ? 2 * dump->room : 64;
        dump->arrays = cli_grow(dump->arrays, (size_t)dump->room, sizeof *dump->arrays);
    }
    dump->arrays[dump->n++] = (dcn_array){ .name = name, .dtype = dtype, .rank = 4,
                                           .dims = { n, s.h, s.w, s.c }, .data = data };
}

static dcn_status add_mask(show_dump *dump, const show_run *run, const dcn_node_info *info,
                           dcn_node node, dcn_error *err)
{
    int64_t *mask = cli_alloc((size_t)run->n, cli_volume(info->shape) * sizeof *mask);
    const dcn_status st = dcn_plan_switches(run->plan, node, mask, err);

    if (st)
        free(mask);
    else
        add(dump, cli_text("%s.mask", info->name), DCN_I64, run->n, info->shape, mask);
    return st;
}

dcn_status show_dump_values(show_dump *dump, const show_run *run, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; i < dcn_graph_node_count(run->model.graph) && !st; i++) {
        dcn_node_info info;
        float *value;

        dcn_graph_node_info(run->model.graph, i, &info);
        value = cli_alloc((size_t)run->n, cli_volume(info.shape) * sizeof *value);
        if ((st = dcn_plan_value(run->plan, i, value, err))) {
            free(value);
            break;
        }
        add(dump, cli_text("%s", info.name), DCN_F32, run->n, info.shape, value);
        if (!strcmp(info.op, "max_pool"))
            st = add_mask(dump, run, &info, i, err);
    }
    return st;
}

dcn_status show_dump_drawn(show_dump *dump, const show_run *run, const char *key,
                           const float *drawn, bool signals, dcn_error *err)
{
    const size_t bytes = run->volume * sizeof(float);
    float *copy = cli_alloc((size_t)run->n, bytes);

    memcpy(copy, drawn, (size_t)run->n * bytes);
    add(dump, cli_text("%s", key), DCN_F32, run->n, run->shape, copy);
    for (int i = 0; i < dcn_graph_node_count(run->model.graph) && signals; i++) {
        const dcn_shape shape = cli_shape_of(run->model.graph, i);
        float *signal = cli_alloc((size_t)run->n, cli_volume(shape) * sizeof *signal);
        const dcn_status st = dcn_plan_signal(run->plan, i, signal, err);

        if (st) {
            free(signal);
            if (st != DCN_USAGE)       /* the walk did not pass this node */
                return st;
            continue;
        }
        add(dump, cli_text("%s@%s", key, cli_name_of(run->model.graph, i)), DCN_F32, run->n, shape,
            signal);
    }
    err->status = DCN_OK;
    return DCN_OK;
}

dcn_status show_dump_save(const show_dump *dump, const show_run *run, dcn_error *err)
{
    const char *const metadata[] = { "program", "deconvnet " DCN_VERSION, "model", run->model.hash,
                                     "layout", "NHWC", NULL };

    return dcn_tensors_save(run->options.dump, dump->arrays, dump->n, metadata, err);
}
