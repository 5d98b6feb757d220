/* interrupt.c - signal handlers that only count. */
#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t count, code, held;

static void leave(void)
{
    _exit(code);
}

static void on_signal(int number)
{
    if (!code)
        code = number == SIGINT ? 130 : 143;
    count = count + 1;
    if (count >= 3 || (count == 2 && !held))
        leave();
}

void cli_interrupt_begin(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)    /* not under nohup */
        sigaction(SIGHUP, &action, NULL);
}

int cli_interrupted(void)
{
    return code;
}

bool cli_interrupt_asked(void)
{
    return code != 0;
}

void cli_interrupt_hold(void)
{
    held = 1;
}

void cli_interrupt_release(void)
{
    held = 0;
    if (count >= 2)
        leave();
}
