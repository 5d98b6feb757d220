/* atlas_state_help.h - the scan that the tests of its file make, and files that do not fit it. */
#ifndef ATLAS_STATE_HELP_H
#define ATLAS_STATE_HELP_H

#include "atlas_help.h"

static const char net[] = "input 12x12x1; conv filters=6 kernel=3; relu; max_pool 2; "
                          "conv filters=5 kernel=3; relu; dense units=7; softmax";

/* The model of most tests: real weights, a dead channel, a double. */
static inline void set_up(world *w)
{
    open_idx(w, "atlas_state", 11);
    set_model(w, net, 12, 0);
    change_channel(w->model.graph, "conv1.weight", 0, 0, 0);
    change_channel(w->model.graph, "conv1.bias", 0, 0, 0);
    copy_channel(w->model.graph, "conv1.weight", 3, 1);
    copy_channel(w->model.graph, "conv1.bias", 3, 1);
}

/* The file "s" is not this atlas's, and why is said. */
static inline void does_not_fit(const world *w, dcn_atlas_desc desc, const char *what)
{
    dcn_atlas *a = atlas_of(w, desc);

    assert_int_equal(dcn_atlas_load(a, path_of("s"), &err), DCN_STATE);
    if (!strstr(err.text, what))
        fail_msg("%s does not say \"%s\"", err.text, what);
    assert_int_equal(dcn_atlas_scanned(a), 0);
    dcn_atlas_destroy(a);
}

static inline dcn__bytes copy_of(const dcn__bytes *bytes)
{
    const dcn__bytes copy = { dcn__alloc(bytes->size + 1), bytes->size };

    assert_non_null(copy.data);
    memcpy(copy.data, bytes->data, bytes->size);
    return copy;
}

#endif
