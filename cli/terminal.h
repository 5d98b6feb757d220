/* terminal.h - a picture in the terminal, through chafa. */
#ifndef DCN_CLI_TERMINAL_H
#define DCN_CLI_TERMINAL_H

#include "options.h"

/* Will cli_show_picture show anything? auto: only on a terminal that is not dumb. */
bool cli_can_show(cli_graphics how);
/* Draws on standard output, at most as wide as the terminal. */
void cli_show_picture(const dcn_image *image, cli_graphics how);

#endif
