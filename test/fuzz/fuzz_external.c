/* fuzz_external.c - external data of ONNX files: names, offsets, lengths and the bytes of the data
 * file, all of them an attacker's.
 *
 * An input is a list of tensors, a zero byte, and the data file w.bin:
 *     type (not 0), number of elements, location NUL, offset NUL, length NUL
 * where "-" is an entry that is left out. The folder holds more than w.bin: links, a second name, a
 * pipe, further folders and files, and outside of it a secret that must never be read. */
#include "fuzz_folder.h"

#include "base/random.h"
#include "codec/onnx.h"

enum { MOST = 24, WORD = 200, ROOM = 1 << 16 };

static const uint8_t secret[] = "secret";
static int data_fd = -1;

/* ---- the folder ---------------------------------------------------------------------------- */

static void begin(void)
{
    uint8_t numbers[64];

    if (!fuzz_folder_begin())
        return;
    for (int i = 0; i < 64; i++)
        numbers[i] = (uint8_t)(i + 1);
    fuzz_put(fuzz_path("secret", 0), secret, sizeof secret);
    if (mkdir(fuzz_path("m", 0), 0700) || mkdir(fuzz_path("m/sub", 0), 0700) ||
        mkdir(fuzz_path("m/..a", 0), 0700) || symlink("w.bin", fuzz_path("m/link", 0)) ||
        symlink("../secret", fuzz_path("m/out", 0)) || symlink("sub", fuzz_path("m/dir", 0)) ||
        symlink("..", fuzz_path("m/up", 0)) || mkfifo(fuzz_path("m/pipe", 0), 0600) ||
        link(fuzz_path("secret", 0), fuzz_path("m/hard", 1)))
        abort();
    fuzz_put(fuzz_path("m/..a/v.bin", 0), numbers, sizeof numbers);
    fuzz_put(fuzz_path("m/sub/v.bin", 0), numbers, sizeof numbers);
    fuzz_put(fuzz_path("m/empty", 0), numbers, 0);
    for (int i = 0; i < 10; i++) {           /* more than the reader keeps open */
        char name[8];

        snprintf(name, sizeof name, "m/%d", i);
        fuzz_put(fuzz_path(name, 0), numbers, sizeof numbers);
    }
    data_fd = open(fuzz_path("m/w.bin", 0), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (data_fd < 0)
        abort();
}

/* ---- a model ------------------------------------------------------------------------------- */

typedef struct bytes { uint8_t at[ROOM]; size_t n; } bytes;

static void add(bytes *b, const void *data, size_t n)
{
    if (n > ROOM - b->n)
        abort();
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void add_varint(bytes *b, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        add(b, &byte, 1);
    } while (value >>= 7);
}

static void add_number(bytes *b, int field, uint64_t value)
{
    add_varint(b, (uint64_t)field << 3);
    add_varint(b, value);
}

static void add_bytes(bytes *b, int field, const void *data, size_t n)
{
    add_varint(b, (uint64_t)field << 3 | 2);
    add_varint(b, n);
    add(b, data, n);
}

static void add_entry(bytes *b, const char *key, const char *value)
{
    static bytes pair;

    if (strcmp(value, "-") == 0)
        return;
    pair.n = 0;
    add_bytes(&pair, 1, key, strlen(key));
    add_bytes(&pair, 2, value, strlen(value));
    add_bytes(b, 13, pair.at, pair.n);
}

/* The next word of the input, at most WORD bytes of it. */
static void take_word(char out[WORD + 1], const uint8_t **data, size_t *size)
{
    size_t n = 0;

    for (; *size && **data; ++*data, --*size)
        if (n < WORD)
            out[n++] = (char)**data;
    *data += *size > 0;
    *size -= *size > 0;
    out[n] = '\0';
}

/* Writes the model; what is left of the input is the data file's. */
static void make_model(bytes *model, const uint8_t **data, size_t *size)
{
    static bytes graph, tensor;

    graph.n = model->n = 0;
    for (int i = 0; i < MOST && *size > 1 && **data; i++) {
        const uint8_t *head = *data;
        char location[WORD + 1], offset[WORD + 1], length[WORD + 1], name[8];

        *data += 2;
        *size -= 2;
        take_word(location, data, size);
        take_word(offset, data, size);
        take_word(length, data, size);
        tensor.n = 0;
        add_number(&tensor, 1, head[1]);
        add_number(&tensor, 2, head[0] % 32u);
        snprintf(name, sizeof name, "t%d", i);
        add_bytes(&tensor, 8, name, strlen(name));
        add_entry(&tensor, "location", location);
        add_entry(&tensor, "offset", offset);
        add_entry(&tensor, "length", length);
        add_number(&tensor, 14, head[0] < 224);
        add_bytes(&graph, 5, tensor.at, tensor.n);
    }
    *data += *size > 0;
    *size -= *size > 0;
    add_number(model, 1, 8);
    add_bytes(model, 7, graph.at, graph.n);
    add_bytes(model, 8, "\x10\x11", 2);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void check_tensor(const dcn__onnx *m, const dcn__onnx_tensor *t, const uint8_t *data,
                         size_t size)
{
    static float values[256];
    int64_t numbers[256];
    const uint8_t *got = (const uint8_t *)numbers;
    dcn_error err = { 0 };

    if (t->count > 255)
        abort();
    if (!dcn__onnx_read_f32(m, t, 0, t->count, values, &err) && t->count)
        (void)dcn__onnx_read_f32(m, t, t->count / 2, t->count - t->count / 2, values, &err);
    if (dcn__onnx_read_i64(m, t, 0, t->count, numbers, &err) || t->type != DCN__ONNX_INT64)
        return;
    /* What was read stands where it says in one of the files that may be read; the secret is in
     * none of them. */
    if (t->count && !(t->begin <= size && (uint64_t)t->count * 8 <= size - t->begin &&
                      memcmp(data + t->begin, got, (size_t)t->count * 8) == 0) &&
        !(t->begin < 64 && got[0] == t->begin + 1))
        abort();
}

static dcn_status read_model(const uint8_t *data, size_t size, dcn_error *err)
{
    static const dcn_limits limits = { .max_onnx_bytes = ROOM };
    const char *path = fuzz_path("m/model.onnx", 0);
    static bytes model;
    dcn__onnx *m;
    dcn_status st;

    make_model(&model, &data, &size);
    fuzz_put(path, model.at, model.n);
    /* An odd size: a file beyond the limit that a user set. */
    if (ftruncate(data_fd, 0) || pwrite(data_fd, data, size, 0) != (ssize_t)size ||
        (size && data[0] == 0xff && ftruncate(data_fd, ROOM + 1)))
        abort();
    st = dcn__onnx_open(&m, path, &limits, err);
    for (int i = 0; !st && !fuzz_failing && i < m->n_initializers; i++)
        check_tensor(m, &m->initializers[i], data, size);
    dcn__onnx_close(m);
    if (st == DCN_FILE && strstr(err->text, "external data"))
        st = err->status = DCN_INPUT;      /* a file that is not there: as good as any refusal */
    return st;
}

/* ---- changes ------------------------------------------------------------------------------- */

static void add_word(bytes *b, const char *const *words, size_t n, dcn__random *r)
{
    const char *word = words[dcn__random_below(r, n)];

    add(b, word, strlen(word) + 1);
}

/* Another tensor in front of the others. */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    static const char *const locations[] = {
        "w.bin", "w.bin", "w.bin", "sub/v.bin", "sub", "sub/", "./w.bin", "../secret", "sub/../w.bin",
        "/etc/passwd", "link", "out", "dir/v.bin", "up/secret", "hard", "pipe", "empty", "..", "",
        "..a/v.bin", "-", "w.bin/x", "no", "a\\b", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
    };
    static const char *const numbers[] = {
        "-", "-", "0", "1", "4", "8", "16", "64", "65", "18446744073709551615", "4294967296", " 8",
        "18446744073709551616", "9223372036854775808", "-1", "0x8", "8 ", "", "1e1", "32", "12", "2"
    };
    static const uint8_t types[] = { 1, 7, 7, 6, 11, 2, 10, 8, 16, 99, 225 };
    static bytes b;
    dcn__random r = dcn__random_stream(seed, size, 5);
    uint8_t head[2];

    b.n = 0;
    head[0] = types[dcn__random_below(&r, sizeof types)];
    head[1] = (uint8_t)dcn__random_below(&r, 9);
    add(&b, head, 2);
    add_word(&b, locations, sizeof locations / sizeof *locations, &r);
    add_word(&b, numbers, sizeof numbers / sizeof *numbers, &r);
    add_word(&b, numbers, dcn__random_below(&r, 2) ? 2 : sizeof numbers / sizeof *numbers, &r);
    if (b.n + size > max_size || b.n + size > ROOM)
        return size;
    memmove(data + b.n, data, size);
    memcpy(data, b.at, b.n);
    return b.n + size;
}

FUZZ_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > ROOM / 2)
        return 0;
    begin();
    fuzz_one(read_model, data, size);
    return 0;
}
