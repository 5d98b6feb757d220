/* file.c - opens model files: is it one, of a version that we read, and undamaged? */
#include "model/file.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/digest.h"

#include <stdio.h>
#include <string.h>

dcn_status dcn__metadata_crc(uint32_t *crc, const dcn__pair *pairs, int n, dcn_error *err)
{
    dcn__string s = { 0 };
    bool failed;

    for (int i = 0; i < n; i++) {
        if (strcmp(pairs[i].key, "crc32c") == 0)
            continue;
        dcn__string_append(&s, pairs[i].key, strlen(pairs[i].key) + 1);
        dcn__string_append(&s, pairs[i].value, strlen(pairs[i].value) + 1);
    }
    failed = s.failed;
    *crc = failed ? 0 : dcn__crc32c(s.text, s.length);
    dcn__string_clear(&s);
    return failed ? dcn__fail_memory(err, "metadata", 0) : DCN_OK;
}

/* A program of another version may have written it. */
static dcn_status check_format(const dcn__model_file *f, dcn_error *err)
{
    const char *format = dcn__tensors_metadata(&f->tensors, "format");
    const size_t n = strlen(DCN__MODEL_FORMAT);
    int64_t version;

    if (!format || strncmp(format, DCN__MODEL_FORMAT, n) != 0 ||
        !dcn__parse_int(format + n, strlen(format + n), 1, INT32_MAX, &version))
        return dcn__fail(err, DCN_INPUT, f->where, "holds tensors, but its metadata name no "
                         "network (format is \"%.40s\"); save a model with deconvnet train",
                         format ? format : "not there");
    if (version != DCN__MODEL_VERSION)
        return dcn__fail(err, DCN_STATE, f->where, "is a model file of version %lld, this program "
                         "reads version %d; use a newer deconvnet", (long long)version,
                         DCN__MODEL_VERSION);
    return DCN_OK;
}

static dcn_status check_tensor(const dcn__model_file *f, const char *name, const char *sum,
                               dcn_error *err)
{
    const dcn__tensor *tensor = dcn__tensors_find(&f->tensors, name);
    char now[16];

    if (!tensor)
        return dcn__fail(err, DCN_INPUT, f->where, "has a checksum of %.80s, but no such tensor; "
                         "use another copy of the file", name);
    snprintf(now, sizeof now, "%08x", dcn__crc32c(dcn__tensors_data(&f->tensors, tensor),
                                                  (size_t)(tensor->end - tensor->begin)));
    if (strcmp(now, sum) != 0)
        return dcn__fail_at(err, DCN_INPUT, f->where, dcn__tensors_offset(&f->tensors, tensor),
                            "%.80s is damaged (checksum %s, %.20s when it was saved); use another "
                            "copy, or remove the crc32c metadata if it was changed on purpose",
                            name, now, sum);
    return DCN_OK;
}

/* Files that others made have no sums; nothing is demanded then. */
static dcn_status check_sums(const dcn__model_file *f, dcn_error *err)
{
    const char *sum = dcn__tensors_metadata(&f->tensors, "crc32c");
    uint32_t crc;
    char now[16];
    dcn_status st;

    if (sum) {
        if ((st = dcn__metadata_crc(&crc, f->tensors.metadata, f->tensors.n_metadata, err)))
            return st;
        snprintf(now, sizeof now, "%08x", crc);
        if (strcmp(now, sum) != 0)
            return dcn__fail_at(err, DCN_INPUT, f->where, 8, "the metadata are damaged (checksum "
                                "%s, %.20s when they were saved); use another copy, or remove the "
                                "crc32c metadata if they were changed on purpose", now, sum);
    }
    for (int i = 0; i < f->tensors.n_metadata; i++) {
        const dcn__pair *p = &f->tensors.metadata[i];

        if (strncmp(p->key, "crc32c.", 7) != 0)
            continue;
        if (!sum)
            return dcn__fail_at(err, DCN_INPUT, f->where, 8, "the metadata have sums of tensors, "
                                "but none of their own; use another copy of the file");
        if ((st = check_tensor(f, p->key + 7, p->value, err)))
            return st;
    }
    return DCN_OK;
}

/* Finishes what dcn__model_open and dcn__model_parse began. */
static dcn_status check(dcn__model_file *f, dcn_error *err)
{
    char hex[DCN__SHA256_HEX];
    dcn_status st;

    if ((st = check_format(f, err)) || (st = check_sums(f, err)) ||
        (st = dcn__sha256_hex(hex, f->tensors.bytes, f->tensors.size, err)))
        return st;
    snprintf(f->hash, sizeof f->hash, "%.16s", hex);
    return DCN_OK;
}

static dcn_status create(dcn__model_file **file, const char *where, dcn_error *err)
{
    *file = dcn__alloc(sizeof **file);
    if (*file && ((*file)->where = dcn__strdup(where)))
        return DCN_OK;
    dcn__model_close(*file);
    *file = NULL;
    return dcn__fail_memory(err, "a model file", sizeof **file);
}

static dcn_status finish(dcn__model_file **file, dcn_status st)
{
    if (st) {
        dcn__model_close(*file);
        *file = NULL;
    }
    return st;
}

dcn_status dcn__model_open(dcn__model_file **file, const char *path, const dcn_limits *limits,
                           dcn_error *err)
{
    dcn_status st = create(file, path, err);

    if (!st && !(st = dcn__tensors_open(&(*file)->tensors, (*file)->where, limits, err)))
        st = check(*file, err);
    return finish(file, st);
}

dcn_status dcn__model_parse(dcn__model_file **file, const uint8_t *bytes, size_t size,
                            const char *where, const dcn_limits *limits, dcn_error *err)
{
    dcn_status st = create(file, where, err);

    if (!st && !(st = dcn__tensors_parse(&(*file)->tensors, bytes, size, (*file)->where, limits,
                                         err)))
        st = check(*file, err);
    return finish(file, st);
}

void dcn__model_close(dcn__model_file *f)
{
    if (!f)
        return;
    dcn__tensors_close(&f->tensors);
    dcn__free(f->where);
    dcn__free(f);
}

const char *dcn__model_metadata(const dcn__model_file *f, const char *key)
{
    return dcn__tensors_metadata(&f->tensors, key);
}
