/* network.c - reads --net and prints networks. It never changes one. */
#include "network.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_LIMIT = 1 << 20 };

static dcn_status open_text(int *fd, const char *path, dcn_error *err)
{
    struct stat st;

    if (!strcmp(path, "-")) {
        const int flags = fcntl(STDIN_FILENO, F_GETFL);

        /* Where it was closed main() has opened something that cannot be read. */
        *fd = flags < 0 || (flags & O_ACCMODE) == O_WRONLY ? -1 : dup(STDIN_FILENO);
        if (*fd < 0)
            return cli_fail(err, DCN_FILE, "standard input",
                            "is closed; send a network through it");
        return DCN_OK;
    }
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);      /* a FIFO must not hang */
    if (*fd < 0)
        return cli_fail(err, DCN_FILE, path, "cannot open it (%s); name a "
                        "file, or a network that begins with the word input", strerror(errno));
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(*fd);
        return cli_fail(err, DCN_FILE, path,
                        "is not a regular file; name a file, or - for standard input");
    }
    return DCN_OK;
}

dcn_status cli_read_text(char **text, size_t *size, const char *path, size_t limit, dcn_error *err)
{
    dcn_status st;
    ssize_t n = 1;
    int fd;

    *size = 0;
    if ((st = open_text(&fd, path, err)))
        return st;
    *text = cli_alloc(limit + 1, 1);
    while (*size <= limit && n != 0) {
        n = read(fd, *text + *size, limit + 1 - *size);
        if (n < 0 && errno != EINTR) {
            st = cli_fail(err, DCN_FILE, path, "cannot read it (%s); check the disk",
                          strerror(errno));
            break;
        }
        *size += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (!st && *size > limit)
        st = cli_fail(err, DCN_INPUT, path,
                      "is larger than %zu bytes; pass --max-text-bytes if you trust it",
                      limit);
    if (st) {
        free(*text);
        *text = NULL;
    }
    return st;
}

bool cli_is_network_text(const char *spec)
{
    static const char blanks[] = " \t\r\n";
    const char *word = spec + strspn(spec, blanks);
    const char *equals = word + strcspn(word, " \t\r\n=");

    equals += strspn(equals, blanks);
    if (*equals == '=') {                  /* NAME = input ... */
        word = equals + 1;
        word += strspn(word, blanks);
    }
    return !strncmp(word, "input", 5) && word[5] && strchr(blanks, word[5]);
}

dcn_status cli_load_network(dcn_graph **graph, const char *spec, int channels, int classes,
                            const dcn_limits *limits, dcn_error *err)
{
    const size_t limit = limits->max_text_bytes > 0 ? (size_t)limits->max_text_bytes : TEXT_LIMIT;
    dcn_status st;
    char *text = NULL;
    size_t size;

    *graph = NULL;
    if (!spec || !strcmp(spec, "tutorial"))
        return dcn_graph_tutorial(graph, channels, classes, err);
    if (cli_is_network_text(spec))
        return dcn_graph_parse(graph, spec, strlen(spec), "--net", limits, err);
    if ((st = cli_read_text(&text, &size, spec, limit, err)))
        return st;
    st = dcn_graph_parse(graph, text, size, spec, limits, err);
    free(text);
    return st;
}

char *cli_network_text(const dcn_graph *graph)
{
    const size_t size = dcn_graph_text(graph, NULL, 0) + 1;
    char *text = cli_alloc(size, 1);

    /* No network is an empty text: 0 is a lack of memory. */
    if (size == 1 || dcn_graph_text(graph, text, size) + 1 != size)
        cli_die(DCN_MEMORY, "memory", "no %zu bytes for a network's text; free memory or ask for less",
                size > 1 ? size : 4096);
    return text;
}

void cli_print_shapes(FILE *file, const dcn_graph *graph, int batch)
{
    const int n = dcn_graph_node_count(graph);
    int width = 0;

    for (int i = 0; i < n; i++) {
        const int length = (int)strlen(cli_name_of(graph, i));

        width = length > width ? length : width;
    }
    for (int i = 0; i < n; i++) {
        dcn_node_info info;
        char where[16] = "";

        dcn_graph_node_info(graph, i, &info);
        if (batch > 0)
            snprintf(where, sizeof where, "%d, ", batch);
        fprintf(file, "%-*s  [%s%d, %d, %d]\n", width, info.name, where, info.shape.h, info.shape.w,
                info.shape.c);
    }
}

static int collect(const dcn_graph *graph, dcn_node *layers, int max, bool pooled)
{
    int found = 0;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        if (!info.is_layer || (pooled && strcmp(info.op, "max_pool") != 0))
            continue;
        if (found < max)
            layers[found] = i;
        found++;
    }
    return found;
}

int cli_layers(const dcn_graph *graph, dcn_node *layers, int max)
{
    return collect(graph, layers, max, false);
}

int cli_pooled_layers(const dcn_graph *graph, dcn_node *layers, int max)
{
    const int n = collect(graph, layers, max, true);

    return n > 0 ? n : collect(graph, layers, max, false);
}

int cli_layer_number(const dcn_graph *graph, dcn_node node)
{
    int number = 0;

    for (int i = 0; i <= node && i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        number += info.is_layer != 0;
        if (i == node)
            return info.is_layer ? number : 0;
    }
    return 0;
}

dcn_shape cli_shape_of(const dcn_graph *graph, dcn_node node)
{
    dcn_node_info info;

    dcn_graph_node_info(graph, node, &info);
    return info.shape;
}

const char *cli_name_of(const dcn_graph *graph, dcn_node node)
{
    dcn_node_info info;

    dcn_graph_node_info(graph, node, &info);
    return info.name;
}

dcn_node cli_input_of(const dcn_graph *graph)
{
    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        if (info.n_inputs == 0)
            return i;
    }
    return -1;
}

int64_t cli_weight_total(const dcn_graph *graph)
{
    int64_t total = 0;

    for (int i = 0; i < dcn_graph_node_count(graph); i++) {
        dcn_node_info info;

        dcn_graph_node_info(graph, i, &info);
        total += info.n_weights;
    }
    return total;
}

size_t cli_volume(dcn_shape shape)
{
    return (size_t)shape.h * (size_t)shape.w * (size_t)shape.c;
}

/* How many nodes "silu rectified at a, gate held constant at b and 10 more" speaks of. */
static long count_extensions(const char *text)
{
    const char *more = strstr(text, " and ");
    long n = *text ? 1 : 0;

    for (const char *c = text; (c = strstr(c, ", ")); c++)
        n++;
    return n + (more ? strtol(more + strlen(" and "), NULL, 10) : 0);
}

char *cli_extensions(const dcn_plan *plan, int n)
{
    const char *most = "";

    for (int i = 0; i < n; i++) {
        const char *text = dcn_plan_extensions(plan, i);

        if (text && count_extensions(text) > count_extensions(most))
            most = text;
    }
    return cli_text("%s", most);
}
