/* find_data.c - the search for pictures, from what the user said to what the machine has. */
#include "find_data.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CIFAR_FOLDER "cifar-10-batches-bin"
#define FASHION_FOLDER "/usr/share/datasets/fashion-mnist"

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *cli_cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache == '/')        /* the specification ignores a relative one */
        return cli_text("%s/deconvnet", cache);
    if (home && *home)
        return cli_text("%s/.cache/deconvnet", home);
    return NULL;
}

static bool found(char **path, char *candidate)
{
    if (candidate && is_folder(candidate)) {
        *path = candidate;
        return true;
    }
    free(candidate);
    return false;
}

dcn_status cli_find_data(char **path, const cli_shared *shared, dcn_error *err)
{
    char *cache;

    *path = NULL;
    if (shared->data) {                /* --data, or DECONVNET_DATA by way of the options */
        *path = cli_text("%s", shared->data);
        return DCN_OK;
    }
    cache = cli_cache_folder();
    if (cache && found(path, cli_text("%s/" CIFAR_FOLDER, cache))) {
        free(cache);
        return DCN_OK;
    }
    free(cache);
    if (found(path, cli_text("cifar10_data/" CIFAR_FOLDER)))
        return DCN_OK;
    if (found(path, cli_text(FASHION_FOLDER))) {
        cli_note("no CIFAR-10 here (deconvnet fetch cifar10 gets it); using Fashion-MNIST from "
                 FASHION_FOLDER);
        return DCN_OK;
    }
    return cli_fail(err, DCN_FILE, "data",
                    "no pictures were found; run \"deconvnet fetch cifar10\", give --data DIR, or "
                    "try --data synthetic");
}

dcn_status cli_open_data(dcn_data **data, const cli_shared *shared, dcn_error *err)
{
    dcn_status st;
    char *path;

    *data = NULL;
    if ((st = cli_find_data(&path, shared, err)))
        return st;
    st = dcn_data_open(data, path, &shared->limits, err);
    if (!st)
        cli_detail("data: %s", path);
    free(path);
    return st;
}

dcn_status cli_read_test(const dcn_data *data, int64_t i, const dcn_preprocess *p, float *image,
                         float *photo, int32_t *label, dcn_error *err)
{
    dcn_preprocess plain = *p;
    dcn_status st = dcn_data_sample(data, DCN_SPLIT_TEST, i, p, DCN_AUGMENT_NONE, 0, 0, image,
                                    label, err);

    plain.normalize = DCN_NORMALIZE_NONE;
    return st ? st : dcn_data_sample(data, DCN_SPLIT_TEST, i, &plain, DCN_AUGMENT_NONE, 0, 0, photo,
                                     label, err);
}
