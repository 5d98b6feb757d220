/* standalone.c - runs a target without libFuzzer: fuzz_X [--mutate N] [--fail] FILE|FOLDER...
 *
 * Each file is replayed; with --mutate, random changes follow, N of all files together, the same in
 * every run; with --fail, the file is replayed once for each of its allocations, which fails. It
 * finds no new paths as libFuzzer does, but works with every compiler. */
#include "fuzz.h"

#include "base/random.h"

#include <dirent.h>
#include <sys/stat.h>

enum { MAX_FILE = 1 << 20 };

static int files, all_files;             /* all_files: counted first */
static long mutations, failures;
static bool fail, counting;

/* A copy of exactly this size, so that a sanitizer sees every byte read beyond it. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* One to four changes: flip a bit, set a byte, cut the end, write a large number. */
static size_t mutate(uint8_t *data, size_t size, dcn__random *r)
{
    static const uint8_t bytes[] = { 0, 1, 0x7f, 0x80, 0xff, '{', '"', '-', '9' };

    for (uint64_t n = 1 + dcn__random_below(r, 4); n && size; n--) {
        const size_t at = (size_t)dcn__random_below(r, size);

        switch (dcn__random_below(r, 5)) {
        case 0: data[at] ^= (uint8_t)(1 << dcn__random_below(r, 8)); break;
        case 1: data[at] = bytes[dcn__random_below(r, sizeof bytes)]; break;
        case 2: data[at] = (uint8_t)dcn__random_bits(r); break;
        case 3: size = dcn__random_below(r, 4) ? size : at; break;
        default:
            memset(data + at, dcn__random_below(r, 2) ? 0xff : 0, size - at < 4 ? size - at : 4);
        }
    }
    return size;
}

/* Once for every allocation that our code makes of this input. */
static void fail_each(const uint8_t *data, size_t size)
{
    for (long n = 1;; n++) {
        fuzz_allocations = 0;
        fuzz_failing = n;
        run(data, size);
        fuzz_failing = 0;
        if (fuzz_allocations < n)
            return;
        failures++;
    }
}

static int replay_file(const char *path)
{
    static uint8_t data[MAX_FILE], changed[MAX_FILE];
    FILE *file = counting ? NULL : fopen(path, "rb");
    size_t size;

    if (counting) {
        all_files++;
        return 0;
    }
    if (!file) {
        perror(path);
        return 1;
    }
    size = fread(data, 1, sizeof data, file);
    fclose(file);
    run(data, size);
    files++;
    if (fail)
        fail_each(data, size);
    for (long i = 0; i < (mutations + all_files - 1) / all_files; i++) {
        dcn__random r = dcn__random_stream((uint64_t)size, (uint64_t)files, (uint64_t)i);

        memcpy(changed, data, size);
        const size_t n = fuzz_mutate && i % 2 ? fuzz_mutate(changed, size, MAX_FILE, r.state)
            : mutate(changed, size, &r);
        if (fuzz_repair && i % 8)
            fuzz_repair(changed, n);
        run(changed, n);
    }
    return 0;
}

static int replay(const char *path)
{
    struct dirent **names;
    struct stat st;
    int failed = 0, n;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return replay_file(path);
    n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *below = dcn__alloc(strlen(path) + strlen(names[i]->d_name) + 2);

        snprintf(below, strlen(path) + strlen(names[i]->d_name) + 2, "%s/%s", path,
                 names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            failed |= replay(below);
        dcn__free(below);
        free(names[i]);
    }
    free(names);
    return failed;
}

/* Twice: to count the files, and to run them. */
static int replay_all(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc)
            mutations = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--fail") == 0)
            fail = true;
        else
            failed |= replay(argv[i]);
    }
    return failed;
}

int main(int argc, char **argv)
{
    int failed;

    counting = true;
    replay_all(argc, argv);
    counting = false;
    failed = replay_all(argc, argv);
    if (!files) {
        fprintf(stderr, "%s: no file was replayed\n", argv[0]);
        return 1;
    }
    if (fail)
        printf("%d files, %ld failed allocations\n", files, failures);
    return failed;
}
