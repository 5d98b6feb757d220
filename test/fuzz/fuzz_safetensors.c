/* fuzz_safetensors.c - files of tensors, read as such and as models. */
#include "fuzz.h"

#include "codec/safetensors.h"
#include "model/model.h"

/* Every tensor's bytes must lie inside the file. */
static dcn_status read_tensors(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn__tensors t;
    dcn_status st = dcn__tensors_parse(&t, data, size, "fuzz", NULL, err);

    for (int i = 0; !st && i < t.count; i++) {
        const uint64_t offset = dcn__tensors_offset(&t, &t.at[i]);

        if (offset > size || t.at[i].end - t.at[i].begin > size - offset)
            abort();
        if (dcn__tensors_find(&t, t.at[i].name) != &t.at[i])
            abort();
    }
    dcn__tensors_close(&t);
    return st;
}

static dcn_status read_model(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn__model_file *file;
    dcn_model model;
    dcn_status st = dcn__model_parse(&file, data, size, "fuzz", NULL, err);

    if (!st && !(st = dcn__model_read(file, &model, NULL, err)))
        dcn_model_clear(&model);
    dcn__model_close(file);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_tensors, data, size);
    fuzz_one(read_model, data, size);
    return 0;
}
