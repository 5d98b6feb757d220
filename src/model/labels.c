/* labels.c - names of classes from a file: one a line, or JSON.
 *
 * A file of another number of names is refused: names that are off by one are worse than none. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "codec/json.h"

#include <string.h>

enum { MAX_BYTES = 1 << 20, MAX_NAMES = 65536, MAX_NAME = 1000 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Other programs' lists often have one for "none of them" in front. */
static dcn_status check_count(int n, int classes, const char *path, dcn_error *err)
{
    const char *advice = n == classes + 1 ? "if the first names the background, remove it"
        : n == classes - 1 ? "if the network's first class is the background, name it first"
        : "use the list of the network's own data set";

    if (n == classes)
        return DCN_OK;
    return dcn__fail(err, DCN_INPUT, path, "holds %d names, the network has %d classes; %s", n,
                     classes, advice);
}

/* Without blanks around it; tabs become spaces, other control bytes \xNN. NULL: no memory. */
static char *clean_name(const char *text, size_t bytes)
{
    char *copy, *name;
    size_t size;

    while (bytes && is_blank(text[bytes - 1]))
        bytes--;
    for (; bytes && is_blank(*text); bytes--)
        text++;
    size = 4 * bytes + 1;
    copy = dcn__alloc(bytes);
    name = dcn__alloc(size);
    if (copy && name) {
        for (size_t i = 0; i < bytes; i++)
            copy[i] = text[i] == '\t' ? ' ' : text[i];
        dcn__text_escape(name, size, copy, bytes);
    } else {
        dcn__free(name);
        name = NULL;
    }
    dcn__free(copy);
    return name;
}

/* ---- one a line ---------------------------------------------------------------------------- */

static size_t line_length(const char *text, const char *end)
{
    const char *newline = memchr(text, '\n', (size_t)(end - text));

    return newline ? (size_t)(newline - text) : (size_t)(end - text);
}

static dcn_status check_line(const char *line, size_t length, int number, const char *path,
                             dcn_error *err)
{
    size_t column = 0;

    while (column < length && is_blank(line[column]))
        column++;
    if (column == length)
        return dcn__fail_line(err, DCN_INPUT, path, number, 1, "the line is empty; write one name "
                              "a line");
    if (length > MAX_NAME)
        return dcn__fail_line(err, DCN_INPUT, path, number, 1, "the line has more than %d bytes; "
                              "write one name a line", MAX_NAME);
    if (dcn__text_is_utf8(line, length))
        return DCN_OK;
    for (column = length; !dcn__text_is_utf8(line, column - 1);)
        column--;
    return dcn__fail_line(err, DCN_INPUT, path, number, (int)column, "byte 0x%02x is not UTF-8; "
                          "save the file as UTF-8", (unsigned char)line[column - 1]);
}

/* names NULL: counts and checks. */
static dcn_status read_lines(char **names, int *n, const char *text, size_t bytes,
                             const char *path, dcn_error *err)
{
    const char *end = text + bytes;
    dcn_status st;

    for (*n = 0; text < end; ++*n) {
        const size_t length = line_length(text, end);

        if (!names && (st = check_line(text, length, *n + 1, path, err)))
            return st;
        if (names && !(names[*n] = clean_name(text, length)))
            return dcn__fail_memory(err, "the name of a class", length);
        text += length + 1;
    }
    return DCN_OK;
}

static dcn_status read_text(char ***names, const char *text, size_t bytes, int classes,
                            const char *path, dcn_error *err)
{
    dcn_status st;
    int n;

    if ((st = read_lines(NULL, &n, text, bytes, path, err)) ||
        (st = check_count(n, classes, path, err)))
        return st;
    if (!(*names = dcn__alloc_array((size_t)n, sizeof **names)))
        return dcn__fail_memory(err, "names of classes", (size_t)n * sizeof **names);
    if ((st = read_lines(*names, &n, text, bytes, path, err))) {
        dcn__texts_clear(*names, classes);
        *names = NULL;
    }
    return st;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static dcn_status read_json(char ***names, const char *text, size_t bytes, int classes,
                            const char *path, dcn_error *err)
{
    dcn_status st;
    int n;

    if ((st = dcn__json_names(names, &n, text, bytes, MAX_NAMES, path, err)))
        return st;
    st = check_count(n, classes, path, err);
    for (int i = 0; i < n && !st; i++) {
        char *raw = (*names)[i];
        const size_t length = strlen(raw);

        if (length > MAX_NAME)
            st = dcn__fail(err, DCN_INPUT, path, "the name of class %d has more than %d bytes; "
                           "shorten it", i, MAX_NAME);
        else if (!((*names)[i] = clean_name(raw, length)))
            st = dcn__fail_memory(err, "the name of a class", length);
        else if (!(*names)[i][0])
            st = dcn__fail(err, DCN_INPUT, path, "the name of class %d is empty; give it one", i);
        if ((*names)[i] != raw)
            dcn__free(raw);
    }
    if (st) {
        dcn__texts_clear(*names, n);
        *names = NULL;
    }
    return st;
}

/* ---- either -------------------------------------------------------------------------------- */

static dcn_status read_names(char ***names, const dcn__bytes *file, int classes, const char *path,
                             dcn_error *err)
{
    const char *text = (const char *)file->data;
    size_t bytes = file->size, first = 0;

    if (bytes >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return dcn__fail(err, DCN_INPUT, path, "is UTF-16; save it as UTF-8");
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {        /* a byte order mark */
        text += 3;
        bytes -= 3;
    }
    while (bytes && is_blank(text[bytes - 1]))
        bytes--;
    if (!bytes)
        return dcn__fail(err, DCN_INPUT, path, "holds no names; write one a line");
    while (is_blank(text[first]))
        first++;
    if (text[first] == '[' || text[first] == '{')
        return read_json(names, text, bytes, classes, path, err);
    return read_text(names, text, bytes, classes, path, err);
}

dcn_status dcn_model_labels(dcn_model *model, const char *path, dcn_error *err)
{
    char **names = NULL;
    dcn__bytes file;
    dcn_status st;

    if ((st = dcn__file_read(&file, path, MAX_BYTES, err)))
        return st;
    st = read_names(&names, &file, model->classes, path, err);
    dcn__bytes_clear(&file);
    if (st)
        return st;
    dcn__texts_clear(model->class_names, model->classes);
    model->class_names = names;
    return DCN_OK;
}
