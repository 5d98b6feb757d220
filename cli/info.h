/* info.h - what the files of the info command share. json NULL: print lines of text instead. */
#ifndef DCN_CLI_INFO_H
#define DCN_CLI_INFO_H

#include "json.h"
#include "options.h"

typedef struct info_run {
    cli_shared shared;
    char **paths;
    int n_paths;
} info_run;

/* ---- info_network.c ---- */
void info_text(cli_json *json, const char *key, const char *value);
void info_int(cli_json *json, const char *key, int64_t value);
void info_shape(cli_json *json, const char *key, dcn_shape s);
dcn_status info_model(cli_json *json, const info_run *run, const char *path, dcn_error *err);
dcn_status info_network(cli_json *json, const info_run *run, const char *path, dcn_error *err);

/* ---- info_atlas.c: the file of a scan; the folder of an atlas ---- */
dcn_status info_scan(cli_json *json, const info_run *run, const char *path, dcn_error *err);
dcn_status info_atlas(cli_json *json, const info_run *run, const char *path, dcn_error *err);

/* ---- info_nodes.c: every node, its cost and what it sees ---- */
void info_print_nodes(const dcn_graph *graph);
void info_add_nodes(cli_json *json, const dcn_graph *graph);

#endif
