/* train_log.c - what a run leaves for TensorBoard, and the curves of its page. */
#include "train.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

enum { SCALAR_POINTS = 2000, CURVE_POINTS = 300 };

/* ---- curves --------------------------------------------------------------------------------- */

void train_curve_add(train_curve *c, double x, double y, int64_t bucket)
{
    c->sum += y;
    if (++c->summed < bucket)
        return;
    if ((c->n & (c->n - 1)) == 0) {            /* full at each power of two */
        const size_t room = c->n ? (size_t)c->n * 2 : 1;

        c->x = cli_grow(c->x, room, sizeof *c->x);
        c->y = cli_grow(c->y, room, sizeof *c->y);
    }
    c->x[c->n] = x;
    c->y[c->n++] = c->sum / (double)c->summed;
    c->sum = 0;
    c->summed = 0;
}

void train_curve_clear(train_curve *c)
{
    free(c->x);
    free(c->y);
    memset(c, 0, sizeof *c);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double train_median(const double *values, int64_t n)
{
    double *sorted, median;

    if (n < 1)
        return 0;
    sorted = cli_alloc((size_t)n, sizeof *sorted);
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare);
    median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    free(sorted);
    return median;
}

/* ---- the event file ------------------------------------------------------------------------- */

static dcn_status write_graph(train_run *run, dcn_error *err)
{
    const int n = dcn_graph_node_count(run->graph);
    dcn_graph_view *nodes = cli_alloc((size_t)n, sizeof *nodes);
    const char ***inputs = cli_alloc((size_t)n, sizeof *inputs);
    dcn_status st;

    for (int i = 0; i < n; i++) {
        dcn_node_info info;

        dcn_graph_node_info(run->graph, i, &info);
        inputs[i] = cli_alloc((size_t)info.n_inputs, sizeof **inputs);
        for (int k = 0; k < info.n_inputs; k++)
            inputs[i][k] = cli_name_of(run->graph, info.inputs[k]);
        nodes[i] = (dcn_graph_view){ info.name, info.op, inputs[i], info.n_inputs, info.shape };
    }
    st = dcn_events_graph(run->events, nodes, n, err);
    for (int i = 0; i < n; i++)
        free(inputs[i]);
    free(inputs);
    free(nodes);
    return st;
}

bool train_build_has(const char *library)
{
    return strstr(dcn_build_text(), library) != NULL;
}

dcn_status train_log_begin(train_run *run, dcn_error *err)
{
    dcn_status st;

    if (!train_build_has("protobuf-c")) {
        cli_note("this build has no protobuf-c and writes no event file");
        return DCN_OK;
    }
    if ((st = dcn_events_create(&run->events, run->folder.path, err)))
        return st;
    return write_graph(run, err);
}

dcn_status train_log_step(train_run *run, const dcn_train_report *r, dcn_error *err)
{
    const int64_t step = r->step - 1;      /* the tutorial counts from 0 */
    const int64_t bucket = (run->total - run->first_step + CURVE_POINTS - 1) / CURVE_POINTS;
    const int64_t every = (run->total + SCALAR_POINTS - 1) / SCALAR_POINTS;
    dcn_status st;

    train_curve_add(&run->loss, (double)step, r->loss, bucket);
    train_curve_add(&run->accuracy, (double)step, r->accuracy, bucket);
    if (!run->events || (step % (every > 0 ? every : 1) != 0 && r->step != run->total))
        return DCN_OK;
    if ((st = dcn_events_scalar(run->events, "loss", step, (float)r->loss, err))
        || (st = dcn_events_scalar(run->events, "accuracy", step, (float)r->accuracy, err)))
        return st;
    return dcn_events_scalar(run->events, "learning_rate", step, (float)run->options.rate, err);
}

static dcn_status log_weights(train_run *run, const dcn_model *model, int64_t step, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; i < dcn_graph_weight_count(model->graph) && !st; i++) {
        dcn_weight_info w;
        char *tag;

        dcn_graph_weight_info(model->graph, i, &w);
        tag = cli_text("weights/%s", w.name);
        st = dcn_events_histogram(run->events, tag, step, w.data, w.count, err);
        free(tag);
    }
    return st;
}

static dcn_status log_layers(train_run *run, const dcn_model *model, const cli_strips *s,
                             int64_t step, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (int i = 0; i < s->n_layers && !st; i++) {
        const dcn_node layer = s->layers[i];
        char *tag = cli_text("activations/%s", cli_name_of(model->graph, layer));

        st = dcn_events_histogram(run->events, tag, step, s->values[i], (int64_t)s->n
                                  * (int64_t)cli_volume(cli_shape_of(model->graph, layer)), err);
        free(tag);
    }
    return st;
}

dcn_status train_log_pictures(train_run *run, const dcn_model *model, int64_t step, dcn_error *err)
{
    enum { IMAGES = 3 };           /* as many as TensorFlow 1 shows of a batch */
    cli_strips s;
    dcn_status st;

    if (!run->events)
        return DCN_OK;
    if ((st = log_weights(run, model, step, err))
        || (st = cli_strips_make(&s, model, run->data, run->batch, IMAGES, &run->options.shared,
                               err)))
        return st;
    st = log_layers(run, model, &s, step, err);
    for (int i = 0; i < s.n_drawn && !st; i++) {
        char tag[32];
        dcn_image strip = { 0 };

        snprintf(tag, sizeof tag, "source/cifar/image/%d", i);
        if (!(st = cli_strips_bare(&strip, &s, i, DCN_SCALE_TF1, err)))
            st = dcn_events_image(run->events, tag, step, &strip, err);
        dcn_image_clear(&strip);
    }
    cli_strips_clear(&s);
    return st ? st : dcn_events_flush(run->events, err);
}

dcn_status train_log_test(train_run *run, int64_t step, const dcn_evaluation *e, dcn_error *err)
{
    const double accuracy = e->n ? (double)e->correct / (double)e->n : 0;
    dcn_status st;

    train_curve_add(&run->test, (double)step, accuracy, 1);
    if (!run->events)
        return DCN_OK;
    if ((st = dcn_events_scalar(run->events, "test/accuracy", step, (float)accuracy, err)))
        return st;
    return dcn_events_scalar(run->events, "test/loss", step, (float)e->loss, err);
}
