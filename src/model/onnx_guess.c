/* onnx_guess.c - what an ONNX file does not say: how its pictures are prepared, what its classes
 * are called. Whatever is not in the file is said to be a guess. */
#include "model/onnx_import.h"

#include "base/memory.h"
#include "base/text.h"
#include "codec/json.h"
#include "data/preprocess.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CLASSES = 65536 };

__attribute__((format(printf, 2, 3)))
static void say(dcn_model *m, const char *format, ...)
{
    const size_t at = strlen(m->guess);
    char text[200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (at + strlen(text) + 3 < sizeof m->guess)
        snprintf(m->guess + at, sizeof m->guess - at, "%s%s", at ? "; " : "", text);
}

static const char *metadata(const dcn__import *im, const char *const *keys)
{
    for (; *keys; keys++)
        for (int i = 0; i < im->file->n_metadata; i++)
            if (strcmp(im->file->metadata[i].key, *keys) == 0)
                return im->file->metadata[i].value;
    return NULL;
}

/* Three numbers, "[0.485, 0.456, 0.406]" or without the brackets. */
static bool read_three(const char *text, float *values)
{
    for (int i = 0; text && i < 3; i++) {
        double v;
        size_t n;

        text += strspn(text, " [(,");
        n = strcspn(text, " ])," );
        if (!dcn__parse_double(text, n, &v) || !(v > -1e6 && v < 1e6))
            return false;
        values[i] = (float)v;
        text += n;
    }
    return text && text[strspn(text, " ])")] == '\0';
}

/* What dcn_onnx_save wrote is no guess. */
static bool read_own(const dcn__import *im, dcn_model *m)
{
    static const char *const keys[] = { "deconvnet.preprocess", NULL };
    const dcn_shape s = m->graph->nodes[0].shape;
    const char *text = metadata(im, keys);
    dcn_preprocess p;

    if (!text || dcn_preprocess_parse(&p, text, NULL) || p.shape.h != s.h || p.shape.w != s.w ||
        p.shape.c != s.c)
        return false;
    m->preprocess = p;
    return true;
}

/* Keras puts x / 127.5 - 1 and the like into some of its networks: they take 0..255. */
static bool scales_bytes(const dcn__import *im)
{
    const dcn__draft *first = NULL;

    for (int i = 1; i < im->n_drafts; i++)
        for (int k = 0; im->drafts[i].live && k < im->drafts[i].n_inputs; k++)
            if (im->drafts[i].inputs[k] == 0) {
                if (first)
                    return false;
                first = &im->drafts[i];
            }
    return first && first->op == DCN__OP_SCALE && first->base == 0 && first->poly[1] > 0 &&
           first->poly[1] < 0.02 && !first->poly[2] && !first->poly[3];
}

/* The mean and the deviation that the file names, if they are some that normalise pictures. */
static bool read_units(const dcn__import *im, dcn_preprocess *p)
{
    static const char *const means[] = { "mean", "image_mean", NULL };
    static const char *const stds[] = { "std", "image_std", NULL };
    dcn_preprocess named = *p;

    named.normalize = DCN_NORMALIZE_MEAN;
    if (p->shape.c != 3 || !read_three(metadata(im, means), named.mean) ||
        !read_three(metadata(im, stds), named.std) || dcn__preprocess_check(&named, NULL))
        return false;
    *p = named;
    return true;
}

static dcn_status describe_preprocess(dcn__import *im, dcn_model *m)
{
    const dcn_shape s = m->graph->nodes[0].shape;
    const char *way = "none";

    if (read_own(im, m))
        return DCN_OK;
    if (s.c == 3 && s.h == 32 && s.w == 32)
        way = "cifar10";
    else if (s.c == 3 && s.h >= 64 && s.w >= 64)
        way = strstr(im->file->producer, "tf2onnx") || strstr(im->file->producer, "keras")
            ? "tf" : "imagenet";
    if (s.c != 1 && s.c != 3) {
        m->preprocess = (dcn_preprocess){ .shape = s, .normalize = DCN_NORMALIZE_NONE };
        say(m, "its input has %d channels: it takes no pictures", s.c);
        return DCN_OK;
    }
    if (dcn_preprocess_named(&m->preprocess, way, s, NULL))
        return dcn__fail(im->err, DCN_INPUT, im->path, "its input of %dx%d pixels is larger than "
                         "any picture that is read; export it for a smaller one", s.h, s.w);
    if (read_units(im, &m->preprocess)) {
        say(m, "the mean and the deviation of pictures are the file's, their size is guessed");
    } else if (scales_bytes(im)) {
        m->preprocess.normalize = DCN_NORMALIZE_MEAN;
        for (int i = 0; i < 3; i++) {
            m->preprocess.mean[i] = 0;
            m->preprocess.std[i] = 1.0f / 255;
        }
        say(m, "preprocessing is guessed: 0..255, which the network scales by itself");
    } else {
        say(m, "preprocessing is guessed: %s", way);
    }
    return DCN_OK;
}

/* Wrong names are worse than none: they are left out, which is said. */
static dcn_status describe_classes(dcn__import *im, dcn_model *m)
{
    static const char *const keys[] = { "class_names", "names", "labels", "classes", NULL };
    const dcn_shape s = m->graph->nodes[m->graph->n_nodes - 1].shape;
    const char *names = metadata(im, keys);
    dcn_error inner;
    dcn_status st;
    int n = 0;

    m->classes = s.h == 1 && s.w == 1 && s.c <= MAX_CLASSES ? s.c : 0;
    if (!names || !m->classes)
        return DCN_OK;
    st = dcn__json_names(&m->class_names, &n, names, strlen(names), MAX_CLASSES, im->path, &inner);
    if (st == DCN_MEMORY) {
        *im->err = inner;
        return st;
    }
    if (st || n != m->classes) {
        dcn__texts_clear(m->class_names, n);
        m->class_names = NULL;
        say(m, "the file's names of classes were not used: %s", st ? "not understood"
            : "their number is another");
    }
    return DCN_OK;
}

dcn_status dcn__import_describe(dcn__import *im, dcn_model *model, bool open_size, int output)
{
    const dcn_shape s = model->graph->nodes[0].shape;
    dcn_status st;

    if (open_size)
        say(model, "the size %dx%d is a guess, the file leaves it open", s.h, s.w);
    if ((st = describe_preprocess(im, model)) || (st = describe_classes(im, model)))
        return st;
    if (im->file->n_outputs > 1)
        say(model, "of %d outputs %.40s is used", im->file->n_outputs,
            im->file->outputs[output].name);
    return DCN_OK;
}
