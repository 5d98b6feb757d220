/* options.h - the arguments of every command: argp's tables, strict numbers, the environment.
 *
 * An option --log-interval is also read from DECONVNET_LOG_INTERVAL; the command line wins. A wrong
 * argument ends the command at once with one line and status 2. */
#ifndef DCN_CLI_OPTIONS_H
#define DCN_CLI_OPTIONS_H

#include "deconvnet.h"

#include <argp.h>
#include <stdbool.h>

typedef struct cli_command {
    const char *name, *summary;
    const struct argp *argp;
    dcn_status (*run)(int argc, char **argv, dcn_error *err);
} cli_command;

extern const cli_command cli_train, cli_eval, cli_show, cli_info, cli_bench, cli_fetch,
                         cli_convert, cli_atlas, cli_atlas_merge;

typedef enum cli_graphics {
    CLI_GRAPHICS_AUTO, CLI_GRAPHICS_SYMBOLS, CLI_GRAPHICS_SIXEL, CLI_GRAPHICS_KITTY,
    CLI_GRAPHICS_ITERM, CLI_GRAPHICS_NONE
} cli_graphics;

/* From a picture to a model's input, and its class names (load_model.c). Zeros: as the model
 * says. */
typedef struct cli_input_options {
    const char *preprocess, *labels;
    int n_mean, n_std;         /* 0: not given; 1: one number for all channels; 3 */
    float mean[3], std[3];
    bool bgr;
    int size[2], crop[2];      /* rows, columns; columns 0: one number was given */
} cli_input_options;

/* What several commands share. All zeros is the usual. */
typedef struct cli_shared {
    const char *data, *model, *engine;    /* engine NULL: the library's usual one */
    int batch, threads;
    bool json, no_progress, exact;
    size_t max_memory;                    /* of a plan, in bytes; 0: the library's usual limit */
    cli_graphics graphics;
    dcn_limits limits;
    cli_input_options input;
} cli_shared;

enum cli_key {
    CLI_KEY_JSON = 1000, CLI_KEY_NO_PROGRESS, CLI_KEY_COLOR, CLI_KEY_GRAPHICS, CLI_KEY_DATA,
    CLI_KEY_DEVICE, CLI_KEY_ENGINE, CLI_KEY_EXACT, CLI_KEY_MAX_MEMORY, CLI_KEY_MAX_PIXELS,
    CLI_KEY_MAX_SIDE, CLI_KEY_MAX_HEADER, CLI_KEY_MAX_TEXT,
    CLI_KEY_MAX_ONNX, CLI_KEY_MAX_NODES, CLI_KEY_PREPROCESS, CLI_KEY_MEAN,
    CLI_KEY_STD, CLI_KEY_BGR, CLI_KEY_SIZE, CLI_KEY_CROP, CLI_KEY_LABELS, CLI_KEY_RULE,
    CLI_KEY_EXTEND, CLI_KEY_MASK, CLI_KEY_SWITCHES, CLI_KEY_RECTIFY, CLI_KEY_COMPAT,
    CLI_KEY_OWN                /* a command's own keys begin here */
};

/* Groups of --help, in their order. */
enum cli_group { CLI_GROUP_MAIN = 1, CLI_GROUP_MORE, CLI_GROUP_INPUT, CLI_GROUP_COMPUTE,
                 CLI_GROUP_OUTPUT, CLI_GROUP_LIMITS, CLI_GROUP_COMMON };

#define CLI_HEADER(text, group) { NULL, 0, NULL, 0, text, group }
#define CLI_OPTION_DATA { "data", CLI_KEY_DATA, "DIR", 0, \
    "Pictures to use: a CIFAR-10 folder (binary version), a folder of IDX files, an image " \
    "folder with train/CLASS/FILE and test/CLASS/FILE, any other folder of pictures (all of them " \
    "to test, without classes), or \"synthetic\". Without it the usual places are searched", \
    CLI_GROUP_MAIN }
#define CLI_OPTION_MODEL { "model", 'm', "FILE", 0, \
    "A model file (ONNX, safetensors), or the folder of a run that holds model.safetensors", \
    CLI_GROUP_MAIN }
#define CLI_OPTIONS_INPUT \
    CLI_HEADER("From a picture to the network:", CLI_GROUP_INPUT), \
    { "preprocess", CLI_KEY_PREPROCESS, "imagenet|caffe|tf|cifar10|standardize|none", 0, \
      "In place of what the model's file says, or of what is guessed and told if it says " \
      "nothing. imagenet: shorter side to 256 for a network of 224, the middle, torchvision's " \
      "mean and standard deviation; caffe: the same part, blue first, 0 to 255 less its means; " \
      "tf: the same part, -1 to 1. The others take the middle as it is, scaled down only of a " \
      "picture more than twice as large (--size scales always): cifar10, its mean and standard " \
      "deviation; standardize, each picture's own; none, 0 to 1", \
      CLI_GROUP_INPUT }, \
    { "mean", CLI_KEY_MEAN, "R,G,B", 0, \
      "Take this off pixels of 0 to 1; one number counts for all channels", CLI_GROUP_INPUT }, \
    { "std", CLI_KEY_STD, "R,G,B", 0, "Then divide by this", CLI_GROUP_INPUT }, \
    { "bgr", CLI_KEY_BGR, NULL, 0, "The network wants blue first", CLI_GROUP_INPUT }, \
    { "size", CLI_KEY_SIZE, "N|HxW", 0, \
      "Scale a picture until it covers H rows and W columns, or its shorter side is N; without " \
      "--crop the middle of that size is the input", CLI_GROUP_INPUT }, \
    { "crop", CLI_KEY_CROP, "N|HxW", 0, \
      "The middle that becomes the input. Where an ONNX file leaves its input's size open, " \
      "--crop, else --size, sets it (224x224)", CLI_GROUP_INPUT }, \
    { "labels", CLI_KEY_LABELS, "FILE", 0, \
      "Class names: one a line, a JSON list, or a JSON object {\"0\": \"name\", ...}", \
      CLI_GROUP_INPUT }
#define CLI_OPTION_BATCH { "batch-size", 'b', "N", 0, "Pictures a step (128)", CLI_GROUP_COMPUTE }
#define CLI_OPTIONS_COMPUTE \
    { "threads", 'j', "N", 0, "Threads; the results do not depend on it (all cores)", \
      CLI_GROUP_COMPUTE }, \
    { "device", CLI_KEY_DEVICE, "auto|cpu", 0, "Where to compute (auto)", CLI_GROUP_COMPUTE }, \
    { "engine", CLI_KEY_ENGINE, "cpu|ref|ref64", 0, \
      "cpu is the fast one; ref the plain definition it is checked against, ref64 the same in " \
      "doubles (cpu)", \
      CLI_GROUP_COMPUTE }, \
    { "exact", CLI_KEY_EXACT, NULL, 0, \
      "Convolutions by the definition alone; without it some of the engine cpu are by a faster " \
      "method, whose rounding is a few times larger", \
      CLI_GROUP_COMPUTE }, \
    { "max-memory", CLI_KEY_MAX_MEMORY, "MIB", 0, \
      "What needs more memory for a network's values is refused (80 % of the machine's)", \
      CLI_GROUP_COMPUTE }
#define CLI_OPTIONS_LIMITS \
    CLI_HEADER("Limits on what is read:", CLI_GROUP_LIMITS), \
    { "max-pixels", CLI_KEY_MAX_PIXELS, "N", 0, "Pixels of a picture (67108864)", \
      CLI_GROUP_LIMITS }, \
    { "max-side", CLI_KEY_MAX_SIDE, "N", 0, "Rows or columns of a picture (32768)", \
      CLI_GROUP_LIMITS }, \
    { "max-header-bytes", CLI_KEY_MAX_HEADER, "N", 0, "Header of a safetensors file (8388608)", \
      CLI_GROUP_LIMITS }, \
    { "max-text-bytes", CLI_KEY_MAX_TEXT, "N", 0, "Text of a network (1048576)", \
      CLI_GROUP_LIMITS }, \
    { "max-onnx-bytes", CLI_KEY_MAX_ONNX, "N", 0, "An ONNX file (2147483647); a file of its " \
      "external data may then have as many (68719476736)", CLI_GROUP_LIMITS }, \
    { "max-nodes", CLI_KEY_MAX_NODES, "N", 0, "Nodes of an ONNX graph (100000), of a network's " \
      "text (1000)", \
      CLI_GROUP_LIMITS }
#define CLI_OPTION_JSON { "json", CLI_KEY_JSON, NULL, 0, \
    "Print one JSON object on standard output instead of text", CLI_GROUP_OUTPUT }
#define CLI_OPTION_GRAPHICS { "graphics", CLI_KEY_GRAPHICS, \
    "auto|symbols|sixel|kitty|iterm|none", 0, \
    "How to show a picture in the terminal; auto shows one only on a terminal", CLI_GROUP_OUTPUT }
#define CLI_OPTIONS_COMMON \
    CLI_HEADER("Common:", CLI_GROUP_COMMON), \
    { "quiet", 'q', NULL, 0, "Say nothing but results and errors", CLI_GROUP_COMMON }, \
    { "verbose", 'v', NULL, 0, "Say more", CLI_GROUP_COMMON }, \
    { "no-progress", CLI_KEY_NO_PROGRESS, NULL, 0, "Draw no progress bar", CLI_GROUP_COMMON }, \
    { "color", CLI_KEY_COLOR, "auto|always|never", 0, "Colour in messages (auto)", \
      CLI_GROUP_COMMON }, \
    { "help", 'h', NULL, 0, "Print this help", CLI_GROUP_COMMON }

#define CLI_EXIT_CODES \
    "Exit codes: 0 done; 1 a bug in deconvnet; 2 wrong arguments or network description; " \
    "3 a file's content refused; 4 file system; 5 memory; 6 numbers not finite; 7 device; " \
    "8 network; 10 a checkpoint or a scan does not fit; 130 or 143 interrupted."

/* Fills `input` through the command's argp: the environment first, then the arguments. Prints the
 * help and ends on --help. */
void cli_parse(const cli_command *command, int argc, char **argv, void *input);
/* For the default case of a command's parser. ARGP_ERR_UNKNOWN if the key is not a shared one. */
error_t cli_parse_shared(cli_shared *shared, int key, char *arg);
/* A command without further arguments calls this on ARGP_KEY_ARG. */
_Noreturn void cli_refuse_argument(const char *arg);
/* Where the value under parse came from: "--steps" or "DECONVNET_STEPS". */
const char *cli_source(int key);

/* Strict values: the whole text, in range, whatever the locale. They end the command if not. */
int64_t cli_parse_int(int key, const char *arg, int64_t min, int64_t max);
double cli_parse_real(int key, const char *arg, double min, double max);
/* A file, a folder or an address: not empty, or it would be an error without a place. */
char *cli_parse_name(int key, char *arg);
/* Numbers separated by commas: n of them at most; returns how many. */
int cli_parse_reals(int key, const char *arg, double min, double max, float *values, int n);
/* "HxW", or one number: columns become 0. */
void cli_parse_size(int key, const char *arg, int size[2]);
/* The index of arg in words (ended by NULL). */
int cli_parse_word(int key, const char *arg, const char *const *words);
/* The word of the list that is most like `word`, NULL if none is near. */
const char *cli_nearest(const char *word, const char *const *words);

/* What a user writes for an option's environment variable; name is at least 64 bytes. */
void cli_environment_name(char *name, size_t size, const char *option);

/* --model: FILE or FOLDER/model.safetensors. Allocated. */
char *cli_model_path(const cli_shared *shared);

#endif
