/* rule.c - the names of the rules and of the starts of a walk down. */
#include "graph/graph.h"

#include <string.h>

static const char *const rule_names[] = { "reconstruct", "deconvnet", "guided", "gradient",
                                          "linear" };
static const char *const from_names[] = { "layer", "channel", "peak", "zero", "unit" };

const char *dcn_rule_name(dcn_rule rule)
{
    return (unsigned)rule <= DCN_RULE_LINEAR ? rule_names[rule] : "unknown";
}

const char *dcn_from_name(dcn_from from)
{
    return (unsigned)from <= DCN_FROM_UNIT ? from_names[from] : "unknown";
}

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int dcn_rule_find(const char *name)
{
    return find(rule_names, 5, name);
}

int dcn_from_find(const char *name)
{
    return find(from_names, 5, name);
}
