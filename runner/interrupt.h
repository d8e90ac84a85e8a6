/* Signals. While answers are written, the first Ctrl-C asks for an end, and the second one ends the
 * program at once. */
#ifndef RUNNER_INTERRUPT_H
#define RUNNER_INTERRUPT_H

#include <stdbool.h>

/* Take over SIGPIPE and SIGBUS. */
void interrupt_start(void);

/* Take over SIGINT, unless the program was started with it ignored. */
void interrupt_take(void);

/* Whether Ctrl-C came since the start, or since it was forgotten. */
bool interrupt_asked(void);
void interrupt_forget(void);

/* Wait until `file` can be read or Ctrl-C comes; the one that comes just before is not missed. */
void interrupt_wait(int file);

#endif
