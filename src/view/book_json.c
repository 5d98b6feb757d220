/* book_json.c - atlas.json: everything that the book says, for programs (docs/formats/atlas.md). */
#include "view/book_out.h"

#include "base/locale.h"

static const char *const kinds[] = { "usual", "dead", "saturated", "duplicate" };

static void member(dcn__out *o, const char *key, const char *text)
{
    dcn__out_format(o, "\"%s\": ", key);
    dcn__out_text(o, text);
}

static void put_pair(dcn__out *o, const char *key, const int pair[2])
{
    dcn__out_format(o, "\"%s\": [%d, %d]", key, pair[0], pair[1]);
}

static void put_shape(dcn__out *o, const char *key, dcn_shape s)
{
    dcn__out_format(o, "\"%s\": {\"h\": %d, \"w\": %d, \"c\": %d}", key, s.h, s.w, s.c);
}

static void put_unit(dcn__out *o, const dcn__book *book, const dcn__book_unit *u)
{
    char number[16];

    dcn__out_format(o, "{\"picture\":%lld,\"split\":\"%s\",\"index\":%lld,\"file\":",
                    (long long)u->picture, u->split == DCN_SPLIT_TRAIN ? "train" : "test",
                    (long long)u->index);
    dcn__out_text(o, u->file);
    if (u->label < 0)
        dcn__out_put(o, ",\"label\":null");
    else
        dcn__out_format(o, ",\"label\":%d", u->label);
    dcn__out_put(o, ",\"class\":");
    dcn__out_text(o, dcn__book_class(book, u->label, number));
    dcn__out_put(o, ",\"value\":");
    dcn__out_float(o, u->value);
    dcn__out_format(o, ",\"y\":%d,\"x\":%d,\"box\":{\"top\":%d,\"left\":%d,\"bottom\":%d,"
                    "\"right\":%d,\"clipped\":%s},\"scale\":", u->y, u->x, u->box.top, u->box.left,
                    u->box.bottom, u->box.right, u->box.clipped ? "true" : "false");
    dcn__out_float(o, u->scale);
    dcn__out_put(o, "}");
}

/* One channel, one line. */
static void put_channel(dcn__out *o, const dcn__book *book, const dcn__book_channel *c, int number)
{
    const bool told = c->reason && c->reason[0];

    dcn__out_format(o, "    {\"channel\":%d,\"kind\":\"%s\",\"reason\":", number, kinds[c->kind]);
    dcn__out_text(o, told ? c->reason : NULL);
    if (c->kind == DCN_CHANNEL_DUPLICATE)
        dcn__out_format(o, ",\"same_as\":%d", c->same_as);
    else
        dcn__out_put(o, ",\"same_as\":null");
    dcn__out_format(o, ",\"fired\":%lld,\"share\":", (long long)c->fired);
    dcn__out_float(o, book->pictures > 0 ? (float)((double)c->fired / (double)book->pictures) : 0);
    dcn__out_put(o, ",\"strip\":");
    dcn__out_text(o, c->n_units > 0 && !book->strip ? c->strip : NULL);    /* inside: no file */
    dcn__out_put(o, ",\"top\":[");
    for (int i = 0; i < c->n_units; i++) {
        dcn__out_put(o, i ? "," : "");
        put_unit(o, book, &c->units[i]);
    }
    dcn__out_put(o, "]}");
}

static void put_layer(dcn__out *o, const dcn__book *book, const dcn__book_layer *l)
{
    dcn__out_put(o, "  {");
    member(o, "name", l->name);
    dcn__out_put(o, ", ");
    member(o, "op", l->op);
    dcn__out_put(o, ", ");
    member(o, "head", l->head ? l->head : l->name);
    dcn__out_put(o, ",\n   ");
    put_shape(o, "shape", l->shape);
    dcn__out_put(o, ", ");
    put_pair(o, "field", l->field);
    dcn__out_put(o, ", ");
    put_pair(o, "stride", l->stride);
    dcn__out_put(o, ", ");
    put_pair(o, "patch", l->patch);
    dcn__out_put(o, ", ");
    put_pair(o, "tile", l->tile);
    dcn__out_put(o, ", \"from\": [");
    for (int i = 0; i < l->n_from; i++)
        dcn__out_format(o, "%s%d", i ? ", " : "", l->from[i]);
    dcn__out_put(o, "], ");
    member(o, "raw", l->raw);
    dcn__out_put(o, ",\n   \"channels\": [\n");
    for (int c = 0; c < l->shape.c; c++) {
        put_channel(o, book, &l->channels[c], c);
        dcn__out_put(o, c + 1 < l->shape.c ? ",\n" : "\n");
    }
    dcn__out_put(o, "   ]}");
}

static void put_names(dcn__out *o, const char *key, const char *const *names, int n)
{
    dcn__out_format(o, " \"%s\": [", key);
    for (int i = 0; i < n; i++) {
        dcn__out_put(o, i ? ", " : "");
        if (names)
            dcn__out_text(o, names[i]);
        else
            dcn__out_format(o, "\"%d\"", i);
    }
    dcn__out_put(o, "],\n");
}

static void put_facts(dcn__out *o, const dcn__book *b)
{
    dcn__out_put(o, "{\"format\": \"deconvnet-atlas 1\",\n \"producer\": \"deconvnet "
                 DCN_VERSION "\",\n ");
    member(o, "title", b->title);
    dcn__out_put(o, ",\n \"model\": {");
    member(o, "name", b->model_name);
    dcn__out_put(o, ", ");
    member(o, "hash", b->model_hash);
    dcn__out_put(o, ", ");
    member(o, "guess", b->guess && b->guess[0] ? b->guess : NULL);
    dcn__out_put(o, "},\n \"data\": {");
    member(o, "name", b->data_name);
    dcn__out_put(o, ", ");
    member(o, "kind", b->data_kind);
    dcn__out_put(o, ", ");
    member(o, "split", b->pictures_text);
    dcn__out_format(o, ", \"pictures\": %lld},\n ", (long long)b->pictures);
    member(o, "preprocess", b->preprocess);
    dcn__out_put(o, ",\n ");
    member(o, "rule", b->rule);
    dcn__out_put(o, ",\n ");
    member(o, "extensions", b->extensions && b->extensions[0] ? b->extensions : NULL);
    dcn__out_put(o, ",\n ");
    member(o, "engine", b->engine);
    dcn__out_put(o, ",\n ");
    put_shape(o, "input", b->input);
    dcn__out_format(o, ",\n \"top\": %d,\n", b->top);
    put_names(o, "classes", b->class_names, b->classes);
    put_names(o, "outputs", b->output_names, b->output_classes);
}

dcn_status dcn__book_json(const dcn__book *book, dcn__writer *w, dcn_error *err)
{
    const locale_t before = dcn__locale_enter();
    dcn__out o = { .w = w, .err = err };
    dcn_status st;

    put_facts(&o, book);
    dcn__out_put(&o, " \"layers\": [\n");
    for (int i = 0; i < book->n_layers; i++) {
        put_layer(&o, book, &book->layers[i]);
        dcn__out_put(&o, i + 1 < book->n_layers ? ",\n" : "\n");
    }
    dcn__out_put(&o, " ]}\n");
    st = dcn__out_end(&o);
    dcn__locale_leave(before);
    return st;
}
