/* fuzz_onnx.c - ONNX files: opened, checked, every tensor read in two ways, and made a network.
 *
 * The reader wants a file. The input is written to one in a folder of its own, where w.bin, 64
 * bytes, is there as external data. */
#include "fuzz_fields.h"
#include "fuzz_folder.h"

#include "codec/onnx.h"

static int model_fd = -1;

static void begin(void)
{
    const uint8_t numbers[64] = { 1, 2, 3 };

    if (!fuzz_folder_begin())
        return;
    fuzz_put(fuzz_path("w.bin", 0), numbers, sizeof numbers);
    model_fd = open(fuzz_path("model.onnx", 0), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (model_fd < 0)
        abort();
}

/* A tensor read whole and in pieces is the same, and so is what is refused. */
static dcn_status read_tensor(const dcn__onnx *m, const dcn__onnx_tensor *t, dcn_error *err)
{
    const int64_t half = t->count / 2;
    float *whole = malloc((size_t)t->count * 4 + 1), *parts = malloc((size_t)t->count * 4 + 1);
    int64_t *numbers = malloc((size_t)t->count * 8 + 1), product = 1;
    dcn_status st = dcn__onnx_read_f32(m, t, 0, t->count, whole, err);
    dcn_status again;

    for (int i = 0; i < t->rank; i++)
        product *= t->dims[i];
    if ((product != t->count && !(st && t->count == 0)) || t->count < 0 || t->count > INT32_MAX ||
        !whole || !parts || !numbers)
        abort();
    again = dcn__onnx_read_f32(m, t, half, t->count - half, parts + half, err);
    if (!again)
        again = dcn__onnx_read_f32(m, t, 0, half, parts, err);
    if (!st != !again || (!st && t->count && memcmp(whole, parts, (size_t)t->count * 4) != 0))
        abort();
    (void)dcn__onnx_read_i64(m, t, 0, t->count, numbers, NULL);
    free(numbers);
    free(parts);
    free(whole);
    return st;
}

static dcn_status read_all(const dcn__onnx *m, dcn_error *err)
{
    dcn_status st = DCN_OK, one;

    for (int i = 0; i < m->n_initializers; i++) {
        const dcn__onnx_value *v = dcn__onnx_find(m, m->initializers[i].name);

        if (!v || v->initializer != i)
            abort();
        if ((one = read_tensor(m, &m->initializers[i], err)))
            st = one;
    }
    for (int i = 0; i < m->n_nodes; i++)
        for (int k = 0; k < m->nodes[i].n_attributes; k++) {
            const dcn__onnx_attribute *a = &m->nodes[i].attributes[k];

            if (dcn__onnx_attribute_find(&m->nodes[i], a->name) != a)
                abort();
            if (a->kind == DCN__ONNX_A_TENSOR && (one = read_tensor(m, a->value.tensor, err)))
                st = one;
        }
    return st;
}

static dcn_status read_model(const uint8_t *data, size_t size, dcn_error *err)
{
    const char *path;
    dcn_model model;
    dcn__onnx *m;
    dcn_status st;

    begin();
    path = fuzz_path("model.onnx", 0);
    if (ftruncate(model_fd, 0) != 0 || pwrite(model_fd, data, size, 0) != (ssize_t)size)
        abort();
    (void)dcn__onnx_is(data, size < 64 ? size : 64, size);
    st = dcn__onnx_open(&m, path, NULL, err);
    if (!st && !(st = dcn__onnx_check(m, err)))
        st = read_all(m, err);
    dcn__onnx_close(m);
    if (!st && !(st = dcn_onnx_load(&model, path, NULL, err)))
        dcn_model_clear(&model);
    if (st == DCN_FILE && strstr(err->text, "external data"))
        st = err->status = DCN_INPUT;      /* a file that is not there: as good as any refusal */
    return st;
}

size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    return fuzz_change_fields(data, size, max_size, seed);
}

FUZZ_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_model, data, size);
    return 0;
}
