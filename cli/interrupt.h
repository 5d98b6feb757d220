/* interrupt.h - SIGINT, SIGTERM and SIGHUP: the first asks, the second leaves. */
#ifndef DCN_CLI_INTERRUPT_H
#define DCN_CLI_INTERRUPT_H

#include <stdbool.h>

void cli_interrupt_begin(void);
/* The exit code of the signal that came (130 or 143), 0 if none did. */
int cli_interrupted(void);
/* While files are written a second signal waits for their end; a third does not. */
void cli_interrupt_hold(void);
void cli_interrupt_release(void);
/* For dcn_progress: not 0 once a signal came. */
bool cli_interrupt_asked(void);

#endif
