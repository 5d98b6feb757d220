/* model_onnx_net.h - ONNX networks written as a few lines, for the tests of their import.
 *
 *     17                              the opset
 *     x 1,3,8,8                       the input; -1 is an open dimension
 *     w : 4,3,3,3                     floats of this shape: steps of 1/8 that depend on the place
 *     b = 1,-2,0.5                    floats in one list;  k = 6  with one number: a single one
 *     s # 0,-1                        whole numbers in one list
 *     Conv x w -> y pads=1,1,1,1 group=1 auto_pad=VALID alpha=0.5      a node; name=... names it
 * The last node's first output is the network's. An attribute with a comma (a last one too) is a
 * list, with a point a float, with a letter a text; "@1,2" is a tensor of floats, "~1,2" floats. */
#ifndef MODEL_ONNX_NET_H
#define MODEL_ONNX_NET_H

#include "codec_onnx_bytes.h"

#include <ctype.h>

static dcn_error err __attribute__((unused));

typedef struct numbers { double at[64]; int64_t ints[64]; int n; bool list; } numbers;

static inline numbers read_numbers(const char *text)
{
    numbers v = { .list = strchr(text, ',') != NULL };

    for (char *end; *text; text = *end == ',' ? end + 1 : end) {
        assert_in_range(v.n, 0, 63);
        v.ints[v.n] = strtoll(text, &end, 10);
        v.at[v.n++] = strtod(text, &end);
        assert_true(end > text && (*end == ',' || !*end));
    }
    return v;
}

static inline void add_tensor(bytes *graph, const char *name, char kind, const char *text)
{
    const numbers v = read_numbers(text);
    const int64_t n = v.n;
    bytes t, data = { 0 };

    if (kind == ':') {
        int64_t count = 1;

        for (int i = 0; i < v.n; i++)
            count *= v.ints[i];
        t = make_tensor(name, DCN__ONNX_FLOAT, v.n, v.ints);
        for (int64_t i = 0; i < count; i++) {
            const float f = (float)((i * 7 + 3) % 11 - 5) / 8;

            put_raw(&data, &f, sizeof f);
        }
    } else if (kind == '#') {
        t = make_tensor(name, DCN__ONNX_INT64, v.list || v.n != 1, &n);
        put_raw(&data, v.ints, (size_t)n * sizeof *v.ints);
    } else {
        t = make_tensor(name, DCN__ONNX_FLOAT, v.list, &n);
        for (int i = 0; i < v.n; i++) {
            const float f = (float)v.at[i];

            put_raw(&data, &f, sizeof f);
        }
    }
    put_bytes(&t, 9, data.data, data.n);
    drop(&data);
    put_message(graph, 5, t);
}

static inline void add_attribute(bytes *node, const char *name, const char *value)
{
    bytes a = { 0 };
    const bool tensor = *value == '@', floats = *value == '~';
    const numbers v = isalpha((unsigned char)*value) ? (numbers){ .n = 0 } : read_numbers(value + (tensor || floats));

    put_text(&a, 1, name);
    if (tensor) {
        bytes t = make_tensor("", DCN__ONNX_FLOAT, v.list, (int64_t[]){ v.n });

        for (int i = 0; i < v.n; i++)
            put_float(&t, 4, (float)v.at[i]);
        put_message(&a, 5, t);
        put_int(&a, 20, DCN__ONNX_A_TENSOR);
    } else if (floats) {
        for (int i = 0; i < v.n; i++)
            put_float(&a, 7, (float)v.at[i]);
        put_int(&a, 20, DCN__ONNX_A_FLOATS);
    } else if (!v.n) {
        put_text(&a, 4, value);
        put_int(&a, 20, DCN__ONNX_A_STRING);
    } else if (v.list) {
        for (int i = 0; i < v.n; i++)
            put_int(&a, 8, (uint64_t)v.ints[i]);
        put_int(&a, 20, DCN__ONNX_A_INTS);
    } else if (strchr(value, '.')) {
        put_float(&a, 2, (float)v.at[0]);
        put_int(&a, 20, DCN__ONNX_A_FLOAT);
    } else {
        put_int(&a, 3, (uint64_t)v.ints[0]);
        put_int(&a, 20, DCN__ONNX_A_INT);
    }
    put_message(node, 5, a);
}

/* Cuts the next word off; NULL at the end. */
static inline char *next_word(char **line)
{
    char *word = *line + strspn(*line, " ");
    const size_t n = strcspn(word, " ");

    *line = word + n + (word[n] != '\0');
    word[n] = '\0';
    return n ? word : NULL;
}

/* "_" stands for an input that is left out. */
static inline void add_node(bytes *graph, char *line, char output[64])
{
    bytes node = { 0 };
    bool made = false;
    char *word;

    put_text(&node, 4, next_word(&line));
    output[0] = '\0';
    while ((word = next_word(&line))) {
        char *equals = strchr(word, '=');

        if (strcmp(word, "->") == 0) {
            made = true;
        } else if (equals) {
            *equals = '\0';
            if (strcmp(word, "name") == 0)
                put_text(&node, 3, equals + 1);
            else if (strcmp(word, "domain") == 0)
                put_text(&node, 7, equals + 1);
            else
                add_attribute(&node, word, equals + 1);
        } else {
            put_text(&node, made ? 2 : 1, strcmp(word, "_") == 0 ? "" : word);
            if (made && !output[0])
                snprintf(output, 64, "%s", word);
        }
    }
    put_message(graph, 1, node);
}

static inline bytes onnx_of(const char *text)
{
    bytes graph = { 0 }, model = { 0 }, opset = { 0 };
    char line[512], output[64] = "";

    put_int(&opset, 2, (uint64_t)strtol(text, NULL, 10));
    put_int(&model, 1, 8);
    put_message(&model, 8, opset);
    for (text += strcspn(text, "\n"); *text; text += strcspn(text, "\n")) {
        char *rest = line, *name;

        text++;
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
        if (strstr(line, "->")) {
            add_node(&graph, line, output);
        } else if ((name = next_word(&rest))) {
            char *kind = next_word(&rest), *value = next_word(&rest);

            if (value) {
                add_tensor(&graph, name, *kind, value);
            } else {
                const numbers v = read_numbers(kind);

                put_message(&graph, 11, make_info(name, v.n, v.ints));
            }
        }
    }
    put_message(&graph, 12, make_info(output, 2, (int64_t[]){ -1, -1 }));
    put_message(&model, 7, graph);
    return model;
}

static inline dcn_model load_net(const char *text)
{
    dcn_model m;
    const char *path = save("net.onnx", onnx_of(text));

    if (dcn_onnx_load(&m, path, NULL, &err))
        fail_msg("%s\n%s", err.text, text);
    return m;
}

#endif
