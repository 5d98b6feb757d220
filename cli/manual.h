/* manual.h - help and manual pages from the commands' own option tables, so that they agree. */
#ifndef DCN_CLI_MANUAL_H
#define DCN_CLI_MANUAL_H

#include "options.h"

void cli_help_main(const cli_command *const *commands);
/* In mdoc(7), on standard output. */
void cli_manual_main(const cli_command *const *commands);
void cli_manual_command(const cli_command *command);

#endif
