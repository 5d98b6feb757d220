/* atlas_draw_help.h - pictures of which everything is known, and books read back: strips, raw
 * projections, whole folders. */
#ifndef ATLAS_DRAW_HELP_H
#define ATLAS_DRAW_HELP_H

#include "data_help.h"
#include "support.h"

#include "atlas/atlas.h"
#include "codec/safetensors.h"

typedef struct gallery { dcn_model model; dcn_data *data; char folder[600], book[600]; } gallery;

/* Books and pictures are PNG files; a build without libpng has neither. */
static inline bool has_png(void)
{
    uint8_t pixel[3] = { 1, 2, 3 };
    const dcn_image image = { 1, 1, 3, pixel };
    const char *path = temporary("probe.png");
    const bool has = dcn_image_save_png(&image, path, NULL, NULL) == DCN_OK;

    unlink(path);
    return has;
}

static inline void begin_gallery(gallery *g, const char *name)
{
    char book[60];

    memset(g, 0, sizeof *g);
    snprintf(book, sizeof book, "%s.book", name);
    fresh_folder(g->folder, sizeof g->folder, name);
    fresh_folder(g->book, sizeof g->book, book);
}

/* Number i of a folder of pictures. */
static inline void hang(const gallery *g, int i, const dcn_image *image)
{
    char path[700];

    snprintf(path, sizeof path, "%s/%04d.png", g->folder, i);
    must(dcn_image_save_png(image, path, NULL, &err));
}

static inline void take_network(gallery *g, dcn_graph *graph)
{
    g->model = (dcn_model){ .graph = graph };
    g->model.preprocess = (dcn_preprocess){ .shape = shape_of(graph, 0),
                                            .normalize = DCN_NORMALIZE_NONE };
}

static inline void open_gallery(gallery *g)
{
    must(dcn_data_open(&g->data, g->folder, NULL, &err));
}

static inline void close_gallery(gallery *g)
{
    dcn_model_clear(&g->model);
    dcn_data_close(g->data);
    remove_tree(g->folder);
    remove_tree(g->book);
}

/* n pictures whose every byte is 0 or 255: what a network takes of them are whole numbers. */
static inline void hang_noise(const gallery *g, int n, int h, int w, int c, uint64_t seed)
{
    uint8_t *pixels = malloc((size_t)h * (size_t)w * (size_t)c);
    const dcn_image image = { h, w, c, pixels };

    for (int i = 0; i < n; i++) {
        for (int k = 0; k < h * w * c; k++)
            pixels[k] = dcn__hash64(seed + (uint64_t)i * 100003 + (uint64_t)k) % 2 ? 255 : 0;
        hang(g, i, &image);
    }
    free(pixels);
}

static inline dcn_atlas *new_atlas(const gallery *g, dcn_atlas_desc desc)
{
    dcn_atlas *a = NULL;

    must(dcn_atlas_create(&a, &g->model, g->data, &desc, &err));
    return a;
}

static inline dcn_atlas *scanned(const gallery *g, dcn_atlas_desc desc)
{
    dcn_atlas *a = new_atlas(g, desc);

    must(dcn_atlas_scan(a, NULL, NULL, NULL, &err));
    return a;
}

/* ---- books ---------------------------------------------------------------------------------- */

/* The only entry of a folder that begins so; "": none. */
static inline void find_entry(char *name, size_t size, const char *folder, const char *begin)
{
    dcn__names names;

    *name = '\0';
    must(dcn__folder_list(&names, folder, 1000, &err));
    for (int i = 0; i < names.count; i++)
        if (strncmp(names.at[i], begin, strlen(begin)) == 0) {
            if (*name)
                fail_msg("%s holds both %s and %s", folder, name, names.at[i]);
            snprintf(name, size, "%s", names.at[i]);
        }
    dcn__names_clear(&names);
}

/* BOOK/tiles-XXXXXXXX/PAGE-.../CHANNEL.*; false: there is none. */
static inline bool strip_path(char *path, size_t size, const char *book, int page, int channel)
{
    char tiles[80], slug[80], folder[800], begin[16], file[80];

    find_entry(tiles, sizeof tiles, book, "tiles-");
    snprintf(folder, sizeof folder, "%s/%s", book, tiles);
    snprintf(begin, sizeof begin, "%02d-", page + 1);
    find_entry(slug, sizeof slug, folder, begin);
    snprintf(folder, sizeof folder, "%s/%s/%s", book, tiles, slug);
    snprintf(begin, sizeof begin, "%05d.", channel);
    find_entry(file, sizeof file, folder, begin);
    snprintf(path, size, "%s/%s", folder, file);
    return *file != '\0';
}

static inline dcn_image strip_of(const char *book, int page, int channel)
{
    char path[1000];
    dcn_image strip;

    if (!strip_path(path, sizeof path, book, page, channel))
        fail_msg("page %d has no strip of channel %d", page, channel);
    must(dcn_image_load(&strip, path, NULL, &err));
    assert_int_equal(strip.c, 3);
    return strip;
}

static inline const uint8_t *pixel(const dcn_image *image, int y, int x)
{
    return image->pixels + ((size_t)y * (size_t)image->w + (size_t)x) * (size_t)image->c;
}

/* The raw projections of a page, safetensors. */
static inline dcn__tensors raw_of(const char *book, int page)
{
    char folder[700], begin[16], name[100];
    static char path[900];
    dcn__tensors t;

    snprintf(folder, sizeof folder, "%s/raw", book);
    snprintf(begin, sizeof begin, "%02d-", page + 1);
    find_entry(name, sizeof name, folder, begin);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(dcn__tensors_open(&t, path, NULL, &err));
    return t;
}

static inline const void *tensor_data(const dcn__tensors *t, const char *name, const char *shape)
{
    const dcn__tensor *tensor = dcn__tensors_find(t, name);
    char text[100];

    if (!tensor)
        fail_msg("the raw file has no tensor %s", name);
    dcn__shape_text(text, sizeof text, tensor->rank, tensor->dims);
    assert_string_equal(text, shape);
    return dcn__tensors_data(t, tensor);
}

/* ---- folders -------------------------------------------------------------------------------- */

/* A sum over all names and bytes below a folder. */
static inline uint64_t tree_sum(const char *folder)
{
    dcn__names names;
    uint64_t sum = 0;

    must(dcn__folder_list(&names, folder, 100000, &err));
    for (int i = 0; i < names.count; i++) {
        char *path = dcn__path_join(folder, names.at[i]);
        dcn__bytes bytes;
        uint64_t inside;

        if (dcn__is_folder(path)) {
            inside = tree_sum(path);
        } else {
            must(dcn__file_read(&bytes, path, (uint64_t)1 << 30, &err));
            inside = bytes.size;
            for (size_t k = 0; k < bytes.size; k++)
                inside = dcn__hash64(inside ^ bytes.data[k]);
            dcn__bytes_clear(&bytes);
        }
        for (const char *c = names.at[i]; *c; c++)
            sum = dcn__hash64(sum ^ (uint8_t)*c);
        sum = dcn__hash64(sum ^ inside);
        dcn__free(path);
    }
    dcn__names_clear(&names);
    return sum;
}

static inline bool stands(const char *folder, const char *name)
{
    char path[1000];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return lstat(path, &st) == 0;
}

#endif
