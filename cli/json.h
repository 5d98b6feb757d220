/* json.h - one JSON object for --json, built with Jansson. Without it --json is refused.
 *
 * A value that is not finite becomes null. `to` is an object, or with key NULL an array. */
#ifndef DCN_CLI_JSON_H
#define DCN_CLI_JSON_H

#include "deconvnet.h"

#include <stdbool.h>

typedef struct cli_json cli_json;

bool cli_json_available(void);
cli_json *cli_json_create(void);
void cli_json_destroy(cli_json *json);
void cli_json_text(cli_json *to, const char *key, const char *value);    /* NULL becomes null */
void cli_json_int(cli_json *to, const char *key, int64_t value);
void cli_json_bool(cli_json *to, const char *key, bool value);
void cli_json_real(cli_json *to, const char *key, double value);
cli_json *cli_json_object(cli_json *to, const char *key);                /* belongs to `to` */
cli_json *cli_json_array(cli_json *to, const char *key);
/* On standard output, with a newline. */
dcn_status cli_json_print(const cli_json *json, dcn_error *err);

#endif
