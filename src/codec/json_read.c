/* json_read.c - reads JSON twice: to check and count it, and then into one block.
 *
 * It is ours because Jansson, in which nearly everything is a small block of its own, does not stand
 * a lack of memory: it leaves out letters, or ends the process in an assertion. */
#include "codec/json_read.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char too_deep[] = "it is nested too deep";

typedef struct reader {
    const char *begin, *p, *end;
    const char *why;              /* what is wrong at p */
    int depth;                    /* how many more brackets may open */
    dcn__json *values;            /* NULL: they are counted */
    char *texts;
    size_t n_values, n_texts;
} reader;

static bool refuse(reader *r, const char *at, const char *why)
{
    r->p = at;
    r->why = why;
    return false;
}

static void skip_space(reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool take(reader *r, char c)
{
    skip_space(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static void put(reader *r, const char *bytes, size_t n)
{
    if (r->values)
        memcpy(r->texts + r->n_texts, bytes, n);
    r->n_texts += n;
}

static void put_code(reader *r, uint32_t code)
{
    char utf8[4];
    const size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t first[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (size_t i = n - 1; i; i--, code >>= 6)
        utf8[i] = (char)(0x80 | (code & 0x3f));
    utf8[0] = (char)(first[n] | code);
    put(r, utf8, n);
}

/* Four hexadecimal digits. */
static bool take_hex(reader *r, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        const char c = r->p < r->end ? *r->p : 0;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

        if (digit < 0)
            return refuse(r, r->p, "a \\u wants four hexadecimal digits");
        *code = *code << 4 | (uint32_t)digit;
    }
    return true;
}

/* Behind the backslash. */
static bool take_escape(reader *r)
{
    static const char letters[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
    const char *at = r->p - 1, *letter;
    uint32_t code, low;

    if (r->p == r->end)
        return refuse(r, at, "a text does not end");
    letter = *r->p ? strchr(letters, *r->p) : NULL;
    if (letter) {
        put(r, meaning + (letter - letters), 1);
        r->p++;
        return true;
    }
    if (*r->p++ != 'u')
        return refuse(r, at, "there is no such escape");
    if (!take_hex(r, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00 && r->end - r->p >= 2 && r->p[0] == '\\' && r->p[1] == 'u') {
        r->p += 2;
        if (!take_hex(r, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse(r, at, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (!code || (code >= 0xd800 && code < 0xe000))
        return refuse(r, at, code ? "half of a surrogate pair" : "a NUL in a text");
    put_code(r, code);
    return true;
}

/* *text: NULL while counting. */
static bool take_text(reader *r, const char **text)
{
    const char *at = r->p;

    *text = r->values ? r->texts + r->n_texts : NULL;
    if (!take(r, '"'))
        return refuse(r, r->p, "a text in quotes is missing");
    for (;;) {
        const char *from = r->p;

        while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
            r->p++;
        put(r, from, (size_t)(r->p - from));
        if (r->p == r->end)
            return refuse(r, at, "a text does not end");
        if (*r->p == '"')
            break;
        if (*r->p != '\\')
            return refuse(r, r->p, "a control byte in a text");
        r->p++;
        if (!take_escape(r))
            return false;
    }
    r->p++;
    put(r, "", 1);
    return true;
}

/* ---- numbers and words ---------------------------------------------------------------------- */

static bool take_digits(reader *r)
{
    const char *from = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > from;
}

static bool take_number(reader *r, dcn__json *v)
{
    const char *from = r->p;
    bool whole = true;

    r->p += *r->p == '-';
    if (r->p < r->end && *r->p == '0')
        r->p++;
    else if (!take_digits(r))
        return refuse(r, from, "no value stands here");
    if (r->p < r->end && *r->p == '.') {
        whole = false;
        r->p++;
        if (!take_digits(r))
            return refuse(r, from, "a number without digits behind its point");
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        whole = false;
        r->p++;
        r->p += r->p < r->end && (*r->p == '+' || *r->p == '-');
        if (!take_digits(r))
            return refuse(r, from, "a number without digits in its exponent");
    }
    v->kind = whole ? DCN__JSON_INTEGER : DCN__JSON_OTHER;
    if (whole && !dcn__parse_int(from, (size_t)(r->p - from), INT64_MIN, INT64_MAX, &v->integer))
        return refuse(r, from, "a whole number of more than 64 bits");
    return true;
}

static bool take_word(reader *r)
{
    static const char *const words[] = { "null", "true", "false" };

    for (size_t i = 0; i < 3; i++) {
        const size_t n = strlen(words[i]);

        if ((size_t)(r->end - r->p) >= n && memcmp(r->p, words[i], n) == 0) {
            r->p += n;
            return true;
        }
    }
    return refuse(r, r->p, "no value stands here");
}

/* ---- values --------------------------------------------------------------------------------- */

static bool take_value(reader *r, const char *key);

/* The members of a list or, with an object's braces, pairs; behind the first bracket. */
static bool take_members(reader *r, char close, uint32_t *count)
{
    *count = 0;
    if (take(r, close))
        return true;
    do {
        const char *key = NULL;

        if (close == '}') {
            skip_space(r);
            if (!take_text(r, &key))
                return false;
            if (!take(r, ':'))
                return refuse(r, r->p, "a colon is missing");
        }
        if (!take_value(r, key))
            return false;
        ++*count;
    } while (take(r, ','));
    return take(r, close) || refuse(r, r->p, "a comma or the closing bracket is missing");
}

static bool take_value(reader *r, const char *key)
{
    const size_t place = r->n_values++;
    dcn__json v = { .kind = DCN__JSON_OTHER, .key = key };
    bool good;

    skip_space(r);
    if (r->p == r->end)
        return refuse(r, r->p, "the text ends too early");
    if (*r->p == '{' || *r->p == '[') {
        const bool object = *r->p == '{';

        if (r->depth-- == 0)
            return refuse(r, r->p, too_deep);
        r->p++;
        v.kind = object ? DCN__JSON_OBJECT : DCN__JSON_LIST;
        good = take_members(r, object ? '}' : ']', &v.count);
        r->depth++;
    } else if (*r->p == '"') {
        v.kind = DCN__JSON_TEXT;
        good = take_text(r, &v.text);
    } else if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')) {
        good = take_number(r, &v);
    } else {
        good = take_word(r);
    }
    v.size = (uint32_t)(r->n_values - place);
    if (good && r->values)
        r->values[place] = v;
    return good;
}

static bool take_all(reader *r)
{
    skip_space(r);
    if (r->p == r->end || (*r->p != '{' && *r->p != '['))
        return refuse(r, r->p, "neither a list nor an object");
    if (!take_value(r, NULL))
        return false;
    skip_space(r);
    return r->p == r->end || refuse(r, r->p, "something follows its end");
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Is a key twice in an object? keys: room for as many as an object has members. */
static bool has_twin(const dcn__json *object, const char **keys)
{
    const dcn__json *m = dcn__json_first(object);

    for (uint32_t i = 0; i < object->count; i++, m = dcn__json_next(m))
        keys[i] = m->key;
    qsort(keys, object->count, sizeof *keys, by_text);
    for (uint32_t i = 1; i < object->count; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            return true;
    return false;
}

static dcn_status check_keys(const dcn__json *values, size_t n, dcn__json_fault *fault)
{
    const char **keys;
    uint32_t most = 0;
    bool twin = false;

    for (size_t i = 0; i < n; i++)
        if (values[i].kind == DCN__JSON_OBJECT && values[i].count > most)
            most = values[i].count;
    if (most < 2)
        return DCN_OK;
    if (!(keys = dcn__alloc_array(most, sizeof *keys)))
        return DCN_MEMORY;
    for (size_t i = 0; i < n && !twin; i++)
        twin = values[i].kind == DCN__JSON_OBJECT && has_twin(&values[i], keys);
    dcn__free(keys);
    if (twin)
        *fault = (dcn__json_fault){ 1, 1, 0, "a duplicate key in an object", false };
    return twin ? DCN_INPUT : DCN_OK;
}

/* ---- both passes ---------------------------------------------------------------------------- */

static void place_fault(const reader *r, dcn__json_fault *fault)
{
    *fault = (dcn__json_fault){ 1, 1, (size_t)(r->p - r->begin), r->why, r->why == too_deep };
    for (const char *p = r->begin; p < r->p; p++) {
        fault->column++;
        if (*p == '\n') {
            fault->line++;
            fault->column = 1;
        }
    }
}

dcn_status dcn__json_read(dcn__json **root, const char *json, size_t bytes, int depth,
                          dcn__json_fault *fault)
{
    reader r = { .begin = json, .p = json, .end = json + bytes, .depth = depth };
    size_t size;
    dcn_status st;

    *root = NULL;
    if (bytes > INT32_MAX || !dcn__text_is_utf8(json, bytes))
        r.why = bytes > INT32_MAX ? "it is too long" : "it is not UTF-8";
    if (r.why || !take_all(&r)) {
        place_fault(&r, fault);
        return DCN_INPUT;
    }
    if (!dcn__mul_size(r.n_values, sizeof *r.values, &size) ||
        !dcn__add_size(size, r.n_texts, &size) || !(r.values = dcn__alloc(size)))
        return DCN_MEMORY;
    r.texts = (char *)(r.values + r.n_values);
    r.p = json;
    size = r.n_values;
    r.n_values = r.n_texts = 0;
    take_all(&r);
    if ((st = check_keys(r.values, size, fault))) {
        dcn__free(r.values);
        return st;
    }
    *root = r.values;
    return DCN_OK;
}

const dcn__json *dcn__json_member(const dcn__json *object, const char *key)
{
    const dcn__json *end = dcn__json_end(object);

    if (object->kind == DCN__JSON_OBJECT)
        for (const dcn__json *m = dcn__json_first(object); m < end; m = dcn__json_next(m))
            if (strcmp(m->key, key) == 0)
                return m;
    return NULL;
}
