/* json.c - --json through Jansson. Keys keep the order in which they were set. */
#include "json.h"

#include "message.h"

#ifdef DCN_HAVE_JANSSON

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_json_available(void)
{
    return true;
}

static json_t *value_of(cli_json *json)
{
    return (json_t *)json;
}

static cli_json *set(cli_json *to, const char *key, json_t *value)
{
    /* Both take `value` over, also when they fail. */
    const int failed = key ? json_object_set_new(value_of(to), key, value)
                       : json_array_append_new(value_of(to), value);

    if (!value || failed)
        cli_die(DCN_MEMORY, "--json", "there is no memory for the result; leave it out");
    return (cli_json *)value;
}

cli_json *cli_json_create(void)
{
    json_t *json = json_object();

    if (!json)
        cli_die(DCN_MEMORY, "--json", "there is no memory for the result; leave it out");
    return (cli_json *)json;
}

void cli_json_destroy(cli_json *json)
{
    json_decref(value_of(json));
}

void cli_json_text(cli_json *to, const char *key, const char *value)
{
    char *text;
    size_t size;

    if (!value) {
        set(to, key, json_null());
        return;
    }
    size = 4 * strlen(value) + 1;
    text = cli_alloc(size, 1);
    cli_utf8(text, size, value);       /* Jansson refuses what is not UTF-8 */
    set(to, key, json_string(text));
    free(text);
}

void cli_json_int(cli_json *to, const char *key, int64_t value)
{
    set(to, key, json_integer(value));
}

void cli_json_bool(cli_json *to, const char *key, bool value)
{
    set(to, key, json_boolean(value));
}

void cli_json_real(cli_json *to, const char *key, double value)
{
    set(to, key, isfinite(value) ? json_real(value) : json_null());
}

cli_json *cli_json_object(cli_json *to, const char *key)
{
    return set(to, key, json_object());
}

cli_json *cli_json_array(cli_json *to, const char *key)
{
    return set(to, key, json_array());
}

dcn_status cli_json_print(const cli_json *json, dcn_error *err)
{
    /* It fails for want of memory, or because standard output does, which is said below. */
    if (json_dumpf((const json_t *)json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) &&
        !ferror(stdout))
        return cli_fail(err, DCN_MEMORY, "--json",
                        "there is no memory for the result; leave it out");
    putchar('\n');
    return cli_finish_output(err);
}

#else

bool cli_json_available(void)
{
    return false;
}

cli_json *cli_json_create(void)
{
    return NULL;
}

void cli_json_destroy(cli_json *json)
{
    (void)json;
}

void cli_json_text(cli_json *to, const char *key, const char *value)
{
    (void)to, (void)key, (void)value;
}

void cli_json_int(cli_json *to, const char *key, int64_t value)
{
    (void)to, (void)key, (void)value;
}

void cli_json_bool(cli_json *to, const char *key, bool value)
{
    (void)to, (void)key, (void)value;
}

void cli_json_real(cli_json *to, const char *key, double value)
{
    (void)to, (void)key, (void)value;
}

cli_json *cli_json_object(cli_json *to, const char *key)
{
    (void)to, (void)key;
    return NULL;
}

cli_json *cli_json_array(cli_json *to, const char *key)
{
    (void)to, (void)key;
    return NULL;
}

dcn_status cli_json_print(const cli_json *json, dcn_error *err)
{
    (void)json;
    return cli_fail(err, DCN_BUG, "--json", "was asked of a build without Jansson; report this");
}

#endif
