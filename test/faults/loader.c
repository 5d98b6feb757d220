/* loader.c - looks at many files in one process, for case_crash.py: lines "KIND PATH" come in, lines
 * "STATUS<tab>WHAT" go out. KIND: model (a checkpoint, as --resume reads it), events, scan.
 *
 * loader fetch FOLDER URL BYTES SHA256 fetches and unpacks a small archive as deconvnet fetch does
 * with the official one. */
#include "data/fetch.h"
#include "deconvnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dcn_status look_at_model(const char *path, char *what, size_t size, dcn_error *err)
{
    dcn_train_desc desc = { 0 };
    dcn_model model = { 0 };
    dcn_status st;

    if (!(st = dcn_train_desc_load(&desc, path, err)) &&
        !(st = dcn_model_load(&model, path, NULL, err)))
        snprintf(what, size, "%lld %s", (long long)model.step, model.hash);
    dcn_model_clear(&model);
    return st;
}

static dcn_status look_at(const char *kind, const char *path, char *what, size_t size,
                          dcn_error *err)
{
    dcn_events_summary events;
    dcn_scan scan = { 0 };
    dcn_status st;

    if (!strcmp(kind, "model"))
        return look_at_model(path, what, size, err);
    if (!strcmp(kind, "events")) {
        if (!(st = dcn_events_verify(path, &events, err)))
            snprintf(what, size, "%lld %lld", (long long)events.records,
                     (long long)events.torn_bytes);
        return st;
    }
    if (!(st = dcn_scan_read(&scan, path, NULL, err)))
        snprintf(what, size, "%lld", (long long)scan.next);
    dcn_scan_clear(&scan);
    return st;
}

static int fetch(char **argv)
{
    const dcn__archive archive = { .url = argv[3], .bytes = strtoull(argv[4], NULL, 10),
                                   .sha256 = argv[5] };
    dcn_error err = { 0 };
    const dcn_status st = dcn__fetch_archive(argv[2], &archive, NULL, NULL, &err);

    if (st)
        fprintf(stderr, "deconvnet: error: %s\n", err.text);
    return (int)st;
}

int main(int argc, char **argv)
{
    char line[8192];

    if (argc == 6 && !strcmp(argv[1], "fetch"))
        return fetch(argv);
    while (fgets(line, sizeof line, stdin)) {
        char *path = strchr(line, ' '), what[400] = "";
        dcn_error err = { 0 };
        dcn_status st;

        line[strcspn(line, "\n")] = '\0';
        if (!path)
            return 2;
        *path++ = '\0';
        st = look_at(line, path, what, sizeof what, &err);
        printf("%d\t%s\n", (int)st, st ? err.text : what);
        fflush(stdout);
    }
    return 0;
}
