/* Sessions of tests, each with a workspace of exactly the size that it asks for. */
#ifndef LW_TESTS_RUNNING_H
#define LW_TESTS_RUNNING_H

#include "lutwerk/lutwerk.h"

typedef struct {
    lw_session *session;
    void *workspace;
} running;

/* Sessions of so many threads do each other's shares again at once. */
enum { IMPATIENT_THREADS = 3 };

/* A session in a workspace of garbage; ends the program when it does not start. */
running start(const lw_model *model, lw_session_options options);
void stop(running r);

#endif
