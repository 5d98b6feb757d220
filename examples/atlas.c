/* atlas.c - which pictures of a data set excite each channel of your network most (Zeiler and
 * Fergus' figure 2, as a list).
 *
 *     atlas MODEL DATA
 */
#include "deconvnet.h"

#include <stdio.h>

static dcn_error err = { DCN_USAGE, "arguments: 2 are needed; give MODEL DATA" };
#define TRY(call) if (call) return fprintf(stderr, "atlas: error: %s\n", err.text), err.status

int main(int argc, char **argv)
{
    const dcn_atlas_desc desc = { .top = 3, .way = { .rule = DCN_RULE_DECONVNET } };
    dcn_atlas_channel channel;
    dcn_node_info layer;
    dcn_model model;
    dcn_atlas *atlas;
    dcn_data *data;

    TRY(argc != 3 || dcn_model_load(&model, argv[1], NULL, &err)
        || dcn_data_open(&data, argv[2], NULL, &err)
        || dcn_atlas_create(&atlas, &model, data, &desc, &err)
        || dcn_atlas_scan(atlas, NULL, NULL, NULL, &err));
    for (int i = 0; i < dcn_atlas_layer_count(atlas); i++) {
        dcn_graph_node_info(model.graph, dcn_atlas_layer(atlas, i), &layer);
        for (int k = 0; k < layer.shape.c; k++) {
            TRY(dcn_atlas_channel_get(atlas, i, k, &channel, &err));
            printf("%s/%d: %s", layer.name, k, channel.reason);
            for (int u = 0; u < channel.n_top; u++)
                printf(" picture %lld at row %d, column %d: %g;", (long long)channel.top[u].picture,
                       channel.top[u].y, channel.top[u].x, (double)channel.top[u].value);
            printf("\n");
        }
    }
    dcn_atlas_destroy(atlas);
    dcn_data_close(data);
    dcn_model_clear(&model);
}
