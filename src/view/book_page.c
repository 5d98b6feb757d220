/* book_page.c - the book's page: book.html with the book's facts put in where it says so.
 *
 * Facts stand inline as JSON, a block for each layer, so that the page works from file:// and reads
 * a layer when it is looked at. Only the page's own script and style may run: its policy names them
 * by their digests. What the facts look like is book_*.js's affair. */
#include "view/book_out.h"

#include "base/locale.h"
#include "base/memory.h"
#include "view/book_assets.h"
#include "view/report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures: many units share one, so its facts stand in the page once ------------------- */

typedef struct pictures {
    const dcn__book_unit **units;     /* one of each picture, by rising number */
    size_t n;
} pictures;

static int by_picture(const void *a, const void *b)
{
    const int64_t x = (*(const dcn__book_unit *const *)a)->picture;
    const int64_t y = (*(const dcn__book_unit *const *)b)->picture;

    return (x > y) - (x < y);
}

static dcn_status gather(pictures *p, const dcn__book *book, dcn_error *err)
{
    size_t all = 0;

    for (int l = 0; l < book->n_layers; l++)
        for (int c = 0; c < book->layers[l].shape.c; c++)
            all += (size_t)book->layers[l].channels[c].n_units;
    if (!(p->units = dcn__alloc_array(all, sizeof *p->units)))
        return dcn__fail_memory(err, "the pictures of a book", all * sizeof *p->units);
    for (int l = 0; l < book->n_layers; l++)
        for (int c = 0; c < book->layers[l].shape.c; c++) {
            const dcn__book_channel *channel = &book->layers[l].channels[c];

            for (int i = 0; i < channel->n_units; i++)
                p->units[p->n++] = &channel->units[i];
        }
    if (p->n)
        qsort(p->units, p->n, sizeof *p->units, by_picture);
    all = p->n;
    p->n = 0;
    for (size_t i = 0; i < all; i++)
        if (!p->n || p->units[p->n - 1]->picture != p->units[i]->picture)
            p->units[p->n++] = p->units[i];
    return DCN_OK;
}

static size_t place(const pictures *p, int64_t picture)
{
    size_t low = 0, high = p->n;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (p->units[middle]->picture <= picture)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* [number, is it of the test split, number in the split, label, file or 0] */
static void put_pictures(dcn__out *o, const pictures *p)
{
    dcn__out_put(o, "<script type=\"application/json\" id=\"book-pictures\">[");
    for (size_t i = 0; i < p->n; i++) {
        const dcn__book_unit *u = p->units[i];

        dcn__out_format(o, "%s[%lld,%d,%lld,%d,", i ? ",\n" : "\n", (long long)u->picture,
                        u->split == DCN_SPLIT_TEST, (long long)u->index, u->label);
        if (u->file)
            dcn__out_text(o, u->file);
        else
            dcn__out_put(o, "0");
        dcn__out_put(o, "]");
    }
    dcn__out_put(o, "]</script>\n");
}

/* ---- layers -------------------------------------------------------------------------------- */

/* [kind, same as, fired, reason or 0, strip or 0, [of each unit: place among the pictures, value,
 * y, x, top, left, bottom, right, clipped, scale]] */
static void put_channel(dcn__out *o, const dcn__book_channel *c, const pictures *p)
{
    dcn__out_format(o, "[%d,%d,%lld,", (int)c->kind,
                    c->kind == DCN_CHANNEL_DUPLICATE ? c->same_as : -1, (long long)c->fired);
    if (c->reason && c->reason[0])
        dcn__out_text(o, c->reason);
    else
        dcn__out_put(o, "0");
    dcn__out_put(o, ",");
    if (c->n_units > 0 && c->strip)
        dcn__out_text(o, c->strip);
    else
        dcn__out_put(o, "0");
    dcn__out_put(o, ",[");
    for (int i = 0; i < c->n_units; i++) {
        const dcn__book_unit *u = &c->units[i];

        dcn__out_format(o, "%s%zu,", i ? "," : "", place(p, u->picture));
        dcn__out_float(o, u->value);
        dcn__out_format(o, ",%d,%d,%d,%d,%d,%d,%d,", u->y, u->x, u->box.top, u->box.left,
                        u->box.bottom, u->box.right, u->box.clipped != 0);
        dcn__out_float(o, u->scale);
    }
    dcn__out_put(o, "]]");
}

static void put_channels(dcn__out *o, const dcn__book *book, int layer, const pictures *p)
{
    const dcn__book_layer *l = &book->layers[layer];

    dcn__out_format(o, "<script type=\"application/json\" id=\"book-layer-%d\">[", layer);
    for (int c = 0; c < l->shape.c; c++) {
        dcn__out_put(o, c ? ",\n" : "\n");
        put_channel(o, &l->channels[c], p);
    }
    dcn__out_put(o, "]</script>\n");
}

static void put_data_uri(dcn__out *o, const dcn__bytes *bytes, const char *type)
{
    enum { PIECE = 3 * 8192 };
    dcn__string base64 = { 0 };

    dcn__out_format(o, "data:%s;base64,", type);
    for (size_t i = 0; i < bytes->size; i += PIECE) {
        const size_t n = bytes->size - i < PIECE ? bytes->size - i : PIECE;

        base64.length = 0;
        dcn__report_base64(&base64, bytes->data + i, n);
        if (base64.failed && !o->status)
            o->status = dcn__fail_memory(o->err, "a picture of a book", PIECE);
        dcn__out_bytes(o, base64.text, base64.length);
    }
    dcn__string_clear(&base64);
}

/* For a single file: the pictures themselves, a block for each channel, after all else, so that the
 * page is read before they are. */
static void put_strip(dcn__out *o, const dcn__book *book, int layer, int channel)
{
    const dcn__book_channel *c = &book->layers[layer].channels[channel];
    dcn__bytes bytes = { NULL, 0 };
    const char *type = "";

    if (o->status || c->n_units < 1 || !c->strip)
        return;
    if (!(o->status = book->strip(book->user, c->strip, &bytes, &type, o->err))) {
        dcn__out_format(o, "<script type=\"text/plain\" id=\"book-strip-%d-%d\">", layer, channel);
        put_data_uri(o, &bytes, type);
        dcn__out_put(o, "</script>\n");
    }
    dcn__bytes_clear(&bytes);
}

static void put_strips(dcn__out *o, const dcn__book *book)
{
    for (int l = 0; book->strip && l < book->n_layers; l++)
        for (int c = 0; c < book->layers[l].shape.c; c++)
            put_strip(o, book, l, c);
}

/* ---- the book as a whole --------------------------------------------------------------------- */

static void put_member(dcn__out *o, const char *key, const char *text)
{
    dcn__out_format(o, "\"%s\":", key);
    dcn__out_text(o, text);
    dcn__out_put(o, ",\n");
}

static void put_names(dcn__out *o, const char *key, const char *const *names, int n)
{
    dcn__out_format(o, "\"%s\":", key);
    if (!names) {
        dcn__out_put(o, "null,\n");
        return;
    }
    for (int i = 0; i < n; i++) {
        dcn__out_put(o, i ? "," : "[");
        dcn__out_text(o, names[i]);
    }
    dcn__out_put(o, n ? "],\n" : "[],\n");
}

static void put_layer(dcn__out *o, const dcn__book_layer *l)
{
    int kinds[4] = { 0 }, most = 0;

    for (int c = 0; c < l->shape.c; c++) {
        const int n = l->channels[c].n_units;

        kinds[l->channels[c].kind]++;
        most = n > most ? n : most;
    }
    dcn__out_put(o, "{");
    put_member(o, "name", l->name);
    put_member(o, "op", l->op);
    put_member(o, "head", l->head);
    put_member(o, "raw", l->raw);
    dcn__out_format(o, "\"shape\":[%d,%d,%d],\"field\":[%d,%d],\"stride\":[%d,%d],"
                    "\"patch\":[%d,%d],\"tile\":[%d,%d],\n", l->shape.h, l->shape.w, l->shape.c,
                    l->field[0], l->field[1], l->stride[0], l->stride[1], l->patch[0], l->patch[1],
                    l->tile[0], l->tile[1]);
    dcn__out_format(o, "\"kinds\":[%d,%d,%d,%d],\"most\":%d,\"from\":[", kinds[0], kinds[1],
                    kinds[2], kinds[3], most);
    for (int i = 0; i < l->n_from; i++)
        dcn__out_format(o, "%s%d", i ? "," : "", l->from[i]);
    dcn__out_put(o, "]}");
}

static void put_facts(dcn__out *o, const dcn__book *b)
{
    dcn__out_put(o, "<script type=\"application/json\" id=\"book-facts\">{\n");
    put_member(o, "title", b->title);
    put_member(o, "model", b->model_name);
    put_member(o, "hash", b->model_hash);
    put_member(o, "guess", b->guess);
    put_member(o, "data", b->data_name);
    put_member(o, "kind", b->data_kind);
    put_member(o, "split", b->pictures_text);
    put_member(o, "preprocess", b->preprocess);
    put_member(o, "rule", b->rule);
    put_member(o, "extensions", b->extensions);
    put_member(o, "engine", b->engine);
    put_names(o, "classes", b->class_names, b->classes);
    put_names(o, "outputs", b->output_names, b->output_names ? b->output_classes : 0);
    dcn__out_format(o, "\"labels\":%d,\"pictures\":%lld,\"top\":%d,\"input\":[%d,%d,%d],"
                    "\"single\":%s,\"layers\":[\n", b->classes, (long long)b->pictures, b->top,
                    b->input.h, b->input.w, b->input.c, b->strip ? "true" : "false");
    for (int i = 0; i < b->n_layers; i++) {
        dcn__out_put(o, i ? ",\n" : "");
        put_layer(o, &b->layers[i]);
    }
    dcn__out_put(o, "]}</script>\n");
}

static void put_data(dcn__out *o, const dcn__book *book)
{
    pictures p = { NULL, 0 };

    if (!o->status)
        o->status = gather(&p, book, o->err);
    if (!o->status) {
        put_facts(o, book);
        put_pictures(o, &p);
        for (int i = 0; i < book->n_layers; i++)
            put_channels(o, book, i, &p);
    }
    dcn__free(p.units);
}

static void put_escaped(dcn__out *o, const char *text)
{
    dcn__string s = { 0 };

    dcn__report_text(&s, text);
    if (s.failed && !o->status)
        o->status = dcn__fail_memory(o->err, "a title", strlen(text));
    if (s.length)
        dcn__out_bytes(o, s.text, s.length);
    dcn__string_clear(&s);
}

static void put_digest(dcn__out *o, const unsigned char digest[32])
{
    dcn__string s = { 0 };

    dcn__report_base64(&s, digest, 32);
    if (s.failed && !o->status)
        o->status = dcn__fail_memory(o->err, "a digest", 44);
    if (s.length)
        dcn__out_bytes(o, s.text, s.length);
    dcn__string_clear(&s);
}

static void put_part(dcn__out *o, const dcn__book *book, const char *name, size_t length)
{
    static const char *const parts[] = { "title", "version", "style-digest", "script-digest",
                                         "style", "facts", "script", "strips" };
    enum { N = sizeof parts / sizeof *parts };
    int part = 0;

    while (part < N && (strlen(parts[part]) != length || strncmp(parts[part], name, length) != 0))
        part++;
    switch (part) {
    case 0: put_escaped(o, book->title); break;
    case 1: dcn__out_put(o, DCN_VERSION); break;
    case 2: put_digest(o, dcn__book_css_sha256); break;
    case 3: put_digest(o, dcn__book_js_sha256); break;
    case 4: dcn__out_bytes(o, dcn__book_css, dcn__book_css_size); break;
    case 5: put_data(o, book); break;
    case 6: dcn__out_bytes(o, dcn__book_js, dcn__book_js_size); break;
    case 7: put_strips(o, book); break;
    default: assert(!"book.html asks for what there is not");
    }
}

/* book.html, with its {{PART}}s replaced. */
dcn_status dcn__book_page(const dcn__book *book, dcn__writer *w, dcn_error *err)
{
    const locale_t before = dcn__locale_enter();
    const char *html = (const char *)dcn__book_html, *end = html + dcn__book_html_size;
    dcn__out o = { .w = w, .err = err, .html = true };
    dcn_status st;

    while (html < end && !o.status) {
        const char *open = memmem(html, (size_t)(end - html), "{{", 2);
        const char *close = open ? memmem(open, (size_t)(end - open), "}}", 2) : NULL;

        dcn__out_bytes(&o, html, (size_t)((close ? open : end) - html));
        if (close)
            put_part(&o, book, open + 2, (size_t)(close - open - 2));
        html = close ? close + 2 : end;
    }
    st = dcn__out_end(&o);
    dcn__locale_leave(before);
    return st;
}
