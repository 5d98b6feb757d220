/* way.h - the options of how to walk down, the same for show and atlas: --rule, the bits behind the
 * rules, --extend, --compat. */
#ifndef DCN_CLI_WAY_H
#define DCN_CLI_WAY_H

#include "options.h"

typedef enum cli_compat {
    CLI_COMPAT_NONE, CLI_COMPAT_CAPTUM, CLI_COMPAT_TF_CNNVIS, CLI_COMPAT_ZENNIT
} cli_compat;

typedef struct cli_way {
    dcn_rule rule;
    int mask, switches, rectify;         /* -1: not given */
    bool rule_given, extend, no_switches;
    cli_compat compat;
} cli_way;

#define CLI_WAY_USUAL { .mask = -1, .switches = -1, .rectify = -1 }

/* usual: which rule it is without the option. */
#define CLI_OPTION_RULE(usual) \
    { "rule", CLI_KEY_RULE, "reconstruct|deconvnet|guided|gradient|linear", 0, \
      "What a signal meets on the way down (" usual ")", CLI_GROUP_MORE }
#define CLI_OPTIONS_BITS \
    { "extend", CLI_KEY_EXTEND, NULL, 0, \
      "Draw also through activations for which the papers define no rule, as docs/rules says; " \
      "the picture is labelled", CLI_GROUP_MORE }, \
    { "mask", CLI_KEY_MASK, "0|1", 0, \
      "The bits behind the rules, in place of --rule: 1, a signal passes a ReLU only where its " \
      "input was positive (0)", CLI_GROUP_MORE }, \
    { "rectify", CLI_KEY_RECTIFY, "0|1", 0, "1: only a positive signal passes a ReLU (1)", \
      CLI_GROUP_MORE }, \
    { "switches", CLI_KEY_SWITCHES, "0|1", 0, \
      "0: a max pool's signal goes to the middle of its window, not to its switch (1)", \
      CLI_GROUP_MORE }, \
    { "compat", CLI_KEY_COMPAT, "captum|tf_cnnvis|zennit", 0, \
      "Compute what that program computes under the rule's name (docs/rules/compat.md)", \
      CLI_GROUP_MORE }

/* ARGP_ERR_UNKNOWN if the key is none of these. */
error_t cli_parse_way(cli_way *way, int key, const char *arg);
/* Settles the rule; usual: without --rule and without bits. Refuses what does not go together. */
dcn_status cli_choose_way(cli_way *way, dcn_rule usual, dcn_error *err);
dcn_route cli_route(const cli_way *way, dcn_node layer);
/* Does the way begin with 1 in place of the activations? */
bool cli_begins_with_ones(const cli_way *way);
/* "captum"; NULL without --compat. */
const char *cli_compat_name(const cli_way *way);
/* "deconvnet, no switches", "guided as captum". Allocated. */
char *cli_way_text(const cli_way *way);

#endif
