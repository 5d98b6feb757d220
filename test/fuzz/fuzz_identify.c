/* fuzz_identify.c - what a file or a folder is: any bytes as one file, or files under the names that
 * the library looks for. What is taken for a data set is read as one; a folder is also asked whether
 * an atlas may be written into it.
 *
 * An input that begins with 'f' is a file. Another is a list of files, after its first byte:
 *     name (its number), n (< 128), m, n + 128 * m bytes      or
 *     name, 128 + n, label                                    n + 1 records of CIFAR-10 */
#include "fuzz_folder.h"

#include "base/random.h"
#include "codec/cifar.h"
#include "data/data.h"

static const char *const names[] = {
    "a.png", "b.jpg", "c.txt", "atlas.json", "index.html", "tiles.tmp", "raw/x.f32",
    "scan.safetensors", "model.safetensors", "data_batch_1.bin", "data_batch_2.bin",
    "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin",
    "batches.meta.txt", "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
    "train/a/1.png", "train/b/1.jpeg", "train/b/2.PNG", "test/a/1.png", "test/c/1.png",
    "val/b/1.png", "train/notes.txt", "train/a/.hidden.png", "sub/deep/1.png",
    "cifar-10-batches-bin/data_batch_1.bin", "data_batch_1", "fine_label_names.txt",
    "cifar-10-binary.tar.gz", "strips.png", "train.bin", "\xff\x1b[2J.png",
    "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
    "t10k-labels.idx1-ubyte", ".hidden.png", "train/.c/1.png", "train/a/name", "train/c/1.gif",
    "train-images-idx3-ubyte/x", "raw", "atlas.json/x", "train",
};
enum { NAMES = sizeof names / sizeof *names, ROOM = 1 << 16 };

/* ---- a folder ------------------------------------------------------------------------------ */

static void put_below(const char *name, const uint8_t *data, size_t size)
{
    char path[160];

    snprintf(path, sizeof path, "%s/d/%s", fuzz_folder, name);
    for (char *slash = path + strlen(fuzz_folder) + 3; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) && access(path, X_OK))
            return;                          /* there is a file of that name */
        *slash = '/';
    }
    if (access(path, F_OK))
        fuzz_put(path, data, size);
}

static void put_records(const char *name, int n, uint8_t label)
{
    static uint8_t records[8 * DCN__CIFAR_RECORD];

    for (int i = 0; i < n; i++)
        records[i * DCN__CIFAR_RECORD] = (uint8_t)(label % 11);
    put_below(name, records, (size_t)n * DCN__CIFAR_RECORD);
}

static void make_folder(const uint8_t *data, size_t size)
{
    if (mkdir(fuzz_path("d", 0), 0700))
        abort();
    while (size >= 3) {
        const char *name = names[data[0] % NAMES];
        const size_t n = data[1] + 128 * (size_t)data[2];
        const bool records = data[1] >= 128;
        const size_t length = records ? 0 : n < size - 3 ? n : size - 3;

        if (records)
            put_records(name, 1 + data[1] % 8, data[2]);
        else
            put_below(name, data + 3, length);
        data += 3 + length;
        size -= 3 + length;
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

/* All pictures, as they are. */
static dcn_status read_set(const char *path, dcn_error *err)
{
    dcn_data *data;
    dcn_data_info info;
    dcn_status st = dcn_data_open(&data, path, NULL, err);

    if (st)
        return st;
    dcn_data_info_get(data, &info);
    if (info.count[0] < 0 || info.count[1] < 0 || (info.shape.c != 1 && info.shape.c != 3))
        abort();
    st = dcn_data_verify(data, err);
    dcn_data_close(data);
    return st;
}

static dcn_status look_at_folder(const char *path, dcn_error *err)
{
    dcn_error refusal = { 0 };
    dcn_status st, claim = dcn_atlas_check_folder(path, &refusal);
    dcn_kind kind;

    if (!(st = dcn_identify(path, NULL, &kind, err)) && kind != DCN_KIND_ATLAS)
        st = read_set(path, err);
    if (st && kind != DCN_KIND_UNKNOWN && !dcn_kind_text(kind)[0])
        abort();
    if (!st && claim)
        *err = refusal;
    return st ? st : claim;
}

static dcn_status identify(const uint8_t *data, size_t size, dcn_error *err)
{
    const char *path = fuzz_path("d", 1);
    const bool file = size && data[0] == 'f';
    dcn_kind kind;
    dcn_status st;

    if (file) {
        fuzz_put(path, data + 1, size - 1);
        st = dcn_identify(path, NULL, &kind, err);
        if (!st && kind == DCN_KIND_UNKNOWN)
            abort();
        unlink(path);
    } else {
        make_folder(data + !!size, size - !!size);
        st = look_at_folder(path, err);
        nftw(path, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
    }
    /* Files that stand in the way of a book are the file system's matter. */
    return st == DCN_FILE ? err->status = DCN_INPUT : st;
}

/* ---- changes ------------------------------------------------------------------------------- */

/* A file more or less, or under another name. */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t seed)
{
    static const char json[] = "{\"format\": \"deconvnet-atlas 1\"",
        html[] = "<meta name=\"generator\" content=\"deconvnet 1\">";
    dcn__random r = dcn__random_stream(seed, size, 6);
    size_t at = 1, n, entries[64], ends[64];
    int count = 0, a;

    if (!size || data[0] == 'f')
        return size;
    while (at + 3 <= size && count < 64) {
        n = data[at + 1] < 128 ? data[at + 1] + 128 * (size_t)data[at + 2] : 0;
        n = n < size - at - 3 ? n : size - at - 3;
        entries[count] = at;
        ends[count++] = at += 3 + n;
    }
    a = count ? (int)dcn__random_below(&r, (uint64_t)count) : 0;
    switch (count ? dcn__random_below(&r, 5) : 4) {
    case 0: data[entries[a]] = (uint8_t)dcn__random_below(&r, NAMES); return size;
    case 1:
        memmove(data + entries[a], data + ends[a], size - ends[a]);
        return size - (ends[a] - entries[a]);
    case 2:                                  /* once more, under another name */
        n = ends[a] - entries[a];
        if (size + n > max_size)
            return size;
        memmove(data + 1 + n, data + 1, size - 1);
        memcpy(data + 1, data + entries[a] + n, n);
        data[1] = (uint8_t)dcn__random_below(&r, NAMES);
        return size + n;
    case 3:
        if (size + 3 > max_size)
            return size;
        memmove(data + 4, data + 1, size - 1);
        data[1] = (uint8_t)dcn__random_below(&r, NAMES);
        data[2] = (uint8_t)(128 + dcn__random_below(&r, 8));
        data[3] = (uint8_t)dcn__random_below(&r, 11);
        return size + 3;
    default: {
        const bool page = dcn__random_below(&r, 2);

        n = page ? sizeof html - 1 : sizeof json - 1;
        if (size + 3 + n > max_size)
            return size;
        memmove(data + 4 + n, data + 1, size - 1);
        data[1] = page ? 4 : 3;
        data[2] = (uint8_t)n;
        data[3] = 0;
        memcpy(data + 4, page ? html : json, n);
        return size + 3 + n;
    }
    }
}

FUZZ_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > ROOM)
        return 0;
    fuzz_folder_begin();
    fuzz_one(identify, data, size);
    return 0;
}
