#include "interrupt.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

static volatile sig_atomic_t asked;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    if (asked)
        _exit(CODE_INTERRUPTED);
    asked = 1;
}

/* A mapped file that becomes shorter, or whose disk fails, is noticed only when it is read. */
static void on_bus_error(int signal_number) {
    static const char words[] = "run: error: model.lw could not be read to its end: it was changed "
                                "or its disk failed; copy the bundle again\n";
    (void)signal_number;
    const ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    (void)written;
    _exit(CODE_DAMAGED);
}

static void handle(int signal_number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

void interrupt_start(void) {
    handle(SIGPIPE, SIG_IGN);
    handle(SIGBUS, on_bus_error);
}

void interrupt_take(void) {
    struct sigaction before;
    if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        handle(SIGINT, on_interrupt);
}

bool interrupt_asked(void) {
    return asked != 0;
}

void interrupt_forget(void) {
    asked = 0;
}

void interrupt_wait(int file) {
    sigset_t interrupt, before;
    struct pollfd readable = {.fd = file, .events = POLLIN};
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    if (!asked)
        ppoll(&readable, 1, NULL, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
