/* fuzz_safetensors.c - files of tensors, read as such and as models. */
#include "fuzz_tensors.h"

#include "model/model.h"

size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    return fuzz_change_tensors(data, size, max_size, seed);
}

void fuzz_repair(uint8_t *data, size_t size)
{
    fuzz_repair_tensors(data, size);
}

FUZZ_MUTATOR

/* Every tensor's bytes must lie inside the file. */
static void check_tensors(const dcn__tensors *t, size_t size)
{
    for (int i = 0; i < t->count; i++) {
        const uint64_t offset = dcn__tensors_offset(t, &t->at[i]);

        if (offset > size || t->at[i].end - t->at[i].begin > size - offset ||
            dcn__tensors_find(t, t->at[i].name) != &t->at[i])
            abort();
    }
    for (int i = 0; i < t->n_metadata; i++)
        if (dcn__tensors_metadata(t, t->metadata[i].key) != t->metadata[i].value)
            abort();
}

/* A model's file is opened as a file of tensors first: what is none need not be read twice. */
static dcn_status read_tensors(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn__model_file *file = NULL;
    dcn_model model;
    dcn_status st = dcn__model_parse(&file, data, size, "fuzz", NULL, err);
    dcn__tensors t;

    if (!st) {
        check_tensors(&file->tensors, size);
        if (!(st = dcn__model_read(file, &model, NULL, err)))
            dcn_model_clear(&model);
    } else if (strstr(err->text, "metadata") || strstr(err->text, "checksum") ||
               strstr(err->text, "version")) {
        /* refused for what it says of a model: tensors they may be */
        if (!dcn__tensors_parse(&t, data, size, "fuzz", NULL, NULL))
            check_tensors(&t, size);
        dcn__tensors_close(&t);
    }
    dcn__model_close(file);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_tensors, data, size);
    return 0;
}
