/* cmd_train.c - deconvnet train: options, the loop, saving and stopping.
 *
 * Everything that can be refused is refused before the first step: data, network, memory, the
 * folder. After that only the disk, the numbers and the user can stop a run. */
#include "train.h"

#include "find_data.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "network.h"
#include "terminal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_OUT = CLI_KEY_OWN, KEY_STEPS, KEY_EPOCHS, KEY_RATE, KEY_AUGMENT, KEY_SEED, KEY_LOG,
       KEY_SAVE, KEY_EVAL, KEY_RESUME, KEY_NET, KEY_DRY };

static const struct argp_option options[] = {
    CLI_HEADER("What to train:", CLI_GROUP_MAIN),
    CLI_OPTION_DATA,
    { "net", KEY_NET, "SPEC|FILE", 0,
      "The network: tutorial, a text such as \"input 24x24x3; conv filters=64 kernel=5; relu; "
      "max_pool 2; ...\", a file with such a text, or - (tutorial)",
      CLI_GROUP_MAIN },
    { "out", KEY_OUT, "RUN", 0,
      "Folder for everything the run writes (runs/tutorial, or the next free name beside it)",
      CLI_GROUP_MAIN },
    { "resume", KEY_RESUME, "RUN", 0,
      "Go on with a run to --steps in all, with its network and settings; only --lr may be another",
      CLI_GROUP_MAIN },
    { "dry-run", KEY_DRY, NULL, 0, "Check everything, print the plan, train and write nothing",
      CLI_GROUP_MAIN },
    CLI_HEADER("How to train:", CLI_GROUP_MORE),
    { "steps", KEY_STEPS, "N", 0, "Steps in all (1500)", CLI_GROUP_MORE },
    { "epochs", KEY_EPOCHS, "N", 0, "Passes over the pictures, instead of --steps",
      CLI_GROUP_MORE },
    { "lr", KEY_RATE, "RATE", 0, "Learning rate of Adam (1e-4)", CLI_GROUP_MORE },
    { "augment", KEY_AUGMENT, "none|cifar", 0,
      "none: the files' order, centre crops; cifar: shuffled, random crops, flips, brightness and "
      "contrast (none)",
      CLI_GROUP_MORE },
    { "seed", KEY_SEED, "N", 0, "Of first weights, order and augmentation (1)", CLI_GROUP_MORE },
    { "log-interval", KEY_LOG, "N", 0, "Steps between printed lines, histograms and strips (200)",
      CLI_GROUP_MORE },
    { "save-every", KEY_SAVE, "N", 0, "Steps between saved models (500)", CLI_GROUP_MORE },
    { "eval-every", KEY_EVAL, "N", 0,
      "Steps between evaluations of all test pictures (only at the end)", CLI_GROUP_MORE },
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    CLI_OPTION_BATCH,
    CLI_OPTIONS_COMPUTE,
    CLI_HEADER("What to print:", CLI_GROUP_OUTPUT),
    CLI_OPTION_JSON,
    CLI_OPTION_GRAPHICS,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] =
    "Trains a network and writes into RUN: model.safetensors (weights under PyTorch's names, and "
    "everything needed to go on; the one before it stays as model.previous.safetensors), an event "
    "file for TensorBoard, strips.png (what the layers keep "
    "of test pictures) and report.html, one page with all results.\n\n"
    "Without options it is the tutorial: its network, 1,500 steps, batches of 128, Adam with 1e-4. "
    "Ctrl-C finishes the step, saves and says how to go on; N steps and M more after --resume give "
    "the same bits as N + M.\v"
    "Train the tutorial's network, then longer with distorted pictures:\n"
    "  deconvnet train\n"
    "  deconvnet train --epochs 20 --augment cifar --out runs/long\n"
    "Stop one and go on:\n"
    "  deconvnet train --out runs/a --steps 500\n"
    "  deconvnet train --resume runs/a --steps 1500\n"
    "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const augments[] = { "none", "cifar", NULL };
    train_options *o = state->input;

    switch (key) {
    case KEY_OUT: o->out = cli_parse_name(key, arg); break;
    case KEY_RESUME: o->resume = cli_parse_name(key, arg); break;
    case KEY_NET: o->net = cli_parse_name(key, arg); break;
    case KEY_STEPS: o->steps = cli_parse_int(key, arg, 1, 1000000000); o->epochs = 0; break;
    case KEY_EPOCHS: o->epochs = cli_parse_int(key, arg, 1, 1000000); break;
    case KEY_RATE: o->rate = cli_parse_real(key, arg, 1e-30, 1e30); break;
    case KEY_SEED:
        o->seed = (uint64_t)cli_parse_int(key, arg, 0, INT64_MAX);
        o->seed_given = true;
        break;
    case KEY_LOG: o->log_interval = cli_parse_int(key, arg, 1, 1000000000); break;
    case KEY_SAVE: o->save_every = cli_parse_int(key, arg, 1, 1000000000); break;
    case KEY_EVAL: o->eval_every = cli_parse_int(key, arg, 1, 1000000000); break;
    case KEY_AUGMENT:
        o->augment = (dcn_augment)cli_parse_word(key, arg, augments);
        o->augment_given = true;
        break;
    case KEY_DRY: o->dry_run = true; break;
    case ARGP_KEY_ARG: cli_refuse_argument(arg);
    default: return cli_parse_shared(&o->shared, key, arg);
    }
    return 0;
}

static const struct argp argp = { options, parse, "", doc, NULL, NULL, NULL };

/* ---- preparing ------------------------------------------------------------------------------ */

/* A run is named after its network. */
static char *default_out(const char *net)
{
    char name[64];
    const char *base;

    if (!net || !strcmp(net, "tutorial"))
        return cli_run_free_name("tutorial");
    if (cli_is_network_text(net) || !strcmp(net, "-"))
        return cli_run_free_name("net");
    base = strrchr(net, '/') ? strrchr(net, '/') + 1 : net;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(base, "."), base);
    return cli_run_free_name(*name ? name : "net");
}

static char *model_of(const char *resume)
{
    struct stat st;

    if (stat(resume, &st) == 0 && !S_ISDIR(st.st_mode))
        return cli_text("%s", resume);
    return cli_text("%s/" CLI_RUN_MODEL, resume);
}

static dcn_status make_graph(train_run *run, const char *resume_model, dcn_error *err)
{
    const train_options *o = &run->options;
    int channels = run->data_info.shape.c;
    dcn_model model = { 0 };
    dcn_status st;

    if (resume_model && !o->net) {     /* the network that the run began with */
        if (!(st = dcn_model_load(&model, resume_model, &o->shared.limits, err)))
            st = dcn_graph_copy(&run->graph, model.graph, err);
        dcn_model_clear(&model);
        return st;
    }
    if ((st = cli_load_network(&run->graph, o->net, channels, run->data_info.classes,
                               &o->shared.limits, err)))
        return st;
    return dcn_graph_init_weights(run->graph, o->seed, err);
}

/* What was not given: the settings of the run that goes on, else the tutorial's. */
static dcn_status complete_settings(train_run *run, const char *resume_model, dcn_error *err)
{
    train_options *o = &run->options;
    dcn_train_desc usual = { .batch = 128, .rate = 1e-4f, .seed = 1, .augment = DCN_AUGMENT_NONE };
    dcn_status st;

    if (resume_model && (st = dcn_train_desc_load(&usual, resume_model, err)))
        return st;
    run->batch = o->shared.batch ? o->shared.batch : usual.batch;
    o->rate = o->rate > 0 ? o->rate : (double)usual.rate;
    o->seed = o->seed_given ? o->seed : usual.seed;
    o->augment = o->augment_given ? o->augment : usual.augment;
    o->shared.exact = o->shared.exact || usual.exact;
    return DCN_OK;
}

/* What the trainer's plan will be: text and bytes for the user, and a refusal before anything is
 * written. */
static dcn_status describe_plan(train_run *run, dcn_error *err)
{
    const cli_shared *s = &run->options.shared;
    const dcn_plan_desc desc = { .engine = s->engine, .batch = run->batch, .threads = s->threads,
                                 .training = 1, .exact = s->exact, .max_bytes = s->max_memory };
    dcn_plan *plan;
    dcn_status st;

    if ((st = dcn_plan_create(&plan, run->graph, &desc, err)))
        return st;
    run->plan_text = cli_text("%s", dcn_plan_text(plan));
    run->plan_bytes = dcn_plan_bytes(plan);
    dcn_plan_destroy(plan);
    return DCN_OK;
}

static dcn_status make_trainer(train_run *run, const char *resume_model, dcn_error *err)
{
    const train_options *o = &run->options;
    const dcn_train_desc desc = { .engine = o->shared.engine, .batch = run->batch,
                                  .threads = o->shared.threads, .rate = (float)o->rate,
                                  .seed = o->seed, .augment = o->augment,
                                  .exact = o->shared.exact,
                                  .max_bytes = o->shared.max_memory };
    const dcn_model *model;
    dcn_status st;

    if ((st = describe_plan(run, err))
        || (st = dcn_trainer_create(&run->trainer, run->graph, run->data, &desc, err)))
        return st;
    if (!resume_model)
        return DCN_OK;
    if ((st = dcn_trainer_load(run->trainer, resume_model, err))
        || (st = dcn_trainer_model(run->trainer, &model, err)))
        return st;
    run->first_step = model->step;
    return DCN_OK;
}

static dcn_status check_steps(train_run *run, dcn_error *err)
{
    const train_options *o = &run->options;
    const int64_t pictures = run->data_info.count[DCN_SPLIT_TRAIN];

    run->total = o->steps;
    if (o->epochs)
        run->total = (o->epochs * pictures + run->batch - 1) / run->batch;
    if (run->first_step >= run->total)
        return cli_fail(err, DCN_STATE, o->resume,
                        "has %lld steps already, and --steps asks for %lld in all; give a larger "
                        "number",
                        (long long)run->first_step, (long long)run->total);
    run->step_ms = cli_alloc((size_t)(run->total - run->first_step), sizeof *run->step_ms);
    return DCN_OK;
}

static dcn_status print_dry_json(const train_run *run, const char *out, dcn_error *err)
{
    cli_json *json = cli_json_create();
    dcn_status st;

    cli_json_text(json, "run", out);
    cli_json_text(json, "data", run->data_info.name);
    cli_json_int(json, "parameters", cli_weight_total(run->graph));
    cli_json_real(json, "flops", dcn_graph_flops(run->graph));
    cli_json_text(json, "plan", run->plan_text);
    cli_json_bool(json, "exact", run->options.shared.exact);
    cli_json_int(json, "plan_bytes", (int64_t)run->plan_bytes);
    cli_json_int(json, "batch", run->batch);
    cli_json_int(json, "first_step", run->first_step);
    cli_json_int(json, "steps", run->total);
    st = cli_json_print(json, err);
    cli_json_destroy(json);
    return st;
}

static dcn_status print_dry_run(const train_run *run, const char *out, dcn_error *err)
{
    if (run->options.shared.json)
        return print_dry_json(run, out, err);
    cli_print_shapes(stdout, run->graph, run->batch);
    printf("data      %s (%s): %lld to train, %lld to test\n", run->data_info.name,
           run->data_info.path, (long long)run->data_info.count[0],
           (long long)run->data_info.count[1]);
    printf("network   %lld parameters, %.1f MFLOP a picture\n",
           (long long)cli_weight_total(run->graph), dcn_graph_flops(run->graph) / 1e6);
    printf("plan      %s\n", run->plan_text);
    printf("memory    %.1f MB\n", (double)run->plan_bytes / 1e6);
    printf("steps     %lld to %lld\n", (long long)run->first_step, (long long)run->total);
    printf("out       %s (nothing was written)\n", out);
    return cli_finish_output(err);
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* Lines of results: with --json standard output belongs to the object. */
static FILE *results(const train_run *run)
{
    return run->options.shared.json ? stderr : stdout;
}

static bool talks(const train_run *run)
{
    return !run->options.shared.json || cli_verbosity() >= 0;
}

static int stop_if_asked(void *user, int64_t done, int64_t total)
{
    (void)user, (void)done, (void)total;
    return cli_interrupt_asked();
}

static dcn_status evaluate(train_run *run, const dcn_model *model, dcn_evaluation *e,
                           dcn_error *err)
{
    const cli_shared *s = &run->options.shared;
    const dcn_plan_desc desc = { .engine = s->engine, .batch = run->batch, .threads = s->threads,
                                 .exact = s->exact, .max_bytes = s->max_memory };

    return dcn_evaluate(e, model, run->data, DCN_SPLIT_TEST, &desc, stop_if_asked, run, err);
}

static dcn_status report_interval(train_run *run, const dcn_train_report *r, dcn_error *err)
{
    const dcn_model *model;
    dcn_loss after;
    dcn_status st;

    if ((st = dcn_trainer_batch_accuracy(run->trainer, &after, err)))
        return st;
    cli_progress_clear(&run->progress);
    if (talks(run))
        fprintf(results(run), "step %lld, training accuracy %.4f, loss %.4f\n",
                (long long)(r->step - 1), after.n ? (double)after.correct / after.n : 0, r->loss);
    if ((st = dcn_trainer_model(run->trainer, &model, err)))
        return st;
    return train_log_pictures(run, model, r->step - 1, err);
}

static dcn_status report_test(train_run *run, const dcn_train_report *r, dcn_error *err)
{
    const dcn_model *model;
    dcn_evaluation e = { 0 };
    dcn_status st;

    if ((st = dcn_trainer_model(run->trainer, &model, err))
        || (st = evaluate(run, model, &e, err)))
        return st;
    cli_progress_clear(&run->progress);
    if (talks(run))
        fprintf(results(run), "step %lld, test accuracy %.4f\n", (long long)(r->step - 1),
                e.n ? (double)e.correct / (double)e.n : 0);
    st = train_log_test(run, r->step - 1, &e, err);
    dcn_evaluation_clear(&e);
    return st;
}

static dcn_status after_step(train_run *run, const dcn_train_report *r, dcn_error *err)
{
    const train_options *o = &run->options;
    char note[64];
    dcn_status st;

    run->last = *r;
    run->step_ms[run->steps_timed++] = r->step_ms;
    run->train_ms += r->step_ms;
    run->wait_ms += r->wait_ms;
    if ((st = train_log_step(run, r, err)))
        return st;
    if ((r->step - 1) % o->log_interval == 0 && (st = report_interval(run, r, err)))
        return st;
    if (o->eval_every && r->step % o->eval_every == 0 && r->step < run->total
        && (st = report_test(run, r, err)))
        return st;
    if (r->step % o->save_every == 0 && r->step < run->total && (st = train_save(run, err)))
        return st;
    snprintf(note, sizeof note, ", loss %.3f", r->loss);
    cli_progress_draw(&run->progress, r->step, run->total, note);
    return DCN_OK;
}

/* As a shell reads it back: a name with a space is one word, and runs nothing. */
static char *shell_word(const char *text)
{
    char *word = cli_alloc(4 * strlen(text) + 3, 1), *end = word;

    if (*text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_-+=.,:@%/")])
        return memcpy(word, text, strlen(text) + 1);
    *end++ = '\'';
    for (; *text; text++) {
        const char *piece = *text == '\'' ? "'\\''" : (const char[]){ *text, '\0' };
        const size_t length = strlen(piece);

        memcpy(end, piece, length);
        end += length;
    }
    *end = '\'';
    return word;
}

/* The command that goes on: the run knows its own settings. */
static char *resume_command(const train_run *run)
{
    const cli_shared *s = &run->options.shared;
    const bool engine = s->engine && strcmp(s->engine, "cpu") != 0;

    char *folder = shell_word(run->folder.path), *data = shell_word(s->data ? s->data : "");
    char *command = cli_text("deconvnet train --resume %s%s%s --steps %lld%s%s", folder,
                             s->data ? " --data " : "", s->data ? data : "",
                             (long long)run->total, engine ? " --engine " : "",
                             engine ? s->engine : "");

    free(data);
    free(folder);
    return command;
}

static dcn_status stopped(train_run *run, dcn_error *err)
{
    const dcn_status code = (dcn_status)cli_interrupted();
    char *command;
    dcn_status st;

    cli_progress_clear(&run->progress);
    if (run->last.step == run->first_step)
        return cli_fail(err, code, run->folder.path, "interrupted before the first step, the model "
                        "is what it was; give the same command again");
    if ((st = train_save(run, err)) || (run->events && (st = dcn_events_flush(run->events, err))))
        return st;
    command = resume_command(run);
    if (strlen(command) > 230)
        cli_fail(err, code, run->folder.path,
                 "interrupted; step %lld is saved, go on with the same options and --resume",
                 (long long)run->last.step);
    else
        cli_fail(err, code, run->folder.path, "interrupted; step %lld is saved, go on with: %s",
                 (long long)run->last.step, command);
    free(command);
    return code;
}

/* Numbers that went wrong: at which step, if the library did not know; and which step is safe. What
 * was done since is not saved: a step that was applied just before may have begun it. */
static void add_step(const train_run *run, dcn_error *err)
{
    const dcn_error inner = *err;
    const char *what = strstr(inner.text, ": ");
    char where[sizeof inner.text], *folder;

    if (!what)
        return;
    snprintf(where, sizeof where, "%.*s", (int)(what - inner.text), inner.text);
    if (!strstr(what, " step "))
        snprintf(where, sizeof where, "step %lld: %.*s", (long long)run->last.step,
                 (int)(what - inner.text), inner.text);
    folder = shell_word(run->folder.path);
    if (run->saved_step == 0)
        cli_fail(err, inner.status, where, "%s, nothing was saved yet", what + 2);
    else if (strlen(folder) > 120)
        cli_fail(err, inner.status, where, "%s: step %lld is safe", what + 2,
                 (long long)run->saved_step);
    else
        cli_fail(err, inner.status, where, "%s: step %lld is safe, go on with --resume %s --lr RATE",
                 what + 2, (long long)run->saved_step, folder);
    free(folder);
}

static dcn_status train(train_run *run, dcn_error *err)
{
    dcn_train_report report = { .step = run->first_step };
    dcn_status st = DCN_OK;

    cli_progress_begin(&run->progress, &run->options.shared, "train", "steps");
    while (report.step < run->total && !st && !cli_interrupted()) {
        if ((st = dcn_trainer_step(run->trainer, &report, err))
            || (st = after_step(run, &report, err)))
            break;
    }
    cli_progress_clear(&run->progress);
    if ((!st || st == DCN_STOPPED) && cli_interrupted() && report.step < run->total)
        return stopped(run, err);
    if (st == DCN_NUMBERS)
        add_step(run, err);
    return st;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void print_end(const train_run *run, const dcn_evaluation *e, const dcn_image *strip)
{
    const char *path = run->folder.path;
    FILE *out = results(run);

    fprintf(out, "finished! test accuracy %.4f on one batch (%lld pictures)\n",
            e->first_n ? (double)e->first_correct / (double)e->first_n : 0, (long long)e->first_n);
    fprintf(out, "test accuracy %.4f on all %lld pictures\n",
            e->n ? (double)e->correct / (double)e->n : 0, (long long)e->n);
    fprintf(out, "%.1f ms a step (median), %.1f %% of the time in compute, %.1f s in all\n",
            train_median(run->step_ms, run->steps_timed),
            run->train_ms > 0 ? 100 * (1 - run->wait_ms / run->train_ms) : 0,
            cli_seconds() - run->began);
    fprintf(out, "%s/model.safetensors\n", path);
    if (train_build_has("libpng"))
        fprintf(out, "%s/strips.png\n", path);
    fprintf(out, "%s/report.html\n", path);
    if (run->events)
        fprintf(out, "%s\n", dcn_events_path(run->events));
    if (!run->options.shared.json)
        cli_show_picture(strip, run->options.shared.graphics);
}

static dcn_status finish(train_run *run, dcn_error *err)
{
    const dcn_model *model;
    dcn_evaluation e = { 0 };
    dcn_image strip = { 0 };
    dcn_status st;

    if ((st = train_save(run, err)) || (st = dcn_trainer_model(run->trainer, &model, err)))
        return st;
    if ((st = evaluate(run, model, &e, err))) {
        if (st != DCN_STOPPED || !cli_interrupted())
            return st;
        return cli_fail(err, (dcn_status)cli_interrupted(), run->folder.path,
                        "interrupted after the last step; all %lld are saved, see them with "
                        "deconvnet eval --model %s",
                        (long long)run->last.step, run->folder.path);
    }
    cli_interrupt_hold();
    /* TensorBoard wants steps to rise: not again what the last interval has logged. */
    if (!(st = train_log_test(run, run->last.step - 1, &e, err))
        && ((run->last.step - 1) % run->options.log_interval == 0
            || !(st = train_log_pictures(run, model, run->last.step - 1, err))))
        st = train_write_results(run, model, &e, &strip, err);
    cli_interrupt_release();
    if (!st && talks(run))
        print_end(run, &e, &strip);
    if (!st && run->options.shared.json)
        st = train_print_json(run, &e, err);
    dcn_image_clear(&strip);
    dcn_evaluation_clear(&e);
    return st;
}

/* ---- the command ---------------------------------------------------------------------------- */

static dcn_status prepare(train_run *run, const char *resume_model, dcn_error *err)
{
    dcn_status st;

    if ((st = complete_settings(run, resume_model, err))
        || (st = cli_open_data(&run->data, &run->options.shared, err)))
        return st;
    dcn_data_info_get(run->data, &run->data_info);
    if (!run->data_info.classes)
        return cli_fail(err, DCN_INPUT, run->data_info.path, "holds pictures without labels; put "
                        "them into train/CLASS/FILE and test/CLASS/FILE");
    if ((st = make_graph(run, resume_model, err)) || (st = make_trainer(run, resume_model, err)))
        return st;
    return check_steps(run, err);
}

static bool replaces_a_run(const train_run *run, const char *out)
{
    char *model = cli_text("%s/" CLI_RUN_MODEL, out);
    const bool there = !run->options.resume && access(model, F_OK) == 0;

    free(model);
    return there;
}

static dcn_status work(train_run *run, const char *out, dcn_error *err)
{
    dcn_status st;

    if (talks(run)) {
        cli_print_shapes(results(run), run->graph, run->batch);
        fprintf(results(run), "%lld parameters; %s: %lld pictures to train, %lld to test; %s\n",
                (long long)cli_weight_total(run->graph), run->data_info.name,
                (long long)run->data_info.count[0], (long long)run->data_info.count[1],
                run->plan_text);
    }
    /* Among the results: what stands on standard error after a failure is its one line. */
    if (!run->options.shared.json)
        printf("writing to %s%s\n", out, replaces_a_run(run, out)
               ? ", whose run is replaced (--resume goes on with it)" : "");
    cli_interrupt_begin();
    cli_run_clean(&run->folder, replaces_a_run(run, out));
    if (run->options.resume && !run->goes_on)
        cli_run_drop_previous(&run->folder, run->options.resume);
    run->last.step = run->saved_step = run->first_step;
    if (!(st = train_log_begin(run, err)) && !(st = train(run, err)) && !(st = finish(run, err))
        && run->events) {
        st = dcn_events_close(run->events, err);
        run->events = NULL;
    }
    if (st)
        train_save_what_is_done(run, err);
    return st;
}

static void clear(train_run *run)
{
    dcn_error ignored;

    dcn_events_close(run->events, &ignored);
    dcn_trainer_destroy(run->trainer);
    dcn_graph_destroy(run->graph);
    dcn_data_close(run->data);
    cli_run_close(&run->folder);
    train_curve_clear(&run->loss);
    train_curve_clear(&run->accuracy);
    train_curve_clear(&run->test);
    free(run->step_ms);
    free(run->plan_text);
}

/* The folder that the run writes to, and the model that it goes on from. Allocated. */
static dcn_status choose_paths(const train_options *o, char **out, char **model, dcn_error *err)
{
    const char *slash;
    struct stat status;

    if (!o->resume) {
        *out = o->out ? cli_text("%s", o->out) : default_out(o->net);
        return DCN_OK;
    }
    *model = model_of(o->resume);
    slash = strrchr(*model, '/');
    *out = o->out ? cli_text("%s", o->out) : slash
           ? cli_text("%.*s", slash > *model ? (int)(slash - *model) : 1, *model) : cli_text(".");
    if (stat(*model, &status) != 0)
        return cli_fail(err, DCN_FILE, *model,
                        "is not there, so there is nothing to go on with; name the folder of a "
                        "run");
    return DCN_OK;
}

static dcn_status prepare_and_work(train_run *run, const char *out, const char *model,
                                   dcn_error *err)
{
    const bool dry = run->options.dry_run;
    dcn_status st;

    /* A new run makes its folder when nothing else can be refused; one that goes on is locked
     * before its model is read. */
    st = model && !dry ? cli_run_open(&run->folder, out, err) : cli_check_folder(out, err);
    if (!st && (st = prepare(run, model, err)) && model)
        st = cli_run_name_previous(model, err);
    if (st || dry)
        return st ? st : print_dry_run(run, out, err);
    if (!model && (st = cli_run_open(&run->folder, out, err)))
        return st;
    run->goes_on = model && cli_run_holds(&run->folder, model);
    return work(run, out, err);
}

static dcn_status train_main(int argc, char **argv, dcn_error *err)
{
    train_run run = { .folder = { NULL, -1 }, .began = cli_seconds(),
                      .options = { .steps = 1500, .log_interval = 200, .save_every = 500 } };
    char *model = NULL, *out = NULL;
    dcn_status st;

    cli_parse(&cli_train, argc, argv, &run.options);
    setvbuf(stdout, NULL, _IOLBF, 0);      /* a log that is followed */
    if (!(st = choose_paths(&run.options, &out, &model, err)))
        st = prepare_and_work(&run, out, model, err);
    clear(&run);
    free(model);
    free(out);
    return st;
}

const cli_command cli_train = { "train", "train a network and draw what its layers keep", &argp,
                                train_main };
