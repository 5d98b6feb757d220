/* train_result.c - the pictures, the page and the JSON at the end of a run. */
#include "train.h"

#include "filters.h"
#include "message.h"
#include "network.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 40 };

/* ---- tables of the page: rows that own their values ------------------------------------------ */

typedef struct rows { dcn_report_row at[ROWS_MAX]; int n; } rows;

static void add_row(rows *r, const char *key, char *value)
{
    if (r->n < ROWS_MAX)
        r->at[r->n++] = (dcn_report_row){ key, value };
    else
        free(value);
}

static void clear_rows(rows *r)
{
    for (int i = 0; i < r->n; i++)
        free((char *)r->at[i].value);
    r->n = 0;
}

static double share(int64_t part, int64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

static double computing(const train_run *run)
{
    return run->train_ms > 0 ? 1 - run->wait_ms / run->train_ms : 0;
}

static void fill_results(rows *r, const train_run *run, const dcn_evaluation *e)
{
    add_row(r, "Test accuracy",
            cli_text("%.2f %% (%lld of %lld pictures)", 100 * share(e->correct, e->n),
                     (long long)e->correct, (long long)e->n));
    add_row(r, "First test batch", cli_text("%.2f %% (%lld of %lld pictures)",
                                            100 * share(e->first_correct, e->first_n),
                                            (long long)e->first_correct, (long long)e->first_n));
    add_row(r, "Test loss", cli_text("%.4f", e->loss));
    add_row(r, "Last training loss", cli_text("%.4f", run->last.loss));
    add_row(r, "Steps", cli_text("%lld", (long long)run->last.step));
    add_row(r, "Epochs", cli_text("%.2f", run->last.epoch));
}

/* The network in one line: semicolons separate as well. */
static char *network_line(const dcn_graph *graph)
{
    char *text = cli_network_text(graph), *line;
    size_t used = 0;

    line = cli_alloc(2 * strlen(text) + 1, 1);
    for (const char *c = text; *c; c++) {
        if (*c != '\n')
            line[used++] = *c;
        else if (c[1])
            used += (size_t)snprintf(line + used, 3, "; ");
    }
    free(text);
    return line;
}

static void fill_settings(rows *r, const train_run *run, const dcn_model *model)
{
    const train_options *o = &run->options;
    char preprocess[64];

    dcn_preprocess_text(&model->preprocess, preprocess, sizeof preprocess);
    add_row(r, "Pictures", cli_text("%s (%s): %lld to train, %lld to test", run->data_info.name,
                                    run->data_info.path, (long long)run->data_info.count[0],
                                    (long long)run->data_info.count[1]));
    add_row(r, "Input", cli_text("%s", preprocess));
    add_row(r, "Augmentation", cli_text("%s", o->augment == DCN_AUGMENT_CIFAR ? "cifar" : "none"));
    add_row(r, "Batch", cli_text("%d", run->batch));
    add_row(r, "Optimiser", cli_text("Adam, learning rate %g", o->rate));
    add_row(r, "Seed", cli_text("%llu", (unsigned long long)o->seed));
    add_row(r, "Parameters", cli_text("%lld", (long long)cli_weight_total(model->graph)));
    add_row(r, "Network", network_line(model->graph));
    if (run->first_step)
        add_row(r, "Resumed at step", cli_text("%lld", (long long)run->first_step));
}

static void fill_timings(rows *r, const train_run *run, const dcn_evaluation *e)
{
    const double median = train_median(run->step_ms, run->steps_timed);

    add_row(r, "A step (median)", cli_text("%.1f ms", median));
    add_row(r, "Pictures a second", cli_text("%.0f", median > 0 ? 1000 * run->batch / median : 0));
    add_row(r, "Time in compute",
            cli_text("%.1f %%, the rest waits for data", 100 * computing(run)));
    add_row(r, "All steps", cli_text("%.1f s", run->train_ms / 1000));
    add_row(r, "All test pictures", cli_text("%.2f s", e->ms / 1000));
    add_row(r, "Plan", cli_text("%s", run->plan_text));
    add_row(r, "Memory of the plan", cli_text("%.1f MB", (double)run->plan_bytes / 1e6));
    add_row(r, "Program", cli_text("deconvnet %s, %s", dcn_version(), dcn_build_text()));
}

static dcn_status write_page(train_run *run, const dcn_model *model, const dcn_evaluation *e,
                             const dcn_image *sheet, const dcn_image *filters, const char *path,
                             dcn_error *err)
{
    const dcn_report_curve loss = { "training loss", run->loss.x, run->loss.y, run->loss.n },
        accuracy[2] = { { "training accuracy", run->accuracy.x, run->accuracy.y, run->accuracy.n },
                        { "test accuracy", run->test.x, run->test.y, run->test.n } };
    const dcn_report_chart charts[] = { { "Loss", "step", "cross-entropy", &loss, 1 },
                                        { "Accuracy", "step", "share right", accuracy, 2 } };
    const dcn_report_picture pictures[] = {
        { "What the layers keep", "Rule reconstruct: each layer's activations walked back to the "
          "pixels. Grey is zero.", sheet },
        { "Filters of the first convolution", "Each with its own range.", filters } };
    rows results = { .n = 0 }, settings = { .n = 0 }, timings = { .n = 0 };
    char *summary = cli_text("%.1f %% of %lld test pictures right after %lld steps on %s.",
                             100 * share(e->correct, e->n), (long long)e->n,
                             (long long)run->last.step, run->data_info.name);
    dcn_report_table tables[3];
    dcn_report_desc desc = { .title = "deconvnet",
                             .summary = summary,
                             .charts = charts,
                             .n_charts = 2,
                             .pictures = pictures,
                             .n_pictures = filters->pixels ? 2 : 1,
                             .tables = tables,
                             .n_tables = 3,
                             .confusion = e->confusion,
                             .classes = e->classes,
                             .class_names = run->data_info.class_names };
    dcn_status st;

    fill_results(&results, run, e);
    fill_settings(&settings, run, model);
    fill_timings(&timings, run, e);
    tables[0] = (dcn_report_table){ "Result", results.at, results.n };
    tables[1] = (dcn_report_table){ "Settings", settings.at, settings.n };
    tables[2] = (dcn_report_table){ "Time and memory", timings.at, timings.n };
    st = dcn_report_save(&desc, path, err);
    clear_rows(&results);
    clear_rows(&settings);
    clear_rows(&timings);
    free(summary);
    return st;
}

dcn_status train_write_results(train_run *run, const dcn_model *model, const dcn_evaluation *e,
                               dcn_image *strip, dcn_error *err)
{
    enum { ROWS = 8 };
    char *strips = cli_text("%s/strips.png", run->folder.path),
         *page = cli_text("%s/report.html", run->folder.path), *caption = NULL;
    dcn_image sheet = { 0 }, filters = { 0 };
    cli_strips s;
    dcn_status st;

    if (!(st = cli_strips_make(&s, model, run->data, ROWS, ROWS, &run->options.shared, err))) {
        caption = cli_text("rule reconstruct, %s, step %lld, %.1f %% right%s%s",
                           run->data_info.name, (long long)run->last.step,
                           100 * share(e->correct, e->n), *s.extensions ? ", extensions: " : "",
                           s.extensions);
        if (*s.extensions)
            cli_note("note: strips.png goes beyond the papers: %s", s.extensions);
        if (!(st = cli_strips_sheet(&sheet, &s, ROWS, &run->data_info, caption, err))
            && !(train_build_has("libpng") && (st = dcn_image_save_png(&sheet, strips, NULL, err)))
            && !(st = cli_strips_bare(strip, &s, 0, DCN_SCALE_AUTO, err))
            && !(st = cli_draw_filters(&filters, model->graph, err)))
            st = write_page(run, model, e, &sheet, &filters, page, err);
        cli_strips_clear(&s);
    }
    dcn_image_clear(&filters);
    dcn_image_clear(&sheet);
    free(caption);
    free(page);
    free(strips);
    return st;
}

dcn_status train_print_json(const train_run *run, const dcn_evaluation *e, dcn_error *err)
{
    static const char *const names[] = { "model", "strips", "report" },
                      *const files[] = { "model.safetensors", "strips.png", "report.html" };
    cli_json *json = cli_json_create(), *paths;
    dcn_status st;

    cli_json_text(json, "run", run->folder.path);
    cli_json_text(json, "data", run->data_info.name);
    cli_json_int(json, "steps", run->last.step);
    cli_json_real(json, "epochs", run->last.epoch);
    cli_json_int(json, "batch", run->batch);
    cli_json_bool(json, "exact", run->options.shared.exact);
    cli_json_real(json, "loss", run->last.loss);
    cli_json_real(json, "train_accuracy", run->last.accuracy);
    cli_json_real(json, "accuracy", share(e->correct, e->n));
    cli_json_real(json, "test_loss", e->loss);
    cli_json_real(json, "first_batch_accuracy", share(e->first_correct, e->first_n));
    cli_json_real(json, "train_step_ms", train_median(run->step_ms, run->steps_timed));
    cli_json_real(json, "compute_share", computing(run));
    cli_json_real(json, "seconds", cli_seconds() - run->began);
    cli_json_int(json, "plan_bytes", (int64_t)run->plan_bytes);
    paths = cli_json_object(json, "files");
    for (int i = 0; i < 3; i++) {
        char *path = cli_text("%s/%s", run->folder.path, files[i]);

        cli_json_text(paths, names[i], path);
        free(path);
    }
    cli_json_text(paths, "events", dcn_events_path(run->events));
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}
