/* fuzz_texts.c - small texts of a user's or a file's: lists of class names (one a line, JSON), the
 * lists inside model files, and what is done to a picture. The first byte says which. */
#include "fuzz_folder.h"

#include "codec/json.h"
#include "data/preprocess.h"

enum { CLASSES = 3 };

/* What was accepted can be shown on a terminal and stand in a page. */
static void check_names(char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (!names[i][0] || !dcn__text_is_utf8(names[i], strlen(names[i])))
            abort();
        for (const char *p = names[i]; *p; p++)
            if ((unsigned char)*p < 0x20)
                abort();
    }
}

static dcn_status read_labels(const uint8_t *data, size_t size, dcn_error *err)
{
    const char *path = fuzz_path("labels", 0);
    dcn_model model = { .classes = CLASSES };
    dcn_status st;

    fuzz_put(path, data, size);
    st = dcn_model_labels(&model, path, err);
    if (!st)
        check_names(model.class_names, CLASSES);
    if (st && model.class_names)
        abort();
    dcn_model_clear(&model);
    return st;
}

static dcn_status read_list(const char *text, dcn_error *err)
{
    char **texts;
    int n;
    dcn_status st = dcn__json_texts(&texts, &n, text, 16, "fuzz", err);

    if (n > 16 || (st && texts))
        abort();
    dcn__texts_clear(texts, n);
    return st;
}

/* What is accepted prints as a text that means the same. */
static dcn_status read_preprocess(const char *text, dcn_error *err)
{
    dcn_preprocess p, again;
    char printed[300], twice[300];
    dcn_status st = dcn_preprocess_parse(&p, text, err);

    if (st)
        return st;
    if (dcn_preprocess_text(&p, printed, sizeof printed) >= sizeof printed ||
        dcn_preprocess_parse(&again, printed, err))
        fault("the printed text is refused", err);
    dcn_preprocess_text(&again, twice, sizeof twice);
    if (strcmp(printed, twice) != 0)
        fault(printed, err);
    return DCN_OK;
}

static dcn_status read_way(const char *text, dcn_error *err)
{
    dcn_preprocess p;

    return dcn_preprocess_named(&p, text, (dcn_shape){ 24, 24, 3 }, err);
}

static dcn_status read_text(const uint8_t *data, size_t size, dcn_error *err)
{
    char *text;
    dcn_status st;

    if (!size || data[0] == 'l')
        return read_labels(data + !!size, size - !!size, err);
    text = strndup((const char *)data + 1, size - 1);
    if (!text)
        abort();
    st = data[0] == 'j' ? read_list(text, err)
        : data[0] == 'w' ? read_way(text, err) : read_preprocess(text, err);
    free(text);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_folder_begin();
    fuzz_one(read_text, data, size);
    return 0;
}
