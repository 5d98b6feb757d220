/* way.c - turns the rule's options into a route. It knows no layer and where no way begins. */
#include "way.h"

#include "message.h"

static const char *const compat_names[] = { NULL, "captum", "tf_cnnvis", "zennit" };

static int parse_bit(int key, const char *arg)
{
    static const char *const words[] = { "0", "1", NULL };

    return cli_parse_word(key, arg, words);
}

static void parse_rule(cli_way *way, int key, const char *arg)
{
    static const char *const rules[] = { "reconstruct", "deconvnet", "guided", "gradient", "linear",
                                         NULL };

    way->rule = (dcn_rule)dcn_rule_find(rules[cli_parse_word(key, arg, rules)]);
    way->rule_given = true;
}

error_t cli_parse_way(cli_way *way, int key, const char *arg)
{
    static const char *const programs[] = { "captum", "tf_cnnvis", "zennit", NULL };

    switch (key) {
    case CLI_KEY_RULE: parse_rule(way, key, arg); break;
    case CLI_KEY_EXTEND: way->extend = true; break;
    case CLI_KEY_MASK: way->mask = parse_bit(key, arg); break;
    case CLI_KEY_SWITCHES: way->switches = parse_bit(key, arg); break;
    case CLI_KEY_RECTIFY: way->rectify = parse_bit(key, arg); break;
    case CLI_KEY_COMPAT:
        way->compat = (cli_compat)(cli_parse_word(key, arg, programs) + CLI_COMPAT_CAPTUM);
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static dcn_status choose_bits(cli_way *way, dcn_error *err)
{
    static const dcn_rule rules[2][2] = { { DCN_RULE_LINEAR, DCN_RULE_DECONVNET },
                                          { DCN_RULE_GRADIENT, DCN_RULE_GUIDED } };
    const bool masked = way->mask >= 0 || way->rectify >= 0;
    const char *option = way->mask >= 0 ? "--mask" : way->rectify >= 0 ? "--rectify" : "--switches";

    if ((masked || way->switches >= 0) && way->compat)
        return cli_fail(err, DCN_USAGE, option, "has no part in --compat; leave out one of them");
    if (masked && way->rule_given)
        return cli_fail(err, DCN_USAGE, option, "says what the rule %s does already; leave out "
                        "--rule", dcn_rule_name(way->rule));
    way->no_switches = way->switches == 0;
    if (masked) {
        way->rule = rules[way->mask == 1][way->rectify != 0];
        way->rule_given = true;
    }
    return DCN_OK;
}

static dcn_status check_compat(const cli_way *way, dcn_error *err)
{
    if (way->compat == CLI_COMPAT_NONE)
        return DCN_OK;
    if (way->rule == DCN_RULE_RECONSTRUCT || way->rule == DCN_RULE_LINEAR)
        return cli_fail(err, DCN_USAGE, "--compat", "knows the rules deconvnet, guided and "
                        "gradient, not %s; use one of them", dcn_rule_name(way->rule));
    if (way->compat == CLI_COMPAT_TF_CNNVIS && way->rule != DCN_RULE_DECONVNET)
        return cli_fail(err, DCN_USAGE, "--compat", "tf_cnnvis draws deconvnet alone, not %s; "
                        "leave out --rule", dcn_rule_name(way->rule));
    if (way->extend)
        return cli_fail(err, DCN_USAGE, "--extend", "has no part in --compat, where all but ReLU "
                        "takes its derivative; leave it out");
    return DCN_OK;
}

dcn_status cli_choose_way(cli_way *way, dcn_rule usual, dcn_error *err)
{
    dcn_status st;

    if ((st = choose_bits(way, err)))
        return st;
    if (!way->rule_given)
        way->rule = way->compat ? DCN_RULE_DECONVNET : usual;
    return check_compat(way, err);
}

/* What the programs do under their names: docs/rules/compat.md. */
static dcn_only only_of(cli_compat compat)
{
    return compat == CLI_COMPAT_NONE ? DCN_ONLY_ALL : compat == CLI_COMPAT_TF_CNNVIS
           ? DCN_ONLY_RELU_LRN : DCN_ONLY_RELU;
}

dcn_route cli_route(const cli_way *way, dcn_node layer)
{
    return (dcn_route){ .layer = layer,
                        .rule = way->compat == CLI_COMPAT_TF_CNNVIS ? DCN_RULE_GUIDED : way->rule,
                        .no_switches = way->no_switches,
                        .extend = way->extend,
                        .only = only_of(way->compat) };
}

bool cli_begins_with_ones(const cli_way *way)
{
    return way->compat != CLI_COMPAT_NONE;
}

const char *cli_compat_name(const cli_way *way)
{
    return compat_names[way->compat];
}

char *cli_way_text(const cli_way *way)
{
    const char *rule = dcn_rule_name(way->rule);

    if (way->compat)
        return cli_text("%s as %s", rule, compat_names[way->compat]);
    if (way->mask >= 0 || way->rectify >= 0)
        return cli_text("%s (mask %d, rectify %d, switches %d)", rule, way->mask == 1,
                        way->rectify != 0, !way->no_switches);
    return cli_text("%s%s", rule, way->no_switches ? ", no switches" : "");
}
