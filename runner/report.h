/* How the program ends, and what it says when something is wrong. */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

/* Exit codes; README.md explains them. The last two are the shell's for the signals. */
enum {
    CODE_DONE = 0,
    CODE_FAILED = 1,
    CODE_USAGE = 2,
    CODE_DAMAGED = 3, /* model.lw is missing, damaged, or of another version */
    CODE_MISFIT = 4,  /* this device lacks what the bundle needs: instruction set, memory */
    CODE_WRONG = 5,   /* this device computes other bits than the compiler promised */
    CODE_INTERRUPTED = 130,
    CODE_READER_GONE = 141
};

/* Print one sentence on stderr, after "run: error: ", and return `code`. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print one sentence on stderr, after "run: note: ". */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
