/* cmd_info.c - deconvnet info: what a path is, after reading and checking all of it. */
#include "info.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct argp_option options[] = {
    CLI_OPTIONS_INPUT,
    CLI_HEADER("How to compute:", CLI_GROUP_COMPUTE),
    { "batch-size", 'b', "N", 0,
      "Pictures a step of the plans whose memory is told (128; of an ONNX file 1)",
      CLI_GROUP_COMPUTE },
    CLI_OPTIONS_COMPUTE,
    CLI_HEADER("What to print:", CLI_GROUP_OUTPUT),
    CLI_OPTION_JSON,
    CLI_OPTIONS_LIMITS,
    CLI_OPTIONS_COMMON,
    { 0 }
};

static const char doc[] = "Says what a file or folder is, by content and not by name, and checks "
                          "all of it: a CIFAR-10 folder, a folder of IDX files, an image folder, a "
                          "picture, a model, a network, an event file, an array, an atlas and "
                          "the scan of one, finished or not, whole or a part. Of a model, "
                          "ONNX or our own, it prints every node with its shape, parameters, "
                          "operations and receptive field, what was guessed about its input, and "
                          "the memory that plans need.\v"
                          "Examples:\n"
                          "  deconvnet info runs/tutorial/model.safetensors\n"
                          "  deconvnet info resnet18.onnx\n"
                          "  deconvnet info --size 320x240 --json fully-convolutional.onnx\n"
                          "  deconvnet info ~/.cache/deconvnet/cifar-10-batches-bin\n"
                          "  deconvnet info part1 part2\n"
                          "\n" CLI_EXIT_CODES;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    info_run *run = state->input;

    if (key == ARGP_KEY_ARG) {
        run->paths = cli_grow(run->paths, (size_t)run->n_paths + 1, sizeof *run->paths);
        run->paths[run->n_paths++] = cli_parse_name(key, arg);
        return 0;
    }
    return cli_parse_shared(&run->shared, key, arg);
}

static const struct argp argp = { options, parse, "PATH...", doc, NULL, NULL, NULL };

/* ---- everything else ------------------------------------------------------------------------ */

static dcn_status tell_data(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_data *data;
    dcn_data_info info;
    dcn_status st;
    char hash[24];
    cli_json *names;

    if ((st = dcn_data_open(&data, path, &run->shared.limits, err)))
        return st;
    if (!(st = dcn_data_verify(data, err))) {
        dcn_data_info_get(data, &info);
        snprintf(hash, sizeof hash, "%016llx", (unsigned long long)dcn_data_hash(data));
        info_text(json, "name", info.name);
        info_int(json, "train", info.count[DCN_SPLIT_TRAIN]);
        info_int(json, "test", info.count[DCN_SPLIT_TEST]);
        if (info.shape.h > 0)
            info_shape(json, "shape", info.shape);
        else
            info_text(json, "shape", "differs from picture to picture");
        info_text(json, "hash", hash);
        info_int(json, "classes", info.classes);
        names = json ? cli_json_array(json, "class_names") : NULL;
        for (int i = 0; i < info.classes && info.class_names; i++) {
            char name[128];

            cli_escape(name, sizeof name, info.class_names[i]);
            if (names)
                cli_json_text(names, NULL, name);
            else
                printf("%12d %s\n", i, name);
        }
    }
    dcn_data_close(data);
    return st;
}

static dcn_status tell_picture(cli_json *json, const info_run *run, const char *path,
                               dcn_error *err)
{
    dcn_image image = { 0 };
    const dcn_status st = dcn_image_load(&image, path, &run->shared.limits, err);

    if (!st)
        info_shape(json, "shape", (dcn_shape){ image.h, image.w, image.c });
    dcn_image_clear(&image);
    return st;
}

static dcn_status tell_events(cli_json *json, const char *path, dcn_error *err)
{
    dcn_events_summary s = { 0 };
    const dcn_status st = dcn_events_verify(path, &s, err);

    if (st)
        return st;
    info_int(json, "records", s.records);
    info_int(json, "scalars", s.scalars);
    info_int(json, "images", s.images);
    info_int(json, "histograms", s.histograms);
    info_int(json, "graphs", s.graphs);
    info_int(json, "first_step", s.first_step);
    info_int(json, "last_step", s.last_step);
    info_int(json, "torn_bytes", s.torn_bytes);
    return DCN_OK;
}

static dcn_status tell_array(cli_json *json, const char *path, dcn_error *err)
{
    dcn_array array = { 0 };
    const dcn_status st = dcn_npy_load(&array, path, err);
    char text[8 * 24] = "";
    size_t used = 0;

    for (int i = 0; i < array.rank && !st; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i ? " x " : "",
                                 (long long)array.dims[i]);
    if (!st)
        info_text(json, "shape", text);
    dcn_array_clear(&array);
    return st;
}

/* The folder of a run stands for its model. Allocated. */
static char *model_in(const char *path)
{
    char *model = cli_text("%s/model.safetensors", path);
    struct stat file;

    if (stat(model, &file) == 0)
        return model;
    free(model);
    return cli_text("%s", path);
}

static dcn_status tell(cli_json *json, const info_run *run, const char *path, dcn_error *err)
{
    dcn_kind kind;
    struct stat file;
    dcn_status st;

    if ((st = dcn_identify(path, &run->shared.limits, &kind, err)))
        return st;
    info_text(json, "path", path);
    info_text(json, "kind", dcn_kind_text(kind));
    if (stat(path, &file) == 0 && S_ISREG(file.st_mode))
        info_int(json, "bytes", (int64_t)file.st_size);
    switch (kind) {
    case DCN_KIND_CIFAR10:
    case DCN_KIND_IDX:
    case DCN_KIND_FOLDER:
    case DCN_KIND_PICTURES: return tell_data(json, run, path, err);
    case DCN_KIND_PICTURE: return tell_picture(json, run, path, err);
    case DCN_KIND_ONNX:
    case DCN_KIND_MODEL: return info_model(json, run, path, err);
    case DCN_KIND_EVENTS: return tell_events(json, path, err);
    case DCN_KIND_NETWORK: return info_network(json, run, path, err);
    case DCN_KIND_NPY: return tell_array(json, path, err);
    case DCN_KIND_SCAN: return info_scan(json, run, path, err);
    case DCN_KIND_ATLAS: return info_atlas(json, run, path, err);
    case DCN_KIND_TENSORS:
    case DCN_KIND_IDX_FILE:
    case DCN_KIND_UNKNOWN: break;
    }
    return DCN_OK;
}

static dcn_status info_main(int argc, char **argv, dcn_error *err)
{
    info_run run = { .paths = NULL };
    dcn_status st = DCN_OK;

    cli_parse(&cli_info, argc, argv, &run);
    if (run.n_paths == 0)
        return cli_fail(err, DCN_USAGE, "arguments", "no path is given; name a file or a folder");
    if (run.shared.json && run.n_paths > 1)
        return cli_fail(err, DCN_USAGE, "--json", "tells of one path at a time; name one");
    for (int i = 0; i < run.n_paths && !st; i++) {
        cli_json *json = run.shared.json ? cli_json_create() : NULL;
        char *path = model_in(run.paths[i]);

        if (i > 0)
            putchar('\n');
        st = tell(json, &run, path, err);
        free(path);
        if (!st && json)
            st = cli_json_print(json, err);
        if (json)
            cli_json_destroy(json);
    }
    free(run.paths);
    return st;
}

const cli_command cli_info = { "info", "say what a file or folder is, and check all of it", &argp,
                               info_main };
